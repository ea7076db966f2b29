"""A run in words: its title and its state, the same on every page."""

from __future__ import annotations

from cnnlab.runs.records import Run, State
from pages._parts.markdown import escaped, isolated

STATE_WORDS = {
    State.QUEUED: "Waiting for its turn",
    State.STARTING: "Starting",
    State.RUNNING: "Training",
    State.PAUSING: "Pausing",
    State.PAUSED: "Paused",
    State.STOPPING: "Stopping",
    State.STOPPED: "Stopped",
    State.FINISHED: "Finished",
    State.FAILED: "Failed",
    State.INTERRUPTED: "Interrupted",
}
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
LONGEST_TITLE = 80  # characters in a list or a sentence


def title(run: Run) -> str:
    """The name that its owner gave it; a run without one is named after its network and data set."""
    return run.name or run.id


def cut_title(run: Run) -> str:
    """The title for a list or a sentence: shortened, on one line, and isolated from the text beside it."""
    whole = " ".join(title(run).split())
    return isolated(whole if len(whole) <= LONGEST_TITLE else f"{whole[:LONGEST_TITLE]}…")


def short_title(run: Run) -> str:
    """The same title, for Markdown."""
    return escaped(cut_title(run))
