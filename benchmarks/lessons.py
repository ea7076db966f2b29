"""Every training of the lessons, run to its end with some seeds: docs/LESSONS.md, and the bands in the lessons' headers.

    python -m benchmarks.lessons --seeds 3     trains what is missing, and writes the page and the bands
    python -m benchmarks.lessons --render      writes them from the record alone

Experiments with the same settings are one. Each run is one command of the command line, one after another; the learner's own run is
compared with the band that this writes, so that a lesson says nothing that was not measured.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.figures import table
from benchmarks.results_page import RECORDS, ROOT, machine, put
from cnnlab.config import RunConfig
from cnnlab.events import EpochDone
from cnnlab.learn.bands import METRICS, Result, flat_epochs, measured
from cnnlab.learn.catalogue import LANGUAGES, LESSONS, Catalogue
from cnnlab.learn.lesson import Band, Experiment, Lesson
from cnnlab.presets import presets
from cnnlab.text import percent
from pages._parts.forms.link import config_of

RECORD = RECORDS / "lessons.json"
PAGE = ROOT / "docs" / "LESSONS.md"
SAMPLE_TEST_IMAGES = 1_000


def experiments() -> Iterator[tuple[Lesson, Experiment, RunConfig]]:
    """Each training of the English lessons, on data that come with the lab."""
    recipes = {recipe.name: recipe for recipe in presets()}
    for lesson in Catalogue(Path()).of("en").every:
        for experiment in lesson.header.experiment:
            if experiment.page == "train":
                config = config_of(experiment.parameters, recipes)
                if config.dataset == "sample":
                    yield lesson, experiment, config


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from 0 on")
    parser.add_argument("--render", action="store_true", help="write the page and the bands from the record, without training")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    record: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {"runs": {}}
    if not chosen.render:
        record["machine"] = machine()
        wanted = {_key(config): config for _, _, config in experiments()}
        for key, config in wanted.items():
            runs = record["runs"].setdefault(key, [])
            for seed in range(chosen.seeds):
                if all(one["seed"] != seed for one in runs):
                    runs.append(_train(config.change(seed=seed, device="cpu")))
                    print(config.architecture, seed, runs[-1]["epochs"][-1]["test_accuracy"], flush=True)
                    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        record["runs"] = {key: record["runs"][key] for key in wanted}  # without experiments that are gone
        RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    put("lessons", render(record), PAGE)
    configs = {(lesson.id, experiment.id): config for lesson, experiment, config in experiments()}
    for path in (path for language in LANGUAGES for path in sorted((LESSONS / language).glob("*.md"))):
        _write_bands(path, record, configs)


def _train(config: RunConfig) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "config.json"
        settings.write_text(config.to_json(), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "cnnlab",
            "train",
            "--config",
            str(settings),
            "--json",
            "--home",
            str(Path(folder) / "home"),
        ]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    epochs = [{name: event[name] for name in EpochDone.__dataclass_fields__} for event in events if event["event"] == "epoch_done"]
    return {"seed": config.seed, "epochs": epochs}


def _key(config: RunConfig) -> str:
    """Of an experiment in the record: one that differs from another in its seed alone is the same."""
    return config.change(seed=0).to_json()


def results(record: dict[str, Any], config: RunConfig) -> list[Result]:
    """The recorded runs of an experiment, whatever their seed."""
    runs = record["runs"].get(_key(config), [])
    return [
        Result(tuple(EpochDone(**epoch) for epoch in one["epochs"]), config.epochs, config.classes, SAMPLE_TEST_IMAGES)
        for one in runs
    ]


def band(metric: str, found: list[Result]) -> Band:
    """The band of these runs; a figure of flat epochs where some began flat and all left chance."""
    plain = Band(metric=metric, low=0, high=1, seeds=len(found))
    figures = [measured(plain, result) for result in found]
    flat = [flat_epochs(result) for result in found]
    learned = all(count < len(result.epochs) for count, result in zip(flat, found, strict=True))
    words = f"{min(flat)}-{max(flat)}" if min(flat) != max(flat) else str(flat[0])
    return Band(
        metric=metric, low=round(min(figures), 4), high=round(max(figures), 4), seeds=len(found), flat=words if learned else ""
    )  # fmt: skip


def render(record: dict[str, Any]) -> str:
    """The page's table: a row for each experiment."""
    where, rows = record["machine"], []
    for lesson, experiment, config in experiments():
        found = results(record, config)
        metric = experiment.band.metric if experiment.band else "test_accuracy"
        seed = experiment.parameters.get("seed")
        if seed is not None:  # the address names one, and the row is of that run alone
            seeds = [one["seed"] for one in record["runs"].get(_key(config), [])]
            found = [result for result, number in zip(found, seeds, strict=True) if number == int(seed)]
        figures = [percent(measured(Band(metric=metric, low=0, high=1, seeds=1), result)) for result in found]
        flat = [str(flat_epochs(result)) for result in found]
        seconds = [sum(epoch.seconds for epoch in result.epochs) for result in found]
        took = "–".join(dict.fromkeys(f"{edge(seconds):.0f}" for edge in (min, max))) if seconds else ""
        address = f"`/train?{experiment.query}`"
        shown = " · ".join(figures) or "not run yet"
        shown = shown if seed is None else f"seed {seed}: {shown}"
        rows.append((f"{lesson.header.number}", experiment.label, address, METRICS[metric], shown, " · ".join(flat), took))
    heads = ("lesson", "experiment", "address", "figure", "seeds 0, 1, 2 …", "flat epochs", "seconds of training")
    return (
        f"Measured on {where['when']}: {where['cpu']}, Python {where['python']}, torch {where['torch']}.\n\n{table(heads, rows)}\n"
    )


def _write_bands(path: Path, record: dict[str, Any], configs: dict[tuple[str, str], RunConfig]) -> None:
    """Puts the measured bands into a lesson's header; all else stays as it is written."""
    text = path.read_text(encoding="utf-8")
    lesson_id = re.search(r'^id = "([^"]+)"', text, re.MULTILINE)[1]
    blocks = text.split("[[experiment]]\n")
    for number, block in enumerate(blocks[1:], 1):
        config = configs.get((lesson_id, re.search(r'^id = "([^"]+)"', block, re.MULTILINE)[1]))
        line = re.search(r'^band = \{ metric = "(\w+)".*$', block, re.MULTILINE)
        if config is None or line is None or not (found := results(record, config)):
            continue
        new = band(line[1], found)
        flat = f', flat = "{new.flat}"' if new.flat else ""
        words = f'band = {{ metric = "{new.metric}", low = {new.low:.3f}, high = {new.high:.3f}, seeds = {new.seeds}{flat} }}'
        blocks[number] = block.replace(line[0], words)
    path.write_text("[[experiment]]\n".join(blocks), encoding="utf-8")


if __name__ == "__main__":
    main()
