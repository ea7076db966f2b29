"""Where a user's own pictures come from: drawn, uploaded, or from a camera; each read within bounds, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import streamlit as st

from cnnlab.errors import DataError
from cnnlab.i18n import N_, _, say, translated
from cnnlab.own_picture.preparing import Style
from cnnlab.own_picture.reading import ENDINGS, MOST_BYTES, OwnPicture, read
from pages._parts.address import Address
from pages._parts.one_choice import one_choice

SOURCES = {"draw": N_("Draw"), "upload": N_("Upload"), "camera": N_("Camera")}
DRAWING, PHOTO = N_("Your drawing"), N_("Your photo")  # in place of a file's name
SHEET, PEN = 280, 18  # px
MOST_FILES = 20  # each is read, prepared and shown
READ = "predict:own read"  # in the session: what was read from which upload, so that a switch need not read all again
SHOWN = "own picture shown"  # in the session: the one that was explained last, which Inside looks at
STAYS = N_("The picture stays on this machine, the one that runs the lab; nothing of it is stored.")


class Sent(NamedTuple):
    """A file as a browser sent it; `id` changes with its content."""

    id: str
    name: str
    content: bytes


def pick_pictures(style: Style, address: Address) -> tuple[list[OwnPicture], list[str]]:
    """Draws the ways to give a picture; returns what could be read, and a sentence for each file that could not."""
    source = one_choice(
        _("Your picture"), "predict:source", "source", {name: translated(text) for name, text in SOURCES.items()}, address,
        default="draw" if style == "digits" else "upload",
        help=_("Draw with the mouse or a finger. With the keyboard alone, use Upload. A photo of a sheet of paper works, too."),
    )  # fmt: skip
    sent = {"draw": _drawn, "upload": _uploaded, "camera": _photographed}[source]()
    if not sent:
        st.caption(translated(STAYS))
    many = say("{count} files were chosen; the first {most} are shown.", count=len(sent), most=MOST_FILES)
    problems = [many] if len(sent) > MOST_FILES else []
    known: dict[str, OwnPicture | str] = st.session_state.get(READ, {})
    results = {each.id: known[each.id] if each.id in known else _read(each) for each in sent[:MOST_FILES]}
    st.session_state[READ] = results  # and no picture that was taken away
    pictures = [result for result in results.values() if isinstance(result, OwnPicture)]
    return pictures, problems + [result for result in results.values() if isinstance(result, str)]


def _read(sent: Sent) -> OwnPicture | str:
    try:
        return read(sent.name, sent.content)
    except DataError as error:
        return str(error)


def _drawn() -> list[Sent]:
    try:
        # Not before a user draws: it is a package of its own, and the other ways work without it.
        from streamlit_drawable_canvas import st_canvas  # noqa: PLC0415
    except ImportError:
        st.info(
            _(
                "The package streamlit-drawable-canvas is not installed: run pip install -r requirements.txt. Upload works without "
                "it."
            )
        )
        return []
    with st.container(key="own-sheet"):
        content = _ink(st_canvas)
    if content is None:
        st.markdown(_("Draw here, as large as you like and wherever you like."))
        return []
    return [Sent(str(hash(content)), DRAWING, content)]


def _ink(canvas: Callable[..., Any]) -> bytes | None:
    """The drawing as a PNG; None where nothing is drawn. A browser can send anything in its place."""
    result = canvas(
        stroke_width=PEN, stroke_color="#000000", background_color="#ffffff", width=SHEET, height=SHEET, drawing_mode="freedraw",
        return_image_data=True, key="predict:canvas",
    )  # fmt: skip
    try:
        return result.image_bytes if result.json_data and result.json_data.get("objects") else None
    except (ValueError, TypeError, AttributeError):
        return None


def _uploaded() -> list[Sent]:
    files = st.file_uploader(
        _("Pictures"), type=list(ENDINGS), accept_multiple_files=True, max_upload_size=MOST_BYTES // 1_000_000, key="predict:files",
        help=_("PNG, JPEG or WebP, several at once if you like. Anything else is refused with the reason."),
    )  # fmt: skip
    return [Sent(file.file_id, file.name, file.getvalue()) for file in files]


def _photographed() -> list[Sent]:
    on = st.toggle(
        _("Turn the camera on"), key="predict:camera on",
        help=_("Your browser asks for permission first. Switch it off again and the camera stops."),
    )  # fmt: skip
    st.caption(
        _("Browsers give a page the camera only on the machine itself (localhost) or over https. Elsewhere, upload a photo.")
    )
    photo = st.camera_input(_("Photo"), key="predict:photo", help=_("Write thickly, and fill the picture.")) if on else None
    return [Sent(photo.file_id, PHOTO, photo.getvalue())] if photo else []
