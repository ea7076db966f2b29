"""“Find a learning rate”: a range test of the form's settings, its curve, and a button that takes the suggested rate."""

from __future__ import annotations

import time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError
from cnnlab.figures.range_test import range_figure
from cnnlab.i18n import _, together, translated
from cnnlab.lab import Lab
from cnnlab.values import RangeTest, RangeTestState
from pages._parts.forms.link import SCOPE
from pages._parts.forms.settings import in_titles
from pages._parts.live.plot import live_plot
from pages._parts.markdown import escaped, quoting
from pages._parts.shell import dialog

ASKED = "settings whose learning rate is to be found"
EVERY_SECONDS = 0.3  # between two looks at the test
FALLS = 0.95  # of the loss at the start: less is a fall
LONGEST = 180.0  # seconds: two tests before it, and its own


def find_a_rate(lab: Lab, config: RunConfig, *, disabled: bool) -> None:
    """Draws the button, and the dialog once it is pressed."""
    pressed = st.button(
        _("Find a learning rate"), icon=":material/search_insights:", type="tertiary", key="find a rate", disabled=disabled,
        help=_(
            "Trains for a hundred steps while the learning rate grows, and shows which rates are too small or too large. "
            "It takes some seconds, and leaves no run behind."
        ),
    )  # fmt: skip
    if pressed and not disabled:
        st.session_state[ASKED] = config
    # Kept until the dialog is closed: the page is drawn again whenever a run changes its state.
    if st.session_state.get(ASKED) == config:
        title = _("Find a learning rate")
        dialog(title, _dialog, icon=":material/search_insights:", width="medium", on_dismiss=_forget)(lab, config)
    else:
        _forget()


def _forget() -> None:
    st.session_state.pop(ASKED, None)


def _use(rate: float) -> None:
    st.session_state[f"{SCOPE}:learning_rate"] = rate
    _forget()


def _dialog(lab: Lab, config: RunConfig) -> None:
    if st.session_state.get(ASKED) != config:
        st.rerun()  # a rate was taken: redraw the page without the dialog
    bar = st.empty()
    try:
        found = _followed(lab, config, bar)
    except CNNLabError as error:
        st.error(quoting(in_titles(error)), icon=":material/error:")
        return
    bar.empty()
    if found.problem or not found.result:
        st.error(quoting(translated(found.problem) if found.problem else _("The range test was ended.")), icon=":material/error:")
        return
    st.markdown(f"**{_heading(found.result)}**")
    figure = range_figure(found.result.rates, found.result.losses, found.result.suggested)
    live_plot(figure, key="range test", label=_("Training loss against the learning rate"), tools=False)
    st.markdown(escaped(_explanation(found.result, config)))
    if rate := found.result.suggested:
        with st.container(horizontal=True, vertical_alignment="center"):
            use = _("Use {value}").format(value=f"{rate:g}")
            st.button(use, type="primary", icon=":material/check:", key="use the rate", on_click=_use, args=(rate,))
            st.caption(_("The form has {rate}.").format(rate=f"{config.learning_rate:g}"))


def _followed(lab: Lab, config: RunConfig, bar: DeltaGenerator) -> RangeTestState:
    """Waits for the test, and draws how far it is. Raises CNNLabError."""
    until, cancelled = time.monotonic() + LONGEST, True
    try:
        state = lab.rates.test(config)
        while state.state == "running" and time.monotonic() < until:
            done, steps = (len(state.result.rates), state.result.steps) if state.result else (0, 0)
            reached = _("Step {done} of {total}").format(done=done, total=steps) if steps else _("Loading PyTorch and the images …")
            bar.progress(done / steps if steps else 0.0, reached)
            time.sleep(EVERY_SECONDS)
            state = lab.rates.state(config)
        cancelled = state.state == "running"
        return state
    finally:
        if cancelled:  # the dialog was closed, or nobody waits any more
            lab.rates.cancel(config)


def _heading(result: RangeTest) -> str:
    if result.suggested is None:
        fell = _fell(result)
        return _("The loss falls to that of guessing, and no further") if fell else _("The loss falls at none of these rates")
    words = _("The loss is lowest near {rate}, and rises beyond") if _rises(result) else _("The loss is lowest near {rate}")
    return words.format(rate=f"{_lowest(result):.2g}")


def _fell(result: RangeTest) -> bool:
    """Whether the loss fell at all: without a suggestion, to that of guessing."""
    return min(result.losses) < FALLS * result.losses[0]


def _lowest(result: RangeTest) -> float:
    return result.rates[result.losses.index(min(result.losses))]


def _rises(result: RangeTest) -> bool:
    return min(result.losses) < result.losses[-1] or len(result.rates) < result.steps


def _explanation(result: RangeTest, config: RunConfig) -> str:
    first, last = (f"{float(f'{rate:.2g}'):,g}" for rate in (result.rates[0], result.rates[-1]))
    grew = _("The rate grew from {first} to {last} in {steps} steps of {images:,} images.").format(
        first=first, last=last, steps=len(result.rates), images=config.batch_size
    )
    if result.suggested is None and _fell(result):
        means = _(
            "In so few steps this network has only learnt to guess, as one with sigmoid does first, and the rate that is "
            "best for this is too small for what comes after: keep a rate that is known to learn."
        )
    elif result.suggested is None:
        means = _(
            "The loss fell at none of these rates: a hundred steps are too few for this network to begin learning. "
            "Other initial weights, another activation or batch normalisation may help."
        )
    else:
        rises = _(
            "Beyond {lowest}, the steps overshoot and the loss rises. A quarter of it, {rate}, is a good start: "
            "large enough to learn fast, with room to stay stable in a longer training."
        )
        unknown = _(
            "Beyond {lowest}, nothing was tried. A quarter of it, {rate}, is a good start: "
            "large enough to learn fast, with room to stay stable in a longer training."
        )
        means = (rises if _rises(result) else unknown).format(lowest=f"{_lowest(result):.2g}", rate=f"{result.suggested:g}")
    return together(grew, means)
