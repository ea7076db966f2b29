"""Learning-rate range tests as the pages ask for them. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from cnnlab.architectures.own_code import check_not_own
from cnnlab.compute.helper import Helper
from cnnlab.config import RunConfig
from cnnlab.elsewhere import is_elsewhere
from cnnlab.values import RangeTestState


class RateFinder:
    """Starts range tests of settings, and says how far they are. No run and nothing in the record comes of them."""

    def __init__(self, helper: Helper, data: Path | None) -> None:
        self._helper, self._data = helper, data

    def test(self, config: RunConfig) -> RangeTestState:
        """Starts the test of these settings unless it runs or is known; ask again while it is running.

        Raises DeviceError, DataError, ShapeError or ConfigError where a run of these settings could not begin, NotAllowed for own
        code.
        """
        check_not_own(config.architecture)
        known = self._ask(config)
        if known.state in ("running", "done"):
            return known
        self._helper.ask("check_run", config=_here(config), data=self._data)
        return self._ask(config, start=True)

    def state(self, config: RunConfig) -> RangeTestState:
        return self._ask(config)

    def cancel(self, config: RunConfig) -> None:
        """Ends the test if it runs."""
        self._ask(config, cancel=True)

    def _ask(self, config: RunConfig, *, start: bool = False, cancel: bool = False) -> RangeTestState:
        return self._helper.ask("range_test", config=_here(config), data=self._data, start=start, cancel=cancel)


def _here(config: RunConfig) -> RunConfig:
    """A test of seconds trains on this machine: it shows a rate, which is the same elsewhere, not a speed."""
    return config.change(device="auto") if is_elsewhere(config.device) else config
