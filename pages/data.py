"""Data: what each data set holds, and how to get it."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.datasets import Entry
from cnnlab.errors import DataError
from cnnlab.figures import class_balance_figure
from cnnlab.lab import Lab
from cnnlab.text import image_number, percent, size_text
from cnnlab.values import DatasetStatus
from pages._parts.address import Address
from pages._parts.grid import grid
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.learn.links import titled
from pages._parts.live.plot import live_plot
from pages._parts.markdown import quoting
from pages._parts.one_choice import class_choice, one_choice
from pages._parts.pager import PER_PAGE, Pager
from pages._parts.shell import enter, fragment, in_words
from pages._parts.versions import versions

SAMPLE = "sample"
SPLITS = {"train": "training images", "test": "test images"}
PAGER = Pager("data:page")
Counts = dict[str, tuple[int, ...]]  # images of each class, by split


def show_sample() -> None:
    """Opens the data set that needs no download."""
    st.session_state["data:dataset"] = SAMPLE
    PAGER.restart()


def pick_dataset(address: Address, entries: dict[str, Entry]) -> str:
    """Which data set to look at."""
    titles = {name: "Sample" if name == SAMPLE else entry.title for name, entry in entries.items()}  # short: fits a phone
    return one_choice(
        "Data set", "data:dataset", "dataset", titles, address, default=SAMPLE,
        on_change=PAGER.restart,
        help="Images to train a network on. The sample comes with the lab; the others are downloaded once.",
    )  # fmt: skip


def facts(status: DatasetStatus, counts: Counts | None) -> None:
    """What it is and how large; the numbers of images are those that are here."""
    entry = status.entry
    train, test = (sum(counts["train"]), sum(counts["test"])) if counts else (entry.train_images, entry.test_images)
    colour = "grey" if entry.channels == 1 else "colour"
    st.markdown(
        f"{entry.summary}  \n**{train:,}** training images · **{test:,}** test images · "
        f"{entry.size} × {entry.size} px, {colour} · {len(entry.classes)} classes",
        help="The network learns from the training images. The test images measure its accuracy and are never trained on. "
        "A grey pixel is one number, a colour pixel three.",
    )
    if status.doubt:
        st.warning(f"{quoting(status.doubt)} Accuracies on it cannot be compared with published ones.", icon=":material/help:")
    elif counts and (train, test) != (entry.train_images, entry.test_images):
        st.warning(
            f"This is a part of {entry.title}, which has {entry.train_images:,} training and {entry.test_images:,} test images: "
            "accuracies on it cannot be compared with published ones.",
            icon=":material/content_cut:",
        )


def origin(lab: Lab, status: DatasetStatus) -> None:
    """Where the data set is from and where its files are."""
    st.caption(f"{whereabouts(lab, status)}  \nSource: {status.entry.source}  \nLicence: {status.entry.licence}")


def train_on_this(entry: Entry, place: DeltaGenerator) -> None:
    """The page's primary button."""
    if place.button(
        "Train on this", type="primary", icon=":material/play_arrow:", key="data:train", width="stretch",
        help=f"Opens the Train page with {entry.title} chosen.",
    ):  # fmt: skip
        st.switch_page("pages/train.py", query_params={"dataset": entry.name})


def whereabouts(lab: Lab, status: DatasetStatus) -> str:
    """Where the files are, in words: visitors of a shared lab need not know its folders."""
    if status.found is None:
        return ""
    if status.entry.name == SAMPLE:
        return "Included with the lab; no download needed."
    place = "the lab's own folder" if status.found.is_relative_to(lab.home) else "the folder set in CNNLAB_DATA"
    copy = f" This is a {status.variant}: results differ slightly from those on the original." if status.variant else ""
    return f"On this machine, in {place}.{copy}"


def missing(lab: Lab, status: DatasetStatus, problem: str) -> None:
    """A data set of which this machine has no copy, or with `problem` none to be used: its download, or the sample."""
    entry = status.entry
    running = status.download is not None and status.download.state == "running"

    def state() -> None:
        status = next(status for status in lab.datasets() if status.entry.name == entry.name)
        download = status.download
        if (status.found is not None and not problem) or (running and (download is None or download.state != "running")):
            st.rerun()
        if download is not None and download.state == "running":
            share = download.done_bytes / download.total_bytes if download.total_bytes else 0.0
            st.progress(min(1.0, share), f"Downloading: {size_text(download.done_bytes)} of {size_text(download.total_bytes)}")
            return
        if download is not None and download.state == "failed":
            st.error(download.message, icon=":material/cloud_off:")
        if problem:
            st.warning(quoting(problem), icon=":material/folder_off:")
        elif download is None or download.state != "failed":
            st.info(
                f"{entry.title} is not on this machine yet: download it once, or train on the sample, which is here.",
                icon=":material/cloud_download:",
            )
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
    left, middle, _ = st.columns([1.3, 1, 1], vertical_alignment="bottom")
    split = one_choice(
        "Show", "data:split", "split", SPLITS, address, place=left, on_change=PAGER.restart,
        help="The network learns from training images; test images measure the result.",
    )  # fmt: skip
    label = class_choice(
        "Class", f"data:{entry.name}:class", "class", entry.classes, address, place=middle, on_change=PAGER.restart,
        help="Show images of one class only.", use_address=(address.text("dataset") or SAMPLE) == entry.name,
    )  # fmt: skip
    return split, label


def count(lab: Lab, entry: Entry) -> Counts:
    """The images of each class in both splits, as they are on this machine."""
    with st.spinner("Reading the images. The first time can take half a minute …", show_time=True):
        return {split: lab.class_counts(entry.name, split) for split in SPLITS}


def pictures(lab: Lab, address: Address, entry: Entry, counts: Counts) -> None:
    """A grid of images with their labels; beside it the number of images in each class, and what training does to one image."""
    split, label = pick_part(address, entry)
    total = sum(counts[split]) if label is None else counts[split][label]
    PAGER.initialise(address)
    first = PAGER.offset(total)
    PAGER.write(address)
    with st.spinner("Reading the images. The first time can take half a minute …", show_time=True):
        images = lab.pictures(entry.name, split, PER_PAGE, label=label, offset=first)
    left, beside = st.columns([2.6, 1], gap="medium")
    with left:
        if total:
            PAGER.buttons(total)
        else:
            st.info("There are no images of this class here: choose another class.", icon=":material/search_off:")
        kind = "Training" if split == "train" else "Test"
        titles = [entry.classes[image.label] for image in images]
        image_grid(
            [
                GridItem(image.data_uri, f"{kind} image {image_number(image.index)}: {title}", title)
                for image, title in zip(images, titles, strict=True)
            ],
            size_px=56,
        )
    with beside:
        balance(entry, counts[split], label)
        if split == "train" and images:
            versions(lab, entry, images[0])


def balance(entry: Entry, counts: tuple[int, ...], label: int | None) -> None:
    """The number of images in each class."""
    st.header("Class balance")
    figure = class_balance_figure(entry.classes, counts, label)
    live_plot(figure, key="data:balance", label="Bars: number of images in each class", tools=False)
    st.caption(balance_sentence(entry, counts))
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
    title, action = st.columns([4, 1], vertical_alignment="bottom")
    with title:
        titled(lab, "Data sets", "data", anchor=True)
    problems = st.container()  # filled last: each control may find a problem in the address
    with in_words():
        statuses = {status.entry.name: status for status in lab.datasets()}
        status = statuses[pick_dataset(address, {name: status.entry for name, status in statuses.items()})]
        try:
            counts = count(lab, status.entry) if status.found else None
            problem = status.problem
        except DataError as error:  # a copy that looked right until it was read
            counts, problem = None, str(error)
        facts(status, counts)
        if counts is None:
            address.preserve("split", "class", "page")
            missing(lab, status, problem)
        else:
            train_on_this(status.entry, action)
            pictures(lab, address, status.entry, counts)
        origin(lab, status)
    address.flush()
    address.show_problems(problems)


with in_words():
    main()
