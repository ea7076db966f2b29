"""The random numbers of a run: its own, though torch's generators belong to the whole process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch

from cnnlab.events import Event
from cnnlab.training import devices


class OwnRandom:
    """Torch's global generators on the CPU and on `device`, as a run left them.

    Dropout can draw from no other generators. Exchanging their states costs 25 µs, once for each event and not for each batch.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._state: tuple[torch.Tensor, torch.Tensor | None] | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Inside, numbers are drawn where the run stopped drawing; afterwards the caller's generators are as before."""
        callers = self._read()
        if self._state is not None:
            self._write(self._state)
        try:
            yield
        finally:
            self._state = self._read()
            self._write(callers)

    def _read(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        on_device = None
        if self._device.type == "cuda":
            on_device = torch.cuda.get_rng_state(self._device)
        elif self._device.type == "mps":
            on_device = torch.mps.get_rng_state()
        return torch.get_rng_state(), on_device

    def _write(self, state: tuple[torch.Tensor, torch.Tensor | None]) -> None:
        on_cpu, on_device = state
        torch.set_rng_state(on_cpu)
        if on_device is not None and self._device.type == "cuda":
            torch.cuda.set_rng_state(on_device, self._device)
        elif on_device is not None:
            torch.mps.set_rng_state(on_device)


def own_random_numbers(train: Callable[..., Iterator[Event]]) -> Callable[..., Iterator[Event]]:
    """Makes the generator function `train(config, data, …)` draw from generators of its own between two events."""

    @wraps(train)
    def trained(config: Any, data: Any, **options: Any) -> Iterator[Event]:
        own, stream = OwnRandom(torch.device(devices.resolve(config.device))), train(config, data, **options)
        del options  # a checkpoint among them takes as much memory as the network and its optimiser
        try:
            while True:
                with own.installed():
                    event = next(stream, None)
                if event is None:
                    return
                yield event
        finally:
            with own.installed():  # it may write a last checkpoint
                stream.close()  # type: ignore[attr-defined]  # it is a generator

    return trained
