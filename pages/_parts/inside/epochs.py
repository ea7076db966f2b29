"""The view Over the epochs: how gradients flowed back through the layers, and how weights, activations and kernels moved."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import streamlit as st

from cnnlab.datasets.pictures import side_by_side
from cnnlab.epoch_flow import EpochFlow, LayerFlow
from cnnlab.figures.flow import USUAL, flow_figure, layers_drawn
from cnnlab.i18n import N_, _, language, translated
from pages._parts.address import Address, whole_number
from pages._parts.heading import header
from pages._parts.inside.choice import Chosen
from pages._parts.inside.downloads import histogram_ways, numbers_button, picture_ways
from pages._parts.inside.epoch_frames import (
    STYLES,
    activation_of,
    chosen_epochs,
    frames,
    kernel_png,
    kernel_uri,
    kernels_of,
    weights_of,
    when,
)
from pages._parts.inside.numbers import figure_text
from pages._parts.live.plot import live_plot
from pages._parts.markdown import escaped
from pages._parts.one_choice import one_choice
from pages._parts.player import Shown, draw_player

VANISHED, ALIKE = 100, 3  # times shorter
NONE = ""  # of the activations
QUANTITIES: dict[Literal["gradient", "update"], str] = {
    "gradient": N_("Lines: length of each layer’s gradient by epoch"),
    "update": N_("Lines: step of each layer’s weights by epoch"),
}  # fmt: skip
HEADER = ("epoch", "layer", "length of gradient", "step / length of weights", "smallest weight", "largest weight")
KERNELS = ("epoch", "kernel", "row", "column", "weight")
HISTOGRAMS = ("epoch", "layer", "what", "from", "to", "values")


def draw_epochs(chosen: Chosen, address: Address) -> None:
    """Draws the view."""
    every = chosen.lab.inside.over_the_epochs(chosen.run_id)
    if not [each for each in every if each.epoch]:
        st.info(
            _("How gradients and weights changed was not recorded for this run; it is for every run that is trained from now on.")
        )
        return
    _gradients(chosen, every)
    header(N_("How its weights and activations moved"))
    total = every[-1].epoch
    key = f"inside:until {chosen.run_id} {total}"  # another end is another slider
    address.initialise(key, "until", total, whole_number("until", 0, total))
    place = st.session_state[key]
    address.write("until", place, total)
    one = max((each for each in every if each.epoch <= place), key=lambda each: each.epoch)
    if one.epoch != place:
        st.caption(_("Epoch {epoch:,} was not recorded; epoch {other:,} is shown.").format(epoch=place, other=one.epoch))
    left, right = st.columns(2)
    with left:
        layer = one_choice(
            _("Layer with weights"), "inside:weights", "weights", {layer.path: layer.path for layer in one.layers}, address,
            as_list=True, help=_("Whose weights the first histogram counts."),
        )  # fmt: skip
    with right:
        active = _pick_activation(every, address)
    st.html(STYLES)
    shown = chosen_epochs(every, one.epoch)
    drawn = _frames(language(), chosen.run_id, layer, active, [each.epoch for each in shown], every, shown)
    draw_player(drawn, one.epoch, _("Epoch"), lambda epoch: st.session_state.update({key: epoch}))
    _files(chosen, one, every, layer, active)


def _pick_activation(every: Sequence[EpochFlow], address: Address) -> str:
    known = {layer.path: f"{layer.path} · {layer.kind}" for each in every for layer in each.activations}
    if not known:
        address.preserve("active")
        st.caption(_("The activations were not recorded for this run: it is of an early version, or the network has none."))
        return NONE
    return one_choice(
        _("Activations of"), "inside:active", "active", known, address, as_list=True,
        help=_(
            "Whose values the second histogram counts: the outputs of a non-linearity for a few training images, the same ones "
            "after each epoch."
        ),
    )  # fmt: skip


# Forty epochs of pictures take a tenth of a second, and a click that only moves the slider changes none of them.
@st.cache_data(max_entries=32, show_spinner=False)
def _frames(
    code: str, run_id: str, layer: str, active: str, epochs: list[int], _every: Sequence[EpochFlow], _shown: Sequence[EpochFlow]
) -> list[Shown]:  # fmt: skip
    return frames(_every, _shown, layer, active)


def _files(chosen: Chosen, one: EpochFlow, every: Sequence[EpochFlow], layer: str, active: str) -> None:
    """What is shown for this epoch, as files; the numbers are those of all epochs."""
    weights, values = weights_of(one, layer), activation_of(one, active)
    kinds = (
        ("weights", weights, _("Weights"), _("Weights of {layer}")),
        ("activations", values, _("Activations"), _("Activations of {layer}")),
    )
    for what, found, name, title in kinds:
        if found and found.counts:
            file = partial(chosen.file, f"{found.path}-{what}-epoch{one.epoch}")
            words = f"{title.format(layer=found.path)}{_(', ')}{when(one.epoch)}"
            histogram_ways(found.counts, (found.low, found.high), file, words, what=name)
    with st.container(horizontal=True):
        if kernels := kernels_of(one):
            high = max((abs(value) for each in every for value in each.values), default=0.0)
            width = one.kernels[3]
            picture_ways(
                _("Kernels"), lambda: side_by_side([kernel_png(values, width, high) for _name, values in kernels]),
                partial(chosen.file, f"first-kernels-epoch{one.epoch}"),
                _("Kernels of the first convolution, {when}").format(when=when(one.epoch)),
                pictures=[(kernel_uri(values, width, high), name) for name, values in kernels],
                note=_("Colours from {low} to {high}, white is 0").format(low=figure_text(-high), high=figure_text(high)),
                help=_("The kernels above side by side, a pixel a weight."),
            )  # fmt: skip
            numbers_button(
                _("Kernels of all epochs as CSV"), lambda: kernel_rows(every), chosen.file("first-kernels", "csv"), header=KERNELS,
                help=_("Each weight of the kernels that were kept, for each epoch."),
            )  # fmt: skip
        numbers_button(
            _("Histograms of all epochs as CSV"), lambda: histogram_rows(every), chosen.file("histograms", "csv"),
            header=HISTOGRAMS,
            help=_("How many weights, and how many activations, lie in each step of their range, for each epoch and layer."),
        )  # fmt: skip


def _gradients(chosen: Chosen, every: Sequence[EpochFlow]) -> None:
    header(N_("How gradients flowed back"))
    st.markdown(gradient_sentence(every))
    drawn = len(layers_drawn([layer.path for layer in every[-1].layers]))
    total = len(every[-1].layers)
    shown = _("{count} of {total} layers with weights are drawn. ").format(count=drawn, total=total) if drawn < total else ""
    for place, quantity, label in zip(st.columns(2), QUANTITIES, QUANTITIES.values(), strict=True):
        with place:
            live_plot(flow_figure(every, quantity), key=f"inside:{quantity}", label=translated(label))
    st.caption(
        shown
        + _(
            "Means over the two or four batches of an epoch that are watched; the gradient is the one that the optimiser gets. "
            "The second chart: how far one step moves the weights of a layer, as a share of their length. Around {usual:g} (dotted)"
            " training usually goes well; far less hardly trains the layer, far more shakes it."
        ).format(usual=USUAL)
    )
    numbers_button(
        _("Numbers as CSV"), lambda: flow_rows(every), chosen.file("gradients", "csv"), header=HEADER,
        help=_("A line for each epoch and layer."),
    )  # fmt: skip


def gradient_sentence(every: Sequence[EpochFlow]) -> str:
    """How much shorter the gradient of the first layer was than that of the last one, at first and at the end."""
    trained = [each for each in every if each.epoch]
    begin, end = trained[0], trained[-1]
    first, last = end.layers[0].path, end.layers[-1].path
    if first == last:
        text = _("This network has one layer with weights, **{layer}**: its gradient has no way to go.")
        return text.format(layer=escaped(first))
    ratios = [_ratio(each.layers) for each in (begin, end)]
    text = _("In epoch {epoch} the gradient of the first layer, **{first}**, was {times} that of the last, **{last}**.")
    if begin is not end:
        text = _(
            "In epoch {epoch} the gradient of the first layer, **{first}**, was {times} that of the last, **{last}**; in epoch "
            "{end} it was {then} that of the last."
        )
    text = text.format(
        epoch=begin.epoch, first=escaped(first), times=_times(ratios[0]), last=escaped(last), end=end.epoch, then=_times(ratios[1])
    )
    vanished = [ratio is not None and ratio * VANISHED <= 1 for ratio in ratios]
    if vanished[1]:
        text += _(
            " It **vanishes** on its way back: each layer multiplied it by slopes below 1, and so the first layers hardly learnt. "
            "ReLU, batch normalisation or residual connections keep it longer."
        )
    elif vanished[0]:
        text += _(
            " At first it **vanished** on its way back: each layer multiplied it by slopes below 1, and so the first layers hardly "
            "learnt. ReLU, batch normalisation or residual connections keep it longer."
        )
    return text


def _ratio(layers: Sequence[LayerFlow]) -> float | None:
    first, last = layers[0].gradient, layers[-1].gradient
    return first / last if first is not None and last else None


def _times(ratio: float | None) -> str:
    if ratio is None:
        return _("not to be compared with")
    if 1 / ALIKE < ratio < ALIKE:
        return _("about as long as")
    text = _("{number} times as long as") if ratio > 1 else _("{number} times shorter than")
    return text.format(number=figure_text(ratio if ratio > 1 else 1 / ratio if ratio else 0))


def flow_rows(every: Sequence[EpochFlow]) -> list[tuple[object, ...]]:
    """A row for each epoch and layer, under HEADER."""
    return [
        (each.epoch, layer.path, layer.gradient, layer.update, layer.low, layer.high) for each in every for layer in each.layers
    ]


def kernel_rows(every: Sequence[EpochFlow]) -> list[tuple[object, ...]]:
    """A row for each weight of the kernels that were kept, under KERNELS; people count from 1."""
    return [
        (each.epoch, name, place // each.kernels[3] + 1, place % each.kernels[3] + 1, value)
        for each in every
        for name, values in kernels_of(each)
        for place, value in enumerate(values)
    ]


def histogram_rows(every: Sequence[EpochFlow]) -> list[tuple[object, ...]]:
    """A row for each part of each histogram, under HISTOGRAMS."""
    return [
        (one.epoch, layer.path, what, layer.low + place * step, layer.low + (place + 1) * step, count)
        for one in every
        for what, layers in (("weights", one.layers), ("activations", one.activations))
        for layer in layers
        if layer.counts
        for step in [(layer.high - layer.low) / len(layer.counts)]
        for place, count in enumerate(layer.counts)
    ]
