"""A learner's run beside the runs that were measured for an experiment, as sentences in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cnnlab.diagnosis.evidence import at_chance
from cnnlab.events import EpochDone, best_epoch
from cnnlab.i18n import N_, _, ngettext, translated
from cnnlab.intervals import chance_gap
from cnnlab.learn.lesson import Band
from cnnlab.text import percent

# What changes nothing that is to be seen: another seed or device is the same experiment.
FREE = frozenset({"seed", "device"})
METRICS = {
    "test_accuracy": N_("test accuracy"),
    "best_test_accuracy": N_("best test accuracy"),
    "train_accuracy": N_("training accuracy"),
}
LONGEST_TAG = 40  # characters, as the store takes them
TAG = "lesson:"  # begins the tag of runs that were started in a lesson

Verdict = Literal["within", "by chance", "above", "below", "unfinished"]


@dataclass(frozen=True, slots=True)
class Result:
    """A run of the learner's own."""

    epochs: tuple[EpochDone, ...]  # at least one
    planned: int  # epochs
    classes: int
    test_images: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The two beside each other, and what the difference means."""

    beside: str  # "Yours: flat for 8 epochs, then 70.2 % test accuracy; our 2 runs: 59.4–70.1 %."
    meaning: str
    verdict: Verdict


def same_experiment(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two runs with these settings (`config_words.settings`) differ in nothing but seed and device."""
    return first.keys() == second.keys() and all(value == second[name] for name, value in first.items() if name not in FREE)


def tag_of(lesson: str, experiment: str) -> str:
    """The tag of a run that was started in a lesson."""
    return f"{TAG}{lesson}/{experiment}"[:LONGEST_TAG]


def flat_epochs(result: Result) -> int:
    """Epochs at the start whose test accuracy is that of guessing."""
    flat = [at_chance(done.test_accuracy, result.classes) for done in result.epochs]
    return flat.index(False) if False in flat else len(flat)


def measured(band: Band, result: Result) -> float:
    """The figure of a run that the band is of."""
    last = result.epochs[-1]
    if band.metric == "train_accuracy":
        return last.train_accuracy
    best = best_epoch(result.epochs) or last
    return best.test_accuracy if band.metric == "best_test_accuracy" else last.test_accuracy


def compare(band: Band, latest: Result, earlier: Sequence[Result] = ()) -> Comparison:
    """The latest run beside the band; `earlier` are the learner's other whole runs of the same experiment."""
    share = measured(band, latest)
    reached = _("{accuracy} {quantity}").format(accuracy=percent(share), quantity=translated(METRICS[band.metric]))
    reached = _course(band, latest, reached)
    if earlier:
        every = [share, *(measured(band, result) for result in earlier)]
        span = _span(min(every), max(every))
        reached = _("{result} (your {count} runs: {span})").format(result=reached, count=len(every), span=span)
    beside = _("Yours: {yours}; {ours}.").format(yours=reached, ours=ours(band))
    if len(latest.epochs) < latest.planned:
        so_far = _("It has {done:,} of {total:,} epochs, so the two cannot be compared yet.")
        return Comparison(beside, so_far.format(done=len(latest.epochs), total=latest.planned), "unfinished")
    return Comparison(beside, *_meaning(band, share, latest.test_images))


def ours(band: Band) -> str:
    """The band in words: "our 3 runs: flat for 6 to 8 epochs, then 59.4–70.1 %"."""
    result = _span(band.low, band.high)
    first, _dash, last = band.flat.partition("-")
    if last:
        result = _("flat for {first} to {last} epochs, then {share}").format(first=first, last=last, share=result)
    elif int(first or 0):
        result = _flat(int(first), result)
    return ngettext("our {count} run: {result}", "our {count} runs: {result}", band.seeds).format(count=band.seeds, result=result)


def _flat(count: int, share: str) -> str:
    text = ngettext("flat for {count:,} epoch, then {share}", "flat for {count:,} epochs, then {share}", count)
    return text.format(count=count, share=share)


def _course(band: Band, result: Result, share: str) -> str:
    """How the run went until it reached its share."""
    flat, epochs = flat_epochs(result), len(result.epochs)
    if flat == epochs:
        once, always = _("at chance in its one epoch, {share}"), _("at chance in all {count:,} epochs, {share}")
        return (once if epochs == 1 else always).format(count=epochs, share=share)
    if not flat:
        return _("learns from the first epoch, {share}").format(share=share) if band.flat not in ("", "0") else share
    return _flat(flat, share)


def _meaning(band: Band, share: float, test_images: int) -> tuple[str, Verdict]:
    low, high = round(band.low, 3), round(band.high, 3)
    rounded = round(share, 3)
    if low <= rounded <= high:
        return _("This is what we measured."), "within"
    edge = low if rounded < low else high
    points, side = abs(rounded - edge) * 100, "below" if rounded < low else "above"
    if abs(share - edge) <= chance_gap(share, test_images, edge, test_images):
        if side == "below":
            text = _("That is {points:.1f} points below ours, which can be chance.")
        else:
            text = _("That is {points:.1f} points above ours, which can be chance.")
        return text.format(points=points), "by chance"
    if side == "below":
        text = _(
            "That is {points:.1f} points below ours, more than the choice of test images explains. Runs differ by their seed: "
            "train it again with another one."
        )
    else:
        text = _(
            "That is {points:.1f} points above ours, more than the choice of test images explains. A run can be luckier than ours."
        )
    return text.format(points=points), side


def _span(low: float, high: float) -> str:
    return percent(high) if percent(low) == percent(high) else f"{100 * low:.1f}–{percent(high)}"
