"""Compiles a network in its own process: ``python -m cnnlab.training.compile_ahead QUESTION`` prints the answer as JSON.

The result lies in PyTorch's cache on disk, where the run that asked finds it. The network is timed compiled and not compiled in
turns, because the training beside it slows down both.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch.nn import functional

from cnnlab.training import initialization, layout, process
from cnnlab.training.evaluation import autocast

_TURNS = 5
_LONGEST = 10.0  # seconds for all turns but the first


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(10)  # the training beside it comes first
    threading.Thread(target=_end_with_the_run, daemon=True).start()
    question = json.loads(sys.argv[1])
    try:
        answer = _compile(question)
    except Exception as error:  # a missing or old compiler fails in many ways; the run goes on without it
        lines = str(error).strip().splitlines() or [type(error).__name__]
        answer = {"error": lines[0][:200]}
    sys.stdout.write(json.dumps(answer))


def _end_with_the_run() -> None:
    """Exits when the run has ended: the pipe from it closes then, on every system, and the result is no longer needed."""
    os.read(0, 1)  # not sys.stdin, whose lock this thread would hold when the process ends in order
    os._exit(1)


def _compile(question: dict[str, Any]) -> dict[str, Any]:
    process.prepare(question["threads"])
    config, device = SimpleNamespace(**question["settings"]), torch.device(question["device"])
    model = initialization.network(config, question["classes"])
    exact = layout.arrange(model, device, question["layout"])
    if question["layout"] == layout.EARLY:
        for handle in exact:
            handle.remove()
    images = torch.rand(question["input_shape"], device=device)
    labels = torch.zeros(len(images), dtype=torch.int64, device=device)

    def seconds(forward: Callable[[torch.Tensor], torch.Tensor]) -> float:
        begun = time.perf_counter()
        with autocast(device, question["precision"]):
            logits = forward(images)
        loss = functional.cross_entropy(logits.float(), labels)
        loss.backward()
        model.zero_grad(set_to_none=True)
        loss.item()  # waits for the device
        return time.perf_counter() - begun

    compiled = torch.compile(model, dynamic=False)
    seconds(compiled)
    took = seconds(model) + seconds(compiled)
    turns = max(1, min(_TURNS, int(_LONGEST / took)))
    return {"speedup": statistics.median(seconds(model) / seconds(compiled) for _ in range(turns))}


if __name__ == "__main__":
    main()
