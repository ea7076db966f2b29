"""Keeps what a page shows in its address, so that a link, a reload and the back button open the same thing.

Streamlit's `bind="query-params"` would write the label of a choice into the address ("LeNet-5"). Links, JSON and code here
share one identifier ("lenet"), so this small module reads and writes the address itself:

    address = Address("data")
    address.seed("data.split", "split", "train", parse_split)   # before the widget: the address, if it changed, sets its value
    split = st.segmented_control(..., key="data.split")         # no default of its own
    address.say("split", split, "train")                        # after it: what the address should say; defaults are left out
    address.close()                                             # once, after the last widget
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from cnnlab.errors import ConfigError


class Address:
    """The part of the address that one page reads and writes, for one run of its script.

    A value in the address that cannot be is replaced by the default; `problems` then holds a sentence about it. A part of a page
    that is drawn again without the rest, a fragment, has an address of its own, `within` that of its page, which is closed first.
    """

    def __init__(self, page: str, *, within: Address | None = None) -> None:
        self.problems: list[str] = []
        self._memory_key = f"address of {page}"
        self._memory: dict[str, str] = st.session_state.get(self._memory_key, {})
        self._given: dict[str, str] = st.query_params.to_dict()
        self._within = within
        if within is None:
            self.arriving = st.session_state.get("address page") != page
            # Walking back to a page through the navigation clears the address; then the page shows what it showed last.
            self._returning = self.arriving and not self._given
            st.session_state["address page"] = page
        else:
            self.arriving, self._returning = within.arriving, within._returning
        self._source = self._memory if self._returning else self._given
        self._said: dict[str, str] = {}
        self._seen: set[str] = set()

    def seed(self, key: str, name: str, default: Any, parse: Callable[[str], Any], *, use_address: bool = True) -> None:
        """Gives the widget `key` its value where the address has changed, or where the widget is new.

        With `use_address` off a new widget starts from `default`: what stands in the address was meant for another one.
        """
        self._seen.add(name)
        moved = self.arriving or self._given.get(name) != self._memory.get(name)
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
        """What the address said when the page was opened."""
        return self._source.get(name)

    def say(self, name: str, value: Any, default: Any) -> None:
        """Has the address say `value` (an identifier, number, bool or tuple), or nothing where it is the default."""
        self._seen.add(name)
        if value != default and value is not None:
            self._said[name] = as_text(value)

    def keep(self, name: str) -> None:
        """Leaves `name` as it stands, while its control holds something that cannot be."""
        self._seen.add(name)
        if name in self._source:
            self._said[name] = self._source[name]

    def close(self, *, complete: bool = True) -> None:
        """Brings the browser's address up to date; names that this page never used are left alone.

        With `complete` off the page has stopped half-way, over an error: what its undrawn controls said is kept for them.
        """
        stale = self._seen - set(self._said)
        if complete:
            stale |= set(self._memory) - set(self._said)
        wanted = {name: text for name, text in self._given.items() if name not in stale} | self._said
        if wanted != self._given:
            st.query_params.from_dict(wanted)
        kept = {} if complete else {name: text for name, text in self._source.items() if name not in stale}
        st.session_state[self._memory_key] = kept | self._said
        if self._within is not None:  # which stays as it is while the fragment is drawn again
            self._within.arriving = self._within._returning = False


def as_text(value: Any) -> str:
    """A value as the address says it: "true", "0.5", "120,84"."""
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
