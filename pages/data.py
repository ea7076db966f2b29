"""Data: what each data set holds, and how to get it."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.datasets import Entry
from cnnlab.errors import DataError
from cnnlab.figures import class_balance_figure
from cnnlab.i18n import N_, _, translated
from cnnlab.lab import Lab
from cnnlab.text import image_number, percent, size_text
from cnnlab.values import DatasetStatus
from pages._parts.address import Address
from pages._parts.grid import grid
from pages._parts.heading import header
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.language import in_links
from pages._parts.learn.links import titled
from pages._parts.live.plot import live_plot
from pages._parts.markdown import quoting
from pages._parts.one_choice import class_choice, one_choice
from pages._parts.pager import PER_PAGE, Pager
from pages._parts.shell import enter, fragment, in_words
from pages._parts.versions import versions

SAMPLE = "sample"
SPLITS = {"train": N_("training images"), "test": N_("test images")}
READING = N_("Reading the images. The first time can take half a minute …")
PAGER = Pager("data:page")
Counts = dict[str, tuple[int, ...]]  # images of each class, by split


def show_sample() -> None:
    """Opens the data set that needs no download."""
    st.session_state["data:dataset"] = SAMPLE
    PAGER.restart()


def pick_dataset(address: Address, entries: dict[str, Entry]) -> str:
    """Which data set to look at."""
    titles = {name: _("Sample") if name == SAMPLE else entry.title for name, entry in entries.items()}  # short: fits a phone
    return one_choice(
        _("Data set"), "data:dataset", "dataset", titles, address, default=SAMPLE,
        on_change=PAGER.restart,
        help=_("Images to train a network on. The sample comes with the lab; the others are downloaded once."),
    )  # fmt: skip


def facts(status: DatasetStatus, counts: Counts | None) -> None:
    """What it is and how large; the numbers of images are those that are here."""
    entry = status.entry
    train, test = (sum(counts["train"]), sum(counts["test"])) if counts else (entry.train_images, entry.test_images)
    colour = _("grey") if entry.channels == 1 else _("colour")
    counted = _("**{train:,}** training images · **{test:,}** test images · {size} px, {colour} · {classes} classes").format(
        train=train, test=test, size=f"{entry.size} × {entry.size}", colour=colour, classes=len(entry.classes)
    )
    st.markdown(
        f"{translated(entry.summary)}  \n{counted}",
        help=_(
            "The network learns from the training images. The test images measure its accuracy and are never trained on. "
            "A grey pixel is one number, a colour pixel three."
        ),
    )
    if status.doubt:
        published = _("Accuracies on it cannot be compared with published ones.")
        st.warning(f"{quoting(translated(status.doubt))} {published}", icon=":material/help:")
    elif counts and (train, test) != (entry.train_images, entry.test_images):
        st.warning(
            _(
                "This is a part of {dataset}, which has {train:,} training and {test:,} test images: "
                "accuracies on it cannot be compared with published ones."
            ).format(dataset=entry.title, train=entry.train_images, test=entry.test_images),
            icon=":material/content_cut:",
        )


def origin(lab: Lab, status: DatasetStatus) -> None:
    """Where the data set is from and where its files are."""
    source = _("Source: {source}").format(source=status.entry.source)
    licence = _("Licence: {licence}").format(licence=translated(status.entry.licence))
    st.caption(f"{whereabouts(lab, status)}  \n{source}  \n{licence}")


def train_on_this(entry: Entry, place: DeltaGenerator) -> None:
    """The page's primary button."""
    if place.button(
        _("Train on this"), type="primary", icon=":material/play_arrow:", key="data:train", width="stretch",
        help=_("Opens the Train page with {dataset} chosen.").format(dataset=entry.title),
    ):  # fmt: skip
        st.switch_page("pages/train.py", query_params={"dataset": entry.name} | in_links())


def whereabouts(lab: Lab, status: DatasetStatus) -> str:
    """Where the files are, in words: visitors of a shared lab need not know its folders."""
    if status.found is None:
        return ""
    if status.entry.name == SAMPLE:
        return _("Included with the lab; no download needed.")
    own = status.found.is_relative_to(lab.home)
    place = _("On this machine, in the lab's own folder.") if own else _("On this machine, in the folder set in CNNLAB_DATA.")
    if not status.variant:
        return place
    copy = _("This is a {copy}: results differ slightly from those on the original.").format(copy=translated(status.variant))
    return f"{place} {copy}"


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
            done = _("Downloading: {done} of {total}")
            st.progress(min(1.0, share), done.format(done=size_text(download.done_bytes), total=size_text(download.total_bytes)))
            return
        if download is not None and download.state == "failed":
            st.error(translated(download.message), icon=":material/cloud_off:")
        if problem:
            st.warning(quoting(translated(problem)), icon=":material/folder_off:")
        elif download is None or download.state != "failed":
            st.info(
                _("{dataset} is not on this machine yet: download it once, or train on the sample, which is here.").format(
                    dataset=entry.title
                ),
                icon=":material/cloud_download:",
            )
        size = size_text(sum(file.bytes for file in entry.downloads))
        left, right, _rest = st.columns([1, 1, 1])
        word = _("Try again ({size})") if download is not None else _("Download ({size})")
        if left.button(
            word.format(size=size), type="primary", icon=":material/download:", width="stretch",
            key=f"data:download {entry.name}",
            help=_("Downloads the files once and verifies them. You can keep working meanwhile."),
        ):  # fmt: skip
            lab.download(entry.name)
            st.rerun()
        right.button(
            _("Show the sample instead"), icon=":material/photo_library:", on_click=show_sample, width="stretch",
            key="data:to sample",
            help=_("A tenth of Fashion-MNIST, included with the lab: no download needed."),
        )  # fmt: skip

    fragment(state, run_every=1 if running else None)()


def pick_part(address: Address, entry: Entry) -> tuple[str, int | None]:
    """The split, and the label of one class or None for all."""
    left, middle, _rest = st.columns([1.3, 1, 1], vertical_alignment="bottom")
    splits = {split: translated(text) for split, text in SPLITS.items()}
    split = one_choice(
        _("Show"), "data:split", "split", splits, address, place=left, on_change=PAGER.restart,
        help=_("The network learns from training images; test images measure the result."),
    )  # fmt: skip
    label = class_choice(
        _("Class"), f"data:{entry.name}:class", "class", entry.classes, address, place=middle, on_change=PAGER.restart,
        help=_("Show images of one class only."), use_address=(address.text("dataset") or SAMPLE) == entry.name,
    )  # fmt: skip
    return split, label


def count(lab: Lab, entry: Entry) -> Counts:
    """The images of each class in both splits, as they are on this machine."""
    with st.spinner(translated(READING), show_time=True):
        return {split: lab.class_counts(entry.name, split) for split in SPLITS}


def pictures(lab: Lab, address: Address, entry: Entry, counts: Counts) -> None:
    """A grid of images with their labels; beside it the number of images in each class, and what training does to one image."""
    split, label = pick_part(address, entry)
    total = sum(counts[split]) if label is None else counts[split][label]
    PAGER.initialise(address)
    first = PAGER.offset(total)
    PAGER.write(address)
    with st.spinner(translated(READING), show_time=True):
        images = lab.pictures(entry.name, split, PER_PAGE, label=label, offset=first)
    left, beside = st.columns([2.6, 1], gap="medium")
    with left:
        if total:
            PAGER.buttons(total)
        else:
            st.info(_("There are no images of this class here: choose another class."), icon=":material/search_off:")
        alt = _("Training image {number}: {title}") if split == "train" else _("Test image {number}: {title}")
        titles = [translated(entry.classes[image.label]) for image in images]
        image_grid(
            [
                GridItem(image.data_uri, alt.format(number=image_number(image.index), title=title), title)
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
    header(N_("Class balance"))
    figure = class_balance_figure([translated(name) for name in entry.classes], counts, label)
    live_plot(figure, key="data:balance", label=_("Bars: number of images in each class"), tools=False)
    st.caption(balance_sentence(entry, counts))
    with st.expander(_("Show as a table")):
        grid(
            {_("Class"): [translated(name) for name in entry.classes], _("Images"): list(counts)}, height="content", width="content"
        )


def balance_sentence(entry: Entry, counts: tuple[int, ...]) -> str:
    """Whether all classes are equally frequent, and how often a constant guess is right."""
    if min(counts) == max(counts):
        return _("Every class has {count:,} images, so guessing is right for one in {classes} ({share}).").format(
            count=counts[0], classes=len(counts), share=percent(1 / len(counts), 0)
        )
    most = counts.index(max(counts))
    return _("Classes have from {fewest:,} to {most:,} images. Always answering “{name}” is right for {share} of them.").format(
        fewest=min(counts), most=max(counts), name=translated(entry.classes[most]), share=percent(max(counts) / sum(counts))
    )


def main() -> None:
    lab = enter()
    address = Address("data")
    title, action = st.columns([4, 1], vertical_alignment="bottom")
    with title:
        titled(lab, _("Data sets"), "data", anchor=True)
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
