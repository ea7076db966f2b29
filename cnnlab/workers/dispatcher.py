"""One process per home: keeps the helper alive and starts a runner for each queued run, one at a time on each device.

It loads torch once but starts no thread and no CUDA, so that on Linux its children are forks which share torch's memory and
start in milliseconds; elsewhere they are spawned. It leaves when nobody has needed it for a while.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cnnlab.compute import server
from cnnlab.errors import CNNLabError, InstallationError, RunNotFound, RunStateError
from cnnlab.runs.fairness import next_run
from cnnlab.runs.records import State
from cnnlab.runs.store import ActiveRun, Store
from cnnlab.system import background, processes
from cnnlab.system.home import code_fingerprint, private_folder
from cnnlab.workers import runner
from cnnlab.workers.watch import mark_interrupted, may_resume, resume_by_itself

POLL_SECONDS = 0.1
LOOK_SECONDS = 1.0  # between looks at processes, which cost more than one at the queue
IDLE_SECONDS = 600.0
PAUSE_SECONDS = 3.0  # without a question, before it leaves because its code has changed
RESUME_SECONDS = 2.0  # that an interrupted run is shown as such before it is resumed by itself
LOCK_SECONDS = 2.0
BREATH_SECONDS = 3.0  # after the helper has started: page and first answers have the processor to themselves, if no run waits
FORKS = sys.platform == "linux"  # macOS forks too, but its libraries do not survive it

# What the children need, loaded before they are forked, so that it is paid for once. The helper is forked in between: a page
# waits for its first answer, and what only training needs takes 2 s and 150 MB more.
FOR_HELPER = ("torch", "cnnlab.compute.predictions", "cnnlab.compute.speeds")
FOR_RUNNERS = (
    "torch._dynamo",  # an optimiser's first step imports it
    "cnnlab.training.engine",
)


class Dispatcher:
    """The loop. `turn` is one round of it, so that a test can go step by step."""

    def __init__(self, home: Path, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self.home = home
        self.store = Store(home)
        self.me = (os.getpid(), processes.identity(os.getpid()))
        self._context: Any = multiprocessing.get_context("fork" if FORKS else "spawn")
        self._idle_seconds = idle_seconds
        self._helper: BaseProcess | None = None
        self._helper_started = 0.0
        self._runners: dict[str, tuple[BaseProcess, str]] = {}  # by run, with the device
        self._interrupted: dict[str, float] = {}  # runs that may be resumed, and since when we know
        self._devices: dict[str, str] = {}
        self._code = code_fingerprint()
        self._looked = 0.0
        self._needed = time.monotonic()  # not by the clock, which may be set
        self._heartbeat = 0.0

    def serve(self) -> None:
        """Works until nobody has needed it for long, or its code is out of date and nothing runs."""
        load(FOR_HELPER)
        self._look()
        until = time.monotonic() + BREATH_SECONDS
        while time.monotonic() < until and not self.store.active():
            time.sleep(POLL_SECONDS)
        load(FOR_RUNNERS)
        while self.turn():
            time.sleep(POLL_SECONDS)
        self.close()

    def turn(self) -> bool:
        """One round: looks after the children, claims what can start. False when it is time to leave."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            if background.known(self.home) != self.me:
                return False  # the home was deleted, or has another dispatcher now
            self._look()
        resumable = self._resume_interrupted()
        active = self.store.active()
        if active or resumable:
            self._needed = time.monotonic()
            self._start_runs(active)
            return True
        return not self._may_leave()

    def close(self) -> None:
        """Ends the helper; runners go on."""
        if self._helper is not None:
            self._helper.terminate()
            self._helper.join(5)
        self.store.close()

    def _look(self) -> None:
        """Starts the helper if it is gone; marks runs as interrupted whose process is gone."""
        self._looked = time.monotonic()
        if self._helper is None or not self._helper.is_alive():
            if self._helper is not None:
                self._helper.join()
                # One that dies at once is not started again and again at full speed.
                time.sleep(max(0.0, min(1.0, self._helper_started + 2.0 - time.monotonic())))
            self._helper_started = time.monotonic()
            self._helper = self._start(server.serve_in_process, self.home, self.me)
        self._collect_runners()
        # A runner may die before it has said that the run is its own; until then the run is ours, and we live.
        lost = {run.id for run in self.store.active() if (run.pid, run.pid_started) == self.me and run.id not in self._runners}
        mark_interrupted(self.store, lost)

    def _collect_runners(self) -> None:
        for run_id, (process, _) in list(self._runners.items()):
            if not process.is_alive():  # this also collects the zombie
                process.join()
                del self._runners[run_id]

    def _resume_interrupted(self) -> bool:
        """Queues what was interrupted, once people have had time to see it; True while there is something to wait for."""
        now = time.monotonic()
        waiting = may_resume(self.store)
        self._interrupted = {run_id: self._interrupted.get(run_id, now) for run_id in waiting}
        for run_id, known_since in self._interrupted.items():
            if now - known_since >= RESUME_SECONDS:
                resume_by_itself(self.store, run_id)
        return bool(waiting)

    def _start_runs(self, active: Sequence[ActiveRun]) -> None:
        """Starts what the free devices have room for, owners in turn."""
        self._collect_runners()
        going = [run for run in active if not run.waits]
        # A runner that still puts its things away holds its device's memory, and may not meet itself.
        # A run at a command line bears no device until its training has begun.
        busy = {run.device or self._resolve(run.config.device) for run in going} | {device for _, device in self._runners.values()}
        queued = [run for run in active if run.waits and self._resolve(run.config.device) not in busy]
        while queued:
            run_id = next_run(queued, going, self.store.turns())
            run = next(run for run in queued if run.id == run_id)
            device = self._resolve(run.config.device)
            if self._claim(run, device):
                going.append(run)
                queued = [other for other in queued if self._resolve(other.config.device) != device]
            else:
                queued.remove(run)

    def _claim(self, run: ActiveRun, device: str) -> bool:
        try:
            self.store.move(run.id, State.STARTING, device=device, pid=self.me[0], pid_started=self.me[1])
        except (RunStateError, RunNotFound):
            return False  # paused, stopped or deleted while it waited
        self._runners[run.id] = (self._start(runner.run_in_process, self.home, run.id), device)
        return True

    def _resolve(self, device: str) -> str:
        """The concrete name of a device. A child finds out: asking CUDA would start it here, and it does not survive a fork."""
        if device not in self._devices:
            reader, writer = self._context.Pipe(duplex=False)
            child = self._start(_tell_device, device, writer)
            writer.close()
            try:
                answer = reader.recv_bytes(1_000).decode()
            except EOFError:
                return device  # the runner will meet the same trouble and can say so in its run
            finally:
                reader.close()
                child.join()
            self._devices[device] = answer
        return self._devices[device]

    def _start(self, target: Callable[..., None], *arguments: Any) -> BaseProcess:
        self.store.close()  # a connection must not be carried through a fork
        process = self._context.Process(target=target, args=arguments)
        process.start()
        return process

    def _may_leave(self) -> bool:
        if self._runners:
            return False
        beat = server.heartbeat_file(self.home)
        if beat.exists() and beat.stat().st_mtime != self._heartbeat:
            self._heartbeat, self._needed = beat.stat().st_mtime, time.monotonic()
        idle = time.monotonic() - self._needed
        if idle > self._idle_seconds:
            return True
        # Old code should not answer for long, but neither end while it answers. Looked at once a second, after the processes.
        return idle > PAUSE_SECONDS and time.monotonic() - self._looked < POLL_SECONDS and code_fingerprint() != self._code


def _tell_device(device: str, writer: Any) -> None:
    from cnnlab.training.devices import resolve

    try:
        writer.send_bytes(resolve(device).encode())
    except CNNLabError:
        writer.send_bytes(device.encode())  # it is not there: the runner says so in its run
    finally:
        writer.close()


def load(names: Sequence[str]) -> None:
    """Imports modules for the children to share. Raises InstallationError with what to do where that fails."""
    if not FORKS:
        return  # a spawned child loads its own
    for name in names:
        try:
            with _without_unused_compiler():
                importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise InstallationError(f"The package {error.name} is not installed: run pip install -r requirements.txt.") from error
        except (ImportError, OSError, RuntimeError) as error:
            reason = (str(error).strip().splitlines() or ["no reason given"])[0]
            raise InstallationError(
                f"torch and torchvision cannot be loaded ({reason[:200]}): if the two do not fit together, "
                "install both from one index, as the README says."
            ) from error
    gc.collect()
    gc.freeze()  # else the collector writes to every page that the children share


@contextmanager
def _without_unused_compiler() -> Iterator[None]:
    """While this is open, Triton seems not to be installed, unless it is loaded or there is a GPU to compile for.

    torch._dynamo loads it wherever it can: 71 MB. Compiling for the CPU has no use for it, and finds the same results in its cache.
    """
    torch = sys.modules.get("torch")
    # Counting asks the driver's management library; `is_available` would start CUDA here, and it does not survive a fork.
    if torch is None or "triton" in sys.modules or torch.cuda.device_count():
        yield
        return
    sys.modules["triton"] = None  # type: ignore[assignment]  # as Python marks what cannot be imported
    try:
        yield
    finally:
        del sys.modules["triton"]


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m cnnlab.workers.dispatcher --home DIR``; leaves at once if the home has a dispatcher."""
    parser = argparse.ArgumentParser(description="Starts queued runs. The lab starts this by itself.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--idle", type=float, default=IDLE_SECONDS, help="seconds without work after which it leaves")
    given = parser.parse_args(arguments)
    processes.detach()
    lock = FileLock(private_folder(given.home) / "dispatcher.lock")
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        return 0
    background.announce(given.home)
    try:
        Dispatcher(given.home, idle_seconds=given.idle).serve()
    except InstallationError as error:
        traceback.print_exc()
        background.complain(given.home, error)
        return 1
    finally:
        lock.release()
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal of the web server is not meant for us
    code = main()
    sys.stderr.flush()
    os._exit(code)  # torch's compiler libraries complain at length about an orderly end
