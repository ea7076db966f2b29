"""Checkpoints of large networks: written no more often than is worth it, and then as if each had been written at once."""

import shutil
import sys
from types import SimpleNamespace

import pytest
import torch
from made_runs import CONFIG
from quadrants import quadrants, settings
from test_resume import RECIPES, disturbed, same, undisturbed

from cnnlab.errors import CheckpointError
from cnnlab.events import CheckpointSaved, EpochDone, RunFailed, RunFinished, RunPaused, RunStopped, best_epoch
from cnnlab.runs.records import State
from cnnlab.system.home import run_folder
from cnnlab.training import checkpoints, process, saving
from cnnlab.training.engine import train
from cnnlab.training.session import Session
from cnnlab.workers import runner

EPOCH = 3.0  # seconds
UNEVEN = RECIPES["adam and cosine, augmented"] | {"schedule": "constant"}  # the best epochs are 1, 2, 3 and 7


@pytest.fixture
def large(monkeypatch):
    """Every checkpoint counts as large and takes a second to write; an epoch takes three. Returns the numbers of epochs written."""
    now, written = [1000.0], []
    save, evaluated = checkpoints.save, Session.close_epoch

    def slow(content, path):
        save(content, path)
        now[0] += 1.0
        written.append((path.name, content["epoch"]))

    def close_epoch(session, *evaluations):
        now[0] += EPOCH
        return evaluated(session, *evaluations)

    monkeypatch.setattr(saving, "SMALL", 0)
    monkeypatch.setattr(saving, "clock", SimpleNamespace(seconds=lambda: now[0]))
    monkeypatch.setattr(checkpoints, "save", slow)
    monkeypatch.setattr(Session, "close_epoch", close_epoch)
    return written


def trained(config, folder, **how):
    return train(config, quadrants(), folder=folder, progress_every=0, **how)


def test_a_large_checkpoint_is_written_once_ten_times_its_writing_has_passed_and_at_the_end(large, tmp_path):
    emitted = list(trained(settings(epochs=10), tmp_path))

    assert [event.epoch for event in emitted if isinstance(event, CheckpointSaved) and event.kind == "last"] == [1, 5, 9, 10]


def test_a_small_one_is_written_after_every_epoch(large, tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "SMALL", 8_000_000)

    emitted = list(trained(settings(epochs=4), tmp_path))

    assert [event.epoch for event in emitted if isinstance(event, CheckpointSaved) and event.kind == "last"] == [1, 2, 3, 4]


@pytest.mark.parametrize(("took", "waits"), [(1.0, 10.0), (20.0, 60.0)])
def test_an_epoch_waits_a_minute_at_most_also_within_a_long_one(tmp_path, monkeypatch, took, waits):
    now, save_last = [1000.0], checkpoints.save_last
    monkeypatch.setattr(saving, "SMALL", 0)
    monkeypatch.setattr(saving, "clock", SimpleNamespace(seconds=lambda: now[0]))

    def slow(*given, **how):
        save_last(*given, **how)
        now[0] += took

    monkeypatch.setattr(checkpoints, "save_last", slow)
    session = Session(settings(epochs=9), quadrants())
    session.history = [EpochDone(epoch, 6 * epoch, *(0.5,) * 9) for epoch in (1, 2)]  # the second is not the best
    saver = saving.Saver(session, tmp_path, 30.0)
    saver.epoch()
    begun = now[0]

    now[0] = begun + waits - 0.1
    assert saver.epoch() == []
    now[0] = begun + max(30.0, waits) - 0.1
    assert not saver.due
    now[0] += 0.1
    assert saver.due
    assert [saved.kind for saved in saver.epoch()] == ["last"]


def test_the_best_on_disk_is_at_every_moment_the_one_that_the_last_names(large, tmp_path, monkeypatch):
    config = settings(epochs=9, **UNEVEN)
    slow = checkpoints.save

    def checked(content, path):
        slow(content, path)
        if path.name == "last.pt":
            assert checkpoints.load(tmp_path / "best.pt")["epoch"] == content["best_epoch"]

    monkeypatch.setattr(checkpoints, "save", checked)
    for event in trained(config, tmp_path):
        if isinstance(event, EpochDone | CheckpointSaved | RunFinished):
            last, best = (checkpoints.load(tmp_path / name) for name in ("last.pt", "best.pt"))
            assert last["best_epoch"] == best["epoch"] == best["best_epoch"]
        if isinstance(event, CheckpointSaved):
            assert checkpoints.load(tmp_path / f"{event.kind}.pt")["step"] == event.step

    assert isinstance(event, RunFinished)
    assert event.best_epoch == 7
    assert ("best.pt", event.best_epoch) in large
    monkeypatch.undo()
    undisturbed(config, tmp_path / "small")
    for name in ("last.pt", "best.pt"):
        assert same(checkpoints.load(tmp_path / name), checkpoints.load(tmp_path / "small" / name))


@pytest.mark.parametrize("name", ["last.pt", "best.pt"])
def test_a_run_that_was_killed_goes_on_from_each_checkpoint_the_same_to_the_bit(large, tmp_path, name):
    config = settings(epochs=7, **UNEVEN)
    undisturbed(config, tmp_path / "whole")
    stream, killed = trained(config, tmp_path / "running"), tmp_path / "killed"
    for event in stream:
        if isinstance(event, EpochDone) and event.epoch in (3, 6):
            shutil.copytree(tmp_path / "running", killed)  # what a kill would leave
            (killed / name).replace(killed / "last.pt")
            assert checkpoints.load(killed / "last.pt")["epoch"] < event.epoch
            disturbed(config, killed, ())
            for each in ("last.pt", "best.pt"):
                assert same(checkpoints.load(tmp_path / "whole" / each), checkpoints.load(killed / each))
            shutil.rmtree(killed)


@pytest.mark.parametrize("moment", (12, 35, 51))
def test_a_training_that_is_closed_or_paused_leaves_all_that_was_trained(large, tmp_path, moment):
    config = settings(epochs=7, **UNEVEN)
    undisturbed(config, tmp_path / "whole")
    seen = {}
    for way in ("closed", "paused"):
        seen[way] = []
        stream = trained(config, tmp_path / way, pausing=lambda way=way: way == "paused" and len(seen[way]) >= moment)
        for event in stream:
            seen[way].append(event)
            torch.manual_seed(0)  # the caller's generators are not the run's
            if way == "closed" and len(seen[way]) == moment:
                break
        stream.close()
        epochs = [event for event in seen[way] if isinstance(event, EpochDone)]
        last, best = (checkpoints.load(tmp_path / way / name) for name in ("last.pt", "best.pt"))
        assert [done["epoch"] for done in last["history"]] == [done.epoch for done in epochs]
        assert best["epoch"] == last["best_epoch"] == best_epoch(epochs).epoch
    assert isinstance(paused := seen["paused"][-1], RunPaused)
    assert (paused.step, paused.seconds) == (last["step"], last["seconds"])
    for way in seen:
        disturbed(config, tmp_path / way, ())
        assert all(
            same(checkpoints.load(tmp_path / "whole" / n), checkpoints.load(tmp_path / way / n)) for n in ("last.pt", "best.pt")
        )


def failing_at(monkeypatch, step, error):
    advance = Session.advance

    def fails(session):
        if session.step == step:
            raise error()
        advance(session)

    monkeypatch.setattr(Session, "advance", fails)


@pytest.mark.parametrize("error", [MemoryError, ValueError, KeyboardInterrupt])
def test_after_an_error_the_best_epoch_is_the_last_checkpoint(large, tmp_path, monkeypatch, error):
    """In the middle of a batch the session is no moment to resume from."""
    config, emitted = settings(epochs=8, **UNEVEN), []
    undisturbed(config, tmp_path / "whole")
    failing_at(monkeypatch, 4 * 6 + 2, error)
    try:
        for event in trained(config, tmp_path / "failed"):
            emitted.append(event)
    except error:
        pass

    best = best_epoch([event for event in emitted if isinstance(event, EpochDone)])
    saved = [event for event in emitted if isinstance(event, CheckpointSaved)][-2:]
    assert 1 < best.epoch < 5
    assert [(event.kind, event.epoch) for event in saved] == [("best", best.epoch), ("last", best.epoch)]
    assert isinstance(emitted[-1], RunFailed) is (error is MemoryError)
    assert {checkpoints.load(tmp_path / "failed" / name)["epoch"] for name in ("best.pt", "last.pt")} == {best.epoch}
    monkeypatch.undo()
    disturbed(config, tmp_path / "failed", ())
    assert same(checkpoints.load(tmp_path / "whole" / "best.pt"), checkpoints.load(tmp_path / "failed" / "best.pt"))


def test_where_memory_has_no_room_for_a_copy_each_best_epoch_is_written_at_once(large, tmp_path, monkeypatch):
    monkeypatch.setattr(process, "free_memory", lambda: 1000)

    emitted = list(trained(settings(epochs=6, **UNEVEN), tmp_path))

    epochs, kept = [event for event in emitted if isinstance(event, EpochDone)], []
    for number in range(1, 7):
        if best_epoch(epochs[:number]).epoch == number:
            kept.append(number)
    assert [event.epoch for event in emitted if isinstance(event, CheckpointSaved) and event.kind == "best"] == kept
    assert len(kept) > 2


def test_the_copy_has_all_that_learns_and_shares_what_does_not(tmp_path):
    session = Session(settings(**UNEVEN), quadrants())
    frozen, learning = list(session.model.named_parameters())[:2]
    frozen[1].requires_grad_(False)
    session.begin_epoch()
    session.advance()

    live, copied = session.state(), saving._copy(session)

    assert same(live, copied)
    assert copied["model"]._metadata == live["model"]._metadata
    places = {tensor.data_ptr() for tensor in saving._tensors(live)}
    assert {tensor.data_ptr() for tensor in saving._tensors(copied)} & places == {frozen[1].data_ptr()}
    assert copied["model"][learning[0]].stride() == live["model"][learning[0]].stride()


def test_a_full_disk_leaves_what_was_written_and_the_run_goes_on_from_there(large, tmp_path, monkeypatch):
    config = settings(epochs=7, **UNEVEN)
    undisturbed(config, tmp_path / "whole")
    slow = checkpoints.save

    def full(content, path):
        if content["epoch"] > 1:
            raise CheckpointError("The disk is full.", temporary=True)
        slow(content, path)

    with monkeypatch.context() as disk:
        disk.setattr(checkpoints, "save", full)
        with pytest.raises(CheckpointError, match="disk is full"):
            list(trained(config, tmp_path / "full"))
    assert {checkpoints.load(tmp_path / "full" / name)["epoch"] for name in ("last.pt", "best.pt")} == {1}

    disturbed(config, tmp_path / "full", ())

    for name in ("last.pt", "best.pt"):
        assert same(checkpoints.load(tmp_path / "whole" / name), checkpoints.load(tmp_path / "full" / name))


@pytest.mark.parametrize("limited", [False, True], ids=["by a user", "by its time limit"])
def test_a_stopped_run_has_the_best_epoch_of_its_record_before_it_counts_as_stopped(large, store, monkeypatch, limited):
    run_id = store.create(CONFIG.change(epochs=9), "t")
    folder, found = run_folder(store.home, run_id), []
    monkeypatch.setattr("cnnlab.training.session.clock", saving.clock)
    if limited:
        (store.home / "limits.toml").write_text(f"max_seconds = {3 * EPOCH}")
        monkeypatch.setenv("CNNLAB_LIMITS", str(store.home / "limits.toml"))

    def watch(event):
        if isinstance(event, EpochDone) and event.epoch == 3:
            assert checkpoints.load(folder / "last.pt")["epoch"] == 1
            if not limited:
                store.stop(run_id)
        if isinstance(event, RunStopped):
            found.extend(checkpoints.load(folder / name) for name in ("last.pt", "best.pt"))

    assert runner.execute(store, run_id, watch) is State.STOPPED
    last, best = found
    assert len(last["history"]) == len(store.epochs(run_id)) >= 3
    assert best["epoch"] == best_epoch(store.epochs(run_id)).epoch


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the memory of a process")
def test_the_room_for_a_copy_ends_with_the_bound_of_the_process(monkeypatch):
    monkeypatch.setattr(process.memory, "memory", lambda: SimpleNamespace(available=10**12))
    assert process.free_memory() == 10**12
    monkeypatch.setattr(process, "_most_data", lambda: process._requested_and_resident()[0] + 5_000_000_000)
    with process.bounded_memory():
        assert process.free_memory() <= 5_000_000_000
