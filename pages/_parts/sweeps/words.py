"""A sweep in sentences: what did best, how sure that is, and how far the sweep is. Plain text; `trials` are those of the sweep."""

from __future__ import annotations

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
    """How long the sweep goes on, by what its runs have taken; None before the first has ended."""
    took = [trial.seconds for trial in sweep.trials if trial.state in ("finished", "pruned") and trial.seconds]
    if not took:
        return None
    training = [trial for trial in sweep.trials if trial.state == "training"]
    runs = max(0, sweep.config.total - sweep.count(*ENDED))
    work = max(0.0, runs * sum(took) / len(took) - sum(trial.seconds or 0.0 for trial in training))
    left = work / max(1, min(len(training), runs))
    return left if sweep.config.minutes is None else min(left, max(0.0, 60 * sweep.config.minutes - sweep.seconds))


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
    which = "one other run is" if len(close) == 1 else f"{len(close)} other runs are"
    return f"{sentence}, and {which} that close to the best: train the best again with other seeds to know."
