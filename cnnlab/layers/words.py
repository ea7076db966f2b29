"""A layer's settings in words, as the table shows them."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.pooling import _AdaptiveAvgPoolNd, _AdaptiveMaxPoolNd, _AvgPoolNd, _MaxPoolNd

from cnnlab.text import shape_text

# Their name says everything a learner needs.
_PLAIN = (nn.ReLU, nn.Sigmoid, nn.Tanh, nn.GELU, nn.Flatten, nn.Identity)
_POOLING = (_MaxPoolNd, _AvgPoolNd)
_ADAPTIVE = (_AdaptiveAvgPoolNd, _AdaptiveMaxPoolNd)


def settings(module: nn.Module, inputs: list[tuple[int, ...]], output: tuple[int, ...]) -> str:
    """`module`'s settings, given the shapes of its inputs and its output (no batch dimension)."""
    if isinstance(module, _ConvNd):
        return _convolution(module)
    if isinstance(module, nn.Linear):
        return f"{module.out_features} units" + ("" if module.bias is not None else ", no bias")
    if isinstance(module, _NormBase):
        return f"{module.num_features} channels"
    if isinstance(module, _DropoutNd):
        return f"{module.p * 100:g} % set to zero in training"
    if isinstance(module, _POOLING):
        return _pooling(module, len(output) - 1)
    if isinstance(module, _ADAPTIVE):
        return f"to {shape_text(output[1:])}"
    if len(inputs) > 1:
        channels = [shape[0] for shape in inputs]
        joined = output[0] == sum(channels)
        return " + ".join(map(str, channels)) + " channels" if joined else f"{len(inputs)} inputs"
    return "" if isinstance(module, _PLAIN) else module.extra_repr()


def _convolution(module: _ConvNd) -> str:
    words = [
        f"{module.out_channels} channels",
        shape_text(module.kernel_size),
        f"stride {_side(module.stride)}",
        f"pad {_side(module.padding)}",
    ]
    if set(module.dilation) != {1}:
        words.append(f"dilation {_side(module.dilation)}")
    if module.groups > 1:
        words.append(f"{module.groups} groups")
    if module.bias is None:
        words.append("no bias")
    return ", ".join(words)


def _pooling(module: nn.Module, axes: int) -> str:
    kernel = module.kernel_size if isinstance(module.kernel_size, tuple) else (module.kernel_size,) * axes
    words = [shape_text(kernel), f"stride {_side(module.stride)}"]
    if _side(module.padding) != "0":
        words.append(f"pad {_side(module.padding)}")
    if _side(getattr(module, "dilation", 1)) != "1":
        words.append(f"dilation {_side(module.dilation)}")
    if module.ceil_mode:
        words.append("rounded up")
    return ", ".join(words)


def _side(value: int | str | tuple[int, ...]) -> str:
    """One number where all axes agree: 2, else 2×1; the words "same" and "valid" stay."""
    if not isinstance(value, tuple):
        return str(value)
    return str(value[0]) if len(set(value)) == 1 else shape_text(value)
