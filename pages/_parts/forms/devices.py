"""What each device does at the moment: its memory, who trains on it, its temperature. For machines with a GPU."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from cnnlab.i18n import _, translated
from cnnlab.lab import Lab
from cnnlab.runs.records import IN_PROCESS, Run
from cnnlab.text import size_text
from cnnlab.values import Device, DeviceState
from pages._parts.markdown import quoting
from pages._parts.run_words import cut_title
from pages._parts.shell import fragment

EVERY_SECONDS = 10.0


def device_list(lab: Lab, devices: Iterable[Device]) -> None:
    """Draws nothing where no GPU can be used: the forecast says all about the CPU."""
    if any(device.name.startswith("cuda") and not device.problem for device in devices):
        with st.expander(_("Devices: memory, and what trains on them"), icon=":material/memory:"):
            fragment(_list, run_every=EVERY_SECONDS)(lab)


def _list(lab: Lab) -> None:
    training = [run for run in lab.runs() if run.state in IN_PROCESS]
    for state in lab.device_states():
        if state.device.problem:
            continue  # the form says so below its fields, where it is seen without opening this
        text = quoting(device_line(state, [run for run in training if run.device == state.device.name]))
        if state.total and state.free is not None:
            st.progress(min(1.0, max(0.0, 1 - state.free / state.total)), text=text)
        else:
            st.caption(text)


def device_line(state: DeviceState, runs: Iterable[Run]) -> str:
    """As in "NVIDIA H100 (cuda:0): 6 of 80 GB free · 61 °C · 97 % busy · trains “First try” of Ana"; plain text."""
    device, facts = state.device, []
    if state.total and state.free is not None:
        facts.append(_("{free} of {total} of memory free").format(free=size_text(state.free), total=size_text(state.total)))
    if state.temperature is not None:
        facts.append(f"{state.temperature} °C")
    if state.use is not None:
        facts.append(_("{share} % busy").format(share=state.use))
    names = [
        _("“{title}” of {owner}").format(title=cut_title(run), owner=run.owner)
        if run.owner
        else _("“{title}”").format(title=cut_title(run))
        for run in runs
    ]
    facts.append(_("trains {names}").format(names=_(" and ").join(names)) if names else _("trains nothing for this lab"))
    return _("{device} ({name}): {facts}").format(device=translated(device.title), name=device.name, facts=" · ".join(facts))
