"""One contestant of the training benchmark in a fresh process: reads a job as JSON, trains, and writes its times as JSON.

    echo '{"kind": "ours", "settings": {…}, "epochs": 2, "home": "/tmp/x"}' | python -m benchmarks.contestants

Separate processes, so that no contestant profits from what another has loaded or compiled. Needs torch and torchvision alone.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.training_cases import MADE_UP, configuration
from benchmarks.training_floors import Skipped, make_step, wait
from cnnlab import datasets
from cnnlab.datasets.loading import ImageData, load
from cnnlab.datasets.places import Places
from cnnlab.events import EpochDone, Notice, RunFailed, RunStarted
from cnnlab.training import batches, process
from cnnlab.training.compiling import Compiler
from cnnlab.training.engine import train
from cnnlab.training.session import Session

if TYPE_CHECKING:
    from cnnlab.config import RunConfig

_PROGRESS_SECONDS = 0.4  # as in runners


@dataclass(frozen=True)
class Job:
    kind: str
    settings: dict[str, Any]  # the run's settings by name
    epochs: int
    home: str  # a folder for decoded images and compiled networks
    data: str | None = None  # the folder of data sets
    share: float = 1.0  # of the training images and of the test images
    limit: int | None = None  # at most this many of each
    made_up: bool = False  # even if the data set is on this machine


def run(job: Job) -> dict[str, Any]:
    """Seconds of each epoch, `cold` from a loaded data set to the end of the first epoch, and test accuracy after the last.

    "clock" is the wall-clock time of each epoch, "compile" that of a first step which compiles, "loading" the time before.
    Raises Skipped.
    """
    config = configuration(job.settings | {"epochs": job.epochs})
    began = time.perf_counter()
    data, source = images(config, job)
    loading = time.perf_counter() - began
    compiled = Path(job.home) / "compiled"
    if job.kind == "compiling":
        _prepare()
        return compiling(config, data, compiled)
    if job.kind == "ours":
        _prepare()
        answer = ours(config, data, compiled)
    elif job.kind in ("course", "tidy"):
        answer = course(config, data, tidy=job.kind == "tidy")
    else:
        answer = floor(job.kind, config, data)
    if source == MADE_UP:
        answer["accuracy"] = None
    return answer | {
        "threads": torch.get_num_threads(),
        "loading": loading,
        "source": source,
        "train_images": len(data.train_images),
        "test_images": len(data.test_images),
        "peak_bytes": _peak_bytes(),
    }


def images(config: RunConfig, job: Job) -> tuple[ImageData, str]:
    """The job's part of its data set, and its source: random pixels of the same number and shape if the data set is missing."""
    entry = datasets.entry(config.dataset)
    places = Places(Path(job.home), Path(job.data) if job.data else None)
    if job.made_up or places.locate(entry) is None:
        data, source = _made_up(entry), MADE_UP
    else:
        data = load(entry, places)
        source = f"{entry.title}, {data.variant}" if data.variant else entry.title
    data = data.take(job.share, job.limit)
    tests = max(1, round(job.share * entry.test_images))
    tests = min(tests, job.limit or tests)
    return replace(data, test_images=data.test_images[:tests], test_labels=data.test_labels[:tests]), source


def _made_up(entry: datasets.Entry) -> ImageData:
    generator = torch.Generator().manual_seed(0)

    def split(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        shape = (count, entry.channels, entry.size, entry.size)
        pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
        return pixels, torch.randint(0, len(entry.classes), (count,), generator=generator)

    return ImageData(entry.name, entry.classes, *split(entry.train_images), *split(entry.test_images))


def compiling(config: RunConfig, data: ImageData, folder: Path) -> dict[str, Any]:
    """Compiles the network into `folder`, as a long run does for later ones. Raises Skipped if that fails."""
    began = time.perf_counter()
    if len(data.train_images) < config.batch_size:
        raise Skipped("the data set has no whole batch, and only whole batches are compiled")
    compiler = Compiler(Session(config, data), folder)
    while (notice := compiler.poll(math.inf)) is None:
        time.sleep(0.1)
    if "from here on" not in notice.message:
        raise Skipped(notice.message)
    return {"compiling": time.perf_counter() - began, "notice": notice.message}


def ours(config: RunConfig, data: ImageData, compiled: Path) -> dict[str, Any]:
    """The engine as a run uses it, with checkpoints. "seconds" is the run's own figure: training and evaluation without saving.

    If the configuration asks for compiling, the network comes from the folder `compiled`.
    """
    seconds, clock, accuracies, steps, notices = [], [], [], None, []
    with tempfile.TemporaryDirectory() as folder:
        last = time.perf_counter()
        for event in train(config, data, folder=Path(folder), compiled=compiled, progress_every=_PROGRESS_SECONDS):
            if isinstance(event, RunStarted):
                steps = event.batches_per_epoch
            elif isinstance(event, EpochDone):
                now = time.perf_counter()
                seconds.append(event.seconds)
                clock.append(now - last)
                last = now
                accuracies.append(event.test_accuracy)
            elif isinstance(event, Notice):
                notices.append(event.message)
            elif isinstance(event, RunFailed):
                raise RuntimeError(event.message)
    if config.compile and not any("from here on" in notice for notice in notices):
        raise Skipped("the run did not switch to the compiled network")
    results = {"accuracy": accuracies[-1], "accuracies": accuracies, "steps": steps, "notices": notices}
    return {"seconds": seconds, "clock": clock, "cold": clock[0], **results}


def course(config: RunConfig, data: ImageData, *, tidy: bool) -> dict[str, Any]:
    """The course's loop, in wall-clock time."""
    from benchmarks.training_course import CourseLoop  # noqa: PLC0415  # loads torchvision, whose memory the others need not carry

    seconds, accuracies = [], []
    began = time.perf_counter()
    loop = CourseLoop(config, data, tidy=tidy)
    ready = time.perf_counter()
    for _ in range(config.epochs):
        epoch = time.perf_counter()
        accuracies.append(loop.epoch())
        seconds.append(time.perf_counter() - epoch)
    note = "shared memory is small on this machine, so batches came through pipes" if loop.train_batches.by_pipe else ""
    results = {"accuracy": accuracies[-1], "accuracies": accuracies, "steps": len(loop.train_batches), "note": note}
    return {"seconds": seconds, "cold": ready - began + seconds[0], **results}


def floor(kind: str, config: RunConfig, data: ImageData) -> dict[str, Any]:
    """As many bare steps as an epoch has batches. A first step that compiles counts as "compile", not as part of an epoch."""
    device = torch.device(config.device)
    steps = len(batches.bounds(len(data.train_images), config.batch_size))
    began = time.perf_counter()
    step = make_step(kind, config, data)
    answer: dict[str, Any] = {"accuracy": None, "steps": steps}
    if kind != "eager":
        step()
        wait(device)
        answer["compile"] = time.perf_counter() - began
    seconds, cold = [], 0.0
    for _ in range(config.epochs):
        epoch = time.perf_counter()
        for _ in range(steps):
            step()
        wait(device)
        ended = time.perf_counter()
        seconds.append(ended - epoch)
        cold = cold or ended - began
    return answer | {"seconds": seconds, "cold": cold}


def _prepare() -> None:
    """Sets up the process as a runner does. Without psutil, torch's own choice of the physical cores stays."""
    try:
        from cnnlab.system.processes import cores  # noqa: PLC0415
    except ImportError:
        process.prepare()
    else:
        process.prepare(cores())


def _peak_bytes() -> int | None:
    """Peak memory of this process, with its program and the whole data set; Linux only."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), None)


def main() -> None:
    job = Job(**json.load(sys.stdin))
    try:
        answer = run(job)
    except Skipped as reason:
        answer = {"skipped": str(reason)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
