"""Whether a run may be queued: does it fit into the memory, and is it within what this lab allows? Needs no torch."""

from __future__ import annotations

from cnnlab.config import RunConfig
from cnnlab.forecasts import limits
from cnnlab.forecasts.forecaster import Forecaster, Layers
from cnnlab.forecasts.limits import Limits
from cnnlab.layers import LayerTable
from cnnlab.runs.records import Run
from cnnlab.runs.store import Store
from cnnlab.system.files import folder_bytes
from cnnlab.system.home import run_folder


class Admission:
    """Judges by the figures of `forecaster`, the layer tables of `layers` and the home folder of `store`.

    Where nothing stands against a run the limits are the answer: how much its owner has running can only be counted
    when the store queues it, so their `admit` goes there.
    """

    def __init__(self, forecaster: Forecaster, layers: Layers, store: Store) -> None:
        self._forecaster = forecaster
        self._layers = layers
        self._store = store

    def new(self, config: RunConfig) -> Limits:
        """Raises ConfigError, which says what would fit, for a run that does not; LimitError for one that is too much."""
        table = self._table(config)
        forecast = self._forecaster.check(config, table)
        return self._limits(config, table.parameters, forecast.seconds_total)

    def further(self, run: Run, config: RunConfig) -> Limits:
        """Of a run that is to go on with `config`: limits may have been lowered since it began. Raises LimitError."""
        if run.active or limits.load(limits.limits_file()) == Limits():
            return Limits()  # what waits or trains already is not checked; without limits nobody waits for the helper
        table = self._table(config)
        epoch = self._forecaster.forecast(config, table=table, calibrate=False).seconds_per_epoch
        left = None if epoch is None else epoch * (config.epochs - run.epochs_done)
        return self._limits(config, table.parameters, left, run)

    def _limits(self, config: RunConfig, parameters: int, seconds: float | None, run: Run | None = None) -> Limits:
        allowed, home = limits.load(limits.limits_file()), self._store.home
        allowed.check(
            config,
            parameters=parameters,
            seconds=seconds,
            trained=(run.seconds or 0.0) if run else 0.0,
            disk_bytes=folder_bytes(home) if allowed.disk else 0,
            own_bytes=folder_bytes(run_folder(home, run.id)) if run and allowed.disk else 0,
            promised_bytes=self._promised() if allowed.disk else 0,
        )
        return allowed

    def _promised(self) -> int:
        """Bytes that the runs which wait or train will take besides what they have."""
        needed = ((run, limits.checkpoint_bytes(run.config, self._table(run.config).parameters)) for run in self._store.active())
        return sum(max(0, most - folder_bytes(run_folder(self._store.home, run.id))) for run, most in needed)

    def _table(self, config: RunConfig) -> LayerTable:
        return self._layers(config.architecture, config.input_shape, config.classes, config.options)
