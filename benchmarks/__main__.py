"""`python -m benchmarks NAME`: measures, keeps the figures as JSON and puts them into docs/BENCHMARKS.md."""

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
    """The benchmarks, in the page's order. Each is imported when asked for: a GPU machine need not have Streamlit."""

    TRAINING = "training"
    STRUCTURE = "structure"
    PAGE = "page"
    SCALE = "scale"
    START = "start"
    ALL = "all"


NAMES = tuple(name.value for name in Name if name is not Name.ALL)


def record(name: str, small: bool, rounds: int) -> dict[str, Any]:
    """Measures; nothing is written."""
    began = time.perf_counter()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    found = _module(name).measure(small, rounds)
    command = f"python -m benchmarks {name}" + (" --small" if small else "") + f" --rounds {rounds}"
    return {"machine": machine(), "command": command, "load": load, "took": round(time.perf_counter() - began, 1), **found}


def write(name: str, kept: dict[str, Any], folder: Path = RECORDS) -> Path:
    """Keeps a record, in its variant's place where it has one."""
    folder.mkdir(exist_ok=True)
    path = folder / (f"{name}-{kept['variant']}.json" if kept.get("variant") else f"{name}.json")
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return path


def records(name: str, folder: Path = RECORDS) -> list[dict[str, Any]]:
    """What is recorded of a benchmark, its variants in the order of their names."""
    paths = [path for path in (folder / f"{name}.json", *sorted(folder.glob(f"{name}-*.json"))) if path.exists()]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def section(name: str, kept: list[dict[str, Any]]) -> str:
    """The section's Markdown: machine, the benchmark's own tables, and how its targets fared."""
    if not kept:
        return "Not measured yet.\n"
    parts = []
    for one in kept:
        where = one["machine"]
        versions = [
            f"{label} {where[key]}"
            for key, label in (("python", "Python"), ("torch", "torch"), ("streamlit", "Streamlit"))
            if where.get(key)
        ]
        on = ", ".join(part for part in (where["cpu"], where.get("gpu", ""), where.get("system", "")) if part)
        busy = f"; load average {one['load']:.2f} before it began" if one.get("load") is not None else ""
        parts += [
            f"Measured on {where['when']} by `{one['command']}` in {one['took']:,.0f} s: {on}; {', '.join(versions)}{busy}.\n"
        ]
        parts += [_module(name).render(one)]
    if name in BY_BENCHMARK:
        values = {key: value for one in kept for key, value in one.get("targets", {}).items()}
        parts += [targets_table(BY_BENCHMARK[name], values)]
    return "\n".join(parts)


def _module(name: str) -> Any:
    return importlib.import_module(f"benchmarks.{name}")


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    name: Annotated[Name, typer.Argument(help="Which benchmark; all runs one after another.")],
    small: Annotated[bool, typer.Option("--small", help="A check in seconds that it works: prints, writes nothing.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="How often each figure is measured, in turns.")] = 5,
    render: Annotated[bool, typer.Option("--render", help="Write the page from the records without measuring.")] = False,
) -> None:
    """Measures the lab against what its users would use instead. Run it on a machine that does nothing else."""
    for one in NAMES if name is Name.ALL else (name.value,):
        if small:
            print(section(one, [record(one, small, rounds)]))
            continue
        if not render:
            print(f"{one}: {write(one, record(one, small, rounds))}", flush=True)
        put(one, section(one, records(one)), BENCHMARKS_PAGE)


if __name__ == "__main__":
    app()
