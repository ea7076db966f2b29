"""Asks the helper what a run takes a user's own picture for. Needs neither torch nor numpy."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cnnlab.datasets import own
from cnnlab.datasets.known import classes_of
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
        run = self._run(run_id)
        answer: OwnAnswer = self._ask("own_picture", run=run, checkpoint=checkpoint, pixels=text, shape=shape)
        return replace(answer, classes=classes_of(run.dataset, answer.classes)) if own.is_name(run.dataset) else answer
