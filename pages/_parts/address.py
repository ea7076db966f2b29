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

import difflib
from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.errors import ConfigError
from cnnlab.i18n import nsay, say, translated
from cnnlab.text import shortened
from pages._parts import language
from pages._parts.markdown import quoting

MOST_UNKNOWN = 3  # names in a warning
_OPEN, _LINKS = "address page", "links to the pages"
Parameters = dict[str, str]


class Address:
    """The part of the address that one page reads and writes, for one run of its script.

    An invalid value in the address is replaced by the default, and `problems` holds a sentence about it, as about a name that the
    page does not know. A fragment has an address of its own, `within` that of its page, which is flushed first.

    Opening a page writes nothing: what is written then would be one more entry of the browser's history, and Back would stay on
    the page. So `link_to` has what a link in the navigation needs to open the page as it was left.

    `expand` gives the parameters that a short address stands for, and `shorten` is its inverse.
    """

    def __init__(
        self, page: str, *, within: Address | None = None, expand: Callable[[Parameters], Parameters] = dict,
        shorten: Callable[[Parameters], Parameters] = dict,
    ) -> None:  # fmt: skip
        self.problems: list[str] = []
        self._page = within._page if within else page
        self._memory_key = f"address of {page}"
        # What this part wrote last, and the parameters that it then had.
        self._view, self._seen = st.session_state.get(self._memory_key, ({}, {}))
        self._browser: Parameters = _without_language(st.query_params.to_dict())
        self._parameters = expand(self._browser)
        self._shorten = shorten
        self._within = within
        if within is None:
            self.arriving = st.session_state.get(_OPEN) != page
            self._report(language.problem())
            st.session_state[_OPEN] = page
        else:
            self.arriving = within.arriving
        self._used: set[str] = set()
        self._values: Parameters = {}

    def initialise(self, key: str, name: str, default: Any, parse: Callable[[str], Any], *, use_address: bool = True) -> None:
        """Sets the value of the widget `key` from the address where the address has changed or the widget is new.

        With `use_address` off a new widget starts from `default`: the value in the address belongs to another widget.
        """
        self._used.add(name)
        moved = self.arriving or self._parameters.get(name) != self._seen.get(name)
        if key in st.session_state and not (moved and use_address):
            return
        text = self._parameters.get(name) if use_address else None
        value = default
        if text is not None:
            try:
                value = parse(text)
            except ConfigError as error:
                self._report(str(error))
        st.session_state[key] = value

    def _report(self, error: str) -> None:
        if error:
            self.problems.append(say("In the address: {error} The default is used.", error=error))

    def text(self, name: str) -> str | None:
        """The value of `name` in the address when the page was opened."""
        self._used.add(name)
        return self._parameters.get(name)

    def write(self, name: str, value: Any, default: Any) -> None:
        """Sets `name` to `value` (an identifier, number, bool or tuple), or removes it where the value is the default."""
        self._used.add(name)
        if value != default and value is not None:
            self._values[name] = as_text(value)

    def preserve(self, *names: str) -> None:
        """Leaves `names` unchanged, while their controls are hidden or hold an invalid value."""
        self._used.update(names)
        self._values |= {name: self._parameters[name] for name in names if name in self._parameters}

    def flush(self, *, complete: bool = True, last: bool = True) -> None:
        """Updates the browser's address where a control has changed since the page was opened, or where the address was wrong.

        With `complete` off the page stopped at an error, and the values of controls it did not draw are kept. With `last` off a
        fragment follows, with parameters of its own.
        """
        unknown = self._name_unknown() if complete and last else set()
        stale = (self._used - set(self._values)) | unknown
        if complete:
            stale |= set(self._view) - set(self._values)
        updated = {name: text for name, text in self._parameters.items() if name not in stale} | self._values
        kept = {} if complete else {name: text for name, text in self._parameters.items() if name not in stale}
        view = kept | self._values
        link = self._browser if updated == self._parameters else self._shorten(updated)
        if self.problems or (not self.arriving and view != self._view and link != self._browser):
            st.query_params.from_dict(link | language.in_links())
            self._parameters = updated
        self._keep_problems(view)
        st.session_state[self._memory_key] = view, self._parameters
        st.session_state.setdefault(_LINKS, {})[self._page] = link
        if self._within is not None:  # the page's own object outlives a rerun of the fragment
            self._within.arriving = False

    def show_problems(self, place: DeltaGenerator) -> None:
        """Draws a warning about what is wrong with the address; call it after `flush`."""
        if self.problems:
            place.warning("\n\n".join(quoting(translated(problem)) for problem in self.problems), icon=":material/link_off:")

    def _keep_problems(self, view: Parameters) -> None:
        """Problems stay on the page until a control changes: the address is right again, but they may not have been read."""
        key = f"problems of {self._memory_key}"
        then, problems = st.session_state.get(key, ({}, []))
        if self.problems:
            st.session_state[key] = view, self.problems
        elif then == view and not self.arriving:
            self.problems = problems
        else:
            st.session_state.pop(key, None)

    def _name_unknown(self) -> set[str]:
        """The names in the address that no control of this page has; `problems` gets a sentence about them."""
        earlier = set() if self.arriving else set(self._seen)  # the page itself wrote them, as for another architecture
        known = self._used | (self._within._used if self._within else set())
        unknown = [name for name in self._browser if name not in known | earlier]
        for name in unknown[:MOST_UNKNOWN]:
            alike = difflib.get_close_matches(name[:40].lower(), known, 1)
            advice = " " + say("Did you mean {name}?", name=alike[0]) if alike else ""
            unknown_name = say("In the address: {name} is not a setting of this page, so it has no effect.", name=shortened(name))
            self.problems.append(unknown_name + advice)
        if (more := len(unknown) - MOST_UNKNOWN) > 0:
            self.problems.append(
                nsay(
                    "{count} more name in the address is not a setting of this page.",
                    "{count:,} more names in the address are not settings of this page.",
                    more, count=more,
                )
            )  # fmt: skip
        repeated = [name for name in self._browser if name in known and len(st.query_params.get_all(name)) > 1]
        self.problems += [say("In the address: {name} is given more than once; the last value is used.", name=n) for n in repeated]
        return set(unknown)


def link_to(page: str) -> dict[str, str]:
    """The query parameters that open `page` as this visitor left it; none where they have not been there."""
    return st.session_state.get(_LINKS, {}).get(page, {}) | language.in_links()


def _without_language(parameters: Parameters) -> Parameters:
    return {name: text for name, text in parameters.items() if name != language.PARAMETER}


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
        allowed = ", ".join(map(as_text, choices))
        raise ConfigError(say("{name} must be one of {allowed}, not {value!r}.", name=name, allowed=allowed, value=text[:80]), name)

    return parse


def whole_number(name: str, minimum: int, maximum: int) -> Callable[[str], int]:
    """A parser for a whole number in a range. Raises ConfigError."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 12 or not minimum <= int(text) <= maximum:
            rule = say("a whole number from {low} to {high}", low=minimum, high=maximum)
            raise ConfigError(say("{name} must be {rule}, not {value!r}.", name=name, rule=rule, value=text[:80]), name)
        return int(text)

    return parse
