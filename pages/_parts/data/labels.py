"""Labels that may be wrong: searched by networks that have not seen the image, looked at by a person, and set aside."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from cnnlab.datasets.own import ImageAt, OwnSet
from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, ngettext, together, translated
from cnnlab.lab import Lab
from cnnlab.own_data.checkup import MOST_SUSPECTS, Search
from cnnlab.text import confidence_text, duration_text, image_number, percent
from pages._parts.data.importing import DATASET
from pages._parts.grid import grid
from pages._parts.markdown import quoting
from pages._parts.shell import fragment
from pages._parts.visitor import visitor

POLL_SECONDS = 1.0
TABLE = "data:suspects"
ROW_PX, PICTURE_PX = 56, 72
MOST_ROWS = 500  # with those that are set aside


def labels_view(lab: Lab, own: OwnSet, refusal: str | None) -> None:
    """The search, what it found, and what is set aside. `refusal`: why this visitor cannot change the set."""
    st.header(_("Labels that may be wrong"))
    st.markdown(
        _(
            "Small networks are trained on three quarters of the images each, and asked for the rest. Where they are sure of "
            "another class, the label may be wrong. A person decides: look at each picture, and set aside what is wrong. It is "
            "then neither trained on nor tested on; nothing is deleted."
        )
    )
    try:
        search = lab.checking.search(own.name)
    except CNNLabError as error:
        st.error(quoting(translated(error)), icon=":material/error:")
        return
    running = search is not None and search.state == "running"
    fragment(_search, run_every=POLL_SECONDS if running else None)(lab, own, refusal, running=running)
    suspects = search if search is not None and search.state == "finished" else None
    if suspects:
        _result(suspects, own)
    if (suspects and suspects.suspects) or own.set_aside:
        _table(lab, own, suspects, refusal)


def _search(lab: Lab, own: OwnSet, refusal: str | None, *, running: bool) -> None:
    """The button that begins the search, or how far it is."""
    search = lab.checking.search(own.name)
    if (search is not None and search.state == "running") != running:
        st.rerun()
    if search is not None and running:
        left = duration_text(search.seconds_left) if search.seconds_left is not None else ""
        text = _("Searching: {share} done, about {left} left") if left else _("Searching: {share} done")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.progress(min(1.0, search.done), text.format(share=percent(search.done, 0), left=left))
            _button(
                _("Stop"), "stop", refusal, partial(lab.checking.stop_search, own.name), _("Ends the search; its result is lost.")
            )
        return
    if search is not None and search.state == "failed":
        st.error(quoting(translated(search.message)), icon=":material/error:")
    again = search is not None and search.state == "finished"
    help = _("Takes from half a minute to some minutes on a laptop, in the background: you can keep working.")
    begin = partial(lab.checking.begin_search, own.name)
    _button(_("Search again") if again else _("Search for wrong labels"), "troubleshoot", refusal, begin, help, primary=not again)


def _result(search: Search, own: OwnSet) -> None:
    count = len(search.suspects) - search.less_sure
    more = _less_sure(search.less_sure)
    right = _("{share} of {images:,} images were recognised by networks that had not seen them.").format(
        share=percent(search.accuracy), images=search.images
    )
    total = sum(own.train_counts) + sum(own.test_counts) - len(own.set_aside)
    if search.images < total:
        part = _("The search looked at {images:,} of the {total:,} images: a wrong label may be among the others too.")
        right = together(right, part.format(images=search.images, total=total))
    if not count:
        st.success(together(right, _("No label is contradicted with confidence."), more), icon=":material/check_circle:")
        return
    sentence = ngettext(
        "{count:,} label is contradicted with confidence, of {mistakes:,} mistakes.",
        "{count:,} labels are contradicted with confidence, of {mistakes:,} mistakes.",
        count,
    ).format(count=count, mistakes=search.mistakes)
    most = _("Only the first {most} are listed.").format(most=MOST_SUSPECTS) if count >= MOST_SUSPECTS else ""
    unsure = (search.accuracy or 0) < 0.6
    doubt = _("The networks were often wrong, so most of these labels are probably right.") if unsure else ""
    st.markdown(together(right, sentence, more, most, doubt))


def _less_sure(count: int) -> str:
    """What the last rows of the table are; "" for none."""
    if not count:
        return ""
    return ngettext(
        "The last row of the table is another mistake, of which the networks were less sure.",
        "The last {count} rows of the table are other mistakes, the surest first, of which the networks were less sure.",
        count,
    ).format(count=count)


def _table(lab: Lab, own: OwnSet, search: Search | None, refusal: str | None) -> None:
    """A row an image, to select from; the buttons act on the selection."""
    aside = set(own.set_aside)
    found = {ImageAt(each.split, each.index): each for each in (search.suspects if search else ())}
    places = [*found, *sorted(aside - found.keys())][:MOST_ROWS]
    try:
        pictures = lab.checking.pictures(own.name, places)
    except CNNLabError as error:
        st.error(quoting(translated(error)), icon=":material/error:")
        return
    splits = {"train": _("training"), "test": _("test")}
    suspects = [found.get(place) for place in places]
    rows = {
        "picture": [picture.data_uri for picture in pictures],
        _("Label"): [own.classes[picture.label] for picture in pictures],
        _("Networks say"): [own.classes[each.predicted] if each else "" for each in suspects],
        _("Sure"): [confidence_text(each.confidence, 0) if each else "" for each in suspects],
        _("Used"): [_("set aside") if place in aside else _("yes") for place in places],
        _("Image"): [f"{splits[place.split]} {image_number(place.index)}" for place in places],
        _("File"): [picture.file for picture in pictures],
    }
    st.caption(_("Select rows by the boxes on the left, then press a button below. Numbers are those of the imported set."))
    picked = grid(
        rows, key=f"{TABLE} {own.name}", on_select="rerun", selection_mode="multi-row", row_height=ROW_PX, height=460,
        column_config={"picture": st.column_config.ImageColumn(_("Picture"), width=PICTURE_PX)},
        alt=_("Images whose labels may be wrong"),
    )  # fmt: skip
    chosen = [places[row] for row in picked["selection"]["rows"] if row < len(places)]
    to_leave, to_use = [each for each in chosen if each not in aside], [each for each in chosen if each in aside]
    with st.container(horizontal=True):
        leave, use = partial(lab.own_data.set_aside, own.name, to_leave), partial(lab.own_data.take_back, own.name, to_use)
        nothing = _("Select images in the table first.")
        _button(
            _("Set aside ({count})").format(count=len(to_leave)), "visibility_off", refusal or ("" if to_leave else nothing),
            partial(_change, leave), _("New runs neither train on these images nor test on them. You can take them back."),
        )  # fmt: skip
        _button(
            _("Take back ({count})").format(count=len(to_use)), "visibility", refusal or ("" if to_use else nothing),
            partial(_change, use), _("New runs use these images again."),
        )  # fmt: skip


def _change(action: Callable[..., str]) -> None:
    st.session_state[DATASET] = action(owner=visitor())  # the new version of the set


def _button(label: str, icon: str, refusal: str | None, action: Callable[[], object], help: str, *, primary: bool = False) -> None:
    st.button(
        label, icon=f":material/{icon}:", type="primary" if primary else "secondary", disabled=bool(refusal), help=refusal or help,
        on_click=_attempt, args=(action,), key=f"data:{icon}",
    )  # fmt: skip


def _attempt(action: Callable[[], object]) -> None:
    try:
        action()
    except CNNLabError as error:
        st.toast(quoting(translated(error)), icon=":material/error:", duration="long")
