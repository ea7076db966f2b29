"""The record as one person of a class sees it: what they may not change is refused here, whatever a page shows or asks for."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnnlab.access.roles import Action, Person
from cnnlab.config import RunConfig
from cnnlab.errors import NotAllowed, RunNotFound, SweepNotFound
from cnnlab.events import EpochDone, Event, Progress
from cnnlab.runs import store_lifecycle, store_log, store_rows, sweep_rows
from cnnlab.runs.records import Run, Runs, State
from cnnlab.runs.store import Store
from cnnlab.runs.summaries import MOST_RUNS, Summaries
from cnnlab.runs.sweep_store import SweepStore
from cnnlab.sweeps.values import Sweep, SweepConfig


class SeenStore(Store):
    """Every request is this person's: the `owner` that a caller names does not count."""

    def __init__(self, store: Store, person: Person) -> None:
        self.__dict__.update(vars(store))  # the same file and connections
        self._person = person
        self._read: tuple[Summaries, Summaries] | None = None  # of everyone, and as seen

    def create(self, config: RunConfig, token: str, name: str = "", state: State = State.QUEUED, **details: Any) -> str:
        """Raises NotAllowed where this person starts nothing, and for own code. The run is theirs."""
        self._person.check_start()
        return super().create(config, token, name, state, **(details | {"owner": self._person.name, "own_code": False}))

    def run(self, run_id: str) -> Run:
        run = super().run(run_id)
        if not self._sees(run.owner):
            raise RunNotFound(f"There is no run {run_id}.")
        return self._shown(run)

    def runs(self, limit: int = 200) -> Runs:
        every = super().runs(MOST_RUNS if self._person.apart else limit)
        seen = Runs([self._shown(run) for run in every if self._sees(run.owner)][: max(0, limit)])
        seen.unreadable = () if self._person.apart else every.unreadable
        return seen

    def summaries(self, limit: int = MOST_RUNS, known: Summaries | None = None) -> Summaries:
        every = super().summaries(limit, self._read[0] if self._read else None)
        if self._read is None or self._read[0] is not every:
            self._read = every, self._of_person(every)
        return self._read[1]

    def queue(self) -> tuple[Run, ...]:
        return tuple(self._shown(run) for run in super().queue() if self._sees(run.owner))

    def data_folder(self, run_id: str) -> Path | None:
        self._check_seen(run_id)
        return super().data_folder(run_id)

    def events(self, run_id: str, after: int = 0) -> tuple[tuple[int, Event], ...]:
        self._check_seen(run_id)
        return super().events(run_id, after)

    def epochs(self, run_id: str) -> tuple[EpochDone, ...]:
        self._check_seen(run_id)
        return super().epochs(run_id)

    def progress(self, run_id: str, points: int = 500) -> tuple[Progress, ...]:
        self._check_seen(run_id)
        return super().progress(run_id, points)

    def _own(self, connection: sqlite3.Connection, run_id: str, owner: str | None, did: str) -> sqlite3.Row:
        row = store_rows.row_of(connection, run_id)
        if not self._sees(row["owner"]):
            raise RunNotFound(f"There is no run {run_id}.")
        try:
            self._person.check_change(row["owner"])
        except NotAllowed:
            store_log.add(connection, self._clock(), self._person.name, did, what=row["id"], whose=row["owner"], refused=True)
            connection.execute("COMMIT")  # nothing else has been written, and the error would undo this row
            raise
        return store_lifecycle.own(connection, run_id, None, did, self._clock(), who=self._person.name)

    def _sees(self, owner: str) -> bool:
        return self._person.may(Action.SEE, owner)

    def _check_seen(self, run_id: str) -> None:
        if self._person.apart:
            self.run(run_id)

    def _shown(self, run: Run) -> Run:
        return replace(run, owner=self._person.shown(run.owner)) if self._person.initials else run

    def _of_person(self, every: Summaries) -> Summaries:
        if not (self._person.apart or self._person.initials):
            return every
        runs = tuple(run._replace(owner=self._person.shown(run.owner)) for run in every.runs if self._sees(run.owner))
        # What pages keep by the version must not reach another person: a version holds the name.
        version = (int.from_bytes(self._person.name.encode()) << 64) + every.version
        return Summaries(version, runs, () if self._person.apart else every.unreadable, every.newest)


class SeenSweepStore(SweepStore):
    """The same for sweeps."""

    def __init__(self, store: Store, person: Person) -> None:
        super().__init__(store)
        self._person = person

    def create(self, config: SweepConfig, token: str, name: str, **details: Any) -> str:
        """Raises NotAllowed where this person starts nothing. The sweep is theirs."""
        self.check_may_create()
        return super().create(config, token, name, **(details | {"owner": self._person.name}))

    def check_may_create(self) -> None:
        self._person.check_start()

    def check_may_delete(self, sweep_id: str, *, owner: str | None = None) -> None:
        try:
            super().check_may_delete(sweep_id, owner=owner)
        except NotAllowed:
            with self._transaction(write=True) as connection:
                whose = sweep_rows.row_of(connection, sweep_id)["owner"]
                store_log.add(
                    connection, self._clock(), self._person.name, "sweep delete", what=sweep_id, whose=whose, refused=True
                )
            raise

    def sweep(self, sweep_id: str) -> Sweep:
        found = super().sweep(sweep_id)
        if not self._person.may(Action.SEE, found.owner):
            raise SweepNotFound(f"There is no sweep {sweep_id}.")
        return replace(found, owner=self._person.shown(found.owner))

    def sweeps(self, limit: int = 200) -> tuple[Sweep, ...]:
        every = super().sweeps(MOST_RUNS if self._person.apart else limit)
        seen = [replace(each, owner=self._person.shown(each.owner)) for each in every if self._person.may(Action.SEE, each.owner)]
        return tuple(seen[:limit])

    def _own(self, connection: sqlite3.Connection, sweep_id: str, owner: str | None, did: str, *, who: str = "") -> sqlite3.Row:
        row = sweep_rows.row_of(connection, sweep_id)
        if not self._person.may(Action.SEE, row["owner"]):
            raise SweepNotFound(f"There is no sweep {sweep_id}.")
        try:
            self._person.check_change(row["owner"], "sweep")
        except NotAllowed:
            if did:
                store_log.add(connection, self._clock(), self._person.name, did, what=row["id"], whose=row["owner"], refused=True)
                connection.execute("COMMIT")
            raise
        return super()._own(connection, sweep_id, None, did, who=self._person.name)
