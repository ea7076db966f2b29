"""The sweeps of the lab as one line of links, the newest first."""

from __future__ import annotations

import streamlit as st

from cnnlab.i18n import _, translated
from cnnlab.lab import Lab
from cnnlab.sweeps.values import Sweep
from cnnlab.text import ago, percent
from pages._parts.language import in_links
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
        st.markdown(_("**Sweeps**"))
        for sweep in sweeps[:SHOWN]:
            _link(sweep)
        if len(sweeps) > SHOWN:
            with st.popover(_("{count} older").format(count=len(sweeps) - SHOWN), type="tertiary"):
                for sweep in sweeps[SHOWN:]:
                    _link(sweep)
                if len(sweeps) == LISTED:
                    st.caption(_("Runs of still older sweeps have tags: the filter finds them."))


def _link(sweep: Sweep) -> None:
    # A button, because Streamlit highlights each page link to the current page.
    name = sweep_title(sweep)
    cut = escaped(isolated(name if len(name) <= LONGEST else f"{name[:LONGEST]}…"))
    counted = _("{count} of {total} runs").format(count=sweep.count(*ENDED), total=sweep.config.total)
    best = [_("best {accuracy}").format(accuracy=percent(sweep.best.accuracy))] if sweep.best else []
    whose = [escaped(isolated(sweep.owner))] if sweep.owner else []
    begun = _(", ").join([*whose, ago(sweep.created)])
    st.button(
        " · ".join([cut, counted, *best]), icon=STATE_ICONS[sweep.state], type="tertiary",
        key=f"open sweep {sweep.id}", help=f"{translated(STATE_WORDS[sweep.state])} · {begun}",
        on_click=_open, args=(sweep.id,),
    )  # fmt: skip


def _open(sweep_id: str) -> None:
    st.query_params.from_dict({"sweep": sweep_id} | in_links())
