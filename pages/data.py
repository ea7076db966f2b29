"""Data: what each data set holds, and how to get it."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.datasets import Entry
from cnnlab.datasets.own import OwnSet
from cnnlab.errors import DataError
from cnnlab.i18n import N_, _, translated
from cnnlab.lab import Lab
from cnnlab.text import image_number, size_text
from cnnlab.values import DatasetStatus
from pages._parts.address import Address, one_of
from pages._parts.data.balance import SPLIT_IMAGES, balance
from pages._parts.data.bring import bring_button
from pages._parts.data.checkup import checkup_view
from pages._parts.data.importing import DATASET, VIEW, import_progress
from pages._parts.data.labels import labels_view
from pages._parts.data.own_set import own_set_actions
from pages._parts.download import download_bar, is_running
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.language import in_links
from pages._parts.learn.links import titled
from pages._parts.markdown import escaped, isolated, quoting
from pages._parts.one_choice import class_choice, one_choice
from pages._parts.pager import PER_PAGE, Pager
from pages._parts.shell import enter, fragment, in_words
from pages._parts.versions import versions
from pages._parts.visitor import not_yours

SAMPLE = "sample"
READING = N_("Reading the images. The first time can take half a minute …")
PAGER = Pager("data:page")
PICTURES, CHECKUP, LABELS = "pictures", "checkup", "labels"
Counts = dict[str, tuple[int, ...]]  # images of each class, by split


def show_sample() -> None:
    """Opens the data set that needs no download."""
    st.session_state[DATASET] = SAMPLE
    PAGER.restart()


def pick_dataset(address: Address, entries: dict[str, Entry], place: DeltaGenerator) -> str:
    """Which data set to look at."""
    titles = {name: _("Sample") if name == SAMPLE else entry.title for name, entry in entries.items()}  # short: fits a phone
    own = any(entry.format == "own" for entry in entries.values())  # a list shows what was typed as it is

    def newest(text: str) -> str:
        """A link to an older version of a user's own set opens the newest."""
        base = text.partition(".")[0]
        return one_of("dataset", tuple(titles))(next((name for name in titles if name.partition(".")[0] == base), text))

    return one_choice(
        _("Data set"), DATASET, "dataset", {name: isolated(title) for name, title in titles.items()}, address, default=SAMPLE,
        on_change=PAGER.restart, as_list=own, parse=newest, place=place,
        help=_("Images to train a network on. The sample comes with the lab; the others are downloaded once, or are your own."),
    )  # fmt: skip


def pick_view(address: Address, own: OwnSet | None, place: DeltaGenerator) -> str:
    """The images, what is to be looked at before training, or labels that may be wrong."""
    views = {PICTURES: _("The images"), CHECKUP: _("Check-up")} | ({LABELS: _("Doubtful labels")} if own else {})
    return one_choice(
        _("View"), VIEW, "view", views, address, parse=one_of("view", (PICTURES, CHECKUP, LABELS)), place=place,
        help=_("The images; what is in the data set, and images that are there twice; in your own sets, labels that may be wrong."),
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
        f"{quoting(translated(entry.summary))}  \n{counted}",
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
            ).format(dataset=escaped(entry.title), train=entry.train_images, test=entry.test_images),
            icon=":material/content_cut:",
        )


def origin(lab: Lab, status: DatasetStatus) -> None:
    """Where the data set is from and where its files are."""
    source = _("Source: {source}").format(source=_source(status.entry))
    licence = _("Licence: {licence}").format(licence=translated(status.entry.licence))
    st.caption(f"{whereabouts(lab, status)}  \n{source}  \n{licence}")


def _source(entry: Entry) -> str:
    """For Markdown: addresses are links, but not what a file of a user is called."""
    return quoting(translated(entry.source)) if entry.format == "own" else translated(entry.source)


def train_on_this(entry: Entry, place: DeltaGenerator) -> None:
    """The page's primary button."""
    if place.button(
        _("Train on this"), type="primary", icon=":material/play_arrow:", key="data:train", width="stretch",
        help=_("Opens the Train page with {dataset} chosen.").format(dataset=escaped(isolated(entry.title))),
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
    running = is_running(status.download)

    def state() -> None:
        status = next(status for status in lab.datasets() if status.entry.name == entry.name)
        download = status.download
        if (status.found is not None and not problem) or (running and not is_running(download)):
            st.rerun()
        if download is not None and is_running(download):
            download_bar(download)
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
    splits = {split: translated(text) for split, text in SPLIT_IMAGES.items()}
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
        return {split: lab.class_counts(entry.name, split) for split in SPLIT_IMAGES}


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
        balance(entry, split, counts[split], label)
        if split == "train" and images:
            versions(lab, entry, images[0])


def views(lab: Lab, address: Address, entry: Entry, counts: Counts, place: DeltaGenerator) -> None:
    """What is shown of a data set that is here, and below it what its owner can do."""
    own = lab.own_data.get(entry.name) if entry.format == "own" else None
    refusal = not_yours(own) if own else None
    view = pick_view(address, own, place)
    if view == PICTURES:
        pictures(lab, address, entry, counts)
    else:
        address.preserve("split", "class", "page")
    if view == CHECKUP:
        checkup_view(lab, entry, own)
    if view == LABELS and own:
        labels_view(lab, own, refusal)
    if own:
        own_set_actions(lab, own, refusal)


def main() -> None:
    lab = enter()
    address = Address("data")
    title, bring, action = st.columns([3.2, 1.6, 1.2], vertical_alignment="bottom")
    with title:
        titled(lab, _("Data sets"), "data", anchor=True)
    problems = st.container()  # filled last: each control may find a problem in the address
    with in_words():
        import_progress(lab)
        bring_button(lab, bring)
        which, view = st.columns([4, 3], vertical_alignment="bottom")
        statuses = {status.entry.name: status for status in lab.datasets()}
        status = statuses[pick_dataset(address, {name: status.entry for name, status in statuses.items()}, which)]
        try:
            counts = count(lab, status.entry) if status.found else None
            problem = status.problem
        except DataError as error:  # a copy that looked right until it was read
            counts, problem = None, str(error)
        facts(status, counts)
        if counts is None:
            address.preserve("view", "split", "class", "page")
            missing(lab, status, problem)
        else:
            train_on_this(status.entry, action)
            views(lab, address, status.entry, counts, view)
        origin(lab, status)
    address.flush()
    address.show_problems(problems)


with in_words():
    main()
