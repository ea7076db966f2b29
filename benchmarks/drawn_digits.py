"""Twenty drawn digits, read by a LeNet with and without steps of their preparation, for docs/RESULTS.md.

    CNNLAB_DATA=<folder with MNIST> python -m benchmarks.drawn_digits

The digits are strokes (tests/drawn_digits.py), two of each class, of different sizes and off the centre of their sheet. Networks
are trained by the recipe *99 % on MNIST*; `--render` rewrites the page from the record.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from benchmarks.figures import table
from benchmarks.results_page import RECORDS, machine, put
from cnnlab import datasets, presets
from cnnlab.datasets.loading import load
from cnnlab.datasets.places import Places
from cnnlab.own_picture.preparing import prepare
from cnnlab.text import percent
from cnnlab.training.engine import train
from cnnlab.training.session import Session
from tests.drawn_digits import DIGITS

RECORD = RECORDS / "drawn_digits.json"
SEEDS = (0, 1, 2)
WITHOUT: dict[str, tuple[str, ...]] = {
    "all steps": (),
    "without centring": ("centre",),
    "without cropping": ("crop",),
    "without both": ("crop", "centre"),
    "without inverting": ("invert",),
}


def measure(seed: int, data: Path | None) -> dict[str, Any]:
    """Trains a network; returns its test accuracy and how many of the digits it reads right in each way."""
    entry = datasets.entry("mnist")
    config = presets.preset("mnist-99").config(device="cpu").change(seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        images = load(entry.name, Places(Path(folder), data))
        *_, last = train(config, images, folder=Path(folder) / "run")
        kept = torch.load(Path(folder) / "run" / "last.pt", weights_only=True)
    session = Session(config, images)
    session.model.load_state_dict(kept["model"])
    session.model.eval()

    def right(without: tuple[str, ...]) -> int:
        pixels = [torch.from_numpy(prepare(digit.picture(), entry, without).pixels) for digit in DIGITS]
        with torch.no_grad():
            predicted = session.model(session.preparation.test(torch.stack(pixels))).argmax(1).tolist()
        return sum(found == digit.digit for found, digit in zip(predicted, DIGITS, strict=True))

    return {"seed": seed, "accuracy": last.test_accuracy, "right": {name: right(steps) for name, steps in WITHOUT.items()}}


def render(record: dict[str, Any]) -> str:
    where = record["machine"]
    rows = [
        (str(run["seed"]), percent(run["accuracy"]), *(f"{run['right'][name]} of {len(DIGITS)}" for name in WITHOUT))
        for run in record["runs"]
    ]
    heading = f"Measured on {where['when']}: {where['cpu']}, Python {where['python']}, torch {where['torch']}.\n"
    return f"{heading}\n{table(('seed', 'test images of MNIST', *WITHOUT), rows)}\n"


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--render", action="store_true", help="write the page from the recorded figures without training")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    if not chosen.render:
        data = Path(os.environ["CNNLAB_DATA"]) if "CNNLAB_DATA" in os.environ else None
        runs = [measure(seed, data) for seed in SEEDS]
        RECORD.write_text(json.dumps({"machine": machine(), "runs": runs}, indent=1) + "\n", encoding="utf-8")
    put("drawn digits", render(json.loads(RECORD.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
