"""`python -m benchmarks NAME`: measures, stores the figures as JSON and writes them into docs/BENCHMARKS.md."""

from __future__ import annotations

import importlib
import json
import os
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.results_page import BENCHMARKS_PAGE, RECORDS, machine, put
from benchmarks.targets import BY_BENCHMARK, targets_table


class Name(StrEnum):
    """The benchmarks, in the page's order. Each module is imported on use, because a GPU machine may lack Streamlit."""

    TRAINING = "training"
    STRUCTURE = "structure"
    PAGE = "page"
    SCALE = "scale"
    START = "start"
    FIRST_VISIT = "first-visit"
    BESIDE = "beside"
    CLASS_LOAD = "class-load"
    REACH = "reach"
    ALL = "all"


NAMES = tuple(name.value for name in Name if name is not Name.ALL)


def record(name: str, small: bool, rounds: int) -> dict[str, Any]:
    """Measures and returns the record without writing it."""
    began = time.perf_counter()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    measured = _module(name).measure(small, rounds)
    command = f"python -m benchmarks {name}" + (" --small" if small else "") + f" --rounds {rounds}"
    return {"machine": machine(), "command": command, "load": load, "took": round(time.perf_counter() - began, 1), **measured}


def write(name: str, kept: dict[str, Any], folder: Path = RECORDS) -> Path:
    """Stores a record in its own file; a variant has a file of its own."""
    folder.mkdir(exist_ok=True)
    path = folder / (f"{name}-{kept['variant']}.json" if kept.get("variant") else f"{name}.json")
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return path


def records(name: str, folder: Path = RECORDS) -> list[dict[str, Any]]:
    """The stored records of a benchmark, variants in the order of their names."""
    paths = [path for path in (folder / f"{name}.json", *sorted(folder.glob(f"{name}-*.json"))) if path.exists()]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def section(name: str, kept: list[dict[str, Any]]) -> str:
    """The section's Markdown: machine, the benchmark's tables, and its targets with their verdicts."""
    if not kept:
        return "Not measured yet.\n"
    parts = []
    for run in kept:
        where = run["machine"]
        versions = [
            f"{label} {where[key]}"
            for key, label in (("python", "Python"), ("torch", "torch"), ("streamlit", "Streamlit"))
            if where.get(key)
        ]
        on = ", ".join(part for part in (where["cpu"], where.get("gpu", ""), where.get("system", "")) if part)
        busy = f"; load average {run['load']:.2f} before it began" if run.get("load") is not None else ""
        parts += [
            f"Measured on {where['when']} by `{run['command']}` in {run['took']:,.0f} s: {on}; {', '.join(versions)}{busy}.\n"
        ]
        parts += [_module(name).render(run)]
    if name in BY_BENCHMARK:
        values = {key: value for run in kept for key, value in run.get("targets", {}).items()}
        parts += [targets_table(BY_BENCHMARK[name], values)]
    return "\n".join(parts)


def _module(name: str) -> Any:
    return importlib.import_module(f"benchmarks.{name.replace('-', '_')}")


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    name: Annotated[Name, typer.Argument(help="Which benchmark; 'all' runs every one in turn.")],
    small: Annotated[bool, typer.Option("--small", help="A check in seconds that it works; writes nothing.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="How often each figure is measured.")] = 5,
    render: Annotated[bool, typer.Option("--render", help="Write the page from the records without measuring.")] = False,
) -> None:
    """Measures the lab against what its users would use instead. Run it on an otherwise idle machine."""
    for benchmark in NAMES if name is Name.ALL else (name.value,):
        if small:
            print(section(benchmark, [record(benchmark, small, rounds)]))
            continue
        if not render:
            print(f"{benchmark}: {write(benchmark, record(benchmark, small, rounds))}", flush=True)
        put(benchmark, section(benchmark, records(benchmark)), BENCHMARKS_PAGE)


if __name__ == "__main__":
    app()
