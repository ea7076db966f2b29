"""What a run will need, beside the button that starts it: memory at once, time once it has been measured in the background."""

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

LOOK_SECONDS = 0.7  # between two looks; the first measures nothing, so a form in motion starts no measurement
BUSY_SECONDS = 5.0
_TRIED = "configuration whose time is being measured"
_UNKNOWN = "configuration whose time could not be measured"


def forecast_line(
    lab: Lab, config: RunConfig, *, table: LayerTable | None = None, unasked: bool = True, lead: str = ""
) -> Forecast | None:
    """Draws the forecast, and draws it anew until the time is known; None, and the reason, where there is none (yet).

    With `unasked` off the time is measured only when a button is pressed. `table` is the network's, where the page has it.
    """
    if not lab.ready():  # a page that can be used need not wait for the helper, which loads torch in its first seconds
        fragment(_wait_for_the_helper, run_every=LOOK_SECONDS)(lab)
        return None
    try:
        first = lab.forecast(config, table=table, calibrate=False)
    except CNNLabError as error:
        st.caption(escaped(str(error)))
        return None
    settled = first.speed_state == "known" or not first.fits or st.session_state.get(_UNKNOWN) == config
    asked = unasked or st.session_state.get(_TRIED) == config
    every = None if settled or not asked else BUSY_SECONDS if first.speed_state == "busy" else LOOK_SECONDS
    looks = [first]
    fragment(_line, run_every=every)(lab, config, looks, asked and not settled, lead, table=table)
    if not asked and not settled:
        st.button(
            "Measure the time on this machine", icon=":material/timer:", type="tertiary", key="measure the time",
            on_click=_measure, args=(config,),
            help="Trains this network for three seconds on made-up images; nothing is kept of it.",
        )  # fmt: skip
    if first.advice:
        tell, icon = (st.warning, "schedule") if first.fits else (st.error, "memory_alt")
        tell(escaped(first.advice), icon=f":material/{icon}:")
    return first


def _wait_for_the_helper(lab: Lab) -> None:
    if lab.ready():
        st.rerun()
    st.caption("Working out what training it needs …")


def _measure(config: RunConfig) -> None:
    st.session_state[_TRIED] = config
    st.session_state.pop(_UNKNOWN, None)


def _line(lab: Lab, config: RunConfig, looks: list[Forecast], waits: bool, lead: str, *, table: LayerTable | None) -> None:
    # The first time it is drawn along with the page. Each later time the page has been at rest for a moment.
    if looks:
        found = looks.pop()
    else:
        try:
            found = lab.forecast(config, table=table, calibrate=waits)
        except CNNLabError as error:
            st.caption(escaped(str(error)))
            return
        if waits and found.speed_state in ("known", "unknown"):
            if found.speed_state == "unknown":
                st.session_state[_UNKNOWN] = config
            st.rerun()  # once as a whole: without the timer, with the advice
    words = f"{_memory(found)} · {_time(found, waits)}"
    st.caption(escaped(lead + (words[0].lower() if lead else words[0]) + words[1:]), help=_parts(found))


def _memory(found: Forecast) -> str:
    free = "" if found.available_bytes is None else f" of the {size_text(found.available_bytes)} that are free"
    largest = f" · batches of up to {found.largest_batch:,} fit" if found.largest_batch else ""
    return f"About {size_text(found.memory_bytes)} of memory{free}{largest}"


def _time(found: Forecast, waits: bool) -> str:
    if found.seconds_per_epoch is not None and found.seconds_total is not None:
        busy = " (other programs were busy while this was measured)" if found.disturbed else ""
        return f"about {duration_text(found.seconds_per_epoch)} an epoch, {duration_text(found.seconds_total)} in all{busy}"
    if found.speed_state == "busy":
        return "its time can be measured when the run that trains now is done"
    return "measuring its time, a few seconds …" if waits else "its time is not known yet"


def _parts(found: Forecast) -> str:
    parts = sorted(found.parts, key=lambda part: -part.bytes)
    return "At the most demanding moment:\n" + "\n".join(
        f"- {escaped(part.title)}: {escaped(size_text(part.bytes))}" for part in parts if part.bytes >= 1_000_000
    )
