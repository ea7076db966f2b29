"""Who did what and when, with what was refused: the newest rows, and all as a file."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from cnnlab.i18n import _, translated
from cnnlab.lab import Lab
from cnnlab.runs.store_log import by, deed
from cnnlab.teaching.results import moment
from pages._parts.grid import grid

SHOWN = 300


def log(lab: Lab) -> None:
    """Draws it as it is now; *Read again* reads what was written since."""
    entries = lab.teaching.log(SHOWN)
    with st.container(horizontal=True, key="class-log"):
        st.button(_("Read again"), icon=":material/refresh:", key="class:read log", help=_("The log is read when it is opened."))
        st.download_button(
            _("Save as CSV"), partial(_file, lab), "cnnlab-class-log.csv", "text/csv", icon=":material/download:",
            type="tertiary", on_click="ignore", help=_("All rows that are kept: the newest 20,000."),
        )  # fmt: skip
    columns = {
        _("When (UTC)"): [moment(each.at) for each in entries],
        _("Who"): [translated(by(each)) for each in entries],
        _("Did"): [deed(each) for each in entries],
        _("What"): [each.what for each in entries],
        _("Whose"): [each.whose for each in entries],
        _("Note"): [each.note for each in entries],
    }
    grid(pd.DataFrame(columns), height=min(700, 38 + 35 * max(1, len(entries))), key="class:log")


def _file(lab: Lab) -> str:
    return lab.teaching.files()["log.csv"]()
