"""Trains a recipe with several seeds, for the band that the page of a run draws behind its curves (`cnnlab/known_runs.json`).

    CNNLAB_DATA=<folder with the data sets> python -m benchmarks.known_runs lenet-sample --seeds 10

Seeds that are known already are not trained again. `--records` takes over what other benchmarks have recorded of whole recipes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.course_results import Recipe, run
from benchmarks.results_page import RECORDS, machine
from cnnlab.known_runs import FEWEST, MEASURED
from cnnlab.presets import preset, presets


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="*", help="recipes to train, by name")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds, from 0 on")
    parser.add_argument("--records", action="store_true", help="take over the runs in benchmarks/records")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    known: dict[str, list[dict[str, Any]]] = json.loads(MEASURED.read_text(encoding="utf-8"))["runs"] if MEASURED.exists() else {}
    if chosen.records:
        recorded: dict[str, list[dict[str, Any]]] = {}
        for name, one in _recorded():
            _keep(recorded, name, one)
        for name, runs in recorded.items():
            for one in runs if len(runs) >= FEWEST else ():
                _keep(known, name, one)
    for name in chosen.recipe:
        for seed in range(chosen.seeds):
            if all(one["seed"] != seed for one in known.get(name, [])):
                _keep(known, name, _train(name, seed))
                print(name, seed, known[name][-1]["test_accuracies"][-1], flush=True)
    _write(known)


def _train(name: str, seed: int) -> dict[str, Any]:
    recipe = Recipe(preset(name).config().architecture, name, "", "", "")
    with tempfile.TemporaryDirectory() as home:
        epochs = run(recipe, seed, Path(home))["epochs"]
    return _run(seed, [epoch["test_accuracy"] for epoch in epochs], machine())


def _recorded() -> Iterable[tuple[str, dict[str, Any]]]:
    for path in sorted(RECORDS.glob("course_*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        for one in record["runs"]:
            yield one["preset"], _run(one["seed"], [epoch["test_accuracy"] for epoch in one["epochs"]], record["machine"])
    for path in sorted(RECORDS.glob("reach-*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        for each in (each for case in record["cases"] for each in case["rounds"]):
            for name, one in each["runs"].items():
                if len(one["accuracies"]) == preset(name).config().epochs:
                    yield name, _run(each["seed"], one["accuracies"], record["machine"])


def _run(seed: int, accuracies: list[float], where: dict[str, str]) -> dict[str, Any]:
    place = {key: where[key] for key in ("when", "cpu", "torch")}
    return {"seed": seed, "test_accuracies": [round(share, 5) for share in accuracies], **place}


def _keep(known: dict[str, list[dict[str, Any]]], name: str, one: dict[str, Any]) -> None:
    others = [other for other in known.get(name, []) if other["seed"] != one["seed"]]
    known[name] = sorted([*others, one], key=lambda other: other["seed"])


def _write(known: dict[str, list[dict[str, Any]]]) -> None:
    order = [recipe.name for recipe in presets() if recipe.name in known]
    runs = ",\n".join(
        f'  "{name}": [\n' + ",\n".join(f"   {json.dumps(one)}" for one in known[name]) + "\n  ]" for name in order
    )  # a line a run
    MEASURED.write_text(f'{{"runs": {{\n{runs}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
