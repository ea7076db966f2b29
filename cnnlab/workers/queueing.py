"""How a run gets into the queue: the one place that checks it and makes it, for pages and for sweeps. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from cnnlab.architectures.own_code import check_not_own
from cnnlab.compute.helper import Helper
from cnnlab.config import RunConfig
from cnnlab.forecasts.admission import Admission, Admitted
from cnnlab.runs.records import Run
from cnnlab.runs.store import Store
from cnnlab.system import background


class Queueing:
    """Queues the runs of the lab whose record is `store`."""

    def __init__(self, helper: Helper, admission: Admission, store: Store) -> None:
        self._helper = helper
        self._admission = admission
        self._store = store

    def check(self, config: RunConfig, data: Path | None, owner: str) -> Admitted:
        """What this lab allows. Raises DeviceError, DataError, ShapeError, LimitError, or ConfigError where memory is too small.

        Raises NotAllowed for own code, before any of it is run.
        """
        check_not_own(config.architecture)
        self._helper.ask("check_run", config=config, data=data)
        return self._admission.new(config, owner)

    def start(self, config: RunConfig, data: Path | None, *, token: str, name: str = "", owner: str = "", note: str = "") -> str:
        """Queues a run and returns its id; the same `token` twice is one run. Raises as `check`, and then queues nothing."""
        run_id = self._store.made_with(token)
        if run_id is None:
            allowed = self.check(config, data, owner)
            name = name.strip() or config.title
            run_id = self._store.create(config, token, name, owner=owner, note=note, data=data, admit=allowed.admit)
        background.ensure(self._store.home)
        return run_id

    def again(self, run: Run, *, owner: str | None = None) -> None:
        """Queues a run that has ended without finishing. Raises LimitError where limits have been lowered; RunStateError."""
        self._store.resume(run.id, owner=owner, admit=self._admission.further(run, run.config).admit)
        background.ensure(self._store.home)
