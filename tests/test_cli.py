"""The command line: in this process, or as a program where exit codes and streams matter."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import closing
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from recorded_runs import RUNS, replay
from typer.testing import CliRunner

from cnnlab import events
from cnnlab.architectures import every_card
from cnnlab.cli import app
from cnnlab.config import RunConfig
from cnnlab.diagnosis import diagnose
from cnnlab.runs.records import Run, State
from cnnlab.runs.store import Store
from cnnlab.system.home import run_folder
from cnnlab.training import checkpoints
from tests.another_value import another_value

ROOT = Path(__file__).parent.parent
QUICK = ("lenet", "--dataset", "sample", "--limit", "200", "--epochs", "1", "--batch-size", "50", "--device", "cpu")


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Runs a command that must succeed in this test's lab, and returns its output."""
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    monkeypatch.setenv("CNNLAB_HOME", str(tmp_path))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    return run


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Runs a command that must fail with one sentence on stderr, and returns the sentence."""
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    monkeypatch.setenv("CNNLAB_HOME", str(tmp_path))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Traceback" not in result.stderr
        (sentence,) = result.stderr.strip().splitlines()
        return sentence

    return run


def recorded(home: Path) -> tuple[Run, ...]:
    """The runs in the store, read without the command line."""
    with closing(Store(home)) as store:
        return store.runs()


def program(*arguments: str, home: Path, **settings) -> subprocess.Popen:
    environment = os.environ | {"CNNLAB_HOME": str(home), "OMP_NUM_THREADS": "1"}
    environment.pop("CNNLAB_DATA", None)
    command = [sys.executable, "-m", "cnnlab", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings
    )


# Looking


def test_architectures_lists_every_card_with_its_options(call):
    listed = json.loads(call("architectures", "--json"))["architectures"]

    assert [(a["name"], a["parameters"]) for a in listed] == [(card.name, card.parameters) for card in every_card()]
    assert {"name", "type", "default", "help"} <= listed[0]["options"][0].keys()
    assert "61,706" in call("architectures")


def test_datasets_says_what_is_on_this_machine(call):
    found = {entry["name"]: entry["found"] for entry in json.loads(call("datasets", "--json"))["datasets"]}

    assert set(found) == {"sample", "fashion-mnist", "mnist", "cifar10"}
    assert found["sample"] is not None
    assert found["mnist"] is None
    assert "python -m cnnlab download mnist" in call("datasets")


def test_a_data_set_that_is_here_but_cannot_be_used_is_not_called_absent(call, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mnist.zip").touch()

    listed = call("datasets")

    (row,) = (line for line in listed.splitlines() if line.startswith("mnist "))
    assert "here, but not usable (see below)" in row
    assert "mnist.zip is an archive: unpack it" in listed


def test_layers_prints_a_table(call):
    lines = call("layers", "lenet").splitlines()

    assert "5×5, stride 1, pad 2" in lines[3]
    assert lines[3].split()[-7:] == ["156", "0.3", "%", "0", "117,600", "18,816", "5"]


def test_layers_as_json_has_rows_and_totals(call):
    table = json.loads(call("layers", "lenet", "--json"))

    assert (table["parameters"], table["macs"]) == (61_706, 416_520)
    assert [row["output_shape"] for row in table["layers"]][5:7] == [[16, 5, 5], [400]]
    assert {"path", "kind", "parameters", "buffers", "macs", "receptive_field"} <= table["layers"][0].keys()


def test_layers_takes_input_classes_options_and_depth(call):
    answer = call(
        "layers",
        "vgg",
        "--input",
        "3x64x64",
        "--classes",
        "7",
        "--set",
        "width_divisor=8",
        "--set",
        "batch_norm=yes",
        "--depth",
        "1",
        "--json",
    )

    table = json.loads(answer)
    assert (table["input_shape"], table["classes"], table["options"]["width_divisor"]) == ([3, 64, 64], 7, 8)
    assert [row["path"] for row in table["layers"]] == ["block1", "block2", "block3", "block4", "block5", "classifier"]
    assert table["layers"][-1]["output_shape"] == [7]
    assert table["buffers"] > 0


# Training


def test_a_run_is_trained_listed_and_asked_for_its_predictions(call):
    lines = [
        json.loads(line)
        for line in call("train", *QUICK, "--learning-rate", "0.1", "--set", "activation=relu", "--json").splitlines()
    ]
    (run_id,) = {line["run"] for line in lines}
    (run,) = json.loads(call("runs", "--json"))["runs"]
    answer = json.loads(call("predict", run_id, "--count", "7", "--json"))

    epoch = next(line for line in lines if line["event"] == "epoch_done")
    assert lines[0]["event"] == "run_started"
    assert lines[-1]["event"] == "run_finished"
    assert {"epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "seconds"} <= epoch.keys()
    assert (run["id"], run["state"], run["test_accuracy"]) == (run_id, "finished", epoch["test_accuracy"])
    assert (run["config"]["limit"], run["config"]["options"]["activation"]) == (200, "relu")
    assert answer["test_images"] == 200
    assert answer["accuracy"] == pytest.approx(epoch["test_accuracy"])
    assert [p["index"] for p in answer["predictions"]] == list(range(7))
    assert [p["image"] for p in answer["predictions"]] == list(range(1, 8))
    assert all(p["correct"] == (p["label"] == p["predicted"]) for p in answer["predictions"])
    assert answer["predictions"][0]["label_name"] == "Ankle boot"


def test_people_get_epochs_and_a_table_of_predictions(call):
    output = call("train", *QUICK, "--name", "my first")
    run_id = re.search(r"Run (\w+)", output)[1]
    listed, predicted = call("runs"), call("predict", run_id, "--count", "3")

    assert "epoch 1: train loss" in output
    assert f"{run_id}  Finished" in listed
    assert "my first" in listed
    rows = [line.split() for line in predicted.splitlines() if line.endswith(("✓ right", "✗ wrong"))]
    assert [row[0] for row in rows] == ["1", "2", "3"]  # as pages count images
    assert "of 200 test images right" in predicted


def test_the_command_line_says_what_the_figures_mean_in_the_sentence_of_the_page(call, tmp_path):
    output = call("train", *QUICK)

    with closing(Store(tmp_path)) as store:
        (run,) = store.runs()
        found = diagnose(run.config, (*(event for _, event in store.events(run.id)), *store.progress(run.id)))
    assert found.cause == "too few steps"
    assert output.count(found.sentence) == 1


def test_a_run_at_chance_is_advised_after_the_epoch_and_once_for_each_cause(monkeypatch):
    class Played:
        """A store with the events so far."""

        run = staticmethod(lambda run_id: SimpleNamespace(config=settings))
        events = staticmethod(lambda run_id: enumerate(record))
        progress = staticmethod(lambda run_id: ())

    train = import_module("cnnlab.cli.train")  # the package has the command under this name
    settings, moments = replay(RUNS["flat_lenet_sigmoid_01_256"])
    monkeypatch.setattr(train, "ADVICE_SECONDS", 0.0)
    advice, given = train._Advice(Played(), "a"), []

    for _, record in moments:
        if sentence := advice.after(record[-1]):
            given.append((type(record[-1]).__name__, sentence))

    assert [kind for kind, _ in given] == ["EpochDone", "RunFinished"]
    assert all("still guesses" in sentence for _, sentence in given)


def test_predictions_are_those_of_the_best_epoch(call, tmp_path):
    output = call("train", *QUICK, "--epochs", "2")
    folder = run_folder(tmp_path, re.search(r"Run (\w+)", output)[1])
    for last in folder.glob("last*.pt"):  # were these weights asked for, there would be none
        last.unlink()
    best = checkpoints.load(folder / checkpoints.BEST)

    answer = json.loads(call("predict", folder.name, "--count", "5", "--json"))

    assert [p["predicted"] for p in answer["predictions"]] == best["test_predicted"][:5].tolist()
    assert answer["epoch"] == best["epoch"]


@pytest.fixture
def configured(call, tmp_path, monkeypatch):
    """The configuration that `train` builds from its arguments, without the training."""

    def finish(store, run_id, on_event):
        store.add(run_id, events.RunStarted("cpu", "CPU", 1, 1, 1, 1, 1, 10), to=State.RUNNING)
        store.add(run_id, events.RunFinished(1, 1.0, 1.0, 1.0, 1, 1.0), to=State.FINISHED)

    def configure(*arguments: str) -> RunConfig:
        monkeypatch.setattr("cnnlab.workers.runner.execute", finish)
        call("train", *arguments)
        return recorded(tmp_path)[0].config

    return configure


def test_every_setting_of_a_run_is_an_option_of_train(configured):
    settings = {name: another_value(name) for name in RunConfig.model_fields if name not in {"architecture", "options", "dataset"}}
    settings["optimizer"] = "sgd"  # Nesterov momentum needs it
    flags = {name: f"--{name.replace('_', '-')}" for name in settings}
    arguments = [
        part for name, value in settings.items() for part in ([flags[name]] if value is True else [flags[name], str(value)])
    ]

    config = configured("lenet", "--dataset", "sample", *arguments)

    assert {name: getattr(config, name) for name in settings} == settings


def test_a_preset_is_the_base_and_options_change_it(configured):
    config = configured("lenet", "--preset", "lenet-sample", "--epochs", "3", "--set", "pooling=average")

    assert (config.dataset, config.batch_size, config.momentum) == ("sample", 64, 0.9)
    assert config.epochs == 3
    assert (config.options["activation"], config.options["pooling"]) == ("relu", "average")


def test_a_preset_can_train_another_architecture(configured):
    config = configured("mlp", "--preset", "lenet-sample")

    assert (config.architecture, config.batch_size) == ("mlp", 64)
    assert "pooling" not in config.options


def test_a_run_that_fails_says_why_and_stands_in_the_store(tmp_path, refused, monkeypatch):
    def fail(store, run_id, on_event):
        store.add(
            run_id,
            events.RunFailed("not-finite", 1, "The loss became infinite."),
            to=State.FAILED,
            message="The loss became infinite.",
        )

    monkeypatch.setattr("cnnlab.workers.runner.execute", fail)

    result = CliRunner().invoke(app, ["train", *QUICK, "--json"])

    assert (result.exit_code, result.stderr) == (2, "The loss became infinite.\n")
    assert recorded(tmp_path)[0].state is State.FAILED


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT as Ctrl-C does on POSIX")
def test_ctrl_c_ends_the_run_in_order(tmp_path):
    with program("train", "lenet", "--dataset", "sample", "--epochs", "10000", "--json", home=tmp_path) as training:
        first = json.loads(training.stdout.readline())
        training.send_signal(signal.SIGINT)
        output, errors = training.communicate(timeout=300)

    assert first["event"] == "run_started"
    assert training.returncode == 130
    assert json.loads(output.splitlines()[-1])["event"] == "run_stopped"
    assert errors == ""
    assert [(run.id, run.state) for run in recorded(tmp_path)] == [(first["run"], State.STOPPED)]


# Errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["laers"], "Did you mean 'layers'"),
        (["layers"], "NAME"),
        (["layers", "lenett"], "choose one of"),
        (["layers", "lenet", "--bogus"], "No such option"),
        (["layers", "lenet", "--input", "28x28"], "channels x height x width"),
        (["layers", "lenet", "--input", "1x0x28"], "height"),
        (["layers", "lenet", "--input", "999999x28x28"], "999999"),
        (["layers", "alexnet", "--input", "1x28x28"], "at least 67×67"),
        (["layers", "lenet", "--classes", "0"], "classes"),
        (["layers", "lenet", "--depth", "0"], "depth must be 1 or more"),
        (["layers", "lenet", "--set", "batch_norm"], "option=value"),
        (["layers", "lenet", "--set", "batch_norm=maybe"], "true or false"),
        (["layers", "lenet", "--set", "colour=red"], "has no option 'colour'"),
        (["train", "lenet"], "--dataset"),
        (["train", "lenet", "--dataset", "imagenet"], "There is no data set 'imagenet'"),
        (["train", "lenet", "--preset", "best"], "There is no recipe 'best'"),
        (["train", "lenet", "--dataset", "sample", "--learning-rate", "-1"], "learning_rate"),
        (["train", "lenet", "--dataset", "sample", "--learning-rate", "nan"], "learning_rate"),
        (["train", "lenet", "--dataset", "sample", "--epochs", "many"], "epochs"),
        (["train", "lenet", "--dataset", "sample", "--optimizer", "magic"], "optimizer"),
        (["train", "lenet", "--dataset", "sample", "--device", "cuda:77"], "cuda:77"),
        (["train", "alexnet", "--dataset", "sample", "--image-size", "28"], "at least 67×67"),
        (["train", "lenet", "--dataset", "mnist"], "MNIST is not on this machine"),
        (["predict", "nobody"], "There is no run 'nobody'"),
        (["predict", "../../etc"], "There is no run"),
        (["predict", "\udcff"], "There is no run '?'"),
        (["runs", "--count", "0"], "--count"),
        (["runs", "--count", "9" * 30], "--count"),
        (["download", "sample2"], "There is no data set"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_is_one_sentence_on_stderr(refused, tmp_path, arguments, words):
    assert words in refused(*arguments)
    assert not (tmp_path / "runs").exists()


def test_a_run_without_a_checkpoint_has_no_predictions(refused, tmp_path):
    store = Store(tmp_path)
    run_id = store.create(RunConfig.make(), token="once")
    store.close()

    assert "no checkpoint" in refused("predict", run_id)


def test_a_home_that_cannot_be_a_folder_is_an_error(refused, tmp_path):
    (tmp_path / "file").write_text("")

    assert "home" in refused("runs", "--home", str(tmp_path / "file"))


def test_as_a_program_an_error_is_one_sentence_too(tmp_path):
    with program("train", "lenet", "--dataset", "sample", "--epochs", "0", home=tmp_path) as failed:
        output, errors = failed.communicate(timeout=300)

    assert (failed.returncode, output) == (2, "")
    assert errors == "epochs must be a whole number from 1 to 10,000, not 0.\n"


def test_a_terminal_without_our_signs_gets_question_marks(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "cp1251")  # Cyrillic Windows
    with program("layers", "lenet", home=tmp_path) as printing:
        output, errors = printing.communicate(timeout=300)

    assert (printing.returncode, errors) == (0, "")
    assert output.startswith("lenet: 1?28?28")


def test_a_run_cannot_steer_the_terminal_by_its_name(call, tmp_path):
    with closing(Store(tmp_path)) as store:
        store.create(RunConfig.make(), token="once", name="\x1b[2Jhello\nthere")

    assert call("runs").splitlines()[1].endswith(" [2Jhello there")


def test_listing_needs_no_torch(tmp_path):
    code = "import sys; from cnnlab.cli import app; sys.argv[1:] = {}\ntry: app()\nfinally: assert 'torch' not in sys.modules"
    for arguments in (["--help"], ["train", "--help"], ["architectures"], ["datasets"], ["runs"]):
        result = subprocess.run(
            [sys.executable, "-c", code.format(arguments)],
            check=False,
            cwd=ROOT,
            env=os.environ | {"CNNLAB_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert (result.returncode, result.stderr) == (0, "")
