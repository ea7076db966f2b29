"""Design: a network's layers, shapes and costs while you change it."""

from __future__ import annotations

import streamlit as st

from cnnlab import figures
from cnnlab.architectures import Card
from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError
from cnnlab.lab import Lab
from cnnlab.layers import LayerTable
from pages._parts.address import Address
from pages._parts.forms.architecture import link_parameters, pick_architecture, pick_input, pick_options
from pages._parts.forms.forecast import forecast_line
from pages._parts.layer_views import key_figures, layer_table_view, metrics_row, ratio_table
from pages._parts.live.plot import live_plot
from pages._parts.markdown import quoting
from pages._parts.one_choice import one_choice
from pages._parts.shell import enter, in_words

NOTHING = "nothing"


def draw(table: LayerTable, title: str, key: str) -> None:
    """The boxes of one network."""
    live_plot(figures.network_figure(table), key=key, label=f"{title} drawn as boxes from input to output", tools=False)


def design(lab: Lab, address: Address, *, second: bool = False) -> tuple[Card, dict[str, str], LayerTable]:
    """Draws the controls of one network; returns its card, the link that trains it, and its table.

    Raises CNNLabError where the combination cannot work, after all controls are drawn.
    """
    if second:
        card = next(card for card in lab.architectures() if card.name == st.session_state["design:compare"])
        form = {"scope": "design:compare", "prefix": "compare.", "name": "compare", "default": NOTHING}
        place = st.container()
    else:
        left, place = st.columns([2, 3], vertical_alignment="bottom")
        with left:
            card = pick_architecture(lab.architectures(), address, scope="design")
        form = {"scope": "design"}
    below = st.container()
    try:
        with place:
            shape, classes = pick_input(card, address, **form)
    finally:
        # Also after a wrong size: a control that is not drawn loses its value.
        with below:
            options = pick_options(card, address, **form)
    link = link_parameters(card, options)
    link |= {} if shape[0] == card.input_shape[0] else {"channels": str(shape[0])}
    link["image_size"] = str(shape[1])  # always: without a size the training form chooses a smaller network
    with st.spinner("Counting layers; the first time takes a few seconds …"):  # shown after half a second
        return card, link, lab.layers(card.name, shape, classes, options)


def pick_second(lab: Lab, address: Address) -> str:
    """The network to put beside the first."""
    titles = {NOTHING: "no other network"} | {card.name: card.title for card in lab.architectures()}
    return one_choice(
        "Compare with", "design:compare", "compare", titles, address, as_list=True,
        help="Puts a second network beside this one: what each costs, and how much more or less that is.",
    )  # fmt: skip


def main() -> None:
    lab = enter()
    address = Address("design")
    title, action = st.columns([4, 1], vertical_alignment="bottom")
    title.title("Design a network")
    notes = st.container()  # filled last, because any control may find a problem in the address
    try:
        with st.container(border=True):
            card, link, table = design(lab, address)
    except CNNLabError as error:
        st.error(quoting(error), icon=":material/error:")
        complete = False
    else:
        action.page_link(
            "pages/train.py", label="**Train this network**", icon=":material/play_arrow:", query_params=link, width="stretch",
            help="Opens the Train page with these settings filled in.",
        )  # fmt: skip
        show(lab, address, card, table)
        complete = True
    address.flush(complete=complete)
    address.show_problems(notes)


def show(lab: Lab, address: Address, card: Card, table: LayerTable) -> None:
    """Everything about one network, and a second one if it is chosen."""
    st.markdown(f"**{card.title}, {card.year}.** {card.summary}", help=card.paper)
    metrics_row(table)
    draw(table, card.title, "design:drawing")
    st.caption(figures.DRAWING_RULE)
    needs = st.container()  # filled last: it takes a moment where a network is too large for this machine

    st.header("Layer by layer")
    layer_table_view(table, address, name=f"{card.name}-layers.csv")

    st.header("Where the parameters and the work sit")
    st.markdown(figures.distribution_sentence(table))
    live_plot(
        figures.distribution_figure(table), key="design:distribution", tools=False,
        label="Bars: each stage's share of the parameters and of the multiply-accumulates",
    )  # fmt: skip

    st.header("Beside another network")
    left, _ = st.columns([2, 3])
    with left:
        second = pick_second(lab, address)
    if second != NOTHING:
        compare(lab, address, card, table)
    with needs:
        training_needs(lab, table)


def training_needs(lab: Lab, table: LayerTable) -> None:
    """The forecast of training this network by the course's recipe for it."""
    recipes = (preset for preset in lab.presets() if preset.config().architecture == table.architecture)
    recipe = next((preset for preset in recipes if preset.config().dataset != "sample"), None)
    channels, size, _ = table.input_shape
    try:
        config = (recipe.config() if recipe else RunConfig.make(architecture=table.architecture)).change(
            options=table.options, channels=channels, image_size=size
        )
    except CNNLabError:
        return  # the size or an option does not fit the recipe's other settings; the Train page says which
    lead = f"Trained as in “{recipe.title}”: " if recipe else "To train it: "
    forecast_line(lab, config, table=table, unasked=False, lead=lead)


def compare(lab: Lab, address: Address, card: Card, table: LayerTable) -> None:
    """The second network, and the two side by side."""
    try:
        with st.expander("Settings of the second network", expanded=True):
            other_card, _, other = design(lab, address, second=True)
    except CNNLabError as error:
        st.error(quoting(error), icon=":material/error:")
        return
    names = (card.title, other_card.title)
    st.table(ratio_table(key_figures(table), key_figures(other), names))
    live_plot(
        figures.compare_figure(table, other, names), key="design:compare bars", tools=False,
        label=f"Bars: parameters, multiply-accumulates and activation memory of {names[0]} and {names[1]}",
    )  # fmt: skip
    draw(other, other_card.title, "design:second drawing")
    st.caption(f"B: {other_card.title} ({other_card.year}). {other_card.summary}")


with in_words():
    main()
