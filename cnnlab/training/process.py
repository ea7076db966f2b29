"""How a process that trains uses processor and memory: settings of the whole process, made once, before anything is timed."""

from __future__ import annotations

import ctypes
import os
import sys

import torch

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's numbers for mallopt
_KEPT = 1 << 30
_KEPT_BY_OLDER = 32 << 20  # the most that glibc before 2.35 takes


def prepare(cores: int | None = None) -> None:
    """Threads for `cores` (None leaves them to torch), memory that is kept from batch to batch, cuDNN's quickest kernels."""
    if cores and "OMP_NUM_THREADS" not in os.environ:  # else somebody has decided
        torch.set_num_threads(cores)
    keep_freed_memory()
    torch.backends.cudnn.benchmark = True  # the shapes are the same in every batch but the last; starts no CUDA


def keep_freed_memory() -> bool:
    """Has the C library keep what a batch has freed for the next one; True where it can.

    glibc gives large blocks back to the system at once, and gets them back page by page: 2,000 to 7,000 page faults a batch,
    8 to 25 % of the time of LeNet, the small ResNet and VGG ÷ 8 on two cores (5 to 80 batches each, in turn). The most memory
    that a run ever holds stays the same.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    kept = mallopt(_MMAP_THRESHOLD, _KEPT) or mallopt(_MMAP_THRESHOLD, _KEPT_BY_OLDER)
    return bool(kept and mallopt(_TRIM_THRESHOLD, 2**31 - 1))
