"""Training beyond this machine, between a run's process and the proxy of its node: what the record says, and what it hears."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cnnlab.architectures import zoo, zoo_files
from cnnlab.config import RunConfig
from cnnlab.elsewhere import AT
from cnnlab.errors import ConfigError, RunStateError
from cnnlab.executors import settings
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.system.processes import Process
from cnnlab.workers.journal import patiently

if TYPE_CHECKING:
    from cnnlab.events import Event

LOOK_SECONDS = 0.5  # between two looks at the run's state, in which it waits or its node is silent
FILE_SECONDS = 2.0  # between two looks at the file of executors


class Slots:
    """How many runs each executor takes at a time, as the host's file says now."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._known: dict[str, settings.Executor] = {}
        self._until = 0.0
        self.problem = ""  # why the file cannot be used: runs wait until it can

    def slots(self, device: str) -> int:
        """At least 1: a run whose executor is gone is started, and fails with a sentence that says so."""
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + FILE_SECONDS
            try:
                self._known, self.problem = settings.load(self._home), ""
            except ConfigError as error:
                self.problem = str(error)
        place = self._known.get(device.removeprefix(AT))
        return place.slots if place else 1


class Execution(Protocol):
    """The part of a run's execution that is needed here."""

    store: Store
    run_id: str
    folder: Path
    process: Process
    state: State
    gives_way: str  # why it makes room for runs of others, or ""

    def look(self) -> None: ...


def train_beyond(execution: Execution, config: RunConfig, checkpoint: Path | None) -> Iterator[Event]:
    """The run's events from a node of its executor; raises as `proxy.train`, and ConfigError for a file that is wrong."""
    from cnnlab.executors import proxy

    place = settings.find(execution.store.home, config.device)
    message, looked = "", 0.0

    def is_in(state: State) -> bool:
        nonlocal looked
        if time.monotonic() - looked > LOOK_SECONDS:
            execution.look()
            looked = time.monotonic()
        return execution.state is state

    def pause() -> None:
        with suppress(RunStateError):  # it was asked to stop meanwhile
            patiently(lambda: execution.store.pause(execution.run_id))

    def wait(reason: str) -> None:
        nonlocal message
        if reason != message:
            message = reason
            with suppress(RunStateError):
                patiently(lambda: execution.store.adopt(execution.run_id, execution.process, reason))

    asked = proxy.Asked(lambda: is_in(State.PAUSING) or bool(execution.gives_way), lambda: is_in(State.STOPPING), pause, wait)
    begins = None if checkpoint else zoo.pretrained(config.architecture, config.options)
    weights = zoo_files.needed(begins, zoo_files.folders(execution.store.home)) if begins else None
    yield from proxy.train(proxy.Order(place, execution.run_id, config, execution.folder, checkpoint, weights), asked)


def interrupt(store: Store, run_id: str, process: Process, message: str) -> State:
    """Interrupts the run of this process, whose node is lost; the lab resumes it."""

    def attempt() -> State:
        for run in store.active():
            if run.id == run_id and run.process == process:
                store.interrupt(run, message)
        return store.run(run_id).state

    return patiently(attempt)
