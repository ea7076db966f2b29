"""Checkpoints: a run at one moment in a file that explains itself, written whole or not at all.

A checkpoint is a dict of tensors and plain containers, so that it can be loaded with `weights_only=True`:
- the run: `format`, `config` (dict of settings), `classes` (names), `input_shape`, `preparation` (how pixels became input);
- the moment: `epoch`, `batch` (batches of that epoch done), `step`, `learning_rate`, `sums` and `times` of that epoch,
  `model`, `optimizer`, `schedule`, `rng` (seed, states of torch's generators and of the augmentation);
- the record: `history` (EpochDone as dicts), `best_epoch`, `best_test_accuracy`, and of the last evaluation `test_accuracy`,
  `test_predicted` (uint8 per test image) and `test_confidence` (float32 per test image); None before the first.
"""

from __future__ import annotations

import os
import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from cnnlab.errors import CheckpointError

FORMAT = 1
LAST = "last.pt"
BEST = "best.pt"

Checkpoint = dict[str, Any]

_RUN = {"format", "config", "classes", "input_shape", "preparation"}
_MOMENT = {"epoch", "batch", "step", "learning_rate", "sums", "times", "model", "optimizer", "schedule", "rng"}
_RECORD = {"history", "best_epoch", "best_test_accuracy", "test_accuracy", "test_predicted", "test_confidence"}
_KEYS = _RUN | _MOMENT | _RECORD


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Writes `checkpoint` to `path`; whoever reads meanwhile, or after a crash, sees the old file or the new one.

    Raises CheckpointError where the folder cannot be written.
    """
    # One run writes to a folder, so one name is enough, and what a killed run left behind is overwritten.
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the new name with no content
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # torch's zip writer reports a full disk as RuntimeError
        with suppress(OSError):  # half a file is worth nothing and may be what fills the disk
            partial.unlink()
        advice = "free some space or choose another folder"
        raise CheckpointError(f"The checkpoint {path} cannot be written ({error}); {advice}.") from error


def load(path: Path) -> Checkpoint:
    """The checkpoint at `path`, its tensors on the CPU. Raises CheckpointError where it is missing, damaged or foreign."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"There is no checkpoint {path}; it is written when the first epoch is done.") from None
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"The checkpoint {path} is damaged and cannot be read; train again to replace it.") from error
    if not isinstance(content, dict) or "format" not in content:
        raise CheckpointError(f"The file {path} is not a checkpoint of this lab.")
    if content["format"] != FORMAT:
        raise CheckpointError(
            f"The checkpoint {path} has format {content['format']!r}, this version reads format {FORMAT}; train again."
        )
    missing = sorted(_KEYS - content.keys())
    if missing:
        raise CheckpointError(f"The checkpoint {path} is incomplete ({', '.join(missing)} missing); train again to replace it.")
    return content
