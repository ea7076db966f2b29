"""The form for a new run: a recipe to start from, the essentials, and everything else folded away."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.architectures import card
from cnnlab.config import RunConfig
from cnnlab.config_words import Setting, setting, words
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.forecasts.forecast import Forecast
from cnnlab.forecasts.refusals import MAY_ALL_BE_RAISED
from cnnlab.i18n import N_, _, together, translated
from cnnlab.lab import Lab
from cnnlab.layers import LayerTable
from cnnlab.presets import Preset
from cnnlab.runs.records import State
from cnnlab.values import DatasetStatus, Device
from pages._parts.address import Address, whole_number
from pages._parts.forms.architecture import CUSTOM, MAXIMUM_CLASSES, pick_architecture, pick_options
from pages._parts.forms.click import at_once_or_later, only_looks, waiting_click
from pages._parts.forms.devices import device_list
from pages._parts.forms.forecast import forecast_line
from pages._parts.forms.link import SCOPE, differences, expand, form_address, known_start, open_form, shorten, start_of
from pages._parts.forms.order import ESSENTIALS, GROUPS, OTHERS
from pages._parts.forms.published import published_weights
from pages._parts.forms.rate_finder import find_a_rate
from pages._parts.forms.recipes import CHOSEN, USE, explain, pick_recipe, use_known_start
from pages._parts.forms.settings import control, in_titles
from pages._parts.forms.several import several_values
from pages._parts.language import in_links
from pages._parts.markdown import escaped, quoting
from pages._parts.visitor import may_teach, visitor

STYLE = Path(__file__).with_suffix(".css")
NAME = f"{SCOPE}:name"
CLASSES = f"{SCOPE}:classes"
TOKEN = "token of the training form"  # noqa: S105  # names a form, not a secret
REFUSAL = "why the run was not started"
DRAWN = "configuration of the training form"

START_SECONDS = 0.25  # the dispatcher looks for new runs each tenth of a second


def training_form(lab: Lab) -> None:
    """Draws the form; its button queues the run and puts `?run=` into the address."""
    st.html(STYLE)
    clicked = waiting_click()
    recipes = {recipe.name: recipe for recipe in lab.presets()}
    _follow_choice(recipes)
    address = Address(SCOPE, expand=partial(expand, recipes=recipes), shorten=partial(shorten, recipes=recipes))
    problems = st.container()  # filled last: each control may find a problem in the address
    statuses = {status.entry.name: status for status in lab.datasets()}  # a search of the disk
    chosen, note = pick_recipe(lab, recipes, statuses, address)

    essentials, start = st.container(key="essentials"), st.container()
    try:
        values = _controls(lab, statuses, address, essentials)
        config = RunConfig.make(**values)
    except ConfigError as error:
        address.flush(complete=False)
        address.show_problems(problems)
        start.error(quoting(in_titles(error)), icon=":material/error:")
        return
    status = statuses.get(config.dataset) or lab.dataset(config.dataset)
    address.initialise(CLASSES, "classes", None, whole_number("classes", 2, MAXIMUM_CLASSES))
    classes = st.session_state[CLASSES]
    address.write("classes", classes, None)
    address.flush()
    address.show_problems(problems)
    st.session_state[DRAWN] = config
    if clicked == USE:
        use_known_start(config)
        st.rerun()
    with note:
        explain(config, chosen)
    with start:
        _outputs(config, status, classes)
        _start(lab, config, status, clicked)
    if may_teach():
        st.page_link(
            "pages/learn.py", label=_("Make an assignment of these settings"), icon=":material/assignment_add:",
            query_params={"assignment": "new"} | form_address(config) | in_links(), width="content",
            help=_(
                "For a teacher: an address that opens these settings with your task above them, a target and a budget. "
                "Learners change only what you leave free."
            ),
        )  # fmt: skip


def _follow_choice(recipes: Mapping[str, Preset]) -> None:
    """After another architecture or data set was chosen: loads settings known to learn, unless some were changed by hand."""
    before: RunConfig | None = st.session_state.pop(DRAWN, None)
    architecture, dataset = (st.session_state.get(f"{SCOPE}:{name}") for name in ("architecture", "dataset"))
    if before is None or not architecture or not dataset or (architecture, dataset) == (before.architecture, before.dataset):
        return
    recipe = recipes.get(st.session_state.get(CHOSEN) or "")
    st.session_state[CHOSEN] = None
    if (recipe and before == recipe.config()) or not differences(before, known_start(before).config):
        name = st.session_state.get(NAME, "")
        open_form(start_of(architecture, dataset, before))
        st.session_state[NAME] = name


def _controls(
    lab: Lab, statuses: Mapping[str, DatasetStatus], address: Address, essentials: DeltaGenerator
) -> dict[str, Any]:  # fmt: skip
    """All controls; `essentials` is the container of those that are always visible. Raises ConfigError after they are drawn."""
    values: dict[str, Any] = {}
    wrong: ConfigError | None = None
    first, *rest, device, last = [column for _ in range(2) for column in essentials.columns(4, vertical_alignment="bottom")]
    with first:
        chosen = pick_architecture((*lab.architectures(), card(CUSTOM)), address, scope=SCOPE)
    values["architecture"] = chosen.name
    lists = {
        "dataset": {
            name: _("{dataset} ({note})").format(dataset=translated(status.entry.title), note=translated(status.note))
            if status.note
            else translated(status.entry.title)
            for name, status in statuses.items()
        }
    }
    for name, column in zip(ESSENTIALS, rest, strict=True):
        with column:
            values[name] = control(setting(name), address, scope=SCOPE, values=values, choices=lists.get(name))
    last.text_input(
        _("Name (optional)"), key=NAME, max_chars=80, placeholder=_("to find it again"),
        help=_("Shown in the list of runs. Without a name a run is called after its network and data set."),
    )  # fmt: skip
    with st.expander(_("The network: {network}").format(network=translated(chosen.title)), icon=":material/account_tree:"):
        st.caption(translated(chosen.summary))
        try:
            values["options"] = pick_options(chosen, address, scope=SCOPE)
        except ConfigError as error:  # raised last: a control that is not drawn loses its value
            wrong = error
    groups = GROUPS | ({N_("Other"): OTHERS} if OTHERS else {})
    more = _("More settings: data, optimiser, schedule, regularisation, validation, seed, speed")
    with st.expander(more, icon=":material/tune:"):
        for names, tab in zip(groups.values(), st.tabs(list(map(translated, groups))), strict=True):
            with tab:
                _group([setting(name) for name in names], address, values)
    # Last: a helper that has just been started needs some seconds to answer, and the form is drawn meanwhile.
    with device:
        found = _devices(lab)
        usable = {each.name: translated(each.title) for each in found if not each.problem}
        values["device"] = control(
            setting("device"), address, scope=SCOPE, values=values, choices={"auto": words("device", "auto")} | usable
        )
    device_list(lab, found)
    for each in found:
        if each.problem:
            why = _("{device} cannot be used: {problem}.").format(device=translated(each.title), problem=translated(each.problem))
            st.caption(quoting(why))
    if wrong:
        raise wrong
    return values


def _group(settings: list[Setting], address: Address, values: dict[str, Any]) -> None:
    width = 4
    for start in range(0, len(settings), width):
        for field, column in zip(settings[start : start + width], st.columns(width, vertical_alignment="bottom"), strict=False):
            with column:
                values[field.name] = control(field, address, scope=SCOPE, values=values)


def _devices(lab: Lab) -> tuple[Device, ...]:
    try:
        return lab.devices(st.spinner(_("Starting PyTorch …"), show_time=True))
    except CNNLabError as error:
        st.error(quoting(translated(error)), icon=":material/error:")
        return (Device("cpu", "CPU"),)


def _start(lab: Lab, config: RunConfig, status: DatasetStatus, clicked: str) -> None:
    if status.note:
        _without_images(status)
    elif status.doubt:
        st.warning(quoting(translated(status.doubt)), icon=":material/help:")
    begins = published_weights(lab, config.architecture, config.options, key=SCOPE)
    with st.container(horizontal=True, vertical_alignment="center"):
        button = st.empty()
        facts = st.container(gap=None, key="forecast")
        looks = only_looks()
        find_a_rate(lab, config, disabled=bool(status.note or looks))
        several_values(lab, config, key="of the form", name=st.session_state[NAME], disabled=bool(status.note or looks))
    with facts:
        table = _table(lab, config)
        need = forecast_line(lab, config, table=table) if table else None
        allowed = _limits(lab, config, table, need)
    token = st.session_state.setdefault(TOKEN, uuid.uuid4().hex)
    ready = not looks and not status.note and begins and table is not None and (need is None or need.fits) and allowed
    button.button(
        _("Start training"), type="primary", icon=":material/play_arrow:", disabled=not ready,
        on_click=at_once_or_later(token, partial(_begin, lab, config, token)),
        help=looks or (translated(need.advice) if need and not need.fits else None),
    )  # fmt: skip
    if ready and clicked and _begin(lab, config, clicked):
        st.rerun()
    if refusal := st.session_state.pop(REFUSAL, None):
        st.error(quoting(refusal), icon=":material/error:")


def _without_images(status: DatasetStatus) -> None:
    """Why the chosen data set cannot be trained on, and what to do."""
    if status.problem:
        st.warning(quoting(translated(status.problem)), icon=":material/folder_off:")
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        if not status.problem:
            missing = _("{dataset} is not on this machine yet.").format(dataset=translated(status.entry.title))
            st.markdown(f":material/cloud_off: {missing}")
        st.page_link(
            "pages/data.py", label=_("Get it on the Data page"), icon=":material/download:",
            query_params={"dataset": status.entry.name} | in_links(),
        )  # fmt: skip
        st.button(_("Use the bundled sample instead"), on_click=_use_sample, icon=":material/inventory_2:")


def _begin(lab: Lab, config: RunConfig, token: str) -> bool:
    """Queues the run and puts it into the address. A double click brings the same token twice, which is one run.

    A click does so before anything is drawn, so that the page is drawn once, with the run.
    """
    try:
        run_id = lab.start(config, token=token, name=st.session_state[NAME].strip(), owner=visitor())
    except CNNLabError as error:
        st.session_state[REFUSAL] = in_titles(error)
        return False
    st.session_state[TOKEN] = uuid.uuid4().hex
    st.query_params.from_dict({"run": run_id} | in_links())
    _until_it_starts(lab, run_id)
    return True


def _until_it_starts(lab: Lab, run_id: str) -> None:
    """Gives the dispatcher a moment: a page that shows the run as queued would be drawn twice."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        run = lab.run(run_id)
        if run.state is not State.QUEUED or run.position != 1 or run.message:
            return
        time.sleep(0.01)


def _use_sample() -> None:
    st.session_state[f"{SCOPE}:dataset"] = "sample"


def _table(lab: Lab, config: RunConfig) -> LayerTable | None:
    """The network's table; None, and the reason on the page, where it cannot be built."""
    try:
        return lab.layers(config.architecture, config.input_shape, config.classes, config.options)
    except CNNLabError as error:
        st.error(quoting(in_titles(error)), icon=":material/error:")
        return None


def _limits(lab: Lab, config: RunConfig, table: LayerTable | None, need: Forecast | None) -> bool:
    """Draws what this lab allows, before anything is refused; False where this run would be."""
    try:
        owner, everyone = visitor(), lab.sharing.together()
        limits, used = lab.sharing.limits(owner), lab.sharing.usage(owner)
        if words := limits.in_words(together=everyone):
            left = limits.left_in_words(used, together=everyone)
            st.caption(escaped(together(words, left, translated(MAY_ALL_BE_RAISED))))
        seconds = need.seconds_total if need else None
        limits.check(config, parameters=table.parameters if table else 0, seconds=seconds, used=used, together=everyone)
    except CNNLabError as error:
        st.error(quoting(in_titles(error)), icon=":material/error:")
        return False
    return True


def _outputs(config: RunConfig, status: DatasetStatus, classes: int | None) -> None:
    """Says so where the design that was opened has another number of classes than the data."""
    if classes not in (None, config.classes):
        st.info(
            _(
                "Your design has {designed:,} classes and {dataset} has {classes}, so this network gets {classes} outputs: "
                "a network is trained on the classes that its images have."
            ).format(designed=classes, dataset=escaped(translated(status.entry.title)), classes=config.classes),
            icon=":material/category:",
        )  # fmt: skip
