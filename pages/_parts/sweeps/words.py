"""A sweep in sentences: what did best, how sure that is, and how far the sweep is. Plain text; `trials` are those of the sweep."""

from __future__ import annotations

from cnnlab.config_words import title
from cnnlab.intervals import chance_gap
from cnnlab.sweeps.values import Sweep, Trial
from cnnlab.text import duration_text, percent

STATE_WORDS = {"running": "Training", "stopped": "Stopped", "finished": "Finished", "failed": "Failed"}
STATE_ICONS = {
    "running": ":material/play_circle:",
    "stopped": ":material/stop_circle:",
    "finished": ":material/check_circle:",
    "failed": ":material/error:",
}
TRIAL_WORDS = {
    "waiting": "Waiting",
    "training": "Training",
    "pruned": "Stopped early",
    "finished": "Finished",
    "failed": "Failed",
    "stopped": "Stopped",
}
ENDED = ("finished", "pruned", "failed")


def sweep_title(sweep: Sweep) -> str:
    """Its name on one line, and what varies: "LeNet-5: learning rate × batch size"."""
    varied = " × ".join(title(each.setting, sweep.config.base.architecture).lower() for each in sweep.config.dimensions)
    return f"{' '.join(sweep.name.split())}: {varied}"


def best_sentence(sweep: Sweep, test_accuracy: float | None) -> str:
    """ "Best so far: 81.2 % validation accuracy with learning rate 0.1.", and its test accuracy, where that chose nothing."""
    best = sweep.best
    if best is None:
        return "No run has finished an epoch yet."
    lead = "Best so far" if sweep.state == "running" else "Best"
    sentence = f"{lead}: {percent(best.accuracy)} {sweep.goal} with {sweep.config.in_words(best.values)}."
    if sweep.goal == "test accuracy" or test_accuracy is None:
        return sentence
    return f"{sentence} On the test images, which chose nothing, it reaches {percent(test_accuracy)}."


def progress_sentence(sweep: Sweep) -> str:
    """ "5 of 12 runs are done, 2 of them stopped early. About 3 minutes are left."."""
    done, total = sweep.count(*ENDED), sweep.config.total
    if sweep.state == "finished" and done >= total:
        counted = "The only run is done" if total == 1 else f"All {total} runs are done"
    else:
        counted = f"{done} of {total} run{'' if total == 1 else 's'} {'is' if done == 1 else 'are'} done"
    early, failed = sweep.count("pruned"), sweep.count("failed")
    sentence = counted + (f", {early} stopped early" if early else "") + (f", {failed} failed" if failed else "") + "."
    if sweep.state == "running" and (left := seconds_left(sweep)):
        sentence += f" About {duration_text(left)} left."
    return sentence


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
    kind = sweep.goal.removesuffix(" accuracy")
    sentence = f"With {images:,} {kind} images, chance alone can part two equal runs by {100 * gap:.1f} points"
    if not close:
        return f"{sentence}: no other run is that close to the best."
    advice = "" if sweep.state == "running" else ": train the best again with other seeds to know"
    which = "one other run is" if len(close) == 1 else f"{len(close)} other runs are"
    return f"{sentence}, and {which} that close to the best{advice}."
