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
from cnnlab.i18n import N_, nsay, say
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
        cure = N_("Try nvidia-smi; reinstall the driver, restart the machine, or give the container its GPUs.")
        return look("Driver", "There are signs of an NVIDIA GPU, and its driver does not answer.", cure)
    memory = ", ".join(
        say("{free} of {total} free", free=size_text(card.free), total=size_text(card.total)) for card in cards.values()
    )
    sentence = nsay(
        "{driver}: {count} card, {memory}.", "{driver}: {count} cards, {memory}.", len(cards),
        driver=version or "NVIDIA", count=len(cards), memory=memory,
    )  # fmt: skip
    return right("Driver", sentence)


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
        cure = N_("Install torch and torchvision again, both from one index (README, “Start”).")
        return [wrong("PyTorch", say("It does not load ({reason}).", reason=shortened(problem, quoted=False)), cure)]
    version, cuda = answer["torch"], answer["cuda"]
    built = (
        say("{version}, for CUDA {cuda}.", version=version, cuda=cuda) if cuda else say("{version}, without CUDA.", version=version)
    )
    found = [right("PyTorch", built)]
    if gpu_here and not cuda:
        cure = N_("For the GPU install torch and torchvision from PyTorch's index for CUDA (README, “Start”).")
        found = [look("PyTorch", say("{version} is built without CUDA, and there is an NVIDIA GPU.", version=version), cure)]
    for device in answer["devices"]:
        if device["problem"]:
            cure = N_("Then run this command again. Until then networks train on the other devices.")
            if ": " not in device["problem"]:  # nothing that one could do oneself
                cure = N_("Have it checked.")
            text = N_("{device} ({name}) cannot be used: {problem}.")
            sentence = say(text, device=device["title"], name=device["name"], problem=device["problem"])
            found.append(wrong("Device", sentence, cure))
        else:
            computes = say("{device} ({name}) computes.", device=device["title"], name=device["name"])
            found.append(right("Device", computes if device["name"] != "cpu" else device["title"] + "."))
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
        return {"error": say("no answer within {seconds:.0f} s", seconds=seconds)}
    except (OSError, ValueError) as error:
        return {"error": str(error)}


def _last(text: str, code: int) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else say("the process ended with {code}", code=code)
