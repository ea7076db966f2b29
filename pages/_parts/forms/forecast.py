"""The forecast beside the button that starts a run: memory at once, time when it has been measured in the background."""

from __future__ import annotations

import streamlit as st

from cnnlab.config import RunConfig
from cnnlab.elsewhere import is_elsewhere
from cnnlab.errors import CNNLabError
from cnnlab.forecasts.forecast import Forecast
from cnnlab.i18n import _, translated
from cnnlab.lab import Lab
from cnnlab.layers import LayerTable
from cnnlab.text import count_text, duration_text, size_text
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
        st.caption(escaped(translated(error)))
        return None
    settled = first.speed_state == "known" or not (first.fits and first.fits_now) or st.session_state.get(_UNKNOWN) == config
    asked = unasked or st.session_state.get(_TRIED) == config
    every = None if settled or not asked else BUSY_SECONDS if first.speed_state == "busy" else POLL_SECONDS
    drawn_with_page = [first]
    fragment(_line, run_every=every)(lab, config, drawn_with_page, asked and not settled, lead, table=table)
    if not asked and not settled:
        st.button(
            _("Measure the time on this machine"), icon=":material/timer:", type="tertiary", key="measure the time",
            on_click=_measure, args=(config,),
            help=_("Trains this network for three seconds on random images and discards the result."),
        )  # fmt: skip
    if first.advice:
        box, icon = (st.warning, "schedule") if first.fits else (st.error, "memory_alt")
        box(escaped(translated(first.advice)), icon=f":material/{icon}:")
    return first


def _wait_for_the_helper(lab: Lab) -> None:
    if lab.ready():
        st.rerun()
    st.caption(_("Working out what training it needs …"))


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
            st.caption(escaped(translated(error)))
            return
        if waits and forecast.speed_state in ("known", "unknown"):
            if forecast.speed_state == "unknown":
                st.session_state[_UNKNOWN] = config
            st.rerun()  # the whole page once: without the timer, with the advice
    words = f"{_time(forecast, waits)} · {_memory(forecast)}"
    st.caption(
        escaped(_("{lead} {forecast}").format(lead=lead.rstrip(), forecast=words[0].lower() + words[1:]) if lead else words),
        help=_details(forecast, table),
    )


def _memory(forecast: Forecast) -> str:
    """In few words: with the time they have one line, on a phone too."""
    largest = _(" · largest batch {count:,}")
    return size_text(forecast.memory_bytes) + (largest.format(count=forecast.largest_batch) if forecast.largest_batch else "")


def time_in_short(forecast: Forecast) -> str:
    """How long the run takes, "" where that is not known."""
    if forecast.seconds_total is not None:
        words = _("Roughly {time}") if forecast.disturbed else _("About {time}")
        return words.format(time=duration_text(forecast.seconds_total))
    return "" if forecast.rough_seconds is None else _("Roughly {time}").format(time=_rounded(forecast.rough_seconds))


def _time(forecast: Forecast, waits: bool) -> str:
    known = time_in_short(forecast)
    if forecast.speed_state == "busy":
        return known or _("Time: as soon as the run that trains now has begun")
    if waits:
        return _("{time}, measuring …").format(time=known) if known else _("Measuring the time …")
    return known or _("Time not known yet")


def _rounded(seconds: float) -> str:
    """With one digit where a rough figure has no more."""
    if seconds < 100:
        return duration_text(max(10.0, round(seconds, -1)))
    return duration_text(round(seconds, 1 - len(str(int(seconds)))) if seconds >= 36_000 else seconds)


def _details(forecast: Forecast, table: LayerTable | None) -> str:
    lines = []
    if forecast.seconds_per_epoch is not None:
        busy = _(" Other programs were busy while this was measured.") if forecast.disturbed else ""
        lines.append(_("**Time**: about {time} an epoch.").format(time=duration_text(forecast.seconds_per_epoch)) + busy)
    elif is_elsewhere(forecast.device):
        known = forecast.rough_seconds is not None
        there = _("**Time**: estimated from other runs at this place; it may be half or twice as long.")
        lines.append(there if known else _("**Time**: not known before a run has trained at this place."))
    elif forecast.rough_seconds is not None:
        later = forecast.speed_state == "busy"
        lines.append(
            _(
                "**Time**: estimated from other runs on this machine; it may be half or twice as long, and measured when the run "
                "that trains now has ended."
            )
            if later
            else _("**Time**: estimated from other runs on this machine; it may be half or twice as long.")
        )
    if table:
        network = _("**Network**: {parameters:,} parameters, {macs} multiplications for each image.")
        lines.append(network.format(parameters=table.parameters, macs=count_text(table.macs)))
    parts = sorted(forecast.parts, key=lambda part: -part.bytes)
    needed = size_text(forecast.memory_bytes)
    if is_elsewhere(forecast.device):
        where = _("**Memory** at the most demanding moment: {size} on a GPU; how much is free there is not known here.")
        lines.append(where.format(size=needed))
    elif forecast.available_bytes is None:
        lines.append(_("**Memory** at the most demanding moment: {size}.").format(size=needed))
    else:
        free = size_text(forecast.available_bytes)
        lines.append(_("**Memory** at the most demanding moment: {size}; {free} are free.").format(size=needed, free=free))
    memory = [f"- {escaped(translated(part.title))}: {escaped(size_text(part.bytes))}" for part in parts if part.bytes >= 1_000_000]
    return "\n\n".join(lines) + "\n" + "\n".join(memory)
