"""Trains a run on a node, seen from this machine: an iterator of events, as the engine's is.

The run's own process iterates. It stays the one that owns the run, writes the record and the run's folder; what comes from the node
are lines. A node that is not heard of for a minute is lost, and so is a job that ends without a last event: both raise `NodeLost`,
the run counts as interrupted, and the lab resumes it from the checkpoint that is here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from cnnlab import epoch_weights, errors, events
from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError, DeviceError, NodeLost
from cnnlab.events import Event, Notice, RunFailed, RunFinished, RunPaused, RunResumed, RunStarted
from cnnlab.executors import lines, slurm, versions
from cnnlab.executors.job import Ended, Job
from cnnlab.executors.lines import Line, PipeError
from cnnlab.executors.mirror import GROWING, Receiver
from cnnlab.executors.settings import Executor
from cnnlab.i18n import N_, say
from cnnlab.training import checkpoints

POLL_SECONDS = 0.2  # a pause or a stop is noticed within this time
LOOK_SECONDS = 5.0  # between two questions to Slurm while a job waits
AGAIN_SECONDS = (2.0, 10.0, 30.0, 60.0)  # before a launcher that failed is started again; the last one as long as nobody answers
PATIENCE_SECONDS = 3_600.0  # for a controller or a machine that does not answer
_SSH_FAILED = 255  # ssh's own exit status, whatever the command's would be

NODE = "node"  # the kind of notice about a node
_ENDED = N_(
    "{place} ended the job on {node}, as at its time limit: the run is paused at its last batch, and “Resume” goes on in a new job."
)
_VANISHED = N_("The job on {node} ended without a word, as when a node fails or memory runs out ({reason}).")
_SILENT = N_("Nothing was heard of {node} for {seconds:.0f} s: the node, its network or the job is lost.")
_AGAIN = N_("{place} does not answer ({reason}); it is tried again in {seconds:.0f} s")
_NO_JOB = N_("{place} could not start the training ({reason}); the run's file log.txt has more.")


class _NotStarted(Exception):
    """The launcher ended before the node's first line."""

    def __init__(self, reason: str, code: int | None) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """How the proxy hears of the run and speaks of it: functions of the run's process, each quick or patient by itself."""

    pausing: Callable[[], bool]
    stopping: Callable[[], bool]
    pause: Callable[[], None]  # asks the run to pause, as a user would
    wait: Callable[[str], None]  # stores what the run waits for


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be trained, and where; from the file `checkpoint` of `folder` on."""

    place: Executor
    run_id: str
    config: RunConfig
    folder: Path
    checkpoint: Path | None
    weights: Path | None = None  # the published ones that the network begins with


def train(order: Order, asked: Asked) -> Iterator[Event]:
    """The events of a run on a node. Closing the iterator ends the job.

    Ends without a last event where the run was asked to pause or stop before it began, or to stop. Raises DeviceError where no job
    can be started, what the training raises before its first event, and NodeLost.
    """
    begun, tries = time.monotonic(), 0
    while not (asked.stopping() or asked.pausing()):
        one = _Training(order, asked)
        try:
            yield from one.events()
            return
        except _NotStarted as error:
            seconds = AGAIN_SECONDS[min(tries, len(AGAIN_SECONDS) - 1)]
            unreachable = time.monotonic() - begun < PATIENCE_SECONDS and _unreachable(order.place, error.code)
            if tries >= len(AGAIN_SECONDS) and not unreachable:
                raise DeviceError(say(_NO_JOB, place=order.place.words, reason=error)) from None
            tries += 1
            asked.wait(say(_AGAIN, place=order.place.words, reason=error, seconds=seconds))
        finally:
            one.close()
        until = time.monotonic() + seconds
        while time.monotonic() < until and not (asked.stopping() or asked.pausing()):
            time.sleep(POLL_SECONDS)


def _unreachable(place: Executor, code: int | None) -> bool:
    return code == _SSH_FAILED if place.kind == "ssh" else place.kind == "slurm" and not slurm.answers(place)


class _Training:
    """One job of the run."""

    def __init__(self, order: Order, asked: Asked) -> None:
        self.place, self.run_id, self.config, self.folder = order.place, order.run_id, order.config, order.folder
        self.checkpoint, self.weights, self.asked = order.checkpoint, order.weights, asked
        self.receiver = Receiver(self.folder)
        self.job: Job | None = None
        self.node = order.place.words
        self.greeted = self.began = self.told_to_pause = False
        self._looked = self._heard = 0.0
        self._note = ""  # about the node's versions; a run that begins or resumes drops what was stored before

    def close(self) -> None:
        if self.job:
            self.job.end()
        if self.place.kind == "slurm":
            slurm.cancel(self.place, self.run_id)

    def events(self) -> Iterator[Event]:
        if self.place.kind == "slurm":
            slurm.cancel(self.place, self.run_id)  # a job of this run whose process was killed: it must not train beside this one
        try:
            self.job = Job(self.place.command(self.run_id))
        except OSError as error:
            raise _NotStarted(str(error), None) from error
        while not self._is_to_end():
            try:
                line = self.job.next(POLL_SECONDS)
            except PipeError as error:
                raise NodeLost(say(_VANISHED, node=self.node, reason=error)) from error
            if isinstance(line, Ended):
                self._ended()
            elif line is None:
                self._silent()
            else:
                self._heard = time.monotonic()
                for event in self._events_of(line):
                    yield event
                    if isinstance(event, RunPaused | RunFinished | RunFailed):
                        return

    def _is_to_end(self) -> bool:
        """Whether the run was asked to stop, or to pause before it began; tells the node of a later pause."""
        if self.asked.pausing() and not self.told_to_pause and self.greeted:
            self.told_to_pause = True
            self._job.send(({"pause": True},))
        return self.asked.stopping() or (self.asked.pausing() and not self.began)

    @property
    def _job(self) -> Job:
        if self.job is None:
            raise RuntimeError("the job has not been started")
        return self.job

    def _ended(self) -> None:
        code, words = self._job.code(), self._job.last_words
        reason = words or say("its exit status is {code}", code=code)
        if not self.greeted:
            raise _NotStarted(reason, code)
        raise NodeLost(say(_VANISHED, node=self.node, reason=reason))

    def _silent(self) -> None:
        now = time.monotonic()
        if self.greeted:
            if now - self._heard > lines.LOST_SECONDS:
                raise NodeLost(say(_SILENT, node=self.node, seconds=lines.LOST_SECONDS))
        elif self.place.kind == "slurm" and now - self._looked > LOOK_SECONDS:
            self._looked = now
            with suppress(OSError):
                if (waiting := slurm.job(self.place, self.run_id)) and waiting.state == "PENDING":
                    self.asked.wait(waiting.in_words())

    def _events_of(self, line: Line) -> Iterator[Event]:
        try:
            if not self.greeted:
                self._greet(line)
            elif "event" in line:
                yield self._event(line)
                if self._note:
                    yield Notice(NODE, 0, self._note)
                    self._note = ""
            elif "file" in line:
                self.receiver.take(line)
            elif "gone" in line:
                self.receiver.drop(line["gone"])
            elif "error" in line:
                raise self._error(line)
            elif "ended" in line and not self.asked.pausing():
                yield Notice(NODE, 0, say(_ENDED, place=self.place.words, node=self.node))
                self.asked.pause()
        except (PipeError, KeyError, TypeError, ValueError) as error:
            raise NodeLost(say(_VANISHED, node=self.node, reason=f"{type(error).__name__}: {error}")) from error

    def _greet(self, line: Line) -> None:
        if line.get("cnnlab") != lines.PROTOCOL:
            raise DeviceError(
                say(
                    "{place} has another version of CNN Lab, whose lines this one cannot read ({found}): "
                    "install the same version there.",
                    place=self.place.words, found=str(line.get("cnnlab"))[:20],
                )
            )  # fmt: skip
        self.greeted = True
        self.node = f"{str(line.get('node') or '?')[:60]} ({self.place.title or self.place.name})"
        self.asked.wait("")
        self._job.send(self._settings())
        self._note = versions.difference(versions.here(), line, self.node)

    def _settings(self) -> Iterator[Line]:
        settings = {"config": self.config.model_dump(mode="json"), "device": self.place.device, "data": self.place.data}
        yield settings | {"slots": self.place.slots, "links": True}
        if self.checkpoint:
            yield from lines.pieces(self.checkpoint, checkpoints.LAST)
            kept = [epoch_weights.file_of(self.folder, epoch).name for epoch in epoch_weights.kept(self.folder)]
            for name in (*GROWING, *kept):
                if (self.folder / name).exists():
                    yield from lines.pieces(self.folder / name, name)
        elif self.weights:
            yield from lines.pieces(self.weights, self.weights.name)
        yield {"begin": True}

    def _event(self, line: Line) -> Event:
        event = events.from_dict(line)
        self.began = True
        if isinstance(event, RunFinished):
            checkpoints.drop_previous(self.folder)  # as the engine does there
        if isinstance(event, RunStarted | RunResumed):
            name = f"{event.device_name[:80]}, {self.node}"
            return replace(event, device=self.config.device, device_name=name, computes_on=str(event.device)[:20])
        return event

    def _error(self, line: Line) -> Exception:
        """What the training raised there, as itself where it is one of ours: a full disk there is not one here."""
        kind = getattr(errors, str(line["error"]), None)
        if isinstance(kind, type) and issubclass(kind, CNNLabError):
            message = say("{reason} (on {node})", reason=str(line.get("message"))[:2_000], node=self.node)
            return NodeLost(message) if line.get("temporary") else CNNLabError(message)
        return CNNLabError(
            say(
                "Training failed on {node} with an unexpected {kind} ({reason}); its file {file} has more.",
                node=self.node, kind=str(line["error"])[:60], reason=str(line.get("reason"))[:200], file="log.txt",
            )
        )  # fmt: skip
