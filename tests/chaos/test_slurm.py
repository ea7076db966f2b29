"""Runs of four people through a real Slurm of one node, while its daemons, its jobs and their proxies are killed: --slow."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from launchers import executors
from waiting import wait_for

from cnnlab.errors import RunStateError
from cnnlab.events import Notice
from cnnlab.executors import settings, slurm
from cnnlab.lab import Lab
from cnnlab.runs.records import State
from tests.chaos.undisturbed import configs, differences, undisturbed

SCRIPTS = Path(__file__).parent / "slurm"
OWNERS, EACH, SLOTS = ("ana", "ben", "cleo", "dan"), 5, 2
KINDS = ("node", "runner", "slurmd", "srun", "slurmctld", "runner and srun")
KILLS = 2 * len(KINDS)
HERE = tuple(config.change(epochs=20) for config in configs())
CONFIGS = tuple(config.change(device="at:cluster") for config in HERE)


@pytest.fixture(scope="module")
def conf(request, tmp_path_factory):
    if not request.config.getoption("--slow"):
        pytest.skip("minutes with a real Slurm; tests/test_executors.py has the small forms: --slow")
    if missing := [
        name for name in ("slurmctld", "slurmd", "srun", "munged") if not shutil.which(name, path=os.defpath + ":/usr/sbin")
    ]:
        pytest.skip(f"needs Slurm ({', '.join(missing)} not found): apt-get install slurm-wlm slurm-wlm-basic-plugins munge")
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("Slurm's daemons are started as root")
    folder = tmp_path_factory.mktemp("slurm")
    started = subprocess.run([str(SCRIPTS / "start.sh"), str(folder)], capture_output=True, text=True, check=False)
    if started.returncode:
        pytest.fail(f"Slurm did not start: {started.stderr}")
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    yield folder
    del os.environ["SLURM_CONF"]
    subprocess.run([str(SCRIPTS / "stop.sh"), str(folder)], check=False)


@pytest.fixture
def lab(conf, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # also for the nodes: the result of a sum depends on the number of threads
    executors(tmp_path, "srun --gres=gpu:1 --mem=1500", kind="slurm", slots=SLOTS)
    lab = Lab(tmp_path)
    yield lab
    lab.shut_down()
    wait_for(lambda: not squeue(), 60)


def squeue():
    return subprocess.run(["squeue", "--noheader"], capture_output=True, text=True, check=False).stdout.strip()


def note(text):
    print(text, flush=True)  # noqa: T201 - for docs/SCALING.md, with -s


def jobs(words, run_id=""):
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            command = " ".join(process.cmdline())
            if words in command and run_id in command:
                found.append(process)
    return found


class Killer:
    """Kills one of what a run elsewhere depends on; daemons are started again a moment later, as systemd would."""

    def __init__(self, lab, conf):
        self.lab, self.conf, self.chance = lab, conf, random.Random(7)  # noqa: S311 - chosen to be repeated
        self.killed = Counter()

    def strike(self):
        run = self.chance.choice([run for run in self.lab.runs() if run.state is State.RUNNING])
        what = KINDS[sum(self.killed.values()) % len(KINDS)]
        if what.startswith("slurm"):
            pid = int((self.conf / f"{what}.pid").read_text())
            os.kill(pid, signal.SIGKILL)
            self.lab.runs()
            time.sleep(3)
            subprocess.run([what], check=True)
        if "runner" in what:
            for active in self.lab._store.active():
                if active.id == run.id and active.process.pid:
                    os.kill(active.process.pid, signal.SIGKILL)
        if "srun" in what:
            for process in jobs("--job-name=cnnlab-", run.id):
                process.kill()
        if what == "node":
            for process in jobs("cnnlab.executors.remote"):
                if process.name().startswith("python") and f"cnnlab-{run.id}" == process.environ().get("SLURM_JOB_NAME"):
                    process.kill()
        self.killed[what] += 1
        note(f"{what} of {run.owner}'s {run.id} in epoch {run.epochs_done}")


def test_no_run_is_lost_whatever_is_killed_and_owners_take_turns(lab, conf, tmp_path_factory):
    references = [undisturbed(config, tmp_path_factory.mktemp("undisturbed")) for config in HERE]
    ids = {}
    for number in range(EACH):
        for owner in OWNERS:
            which = len(ids) % len(CONFIGS)
            ids[lab.start(CONFIGS[which], token=f"{owner} {number}", owner=owner)] = which
    killer, next_kill, began = Killer(lab, conf), time.monotonic() + 10, time.monotonic()
    over = {State.FINISHED, State.FAILED}
    while not all(run.state in over for run in lab.runs()):
        running = [run for run in lab.runs() if run.state is State.RUNNING]
        assert len([run for run in lab.runs() if run.state in (State.STARTING, State.RUNNING)]) <= SLOTS
        if running and time.monotonic() > next_kill and sum(killer.killed.values()) < KILLS:
            killer.strike()
            next_kill = time.monotonic() + killer.chance.uniform(3, 9)
        for run in lab.runs():
            if run.state is State.INTERRUPTED and not lab.resumes_by_itself(run.id):
                with suppress(RunStateError):
                    lab.resume(run.id)  # killed more often than the lab resumes by itself
        assert time.monotonic() < began + 1_500, [(run.id, run.state, run.message) for run in lab.runs() if run.state not in over]
        time.sleep(0.3)
    resumes = sum(run.resumes for run in lab.runs())
    note(f"{len(ids)} runs, {dict(killer.killed)}, {time.monotonic() - began:.0f} s, resumes {resumes}")

    assert {run.state for run in lab.runs()} == {State.FINISHED}, [(run.id, run.message) for run in lab.runs()]
    for run_id, which in ids.items():
        folder = lab.home / "runs" / run_id
        assert differences(folder, references[which], "last.pt") == []
        assert [done.epoch for done in lab.epochs(run_id)] == list(range(1, CONFIGS[which].epochs + 1))
    # While everybody waits, nobody's number of started runs is far from another's.
    started = sorted((run.started, run.owner) for run in lab.runs())
    counts = Counter()
    for _, owner in started[: len(OWNERS) * (EACH - 1)]:
        counts[owner] += 1
        assert max(counts.values()) - min(counts[each] for each in OWNERS) <= 2
    note(f"order of first starts: {' '.join(owner for _, owner in started)}")


def test_a_job_waits_in_slurms_queue_and_its_time_limit_is_a_pause(lab):
    place = settings.find(lab.home, "at:cluster")
    long = CONFIGS[0].change(epochs=5_000)
    blocker = subprocess.Popen(["srun", "--gres=gpu:2", "--time=5", "sleep", "300"])
    try:
        waiting = lab.start(long, token="waits")
        wait_for(lambda: lab.run(waiting).message.startswith("it waits for a node: job "), 60)
        assert slurm.job(place, waiting).state == "PENDING"
        note(lab.run(waiting).message)
    finally:
        blocker.kill()
        blocker.wait()
        subprocess.run(["scancel", "--state=RUNNING", "--name=sleep"], check=True)
    wait_for(lambda: lab.run(waiting).epochs_done >= 1, 120)
    assert lab.run(waiting).message == ""

    # Slurm counts in minutes, so the limit of a job that runs is set to what has passed.
    job = slurm.job(place, waiting)
    subprocess.run(["scontrol", "update", f"jobid={job.id}", "timelimit=1"], check=True)
    wait_for(lambda: lab.run(waiting).state is State.PAUSED, 180)
    assert any(isinstance(event, Notice) and "as at its time limit" in event.message for event in lab.events(waiting))
    lab.resume(waiting)
    wait_for(lambda: lab.run(waiting).state is State.RUNNING, 120)
    lab.stop(waiting)
    wait_for(lambda: lab.run(waiting).state is State.STOPPED, 30)
    wait_for(lambda: not squeue(), 60)


def test_a_node_that_falls_silent_is_noticed(lab):
    long = CONFIGS[0].change(epochs=5_000)
    run_id = lab.start(long, token="silent")
    wait_for(lambda: lab.run(run_id).epochs_done >= 1, 120)
    (process,) = [
        each
        for each in jobs("cnnlab.executors.remote")
        if each.environ().get("SLURM_JOB_NAME") == f"cnnlab-{run_id}" and each.name().startswith("python")
    ]
    process.suspend()
    began = time.monotonic()
    wait_for(lambda: lab.run(run_id).state is State.INTERRUPTED or lab.run(run_id).resumes, 120)
    note(f"noticed after {time.monotonic() - began:.0f} s")
    wait_for(lambda: lab.run(run_id).state is State.RUNNING, 120)
    assert not process.is_running()
    lab.stop(run_id)
    wait_for(lambda: lab.run(run_id).state is State.STOPPED, 30)
