"""What the figures of a layer mean, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from cnnlab.i18n import N_, _, ngettext, translated
from cnnlab.inside_values import InsideLayer, Look, Statistics
from cnnlab.text import image_number, percent, sideways, vertically
from pages._parts.inside.numbers import figure_text
from pages._parts.markdown import escaped

SHOWN = 8  # numbers of silent channels in a sentence
_STEEPEST = {"Sigmoid": N_("a fifth"), "Tanh": N_("a tenth")}  # of the largest slope, at the ends that count as saturated


def statistics_sentences(found: Statistics, layer: InsideLayer) -> list[str]:
    """How the values are distributed, and what is wrong with that."""
    sentences = [
        _("**{count:,} values** from {low} to {high}; mean {mean}, standard deviation {deviation}.").format(
            count=found.count, low=figure_text(found.low), high=figure_text(found.high), mean=figure_text(found.mean),
            deviation=figure_text(found.deviation),
        )
    ]  # fmt: skip
    if layer.kind == "ReLU":
        text = _("**{share} are 0**: this ReLU has cut them off, and for this image no gradient passes through them.")
        sentences.append(text.format(share=percent(found.zeros)))
    elif found.zeros:
        sentences.append(_("**{share} are 0.**").format(share=percent(found.zeros)))
    if found.saturated_low is not None and found.saturated_high is not None:
        sentences.append(_saturated(found.saturated_low, found.saturated_high, layer.kind))
    if layer.kind == "ReLU" or found.silent:
        sentences.append(_silent(found, layer))
    return sentences


def image_words(look: Look) -> str:
    """What the image is called: "Test image 5"."""
    return _("Your own picture") if look.own else _("Test image {number}").format(number=image_number(look.image))


def moved_sentence(look: Look) -> str:
    """Where the image is: "1 pixel to the right and 2 pixels up"."""
    parts = [translated(part) for part in (*sideways(look.right), *vertically(look.down))]
    return _("{several} and {last}").format(several=parts[0], last=parts[1]) if len(parts) > 1 else "".join(parts)


def _saturated(low: float, high: float, kind: str) -> str:
    text = (
        _(
            "**{share} are saturated**: {low} below {first} and {high} above {last}; there the slope is less than {part} of its "
            "largest, so little gradient passes."
        )
        if low + high
        else _("**None are saturated**, below {first} or above {last}.")
    )
    return text.format(
        share=percent(low + high), low=percent(low), high=percent(high), first="0.05" if kind == "Sigmoid" else "−0.95",
        last="0.95", part=translated(_STEEPEST[kind]),
    )  # fmt: skip


def _silent(found: Statistics, layer: InsideLayer) -> str:
    many, total = len(found.silent), found.channels
    if not many:
        text = (
            _("No channel is 0 everywhere, so each of the {count:,} channels says something about this image.")
            if layer.is_map
            else _("No unit is 0 everywhere, so each of the {count:,} units says something about this image.")
        )
        return text.format(count=total)
    names = _listed([f"{channel + 1:,}" for channel in found.silent])
    if layer.is_map:
        text = ngettext(
            "**{count:,} of {total:,} channels is 0 everywhere** (number {names}).",
            "**{count:,} of {total:,} channels are 0 everywhere** (number {names}).",
            many,
        )
        dead = ngettext(
            " It is dead for this image. Look at other images: a channel that is 0 for all of them is dead for good, because no "
            "gradient reaches its weights.",
            " They are dead for this image. Look at other images: a channel that is 0 for all of them is dead for good, because no "
            "gradient reaches its weights.",
            many,
        )
    else:
        text = ngettext(
            "**{count:,} of {total:,} units is 0** (number {names}).",
            "**{count:,} of {total:,} units are 0** (number {names}).",
            many,
        )
        dead = ngettext(
            " It is dead for this image. Look at other images: a unit that is 0 for all of them is dead for good, because no "
            "gradient reaches its weights.",
            " They are dead for this image. Look at other images: a unit that is 0 for all of them is dead for good, because no "
            "gradient reaches its weights.",
            many,
        )
    return text.format(count=many, total=total, names=names) + (dead if layer.kind == "ReLU" else "")


def _listed(names: Sequence[str]) -> str:
    listed, more = ", ".join(names[:SHOWN]), len(names) - SHOWN
    return _("{names} and {count:,} more").format(names=listed, count=more) if more > 0 else listed


def change_sentence(layer: InsideLayer, look: Look, change: float) -> str:
    """How far a layer's output is from that of the image in its place."""
    return _(
        "The image is moved {way}. The output of {layer} changes by **{share}** of its size: the length of the difference, divided "
        "by the length of the output before."
    ).format(way=moved_sentence(look), layer=escaped(layer.path), share=percent(change, 0))
