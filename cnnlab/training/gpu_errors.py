"""What the errors of a GPU mean. CUDA and its libraries raise a plain RuntimeError that only its text identifies.

The texts were looked up in the libraries of PyTorch 2.14.1 and of the CUDA 13 runtime that comes with it; none was met on a GPU.
"""

from __future__ import annotations

import torch

from cnnlab.i18n import N_, say

# The allocators of the CPU, C++, oneDNN, mps and CUDA.
_MEMORY = ("DefaultCPUAllocator", "bad_alloc", "could not create a memory", "out of memory", "ALLOC_FAILED")
# Libraries of CUDA that get no memory for their work space do not always say so.
_MEMORY_IF_SHORT = (
    "CUBLAS_STATUS_NOT_INITIALIZED", "CUBLAS_STATUS_INTERNAL_ERROR", "CUBLAS_STATUS_EXECUTION_FAILED", "CUDNN_STATUS_",
    "unable to find an engine", "valid cuDNN algorithm", "CUSOLVER_STATUS_",
)  # fmt: skip
_SHORT = 0.05  # of a GPU's memory: with less free than this, such a library had too little
BUSY = ("busy or unavailable",)
_MEANINGS = (
    (
        ("driver version is insufficient", "driver on your system is too old", "forward compatibility was attempted"),
        N_("the NVIDIA driver is too old for this PyTorch ({torch}): update the driver, or install a PyTorch for an older CUDA"),
    ),
    (("Found no NVIDIA driver",), N_("there is no NVIDIA driver: install it")),
    (("not compiled with CUDA",), N_("this PyTorch ({torch}) was built without CUDA: install one that was built with it")),
    (
        ("no kernel image", "not compatible with the current PyTorch"),
        N_("this PyTorch ({torch}) has no code for this card{capability}: install a PyTorch that was built for it"),
    ),
    (BUSY, N_("another program has this GPU for itself: wait until it has ended")),
    (
        ("device-side assert",),
        N_("a number outside its range reached the GPU, which then refuses all further work: start the run again"),
    ),
    (
        ("uncorrectable ECC", "device handle", "unknown error", "illegal memory access", "unspecified launch failure",
         "hardware stack error"),
        N_("the driver has lost this GPU: restart the driver or the machine"),
    ),
)  # fmt: skip


def out_of_memory(error: BaseException, free: float | None = None) -> bool:
    """True where memory was missing; `free` is the share of the device's memory that is free now, None where unknown."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    if any(sign in text for sign in _MEMORY):
        return True
    return free is not None and free < _SHORT and any(sign in text for sign in _MEMORY_IF_SHORT)


def meaning(text: str, capability: tuple[int, int] | None = None) -> str:
    """What an error of a GPU means and what to do, without a full stop; "" where this is not known."""
    for signs, words in _MEANINGS:
        if any(sign in text for sign in signs):
            card = say(" (compute capability {version})", version=f"{capability[0]}.{capability[1]}") if capability else ""
            return say(words, torch=torch.__version__, capability=card)
    return ""


def free_share(device: str) -> float | None:
    """The share of a GPU's memory that is free; None on other devices, and where the GPU does not answer any more."""
    if not device.startswith("cuda"):
        return None
    try:
        free, total = torch.cuda.mem_get_info(device)
    except RuntimeError:
        return None
    return free / total if total else None
