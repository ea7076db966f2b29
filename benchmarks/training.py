"""Seconds per epoch: the lab against the course's own loop and against the floors, in turns, each in a fresh process.

    CNNLAB_DATA=<folder with FashionMNIST and CIFAR-10> python -m benchmarks training
    python -m benchmarks.training --only LeNet --rounds 2 --output lenet.json

The second form measures a part, needs torch and torchvision alone, and writes only its own file.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import speed_run
from benchmarks.fresh_process import answer as _in_process
from benchmarks.results_page import machine
from benchmarks.stolen import Stolen
from benchmarks.training_cases import Case, Contestant, cases, small_case
from benchmarks.training_table import Round, calm, ratios, render, steady

__all__ = ["measure", "merged", "render"]

SMALL_IMAGES = 256


def measure(
    small: bool,
    rounds: int,
    *,
    only: str = "",
    without: Iterable[str] = (),
    epochs: int | None = None,
    share: float | None = None,
    device: str | None = None,
    keep: Callable[[dict[str, Any]], None] = lambda _: None,
) -> dict[str, Any]:
    """The record. `only` keeps the cases with this text in their title, `without` leaves out contestants by name.

    `epochs` and `share` of the images replace each case's own. `small` is one case on a few random images. `keep` receives the
    record after every turn, so that an interruption loses only the last turn. On a GPU the speed run comes last.
    """
    device = device or _device()
    chosen = [small_case()] if small else [case for case in cases(device) if only.lower() in case.title.lower()]
    # On a CPU it would take a day, and no target covers that.
    speed = not small and device.startswith("cuda") and only.lower() in speed_run.TITLE.lower()
    if not chosen and not speed:
        raise SystemExit(f"No case has {only!r} in its title; the cases are: {'; '.join(case.title for case in cases(device))}.")
    record: dict[str, Any] = {"variant": device.partition(":")[0], "device": device, "rounds": rounds, "load": _load()}
    record |= {"cases": [], "targets": {}}
    with tempfile.TemporaryDirectory() as home:
        for case in chosen:
            extra = {"limit": SMALL_IMAGES, "made_up": True} if small else {"share": case.share if share is None else share}
            job = {"settings": case.settings, "epochs": epochs or case.epochs, "home": home, "data": os.environ.get("CNNLAB_DATA")}
            field = [one for one in case.contestants(device) if one.name not in without and not (small and one.kind == "compiled")]
            cases_before, targets_before = record["cases"], record["targets"]
            for turns in _in_turns(field, {**job, **extra}, device, rounds):
                done = _case(case, job, turns)
                record["cases"] = [*cases_before, done]
                if not small:
                    record["targets"] = targets_before | _targets(case, turns, done)
                keep(record)
    if speed:
        record["speed_run"] = speed_run.measure(False, rounds, device=device, epochs=epochs)
        record["targets"] |= record["speed_run"]["targets"]
        keep(record)
    return record


def _in_turns(field: list[Contestant], job: dict[str, Any], device: str, rounds: int) -> Iterator[dict[str, list[Round]]]:
    """A B C D A B C D …; yields all turns so far after each. A contestant that was skipped once has no more turns."""
    turns: dict[str, list[Round]] = {one.name: [] for one in field}
    for number in range(rounds):
        for one in field:
            if any("skipped" in done for done in turns[one.name]):
                continue
            settings = {**job["settings"], **one.settings, "device": device, "seed": number}
            before = _compiled_before(one, job, settings) if number == 0 else {}
            done = before if "skipped" in before else {**_turn({**job, "kind": one.kind, "settings": settings}), **before}
            turns[one.name].append(done)
            outcome = done.get("skipped") or " ".join(f"{value:.2f}" for value in done["seconds"])
            print(f"round {number + 1}, {one.name}: {outcome}; stolen {done.get('stolen', 0):.1%}", file=sys.stderr, flush=True)
            yield turns


def _turn(job: dict[str, Any]) -> Round:
    """The answer of the process, with "stolen": the share of all processors that the host gave to others."""
    stolen = Stolen()
    return _in_process(job) | {"stolen": stolen.share()}


def _compiled_before(one: Contestant, job: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Compiles into the cache as an earlier run would have, for a contestant that uses it, and returns how long that took."""
    return _in_process({**job, "kind": "compiling", "settings": settings}) if one.settings.get("compile") else {}


def _case(case: Case, job: dict[str, Any], turns: dict[str, list[Round]]) -> dict[str, Any]:
    """A case's part of the record. Raises RuntimeError if contestants did different work."""
    done = [one for rounds in turns.values() for one in rounds if "skipped" not in one]
    shared = ("source", "train_images", "test_images", "steps")
    same = {tuple(one[key] for key in shared) for one in done}
    if len(same) > 1:
        raise RuntimeError(f"{case.title}: contestants trained on different numbers of images or steps: {sorted(same)}.")
    work = dict(zip(shared, same.pop(), strict=True)) if same else {}
    return {
        "title": case.title,
        "settings": case.settings,
        "ours": [one.name for one in case.ours if one.name in turns],
        "epochs": job["epochs"],
        **work,
        "rounds": turns,
    }


def _targets(case: Case, turns: dict[str, list[Round]], recorded: dict[str, Any]) -> dict[str, float]:
    values = {}
    for name, (mine, theirs) in case.targets.items():
        taken = [value for one in calm(turns.get(mine.name, [])) for value in steady(one)]
        compared = ratios(recorded, theirs.name, mine.name) if theirs else taken
        if compared:
            values[name] = statistics.median(compared)
    own = [one["peak_bytes"] for one in turns.get(case.ours[0].name, []) if one.get("peak_bytes")]
    if case.memory_target and own:
        values[case.memory_target] = max(own) / 1e6
    return values


def _device() -> str:
    """Queried in another process, so that this one does not load torch and take memory from the contestants."""
    code = "import torch; print('cuda:0' if torch.cuda.is_available() else 'cpu')"
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def _load() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a check in seconds that it works, on random images")
    parser.add_argument("--rounds", type=int, default=5, help="number of turns of each contestant")
    parser.add_argument("--only", metavar="TEXT", default="", help="cases with TEXT in their title")
    parser.add_argument("--without", metavar="NAME", action="append", default=[], help="leave out a contestant; may be repeated")
    parser.add_argument("--epochs", type=int, help="epochs per process, instead of each case's own")
    parser.add_argument("--share", type=float, help="share of the images, instead of each case's own")
    parser.add_argument("--device", help="cpu, cuda:0, …; the first GPU by default, else the CPU")
    parser.add_argument("--output", type=Path, help="write the record; its cases that are not measured again stay")
    given = vars(parser.parse_args(None if arguments is None else list(arguments)))
    output, small, rounds = given.pop("output"), given.pop("small"), given.pop("rounds")
    began = time.perf_counter()
    command = "python -m benchmarks.training " + " ".join(sys.argv[1:] if arguments is None else arguments)
    old = json.loads(output.read_text(encoding="utf-8")) if output and output.exists() else None

    def record(measured: dict[str, Any]) -> dict[str, Any]:
        new = {"machine": machine(), "command": command, "took": round(time.perf_counter() - began, 1), **measured}
        return merged(old, new) if old else new

    def keep(measured: dict[str, Any]) -> None:
        if output:
            output.write_text(json.dumps(record(measured), indent=1) + "\n", encoding="utf-8")

    print(render(record(measure(small, rounds, **given, keep=keep))))


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`new` plus the cases and targets that only `old` has. Raises ValueError if they are from different machines."""
    if any(old["machine"][key] != new["machine"][key] for key in ("cpu", "gpu", "torch")) or old["device"] != new["device"]:
        raise ValueError("The record is from another machine, device or version of torch. Choose another --output.")
    cases_by_title = {case["title"]: case for case in (*old["cases"], *new["cases"])}
    return {
        **old,
        **new,
        "cases": [*cases_by_title.values()],
        "targets": old["targets"] | new["targets"],
        "took": old["took"] + new["took"],
    }


if __name__ == "__main__":
    main()
