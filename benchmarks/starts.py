"""Trains from the settings that forms open with until each network has clearly left chance, and writes docs/RESULTS.md.

    CNNLAB_DATA=<folder with MNIST, FashionMNIST and CIFAR-10> OMP_NUM_THREADS=1 python -m benchmarks.starts

A run ends with the epoch after which the 95 % interval of its test accuracy lies above three times chance. Figures go to
`cnnlab/starts.json` after each run, where the lab reads them; runs that are there already are not repeated. `--designed` trains the
default networks instead, `--only NAME` one architecture. `--render` rewrites the page without training.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.results_page import machine, put
from cnnlab import datasets
from cnnlab.architectures import card, cards
from cnnlab.config import RunConfig
from cnnlab.config_words import words
from cnnlab.datasets.loading import load
from cnnlab.datasets.places import Places
from cnnlab.events import EpochDone, RunFailed
from cnnlab.intervals import wilson
from cnnlab.starts import MEASURED, Measurement, Start, measurements, start
from cnnlab.system.home import default_data
from cnnlab.training.engine import train

SEEDS = (0, 1)
TIMES_CHANCE = 3
# Designs that many try, measured beside the networks that stand where nobody has designed one.
DESIGNS: dict[str, dict[str, Any]] = {"lenet": {"activation": "relu"}}


def lowest(share: float, images: int) -> float:
    """The lower end of the two-sided 95 % interval of an accuracy on so many images (Wilson)."""
    return wilson(share, images)[0]


def outcome(config: RunConfig, data: Path | None) -> dict[str, Any]:
    """Trains until chance is clearly left, or to the end."""
    with TemporaryDirectory() as home:
        images = load(config.dataset, Places(Path(home), data)).take(config.data_share, config.limit, config.seed)
        begun, tests = time.process_time(), len(images.test_labels)
        with closing(train(config, images, progress_every=math.inf)) as events:
            for event in events:
                if isinstance(event, RunFailed):
                    raise RuntimeError(event.message)
                if not isinstance(event, EpochDone):
                    continue
                right = event.test_accuracy
                if lowest(right, tests) > TIMES_CHANCE / config.classes or event.epoch == config.epochs:
                    break
    seconds = round(time.process_time() - begun, 1)
    return {"seed": config.seed, "epochs": event.epoch, "steps": event.step, "test_accuracy": right, "test_images": tests} | {
        "seconds": seconds
    }


def settings(config: RunConfig) -> dict[str, Any]:
    """What differs from a plain run of this architecture on this data set."""
    plain = RunConfig.make(architecture=config.architecture, dataset=config.dataset)
    changed = {
        name: value for name, value in config.model_dump(mode="json").items() if getattr(plain, name) != getattr(config, name)
    }
    options = {name: value for name, value in config.options.items() if plain.options[name] != value}
    return {"architecture": config.architecture, "dataset": config.dataset} | changed | ({"options": options} if options else {})


def measure(config: RunConfig, seed: int, data: Path | None) -> None:
    """Measures one run and puts it into the record, unless it is there."""
    record = json.loads(MEASURED.read_text(encoding="utf-8"))
    own = settings(config)
    row = next((row for row in record["starts"] if RunConfig.make(**row["settings"]) == config), None)
    if row is None:
        row = {"settings": own, "outcomes": []}
        record["starts"].append(row)
    if seed in {outcome["seed"] for outcome in row["outcomes"]}:
        return
    row["outcomes"].append(outcome(config.change(seed=seed, device="cpu"), data))
    record["machine"] = machine()
    lines = ",\n".join(json.dumps(row) for row in record["starts"])
    MEASURED.write_text(f'{{"machine": {json.dumps(record["machine"])},\n"starts": [\n{lines}\n]}}\n', encoding="utf-8")
    print(own, row["outcomes"][-1], flush=True)


def render() -> str:
    """The Markdown between the markers of docs/RESULTS.md."""
    where = json.loads(MEASURED.read_text(encoding="utf-8"))["machine"]
    titles = ("network", "data set", "settings", "seeds", "epochs of", "steps", "test accuracy", "test images", "seconds, one core")
    lines = [f"Measured on {where['when']}: {where['cpu']}, Python {where['python']}, torch {where['torch']}.", ""]
    lines += ["| " + " | ".join(titles) + " |", "|---|---|---|" + "---:|" * 6]
    order = [each.name for each in cards()]
    rows = sorted(measurements(), key=lambda row: (order.index(row.config.architecture), row.config.image_size or 0))
    return "\n".join([*lines, *map(_row, rows), ""])


def _row(row: Measurement) -> str:
    config, seeds = row.config, row.outcomes
    plain = card(config.architecture)
    network = [words(f"options.{option.name}", config.options[option.name]) for option in plain.options]
    changed = [
        f"{option.title.lower()} {shown}"
        for option, shown in zip(plain.options, network, strict=True)
        if shown != words(f"options.{option.name}", option.default)
    ]
    how = [words("optimizer", config.optimizer), f"rate {config.learning_rate:g}", f"batch {config.batch_size}"]
    how += [f"{config.limit:,} images"] if config.limit else []
    name = ", ".join([plain.title, *changed, f"{config.image_size} px"])
    columns = (
        [name, datasets.entry(config.dataset).title, ", ".join(how), str(len(seeds))],
        [f"{_spread([one.epochs for one in seeds])} of {config.epochs}", _spread([one.steps for one in seeds], ",")],
        [_spread([one.test_accuracy for one in seeds], ".3f"), _spread([one.test_images for one in seeds], ",")],
        [_spread([one.seconds for one in seeds], ".0f")],
    )
    return "| " + " | ".join(text for part in columns for text in part) + " |"


def _spread(values: list[Any], form: str = "") -> str:
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return low if low == high else f"{low}–{high}"


def _starts(name: str, dataset: str, *, designed: bool) -> list[Start]:
    if designed:
        return [start(name, dataset, options={}, image_size=card(name).input_shape[1])]
    designs = [start(name, dataset, options=DESIGNS[name])] if name in DESIGNS else []
    return [start(name, dataset), *designs]


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--render", action="store_true", help="write the page from the recorded figures without training")
    parser.add_argument("--designed", action="store_true", help="train the architectures' default networks, however large")
    parser.add_argument("--only", action="append", help="an architecture; may be repeated")
    parser.add_argument("--data-set", action="append", help="a data set; may be repeated")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    names = chosen.only or [each.name for each in cards()]
    for seed in () if chosen.render else SEEDS:
        for name in names:
            for dataset in chosen.data_set or [entry.name for entry in datasets.entries()]:
                for begin in _starts(name, dataset, designed=chosen.designed):
                    measure(begin.config, seed, default_data())
    measurements.cache_clear()
    put("starts", render())


if __name__ == "__main__":
    main()
