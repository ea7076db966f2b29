"""Two runs one after the other on all cores, or side by side on one core each: which ends first, for small networks.

    python -m benchmarks.side_by_side --rounds 5

A class's queue on a machine without a GPU is such runs. Each trains in a fresh process on the bundled sample, and is timed from its
loaded data to its last checkpoint; loading torch, which a lab's runners share, does not count. `docs/BENCHMARKS.md` has the figures
under "Measurements behind design decisions".
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.figures import figure, in_turns, table, text
from benchmarks.fresh_process import answer
from cnnlab import presets
from cnnlab.starts import start

_SAMPLE = {"dataset": "sample", "device": "cpu"}
NETWORKS = {
    "MLP": start("mlp", "sample").config.model_dump() | _SAMPLE | {"epochs": 30},
    "LeNet, First try": presets.preset("lenet-sample").settings | _SAMPLE,
    "LeNet, three convolutions": presets.preset("fashion-90").settings | _SAMPLE | {"epochs": 10},
    "Small ResNet, width 8": start("course-resnet", "sample", options={"width": 8}).config.model_dump() | _SAMPLE | {"epochs": 3},
}


def measure(settings: Mapping[str, Any], rounds: int) -> dict[str, list[float]]:
    """Seconds: of a run on "one" thread and on "all"; of two, one "after" the other on all, and "beside" each other on one each."""
    with tempfile.TemporaryDirectory() as home:

        def trained(threads: int) -> float:
            job = {"kind": "ours", "home": home, "settings": dict(settings), "epochs": settings["epochs"]}
            return sum(answer(job, {"OMP_NUM_THREADS": str(threads)})["clock"])

        def beside() -> float:
            with ThreadPoolExecutor(2) as pool:
                return max(pool.map(trained, (1, 1)))

        cores = os.cpu_count() or 1
        ways = {"one": lambda: trained(1), "all": lambda: trained(cores), "beside": beside}
        taken = in_turns(ways, rounds)
    return {**taken, "after": [2 * seconds for seconds in taken["all"]]}


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="number of turns of each way")
    parser.add_argument("--only", default="", help="networks with this in their name")
    given = parser.parse_args(None if arguments is None else list(arguments))
    rows = []
    for name, settings in NETWORKS.items():
        if given.only not in name:
            continue
        taken = measure(settings, given.rounds)
        ratios = [after / beside for after, beside in zip(taken["after"], taken["beside"], strict=True)]
        threads = [one / everything for one, everything in zip(taken["one"], taken["all"], strict=True)]
        shown = [text(figure(taken[way], "s")) for way in ("one", "all", "after", "beside")]
        rows.append((name, *shown, text(figure(threads, "×")), text(figure(ratios, "×"))))
        titles = ("network", "one thread", "all threads", "two, one after the other", "two, side by side", "all threads are faster")
        print(table((*titles, "side by side is faster"), rows), flush=True)


if __name__ == "__main__":
    main()
