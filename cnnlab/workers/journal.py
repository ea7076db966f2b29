"""Stores a run's events; those that cannot be stored now, because of a full disk or a locked record, later, in order and once."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cnnlab.errors import RunStateError, StoreError
from cnnlab.events import Event
from cnnlab.runs.records import State
from cnnlab.runs.store import BUSY_SECONDS, Store
from cnnlab.system.processes import Process

PATIENCE_SECONDS = 600.0  # for what cannot be put off; then the process ends, and the lab resumes the run from its checkpoint
MOST_SECONDS = 3_600.0  # that events of a training wait in memory; then likewise
RETRY_SECONDS = 2.0
FIRST_SECONDS, BRIEF_SECONDS = 1.0, 0.2  # that the first and each further attempt may hold up the training

Result = TypeVar("Result")


@dataclass
class Journal:
    """The events of one run, as its `process` stores them."""

    store: Store
    run_id: str
    process: Process
    _waiting: deque[tuple[Event, dict[str, Any]]] = field(default_factory=deque)
    _next_attempt: float = 0.0
    _stored: float = field(default_factory=time.monotonic)  # when nothing waited last

    def add(self, event: Event, **details: Any) -> State | None:
        """The run's state after the event; None while it and others wait. `details` and errors are those of `Store.add`.

        An event with a transition that the table forbids is dropped.
        """
        self._waiting.append((event, details))
        if time.monotonic() < self._next_attempt:
            return None
        try:
            return self._store_all(FIRST_SECONDS if len(self._waiting) == 1 else BRIEF_SECONDS)
        except StoreError as error:
            if not error.temporary or time.monotonic() - self._stored > MOST_SECONDS:
                raise
            self._next_attempt = time.monotonic() + RETRY_SECONDS
            return None

    def finish(self, event: Event, **details: Any) -> State:
        """Like `add`, but waits until all events are stored. Raises StoreError where that takes longer than PATIENCE_SECONDS."""
        self._waiting.append((event, details))
        state = patiently(lambda: self._store_all(BUSY_SECONDS))
        self._next_attempt = 0.0
        return state

    def _store_all(self, busy_seconds: float) -> State:
        while True:
            event, details = self._waiting[0]
            try:
                state = self.store.add(self.run_id, event, process=self.process, busy_seconds=busy_seconds, **details)
            except RunStateError:
                if len(self._waiting) > 1 and details.get("to") is not None:
                    # It has trained since the event, and was asked to end meanwhile: the event counts, its transition does not.
                    self._waiting[0] = (event, {"history": details.get("history", ())})
                    continue
                self._waiting.popleft()
                raise
            self._waiting.popleft()
            if not self._waiting:
                self._stored = time.monotonic()
                return state


def patiently(attempt: Callable[[], Result]) -> Result:
    """The result of `attempt`, tried again for PATIENCE_SECONDS where it raises a temporary StoreError."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return attempt()
        except StoreError as error:
            if not error.temporary or time.monotonic() > until:
                raise
            with suppress(OSError):  # the log is on the full disk too
                sys.stderr.write(f"Tried again in {RETRY_SECONDS:g} s: {error}\n")
            time.sleep(RETRY_SECONDS)
