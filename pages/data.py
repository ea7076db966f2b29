"""Data: what each data set holds, and how to get it."""

from __future__ import annotations

import streamlit as st

from cnnlab.datasets import Entry
from cnnlab.figures import class_balance_figure
from cnnlab.lab import Lab
from cnnlab.text import percent, size_text
from cnnlab.values import DatasetStatus
from pages._parts.address import Address
from pages._parts.grid import grid
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.live.plot import live_plot
from pages._parts.one_choice import class_choice, one_choice
from pages._parts.pager import PER_PAGE, Pager
from pages._parts.shell import enter, fragment, in_words

SAMPLE = "sample"
SPLITS = {"train": "training images", "test": "test images"}
PAGER = Pager("data:page")


def show_sample() -> None:
    """Opens the data set that needs no download."""
    st.session_state["data:dataset"] = SAMPLE
    PAGER.restart()


def pick_dataset(address: Address, entries: dict[str, Entry]) -> str:
    """Which data set to look at."""
    return one_choice(
        "Data set", "data:dataset", "dataset", {name: entry.title for name, entry in entries.items()}, address, default=SAMPLE,
        on_change=PAGER.restart,
        help="Images to train a network on. The sample comes with the lab; the others are downloaded once.",
    )  # fmt: skip


def facts(status: DatasetStatus) -> None:
    """Size, origin and licence."""
    entry = status.entry
    st.markdown(entry.summary)
    colour = "grey" if entry.channels == 1 else "colour"
    values = (
        ("Training images", f"{entry.train_images:,}", "The images that a network learns from."),
        ("Test images", f"{entry.test_images:,}", "Images kept apart: they measure the accuracy and are never trained on."),
        (
            "Image size",
            f"{entry.size} × {entry.size} px, {colour}",
            "Height and width in pixels. A grey pixel is one number, a colour pixel three.",
        ),
        ("Classes", str(len(entry.classes)), "The categories of the images: " + ", ".join(entry.classes) + "."),
    )
    for column, (label, value, help_text) in zip(st.columns([1, 1, 1.4, 0.8]), values, strict=True):
        column.metric(label, value, help=help_text)
    st.caption(f"Source: {entry.source}  \nLicence: {entry.licence}")


def whereabouts(lab: Lab, status: DatasetStatus) -> str:
    """Where the files are, in words: visitors of a shared lab need not know its folders."""
    if status.entry.name == SAMPLE:
        return "Included with the lab; no download needed."
    place = "the lab's own folder" if status.found and status.found.is_relative_to(lab.home) else "the folder set in CNNLAB_DATA"
    copy = f" This is a {status.variant}: results differ slightly from those on the original." if status.variant else ""
    return f"On this machine, in {place}.{copy}"


def missing(lab: Lab, status: DatasetStatus) -> None:
    """A data set that is not on this machine: its download, or the sample instead."""
    entry = status.entry
    running = status.download is not None and status.download.state == "running"

    def state() -> None:
        status = next(status for status in lab.datasets() if status.entry.name == entry.name)
        download = status.download
        if status.found is not None or (running and (download is None or download.state != "running")):
            st.rerun()
        if download is not None and download.state == "running":
            share = download.done_bytes / download.total_bytes if download.total_bytes else 0.0
            st.progress(min(1.0, share), f"Downloading: {size_text(download.done_bytes)} of {size_text(download.total_bytes)}")
            return
        if download is not None and download.state == "failed":
            st.error(download.message, icon=":material/cloud_off:")
        else:
            st.info(f"{entry.title} is not on this machine yet.", icon=":material/cloud_download:")
        size = size_text(sum(file.bytes for file in entry.downloads))
        left, right, _ = st.columns([1, 1, 1])
        word = "Try again" if download is not None else "Download"
        if left.button(
            f"{word} ({size})", type="primary", icon=":material/download:", width="stretch",
            key=f"data:download {entry.name}",
            help="Downloads the files once and verifies them. You can keep working meanwhile.",
        ):  # fmt: skip
            lab.download(entry.name)
            st.rerun()
        right.button(
            "Show the sample instead", icon=":material/photo_library:", on_click=show_sample, width="stretch", key="data:to sample",
            help="A tenth of Fashion-MNIST, included with the lab: no download needed.",
        )  # fmt: skip

    fragment(state, run_every=1 if running else None)()


def pick_part(address: Address, entry: Entry) -> tuple[str, int | None]:
    """The split, and the label of one class or None for all."""
    left, right = st.columns(2, vertical_alignment="bottom")
    split = one_choice(
        "Show", "data:split", "split", SPLITS, address, place=left, on_change=PAGER.restart,
        help="The network learns from training images; test images measure the result.",
    )  # fmt: skip
    label = class_choice(
        "Class", f"data:{entry.name}:class", "class", entry.classes, address, place=right, on_change=PAGER.restart,
        help="Show images of one class only.",
    )  # fmt: skip
    return split, label


def pictures(lab: Lab, address: Address, entry: Entry) -> None:
    """A grid of images with their labels, and the number of images in each class."""
    split, label = pick_part(address, entry)
    with st.spinner("Reading the images. The first time can take half a minute …", show_time=True):
        counts = lab.class_counts(entry.name, split)
        total = sum(counts) if label is None else counts[label]
        PAGER.initialise(address)
        first = PAGER.offset(total)
        PAGER.write(address)
        images = lab.pictures(entry.name, split, PER_PAGE, label=label, offset=first)
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.markdown(f"Images {first + 1:,} to {first + len(images):,} of {total:,}")
    right.button(
        "Show others", icon=":material/navigate_next:", on_click=PAGER.next_or_first, args=(total,), width="stretch",
        disabled=total <= PER_PAGE, help="Shows the next images; after the last ones, the first ones.",
    )  # fmt: skip
    titles = [entry.classes[image.label] for image in images]
    image_grid(
        [GridItem(image.data_uri, f"{title}, image {image.index + 1}", title) for image, title in zip(images, titles, strict=True)]
    )
    st.header("Class balance")
    st.markdown(balance_sentence(entry, counts))
    figure = class_balance_figure(entry.classes, counts, label)
    live_plot(figure, key="data:balance", label="Bars: number of images in each class", tools=False)
    with st.expander("Show as a table"):
        grid({"Class": list(entry.classes), "Images": list(counts)}, height="content", width="content")


def balance_sentence(entry: Entry, counts: tuple[int, ...]) -> str:
    """Whether all classes are equally frequent, and how often a constant guess is right."""
    if min(counts) == max(counts):
        return (
            f"Every class has {counts[0]:,} images, so guessing is right for one in {len(counts)} ({percent(1 / len(counts), 0)})."
        )
    most = counts.index(max(counts))
    return (
        f"Classes have from {min(counts):,} to {max(counts):,} images. "
        f"Always answering “{entry.classes[most]}” is right for {percent(max(counts) / sum(counts))} of them."
    )


def main() -> None:
    lab = enter()
    address = Address("data")
    st.title("Data sets")
    problems = st.container()  # filled last: each control may find a problem in the address
    with in_words():
        statuses = {status.entry.name: status for status in lab.datasets()}
        status = statuses[pick_dataset(address, {name: status.entry for name, status in statuses.items()})]
        facts(status)
        if status.found is None:
            missing(lab, status)
        else:
            st.caption(whereabouts(lab, status))
            pictures(lab, address, status.entry)
    address.flush()
    address.show_problems(problems)


with in_words():
    main()
