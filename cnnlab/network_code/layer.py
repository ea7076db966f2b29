"""A layer of PyTorch as the line of Python that makes it: `nn.Conv2d(1, 6, kernel_size=5, padding=2)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from cnnlab.errors import ConfigError

# The settings of each layer: those without a name come first, the others follow where they differ from PyTorch's default.
_PLAIN: dict[str, tuple[str, ...]] = {
    "Conv2d": ("in_channels", "out_channels"),
    "Linear": ("in_features", "out_features"),
    "BatchNorm1d": ("num_features",),
    "BatchNorm2d": ("num_features",),
    "MaxPool2d": ("kernel_size",),
    "AvgPool2d": ("kernel_size",),
    "AdaptiveAvgPool2d": ("output_size",),
    "AdaptiveMaxPool2d": ("output_size",),
    "Dropout": ("p",),
    **dict.fromkeys(("ReLU", "Sigmoid", "Tanh", "GELU", "Flatten", "Identity"), ()),
}
_NAMED: dict[str, Mapping[str, Any]] = {
    "Conv2d": {"kernel_size": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1, "padding_mode": "zeros"},
    "MaxPool2d": {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False},
    "AvgPool2d": {"stride": None, "padding": 0, "ceil_mode": False},
    "BatchNorm1d": {"eps": 1e-5, "momentum": 0.1},
    "BatchNorm2d": {"eps": 1e-5, "momentum": 0.1},
    "GELU": {"approximate": "none"},
}


def layer_code(layer: nn.Module, names: Mapping[str, str] | None = None) -> str:
    """The line that makes `layer`; `names` replace numbers by variables: {"in_channels": "inputs"}.

    Raises ConfigError for a layer that has no such line.
    """
    kind, names = type(layer).__name__, names or {}
    if kind not in _PLAIN or not type(layer).__module__.startswith("torch.nn."):
        raise ConfigError(f"A network with a layer of the kind {kind} cannot be written as PyTorch code.", "architecture")
    settings = [names.get(name) or _number(getattr(layer, name)) for name in _PLAIN[kind]]
    for name, default in _NAMED.get(kind, {}).items():
        value = names.get(name) or _number(getattr(layer, name))
        if value != str(default):
            settings.append(f"{name}={value}")
    if kind in ("Conv2d", "Linear") and layer.bias is None:
        settings.append("bias=False")
    if kind == "AvgPool2d" and layer.padding and not layer.count_include_pad:
        settings.append("count_include_pad=False")
    return f"nn.{kind}({', '.join(settings)})"


def _number(value: Any) -> str:
    """A pair of equal numbers as one."""
    if isinstance(value, tuple) and len(set(value)) == 1:
        value = value[0]
    return value if isinstance(value, str) else repr(value)
