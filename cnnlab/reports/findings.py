"""Which of several runs was better, by how much, and what that may come from: in words, and against a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnlab.reports.comparison import Difference, differences, labels
from cnnlab.runs.records import Run
from cnnlab.text import percent

MOST_SETTINGS = 4  # of a run beside the baseline
_ALIKE = 0.0005  # accuracies nearer than this look equal, with one decimal of a percentage


@dataclass(frozen=True, slots=True)
class Against:
    """One run beside the baseline. The texts have a sign, and `better` says which direction is the good one."""

    label: str
    settings: str  # that differ from the baseline's, in words
    accuracy: str
    change: str  # "+1.2 points", "" for the baseline and where one has no result
    better: bool | None  # None where the accuracies look equal, or one is missing
    seconds: str  # "+12 s"


def finding(runs: Sequence[Run], baseline: Run | None = None) -> str:
    """The best run compared with the second best, or with the baseline, as plain text. "" without a result."""
    names = dict(zip([run.id for run in runs], labels(runs), strict=True))
    ranked = sorted((run for run in runs if run.best_test_accuracy is not None), key=lambda run: -(run.best_test_accuracy or 0))
    if not ranked:
        return ""
    best = ranked[0]
    reached = f"“{names[best.id]}” reached {percent(best.best_test_accuracy)} test accuracy at its best epoch"
    other = baseline if baseline in ranked else next((run for run in ranked if run is not best), None)
    if other is None:
        return f"{reached}."
    if other is best:
        return f"The baseline is the best of them: {reached}."
    if best.config.dataset != other.config.dataset:
        return f"{reached}. “{names[other.id]}” was tested on other data, so their accuracies cannot be compared."
    gap = (best.best_test_accuracy or 0) - (other.best_test_accuracy or 0)
    than = f"“{names[other.id]}” ({percent(other.best_test_accuracy)})"
    beside = f"as accurate as {than}" if gap < _ALIKE else f"{100 * gap:.1f} points above {than}"
    return f"{reached}, {beside}. {_cause(best, other)}"


def _cause(best: Run, other: Run) -> str:
    found = differences([best.config, other.config])
    if not found:
        return "All their settings are equal, seed included."
    if len(found) == 1:
        (one,) = found
        if one.field == "seed":
            return "They differ in the seed alone, so the difference is chance."
        return f"They differ in one setting: {_instead(one)}."
    names = ", ".join(each.title.lower() for each in found[:4]) + (" and others" if len(found) > 4 else "")
    return (
        f"They differ in {len(found)} settings ({names}), so no single one of them explains it: change one at a time to find out."
    )


def _instead(each: Difference) -> str:
    return f"{each.title.lower()} {each.values[0]} instead of {each.values[1]}"


def against(runs: Sequence[Run], baseline: Run) -> tuple[Against, ...]:
    """Each run beside the baseline, which comes first."""
    names = dict(zip([run.id for run in runs], labels(runs), strict=True))
    return tuple(_against(names[run.id], run, baseline) for run in (baseline, *(run for run in runs if run.id != baseline.id)))


def _against(label: str, run: Run, baseline: Run) -> Against:
    own = run.id == baseline.id
    differing = differences([run.config, baseline.config])
    texts = [_instead(each) for each in differing]
    more = f"; and {len(texts) - MOST_SETTINGS} more" if len(texts) > MOST_SETTINGS else ""
    gap, seconds = 0.0, ""
    known = run.best_test_accuracy is not None and baseline.best_test_accuracy is not None and not own
    if known:
        gap = (run.best_test_accuracy or 0) - (baseline.best_test_accuracy or 0)
    if run.seconds is not None:
        longer = f" ({run.seconds - baseline.seconds:+,.0f} s)" if baseline.seconds is not None and not own else ""
        seconds = f"{run.seconds:,.0f} s{longer.replace('-', '−')}"
    return Against(
        label=label,
        settings="the baseline" if own else "; ".join(texts[:MOST_SETTINGS]) + more or "nothing",
        accuracy=percent(run.best_test_accuracy),
        change="" if not known else "equal" if abs(gap) < _ALIKE else f"{100 * gap:+.1f} points".replace("-", "−"),
        better=None if not known or abs(gap) < _ALIKE else gap > 0,
        seconds=seconds,
    )
