"""A row of buttons of which exactly one is pressed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages._parts.address import Address, one_of

Choice = TypeVar("Choice")


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
    place: DeltaGenerator | None = None,
    help: str | None = None,
    on_change: Callable[[], None] | None = None,
) -> Choice:
    """Which of `titles` is pressed, at first `default` (else the first); it stands in the address as `name`.

    What `parse` lets through but is not among `titles` becomes `otherwise` (else the default).
    """
    usual = next(iter(titles)) if default is None else default
    address.initialise(key, name, usual, parse or one_of(name, tuple(titles)))
    if (before := st.session_state[key]) not in titles:
        # A click elsewhere can end the script between making these buttons and telling the browser which one is pressed: then
        # none is.
        st.session_state[key] = usual if before is None or otherwise is None else otherwise
    chosen = (place or st).segmented_control(
        label, list(titles), key=key, format_func=titles.__getitem__, required=True, help=help, on_change=on_change
    )
    value = usual if chosen is None else chosen
    address.write(name, value, usual)
    return value
