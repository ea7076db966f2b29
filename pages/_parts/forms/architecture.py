"""Controls for a network: architecture, options and input, derived from the architectures' cards.

Their names in the address, on every page that uses this form:
    architecture=vgg           the card's name
    depth=16, activation=relu  each option under its own name, as in the command line's `--set`; one whose name is also a
                               setting of a run (LeNet's `channels`) is `options.channels`, as in error messages
    channels=3, image_size=64, classes=10
A second form on the same page puts a prefix before each name (`compare=vgg&compare.depth=16`).
Widget keys contain the architecture (`design:vgg:depth`), so that one network's option never becomes another's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from cnnlab.architectures import Card, Option, OptionValue, Shape
from cnnlab.architectures.own import Network
from cnnlab.config import MAXIMUM_IMAGE_SIZE, RunConfig
from cnnlab.config_words import CHOICES, words
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, _, ngettext, translated
from pages._parts.address import Address, whole_number
from pages._parts.heading import with_terms
from pages._parts.language import in_links
from pages._parts.markdown import escaped, labelled
from pages._parts.one_choice import one_choice

IMAGE_SIZES = (28, 32, 48, 64, 96, 128, 224)
MAXIMUM_CLASSES = 1000
CUSTOM = "custom"  # the architecture whose rows a user makes
ACROSS = 4  # controls side by side


def option_key(option: Option) -> str:
    """The name of an option in the address."""
    return f"options.{option.name}" if option.name in RunConfig.model_fields else option.name


def setting_key(card: Card, setting: str, *, scope: str) -> str:
    """The key of a widget: of an option by its name, of "input channels", "image_size" or "classes"."""
    return f"{scope}:{card.name}:{'image size' if setting == 'image_size' else setting}"


def default_of(card: Card, field: str) -> Any:
    """What the widget of a ConfigError's field holds at first; None where there is no such widget."""
    if field in ("image_size", "classes"):
        return {"image_size": card.input_shape[1], "classes": 10}[field]
    return next((typed(option.default) for option in card.options if field == f"options.{option.name}"), None)


def link_parameters(card: Card, options: Mapping[str, OptionValue]) -> dict[str, str]:
    """The query parameters that open a page with this network, without defaults."""
    # A network is named always: the default one may be another in a later version.
    changed = {
        option_key(o): o.write(options[o.name])
        for o in card.options
        if options.get(o.name, o.default) != o.default or (o.type == "network" and o.name in options)
    }
    return {"architecture": card.name, **changed}


def pick_architecture(cards: Sequence[Card], address: Address, *, scope: str, use_address: bool = True) -> Card:
    """A list of the architectures. `scope` keeps this form's widgets apart from those of others."""
    by_name = {card.name: card for card in cards}
    titles = {card.name: f"{card.title} ({card.year})" if card.family else translated(card.title) for card in cards}
    chosen = one_choice(
        _("Architecture"), f"{scope}:architecture", "architecture", titles, address, default="lenet", as_list=True,
        use_address=use_address, help=_("The kind of network, in the order of the course; ResNet-9 is an extra."),
    )  # fmt: skip
    return by_name[chosen]


def pick_options(
    card: Card, address: Address, *, scope: str, prefix: str = "", name: str = "architecture", default: str = "lenet",
    across: int = ACROSS,
) -> dict[str, Any]:  # fmt: skip
    """A control for each option of the card. Raises ConfigError for an invalid value, after all controls are drawn.

    `name` and `default` are those of the architecture's list: options in the address belong to the architecture named there.
    """
    own = (address.text(name) or default) == card.name
    values: dict[str, Any] = {}
    invalid: ConfigError | None = None
    columns: list[Any] = []
    for index, option in enumerate(card.options):
        key, link = setting_key(card, option.name, scope=scope), prefix + option_key(option)
        if index % across == 0:
            columns = st.columns(across, vertical_alignment="bottom")
        with columns[index % across]:
            address.initialise(key, link, typed(option.default), lambda text, o=option: typed(o.parse(text)), use_address=own)
            chosen = option_control(option, key)
        try:
            values[option.name] = option.parse(chosen) if option.type == "ints" else option.check(chosen)
        except ConfigError as error:
            invalid = invalid or ConfigError(labelled(error, option.name, option.title), error.field)
            address.preserve(link)
        else:
            address.write(link, option.write(values[option.name]), option.write(option.default))
    if invalid:
        raise invalid
    return values


def pick_input(
    card: Card, address: Address, *, scope: str, prefix: str = "", name: str = "architecture", default: str = "lenet",
    across: int = 3,
) -> tuple[Shape, int]:  # fmt: skip
    """The input shape and the number of classes. Raises ConfigError for an invalid value, after all controls are drawn."""
    own = (address.text(name) or default) == card.name
    channels, size, classes = (setting_key(card, field, scope=scope) for field in ("input channels", "image_size", "classes"))
    first, second, *others = st.columns(across, vertical_alignment="bottom")
    third = others[0] if others else st.columns(across, vertical_alignment="bottom")[0]

    counts = {count: words("channels", count) for count in CHOICES["channels"]}
    chosen_channels = one_choice(
        _("Image channels"), channels, f"{prefix}channels", counts, address, default=card.input_shape[0],
        use_address=own, as_list=True, place=first,
        help=_("A pixel of a grey image is one number; a pixel of a colour image is three: red, green and blue."),
    )  # fmt: skip

    parse_size = whole_number("image_size", 1, MAXIMUM_IMAGE_SIZE)
    address.initialise(size, f"{prefix}image_size", card.input_shape[1], parse_size, use_address=own)
    chosen_size = second.selectbox(
        _("Image size"), sorted({*IMAGE_SIZES, card.input_shape[1]}), key=size, accept_new_options=True, format_func=_square,
        help=_(
            "Height and width in pixels: choose a size, or type a whole number from 1 to {most}. "
            "The course uses {usual} for this network."
        ).format(most=MAXIMUM_IMAGE_SIZE, usual=card.input_shape[1]),
    )  # fmt: skip
    parse_classes = whole_number("classes", 2, MAXIMUM_CLASSES)
    address.initialise(classes, f"{prefix}classes", 10, parse_classes, use_address=own)
    chosen_classes = third.number_input(
        _("Classes"), key=classes, step=1,
        help=_(
            "The number of categories the network distinguishes, which is the number of its outputs. "
            "All data sets here have 10. Allowed: a whole number from 2 to {most:,}."
        ).format(most=MAXIMUM_CLASSES),
    )  # fmt: skip
    try:
        # A typed size is text, such as "64" or "64 × 64".
        image_size = chosen_size if isinstance(chosen_size, int) else parse_size(str(chosen_size).split("×")[0].strip())
        class_count = parse_classes(str(chosen_classes))
    except ConfigError as error:
        address.preserve(f"{prefix}classes")
        address.preserve(f"{prefix}image_size")
        labels = {"image_size": N_("Image size"), "classes": N_("Classes")}
        raise ConfigError(labelled(error, error.field, labels[error.field]), error.field) from None
    address.write(f"{prefix}classes", class_count, 10)
    address.write(f"{prefix}image_size", image_size, card.input_shape[1])
    return (chosen_channels, image_size, image_size), class_count


def option_control(option: Option, key: str, on_change: Callable[[], None] | None = None) -> Any:
    """The control of an option, and what it holds; `st.session_state[key]` holds the value to begin with, as `typed`."""
    title, help_ = translated(option.title), translated(option.help)
    if option.type == "bool":
        return st.toggle(title, key=key, help=with_terms(help_, option.title), on_change=on_change)
    if option.type == "choice":
        return st.selectbox(
            title, option.choices, key=key, help=with_terms(help_, option.title), on_change=on_change,
            format_func=lambda choice: words(f"options.{option.name}", choice),
        )  # fmt: skip
    if option.type == "network":
        return own_network(key)
    if option.type == "ints":
        write = _("{help} Write {rule}.").format(help=help_, rule=translated(option.rule()))
        return st.text_input(title, key=key, help=with_terms(write, option.title), max_chars=100)
    # No bounds: Streamlit would silently replace a number outside them, and the table would not match the input.
    step, pattern = (1, None) if option.type == "int" else (0.05, "%g")
    allowed = _("{help} Allowed: {rule}.").format(help=help_, rule=translated(option.rule()))
    return st.number_input(title, step=step, format=pattern, key=key, help=with_terms(allowed, option.title), on_change=on_change)


def own_network(key: str) -> str:
    """A network of one's own in a form: what it is, and the way to its editor."""
    text: str = st.session_state[key]
    network = Network.read(text)
    rows = ngettext("{count} row", "{count} rows", len(network.layers)).format(count=len(network.layers))
    st.markdown(_("**{network}**, {rows}").format(network=escaped(network.title), rows=rows))
    st.page_link(
        "pages/design.py", label=_("Change its layers on Design"), icon=":material/edit:", width="content",
        query_params={"architecture": CUSTOM, "network": network.token} | in_links(),
    )  # fmt: skip
    return text


def typed(value: OptionValue) -> Any:
    """The value of an option in the form that its widget holds."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def _square(size: int | str) -> str:
    return f"{size} × {size}" if isinstance(size, int) else size
