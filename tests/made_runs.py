"""Runs in a record that no process trains, and the events that their runners would store."""

from cnnlab.config import RunConfig
from cnnlab.events import EpochDone, Progress, RunResumed, RunStarted
from cnnlab.runs.records import State
from cnnlab.system.processes import Process
from cnnlab.workers.watch import interrupt_lost_runs

CONFIG = RunConfig.make(limit=100, batch_size=20, epochs=3, device="cpu", options={"activation": "relu"})
STARTED = RunStarted("cpu", "CPU", 10, 100, 50, 5, 3, 10)


def progress(step, phase="training"):
    epoch = (step - 1) // 5 + 1
    return Progress(epoch, (step - 1) % 5 + 1, 5, step, 2.0, 0.1, 100.0, 0.1, step / 15, float(step), 1.0, phase=phase)


def done(epoch, accuracy=0.5):
    return EpochDone(epoch, 5 * epoch, 1.5, 0.4, 1.4, accuracy, 0.1, 2.0, 0.1, 1.9, 0.4)


def resumed(step, epochs_done):
    return RunResumed((step + 4) // 5, step, epochs_done, 3, "cpu", "CPU", float(step))


def running(store, token="t", **details):
    run_id = store.create(CONFIG, token, **details)
    store.transition(run_id, State.STARTING, device="cpu", process=Process(1, "gone"))
    store.add(run_id, STARTED, to=State.RUNNING)
    return run_id


def interrupted(store, token="t"):
    run_id = running(store, token)
    assert interrupt_lost_runs(store) == 1
    return run_id
