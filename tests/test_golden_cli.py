"""What the command line prints and refuses, kept whole, as texts: its help, lists, a training, changes of runs, and errors."""

from __future__ import annotations

import errno
import json
import re
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from math import inf, nan

import pytest
import torch
import typer
from data_files import write_pictures, write_tiny
from golden_text import check, same_every_time
from typer.testing import CliRunner

from cnnlab import events
from cnnlab.cli import app
from cnnlab.cli.commands import print_json
from cnnlab.compute import helper
from cnnlab.config import RunConfig
from cnnlab.datasets.places import Places
from cnnlab.events import CheckpointSaved, EpochDone, Notice, Progress, RunFailed, RunFinished, RunPaused, RunStarted
from cnnlab.layers.trace import layer_table
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.system import background, processes, room
from cnnlab.system.home import PACKAGE, run_folder
from cnnlab.training import checkpoints
from cnnlab.training.costs import DeviceSpeed
from cnnlab.workers import runner

TINY = RunConfig.make(limit=40, batch_size=20, epochs=3, device="cpu", options={"activation": "relu"})
STARTED = RunStarted("cpu", "CPU, 2 cores", 61_706, 4_800, 1_000, 240, 3, 10)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home that starts no process: the helper answers here."""
    same_every_time(monkeypatch)
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    monkeypatch.delenv("CNNLAB_LIMITS", raising=False)
    monkeypatch.setenv("CNNLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(helper.Helper, "ask", lambda self, question, **_: DeviceSpeed("cpu", None, None, "unknown", None))
    monkeypatch.setattr(helper.Helper, "layers", lambda self, *network: layer_table(*network))
    monkeypatch.setattr(background, "ensure", lambda home: None)
    return tmp_path / "home"


@pytest.fixture
def printed(tmp_path):
    """Calls the program; the command line, the exit code where it is not 0, and what it printed, with folders in words."""

    def call(*arguments: str, typed: str | None = None) -> str:
        result = CliRunner().invoke(app, list(arguments), input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        code = f" → {result.exit_code}" if result.exit_code else ""
        errors = "".join(f"error: {line}\n" for line in result.stderr.splitlines())
        text = f"$ cnnlab {' '.join(arguments)}{code}\n{result.stdout}{errors}\n"
        return text.replace(str(tmp_path), "HERE").replace(str(PACKAGE.parent), "PROGRAM")

    return call


def test_commands_and_their_options(regenerate_golden):
    command = typer.main.get_command(app)
    lines = [str(command.help)]
    for name, each in command.commands.items():
        lines.append(f"{name}: {each.help}")
        for option in each.params:
            usual = "" if callable(option.default) or option.default is None else f", usually {option.default!r}"
            spelt = "/".join((*option.opts, *option.secondary_opts))
            shown = f"{spelt} {option.metavar or ''}".rstrip() + usual + (", required" if option.required else "")
            lines.append(f"  {shown}: {getattr(option, 'help', '')}")

    check("cli/help", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_architectures_and_layers(printed, home, regenerate_golden):
    lines = printed("architectures") + printed("layers", "mlp", "--set", "hidden=64,32")
    lines += printed("layers", "vgg", "--input", "3x64×64", "--classes", "7", "--set", "width_divisor=8", "--depth", "1")
    lines += printed("layers", "lenet", "--set", "batch_norm=yes", "--set", " activation=relu", "--depth", "1", "--json")
    (described,) = json.loads(CliRunner().invoke(app, ["architectures", "--json"]).stdout)["architectures"][1:2]
    lines += json.dumps(described, indent=1, ensure_ascii=False) + "\n"

    check("cli/layers", lines, regenerate=regenerate_golden)


def test_data_sets(printed, home, tmp_path, monkeypatch, regenerate_golden):
    lines = printed("datasets") + printed("datasets", "--json")
    write_tiny(tmp_path / "data" / "MNIST" / "raw")
    write_pictures(tmp_path / "data" / "cifar10", train=2, test=1)
    (tmp_path / "home" / "data").mkdir(parents=True)
    (tmp_path / "home" / "data" / "fashion-mnist.zip").touch()
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "data"))
    lines += printed("datasets") + printed("datasets", "--json")
    lines += printed("train", "lenet", "--dataset", "fashion-mnist", "--plain") + printed("download", "sample")

    check("cli/datasets", lines, regenerate=regenerate_golden)


def test_a_number_that_json_does_not_have_is_null(capsys):
    print_json({"a": [inf, (nan, 1.5)], "b": {"c": -inf, "d": None}})

    assert capsys.readouterr().out == '{"a": [null, [null, 1.5]], "b": {"c": null, "d": null}}\n'


def test_downloads(printed, home, monkeypatch, regenerate_golden):
    places = Places(home)

    def fetch(entry, _, progress):
        progress(5, 10)
        return places.own / entry.name

    monkeypatch.setattr("cnnlab.datasets.download.fetch", fetch)
    lines = printed("download", "sample") + printed("download", "cifar10", "--json")
    lines += printed("download", "mnist").splitlines(keepends=True)[-2]

    check("cli/download", lines, regenerate=regenerate_golden)


def epoch(number: int, *, kept: bool = False) -> EpochDone:
    validation = (1.25 / number, 0.33 + number % 3 / 10) if kept else ()
    accuracies = (round(each, 4) for each in (2.0 / number, 0.25 + number / 16, 1.75 / number, 0.9 - 0.1 * abs(2 - number)))
    return EpochDone(number, 240 * number, *accuracies, 0.05, 61.4 + number, 1.0, 50.0, 4.0, *validation)


def progress(number: int, batch: int) -> Progress:
    share = (240 * (number - 1) + batch) / 720
    return Progress(number, batch, 240, 240 * (number - 1) + batch, 1.2345, 0.4567, 12_345.6, 0.05, share, 70.0 * share, 3_725.0)


def run_in(store: Store, state: State, number: int, **details: str) -> str:
    """A run in this state, with as many finished epochs as its number."""
    config = TINY.change(
        epochs=12, seed=number, **({"architecture": "mlp", "options": {}, "dataset": "mnist"} if number == 2 else {})
    )
    run_id = store.create(config, f"token {number}", **details)
    if state is State.QUEUED:
        return run_id
    store.transition(run_id, State.STARTING, device="cpu", process=processes.current())
    if state is State.STARTING:
        return run_id
    store.add(run_id, STARTED, to=State.RUNNING)
    for done in range(1, number + 1):
        store.add(run_id, progress(done, 200))
        store.add(run_id, replace(epoch(done), test_accuracy=round(0.4 + 0.05 * done - 0.2 * (done == number), 2)))
    for step in {State.PAUSED: (State.PAUSING, state), State.STOPPED: (State.STOPPING, state), State.RUNNING: ()}.get(
        state, (state,)
    ):
        store.transition(run_id, step, **({"message": "The loss became infinite."} if step is State.FAILED else {}))
    return run_id


def filled(home) -> dict[State, str]:
    owners = ("Ana", "Ben", "")
    with closing(Store(home)) as store:
        return {
            state: run_in(store, state, number, name=f"run\t{number}", owner=owners[number % 3])
            for number, state in enumerate(State)
        }


def test_lists_of_runs(printed, home, monkeypatch, regenerate_golden):
    lines = printed("runs") + printed("runs", "--json")
    filled(home)
    run_folder(home, "abcdef01").mkdir(parents=True)
    (run_folder(home, "abcdef01") / "last.pt").touch()
    lines += printed("runs") + printed("runs", "--count", "2", "--json")
    with closing(sqlite3.connect(home / "lab.sqlite")) as record, record:
        record.execute("UPDATE runs SET config = '[]' WHERE id = '00000009'")
    monkeypatch.setattr(room, "free", lambda folder: 4_200_000)
    lines += printed("runs", "--count", "3")

    check("cli/runs", lines, regenerate=regenerate_golden)


def test_changes_of_runs(printed, home, regenerate_golden):
    runs = filled(home)
    folder = run_folder(home, runs[State.FINISHED])
    folder.mkdir(parents=True)
    (folder / "last.pt").write_bytes(b"x" * 12_345)
    calls = [
        *(
            ("pause", State.QUEUED),
            ("pause", State.RUNNING),
            ("pause", State.FAILED),
            ("stop", State.STARTING),
            ("stop", State.PAUSED),
        ),
        *(("stop", State.FINISHED), ("resume", State.INTERRUPTED), ("resume", State.STOPPED), ("resume", State.FINISHED)),
        *(("extend", State.FINISHED), ("delete", State.RUNNING)),
    ]
    lines = "".join(printed(command, runs[state], *(["4"] if command == "extend" else [])) for command, state in calls)
    lines += printed("extend", runs[State.STOPPED], "0") + printed("extend", runs[State.STOPPED], "10000")
    lines += printed("stop", runs[State.FINISHED])
    lines += printed("delete", runs[State.FINISHED], typed="n\n") + printed("delete", runs[State.FINISHED], typed="y\n")
    lines += printed("delete", runs[State.FAILED], "--yes") + printed("delete", runs[State.FAILED], "--yes") + printed("runs")

    check("cli/changes", lines, regenerate=regenerate_golden)


def test_predictions(printed, home, regenerate_golden):
    with closing(Store(home)) as store:
        run_id = run_in(store, State.STOPPED, 5, name="a run")
    predicted = torch.tensor([9, 2, 1, 1, 0, 1, 4, 6, 5, 7])
    content = dict.fromkeys(checkpoints._KEYS) | {"format": checkpoints.FORMAT, "epoch": 4, "test_predicted": predicted}
    checkpoints.save(content | {"test_confidence": torch.linspace(0.125, 0.9875, 10)}, run_folder(home, run_id) / checkpoints.BEST)

    lines = (
        printed("predict", run_id)
        + printed("predict", run_id, "--count", "3")
        + printed("predict", run_id, "--count", "2", "--json")
    )

    check("cli/predict", lines, regenerate=regenerate_golden)


@pytest.fixture
def trains(monkeypatch):
    """Has the engine yield these events instead of training; an error is raised, and what can be called changes the run."""
    execute = runner.execute

    def play(*made: events.Event | Exception | Callable[[Store, str], object]) -> None:
        def engine(store, run_id):
            for each in made:
                if isinstance(each, Exception):
                    raise each
                if callable(each):
                    each(store, run_id)
                else:
                    yield each

        def played(store, run_id, on_event):
            return execute(store, run_id, on_event, train=lambda config, folder: engine(store, run_id))

        monkeypatch.setattr("cnnlab.workers.runner.execute", played)

    return play


def without_bar(text: str) -> str:
    """The progress bar that rich draws as one sign, and what stands beside it."""
    return re.sub(
        r"^(done|starting|epoch \d+) +[━╸╺ ].*$",
        lambda line: re.sub(r"[ ━╸╺]{2,}", " ━ ", line[0]).rstrip(" ━"),
        text,
        flags=re.MULTILINE,
    )


BOTH = replace(STARTED, validation_images=1_200)
PRECISION = Notice("precision", 2, "It goes on in bfloat16.")
PLAYED = {
    "whole": (STARTED, progress(1, 120), epoch(1), PRECISION, epoch(2), epoch(3), RunFinished(3, 190.2, 0.625, 0.8, 2, 0.9)),
    "validation": (
        *(BOTH, epoch(1, kept=True), CheckpointSaved("last", 1, 0.8), epoch(2, kept=True), epoch(3, kept=True)),
        RunFinished(3, 5_400.0, 0.5, 0.8, 2, 0.9, 0.53),
    ),
    "Ctrl-C": (STARTED, epoch(1), lambda *_: signal.raise_signal(signal.SIGINT), progress(2, 60), epoch(2)),
    "stopped": (STARTED, epoch(1), epoch(2), Store.stop, epoch(3)),
    "paused": (STARTED, epoch(1), Store.pause, RunPaused(2, 250, 130.0)),
    "full": (STARTED, epoch(1), OSError(errno.ENOSPC, "No space left on device")),
    "broken": (STARTED, epoch(1), ValueError("what nobody expected")),
    "failed": (STARTED, progress(1, 30), RunFailed("not-finite", 1, "The loss became infinite in epoch 1.")),
}


def test_trainings(printed, home, trains, monkeypatch, regenerate_golden):
    monkeypatch.setenv("COLUMNS", "200")
    lines = ""
    for name, made in PLAYED.items():
        trains(*made)
        lines += printed("train", "lenet", "--dataset", "sample", "--device", "cpu", "--limit", "50", "--name", name)
    trains(*PLAYED["validation"])
    lines += printed("train", "--recipe", "lenet-sample", "--device", "cpu", "--owner", " Ana ", "--json")

    check("cli/train", without_bar(lines), regenerate=regenerate_golden)


def test_queued_trainings_and_where_their_settings_are_from(printed, home, tmp_path, regenerate_golden):
    saved = tmp_path / "saved.json"
    saved.write_text(TINY.change(epochs=6).to_json())
    calls = [
        ("lenet", "--dataset", "sample", "--owner", "Ana", "--name", "own name"),
        ("mlp", "--dataset", "sample", "--plain", "--epochs", "2", "--json"),
        ("--recipe", "lenet-sample", "--seed", "5", "--set", "dropout=0.5"),
        ("nin", "--preset", "lenet-sample", "--image-size", "96", "--json"),
        ("--config", str(saved), "--epochs", "8", "--learning-rate", "1e-3"),
        ("vgg", "--dataset", "sample", "--image-size", "64", "--channels", "3", "--set", "depth=13"),
    ]
    lines = "".join(printed("train", *call, "--queue") for call in calls)
    with closing(Store(home)) as store:
        usual = RunConfig.make().model_dump()
        for run in store.queue():
            changed = {name: value for name, value in run.config.model_dump().items() if usual[name] != value}
            lines += f"{run.position} {run.name} of {run.owner or 'anyone'}: {changed}\n"

    check("cli/queue", lines, regenerate=regenerate_golden)


TRAIN = "train lenet --dataset sample"
REFUSED = (
    *("layers lenett", "layers lenet --input 28x28", "layers lenet --input 1x0x28", "layers lenet --input 1x2x3x4"),
    *("layers lenet --input 1234567x28x28", "layers alexnet --input 1x28x28", "layers lenet --classes 0", "layers lenet --depth 0"),
    *("layers lenet --set batch_norm", "layers lenet --set batch_norm=maybe", "layers lenet --set colour=red"),
    *("layers lenet --set dropout=1", "train", "train lenet", "train --dataset sample", "train lenet --dataset imagenet"),
    *("train --recipe best", "train --config x --recipe y", "train --config nowhere.json", "train --config ."),
    *(f"{TRAIN} --learning-rate -1", f"{TRAIN} --epochs 1.5", f"{TRAIN} --epochs 1e2 --seed x", f"{TRAIN} --nesterov"),
    *("train alexnet --dataset sample --image-size 28", "train lenet --dataset mnist --plain", "predict nobody"),
    *("predict ../../etc", "predict abcdef01", "download sample2", "pause abcdef01", "resume nobody", "delete abcdef01 --yes"),
)


def test_errors(printed, home, regenerate_golden):
    lines = "".join(printed(*line.split()) for line in REFUSED)

    check("cli/errors", lines, regenerate=regenerate_golden)
