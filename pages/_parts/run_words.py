"""A run in words: its title, its state and its accuracies, the same on every page."""

from __future__ import annotations

from cnnlab.forecasts.queue_times import Start
from cnnlab.i18n import N_, _, say, shown, translated
from cnnlab.run_names import name_of
from cnnlab.runs.records import Run, State
from cnnlab.runs.summaries import Summary
from cnnlab.state_words import STATE_WORDS, in_vain, state_word  # noqa: F401  pages have all words from here
from cnnlab.text import clock_text, ordinal, percent
from pages._parts.markdown import escaped, isolated

STATE_ICONS = {
    State.QUEUED: ":material/hourglass_empty:",
    State.STARTING: ":material/hourglass_top:",
    State.RUNNING: ":material/play_circle:",
    State.PAUSING: ":material/pending:",
    State.PAUSED: ":material/pause_circle:",
    State.STOPPING: ":material/pending:",
    State.STOPPED: ":material/stop_circle:",
    State.FINISHED: ":material/check_circle:",
    State.FAILED: ":material/error:",
    State.INTERRUPTED: ":material/power_off:",
}
DID_NOT_LEARN_ICON = ":material/trending_flat:"
# The two accuracies of a run, as headings; a sentence has the functions below.
BEST_ACCURACY, LAST_ACCURACY = N_("Best test accuracy"), N_("Test accuracy after the last epoch")
NOT_TODAY = N_("when its owner has minutes again")  # a run begins
LONGEST_TITLE = 80  # characters in a list or a sentence


def state_icon(run: Run | Summary) -> str:
    """The sign of `state_word`."""
    return DID_NOT_LEARN_ICON if in_vain(run) else STATE_ICONS[run.state]


def start_words(start: Start) -> str:
    """A waiting run's place and time, in the reader's language: "next, about 14:20"."""
    if not start.place:
        return translated(NOT_TODAY)
    place = _("next") if start.place == 1 else _("{place} in the queue").format(place=ordinal(start.place))
    return _("{place}, {time}").format(place=place, time=translated(start_time(start)))


def start_time(start: Start) -> str:
    """The time alone, in English: "about 14:20"."""
    if start.at is None:
        return N_("after a run that has no forecast yet") if start.place == 1 else N_("after runs that have no forecast yet")
    return say("about {time}", time=clock_text(start.at))


def last_accuracy(run: Run | Summary) -> str:
    """The test accuracy with its epoch: "71.2 % after epoch 10"; "no result" before the first."""
    if run.test_accuracy is None:
        return shown(N_("no result yet"))
    return shown(say("{accuracy} after epoch {epoch}", accuracy=percent(run.test_accuracy), epoch=run.epochs_done))


def best_accuracy(run: Run | Summary) -> str:
    """The highest test accuracy so far: "best 73.0 %"; "" before the first epoch, or where the last one is the best."""
    best = run.best_test_accuracy
    if best is None or percent(best) == percent(run.test_accuracy):
        return ""
    return shown(say("best {accuracy}", accuracy=percent(best)))


def title(run: Run | Summary) -> str:
    """The name that its owner gave it; a run without one is named after its network and data set, in the reader's language."""
    return name_of(run)


def cut_title(run: Run | Summary) -> str:
    """The title for a list or a sentence: shortened, on one line, and isolated from the text beside it."""
    whole = " ".join(title(run).split())
    return isolated(whole if len(whole) <= LONGEST_TITLE else f"{whole[:LONGEST_TITLE]}…")


def short_title(run: Run | Summary) -> str:
    """The same title, for Markdown."""
    return escaped(cut_title(run))
