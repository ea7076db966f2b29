"""The image as the network sees it, with the receptive field as a frame, and what the network takes it for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path

import streamlit as st

from cnnlab.i18n import _
from cnnlab.inside_values import InsideLayer, Seen
from cnnlab.text import confidence_text, shape_text
from pages._parts.inside.choice import Chosen
from pages._parts.inside.downloads import picture_ways, pixels_button
from pages._parts.inside.words import image_words, moved_sentence
from pages._parts.markdown import escaped

_STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle on an image of `sides` (height and width), in its pixels; it can reach beyond the image."""

    top: int
    left: int
    height: int
    width: int
    sides: tuple[int, int]

    @property
    def clipped(self) -> tuple[int, int, int, int]:
        """Top, left, bottom and right of what lies on the image."""
        high, wide = self.sides
        return max(0, self.top), max(0, self.left), min(high, self.top + self.height), min(wide, self.left + self.width)


def centre_of(layer: InsideLayer) -> tuple[int, int]:
    """The row and column in the middle of a layer's output; of an even number of them, the one after the middle."""
    return (layer.output_shape[1] // 2, layer.output_shape[2] // 2) if layer.is_map else (0, 0)


def field_of(layer: InsideLayer, sides: tuple[int, int], place: tuple[int, int]) -> Frame | None:
    """The receptive field of one value of a layer; None where it is unknown, or where a flat output has no place on the image."""
    sight = layer.sight
    if sight is None or len(sight.size) != 2 or (not layer.is_map and sight.size[0] < sides[0]):
        return None
    top, left = (first + jump * at for first, jump, at in zip(sight.first, sight.jump, place, strict=True))
    return Frame(top, left, sight.size[0], sight.size[1], sides)


def field_sentence(layer: InsideLayer, frame: Frame | None, place: tuple[int, int]) -> str:
    """What the frame shows."""
    if frame is None:
        if layer.sight and len(layer.sight.size) == 2:
            text = _("Each value of **{layer}** sees {size} pixels of the input, each at a place of its own.")
            return text.format(layer=escaped(layer.path), size=shape_text(layer.sight.size))
        return _("How many pixels a value of **{layer}** sees is not known.").format(layer=escaped(layer.path))
    top, left, bottom, right = frame.clipped
    if not layer.is_map:
        return _("Each value of **{layer}** sees the whole image.").format(layer=escaped(layer.path))
    size = (frame.height, frame.width)
    if (top, left, bottom, right) == (0, 0, *frame.sides):
        text = _(
            "**Frame:** the value of {layer} in row {row}, column {column} sees the whole image (its receptive field is {size} "
            "pixels)."
        )
    else:
        text = _(
            "**Frame:** the receptive field of {layer} in row {row}, column {column}: the {size} pixels of the input that this "
            "value depends on."
        )
        if (bottom - top, right - left) != size:
            text += _(" The frame is cut at the edge; beyond it lies padding, and {rest} pixels remain.")
    rest = shape_text((bottom - top, right - left))
    return text.format(layer=escaped(layer.path), row=place[0] + 1, column=place[1] + 1, size=shape_text(size), rest=rest)


def draw_picture(chosen: Chosen, frame: Frame | None) -> None:
    """Draws the image and the answer."""
    classes, seen, look = chosen.classes, chosen.seen, chosen.look
    answer = answer_of(seen)
    guess, sure = classes[answer], confidence_text(seen.probabilities[answer])
    truth = "" if seen.label is None else classes[seen.label]
    image = image_words(look)
    if look.right or look.down:
        image = _("{image}, moved {way}").format(image=image, way=moved_sentence(look))
    alt = (
        _("{image}: {truth}, predicted {name}, {sure} sure{frame}") if truth else _("{image}: predicted {name}, {sure} sure{frame}")
    )
    marked = _("; a frame marks a receptive field") if frame else ""
    st.html(framed_html(seen.picture, alt.format(image=image, truth=truth, name=guess, sure=sure, frame=marked), frame))
    right = "" if seen.label is None else "✓ " if seen.label == answer else "✗ "
    known = (
        _("**{name}**, {sure} sure. True class: **{truth}**.")
        if truth
        else _("**{name}**, {sure} sure. Only you know its true class.")
    )
    st.markdown(
        right + known.format(name=escaped(guess), sure=sure, truth=escaped(truth)),
        help=_("The class with the highest probability, by the weights that are chosen above."),
    )


def draw_beneath(chosen: Chosen, layer: InsideLayer | None, place: tuple[int, int], frame: Frame | None) -> None:
    """Draws the sentence about the frame, and the way to save the image."""
    if layer:
        st.caption(field_sentence(layer, frame, place))
    with st.container(horizontal=True):
        picture_ways(
            _("Image"), chosen.seen.picture, partial(chosen.file, "image"), image_words(chosen.look),
            help=_("The image's own pixels, moved if you have moved it."),
        )  # fmt: skip
        pixels_button(chosen.seen.picture, chosen.file("image", "csv"))


def answer_of(seen: Seen) -> int:
    """The class that the network takes the image for."""
    return max(range(len(seen.probabilities)), key=seen.probabilities.__getitem__)


def framed_html(picture: str, alt: str, frame: Frame | None, *, small: bool = False) -> str:
    """A picture with a frame on it."""
    mark = ""
    if frame:
        top, left, bottom, right = frame.clipped
        high, wide = frame.sides
        style = (
            f"top: {100 * top / high:.2f}%; left: {100 * left / wide:.2f}%; "
            f"height: {100 * (bottom - top) / high:.2f}%; width: {100 * (right - left) / wide:.2f}%"
        )
        mark = f'<span style="{style}"></span>'
    kind = "cnn-framed cnn-small" if small else "cnn-framed"
    return f'<style>{_STYLE}</style><div class="{kind}"><img src="{escape(picture)}" alt="{escape(alt)}">{mark}</div>'
