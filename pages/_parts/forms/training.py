"""The form for a new run: a recipe to start from, the essentials, and everything else folded away."""

from __future__ import annotations

import uuid
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.architectures import card
from cnnlab.config import RunConfig
from cnnlab.config_words import Setting, setting, words
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.lab import Lab
from cnnlab.layers import LayerTable
from cnnlab.presets import Preset
from cnnlab.text import count_text
from cnnlab.values import DatasetStatus
from pages._parts.address import Address, as_text
from pages._parts.forms.architecture import link_parameters, pick_architecture, pick_options
from pages._parts.forms.forecast import forecast_line
from pages._parts.forms.settings import control
from pages._parts.markdown import labelled, quoting
from pages._parts.visitor import visitor

SCOPE = "train"
NAME = f"{SCOPE}:name"
PRESET = "recipe of the training form"
TOKEN = "token of the training form"  # noqa: S105  # names a form, not a secret
CLICKED = "token of the button that was clicked"
REFUSAL = "why the run was not started"
OPENED = "training form was open before"

ESSENTIALS = ("dataset", "optimizer", "learning_rate", "epochs", "batch_size")
GROUPS = {
    "Data preparation": (
        "image_size",
        "channels",
        "normalization",
        "data_share",
        "limit",
        "random_crop",
        "random_grayscale",
        "horizontal_flip",
    ),
    "Optimiser": ("momentum", "nesterov"),
    "Schedule": ("schedule", "step_epochs", "step_factor", "warmup_epochs"),
    "Regularisation": ("weight_decay", "label_smoothing", "gradient_clip"),
    "Start": ("initialization", "seed"),
    "Speed and exactness": ("precision", "compile"),
}
_PLACED = {"architecture", "options", "device", *ESSENTIALS, *(name for names in GROUPS.values() for name in names)}
# New settings that no group lists are drawn here.
OTHERS = tuple(name for name in RunConfig.model_fields if name not in _PLACED)


def form_address(config: RunConfig) -> dict[str, str]:
    """The query parameters that open the form with this configuration; defaults are left out."""
    plain = RunConfig.make(architecture=config.architecture, dataset=config.dataset)
    changed = {
        name: as_text(value)
        for name, value in config
        if name not in ("architecture", "options") and value is not None and value != getattr(plain, name)
    }
    if config.dataset != RunConfig.model_fields["dataset"].default:
        changed["dataset"] = config.dataset
    return link_parameters(card(config.architecture), config.options) | changed


def open_form(config: RunConfig, *, recipe: str | None = None) -> None:
    """Fills the form with this configuration, through the address from which the controls read it."""
    for key in [key for key in st.session_state if str(key).startswith(f"{SCOPE}:")]:
        del st.session_state[key]
    st.session_state[PRESET] = recipe
    st.query_params.from_dict(form_address(config))


def training_form(lab: Lab) -> None:
    """Draws the form; its button queues the run and puts `?run=` into the address."""
    clicked = st.session_state.pop(CLICKED, None)
    presets = {preset.name: preset for preset in lab.presets()}
    if OPENED not in st.session_state and not st.query_params:
        first = next(iter(presets.values()))
        open_form(first.config(), recipe=first.name)
    st.session_state[OPENED] = True
    address = Address(SCOPE)
    note = _pick_preset(presets)

    essentials, start = st.container(), st.container()
    try:
        values, status = _controls(lab, address, essentials)
        config = RunConfig.make(**values)
    except ConfigError as error:
        address.flush(complete=False)
        start.error(quoting(_in_titles(error)), icon=":material/error:")
        return
    address.flush()
    address.show_problems(st.container())
    note.caption(_note(presets.get(st.session_state[PRESET] or ""), config))
    with start:
        _start(lab, config, status, clicked)


def _pick_preset(presets: dict[str, Preset]) -> Any:
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    st.session_state.setdefault(PRESET, None)

    def fill() -> None:
        if name := st.session_state[PRESET]:
            open_form(presets[name].config(), recipe=name)

    left.selectbox(
        "Recipe", list(presets), index=None, format_func=lambda name: presets[name].title, key=PRESET, on_change=fill,
        placeholder="Choose one to fill the form", help="Fills the whole form with the course's settings; then change any of them.",
    )  # fmt: skip
    return right.empty()


def _note(preset: Preset | None, config: RunConfig) -> str:
    if preset is None:
        return "Your own settings. Choose a recipe to start from settings that work."
    recipe = preset.config()
    changed = [RunConfig.model_fields[name].title or name for name, value in recipe if value != getattr(config, name)]
    return preset.note + (f" **Changed since: {', '.join(changed)}.**" if changed else "")


def _controls(lab: Lab, address: Address, essentials: DeltaGenerator) -> tuple[dict[str, Any], DatasetStatus]:
    """All controls; `essentials` is the container of those that are always visible. Raises ConfigError after they are drawn."""
    values: dict[str, Any] = {}
    wrong: ConfigError | None = None
    statuses = {status.entry.name: status for status in lab.datasets()}
    first, *rest, device, last = [column for _ in range(2) for column in essentials.columns(4, vertical_alignment="bottom")]
    with first:
        chosen = pick_architecture(lab.architectures(), address, scope=SCOPE)
    values["architecture"] = chosen.name
    lists = {
        "dataset": {name: status.entry.title + ("" if status.found else " (not here yet)") for name, status in statuses.items()}
    }
    for name, column in zip(ESSENTIALS, rest, strict=True):
        with column:
            values[name] = control(setting(name), address, scope=SCOPE, values=values, choices=lists.get(name))
    last.text_input(
        "Name (optional)", key=NAME, max_chars=80, placeholder="to find it again",
        help="Shown in the list of runs. Without a name a run is called after its network and data set.",
    )  # fmt: skip
    with st.expander(f"The network: {chosen.title}", icon=":material/account_tree:"):
        st.caption(chosen.summary)
        try:
            values["options"] = pick_options(chosen, address, scope=SCOPE)
        except ConfigError as error:  # raised last: a control that is not drawn loses its value
            wrong = error
    groups = GROUPS | ({"Other": OTHERS} if OTHERS else {})
    with st.expander("More settings: data, optimiser, schedule, regularisation, seed, speed", icon=":material/tune:"):
        for names, tab in zip(groups.values(), st.tabs(list(groups)), strict=True):
            with tab:
                _group([setting(name) for name in names], address, values)
    # Last: a helper that has just been started needs some seconds to answer, and the form is drawn meanwhile.
    with device:
        values["device"] = control(
            setting("device"), address, scope=SCOPE, values=values, choices={"auto": words("device", "auto")} | _devices(lab)
        )
    if wrong:
        raise wrong
    return values, statuses[values["dataset"]]


def _group(settings: list[Setting], address: Address, values: dict[str, Any]) -> None:
    width = 4
    for start in range(0, len(settings), width):
        for field, column in zip(settings[start : start + width], st.columns(width, vertical_alignment="bottom"), strict=False):
            with column:
                values[field.name] = control(field, address, scope=SCOPE, values=values)


def _devices(lab: Lab) -> dict[str, str]:
    try:
        with st.spinner("Starting PyTorch …", show_time=True):
            return {device.name: device.title for device in lab.devices()}
    except CNNLabError as error:
        st.error(quoting(error), icon=":material/error:")
        return {"cpu": "CPU"}


def _start(lab: Lab, config: RunConfig, status: DatasetStatus, clicked: str | None) -> None:
    if status.found is None:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/cloud_off: {status.entry.title} is not on this machine yet.")
            st.page_link("pages/data.py", label="Get it on the Data page", icon=":material/download:")
            st.button("Use the bundled sample instead", on_click=_use_sample, icon=":material/inventory_2:")
    with st.container(horizontal=True, vertical_alignment="center"):
        button = st.empty()
        facts = st.container(gap=None)
    with facts:
        table = _table(lab, config)
        need = forecast_line(lab, config, table=table) if table else None
    token = st.session_state.setdefault(TOKEN, uuid.uuid4().hex)
    ready = status.found is not None and table is not None and (need is None or need.fits)
    button.button(
        "Start training", type="primary", icon=":material/play_arrow:", disabled=not ready,
        on_click=_click, args=(lab, config, token, _controls_now()), help=need.advice if need and not need.fits else None,
    )  # fmt: skip
    if ready and clicked and _begin(lab, config, clicked):
        st.rerun()
    if refusal := st.session_state.pop(REFUSAL, None):
        st.error(quoting(refusal), icon=":material/error:")


def _controls_now() -> dict[str, Any]:
    return {key: value for key, value in st.session_state.to_dict().items() if str(key).startswith(f"{SCOPE}:")}


def _click(lab: Lab, config: RunConfig, token: str, drawn: dict[str, Any]) -> None:
    """Starts the run before anything is drawn, so that the page is drawn once, with the run.

    Where a control has changed since the button was drawn, such as a number typed just before the click, the form is read first.
    """
    if any(drawn.get(key) != value for key, value in _controls_now().items()):
        st.session_state[CLICKED] = token
    else:
        _begin(lab, config, token)


def _begin(lab: Lab, config: RunConfig, token: str) -> bool:
    """Queues the run and puts it into the address. A double click brings the same token twice, which is one run."""
    try:
        run_id = lab.start(config, token=token, name=st.session_state[NAME].strip(), owner=visitor())
    except CNNLabError as error:
        st.session_state[REFUSAL] = _in_titles(error)
        return False
    st.session_state[TOKEN] = uuid.uuid4().hex
    st.query_params.from_dict({"run": run_id})
    return True


def _use_sample() -> None:
    st.session_state[f"{SCOPE}:dataset"] = "sample"


def _table(lab: Lab, config: RunConfig) -> LayerTable | None:
    """Draws what the network costs and returns its table; None, and the reason on the page, where it cannot be built."""
    try:
        table = lab.layers(config.architecture, config.input_shape, config.classes, config.options)
    except CNNLabError as error:
        st.error(quoting(_in_titles(error)), icon=":material/error:")
        return None
    st.caption(f"{table.parameters:,} parameters, {count_text(table.macs)} multiplications for each image")
    return table


def _in_titles(error: CNNLabError) -> str:
    """The error's sentence under the label of the control it is about; options have theirs already."""
    name = getattr(error, "field", "").split(".")[0]
    field = RunConfig.model_fields.get(name)
    return labelled(error, name, field.title) if field and name != "options" else str(error)
