"""How fast networks train here: measured once in a process of its own, then remembered in the lab's home."""

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
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import torch

from cnnlab.compute import calibrate
from cnnlab.config import RunConfig
from cnnlab.elsewhere import is_elsewhere
from cnnlab.errors import CNNLabError
from cnnlab.executors import settings
from cnnlab.layers.trace import layer_table
from cnnlab.system import processes
from cnnlab.system.home import write_private
from cnnlab.training import calibration, devices
from cnnlab.training.costs import DeviceSpeed, Speed, epoch_seconds

# Settings that leave the time of an image and of an optimiser's step as they are. Any other setting is part of a speed's key, so a
# new one is measured unless it is named here.
NOT_IN_THE_KEY = frozenset(
    {
        *("data_share", "limit", "epochs", "validation_share", "patience"),  # how many images, not how long one takes
        *("learning_rate", "schedule", "step_epochs", "step_factor", "warmup_epochs"),  # one number, multiplied either way
        *("initialization", "seed"),  # other weights and another order, the same arithmetic
        "label_smoothing",  # a sum over the classes of each image: nothing beside the network
        "compile",  # what is timed is never compiled: a run compiles beside its training
    }
)

DISTURBED_SECONDS = 60.0  # how long a speed that was measured beside other busy programs is used; it is never stored

_measuring: set[Path] = set()
_failed: set[Path] = set()  # not tried again by this process
_speeds: dict[Path, tuple[Speed, float]] = {}  # each with the time until which it is used
_lock = threading.Lock()
_one_at_a_time = threading.Lock()  # two at once would measure each other


def device_speed(home: Path, config: RunConfig, macs: int, measure: bool = False) -> DeviceSpeed:
    """The concrete device, its free and total memory where only torch knows them, and the speed if it is known.

    With `measure`, an unknown speed is measured in the background; ask again until `state` is no longer "measuring".
    """
    if is_elsewhere(config.device):  # nothing can be timed before a run; the runs that trained there say about how long it takes
        return DeviceSpeed(settings.find(home, config.device).choice, None, None, "unknown", None)
    device = devices.find(config.device)
    config = config.change(device=device.name)
    file = home / "speeds" / f"{_key(config, device.title)}.json"
    state: Literal["known", "measuring", "unknown"]
    with _lock:  # a measurement that ends right now is either still measuring or known
        speed = _remembered(file)
        state = "known" if speed else "measuring" if file in _measuring else "unknown"
        if state == "unknown" and measure and file not in _failed:
            _measuring.add(file)
            state = "measuring"
            threading.Thread(target=_measure, args=(file, config, macs), daemon=True).start()
    card = devices.card(device.name)
    return DeviceSpeed(device.name, card and card.free, card and card.total, state, speed, card.used_by if card else ())


def quicker(home: Path, config: RunConfig, names: Sequence[str]) -> str:
    """Of the devices, the one on which an epoch of `config` takes less time, measured if need be; "" where none can be timed."""
    taken = {}
    with contextlib.suppress(CNNLabError):
        macs = layer_table(config.architecture, config.input_shape, config.classes, config.options).macs
        for name in names:
            there = config.change(device=name)
            file = home / "speeds" / f"{_key(there, devices.find(name).title)}.json"
            if _remembered(file) is None:
                _measure(file, there, macs)
            if speed := _remembered(file):
                taken[name] = epoch_seconds(there, speed)
    return min(taken, key=taken.__getitem__, default="")


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


def _remembered(file: Path) -> Speed | None:
    speed, until = _speeds.get(file, (None, 0.0))
    if speed and time.monotonic() < until:
        return speed
    try:
        speed = Speed(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # never measured undisturbed, or damaged: then it is measured again
    _speeds[file] = (speed, math.inf)
    return speed


def _key(config: RunConfig, device_title: str) -> str:
    settings = config.model_dump(mode="json", exclude=NOT_IN_THE_KEY)
    machine = [platform.node(), device_title, torch.__version__, os.environ.get("OMP_NUM_THREADS"), calibration.VERSION]
    return hashlib.blake2b(json.dumps([settings, machine], sort_keys=True).encode(), digest_size=12).hexdigest()
