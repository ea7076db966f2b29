"""The network that is edited, with its past: each change can be undone. It stays in the session, and stands in the address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from cnnlab.architectures import card
from cnnlab.architectures.own import Network
from cnnlab.errors import ConfigError
from cnnlab.i18n import translated
from pages._parts.address import Address
from pages._parts.forms.architecture import CUSTOM, setting_key

SCOPE = "design"  # before the keys of the controls on Design
NETWORK = setting_key(card(CUSTOM), "network", scope=SCOPE)  # its text; no widget has this key
_HISTORY, _ROW, _REFUSED = "design:own history", "design:own row", "design:own refused"
MOST_STEPS = 100


@dataclass(slots=True)
class History:
    """The texts of the network, one after the other; `at` is the one that is shown."""

    texts: list[str] = field(default_factory=list)
    at: int = -1

    def note(self, text: str) -> None:
        """A text that is not the one shown is a new step; what had been undone is lost."""
        if self.texts and self.texts[self.at] == text:
            return
        self.texts = [*self.texts[: self.at + 1], text][-MOST_STEPS:]
        self.at = len(self.texts) - 1

    def step(self, by: int) -> str:
        self.at = min(max(self.at + by, 0), len(self.texts) - 1)
        return self.texts[self.at]

    @property
    def before(self) -> int:
        return self.at

    @property
    def after(self) -> int:
        return len(self.texts) - 1 - self.at


def current(address: Address) -> Network:
    """The network that is edited; one that the address names takes its place."""
    option = card(CUSTOM).options[0]
    usual = Network.read(str(option.default))
    address.initialise(NETWORK, "network", usual.named(translated(usual.title)).text, option.parse)
    network = Network.read(st.session_state[NETWORK])
    history().note(network.text)
    address.write("network", network.token, None)
    return network


def history() -> History:
    kept: History = st.session_state.setdefault(_HISTORY, History())
    return kept


def selected(network: Network) -> int:
    """The row whose settings are shown."""
    return min(max(st.session_state.get(_ROW, 0), 0), len(network.layers) - 1)


def select(place: int) -> None:
    st.session_state[_ROW] = place


def show(network: Network, row: int | None = None) -> None:
    """Puts another network into the editor."""
    st.session_state[NETWORK] = network.text
    st.session_state.pop(_REFUSED, None)
    if row is not None:
        select(row)


def attempt(change: Callable[[], Network], row: int | None = None, where: str = "") -> None:
    """Makes a change; one that is not allowed leaves the network as it was, and its reason stands at the control `where`."""
    try:
        # A browser that has not seen a change yet reports old values: what changes nothing is no step.
        if (made := change()) != now():
            show(made, row)
    except ConfigError as error:
        refuse(where, str(error))


def refuse(where: str, reason: str) -> None:
    """Leaves a reason for the control `where`."""
    st.session_state[_REFUSED] = (where, reason)


def refused(where: str) -> str:
    """Why the last change at this control was not made; "" where it was."""
    place, reason = st.session_state.get(_REFUSED, ("", ""))
    return str(reason) if place == where else ""


def step(by: int) -> None:
    """Undoes or makes again."""
    show(Network.read(history().step(by)))


def setting(name: str) -> str:
    """The key of a control beside the rows: "image_size", "input channels", "classes"."""
    return setting_key(card(CUSTOM), name, scope=SCOPE)


def now() -> Network:
    """The network in a callback, where the page has not been drawn yet."""
    return Network.read(st.session_state[NETWORK])


def held(key: str) -> Any:
    """What a control holds."""
    return st.session_state[key]
