"""What a check has found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["right", "look", "wrong"]
SIGNS: dict[Level, str] = {"right": "✓", "look": "!", "wrong": "✗"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what is so, in a sentence, and what to do about it ("" where nothing is to be done)."""

    name: str
    level: Level
    sentence: str
    cure: str = ""

    def line(self) -> str:
        return f"{SIGNS[self.level]} {self.name}: {self.sentence}{f' → {self.cure}' if self.cure else ''}"


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
    """The last line: how many findings ask for something."""
    levels = [finding.level for finding in findings]
    wrongs, looks = levels.count("wrong"), levels.count("look")
    if not wrongs and not looks:
        return "Everything is right."
    count = f"{wrongs or 'nothing'} wrong ({SIGNS['wrong']}), {looks or 'nothing'} to look at ({SIGNS['look']})"
    return f"Of {len(levels)} lines: {count}."
