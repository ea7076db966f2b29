"""The registry of architectures: each family registers a card with the promises of its default network.

Cards need no torch, so the web process can read and validate them; torch is imported when a network is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnnlab.architectures.options import Option, OptionValue, complete
from cnnlab.architectures.shape import Shape
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.text import shortened

if TYPE_CHECKING:
    from torch import nn

Builder = Callable[..., "nn.Module"]


@dataclass(frozen=True)
class Card:
    """What an architecture is and promises: `parameters` and `macs` hold for the default options, `input_shape` and 10 classes."""

    name: str  # the identifier in URLs, JSON and code
    title: str
    year: int
    paper: str  # authors, year, title
    summary: str  # what to notice, in one sentence for a learner
    input_shape: Shape
    parameters: int
    macs: int  # multiply-accumulates for one image
    options: tuple[Option, ...]
    builder: Builder
    usual_size: str = N_("the course's size")  # names `input_shape` in the error that says which image size works
    naming: Callable[[Mapping[str, Any]], str] | None = None  # the name of the network with these options, where each has its own
    family: bool = True  # False: not among `cards()`, the families that pages list and compare
    foreign: bool = False  # another package builds it and draws its first weights

    @property
    def rows(self) -> bool:
        """Whether a user makes the network, from rows."""
        return any(option.type == "network" for option in self.options)

    @property
    def own_code(self) -> bool:
        """Whether a user has written the network in PyTorch; then the command line alone chooses it."""
        return any(option.type == "code" for option in self.options)

    def settings(self, given: Mapping[str, Any] | None = None) -> dict[str, OptionValue]:
        """All options with `given` in place of defaults. Raises ConfigError (field `options.<name>`)."""
        return complete(self.options, given or {}, self.title)

    def called(self, options: Mapping[str, Any]) -> str:
        """The name of the network with these (complete) options: its own, where it has one, else the title."""
        return self.naming(options) if self.naming else self.title

    def build(
        self, input_shape: Shape | None = None, classes: int = 10, options: Mapping[str, Any] | None = None, device: str = "cpu"
    ) -> nn.Module:
        """The network for images of `input_shape` (C, H, W), giving logits N×`classes`.

        On device "meta" no weight is allocated; elsewhere weights are drawn as PyTorch's layers do by default,
        from torch's global generator. Raises ConfigError for a wrong option, ShapeError where the images are
        too small for the network.
        """
        from cnnlab.architectures import building

        return building.build(self, input_shape or self.input_shape, classes, self.settings(options), device)

    def draft(self, input_shape: Shape, classes: int, options: Mapping[str, Any] | None = None) -> nn.Module:
        """The network on the meta device, which `build` would also run once. Raises as `build` does, except that a layer which
        cannot take its input may show only when it runs.
        """
        from cnnlab.architectures import building

        return building.draft(self, input_shape, classes, self.settings(options))


_cards: dict[str, Card] = {}


def register(name: str, **promises: Any) -> Callable[[Builder], Builder]:
    """Registers the decorated builder under `name`; keywords are the fields of `Card`.

    A builder is called as ``builder(input_shape, classes, **options)`` while torch's default device is "meta" and returns
    the network. It imports torch inside, so that reading the card does not.
    """

    def add(builder: Builder) -> Builder:
        if name in _cards:
            raise ValueError(f"two architectures are called {name!r}")
        _cards[name] = Card(name=name, builder=builder, **promises)
        return builder

    return add


def cards() -> tuple[Card, ...]:
    """All families in the order of the course, then those it does not have."""
    return tuple(each for each in _cards.values() if each.family)


def every_card() -> tuple[Card, ...]:
    """All that can be chosen: the families, then what is none, a network of a user's own, and those of torchvision."""
    return tuple(sorted((each for each in _cards.values() if not each.own_code), key=lambda each: not each.family))


def card(name: str) -> Card:
    """The architecture called `name`. Raises ConfigError with the known names."""
    try:
        return _cards[name]
    except (KeyError, TypeError):
        raise _unknown(name) from None


def choosable(name: str) -> Card:
    """As `card`, for what an address or a form may name: a user's own code is as if it did not exist."""
    found = card(name)
    if found.own_code:
        raise _unknown(name)
    return found


def _unknown(name: str) -> ConfigError:
    listed = ", ".join(each for each, known in _cards.items() if not known.own_code)
    message = say("There is no architecture {name}; choose one of: {names}.", name=shortened(name), names=listed)
    return ConfigError(message, "architecture")
