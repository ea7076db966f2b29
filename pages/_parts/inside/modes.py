"""The view train() and eval(): the same image in both, alone and in batches."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnlab.i18n import _, together, translated
from cnnlab.inside_values import ModeRow, Modes
from cnnlab.text import confidence_text
from pages._parts.inside.choice import Chosen
from pages._parts.inside.downloads import numbers_button
from pages._parts.markdown import escaped

HEADER = ("mode", "images in the batch", "draw", "class", "probability")


def draw_modes(chosen: Chosen) -> None:
    """Draws the view."""
    with st.spinner(_("Asking the network in both modes …"), show_time=True):
        found = chosen.lab.inside.modes(chosen.look)
    classes = chosen.network.classes
    answer = max(range(len(classes)), key=lambda label: found.probabilities[label])
    st.header(_("How sure it is that this is “{name}”").format(name=escaped(translated(classes[answer]))))
    rows = [("eval()", confidence_text(found.probabilities[answer]), _("the same each time"))]
    batch = _("train(), batch of {count:,}")
    rows += [(batch.format(count=row.size), *_cells(row, answer, classes)) for row in found.rows]
    lines = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    st.markdown(f"| {_('Mode')} | {_('Probability')} | {_('What it answered')} |\n|---|---:|---|\n{lines}")
    numbers_button(
        _("Probabilities as CSV"), lambda: mode_rows(found, classes), chosen.file("modes", "csv"), header=HEADER,
        help=_("Each class in each mode, batch and draw, from 0 to 1, unrounded."),
    )  # fmt: skip
    st.markdown(modes_sentence(found))
    st.caption(
        _(
            "In train() each row is this image five times, in a batch with other test images. Nothing is learnt here: a copy of "
            "the network is asked. Evaluation, and every other view of this page, uses eval()."
        )
    )


def mode_rows(found: Modes, classes: Sequence[str]) -> list[tuple[object, ...]]:
    """A row for each class in each mode, under HEADER."""
    every = [("eval()", 1, 1, found.probabilities)]
    every += [("train()", row.size, draw, each) for row in found.rows for draw, each in enumerate(row.probabilities, 1)]
    return [(*before, name, each) for *before, shares in every for name, each in zip(classes, shares, strict=True)]


def _cells(row: ModeRow, answer: int, classes: Sequence[str]) -> tuple[str, str]:
    if not row.probabilities:
        return "–", _("cannot: batch norm needs more than one value a channel")
    shares = [each[answer] for each in row.probabilities]
    low, high = confidence_text(min(shares)), confidence_text(max(shares))
    hits = sum(max(range(len(each)), key=lambda label: each[label]) == answer for each in row.probabilities)
    word = (_("{name} each time") if hits == len(shares) else _("{name} {count} of {total} times")).format(
        name=escaped(translated(classes[answer])), count=hits, total=len(shares)
    )
    return (low if low == high else _("{low} to {high}").format(low=low, high=high)), word


def modes_sentence(found: Modes) -> str:
    """Why the modes differ for this network, or that they do not."""
    reasons = []
    if found.batch_norm:
        reasons.append(
            _(
                "**Batch norm** takes mean and variance from the batch in train(), so the other images in it change this one’s "
                "answer, and most in small batches; in eval() it takes the averages that it kept while training."
            )
        )
    if found.dropout:
        reasons.append(
            _("**Dropout** sets values to 0 at random in train(), so the answer differs each time; in eval() it drops nothing.")
        )
    if not reasons:
        return _(
            "This network has neither batch norm nor dropout: it computes the same in both modes. Switch one on, train again, and "
            "look here."
        )
    return together(*reasons, _("To test a network without eval() is to measure the wrong rows."))
