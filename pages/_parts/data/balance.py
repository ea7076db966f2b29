"""How many images each class of a data set has."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnlab.datasets import Entry
from cnnlab.datasets.location import Split
from cnnlab.figures import class_balance_figure
from cnnlab.i18n import N_, _, translated
from cnnlab.text import percent
from pages._parts.grid import grid
from pages._parts.heading import header
from pages._parts.live.plot import live_plot
from pages._parts.markdown import escaped, isolated

MOST_BARS = 40  # classes; more are a table
LONGEST_BAR = 16  # characters of a class's name beside its bar
SPLIT_IMAGES: dict[Split, str] = {"train": N_("training images"), "test": N_("test images")}


def balance(entry: Entry, split: Split, counts: tuple[int, ...], label: int | None) -> None:
    """The number of images in each class, as bars and as a table."""
    header(N_("Class balance"))
    names = [translated(name) for name in entry.classes]
    if len(names) <= MOST_BARS:
        figure = class_balance_figure(
            [name if len(name) <= LONGEST_BAR else f"{name[: LONGEST_BAR - 1]}…" for name in names], counts, label
        )
        live_plot(figure, key="data:balance", label=_("Bars: number of images in each class"), tools=False)
    st.caption(balance_sentence(entry, split, counts))
    with st.expander(_("Show as a table"), expanded=len(names) > MOST_BARS):
        table = {_("Class"): names, _("Images"): list(counts)}
        grid(table, height="content" if len(names) <= MOST_BARS else 400, width="content")


def balance_sentence(entry: Entry, split: Split, counts: Sequence[int]) -> str:
    """Whether all classes are equally frequent, and how often a constant guess is right; for Markdown."""
    images = translated(SPLIT_IMAGES[split])
    if min(counts) == max(counts):
        return _("Every class has {count:,} {images}, so guessing is right for one in {classes} ({share}).").format(
            count=counts[0], images=images, classes=len(counts), share=percent(1 / len(counts), 0 if len(counts) <= 100 else 1)
        )
    name = escaped(isolated(translated(entry.classes[counts.index(max(counts))])))
    return _("Classes have from {fewest:,} to {most:,} {images}. Always answering “{name}” is right for {share} of them.").format(
        images=images, fewest=min(counts), most=max(counts), name=name, share=percent(max(counts) / sum(counts))
    )
