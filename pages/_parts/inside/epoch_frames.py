"""One epoch of a run as HTML: histograms of a layer's weights and of an activation's values, with words, and the first kernels."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape

from cnnlab.datasets.pictures import coloured_png
from cnnlab.epoch_flow import ActivationFlow, EpochFlow, LayerFlow
from cnnlab.i18n import _, ngettext
from cnnlab.palette import SIGNED, rgb, shade
from cnnlab.text import percent
from pages._parts.image_grid import GridItem, grid_html
from pages._parts.inside.numbers import bars_html, figure_text, legend_html
from pages._parts.player import Shown, played

_STYLE = re.compile("<style>.*?</style>", re.DOTALL)
STYLES = "".join(_STYLE.findall(bars_html((1,), 0.0, 1.0) + grid_html((), 64)))
Kernel = tuple[str, tuple[float, ...]]  # its name and its weights, row by row


def chosen_epochs(every: Sequence[EpochFlow], epoch: int) -> list[EpochFlow]:
    """The epochs that are played: all, or of many the first, the last, `epoch` and some between."""
    places = set(played(len(every)))
    return [each for place, each in enumerate(every) if place in places or each.epoch == epoch]


def frames(every: Sequence[EpochFlow], shown: Sequence[EpochFlow], layer: str, active: str) -> list[Shown]:
    """A frame for each epoch of `shown`; the scales are those of `every` epoch, so that frames can be compared.

    They have no styles, which would be sent with each of them: `STYLES` stands on the page once.
    """
    weights = [each for one in every if (each := weights_of(one, layer)) and each.counts]
    values = [each for one in every if (each := activation_of(one, active)) and each.counts]
    ends = _ends(weights), _ends(values)
    high = max((abs(value) for one in every for value in one.values), default=0.0)
    return [Shown(one.epoch, when(one.epoch), _STYLE.sub("", _frame(one, layer, active, ends, high))) for one in shown]


def when(epoch: int) -> str:
    """The epoch in words: "after epoch 3"."""
    return _("after epoch {epoch:,}").format(epoch=epoch) if epoch else _("before training")


def weights_of(one: EpochFlow, path: str) -> LayerFlow | None:
    return next((layer for layer in one.layers if layer.path == path), None)


def activation_of(one: EpochFlow, path: str) -> ActivationFlow | None:
    return next((layer for layer in one.activations if layer.path == path), None)


def weights_sentence(layer: LayerFlow, epoch: int) -> str:
    """Where the weights lie, as text."""
    if not layer.counts:
        return _("The weights of {layer} are no numbers any more {when}.").format(layer=layer.path, when=when(epoch))
    return _("The {count:,} weights of {layer} {when} lie from {low} to {high}.").format(
        count=sum(layer.counts), layer=layer.path, when=when(epoch), low=figure_text(layer.low), high=figure_text(layer.high)
    )


def activity_sentence(layer: ActivationFlow, epoch: int) -> str:
    """Where the values lie, and which of them let no gradient through, as text."""
    if not layer.counts:
        return _("The values of {layer} are no numbers any more {when}.").format(layer=layer.path, when=when(epoch))
    text = ngettext(
        "For {count:,} training image the values of {layer} ({kind}) {when} lie from {low} to {high}.",
        "For {count:,} training images the values of {layer} ({kind}) {when} lie from {low} to {high}.",
        layer.images,
    ).format(
        count=layer.images, layer=layer.path, kind=layer.kind, when=when(epoch), low=figure_text(layer.low),
        high=figure_text(layer.high),
    )  # fmt: skip
    if layer.kind == "ReLU":
        text += _(" {share} are 0: cut off.").format(share=percent(layer.zeros))
        dead = ngettext(
            " {count:,} of {total:,} channels is 0 for all of these images: it looks dead, and a dead channel learns nothing more.",
            " {count:,} of {total:,} channels are 0 for all of these images: they look dead, and a dead channel learns nothing "
            "more.",
            layer.silent,
        )
        if not layer.silent:
            dead = _(" None of its {total:,} channels is 0 for all of these images, so none looks dead.")
        text += dead.format(count=layer.silent, total=layer.channels)
    elif layer.saturated is not None:
        low, high = ("0.05", "0.95") if layer.kind == "Sigmoid" else ("−0.95", "0.95")
        text += _(" {share} are saturated, below {low} or above {high}: hardly any gradient passes there.").format(
            share=percent(layer.saturated), low=low, high=high
        )
    return text


def kernels_of(one: EpochFlow) -> list[Kernel]:
    """The first convolution's kernels that were kept."""
    if not one.kernels:
        return []
    _outputs, inputs, height, width = one.kernels
    size = height * width
    return [
        (f"{place // inputs + 1} ← {place % inputs + 1}", one.values[place * size : (place + 1) * size])
        for place in range(len(one.values) // size)
    ]


def kernel_png(values: Sequence[float], width: int, high: float) -> str:
    """A kernel as a PNG data URI, a pixel a weight: red above 0 and blue below."""
    colours = [rgb(shade(value, -high, high, SIGNED)) for value in values]
    return coloured_png([colours[start : start + width] for start in range(0, len(colours), width)])


def kernel_uri(values: Sequence[float], width: int, high: float) -> str:
    """A kernel as an SVG data URI: a square for each weight, red above 0 and blue below."""
    squares = "".join(
        f'<rect x="{place % width}" y="{place // width}" width="1.02" height="1.02" fill="{shade(value, -high, high, SIGNED)}"/>'
        for place, value in enumerate(values)
    )
    height = len(values) // width
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" shape-rendering="crispEdges">{squares}</svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _frame(
    one: EpochFlow, layer: str, active: str, ends: tuple[tuple[float, float], tuple[float, float]], high: float
) -> str:  # fmt: skip
    parts = []
    if weights := weights_of(one, layer):
        parts.append(_section(_("Weights of {layer}").format(layer=layer), weights_sentence(weights, one.epoch), weights, ends[0]))
    if values := activation_of(one, active):
        parts.append(
            _section(_("Activations of {layer}").format(layer=active), activity_sentence(values, one.epoch), values, ends[1])
        )
    return f'<div class="cnn-pair">{"".join(parts)}</div>{_kernels(one, high)}'


def _section(title: str, words: str, layer: LayerFlow | ActivationFlow, within: tuple[float, float]) -> str:
    bars = bars_html(layer.counts, layer.low, layer.high, within=within) if layer.counts else ""
    return f"<section><h3>{escape(title)}</h3><p>{escape(words)}</p>{bars}</section>"


def _kernels(one: EpochFlow, high: float) -> str:
    if not one.kernels:
        return ""
    alt = _("Kernel {name}: weights from {low} to {high}")
    items = [
        GridItem(
            kernel_png(values, one.kernels[3], high),
            alt.format(name=name, low=figure_text(min(values)), high=figure_text(max(values))), name,
        )
        for name, values in kernels_of(one)
    ]  # fmt: skip
    legend = legend_html(-high, high, _("weight; one scale for all epochs, so that colours can be compared"))
    title = _("Kernels of the first convolution, {when}").format(when=when(one.epoch))
    return f"<h3>{escape(title)}</h3>{grid_html(items, 64)}{legend}"


def _ends(layers: Sequence[LayerFlow] | Sequence[ActivationFlow]) -> tuple[float, float]:
    return min((each.low for each in layers), default=0.0), max((each.high for each in layers), default=0.0)
