"""Trains the course's LeNet recipes as printed, three seeds each, and writes the results into docs/RESULTS.md.

    CNNLAB_DATA=<folder with MNIST and FashionMNIST> python -m benchmarks.course_results

Each run is one command of the command line, one after another, so that a single row can be repeated.
`--render` rewrites the page from the recorded figures without training.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results_page import RECORDS, ROOT, machine, put

RECORD = RECORDS / "course_results.json"
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Recipe:
    preset: str
    title: str
    printed: str
    expectation: str


RECIPES = (
    Recipe(
        "lenet-fashion-mnist",
        "LeNet on Fashion-MNIST (SGD, learning rate 0.9, batch 256, 10 epochs, Xavier uniform)",
        "train .821, test .804 after 10; epoch 1 .100/.168, epoch 2 .355/.599",
        "The d2l book's re-runs (n = 130): test accuracy from .752 to .828, median .808.",
    ),
    Recipe(
        "lenet-mnist",
        "LeNet on MNIST (SGD, learning rate 0.5, batch 100, 16 epochs, Xavier uniform)",
        "loss .0452, train .9866, test .9849 after 16; flat at about .10 for the first two epochs",
        "16 epochs must reach a test accuracy of .98.",
    ),
)


def command(recipe: Recipe, seed: int) -> list[str]:
    """The arguments of Python for one row."""
    return ["-m", "cnnlab", "train", "lenet", "--recipe", recipe.preset, "--seed", str(seed), "--device", "cpu", "--json"]


def run(recipe: Recipe, seed: int, home: Path) -> dict[str, Any]:
    """Trains once and returns the epochs that the command line printed. Raises CalledProcessError if it fails."""
    done = subprocess.run(
        [sys.executable, *command(recipe, seed), "--home", str(home)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return {
        "preset": recipe.preset,
        "seed": seed,
        "epochs": [event for event in events if event["event"] == "epoch_done"],
        "notices": [event["message"] for event in events if event["event"] == "notice"],
    }


def render(record: dict[str, Any]) -> str:
    """The Markdown between the markers of docs/RESULTS.md."""
    where = record["machine"]
    lines = [f"Measured on {where['when']}: {where['cpu']}, Python {where['python']}, torch {where['torch']}.", ""]
    for recipe in RECIPES:
        runs = [one for one in record["runs"] if one["preset"] == recipe.preset]
        lines += [f"### {recipe.title}", "", f"The course printed: {recipe.printed}. {recipe.expectation}", ""]
        titles = (
            "seed",
            "train loss",
            "train accuracy",
            "test accuracy",
            "best test accuracy (epoch)",
            "flat epochs",
            "seconds an epoch",
        )
        lines += ["| " + " | ".join(titles) + " |", "|---:" * len(titles) + "|"]
        lines += [_row(one) for one in runs]
        lines += ["", "Accuracy by epoch (train/test):", ""]
        lines += [f"- seed {one['seed']}: " + " · ".join(_pair(epoch) for epoch in one["epochs"]) for one in runs]
        lines += ["", "Each row: `python " + " ".join(command(recipe, 0)).replace("--seed 0", "--seed <seed>") + "`", ""]
    return "\n".join(lines)


def _row(one: dict[str, Any]) -> str:
    last = one["epochs"][-1]
    best = max(one["epochs"], key=lambda epoch: epoch["test_accuracy"])
    # Flat: below 1.5 times chance, which for ten classes is 15 % of the training images.
    flat = sum(epoch["train_accuracy"] < 0.15 for epoch in one["epochs"])
    seconds = sorted(epoch["seconds"] for epoch in one["epochs"])
    middle = f"{seconds[len(seconds) // 2]:.1f} ({seconds[0]:.1f}–{seconds[-1]:.1f})"
    return (
        f"| {one['seed']} | {last['train_loss']:.4f} | {last['train_accuracy']:.4f} | {last['test_accuracy']:.4f} "
        f"| {best['test_accuracy']:.4f} ({best['epoch']}) | {flat} | {middle} |"
    )


def _pair(epoch: dict[str, Any]) -> str:
    return f"{epoch['train_accuracy']:.3f}/{epoch['test_accuracy']:.3f}"


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--render", action="store_true", help="write the page from the recorded figures without training")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    if not chosen.render:
        runs = []
        with tempfile.TemporaryDirectory() as home:
            for recipe in RECIPES:
                for seed in SEEDS:
                    runs.append(run(recipe, seed, Path(home)))
                    print(recipe.preset, seed, _pair(runs[-1]["epochs"][-1]), flush=True)
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text(json.dumps({"machine": machine(), "runs": runs}, indent=1) + "\n", encoding="utf-8")
    put("course results", render(json.loads(RECORD.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
