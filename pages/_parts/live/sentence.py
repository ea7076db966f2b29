"""What a run is doing, or how it ended, in one sentence."""

from __future__ import annotations

from cnnlab.config_words import words
from cnnlab.events import EpochDone, Progress, best_epoch
from cnnlab.lab import Lab
from cnnlab.runs.records import IN_PROCESS, Run, State, may_take_the_same
from cnnlab.text import duration, ordinal, percent
from pages._parts.run_words import best_accuracy, cut_title, last_accuracy

SETTLES = 1.0  # seconds of training before its speed and the time left are worth reading


def sentence(lab: Lab, run: Run, latest: Progress | None) -> str:
    """Follows the state's word; plain text, names as they were typed. `latest` is the run's last progress report."""
    if run.state is State.QUEUED:
        return _waiting(lab, run)
    if run.state in IN_PROCESS:
        return _working(run, latest)
    facts = [f"{run.epochs_done} of {run.config.epochs} epochs"]
    if run.seconds is not None:
        facts.append(duration(run.seconds))
    if run.test_accuracy is not None:
        facts += _accuracies(run, best_epoch(lab.epochs(run.id)))
    if run.device:
        facts.append(words("device", run.device))
    return " · ".join(facts) + _next(lab, run)


def _accuracies(run: Run, best: EpochDone | None) -> list[str]:
    if best and best.validation_accuracy is not None:
        chosen = f"chosen by a validation accuracy of {percent(best.validation_accuracy)}"
        return [f"test accuracy {percent(best.test_accuracy)} after epoch {best.epoch}, {chosen}"]
    last = [f"test accuracy {last_accuracy(run)}"]
    return [*last, f"best {percent(best.test_accuracy)}, epoch {best.epoch}"] if best and best_accuracy(run) else last


def _waiting(lab: Lab, run: Run) -> str:
    before = (run.position or 1) - 1
    training = _in_the_way(run, [other for other in lab.runs() if other.state in IN_PROCESS])
    goes_on = "it goes on" if run.epochs_done else "it starts"
    if run.message and not before:
        return "it is next"  # and the message says what it waits for
    if not training and not before:
        return f"it is next and {'goes on' if run.epochs_done else 'starts'} in a moment"
    place = "it is next" if not before else f"{ordinal(before + 1)} in the queue"
    if not training:
        return place
    names = " and ".join(f"“{cut_title(other)}”" for other in training[:2]) + (" and others" if len(training) > 2 else "")
    if before:
        return f"{place}; {names} {'are' if len(training) > 1 else 'is'} training now"
    return f"{place}; {goes_on} when {names} is done" if len(training) == 1 else f"{place}; {goes_on} when one of {names} is done"


def _in_the_way(run: Run, training: list[Run]) -> list[Run]:
    """The runs on devices that this one may take; on automatic those are the GPUs, where the lab trains on any."""
    choice = run.config.device
    if choice == "auto":
        return [other for other in training if other.device.startswith("cuda")] or training
    return [other for other in training if not other.device or may_take_the_same(choice, other.device)]


def _working(run: Run, latest: Progress | None) -> str:
    if run.state is State.PAUSING:
        return "it finishes the batch at hand and keeps everything as it is"
    if run.state is State.STARTING or latest is None:
        return "loading the images and building the network" + (
            ", then it goes on from its last checkpoint" if run.epochs_done else ""
        )
    left = "almost done" if latest.seconds_left < 1 else f"{duration(latest.seconds_left)} left"
    facts = (f"epoch {latest.epoch} of {run.config.epochs}", percent(latest.share_done, 0))
    if latest.seconds < SETTLES:
        return " · ".join(facts)
    return " · ".join((*facts, left, f"{latest.images_per_second:,.0f} images/s"))


def _next(lab: Lab, run: Run) -> str:
    if run.state is State.PAUSED:
        begun = run.epochs_done or run.started
        return " · “Resume” goes on exactly where it was" if begun else " · “Resume” puts it into the queue"
    if run.state is State.INTERRUPTED:
        if lab.resumes_by_itself(run.id):
            return " · it resumes automatically in a moment"
        return " · press “Resume” to go on from its last checkpoint" if run.has_checkpoint else " · press “Resume” to begin again"
    return ""
