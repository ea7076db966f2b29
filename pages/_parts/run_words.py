"""A run in words: its title, its state, how long ago; the same on every page."""

from __future__ import annotations

import re
import time

from cnnlab.runs.records import Run, State

STATE_WORDS = {
    State.QUEUED: "Waiting for its turn",
    State.STARTING: "Starting",
    State.RUNNING: "Training",
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
    State.STOPPING: ":material/pending:",
    State.STOPPED: ":material/stop_circle:",
    State.FINISHED: ":material/check_circle:",
    State.FAILED: ":material/error:",
    State.INTERRUPTED: ":material/power_off:",
}


def title(run: Run) -> str:
    """The name a person gave it; the lab names the others after their network and data set."""
    return run.name or run.id


def escaped(text: str) -> str:
    """Text that somebody typed, for a place that reads Markdown."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|$:<>~&^])", r"\\\1", text)


def share(value: float | None) -> str:
    """An accuracy as people say it: "81.2 %"."""
    return "–" if value is None else f"{value:.1%}".replace("%", " %")


def whole_share(value: float) -> str:
    """A share in whole per cent: "42 %"."""
    return f"{value:.0%}".replace("%", " %")


def duration(seconds: float) -> str:
    """ "1:20" for eighty seconds, "2:03:00" for two hours and three minutes."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def ago(moment: float, now: float | None = None) -> str:
    """How long ago a moment (seconds since 1970) was, in the coarsest unit that says enough."""
    passed = max(0.0, (time.time() if now is None else now) - moment)
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        count = int(passed // size)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
