"""Checkpoints: a run at one moment in a file that explains itself, written whole or not at all.

A checkpoint is a dict of tensors and plain containers, so that it can be loaded with `weights_only=True`:
- the run: `format`, `config` (dict of settings), `classes` (names), `input_shape`, `preparation` (how pixels became input),
  `precision` (what it computes in; missing in early ones), `threads`, `layout` (in memory; early ones had another);
- the moment: `epoch`, `batch` (batches of that epoch done), `step`, `learning_rate`, `sums` and `times` of that epoch,
  `model`, `optimizer`, `schedule`, `rng` (seed, states of torch's generators and of the augmentation), `seconds` trained;
- the record: `history` (EpochDone as dicts), `best_epoch`, `best_test_accuracy`, and of the last evaluation `test_accuracy`,
  `test_predicted` (per test image uint8, of more than 256 classes int16) and `test_confidence` (float32 per test image); None
  before the first.

A checkpoint in the middle of an epoch has the weights of that moment and the evaluation of the last whole epoch, which is the
last of its `history`. The checkpoint before the last one is kept too: a disk that lies to fsync can damage one.
"""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Set
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from cnnlab.errors import CheckpointError
from cnnlab.i18n import N_, say
from cnnlab.system import disk

FORMAT = 1
LAST = "last.pt"
PREVIOUS = "last.previous.pt"
BEST = "best.pt"

Checkpoint = dict[str, Any]

_RUN = {"format", "config", "classes", "input_shape", "preparation"}
_MOMENT = {"epoch", "batch", "step", "learning_rate", "sums", "times", "model", "optimizer", "schedule", "rng"}
_RECORD = {"history", "best_epoch", "best_test_accuracy", "test_accuracy", "test_predicted", "test_confidence"}
_KEYS = _RUN | _MOMENT | _RECORD
OTHER_SETTINGS = N_("The checkpoint was made with other settings ({names}); start a new run with these.")


def plain(value: Any) -> Any:
    """The value as JSON would return it."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Writes `checkpoint` to `path`; a reader sees the old file or the new one, also after a crash.

    Raises CheckpointError where the folder cannot be written.
    """
    # One run writes to a folder, so one name is enough, and leftovers of a killed run are overwritten.
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())  # otherwise a power cut may leave the new name without content
        disk.replace(partial, path)
        _sync_names(path.parent)
    except (OSError, RuntimeError) as error:  # torch's zip writer reports a full disk as RuntimeError
        failed = _unwritable(path, error)
        with suppress(OSError):  # half a file is useless and may be what fills the disk
            partial.unlink()
        raise failed from error


def save_last(checkpoint: Checkpoint, folder: Path, *, best: bool = False) -> None:
    """Writes last.pt; the former one becomes last.previous.pt. A whole last.pt exists at every moment.

    With `best` the same file is best.pt too, under a second name, because to write a large network twice can take as long as to
    train it for an epoch. The best comes first: then the one that the last one names always exists.
    """
    if best:
        save(checkpoint, folder / BEST)
    keep_previous(folder)
    if not (best and named_too(folder / BEST, folder / LAST)):
        save(checkpoint, folder / LAST)


def named_too(path: Path, name: Path) -> bool:
    """Gives the file at `path` a second name; False where that failed, as on a file system without hard links."""
    spare = name.with_name(f".{name.name}.partial")
    try:
        spare.unlink(missing_ok=True)
        os.link(path, spare)
        disk.replace(spare, name)
        _sync_names(name.parent)
    except OSError:
        return False
    return True


def keep_previous(folder: Path) -> None:
    """Keeps last.pt, which is about to be replaced, as last.previous.pt."""
    last, previous, spare = folder / LAST, folder / PREVIOUS, folder / f".{PREVIOUS}.partial"
    try:
        if last.exists() and not (previous.exists() and previous.samefile(last)):
            spare.unlink(missing_ok=True)
            try:
                os.link(last, spare)
            except OSError:  # a file system without hard links: for an instant only the previous one exists
                disk.replace(last, previous)
            else:
                disk.replace(spare, previous)
    except OSError as error:
        raise _unwritable(last, error) from error


def _unwritable(path: Path, error: Exception) -> CheckpointError:
    reason = error.strerror if isinstance(error, OSError) else error
    if isinstance(error, PermissionError) and sys.platform == "win32":
        return CheckpointError(
            say(
                "The checkpoint {name} cannot be written: another program holds it ({reason}). Close what shows or copies the "
                "lab's folder, or let virus scanners and cloud drives leave it out.",
                name=path.name,
                reason=reason,
            )
        )
    if disk.is_full(error, path.parent):
        return CheckpointError(
            say(
                "The checkpoint {name} cannot be written: the disk is full ({reason}). Delete runs, or other files.",
                name=path.name,
                reason=reason,
            ),
            temporary=True,
        )
    return CheckpointError(
        say(
            "The checkpoint {name} cannot be written ({reason}); free some space or choose another folder.",
            name=path.name,
            reason=reason,
        )
    )


def load_latest(folder: Path) -> tuple[Path, Checkpoint] | None:
    """The latest undamaged checkpoint in `folder`, and its file; None where the folder has none.

    Raises CheckpointError, the reason of the latest, where all are damaged.
    """
    first_error: CheckpointError | None = None
    for path in (folder / LAST, folder / PREVIOUS, folder / BEST):
        if not path.exists():
            continue
        try:
            return path, load(path)
        except CheckpointError as error:
            first_error = first_error or error
    if first_error is not None:
        raise first_error
    return None


def drop_previous(folder: Path) -> None:
    """Deletes the second checkpoint of a finished run, which needs none."""
    with suppress(OSError):  # it only takes up space
        (folder / PREVIOUS).unlink(missing_ok=True)


def _sync_names(folder: Path) -> None:
    """Makes a new name survive a power cut: names are the folder's content, not the file's."""
    if sys.platform == "win32":
        return  # folders cannot be opened there, and names are kept in a journal
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def load(path: Path, keys: Set[str] = _KEYS) -> Checkpoint:
    """The checkpoint at `path`, its tensors on the CPU. Raises CheckpointError where it is missing, damaged or foreign."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch ignores the checksums; about 1 s a gigabyte
        content = None if damaged else torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(
            say("There is no checkpoint {name}; it is written when the first epoch is done.", name=path.name)
        ) from None
    except Exception as error:  # damaged bytes can raise anything: torch's reader raises IndexError, too
        raise CheckpointError(_damaged(path)) from error
    if damaged:
        raise CheckpointError(_damaged(path))
    if not isinstance(content, dict) or "format" not in content:
        raise CheckpointError(say("The file {name} is not a checkpoint of this lab.", name=path.name))
    if content["format"] != FORMAT:
        raise CheckpointError(
            say(
                "The checkpoint {name} has format {found!r}, this version reads format {own}; train again.",
                name=path.name,
                found=content["format"],
                own=FORMAT,
            )
        )
    missing = sorted(keys - content.keys())
    if missing:
        raise CheckpointError(
            say(
                "The checkpoint {name} is incomplete ({parts} missing); train again to replace it.",
                name=path.name,
                parts=", ".join(missing),
            )
        )
    return content


def _damaged(path: Path) -> str:
    return f"The checkpoint {path.name} is damaged and cannot be read; train again to replace it."
