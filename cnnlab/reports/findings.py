"""Which of several runs was better, by how much, and what that may come from: in words, and against a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

from cnnlab import datasets
from cnnlab.datasets.catalogue import images_used
from cnnlab.i18n import _, together
from cnnlab.intervals import chance_gap
from cnnlab.reports.comparison import Difference, differences, groups, labels
from cnnlab.runs.records import MAY_GO_ON, Run, State
from cnnlab.text import in_sentence, listed, percent

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
    """The best run compared with the second best, or with the baseline, as plain text. "" without a result.

    Settings that several seeds were trained with are compared by their means.
    """
    names = dict(zip([run.id for run in runs], labels(runs), strict=True))
    ranked = sorted((run for run in runs if run.best_test_accuracy is not None), key=lambda run: -_accuracy(run))
    if not ranked:
        return ""
    if sides := _sides(ranked, baseline):
        return _between_means(*sides)
    best = ranked[0]
    reached = _("“{name}” reached {accuracy} test accuracy at its best epoch")
    reached = reached.format(name=names[best.id], accuracy=percent(best.best_test_accuracy))
    if baseline == best:
        reached = _("The baseline is the best of them: {reached}").format(reached=reached)
    other = _other(ranked, baseline)
    if other is None:
        return _("{reached}.").format(reached=reached)
    values = {"reached": reached, "name": names[other.id], "accuracy": percent(other.best_test_accuracy)}
    if best.config.dataset != other.config.dataset:
        return _("{reached}. “{name}” was tested on other data, so their accuracies cannot be compared.").format(**values)
    if (gap := _accuracy(best) - _accuracy(other)) < _ALIKE:
        compared = _("{reached}, as accurate as “{name}” ({accuracy}).").format(**values)
    else:
        compared = _("{reached}, {points:.1f} points above “{name}” ({accuracy}).").format(points=100 * gap, **values)
    return together(compared, _still_training([best, other]) or _against_chance(best, other), _cause(best, other))


def undecided(runs: Sequence[Run], baseline: Run | None = None) -> tuple[Run, Run] | None:
    """The two single runs of the finding, where more seeds of each would tell whether they differ; None where nothing is open."""
    ranked = sorted((run for run in runs if run.best_test_accuracy is not None), key=lambda run: -_accuracy(run))
    if not ranked or _sides(ranked, baseline):
        return None
    best = ranked[0]
    other = _other(ranked, baseline)
    if other is None or best.config.dataset != other.config.dataset or _still_training([best, other]):
        return None
    return (best, other) if _gap_by_chance(best, other) > _accuracy(best) - _accuracy(other) else None


def _other(ranked: Sequence[Run], baseline: Run | None) -> Run | None:
    """The run that the best one is compared with: the baseline, or else the best of other settings, or of the same ones."""
    if baseline is not None and baseline in ranked[1:]:
        return baseline
    return next((run for run in ranked[1:] if _differing(ranked[0], run)), ranked[1] if len(ranked) > 1 else None)


def _accuracy(run: Run) -> float:
    return run.best_test_accuracy or 0.0


def _still_training(runs: Sequence[Run]) -> str:
    """How far those are that have not ended: what they have reached by now compares with no whole run."""
    going = [run for run in runs if run.state in MAY_GO_ON or run.state is State.PAUSED]
    if not going:
        return ""
    done = dict.fromkeys(_("{done} of {total} epochs").format(done=run.epochs_done, total=run.config.epochs) for run in going)
    one = _("One of them has not ended ({done}), so this may change.")
    several = _("{count} of them have not ended ({done}), so this may change.")
    return (one if len(going) == 1 else several).format(count=len(going), done=listed(done))


def _gap_by_chance(first: Run, second: Run) -> float:
    """How far apart chance alone brings the accuracies; 0 where only chance, or nothing, differs anyway."""
    if not _differing(first, second):
        return 0.0
    return chance_gap(_accuracy(first), _tests(first), _accuracy(second), _tests(second))


def _against_chance(best: Run, other: Run) -> str:
    """Whether the gap of two single runs says anything."""
    gap, chance = _accuracy(best) - _accuracy(other), _gap_by_chance(best, other)
    if not chance or gap < _ALIKE:
        return ""
    tests = [f"{count:,}" for count in dict.fromkeys((_tests(best), _tests(other)))]
    counts = tests[0] if len(tests) == 1 else _("{several} and {last}").format(several=tests[0], last=tests[1])
    sentence = (
        _(
            "That is more than the {points:.1f} points that chance alone can make with {counts} test images. Another seed would "
            "move both a little, too."
        )
        if gap > chance
        else _(
            "That is not more than the {points:.1f} points that chance alone can make with {counts} test images, and the seed adds "
            "to it: train three seeds of each to know."
        )
    )
    return sentence.format(points=100 * chance, counts=counts)


def _tests(run: Run) -> int:
    entry, config = datasets.entry(run.config.dataset), run.config
    return images_used(entry.train_images, entry.test_images, config.data_share, config.limit)[1]


def _sides(ranked: Sequence[Run], baseline: Run | None) -> tuple[tuple[Run, ...], tuple[Run, ...]] | None:
    """The seeds with the best mean, and those of the baseline or the second best mean; None where a side is a single run."""
    parted = sorted((_seeds(group) for group in groups(ranked)), key=lambda side: -_mean(side))
    if len(parted) < 2:
        return None
    best, other = parted[:2]
    if baseline in ranked:
        settings = groups([baseline, *ranked])[0]
        other = next((side for side in parted[1:] if side[0] in settings), other)
    if min(len(best), len(other)) < 2 or best[0].config.dataset != other[0].config.dataset:
        return None
    return best, other


def _seeds(group: Sequence[Run]) -> tuple[Run, ...]:
    """One run for each seed, the smallest seed first."""
    return tuple({run.config.seed: run for run in sorted(group, key=lambda run: -run.config.seed)}.values())[::-1]


def _mean(side: Sequence[Run]) -> float:
    return sum(map(_accuracy, side)) / len(side)


def _between_means(best: Sequence[Run], other: Sequence[Run]) -> str:
    """Two settings with several seeds each: their means, their ranges, and whether these overlap."""
    names = labels([best[0], other[0]], leave_out=("seed",))
    gap = _mean(best) - _mean(other)
    compared = (
        _("“{first}” reached a mean of {mean} test accuracy at the best epoch, equal to the mean of “{second}”, {other}.")
        if gap < _ALIKE
        else _(
            "“{first}” reached a mean of {mean} test accuracy at the best epoch, {points:.1f} points above the mean of “{second}”, "
            "{other}."
        )
    )
    compared = compared.format(first=names[0], mean=_spread(best), points=100 * gap, second=names[1], other=_spread(other))
    if min(map(_accuracy, best)) > max(map(_accuracy, other)):
        cases = comb(len(best) + len(other), len(best)) // 2
        ranges = _("The ranges do not overlap: if these settings made no difference, that would happen in 1 of {cases:,} cases.")
        ranges = ranges.format(cases=cases)
    else:
        ranges = _("The ranges overlap: seeds alone make differences like this one, so it may be chance.")
    return together(compared, _still_training([*best, *other]) or ranges, _cause(best[0], other[0], seeds=True))


def _spread(side: Sequence[Run]) -> str:
    lowest, highest = min(map(_accuracy, side)), max(map(_accuracy, side))
    return _("{mean} ({low:.1f}–{high}, {count} seeds)").format(
        mean=percent(_mean(side)), low=100 * lowest, high=percent(highest), count=len(side)
    )


def _differing(first: Run, second: Run) -> list[Difference]:
    """The settings that may be a cause: a seed is none."""
    return [each for each in _causes(first, second) if each.field != "seed"]


def _causes(first: Run, second: Run) -> list[Difference]:
    return [each for each in differences([first.config, second.config]) if each.is_cause]


def _cause(best: Run, other: Run, *, seeds: bool = False) -> str:
    """What the difference may come from; with `seeds`, the seed is no setting that differs."""
    found = _differing(best, other) if seeds else _causes(best, other)
    if not found:
        return _("All their settings are equal, seed included.")
    if len(found) == 1:
        (one,) = found
        if one.field == "seed":
            return _("They differ in the seed alone, so the difference is chance.")
        return _("They differ in one setting: {difference}.").format(difference=_instead(one))
    names = listed(in_sentence(each.title) for each in found[:4])
    return _(
        "They differ in {count} settings ({names}), so no single one of them explains it: change one at a time to find out."
    ).format(count=len(found), names=_("{names} and others").format(names=names) if len(found) > 4 else names)


def _instead(each: Difference) -> str:
    return _("{setting} {value} instead of {other}").format(
        setting=in_sentence(each.title), value=each.values[0], other=each.values[1]
    )


def against(runs: Sequence[Run], baseline: Run) -> tuple[Against, ...]:
    """Each run beside the baseline, which comes first."""
    names = dict(zip([run.id for run in runs], labels(runs), strict=True))
    return tuple(_against(names[run.id], run, baseline) for run in (baseline, *(run for run in runs if run.id != baseline.id)))


def _against(label: str, run: Run, baseline: Run) -> Against:
    own = run.id == baseline.id
    differing = differences([run.config, baseline.config])
    texts = [_instead(each) for each in differing]
    differing_in = _("; ").join(texts[:MOST_SETTINGS])
    if (more := len(texts) - MOST_SETTINGS) > 0:
        differing_in = _("{settings}; and {count} more").format(settings=differing_in, count=more)
    gap, seconds = 0.0, ""
    known = run.best_test_accuracy is not None and baseline.best_test_accuracy is not None and not own
    if known:
        gap = (run.best_test_accuracy or 0) - (baseline.best_test_accuracy or 0)
    if run.seconds is not None:
        longer = f" ({run.seconds - baseline.seconds:+,.0f} s)" if baseline.seconds is not None and not own else ""
        seconds = f"{run.seconds:,.0f} s{longer.replace('-', '−')}"
    return Against(
        label=label,
        settings=_("the baseline") if own else differing_in or _("nothing"),
        accuracy=percent(run.best_test_accuracy),
        change="" if not known else _("equal") if abs(gap) < _ALIKE else _points(gap),
        better=None if not known or abs(gap) < _ALIKE else gap > 0,
        seconds=seconds,
    )


def _points(gap: float) -> str:
    return _("{points} points").format(points=f"{100 * gap:+.1f}".replace("-", "−"))
