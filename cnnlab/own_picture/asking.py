"""Asks the helper what a run takes a user's own picture for. Needs neither torch nor numpy."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from cnnlab.values import Checkpoint, EvaluatedRun, OwnAnswer


class OwnPictures:
    """Questions about pictures that are no part of a data set. Nothing of a picture is stored."""

    def __init__(self, ask: Callable[..., Any], run: Callable[[str], EvaluatedRun]) -> None:
        self._ask, self._run = ask, run

    def answer(
        self, run_id: str, pixels: bytes, shape: tuple[int, ...], *, checkpoint: Checkpoint = "best"
    ) -> OwnAnswer:  # fmt: skip
        """What the run takes uint8 pixels C×H×W for. Raises RunNotFound; CheckpointError while there are no weights."""
        text = base64.b64encode(pixels).decode()
        return self._ask("own_picture", run=self._run(run_id), checkpoint=checkpoint, pixels=text, shape=shape)
