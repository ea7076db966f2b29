"""The test images on which two networks disagree, from what their checkpoints say; no forward pass is needed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cnnlab import datasets
from cnnlab.compute import answers
from cnnlab.errors import CheckpointError, ConfigError
from cnnlab.system.home import run_folder

RIGHT = ("any", "first", "second", "neither")


def disagreements(
    home: Path,
    *,
    first: dict[str, Any],
    second: dict[str, Any],
    right: str = "any",
    offset: int = 0,
    count: int = 40,
) -> dict[str, Any]:
    """A page of the test images that two runs name differently; `right` keeps those that one of them, or neither, gets right.

    Each run is given as its id (`run`), its `dataset` and its folder of data sets (`data`, or None).
    """
    answers._check_page(count, offset)
    if right not in RIGHT:
        raise ConfigError(f"right must be one of {', '.join(RIGHT)}, not {str(right)[:80]!r}.", "right")
    if first["dataset"] != second["dataset"]:
        titles = [datasets.entry(each["dataset"]).title for each in (first, second)]
        raise CheckpointError(
            f"These two runs were tested on different images ({titles[0]} and {titles[1]}): choose two runs of one data set."
        )
    one, other = _said(home, first), _said(home, second)
    if len(one.predicted) != len(other.predicted):
        raise CheckpointError(
            f"These two runs were tested on different numbers of images ({len(one.predicted):,} and {len(other.predicted):,}): "
            "choose two runs with the same setting “At most this many images”."
        )
    images = answers._data(home, first["dataset"], first["data"])
    total = len(one.predicted)
    labels = images.test_labels[:total]  # a limit takes the first test images
    if len(labels) < total or not _same_labels(home, first, second, labels):
        raise CheckpointError("The test images have changed since one of these runs was tested; train it again to compare them.")
    pair = torch.stack((one.predicted, other.predicted))
    ok = pair == labels
    apart = pair[0] != pair[1]
    kinds = {"any": apart, "first": apart & ok[0], "second": apart & ok[1], "neither": apart & ~ok[0] & ~ok[1]}
    chosen = torch.nonzero(kinds[right]).flatten()
    return {
        "classes": list(one.classes),
        "test_images": total,
        "epochs": [one.epoch, other.epoch],
        "only_first": int(kinds["first"].sum()),
        "only_second": int(kinds["second"].sum()),
        "neither": int(kinds["neither"].sum()),
        "both": int((ok[0] & ok[1]).sum()),
        "total": len(chosen),
        "items": [
            {
                "picture": answers._picture(images.test_images, images.test_labels, index),
                "predicted": pair[:, index].tolist(),
                "confidence": [float(said.confidence[index]) for said in (one, other)],
            }
            for index in chosen[offset : offset + count].tolist()
        ],
    }


def _said(home: Path, run: dict[str, Any]) -> answers._Said:
    if not re.fullmatch(r"[0-9a-f]{8}", run["run"]):
        raise CheckpointError(f"There is no run {run['run'][:20]!r}.")
    return answers._said(run_folder(home, run["run"]) / "best.pt")


def _same_labels(home: Path, first: dict[str, Any], second: dict[str, Any], labels: Tensor) -> bool:
    if first["data"] == second["data"]:
        return True
    return torch.equal(answers._data(home, second["dataset"], second["data"]).test_labels[: len(labels)], labels)
