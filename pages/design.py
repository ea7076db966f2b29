"""Design: a network's layers, shapes and costs while you change it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from cnnlab.architectures import Card, Shape
from cnnlab.architectures.own import Network
from cnnlab.config import MAXIMUM_IMAGE_SIZE, RunConfig
from cnnlab.config_words import words
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.figures import distribution_sentence
from cnnlab.i18n import N_, _, translated
from cnnlab.lab import Lab
from cnnlab.layers import LayerTable
from cnnlab.text import shape_text
from pages._parts.address import Address, as_text
from pages._parts.builder import current, edit_rows, offer_rows, pick_card
from pages._parts.forms.architecture import default_of, link_parameters, pick_input, pick_options, setting_key, typed
from pages._parts.forms.forecast import forecast_line
from pages._parts.forms.import_weights import import_weights
from pages._parts.forms.published import published_weights
from pages._parts.heading import header
from pages._parts.language import in_links
from pages._parts.layer_views import KeyFigure, key_figures, layer_table_view, metrics_row, ratio_table
from pages._parts.learn.links import titled
from pages._parts.markdown import escaped, quoting
from pages._parts.network_view import draw_comparison, draw_distribution, draw_network
from pages._parts.one_choice import one_choice
from pages._parts.shell import enter, in_words

NOTHING = "nothing"
FIRST, SECOND = "design", "design:compare"  # before the keys of the two networks' controls
CODE = "the code of the network"  # whether it is open
ACROSS = 2  # controls side by side in the narrow column
STYLE = Path(__file__).with_suffix(".css")


@dataclass(frozen=True, slots=True)
class Design:
    """A network as its controls describe it."""

    card: Card
    shape: Shape
    classes: int
    options: dict[str, Any]

    def table(self, lab: Lab, like: Design | None = None) -> LayerTable:
        """Its layers, up to one that fails; with `like`, for the images and classes of that design."""
        source = like or self
        spinner = st.spinner(_("Counting layers; the first time takes a few seconds …"))  # shown after half a second
        return lab.design(self.card.name, source.shape, source.classes, self.options, spinner)

    @property
    def name(self) -> str:
        return self.card.called(self.options)

    @property
    def input(self) -> tuple[Shape, int]:
        return self.shape, self.classes

    @property
    def link(self) -> dict[str, str]:
        """What opens the form of a run with this network, without defaults."""
        link = link_parameters(self.card, self.options)
        values = {"channels": self.shape[0], "image_size": self.shape[1], "classes": self.classes}
        defaults = {"channels": self.card.input_shape[0], "image_size": self.card.input_shape[1], "classes": 10}
        # The size always: without one the training form chooses a smaller network.
        return link | {name: str(value) for name, value in values.items() if name == "image_size" or value != defaults[name]}


def main() -> None:
    lab = enter()
    address = Address("design")
    st.html(STYLE)
    title, action = st.columns([4, 1], vertical_alignment="bottom")
    notes = st.container()  # filled last, because any control may find a problem in the address
    left, right = st.columns([1, 3])
    controls, view = left.container(key="design-controls"), right.container(key="design-view")
    with controls:
        card = pick_card(lab, address)
    with title:
        titled(lab, _("Design a network"), card.name, anchor=True)
    failed: CNNLabError | None = None
    design: Design | None = None
    try:
        with controls:
            design = pick_design(card, address, scope=FIRST, across=ACROSS)
    except CNNLabError as error:
        failed = error
    with controls:
        if design:
            offer_rows(lab, design.card, design.shape, design.classes, design.options)
        second = pick_second(lab, address)
        needs = st.container(key="design-needs")  # filled last: it takes a moment where a network is too large for this machine
    with view:
        complete = show(lab, address, design, second) if design else show_error(card, failed)
    with action.container(key="primary-link-design"):
        st.page_link(
            "pages/train.py", label=_("Train this network"), icon=":material/play_arrow:", width="stretch", disabled=not complete,
            query_params=design.link | in_links() if design and complete else None,
            help=_("Opens the Train page with these settings filled in.") if complete
            else _("This network cannot be trained as it is."),
        )  # fmt: skip
    if design and complete:
        with needs:
            training_needs(lab, design.table(lab))
            published_weights(lab, design.card.name, design.options, key=FIRST)
        with view:
            import_weights(lab, design.card, design.shape, design.options, key=FIRST)
    address.flush(complete=complete)
    address.show_problems(notes)


def pick_design(card: Card, address: Address, *, scope: str, across: int, **form: str) -> Design:
    """Draws the controls of one network. Raises ConfigError for a wrong value, after all controls are drawn."""
    above = st.container()
    try:
        with above:
            shape, classes = pick_input(card, address, scope=scope, across=across, **form)
    finally:
        # Also after a wrong size: a control that is not drawn loses its value.
        if not card.rows:
            options = pick_options(card, address, scope=scope, across=across, **form)
        else:
            options = {"network": current(address).text}
    return Design(card, shape, classes, options)


def pick_second(lab: Lab, address: Address) -> str:
    """The network to put beside the first."""
    titles = {NOTHING: _("none")} | {card.name: card.title for card in lab.architectures()}
    return one_choice(
        _("Compare with another network"), "design:compare", "compare", titles, address, as_list=True,
        help=_("Puts a second network beside this one, below: what each costs, and how much more or less that is."),
    )  # fmt: skip


def show(lab: Lab, address: Address, design: Design, second: str) -> bool:
    """Everything about one network, and a second one if it is chosen; False where it fails."""
    table, card = design.table(lab), design.card
    if not card.rows:
        title = _("**{network}, {year}.**").format(network=card.title, year=card.year)
        st.markdown(f"{title} {translated(card.summary)}", help=card.paper)
        show_failure(table, card, scope=FIRST)
    with st.container(key="design-picture"):  # design.css puts the drawing first on a phone
        if not table.failure:
            metrics_row(table)  # above the drawing, whose height changes with the network
        draw_network(table, design.name, key="design:drawing")
    if card.rows:
        cures = table.failure.cures if table.failure else ()
        sizes = [cure.value for cure in cures if cure.setting == "image_size" and cure.value <= MAXIMUM_IMAGE_SIZE]
        edit_rows(Network.read(design.options["network"]), design.shape, design.classes, sizes)
    st.header(_("Layer by layer"))
    title = _("{network}, input {shape}").format(network=design.name, shape=shape_text(table.input_shape))
    layer_table_view(table, address, title=title, name=card.name, group="design:drawing")
    if table.failure:
        return False
    header(N_("Where the parameters and the work sit"))
    st.markdown(distribution_sentence(table))
    draw_distribution(table, key="design:distribution", group="design:drawing")
    show_code(lab, design)
    if second != NOTHING:
        other_card = next(card for card in lab.architectures() if card.name == second)
        st.header(_("Beside {network}").format(network=other_card.title))
        compare(lab, address, design, other_card)
    return True


def show_code(lab: Lab, design: Design) -> None:
    """The network as PyTorch code, computed when it is opened."""
    place = st.expander(_("Show the code"), icon=":material/code:", key=CODE, on_change="rerun")
    if not place.open:
        return
    with place:
        st.caption(
            _(
                "This network in PyTorch. It runs as it is printed; behind each layer stands the shape of its output for one "
                "image, and its name is the one in the table. The button at the upper right copies it."
            )
        )
        st.code(lab.away.code(design.card.name, design.shape, design.classes, design.options), language="python")


def show_error(card: Card, error: CNNLabError | None) -> bool:
    """A wrong value of a control, and the button that puts its default back."""
    st.error(quoting(translated(error)), icon=":material/error:")
    field = getattr(error, "field", "")
    default = default_of(card, field) if isinstance(error, ConfigError) else None
    if default is not None:
        setting = field.removeprefix("options.")
        label = _("Use {value}").format(value=as_text(default)) if default != "" else _("Use the default")
        _cure_button(label, setting_key(card, setting, scope=FIRST), default)
    return False


def show_failure(table: LayerTable, card: Card, *, scope: str) -> None:
    """Why a network does not fit its images, and a button for each change that makes it fit."""
    if not table.failure:
        return
    st.error(escaped(translated(table.failure.reason)), icon=":material/error:")
    with st.container(horizontal=True):
        for cure in table.failure.cures:
            key = setting_key(card, cure.setting, scope=scope)
            if cure.setting != "image_size":
                option = next(option for option in card.options if option.name == cure.setting)
                value = as_text(cure.value) if option.type != "choice" else words(f"options.{option.name}", cure.value)
                _cure_button(_("{setting}: {value}").format(setting=translated(option.title), value=value), key, typed(cure.value))
            elif cure.value <= MAXIMUM_IMAGE_SIZE:
                _cure_button(_("Use {value}").format(value=f"{cure.value}×{cure.value}"), key, cure.value)


def _cure_button(label: str, key: str, value: Any) -> None:
    st.button(label, icon=":material/build:", key=f"cure {key} {value}", on_click=_set, args=({key: value},))


def _set(values: dict[str, Any]) -> None:
    st.session_state.update(values)


def training_needs(lab: Lab, table: LayerTable) -> None:
    """The forecast of training this network by the first recipe for it, if there is one for as many channels."""
    channels, size, _height = table.input_shape
    rows = table.options.get("network")  # a recipe with a network of rows is one for these rows alone
    known = (preset for preset in lab.presets() if preset.settings["architecture"] == table.architecture)
    own = (preset for preset in known if preset.settings.get("options", {}).get("network") == rows)
    fitting = (preset for preset in own if preset.settings["dataset"] != "sample")
    recipe = min(fitting, key=lambda preset: preset.config().channels != channels, default=None)
    try:
        config = (recipe.config() if recipe else RunConfig.make(architecture=table.architecture)).change(
            options=table.options, channels=channels, image_size=size
        )
    except CNNLabError:
        return  # the size or an option does not fit the recipe's other settings; the Train page says which
    lead = _("Trained as in “{recipe}”:").format(recipe=translated(recipe.title)) if recipe else _("To train it:")
    forecast_line(lab, config, table=table, unasked=False, lead=lead)


def compare(lab: Lab, address: Address, design: Design, card: Card) -> None:
    """The second network, and the two side by side."""
    try:
        with st.expander(_("Settings of the second network"), expanded=True):
            other = pick_design(card, address, scope=SECOND, across=4, prefix="compare.", name="compare", default=NOTHING)
    except CNNLabError as error:
        st.error(quoting(translated(error)), icon=":material/error:")
        return
    table, beside = design.table(lab), other.table(lab)
    names = (design.name, other.name)
    if design.input != other.input:
        unlike(lab, design, other)
    if beside.failure:
        show_failure(beside, card, scope=SECOND)
    else:
        figures_of = [(_input_figure(each), *key_figures(made)) for each, made in ((design, table), (other, beside))]
        st.table(ratio_table(figures_of[0], figures_of[1], names))
        draw_comparison(table, beside, names, key="design:compare bars")
    draw_network(beside, other.name, key="design:second drawing")
    caption = _("B: {network} ({year}). {summary}")
    st.caption(caption.format(network=card.title, year=card.year, summary=translated(card.summary)))


def unlike(lab: Lab, first: Design, second: Design) -> None:
    """Says that the two have different inputs, and offers the input of either, where both networks can take it."""
    st.warning(
        _(
            "A sees {first}, B {second}: the figures below differ for that reason too. Larger images mean more work "
            "and memory in any network. Give both the same input to compare the networks themselves."
        ).format(first=_input(first), second=_input(second)),
        icon=":material/balance:",
    )
    with st.container(horizontal=True):
        for source, target, scope in ((first, second, SECOND), (second, first, FIRST)):
            if target.table(lab, like=source).failure:
                no = _("{network} does not fit {input}.").format(network=target.name, input=_input(source))
                st.caption(no, width="content")
                continue
            values = {"input channels": source.shape[0], "image_size": source.shape[1], "classes": source.classes}
            keys = {setting_key(target.card, name, scope=scope): value for name, value in values.items()}
            st.button(_("Give both {input}").format(input=_input(source)), key=f"same input {scope}", on_click=_set, args=(keys,))


def _input(design: Design) -> str:
    if design.classes == 10:
        return shape_text(design.shape)
    return _("{shape} and {classes} classes").format(shape=shape_text(design.shape), classes=design.classes)


def _input_figure(design: Design) -> KeyFigure:
    channels, height, width = design.shape
    return KeyFigure(
        _("Input"), shape_text(design.shape, spaced=True), channels * height * width, "", as_many=_("{times} times as many values")
    )


with in_words():
    main()
