"""What the figures of a layer mean, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from cnnlab.inside_values import InsideLayer, Look, Statistics
from cnnlab.text import image_number, percent
from pages._parts.inside.numbers import figure_text
from pages._parts.markdown import escaped

SHOWN = 8  # numbers of silent channels in a sentence
_STEEPEST = {"Sigmoid": "a fifth", "Tanh": "a tenth"}  # of the largest slope, at the ends that count as saturated


def statistics_sentences(found: Statistics, layer: InsideLayer) -> list[str]:
    """How the values are distributed, and what is wrong with that."""
    sentences = [
        f"**{found.count:,} values** from {figure_text(found.low)} to {figure_text(found.high)}; mean {figure_text(found.mean)}, "
        f"standard deviation {figure_text(found.deviation)}."
    ]
    if layer.kind == "ReLU":
        sentences.append(
            f"**{percent(found.zeros)} are 0**: this ReLU has cut them off, and for this image no gradient passes through them."
        )
    elif found.zeros:
        sentences.append(f"**{percent(found.zeros)} are 0.**")
    if found.saturated_low is not None and found.saturated_high is not None:
        sentences.append(_saturated(found.saturated_low, found.saturated_high, layer.kind))
    if layer.kind == "ReLU" or found.silent:
        sentences.append(_silent(found, layer))
    return sentences


def image_words(look: Look) -> str:
    """What the image is called: "Test image 5"."""
    return "Your own picture" if look.own else f"Test image {image_number(look.image)}"


def moved_sentence(look: Look) -> str:
    """Where the image is: "1 pixel to the right and 2 pixels up"."""
    parts = [
        f"{abs(pixels)} pixel{'s' * (abs(pixels) != 1)} {more if pixels > 0 else less}"
        for pixels, less, more in ((look.right, "to the left", "to the right"), (look.down, "up", "down"))
        if pixels
    ]
    return " and ".join(parts)


def _saturated(low: float, high: float, kind: str) -> str:
    ends = ("below 0.05", "above 0.95") if kind == "Sigmoid" else ("below −0.95", "above 0.95")
    meaning = f"there the slope is less than {_STEEPEST[kind]} of its largest, so little gradient passes"
    return (
        f"**{percent(low + high)} are saturated**: {percent(low)} {ends[0]} and {percent(high)} {ends[1]}; {meaning}."
        if low + high
        else f"**None are saturated**, {ends[0]} or {ends[1]}."
    )


def _silent(found: Statistics, layer: InsideLayer) -> str:
    what = "channel" if layer.is_map else "unit"
    if not found.silent:
        return f"No {what} is 0 everywhere, so each of the {found.channels:,} {what}s says something about this image."
    many = len(found.silent)
    names = _listed([f"{channel + 1:,}" for channel in found.silent])
    dead = (
        f" {'It is' if many == 1 else 'They are'} dead for this image. Look at other images: a {what} that is 0 for all of them is "
        "dead for good, because no gradient reaches its weights."
        if layer.kind == "ReLU"
        else ""
    )
    everywhere = " everywhere" if layer.is_map else ""
    return f"**{many:,} of {found.channels:,} {what}s {'is' if many == 1 else 'are'} 0{everywhere}** (number {names}).{dead}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def change_sentence(layer: InsideLayer, look: Look, change: float) -> str:
    """How far a layer's output is from that of the image in its place."""
    return (
        f"The image is moved {moved_sentence(look)}. The output of {escaped(layer.path)} changes by **{percent(change, 0)}** "
        "of its size: the length of the difference, divided by the length of the output before."
    )
