"""Runs one training: loads the data, iterates the engine's events and stores them."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import Any

from cnnlab.architectures.zoo_files import folders
from cnnlab.config import RunConfig
from cnnlab.elsewhere import is_elsewhere
from cnnlab.errors import CheckpointError, CNNLabError, InstallationError, NodeLost, RunStateError, StoreError
from cnnlab.events import (
    DAMAGED,
    EpochDone,
    Event,
    Notice,
    Progress,
    RunFailed,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    RunStopped,
)  # fmt: skip
from cnnlab.forecasts.limits_file import Rules, limits_file, load, rules
from cnnlab.i18n import N_, say
from cnnlab.runs.records import ASKED_TO_END, Run, State
from cnnlab.runs.store import Store
from cnnlab.system import brought_weights, disk, files, kept_code, processes
from cnnlab.system.home import compiled_folder, run_folder
from cnnlab.text import duration_text
from cnnlab.workers.beyond import interrupt, train_beyond
from cnnlab.workers.cores import cores
from cnnlab.workers.journal import Journal, patiently
from cnnlab.workers.shares import GAVE_WAY, Turn

_OLDER = N_(
    "The last checkpoint is damaged: the run goes on from the one before, after batch {step:,}, and repeats the batches since."
)
_TOO_LONG = N_("It has trained for {time}, the most that this lab allows: it is stopped, and its checkpoints are kept.")
_NO_ROOM = N_("It goes on when there is room: the disk of the lab is full. Delete runs that are no longer needed, or other files.")
_LOG = "log.txt"
# The transitions that follow from events.
_STATES: dict[type[Event], State] = {
    **dict.fromkeys((RunStarted, RunResumed), State.RUNNING),
    **{RunPaused: State.PAUSED, RunFinished: State.FINISHED, RunFailed: State.FAILED},
}
_LAST = {State.QUEUED, State.PAUSED, State.FINISHED, State.FAILED}  # the process ends with these, so they are waited for
PROGRESS_SECONDS = 0.4  # between two Progress events; a pause or a stop during batches takes this long at most

OnEvent = Callable[[Event], None]
Train = Callable[[RunConfig, Path], Iterator[Event]]


def execute(
    store: Store, run_id: str, on_event: OnEvent | None = None, *, train: Train | None = None, in_turn: bool = False
) -> State:
    """Trains the run `run_id` in this process, from its last checkpoint if it has one, and returns its state afterwards.

    The run must be queued or starting. Ends early when a pause or stop is requested in the store, and on KeyboardInterrupt.
    On a full disk the run goes back to the queue; so it does where its owner's minutes are used up and, `in_turn`, where its slice
    of time is over and runs of others wait. Raises RunStateError if the run no longer belongs to this process, StoreError
    if the store cannot be written for long.
    """
    return _Execution(store, run_id, on_event, train, in_turn=in_turn).run()


class _Execution:
    def __init__(self, store: Store, run_id: str, on_event: OnEvent | None, train: Train | None, *, in_turn: bool = False) -> None:
        self.store = store
        self.run_id = run_id
        self.on_event = on_event or (lambda event: None)
        self.data = store.data_folder(run_id)
        self.train = train or self._train
        self.folder = run_folder(store.home, run_id)
        self.process = processes.current()
        self.journal = Journal(store, run_id, self.process)
        self.history: list[EpochDone] = []  # in the checkpoint from which the run resumes
        self.damaged = False  # whether it has checkpoints of which none can be read
        self.in_turn = in_turn
        self.gives_way = ""  # why it is about to go back to the queue
        self.state = State.STARTING
        self.epochs_done = self.step = 0
        self.seconds = 0.0

    def run(self) -> State:
        record = patiently(self._adopt)
        self.epochs_done, self.seconds = record.epochs_done, record.seconds or 0.0
        # The dispatcher has chosen the device; "auto" must not be resolved twice.
        config = record.config.change(device=record.device) if record.device else record.config
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            brought_weights.take(self.store.home, self.store.token(self.run_id), self.folder)
            return self._follow(record, config)
        except KeyboardInterrupt:
            return self._stopped()
        except (RunStateError, StoreError):
            raise  # it may be resumed later
        except NodeLost as error:
            return interrupt(self.store, self.run_id, self.process, str(error))
        except Exception as error:
            if getattr(error, "temporary", False) or (isinstance(error, OSError) and disk.is_full(error, self.folder)):
                return self._put_back(error)
            return self._failed(error)

    def _adopt(self) -> Run:
        record = self.store.run(self.run_id)
        if record.state is State.QUEUED:
            self.store.transition(self.run_id, State.STARTING, process=self.process)
        else:
            self.store.adopt(self.run_id, self.process)
        return record

    def _follow(self, record: Run, config: RunConfig) -> State:
        self.look()
        if self.state in ASKED_TO_END:
            return self._end_untrained()
        try:
            allowed = rules(self.store.home)
        except StoreError:  # the file of the class is damaged, and nobody comes in; runs go on
            allowed = Rules(load(limits_file()))
        most = allowed.of(record.owner).max_seconds
        turn = Turn(self.store, record, config.device, allowed, slices=self.in_turn)
        with closing(self.train(config, self.folder)) as stream:  # closing the engine's generator cancels the training
            for event in stream:
                self.state = self._store_event(event)
                if self.state is State.STOPPING:
                    stream.close()  # before another process may train the run: it writes the epochs that wait
                    return self._stopped()
                if self.state not in (State.RUNNING, State.PAUSING):
                    return self.state
                if self.state is State.PAUSING and isinstance(event, RunStarted | RunResumed):
                    return self._end_untrained()
                if most is not None and self.seconds >= most:
                    self._store_event(Notice("time-limit", self.epochs_done, say(_TOO_LONG, time=duration_text(most))))
                    stream.close()
                    return self._stopped()
                if isinstance(event, RunResumed):
                    turn.begins_at(event.seconds)
                if isinstance(event, Progress) and not self.gives_way:
                    self.gives_way = turn.is_over(event)  # the engine saves a checkpoint, and pauses
        self.look()
        if self.state in ASKED_TO_END:  # before it began beyond this machine
            return self._end_untrained()
        raise RuntimeError("the training ended without a final event")

    def look(self) -> None:
        """Reads the run's state, which others change."""
        self.state = patiently(lambda: self.store.run(self.run_id)).state

    def _store_event(self, event: Event) -> State:
        """The run's state afterwards; the one expected where the event cannot be stored yet."""
        to = _STATES.get(type(event))
        changes = {name: getattr(event, name) for name in ("device", "message") if to and hasattr(event, name)}
        if isinstance(event, RunPaused) and self.gives_way:
            to, changes = State.QUEUED, {"message": f"{GAVE_WAY} {self.gives_way}"}
        self._follow_progress(event)
        store = self.journal.finish if to in _LAST else self.journal.add
        try:
            state = store(event, to=to, history=self.history, **changes)
        except RunStateError:
            # A stop or a pause was requested in between, so the run does not become running or paused.
            state = patiently(lambda: self.store.run(self.run_id)).state
            if state not in ASKED_TO_END:
                raise
            if to is State.QUEUED and state is State.PAUSING:  # a user was quicker
                self.gives_way = ""
                return self._store_event(event)
            return state
        self.on_event(event)
        return state or (self.state if to is None else to)

    def _follow_progress(self, event: Event) -> None:
        if isinstance(event, Progress | RunPaused | RunResumed | RunFinished):
            self.seconds = event.seconds
        if isinstance(event, Progress | EpochDone | RunResumed):
            self.step = event.step
        if isinstance(event, RunStarted):
            self.epochs_done, self.step, self.seconds = 0, 0, 0.0
        if isinstance(event, EpochDone):
            self.epochs_done = event.epoch

    def _end_untrained(self) -> State:
        """Pauses or stops before the training begins: the run stays at its last checkpoint."""
        if self.state is State.PAUSING:
            self.state = self._store_event(RunPaused(self.epochs_done, self.step, self.seconds))
        return self._stopped() if self.state is State.STOPPING else self.state

    def _stopped(self) -> State:
        patiently(lambda: self.store.stop(self.run_id))  # after Ctrl-C the store does not know of the stop yet
        event = RunStopped(epoch=self.epochs_done, seconds=self.seconds)
        self.journal.finish(event, to=State.STOPPED)
        self.on_event(event)
        return State.STOPPED

    def _put_back(self, error: Exception) -> State:
        """Waits in the queue for room on the disk. Events not stored by now are emitted again after the checkpoint."""
        message = say("It goes on when there is room: {reason}", reason=error) if isinstance(error, CNNLabError) else _NO_ROOM
        return patiently(lambda: self.store.put_back(self.run_id, self.process, message))

    def _failed(self, error: Exception) -> State:
        if isinstance(error, CNNLabError):
            message = str(error)
        else:
            log = self.folder / _LOG
            with suppress(OSError), log.open("a", encoding="utf-8") as file:  # even on a full disk the run must become failed
                traceback.print_exception(error, file=file)
            reason = (str(error).strip().splitlines() or [N_("no reason given")])[0][:200]
            if where := kept_code.line_of(error):
                reason = f"{reason}; {where}"
            message = say(
                "Training failed with an unexpected {kind} ({reason}); its file {file} has more.",
                kind=type(error).__name__, reason=reason, file=_LOG,
            )  # fmt: skip
        shown = files.without_folders(message, self.store.home, self.data)
        if shown != message:
            with suppress(OSError):
                sys.stderr.write(f"{message}\n")
        message = shown
        event = RunFailed(DAMAGED if self.damaged else "error", self.epochs_done, message)
        self.journal.finish(event, to=State.FAILED, message=message)
        self.on_event(event)
        return State.FAILED

    def _train(self, config: RunConfig, folder: Path) -> Iterator[Event]:
        elsewhere = is_elsewhere(config.device)
        try:
            from cnnlab.training import checkpoints
            from cnnlab.training.engine import train
        except ImportError as error:
            raise InstallationError(
                say("Training needs torch, which could not be loaded ({reason}): pip install -r requirements.txt.", reason=error)
            ) from error
        try:
            file, checkpoint = checkpoints.load_latest(folder) or (None, None)
        except CheckpointError:
            self.damaged = True
            raise
        if checkpoint:
            self.history = [EpochDone(**done) for done in checkpoint["history"]]
        # A missing last checkpoint is not damaged: the process was killed between saving the best and the last.
        damaged = file is not None and file.name != checkpoints.LAST and (folder / checkpoints.LAST).exists()
        stream = train_beyond(self, config, file) if elsewhere else self._train_here(config, [checkpoint], train)
        del checkpoint  # the engine releases it too: a large network's takes a gigabyte
        with closing(stream):
            for event in stream:
                yield event
                if isinstance(event, RunResumed) and damaged:
                    yield Notice("older-checkpoint", event.epoch, say(_OLDER, step=event.step))

    def _train_here(self, config: RunConfig, checkpoint: list[Any], train: Callable[..., Iterator[Event]]) -> Iterator[Event]:
        from cnnlab.datasets.loading import load
        from cnnlab.datasets.places import Places
        from cnnlab.training import devices, process
        from cnnlab.training.imported import imported

        process.prepare(cores(config))
        data = load(config.dataset, Places(self.store.home, self.data)).take(config.data_share, config.limit, config.seed)
        if checkpoint == [None] and (brought := brought_weights.brought(self.folder)):
            yield from imported(config, data, file=brought, folder=self.folder)
            return
        stream = train(
            config,
            data,
            folder=self.folder,
            progress_every=PROGRESS_SECONDS,
            resume=checkpoint.pop(),
            pausing=lambda: self.state is State.PAUSING or bool(self.gives_way),
            compiled=compiled_folder(self.store.home),
            weights=folders(self.store.home),
        )
        with process.bounded_memory() if devices.resolve(config.device) == "cpu" else nullcontext(), closing(stream):
            yield from stream


def run_in_process(home: Path, run_id: str) -> None:
    """The runner process, started by the dispatcher: trains one run, with its output in the run's log."""
    folder = run_folder(home, run_id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        log = os.open(folder / _LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:  # a full disk, on which the run goes back to the queue
        log = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    processes.die_first(500)  # a run can resume from its checkpoint; the web server and the dispatcher would lose their state
    try:
        store = patiently(lambda: Store(home))
        with closing(store):
            execute(store, run_id, in_turn=True)
    except CNNLabError:
        with suppress(OSError):
            traceback.print_exc(file=sys.stderr)  # only the log can still take it
        sys.exit(1)
