"""Images that stay on the disk and are mapped into memory, so that a data set larger than memory trains."""

from __future__ import annotations

import math
import os
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.system import memory

if TYPE_CHECKING:
    import numpy as np
    import torch

PART = 64_000_000  # bytes that are in memory while images are copied
LEFT_SECONDS = 86_400.0  # after which a file that still has a name is nobody's
SHARE = 4  # of the free memory, above which images stay on the disk


def stays_on_disk(size: int) -> bool:
    """Whether `size` bytes of images are so many that they are mapped: more than a quarter of the free memory."""
    known = memory.memory()
    return size > (known.available if known else 4 << 30) // SHARE


def tensor(images: np.ndarray) -> torch.Tensor:
    """A read-only array as a tensor, which nothing may write to; nothing is copied."""
    import torch  # the forecast, which asks what stays on the disk, does without

    with warnings.catch_warnings():
        # A map that can be written would count as memory that was promised, and a run's is bounded.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(images)


def rows(images: torch.Tensor, chosen: torch.Tensor, folder: Path | None) -> torch.Tensor:
    """The images of these numbers: in memory, or with `folder` in a file there that is gone when nothing uses it any more."""
    import numpy as np

    if folder is None or not len(chosen):
        return images[chosen]
    shape = (len(chosen), *images.shape[1:])
    each = max(1, PART // max(1, math.prod(shape[1:])))
    handle, name = tempfile.mkstemp(prefix=".part-", dir=folder)
    with os.fdopen(handle, "wb") as file:
        for part in chosen.split(each):
            file.write(images[part].numpy().tobytes())
    mapped = tensor(np.memmap(name, np.uint8, "r", shape=shape))
    with suppress(OSError):  # Windows keeps the name of a file that is in use; `tidy` takes it later
        Path(name).unlink()
    return mapped


def tidy(folder: Path) -> None:
    """Deletes what processes that are gone have left there."""
    for left in folder.glob(".part-*"):
        with suppress(OSError):  # still in use, on Windows
            if time.time() - left.stat().st_mtime > LEFT_SECONDS:
                left.unlink()
