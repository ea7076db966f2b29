"""A data set's check-up before training: what is in it, what was left out, and images that are in it more than once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import streamlit as st

from cnnlab.datasets import Entry
from cnnlab.datasets.own import OwnSet
from cnnlab.errors import CNNLabError
from cnnlab.i18n import N_, _, ngettext, together, translated
from cnnlab.lab import Lab
from cnnlab.own_data.checkup import Checkup, Pair, Place
from cnnlab.own_data.values import FITS, few
from cnnlab.palette import RED
from cnnlab.text import image_number, listed, percent
from pages._parts.data.balance import balance_sentence
from pages._parts.grid import grid
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.markdown import escaped, isolated, quoting

MOST_NAMES = 10  # of classes or files in a sentence
PAIR_PX = 150
ICONS = {True: ":material/check:", False: ":orange[:material/warning:]"}  # nothing to look at, and something
PLACES = {"train": N_("training image {number}: {name}"), "test": N_("test image {number}: {name}")}


class Finding(NamedTuple):
    """One sentence of the check-up, for Markdown."""

    sentence: str
    fine: bool = True  # nothing to look at


def checkup_view(lab: Lab, entry: Entry, own: OwnSet | None) -> None:
    """All that is known of the data set; `own` where a user has brought it."""
    try:
        with st.spinner(_("Comparing all images with each other …"), show_time=True):
            found = lab.checking.checkup(entry.name)
    except CNNLabError as error:
        st.error(quoting(translated(error)), icon=":material/error:")
        return
    st.header(_("Before you train"))
    findings = sorted(checked(entry, found, own), key=lambda finding: finding.fine)  # what to look at comes first
    with st.container(gap="xsmall"):
        for finding in findings:
            st.markdown(f"{ICONS[finding.fine]} {finding.sentence}")
    if found.pairs:
        _pairs(entry, found)


def checked(entry: Entry, found: Checkup, own: OwnSet | None) -> Iterator[Finding]:
    """What the check-up says, in order."""
    yield from _classes(entry, found)
    if own is not None:
        yield from _brought(own)
    yield _colour(entry, found)
    yield from _repeated(found)


def _classes(entry: Entry, found: Checkup) -> Iterator[Finding]:
    counts = found.train_counts
    yield Finding(balance_sentence(entry, "train", counts), min(counts) * 5 >= max(counts))
    if sentence := few([translated(name) for name in entry.classes], counts):
        yield Finding(quoting(translated(sentence)), fine=False)
    untested = [
        escaped(isolated(translated(name))) for name, count in zip(entry.classes, found.test_counts, strict=True) if not count
    ]
    if untested:
        yield Finding(_("Without any test image: {names}.").format(names=_some(untested)), fine=False)


def _brought(own: OwnSet) -> Iterator[Finding]:
    brought = own.brought
    sizes = [f"{width} × {height} px ({count:,})" for width, height, count in brought.sizes[:3]]
    if len(brought.sizes) > 3 or brought.other_sizes:
        sizes.append("…")
    if sizes:
        square = all(width == height for width, height, _count in brought.sizes) and not brought.other_sizes
        kept = (
            _("The pictures were {sizes}; they are kept at {size} × {size} px.")
            if square
            else _("The pictures were {sizes}; of each is kept, at {size} × {size} px: {fit}.")
        )
        sentence = kept.format(sizes=listed(sizes), size=own.size, fit=translated(FITS[own.fit]))
        if own.suggested_size and own.suggested_size != own.size:
            sentence = together(sentence, _("Suggested: {size} × {size} px.").format(size=own.suggested_size))
        yield Finding(sentence)
    names = [escaped(isolated(name)) for name in brought.broken_names]
    if brought.broken:
        sentence = ngettext(
            "{count:,} file could not be read and was left out: {names}.",
            "{count:,} files could not be read and were left out: {names}.",
            brought.broken,
        )
        yield Finding(sentence.format(count=brought.broken, names=_some(names, brought.broken)), fine=False)
    else:
        yield Finding(_("Every picture could be read."))
    if brought.ignored:
        sentence = ngettext(
            "{count:,} file that is no picture was left out.",
            "{count:,} files that are no pictures were left out.",
            brought.ignored,
        )
        yield Finding(sentence.format(count=brought.ignored))
    for note in brought.notes:
        yield Finding(quoting(translated(note)))
    if own.test_share is None:
        yield Finding(_("Training and test images are as the file divides them."))
    else:
        drawn = _("{share} of each class are test images, drawn with the seed {seed}.")
        yield Finding(drawn.format(share=percent(own.test_share, 0), seed=own.seed))
    if own.set_aside:
        sentence = ngettext("{count:,} image is set aside.", "{count:,} images are set aside.", len(own.set_aside))
        yield Finding(sentence.format(count=len(own.set_aside)))


def _colour(entry: Entry, found: Checkup) -> Finding:
    if entry.channels == 1:
        return Finding(_("All images are grey."))
    total = sum(found.train_counts)
    if found.colourless == total:
        return Finding(
            _("All training images are stored in colour, but none has any: imported again as grey, they train faster."), fine=False
        )
    if found.colourless:
        sentence = ngettext(
            "{count:,} of {total:,} training images has no colour.", "{count:,} of {total:,} training images have no colour.",
            found.colourless,
        )  # fmt: skip
        return Finding(sentence.format(count=found.colourless, total=total))
    return Finding(_("All images are in colour."))


def _repeated(found: Checkup) -> Iterator[Finding]:
    same, near = found.same, found.near
    if same.across:
        sentence = ngettext(
            "{count:,} test image is also a training image, pixel by pixel: the network has seen the answer, and the test accuracy "
            "is too high.",
            "{count:,} test images are also training images, pixel by pixel: the network has seen the answers, and the test "
            "accuracy is too high.",
            same.across,
        )  # fmt: skip
        yield Finding(sentence.format(count=same.across), fine=False)
    if within := same.training + same.test:
        sentence = ngettext(
            "{count:,} image repeats another one of its part, pixel by pixel.",
            "{count:,} images repeat another one of their part, pixel by pixel.",
            within,
        )
        yield Finding(sentence.format(count=within), fine=False)
    if not (same.across or within):
        yield Finding(_("No image is there twice, pixel by pixel."))
    if near.across:
        sentence = ngettext(
            "{count:,} test image looks almost like a training image.", "{count:,} test images look almost like a training image.",
            near.across,
        )  # fmt: skip
        yield Finding(sentence.format(count=near.across), fine=near.across * 100 <= sum(found.test_counts))
    if alike := near.training + near.test:
        sentence = ngettext(
            "{count:,} image looks almost like another one of its part.",
            "{count:,} images look almost like another one of their part.",
            alike,
        )
        yield Finding(sentence.format(count=alike))
    if not (near.across or alike):
        yield Finding(
            _("No two images look almost the same.") if found.complete else _("No two images that look almost the same were found.")
        )
    if not found.complete:
        yield Finding(_("In a data set of this size, about half of the pairs that look almost the same are found."))
    if found.almost:
        yield Finding(_("The pictures of this data set are all much alike, so only almost identical ones were counted."))
    if other := same.other_label + near.other_label:
        sentence = ngettext(
            "{count:,} pair shows the same with different labels: one of them may be wrong.",
            "{count:,} pairs show the same with different labels: one of each may be wrong.",
            other,
        )
        yield Finding(sentence.format(count=other), fine=False)
    if found.compared < found.images:
        sentence = _("For this, {compared:,} of the {images:,} images were compared, evenly spread.")
        yield Finding(sentence.format(compared=found.compared, images=found.images))


def _pairs(entry: Entry, found: Checkup) -> None:
    """The pairs as pictures, and as a table."""
    st.header(_("Pairs that show the same"))
    if found.all_pairs > len(found.pairs):
        st.caption(
            _("The first {count} of {total:,}, the most harmful first.").format(count=len(found.pairs), total=found.all_pairs)
        )
    image_grid([_pair_item(entry, pair) for pair in found.pairs], PAIR_PX, pairs=True)
    with st.expander(_("Show as a table")):
        grid(
            {
                _("One"): [_where(entry, pair.first) for pair in found.pairs],
                _("The other"): [_where(entry, pair.second) for pair in found.pairs],
                _("Why it matters"): [_matters(pair) for pair in found.pairs],
            }
        )  # fmt: skip


def _pair_item(entry: Entry, pair: Pair) -> GridItem:
    names = list(dict.fromkeys(isolated(translated(entry.classes[each.label])) for each in (pair.first, pair.second)))
    alt = _("{one}; {other}").format(one=_where(entry, pair.first), other=_where(entry, pair.second))
    harmful = pair.other_label or pair.across
    return GridItem(
        pair.data_uri, alt, " / ".join(names), detail=_matters(pair), frame=RED if harmful else "", sign="!" if harmful else ""
    )


def _where(entry: Entry, place: Place) -> str:
    name = isolated(translated(entry.classes[place.label]))
    return translated(PLACES[place.split]).format(number=image_number(place.index), name=name)


def _matters(pair: Pair) -> str:
    if pair.other_label:
        return _("different labels")
    if pair.across:
        return _("trained on and tested on")
    return _("same pixels") if pair.exact else _("almost the same")


def _some(names: list[str], total: int | None = None) -> str:
    """The first of them; a sign where there are more."""
    shown = names[:MOST_NAMES]
    return listed([*shown, "…"] if (total or len(names)) > len(shown) else shown)
