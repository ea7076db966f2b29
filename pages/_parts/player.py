"""Frames of HTML that a slider shows one at a time and a button plays, in the browser: no script runs for a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st
from streamlit.components import v2

from cnnlab.i18n import N_, _, translated

KEY = "inside:player"
MOST_FRAMES = 40  # more are not told apart while they play
_BEFORE = N_("0 is the network before training, with its random weights. Move it from 0 on, or press Play, and watch them change.")

_player = v2.component(
    "cnnlab_player",
    html='<div class="cnn-player"><div class="cnn-player-controls"><button type="button"></button>'
    '<label><span></span><input type="range" min="0" step="1"></label><output aria-live="off"></output></div>'
    '<div class="cnn-frame"></div></div>',
    **{name: Path(__file__).with_suffix(f".{name}").read_text(encoding="utf-8") for name in ("css", "js")},
    isolate_styles=False,
)


def played(count: int) -> list[int]:
    """Which of `count` frames are played, from 0: all, or of many the first, the last and some between."""
    most = min(count, MOST_FRAMES)
    return sorted({round(place * (count - 1) / max(1, most - 1)) for place in range(most)})


class Shown(NamedTuple):
    """One frame."""

    epoch: int
    name: str  # "after epoch 3"
    html: str  # all text in it escaped


def draw_player(
    frames: Sequence[Shown], epoch: int, label: str, on_epoch: Callable[[int], None], *, key: str = KEY, help: str = "",
    pictures: Sequence[str] = (),
) -> None:  # fmt: skip
    """Draws the frame of `epoch` with its controls; where a browser rests on another one, `on_epoch` is called with it.

    `pictures` are addresses that many frames share, sent once: `src="#0"` in a frame stands for the first of them.
    """
    epochs = [frame.epoch for frame in frames]

    def choose() -> None:
        sent: Any = st.session_state[key].get("epoch")
        if type(sent) is int and sent in epochs:
            on_epoch(sent)

    _player(
        data={
            "frames": [frame._asdict() for frame in frames], "place": epochs.index(epoch), "label": label,
            "help": help or translated(_BEFORE),
            "words": {"play": _("Play"), "pause": _("Pause"), "next": _("Next epoch")},
            "pictures": list(pictures),
        },
        key=key, on_epoch_change=choose,
    )  # fmt: skip
