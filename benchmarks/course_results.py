"""Trains the course's recipes for LeNet and the small ResNet as printed, three seeds each, for docs/RESULTS.md.

    CNNLAB_DATA=<folder with MNIST, FashionMNIST and CIFAR-10> python -m benchmarks.course_results --only lenet

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

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Recipe:
    architecture: str
    preset: str
    title: str
    printed: str
    expectation: str


LENET = (
    Recipe(
        "lenet",
        "lenet-fashion-mnist",
        "LeNet on Fashion-MNIST (SGD, learning rate 0.9, batch 256, 10 epochs, Xavier uniform)",
        "train .821, test .804 after 10; epoch 1 .100/.168, epoch 2 .355/.599",
        "The d2l book's re-runs (n = 130): test accuracy from .752 to .828, median .808.",
    ),
    Recipe(
        "lenet",
        "lenet-mnist",
        "LeNet on MNIST (SGD, learning rate 0.5, batch 100, 16 epochs, Xavier uniform)",
        "loss .0452, train .9866, test .9849 after 16; flat at about .10 for the first two epochs",
        "16 epochs must reach a test accuracy of .98.",
    ),
)
RESNET = (
    Recipe(
        "course-resnet",
        "resnet-cifar10",
        "Small ResNet on CIFAR-10 (SGD, learning rate 0.9, batch 100, 10 epochs, random flip and greyscale)",
        "train about .995, test .52 to .61 after 10",
        "The course normalises its training images only; here the test images are normalised too.",
    ),
)
# Trained on different days and machines, so each has a record of its own: its name, and the section of the page.
GROUPS = {"lenet": ("course_results", "course results", LENET), "resnet": ("course_resnet", "course resnet", RESNET)}


def command(recipe: Recipe, seed: int) -> list[str]:
    """The arguments of Python for one row."""
    return [
        "-m",
        "cnnlab",
        "train",
        recipe.architecture,
        "--recipe",
        recipe.preset,
        "--seed",
        str(seed),
        "--device",
        "cpu",
        "--json",
    ]


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


def render(record: dict[str, Any], recipes: Iterable[Recipe]) -> str:
    """The Markdown between the markers of docs/RESULTS.md."""
    where = record["machine"]
    lines = [f"Measured on {where['when']}: {where['cpu']}, Python {where['python']}, torch {where['torch']}.", ""]
    for recipe in recipes:
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
    parser.add_argument("--only", choices=GROUPS, help="these recipes alone")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    for group, (name, section, recipes) in GROUPS.items():
        if chosen.only not in (None, group):
            continue
        path = RECORDS / f"{name}.json"
        if not chosen.render:
            RECORDS.mkdir(exist_ok=True)
            path.write_text(json.dumps({"machine": machine(), "runs": _train(recipes)}, indent=1) + "\n", encoding="utf-8")
        put(section, render(json.loads(path.read_text(encoding="utf-8")), recipes))


def _train(recipes: Iterable[Recipe]) -> list[dict[str, Any]]:
    runs = []
    with tempfile.TemporaryDirectory() as home:
        for recipe in recipes:
            for seed in SEEDS:
                runs.append(run(recipe, seed, Path(home)))
                print(recipe.preset, seed, _pair(runs[-1]["epochs"][-1]), flush=True)
    return runs


if __name__ == "__main__":
    main()
