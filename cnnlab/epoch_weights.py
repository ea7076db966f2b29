"""The weights that a run had after its epochs: small files in its folder, of a small network alone. Needs no torch.

Epoch 0 is the network before training. It and epoch 1 are kept always; of the others every second, fourth and so on, so that all
files together take LARGEST bytes at most. Which ones follows from the epoch and the size of a file alone: a resumed run keeps the
same. They are never synced: a torn one is refused when it is opened, and no run ends for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cnnlab.system import disk

LARGEST = 5_000_000  # bytes a run: 20 files of LeNet
FEWEST = 3  # files; a network of which fewer have room keeps none
ENVELOPE = 8_000  # bytes of a file beside the weights, about
_NAME = re.compile(r"epoch-(\d{1,9})\.pt")


def file_of(folder: Path, epoch: int) -> Path:
    return folder / f"epoch-{epoch}.pt"


def kept(folder: Path) -> tuple[int, ...]:
    """The epochs whose weights the folder has, in order."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return ()
    return tuple(sorted(int(found[1]) for name in names if (found := _NAME.fullmatch(name))))


def has_room(size: int) -> bool:
    """Whether files of `size` bytes are kept at all."""
    return FEWEST * size <= LARGEST


def wanted(epoch: int, size: int) -> set[int]:
    """The epochs up to `epoch` that are kept, where a file takes `size` bytes."""
    room = LARGEST // max(1, size)
    if room < FEWEST:
        return set()
    every = 1
    while (chosen := _chosen(epoch, every)) and len(chosen) > room and every <= epoch:
        every *= 2
    return chosen


def write(folder: Path, epoch: int, size: int, content: Callable[[], bytes]) -> None:
    """Keeps the weights after `epoch`, at most `size` bytes, if they are wanted, and deletes those that are not any more."""
    chosen = wanted(epoch, size)
    with suppress(OSError):
        for earlier in kept(folder):
            if earlier not in chosen:
                file_of(folder, earlier).unlink(missing_ok=True)
        if epoch in chosen:
            folder.mkdir(parents=True, exist_ok=True)
            path = file_of(folder, epoch)
            partial = path.with_name(f".{path.name}.partial")
            try:
                partial.write_bytes(content())
                disk.replace(partial, path)
            except OSError:
                partial.unlink(missing_ok=True)  # half a file is useless and may be what fills the disk


def total_bytes(parameters: int, epochs: int) -> int:
    """About the most that the files take during `epochs`."""
    size = 4 * parameters + ENVELOPE
    return min(LARGEST, size * (epochs + 1)) if has_room(size) else 0


def _chosen(epoch: int, every: int) -> set[int]:
    return {0, min(1, epoch), *range(every, epoch + 1, every)}
