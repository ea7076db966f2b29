"""Exact resume: on the CPU an interrupted run ends bit for bit like an uninterrupted one, for every moment and all settings."""

import itertools
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from quadrants import quadrants, settings
from threads import threads

from cnnlab import events
from cnnlab.errors import CheckpointError
from cnnlab.events import CheckpointSaved, EpochDone, Progress, RunFinished, RunPaused, RunResumed, RunStarted
from cnnlab.training import checkpoints
from cnnlab.training.engine import train
from cnnlab.training.progress import Meter
from cnnlab.training.session import Session

TIMINGS = {"seconds", "seconds_left", "images_per_second", "load_seconds", "compute_seconds", "evaluation_seconds", "times"}
CONVOLUTIONAL = {"architecture": "lenet", "options": {"activation": "relu", "batch_norm": True, "dropout": 0.4}}
RECIPES = {
    "sgd": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.001},
    "adam and cosine, augmented": {
        **CONVOLUTIONAL,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "schedule": "cosine",
        "horizontal_flip": True,
        "random_crop": 2,
    },
    "adamw and one-cycle, dropout": {**CONVOLUTIONAL, "optimizer": "adamw", "learning_rate": 0.01, "schedule": "one-cycle"},
    "one-cycle with momentum, validation and patience": {
        "schedule": "one-cycle",
        "cycle_momentum": True,
        "validation_share": 0.3,
        "patience": 2,
    },
    "rmsprop and warm-up": {
        **CONVOLUTIONAL,
        "optimizer": "rmsprop",
        "learning_rate": 0.002,
        "momentum": 0.5,
        "schedule": "warm-up",
        "warmup_epochs": 2,
    },
    "steps, clipping, smoothing, bfloat16": {
        "schedule": "step",
        "step_epochs": 1,
        "gradient_clip": 0.5,
        "label_smoothing": 0.1,
        "precision": "bfloat16",
    },
}


def test_the_time_left_of_a_resumed_run_counts_what_this_process_has_done_alone(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr("cnnlab.training.progress.clock", SimpleNamespace(seconds=lambda: next(clock)))
    session = Session(settings(epochs=4), quadrants())
    session.epoch, session.history = 2, [EpochDone(n, 6 * n, *(1.0,) * 9) for n in (1, 2)]  # half of it is done
    meter = Meter(session, every=1.0)

    elapsed = next(clock) + 1
    assert meter._seconds_left(0.75) == pytest.approx(elapsed)  # a quarter took as long as the other quarter will
    assert meter._seconds_left(1.0) == 0.0


def same(first, second):
    """Equal bit for bit, tensors included; timings are ignored."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first if key not in TIMINGS)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


def untimed(emitted, kind=EpochDone):
    records = [events.to_dict(event) for event in emitted if isinstance(event, kind)]
    return [{key: value for key, value in record.items() if key not in TIMINGS} for record in records]


def undisturbed(config, folder):
    return list(train(config, quadrants(), folder=folder, progress_every=0))


def disturbed(config, folder, moments, **how):
    """Trains in `folder` to the end, with a pause after each number of events in `moments`."""
    emitted = []
    for moment in [*moments, None]:
        latest = checkpoints.load_latest(folder)
        torch.manual_seed(len(emitted))  # a new process starts with other random numbers
        segment = []
        stream = train(
            config,
            quadrants(),
            folder=folder,
            progress_every=0,
            resume=latest and latest[1],
            pausing=lambda segment=segment, moment=moment: moment is not None and len(segment) >= moment,
            **how,
        )
        for event in stream:
            segment.append(event)
        emitted += segment
    return emitted


def test_a_run_on_two_threads_that_was_paused_ends_the_same_to_the_bit(tmp_path):
    with threads(2):  # their number decides the order of sums
        test_a_run_that_was_paused_ends_the_same_to_the_bit(tmp_path, "adam and cosine, augmented", (9, 1, 4))


@pytest.mark.parametrize("moments", [(2,), (9, 1, 4)], ids=str)
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_run_that_was_paused_ends_the_same_to_the_bit(tmp_path, recipe, moments):
    config = settings(epochs=3, **RECIPES[recipe])
    whole = undisturbed(config, tmp_path / "whole")

    emitted = disturbed(config, tmp_path / "paused", moments)

    assert len([event for event in emitted if isinstance(event, RunPaused)]) == len(moments)
    assert untimed(emitted) == untimed(whole)
    assert emitted[-1].best_epoch == whole[-1].best_epoch
    for name in ("last.pt", "best.pt"):
        assert same(checkpoints.load(tmp_path / "whole" / name), checkpoints.load(tmp_path / "paused" / name))


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_run_that_ended_after_any_event_ends_the_same_to_the_bit(tmp_path, recipe):
    config = settings(epochs=2, **RECIPES[recipe])
    whole = undisturbed(config, tmp_path / "whole")

    for moment in range(2, len(whole), 9):
        folder = tmp_path / str(moment)
        stream = train(config, quadrants(), folder=folder, progress_every=0, checkpoint_every=0)
        list(islice(stream, moment))
        stream.close()
        emitted = disturbed(config, folder, ())
        assert isinstance(emitted[-1], RunFinished)
        assert same(checkpoints.load(tmp_path / "whole" / "last.pt"), checkpoints.load(folder / "last.pt"))


def test_the_progress_of_a_paused_run_has_no_gap_and_no_repeat(tmp_path):
    config = settings(epochs=2)
    whole = undisturbed(config, None)

    emitted = disturbed(config, tmp_path, (3, 6, 2))

    training = [event for event in emitted if isinstance(event, Progress) and event.phase == "training"]
    assert [event.step for event in training] == list(range(1, 13))
    assert untimed(training, Progress) == [record for record in untimed(whole, Progress) if record["phase"] == "training"]
    assert [event.seconds for event in training] == sorted(event.seconds for event in training)


def test_a_pause_says_where_it_stands_and_the_resumed_run_the_same(tmp_path):
    emitted = disturbed(settings(epochs=2), tmp_path, (4,))

    paused = next(event for event in emitted if isinstance(event, RunPaused))
    resumed = next(event for event in emitted if isinstance(event, RunResumed))
    assert isinstance(emitted[0], RunStarted)
    assert (paused.epoch, paused.step) == (resumed.epochs_done, resumed.step) == (0, 3)
    assert resumed.seconds >= paused.seconds - 0.01


def test_a_checkpoint_in_the_middle_of_an_epoch_keeps_what_was_said_after_the_last(tmp_path):
    stream = train(settings(epochs=2), quadrants(), folder=tmp_path, progress_every=0, checkpoint_every=0)
    for event in stream:
        if isinstance(event, CheckpointSaved) and event.step == 9:
            break
    stream.close()

    content, best = checkpoints.load(tmp_path / "last.pt"), checkpoints.load(tmp_path / "best.pt")

    assert (content["epoch"], content["batch"], content["step"], len(content["history"])) == (2, 3, 9, 1)
    assert torch.equal(content["test_predicted"], best["test_predicted"])


def test_before_the_first_evaluation_a_checkpoint_has_no_predictions(tmp_path):
    disturbed_stream = train(settings(), quadrants(), folder=tmp_path, progress_every=0, pausing=lambda: True)
    emitted = list(disturbed_stream)
    content = checkpoints.load(tmp_path / "last.pt")
    assert isinstance(emitted[-1], RunPaused)
    assert (content["history"], content["test_predicted"], content["test_accuracy"]) == ([], None, None)


@pytest.mark.parametrize("recipe", ["sgd", "rmsprop and warm-up", "steps, clipping, smoothing, bfloat16"])
def test_more_epochs_are_as_if_they_had_been_asked_for_at_once(tmp_path, recipe):
    config = settings(epochs=4, **RECIPES[recipe])
    undisturbed(config, tmp_path / "whole")
    undisturbed(config.change(epochs=2), tmp_path / "longer")

    emitted = disturbed(config, tmp_path / "longer", ())

    assert [event.epoch for event in emitted if isinstance(event, EpochDone)] == [3, 4]
    assert same(checkpoints.load(tmp_path / "whole" / "last.pt"), checkpoints.load(tmp_path / "longer" / "last.pt"))


@pytest.mark.parametrize("schedule", ["cosine", "one-cycle"])
def test_with_more_epochs_a_curve_over_all_of_them_is_followed_from_where_it_now_stands(tmp_path, schedule):
    config = settings(epochs=4, schedule=schedule)
    whole = undisturbed(config, None)
    undisturbed(config.change(epochs=2), tmp_path)

    emitted = disturbed(config, tmp_path, ())

    rates = [event.learning_rate for event in emitted if isinstance(event, Progress)]
    assert rates == [event.learning_rate for event in whole if isinstance(event, Progress) and event.epoch > 2]


# Files


def test_the_last_checkpoint_keeps_the_one_before_it(tmp_path):
    for number in range(4):
        checkpoints.save_last({"format": 1, "number": number}, tmp_path)
        assert torch.load(tmp_path / "last.pt")["number"] == number
    assert torch.load(tmp_path / "last.previous.pt")["number"] == 2
    assert {path.name for path in tmp_path.iterdir()} == {"last.pt", "last.previous.pt"}


def test_the_last_checkpoint_is_kept_where_there_are_no_hard_links(tmp_path, monkeypatch):
    def refuse(*given):
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    for number in range(3):
        checkpoints.save_last({"format": 1, "number": number}, tmp_path)
    assert torch.load(tmp_path / "last.previous.pt")["number"] == 1


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_a_damaged_last_checkpoint_falls_back_and_still_ends_the_same(tmp_path, share):
    config = settings(epochs=3, **RECIPES["adam and cosine, augmented"])
    undisturbed(config, tmp_path / "whole")
    stream = train(config, quadrants(), folder=tmp_path / "torn", progress_every=0, checkpoint_every=0)
    list(islice(stream, 20))
    stream.close()
    last = tmp_path / "torn" / "last.pt"
    content = last.read_bytes()
    last.write_bytes(content[: int(len(content) * share)])

    emitted = disturbed(config, tmp_path / "torn", ())

    assert isinstance(emitted[0], RunResumed)
    assert same(checkpoints.load(tmp_path / "whole" / "last.pt"), checkpoints.load(last))


def test_a_checkpoint_with_a_changed_byte_is_not_taken_for_whole(tmp_path):
    list(train(settings(epochs=1), quadrants(), folder=tmp_path))
    content = bytearray((tmp_path / "last.pt").read_bytes())
    content[content.index(b"data/0") + 200] ^= 1  # in the weights, which would load with a wrong value
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"last\.pt is damaged"):
        checkpoints.load(tmp_path / "last.pt")


def test_where_no_checkpoint_is_whole_it_is_said_and_nothing_is_overwritten(tmp_path):
    for name in ("last.pt", "last.previous.pt", "best.pt"):
        (tmp_path / name).write_bytes(b"torn")
    with pytest.raises(CheckpointError, match=r"last\.pt is damaged"):
        checkpoints.load_latest(tmp_path)
    assert checkpoints.load_latest(tmp_path / "nothing here") is None


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
import torch
from quadrants import quadrants, settings
from cnnlab.training import checkpoints
from cnnlab.training.engine import train
torch.set_num_threads(1)  # a fork keeps only the calling thread
config = settings(epochs=8, architecture="lenet", optimizer="adam", schedule="cosine", learning_rate=0.01)

def go(folder, seconds):
    if os.fork() == 0:
        signal.setitimer(signal.ITIMER_REAL, seconds)  # its signal ends the process as abruptly as kill -9
        latest = checkpoints.load_latest(folder)
        for event in train(config, quadrants(), folder=folder, progress_every=0, checkpoint_every=0, resume=latest and latest[1]):
            pass
        os._exit(0)
    return os.waitstatus_to_exitcode(os.wait()[1])

home = Path(sys.argv[1])
print(go(home / "whole", 0), [go(home / "killed", 0.1 + 0.02 * attempt) for attempt in range(8)], go(home / "killed", 0))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills are timed in forks, which this system does not have")
def test_a_process_that_is_killed_again_and_again_ends_the_same(tmp_path):
    here = Path(__file__).parent
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(here), str(here.parent)]

    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.stderr == ""
    whole, *killed, last = (int(code) for code in done.stdout.replace("[", "").replace("]", "").replace(",", "").split())
    assert (whole, last) == (0, 0)
    assert -14 in killed
    assert same(checkpoints.load(tmp_path / "whole" / "last.pt"), checkpoints.load(tmp_path / "killed" / "last.pt"))
