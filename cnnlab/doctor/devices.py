"""torch, the driver, and the devices that were proved to compute."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from cnnlab.doctor.findings import Finding, look, right, wrong
from cnnlab.system import gpus
from cnnlab.system.home import proofs_file
from cnnlab.system.processes import with_our_modules
from cnnlab.text import shortened, size_text

LONGEST = 150.0  # seconds; more than a proof of a GPU may take. Without a GPU it is the time that torch loads
_DRIVER = Path("/proc/driver/nvidia/version")


def driver(*, here: bool, cards: dict[str, gpus.Status], version: str = "") -> Finding:
    """`here` says whether there may be an NVIDIA GPU, `cards` what its driver answers."""
    if not here:
        return right("Driver", "No NVIDIA GPU is visible here: runs train on the CPU, or on Apple's GPU.")
    if not cards:
        cure = "Try nvidia-smi; reinstall the driver, restart the machine, or give the container its GPUs."
        return look("Driver", "There are signs of an NVIDIA GPU, and its driver does not answer.", cure)
    memory = ", ".join(f"{size_text(card.free)} of {size_text(card.total)} free" for card in cards.values())
    return right("Driver", f"{version or 'NVIDIA'}: {len(cards)} card{'' if len(cards) == 1 else 's'}, {memory}.")


def driver_version(file: Path = _DRIVER) -> str:
    """Such as "NVIDIA 570.86"; "" where it is not reported."""
    with suppress(OSError):
        numbers = [
            word for word in file.read_text(encoding="utf-8", errors="replace").split() if word[:1].isdigit() and "." in word
        ]
        return f"NVIDIA {numbers[0]}" if numbers else ""
    return ""


def torch(answer: dict[str, Any], *, gpu_here: bool) -> list[Finding]:
    """`answer` is what `ask_torch` prints, or {"error": "why it did not"}."""
    if problem := answer.get("error"):
        cure = "Install torch and torchvision again, both from one index (README, “Start”)."
        return [wrong("PyTorch", f"It does not load ({shortened(problem, quoted=False)}).", cure)]
    built = f"for CUDA {answer['cuda']}" if answer["cuda"] else "without CUDA"
    found = [right("PyTorch", f"{answer['torch']}, {built}.")]
    if gpu_here and not answer["cuda"]:
        cure = "For the GPU install torch and torchvision from PyTorch's index for CUDA (README, “Start”)."
        found = [look("PyTorch", f"{answer['torch']} is built {built}, and there is an NVIDIA GPU.", cure)]
    for device in answer["devices"]:
        name = f"{device['title']} ({device['name']})"
        if device["problem"]:
            what, _, cure = device["problem"].partition(": ")
            found.append(
                wrong(
                    "Device",
                    f"{name} cannot be used: {what}.",
                    f"{(cure or 'have it checked')[:1].upper()}{(cure or 'have it checked')[1:]}.",
                )
            )
        else:
            found.append(right("Device", f"{name} computes." if device["name"] != "cpu" else f"{device['title']}."))
    return found


def asked(home: Path, seconds: float = LONGEST) -> dict[str, Any]:
    """What `ask_torch` prints. A driver that fails takes only that process down."""
    environment = with_our_modules()
    if (file := proofs_file(home)).parent.is_dir():  # what the lab has proved need not be proved again
        environment |= {gpus.PROOFS: os.fspath(file)}
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "cnnlab.doctor.ask_torch"],
            check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", errors="replace",
            env=environment, timeout=seconds,
        )  # fmt: skip
        return json.loads(done.stdout) if done.returncode == 0 else {"error": _last(done.stderr, done.returncode)}
    except subprocess.TimeoutExpired:
        return {"error": f"no answer within {seconds:.0f} s"}
    except (OSError, ValueError) as error:
        return {"error": str(error)}


def _last(text: str, code: int) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else f"the process ended with {code}"
