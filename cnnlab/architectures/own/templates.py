"""Networks to begin with: from scratch, and small ones with all their layers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from cnnlab.architectures.own.network import Network
from cnnlab.i18n import N_

Rows = tuple[Mapping[str, Any], ...]
_RELU = {"kind": "activation"}
_NORM = {"kind": "norm"}
_HALF = {"kind": "pool"}
_OUTPUT = {"kind": "linear", "name": "output", "units": 0}


def _convolved(channels: int, *, norm: bool = False, **more: Any) -> Rows:
    return ({"kind": "convolution", "channels": channels} | more, *((_NORM,) if norm else ()), _RELU)


def _dense(units: int) -> Rows:
    return ({"kind": "linear", "units": units}, _RELU)


_GLOBAL: Rows = ({"kind": "global-pool"}, {"kind": "flatten", "name": "flatten"}, _OUTPUT)
_FLATTEN: Mapping[str, Any] = {"kind": "flatten", "name": "flatten"}


def _fast(width: int) -> Rows:
    """The layers of Jordan (2024), "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", narrower, and with ReLU.

    Pooling comes before batch norm, which then has a quarter of the values to read and write. The last layer multiplies the logits
    by 1/8, as in ResNet-9: the maxima of all places are large.
    """

    def stage(channels: int) -> Rows:
        first, second = ({"kind": "convolution", "channels": channels, "bias": False} for _ in range(2))
        return (first, _HALF, _NORM, _RELU, second, _NORM, _RELU)

    head = ({"kind": "global-pool", "pooling": "max"}, _FLATTEN, _OUTPUT | {"bias": False}, {"kind": "scale"})
    return (*_convolved(width, kernel=2, padding=0), *stage(2 * width), *stage(4 * width), *stage(4 * width), *head)


# The name for a page, the network's own name, its rows.
_TEMPLATES: dict[str, tuple[str, str, Rows]] = {
    "scratch": (N_("From scratch"), N_("My network"), (_FLATTEN, _OUTPUT)),
    "lenet": (
        N_("LeNet with ReLU"),
        N_("My LeNet"),
        (
            *_convolved(6, kernel=5, padding=2), _HALF, *_convolved(16, kernel=5, padding=0), _HALF,
            _FLATTEN, *_dense(120), *_dense(84), _OUTPUT,
        ),
    ),
    "vgg": (
        N_("Small VGG"),
        N_("My VGG"),
        (
            *_convolved(16), *_convolved(16), _HALF, *_convolved(32), *_convolved(32), _HALF,
            _FLATTEN, *_dense(128), {"kind": "dropout"}, _OUTPUT,
        ),
    ),
    "resnet": (
        N_("Small ResNet"),
        N_("My ResNet"),
        (
            *_convolved(16, norm=True),
            {"kind": "residual", "channels": 16}, {"kind": "residual", "channels": 32, "stride": 2},
            {"kind": "residual", "channels": 64, "stride": 2}, *_GLOBAL,
        ),
    ),
    "shortcut": (
        N_("A shortcut, layer by layer"),
        N_("My shortcut"),
        (
            *_convolved(16, norm=True),
            *_convolved(16, norm=True),
            {"kind": "convolution", "channels": 16}, _NORM,
            {"kind": "addition", "from": ["norm3", "activation1"]}, _RELU, _HALF, *_GLOBAL,
        ),
    ),
    "fast": (N_("FastNet, small and fast"), N_("My FastNet"), _fast(16)),
}  # fmt: skip
TITLES: dict[str, str] = {name: title for name, (title, _own, _rows) in _TEMPLATES.items()}


@cache
def template(name: str) -> Network:
    """The network of one of TITLES."""
    _title, own, rows = _TEMPLATES[name]
    return Network.make(own, rows)


def fast(width: int) -> Network:
    """The network of the recipes named for 99 % on MNIST and 93 % on Fashion-MNIST, under a name that needs no translation."""
    return Network.make("FastNet", _fast(width))
