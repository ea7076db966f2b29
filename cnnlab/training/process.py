"""How a process that trains uses processor and memory: settings of the whole process, made once, before anything is timed."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from cnnlab.system import memory

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's numbers for mallopt
_KEPT = 1 << 30
_KEPT_BY_OLDER = 32 << 20  # the most that glibc before 2.35 takes
_SHARE = 0.95  # of the available memory that a run may take: the page and the rest of the system live beside it


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


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Within it, this process cannot take more memory than there is: the batch that asks for more fails, with an error to tell.

    Without a bound Linux grants all that is asked for, and ends a process once the memory is really gone; that run could only
    be called interrupted, and would be tried again. Other systems have no such bound, and a GPU's driver reserves addresses
    that are no memory: it is for training on the cpu.
    """
    if sys.platform != "linux":
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    bounds = [bound for bound in (*before, _most_data()) if bound not in (None, resource.RLIM_INFINITY)]
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (min(bounds, default=resource.RLIM_INFINITY), before[1]))
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, before)


def lift_bound() -> int | None:
    """Ends the bound early, so that what went wrong can be told; returns the bytes that it left to this process, if it was set."""
    if sys.platform != "linux":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    if soft == resource.RLIM_INFINITY:
        return None
    data, resident = _asked_and_had()
    return soft - max(0, data - resident)  # what was asked for and never used counts against the bound, but is no memory


def _most_data() -> int | None:
    """Bytes of private memory that this process can come to hold, what it has already included."""
    known, (data, _) = memory.memory(), _asked_and_had()
    return data + int(_SHARE * known.available) if known and data else None


def _asked_and_had() -> tuple[int, int]:
    """Bytes that this process has asked for, and that it has; 0 where the system does not say."""
    try:
        fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
        return int(fields[5]) * os.sysconf("SC_PAGE_SIZE"), int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0, 0
