"""What each person's runs and data sets take on the disk, and a clean-up that says what goes before it deletes."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from cnnlab.datasets.own import OwnSet
from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, ngettext, translated
from cnnlab.lab import Lab
from cnnlab.teaching.service import CLEAN_UPS, DATA
from cnnlab.teaching.values import CleanUp
from cnnlab.text import listed, size_text
from pages._parts.grid import grid
from pages._parts.markdown import escaped, isolated
from pages._parts.run_words import short_title

MOST_NAMES = 8  # in a sentence
EVERYONE = "\n"  # no name has a line break
_OWNER, _WHICH = "class:owner", "class:clean-up"


def disk(lab: Lab) -> None:
    """Draws the table and the clean-up."""
    shares = lab.teaching.shares()
    st.subheader(_("Disk"), anchor=False)
    if not shares:
        st.caption(_("No runs and no data sets of anyone yet."))
        return
    names = {share.owner: share.owner or _("without an owner") for share in shares}
    columns = {
        _("Person"): [names[share.owner] for share in shares],
        _("Runs"): [share.runs for share in shares],
        _("Own data sets"): [share.sets for share in shares],
        _("Takes"): [size_text(share.bytes) for share in shares],
    }
    grid(pd.DataFrame(columns), height=min(320, 38 + 35 * len(shares)), key="class:disk")
    choices = {EVERYONE: _("everyone")} | names
    if st.session_state.get(_OWNER) not in choices:
        st.session_state.pop(_OWNER, None)  # the last that was theirs was deleted
    with st.container(horizontal=True, vertical_alignment="bottom", key="class-clean-up"):
        owner = st.selectbox(_("Clean up what belongs to"), list(choices), key=_OWNER, format_func=choices.__getitem__, width=260)
        which = st.selectbox(
            _("Which"), list(CLEAN_UPS), key=_WHICH, format_func=lambda each: translated(CLEAN_UPS[each]), width=340,
            help=_("Runs that wait, train or are paused always stay, and so do data sets for the whole class."),
        )  # fmt: skip
        plan = lab.teaching.clean_up(None if owner == EVERYONE else owner, which)
        count = len(plan.runs) + len(plan.sets)
        some = (
            ngettext("Delete {count:,} data set …", "Delete {count:,} data sets …", count)
            if which == DATA
            else ngettext("Delete {count:,} run …", "Delete {count:,} runs …", count)
        )
        with st.popover(some.format(count=count), icon=":material/delete:", disabled=not count):
            st.markdown(_what_goes(plan))
            st.button(
                _("Delete them"), type="primary", icon=":material/delete:", key="class:delete", on_click=partial(_delete, lab, plan)
            )
    st.caption(_what_goes(plan) if count else _("There is nothing to delete of this kind."))


def _what_goes(plan: CleanUp) -> str:
    titles = [short_title(run) for run in plan.runs] + [_of(each) for each in plan.sets]
    names = listed(_("“{title}”").format(title=title) for title in titles[:MOST_NAMES])
    if (more := len(titles) - MOST_NAMES) > 0:
        names = _("{names} and {count:,} more").format(names=names, count=more)
    if plan.sets:
        return _(
            "The pictures of {names} go: {size}. This cannot be undone. Runs on them keep their curves and weights, but cannot be "
            "continued, and their predictions cannot be shown."
        ).format(names=names, size=size_text(plan.bytes))
    return ngettext(
        "{names} goes, with its curves, weights and predictions: {size}. This cannot be undone.",
        "{names} go, with their curves, weights and predictions: {size}. This cannot be undone.",
        len(plan.runs),
    ).format(names=names, size=size_text(plan.bytes))


def _delete(lab: Lab, plan: CleanUp) -> None:
    failed = ""
    deleted = 0
    steps = [partial(lab.delete, run.id) for run in plan.runs] + [partial(lab.own_data.delete, each.name) for each in plan.sets]
    for step in steps:
        try:
            step()
            deleted += 1
        except CNNLabError as error:  # resumed meanwhile
            failed = translated(error)
    done = (
        ngettext("{count:,} data set was deleted.", "{count:,} data sets were deleted.", deleted)
        if plan.sets
        else ngettext("{count:,} run was deleted.", "{count:,} runs were deleted.", deleted)
    )
    st.toast(escaped(done.format(count=deleted)), icon=":material/delete:")
    if failed:
        st.toast(escaped(failed), icon=":material/error:", duration="long")


def _of(found: OwnSet) -> str:
    """A data set and its owner, in Markdown."""
    return " · ".join(escaped(isolated(text)) for text in (found.title, found.owner) if text)
