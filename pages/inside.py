"""Inside: how a trained network sees one image: its maps, its kernels, why it answers so, and one value worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, translated
from cnnlab.inside_values import InsideLayer
from cnnlab.lab import Lab
from cnnlab.runs.records import Run
from cnnlab.values import Checkpoint
from pages._parts.address import Address
from pages._parts.inside.answer import draw_answer
from pages._parts.inside.by_hand import draw_by_hand
from pages._parts.inside.choice import (
    NAMES,
    OF_OWN,
    PAGER,
    Chosen,
    pick_image,
    pick_layer,
    pick_move,
    pick_picture,
    pick_view,
    pick_weights,
)
from pages._parts.inside.epochs import draw_epochs
from pages._parts.inside.kernels import draw_kernels
from pages._parts.inside.maps import draw_maps
from pages._parts.inside.modes import draw_modes
from pages._parts.inside.picture import centre_of, draw_beneath, draw_picture, field_of
from pages._parts.inside.why import draw_why
from pages._parts.language import in_links
from pages._parts.learn.links import learn_about
from pages._parts.markdown import quoting
from pages._parts.predict.which_run import pick_run
from pages._parts.run.list import warn_of_unreadable
from pages._parts.shell import enter, in_words

STYLE = Path(__file__).with_suffix(".css")
WITHOUT_LAYER: dict[str, Callable[[Chosen, Address], None]] = {
    "answer": lambda chosen, _rest: draw_answer(chosen), "why": draw_why, "epochs": draw_epochs,
    "modes": lambda chosen, _rest: draw_modes(chosen),
}  # fmt: skip


def empty(address: Address) -> None:
    """No network has been trained yet."""
    address.preserve(*NAMES)
    address.flush()
    address.show_problems(st.container())
    st.info(_("There is no trained network yet. Train one; after its first epoch you can look inside it here."))
    st.page_link("pages/train.py", label=_("Train your first network"), icon=":material/play_arrow:", query_params=in_links())


def look_inside(lab: Lab, address: Address, run: Run, checkpoint: Checkpoint, epoch: int | None) -> bool:
    """The image on the left, and on the right what the chosen view shows of it; False while there is no image."""
    network = lab.inside.network(run.id, checkpoint, epoch)
    with st.container(key="inside-split"):
        left, right = st.columns([4, 9], gap="medium")
    with left, st.container(key="inside-image"):
        index, own = 0, None
        if wanted := pick_picture(address):
            from pages._parts.inside.own import pick_own  # noqa: PLC0415  it loads numpy and Pillow

            address.preserve("image")
            own = pick_own(run, address)
        else:
            address.preserve(*OF_OWN)
            index = pick_image(network, address)
        picture = st.container()  # filled last: the view decides where the frame stands
        moved_right, moved_down = pick_move(address)
        beneath = st.container()
    if wanted and own is None:
        with right, st.container(key="inside-view"):
            st.info(_("Draw, upload or photograph something on the left: then each view shows what the network makes of it."))
        return False
    where = {"image": index, "own": own, "right": moved_right, "down": moved_down}
    look = lab.inside.look(run.id, checkpoint=checkpoint, epoch=epoch, **where)
    seen = lab.inside.seen(look)
    with right, st.container(key="inside-view"):
        view = pick_view(address)
        chosen = Chosen(lab, run.id, look, network, seen, pick_layer(network, address, drawn=view not in WITHOUT_LAYER))
        framed = draw_view(view, chosen, address)
    layer, place = framed or (None, (0, 0))
    frame = field_of(layer, (network.input_shape[1], network.input_shape[2]), place) if layer else None
    with picture:
        draw_picture(chosen, frame)
    with beneath:
        draw_beneath(chosen, layer, place, frame)
        learn_about(lab, f"inside:{view}")
    return True


def draw_view(view: str, chosen: Chosen, address: Address) -> tuple[InsideLayer, tuple[int, int]] | None:
    """One of the views; returns the layer and the place of its output whose receptive field is framed on the image."""
    if view == "hand":
        return draw_by_hand(chosen, address)
    if view in WITHOUT_LAYER:
        WITHOUT_LAYER[view](chosen, address)
        return None
    layer = draw_kernels(chosen, address) if view == "kernels" else draw_maps(chosen, address)
    return (layer, centre_of(layer)) if layer else None


def main() -> None:
    lab = enter()
    st.html(STYLE)
    with st.container(key="inside-top"):
        title, which, weights = st.columns([5, 7, 3], vertical_alignment="bottom")
    title.title(_("Inside a network"), anchor=False)
    every = lab.runs()
    warn_of_unreadable(every.unreadable)
    address = Address("inside")
    problems = st.container()  # filled last: each control may find a problem in the address
    run = pick_run(lab, every, address, which, scope="inside", on_change=PAGER.restart)
    if run is None:
        empty(address)
        return
    checkpoint, epoch = pick_weights(lab, run, address, weights)
    complete = False
    try:
        complete = look_inside(lab, address, run, checkpoint, epoch)
    except CNNLabError as error:
        st.error(quoting(translated(error)), icon=":material/error:")
        st.page_link(
            "pages/train.py", label=_("Open this run"), icon=":material/show_chart:", query_params={"run": run.id} | in_links()
        )
    for name in NAMES:
        address.text(name)  # of another view: no mistake in the address
    address.flush(complete=complete)
    address.show_problems(problems)


with in_words():
    main()
