"""The rows of a network and the settings of the chosen one; a row that does not fit says why, with buttons that cure it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from cnnlab.architectures import Shape
from cnnlab.architectures.own import Network, RowError, editing, placed
from cnnlab.architectures.own.kinds import KINDS
from cnnlab.architectures.own.network import INPUT, LONGEST_NAME
from cnnlab.i18n import N_, _, shown, translated
from pages._parts.builder import state
from pages._parts.builder.table import draw_rows, totals
from pages._parts.forms.architecture import option_control, typed
from pages._parts.markdown import escaped, labelled, quoting

_ABOVE = ""  # the row above, as a row takes its input where nothing else is chosen
_MOVES = (
    (N_("Move up"), ":material/arrow_upward:", -1, N_("Exchanges this row with the one above it.")),
    (N_("Move down"), ":material/arrow_downward:", 1, N_("Exchanges this row with the one below it.")),
)


def edit_rows(network: Network, shape: Shape, classes: int, sizes: Sequence[int] = ()) -> None:
    """Draws the editor for images of `shape`. `sizes` are image sizes with which a network that is too deep would fit."""
    chosen, error = state.selected(network), None
    try:
        rows = placed(network, shape, classes)
    except RowError as wrong:
        error, rows = wrong, wrong.before
    st.header(_("Your layers"))
    _history_buttons(network, chosen)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        draw_rows(network, rows, error, chosen)
        if error:
            _cures(network, error, shape, classes, sizes)
        else:
            st.caption(totals(rows))
    with right.container(border=True, key="design-row"):
        _row(network, chosen)


def _history_buttons(network: Network, chosen: int) -> None:
    history = state.history()
    with st.container(horizontal=True, vertical_alignment="center", key="design-history"):
        st.button(
            _("Undo"), icon=":material/undo:", key="design:undo", disabled=not history.before, on_click=state.step, args=(-1,),
            help=_("Takes back the last change."),
        )  # fmt: skip
        st.button(
            _("Redo"), icon=":material/redo:", key="design:redo", disabled=not history.after, on_click=state.step, args=(1,),
            help=_("Makes a change again that was taken back."),
        )  # fmt: skip
        with st.popover(
            _("Add a layer"), icon=":material/add:", help=_("Adds a row below the chosen one, which is row {number} now.").format(
                number=chosen + 1
            ),
        ):  # fmt: skip
            _kinds_to_add(network, chosen)
    if reason := state.refused("rows"):
        st.error(quoting(translated(reason)), icon=":material/error:")


def _kinds_to_add(network: Network, chosen: int) -> None:
    columns = st.columns(2)
    for number, kind in enumerate(KINDS.values()):
        columns[number % 2].button(
            translated(kind.title), key=f"design:add {kind.name}", width="stretch", help=translated(kind.help),
            on_click=_add, args=(chosen, kind.name),
        )  # fmt: skip
    at_top = _("Add a convolution at the top")
    st.button(at_top, key="design:add first", width="stretch", on_click=_add, args=(-1, "convolution"))


def _add(chosen: int, kind: str) -> None:
    network = state.now()
    place = min(chosen + 1, len(network.layers))
    state.attempt(partial(editing.added, network, place, {"kind": kind}), place, "rows")


def _cures(network: Network, error: RowError, shape: Shape, classes: int, sizes: Sequence[int]) -> None:
    st.error(quoting(translated(error)), icon=":material/error:")
    with st.container(horizontal=True):
        for number, cure in enumerate(editing.cures(network, error, shape, classes)):
            st.button(
                translated(cure.words), icon=":material/build:", key=f"design:row cure {number}",
                on_click=state.show, args=(cure.network, error.row),
            )  # fmt: skip
        for size in sizes:
            label = _("Images of {size} px").format(size=f"{size}×{size}")
            st.button(label, icon=":material/build:", key=f"design:row size {size}", on_click=_resize, args=(size,))
        if state.selected(network) != error.row:
            label = _("Show row {number}").format(number=error.row + 1)
            st.button(label, icon=":material/arrow_forward:", key="design:row wrong", on_click=state.select, args=(error.row,))


def _resize(size: int) -> None:
    st.session_state[state.setting("image_size")] = size


def _row(network: Network, place: int) -> None:
    layer = network.layers[place]
    title = _("Row {number}: {name}").format(number=place + 1, name=layer.name)
    st.subheader(escaped(title), anchor=False, help=translated(layer.of.help))
    kinds = list(KINDS)
    _pick(_("Kind"), "kind", layer.kind, kinds, place, help_=_("What this row does with its input."))
    columns: list[Any] = []
    for number, option in enumerate(layer.of.options):
        if number % 2 == 0:
            columns = st.columns(2, vertical_alignment="bottom")
        key = f"design:row {layer.kind} {option.name}"
        st.session_state[key] = typed(layer.settings[option.name])
        with columns[number % 2]:
            option_control(option, key, partial(_set, place, option.name, key))
        if reason := state.refused(f"setting {option.name}"):
            st.error(quoting(labelled(reason, option.name, option.title)), icon=":material/error:")
    _inputs(network, place)
    key = "design:row name"
    st.session_state[key] = layer.name
    st.text_input(
        _("Name of the row"), key=key, max_chars=LONGEST_NAME, on_change=_rename, args=(place, key),
        help=_("Small letters, digits and _; it stands in the table and in the code."),
    )  # fmt: skip
    _refusal("name")
    with st.container(horizontal=True):
        for label, icon, by, text in _MOVES:
            st.button(
                translated(label), icon=icon, key=f"design:move {by}", disabled=not 0 <= place + by < len(network.layers),
                on_click=_move, args=(place, by), help=translated(text),
            )  # fmt: skip
        st.button(
            _("Duplicate"), icon=":material/content_copy:", key="design:copy", on_click=_copy, args=(place,),
            help=_("Puts the same row once more below it."),
        )  # fmt: skip
        st.button(
            _("Delete"), icon=":material/delete:", key="design:delete", disabled=len(network.layers) == 1, on_click=_delete,
            args=(place,), help=_("Rows that took its output take its input. Undo brings it back."),
        )  # fmt: skip
    _refusal("move")


def _refusal(where: str) -> None:
    if reason := state.refused(where):
        st.error(quoting(translated(reason)), icon=":material/error:")


def _pick(label: str, name: str, value: str, choices: Sequence[str], place: int, *, help_: str) -> None:
    key = f"design:row {name}"
    st.session_state[key] = value
    st.selectbox(
        label, choices, key=key, help=help_, on_change=_change_kind, args=(place, key),
        format_func=lambda kind: translated(KINDS[kind].title),
    )  # fmt: skip
    _refusal("kind")


def _inputs(network: Network, place: int) -> None:
    """What the row takes its input from: one row above, or several for a join."""
    layer, above = network.layers[place], [INPUT, *(each.name for each in network.layers[:place])]
    words = {name: name for name in reversed(above)} | {INPUT: shown(N_("the image"))}
    key = f"design:row inputs {layer.of.joins}"
    if layer.of.joins:
        st.session_state[key] = list(dict.fromkeys(network.feeds(place)))
        st.multiselect(
            _("Takes its inputs from"), list(words), key=key, format_func=words.__getitem__, on_change=_wire, args=(place, key),
            placeholder=_("Choose rows above"), help=_("The rows whose outputs are joined. Their order is that of the channels."),
        )  # fmt: skip
    else:
        words = {_ABOVE: _("the row above") if place else _("the image")} | words
        st.session_state[key] = layer.inputs[0] if layer.inputs else _ABOVE
        st.selectbox(
            _("Takes its input from"), list(words), key=key, format_func=words.__getitem__, on_change=_wire, args=(place, key),
            help=_("Another row than the one above begins a path of its own, which an addition or a concatenation joins again."),
        )  # fmt: skip
    _refusal("inputs")


def _set(place: int, option: str, key: str) -> None:
    state.attempt(partial(editing.changed, state.now(), place, **{option: state.held(key)}), place, f"setting {option}")


def _change_kind(place: int, key: str) -> None:
    state.attempt(partial(editing.of_kind, state.now(), place, state.held(key)), place, "kind")


def _rename(place: int, key: str) -> None:
    state.attempt(partial(editing.renamed, state.now(), place, state.held(key).strip()), place, "name")


def _wire(place: int, key: str) -> None:
    held = state.held(key)
    inputs = tuple(held) if isinstance(held, list) else (held,) if held else ()
    state.attempt(partial(editing.wired, state.now(), place, inputs), place, "inputs")


def _move(place: int, by: int) -> None:
    state.attempt(partial(editing.moved, state.now(), place, by), place + by, "move")


def _copy(place: int) -> None:
    state.attempt(partial(editing.copied, state.now(), place), place + 1, "move")


def _delete(place: int) -> None:
    state.attempt(partial(editing.deleted, state.now(), place), max(0, place - 1), "move")
