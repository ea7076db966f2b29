"""The table of causes: what the figures of a run can mean, the first that holds being the diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from cnnlab.diagnosis import cures, endings, overflow, when, words
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.events import EpochDone, Event, RunFailed
from cnnlab.i18n import N_

if TYPE_CHECKING:
    from cnnlab.config import RunConfig


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`cure` holds changes of the run's configuration, and is empty where none is needed or known."""

    cause: str
    level: Literal["problem", "wait", "good"]
    sentence: str
    heading: str = ""  # of the chart of losses; "" where it shows nothing special
    cure: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cause:
    """A row: when it holds, the sentence with the figures, and the settings that cure it."""

    name: str
    level: Literal["problem", "wait", "good"]
    holds: Callable[[Evidence], bool]
    sentence: Callable[[Evidence], str]
    cure: Callable[[Evidence], dict[str, Any]] = lambda _: {}
    heading: Callable[[Evidence], str] = lambda _: ""

    def diagnosis(self, evidence: Evidence) -> Diagnosis:
        return Diagnosis(self.name, self.level, self.sentence(evidence), self.heading(evidence), self.cure(evidence))


def diagnose(config: RunConfig, events: Iterable[Event]) -> Diagnosis | None:
    """What the run's figures mean now; None where it has none yet, or has failed for a reason that its message gives."""
    events = tuple(events)
    if [event.step for event in events if isinstance(event, EpochDone)][-1:] == [0]:
        return None  # weights from a file: nothing was trained
    evidence = Evidence.of(config, events)
    if evidence is None or (isinstance(evidence.last, RunFailed) and evidence.last.kind not in overflow.OVERFLOWS):
        return None
    return next((cause.diagnosis(evidence) for cause in CAUSES if cause.holds(evidence)), None)


def suspects(config: RunConfig, events: Iterable[Event]) -> tuple[Diagnosis, ...]:
    """All problems that the run's figures show and for which a cure is known, the best supported first; each cure once."""
    evidence = Evidence.of(config, events)
    if evidence is None or isinstance(evidence.last, RunFailed):
        return ()
    found: list[Diagnosis] = []
    for diagnosis in (cause.diagnosis(evidence) for cause in CAUSES if cause.level == "problem" and cause.holds(evidence)):
        if diagnosis.cure and diagnosis.cure not in [other.cure for other in found]:
            found.append(diagnosis)
    return tuple(found)


def _says(heading: str) -> Callable[[Evidence], str]:
    return lambda _: heading


_AT_GUESSING = _says(N_("Loss stays at that of guessing"))
CAUSES: tuple[Cause, ...] = (
    Cause(
        "exploded",
        "problem",
        when.exploded,
        words.explosion,
        cures.after_overflow,
        _says(N_("Loss until it was no number any more")),
    ),
    Cause("diverged", "problem", when.diverged, words.divergence, cures.lower_rate, words.diverged_to),
    Cause("settled at chance", "problem", when.overshot_to_chance, words.settling, cures.lower_rate, _AT_GUESSING),
    Cause("rate still rising", "wait", when.rising, words.rise),
    Cause("too few steps", "problem", when.too_short, words.short, cures.more_steps),
    Cause("rate too high", "problem", when.settled_at_chance, words.settling, cures.lower_rate, _AT_GUESSING),
    Cause("rate too small", "problem", when.too_slow, words.slowness, cures.usual, _says(N_("Loss hardly falls"))),
    Cause("flat start", "wait", when.flat_sigmoid_may_wait, words.flat_wait, cures.longer, _says(N_("Loss starts flat"))),
    Cause("flat start", "problem", when.flat_sigmoid, words.flatness, cures.leave_the_flat_start, _AT_GUESSING),
    Cause("at chance", "wait", when.flat_may_wait, words.patience),
    Cause("at chance", "problem", when.flat, words.chance, cures.another_start, _AT_GUESSING),
    Cause("averages not settled", "wait", when.averages_may_settle, words.unfit_averages),
    Cause("averages not settled", "problem", when.unsettled_averages, words.unfit_averages, cures.larger_batches),
    Cause("rate too high", "problem", when.unstable, words.instability, cures.lower_rate, _says(N_("Loss no longer falls"))),
    Cause("overfitting", "problem", when.overfits, words.overfitting, cures.more_data, words.risen_since),
    Cause("few images", "wait", when.few_images, endings.too_few_images, cures.more_images),
    Cause(
        "still improving",
        "good",
        when.improves_at_its_end,
        endings.improvement,
        cures.twice_as_long,
        _says(N_("Loss was still falling")),
    ),
    Cause("no clear gain", "wait", when.unclear_at_its_end, endings.no_clear_gain, cures.twice_as_long),
    Cause("learning", "good", when.learns, endings.learning),
    Cause("converged", "good", when.evaluated, endings.rest, heading=_says(N_("Loss has settled"))),
)
