"""Frames of HTML that a slider shows one at a time and a button plays, in the browser: no script runs for a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st
from streamlit.components import v2

from cnnlab.i18n import N_, _, translated

KEY = "inside:player"
HELP = N_("0 is the network before training, with its random weights. Move it from 0 on, or press Play, and watch them change.")

_player = v2.component(
    "cnnlab_player",
    html='<div class="cnn-player"><div class="cnn-player-controls"><button type="button"></button>'
    '<label><span></span><input type="range" min="0" step="1"></label><output aria-live="off"></output></div>'
    '<div class="cnn-frame"></div></div>',
    **{name: Path(__file__).with_suffix(f".{name}").read_text(encoding="utf-8") for name in ("css", "js")},
    isolate_styles=False,
)


class Shown(NamedTuple):
    """One frame."""

    epoch: int
    name: str  # "after epoch 3"
    html: str  # all text in it escaped


def draw_player(frames: Sequence[Shown], epoch: int, label: str, on_epoch: Callable[[int], None]) -> None:
    """Draws the frame of `epoch` with its controls; where a browser rests on another one, `on_epoch` is called with it."""
    epochs = [frame.epoch for frame in frames]

    def choose() -> None:
        sent: Any = st.session_state[KEY].get("epoch")
        if type(sent) is int and sent in epochs:
            on_epoch(sent)

    _player(
        data={
            "frames": [frame._asdict() for frame in frames], "place": epochs.index(epoch), "label": label, "help": translated(HELP),
            "words": {"play": _("Play"), "pause": _("Pause"), "next": _("Next epoch")},
        },
        key=KEY, on_epoch_change=choose,
    )  # fmt: skip
