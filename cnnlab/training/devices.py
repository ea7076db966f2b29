"""The devices that torch offers on this machine, by the names a configuration uses."""

from __future__ import annotations

import os
import shutil
import subprocess

import torch

from cnnlab.errors import DeviceError
from cnnlab.system import memory
from cnnlab.text import shortened, size_text
from cnnlab.values import Device


def available() -> tuple[Device, ...]:
    """All devices, the CPU first.

    Does not start CUDA: a process that has started it can no longer fork runners that use it.
    """
    found = [Device("cpu", _cpu_title())]
    count = torch.cuda.device_count()  # asks the driver's management library, which does not start CUDA
    titles = _cuda_titles() if count else []
    for index in range(count):
        found.append(Device(f"cuda:{index}", titles[index] if index < len(titles) else f"CUDA device {index}"))
    if torch.backends.mps.is_available():
        found.append(Device("mps", "Apple GPU"))
    return tuple(found)


def resolve(name: str) -> str:
    """The concrete name for `name`: "auto" is the first CUDA device, else mps, else the cpu; "cuda" is the first CUDA device.

    Raises DeviceError, which lists the devices.
    """
    return find(name).name


def find(name: str) -> Device:
    """As `resolve`, with the title."""
    devices = available()
    if name == "auto":
        # The CPU is the last choice; max keeps the first of equals.
        return max(devices, key=lambda device: ("cpu", "mps", "cuda").index(device.name.partition(":")[0]))
    wanted = "cuda:0" if name == "cuda" else name
    for device in devices:
        if device.name == wanted:
            return device
    listed = ", ".join(f"{device.name} ({device.title})" for device in devices)
    raise DeviceError(f"There is no device {shortened(name)} on this machine; choose auto or one of: {listed}.")


def total_memory(name: str) -> int | None:
    """Bytes of memory of the device `name`; None where the system does not report it. Starts CUDA, as training has done."""
    if name.startswith("cuda"):
        return int(torch.cuda.get_device_properties(name).total_memory)
    return memory.total()


def _cpu_title() -> str:
    # A container may have fewer cores than the machine; only Linux reports that.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"CPU, {cores} core{'' if cores == 1 else 's'}"


def _cuda_titles() -> list[str]:
    """Names and memory in CUDA's order, from the driver's own tool: torch would have to start CUDA."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    question = [tool, "--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(question, capture_output=True, text=True, timeout=20, check=True).stdout  # noqa: S603 (the tool's own path)
    except (OSError, subprocess.SubprocessError):
        return []  # a missing title is no reason to hide a device that works
    return _titles(answer, os.environ.get("CUDA_VISIBLE_DEVICES"))


def _titles(answer: str, visible: str | None) -> list[str]:
    rows = [[part.strip() for part in line.split(",")] for line in answer.splitlines() if line.count(",") == 3]
    titles = {}
    for index, uuid, name, mebibytes in rows:
        memory = f" ({size_text(int(mebibytes) << 20)})" if mebibytes.isdigit() else ""
        titles[index] = titles[uuid] = name + memory
    wanted = [row[0] for row in rows] if visible is None else [part.strip() for part in visible.split(",")]
    return [titles.get(key, f"CUDA device {place}") for place, key in enumerate(wanted)]
