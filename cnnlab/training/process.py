"""Processor and memory settings of a training process, made once, before anything is timed."""

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
_SHARE = 0.95  # of the available memory that a run may take: the web process and the system need some


def prepare(cores: int | None = None) -> None:
    """Sets threads for `cores` (None leaves them to torch), and keeps memory from batch to batch."""
    if cores and "OMP_NUM_THREADS" not in os.environ:  # otherwise the user has decided
        # Apple's torch takes the performance cores: one thread on an efficiency core holds up all others.
        torch.set_num_threads(min(cores, torch.get_num_threads()) if sys.platform == "darwin" else cores)
    keep_freed_memory()


def choose_kernels(device: torch.device, *, deterministic: bool) -> None:
    """Has an NVIDIA GPU take the kernels that cuDNN expects to be fast, or those that give the same digits each time.

    To be called before CUDA starts. cuBLAS repeats its digits only with a workspace of a fixed size. An operation that has no such
    kernel warns, and is used. Nothing searches by trying kernels: no network's steps became faster than by 3 %, and the search took
    2 to 66 s (docs/BENCHMARKS.md).
    """
    if device.type != "cuda":
        return
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = deterministic
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def child_environment() -> dict[str, str]:
    """This process's environment, for a Python that finds the same modules."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def keep_freed_memory() -> bool:
    """Makes the C library keep memory that a batch has freed for the next one; returns whether it can.

    glibc returns large blocks to the system at once, and gets them back page by page: 2,000 to 7,000 page faults a batch,
    8 to 25 % of the time of LeNet, the small ResNet and VGG ÷ 8 on two cores (5 to 80 batches each, in turns). The peak memory
    of a run stays the same.
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
    """Within it, this process cannot take more memory than is available: the batch that needs more fails with an error.

    Without a bound Linux grants every request and kills a process once the memory is used up; that run would count as
    interrupted and be tried again. Other systems have no such bound, and a GPU's driver reserves addresses without memory:
    it is for training on the CPU.
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
    """Ends the bound early, so that the failure can be reported; returns the bytes that it left to this process, if it was set."""
    if sys.platform != "linux":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    if soft == resource.RLIM_INFINITY:
        return None
    data, resident = _requested_and_resident()
    return soft - max(0, data - resident)  # memory requested and never used counts against the bound, but is not taken


def free_memory() -> int | None:
    """Bytes that this process can still take, within its bound where it has one; None where the system does not report them."""
    known = memory.memory()
    if known is None:
        return None
    import resource

    bound, (data, _) = resource.getrlimit(resource.RLIMIT_DATA)[0], _requested_and_resident()
    return known.available if bound == resource.RLIM_INFINITY else max(0, min(known.available, bound - data))


def _most_data() -> int | None:
    """Bytes of private memory that this process may have in all, including what it has now."""
    known, (data, _) = memory.memory(), _requested_and_resident()
    return data + int(_SHARE * known.available) if known and data else None


def _requested_and_resident() -> tuple[int, int]:
    """Bytes that this process has requested, and those in memory; 0 where the system does not report them."""
    try:
        fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
        return int(fields[5]) * os.sysconf("SC_PAGE_SIZE"), int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0, 0
