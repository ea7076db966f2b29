"""`train --config FILE` reads the Runs page's JSON, applies other options, and refuses a wrong file with a sentence."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from typer.testing import CliRunner

from cnnlab import events
from cnnlab.cli import app
from cnnlab.config import RunConfig
from cnnlab.config_rules import MAXIMUM_JSON
from cnnlab.presets import preset
from cnnlab.reports.exports import configurations_json
from cnnlab.runs.records import State
from cnnlab.runs.store import Store

UNUSUAL = RunConfig.make(
    **{"architecture": "mlp", "options": {"hidden": [8, 4]}, "limit": 20, "batch_size": 10, "epochs": 1, "device": "cpu"},
    **{"learning_rate": 0.025, "optimizer": "adam", "normalization": "half", "gradient_clip": 1.5, "seed": 7, "channels": 3},
)


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Runs `train` in this test's lab; it trains only with `really=True`."""
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    execute = "cnnlab.workers.runner.execute"

    def finish(store, run_id, on_event):
        store.add(run_id, events.RunStarted("cpu", "CPU", 1, 1, 1, 1, 1, 10), to=State.RUNNING)
        store.add(run_id, events.RunFinished(1, 1.0, 1.0, 1.0, 1, 1.0), to=State.FINISHED)

    def run(*arguments: str, really: bool = False, typed: str | bytes | None = None):
        if not really:
            monkeypatch.setattr(execute, finish)
        return CliRunner().invoke(app, ["train", *arguments, "--home", str(tmp_path / "home")], input=typed)

    return run


@pytest.fixture
def trained(train, tmp_path):
    """The run that `train` creates from these arguments."""

    def run(*arguments: str, **how):
        result = train(*arguments, **how)
        assert result.exit_code == 0, result.stderr
        with closing(Store(tmp_path / "home")) as store:
            return store.runs()[0]

    return run


@pytest.fixture
def saved(tmp_path):
    def write(content: str | bytes) -> str:
        file = tmp_path / "run.json"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(file)

    return write


def test_what_the_runs_page_saves_is_trained_again(trained, saved):
    exported = trained("--config", saved(UNUSUAL.to_json()), really=True)

    again = trained("--config", saved(configurations_json([exported])), really=True)

    assert again.id != exported.id
    assert again.config == exported.config == UNUSUAL
    assert again.test_accuracy == exported.test_accuracy
    assert again.train_loss == exported.train_loss


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "with a byte order mark"])
def test_a_configuration_comes_through_a_pipe(trained, mark):
    assert trained("--config", "-", typed=mark + UNUSUAL.to_json()).config == UNUSUAL


def test_every_other_option_changes_what_the_file_says(trained, saved):
    file = saved(UNUSUAL.to_json())

    config = trained("--config", file, "--epochs", "3", "--dataset", "sample", "--set", "hidden=16", "--no-nesterov").config

    assert config == UNUSUAL.change(epochs=3, options=UNUSUAL.options | {"hidden": [16]})


@pytest.mark.parametrize("start", ["--config", "--recipe", "--preset"])
def test_a_name_is_not_needed_and_changes_the_architecture_where_it_is_given(trained, saved, start):
    source = saved(UNUSUAL.to_json()) if start == "--config" else "lenet-sample"
    base = UNUSUAL if start == "--config" else preset("lenet-sample").config()

    assert trained(start, source).config == base
    assert trained(base.architecture, start, source).config == base
    assert trained("nin", start, source, "--image-size", "96").config == base.change(architecture="nin", image_size=96)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "cannot be used: This is not valid JSON: Expecting value"),
        ("epochs = 3", "cannot be used: This is not valid JSON"),
        (b"\xff\xfe{\x00}\x00", "is not text in UTF-8: save it in this encoding and try again."),
        (b'{"device": "\xe9"}', "is not text in UTF-8: save it in this encoding and try again."),
        ("[" * 90_000, "is a list, as the Runs page saves several runs together: save one run alone."),
        ("{" * 9_000, "cannot be used: "),
        ('"lenet"', "cannot be used: A configuration is a set of named settings."),
        ('{"epochs": 0}', "cannot be used: epochs must be a whole number from 1 to 10,000, not 0."),
        ('{"epoch": 3}', "cannot be used: There is no setting 'epoch'; did you mean epochs?"),
        ('{"epochs": 1, "epochs": 2}', "cannot be used: The setting 'epochs' is given twice."),
        ('{"architecture": "lenett"}', "cannot be used: There is no architecture 'lenett'; choose one of"),
        (" " * (MAXIMUM_JSON + 1), "is longer than 100,000 bytes; one run's takes about 1,000."),
    ],
    ids=lambda value: repr(value[:12]),
)
def test_a_file_that_is_no_configuration_is_a_sentence(train, saved, tmp_path, content, sentence):
    for result, name in (
        (train("--config", saved(content)), f"'{tmp_path / 'run.json'}'"[:70]),
        (train("--config", "-", typed=content), "on standard input"),
    ):
        assert (result.exit_code, result.stdout) == (2, "")
        (message,) = result.stderr.strip().splitlines()
        assert message.startswith(f"The configuration {name}")
        assert sentence in message
    assert not (tmp_path / "home").exists(), "a typing error leaves nothing behind"


def test_several_runs_saved_together_are_not_guessed_at(train, trained, saved):
    first = trained("--config", saved(UNUSUAL.to_json()))
    second = trained("--config", saved(UNUSUAL.to_json()))
    assert "is a list, as the Runs page saves several runs" in train("--config", saved(configurations_json([first, second]))).stderr


def test_endless_input_is_not_read_to_its_end(train):
    assert "is longer than 100,000 bytes" in train("--config", "/dev/zero").stderr


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (
            "nowhere.json",
            "There is no file 'nowhere.json': --config takes a file that the Runs page saved, or - for standard input.",
        ),
        (".", "The configuration '.' cannot be read (it is a folder): --config takes a file that the Runs page saved, or"),
        ("a\0b", "The configuration 'a�b' cannot be read (not a file name)"),
        ("x" * 5_000, "cannot be read (File name too long)"),
        ("\udcff", "There is no file '�'"),
    ],
    ids=["missing", "folder", "zero byte", "too long", "not UTF-8"],
)
def test_a_file_that_cannot_be_read_is_a_sentence(train, file, sentence):
    result = train("--config", file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "train needs NAME, such as lenet, or else --config or --recipe."),
        (("--dataset", "sample"), "train needs NAME, such as lenet, or else --config or --recipe."),
        (("lenet",), "train needs --dataset, such as --dataset sample, or else --config or --recipe."),
        (("--config", "x.json", "--preset", "lenet-sample"), "--config and --recipe both name a start: give only one of them."),
    ],
)
def test_what_to_train_must_be_said_once(train, arguments, sentence):
    result = train(*arguments)
    assert (result.exit_code, result.stderr.strip()) == (2, sentence)


def test_a_slip_on_the_command_line_is_not_blamed_on_the_file(train, saved):
    result = train("--config", saved(UNUSUAL.to_json()), "--epochs", "0")
    assert result.stderr.strip() == "epochs must be a whole number from 1 to 10,000, not 0."


def test_the_settings_that_runs_lists_are_a_configuration(trained, saved, tmp_path):
    trained("--config", saved(UNUSUAL.to_json()))
    listed = CliRunner().invoke(app, ["runs", "--json", "--home", str(tmp_path / "home")]).stdout
    assert trained("--config", "-", typed=json.dumps(json.loads(listed)["runs"][0]["config"])).config == UNUSUAL
