"""When a training writes its checkpoints: a small network's after every epoch, a large one's no more often than is worth it.

An epoch that is left out waits: the last one is the session itself, and of the best one there is a copy in memory. Without room for
the copy it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from cnnlab.errors import CheckpointError
from cnnlab.events import CheckpointSaved
from cnnlab.training import checkpoints, clock, process
from cnnlab.values import Checkpoint

if TYPE_CHECKING:
    from cnnlab.training.session import Session

SMALL = 8_000_000  # bytes of a checkpoint that is written after every epoch
WORTH = 10  # after a writing, none for so many times as long as it took
MOST_SECONDS = 60.0  # that an epoch waits for its writing: what a crash may lose
_SHARE = 4  # the copy takes at most one part in so many of the free memory
_UNKNOWN = 256 << 20  # bytes of the copy where the system does not report its memory


class Saver:
    """Writes the checkpoints of one training into `folder`; without a folder, none. What writes raises CheckpointError."""

    def __init__(self, session: Session, folder: Path | None, every: float) -> None:
        """Within an epoch a checkpoint is due `every` seconds after the one before, on a slow disk later."""
        self._session, self._folder, self._every = session, folder, every
        self.seconds = session.seconds  # of training, in the last one written
        self._next = clock.seconds() + every  # when one is due within an epoch
        self._written = self._epochs_from = 0.0  # when one was written; from when on the end of an epoch is
        self._waits = False  # an epoch has ended since
        self._best: checkpoints.Checkpoint | None = None  # the best epoch, where it waits

    @property
    def due(self) -> bool:
        """Whether one is, within an epoch."""
        return clock.seconds() >= self._next

    def epoch(self) -> list[CheckpointSaved]:
        """The end of an epoch: written now, or left out."""
        session = self._session
        if self._folder is None:
            return []
        best = session.best is session.history[-1]
        if best:
            self._best = None  # before the next copy
        if session.is_over or clock.seconds() >= self._epochs_from:
            return self.write(best=best)
        if best:
            self._best = _copy(session)
            if self._best is None:
                return self.write(best=True)
        self._waits = True
        self._next = min(self._next, self._written + MOST_SECONDS)
        return []

    def write(self, *, best: bool = False) -> list[CheckpointSaved]:
        """Writes this moment, between two batches, which may be the best epoch; before it the best epoch that waits.

        Within an epoch call it right after a Progress, so that the next Progress covers exactly the batches after it.
        """
        if self._folder is None:
            return []
        began, state, written = clock.seconds(), self._session.state(), []
        if self._best is not None:
            best = all(self._best[part] == state[part] for part in ("epoch", "batch"))  # it is this moment
            if not best:
                checkpoints.save(self._best, self._folder / checkpoints.BEST)
                written.append(_saved("best", self._best))
        written += self._save_last(state, best=best)
        ended = clock.seconds()
        took, self._written = ended - began, ended
        # A gigabyte on a slow disk takes ten seconds. Saving should take a tenth of the time at most, but not be delayed for long.
        self._next = ended + max(self._every, min(WORTH * took, 10 * self._every))
        self._epochs_from = ended + min(WORTH * took, MOST_SECONDS) if self._is_large() else 0.0
        return written

    def write_if_free(self) -> list[CheckpointSaved]:
        """As `write`; where another program holds the file, the next one comes later. Only Windows lets it refuse."""
        try:
            return self.write()
        except CheckpointError as error:
            if not isinstance(error.__cause__, PermissionError):
                raise
            self._next = clock.seconds() + self._every
            return []

    def rest(self) -> list[CheckpointSaved]:
        """Writes this moment, between two batches, if an epoch waits."""
        return self.write() if self._waits else []

    def after_error(self) -> list[CheckpointSaved]:
        """Writes the best epoch if it waits, as the last one too: the session may be in the middle of a batch. Raises nothing."""
        with suppress(CheckpointError):  # the error on its way says more
            return self._save_last(self._best, best=True) if self._best is not None else []
        return []

    def _save_last(self, checkpoint: checkpoints.Checkpoint, *, best: bool) -> list[CheckpointSaved]:
        checkpoints.save_last(checkpoint, self._folder or Path(), best=best)
        self.seconds, self._waits, self._best = checkpoint["seconds"], False, None
        return [_saved(kind, checkpoint) for kind in (("best", "last") if best else ("last",))]

    def _is_large(self) -> bool:
        with suppress(OSError):
            return ((self._folder or Path()) / checkpoints.LAST).stat().st_size > SMALL
        return False


def _saved(kind: Checkpoint, checkpoint: checkpoints.Checkpoint) -> CheckpointSaved:
    return CheckpointSaved(kind, checkpoint["epoch"], checkpoint["test_accuracy"], checkpoint["step"])


def _copy(session: Session) -> checkpoints.Checkpoint | None:
    """The session's state, safe from the batches that follow; None where memory has no room for it.

    The C library keeps what a batch has freed, so what is free now stays so. Weights that do not learn never change.
    """
    state = session.state()
    weights = state.pop("model")  # which knows the versions of its layers, so it stays the object that it is
    learned = weights.keys() - {name for name, weight in session.model.named_parameters() if not weight.requires_grad}
    changing = state | {"learned": {name: weights[name] for name in learned}}
    free = process.free_memory()
    if sum(tensor.nbytes for tensor in _tensors(changing)) > (_UNKNOWN if free is None else free // _SHARE):
        return None
    copied = _on_host(changing)
    weights.update(copied.pop("learned"))
    return copied | {"model": weights}


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part)


def _on_host(value: Any) -> Any:
    """A copy whose tensors lie in the memory of the processor."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _on_host(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_on_host, value))
    return value
