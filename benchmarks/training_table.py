"""The training benchmark's figures as Markdown, from the record of `benchmarks.training.measure`."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks import speed_run
from benchmarks.figures import figure, table, text
from benchmarks.stolen import CALM, is_calm

Round = dict[str, Any]  # an answer of benchmarks.contestants, or {"skipped": reason}

EXPLANATION = f"""\
An epoch is training on every image and evaluation on the test set; the floors have no evaluation. All contestants have the same
network, initial weights, batch, images and learning rate. Each runs in a fresh process with an empty compiler cache. Seed and
initial weights change from round to round.

- *ours*: the lab's training in a process set up like a run's; all other processes keep Python's and torch's defaults. It writes
  checkpoints after every epoch, which count in "first" and "wall clock", not in "epoch".
- *ours, compiled*: the same with the setting "Compile the network", which is off by default. An earlier run compiled the network,
  because five epochs end too soon for that. The switch comes half a second after the start and counts in "first".
  *ours, compiled, bfloat16*: the same with the setting "Precision" at bfloat16. *ours, precision auto*: not compiled; in bfloat16
  if a measurement before the run finds it clearly faster.
- *course's loop*: torchvision's data set, PIL and `ToTensor` for each image, a `DataLoader` with 2 workers, `.item()` in each step,
  a second forward pass for the training accuracy, evaluation with gradients on. Its test images are normalised like its training
  images, which the course omits.
- *course's loop, tidied*: the same without the second forward pass and without gradients in evaluation.
- *eager floor*: forward, loss, backward and step on one batch that is already on the device, as often as an epoch has batches; no
  data, no figures, no evaluation. *compiled floor*: the same with `torch.compile`. *CUDA graph floor*: the same, recorded once and
  replayed.

*epoch*: epochs after the first. *first*: from a loaded data set to the end of the first epoch, compilation included. *ours is
faster*: the contestant's epoch divided by ours of the same round, median of the rounds; below 1 ours is slower. Turns in which the
host of this virtual machine gave more than {100 * CALM:.0f} % of its processors to others are left out of times and ratios, unless
all turns were disturbed.
"""


def steady(one: Round) -> list[float]:
    """Seconds of the epochs after the first, or of the first if it is the only one."""
    seconds = one.get("seconds", [])
    return seconds[1:] or seconds


def calm(rounds: list[Round]) -> list[Round]:
    """The rounds without steal time; all of them if there are none."""
    return [one for one in rounds if is_calm(one)] or rounds


def ratios(case: dict[str, Any], slower: str, faster: str) -> list[float]:
    """Ratios round by round, because other load in a round affects both."""
    pairs = zip(case["rounds"].get(slower, []), case["rounds"].get(faster, []), strict=False)
    taken = [pair for pair in pairs if all(map(steady, pair))]
    taken = [pair for pair in taken if all(map(is_calm, pair))] or taken
    return [statistics.median(steady(one)) / statistics.median(steady(other)) for one, other in taken]


def render(record: dict[str, Any]) -> str:
    """Markdown: an explanation of the contestants, then a table for each case."""
    load = f"Load average before the first: {record['load']:.2f}. " if record["load"] is not None else ""
    speed = [speed_run.render(record["speed_run"])] if "speed_run" in record else []
    return "\n".join([f"{load}{EXPLANATION}", *(_section(case) for case in record["cases"]), *speed])


def _section(case: dict[str, Any]) -> str:
    turns: dict[str, list[Round]] = case["rounds"]
    rivals = [name for name in turns if name not in case["ours"]]
    titles = ("contestant", "epoch", "first", f"test accuracy after {case['epochs']}")
    rows = []
    for name, rounds in turns.items():
        done = [one for one in rounds if "skipped" not in one]
        timed = calm(done)
        cells = [
            _figure([value for one in timed for value in steady(one)], "s"),
            _figure([one["cold"] for one in timed if "cold" in one], "s"),
            _accuracy([one["accuracy"] for one in done if one["accuracy"] is not None]),
        ]
        against = [_figure(ratios(case, name, mine), "×") if name in rivals else "" for mine in case["ours"]]
        rows.append((name, *cells, *against))
    titles += tuple(f"{mine} is faster" for mine in case["ours"])
    return "\n".join([f"### {case['title']}\n", _work(case), table(titles, rows), *_remarks(turns)])


def _work(case: dict[str, Any]) -> str:
    threads = sorted({str(one["threads"]) for rounds in case["rounds"].values() for one in rounds if "threads" in one})
    if not threads:
        return "No contestant could run.\n"
    return (
        f"{case['source']}: {case['train_images']:,} training and {case['test_images']:,} test images, {case['steps']:,} steps an "
        f"epoch, {case['epochs']} epochs a process; torch threads: {' or '.join(threads)}. {_disturbed(case)}"
        f"{case.get('remark', '')}"
    ).rstrip() + "\n"


def _disturbed(case: dict[str, Any]) -> str:
    turns = [one for rounds in case["rounds"].values() for one in rounds if "stolen" in one]
    return f"Disturbed: {sum(not is_calm(one) for one in turns)} of {len(turns)} turns. " if turns else ""


def _remarks(turns: dict[str, list[Round]]) -> list[str]:
    lines = []
    for name, rounds in turns.items():
        lines += [f"- {name}: skipped, {one['skipped']}." for one in rounds if "skipped" in one]
        lines += [f"- {name}: {note}." for note in sorted({one["note"] for one in rounds if one.get("note")})]
        timed = calm([one for one in rounds if "skipped" not in one])
        if clock := [value for one in timed for value in one.get("clock", [])[1:]]:
            lines.append(f"- {name}, wall clock with checkpoints: {_figure(clock, 's')}.")
        if memory := [one["peak_bytes"] for one in rounds if one.get("clock") and one.get("peak_bytes")]:
            lines.append(f"- {name}, peak memory with program and data set: {max(memory) / 1e6:,.0f} MB.")
        lines += [
            f"- {name}: compiled beforehand in {one['compiling']:.1f} s. {one['notice']}" for one in rounds if "compiling" in one
        ]
        if compiling := [one["compile"] for one in timed if "compile" in one]:
            lines.append(f"- {name}, until its first step is done: {_figure(compiling, 's')}.")
    return [*lines, ""]


def _figure(values: list[float], unit: str) -> str:
    return text(figure(values, unit)) if values else "–"


def _accuracy(values: list[float]) -> str:
    if not values:
        return "–"
    middle = f"{statistics.median(values):.3f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.3f}–{max(values):.3f}, n = {len(values)})"
