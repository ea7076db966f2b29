"""Data: what each data set holds, and how to get it."""

from __future__ import annotations

import streamlit as st

from cnnlab.datasets import Entry
from cnnlab.errors import CNNLabError
from cnnlab.figures import class_balance_figure
from cnnlab.lab import DatasetStatus, Lab
from pages._parts.address import Address, whole_number
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.live.plot import live_plot
from pages._parts.one_choice import one_choice
from pages._parts.run.words import quoting
from pages._parts.shell import enter, fragment, in_words

SAMPLE = "sample"
SPLITS = {"train": "training images", "test": "test images"}
EVERY_CLASS = -1
IN_GRID = 40


def first_page() -> None:
    """Another class or part starts from its beginning."""
    st.session_state["data:page"] = 1


def next_page(pages: int) -> None:
    """The images that follow; after the last come the first again."""
    st.session_state["data:page"] = st.session_state.get("data:page", 1) % pages + 1


def show_sample() -> None:
    """Turns to the data set that is always there."""
    st.session_state["data:dataset"] = SAMPLE
    first_page()


def pick_dataset(address: Address, entries: dict[str, Entry]) -> str:
    """Which data set to look at."""
    return one_choice(
        "Data set", "data:dataset", "dataset", {name: entry.title for name, entry in entries.items()}, address, default=SAMPLE,
        on_change=first_page,
        help="The images that a network can learn from. The sample comes with the lab; the others are fetched once.",
    )  # fmt: skip


def facts(status: DatasetStatus) -> None:
    """Size, origin and licence."""
    entry = status.entry
    st.markdown(entry.summary)
    colour = "gray" if entry.channels == 1 else "colour"
    values = (
        ("Training images", f"{entry.train_images:,}", "The images that the network learns from."),
        ("Test images", f"{entry.test_images:,}", "Images kept back: the network is judged by them, and never learns from them."),
        (
            "Image size",
            f"{entry.size} × {entry.size} px, {colour}",
            "Height and width in pixels; gray has one number a pixel, colour three.",
        ),
        ("Classes", str(len(entry.classes)), "The kinds of things to tell apart: " + ", ".join(entry.classes) + "."),
    )
    for column, (label, value, help_text) in zip(st.columns([1, 1, 1.4, 0.8]), values, strict=True):
        column.metric(label, value, help=help_text)
    st.caption(f"Source: {entry.source}  \nLicence: {entry.licence}")


def whereabouts(lab: Lab, status: DatasetStatus) -> str:
    """Where the files are, in words: visitors of a shared lab need not know its folders."""
    if status.entry.name == SAMPLE:
        return "It comes with the lab: nothing to download."
    place = (
        "the lab's own folder" if status.found and status.found.is_relative_to(lab.home) else "the folder that CNNLAB_DATA names"
    )
    copy = f" This is a {status.variant}: results differ a little from the original's." if status.variant else ""
    return f"On this machine, in {place}.{copy}"


def missing(lab: Lab, status: DatasetStatus) -> None:
    """What to do about a data set that is not on this machine."""
    entry, download = status.entry, status.download
    running = download is not None and download.state == "running"

    def state() -> None:
        current = next(each for each in lab.datasets() if each.entry.name == entry.name)
        news = current.download
        if current.found is not None or (running and (news is None or news.state != "running")):
            st.rerun()
        if news is not None and news.state == "running":
            share = news.done_bytes / news.total_bytes if news.total_bytes else 0.0
            st.progress(min(1.0, share), f"Downloading: {news.done_bytes / 1e6:.1f} of {news.total_bytes / 1e6:.1f} MB")
            return
        if news is not None and news.state == "failed":
            st.error(news.message, icon=":material/cloud_off:")
        else:
            st.info(f"{entry.title} is not on this machine yet.", icon=":material/cloud_download:")
        size = sum(file.bytes for file in entry.downloads) / 1e6
        left, right, _ = st.columns([1, 1, 1])
        word = "Try again" if news is not None else "Download"
        if left.button(
            f"{word} ({size:.0f} MB)", type="primary", icon=":material/download:", width="stretch",
            key=f"data:download {entry.name}",
            help="Fetches the files once and checks them; you can go on working meanwhile.",
        ):  # fmt: skip
            lab.download(entry.name)
            st.rerun()
        right.button(
            "Show the sample instead", icon=":material/photo_library:", on_click=show_sample, width="stretch", key="data:to sample",
            help="Clothes from Fashion-MNIST that come with the lab, so they need no download.",
        )  # fmt: skip

    fragment(state, run_every=1 if running else None)()


def pick_part(address: Address, entry: Entry) -> tuple[str, int]:
    """Training or test images, of one class or of all."""
    left, right = st.columns(2, vertical_alignment="bottom")
    split = one_choice(
        "Show", "data:split", "split", SPLITS, address, place=left, on_change=first_page,
        help="Training images are learned from; test images only judge the result.",
    )  # fmt: skip
    classes = {EVERY_CLASS: "all classes"} | dict(enumerate(entry.classes))
    key = f"data:{entry.name}:class"
    address.initialise(key, "class", EVERY_CLASS, whole_number("class", 0, len(entry.classes) - 1))
    label = right.selectbox(
        "Class",
        list(classes),
        format_func=classes.__getitem__,
        key=key,
        on_change=first_page,
        help="Show images of one class only.",
    )
    address.write("class", label, EVERY_CLASS)
    return split, label


def pictures(lab: Lab, address: Address, entry: Entry) -> None:
    """A grid of images with their labels, and how many there are of each class."""
    split, label = pick_part(address, entry)
    with st.spinner("Reading the images; the first time that can take half a minute …", show_time=True):
        counts = lab.class_counts(entry.name, split)
        of_class = sum(counts) if label == EVERY_CLASS else counts[label]
        pages = max(1, -(-of_class // IN_GRID))
        address.initialise("data:page", "page", 1, whole_number("page", 1, 100_000))
        page = st.session_state["data:page"] = min(st.session_state["data:page"], pages)
        address.write("page", page, 1)
        first = (page - 1) * IN_GRID
        found = lab.pictures(entry.name, split, IN_GRID, label=None if label == EVERY_CLASS else label, offset=first)
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.markdown(f"Images {first + 1:,} to {first + len(found):,} of {of_class:,}")
    right.button(
        "Show others", icon=":material/navigate_next:", on_click=next_page, args=(pages,), width="stretch", disabled=pages == 1,
        help="The next images; after the last come the first again.",
    )  # fmt: skip
    image_grid(
        [
            GridItem(picture.data_uri, f"{entry.classes[picture.label]}, image {picture.index + 1}", entry.classes[picture.label])
            for picture in found
        ]
    )
    st.header("Class balance")
    st.markdown(balance_sentence(entry, counts))
    figure = class_balance_figure(entry.classes, counts, None if label == EVERY_CLASS else label)
    live_plot(figure, key="data:balance", label="Bars: number of images in each class", tools=False)
    with st.expander("The same as a table"):
        st.dataframe({"Class": list(entry.classes), "Images": list(counts)}, hide_index=True, height="content", width="content")


def balance_sentence(entry: Entry, counts: tuple[int, ...]) -> str:
    """Whether all classes are equally frequent, and what that means for guessing."""
    if min(counts) == max(counts):
        return f"Every class has {counts[0]:,} images, so guessing gets one in {len(counts)} right ({100 / len(counts):.0f} %)."
    most = counts.index(max(counts))
    return (
        f"From {min(counts):,} to {max(counts):,} images a class; "
        f"always saying “{entry.classes[most]}” would be right {100 * max(counts) / sum(counts):.1f} % of the time."
    )


def main() -> None:
    lab = enter()
    address = Address("data")
    st.title("Data sets")
    notes = st.container()  # filled last, as every control may find something wrong in the address
    try:
        statuses = {status.entry.name: status for status in lab.datasets()}
        chosen = pick_dataset(address, {name: status.entry for name, status in statuses.items()})
        status = statuses[chosen]
        facts(status)
        if status.found is None:
            missing(lab, status)
        else:
            st.caption(whereabouts(lab, status))
            pictures(lab, address, status.entry)
    except CNNLabError as error:
        st.error(quoting(error), icon=":material/error:")
    for problem in address.problems:
        notes.warning(quoting(problem), icon=":material/link_off:")
    address.flush()


with in_words():
    main()
