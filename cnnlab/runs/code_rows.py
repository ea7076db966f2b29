"""Kept files of own code: each stays as long as a run in the record needs it.

A run is made in a transaction that first keeps its file (again), and a file is deleted in a transaction that first looks for runs.
Transactions that write follow each other, so no run is left without its code.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from cnnlab.architectures import own_code
from cnnlab.config import RunConfig
from cnnlab.runs.store import Store
from cnnlab.system import files, kept_code
from cnnlab.system.home import store_file
from cnnlab.system.kept_code import KeptCode


def dropping(home: Path, config: RunConfig, run_id: str) -> Callable[[sqlite3.Connection], None]:
    """What deletes the files of a run, in the transaction that deletes its row; and its code, unless another run needs it."""

    def drop(connection: sqlite3.Connection) -> None:
        files.delete_run(home, run_id)
        if config.architecture == own_code.NAME:
            code = KeptCode.read(config.options[own_code.OPTION])
            if not _needed(connection, code, but=run_id):
                kept_code.drop(home, code)

    return drop


def drop_unneeded(home: Path, code: KeptCode) -> None:
    """Deletes a file that no run has come to need."""
    if not store_file(home).exists():  # a lab without a record has no run
        kept_code.drop(home, code)
        return
    with closing(Store(home)) as store, store.transaction(write=True) as connection:
        if not _needed(connection, code):
            kept_code.drop(store.home, code)


def _needed(connection: sqlite3.Connection, code: KeptCode, but: str = "") -> bool:
    # By the connection of the transaction: on a full disk it may be alone, and a second one would find the record locked.
    wanted = "SELECT 1 FROM runs WHERE id != ? AND instr(config, ?) LIMIT 1"
    return connection.execute(wanted, (but, f"@{code.digest}")).fetchone() is not None
