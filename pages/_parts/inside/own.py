"""The user's own picture: the one that Predict showed, or another; its preparation has the same steps and switches as there."""

from __future__ import annotations

import base64

import streamlit as st

from cnnlab.datasets import entry
from cnnlab.i18n import _, translated
from cnnlab.inside_values import OwnPixels
from cnnlab.own_picture.preparing import prepare, step_names, style_of
from cnnlab.own_picture.reading import OwnPicture
from cnnlab.runs.records import Run
from pages._parts.address import Address
from pages._parts.inside.choice import OF_OWN
from pages._parts.markdown import quoting
from pages._parts.predict.own import STYLE, draw_steps, left_out, picture_name
from pages._parts.predict.own_answer import names
from pages._parts.predict.own_sources import SHOWN, STAYS, pick_pictures

OPEN = "inside:own open"  # whether the ways to give a picture are


def pick_own(run: Run, address: Address) -> OwnPixels | None:
    """Draws the ways to give a picture and how it was prepared; None while there is none."""
    chosen = entry(run.config.dataset)
    style = style_of(chosen)
    steps = step_names(style)
    address.preserve(*(name for name in OF_OWN if name not in ("source", *steps)))  # of other data sets
    without = left_out(steps, address)
    st.html(STYLE)
    st.session_state.setdefault(OPEN, SHOWN not in st.session_state)
    ways = st.expander(_("Draw, upload or photograph one"), icon=":material/draw:", key=OPEN, on_change="rerun")
    pictures: list[OwnPicture] = []
    if ways.open:
        with ways:
            pictures, problems = pick_pictures(style, address)
        for problem in problems:
            st.error(quoting(translated(problem)), icon=":material/error:")
        if pictures:
            st.session_state[SHOWN] = _which(pictures)
    else:
        address.preserve("source")
    picture: OwnPicture | None = st.session_state.get(SHOWN)
    if picture is None:
        address.preserve(*steps)
        return None
    prepared = prepare(picture.image, chosen, without)
    with st.expander(_("Its preparation"), icon=":material/tune:"):
        draw_steps(picture, prepared, address)
    if prepared.warning:
        st.warning(translated(prepared.warning), icon=":material/visibility_off:")
    if pictures or not ways.open:  # else it stands there
        st.caption(translated(STAYS))
    return OwnPixels(base64.b64encode(prepared.pixels.tobytes()).decode(), prepared.pixels.shape)


def _which(pictures: list[OwnPicture]) -> OwnPicture:
    if len(pictures) == 1:
        return pictures[0]
    titles = names([picture_name(picture) for picture in pictures])
    key = "inside:own which"
    if st.session_state.get(key) not in titles:
        st.session_state[key] = 0
    place = st.selectbox(
        _("Which of them"), list(titles), key=key, format_func=titles.__getitem__,
        help=_("The network looks at one picture at a time."),
    )  # fmt: skip
    return pictures[place]
