"""One process per home: keeps the helper alive and starts a runner for each queued run, as many on a device as limits say.

It loads torch once but starts no thread and no CUDA. So on Linux its children are forks, which share torch's memory and start in
milliseconds; elsewhere they are spawned. It exits after ten minutes without work.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cnnlab.compute import server
from cnnlab.errors import InstallationError, RunNotFound, RunStateError, StoreError
from cnnlab.i18n import say
from cnnlab.runs.fairness import next_run
from cnnlab.runs.records import State
from cnnlab.runs.store import ActiveRun, Store
from cnnlab.system import background, gpus, pausing, processes, room
from cnnlab.system.home import code_fingerprint, private_folder, proofs_file
from cnnlab.workers import runner
from cnnlab.workers.journal import patiently
from cnnlab.workers.placing import SETTLES, Placing, waits_for
from cnnlab.workers.preloading import FOR_HELPER, FOR_RUNNERS, FORKS, load
from cnnlab.workers.shares import GAVE_WAY, Shares
from cnnlab.workers.spare import Spare
from cnnlab.workers.sweepers import Sweepers
from cnnlab.workers.watch import AutoResume, interrupt_lost_runs

POLL_SECONDS = 0.1
CHECK_SECONDS = 1.0  # between checks of processes, which cost more than a check of the queue
OLD_CODE_SECONDS = 3.0  # without a question to the helper, before it exits because its code has changed
IDLE_SECONDS, LOCK_SECONDS = 600.0, 2.0
WAIT_SECONDS = 3.0  # between two attempts to use a record that is locked or cannot be written
PUT_BACK_SECONDS = 300.0  # after a run was put back, until one starts though no more room has become free
HELPER_FIRST_SECONDS = 3.0  # after the helper has started, so that first answers have the processor, if no run waits


class Dispatcher:
    """The main loop. `turn` is one round of it, which tests call on its own."""

    def __init__(self, home: Path, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self.home = home
        self.store = patiently(lambda: Store(home))
        self.me = processes.current()
        self._context: Any = multiprocessing.get_context("fork" if FORKS else "spawn")
        self._idle_seconds = idle_seconds
        self._helper: BaseProcess | None = None
        self._helper_started = self._heartbeat = 0.0
        self._runners: dict[str, tuple[BaseProcess, str]] = {}  # by run, with the device
        self._spare = Spare(home, self._context, self._start)
        self._auto_resume = AutoResume(self.store)
        self._sweepers = Sweepers(home, self.store)
        self._placing = Placing(home, self._ask)
        self._shares = Shares(self.store, self._placing.rules)
        self._obstacles: dict[str, str] = {}  # why runs wait though a device is free, as the record has it
        self._code, self._checked = code_fingerprint(), 0.0
        self._try_again = 0.0  # when the record could not be used
        self._needs, self._needs_until = room.LEAST_FREE, 0.0  # bytes that must be free before a run starts
        self._needed = time.monotonic()  # monotonic: the clock may be set back

    def serve(self) -> None:
        """Works until it has been idle for long, or its code is out of date and no run is in progress."""
        load(FOR_HELPER)
        patiently(self._check_processes)
        patiently(lambda: self._sweepers.turn(time.monotonic()))  # a sweep loads Optuna meanwhile
        until = time.monotonic() + HELPER_FIRST_SECONDS
        while time.monotonic() < until and not patiently(self.store.active):
            time.sleep(POLL_SECONDS)
        load(FOR_RUNNERS)
        while self.turn():
            time.sleep(POLL_SECONDS)
        self.close()

    def turn(self) -> bool:
        """One round: checks the children and starts runs. False when it should exit. A locked or full record is tried again."""
        if time.monotonic() < self._try_again:
            return True
        try:
            stays = self._turn()
        except StoreError as error:
            if not error.temporary:
                raise
            self._try_again = time.monotonic() + WAIT_SECONDS
            background.write_waiting(self.home, say("Queued runs wait: {reason}", reason=error))
            return True
        if self._try_again:
            self._try_again = 0.0
            background.write_waiting(self.home, "")
        return stays

    def _turn(self) -> bool:
        if time.monotonic() - self._checked >= CHECK_SECONDS:
            if background.known(self.home) != self.me:
                return False  # the home was deleted, or has another dispatcher
            room.keep_reserve(self.home)
            self._check_processes()
        goes_on = self._sweepers.turn(time.monotonic()) | self._auto_resume.turn(time.monotonic())
        active = self.store.active()
        waiting = {run.id for run in active if run.waits}
        self._obstacles = {run_id: reason for run_id, reason in self._obstacles.items() if run_id in waiting}
        if active or goes_on:
            self._needed = time.monotonic()
            self._collect_runners()
            if not pausing.paused(self.home) and self._has_room():
                self._start_runs(active)
            return True
        if not FORKS and not self._runners and time.monotonic() - self._checked < POLL_SECONDS:  # once a second
            self._spare.prepare()
        return not self._may_exit()

    def close(self) -> None:
        """Ends the helper and the spare process; runners keep training."""
        self._spare.close()
        if self._helper is not None:
            self._helper.terminate()
            self._helper.join(5)
        self.store.close()

    def _check_processes(self) -> None:
        """Starts the helper if none runs, and interrupts runs whose process has died."""
        self._checked = time.monotonic()
        if self._helper is None or not self._helper.is_alive():
            if self._helper is not None:
                self._helper.join()
                # A helper that crashes at once is not restarted at full speed.
                time.sleep(max(0.0, min(1.0, self._helper_started + 2.0 - time.monotonic())))
            self._helper_started = time.monotonic()
            room.make_room(self.home)  # for its address
            self._helper = self._start(server.serve_in_process, self.home, self.me)
        self._collect_runners()
        # Until its runner adopts it, a run belongs to this process, which lives; the runner may die before.
        lost = {run.id for run in self.store.active() if run.process == self.me and run.id not in self._runners}
        interrupt_lost_runs(self.store, lost)

    def _collect_runners(self) -> None:
        for run_id, (process, device) in list(self._runners.items()):
            if not process.is_alive():  # this also collects the zombie
                process.join()
                del self._runners[run_id]
                self._placing.changed(device)
                self._notice_if_put_back(run_id)

    def _notice_if_put_back(self, run_id: str) -> None:
        """A run that found no room to go on would find none again: the queue waits until more is free."""
        with suppress(RunNotFound):
            run = self.store.run(run_id)
            if run.state is State.QUEUED and run.message and not run.message.startswith(GAVE_WAY):
                self._needs = (room.free(self.home) or 0) + room.LEAST_FREE
                self._needs_until = time.monotonic() + PUT_BACK_SECONDS

    def _has_room(self) -> bool:
        if time.monotonic() > self._needs_until:
            self._needs = room.LEAST_FREE
        return (left := room.free(self.home)) is None or left >= self._needs

    def _start_runs(self, active: Sequence[ActiveRun]) -> None:
        """Starts runs on devices that take one more, owners in turn. One that finds no memory waits, and says so."""
        placing = self._placing
        placing.forget(run.id for run in active)
        going = [run for run in active if not run.waits]
        # A run at a command line has no device until its training begins.
        on = {run.id: run.device or placing.candidates(run.config.device)[0] for run in going}
        # A runner holds its device's memory until it exits.
        on |= {run_id: device for run_id, (_, device) in self._runners.items()}

        def open_to(run: ActiveRun) -> list[str]:
            taken = Counter(on.values())
            return [each for each in placing.candidates_of(run) if taken[each] < placing.runs_at_a_time(each)]

        queued = [run for run in active if run.waits and open_to(run)]
        while queued:
            run_id = next_run(queued, going, self.store.turns())
            run = next(run for run in queued if run.id == run_id)
            queued.remove(run)
            device = self._with_room(run, open_to(run), going, on)
            if device and self._claim(run, device):
                going.append(run)
                on[run.id] = device
                queued = [other for other in queued if open_to(other)]
        self._start_beside(active, going, on)

    def _start_beside(self, active: Sequence[ActiveRun], going: Sequence[ActiveRun], on: Mapping[str, str]) -> None:
        """Starts the next run that wants the CPU beside a small one that trains there, where it is small too.

        Only the next: small runs do not overtake a large one, which needs the CPU for itself.
        """
        beside = [run for run in going if on[run.id] == "cpu" and (run.device or run.id in self._runners)]
        if len(beside) != 1 or Counter(on.values())["cpu"] != 1:  # a process that is about to exit counts
            return
        waiting = {run.id: run for run in active if run.waits and run.id not in on and "cpu" in self._placing.candidates_of(run)}
        run = waiting.get(next_run(list(waiting.values()), going, self.store.turns()) or "")
        if run and self._placing.fit_side_by_side([*beside, run]) and self._with_room(run, ["cpu"], going, on):
            self._claim(run, "cpu")

    def _with_room(self, run: ActiveRun, devices: Sequence[str], going: Sequence[ActiveRun], on: Mapping[str, str]) -> str | None:
        """The first device that its owner may use and where it fits now; None, after the reason was stored with the run."""
        obstacle = ""
        for device in devices:
            beside = [other for other in going if on[other.id] == device]
            barred = self._shares.obstacle(run, device, going)
            problem = "" if barred else self._placing.obstacle(run, device, beside)
            if not (barred or problem):
                return device
            obstacle = obstacle or barred or (waits_for(run, problem) if problem != SETTLES else "")
        if obstacle and self._obstacles.get(run.id) != obstacle:
            self._obstacles[run.id] = obstacle
            with suppress(RunStateError, RunNotFound):
                self.store.put_back(run.id, None, obstacle)
        return None

    def _claim(self, run: ActiveRun, device: str) -> bool:
        try:
            self.store.transition(run.id, State.STARTING, device=device, process=self.me, message="")
        except (RunStateError, RunNotFound):
            return False  # paused, stopped or deleted while it waited
        process = self._spare.take(run.id) or self._start(runner.run_in_process, self.home, run.id)
        self._runners[run.id] = (process, device)
        self._placing.taken(device)
        return True

    def _ask(self, sender: Callable[..., None], *arguments: Any) -> str | None:
        """What a child that runs `sender` sends; None where it died."""
        reader, writer = self._context.Pipe(duplex=False)
        child = self._start(sender, writer, *arguments)
        writer.close()
        try:
            return str(reader.recv_bytes(10_000).decode())
        except EOFError:
            return None
        finally:
            reader.close()
            child.join()

    def _start(self, target: Callable[..., None], *arguments: Any) -> BaseProcess:
        self.store.close()  # a database connection does not survive a fork
        process = self._context.Process(target=target, args=arguments)
        process.start()
        return process

    def _may_exit(self) -> bool:
        if self._runners:
            return False
        beat = server.heartbeat_file(self.home)
        if beat.exists() and beat.stat().st_mtime != self._heartbeat:
            self._heartbeat, self._needed = beat.stat().st_mtime, time.monotonic()
        idle = time.monotonic() - self._needed
        if idle > self._idle_seconds:
            return True
        # Old code should soon stop answering, but not during an answer. Checked once a second, after the processes.
        return idle > OLD_CODE_SECONDS and time.monotonic() - self._checked < POLL_SECONDS and code_fingerprint() != self._code


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m cnnlab.workers.dispatcher --home DIR``; exits at once if the home has a dispatcher."""
    parser = argparse.ArgumentParser(description="Starts queued runs. The lab starts it automatically.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--idle", type=float, default=IDLE_SECONDS, help="seconds without work after which it exits")
    options = parser.parse_args(arguments)
    processes.detach()
    processes.keep_files_private()
    lock = FileLock(private_folder(options.home) / "dispatcher.lock")
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        return 0
    if too_few := processes.allow_many_files():
        with suppress(OSError):  # a full disk
            sys.stderr.write(f"{too_few}\n")
    room.make_room(options.home)  # else this process and the helper could not announce themselves
    background.announce(options.home)
    os.environ[gpus.PROOFS] = str(proofs_file(options.home))  # for its children, the helper and the runners
    try:
        Dispatcher(options.home, idle_seconds=options.idle).serve()
    except InstallationError as error:
        traceback.print_exc()
        background.write_startup_error(options.home, error)
        return 1
    finally:
        lock.release()
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the web server's terminal must not end it
    code = main()
    sys.stderr.flush()
    os._exit(code)  # an orderly exit makes torch's compiler libraries print long errors
