"""Runs beyond this machine: through a launcher, with the same record, files and digits as here."""

from __future__ import annotations

import os
import signal
import threading
import time
from datetime import datetime

import psutil
import pytest
import torch
from launchers import NODE, executors, fake_slurm
from made_runs import CONFIG
from waiting import wait_for

from cnnlab.events import CheckpointSaved, EpochDone, Notice, RunFinished, RunPaused, RunResumed, RunStarted
from cnnlab.executors import job, lines, proxy, settings, slurm
from cnnlab.executors.lines import PipeError
from cnnlab.executors.mirror import Receiver, Sender
from cnnlab.forecasts.usage import usage
from cnnlab.runs.records import State
from cnnlab.training import checkpoints
from cnnlab.workers import runner

ELSEWHERE = CONFIG.change(device="at:cluster", epochs=2)
FILES = {"last.pt", "best.pt", "predictions.bin", "flow.jsonl", "epoch-0.pt", "epoch-1.pt", "epoch-2.pt"}


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # here and there


@pytest.fixture
def short_times(monkeypatch):
    monkeypatch.setattr(proxy, "AGAIN_SECONDS", (0.1,))
    monkeypatch.setattr(proxy, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(lines, "LOST_SECONDS", 0.5)
    monkeypatch.setattr(job, "ENDING_SECONDS", 0.1)


def figures(store, run_id):
    return [(e.epoch, e.step, e.train_loss, e.test_loss, e.test_accuracy) for e in store.epochs(run_id)]


def weights(store, run_id):
    return checkpoints.load(store.home / "runs" / run_id / "last.pt")["model"]


def in_a_thread(store, run_id):
    thread = threading.Thread(target=runner.execute, args=(store, run_id))
    thread.start()
    return thread


def processes(words):
    return [child for child in psutil.Process().children(recursive=True) if words in " ".join(child.cmdline())]


# A whole run


def test_a_job_at_the_end_of_its_time_pauses_the_run_which_goes_on_and_equals_one_of_here_to_the_bit(store):
    executors(store.home)
    here, there = store.create(CONFIG.change(epochs=2), "here"), store.create(ELSEWHERE, "there")
    assert runner.execute(store, here) is State.FINISHED

    def end_the_job(event):
        if isinstance(event, RunStarted):
            processes("cnnlab.executors.remote")[-1].send_signal(signal.SIGTERM)

    assert runner.execute(store, there, end_the_job) is State.PAUSED, store.run(there).message
    notice = next(event for _, event in store.events(there) if isinstance(event, Notice))
    assert notice.message.startswith("cluster ended the job on ")
    assert notice.message.endswith("as at its time limit: the run is paused at its last batch, and “Resume” goes on in a new job.")
    assert store.run(there).has_checkpoint
    assert not processes("cnnlab.executors.remote")
    store.resume(there)
    assert runner.execute(store, there) is State.FINISHED

    folder, expected = store.home / "runs" / there, weights(store, here)
    assert store.run(there).device == "at:cluster"
    assert figures(store, there) == figures(store, here)
    assert all(torch.equal(found, expected[name]) for name, found in weights(store, there).items())
    assert {path.name for path in folder.iterdir()} == FILES
    assert (folder / "predictions.bin").read_bytes() == (store.home / "runs" / here / "predictions.bin").read_bytes()
    events = [event for _, event in store.events(there)]
    assert {type(event) for event in events} >= {RunStarted, RunPaused, RunResumed, EpochDone, CheckpointSaved, RunFinished}
    assert events[0].device_name.endswith(f"{os.uname().nodename} (cluster)")
    assert {event.computes_on for event in events if isinstance(event, RunStarted | RunResumed)} == {"cpu"}
    used = usage(store, "", store._clock())
    assert (used.minutes_today > 0, used.gpu_minutes_week, used.gpu_places) == (True, 0, frozenset()), "its node has no GPU"


@pytest.mark.parametrize(("act", "state"), [("pause", State.PAUSED), ("stop", State.STOPPED), ("kill the node", State.INTERRUPTED)])
def test_a_run_elsewhere_is_paused_stopped_and_interrupted_as_one_of_here(store, act, state):
    executors(store.home, f"{NODE} trains")
    run_id = store.create(ELSEWHERE, "t")
    thread = in_a_thread(store, run_id)
    wait_for(lambda: store.run(run_id).epochs_done)
    if act == "kill the node":
        processes("fake_node")[-1].kill()
    else:
        getattr(store, act)(run_id)
    thread.join(20)
    assert (store.run(run_id).state, store.run(run_id).has_checkpoint) == (state, True)
    assert (store.auto_resumable() == (run_id,)) is (state is State.INTERRUPTED)
    assert not processes("fake_node")


# A node that is not as it should be


@pytest.mark.parametrize(
    ("node", "state", "message"),
    [
        ("fails", State.FAILED, "cluster could not start the training (srun: error: invalid partition specified: gpu); the run's"),
        ("newer", State.FAILED, "cluster has another version of CNN Lab, whose lines this one cannot read (2): install the same"),
        ("refuses", State.FAILED, "MNIST is not on this machine. (on node17 (cluster))"),
        ("dies", State.INTERRUPTED, "The job on node17 (cluster) ended without a word, as when a node fails or memory runs out ("),
        ("garbles", State.INTERRUPTED, "The job on node17 (cluster) ended without a word"),
        ("climbs", State.INTERRUPTED, "The job on node17 (cluster) ended without a word"),
        ("silent", State.INTERRUPTED, "Nothing was heard of node17 (cluster) for 0 s: the node, its network or the job is lost."),
    ],
)
def test_a_node_that_fails_ends_the_run_with_a_sentence(store, short_times, node, state, message):
    executors(store.home, f"{NODE} {node}")
    run_id = store.create(ELSEWHERE, "t")
    assert runner.execute(store, run_id) is state
    assert store.run(run_id).message.startswith(message)
    assert not list(store.home.rglob("*escaped*"))


def test_a_node_of_another_version_is_named_in_a_notice():
    from cnnlab.executors import versions

    own = {"code": "0.1.0 (aa)", "torch": "2.9"}
    assert versions.difference(own, own, "node17") == ""
    assert versions.difference(own, own | {"torch": "2.8"}, "node17").startswith(
        "node17 has PyTorch 2.8, and this machine PyTorch 2.9"
    )


def test_a_place_that_is_gone_fails_the_run_and_a_file_that_is_wrong_lets_it_wait(store):
    run_id = store.create(ELSEWHERE, "t")
    assert runner.execute(store, run_id) is State.FAILED
    assert store.run(run_id).message == "There is no place 'at:cluster': this lab trains on its own machine alone; choose auto."


# Slurm's queue


def test_a_job_that_waits_says_for_what_and_is_cancelled_by_a_stop(store, short_times, tmp_path):
    executors(store.home, f"{NODE} waits", kind="slurm", ask=fake_slurm(tmp_path))
    today = f"{datetime.now():%Y-%m-%d}"
    (tmp_path / "squeue").write_text(f"4711|PENDING|{today}T14:20:00|Resources\n")
    run_id = store.create(ELSEWHERE, "t")
    thread = in_a_thread(store, run_id)
    wait_for(lambda: store.run(run_id).message)
    assert store.run(run_id).state is State.STARTING
    assert store.run(run_id).message == "it waits for a node: job 4711, estimated start 14:20 (Resources)"
    store.stop(run_id)
    thread.join(20)
    assert (store.run(run_id).state, store.run(run_id).message) == (State.STOPPED, "")
    assert (tmp_path / "cancelled").read_text().splitlines()[-1].endswith(f"--name=cnnlab-{run_id}")


def test_a_pause_in_slurms_queue_gives_the_place_back(store, short_times, tmp_path):
    executors(store.home, f"{NODE} waits", kind="slurm", ask=fake_slurm(tmp_path))
    (tmp_path / "squeue").write_text("4711|PENDING|N/A|Priority\n")
    run_id = store.create(ELSEWHERE, "t")
    thread = in_a_thread(store, run_id)
    wait_for(lambda: store.run(run_id).message == "it waits for a node: job 4711 (Priority)")
    store.pause(run_id)
    thread.join(20)
    assert store.run(run_id).state is State.PAUSED


def test_a_launcher_that_fails_is_tried_again_for_as_long_as_slurm_does_not_answer(store, short_times, tmp_path):
    executors(store.home, f"{NODE} fails", kind="slurm", ask=fake_slurm(tmp_path))
    run_id = store.create(ELSEWHERE, "t")
    thread = in_a_thread(store, run_id)
    wait_for(lambda: store.run(run_id).message)
    assert store.run(run_id).message.startswith("cluster (Slurm) does not answer (srun: error: invalid partition")
    time.sleep(1.0)  # more attempts than are made with a controller that answers
    assert store.run(run_id).state is State.STARTING
    (tmp_path / "squeue").write_text("")
    thread.join(20)
    assert store.run(run_id).state is State.FAILED


def test_a_start_on_another_day_has_its_date():
    waiting = slurm.Job("7", "PENDING", "2026-11-27T08:00:00", "Priority")
    assert waiting.in_words(datetime(2026, 11, 26)) == "it waits for a node: job 7, estimated start 2026-11-27 08:00 (Priority)"


# The file of executors


def test_the_command_has_no_shell_and_names_the_job(tmp_path):
    executors(tmp_path, "srun --partition='a b' --comment={run}", kind="slurm", program="/shared/lab", python="/venv/bin/python")
    place = settings.find(tmp_path, "at:cluster")
    assert place.command("a1b2c3d4") == [
        *("srun", "--partition=a b", "--comment=a1b2c3d4", "--ntasks=1", "--nodes=1", "--job-name=cnnlab-a1b2c3d4"),
        *("env", "PYTHONPATH=/shared/lab", "/venv/bin/python", "-P", "-m", "cnnlab.executors.remote"),
    ]
    assert [device.name for device in settings.devices(tmp_path)] == ["at:cluster"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[executors.GPU]\nlauncher='x'\nprogram='/p'", "up to 20 small letters, digits and -, not 'GPU'"),
        ("[executors.a]\nlauncher='x'", "executors.a needs program"),
        ("[executors.a]\nlauncher='x'\nprogram='/p'\nslot=2", "executors.a has no 'slot'; it may have title, kind, launcher"),
        ("[executors.a]\nlauncher='x'\nprogram='/p; rm'", "executors.a: program is '/p; rm'; a full path of letters"),
        ("[executors.a]\nlauncher=\"x '\"\nprogram='/p'", "its quotes do not close"),
        ("[executors.a]\nlauncher='x'\nprogram='/p'\nslots=0", "executors.a: slots is 0"),
        ("executors = 3", "it has tables [executors.NAME], and nothing else"),
        ("[executors.a", "it is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path, text, reason):
    from cnnlab.errors import ConfigError

    (tmp_path / "executors.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        settings.load(tmp_path)
    assert reason in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert settings.devices(tmp_path)[0].problem  # the form says it


# The pipe


def test_files_travel_in_pieces_and_only_what_is_new_of_those_that_grow(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "PIECE", 1_000)
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    sender, receiver = Sender(there), Receiver(here)

    def travel():
        sent = [lines.read(lines.write(line)) for line in sender.changes()]
        for line in sent:
            receiver.drop(line["gone"]) if "gone" in line else receiver.take(line)
        return sent

    (there / "last.pt").write_bytes(os.urandom(2_500))
    (there / "predictions.bin").write_bytes(b"a" * 1_500)
    (there / "epoch-1.pt").write_bytes(b"")
    assert len(travel()) == 3 + 2 + 1
    with (there / "predictions.bin").open("ab") as file:
        file.write(b"b" * 10)
    (there / "epoch-1.pt").unlink()
    assert [(line.get("file"), line.get("at"), line.get("gone")) for line in travel()] == [
        ("predictions.bin", 1_500, None),
        (None, None, "epoch-1.pt"),
    ]
    assert not list(sender.changes())
    assert {path.name: path.read_bytes() for path in here.iterdir()} == {path.name: path.read_bytes() for path in there.iterdir()}
    (there / "last.pt").write_bytes(b"new")
    travel()
    assert (here / "last.previous.pt").stat().st_size == 2_500


@pytest.mark.parametrize("links", [True, False], ids=["with hard links here", "without"])
def test_a_last_checkpoint_that_is_the_best_one_travels_once(tmp_path, monkeypatch, links):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    (here / "last.pt").write_bytes(b"before")
    (there / "best.pt").write_bytes(b"weights")
    os.link(there / "best.pt", there / "last.pt")
    sent = list(Sender(there, links=True).changes())
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links")))

    receiver = Receiver(here)
    assert [receiver.take(lines.read(lines.write(line))) for line in sent] == ["best.pt", "last.pt"]

    assert sent[1] == {"file": "last.pt", "same": "best.pt"}
    assert {path.name: path.read_bytes() for path in here.iterdir()} == {
        "best.pt": b"weights", "last.pt": b"weights", "last.previous.pt": b"before",
    }  # fmt: skip
    assert (here / "last.pt").samefile(here / "best.pt") is links
    assert [line.get("same") for line in Sender(there).changes()] == [None, None], "a lab of before does not ask for it"


@pytest.mark.parametrize(
    "line",
    [
        {"file": "../x", "at": 0, "data": "", "end": True},
        {"file": "log.txt", "at": 0, "data": "", "end": True},
        {"file": "last.pt", "at": 5, "data": "", "end": True},
        {"file": "last.pt", "at": 0, "data": "no base64!", "end": True},
        {"file": "last.pt", "at": "0", "data": "", "end": True},
        {"file": "last.pt", "same": "best.pt"},
        {"file": "last.pt", "same": "../x"},
        {"file": "x", "same": "best.pt"},
    ],
)
def test_no_other_file_is_written(tmp_path, line):
    with pytest.raises(PipeError):
        Receiver(tmp_path).take(line)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", [b"hello\n", b"[1]\n", b'{"a": "' + b"x" * lines.LONGEST + b'"}\n', b"[" * 100_000])
def test_what_is_no_line_is_refused(text):
    with pytest.raises(PipeError):
        lines.read(text)
