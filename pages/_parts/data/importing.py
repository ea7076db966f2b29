"""How far an import of own images is: on every visit of the page, in whichever browser, until it is done."""

from __future__ import annotations

import streamlit as st

from cnnlab.errors import CNNLabError
from cnnlab.i18n import N_, _, translated
from cnnlab.lab import Lab
from cnnlab.own_data.values import ImportStatus
from pages._parts.data.bring import STARTED
from pages._parts.markdown import escaped, isolated, quoting
from pages._parts.shell import fragment
from pages._parts.visitor import visitor

POLL_SECONDS = 1.0
DATASET, VIEW = "data:dataset", "data:view"  # in the session: what the page shows
_STEPS = {
    "looking": N_("Looking through **{title}**: {done:,} files so far"),
    "reading": N_("Reading **{title}**: {done:,} of {total:,} pictures"),
    "finishing": N_("Storing **{title}** …"),
}


def show_set(name: str) -> None:
    """Opens the check-up of a data set."""
    st.session_state[DATASET], st.session_state[VIEW] = name, "checkup"


def import_progress(lab: Lab) -> None:
    """Draws nothing where nothing is imported. Comes before the controls: a set that is done is opened where it was asked for."""
    status = lab.own_data.status()
    if status is None:
        return
    running = status.state == "running"
    if not running and st.session_state.pop(STARTED, False) and status.name:
        show_set(status.name)
    fragment(_state, run_every=POLL_SECONDS if running else None)(lab, running=running)


def _state(lab: Lab, *, running: bool) -> None:
    status = lab.own_data.status()
    if (status is not None and status.state == "running") != running:
        st.rerun()
    if status is None:
        return
    if running:
        _running(lab, status)
    elif status.state == "finished" and st.session_state.get(DATASET, st.query_params.get("dataset")) != status.name:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.success(_("**{title}** has been imported.").format(title=_title(status)), icon=":material/check_circle:")
            st.button(
                _("Show its check-up"), icon=":material/fact_check:", on_click=show_set, args=(status.name,), key="data:imported",
                help=_("What is in it, and what to look at before training."),
            )  # fmt: skip
    elif status.state in ("failed", "stopped") and status.owner == visitor():
        with st.container(horizontal=True, vertical_alignment="center"):
            if status.state == "failed":
                st.error(quoting(translated(status.message)), icon=":material/error:")
            else:
                stopped = _("The import of **{title}** was stopped; nothing of it was kept.")
                st.info(stopped.format(title=_title(status)), icon=":material/stop_circle:")
            st.button(
                _("Close"), icon=":material/close:", type="tertiary", on_click=lab.own_data.forget, key="data:close import",
                help=_("Takes this message away."),
            )  # fmt: skip


def _running(lab: Lab, status: ImportStatus) -> None:
    if not status.title:  # another person's, whose title is theirs alone
        st.info(
            _("Another person's images are being imported: yours can follow when that is done."), icon=":material/hourglass_top:"
        )
        return
    text = translated(_STEPS[status.step]).format(title=_title(status), done=status.done, total=status.total)
    share = status.done / status.total if status.total and status.step == "reading" else float(status.step == "finishing")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(min(1.0, share), text)
        own = status.owner == visitor()
        if st.button(
            _("Stop"), icon=":material/stop:", key="data:stop import", disabled=not own,
            help=_("Ends the import; nothing of it is kept.") if own else _("Another person has begun this import."),
        ):  # fmt: skip
            try:
                lab.own_data.stop(owner=visitor())
            except CNNLabError as error:
                st.toast(quoting(translated(error)), icon=":material/error:")


def _title(status: ImportStatus) -> str:
    return escaped(isolated(status.title))
