"""Writes the weights after each epoch as far as they are kept, and reads them: a dict that explains itself, as checkpoints do.

It holds the run (`format`, `config`, `classes`, `input_shape`, `preparation`), `epoch`, `test_images` (how many) and `model`.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from cnnlab import epoch_weights
from cnnlab.training import checkpoints

if TYPE_CHECKING:
    from cnnlab.training.session import Session

_EACH = 500  # bytes that a tensor takes in a file beside its values
_KEYS = {"format", "config", "classes", "input_shape", "preparation", "epoch", "test_images", "model"}


class Kept:
    """The kept weights of one training; without a folder nothing is kept."""

    def __init__(self, session: Session, folder: Path | None) -> None:
        tensors = session.model.state_dict().values()
        self._size = epoch_weights.ENVELOPE + sum(each.numel() * each.element_size() + _EACH for each in tensors)
        self._session, self._folder = session, folder if epoch_weights.has_room(self._size) else None

    def record(self, epoch: int) -> None:
        """Keeps the weights after `epoch` if they are wanted; 0 is the network before training."""
        if self._folder is not None:
            epoch_weights.write(self._folder, epoch, self._size, lambda: self._content(epoch))

    def _content(self, epoch: int) -> bytes:
        session, file = self._session, BytesIO()  # in memory first: a file is written whole, in one step
        moment = {"epoch": epoch, "test_images": len(session.test_images), "model": session.model.state_dict()}
        torch.save(session.about() | moment, file)
        return file.getvalue()


def load(path: Path) -> checkpoints.Checkpoint:
    """The weights in `path`. Raises CheckpointError where they are missing, damaged or foreign."""
    return checkpoints.load(path, _KEYS)
