"""Every kind of layer in one table: its name, what it does to shapes, its work, and what its backward pass needs. Needs no torch.

A kind is known by the name of its class, and its functions read the settings of the module they are given. A new kind of layer is
one entry here; tests run over all architectures and fail for a kind without one.
"""

from __future__ import annotations

from math import prod
from typing import Any

from cnnlab.architectures import receptive
from cnnlab.architectures.kind import Arguments, Kind
from cnnlab.architectures.receptive import Sizes
from cnnlab.i18n import N_, nsay, say
from cnnlab.text import shape_text


def kind_of(layer: Any) -> Kind:
    """The kind of a module; `UNKNOWN` for one that has no entry. A class from elsewhere may bear one of these names."""
    known = type(layer).__module__.startswith(("torch.nn.", "torchvision.", "cnnlab."))
    return KINDS.get(type(layer).__name__, UNKNOWN) if known else UNKNOWN


def kind_named(name: str) -> Kind:
    """The kind of a table's row. Of one without an entry, in a user's own code, a forecast counts all that it might keep."""
    return KINDS.get(name, UNKNOWN)


# Settings in words


def _convolution(layer: Any, _inputs: list[Sizes], _output: Sizes) -> str:
    words = [_channels(layer.out_channels), shape_text(layer.kernel_size), _stride(layer), _pad(layer)]
    if set(layer.dilation) != {1}:
        words.append(_dilation(layer.dilation))
    if layer.groups > 1:
        words.append(say("{count} groups", count=layer.groups))
    if layer.bias is None:
        words.append(N_("no bias"))
    return ", ".join(words)


def _brief_convolution(layer: Any) -> str:
    return shape_text(layer.kernel_size) + (f" stride {layer.stride[0]}" if layer.stride[0] > 1 else "")


def _brief_pooling(layer: Any) -> str:
    return f"{layer.kernel_size}/{layer.stride}"


def _pooling(layer: Any, _inputs: list[Sizes], output: Sizes) -> str:
    kernel = layer.kernel_size if isinstance(layer.kernel_size, tuple) else (layer.kernel_size,) * (len(output) - 1)
    words = [shape_text(kernel), _stride(layer)]
    if _side(layer.padding) != "0":
        words.append(_pad(layer))
    if _side(getattr(layer, "dilation", 1)) != "1":
        words.append(_dilation(layer.dilation))
    if layer.ceil_mode:
        words.append(N_("rounded up"))
    return ", ".join(words)


def _target(_layer: Any, _inputs: list[Sizes], output: Sizes) -> str:
    return say("to {shape}", shape=shape_text(output[1:]))


def _units(layer: Any, _inputs: list[Sizes], _output: Sizes) -> str:
    units = nsay("{count} unit", "{count} units", layer.out_features, count=layer.out_features)
    return units if layer.bias is not None else f"{units}, no bias"


def _dropped(layer: Any, _inputs: list[Sizes], _output: Sizes) -> str:
    return say("{share} % set to zero in training", share=f"{layer.p * 100:g}")


def _joined(_layer: Any, inputs: list[Sizes], _output: Sizes) -> str:
    return say("{sum} channels", sum=" + ".join(str(shape[0]) for shape in inputs))


def _channels(count: int) -> str:
    return nsay("{count} channel", "{count} channels", count, count=count)


def _stride(layer: Any) -> str:
    return say("stride {side}", side=_side(layer.stride))


def _pad(layer: Any) -> str:
    return say("pad {side}", side=_side(layer.padding))


def _dilation(dilation: int | Sizes) -> str:
    return say("dilation {side}", side=_side(dilation))


def _side(value: int | str | Sizes) -> str:
    """One number where all axes agree: 2, else 2×1; the words "same" and "valid" stay."""
    if not isinstance(value, tuple):
        return str(value)
    return str(value[0]) if len(set(value)) == 1 else shape_text(value)


# Shapes, with the batch dimension. None, or a side below 1, leaves it to PyTorch, which says what does not fit.


def _convolved(layer: Any, given: Sizes) -> Sizes | None:
    if len(given) != 4 or given[1] != layer.in_channels or isinstance(layer.padding, str):
        return None
    return (given[0], layer.out_channels, *_places(layer, given))


def _pooled(layer: Any, given: Sizes) -> Sizes | None:
    usual = isinstance(layer.kernel_size, int) and isinstance(layer.padding, int) and 2 * layer.padding <= layer.kernel_size
    return (*given[:2], *_places(layer, given)) if len(given) == 4 and usual and not layer.ceil_mode else None


def _places(layer: Any, given: Sizes) -> list[int]:
    """At how many places the window stands, along height and width."""
    settings = (
        value if isinstance(value, tuple) else (value, value)
        for value in (layer.kernel_size, layer.stride, layer.padding, getattr(layer, "dilation", 1))
    )
    return [
        (side + 2 * padding - dilation * (window - 1) - 1) // stride + 1
        for side, window, stride, padding, dilation in zip(given[2:], *settings, strict=True)
    ]


def _pooled_to(layer: Any, given: Sizes) -> Sizes | None:
    side = layer.output_size
    return (*given[:2], side, side) if len(given) == 4 and isinstance(side, int) and min(given) > 0 else None


def _dense(layer: Any, given: Sizes) -> Sizes | None:
    return (*given[:-1], layer.out_features) if given[-1] == layer.in_features else None


def _stacked(_layer: Any, first: Sizes, *others: Sizes) -> Sizes | None:
    fits = all((other[0], *other[2:]) == (first[0], *first[2:]) for other in others)
    return (first[0], first[1] + sum(other[1] for other in others), *first[2:]) if fits else None


def _added(_layer: Any, left: Sizes, right: Sizes) -> Sizes | None:
    return left if left == right else None


# Multiply-accumulates as `torch.utils.flop_counter` counts them, without biases: each output value of a convolution, each input
# value of a transposed one, meets one kernel.


def _convolution_macs(layer: Any, _given: Sizes, made: Sizes) -> int:
    return prod(made) * layer.in_channels // layer.groups * prod(layer.kernel_size)


def _transposed_macs(layer: Any, given: Sizes, _made: Sizes) -> int:
    return prod(given) * layer.out_channels // layer.groups * prod(layer.kernel_size)


def _dense_macs(layer: Any, _given: Sizes, made: Sizes) -> int:
    return prod(made) * layer.in_features


def _attention_macs(layer: Any, given: Sizes, _made: Sizes) -> int:
    """Of tokens × width: queries, keys, values and output, and the two products of all tokens with all others."""
    tokens, width = given
    return 4 * tokens * width**2 + 2 * tokens**2 * width


def _window_attention_macs(layer: Any, given: Sizes, _made: Sizes) -> int:
    """Of height × width × channels: as above, but tokens meet those of their window alone; windows cover the edge."""
    window, channels = prod(layer.window_size), given[-1]
    tokens = prod(-(-side // edge) * edge for side, edge in zip(given[:2], layer.window_size, strict=True))
    return 4 * tokens * channels**2 + 2 * tokens * window * channels


def _partition_attention_macs(_layer: Any, given: Sizes, _made: Sizes) -> int:
    """Of windows × tokens × channels: the two products alone, because the rest are layers of their own."""
    windows, tokens, channels = given
    return 2 * windows * tokens**2 * channels


_NORM = Kind(
    "batch norm",
    "normalisation",
    settings=lambda layer, *_: _channels(layer.num_features),
    arguments=Arguments(("num_features",), (("eps", 1e-5), ("momentum", 0.1))),
    keeps=("input",),
)
_WEIGHTS: dict[str, Any] = {"brief": _brief_convolution, "settings": _convolution, "keeps": ("input",)}
_WINDOW: dict[str, Any] = {"brief": _brief_pooling, "settings": _pooling, "shape": _pooled, "field": receptive.windowed}
_ADAPTIVE: dict[str, Any] = {"settings": _target, "shape": _pooled_to, "field": receptive.adaptive}
_ADAPTIVE |= {"arguments": Arguments(("output_size",))}
_PLAIN: dict[str, Any] = {"arguments": Arguments()}
_CONVOLUTION = Arguments(
    ("in_channels", "out_channels"),
    (
        *(("kernel_size", None), ("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1)),
        *(("padding_mode", "zeros"), ("bias", True)),
    ),
)
_DENSE = Arguments(("in_features", "out_features"), (("bias", True),))
_MAXIMUM = Arguments(("kernel_size",), (("stride", None), ("padding", 0), ("dilation", 1), ("ceil_mode", False)))
_AVERAGE = Arguments(("kernel_size",), (("stride", None), ("padding", 0), ("ceil_mode", False), ("count_include_pad", True)))

KINDS: dict[str, Kind] = {
    "Conv2d": Kind(
        "convolution",
        "convolution",
        **_WEIGHTS,
        shape=_convolved,
        field=receptive.windowed,
        macs=_convolution_macs,
        arguments=_CONVOLUTION,
    ),
    "ConvTranspose2d": Kind(
        "transposed convolution", "convolution", **_WEIGHTS, shape=None, field=lambda *_: None, macs=_transposed_macs
    ),
    "Linear": Kind(
        "dense layer",
        "dense",
        settings=_units,
        shape=_dense,
        field=receptive.dense,
        macs=_dense_macs,
        arguments=_DENSE,
        keeps=("input",),
    ),
    "MaxPool2d": Kind("max-pool", "pooling", **_WINDOW, arguments=_MAXIMUM, keeps=("input", "indices")),
    "AvgPool2d": Kind("average-pool", "pooling", **_WINDOW, arguments=_AVERAGE, keeps=("input",)),
    "AdaptiveMaxPool2d": Kind("adaptive max-pool", "adaptive pooling", **_ADAPTIVE, keeps=("input", "indices")),
    # Over the whole map, as in every network here, PyTorch takes a plain mean, whose backward pass needs only the shape.
    "AdaptiveAvgPool2d": Kind("adaptive average-pool", "adaptive pooling", **_ADAPTIVE),
    "BatchNorm1d": _NORM,
    "BatchNorm2d": _NORM,
    "ReLU": Kind("ReLU", "activation", **_PLAIN, keeps=("output",)),
    "Sigmoid": Kind("sigmoid", "activation", **_PLAIN, keeps=("output",)),
    "Tanh": Kind("tanh", "activation", **_PLAIN, keeps=("output",)),
    "GELU": Kind("GELU", "activation", arguments=Arguments(named=(("approximate", "none"),)), keeps=("input",)),
    "Dropout": Kind("dropout", "dropout", settings=_dropped, arguments=Arguments(("p",)), keeps=("mask",)),
    "Concatenate": Kind("concatenation", "join", settings=_joined, shape=_stacked),
    "Add": Kind(
        "addition", "join", settings=lambda _layer, inputs, _output: say("{count} inputs", count=len(inputs)), shape=_added
    ),
    "Scale": Kind("scaling", "other", settings=lambda layer, *_: say("times {factor}", factor=f"{layer.factor:g}")),
    "Flatten": Kind("flattening", "view", shape=None, arguments=Arguments(named=(("start_dim", 1), ("end_dim", -1)))),
    "Identity": Kind("identity", "view", **_PLAIN),
}
# Those of torchvision's networks. Where a network's own code adds, multiplies or pools, the operation is a row of such a kind.
_UNSEEN: dict[str, Any] = {"shape": None, "field": lambda *_: None}
_ATTENTION: dict[str, Any] = _UNSEEN | {"keeps": ("input", "output")}
KINDS |= {
    "SiLU": Kind("SiLU", "activation", **_PLAIN, keeps=("input",)),
    "ReLU6": Kind("ReLU6", "activation", **_PLAIN, keeps=("input",)),
    "Hardswish": Kind("hard swish", "activation", **_PLAIN, keeps=("input",)),
    "Hardsigmoid": Kind("hard sigmoid", "activation", **_PLAIN, keeps=("input",)),
    "LayerNorm": Kind("layer norm", "normalisation", keeps=("input",)),
    "LayerNorm2d": Kind("layer norm", "normalisation", keeps=("input",)),
    "StochasticDepth": Kind("stochastic depth", "dropout", settings=_dropped),
    "Permute": Kind("reordering", "view", **_UNSEEN),
    "SwapAxes": Kind("reordering", "view", **_UNSEEN),
    "WindowPartition": Kind("division into windows", "view", **_UNSEEN),
    "WindowDepartition": Kind("union of windows", "view", **_UNSEEN),
    "MultiheadAttention": Kind("attention", "other", **_ATTENTION, macs=_attention_macs),
    "ShiftedWindowAttention": Kind("attention in windows", "other", **_ATTENTION, macs=_window_attention_macs),
    "ShiftedWindowAttentionV2": Kind("attention in windows", "other", **_ATTENTION, macs=_window_attention_macs),
    "RelativePositionalMultiHeadAttention": Kind("attention in windows", "other", **_ATTENTION, macs=_partition_attention_macs),
    "CNBlock": Kind("learned scale", "other", **_UNSEEN),
    "Encoder": Kind("learned positions", "other", **_UNSEEN),
    "VisionTransformer": Kind("class token", "other", **_UNSEEN),
    "Multiply": Kind("multiplication", "other", shape=None, keeps=("input", "output")),
    "Mean": Kind("mean over the map", "adaptive pooling", field=receptive.averaged, shape=None),
}
# The kinds of torch's functions, by their names.
OPERATIONS = {
    **dict.fromkeys(("add", "add_", "__add__", "__iadd__", "__radd__"), "Add"),
    **dict.fromkeys(("mul", "__mul__", "__rmul__"), "Multiply"),
    **dict.fromkeys(("cat", "concat"), "Concatenate"),
    "relu": "ReLU",
    "adaptive_avg_pool2d": "AdaptiveAvgPool2d",
    "avg_pool2d": "AvgPool2d",
    "max_pool2d": "MaxPool2d",
    "mean": "Mean",
}
# Where paths meet: the sign in a drawing, and the word in a sentence.
MEETINGS = {
    "Add": ("+", N_("an addition")),
    "Multiply": ("×", N_("a multiplication")),
    "Concatenate": ("concat", N_("a concatenation")),
}
OF_SEVERAL = frozenset(MEETINGS)
ATTENTION = frozenset(name for name, kind in KINDS.items() if kind.title.startswith("attention"))
UNKNOWN = Kind(
    "",
    "other",
    settings=lambda layer, *_: layer.extra_repr(),
    shape=None,
    field=receptive.unless_resized,
    keeps=("input", "output"),
)
