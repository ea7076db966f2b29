"""A process that has loaded torch and waits for a run, where processes cannot be forked.

There a runner takes seconds to load torch before a run can begin. The spare has done that while nothing else was to be done, and
another one is started once no run is in progress.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from cnnlab.errors import InstallationError
from cnnlab.forecasts import forecaster
from cnnlab.workers import runner
from cnnlab.workers.preloading import FOR_RUNNERS, load_here

ROOM = 2 << 30  # bytes that must be available for a process of 365 MB that may never be needed

Start = Callable[..., BaseProcess]


class Spare:
    """At most one process that waits. `start` starts a process with a function and its arguments."""

    def __init__(self, home: Path, context: Any, start: Start) -> None:
        self._home, self._context, self._start = home, context, start
        self._process: BaseProcess | None = None
        self._writer: Any = None

    def prepare(self) -> None:
        """Starts one, unless it waits already or memory is short."""
        if self._process is not None and self._process.is_alive():
            return
        self.close()
        if forecaster.available() < ROOM:
            return
        reader, self._writer = self._context.Pipe(duplex=False)
        self._process = self._start(wait, self._home, reader)
        reader.close()

    def take(self, run_id: str) -> BaseProcess | None:
        """The process, which from now on trains the run; None where none waits."""
        process, writer = self._process, self._writer
        self._process = self._writer = None
        if process is None:
            return None
        try:
            writer.send_bytes(run_id.encode())
        except OSError:  # it has ended
            process.join()
            return None
        finally:
            writer.close()
        return process

    def close(self) -> None:
        """Ends it: it notices that nothing more is to come."""
        process, writer = self._process, self._writer
        self._process = self._writer = None
        if process is not None:
            writer.close()
            process.join(1.0)


def wait(home: Path, reader: Any) -> None:
    """The spare process: loads what a run needs, and trains the run whose id it receives. Ends with the dispatcher."""
    with suppress(InstallationError):  # the run says it
        load_here(FOR_RUNNERS)
    try:
        run_id = reader.recv_bytes(100).decode()
    except EOFError:
        return
    finally:
        reader.close()
    runner.run_in_process(home, run_id)
