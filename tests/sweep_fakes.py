"""Sweeps without training: what queues runs, and what trains them, both at once and in this process."""

from __future__ import annotations

from collections.abc import Callable

from cnnlab.config import RunConfig
from cnnlab.events import EpochDone, RunFinished, RunResumed, RunStarted, RunStopped
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.runs.sweep_store import SweepStore
from cnnlab.sweeps.values import SweepConfig
from cnnlab.system import processes
from cnnlab.workers.study import Study
from cnnlab.workers.sweep import Sweeper

BASE = RunConfig.make(limit=100, batch_size=20, epochs=6, validation_share=0.1, device="cpu", options={"activation": "relu"})
RATE = {"setting": "learning_rate", "low": 0.01, "high": 1.0, "log": True}
BATCH = {"setting": "batch_size", "values": [16, 32, 64]}


def good(config: RunConfig, epoch: int) -> float:
    """An accuracy that grows with the epochs, and is highest at the rate 0.1."""
    return round((0.9 - abs(config.learning_rate - 0.1) / 2) * epoch / config.epochs, 4)


class Queueing:
    """Queues what is asked for, unless `refuse` raises."""

    def __init__(self, store: Store, refuse: Callable[[RunConfig], None] = lambda config: None) -> None:
        self.store, self.refuse = store, refuse

    def start(self, config, data, *, token, name="", owner=""):
        self.refuse(config)
        return self.store.create(config, token, name, owner=owner, data=data)

    def again(self, run):
        self.store.resume(run.id)


class Laboratory:
    """One sweep, the process that works on it, and a device that trains two runs at a time."""

    def __init__(self, store: Store, accuracy: Callable[[RunConfig, int], float] = good, seconds: float = 0.5, **settings) -> None:
        self.store, self.sweeps, self.accuracy = store, SweepStore(store), accuracy
        self.queueing, self.now, self.seconds = Queueing(store), 0.0, seconds
        given = {"base": BASE, "dimensions": [RATE, BATCH], "method": "random", "runs": 6} | settings
        self.config = SweepConfig.make(**given)
        self.id = self.sweeps.create(self.config, "token", "A sweep", owner="Ana")
        self.sweeper: Sweeper | None = None
        self.most = 0

    @property
    def sweep(self):
        return self.sweeps.sweep(self.id)

    @property
    def states(self) -> list[str]:
        return [trial.state for trial in self.sweep.trials]

    def turn(self) -> bool:
        """One round of the sweep's process, which is started if there is none."""
        if self.sweeper is None:
            self.sweeper = Sweeper(self.store, self.queueing, self.id, study=Study, clock=lambda: self.now)
        self.now += self.seconds
        goes_on = self.sweeper.turn()
        self.most = max(self.most, self.sweep.count("waiting", "training"))
        return goes_on

    def end_process(self) -> None:
        if self.sweeper is not None:
            self.sweeper.close()
            self.sweeper = None

    def train(self) -> None:
        """One epoch of each run that trains."""
        active = self.store.active()
        training = sum(not run.waits for run in active)
        for run in active:
            if run.waits and training < 2:
                training += 1
                self.begin(run.id, run.config)
            elif run.state is State.STOPPING:
                self.store.add(run.id, RunStopped(0, 1.0), to=State.STOPPED)
            elif run.state is State.RUNNING:
                self.epoch(run.id, run.config)

    def begin(self, run_id: str, config: RunConfig) -> None:
        self.store.transition(run_id, State.STARTING, device="cpu", process=processes.current())
        epochs = self.store.epochs(run_id)
        event = RunStarted("cpu", "CPU", 10, 90, 100, 5, config.epochs, 10, 10)
        if epochs:
            event = RunResumed(len(epochs), 5 * len(epochs), len(epochs), config.epochs, "cpu", "CPU", 1.0)
        self.store.add(run_id, event, to=State.RUNNING, history=epochs)

    def epoch(self, run_id: str, config: RunConfig) -> None:
        epoch = len(self.store.epochs(run_id)) + 1
        right = self.accuracy(config, epoch)
        figures = {"validation_loss": 1.0, "validation_accuracy": right}
        self.store.add(run_id, EpochDone(epoch, 5 * epoch, 1.5, 0.4, 1.4, 0.3, 0.1, 2.0, 0.1, 1.9, 0.4, **figures))
        if epoch == config.epochs:
            self.store.add(run_id, RunFinished(epoch, 9.0, 0.4, 0.3, epoch, 0.3, right), to=State.FINISHED)

    def work(self, rounds: int = 300) -> None:
        """Turns of process and device until the sweep needs no process."""
        for _ in range(rounds):
            if not self.turn():
                return
            self.train()
        raise AssertionError(f"the sweep goes on after {rounds} rounds: {self.states}")
