"""Exports of a run: each computes what the run's network does, and one that does not is never written."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from test_network_code import NARROW
from typer.testing import CliRunner

from cnnlab.architectures import cards
from cnnlab.cli import app
from cnnlab.config import RunConfig
from cnnlab.datasets import loading
from cnnlab.datasets.catalogue import FASHION
from cnnlab.datasets.places import Places
from cnnlab.events import EpochDone
from cnnlab.exports import checks, packages, tables, words
from cnnlab.exports.make import SUFFIXES
from cnnlab.exports.script import Recipe, script
from cnnlab.runs.store import Store
from cnnlab.training import batches
from cnnlab.training.engine import train
from cnnlab.training.transforms import Preparation

SAMPLE = Path(loading.__file__).with_name("sample")
# Together with the architectures below: each schedule, optimiser and preparation, in some run.
RECIPES: tuple[dict[str, Any], ...] = (
    {"schedule": "step", "step_epochs": 1, "optimizer": "adam", "learning_rate": 0.003, "initialization": "kaiming"},
    {
        "schedule": "one-cycle",
        "cycle_momentum": True,
        "momentum": 0.9,
        "learning_rate": 0.05,
        "random_crop": 2,
        "horizontal_flip": True,
    },
    {
        "schedule": "cosine",
        "optimizer": "adamw",
        "learning_rate": 0.003,
        "normalization": "dataset",
        "channels": 3,
        "data_share": 0.9,
    },
    {"schedule": "warm-up", "optimizer": "rmsprop", "learning_rate": 0.001, "label_smoothing": 0.1, "validation_share": 0.2},
    {
        "momentum": 0.9,
        "nesterov": True,
        "learning_rate": 0.05,
        "normalization": "half",
        "gradient_clip": 0.5,
        "weight_decay": 0.001,
    },
)
SIZES = {"alexnet": 67, "vgg": 32, "nin": 67, "googlenet": 32, "resnet": 28, "resnet9": 20}


def images(config: RunConfig, home: Path) -> loading.ImageData:
    return loading.load(config.dataset, Places(home, None)).take(config.data_share, config.limit, config.seed)


def recipe_of(config: RunConfig, data: loading.ImageData, first: EpochDone | None = None) -> Recipe:
    trained_on, _, _ = batches.set_aside(data, config.validation_share, config.seed)
    preparation = Preparation.for_run(config, trained_on)
    return Recipe(config, tuple(data.classes), preparation, config.precision, "a0000000", first)


def printed(output: str) -> list[float]:
    """The losses and accuracies (%) of all epochs that a script has printed."""
    lines = (line for line in output.splitlines() if line.startswith("epoch"))
    return [float(number) for line in lines for number in re.findall(r"\d+\.\d+", line)]


def figures(epochs: list[EpochDone]) -> list[float]:
    """The same of the lab's events."""
    found: list[float] = []
    for done in epochs:
        pairs = [(done.train_loss, done.train_accuracy), (done.test_loss, done.test_accuracy)]
        if done.validation_loss is not None:
            pairs.insert(1, (done.validation_loss, done.validation_accuracy))
        found += [number for loss, share in pairs for number in (loss, 100 * share)]
    return found


@pytest.mark.parametrize(("number", "chosen"), list(enumerate(cards())), ids=[card.name for card in cards()])
def test_a_script_trains_as_the_run_did_to_the_printed_digit(number, chosen, tmp_path, monkeypatch, capsys):
    """Architecture by architecture with another recipe, dropout and batch norm included. It prints four digits.

    Only for narrow shortcuts the lab computes in another way, and sums in another order have other last digits.
    """
    options = NARROW[chosen.name] | {name: 0.25 for name in ("dropout",) if any(o.name == name for o in chosen.options)}
    size = SIZES.get(chosen.name, 28)
    settings = {"architecture": chosen.name, "options": options, "image_size": size, "batch_size": 32, "limit": 97}
    settings["epochs"] = 1 if chosen.name == "densenet" else 2  # 121 layers take their time
    config = RunConfig.make(**settings | {"dataset": "sample", "device": "cpu", "seed": 5} | RECIPES[number % len(RECIPES)])
    data = images(config, tmp_path)
    epochs = [event for event in train(config, data) if isinstance(event, EpochDone)]
    (tmp_path / "sample").symlink_to(SAMPLE)
    monkeypatch.chdir(tmp_path)

    with torch.random.fork_rng():
        exec(compile(script(recipe_of(config, data)), "script.py", "exec"), {"__name__": "__main__"})  # noqa: S102 - our own code

    exact = chosen.name not in ("resnet", "course-resnet")
    shown = printed(capsys.readouterr().out)
    assert shown[::2] == pytest.approx(figures(epochs)[::2], abs=0.000_11 if exact else 0.05)  # losses
    assert shown[1::2] == pytest.approx(figures(epochs)[1::2], abs=0.0051 if exact else 5)


@pytest.mark.parametrize("chosen", cards(), ids=lambda card: card.name)
def test_a_script_reaches_the_first_epoch_of_a_run_on_the_whole_sample(chosen, tmp_path, request):
    """In a process without the lab. Sums in another order may change digits: 0.02 of the loss, 2 points of accuracy."""
    if not request.config.getoption("--slow"):
        pytest.skip("takes minutes; --slow runs it")
    size = SIZES.get(chosen.name, 28)
    # A narrower ResNet computes in another way (see above), and training amplifies that: weights that begin 10⁻⁷ apart end the
    # epoch with losses of 1.74 and 1.76.
    options = NARROW[chosen.name] if chosen.name != "resnet" else {"width_divisor": 4}
    settings = {"architecture": chosen.name, "options": options, "image_size": size, "epochs": 1, "learning_rate": 0.05}
    config = RunConfig.make(**settings, dataset="sample", device="cpu")
    data = images(config, tmp_path)
    (done,) = (event for event in train(config, data) if isinstance(event, EpochDone))
    (tmp_path / "sample").symlink_to(SAMPLE)
    (tmp_path / "script.py").write_text(script(recipe_of(config, data, done)), encoding="utf-8")

    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    command = [sys.executable, "-I", "-c", "import runpy, importlib.util as u; assert u.find_spec('cnnlab') is None; "
               "runpy.run_path('script.py', run_name='__main__')"]  # fmt: skip
    output = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout

    reached = printed(output)
    assert reached[0] == pytest.approx(done.train_loss, abs=0.02)
    assert reached[3] == pytest.approx(100 * done.test_accuracy, abs=2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, str]:
    """A home with one trained run, and its id."""
    home = tmp_path_factory.mktemp("home")
    arguments = ("--dataset", "sample", "--limit", "200", "--epochs", "2", "--batch-size", "50", "--device", "cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CNNLAB_DATA", raising=False)
        result = CliRunner().invoke(app, ["train", "lenet", *arguments, "--normalization", "dataset", "--home", str(home)])
    assert result.exit_code == 0, result.stderr
    with closing(Store(home)) as store:
        (run,) = store.runs()
    return home, run.id


@pytest.fixture
def export(trained, tmp_path, monkeypatch) -> Callable[..., Any]:
    """Exports the run to a file of this test's folder."""
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    home, run = trained

    def call(kind: str, name: str, *more: str) -> Any:
        return CliRunner().invoke(app, ["export", run, "--as", kind, "--output", str(tmp_path / name), "--home", str(home), *more])

    return call


def test_a_script_is_checked_without_the_lab_and_says_so(export, tmp_path):
    result = export("script", "run.py", "--language", "zh")

    assert result.exit_code == 0, result.stderr
    assert "script: 200 of 200 predictions equal, largest difference 0; its first weights are the run's" in result.stdout
    text = (tmp_path / "run.py").read_text(encoding="utf-8")
    assert "# 图像" in text and "cnnlab" not in re.sub("cnnlab/datasets/sample", "", text)


def test_a_script_that_fails_its_check_is_not_written(export, tmp_path, monkeypatch):
    fault = ("images.float() / 255", "images.float() / 250")
    monkeypatch.setattr("cnnlab.exports.make.script", lambda *arguments: script(*arguments).replace(*fault))

    result = export("script", "run.py")

    assert result.exit_code == 1
    assert re.search(r"The script does not compute what the run's network does, .* \d+ of 200 predictions equal", result.stderr)
    assert list(tmp_path.iterdir()) == []


def test_a_script_that_begins_with_other_weights_is_not_written(export, tmp_path, monkeypatch):
    def answer(_what: str, folder: Path) -> dict[str, bool]:
        given = torch.load(folder / "given.pt", weights_only=True)
        torch.save({"first": given["weights"], "logits": None}, folder / "found.pt")  # those that it has learned
        return {"cnnlab": False}

    monkeypatch.setattr(checks, "_alone", answer)

    result = export("script", "run.py")

    assert (result.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "begins with other weights than the run did" in result.stderr


def test_weights_come_with_names_and_can_be_read_without_the_lab(export, tmp_path):
    files = pytest.importorskip("safetensors")

    result = export("safetensors", "run.safetensors")

    assert "safetensors: 200 of 200 predictions equal, largest difference 0" in result.stdout
    with files.safe_open(tmp_path / "run.safetensors", "pt") as file:
        assert "conv1.weight" in file.keys()  # noqa: SIM118 - not a mapping
        assert json.loads(file.metadata()["configuration"])["architecture"] == "lenet"


def test_onnx_answers_alike_and_its_example_runs(export, tmp_path):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    pillow = pytest.importorskip("PIL.Image")

    result = export("onnx", "run.onnx", "--with-preparation")

    assert re.search(r"ONNX Runtime: 200 of 200 predictions equal, largest difference \de-0\d; opset \d+\n", result.stdout)
    (given,) = runtime.InferenceSession(tmp_path / "run.onnx").get_inputs()
    assert (given.name, given.type) == ("images", "tensor(uint8)")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.onnx", "run.onnx.html", "run.onnx.py"]
    pillow.new("L", (28, 28)).save(tmp_path / "picture.png")
    answer = subprocess.run([sys.executable, "run.onnx.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() in FASHION
    assert all("trained on: light, on black" in (tmp_path / name).read_text("utf-8") for name in ("run.onnx.py", "run.onnx.html"))


@pytest.mark.parametrize("chosen", cards(), ids=lambda card: card.name)
def test_every_architecture_can_be_exported(chosen, tmp_path, request, monkeypatch):
    if not request.config.getoption("--slow"):
        pytest.skip("takes minutes; --slow runs it")
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    options = [part for name, value in NARROW[chosen.name].items() for part in ("--set", f"{name}={_typed(value)}")]
    size = (
        "--image-size",
        str(SIZES.get(chosen.name, 28)),
        "--limit",
        "64",
        "--epochs",
        "1",
        "--dataset",
        "sample",
        "--device",
        "cpu",
    )
    home = ("--home", str(tmp_path / "home"))
    assert CliRunner().invoke(app, ["train", chosen.name, *options, *size, *home]).exit_code == 0
    with closing(Store(tmp_path / "home")) as store:
        (run,) = store.runs()

    for kind, more in (
        ("onnx", ()),
        ("onnx", ("--with-preparation", "--force")),
        ("script", ()),
        ("safetensors", ()),
        ("card", ()),
    ):
        output = str(tmp_path / f"run{SUFFIXES[kind][0]}")
        result = CliRunner().invoke(app, ["export", run.id, "--as", kind, "--output", output, *more, *home])
        assert result.exit_code == 0, result.stderr
        assert "64 of 64" in result.stdout


def _typed(value: Any) -> str:
    """A value as one types it on the command line."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()


def test_a_notebook_has_the_parts_of_the_script(export, tmp_path):
    nbformat = pytest.importorskip("nbformat")

    result = export("notebook", "run.ipynb")

    assert "notebook: 200 of 200 predictions equal" in result.stdout
    cells = nbformat.read(tmp_path / "run.ipynb", as_version=4).cells
    headings = [cell.source for cell in cells if cell.cell_type == "markdown"][1:]
    assert sorted(headings) == sorted(f"## {one}" for one, _ in words.HEADINGS.values())
    assert cells[-1].source == "network = main()"


def test_a_notebook_runs_from_top_to_bottom(export, tmp_path, request):
    if not request.config.getoption("--slow"):
        pytest.skip("starts a kernel, half a minute; --slow runs it")
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    export("notebook", "run.ipynb")
    (tmp_path / "sample").symlink_to(SAMPLE)
    book = nbformat.read(tmp_path / "run.ipynb", as_version=4)

    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()

    assert "best epoch" in "".join(output.text for output in book.cells[-1].outputs if output.output_type == "stream")


def test_event_files_hold_each_step_once(export):
    pytest.importorskip("tensorboardX")

    assert re.search(r"TensorBoard: (\d+) of \1 points read back, no step twice", export("tensorboard", "events").stdout)


def test_a_card_says_how_good_how_certain_and_where_it_fails(export, tmp_path):
    result = export("card", "run.md")

    assert "card: 200 of 200 recorded predictions found again" in result.stdout
    text = (tmp_path / "run.md").read_text(encoding="utf-8")
    share, right, low, high = re.search(
        r"Test accuracy ([\d.]+) %: (\d+) of 200 .* between ([\d.]+) % and ([\d.]+) %", text
    ).groups()  # type: ignore[union-attr]
    assert float(share) == int(right) / 2
    assert float(low) < float(share) < float(high)
    assert re.search(r"- \d+ of \d+ test images of .+ \([\d.]+ %\) are taken for .+\.", text)
    assert len(re.findall(r"`[0-9a-f]{64}`", text)) == 4


def test_tables_and_figures_are_files_for_other_programs(export, tmp_path):
    for kind, name in (("layers", "l.tex"), ("layers", "l.md"), ("metrics", "m.csv"), ("metrics", "m.json")):
        assert export(kind, name).exit_code == 0

    assert "conv1 & Conv2d & 6 channels, 5$\\times$5" in (tmp_path / "l.tex").read_text(encoding="utf-8")
    assert "| total |  |  |  | 61,706 |" in (tmp_path / "l.md").read_text(encoding="utf-8")
    assert len(json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))["epochs"]) == 2
    assert tables.latex("a_b & 5 % {x} \\") == r"a\_b \& 5 \% \{x\} \textbackslash{}"


def test_figures_are_counted_again_where_they_are_made(export, tmp_path, monkeypatch):
    result = export("figures", "figures", "--language", "zh")

    assert re.search(r"figures: curves.svg and confusion.svg; \d+ of 200 test images right, as the run counted", result.stdout)
    names = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "figures").iterdir()}
    assert set(names) == {"curves.svg", "confusion.svg"}
    assert "准确率" in names["curves.svg"] and "行：真实类别" in names["confusion.svg"]
    monkeypatch.setattr("cnnlab.exports.figures.confusion", lambda *_: torch.eye(10, dtype=torch.long))
    refused = export("figures", "others")
    assert (refused.exit_code, (tmp_path / "others").exists()) == (1, False)
    assert "The confusion matrix counts 10 of 10 test images as right" in refused.stderr
    assert "exists; choose another name" in export("figures", "figures").stderr


def test_a_file_is_replaced_only_where_asked(export, tmp_path):
    (tmp_path / "m.json").write_text("mine", encoding="utf-8")

    refused = export("metrics", "m.json")

    assert (refused.exit_code, (tmp_path / "m.json").read_text(encoding="utf-8")) == (2, "mine")
    assert "exists; choose another name, or add --force" in refused.stderr
    assert export("metrics", "m.json", "--force").exit_code == 0
    assert "ends in .py, not 'run.txt'" in export("script", "run.txt").stderr
    assert "There is no folder" in export("script", "nowhere/run.py").stderr


def test_a_missing_package_is_named_with_its_remedy(export, monkeypatch):
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(packages, "import_module", absent)

    result = export("safetensors", "run.safetensors")

    assert result.exit_code == 2
    assert "the lab needs safetensors: type  pip install safetensors  and try again." in result.stderr


@pytest.mark.parametrize(("name", "number"), [("googlenet", 1), ("resnet", 0), ("densenet", 2), ("resnet9", 3)])
def test_a_chinese_script_explains_itself_in_chinese(name, number):
    config = RunConfig.make(
        architecture=name, options=NARROW[name], dataset="sample", image_size=64, channels=1 + 2 * (name == "resnet")
    )
    config = config.change(**{key: value for key, value in RECIPES[number].items() if key != "channels"})
    preparation = Preparation(config.channels, 64, "half", horizontal_flip=config.horizontal_flip, random_crop=config.random_crop)
    text = script(Recipe(config, ("a", "b"), preparation, "float32", "a0000000", None), "zh")

    explained = [ast.get_docstring(node) for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    comments = re.findall(r"^ *# ((?!\d)\D.*)$", text, flags=re.MULTILINE)
    for words_of in filter(None, (*explained, ast.get_docstring(ast.parse(text)))):
        assert re.search("[\u4e00-\u9fff]", words_of), words_of
    assert len(comments) > 15 and "#: " not in text
