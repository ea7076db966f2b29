"""Whether there may be an NVIDIA GPU, without a call to its driver: a process that has made one can no longer fork."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROOFS = "CNNLAB_PROOFS"  # the variable that names the file in which the processes of a lab remember which GPUs can be used
_DRIVER = Path("/proc/driver/nvidia")
_SIGNS = (_DRIVER / "version", Path("/dev/nvidiactl"), Path("/dev/dxg"))  # the last is Windows' own in WSL
_LONGEST = 10.0  # seconds; a driver that hangs holds up nobody longer
_FRESH = 2.0  # seconds

_lock = threading.Lock()
_status: tuple[float, dict[str, Status]] = (-1e9, {})


@dataclass(frozen=True, slots=True)
class Status:
    """What the driver says of one card."""

    total: int  # bytes of memory
    free: int
    used_by: tuple[tuple[int, int], ...] = ()  # processes with their bytes; a container may not see those of others
    temperature: int | None = None  # °C
    use: int | None = None  # percent of the last moment in which it computed


def may_be_here() -> bool:
    """False where no NVIDIA GPU can be used, so that nobody there waits for a driver. Takes 20 µs."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    if sys.platform == "win32":
        return (Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "nvcuda.dll").exists()
    if any(sign.exists() for sign in _SIGNS):
        return True
    folders = filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep))
    return any((Path(folder) / "libcuda.so.1").exists() for folder in folders)


def fingerprint() -> str:
    """Changes with the driver, the cards and what is made visible of them, as far as files and the environment say."""
    facts = [os.environ.get("CUDA_VISIBLE_DEVICES", "all"), os.environ.get("LD_LIBRARY_PATH", "")]
    for file in (_DRIVER / "version", *sorted(_DRIVER.glob("gpus/*/information"))):
        with suppress(OSError):
            facts.append(file.read_text(encoding="utf-8", errors="replace"))
    return hashlib.blake2b("\0".join(facts).encode(), digest_size=12).hexdigest()


def forget() -> None:
    """The next `status` asks the driver again."""
    global _status  # noqa: PLW0603
    with _lock:
        _status = (-1e9, {})


def status() -> dict[str, Status]:
    """The cards by UUID, as a short-lived process that asks the driver's management library (NVML) finds them; {} if it cannot.

    Remembered for two seconds.
    """
    global _status  # noqa: PLW0603
    if not may_be_here():
        return {}
    from cnnlab.system.processes import with_our_modules

    with _lock:
        asked, found = _status
        if time.monotonic() - asked < _FRESH:
            return found
        try:
            done = subprocess.run(
                [sys.executable, "-m", "cnnlab.system.ask_nvml"],
                check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", env=with_our_modules(),
                timeout=_LONGEST,
            )  # fmt: skip
            cards = json.loads(done.stdout)
            found = {card.pop("uuid"): Status(**card | {"used_by": tuple(map(tuple, card.get("used_by", ())))}) for card in cards}
        except (OSError, subprocess.SubprocessError, ValueError, TypeError, KeyError):
            found = {}
        _status = time.monotonic(), found
        return found
