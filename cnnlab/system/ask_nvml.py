"""Prints what the driver says of each card, as JSON: ``python -m cnnlab.system.ask_nvml``. It ends, which frees the driver."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

import pynvml


def main() -> None:
    pynvml.nvmlInit()
    handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
    sys.stdout.write(json.dumps([_card(handle) for handle in handles]))


def _card(handle: Any) -> dict[str, Any]:
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    used_by: list[tuple[int, int]] = []
    with suppress(pynvml.NVMLError):  # not every driver says it
        used_by = [(process.pid, process.usedGpuMemory or 0) for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)]
    return {
        "uuid": pynvml.nvmlDeviceGetUUID(handle).removeprefix("GPU-"),
        "name": pynvml.nvmlDeviceGetName(handle),
        "total": memory.total,
        "free": memory.free,
        "used_by": used_by,
    }


if __name__ == "__main__":
    main()
