"""A teacher makes an assignment: what it starts from, what learners may change, the target and the budget."""

from __future__ import annotations

import streamlit as st

from cnnlab.assignments import NEVER_FREE, Assignment, Task
from cnnlab.config import RunConfig
from cnnlab.config_words import settings, title, words
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.i18n import N_, _, translated
from cnnlab.lab import Lab
from cnnlab.run_names import usual_name
from pages._parts.address import Parameters
from pages._parts.forms.link import config_of
from pages._parts.forms.order import in_order
from pages._parts.forms.settings import in_titles
from pages._parts.language import in_links
from pages._parts.markdown import escaped, labelled, quoting
from pages._parts.visitor import may_teach, person, visitor

NEW = "new"  # in place of an id
_USUAL = ("learning_rate", "epochs")
_LABELS = {
    "title": N_("Title"), "text": N_("Task"), "free": N_("What learners may change"), "target": N_("Target (as a share)"),
    "epochs": N_("Most epochs"), "minutes": N_("Most minutes of training"),
}  # fmt: skip


def draw_maker(lab: Lab, parameters: Parameters) -> None:
    """The form; `parameters` are those of the training form, which the assignment starts from."""
    st.title(_("Make an assignment"), anchor=False)
    person().check_teach()
    st.markdown(
        _(
            "Learners open its address, see your text, change only what you leave free, and hand in a run. You get a table of who "
            "handed in what."
        )
    )
    base = _base(lab, parameters)
    if base is None:
        return
    name = st.text_input(_("Title"), max_chars=80, key="assignment title", placeholder=_("Why does it not learn?"))
    text = st.text_area(
        _("Task"), max_chars=4_000, key="assignment text", height=120,
        placeholder=_("What to find out, and what to write down. Learners see it above the settings."),
        help=_("Plain text, shown as you type it."),
    )  # fmt: skip
    now, names = settings(base), in_order([name for name in settings(base) if name not in (*NEVER_FREE, "device")], base)
    free = st.multiselect(
        _("What learners may change"), names, default=[each for each in _USUAL if each in names], key="assignment free",
        format_func=lambda each: _("{setting}: {value}").format(
            setting=title(each, base.architecture), value=words(each, now[each])
        ),
        help=_("All else is fixed as it is now; the device is always the learner's own."),
    )  # fmt: skip
    first, second, third = st.columns(3, vertical_alignment="bottom")
    target = first.number_input(
        _("Target: test accuracy, %"), value=None, placeholder=_("none"), step=1.0, format="%g", key="assignment target",
        help=_("A run reaches it with its best epoch. From above 0 to 100; empty: no target."),
    )  # fmt: skip
    epochs = second.number_input(
        _("Most epochs"), value=None, placeholder=_("no bound"), step=1, key="assignment epochs",
        help=_("A run may not have more. A whole number from 1 to 10,000; empty: no bound."),
    )  # fmt: skip
    minutes = third.number_input(
        _("Most minutes of training"), value=None, placeholder=_("no bound"), step=1.0, format="%g", key="assignment minutes",
        help=_("Counts for the target: a longer run does not reach it. Above 0; empty: no bound."),
    )  # fmt: skip
    task, problem = None, _("Give it a title first.")
    if name.strip():
        try:
            task = Task.make(
                title=name, text=text, config=base, free=tuple(free), target=None if target is None else target / 100,
                epochs=epochs, minutes=minutes,
            )  # fmt: skip
        except ConfigError as error:
            problem = labelled(error, error.field, _LABELS.get(error.field, N_("Assignment")))
            st.error(quoting(problem), icon=":material/error:")
    pressed = st.button(
        _("Make the assignment"), type="primary", icon=":material/assignment_add:", disabled=task is None,
        help=None if task else problem,
    )  # fmt: skip
    if pressed and task:
        _make(lab, task)


def _base(lab: Lab, parameters: Parameters) -> RunConfig | None:
    """What learners start from: the settings in the address, or a recipe."""
    recipes = {recipe.name: recipe for recipe in lab.presets()}
    if not parameters:
        chosen = st.selectbox(
            _("It starts from"), list(recipes), format_func=lambda each: translated(recipes[each].title), key="assignment recipe",
            help=_("A recipe. For other settings choose them on Train, and press *Make an assignment* there."),
        )  # fmt: skip
        return recipes[chosen].config()
    try:
        base = config_of(parameters, recipes)
    except ConfigError as error:
        st.error(quoting(in_titles(error)), icon=":material/error:")
        return None
    st.markdown(_("It starts from the settings of your form: **{title}**.").format(title=escaped(usual_name(base))))
    return base


def _make(lab: Lab, task: Task) -> None:
    try:
        made = lab.assignments.make(task, teacher=visitor())
    except CNNLabError as error:
        st.error(quoting(translated(error)), icon=":material/error:")
        return
    _open(made.id)
    st.rerun()


def assignment_list(lab: Lab) -> None:
    """On the list of lessons: the lab's assignments, and the way to make one."""
    made, teaches = lab.assignments.every(), may_teach()
    if not made and not teaches:
        return
    title = _("Assignments ({count:,})").format(count=len(made)) if made else _("For a teacher: assignments")
    with st.expander(title, icon=":material/assignment:"):
        for each in made:
            _line(each)
        if not teaches:
            return
        # Buttons: a link to the page that is open leaves the browser's address as it was.
        st.button(
            _("Make an assignment"), icon=":material/assignment_add:", type="tertiary", key="make an assignment",
            on_click=_open, args=(NEW,),
            help=_("An address that opens settings of your choice, with a task, a target and a budget."),
        )  # fmt: skip


def _line(each: Assignment) -> None:
    title = each.task.title
    if each.teacher:
        title = _("{title} · by {teacher}").format(title=title, teacher=each.teacher)
    st.button(
        escaped(title), icon=":material/assignment:", type="tertiary", key=f"assignment {each.id}",
        on_click=_open, args=(each.id,),
    )  # fmt: skip


def _open(assignment: str) -> None:
    st.query_params.from_dict({"assignment": assignment} | in_links())
