"""Makes forecasts from layer tables, measured speeds and the machine's free memory. Needs no torch."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psutil

from cnnlab.architectures import own_code
from cnnlab.config import RunConfig
from cnnlab.elsewhere import is_elsewhere
from cnnlab.errors import ConfigError, ShapeError
from cnnlab.forecasts import rough
from cnnlab.forecasts.forecast import Forecast, refusal, slowness, waiting
from cnnlab.layers import LayerTable
from cnnlab.runs.records import ActiveRun, Run
from cnnlab.runs.store import Store
from cnnlab.system import memory
from cnnlab.training import costs
from cnnlab.training.costs import DeviceSpeed

SpeedOf = Callable[..., DeviceSpeed]  # called with `config`, `macs` and, where it should be measured, `measure=True`
Layers = Callable[[str, tuple[int, int, int], int, dict[str, Any]], LayerTable]

_POLL_SECONDS = 0.1
_RECENT = 12  # runs from which a time is estimated where it has not been measured


class Forecaster:
    """Works from measured speeds, layer tables and the runs in the store. Safe to share between threads.

    `at_once` is for a run that does not wait for the device, and trains in this process.
    """

    def __init__(self, speed_of: SpeedOf, layers: Layers, store: Store, *, at_once: bool = False) -> None:
        self._speed_of = speed_of
        self._layers = layers
        self._store = store
        self._at_once = at_once
        self._too_small: set[str] = set()  # networks that refuse their image size; `layers` remembers tables only

    def forecast(
        self, config: RunConfig, *, table: LayerTable | None = None, calibrate: bool = True, wait: float = 0.0
    ) -> Forecast:
        """What a run of `config` would need. Raises ShapeError, ConfigError or DeviceError where it could not begin.

        Times are None until the speed is measured; meanwhile there may be a rough one. `calibrate` starts to measure in the
        background, and `wait` is how many seconds to wait for it. `table` spares looking up the network's; its number of classes
        may differ from the data set's.
        """
        config = config.change(batch_size=min(config.batch_size, costs.images(config)[0]))  # no batch is larger than the data
        table = table or self.table(config)
        speed = first = self._speed_of(config=config, macs=table.macs)
        forecast = self._forecast(config, table, speed)
        if (
            speed.state == "unknown" and calibrate and forecast.fits_now and not is_elsewhere(speed.device)
        ):  # a network that does not fit cannot be timed
            if self._running(forecast.device):
                return replace(forecast, speed_state="busy", rough_seconds=self._rough(config, table, forecast.device))
            speed = self._speed_of(config=config, macs=table.macs, measure=True)
        until = time.monotonic() + wait
        while speed.state == "measuring" and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
            speed = self._speed_of(config=config, macs=table.macs)
        made = forecast if speed is first else self._forecast(config, table, speed)
        return made if speed.speed else replace(made, rough_seconds=self._rough(config, table, made.device))

    def check(self, config: RunConfig, table: LayerTable) -> Forecast:
        """The forecast, with times if they are known. Raises ConfigError, which says what would fit, for a run that does not."""
        forecast = self.forecast(config, table=table, calibrate=False)
        if not forecast.fits:
            raise ConfigError(forecast.advice, "batch_size" if forecast.largest_batch else "image_size")
        return forecast

    def _forecast(self, config: RunConfig, table: LayerTable, measured: DeviceSpeed) -> Forecast:
        device, speed = measured.device, measured.speed
        need = costs.memory(config, table, device)
        free = self._free(measured)
        needed = need.bytes(config.batch_size)
        fits_now = costs.fits(needed, free)
        # A queued run waits until other programs have left a GPU; it is refused where even an empty one is too small.
        waits = not fits_now and not self._at_once and measured.total is not None and costs.fits(needed, measured.total)
        fits = fits_now or waits
        epoch = costs.epoch_seconds(config, speed) if speed else None

        def table_at(size: int) -> LayerTable | None:
            return self._table_or_none(config.change(image_size=size))

        advice = ""
        if free is not None and not fits:
            empty = measured.total is not None and not self._at_once
            advice = refusal(config, need, (measured.total if empty else free) or 0, device, table_at, empty=empty)
        elif waits:
            advice = waiting(needed, free or 0, measured.total or 0, device)
        elif speed:
            advice = slowness(config, speed, table, table_at)
        return Forecast(
            device=device,
            memory_bytes=needed,
            parts=need.parts(config.batch_size),
            available_bytes=free,
            largest_batch=None if free is None else need.largest_batch(free, costs.images(config)[0]),
            fits=fits,
            seconds_per_epoch=epoch,
            seconds_total=epoch * config.epochs if epoch is not None else None,
            advice=advice,
            speed_state=measured.state,
            disturbed=speed is not None and speed.disturbed,
        )

    def _rough(self, config: RunConfig, table: LayerTable, device: str) -> float | None:
        """Seconds in all, as recent runs on this device suggest."""
        # A form that is open runs nobody's own code.
        runs = [run for run in self._store.runs(_RECENT) if run.device == device and run.config.architecture != own_code.NAME]
        rates = [(run.config, run.images_per_second or self._first_rate(run)) for run in runs]
        epoch = rough.epoch_seconds(config, table, device, rates, self.table)
        return None if epoch is None else epoch * config.epochs

    def _first_rate(self, run: Run) -> float:
        """Images a second in a run's first epoch; 0 before its first report."""
        reports = self._store.progress(run.id, 1) if run.active else ()
        return reports[-1].images_per_second if reports else 0.0

    def table(self, config: RunConfig) -> LayerTable:
        return self._layers(config.architecture, config.input_shape, config.classes, config.options)

    def _table_or_none(self, config: RunConfig) -> LayerTable | None:
        key = repr((config.architecture, config.input_shape, config.dataset, sorted(config.options.items())))
        if key in self._too_small:
            return None
        try:
            return self.table(config)
        except ShapeError:
            self._too_small.add(key)
            return None

    def _free(self, measured: DeviceSpeed) -> int | None:
        """Bytes that a run would find. Memory of a run on this device counts as free: the next run starts when that has ended.

        What other programs hold of a GPU stays theirs. In a container that does not see their processes, all is taken for ours.
        """
        if is_elsewhere(measured.device):
            return None
        running = self._running(measured.device)
        if measured.device.startswith("cuda"):
            if self._at_once or not running or measured.free is None:
                return measured.free
            ours = {run.process.pid for run in running}
            own = sum(taken for pid, taken in measured.used_by if pid in ours)
            return measured.free + own if measured.used_by else measured.total
        holders = [os.getpid()] if self._at_once else [run.process.pid for run in running]
        return available() + sum(_own_bytes(pid) for pid in holders if pid)

    def _running(self, device: str) -> list[ActiveRun]:
        return [run for run in self._store.active() if run.device == device and not run.waits]


def available() -> int:
    """Bytes without swap, where training would be too slow to be of use."""
    machine, container = psutil.virtual_memory().available, memory.memory()
    return min(machine, container.available) if container else machine


def _own_bytes(pid: int) -> int:
    try:
        process = psutil.Process(pid).memory_info()
    except psutil.Error:
        return 0  # it has just ended, so its memory is free
    return int(process.rss - getattr(process, "shared", 0))
