"""A page as text that a reviewer reads: every sentence, figure, control, table, chart and link, from top to bottom."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from google.protobuf.json_format import MessageToDict
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Dataframe, Element

LONGEST = 24  # values of a list that are written out
SKIPPED = {  # of an element: what tells a reader nothing, or changes from one run to the next
    "id", "formId", "elementId", "key", "url", "pageScriptHash", "setValue", "elementHash", "isForm", "mimeType", "protoVersion",
    "deferredFileId", "userKey", "arrowData", "config", "theme", "tag", "type", "json", "spec", "columns", "data", "fragmentId",
    "ignoreRerun", "rawValue", "componentName", "mixed", "elementType", "unsafeAllowJavascript", "rerunsOn", "editingMode",
    "jsContent", "cssContent", "jsSourcePath", "cssSourcePath", "htmlContent", "bytes", "isolateStyles", "wrap", "hideAnchor",
    "widthConfig", "heightConfig", "isFormSubmitter", "value", "default", "rawValues", "dataType",
}  # fmt: skip
SKIPPED_IN_CHARTS = {"template", "uirevision", "uid"}
ATTRIBUTES = {  # of HTML, that people see or hear
    "alt", "title", "href", "aria-label", "aria-sort", "class", "style", "scope", "width", "download", "open", "src",
    "x", "y", "points", "d",
}  # fmt: skip


UNSEEN = "language switch"  # the same on every page; test_language.py has it


def page_text(app: AppTest) -> str:
    """What `app` shows, a line an element, indented within what folds or has a name; and its address."""
    address = "&".join(
        f"{name}={','.join(value) if isinstance(value, list) else value}" for name, value in app.query_params.items()
    )
    assert not app.exception, app.exception
    return "\n".join([f"address: ?{address}", *_block(app.main, ""), "", "sidebar", *_block(app.sidebar, "  ")]) + "\n"


def dialog_text(app: AppTest) -> str:
    """What the open dialog shows, as `page_text`."""
    (opened,) = (block for block in app._tree if isinstance(block, Block) and block.type == "dialog")
    return "\n".join(_block(opened, "")) + "\n"


def without_pictures(page: str) -> str:
    """The text of a page without its charts' figures and its images, for a scene that is about something else."""
    kept, within = [], ""
    for line in page.splitlines(keepends=True):
        indent = line[: len(line) - len(line.lstrip())]
        if within and indent.startswith(within) and indent != within:
            continue
        within = indent if line.strip() == "figure" else ""
        if not re.match(r" *(img|b|i|figcaption|small)\b( \(|:)", line):
            kept.append(line)
    return "".join(kept)


def _block(block: Block, indent: str) -> Iterator[str]:
    for _, child in sorted(block.children.items()):
        if getattr(child, "key", None) == UNSEEN:
            continue
        if not isinstance(child, Block):
            yield from (indent + line for line in _element(child))
            continue
        name = _name(child)
        if name:
            yield indent + name
        yield from _block(child, indent + "  " if name else indent)


def _name(block: Block) -> str:
    """What a block says of itself; "" for one that only holds others."""
    stated = _said(MessageToDict(block.proto)) if block.proto is not None and hasattr(block.proto, "DESCRIPTOR") else []
    words = [each for each in stated if re.match(r"(label|title|icon|help|disabled)", each.rpartition(".")[2])]
    return f"{block.type} {', '.join(words)}" if words else {"column": "column", "form": "form"}.get(block.type, "")


def _element(element: Element) -> Iterator[str]:
    proto = element.proto
    kind = proto.WhichOneof("type") if proto.DESCRIPTOR.name == "Element" else element.type
    inner = getattr(proto, kind) if proto.DESCRIPTOR.name == "Element" else proto
    fields = MessageToDict(inner)
    if kind in ("html", "markdown", "caption", "text", "code"):
        yield from _written(kind, fields)
        return
    value = [] if isinstance(element, Dataframe) or not hasattr(type(element), "value") else [f"value={_shown(element.value)}"]
    rank = ["primary"] * (kind in ("button", "link_button", "download_button") and inner.type == "primary")
    yield f"{kind} {', '.join([*rank, *_said(fields), *value])}".rstrip()
    if isinstance(element, Dataframe):
        yield from _table(element)
    for name in ("spec", "json", "columns", "bytes"):
        content = getattr(inner, name, None)
        if isinstance(content, str | bytes) and content:
            yield from _answer(name, json.loads(content))


def _written(kind: str, fields: dict[str, Any]) -> Iterator[str]:
    body = fields.pop("body", "") or fields.pop("codeText", "") or fields.pop("html", "")
    others = _said(fields)
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)
    if "</" in body:
        yield ", ".join([kind, *others])
        yield from ("  " + line for line in html_lines(body))
    else:
        lines = body.splitlines() or [""]
        yield f"{kind}: {lines[0]}"
        yield from ("    " + line for line in lines[1:])
        if others:
            yield "    " + ", ".join(others)


def _said(fields: dict[str, Any], prefix: str = "") -> list[str]:
    words = []
    for name, value in fields.items():
        if name in SKIPPED or value in ("", False, [], {}):
            continue
        if isinstance(value, dict):
            words += _said(value, f"{prefix}{name}.")
        else:
            words.append(f"{prefix}{name}={_shown(value)}")
    return words


def _table(element: Dataframe) -> Iterator[str]:
    frame = element.value
    for column in frame.columns:
        yield f"  {column}: {_shown(list(frame[column]), longest=60)}"


def _answer(name: str, content: Any, *, indent: str = "  ") -> Iterator[str]:
    """The JSON of a chart, a component or of a table's columns; HTML in it as lines."""
    if isinstance(content, dict) and not any(
        isinstance(each, dict | list) or str(each).startswith("<") for each in content.values()
    ):
        yield f"{indent}{name}: {_shown(content)}"
    elif isinstance(content, dict):
        yield f"{indent}{name}"
        for key, value in content.items():
            if key not in SKIPPED_IN_CHARTS:
                yield from _answer(key, value, indent=indent + "  ")
    elif isinstance(content, list) and any(isinstance(each, dict | list) for each in content):
        for number, each in enumerate(content[:LONGEST]):
            yield from _answer(f"{name} {number}", each, indent=indent)
        if len(content) > LONGEST:
            yield f"{indent}{name}: {len(content)} in all, digest {_digest(content)}"
    elif isinstance(content, str) and content.startswith("<"):
        yield f"{indent}{name}"
        yield from (f"{indent}  {line}" for line in html_lines(content))
    else:
        yield f"{indent}{name}: {_shown(content)}"


def _shown(value: Any, *, longest: int = LONGEST) -> str:
    if isinstance(value, float):
        return "nan" if math.isnan(value) else f"{value:.6g}"
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        words = ", ".join(_shown(each) for each in value[:longest])
        return f"[{words}]" if len(value) <= longest else f"[{words}, … {len(value)} in all, digest {_digest(value)}]"
    return str(value)


def _short(text: str) -> str:
    """Without the bytes of images and the secret address of a feed."""
    text = re.sub(r"data:([\w/+.-]+);base64,([A-Za-z0-9+/=]+)", lambda match: f"data:{match[1]} {_digest(match[2])}", text)
    return re.sub(r"news/[0-9a-f]{16,}", "news/…", text).replace("\n", "⏎")


def _digest(value: Any) -> str:
    written = value if isinstance(value, str) else _shown(value, longest=len(value))
    return hashlib.sha256(written.encode()).hexdigest()[:8]


class _Lines(HTMLParser):
    """A line for each tag that says something: its words and the attributes that people see or hear."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        stated = [f"{name}={_short(value or '')}" for name, value in attrs if name in ATTRIBUTES]
        self._open = tag + (f" ({', '.join(stated)})" if stated else "")
        if stated:
            self.lines.append(self._open)
            self._open = "-"

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if words := " ".join(data.split()):
            if self._open == "-":
                self.lines[-1] += f": {words}"
            else:
                self.lines.append(f"{self._open}: {words}" if self._open else words)


def html_lines(html: str) -> list[str]:
    """The words of `html`, with their tags and what their attributes say."""
    reader = _Lines()
    reader.feed(html)
    reader.close()
    return reader.lines
