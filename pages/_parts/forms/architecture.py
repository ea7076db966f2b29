"""Controls for a network: architecture, its options and its input, made from the cards' own data.

How they stand in the address, on every page that uses this form:
    architecture=vgg           the card's name
    depth=16, activation=relu  each option under its own name, as the command line's `--set` writes it; one whose name is also a
                               setting of a run (LeNet's `channels`) is `options.channels`, as errors call it, too
    channels=3, image_size=64, classes=10
A second form on the same page puts a prefix before each name (`compare=vgg&compare.depth=16`).
Widgets are keyed by architecture as well (`design:vgg:depth`), so that one network's option never leaks into another's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from cnnlab.architectures import Card, Option, OptionValue, Shape
from cnnlab.config import MAXIMUM_IMAGE_SIZE, RunConfig
from cnnlab.config_words import CHOICES, words
from cnnlab.errors import ConfigError
from pages._parts.address import Address, as_text, one_of, whole_number
from pages._parts.markdown import labelled

IMAGE_SIZES = (28, 32, 48, 64, 96, 128, 224)
MAXIMUM_CLASSES = 1000
CHANNELS = CHOICES["channels"]
ACROSS = 4  # controls side by side


def option_key(option: Option) -> str:
    """The name of an option in the address."""
    return f"options.{option.name}" if option.name in RunConfig.model_fields else option.name


def link_parameters(card: Card, options: Mapping[str, OptionValue]) -> dict[str, str]:
    """The query parameters that open a page with this network; defaults are left out."""
    changed = {option_key(o): as_text(options[o.name]) for o in card.options if options.get(o.name, o.default) != o.default}
    return {"architecture": card.name, **changed}


def pick_architecture(
    cards: Sequence[Card],
    address: Address,
    *,
    scope: str,
    name: str = "architecture",
    label: str = "Architecture",
    default: str = "lenet",
) -> Card:
    """A list of the architectures. `scope` sets this form's widgets apart from others."""
    by_name = {card.name: card for card in cards}
    key = f"{scope}:{name}"
    address.initialise(key, name, default, one_of(name, tuple(by_name)))
    chosen = st.selectbox(
        label,
        list(by_name),
        format_func=lambda each: f"{by_name[each].title} ({by_name[each].year})",
        key=key,
        help="The kind of network, in the order in which the course meets them; ResNet-9 is an extra.",
    )
    address.write(name, chosen, default)
    return by_name[chosen]


def pick_options(
    card: Card, address: Address, *, scope: str, prefix: str = "", name: str = "architecture", default: str = "lenet"
) -> dict[str, Any]:
    """A control for each option of the card. Raises ConfigError where what was typed is not allowed, after all controls are drawn.

    `name` and `default` are those of the architecture's list: options in the address belong to the architecture named there.
    """
    own = (address.text(name) or default) == card.name
    values: dict[str, Any] = {}
    wrong: ConfigError | None = None
    columns: list[Any] = []
    for index, option in enumerate(card.options):
        key, link = f"{scope}:{card.name}:{option.name}", prefix + option_key(option)
        if index % ACROSS == 0:
            columns = st.columns(ACROSS, vertical_alignment="bottom")
        with columns[index % ACROSS]:
            address.initialise(
                key, link, _shown(option, option.default), lambda text, o=option: _shown(o, o.parse(text)), use_address=own
            )
            chosen = _control(option, key)
        try:
            values[option.name] = option.parse(chosen) if option.type == "ints" else option.check(chosen)
        except ConfigError as error:
            wrong = wrong or ConfigError(labelled(error, option.name, option.title), error.field)
            address.preserve(link)
        else:
            address.write(link, values[option.name], option.default)
    if wrong:
        raise wrong
    return values


def pick_input(
    card: Card, address: Address, *, scope: str, prefix: str = "", name: str = "architecture", default: str = "lenet"
) -> tuple[Shape, int]:
    """Channels and size of the images, and the number of classes.

    Raises ConfigError where what was typed is not allowed, after all controls are drawn.
    """
    own = (address.text(name) or default) == card.name
    channels, size, classes = (f"{scope}:{card.name}:{each}" for each in ("input channels", "image size", "classes"))
    first, second, third = st.columns(3, vertical_alignment="bottom")

    address.initialise(channels, f"{prefix}channels", card.input_shape[0], one_of("channels", tuple(CHANNELS)), use_address=own)
    chosen_channels = first.selectbox(
        "Image channels", list(CHANNELS), format_func=CHANNELS.__getitem__, key=channels,
        help="Gray images have one number for each pixel; colour images have three: red, green and blue.",
    )  # fmt: skip
    address.write(f"{prefix}channels", chosen_channels, card.input_shape[0])

    parse_size = whole_number("image_size", 1, MAXIMUM_IMAGE_SIZE)
    address.initialise(size, f"{prefix}image_size", card.input_shape[1], parse_size, use_address=own)
    typed = second.selectbox(
        "Image size", sorted({*IMAGE_SIZES, card.input_shape[1]}), key=size, accept_new_options=True, format_func=_square,
        help=f"Height and width in pixels: pick one, or type any from 1 to {MAXIMUM_IMAGE_SIZE}. "
        f"The course uses {card.input_shape[1]} here.",
    )  # fmt: skip
    parse_classes = whole_number("classes", 2, MAXIMUM_CLASSES)
    address.initialise(classes, f"{prefix}classes", 10, parse_classes, use_address=own)
    counted = third.number_input(
        "Classes", key=classes, step=1,
        help="How many kinds of things the network tells apart, which is how many values it gives at the end. "
        f"All data sets here have 10. Allowed: a whole number from 2 to {MAXIMUM_CLASSES:,}.",
    )  # fmt: skip
    try:
        chosen_size = typed if isinstance(typed, int) else parse_size(str(typed).split("×")[0].strip())
        chosen_classes = parse_classes(str(counted))
    except ConfigError as error:
        address.preserve(f"{prefix}classes")
        address.preserve(f"{prefix}image_size")
        labels = {"image_size": "Image size", "classes": "Classes"}
        raise ConfigError(labelled(error, error.field, labels[error.field]), error.field) from None
    address.write(f"{prefix}classes", chosen_classes, 10)
    address.write(f"{prefix}image_size", chosen_size, card.input_shape[1])
    return (chosen_channels, chosen_size, chosen_size), chosen_classes


def _control(option: Option, key: str) -> Any:
    if option.type == "bool":
        return st.toggle(option.title, key=key, help=option.help)
    if option.type == "choice":
        return st.selectbox(
            option.title,
            option.choices,
            format_func=lambda choice: words(f"options.{option.name}", choice),
            key=key,
            help=option.help,
        )
    if option.type == "ints":
        return st.text_input(option.title, key=key, help=f"{option.help} Write {option.rule()}.", max_chars=100)
    # Without bounds: Streamlit keeps a number outside them to itself, and the table would not be of what stands above it.
    step, pattern = (1, None) if option.type == "int" else (0.05, "%g")
    return st.number_input(option.title, step=step, format=pattern, key=key, help=f"{option.help} Allowed: {option.rule()}.")


def _shown(option: Option, value: OptionValue) -> Any:
    """The value as its widget holds it."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def _square(size: int | str) -> str:
    return f"{size} × {size}" if isinstance(size, int) else size
