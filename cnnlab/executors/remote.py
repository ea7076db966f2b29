"""Trains a run on a node: settings and checkpoint come on standard input, events and files go to standard output, as lines.

``python -m cnnlab.executors.remote`` is started by the launcher of an executor. It needs torch and torchvision alone, keeps nothing
on the node once it has ended, and ends when the run's own process no longer speaks to it. SIGTERM, by which Slurm announces the end
of a job's time, pauses the run at its batch. With ``--check`` it prints its first line and the devices, and ends.
"""

from __future__ import annotations

import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cnnlab import events
from cnnlab.errors import CNNLabError
from cnnlab.events import CheckpointSaved, Event, RunFailed, RunFinished, RunPaused
from cnnlab.executors import lines, versions
from cnnlab.executors.lines import Line

PROGRESS_SECONDS = 0.4  # between two reports, during which a pause is noticed
# Of all runs of the place together: the record and the disk of the lab's machine take a hundred writes a second.
REPORTS_A_SECOND, CHECKPOINTS_A_SECOND = 25, 4
SHARE = 10  # sending files of a running epoch takes at most one part in so many of the time


class _Pipe:
    """Standard input and output. What libraries print goes to standard error, which becomes the run's log."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self.setup: queue.Queue[Line] = queue.Queue(8)
        self.pausing = threading.Event()
        self.signal, self.greeted, self.over = "", False, False
        self.folder: Path | None = None
        self._heard = time.monotonic()

    def send(self, line: Line) -> None:
        text = lines.write(line)
        with self._lock:
            view = memoryview(text)
            while view:  # a pipe takes a part
                view = view[self._out.write(view) :]

    def start(self) -> None:
        for target in (self._listen, self._live):
            threading.Thread(target=target, daemon=True).start()
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self._asked)

    def _asked(self, number: int, _frame: object) -> None:
        self.signal = signal.Signals(number).name
        self.pausing.set()

    def _listen(self) -> None:
        try:
            while text := sys.stdin.buffer.readline(lines.LONGEST + 1):
                self._heard = time.monotonic()
                line = lines.read(text)
                if "pause" in line:
                    self.pausing.set()
                elif "alive" not in line:
                    self.setup.put(line)
        except Exception:
            traceback.print_exc()
        self.vanish("The run's own process has closed the pipe.")

    def _live(self) -> None:
        while True:
            time.sleep(lines.ALIVE_SECONDS)
            if time.monotonic() - self._heard > lines.LOST_SECONDS:
                self.vanish(f"Nothing was heard of the run's own process for {lines.LOST_SECONDS:.0f} s.")
            if not self.greeted:  # torch may load for a minute
                continue
            try:
                self.send({"alive": True})
            except OSError:
                self.vanish("The run's own process does not read any more.")

    def vanish(self, reason: str) -> None:
        """Ends this process at once: nobody hears it, and another one may train the run by now."""
        with suppress(OSError):
            sys.stderr.write("" if self.over else f"{reason}\n")
            sys.stderr.flush()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        os._exit(3)


def hello() -> Line:
    """The first line: which protocol, code and torch, and where."""
    return {
        "cnnlab": lines.PROTOCOL,
        **versions.here(),
        "node": os.uname().nodename if hasattr(os, "uname") else "",
        "job": os.environ.get("SLURM_JOB_ID", ""),
    }


def _setup(pipe: _Pipe, folder: Path) -> Line:
    """The settings, after the files that come with them were written into `folder`."""
    from cnnlab.executors.mirror import Receiver

    receiver, settings = Receiver(folder), {}
    while "begin" not in (line := pipe.setup.get()):
        if "file" in line:
            receiver.take(line)
        else:
            settings |= line
    return settings


def _train(pipe: _Pipe, settings: Line, folder: Path) -> Iterator[Event]:
    from cnnlab.datasets.loading import load
    from cnnlab.datasets.places import Places
    from cnnlab.training import checkpoints, devices, process
    from cnnlab.training.engine import train

    config: Any = SimpleNamespace(**settings["config"])  # complete and checked: a node has no pydantic
    config.device = settings["device"]
    process.prepare()
    places = Places(folder / "no home", settings["data"] and Path(settings["data"]))
    data = load(config.dataset, places).take(config.data_share, config.limit, config.seed)
    _, checkpoint = checkpoints.load_latest(folder) or (None, None)
    stream = train(
        config,
        data,
        folder=folder,
        progress_every=max(PROGRESS_SECONDS, settings["slots"] / REPORTS_A_SECOND),
        resume=checkpoint,
        pausing=pipe.pausing.is_set,
        compiled=folder / "compiled",
        weights=(folder,),
    )
    del checkpoint
    with process.bounded_memory() if devices.resolve(config.device) == "cpu" else nullcontext(), closing(stream):
        yield from stream


class _Sending:
    """Events in their order, with the files that belong to them before them.

    A checkpoint may come later than the events after it: the record drops those when it resumes. So where sending is slow, as with
    a gigabyte through a school's network, or many runs train at the place, those of a running training are sent less often.
    """

    def __init__(self, pipe: _Pipe, folder: Path, slots: int, *, links: bool) -> None:
        from cnnlab.executors.mirror import Sender

        self._pipe, self._sender = pipe, Sender(folder, links=links)
        self._sender.know()
        self._next, self._gap = 0.0, slots / CHECKPOINTS_A_SECOND
        self._saved: list[CheckpointSaved] = []

    def event(self, event: Event) -> None:
        if isinstance(event, CheckpointSaved):
            self._saved.append(event)
            if event.kind == "last":
                self._files()
            return
        if isinstance(event, RunPaused | RunFinished | RunFailed):
            self._files(at_once=True)
            self._pipe.over = True
        self._pipe.send(events.to_dict(event))

    def _files(self, *, at_once: bool = False) -> None:
        began = time.monotonic()
        if not self._saved or (began < self._next and not at_once):
            return
        for line in self._sender.changes():
            self._pipe.send(line)
        for saved in self._saved:
            self._pipe.send(events.to_dict(saved))
        self._saved.clear()
        ended = time.monotonic()
        self._next = ended + max(self._gap, (SHARE - 1) * (ended - began))


def serve(pipe: _Pipe, folder: Path) -> int:
    """Trains what comes through the pipe; 0 where its end was sent."""
    pipe.send(hello())
    pipe.greeted = True
    settings = _setup(pipe, folder)
    try:
        sending = _Sending(pipe, folder, settings["slots"], links=settings.get("links", False))
        for event in _train(pipe, settings, folder):
            if isinstance(event, RunPaused) and pipe.signal:
                pipe.send({"ended": pipe.signal})
            sending.event(event)
    except CNNLabError as error:
        pipe.send({"error": type(error).__name__, "message": str(error)[:2_000], "temporary": error.temporary})
    except Exception as error:
        traceback.print_exc()
        reason = (str(error).strip().splitlines() or ["no reason given"])[0][:200]
        pipe.send({"error": type(error).__name__, "reason": reason})
    return 0


def check(pipe: _Pipe, data: str) -> int:
    """Sends the first line with the devices, and which data sets are in `data`, for the doctor."""
    from cnnlab import datasets
    from cnnlab.datasets.places import Places
    from cnnlab.training import devices

    places = Places(Path("no home"), Path(data) if data else None)
    found = [entry.name for entry in datasets.entries() if places.locate(entry)]
    usable = [{"name": each.name, "title": each.title, "problem": each.problem} for each in devices.survey()]
    pipe.send({**hello(), "devices": usable, "datasets": found})
    return 0


def main(arguments: list[str]) -> int:
    pipe = _Pipe()
    if "--check" in arguments:
        return check(pipe, arguments[-1] if arguments[-1] != "--check" else "")
    pipe.folder = Path(tempfile.mkdtemp(prefix="cnnlab-"))
    pipe.start()
    try:
        return serve(pipe, pipe.folder)
    finally:
        shutil.rmtree(pipe.folder, ignore_errors=True)


if __name__ == "__main__":
    os.umask(0o077)
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # an orderly exit makes torch's compiler libraries print long errors
