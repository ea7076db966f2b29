"""An experiment of a lesson: its page with everything set; or a run that starts right here, its bar, and its result beside ours."""

from __future__ import annotations

import uuid
from functools import partial

import streamlit as st

from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError
from cnnlab.i18n import ENGLISH, _, translated, using
from cnnlab.lab import Lab
from cnnlab.learn.bands import ours, tag_of
from cnnlab.learn.lesson import Experiment, Lesson
from cnnlab.runs.summaries import Summary
from cnnlab.text import percent
from pages._parts.forms.settings import in_titles
from pages._parts.language import in_links
from pages._parts.learn import words
from pages._parts.learn.runs import beside, config_of_experiment, next_seed, own_runs_of, own_runs_of_lesson
from pages._parts.live.sentence import sentence
from pages._parts.markdown import escaped, quoting
from pages._parts.run_words import STATE_WORDS, last_accuracy, state_icon
from pages._parts.shell import fragment
from pages._parts.sidebar import share_done
from pages._parts.visitor import visitor

POLL_SECONDS = 2.0
ICONS = {
    "design": ":material/account_tree:", "data": ":material/photo_library:", "train": ":material/tune:",
    "runs": ":material/compare_arrows:", "predict": ":material/fact_check:", "inside": ":material/frame_inspect:",
}  # fmt: skip
OF_ONE_RUN = ("predict", "inside")
_REFUSAL = "why the lesson's run was not started"


def draw_experiment(lab: Lab, lesson: Lesson, experiment: Experiment) -> None:
    """Draws it in a box."""
    with st.container(border=True, key=f"experiment-{lesson.id}-{experiment.id}".replace(".", "-")):
        if experiment.page == "train":
            st.markdown(f"**:material/science: {experiment.label}** · {words.takes(experiment)}")
            _training(lab, lesson, experiment)
        else:
            st.markdown(f":material/science: **{translated(words.EXPERIMENT)}** · {words.takes(experiment)}")
            with st.container(key=f"open-{lesson.id}-{experiment.id}".replace(".", "-")):
                _link(experiment, _parameters(lab, lesson, experiment), experiment.label)
            with st.expander(translated(words.SEE), icon=":material/visibility:"):
                st.markdown(experiment.see)


def _parameters(lab: Lab, lesson: Lesson, experiment: Experiment) -> dict[str, str]:
    """The address of the page; where it is about runs and names none, those of this lesson."""
    parameters = experiment.parameters
    if experiment.page not in (*OF_ONE_RUN, "runs") or parameters.keys() & {"run", "runs"}:
        return parameters
    runs = [run.id for run in own_runs_of_lesson(lab, lesson)]
    if not runs:
        return parameters
    return {"run": runs[-1], **parameters} if experiment.page in OF_ONE_RUN else {"runs": ",".join(runs), **parameters}


def _link(experiment: Experiment, parameters: dict[str, str], label: str, help: str | None = None) -> None:
    st.page_link(
        f"pages/{experiment.page}.py", label=label, icon=ICONS[experiment.page], query_params=parameters | in_links(),
        help=help, width="content",
    )  # fmt: skip


def _training(lab: Lab, lesson: Lesson, experiment: Experiment) -> None:
    try:
        config = config_of_experiment(lab, experiment)
    except CNNLabError as error:  # of a lesson of this lab's own
        st.error(quoting(in_titles(error)), icon=":material/error:")
        return
    runs = own_runs_of(lab, config)
    with st.container(horizontal=True, vertical_alignment="center"):
        if not (runs and runs[0].active):
            _button(lab, lesson, experiment, config, runs)
        _link(experiment, experiment.parameters, _("Open it in the form"), translated(words.FORM_HELP))
        if runs:
            st.page_link(
                "pages/train.py", label=translated(words.WATCH if runs[0].active else words.YOUR_RUN), icon=":material/show_chart:",
                query_params={"run": runs[0].id} | in_links(), width="content",
            )  # fmt: skip
    if refusal := st.session_state.pop(f"{_REFUSAL} {lesson.id} {experiment.id}", None):
        st.error(quoting(refusal), icon=":material/error:")
    if runs and runs[0].active:
        fragment(_live, run_every=POLL_SECONDS)(lab, runs[0].id)
    _yours(lab, experiment, runs)
    with st.expander(translated(words.SEE), icon=":material/visibility:"):
        st.markdown(experiment.see)
        if experiment.band and not runs:
            st.caption(_("{sentence}.").format(sentence=ours(experiment.band)))


def _button(lab: Lab, lesson: Lesson, experiment: Experiment, config: RunConfig, runs: list[Summary]) -> None:
    """Starts the run; with another seed where one has been made."""
    seed = next_seed(runs, config.seed)
    key = f"lesson run {lesson.id} {experiment.id}"
    token = st.session_state.setdefault(f"token of {key}", uuid.uuid4().hex)
    st.button(
        translated(words.RUN_AGAIN).format(seed=seed) if runs else translated(words.RUN_HERE), key=key,
        icon=":material/play_arrow:", type="secondary" if runs else "primary", help=translated(words.RUN_HELP),
        on_click=partial(_start, lab, lesson, experiment, config.change(seed=seed), token),
    )  # fmt: skip


def _start(lab: Lab, lesson: Lesson, experiment: Experiment, config: RunConfig, token: str) -> None:
    """Queues the run. A double click brings the same token twice, which is one run."""
    try:
        name = _name(lab, lesson, experiment, config)
        run_id = lab.start(config, token=token, name=name, owner=visitor())
        lab.tag(run_id, add=[tag_of(lesson.id, experiment.id)], owner=visitor())
    except CNNLabError as error:
        st.session_state[f"{_REFUSAL} {lesson.id} {experiment.id}"] = in_titles(error)
        return
    st.session_state.pop(f"token of lesson run {lesson.id} {experiment.id}", None)


def _name(lab: Lab, lesson: Lesson, experiment: Experiment, config: RunConfig) -> str:
    """As it is stored: in English where the lesson is, and `run_names` shows it in the reader's language. Raises CNNLabError."""
    english = lab.lessons.of(ENGLISH).find(lesson.id)
    labels = {each.id: each.label for each in english.header.experiment} if english else {}
    label = labels.get(experiment.id, experiment.label)
    if config.seed == config_of_experiment(lab, experiment).seed:
        return label
    with using(ENGLISH):
        return _("{name}, seed {seed}").format(name=label, seed=config.seed)


def _live(lab: Lab, run_id: str) -> None:
    """The bar of a run that waits or trains; the whole page is drawn when it ends, for its other buttons."""
    run = lab.run(run_id)
    if not run.active:
        st.rerun()
    summary = next((each for each in lab.summaries().runs if each.id == run_id), None)
    share = share_done(lab, summary) if summary else 0.0
    st.progress(share, text=f"{translated(STATE_WORDS[run.state])} · {percent(share, 0)}")
    facts = escaped(sentence(lab, run, next(reversed(lab.progress(run_id, points=2)), None)))
    line = f"{state_icon(run)} {facts}"
    if run.test_accuracy is not None:
        line = f"{line} · " + _("test accuracy **{accuracy}**").format(accuracy=last_accuracy(run))
    st.markdown(line)


def _yours(lab: Lab, experiment: Experiment, runs: list[Summary]) -> None:
    """The result beside ours; of a run that trains its bar says enough."""
    trained = [run for run in runs if run.epochs_done and not run.active]
    if not trained:
        return
    if experiment.band is None:
        yours = _("Yours: test accuracy **{accuracy}**.").format(accuracy=last_accuracy(trained[0]))
        st.markdown(f":material/flag: {yours}")
        return
    found = beside(lab, experiment.band, trained)
    if found:
        icon = {"within": "check_circle", "by chance": "check_circle", "unfinished": "hourglass_empty"}.get(found.verdict, "help")
        st.info(f"**{quoting(found.beside)}** {quoting(found.meaning)}", icon=f":material/{icon}:")
