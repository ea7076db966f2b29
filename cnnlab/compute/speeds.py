"""What the helper knows of speeds: measured once in a process of their own, then remembered in the lab's home."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import platform
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from cnnlab.compute import calibrate
from cnnlab.config import RunConfig
from cnnlab.system import processes
from cnnlab.system.home import write_private
from cnnlab.training import calibration, devices
from cnnlab.training.costs import Speed

# What else there is in a configuration (seed, epochs, rates, how many images) does not change how long an image takes.
_MATTERS = ("architecture", "options", "dataset", "channels", "image_size", "batch_size", "optimizer", "momentum", "precision")
_MATTERS += ("horizontal_flip", "random_crop", "random_grayscale", "normalization", "gradient_clip", "weight_decay")

DISTURBED_SECONDS = 60.0  # how long a speed is told that was measured while other programs were busy; it is never kept

_measuring: set[Path] = set()
_failed: set[Path] = set()  # not tried again in this process's life
_lock = threading.Lock()
_one_at_a_time = threading.Lock()  # two at once would measure each other


def forecast(home: Path, config: dict[str, Any], macs: int, measure: bool = False) -> dict[str, Any]:
    """The concrete device, its free and total memory where only torch can tell, and the speed if it is known.

    With `measure`, an unknown speed is measured in the background; ask again until `state` is no longer "measuring".
    """
    wanted = RunConfig.make(**config)
    found = devices.find(wanted.device)
    wanted = wanted.change(device=found.name)
    file = home / "speeds" / f"{_key(wanted, found.title)}.json"
    with _lock:  # a measurement that ends right now is either still measuring or known
        speed = _remembered(file)
        state = "known" if speed else "measuring" if file in _measuring else "unknown"
        if state == "unknown" and measure and file not in _failed:
            _measuring.add(file)
            state = "measuring"
            threading.Thread(target=_measure, args=(file, wanted, macs), daemon=True).start()
    # This starts CUDA in the helper, which then holds about half a gigabyte of the GPU; nothing is forked from the helper.
    free, total = torch.cuda.mem_get_info(found.name) if found.name.startswith("cuda") else (None, None)
    return {"device": found.name, "free": free, "total": total, "state": state, "speed": asdict(speed) if speed else None}


def _measure(file: Path, config: RunConfig, macs: int) -> None:
    question = json.dumps({"config": config.model_dump(mode="json"), "macs": macs})
    try:
        with _one_at_a_time:
            done = subprocess.run(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", calibrate.__name__],
                input=question,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=processes.with_our_modules(),
                timeout=calibrate.LONGEST + 10,
                check=True,
            )
        speed = Speed(**json.loads(done.stdout))
        _speeds[file] = (speed, time.monotonic() + DISTURBED_SECONDS if speed.disturbed else math.inf)
        if speed.disturbed:
            return
        with contextlib.suppress(OSError):  # on a full disk or in a read-only home it is measured again another day
            write_private(file, json.dumps(asdict(speed)))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        sys.stderr.write(f"The speed of {config.architecture} could not be measured: {error}\n")  # the helper's log
        _failed.add(file)
    finally:
        with _lock:
            _measuring.discard(file)


_speeds: dict[Path, tuple[Speed, float]] = {}  # with the moment until which it may be told


def _remembered(file: Path) -> Speed | None:
    speed, until = _speeds.get(file, (None, 0.0))
    if speed and time.monotonic() < until:
        return speed
    try:
        speed = Speed(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # never measured undisturbed, or damaged: measuring again mends it
    _speeds[file] = (speed, math.inf)
    return speed


def _key(config: RunConfig, device_title: str) -> str:
    settings = {name: getattr(config, name) for name in _MATTERS}
    machine = [platform.node(), device_title, config.device, torch.__version__, os.environ.get("OMP_NUM_THREADS")]
    machine.append(calibration.VERSION)
    return hashlib.blake2b(json.dumps([settings, machine], sort_keys=True).encode(), digest_size=12).hexdigest()
