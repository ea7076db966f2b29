"""Reads the file of a lesson: a header in TOML between two lines of `+++`, and a body in Markdown with marks in double brackets.

    [[S1.1]]                   this paragraph covers that item of the course; not shown
    [[figure: flatten]]        on a line of its own: a live figure; also experiment, quiz and mistake, by their ids

Questions, experiments and mistakes that the body does not place follow at its end. The prediction follows the first section.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from cnnlab.errors import LessonError
from cnnlab.i18n import N_, say
from cnnlab.learn.lesson import FIGURES, Answer, Band, Block, Experiment, Header, Lesson, Mistake, Prediction, Quiz
from cnnlab.text import shortened

MOST_BYTES = 200_000
FENCE = "+++"
_MODELS: dict[str, type[BaseModel]] = {
    "prediction": Prediction, "experiment": Experiment, "quiz": Quiz, "mistake": Mistake, "band": Band, "options": Answer,
}  # fmt: skip
_MARK = re.compile(r"\[\[\s*([^\[\]\n]*?)\s*\]\]")
_ITEM = re.compile(r"[SQAWMX]\d{1,2}\.\d{1,2}")
_PLACE = re.compile(r"(figure|experiment|quiz|mistake):\s*(\S+)")
_HTML = re.compile(r"<(?:[a-zA-Z!/?])|&[a-zA-Z]+;")
_CODE = re.compile(r"`+[^`\n]*`+")
_PICTURE = re.compile(r"!\[[^\]\n]*\]\(")


def read_lesson(path: Path, language: str, *, own: bool = False) -> Lesson:
    """The lesson in a file of a folder that is named after its language. Raises LessonError with the line and the reason."""
    name = f"{path.parent.name}/{path.name}"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise LessonError.at(name, 1, _too_long(path.stat().st_size))
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LessonError.at(
            name, 1, say("it is not text in UTF-8: byte {number:,} cannot be read", number=error.start + 1)
        ) from error
    except OSError as error:
        raise LessonError.at(name, 1, say("it cannot be read ({reason})", reason=error.strerror)) from error
    return parse_lesson(text, name, language, own=own)


def parse_lesson(text: str, name: str, language: str, *, own: bool = False) -> Lesson:
    """The lesson that a text holds; `name` is that of its file: "en/01-dense-layers.md". Raises LessonError."""
    lines = text.removeprefix("\ufeff").splitlines()
    ends = [place for place, line in enumerate(lines) if line.rstrip() == FENCE]
    if len(ends) < 2 or ends[0] != 0:
        raise LessonError.at(name, 1, say("it must begin with a header between two lines of {fence}", fence=FENCE))
    header = _header(lines[1 : ends[1]], name)
    expected = f"{header.number:02}-{header.id}.md"
    if name.rpartition("/")[2] != expected:
        reason = N_("the file of lesson {number}, {id}, must be called {file}")
        raise LessonError.at(name, 1, say(reason, number=header.number, id=header.id, file=expected))
    blocks, markers = _Body(header, name, ends[1] + 2).read(lines[ends[1] + 1 :])
    markers |= {quiz.id for quiz in header.quiz if _ITEM.fullmatch(quiz.id)}
    return Lesson(header=header, blocks=tuple(blocks), markers=frozenset(markers), language=language, own=own)


def _too_long(size: int) -> str:
    return say("a lesson has at most {most:,} bytes, not {count:,}", most=MOST_BYTES, count=size)


def _header(lines: Sequence[str], name: str) -> Header:
    try:
        values = tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = int(place[1]) + 1 if place else len(lines) + 1
        reason = say("the header is not TOML: {reason}", reason=str(error).partition(" (at ")[0])
        raise LessonError.at(name, line, reason) from error
    try:
        return Header.model_validate(values)
    except ValidationError as error:
        # A misspelt key is also a missing one, and the misspelt one is what its author looks for.
        faults = sorted(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
        absent = faults[0]["type"] == "missing"
        place = faults[0]["loc"][:-1] if absent else faults[0]["loc"]
        raise LessonError.at(name, _line_of(place, lines) + 2, _in_words(faults[0])) from error


def _in_words(fault: Any) -> str:
    """What is wrong in the header, as the end of a sentence."""
    keys = [str(part) for part in fault["loc"] if isinstance(part, str)]
    key, owner = (keys[-1] if keys else "the header"), (keys[-2] if len(keys) > 1 else "")
    if fault["type"] == "missing":
        return say("{key} is missing in {part}", key=key, part=owner) if owner else say("{key} is missing", key=key)
    if fault["type"] == "extra_forbidden":
        known = _MODELS.get(owner, Header).model_fields
        alike = difflib.get_close_matches(key, known, 1)
        if alike:
            return say("{key} is not known: perhaps {name} is meant", key=shortened(key), name=alike[0])
        return say("{key} is not known; known are {names}", key=shortened(key), names=", ".join(known))
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    rule = fault["msg"].removeprefix("Input ").removeprefix("Value ")
    rule = rule[0].lower() + rule[1:]
    value = f", not {shortened(fault['input'])}" if isinstance(fault["input"], str | int | float) else ""
    return f"{key} {rule}{value}"


def _line_of(loc: Sequence[int | str], lines: Sequence[str]) -> int:
    """Where the value at `loc` stands in the header, counted from 0; as near as it can be found, for tomllib does not keep it."""
    line, table = 0, ""
    for part in loc:
        rest = range(line, len(lines))
        if isinstance(part, str) and not table and part in _MODELS:
            line = next((at for at in rest if re.match(rf"\s*\[\[?\s*{part}\s*\]", lines[at])), line)
            table = part
        elif isinstance(part, str):
            line = next((at for at in rest if re.search(rf"(^|[\s{{,]){re.escape(part)}\s*=", lines[at])), line)
        elif line < len(lines) and lines[line].lstrip().startswith("[["):
            tables = [at for at in rest if re.match(rf"\s*\[\[\s*{table}\s*\]\]", lines[at])]
            line = tables[part] if part < len(tables) else line
        else:
            entries = [at for at in rest if lines[at].lstrip().startswith("{")]
            line = entries[part] if part < len(entries) else line
    return line


class _Body:
    """The text below the header, which begins in line `first` of the file."""

    def __init__(self, header: Header, name: str, first: int) -> None:
        self._header, self._name, self._first = header, name, first
        self._ids = {
            "figure": list(FIGURES), "experiment": [each.id for each in header.experiment],
            "quiz": [each.id for each in header.quiz], "mistake": [each.id for each in header.mistake],
        }  # fmt: skip
        self._placed: set[tuple[str, str]] = set()
        self._markers: set[str] = set()

    def read(self, lines: Sequence[str]) -> tuple[list[Block], set[str]]:
        """Its blocks, and the items of the course that it covers."""
        headings = [place for place, line in enumerate(lines) if line.startswith("## ")]
        if len(headings) < 2:
            raise self._fault(
                0,
                say("the body needs two sections or more, each under a line that begins with ##, not {count}", count=len(headings)),
            )
        before = list(self._blocks(lines[: headings[1]], 0))
        blocks = [*before, Block(kind="prediction"), *self._blocks(lines[headings[1] :], headings[1])]
        for kind in ("experiment", "quiz", "mistake"):
            blocks += [Block(kind=kind, text=each) for each in self._ids[kind] if (kind, each) not in self._placed]
        return blocks, self._markers

    def _blocks(self, lines: Sequence[str], offset: int) -> Iterator[Block]:
        text: list[str] = []
        fenced = False
        for number, line in enumerate(lines, offset):
            fenced ^= line.lstrip().startswith("```")
            if fenced:
                text.append(line)
                continue
            self._check(line, number)
            mark = _MARK.fullmatch(line.strip())
            if mark and (place := _PLACE.fullmatch(mark[1])):
                yield from _written(text)
                text = []
                yield self._place(place[1], place[2], number)
            else:
                text.append(_MARK.sub(lambda found, number=number: self._marker(found[1], number), line).rstrip())
        yield from _written(text)

    def _check(self, line: str, number: int) -> None:
        shown = _CODE.sub("", line)
        if found := _HTML.search(shown):
            raise self._fault(
                number, say("a lesson holds no HTML, but here is {text}", text=shortened(shown[found.start() :][:20]))
            )
        if _PICTURE.search(shown):
            raise self._fault(number, say("a lesson holds no pictures from files; place a live figure"))
        if "[[" in _MARK.sub("", shown):
            raise self._fault(number, say("a mark that begins with [[ ends with ]] on the same line"))

    def _place(self, kind: Any, name: str, number: int) -> Block:
        known = self._ids[kind]
        if name not in known:
            names = ", ".join(known) or N_("none")
            reason = say("there is no {kind} {name}; there are: {names}", kind=kind, name=shortened(name), names=names)
            raise self._fault(number, reason)
        if (kind, name) in self._placed and kind != "figure":
            raise self._fault(number, say("the {kind} {name} is placed twice", kind=kind, name=shortened(name)))
        self._placed.add((kind, name))
        return Block(kind=kind, text=name)

    def _marker(self, mark: str, number: int) -> str:
        if _PLACE.fullmatch(mark):
            raise self._fault(number, say("[[{mark}]] must stand on a line of its own", mark=mark))
        if not _ITEM.fullmatch(mark):
            unknown = N_(
                "[[{mark}]] is not known: a mark is an item such as S1.2, or figure, experiment, quiz or mistake with a colon and "
                "a name"
            )
            raise self._fault(number, say(unknown, mark=mark[:40]))
        self._markers.add(mark)
        return ""

    def _fault(self, number: int, reason: str) -> LessonError:
        return LessonError.at(self._name, self._first + number, reason)


def _written(lines: list[str]) -> Iterator[Block]:
    text = "\n".join(lines).strip("\n")
    if text.strip():
        yield Block(kind="text", text=text)
