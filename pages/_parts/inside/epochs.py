"""The view Over the epochs: how gradients flowed back through the layers, and how weights and the first kernels moved."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Literal

import streamlit as st

from cnnlab.epoch_flow import EpochFlow, LayerFlow
from cnnlab.figures.flow import USUAL, flow_figure, layers_drawn
from cnnlab.palette import SIGNED, shade
from pages._parts.address import Address, whole_number
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.inside.choice import Chosen
from pages._parts.inside.downloads import numbers_button
from pages._parts.inside.numbers import bars_html, figure_text, legend_html
from pages._parts.live.plot import live_plot
from pages._parts.markdown import escaped
from pages._parts.one_choice import one_choice

VANISHED, ALIKE = 100, 3  # times shorter
QUANTITIES: dict[Literal["gradient", "update"], str] = {
    "gradient": "Lines: length of each layer’s gradient by epoch", "update": "Lines: step of each layer’s weights by epoch",
}  # fmt: skip
HEADER = ("epoch", "layer", "length of gradient", "step / length of weights", "smallest weight", "largest weight")


def draw_epochs(chosen: Chosen, address: Address) -> None:
    """Draws the view."""
    every = chosen.lab.inside.over_the_epochs(chosen.run_id)
    if not [each for each in every if each.epoch]:
        st.info("How gradients and weights changed was not recorded for this run; it is for every run that is trained from now on.")
        return
    _gradients(chosen, every)
    st.header("How its weights moved")
    left, right = st.columns(2)
    with left:
        total = every[-1].epoch
        key = f"inside:epoch {chosen.run_id} {total}"  # a slider with another end is another one
        address.initialise(key, "epoch", total, whole_number("epoch", 0, total))
        place = st.slider(
            "Weights after epoch", 0, total, key=key,
            help="0 is the network before training, with its random weights. Move it from 0 on and watch them change.",
        )  # fmt: skip
        address.write("epoch", place, total)
    one = max((each for each in every if each.epoch <= place), key=lambda each: each.epoch)
    if one.epoch != place:
        st.caption(f"Epoch {place:,} was not recorded; epoch {one.epoch:,} is shown.")
    with right:
        layer = _pick_layer(one, address)
    _weights(layer, one.epoch)
    _kernels(one, every)


def _gradients(chosen: Chosen, every: Sequence[EpochFlow]) -> None:
    st.header("How gradients flowed back")
    st.markdown(gradient_sentence(every))
    drawn = len(layers_drawn([layer.path for layer in every[-1].layers]))
    shown = f"{drawn} of {len(every[-1].layers)} layers with weights are drawn. " if drawn < len(every[-1].layers) else ""
    for place, quantity, label in zip(st.columns(2), QUANTITIES, QUANTITIES.values(), strict=True):
        with place:
            live_plot(flow_figure(every, quantity), key=f"inside:{quantity}", label=label)
    st.caption(
        f"{shown}Means over the four batches of an epoch that are watched; the gradient is the one that the optimiser gets. On the "
        f"right: how far one step moves the weights of a layer, as a share of their length. Around {USUAL:g} (dotted) training "
        "usually goes well; far less hardly trains the layer, far more shakes it."
    )
    numbers_button(
        "Numbers as CSV", lambda: flow_rows(every), chosen.file("gradients", "csv"), header=HEADER,
        help="A line for each epoch and layer.",
    )  # fmt: skip


def gradient_sentence(every: Sequence[EpochFlow]) -> str:
    """How much shorter the gradient of the first layer was than that of the last one, at first and at the end."""
    trained = [each for each in every if each.epoch]
    begin, end = trained[0], trained[-1]
    first, last = end.layers[0].path, end.layers[-1].path
    if first == last:
        return f"This network has one layer with weights, **{escaped(first)}**: its gradient has no way to go."
    ratios = [_ratio(each.layers) for each in (begin, end)]
    text = (
        f"In epoch {begin.epoch} the gradient of the first layer, **{escaped(first)}**, was {_times(ratios[0])} that of the last, "
        f"**{escaped(last)}**"
    )
    if begin is not end:
        text += f"; in epoch {end.epoch} it was {_times(ratios[1])} it"
    vanished = [ratio is not None and ratio * VANISHED <= 1 for ratio in ratios]
    if any(vanished):
        when = "It **vanishes**" if vanished[1] else "At first it **vanished**"
        text += (
            f". {when} on its way back: each layer multiplied it by slopes below 1, and so the first layers hardly learnt. ReLU, "
            "batch normalisation or residual connections keep it longer"
        )
    return f"{text}."


def _ratio(layers: Sequence[LayerFlow]) -> float | None:
    first, last = layers[0].gradient, layers[-1].gradient
    return first / last if first is not None and last else None


def _times(ratio: float | None) -> str:
    if ratio is None:
        return "not to be compared with"
    if 1 / ALIKE < ratio < ALIKE:
        return "about as long as"
    return f"{figure_text(ratio)} times as long as" if ratio > 1 else f"{figure_text(1 / ratio if ratio else 0)} times shorter than"


def _pick_layer(one: EpochFlow, address: Address) -> LayerFlow:
    by_path = {layer.path: layer for layer in one.layers}
    path = one_choice(
        "Layer with weights", "inside:weights", "weights", {path: path for path in by_path}, address, as_list=True,
        help="Whose weights the histogram counts.",
    )  # fmt: skip
    return by_path[path]


def _weights(layer: LayerFlow, epoch: int) -> None:
    if not layer.counts:
        st.caption(f"The weights of {escaped(layer.path)} are no numbers any more after epoch {epoch:,}.")
        return
    when = "before training" if not epoch else f"after epoch {epoch:,}"
    st.markdown(
        f"The {sum(layer.counts):,} weights of **{escaped(layer.path)}** {when} lie from {figure_text(layer.low)} to "
        f"{figure_text(layer.high)}."
    )
    st.html(bars_html(layer.counts, layer.low, layer.high))


def _kernels(one: EpochFlow, every: Sequence[EpochFlow]) -> None:
    if not one.kernels:
        return
    outputs, inputs, height, width = one.kernels
    high = max((abs(value) for each in every for value in each.values), default=0.0)
    size = height * width
    kernels = [one.values[place * size : (place + 1) * size] for place in range(outputs * inputs)]
    when = "before training" if not one.epoch else f"after epoch {one.epoch:,}"
    st.subheader(f"Kernels of the first convolution, {when}")
    items = []
    for place, values in enumerate(kernels):
        name = f"{place // inputs + 1} ← {place % inputs + 1}"
        alt = f"Kernel {name}: weights from {figure_text(min(values))} to {figure_text(max(values))}"
        items.append(GridItem(kernel_uri(values, width, high), alt, name))
    image_grid(items, 64)
    st.html(legend_html(-high, high, "weight; one scale for all epochs, so that colours can be compared"))


def kernel_uri(values: Sequence[float], width: int, high: float) -> str:
    """A kernel as an SVG data URI: a square for each weight, red above 0 and blue below."""
    squares = "".join(
        f'<rect x="{place % width}" y="{place // width}" width="1.02" height="1.02" fill="{shade(value, -high, high, SIGNED)}"/>'
        for place, value in enumerate(values)
    )
    height = len(values) // width
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" shape-rendering="crispEdges">{squares}</svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def flow_rows(every: Sequence[EpochFlow]) -> list[tuple[object, ...]]:
    """A row for each epoch and layer, under HEADER."""
    return [
        (each.epoch, layer.path, layer.gradient, layer.update, layer.low, layer.high) for each in every for layer in each.layers
    ]
