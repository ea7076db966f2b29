"""“Bring your own images”: a file or one of the teacher's data sets, and how a data set is made of it."""

from __future__ import annotations

from pathlib import PurePath

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.access.roles import Role
from cnnlab.errors import CNNLabError
from cnnlab.i18n import N_, _, translated
from cnnlab.lab import Lab
from cnnlab.own_data.values import COLOURS, FITS, LONGEST_TITLE, SUGGESTED_SIZES, Choices, SharedSource
from cnnlab.text import size_text
from pages._parts.markdown import labelled, quoting
from pages._parts.one_choice import choice_in_dialog
from pages._parts.shell import dialog
from pages._parts.visitor import person, visitor

ASKED = "data:bring asked"
STARTED = "data:import started here"  # in the session: this browser opens the set once it is there
UPLOAD, SHARED = "upload", "shared"
ENDINGS = ("zip", "tar", "gz", "tgz", "xz", "npz", "csv")  # for the file dialog; what is read depends on the content
TREE = """flowers.zip
├── daisy
│   ├── 1.jpg
│   ├── 2.jpg
│   └── …
└── rose
    ├── 1.png
    └── …"""
_LABELS = {"title": N_("Title"), "size": N_("Size"), "test_share": N_("Test images"), "seed": N_("Seed"), "colour": N_("Colour")}


def bring_button(lab: Lab, place: DeltaGenerator) -> None:
    """The button, and the dialog while it is open."""
    place.button(
        _("Bring your own images"), icon=":material/add_photo_alternate:", key="data:bring", on_click=_ask, width="stretch",
        help=_("Make a data set of your own pictures: a folder for each class, packed into one file."),
    )  # fmt: skip
    if st.session_state.get(ASKED):
        dialog(_("Bring your own images"), _dialog, icon=":material/add_photo_alternate:", width="large", on_dismiss=_forget)(lab)


def _ask() -> None:
    st.session_state[ASKED] = True


def _forget() -> None:
    st.session_state.pop(ASKED, None)


def _dialog(lab: Lab) -> None:
    shared = {each.name: each for each in lab.own_data.shared()}
    kind = UPLOAD
    if shared:
        titles = {UPLOAD: _("a file of yours"), SHARED: _("the teacher's data sets")}
        kind = choice_in_dialog(
            _("Where from"), "data:bring from", titles, help=_("Your teacher has put data sets on the lab's machine.")
        )
    upload, source = (None, _shared(shared)) if kind == SHARED else (_upload(), None)
    name = source or (upload.name if upload else "")
    choices, problem = _choices(PurePath(name).name.partition(".")[0])
    if not name:
        problem = _("Choose a file first.") if kind == UPLOAD else _("Choose a data set first.")
    elif problem:
        st.error(quoting(problem), icon=":material/error:")
    if person().role is Role.STUDENT:
        st.caption(_("You and your teachers see it; nobody else."))
    elif person().role is Role.TEACHER:
        st.caption(_("Everyone in the class sees it and can train on it."))
    pressed = st.button(
        _("Import"), type="primary", icon=":material/upload:", key="data:import", disabled=bool(problem),
        help=problem or _("Reads the pictures in the background: you can keep working, and stop it."),
    )  # fmt: skip
    if not pressed or choices is None:
        return
    try:
        if source:
            lab.own_data.take_shared(source, choices, owner=visitor())
        elif upload:
            lab.own_data.upload(upload.name, upload, choices, owner=visitor())
    except CNNLabError as error:
        st.error(quoting(translated(error)), icon=":material/error:")
        return
    st.session_state[STARTED] = True
    _forget()
    st.rerun()


def _upload() -> st.runtime.uploaded_file_manager.UploadedFile | None:
    with st.expander(_("What the file must look like"), icon=":material/folder_zip:"):
        st.markdown(_("One folder for each class, called as the class is, packed into a .zip or .tar file:"))
        st.code(TREE, language=None)
        st.markdown(
            _(
                "A folder `train` and a folder `test` around them keep your own split. Pictures: PNG, JPEG, WebP, GIF, BMP or "
                "PPM, of any size. Also read: a table as Kaggle has them (.csv: a column `label`, then one for each pixel), "
                "Keras’ .npz with `x_train` and `y_train`, and MNIST’s IDX files in an archive."
            )
        )
    return st.file_uploader(
        _("Your file"), type=list(ENDINGS), key="data:file",
        help=_("It stays on the machine that runs the lab. A large set can be imported there: python -m cnnlab import PATH."),
    )  # fmt: skip


def _shared(shared: dict[str, SharedSource]) -> str | None:
    def title(name: str) -> str:
        size = shared[name].bytes
        return name if size is None else f"{name} ({size_text(size)})"

    return st.selectbox(
        _("Data set of your teacher"), list(shared), index=None, format_func=title, key="data:shared",
        placeholder=_("Choose one"), help=_("Folders and archives that your teacher has put on the lab's machine."),
    )  # fmt: skip


def _choices(usual_title: str) -> tuple[Choices | None, str]:
    """What the controls say, or why it cannot be used."""
    title = st.text_input(
        _("Title"), key="data:title", max_chars=LONGEST_TITLE, placeholder=usual_title[:LONGEST_TITLE] or _("My flowers"),
        help=_("How the data set is called in all lists. Empty: as the file is called."),
    )  # fmt: skip
    first, second, third = st.columns([1, 1, 1.4], vertical_alignment="bottom")
    size = first.selectbox(
        _("Size"), [None, *SUGGESTED_SIZES], key="data:size",
        format_func=lambda size: _("as suggested") if size is None else f"{size} × {size} px",
        help=_("All pictures are kept at one size. Small ones train faster; the lab suggests one that suits your pictures."),
    )  # fmt: skip
    colour = second.selectbox(
        _("Colour"), list(COLOURS), key="data:colour", format_func=lambda name: translated(COLOURS[name]),
        help=_("Grey pictures have one number a pixel, colour pictures three."),
    )  # fmt: skip
    fit = third.selectbox(
        _("Of each picture"), list(FITS), key="data:fit", format_func=lambda name: translated(FITS[name]),
        help=_("Pictures become squares: by cutting off what stands out, or by squeezing them."),
    )  # fmt: skip
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    share = left.slider(
        _("Test images"), 5, 50, 15, format="%d %%", key="data:test share",
        help=_("This share of each class is kept for testing, unless the file has a folder test."),
    )  # fmt: skip
    seed = right.number_input(
        _("Seed"), 0, 2**31 - 1, 0, key="data:seed",
        help=_("Decides which images are kept for testing: the same seed draws the same ones."),
    )  # fmt: skip
    try:
        return Choices(title.strip() or usual_title[:LONGEST_TITLE], size, colour, fit, share / 100, int(seed)), ""
    except CNNLabError as error:
        field = getattr(error, "field", "")
        return None, labelled(error, field, _LABELS.get(field, N_("Title")))
