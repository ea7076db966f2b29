"""The processes of sweeps: kept alive by the dispatcher, killed without loss, and begun from the command line."""

from __future__ import annotations

import json
import sys
import time

import psutil
import pytest
from command_lab import commands_in
from sweep_fakes import BASE, BATCH, Laboratory
from typer.testing import CliRunner
from waiting import wait_for

from cnnlab.cli import app
from cnnlab.config import RunConfig
from cnnlab.sweeps.values import SweepConfig
from cnnlab.system import processes
from cnnlab.workers.sweepers import ATTEMPTS, CHECK_SECONDS, Sweepers

SWEEP = ("sweep", "lenet", "--recipe", "lenet-sample", "--vary", "batch_size=32,64", "--vary", "learning-rate=0.01..0.5:log")


@pytest.fixture
def commands(tmp_path, monkeypatch):
    return commands_in(tmp_path, monkeypatch)


class Child:
    """A process that a test ends."""

    returncode: int | None = None

    def poll(self):
        return self.returncode


def test_a_sweep_has_one_process_and_another_when_that_dies(store):
    laboratory, started = Laboratory(store), []
    sweepers = Sweepers(store.home, store, start=lambda home, sweep_id: started.append(Child()) or started[-1])
    for second in range(3):
        assert sweepers.turn(100.0 + second * CHECK_SECONDS)
    assert len(started) == 1

    for second in range(ATTEMPTS + 2):  # killed, which is not its fault
        started[-1].returncode = -9
        sweepers.turn(200.0 + second)
    assert len(started) == ATTEMPTS + 3

    laboratory.sweeps.adopt(laboratory.id, processes.current())  # one of a dispatcher before
    started[-1].returncode = -9
    sweepers.turn(300.0)
    assert len(started) == ATTEMPTS + 3

    laboratory.sweeps.end(laboratory.id)
    assert not sweepers.turn(400.0)


def test_a_sweep_whose_process_fails_at_each_start_has_failed(store):
    laboratory, started = Laboratory(store), []
    sweepers = Sweepers(store.home, store, start=lambda home, sweep_id: started.append(Child()) or started[-1])
    for second in range(ATTEMPTS + 2):
        sweepers.turn(100.0 + second)
        started[-1].returncode = 1

    sweep = laboratory.sweep
    assert (len(started), sweep.state) == (ATTEMPTS, "failed")
    assert sweep.message == f"Its process failed 3 times at its start: log.txt in the lab's folder sweeps/{sweep.id} says why."


def test_a_real_sweep_survives_the_death_of_its_process(lab):
    base = RunConfig.make(limit=100, batch_size=50, epochs=1, validation_share=0.1, device="cpu", options={"activation": "relu"})
    rates = {"setting": "learning_rate", "values": [0.05, 0.1, 0.2]}
    config = SweepConfig.make(base=base, dimensions=[rates], method="grid", prune=True)
    sweep_id = lab.sweeps.start(config, token=f"real {time.time()}", owner="Ana")

    wait_for(lambda: lab.sweeps.get(sweep_id).run_ids)
    process = lab.sweeps.get(sweep_id).process
    if sys.platform == "linux":
        assert not any("/torch/" in file.path for file in psutil.Process(process[0]).memory_maps())
    psutil.Process(process[0]).kill()
    wait_for(lambda: lab.sweeps.get(sweep_id).ended)
    sweep = lab.sweeps.get(sweep_id)

    assert (sweep.state, sweep.message) == ("finished", "")
    assert [(trial.state, trial.epochs_done) for trial in sweep.trials] == [("finished", 1)] * 3
    assert sorted(trial.values["learning_rate"] for trial in sweep.trials) == [0.05, 0.1, 0.2]
    for trial in sweep.trials:
        run = lab.run(trial.run_id)
        assert (run.owner, run.tags, run.config.learning_rate) == ("Ana", (sweep.tag,), trial.values["learning_rate"])
        assert trial.accuracy == lab.epochs(run.id)[0].validation_accuracy


# The command line


def test_a_sweep_is_begun_listed_stopped_and_resumed_at_the_command_line(commands):
    begun = json.loads(commands(*SWEEP, "--runs", "5", "--owner", "Ana", "--queue", "--json"))

    assert (begun["state"], begun["goal"], begun["trials"]) == ("running", "validation accuracy", [])
    assert begun["config"]["base"]["validation_share"] == 0.1
    assert [each["setting"] for each in begun["config"]["dimensions"]] == ["batch_size", "learning_rate"]
    assert f"{begun['id']}  running   0/5              –" in commands("sweeps")
    assert commands("sweep", "--stop", begun["id"]) == f"Sweep {begun['id']} is stopped: 0 of 5 runs.\n"
    assert commands("sweep", "--resume", begun["id"], "--queue") == f"Sweep {begun['id']} is running: 0 of 5 runs.\n"
    assert json.loads(commands("sweeps", begun["id"], "--json"))["owner"] == "Ana"


def test_a_validation_share_that_is_given_is_kept(commands):
    begun = json.loads(commands(*SWEEP, "--validation-share", "0", "--queue", "--json"))
    assert begun["goal"] == "test accuracy"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("sweep", "lenet", "--dataset", "sample"), "sweep needs a setting that varies"),
        (("sweep", "--vary", "epochs=1,2"), "sweep needs NAME, such as lenet"),
        ((*SWEEP, "--runs", "many"), "runs must be a whole number from 1 to 200, not 'many'"),
        ((*SWEEP, "--method", "grid"), "A grid needs the values of learning_rate"),
        (("sweeps", "nope"), "There is no sweep 'nope'"),
        (("sweep", "--stop", "../.."), "There is no sweep '../..'"),
    ],
)
def test_what_cannot_be_swept_is_a_sentence(tmp_path, arguments, sentence):
    result = CliRunner().invoke(app, [*arguments, "--home", str(tmp_path)])
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_the_table_begins_with_the_best_trial(store, tmp_path):
    laboratory = Laboratory(store, runs=3, base=BASE.change(epochs=1), dimensions=[BATCH], method="grid")
    laboratory.work()
    laboratory.end_process()
    lines = CliRunner().invoke(app, ["sweeps", laboratory.id, "--home", str(tmp_path)]).stdout.splitlines()

    assert lines[0] == f"Sweep {laboratory.id} is finished: 3 of 3 runs."
    assert lines[2].split("  ")[:2] == ["validation accuracy", "batch size"]
    assert len(lines) == 6
