"""The effect of bfloat16 on test accuracy: the same seeds trained for a whole run in float32 and in bfloat16, in turns.

    CNNLAB_DATA=<folder with Fashion-MNIST and CIFAR-10> python -m benchmarks.precision

Each training is the lab's own, in a fresh process on the CPU. The record grows by one training at a time, and recorded trainings
are not repeated: an interrupted recording continues, `--at-most` splits it into short commands, and more `--seeds` extend it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any

from benchmarks.figures import table
from benchmarks.fresh_process import answer
from benchmarks.results_page import RECORDS, machine, put
from cnnlab import presets

RECORD = RECORDS / "precision.json"
PRECISIONS = ("float32", "bfloat16")
WHEN: dict[str, Callable[[Sequence[float]], float]] = {"last epoch": lambda epochs: epochs[-1], "best epoch": max}

Record = dict[str, Any]  # "machine" and "runs", each with "title", "job", "source", "train_images", "test_images" and "accuracies"
Pairs = dict[int, tuple[list[float], list[float]]]  # by seed: test accuracies after each epoch in float32 and in bfloat16


@dataclass(frozen=True)
class Case:
    """A recipe. `limit` bounds the training and the test images; every seed gets the same ones."""

    title: str
    recipe: str  # in words
    settings: dict[str, Any]
    epochs: int = 10
    limit: int | None = None

    def job(self, seed: int, precision: str) -> dict[str, Any]:
        """The job for `benchmarks.contestants`. A recorded run counts only while it equals its case's job."""
        settings = self.settings | {"device": "cpu", "seed": seed, "precision": precision}
        return {"settings": settings, "epochs": self.epochs, "limit": self.limit}


_FASHION = presets.preset("lenet-fashion-mnist").settings
_RESNET = presets.preset("resnet-cifar10").settings
_VGG = presets.preset("vgg-fashion-mnist").settings | {"image_size": 64, "batch_size": 64}
CASES = (
    Case("LeNet, Fashion-MNIST", "the course's recipe: sigmoid, SGD, learning rate 0.9, batch 256", _FASHION),
    Case("Small ResNet, CIFAR-10", "the course's recipe: SGD, learning rate 0.9, batch 100", _RESNET, limit=5000),
    Case("VGG-11 ÷ 8 at 64 px, Fashion-MNIST", "Adam, learning rate 0.001, batch 64", _VGG, limit=6000),
)
SMALL = Case("LeNet, sample", "a check that it works", presets.preset("lenet-sample").settings, epochs=2, limit=256)


def measure(
    cases: Iterable[Case], seeds: int, home: Path, record: Record, *, at_most: int | None = None, path: Path | None = None
) -> None:
    """Trains and adds what `record` lacks, at most `at_most` trainings; writes the record to `path` after each.

    Raises ValueError for another machine's record or missing images, RuntimeError for a failed training.
    """
    here = machine()
    if any(record.setdefault("machine", here)[key] != here[key] for key in ("cpu", "torch")):
        raise ValueError("The record is from another machine or version of torch. Move it away to start a new one.")
    runs = record.setdefault("runs", [])
    places = {"home": str(home), "data": os.environ.get("CNNLAB_DATA")}
    plan = [(case, case.job(seed, precision)) for case, seed, precision in product(cases, range(seeds), PRECISIONS)]
    for case, job in [(case, job) for case, job in plan if all(one["job"] != job for one in runs)][:at_most]:
        trained = answer({"kind": "ours", **places, **job})
        named = f"{case.title}, seed {job['settings']['seed']}, {job['settings']['precision']}"
        if "skipped" in trained:
            raise RuntimeError(f"{named}: {trained['skipped']}.")
        if trained["accuracy"] is None:
            raise ValueError(f"{case.title}: its images are not on this machine. Put their folder into CNNLAB_DATA.")
        kept = {name: trained[name] for name in ("source", "train_images", "test_images", "accuracies")}
        runs.append({"title": case.title, "job": job, **kept})
        print(f"{named}: {trained['accuracies'][-1]:.4f}", file=sys.stderr, flush=True)
        if path:
            path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def pairs(case: Case, record: Record) -> Pairs:
    """The seeds that are recorded in both precisions."""

    def accuracies(seed: int, precision: str) -> list[float] | None:
        return next((one["accuracies"] for one in record["runs"] if one["job"] == case.job(seed, precision)), None)

    seeds = sorted({one["job"]["settings"]["seed"] for one in record["runs"]})
    both = {seed: (accuracies(seed, "float32"), accuracies(seed, "bfloat16")) for seed in seeds}
    return {seed: (full, short) for seed, (full, short) in both.items() if full and short}


def differences(by_seed: Pairs, when: str) -> list[float]:
    """bfloat16 − float32 of the same seed, in percentage points."""
    return [100 * (WHEN[when](short) - WHEN[when](full)) for full, short in by_seed.values()]


def between_seeds(by_seed: Pairs, when: str) -> list[float]:
    """Differences of every two seeds in float32, in percentage points."""
    values = [WHEN[when](full) for full, _ in by_seed.values()]
    return [100 * abs(one - other) for one, other in combinations(values, 2)]


def render(record: Record, cases: Sequence[Case] = CASES) -> str:
    """The Markdown between the markers of docs/RESULTS.md: all cases in one table, then each with its seeds."""
    where = record["machine"]
    measured = [(case, by_seed) for case in cases if (by_seed := pairs(case, record))]
    titles = ("network", "accuracy after the", "float32", "bfloat16 − float32", "its size", "between two float32 seeds")
    lines = [
        f"Measured on {where['when']}: {where['cpu']}, Python {where['python']}, torch {where['torch']}.",
        "",
        table(titles, [_summary(case, when, by_seed) for when in WHEN for case, by_seed in measured], left=2),
    ]
    if missing := [case.title for case in cases if not pairs(case, record)]:
        lines += [f"Not measured yet: {'; '.join(missing)}.", ""]
    columns = [f"{when}: {one}" for when in WHEN for one in (*PRECISIONS, "difference")]
    for case, by_seed in measured:
        run = next(run for run in record["runs"] if run["job"] == case.job(min(by_seed), "float32"))
        images = f"{run['source']}: {run['train_images']:,} training and {run['test_images']:,} test images"
        lines += [f"### {case.title}", "", f"{images}, {case.epochs} epochs; {case.recipe}.", ""]
        lines += [table(("seed", *columns), [_seed(seed, *both) for seed, both in by_seed.items()], left=0)]
    return "\n".join(lines)


def _summary(case: Case, when: str, by_seed: Pairs) -> tuple[str, ...]:
    points, full = differences(by_seed, when), [WHEN[when](full) for full, _ in by_seed.values()]
    spread = f", standard deviation {statistics.stdev(points):.2f}" if len(points) > 1 else ""
    return (
        case.title,
        when,
        f"{statistics.mean(full):.4f} ({min(full):.4f}–{max(full):.4f}, n = {len(full)})",
        f"{signed(statistics.mean(points))} ({signed(min(points))} … {signed(max(points))}{spread})",
        _mean([abs(one) for one in points]),
        _mean(between_seeds(by_seed, when)),
    )


def _mean(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.2f} ({min(values):.2f}–{max(values):.2f}, n = {len(values)})" if values else "–"


def _seed(seed: int, full: Sequence[float], short: Sequence[float]) -> tuple[str, ...]:
    values = [(pick(full), pick(short)) for pick in WHEN.values()]
    return (str(seed), *(cell for one, other in values for cell in (f"{one:.4f}", f"{other:.4f}", signed(100 * (other - one)))))


def signed(points: float) -> str:
    """`+0.31`, `−0.40`."""
    return f"{points:+.2f}".replace("-", "−")


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a check in seconds that it works, on the sample: writes nothing")
    parser.add_argument("--only", metavar="TEXT", default="", help="cases with TEXT in their title; the others stay as recorded")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from 0 on")
    parser.add_argument("--at-most", type=int, metavar="N", help="stop after N trainings; the next command continues")
    parser.add_argument("--home", type=Path, help="keep decoded images here for the next command")
    parser.add_argument("--render", action="store_true", help="write the page from the recorded figures without training")
    given = parser.parse_args(None if arguments is None else list(arguments))
    cases = [case for case in CASES if given.only in case.title]
    if not cases:
        parser.error(f"no case has {given.only!r} in its title; the cases are: {'; '.join(case.title for case in CASES)}")
    record: Record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() and not given.small else {}
    with tempfile.TemporaryDirectory() as folder:
        if given.small:
            measure((SMALL,), 1, Path(folder), record)
            print(render(record, (SMALL,)))
            return
        if not given.render:
            measure(cases, given.seeds, given.home or Path(folder), record, at_most=given.at_most, path=RECORD)
    put("precision", render(record))


if __name__ == "__main__":
    main()
