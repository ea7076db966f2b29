"""What a run is doing, or how it ended, in one English sentence, which `translated` shows to each reader."""

from __future__ import annotations

from collections.abc import Sequence

from cnnlab.config_words import words
from cnnlab.elsewhere import is_elsewhere
from cnnlab.events import EpochDone, Progress, best_epoch
from cnnlab.i18n import N_, english, nsay, say
from cnnlab.lab import Lab
from cnnlab.runs.records import IN_PROCESS, Run, State, may_take_the_same
from cnnlab.text import duration, ordinal, percent
from pages._parts.run_words import NOT_TODAY, best_accuracy, cut_title, last_accuracy, start_time

SETTLES = 1.0  # seconds of training before its speed and the time left are worth reading


def sentence(lab: Lab, run: Run, latest: Progress | None) -> str:
    """Follows the state's word; plain text, names as they were typed. `latest` is the run's last progress report."""
    if run.state is State.QUEUED:
        return _waiting(lab, run)
    if run.state in IN_PROCESS:
        return _working(run, latest)
    facts = [say("{done} of {total} epochs", done=run.epochs_done, total=run.config.epochs)]
    if run.seconds is not None:
        facts.append(duration(run.seconds))
    if run.test_accuracy is not None:
        facts += _accuracies(run, best_epoch(lab.epochs(run.id)))
    if run.device:
        facts.append(str(english(words("device", run.device))))
    return " · ".join(facts) + _next(lab, run)


def _accuracies(run: Run, best: EpochDone | None) -> list[str]:
    if best and best.validation_accuracy is not None:
        chosen = say(
            "test accuracy {accuracy} after epoch {epoch}, chosen by a validation accuracy of {validation}",
            accuracy=percent(best.test_accuracy), epoch=best.epoch, validation=percent(best.validation_accuracy),
        )  # fmt: skip
        return [chosen]
    last = [say("test accuracy {accuracy}", accuracy=last_accuracy(run))]
    if not best or not best_accuracy(run):
        return last
    return [*last, say("best {accuracy}, epoch {epoch}", accuracy=percent(best.test_accuracy), epoch=best.epoch)]


def _waiting(lab: Lab, run: Run) -> str:
    start = lab.sharing.starts().get(run.id)
    if start and not start.place:
        return NOT_TODAY  # and the message says when that is
    before = (start.place if start else run.position or 1) - 1
    training = _in_the_way(run, lab.training())
    begun = run.epochs_done > 0
    if not before and (lab.queue_waits() or (run.message and not training)):
        return N_("it is next")  # and the message, or the top of the page, says what it waits for
    if not training and not before:
        return N_("it is next and goes on in a moment") if begun else N_("it is next and starts in a moment")
    place = say("{place} in the queue", place=ordinal(before + 1)) if before else N_("it is next")
    if start and (before or start.at is not None):
        place = f"{place}; {start_time(start)}"
    if not training or (run.message and not before):
        return place
    names = _names([cut_title(other) for other in training])
    if before:
        return f"{place}; " + nsay("{names} is training now", "{names} are training now", len(training), names=names)
    if len(training) == 1:
        when = say("it goes on when {names} is done", names=names) if begun else say("it starts when {names} is done", names=names)
    elif begun:
        when = say("it goes on when one of {names} is done", names=names)
    else:
        when = say("it starts when one of {names} is done", names=names)
    return f"{place}; {when}"


def _names(titles: list[str]) -> str:
    if len(titles) == 1:
        return say("“{title}”", title=titles[0])
    if len(titles) == 2:
        return say("“{first}” and “{second}”", first=titles[0], second=titles[1])
    return say("“{first}” and “{second}” and others", first=titles[0], second=titles[1])


def _in_the_way(run: Run, training: Sequence[Run]) -> Sequence[Run]:
    """The runs on devices that this one may take; on automatic those are the GPUs, where the lab trains on any."""
    choice = run.config.device
    if choice == "auto":
        here = [other for other in training if not is_elsewhere(other.device)]
        return [other for other in here if other.device.startswith("cuda")] or here
    return [other for other in training if not other.device or may_take_the_same(choice, other.device)]


def _working(run: Run, latest: Progress | None) -> str:
    if run.state is State.PAUSING:
        return N_("it finishes the batch at hand and keeps everything as it is")
    if run.state is State.STARTING and run.message:
        return run.message  # what it waits for beyond this machine
    if run.state is State.STARTING or latest is None:
        if run.epochs_done:
            return N_("loading the images and building the network, then it goes on from its last checkpoint")
        return N_("loading the images and building the network")
    left = N_("almost done") if latest.seconds_left < 1 else say("{time} left", time=duration(latest.seconds_left))
    facts = (say("epoch {epoch} of {total}", epoch=latest.epoch, total=run.config.epochs), percent(latest.share_done, 0))
    if latest.seconds < SETTLES:
        return " · ".join(facts)
    return " · ".join((*facts, left, say("{count:,.0f} images/s", count=latest.images_per_second)))


def _next(lab: Lab, run: Run) -> str:
    if run.state is State.PAUSED:
        begun = run.epochs_done or run.started
        return " · " + (N_("“Resume” goes on exactly where it was") if begun else N_("“Resume” puts it into the queue"))
    if run.state is State.INTERRUPTED:
        if lab.resumes_by_itself(run.id):
            return " · " + N_("it resumes automatically in a moment")
        if run.has_checkpoint:
            return " · " + N_("press “Resume” to go on from its last checkpoint")
        return " · " + N_("press “Resume” to begin again")
    return ""
