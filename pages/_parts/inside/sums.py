"""The arithmetic of one value in sentences: the size of the output, and how the value comes about."""

from __future__ import annotations

from cnnlab.inside_values import ByHand
from cnnlab.text import shape_text
from pages._parts.inside.numbers import figure_text
from pages._parts.markdown import escaped

TERMS = 8  # of a sum that are written out
_FUNCTIONS = {
    "ReLU": "ReLU keeps what is above 0 and makes the rest 0",
    "Sigmoid": "sigmoid, 1 / (1 + e^−z), presses it between 0 and 1",
    "Tanh": "tanh presses it between −1 and 1",
    "GELU": "GELU keeps large values and lets small ones fade",
}


def size_sentence(found: ByHand) -> str:
    """How the size of the output follows from that of the input."""
    given, made = found.given[1:], found.made[1:]
    if found.kind.startswith("Adaptive"):
        return (
            f"**Size of the output:** {shape_text(made)}, whatever comes in. Here {shape_text(given)} values are split into "
            f"that many windows, and this one has {shape_text(found.kernel)}."
        )
    axes = [_axis(found, axis) for axis in (0, 1)]
    each = f"{axes[0]} rows and columns" if axes[0] == axes[1] else f"{axes[0]} rows; {axes[1]} columns"
    bracket = ("⌈", "⌉") if found.rounded_up else ("⌊", "⌋")
    rounded = "rounded up" if found.rounded_up else "rounded down"
    return (
        f"**Size of the output:** {bracket[0]}(input + 2 × padding − kernel) / stride{bracket[1]} + 1 = {each}. The brackets mean "
        f"{rounded}."
    )


def _axis(found: ByHand, axis: int) -> str:
    kernel = (found.kernel[axis] - 1) * found.dilation[axis] + 1  # with dilation, the pixels that it spans
    bracket = ("⌈", "⌉") if found.rounded_up else ("⌊", "⌋")
    return (
        f"{bracket[0]}({found.given[axis + 1]} + 2 × {found.padding[axis]} − {kernel}) / {found.stride[axis]}{bracket[1]} + 1 = "
        f"**{found.made[axis + 1]}**"
    )


def result_sentences(found: ByHand) -> list[str]:
    """How the value comes about, and what the next layer makes of it."""
    lines = _convolution(found) if found.sums else [_pooling(found)]
    where = f"output channel {found.channel + 1}, row {found.row + 1}, column {found.column + 1}"
    lines.append(f"The network has **{figure_text(found.result)}** at this place of {escaped(found.path)} ({where}).")
    if found.activated is not None:
        words = _FUNCTIONS.get(found.activation, found.activation)
        lines.append(f"Then comes the activation: {escaped(words)}, so **{figure_text(found.activated)}** goes on.")
    return lines


def _convolution(found: ByHand) -> list[str]:
    shown = found.reads.index(found.shown)
    lines = [f"The products of input channel {found.shown + 1} add up to **{figure_text(found.sums[shown])}**."]
    if found.kernel == (1, 1):
        lines.insert(
            0,
            "A 1×1 convolution looks at one place and mixes its channels: one value of each input channel, times one weight "
            "each. It is a dense layer that is used at every place.",
        )
    total = sum(found.sums)
    if len(found.sums) > 1:
        terms = " + ".join(_term(value) for value in found.sums[:TERMS])
        more = f" + … ({len(found.sums):,} terms)" if len(found.sums) > TERMS else ""
        lines.append(f"All input channels together: {terms}{more} = **{figure_text(total)}**.")
    if found.bias is None:
        lines.append("This convolution has no bias.")
    else:
        lines.append(
            f"With the bias of this output channel: {figure_text(total)} + {_term(found.bias)} = "
            f"**{figure_text(total + found.bias)}**."
        )
    return lines


def _pooling(found: ByHand) -> str:
    count = found.kernel[0] * found.kernel[1]
    if "Max" in found.kind:
        return f"Max pooling takes the largest of the {count:,} values; the others are dropped, and padding never counts."
    total = sum(value for line in found.window for value in line)
    mean = f"{figure_text(total)} / {count:,} = **{figure_text(total / count)}**"
    return f"Average pooling takes the mean of the {count:,} values: {mean}."


def _term(value: float) -> str:
    return f"({figure_text(value)})" if value < 0 else figure_text(value)
