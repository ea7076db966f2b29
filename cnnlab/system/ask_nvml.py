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
    sys.stdout.write(json.dumps([_card(part) for handle in handles for part in _parts(handle)]))


def _card(handle: Any) -> dict[str, Any]:
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    card = {"uuid": pynvml.nvmlDeviceGetUUID(handle).removeprefix("GPU-"), "total": memory.total, "free": memory.free}
    # What not every driver or card says: a part of a card (MIG) has no temperature of its own.
    with suppress(pynvml.NVMLError):
        used = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
        card["used_by"] = [(process.pid, process.usedGpuMemory or 0) for process in used]
    with suppress(pynvml.NVMLError):
        card["temperature"] = pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
    with suppress(pynvml.NVMLError):
        card["use"] = pynvml.nvmlDeviceGetUtilizationRates(handle).gpu
    return card


def _parts(handle: Any) -> list[Any]:
    """The parts that a card is split into (MIG), each of which is a device; the card itself where it is whole."""
    with suppress(pynvml.NVMLError):
        if pynvml.nvmlDeviceGetMigMode(handle)[0]:
            parts = []
            for index in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
                with suppress(pynvml.NVMLError):  # a place without a part
                    parts.append(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index))
            return parts
    return [handle]


if __name__ == "__main__":
    main()
