"""The sweeps of the lab as one line of links, the newest first."""

from __future__ import annotations

import streamlit as st

from cnnlab.lab import Lab
from cnnlab.sweeps.values import Sweep
from cnnlab.text import ago, percent
from pages._parts.markdown import escaped, isolated
from pages._parts.sweeps.words import ENDED, STATE_ICONS, STATE_WORDS, sweep_title

SHOWN = 2  # in the line; the rest unfolds
LISTED = 20  # each takes a millisecond at every drawing of the page
LONGEST = 48  # characters of a name


def sweep_list(lab: Lab) -> None:
    """Draws nothing where there is none."""
    sweeps = lab.sweeps.all(LISTED)
    if not sweeps:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="sweeps"):
        st.markdown("**Sweeps**")
        for sweep in sweeps[:SHOWN]:
            _link(sweep)
        if len(sweeps) > SHOWN:
            with st.popover(f"{len(sweeps) - SHOWN} older", type="tertiary"):
                for sweep in sweeps[SHOWN:]:
                    _link(sweep)
                if len(sweeps) == LISTED:
                    st.caption("Runs of still older sweeps have tags: the filter finds them.")


def _link(sweep: Sweep) -> None:
    # A button, because Streamlit highlights each page link to the current page.
    best = f" · best {percent(sweep.best.accuracy)}" if sweep.best else ""
    name = sweep_title(sweep)
    cut = escaped(isolated(name if len(name) <= LONGEST else f"{name[:LONGEST]}…"))
    whose = f"{escaped(isolated(sweep.owner))}, " if sweep.owner else ""
    st.button(
        f"{cut} · {sweep.count(*ENDED)} of {sweep.config.total} runs{best}", icon=STATE_ICONS[sweep.state], type="tertiary",
        key=f"open sweep {sweep.id}", help=f"{STATE_WORDS[sweep.state]} · {whose}{ago(sweep.created)}",
        on_click=_open, args=(sweep.id,),
    )  # fmt: skip


def _open(sweep_id: str) -> None:
    st.query_params.from_dict({"sweep": sweep_id})
