"""A control for exactly one of several choices: drawn with their titles, kept in the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.i18n import _, translated
from pages._parts.address import Address, one_of, whole_number

Choice = TypeVar("Choice")
ALL_CLASSES = -1


def one_choice(
    label: str,
    key: str,
    name: str,
    titles: Mapping[Choice, str],
    address: Address,
    *,
    default: Choice | None = None,
    parse: Callable[[str], Choice] | None = None,
    otherwise: Choice | None = None,
    use_address: bool = True,
    as_list: bool = False,
    place: DeltaGenerator | None = None,
    help: str | None = None,
    on_change: Callable[[], None] | None = None,
    width: int | None = None,
) -> Choice:
    """The selected one of `titles`, at first `default` (else the first); the address holds it as `name`.

    A row of buttons, or with `as_list` a list. A value that `parse` accepts but `titles` lacks becomes `otherwise` (else the
    default).
    """
    usual = next(iter(titles)) if default is None else default
    address.initialise(key, name, usual, parse or one_of(name, tuple(titles)), use_address=use_address)
    if (before := st.session_state[key]) not in titles:
        # None comes from a click that ended the script before the browser knew which of new buttons is pressed.
        st.session_state[key] = usual if before is None or otherwise is None else otherwise
    changed = when_changed(key, on_change) if on_change else None
    common = {"key": key, "format_func": titles.__getitem__, "help": help, "on_change": changed}
    if as_list:
        value = (place or st).selectbox(label, list(titles), width=width or "stretch", **common)
    else:
        value = (place or st).segmented_control(label, list(titles), required=True, **common)
    value = usual if value is None else value
    address.write(name, value, usual)
    return value


def choice_in_dialog(label: str, key: str, titles: Mapping[Choice, str], *, help: str) -> Choice:
    """A row of buttons for one of `titles`, at first the first one; no address holds it."""
    usual = next(iter(titles))
    st.session_state.setdefault(key, usual)
    value = st.segmented_control(label, list(titles), key=key, format_func=titles.__getitem__, help=help, required=True)
    return usual if value is None else value


def when_changed(key: str, action: Callable[[], None]) -> Callable[[], None]:
    """`action` as the callback of the control `key`, which is about to be drawn with the value that the session has.

    Streamlit also calls it for a browser that still shows an earlier page, where the control is new to the session: then nothing
    has changed. Without the comparison such a call brought the training form back after a run had been started.
    """
    drawn = st.session_state[key]

    def changed() -> None:
        if st.session_state[key] != drawn:
            action()

    return changed


def class_choice(
    label: str, key: str, name: str, classes: Sequence[str], address: Address, *, place: DeltaGenerator, help: str,
    on_change: Callable[[], None], use_address: bool = True,
) -> int | None:  # fmt: skip
    """The selected one of a data set's classes, as a label; None for all of them."""
    titles = {ALL_CLASSES: _("all classes")} | dict(enumerate(map(translated, classes)))
    chosen = one_choice(
        label, key, name, titles, address, as_list=True, place=place, help=help, on_change=on_change,
        parse=whole_number(name, 0, len(classes) - 1), use_address=use_address,
    )  # fmt: skip
    return None if chosen == ALL_CLASSES else chosen
