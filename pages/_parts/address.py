"""Keeps what a page shows in its address, so that a link, a reload and the back button open the same view.

Streamlit's `bind="query-params"` would write the label of a choice into the address ("LeNet-5"). Links, JSON and code share one
identifier ("lenet"), so this module reads and writes the address itself:

    address = Address("runs")
    address.initialise("runs:text", "text", "", str)  # before the widget: a changed address sets its value
    text = st.text_input("Search", key="runs:text")  # no default of its own
    address.write("text", text, "")  # after the widget; a default is left out of the address
    address.flush()  # once, after the last widget
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.errors import ConfigError
from pages._parts.markdown import quoting


class Address:
    """The part of the address that one page reads and writes, for one run of its script.

    An invalid value in the address is replaced by the default, and `problems` holds a sentence about it. A fragment has an
    address of its own, `within` that of its page, which is flushed first.
    """

    def __init__(self, page: str, *, within: Address | None = None) -> None:
        self.problems: list[str] = []
        self._memory_key = f"address of {page}"
        self._memory: dict[str, str] = st.session_state.get(self._memory_key, {})  # what this page wrote last
        self._parameters: dict[str, str] = st.query_params.to_dict()
        self._within = within
        if within is None:
            self.arriving = st.session_state.get("address page") != page
            # A link in the navigation clears the address; the page then shows its last view.
            self._returning = self.arriving and not self._parameters
            st.session_state["address page"] = page
        else:
            self.arriving, self._returning = within.arriving, within._returning
        self._source = self._memory if self._returning else self._parameters
        self._values: dict[str, str] = {}
        self._used: set[str] = set()

    def initialise(self, key: str, name: str, default: Any, parse: Callable[[str], Any], *, use_address: bool = True) -> None:
        """Sets the value of the widget `key` from the address where the address has changed or the widget is new.

        With `use_address` off a new widget starts from `default`: the value in the address belongs to another widget.
        """
        self._used.add(name)
        moved = self.arriving or self._parameters.get(name) != self._memory.get(name)
        if key in st.session_state and not (moved and use_address):
            return
        text = self._source.get(name) if use_address else None
        value = default
        if text is not None:
            try:
                value = parse(text)
            except ConfigError as error:
                self.problems.append(f"In the address: {error} The default is used.")
        st.session_state[key] = value

    def text(self, name: str) -> str | None:
        """The value of `name` in the address when the page was opened."""
        return self._source.get(name)

    def write(self, name: str, value: Any, default: Any) -> None:
        """Sets `name` to `value` (an identifier, number, bool or tuple), or removes it where the value is the default."""
        self._used.add(name)
        if value != default and value is not None:
            self._values[name] = as_text(value)

    def preserve(self, name: str) -> None:
        """Leaves `name` unchanged, while its control is hidden or holds an invalid value."""
        self._used.add(name)
        if name in self._source:
            self._values[name] = self._source[name]

    def flush(self, *, complete: bool = True) -> None:
        """Updates the browser's address; names that this page never used stay.

        With `complete` off the page stopped at an error, and the values of controls it did not draw are kept.
        """
        stale = self._used - set(self._values)
        if complete:
            stale |= set(self._memory) - set(self._values)
        updated = {name: text for name, text in self._parameters.items() if name not in stale} | self._values
        if updated != self._parameters:
            st.query_params.from_dict(updated)
        kept = {} if complete else {name: text for name, text in self._source.items() if name not in stale}
        st.session_state[self._memory_key] = kept | self._values
        if self._within is not None:  # the page's own object outlives a rerun of the fragment
            self._within.arriving = self._within._returning = False

    def show_problems(self, place: DeltaGenerator) -> None:
        if self.problems:
            place.warning("\n\n".join(map(quoting, self.problems)), icon=":material/link_off:")


def as_text(value: Any) -> str:
    """A value as the address holds it: "true", "0.5", "120,84"."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def one_of(name: str, choices: tuple[Any, ...]) -> Callable[[str], Any]:
    """A parser for an identifier that must be among `choices`. Raises ConfigError."""

    def parse(text: str) -> Any:
        for choice in choices:
            if as_text(choice) == text:
                return choice
        raise ConfigError(f"{name} must be one of {', '.join(map(as_text, choices))}, not {text[:80]!r}.", name)

    return parse


def whole_number(name: str, minimum: int, maximum: int) -> Callable[[str], int]:
    """A parser for a whole number in a range. Raises ConfigError."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 12 or not minimum <= int(text) <= maximum:
            raise ConfigError(f"{name} must be a whole number from {minimum} to {maximum}, not {text[:80]!r}.", name)
        return int(text)

    return parse
