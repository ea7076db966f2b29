"""The arithmetic of one value in sentences: the size of the output, and how the value comes about."""

from __future__ import annotations

from cnnlab.i18n import N_, _, translated
from cnnlab.inside_values import ByHand
from cnnlab.text import shape_text
from pages._parts.inside.numbers import figure_text
from pages._parts.markdown import escaped

TERMS = 8  # of a sum that are written out
_FUNCTIONS = {
    "ReLU": N_("ReLU keeps what is above 0 and makes the rest 0"),
    "Sigmoid": N_("sigmoid, 1 / (1 + e^−z), presses it between 0 and 1"),
    "Tanh": N_("tanh presses it between −1 and 1"),
    "GELU": N_("GELU keeps large values and lets small ones fade"),
}


def size_sentence(found: ByHand) -> str:
    """How the size of the output follows from that of the input."""
    given, made = found.given[1:], found.made[1:]
    if found.kind.startswith("Adaptive"):
        return _(
            "**Size of the output:** {made}, whatever comes in. Here {given} values are split into that many windows, and this one "
            "has {kernel}."
        ).format(made=shape_text(made), given=shape_text(given), kernel=shape_text(found.kernel))
    axes = [_axis(found, axis) for axis in (0, 1)]
    each = _("{rows} rows and columns") if axes[0] == axes[1] else _("{rows} rows; {columns} columns")
    text = (
        _("**Size of the output:** ⌈(input + 2 × padding − kernel) / stride⌉ + 1 = {sizes}. The brackets mean rounded up.")
        if found.rounded_up
        else _("**Size of the output:** ⌊(input + 2 × padding − kernel) / stride⌋ + 1 = {sizes}. The brackets mean rounded down.")
    )
    return text.format(sizes=each.format(rows=axes[0], columns=axes[1]))


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
    text = _("The network has **{value}** at this place of {layer} (output channel {channel}, row {row}, column {column}).")
    lines.append(
        text.format(
            value=figure_text(found.result), layer=escaped(found.path), channel=found.channel + 1, row=found.row + 1,
            column=found.column + 1,
        )
    )  # fmt: skip
    if found.activated is not None:
        words = translated(_FUNCTIONS.get(found.activation, found.activation))
        text = _("Then comes the activation: {function}, so **{value}** goes on.")
        lines.append(text.format(function=escaped(words), value=figure_text(found.activated)))
    return lines


def _convolution(found: ByHand) -> list[str]:
    shown = found.reads.index(found.shown)
    text = _("The products of input channel {channel} add up to **{value}**.")
    lines = [text.format(channel=found.shown + 1, value=figure_text(found.sums[shown]))]
    if found.kernel == (1, 1):
        lines.insert(
            0,
            _(
                "A 1×1 convolution looks at one place and mixes its channels: one value of each input channel, times one weight "
                "each. It is a dense layer that is used at every place."
            ),
        )
    total = sum(found.sums)
    if len(found.sums) > 1:
        terms = " + ".join(_term(value) for value in found.sums[:TERMS])
        more = _(" + … ({count:,} terms)").format(count=len(found.sums)) if len(found.sums) > TERMS else ""
        text = _("All input channels together: {terms} = **{sum}**.")
        lines.append(text.format(terms=f"{terms}{more}", sum=figure_text(total)))
    if found.bias is None:
        lines.append(_("This convolution has no bias."))
    else:
        text = _("With the bias of this output channel: {sum} + {bias} = **{value}**.")
        lines.append(text.format(sum=figure_text(total), bias=_term(found.bias), value=figure_text(total + found.bias)))
    return lines


def _pooling(found: ByHand) -> str:
    count = found.kernel[0] * found.kernel[1]
    if "Max" in found.kind:
        return _("Max pooling takes the largest of the {count:,} values; the others are dropped, and padding never counts.").format(
            count=count
        )
    total = sum(value for line in found.window for value in line)
    text = _("Average pooling takes the mean of the {count:,} values: {sum} / {count:,} = **{mean}**.")
    return text.format(count=count, sum=figure_text(total), mean=figure_text(total / count))


def _term(value: float) -> str:
    return f"({figure_text(value)})" if value < 0 else figure_text(value)
