"""The large networks of the course on a share of Fashion-MNIST that trains in minutes: forecast and result, for docs/RESULTS.md.

    CNNLAB_DATA=<folder with FashionMNIST> python -m benchmarks.large_recipes

Each is the course's recipe with the first images only, submitted to a lab as *Start training* does, one after another. The forecast
is the one that the form shows once the network's speed has been measured. `--render` rewrites the page from the record.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import table
from benchmarks.from_start import from_start, warm_lab
from benchmarks.results_page import RECORDS, machine, put
from cnnlab import presets
from cnnlab.text import duration, percent, size_text

RECORD = RECORDS / "large_recipes.json"
MEASURES = 120.0  # seconds to wait for a network's speed


@dataclass(frozen=True)
class Case:
    preset: str
    limit: int  # training images


# About ten minutes each on two cores, by 200 ms a step of VGG-11 ÷ 8 and the multiply-accumulates of the others.
CASES = (
    Case("alexnet-fashion-mnist", 3_000),
    Case("vgg-fashion-mnist", 6_000),
    Case("nin-fashion-mnist", 3_000),
    Case("googlenet-fashion-mnist", 3_000),
)


def measure(case: Case, data: Path | None) -> dict[str, Any]:
    """Forecasts and trains one recipe in a lab of its own."""
    config = presets.preset(case.preset).config(device="cpu").change(limit=case.limit)
    with tempfile.TemporaryDirectory() as folder:
        lab = warm_lab(Path(folder) / "home", data)
        if lab is None:
            raise SystemExit("This needs the whole lab: pip install -r requirements.txt")
        with closing(lab):
            try:
                forecast = lab.forecast(config, wait=MEASURES)
                result = from_start(lab, config)
            finally:
                lab.shut_down()
    return {
        "preset": case.preset,
        "title": config.title,
        "limit": case.limit,
        "epochs": config.epochs,
        "forecast": forecast.seconds_total,
        "memory": forecast.memory_bytes,
        **result,
    }


def render(record: dict[str, Any]) -> str:
    where = record["machine"]
    rows = []
    for one in record["runs"]:
        if "skipped" in one:
            rows.append((one["title"], f"{one['limit']:,}", f"{one['epochs']}", "", one["skipped"], "", "", ""))
            continue
        took, expected = one["clock"][-1], one["forecast"]
        error = f"{100 * (expected / took - 1):+.0f} %" if expected else ""
        accuracies = " · ".join(percent(accuracy) for accuracy in one["accuracies"])
        rows.append(
            (
                one["title"], f"{one['limit']:,}", f"{one['epochs']}", duration(expected) if expected else "not measured",
                duration(took), error, size_text(one["memory"]), accuracies,
            )
        )  # fmt: skip
    titles = (
        "recipe",
        "training images",
        "epochs",
        "forecast",
        "measured",
        "error",
        "forecast of memory",
        "test accuracy by epoch",
    )
    heading = f"Measured on {where['when']}: {where['cpu']}, Python {where['python']}, torch {where['torch']}; one run each.\n"
    return f"{heading}\n{table(titles, rows)}\n"


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--render", action="store_true", help="write the page from the recorded figures without training")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    if not chosen.render:
        data = Path(os.environ["CNNLAB_DATA"]) if "CNNLAB_DATA" in os.environ else None
        runs: list[dict[str, Any]] = []
        for case in CASES:
            runs.append(measure(case, data))
            print(json.dumps(runs[-1]), flush=True)
            RECORD.write_text(json.dumps({"machine": machine(), "runs": runs}, indent=1) + "\n", encoding="utf-8")
    put("large recipes", render(json.loads(RECORD.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
