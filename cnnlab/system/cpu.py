"""The CPU as a device, for processes with and without torch."""

from __future__ import annotations

import os
import sys

from cnnlab.system import gpus


def title() -> str:
    # A container may have fewer cores than the machine; only Linux reports that.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"CPU, {cores} core{'' if cores == 1 else 's'}"


def is_alone() -> bool:
    """True where no other device can be here, as files and the system's name say: neither an NVIDIA GPU nor Apple's."""
    return sys.platform != "darwin" and not gpus.may_be_here()
