"""The layer table, cold and warm, against torchinfo on the same network as its users call it.

Warm: a second table in one process, without a cache. Cold: a fresh process from its start to its first table, Python and torch
included. torchinfo's users build the network with its weights first, so building counts (with our builder, whose pass on the meta
device is a few milliseconds of it); the summary alone is measured as well.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, figure, in_turns, table, text, times
from benchmarks.results_page import ROOT
from cnnlab import architectures
from cnnlab.architectures import Card
from cnnlab.lab import Lab

SMALL = ("lenet",)
OURS = "from cnnlab.layers.trace import layer_table; layer_table({name!r})"
THEIRS = (
    "from cnnlab.architectures import card; from torchinfo import summary; "
    "str(summary(card({name!r}).build(), input_size=(1, *card({name!r}).input_shape), verbose=0))"
)


def measure(small: bool, rounds: int) -> dict[str, Any]:
    cards = [card for card in architectures.cards() if not small or card.name in SMALL]
    rounds = 1 if small else rounds
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder) / "home")
        try:
            for card in cards:
                rows.append(
                    {"name": card.name, "title": _title(card), "warm": _warm(card, lab, rounds), "cold": _cold(card, rounds)}
                )
                print(f"  {card.name}: {text(rows[-1]['warm']['ours'])}", flush=True)
        finally:
            lab.shut_down()
    record: dict[str, Any] = {"rounds": rounds, "torchinfo": version("torchinfo"), "rows": rows}
    vgg = next((row["warm"] for row in rows if row["name"] == "vgg"), None)
    if vgg:
        record["targets"] = {
            "vgg_table_warm": vgg["ours"]["median"],
            "vgg_table_torchinfo": times(vgg["built and summarised"], vgg["ours"]),
        }
    return record


def _title(card: Card) -> str:
    return f"{card.title}{'-11' if card.name == 'vgg' else ''} at {card.input_shape[1]}"


def _warm(card: Card, lab: Lab, rounds: int) -> dict[str, Figure]:
    """Milliseconds, without the first round, which loads modules."""
    from torchinfo import summary  # noqa: PLC0415  # loads torch, which takes seconds: --help stays fast

    from cnnlab.layers.trace import layer_table  # noqa: PLC0415

    model = card.build()
    shape = (1, *card.input_shape)
    classes = iter(range(11, 11 + rounds + 1))

    def clock(job: Callable[[], object]) -> Callable[[], float]:
        def run() -> float:
            began = time.perf_counter()
            job()
            return 1000 * (time.perf_counter() - began)

        return run

    taken = in_turns(
        {
            "ours": clock(lambda: layer_table(card.name)),
            # A different number of classes each time, because the lab caches its answers.
            "ours, asked by the page": clock(lambda: lab.layers(card.name, card.input_shape, next(classes), {})),
            "built and summarised": clock(lambda: str(summary(card.build(), input_size=shape, verbose=0))),
            "summarised": clock(lambda: str(summary(model, input_size=shape, verbose=0))),
        },
        rounds + 1,
    )
    return {name: figure(values[1:], "ms") for name, values in taken.items()}


def _cold(card: Card, rounds: int) -> dict[str, Figure]:
    """Seconds."""
    taken = in_turns({"ours": lambda: _process(OURS, card), "built and summarised": lambda: _process(THEIRS, card)}, rounds)
    return {name: figure(values, "s") for name, values in taken.items()}


def _process(code: str, card: Card) -> float:
    """Seconds from the start of a process to the end of `code`; the interpreter's exit is not counted."""
    command = [sys.executable, "-c", code.format(name=card.name) + "; print('done', flush=True)"]
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline() if process.stdout else ""
        taken = time.perf_counter() - began
    if line != "done\n":
        raise RuntimeError(f"{' '.join(command)} ended with exit status {process.returncode}.")
    return taken


def render(record: dict[str, Any]) -> str:
    warm = [
        (
            row["title"],
            *(text(row["warm"][name]) for name in ("ours", "ours, asked by the page", "built and summarised", "summarised")),
            f"{times(row['warm']['built and summarised'], row['warm']['ours']):,.1f} ×",
            f"{times(row['warm']['summarised'], row['warm']['ours']):,.1f} ×",
        )
        for row in record["rows"]
    ]
    cold = [
        (
            row["title"],
            text(row["cold"]["ours"]),
            text(row["cold"]["built and summarised"]),
            f"{times(row['cold']['built and summarised'], row['cold']['ours']):,.1f} ×",
        )
        for row in record["rows"]
    ]
    titles = ("network", "ours", "ours, asked by the page", "torchinfo, network built first", "torchinfo, summary alone")
    return "\n".join(
        [
            f"torchinfo {record['torchinfo']}, `summary(model, input_size=(1, …))`. Warm:\n",
            table((*titles, "faster", "than the summary alone"), warm),
            "Cold, a fresh process from its start:\n",
            table(("network", "ours", "torchinfo, network built first", "faster"), cold),
        ]
    )
