"""The process of one sweep. The dispatcher starts one for each sweep that goes on, and another one where it has died.

It outlives the dispatcher. It never imports torch: checks of settings are the helper's.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from cnnlab.compute.helper import Helper
from cnnlab.errors import ComputeError, InstallationError, StoreError, SweepNotFound
from cnnlab.forecasts.admission import Admission
from cnnlab.forecasts.forecaster import Forecaster
from cnnlab.runs.store import Store
from cnnlab.runs.sweep_store import SweepStore
from cnnlab.system import background, processes
from cnnlab.system.home import private_folder, sweep_folder
from cnnlab.workers.journal import patiently
from cnnlab.workers.queueing import Queueing
from cnnlab.workers.sweep import Sweeper

POLL_SECONDS = 0.5
WAIT_SECONDS = 3.0  # between two attempts where record, study or helper could not be used
LOCK_SECONDS = 5.0  # for the process before, which may be about to exit


def serve(home: Path, sweep_id: str) -> None:
    """Works on the sweep until it needs no process. Starts the dispatcher where that has died while runs wait."""
    from cnnlab.workers.study import Study

    store = patiently(lambda: Store(home))
    sweeps, helper = SweepStore(store), Helper(home)
    forecaster = Forecaster(partial(helper.ask, "device_speed"), helper.layers, store)
    queueing = Queueing(helper, Admission(forecaster, store), store)
    sweeper: Sweeper | None = None
    try:
        patiently(lambda: sweeps.adopt(sweep_id, processes.current()))
        while store.path.exists():  # else the home was deleted
            wait = POLL_SECONDS
            try:
                sweeper = sweeper or Sweeper(store, queueing, sweep_id, study=Study)
                if not sweeper.turn():
                    return
                if not background.running(home):
                    background.ensure(home)
            except ComputeError:
                wait = WAIT_SECONDS  # the dispatcher does not start; pages show why
            except StoreError as error:
                if not error.temporary:
                    raise
                wait = WAIT_SECONDS
            time.sleep(wait)
    except SweepNotFound:
        return  # deleted
    except (StoreError, InstallationError) as error:
        message = str(error)
        patiently(lambda: sweeps.end(sweep_id, message, failed=True))
    finally:
        if sweeper is not None:
            sweeper.close()
        helper.close()
        store.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m cnnlab.workers.sweeper --home DIR ID``; exits if another process works on this sweep."""
    parser = argparse.ArgumentParser(description="Works on a sweep. The lab starts it automatically.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("sweep")
    options = parser.parse_args(arguments)
    processes.keep_files_private()
    sweep_folder(options.home, options.sweep)  # raises SweepNotFound for what is no id
    lock = FileLock(private_folder(options.home) / f"sweep-{options.sweep}.lock")
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        return 0
    try:
        serve(options.home, options.sweep)
    finally:
        lock.release()
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the web server's terminal must not end it
    sys.exit(main())
