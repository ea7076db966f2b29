"""Proves that a device computes: ``python -m cnnlab.training.proof cuda:0`` prints a Proof as JSON.

It is a process of its own, because a driver that fails may take a process down, and because one that has started CUDA can no longer
fork processes that use it, keeps half a gigabyte of the GPU, and holds the driver.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass

import torch
from torch import nn

from cnnlab.i18n import N_, say
from cnnlab.text import size_text
from cnnlab.training import gpu_errors


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found about one device."""

    name: str  # "cuda:0", "mps"
    title: str  # for people: "NVIDIA H100 (80 GB)"
    count: int = 1  # of such devices
    problem: str = ""  # why it cannot be used and what to do, without a full stop; "" where it computes
    temporary: bool = False  # the problem may go away by itself
    uuid: str = ""  # the driver's own name of it
    speed: float = 0.0  # for choosing among devices, in arbitrary units: processors × clock


def prove(name: str) -> Proof:
    """Trains a small convolution on the device for a step."""
    device = torch.device(name)
    title, count = ("Apple GPU" if name == "mps" else f"CUDA device {device.index}"), 1
    capability, uuid, speed = None, "", 0.0
    try:
        if device.type == "cuda":
            count = torch.cuda.device_count()
            torch.cuda.init()  # where there is none: says why
            found = torch.cuda.get_device_properties(device)
            title, capability = f"{found.name} ({size_text(found.total_memory)})", (found.major, found.minor)
            uuid = str(getattr(found, "uuid", ""))
            speed = float(found.multi_processor_count * getattr(found, "clock_rate", 1))
            torch.cuda.set_device(device)
        layer = nn.Conv2d(1, 8, 3, device=device)
        layer(torch.ones(2, 1, 16, 16, device=device)).sum().backward()
        total = float(layer.weight.grad.sum())  # waits for the device
        if total != 2 * 8 * 9 * 14 * 14:  # 2 images, 8 filters of 9 weights, 14×14 places
            return Proof(
                name, title, count, f"it computes wrong results ({total:g} where 28,224 is right): have it checked", uuid=uuid
            )
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built with CUDA
        full = gpu_errors.out_of_memory(error)
        lines = str(error).strip().splitlines() or ["no reason given"]
        problem = (
            N_("its memory is full: wait until other programs have ended") if full else gpu_errors.meaning(str(error), capability)
        )
        temporary = full or any(sign in str(error) for sign in gpu_errors.BUSY)
        return Proof(name, title, count, problem or say("it failed a test ({reason})", reason=lines[0][:200]), temporary, uuid)
    return Proof(name, title, count, uuid=uuid, speed=speed)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(prove(sys.argv[1]))))
    sys.stdout.flush()
    os._exit(0)  # torch's compiler libraries print warnings at a normal exit
