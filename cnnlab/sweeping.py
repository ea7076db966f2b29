"""What pages ask and do about sweeps. Needs neither torch nor Optuna: everything is read from the record."""

from __future__ import annotations

from pathlib import Path

from cnnlab.runs.store import Store
from cnnlab.sweeps.values import Sweep, SweepConfig, Trial


class Sweeps:
    """The sweeps of one lab. An `owner` of None is the command line, which may change every sweep."""

    def __init__(self, home: Path, data: Path | None, store: Store) -> None:
        self._home, self._data = home, data

    def start(self, config: SweepConfig, *, token: str, name: str = "", owner: str = "") -> str:
        """Begins a sweep in the background and returns its id; the same `token` twice is one sweep. Raises StoreError."""
        raise NotImplementedError

    def get(self, sweep_id: str) -> Sweep:
        """Raises SweepNotFound."""
        raise NotImplementedError

    def all(self) -> tuple[Sweep, ...]:
        """Newest first, each with its trials."""
        raise NotImplementedError

    def trials(self, sweep_id: str) -> tuple[Trial, ...]:
        """In the order in which they were made. Raises SweepNotFound."""
        raise NotImplementedError

    def stop(self, sweep_id: str, *, owner: str | None = None, now: bool = False) -> None:
        """Makes no further run and takes back those that wait. Those that train finish; with `now` they stop too.

        No effect on a sweep that has ended. Raises SweepNotFound; RunStateError for another owner's.
        """
        raise NotImplementedError

    def resume(self, sweep_id: str, *, owner: str | None = None) -> None:
        """Goes on with a sweep that was stopped, failed, or ran out of minutes, which count from 0 again.

        Raises SweepNotFound; RunStateError where nothing is left to try.
        """
        raise NotImplementedError

    def delete(self, sweep_id: str, *, owner: str | None = None, with_runs: bool = False) -> None:
        """Deletes a sweep that has ended; its runs stay, unless `with_runs`. Raises SweepNotFound, RunStateError."""
        raise NotImplementedError

    def csv(self, sweep_id: str) -> str:
        """The trials as a CSV file, a row each. Raises SweepNotFound."""
        raise NotImplementedError
