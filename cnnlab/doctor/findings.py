"""What a check has found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cnnlab.i18n import N_, _, together, translated

Level = Literal["right", "look", "wrong"]
SIGNS: dict[Level, str] = {"right": "✓", "look": "!", "wrong": "✗"}
# The names as lines begin with them: with their colon no other text is translated as one of them.
HEADINGS = (
    N_("Python:"), N_("Packages:"), N_("Memory:"), N_("CPU:"), N_("Clock:"), N_("Time zone:"), N_("Open files:"), N_("Fonts:"),
    N_("Machine:"), N_("Home:"), N_("Disk:"), N_("Room:"), N_("Data:"), N_("Record:"), N_("Limits:"), N_("Background:"),
    N_("Server:"), N_("Port:"), N_("Reached:"), N_("Class:"), N_("Proxy:"), N_("Login:"), N_("School:"), N_("Driver:"),
    N_("PyTorch:"), N_("Device:"), N_("Executors:"), N_("Executor {name}:"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what is so, in a sentence, and what to do about it ("" where nothing is to be done); `line` translates."""

    name: str
    level: Level
    sentence: str
    cure: str = ""

    def line(self) -> str:
        """The line in the reader's language."""
        heading = f"{self.name}:"
        found = together(f"{SIGNS[self.level]} {translated(heading)}", translated(self.sentence))
        return f"{found}{f' → {translated(self.cure)}' if self.cure else ''}"


def right(name: str, sentence: str) -> Finding:
    return Finding(name, "right", sentence)


def look(name: str, sentence: str, cure: str) -> Finding:
    """Works, and may hurt later or in a class."""
    return Finding(name, "look", sentence, cure)


def wrong(name: str, sentence: str, cure: str) -> Finding:
    """The lab does not work so, or is not safe."""
    return Finding(name, "wrong", sentence, cure)


def healthy(findings: Iterable[Finding]) -> bool:
    return all(finding.level != "wrong" for finding in findings)


def verdict(findings: Iterable[Finding]) -> str:
    """The last line, in the reader's language: how many findings ask for something."""
    levels = [finding.level for finding in findings]
    wrongs, looks = levels.count("wrong"), levels.count("look")
    if not wrongs and not looks:
        return _("Everything is right.")
    text = _("Of {count} lines: {wrongs} wrong ({wrong}), {looks} to look at ({look}).")
    return text.format(count=len(levels), wrongs=wrongs, looks=looks, wrong=SIGNS["wrong"], look=SIGNS["look"])
