"""The forecast beside the button that starts a run: memory at once, time when it has been measured in the background."""

from __future__ import annotations

import streamlit as st

from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError
from cnnlab.forecasts.forecast import Forecast
from cnnlab.lab import Lab
from cnnlab.layers import LayerTable
from cnnlab.text import duration_text, size_text
from pages._parts.markdown import escaped
from pages._parts.shell import fragment

POLL_SECONDS = 0.7  # the first poll starts the measurement, so a form whose controls still change starts none
BUSY_SECONDS = 5.0
_TRIED = "configuration whose time is being measured"
_UNKNOWN = "configuration whose time could not be measured"


def forecast_line(
    lab: Lab, config: RunConfig, *, table: LayerTable | None = None, unasked: bool = True, lead: str = ""
) -> Forecast | None:
    """Draws the forecast, and polls until the time is known; None, and the reason, where there is none (yet).

    With `unasked` off the time is measured only after a click. `table` is the network's, where the page has it.
    """
    if not lab.ready():  # the page can be used meanwhile: the helper takes some seconds to load torch
        fragment(_wait_for_the_helper, run_every=POLL_SECONDS)(lab)
        return None
    try:
        first = lab.forecast(config, table=table, calibrate=False)
    except CNNLabError as error:
        st.caption(escaped(str(error)))
        return None
    settled = first.speed_state == "known" or not first.fits or st.session_state.get(_UNKNOWN) == config
    asked = unasked or st.session_state.get(_TRIED) == config
    every = None if settled or not asked else BUSY_SECONDS if first.speed_state == "busy" else POLL_SECONDS
    drawn_with_page = [first]
    fragment(_line, run_every=every)(lab, config, drawn_with_page, asked and not settled, lead, table=table)
    if not asked and not settled:
        st.button(
            "Measure the time on this machine", icon=":material/timer:", type="tertiary", key="measure the time",
            on_click=_measure, args=(config,),
            help="Trains this network for three seconds on random images and discards the result.",
        )  # fmt: skip
    if first.advice:
        box, icon = (st.warning, "schedule") if first.fits else (st.error, "memory_alt")
        box(escaped(first.advice), icon=f":material/{icon}:")
    return first


def _wait_for_the_helper(lab: Lab) -> None:
    if lab.ready():
        st.rerun()
    st.caption("Working out what training it needs …")


def _measure(config: RunConfig) -> None:
    st.session_state[_TRIED] = config
    st.session_state.pop(_UNKNOWN, None)


def _line(
    lab: Lab, config: RunConfig, drawn_with_page: list[Forecast], waits: bool, lead: str, *, table: LayerTable | None
) -> None:
    # With the page the forecast is at hand. Each later time the page has not changed for a moment.
    if drawn_with_page:
        forecast = drawn_with_page.pop()
    else:
        try:
            forecast = lab.forecast(config, table=table, calibrate=waits)
        except CNNLabError as error:
            st.caption(escaped(str(error)))
            return
        if waits and forecast.speed_state in ("known", "unknown"):
            if forecast.speed_state == "unknown":
                st.session_state[_UNKNOWN] = config
            st.rerun()  # the whole page once: without the timer, with the advice
    words = f"{_memory(forecast)} · {_time(forecast, waits)}"
    st.caption(escaped(lead + (words[0].lower() if lead else words[0]) + words[1:]), help=_parts(forecast))


def _memory(forecast: Forecast) -> str:
    free = "" if forecast.available_bytes is None else f" of the {size_text(forecast.available_bytes)} that are free"
    largest = f" · batches of up to {forecast.largest_batch:,} fit" if forecast.largest_batch else ""
    return f"About {size_text(forecast.memory_bytes)} of memory{free}{largest}"


def _time(forecast: Forecast, waits: bool) -> str:
    if forecast.seconds_per_epoch is not None and forecast.seconds_total is not None:
        busy = " (other programs were busy while this was measured)" if forecast.disturbed else ""
        return f"about {duration_text(forecast.seconds_per_epoch)} an epoch, {duration_text(forecast.seconds_total)} in all{busy}"
    if forecast.speed_state == "busy":
        return "its time can be measured when the run that trains now is done"
    return "measuring its time, a few seconds …" if waits else "its time is not known yet"


def _parts(forecast: Forecast) -> str:
    parts = sorted(forecast.parts, key=lambda part: -part.bytes)
    return "At the most demanding moment:\n" + "\n".join(
        f"- {escaped(part.title)}: {escaped(size_text(part.bytes))}" for part in parts if part.bytes >= 1_000_000
    )
