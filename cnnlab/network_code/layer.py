"""A layer of PyTorch as the line of Python that makes it: `nn.Conv2d(1, 6, kernel_size=5, padding=2)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from cnnlab.architectures.kinds import kind_of
from cnnlab.errors import ConfigError


def layer_code(layer: nn.Module, names: Mapping[str, str] | None = None) -> str:
    """The line that makes `layer`; `names` replace numbers by variables: {"in_channels": "inputs"}.

    Raises ConfigError for a layer that has no such line.
    """
    name, arguments, names = type(layer).__name__, kind_of(layer).arguments, names or {}
    if arguments is None:
        raise ConfigError(f"A network with a layer of the kind {name} cannot be written as PyTorch code.", "architecture")
    written = [names.get(setting) or _text(getattr(layer, setting)) for setting in arguments.first]
    for setting, default in arguments.named:
        if setting == "count_include_pad" and not layer.padding:
            continue  # without padding there is nothing to count
        value = getattr(layer, setting)
        text = names.get(setting) or _text(value is not None if setting == "bias" else value)
        if text != _text(default):
            written.append(f"{setting}={text}")
    return f"nn.{name}({', '.join(written)})"


def _text(value: Any) -> str:
    """A value as code; a pair of equal numbers as one."""
    return repr(value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value)
