"""Where a network of one's own begins: a template, a family with all its layers, a saved network, or a file."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cnnlab.architectures import Card, Shape
from cnnlab.architectures.own import Network
from cnnlab.architectures.own.network import MOST_TEXT
from cnnlab.architectures.own.templates import TITLES, template
from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, ngettext, translated
from cnnlab.lab import Lab
from pages._parts.builder import state
from pages._parts.markdown import escaped, quoting

_FAMILY = "family:"
OPEN = "design:own sources"


def pick_source(lab: Lab) -> None:
    """The ways to begin with other rows; the ones before come back with Undo."""
    with st.expander(_("Begin with …"), icon=":material/folder_open:", key=OPEN, on_change="rerun") as place:
        pass
    if not place.open:
        return
    with place:
        _templates(lab)
        _saved(lab)
        _file()


def _templates(lab: Lab) -> None:
    titles = {name: translated(title) for name, title in TITLES.items()}
    families = (card for card in lab.architectures() if card.family)
    titles |= {f"{_FAMILY}{card.name}": _("{network}, all its layers").format(network=card.title) for card in families}
    name = st.selectbox(
        _("Template or family"), list(titles), key="design:own source", format_func=titles.__getitem__,
        help=_("A family is written out row by row, with its usual settings; its blocks stay one row each."),
    )  # fmt: skip
    st.button(
        _("Use these rows"), icon=":material/input:", key="design:own use", width="stretch", on_click=_use, args=(lab, name),
        help=_("Puts them into the editor in place of the rows there, which Undo brings back."),
    )  # fmt: skip
    if reason := state.refused("source"):
        st.error(quoting(translated(reason)), icon=":material/error:")


def _use(lab: Lab, name: str) -> None:
    if not name.startswith(_FAMILY):
        chosen = template(name)
        state.show(chosen.named(translated(chosen.title)), 0)
        return
    card = next(each for each in lab.architectures() if each.name == name.removeprefix(_FAMILY))
    write_out(lab, card, card.input_shape, 10, card.settings())


def write_out(lab: Lab, card: Card, shape: Shape, classes: int, options: dict[str, Any]) -> bool:
    """Puts a family's network into the editor, with its images; to be called before anything is drawn. False where it cannot be."""
    title = _("My {network}").format(network=card.title)
    try:
        network = lab.networks.written_out(card.name, shape, classes, options, title)
    except CNNLabError as error:
        state.refuse("source", str(error))
        return False
    state.show(network, 0)
    for setting, value in (("input channels", shape[0]), ("image_size", shape[1]), ("classes", classes)):
        st.session_state[state.setting(setting)] = value
    return True


def _saved(lab: Lab) -> None:
    every = {saved.id: saved for saved in lab.networks.every()}
    if not every:
        st.caption(_("No network is saved here yet."))
        return
    titles = {}
    for saved in every.values():
        owner = lab.networks.shown(saved.owner)
        titles[saved.id] = (
            _("{network} ({owner})").format(network=saved.network.title, owner=owner) if owner else saved.network.title
        )
    chosen = st.selectbox(
        _("Saved networks"), list(every), key="design:own saved", format_func=titles.__getitem__,
        help=_("Networks that people saved in this lab, the newest first."),
    )  # fmt: skip
    saved = every[chosen]
    rows = ngettext("{count} row", "{count} rows", len(saved.network.layers)).format(count=len(saved.network.layers))
    with st.container(horizontal=True):
        st.button(
            _("Open"), icon=":material/folder_open:", key="design:own open", on_click=state.show, args=(saved.network, 0),
            help=_("Puts its {rows} into the editor.").format(rows=rows),
        )  # fmt: skip
        if st.button(
            _("Delete"), icon=":material/delete:", key="design:own delete",
            help=_("Deletes {network} from the lab; runs of it stay.").format(network=escaped(saved.network.title)),
        ):  # fmt: skip
            try:
                lab.networks.delete(saved)
            except CNNLabError as error:
                st.error(quoting(translated(error)), icon=":material/error:")
            else:
                st.rerun()


def _file() -> None:
    given = st.file_uploader(
        _("A network in JSON"), type="json", key="design:own file", max_upload_size=1,
        help=_("A file that was saved here, or written by hand in the same form."),
    )  # fmt: skip
    taken = st.session_state.get("design:own file taken")
    if given is None or given.file_id == taken:
        return
    st.session_state["design:own file taken"] = given.file_id
    try:
        network = Network.read(given.read(4 * MOST_TEXT + 1).decode("utf-8-sig", "replace"))
    except CNNLabError as error:
        st.error(quoting(translated(error)), icon=":material/error:")
        return
    state.show(network, 0)
    st.rerun()
