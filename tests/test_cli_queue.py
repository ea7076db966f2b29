"""The command line hands runs over to the lab, and shows runs in words, dead ones as dead."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import closing

import psutil
import pytest
from command_lab import commands_in

from cnnlab.config import RunConfig
from cnnlab.events import EpochDone
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.state_words import STATE_WORDS
from cnnlab.system.processes import Process
from cnnlab.workers import runner

QUEUE = ("train", "lenet", "--dataset", "sample", "--queue")


@pytest.fixture
def lab(tmp_path, monkeypatch):
    return commands_in(tmp_path, monkeypatch)


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path)) as store:
        yield store


def test_thirty_queued_runs_are_thirty_records_and_no_process(lab, store, monkeypatch):
    monkeypatch.setattr(runner, "execute", lambda *_: pytest.fail("a queued run is trained by the lab, not by the command"))
    before = len(psutil.Process().children(recursive=True))

    answers = [json.loads(lab(*QUEUE, "--json", "--seed", str(seed))) for seed in range(30)]

    assert [(answer["state"], answer["position"]) for answer in answers] == [("queued", place) for place in range(1, 31)]
    assert [run.id for run in store.queue()] == [answer["run"] for answer in answers]
    assert [run.config.seed for run in store.queue()] == list(range(30))
    assert len(psutil.Process().children(recursive=True)) == before


def test_queueing_needs_no_torch(tmp_path):
    code = (
        "import sys\nfrom cnnlab.cli import app\nfrom cnnlab.compute import helper\nfrom cnnlab.system import background\n"
        "from cnnlab.training.costs import DeviceSpeed\n"
        "helper.Helper.ask = lambda self, question, **_: DeviceSpeed('cpu', None, None, 'unknown', None)\n"
        "background.ensure = lambda home: None\n"
        f"sys.argv[1:] = {[*QUEUE, '--home', str(tmp_path)]}\n"
        "try: app()\nfinally: assert not {'torch', 'numpy'} & sys.modules.keys()"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert "waiting for its turn, number 1 in the queue." in done.stdout


def test_a_run_from_the_command_line_has_the_owner_that_is_named(lab, store):
    lab(*QUEUE, "--owner", " Ana ", "--name", "third try")
    (run,) = store.runs()

    assert (run.owner, run.name) == ("Ana", "third try")
    assert "Ana    third try" in lab("runs")


def test_runs_shows_a_run_whose_process_has_died_as_interrupted(lab, store):
    dead = Process(2**22 + 1, "long ago")  # Linux gives no process this number
    run_id = store.create(RunConfig.make(), "token", "a run", State.STARTING, process=dead)

    assert f"{run_id}  Interrupted" in lab("runs")
    (listed,) = json.loads(lab("runs", "--json"))["runs"]
    assert listed["state"] == "interrupted"


def test_runs_can_be_listed_where_nothing_can_be_written(lab, store, monkeypatch):
    dead = Process(2**22 + 1, "long ago")
    run_id = store.create(RunConfig.make(), "token", "a run", State.STARTING, process=dead)

    def full(*_, **__):
        from cnnlab.errors import StoreError

        raise StoreError("The disk is full.")

    monkeypatch.setattr(Store, "interrupt", full)

    assert run_id in lab("runs")


def test_states_are_words_in_every_command(lab, store):
    run_id = store.create(RunConfig.make(), "token", "a run")

    assert lab("runs").splitlines()[1].startswith(f"{run_id}  Waiting for its turn  ")
    assert lab("pause", run_id) == f"Run {run_id} is paused.\n"
    assert lab("resume", run_id) == f"Run {run_id} is waiting for its turn, number 1 in the queue.\n"
    assert lab("stop", run_id) == f"Run {run_id} is stopped.\n"
    assert set(STATE_WORDS) == set(State)


def test_the_list_has_the_last_accuracy_before_the_best(lab, store):
    run_id = store.create(RunConfig.make(), "token", "a run", State.STARTING, process=Process(1, "x"))
    store.transition(run_id, State.RUNNING)
    for epoch, accuracy in ((1, 0.75), (2, 0.5)):
        store.add(run_id, EpochDone(epoch, 10 * epoch, 1.0, 0.5, 1.0, accuracy, 0.1, 1.0, 0.1, 0.8, 0.1))
    store.transition(run_id, State.FINISHED)

    head, row = lab("runs").splitlines()[:2]

    assert head.lower().index("last") < head.lower().index("best")
    assert re.findall(r"[\d.]+ %", row) == ["50.0 %", "75.0 %"]
