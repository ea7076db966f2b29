"""A lab for commands that starts no process: its helper answers here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cnnlab.cli import app
from cnnlab.compute import helper
from cnnlab.layers.trace import layer_table
from cnnlab.system import background
from cnnlab.training.costs import DeviceSpeed


def commands_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Calls a command in the lab of this home, and returns what was printed."""
    monkeypatch.setattr(helper.Helper, "ask", lambda self, question, **_: DeviceSpeed("cpu", None, None, "unknown", None))
    monkeypatch.setattr(helper.Helper, "layers", lambda self, *network: layer_table(*network))
    monkeypatch.setattr(background, "ensure", lambda home: None)
    monkeypatch.delenv("CNNLAB_DATA", raising=False)

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments, "--home", str(home)], catch_exceptions=False)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    return call
