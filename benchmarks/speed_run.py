"""The speed run: seconds from Start to the last epoch of the preset of that name, and the final test accuracy.

    CNNLAB_DATA=<folder with CIFAR-10> python -m benchmarks.speed_run --rounds 5

Where the lab's packages are installed, a run is submitted to a lab with running background processes, as Start on the Train page
does. Elsewhere (torch and torchvision are enough) a process that has imported torch trains it. In both cases the measured time
includes loading the data set, starting the device, choosing the precision, and evaluation and checkpoints after every epoch.
JPEG copies are decoded beforehand, because the lab keeps them decoded.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import figure, table, text
from benchmarks.fresh_process import answer
from benchmarks.training_cases import MADE_UP
from cnnlab import presets

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.lab import Lab

TITLE = "Speed run, CIFAR-10"
SMALL_IMAGES = 128
SMALL = {"options": {"width": 2}, "batch_size": 64, "device": "cpu"}
POLL = 0.01  # seconds between two polls of the store
SETTLE = 8.0  # seconds until a responding dispatcher has loaded the training code as well

Round = dict[str, Any]  # "seed", "seconds", "accuracies" of each epoch, "notices"; or "seed" and "skipped": reason


def measure(small: bool, rounds: int, *, device: str | None = None, epochs: int | None = None) -> dict[str, Any]:
    """The record: a round for each seed. `small` is two epochs of a narrow network on made-up images on the CPU.

    Targets are set only for the whole recipe: its own number of epochs, on CIFAR-10.
    """
    recipe = presets.preset("speed-run").settings
    settings = recipe | ({**SMALL, "epochs": 2} if small else {"device": device or "auto"}) | ({"epochs": epochs} if epochs else {})
    data = os.environ.get("CNNLAB_DATA")
    with tempfile.TemporaryDirectory() as home:
        job = {"kind": "ours", "home": home, "data": data, "settings": settings, "epochs": settings["epochs"]}
        few = {"limit": SMALL_IMAGES, "made_up": small}
        # Decodes the images if necessary, and names their source.
        first = {"source": MADE_UP} if small else answer({**job, **few, "epochs": 1})
        source, made_up = first.get("source", "no images"), first.get("accuracy") is None
        lab = None if made_up else _lab(Path(home), Path(data) if data else None)
        try:
            one = partial(_submitted, lab, settings) if lab else partial(_trained, {**job, **(few if small else {})})
            turns = [{"seed": seed, **one(seed)} for seed in range(rounds)]
        finally:
            if lab:
                lab.shut_down()
    record = {"settings": settings, "source": source, "way": "lab" if lab else "process", "rounds": turns, "targets": {}}
    done = [turn for turn in turns if "skipped" not in turn]
    if done and not made_up and settings["epochs"] == recipe["epochs"]:
        record["targets"] = {
            "speed_run": statistics.median(turn["seconds"] for turn in done),
            "speed_run_accuracy": 100 * statistics.median(turn["accuracies"][-1] for turn in done),
        }
    return record


def _trained(job: dict[str, Any], seed: int) -> Round:
    trained = answer({**job, "settings": job["settings"] | {"seed": seed}})
    if "skipped" in trained:
        return {"skipped": trained["skipped"]}
    seconds = trained["loading"] + sum(trained["clock"])
    return {"seconds": seconds, "accuracies": trained["accuracies"], "notices": trained["notices"]}


def _lab(home: Path, data: Path | None) -> Lab | None:
    """A lab with running background processes; None if its packages are not installed."""
    try:
        from cnnlab.lab import Lab  # noqa: PLC0415  # a GPU machine may have torch and torchvision alone
    except ImportError:
        return None
    lab = Lab(home, data=data)
    lab.device_states()  # starts the processes and waits for the helper
    time.sleep(SETTLE)
    return lab


def _submitted(lab: Lab, settings: dict[str, Any], seed: int) -> Round:
    from cnnlab.config import RunConfig  # noqa: PLC0415

    return from_start(lab, RunConfig.make(**settings, seed=seed))


def from_start(lab: Lab, config: RunConfig) -> Round:
    """Submits a run; "seconds" ends when its last epoch is readable."""
    from cnnlab.events import Notice  # noqa: PLC0415

    began = time.perf_counter()
    run = lab.start(config, token=uuid.uuid4().hex)
    while lab.run(run).epochs_done < config.epochs:
        if not lab.run(run).active:
            return {"skipped": f"the run ended early: {lab.run(run).message or lab.run(run).state}"}
        time.sleep(POLL)
    seconds = time.perf_counter() - began
    while lab.run(run).active:
        time.sleep(POLL)
    notices = [event.message for event in lab.events(run) if isinstance(event, Notice)]
    return {"seconds": seconds, "accuracies": [epoch.test_accuracy for epoch in lab.epochs(run)], "notices": notices}


def render(record: dict[str, Any]) -> str:
    """Markdown: what the seconds include, and all rounds."""
    settings, done = record["settings"], [turn for turn in record["rounds"] if "skipped" not in turn]
    counted = {
        "lab": "from `Lab.start`, as *Start* calls it, to the last epoch in the store; the background processes were running",
        "process": "in a process that had imported torch, from loading the data set to the end of the last epoch",
    }[record["way"]]
    lines = [
        f"### {TITLE}\n",
        f"The preset `speed-run` on {record['source']}: {settings['epochs']} epochs, batch {settings['batch_size']}. "
        f"Seconds {counted}. Loading, evaluation after every epoch and checkpoints are included; decoding of JPEG files is not.\n",
    ]
    rows = [
        (str(turn["seed"]), f"{turn['seconds']:.1f} s", f"{turn['accuracies'][-1]:.4f}", f"{max(turn['accuracies']):.4f}")
        for turn in done
    ]
    if done:
        median = statistics.median(turn["accuracies"][-1] for turn in done)
        rows.append(("all", text(figure([turn["seconds"] for turn in done], "s")), f"{median:.4f}", ""))
    lines.append(table(("seed", "seconds", "test accuracy after the last epoch", "best epoch"), rows))
    lines += [f"- seed {turn['seed']}: skipped, {turn['skipped']}." for turn in record["rounds"] if "skipped" in turn]
    lines += [f"- seed {turn['seed']}: {notice}" for turn in done for notice in turn["notices"]]
    return "\n".join([*lines, ""])


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a check in seconds that it works, on made-up images")
    parser.add_argument("--rounds", type=int, default=5, help="number of seeds")
    parser.add_argument("--epochs", type=int, help="epochs, instead of the preset's own")
    parser.add_argument("--device", help="cpu, cuda:0, …; the fastest device by default")
    given = parser.parse_args(None if arguments is None else list(arguments))
    print(render(measure(given.small, given.rounds, device=given.device, epochs=given.epochs)))


if __name__ == "__main__":
    main()
