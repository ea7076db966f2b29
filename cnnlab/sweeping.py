"""What pages ask and do about sweeps. Needs neither torch nor Optuna: everything is read from the record."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from cnnlab.config_words import words
from cnnlab.errors import RunNotFound
from cnnlab.runs.store import Store
from cnnlab.runs.sweep_store import SweepStore
from cnnlab.spreadsheet import csv_text
from cnnlab.sweeps.values import Sweep, SweepConfig, Trial
from cnnlab.system import background, processes
from cnnlab.system.home import sweep_folder
from cnnlab.workers.queueing import Queueing


class Sweeps:
    """The sweeps of one lab. An `owner` of None is the command line, which may change every sweep.

    `delete_run` is `Lab.delete`; `record` is the sweeps' record, where it is not the plain one of `store`.
    """

    def __init__(
        self, store: Store, queueing: Queueing, data: Path | None, delete_run: Callable[..., None], record: SweepStore | None = None
    ) -> None:
        self._home, self._store, self._data = store.home, record or SweepStore(store), data
        self._queueing = queueing
        self._delete_run = delete_run

    def start(self, config: SweepConfig, *, token: str, name: str = "", owner: str = "") -> str:
        """Begins a sweep in the background and returns its id; the same `token` twice is one sweep.

        Begins nothing and raises what `Lab.start` would for a run of the base's settings, except that the owner may have as many
        runs as the lab allows: the sweep then waits.
        """
        if not self._store.made_with(token):
            self._store.check_may_create()
            self._queueing.check(config.base, self._data, owner)
        sweep_id = self._store.create(config, token, name.strip() or config.base.title, owner=owner, data=self._data)
        background.ensure(self._home)
        return sweep_id

    def get(self, sweep_id: str) -> Sweep:
        """Raises SweepNotFound."""
        return self._going_on(self._store.sweep(sweep_id))[0]

    def all(self, limit: int = 200) -> tuple[Sweep, ...]:
        """The newest `limit`, newest first, each with its trials."""
        return self._going_on(*self._store.sweeps(limit))

    def trials(self, sweep_id: str) -> tuple[Trial, ...]:
        """In the order in which they were made. Raises SweepNotFound."""
        return self.get(sweep_id).trials

    def stop(self, sweep_id: str, *, owner: str | None = None, now: bool = False) -> None:
        """Makes no further run and takes back those that wait. Those that train finish; with `now` they stop too.

        No effect on a sweep that has ended. Raises SweepNotFound; RunStateError for another owner's.
        """
        self._store.stop(sweep_id, owner=owner, now=now)

    def resume(self, sweep_id: str, *, owner: str | None = None) -> None:
        """Goes on with a sweep that was stopped, failed, or ran out of minutes, which count from 0 again.

        Raises SweepNotFound; RunStateError where nothing is left to try.
        """
        self._store.resume(sweep_id, owner=owner)
        background.ensure(self._home)

    def delete(self, sweep_id: str, *, owner: str | None = None, with_runs: bool = False) -> None:
        """Deletes a sweep that has ended. Its runs stay, with its tag; `with_runs` deletes them too.

        Raises SweepNotFound; RunStateError where it or one of these runs has not ended, or belongs to another owner.
        """
        run_ids = self._store.sweep(sweep_id).run_ids if with_runs else ()
        self._store.check_may_delete(sweep_id, owner=owner)
        for run_id in run_ids:
            with suppress(RunNotFound):
                self._delete_run(run_id, owner=owner)
        self._store.delete(
            sweep_id, owner=owner, first=lambda: shutil.rmtree(sweep_folder(self._home, sweep_id), ignore_errors=True)
        )

    def csv(self, sweep_id: str) -> str:
        """The trials as a CSV file, a row each. Raises SweepNotFound."""
        sweep = self._store.sweep(sweep_id)
        names = [each.setting for each in sweep.config.dimensions]
        header = ("trial", "run", "state", *names, sweep.goal, "epochs done", "epochs", "seconds", "message")
        return csv_text(header, (_row(trial, names) for trial in sweep.trials))

    def shut_down(self) -> None:
        """Ends the processes of sweeps that a dispatcher before has left; they go on when the lab is used again."""
        for _, process in self._store.active():
            processes.end_family(process)

    def _going_on(self, *sweeps: Sweep) -> tuple[Sweep, ...]:
        """Starts the background process where a sweep needs it and it has died."""
        if any(sweep.ended is None for sweep in sweeps) and not background.running(self._home):
            background.ensure(self._home)
        return sweeps


def _row(trial: Trial, names: list[str]) -> tuple[Any, ...]:
    values = (_cell(name, trial.values[name]) for name in names)
    seconds = None if trial.seconds is None else round(trial.seconds, 3)
    figures = trial.accuracy, trial.epochs_done, trial.epochs, seconds
    return (trial.number, trial.run_id, trial.state, *values, *figures, trial.message)


def _cell(name: str, value: Any) -> Any:
    """Numbers stay numbers; the rest is in words."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else words(name, value)
