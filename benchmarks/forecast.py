"""Forecasts every architecture at the course's settings, trains a few steps, and writes both into docs/RESULTS.md.

    python -m benchmarks.forecast

Every figure comes from a fresh process, on random images of the data set's size and number, so no data set is needed.
`--one-thread` counts processor seconds of one thread, the only fair clock on a machine with other load.
`--render` rewrites the page from the recorded figures.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
import torch

from benchmarks.results_page import RECORDS, ROOT, machine, put
from cnnlab import datasets, presets
from cnnlab.config import RunConfig
from cnnlab.datasets.loading import ImageData
from cnnlab.layers.memory import evaluation_batch
from cnnlab.layers.trace import layer_table
from cnnlab.system import background, processes
from cnnlab.text import size_text
from cnnlab.training import calibration, costs, process
from cnnlab.training.batches import batch_count
from cnnlab.training.costs import Speed
from cnnlab.training.evaluation import evaluate
from cnnlab.training.session import Session
from cnnlab.workers import dispatcher

RECORD = RECORDS / "forecast.json"
STEPS = 3
ADAM = {"dataset": "fashion-mnist", "optimizer": "adam", "learning_rate": 0.001, "initialization": "pytorch"}


@dataclass(frozen=True)
class Case:
    title: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> RunConfig:
        return RunConfig.make(device="cpu", **self.settings)


CASES = (
    Case("MLP, batch 256", {"architecture": "mlp", "dataset": "fashion-mnist"}),
    Case("LeNet, batch 256", {"architecture": "lenet", "dataset": "fashion-mnist", "learning_rate": 0.9}),
    Case("AlexNet, 224 px, batch 16, Adam", {"architecture": "alexnet", "batch_size": 16} | ADAM),
    Case("VGG-11 ÷ 8, 224 px, batch 16, Adam", {"architecture": "vgg", "options": {"width_divisor": 8}, "batch_size": 16} | ADAM),
    Case("GoogLeNet, 96 px, batch 16, Adam", {"architecture": "googlenet", "batch_size": 16} | ADAM),
    Case("Small ResNet, CIFAR-10, batch 100", {"architecture": "course-resnet", "dataset": "cifar10", "batch_size": 100}),
    Case("ResNet-18, 96 px, batch 128", {"architecture": "resnet", "dataset": "fashion-mnist", "batch_size": 128}),
    Case("NiN, 224 px, batch 128, Adam", {"architecture": "nin", "batch_size": 128} | ADAM),
    Case("DenseNet, 32 px, batch 64", {"architecture": "densenet", "dataset": "fashion-mnist", "batch_size": 64}),
    Case("AlexNet, 224 px, batch 64, SGD with momentum", {"architecture": "alexnet", "batch_size": 64, "momentum": 0.9}),
    Case("VGG-11, 224 px, batch 4, Adam", {"architecture": "vgg", "batch_size": 4} | ADAM),
    Case("LeNet, batch 2048, batch norm", {"architecture": "lenet", "options": {"batch_norm": True}, "batch_size": 2048}),
    Case(
        "ResNet-9, CIFAR-10, batch 512, SGD with momentum, bfloat16",
        presets.preset("speed-run").settings | {"precision": "bfloat16"},
    ),
    Case("ResNet-18, 96 px, batch 32, bfloat16", {"architecture": "resnet", "batch_size": 32, "precision": "bfloat16"}),
)


def measure(config: RunConfig, one_thread: bool) -> dict[str, Any]:
    """Trains a few steps and evaluates one batch: peak memory and seconds. Linux only."""
    clock = _clock(one_thread)
    entry, generator = datasets.entry(config.dataset), torch.Generator().manual_seed(0)

    def made_up(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        images = torch.randint(0, 256, (count, entry.channels, entry.size, entry.size), dtype=torch.uint8, generator=generator)
        return images, torch.randint(0, len(entry.classes), (count,), generator=generator)

    program = psutil.Process().memory_info().rss
    data = ImageData(entry.name, entry.classes, *made_up(entry.train_images), *made_up(entry.test_images))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets the peak: generating the images is not part of a run
    session = Session(config, data)
    session.begin_epoch()
    seconds = []
    for _ in range(STEPS):
        begun = clock()
        session.advance()
        seconds.append(clock() - begun)
    size = evaluation_batch(config.image_size or 1, session.device.type, config.batch_size)
    begun = clock()
    images, labels = session.test_images[:size], session.test_labels[:size]
    evaluate(session.model, images, labels, session.preparation, batch_size=size, precision=config.precision)
    evaluation = (clock() - begun) / size
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))
    # The first step also loads and compiles, which a run of thousands of steps does once.
    return {"program": program, "peak": peak, "steps": seconds, "evaluation": evaluation}


def calibrate(config: RunConfig, one_thread: bool) -> dict[str, Any]:
    """Measures the speed in this process, as the lab does before a run."""
    process.prepare(processes.cores())
    clock = _clock(one_thread)
    macs = layer_table(config.architecture, config.input_shape, 10, config.options).macs
    return asdict(calibration.calibrate(config, macs=macs, clock=clock))


def _clock(one_thread: bool) -> Any:
    if one_thread:
        torch.set_num_threads(1)
        return time.process_time
    return time.perf_counter


def in_runner(config: RunConfig, one_thread: bool) -> dict[str, Any]:
    """`measure` in a process forked as the dispatcher forks a runner: with torch loaded and a runner's settings."""
    dispatcher.load(dispatcher.FOR_HELPER)
    dispatcher.load(dispatcher.FOR_RUNNERS)
    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe(duplex=False)

    def run() -> None:
        process.prepare(processes.cores())
        writer.send(measure(config, one_thread))

    child = context.Process(target=run)
    child.start()
    writer.close()
    try:
        return reader.recv()
    finally:
        child.join()


def in_process(question: str, case: Case, one_thread: bool) -> dict[str, Any]:
    """The answer of `measure` or `calibrate` from a fresh process."""
    command = [sys.executable, "-m", "benchmarks.forecast", f"--{question}", case.config.to_json()]
    command += ["--one-thread"] * one_thread
    environment = os.environ | background.ENVIRONMENT | processes.thread_wait_environment()
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    return json.loads(done.stdout)


def compare(case: Case, turns: int, one_thread: bool) -> dict[str, Any]:
    """Forecast and measurement in turns, so that other load on the machine affects both."""
    config = case.config
    table = layer_table(config.architecture, config.input_shape, 10, config.options)
    speeds, measured = [], []
    for _ in range(turns):
        speeds.append(in_process("calibrate", case, one_thread))
        measured.append(in_process("measure", case, one_thread))
    trained, tests = costs.images(config)
    steps = batch_count(trained, config.batch_size)
    return {
        "title": case.title,
        "predicted_bytes": costs.memory(config, table, "cpu").bytes(config.batch_size),
        "measured_bytes": max(turn["peak"] for turn in measured),
        "program_bytes": measured[0]["program"],
        "predicted_seconds": [costs.epoch_seconds(config, Speed(**speed)) for speed in speeds],
        "measured_seconds": [statistics.median(turn["steps"][1:]) * steps + turn["evaluation"] * tests for turn in measured],
        "steps": [turn["steps"] for turn in measured],
        "calibrated_batch": [speed["batch"] for speed in speeds],
    }


def render(record: dict[str, Any]) -> str:
    """The Markdown between the markers of docs/RESULTS.md."""
    where = record["machine"]
    clock = (
        "processor seconds of one thread, because other programs ran at the same time"
        if record["one_thread"]
        else "wall-clock seconds"
    )
    titles = ("settings", "memory predicted", "measured", "error", "error without the program")
    titles += ("seconds an epoch predicted", "measured", "error")
    return "\n".join(
        [
            f"Measured on {where['when']}: {where['cpu']}, Python {where['python']}, torch {where['torch']}; {clock}.",
            "",
            "| " + " | ".join(titles) + " |",
            "|---" + "|---:" * (len(titles) - 1) + "|",
            *(_row(row) for row in record["rows"]),
            "",
        ]
    )


def _row(row: dict[str, Any]) -> str:
    predicted, measured = row["predicted_bytes"], row["measured_bytes"]
    cells = [
        row["title"],
        size_text(predicted),
        size_text(measured),
        _error(predicted, measured),
        _error(predicted - _program(row["title"]), measured - row["program_bytes"]),
        _seconds(row["predicted_seconds"]),
        _seconds(row["measured_seconds"]),
        _error(statistics.median(row["predicted_seconds"]), statistics.median(row["measured_seconds"])),
    ]
    return "| " + " | ".join(cells) + " |"


def _error(predicted: float, measured: float) -> str:
    """`+3 %`, `−12 %`."""
    return f"{100 * (predicted / measured - 1):+.0f} %".replace("-", "−")


def _program(title: str) -> int:
    """The program's own share of the forecast."""
    config = next(case.config for case in CASES if case.title == title)
    table = layer_table(config.architecture, config.input_shape, 10, config.options)
    return next(part.bytes for part in costs.memory(config, table, "cpu").parts(1) if part.name == "program")


def _seconds(values: list[float]) -> str:
    middle = f"{statistics.median(values):,.0f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):,.0f}–{max(values):,.0f})"


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--render", action="store_true", help="write the page from the recorded figures without measuring")
    parser.add_argument("--one-thread", action="store_true", help="count processor seconds of one thread")
    parser.add_argument("--turns", type=int, default=2, help="how often each row is forecast and measured")
    parser.add_argument("--only", metavar="TEXT", default="", help="rows with TEXT in their title; the others stay as recorded")
    parser.add_argument("--measure", metavar="JSON", help=argparse.SUPPRESS)
    parser.add_argument("--calibrate", metavar="JSON", help=argparse.SUPPRESS)
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    for question, answer in ((chosen.measure, in_runner), (chosen.calibrate, calibrate)):
        if question:
            print(json.dumps(answer(RunConfig.from_json(question), chosen.one_thread)))
            return
    if not chosen.render:
        recorded = json.loads(RECORD.read_text(encoding="utf-8"))["rows"] if chosen.only and RECORD.exists() else []
        rows = {row["title"]: row for row in recorded}
        for case in CASES:
            if chosen.only not in case.title:
                continue
            rows[case.title] = compare(case, chosen.turns, chosen.one_thread)
            print(_row(rows[case.title]), flush=True)
            RECORD.parent.mkdir(exist_ok=True)
            ordered = [rows[known.title] for known in CASES if known.title in rows]
            record = {"machine": machine(), "one_thread": chosen.one_thread, "rows": ordered}
            RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    put("forecast", render(json.loads(RECORD.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
