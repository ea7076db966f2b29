"""Weights that a user brings, as a run that trains nothing: checked by the helper, then queued. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cnnlab.architectures.own_code import check_not_own
from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError, StoreError
from cnnlab.i18n import say
from cnnlab.runs.records import IMPORTED
from cnnlab.runs.store import Store
from cnnlab.system import brought_weights
from cnnlab.text import size_text
from cnnlab.workers.queueing import Queueing

MOST_UPLOADED = 20_000_000  # bytes; the web process holds uploads in memory, and the command line takes larger files
_PATIENCE = 60.0  # seconds


class ImportedWeights:
    """Imports into one lab."""

    def __init__(self, home: Path, data: Path | None, ask: Callable[..., Any], queueing: Queueing, store: Store) -> None:
        self._home, self._data, self._ask = home, data, ask
        self._queueing, self._store = queueing, store

    def start(self, config: RunConfig, content: bytes, *, token: str, name: str = "", owner: str = "") -> str:
        """Queues the run that evaluates these weights, and returns its id; the same `token` twice is one run.

        Raises CheckpointError where they cannot be read or do not fit the network, and as `Lab.start` does.
        """
        check_not_own(config.architecture)
        if len(content) > MOST_UPLOADED:
            raise ConfigError(
                say(
                    "The file has {size}; a page takes at most {most}. Import larger ones by the command line.",
                    size=size_text(len(content)),
                    most=size_text(MOST_UPLOADED),
                )
            )
        config = config.change(epochs=1, device="auto")  # nothing is trained: no place beyond this machine
        try:
            place = brought_weights.bring(self._home, token, content)
        except OSError as error:
            raise StoreError(say("The file cannot be kept in the lab's folder: {reason}.", reason=error.strerror)) from error
        try:
            self._ask("check_weights", deadline=_PATIENCE, config=config, token=token)
            run_id = self._queueing.start(config, self._data, token=token, name=name, owner=owner)
        except BaseException:
            place.unlink(missing_ok=True)
            raise
        self._store.tag(run_id, add=[IMPORTED])
        return run_id
