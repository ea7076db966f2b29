"""Known runs of the recipes: what others printed, and what this lab measured, so that a learner sees whether a run is normal.

`known_runs.json` holds our own runs (`python -m benchmarks.known_runs`). What the course printed and how the d2l book's re-runs
ended are literal here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError
from cnnlab.events import EpochDone
from cnnlab.i18n import N_, say
from cnnlab.presets import Preset, presets
from cnnlab.text import percent

MEASURED = Path(__file__).with_suffix(".json")
FEWEST = 3  # runs that show how far apart runs of a recipe are
_IGNORED = ("seed", "device", "precision", "compile", "deterministic")  # these change digits, not what a recipe reaches
_WHOLE = ("cosine", "one-cycle")  # schedules that span all epochs, so that each epoch depends on their number

# Test accuracies that the course printed, by epoch.
_COURSE: dict[str, dict[int, float]] = {"lenet-fashion-mnist": {1: 0.168, 2: 0.599, 10: 0.804}, "lenet-mnist": {16: 0.9849}}


@dataclass(frozen=True, slots=True)
class Reruns:
    """How the d2l book's re-runs over the years ended: test accuracies after 10 epochs."""

    runs: int
    low: float
    middle: float
    high: float
    network: str = ""  # how it differs from the recipe's; "" where it does not


_D2L: dict[str, Reruns] = {
    "lenet-fashion-mnist": Reruns(130, 0.752, 0.808, 0.828),
    "alexnet-fashion-mnist": Reruns(82, 0.860, 0.881, 0.886),
    "vgg-fashion-mnist": Reruns(72, 0.900, 0.919, 0.925, N_("a network twice as wide")),
    "nin-fashion-mnist": Reruns(74, 0.100, 0.844, 0.885),
    "googlenet-fashion-mnist": Reruns(83, 0.100, 0.888, 0.900),
}


@dataclass(frozen=True, slots=True)
class Band:
    """Known runs of a recipe. `ours` holds a run each: its test accuracies by epoch, the first epoch's first."""

    recipe: Preset
    ours: tuple[tuple[float, ...], ...]
    course: tuple[tuple[int, float], ...]  # epochs and the accuracies printed for them
    d2l: Reruns | None

    @property
    def epochs(self) -> int:
        """How many epochs all of our runs have."""
        return min(map(len, self.ours), default=0)

    @property
    def spread(self) -> tuple[tuple[float, float, float], ...]:
        """What `at` says of each epoch; empty for so few runs that they do not show what is normal."""
        return tuple(self.at(epoch) for epoch in range(1, self.epochs + 1)) if len(self.ours) >= FEWEST else ()

    def at(self, epoch: int) -> tuple[float, float, float]:
        """The lowest, the middle and the highest test accuracy of our runs after an epoch, 1 to `epochs`."""
        values = [run[epoch - 1] for run in self.ours]
        return min(values), median(values), max(values)


@dataclass(frozen=True, slots=True)
class Standing:
    """One run beside the known ones. `place`: below all of ours, among them, above all; "" where ours say nothing."""

    sentence: str
    place: str = ""


def band_of(config: RunConfig) -> Band | None:
    """The known runs of the recipe with these settings; None where none has been measured or printed.

    Seed, device and precision may differ, and where the schedule allows it the number of epochs.
    """
    plain = _plain(config)
    recipe = next((recipe for known, recipe in _recipes() if known == plain), None)
    if recipe is None:
        return None
    band = Band(recipe, _measured().get(recipe.name, ()), tuple(_COURSE.get(recipe.name, {}).items()), _D2L.get(recipe.name))
    return band if band.ours or band.course or band.d2l else None


def compare(band: Band, epochs: Sequence[EpochDone]) -> Standing | None:
    """The newest epoch of a run beside the band; None before the first."""
    if not epochs:
        return None
    parts, place, epoch = [], "", min(epochs[-1].epoch, band.epochs)
    if epoch:
        mine = next((done.test_accuracy for done in epochs if done.epoch == epoch), None)
        if mine is None:
            return None
        sentence, place = _beside_ours(band, epoch, mine)
        parts.append(sentence)
    if printed := [(number, share) for number, share in band.course if number <= epochs[-1].epoch]:
        number, share = printed[-1]
        parts.append(say("The course printed {accuracy} after epoch {epoch}.", accuracy=percent(share), epoch=number))
    if band.d2l:
        parts.append(_of_the_book(band.d2l))
    return Standing(" ".join(parts), place) if parts else None


def _of_the_book(reruns: Reruns) -> str:
    facts = {
        "count": reruns.runs, "low": percent(reruns.low), "high": percent(reruns.high), "middle": percent(reruns.middle)
    }  # fmt: skip
    if reruns.network:
        return say(
            "The d2l book's {count} runs of {network} ended between {low} and {high} after 10 epochs, half of them above {middle}.",
            network=reruns.network, **facts,
        )  # fmt: skip
    return say("The d2l book's {count} runs ended between {low} and {high} after 10 epochs, half of them above {middle}.", **facts)


def _beside_ours(band: Band, epoch: int, mine: float) -> tuple[str, str]:
    low, middle, high = band.at(epoch)
    count = len(band.ours)
    place = "below" if mine < low else "above" if mine > high else "among"
    if count < FEWEST:
        few = N_(
            "After epoch {epoch} this run has {accuracy} of the test images right; the one known run of this recipe had {low} "
            "then: one run does not show what is normal."
        )
        if count > 1:
            few = N_(
                "After epoch {epoch} this run has {accuracy} of the test images right; the two known runs of this recipe had "
                "{low} and {high} then: two runs do not show what is normal."
            )
        return say(few, epoch=epoch, accuracy=percent(mine), low=percent(low), high=percent(high)), ""
    begin = say(
        "After epoch {epoch} this run has {accuracy} of the test images right; all {count} known runs of this recipe were "
        "between {low} and {high} then, with the middle at {middle}",
        epoch=epoch, accuracy=percent(mine), count=count, low=percent(low), high=percent(high), middle=percent(middle),
    )  # fmt: skip
    if place == "among":
        return say("{begin}: this is a normal run.", begin=begin), place
    # If all runs come from one distribution, each of the count + 1 is as likely to be the lowest.
    if place == "below":
        return say(
            "{begin}: this run is below all of them, as one in {number} is by chance alone.", begin=begin, number=count + 1
        ), place
    return say(
        "{begin}: this run is above all of them, as one in {number} is by chance alone.", begin=begin, number=count + 1
    ), place


def _plain(config: RunConfig) -> RunConfig:
    neutral = {name: RunConfig.model_fields[name].default for name in _IGNORED}
    if config.schedule not in _WHOLE:
        neutral["epochs"] = RunConfig.model_fields["epochs"].default
    try:
        return config.change(**neutral)
    except ConfigError:  # warm-up longer than that many epochs
        return config


@cache
def _recipes() -> tuple[tuple[RunConfig, Preset], ...]:
    """Each recipe with its plain settings, made once: a live run asks at every drawing."""
    return tuple((_plain(recipe.config()), recipe) for recipe in presets())


@cache
def _measured() -> dict[str, tuple[tuple[float, ...], ...]]:
    runs = json.loads(MEASURED.read_text(encoding="utf-8"))["runs"]
    return {name: tuple(tuple(run["test_accuracies"]) for run in known) for name, known in runs.items()}
