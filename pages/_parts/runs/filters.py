"""Which runs stand in the table: the filters, and where runs are too many to draw, which come first."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnlab.config_words import words
from cnnlab.i18n import _, translated
from cnnlab.runs.summaries import Summaries, Summary
from pages._parts.address import Address
from pages._parts.one_choice import one_choice
from pages._parts.run_words import STATE_WORDS, title
from pages._parts.runs.columns import pick_columns

EVERYTHING = "all"


def filtered(every: Summaries, address: Address) -> tuple[Sequence[Summary], tuple[str, ...]]:
    """Draws the filters and the choice of columns. Returns the runs that pass, the newest first, and the columns asked for."""
    fields = [
        (_("State"), "state", {state.value: translated(word) for state, word in STATE_WORDS.items()}),
        (_("Network"), "architecture", {name: words("architecture", name) for name in every.architectures}),
        (_("Data"), "dataset", {name: words("dataset", name) for name in every.datasets}),
        *([(_("Owner"), "owner", {owner: owner for owner in every.owners})] if len(every.owners) > 1 else []),
        *([(_("Tag"), "tag", {tag: tag for tag in every.tags})] if every.tags else []),
    ]
    with st.container(key="runs-filters"):
        columns = st.columns([3, *[2] * len(fields), 2], vertical_alignment="bottom")
    address.initialise("runs:text", "text", "", str)
    text = columns[0].text_input(_("Search"), key="runs:text", max_chars=200, placeholder=_("name, id, owner, network, data …"))
    address.write("text", text, "")
    selected = {}
    for column, (label, name, titles) in zip(columns[1:-1], fields, strict=True):
        # A value that no run has any more becomes "all".
        value = one_choice(label, f"runs:{name}", name, {EVERYTHING: _("all")} | titles, address, as_list=True, place=column)
        if value != EVERYTHING:
            selected[name] = value
    with columns[-1]:
        wanted = pick_columns(every, address)
    wanted_words = text.casefold().split()
    if not selected and not wanted_words:
        return every.runs, wanted
    return [run for run in every.runs if _passes(run, selected) and _matches(run, wanted_words)], wanted


def _passes(run: Summary, selected: dict[str, str]) -> bool:
    return all(value in run.tags if name == "tag" else getattr(run, name) == value for name, value in selected.items())


def _matches(run: Summary, wanted: Sequence[str]) -> bool:
    if not wanted:
        return True
    tags = "\n".join(run.tags)
    text = f"{run.name}\n{title(run)}\n{run.id}\n{run.owner}\n{run.architecture}\n{run.dataset}\n{run.device}\n{tags}".casefold()
    return all(word in text for word in wanted)
