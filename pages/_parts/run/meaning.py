"""What a run's figures mean: one diagnosis with its cure, and whether the run is normal beside known ones of its recipe."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnlab.architectures import own_code
from cnnlab.config import RunConfig
from cnnlab.config_words import settings, words
from cnnlab.config_words import title as title_of
from cnnlab.diagnosis import Diagnosis
from cnnlab.i18n import _, translated
from cnnlab.known_runs import Standing
from cnnlab.runs.records import Run
from cnnlab.text import in_sentence
from pages._parts.forms.training import open_form
from pages._parts.markdown import quoting

_BOXES = {"problem": (st.warning, "lightbulb"), "wait": (st.info, "hourglass_empty"), "good": (st.success, "trending_down")}


def diagnosed(run: Run, diagnosis: Diagnosis) -> None:
    """One box, with a button that opens the form with the cure filled in."""
    show, icon = _BOXES[diagnosis.level]
    with st.container(horizontal=True, vertical_alignment="center", key="diagnosis"):
        show(quoting(translated(diagnosis.sentence)), icon=f":material/{icon}:", width="stretch")
        if diagnosis.cure and not _own_code(run):
            config = run.config.change(**diagnosis.cure)
            changes = _changes(run.config, config)
            _opens(button_label(diagnosis), config, changes, f"cure {run.id}")
            st.caption(quoting(_("Changes: {changes}").format(changes=changes)))


def button_label(diagnosis: Diagnosis) -> str:
    """What the button that opens the form with the cure promises."""
    if diagnosis.level == "problem":
        return _("Try the cure")
    return _("Use more images") if "limit" in diagnosis.cure else _("Train longer")


def beside_known_runs(run: Run, comparison: Standing, suspects: Sequence[Diagnosis]) -> None:
    """The sentence that compares; for a run below all known ones also what may have caused it, each with settings to try.

    `suspects` leaves out the diagnosis, which stands above with its own button.
    """
    st.caption(f":material/stacked_line_chart: {quoting(translated(comparison.sentence))}")
    if comparison.place != "below" or run.active or _own_code(run):
        return
    st.caption(_("What may have caused it, the best supported first:"))
    for number, suspect in enumerate(suspects):
        config = run.config.change(**suspect.cure)
        with st.container(horizontal=True, vertical_alignment="center", key=f"suspect {number}"):
            st.caption(quoting(translated(suspect.sentence)))
            _opens(_("Try the cure"), config, _changes(run.config, config), f"suspect {number} {run.id}")
    with st.container(horizontal=True, vertical_alignment="center", key="another seed"):
        st.caption(_("Chance: other first weights and another order of the images. Another seed shows it."))
        seed = (run.config.seed + 1) % 2**31
        changes = _("seed {seed}").format(seed=seed)
        _opens(_("Another seed"), run.config.change(seed=seed), changes, f"seed {run.id}", icon="casino")


def _own_code(run: Run) -> bool:
    """Whether the form cannot be opened with the run's settings."""
    return run.config.architecture == own_code.NAME


def _opens(label: str, config: RunConfig, changes: str, key: str, *, icon: str = "healing") -> None:
    help_text = _("Opens the form for a new run with these settings and {changes}. This run does not change.")
    if st.button(label, icon=f":material/{icon}:", key=key, help=help_text.format(changes=changes)):
        open_form(config)
        st.rerun()


def _changes(before: RunConfig, after: RunConfig) -> str:
    """The settings that differ: "learning rate 0.9, batch size 64"."""
    former = settings(before)
    differing = [(name, value) for name, value in settings(after).items() if value != former[name]]
    return _(", ").join(f"{in_sentence(title_of(name, after.architecture))} {words(name, value)}" for name, value in differing)
