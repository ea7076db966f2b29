"""Runs one training: loads the data, iterates the engine's events, keeps them in the store."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil

from cnnlab import processes
from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError, InstallationError, RunStateError
from cnnlab.events import EpochDone, Event, RunFailed, RunFinished, RunStarted, RunStopped
from cnnlab.home import run_folder
from cnnlab.runs.records import State
from cnnlab.runs.store import Store

PROGRESS_SECONDS = 0.4  # between two Progress events, and so the longest that a stop waits while batches run

OnEvent = Callable[[Event], None]
Train = Callable[[RunConfig, Path], Iterator[Event]]


def execute(store: Store, run_id: str, on_event: OnEvent | None = None, *, train: Train | None = None) -> State:
    """Trains the run `run_id` in this process and returns the state it ended in.

    The run must be queued or starting. Ends early when the store says that it should stop, and on KeyboardInterrupt.
    Raises RunStateError if somebody else has ended it, StoreError if the store cannot be written.
    """
    return _Execution(store, run_id, on_event, train).run()


class _Execution:
    def __init__(self, store: Store, run_id: str, on_event: OnEvent | None, train: Train | None) -> None:
        self.store = store
        self.run_id = run_id
        self.on_event = on_event or (lambda event: None)
        self.data = store.data_folder(run_id)
        self.train = train or self._train
        self.folder = run_folder(store.home, run_id)
        self.epochs_done = 0
        self.began = time.monotonic()

    def run(self) -> State:
        record = self.store.run(self.run_id)
        pid = os.getpid()
        if record.state is State.QUEUED:
            self.store.move(self.run_id, State.STARTING, pid=pid, pid_started=processes.identity(pid))
        else:
            self.store.adopt(self.run_id, pid, processes.identity(pid))
        # The dispatcher has given this run a device; "auto" must not be decided twice.
        config = record.config.change(device=record.device) if record.device else record.config
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            return self._follow(config)
        except KeyboardInterrupt:
            return self._stopped()
        except RunStateError:
            raise
        except Exception as error:
            return self._failed(error)

    def _follow(self, config: RunConfig) -> State:
        if self.store.run(self.run_id).state is State.STOPPING:
            return self._stopped()
        with closing(self.train(config, self.folder)) as stream:  # closing the engine's generator cancels the training
            for event in stream:
                state = self._keep(event)
                if state is State.STOPPING:
                    return self._stopped()
                if state in (State.FINISHED, State.FAILED):
                    return state
        raise RuntimeError("the training ended without saying how")

    def _keep(self, event: Event) -> State:
        fields = {}
        to = None
        if isinstance(event, RunStarted):
            fields["device"] = event.device
            to = State.RUNNING
        elif isinstance(event, RunFinished):
            to = State.FINISHED
        elif isinstance(event, RunFailed):
            fields["message"] = event.message
            to = State.FAILED
        elif isinstance(event, EpochDone):
            self.epochs_done = event.epoch
        try:
            state = self.store.add(self.run_id, event, to=to, **fields)
        except RunStateError:
            # A stop that came between loading and the first event: the run never gets to be "running".
            if self.store.run(self.run_id).state is not State.STOPPING:
                raise
            return State.STOPPING
        self.on_event(event)
        return state

    def _stopped(self) -> State:
        self.store.stop(self.run_id)  # after Ctrl-C nobody has asked yet
        event = RunStopped(epoch=self.epochs_done, seconds=time.monotonic() - self.began)
        self.store.add(self.run_id, event, to=State.STOPPED)
        self.on_event(event)
        return State.STOPPED

    def _failed(self, error: Exception) -> State:
        if isinstance(error, CNNLabError):
            message = str(error)
        else:
            log = self.folder / "log.txt"
            with log.open("a", encoding="utf-8") as file:
                traceback.print_exception(error, file=file)
            reason = str(error).strip().splitlines()
            said = reason[0][:200] if reason else "no reason given"
            message = f"Training failed with an unexpected {type(error).__name__} ({said}); see {log}."
        event = RunFailed(kind="error", epoch=self.epochs_done, message=message)
        self.store.add(self.run_id, event, to=State.FAILED, message=message)
        self.on_event(event)
        return State.FAILED

    def _train(self, config: RunConfig, folder: Path) -> Iterator[Event]:
        try:
            from cnnlab.datasets.loading import load
            from cnnlab.datasets.places import Places
            from cnnlab.training.engine import train
        except ImportError as error:
            raise InstallationError(
                f"Training needs torch, which could not be loaded ({error}): pip install -r requirements.txt."
            ) from error
        data = load(config.dataset, Places(self.store.home, self.data)).take(config.data_share, config.limit, config.seed)
        return train(config, data, folder=folder, progress_every=PROGRESS_SECONDS)


def run_in_process(home: Path, run_id: str) -> None:
    """The whole life of a runner process, which the dispatcher starts: its output goes to the run's own log."""
    folder = run_folder(home, run_id)
    folder.mkdir(parents=True, exist_ok=True)
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    _use_all_cores()
    store = Store(home)
    try:
        execute(store, run_id)
    except CNNLabError:
        traceback.print_exc(file=sys.stderr)  # nothing is left to tell it to but the log
        sys.exit(1)
    finally:
        store.close()


def _use_all_cores() -> None:
    """Threads for torch: the physical cores we may use. The dispatcher that we come from was kept to one."""
    import torch

    if "OMP_NUM_THREADS" in os.environ:
        return  # somebody has decided
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    torch.set_num_threads(max(1, min(allowed, psutil.cpu_count(logical=False) or allowed)))
