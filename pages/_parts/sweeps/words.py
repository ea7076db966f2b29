"""A sweep in sentences: what did best, how sure that is, and how far the sweep is. Plain text; `trials` are those of the sweep."""

from __future__ import annotations

from cnnlab.config_words import title
from cnnlab.i18n import N_, _, ngettext, together, translated
from cnnlab.intervals import chance_gap
from cnnlab.run_names import named
from cnnlab.sweeps.values import Sweep, Trial
from cnnlab.text import duration_text, in_sentence, percent

STATE_WORDS = {"running": N_("Training"), "stopped": N_("Stopped"), "finished": N_("Finished"), "failed": N_("Failed")}
STATE_ICONS = {
    "running": ":material/play_circle:",
    "stopped": ":material/stop_circle:",
    "finished": ":material/check_circle:",
    "failed": ":material/error:",
}
TRIAL_WORDS = {
    "waiting": N_("Waiting"),
    "training": N_("Training"),
    "pruned": N_("Stopped early"),
    "finished": N_("Finished"),
    "failed": N_("Failed"),
    "stopped": N_("Stopped"),
}
ENDED = ("finished", "pruned", "failed")


def sweep_title(sweep: Sweep) -> str:
    """Its name on one line, and what varies: "LeNet-5: learning rate × batch size"."""
    varied = " × ".join(in_sentence(title(each.setting, sweep.config.base.architecture)) for each in sweep.config.dimensions)
    name = named(sweep.name, sweep.config.base.network, sweep.config.base.dataset)
    return _("{name}: {settings}").format(name=" ".join(name.split()), settings=varied)


def best_sentence(sweep: Sweep, test_accuracy: float | None) -> str:
    """ "Best so far: 81.2 % validation accuracy with learning rate 0.1.", and its test accuracy, where that chose nothing."""
    best = sweep.best
    if best is None:
        return _("No run has finished an epoch yet.")
    if sweep.state == "running":
        sentence = _("Best so far: {accuracy} {quantity} with {settings}.")
    else:
        sentence = _("Best: {accuracy} {quantity} with {settings}.")
    sentence = sentence.format(
        accuracy=percent(best.accuracy), quantity=translated(sweep.goal), settings=sweep.config.in_words(best.values)
    )
    if sweep.goal == "test accuracy" or test_accuracy is None:
        return sentence
    reaches = _("On the test images, which chose nothing, it reaches {accuracy}.").format(accuracy=percent(test_accuracy))
    return together(sentence, reaches)


def progress_sentence(sweep: Sweep) -> str:
    """ "5 of 12 runs are done, 2 of them stopped early. About 3 minutes are left."."""
    done, total = sweep.count(*ENDED), sweep.config.total
    if sweep.state == "finished" and done >= total:
        counted = _("The only run is done") if total == 1 else _("All {total} runs are done")
    elif total == 1:
        counted = _("{done} of {total} run is done") if done == 1 else _("{done} of {total} run are done")
    else:
        counted = ngettext("{done} of {total} runs is done", "{done} of {total} runs are done", done)
    parts = [counted.format(done=done, total=total)]
    if early := sweep.count("pruned"):
        parts.append(_("{count} stopped early").format(count=early))
    if failed := sweep.count("failed"):
        parts.append(_("{count} failed").format(count=failed))
    left = seconds_left(sweep) if sweep.state == "running" else None
    about = _("About {time} left.").format(time=duration_text(left)) if left else ""
    return together(_("{sentence}.").format(sentence=_(", ").join(parts)), about)


def seconds_left(sweep: Sweep) -> float | None:
    """How long the sweep goes on, by what its runs have taken so far; None before the first epoch."""
    training = [trial for trial in sweep.trials if trial.state == "training"]
    ended = [trial.seconds for trial in sweep.trials if trial.state in ("finished", "pruned") and trial.seconds]
    whole = [took for trial in training if (took := _whole_seconds(trial))]
    if not (ended or whole):
        return None
    usual = (sum(ended) + sum(whole)) / (len(ended) + len(whole))
    of_training = [max(0.0, (_whole_seconds(trial) or usual) - (trial.seconds or 0.0)) for trial in training]
    to_begin = max(0, sweep.config.total - sweep.count(*ENDED) - len(training))
    together = max(1, len(training))
    left = max([(sum(of_training) + to_begin * usual) / together, *of_training])
    return left if sweep.config.minutes is None else min(left, max([60 * sweep.config.minutes - sweep.seconds, *of_training]))


def _whole_seconds(trial: Trial) -> float | None:
    """How long all epochs of a run that trains take, by those it has done."""
    return trial.seconds / trial.epochs_done * trial.epochs if trial.seconds and trial.epochs_done else None


def near(sweep: Sweep, images: int) -> tuple[float, tuple[Trial, ...]]:
    """The gap that chance alone can make beside the best run, and the other runs that are no further from it."""
    best = sweep.best
    if best is None or best.accuracy is None or not images:
        return 0.0, ()
    gap = chance_gap(best.accuracy, images, best.accuracy, images)
    others = [trial for trial in sweep.trials if trial is not best and trial.accuracy is not None]
    return gap, tuple(trial for trial in others if best.accuracy - (trial.accuracy or 0.0) <= gap)


def margin_sentence(sweep: Sweep, images: int) -> str:
    """How far apart two of its runs must be to differ by more than chance; "" before there are two."""
    measured = sum(trial.accuracy is not None for trial in sweep.trials)
    if measured < 2 or not images:
        return ""
    gap, close = near(sweep, images)
    if sweep.goal == "validation accuracy":
        sentence = _("With {images:,} validation images, chance alone can part two equal runs by {points:.1f} points")
    else:
        sentence = _("With {images:,} test images, chance alone can part two equal runs by {points:.1f} points")
    sentence = sentence.format(images=images, points=100 * gap)
    if not close:
        return _("{sentence}: no other run is that close to the best.").format(sentence=sentence)
    if sweep.state == "running":
        one = _("{sentence}, and one other run is that close to the best.")
        several = _("{sentence}, and {count} other runs are that close to the best.")
    else:
        one = _("{sentence}, and one other run is that close to the best: train the best again with other seeds to know.")
        several = _("{sentence}, and {count} other runs are that close to the best: train the best again with other seeds to know.")
    return (one if len(close) == 1 else several).format(sentence=sentence, count=len(close))
