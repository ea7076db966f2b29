"""A range test in a process of its own: ``python -m cnnlab.compute.range_process`` reads a question and prints each step's curve.

The helper keeps none of its memory, threads and random state, and can end it at any time. Each line is a JSON object: a curve so
far, or at the end an error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from cnnlab.compute import child

LONGEST = 60.0  # seconds, loading torch and the images included


def main() -> None:
    config, question = child.question(LONGEST)
    from cnnlab.compute import typed
    from cnnlab.datasets import loading
    from cnnlab.datasets.places import Places
    from cnnlab.errors import CNNLabError
    from cnnlab.layers.trace import layer_table
    from cnnlab.system import processes
    from cnnlab.training import costs, process
    from cnnlab.training.range_test import range_test

    folder = question["data"]
    try:
        macs = layer_table(config.architecture, config.input_shape, config.classes, config.options).macs
        process.prepare(costs.cores(config, macs, processes.cores()))
        data = loading.load(config.dataset, Places(Path(question["home"]), Path(folder) if folder else None))
        for curve in range_test(config, data.take(config.data_share, config.limit, config.seed)):
            _print(json.loads(typed.write(curve)))
    except CNNLabError as error:
        _print({"error": str(error)})


def _print(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
    child.end()
