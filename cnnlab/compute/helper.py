"""The helper process as an object: asks it questions and reads its answers as values. Needs no torch."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from cnnlab.architectures import card
from cnnlab.compute import typed
from cnnlab.compute.client import Client
from cnnlab.compute.questions import QUESTIONS
from cnnlab.errors import ShapeError
from cnnlab.layers import LayerTable
from cnnlab.layers.known import known_table
from cnnlab.system import cpu
from cnnlab.values import Device

Meanwhile = AbstractContextManager[Any]

REMEMBERED_TABLES = 256  # a table is 10 to 400 KB


class Helper:
    """The helper of the lab in `home`. Safe to share between threads."""

    def __init__(self, home: Path, *, look_seconds: float = 0.0) -> None:
        self._client = Client(home, look_seconds=look_seconds)
        self.ready, self.close = self._client.ready, self._client.close
        self._devices: tuple[Device, ...] = ()
        self._tables: OrderedDict[str, LayerTable] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, question: str, /, **arguments: Any) -> Any:
        """The answer, of the type that QUESTIONS gives for it; the function there has the arguments.

        Raises the CNNLabError that the helper answered with, ComputeError where it gave no answer.
        """
        return typed.read(QUESTIONS[question][1], self._client.ask(question, **arguments))

    def devices(self, meanwhile: Meanwhile | None = None) -> tuple[Device, ...]:
        """Remembered, where all can be used: devices do not change while a lab is open. `meanwhile` is as in `design`.

        Where only the CPU can be here, nobody waits for the helper, which takes seconds to load torch.
        """
        if cpu.is_alone():
            return (Device("cpu", cpu.title()),)
        if not self._devices or any(device.problem for device in self._devices):
            with meanwhile or nullcontext():
                self._devices = self.ask("devices")
        return self._devices

    def layers(self, architecture: str, input_shape: tuple[int, int, int], classes: int, options: dict[str, Any]) -> LayerTable:
        """Remembered: the same object for the same network. Raises ShapeError where the images do not fit."""
        table = self.design(architecture, input_shape, classes, options)
        if table.failure:
            raise ShapeError(table.failure.reason, "image_size")
        return table

    def design(
        self, architecture: str, input_shape: tuple[int, int, int], classes: int, options: dict[str, Any],
        meanwhile: Meanwhile | None = None,
    ) -> LayerTable:  # fmt: skip
        """As `layers`; where the images do not fit, the table up to the layer that fails.

        `meanwhile`, such as a spinner, is entered only where the table has to be made.
        """
        settings = card(architecture).settings(options)
        key = json.dumps([architecture, input_shape, classes, settings])
        with self._lock:
            if key in self._tables:
                self._tables.move_to_end(key)
                return self._tables[key]
        table = known_table(architecture, input_shape, classes, settings)
        if table is None:
            with meanwhile or nullcontext():
                table = self.ask("design", architecture=architecture, input_shape=input_shape, classes=classes, options=settings)
        with self._lock:
            self._tables[key] = table
            if len(self._tables) > REMEMBERED_TABLES:
                self._tables.popitem(last=False)
        return table
