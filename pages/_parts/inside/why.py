"""The view Why this answer: which places of the image speak for a class, by three methods."""

from __future__ import annotations

from functools import partial

import streamlit as st

from cnnlab.i18n import N_, _, translated
from cnnlab.inside_values import Attribution, InsideLayer, Method
from cnnlab.text import confidence_text, shape_text
from pages._parts.address import Address, whole_number
from pages._parts.inside.choice import Chosen
from pages._parts.inside.downloads import listed, numbers_button, picture_ways
from pages._parts.inside.numbers import figure_text, legend_html
from pages._parts.inside.picture import answer_of, framed_html
from pages._parts.inside.words import image_words
from pages._parts.markdown import escaped
from pages._parts.one_choice import one_choice

METHODS: dict[Method, str] = {
    "grad-cam": N_("Grad-CAM"), "integrated-gradients": N_("Integrated gradients"), "occlusion": N_("Occlusion"),
}  # fmt: skip
PREDICTED = -1
SHOWS: dict[Method, tuple[str, str]] = {
    "grad-cam": (
        N_(
            "**Shows** where the maps of one layer raise the score of the class: each map is weighed by how much it does, and they "
            "are added up."
        ),
        N_("**Does not show** single pixels, for it is as coarse as those maps; nor what speaks against the class."),
    ),
    "integrated-gradients": (
        N_(
            "**Shows** each pixel's share in the score: while a black image is turned into this one in 50 steps, the gradients are "
            "added up. All shares together are the difference of the two scores."
        ),
        N_(
            "**Does not show** what a pixel means: black pixels get nothing, because the comparison is with black; nor shapes, "
            "only pixels."
        ),
    ),
    "occlusion": (
        N_(
            "**Shows** what the score loses when a black patch covers a place: the patch goes over the whole image, and the "
            "network is asked each time."
        ),
        N_(
            "**Does not show** what several places do together, for one is covered at a time; and a black patch is itself "
            "something that the network never saw in training."
        ),
    ),
}
_PLACES = (  # by thirds of the image
    (N_("top left"), N_("top centre"), N_("top right")),
    (N_("middle left"), N_("middle centre"), N_("middle right")),
    (N_("bottom left"), N_("bottom centre"), N_("bottom right")),
)
_MEANING: dict[Method, str] = {
    "grad-cam": N_("how much a place speaks for the class"),
    "integrated-gradients": N_("share in the score: red raises it, blue lowers it; the strongest 1 % have the colours of the ends"),
    "occlusion": N_("loss of score when covered: red places speak for the class, blue ones against it"),
}


def draw_why(chosen: Chosen, address: Address) -> None:
    """Draws the view."""
    classes, seen = chosen.classes, chosen.seen
    guess = answer_of(seen)
    left, right = st.columns([3, 2])
    with left:
        method = one_choice(
            _("Method"), "inside:method", "method", {name: translated(text) for name, text in METHODS.items()}, address,
            help=_(
                "Three ways to ask which places count. Each has its limits, named below the picture; what two of them agree on is "
                "more to be trusted."
            ),
        )  # fmt: skip
    titles = {PREDICTED: _("predicted: {name}").format(name=classes[guess])} | dict(enumerate(classes))
    with right:
        picked = one_choice(
            _("Class"), "inside:class", "class", titles, address,
            parse=whole_number("class", 0, len(classes) - 1), as_list=True,
            help=_("Any class can be asked about, also one that the network did not choose: what speaks for it?"),
        )  # fmt: skip
    target = guess if picked == PREDICTED else picked
    if method == "grad-cam" and not chosen.network.explained:
        st.info(_("This network has no convolution, so Grad-CAM has no maps to weigh. Choose one of the other two methods."))
        return
    with st.spinner(_("Asking the network. The first time, and for large networks, this takes some seconds …"), show_time=True):
        found = chosen.lab.inside.attributed(chosen.look, method, target)
    _draw(chosen, found, classes[target])


def _draw(chosen: Chosen, found: Attribution, name: str) -> None:
    seen, method = chosen.seen, translated(METHODS[found.method])
    alt = _("{image} in grey under the heat map of {method} for {name}: {places}").format(
        image=image_words(chosen.look), method=method, name=name, places=places_sentence(found)
    )
    picture, words = st.columns([5, 6], gap="medium")
    with picture:
        st.html(framed_html(found.picture, alt, None))
        st.html(legend_html(found.low, found.high, translated(_MEANING[found.method])))
    with words:
        st.markdown(
            _("**{name}**: score {score}, probability {share}.").format(
                name=escaped(name), score=figure_text(found.score), share=confidence_text(seen.probabilities[found.target])
            ),
            help=_(
                "The score, or logit, is what the network gives before softmax makes probabilities of the scores of all classes."
            ),
        )
        for text in SHOWS[found.method]:
            st.markdown(translated(text))
        if found.layer:
            st.markdown(layer_sentence(chosen.network.layers, found.layer))
        st.markdown(places_sentence(found))
    with st.container(horizontal=True):
        what = f"{found.method}-{found.target}"
        picture_ways(
            _("Heat map"), found.picture, partial(chosen.file, what),
            _("{image}: {method} for {name}").format(image=image_words(chosen.look), method=method, name=name),
            note=_("Colours from {low} to {high}").format(low=figure_text(found.low), high=figure_text(found.high)),
            help=_("The image with the heat map over it."),
        )  # fmt: skip
        numbers_button(
            _("Numbers as CSV"), lambda: [row[1:] for row in listed(found.values, 0)], chosen.file(what, "csv"),
            header=("row", "column", "value"), help=_("One value for each pixel of the network's input, rounded to six decimals."),
        )  # fmt: skip


def layer_sentence(layers: tuple[InsideLayer, ...], path: str) -> str:
    """Which layer Grad-CAM takes, and why that one."""
    layer = next(layer for layer in layers if layer.path == path)
    channels, height, width = layer.output_shape
    text = (
        _(
            "**Taken at {layer}** ({size}), the last convolution whose output has several places. Later layers no longer say "
            "where; earlier ones have seen less of the image."
        )
        if layer.category == "convolution"
        else _(
            "**Taken at {layer}** ({size}), where the branches of the last convolutions meet whose output has several places. "
            "Later layers no longer say where; earlier ones have seen less of the image."
        )
    )
    return text.format(layer=escaped(path), size=shape_text((channels, height, width)))


def places_sentence(found: Attribution) -> str:
    """The heat map in words: its strongest place, by thirds of the image."""
    values = [(value, row, column) for row, line in enumerate(found.values) for column, value in enumerate(line)]
    value, row, column = max(values, key=lambda each: each[0])
    if value <= 0:
        return _("No place speaks for this class.")
    down, across = 3 * row // len(found.values), 3 * column // len(found.values[0])
    return _("The strongest place is in row {row}, column {column} of {size}: {place}.").format(
        row=row + 1, column=column + 1, size=shape_text((len(found.values), len(found.values[0]))),
        place=translated(_PLACES[down][across]),
    )  # fmt: skip
