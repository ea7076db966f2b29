"""Accuracy in seconds: how long the recipes that are named for an accuracy take to reach it, from *Start*.

    CNNLAB_DATA=<folder with the data sets> python -m benchmarks.reach --data mnist --rounds 5

The unit that holds on any machine is one epoch of the course's own loop with its recipe, timed in the same round. Its whole recipe,
and the same in the d2l book's loop, which computes less beside the training, are trained too with `--rivals`.
Each seed is a round. Recipes were chosen by their accuracy on a share of the training images, never on the test images.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from benchmarks.figures import figure, number, table, text
from benchmarks.fresh_process import answer
from benchmarks.from_start import Round, from_start, warm_lab
from benchmarks.reach_cases import CASES, SMALL, Case
from benchmarks.results_page import machine
from cnnlab import presets

RIVALS = {"course": "course's loop, its recipe", "tidy": "d2l's loop, the same recipe"}


@dataclass(frozen=True)
class Way:
    """How a record is measured: `lab` is a lab with running processes; without one, a process trains."""

    base: dict[str, Any]  # what each job in a fresh process has
    lab: Any
    seeds: tuple[int, ...]
    rivals: bool
    epochs: int | None = None  # instead of each recipe's own

    def settings(self, preset: str, seed: int) -> dict[str, Any]:
        changed = {"epochs": self.epochs} if self.epochs else {}
        return presets.preset(preset).settings | {"device": "cpu", "seed": seed} | changed

    def other(self, kind: str, preset: str, seed: int, epochs: int | None = None) -> dict[str, Any]:
        """The answer of a fresh process that trains the recipe in the way of `kind`."""
        settings = self.settings(preset, seed)
        return answer({**self.base, "kind": kind, "settings": settings, "epochs": epochs or settings["epochs"]})

    def ours(self, preset: str, seed: int) -> Round:
        if self.lab is None:
            trained = self.other("ours", preset, seed)
            clock = accumulate(trained.get("clock", []), initial=trained.get("loading", 0.0))
            return {"clock": list(clock)[1:], **_kept(trained)}
        from cnnlab.config import RunConfig  # noqa: PLC0415

        return from_start(self.lab, RunConfig.make(**self.settings(preset, seed)))


def measure(
    small: bool, rounds: int, *, data: str = "", only: str = "", rivals: bool = False, seeds: Iterable[int] = ()
) -> dict[str, Any]:
    """The record: for each case its rounds, a seed each. `data` names one data set, `only` recipes.

    `small` is two epochs of the first recipe on a part of the bundled sample, in a process without a lab.
    """
    folder = os.environ.get("CNNLAB_DATA")
    numbers = tuple(seeds) or tuple(range(rounds))
    with tempfile.TemporaryDirectory() as home:
        base = {"home": home, "data": folder}
        if small:
            return {"cases": [_case(SMALL, Way({**base, "limit": 64}, None, (0,), rivals=True, epochs=2), "")]}
        lab = warm_lab(Path(home), Path(folder) if folder else None)
        try:
            way = Way(base, lab, numbers, rivals)
            cases = [_case(case, way, only) for case in CASES if data in ("", case.data)]
        finally:
            if lab:
                lab.shut_down()
    return {"cases": cases, "targets": {name: value for case in cases for name, value in _targets(case)}}


def _case(case: Case, way: Way, only: str) -> dict[str, Any]:
    goals = [goal for goal in case.goals if not only or goal.preset in only.split(",")]
    # Decodes the images where that is needed, which is not part of a training.
    settings = way.settings(case.course, 0)
    source = answer({**way.base, "kind": "ours", "settings": settings, "epochs": 1, "limit": 64}).get("source", "no images")
    kept: dict[str, Any] = {"title": case.title, "source": source, "course": case.course, "rounds": [], "rivals": {}}
    kept["goals"] = [{**asdict(goal), "target": goal.target} for goal in goals]
    for seed in way.seeds:
        unit = way.other("course", case.course, seed, epochs=1)
        turn: dict[str, Any] = {"seed": seed, "unit": unit.get("seconds", [None])[0], "runs": {}}
        for goal in goals:
            turn["runs"][goal.preset] = way.ours(goal.preset, seed)
        kept["rounds"].append(turn)
        print(case.title, json.dumps(turn), file=sys.stderr, flush=True)
        for kind in RIVALS if way.rivals else ():
            kept["rivals"].setdefault(kind, []).append({"seed": seed, **_kept(way.other(kind, case.course, seed))})
    return kept


def _kept(answered: dict[str, Any]) -> Round:
    return {name: answered[name] for name in ("skipped", "seconds", "accuracies", "notices") if name in answered}


def reached(run: Round, accuracy: float) -> float | None:
    """Seconds until the first epoch at the accuracy; None where no epoch was."""
    clock = run.get("clock") or list(accumulate(run.get("seconds", [])))
    return next((spent for spent, found in zip(clock, run.get("accuracies", []), strict=False) if found >= accuracy), None)


def _in_units(case: dict[str, Any], goal: dict[str, Any]) -> Iterator[float]:
    """Of each round whose run reached the goal: the time, in epochs of the course's loop."""
    for turn in case["rounds"]:
        spent = reached(turn["runs"][goal["preset"]], goal["accuracy"])
        if spent is not None and turn["unit"]:
            yield spent / turn["unit"]


def _targets(case: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """A goal counts where more than half of the seeds reached it: then the median over all of them is a time."""
    for goal in case["goals"]:
        found = list(_in_units(case, goal))
        missed = len(case["rounds"]) - len(found)
        if len(found) > missed:
            yield goal["target"], statistics.median(found + [math.inf] * missed)


def render(record: dict[str, Any]) -> str:
    """Markdown: a table of the recipes for each data set, and the course's recipe beside them."""
    lines = []
    for case in record["cases"]:
        unit = _text((turn["unit"] for turn in case["rounds"] if turn["unit"]), "s")
        lines.append(f"### {case['title']}: seconds to an accuracy\n")
        lines.append(f"Images: {case['source']}. An epoch of the course's loop with `{case['course']}`: {unit}.\n")
        titles = ("recipe", "test accuracy", "seeds that reach it", "from Start", "in epochs of the course's loop", "at the end")
        lines.append(table(titles, _rows(case)))
        if case["rivals"]:
            titles = ("rival", "test accuracy", "seeds that reach it", "seconds", "best accuracy of each seed")
            lines.append(table(titles, _rival_rows(case)))
    return "\n".join(lines)


def _rows(case: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for goal in case["goals"]:
        runs = [turn["runs"][goal["preset"]] for turn in case["rounds"]]
        units = _text(_in_units(case, goal), "×")
        ends = _text((100 * run["accuracies"][-1] for run in runs if run.get("accuracies")), "%")
        yield (f"`{goal['preset']}`", *_reaching(runs, goal), f"{units}, goal {number(goal['epochs'])}", ends)


def _rival_rows(case: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for kind, runs in case["rivals"].items():
        best = ", ".join(f"{max(run['accuracies']):.4f}" for run in runs if run.get("accuracies"))
        for goal in case["goals"]:
            yield (RIVALS[kind], *_reaching(runs, goal), best)


def _reaching(runs: list[Round], goal: dict[str, Any]) -> tuple[str, str, str]:
    """The accuracy, how many of the runs reach it, and their seconds until then."""
    seconds = [spent for run in runs if (spent := reached(run, goal["accuracy"])) is not None]
    return f"{100 * goal['accuracy']:g} %", f"{len(seconds)} of {len(runs)}", _text(seconds, "s")


def _text(values: Iterable[float], unit: str) -> str:
    taken = list(values)
    return text(figure(taken, unit)) if taken else "–"


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a check in seconds that it works, on the bundled sample")
    parser.add_argument("--rounds", type=int, default=5, help="number of seeds")
    parser.add_argument("--seeds", type=lambda listed: [int(seed) for seed in listed.split(",")], default=(), help="these instead")
    parser.add_argument("--data", default="", choices=["", *(case.data for case in CASES)], help="one data set")
    parser.add_argument("--only", default="", help="these recipes, with commas between")
    parser.add_argument("--rivals", action="store_true", help="the whole recipe of the course too")
    parser.add_argument("--output", type=Path, help="write the record")
    given = vars(parser.parse_args(None if arguments is None else list(arguments)))
    output, small, rounds = given.pop("output"), given.pop("small"), given.pop("rounds")
    began, load = time.perf_counter(), os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    command = "python -m benchmarks.reach" + "".join(
        f" --{name} {','.join(map(str, value)) if isinstance(value, list) else value}".removesuffix(" True")
        for name, value in {"rounds": rounds, **given}.items()
        if value
    )
    measured = measure(small, rounds, **given)
    record = {"machine": machine(), "command": command, "load": load, "took": round(time.perf_counter() - began, 1), **measured}
    if given["data"]:
        record["variant"] = given["data"]
    if output:
        output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(render(record))


if __name__ == "__main__":
    main()
