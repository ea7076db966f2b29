"""The pipe between a run's process and its node: one JSON object a line, of bounded length. Needs the standard library alone.

    from the node                                     to the node
    {"cnnlab": 1, "code", "torch", "node", …} first   {"config": {…}, "data", "device", "slots", "links"}
    {"event": "progress", …}                          {"file": "last.pt", "at": 0, "data": "…", "end": true}
    {"file": …} as to the node, {"gone": "epoch-3.pt"}   {"begin": true}
    {"file": "last.pt", "same": "best.pt"}, where "links" was asked for
    {"alive": true} every few seconds                 {"alive": true} every few seconds
    {"error": "DataError", "message": …}              {"pause": true}
    {"ended": "SIGTERM"}

Files travel in pieces. Nothing is pickled; checkpoints are read with `weights_only`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROTOCOL = 1
LONGEST = 200_000  # characters of a line
PIECE = 96_000  # bytes of a file in a line
ALIVE_SECONDS = 5.0  # between two signs of life
# Without a sign of life for so long the other side counts as lost: a machine that swaps or a busy switch is back before.
LOST_SECONDS = 60.0

Line = dict[str, Any]


class PipeError(Exception):
    """What came through the pipe is none of our lines."""


def write(line: Line) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def read(text: bytes) -> Line:
    """Raises PipeError for anything but one JSON object of at most LONGEST characters."""
    if len(text) > LONGEST:
        raise PipeError(f"a line of {len(text):,} bytes")
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PipeError(f"{text[:80]!r} is no JSON") from error
    if not isinstance(line, dict):
        raise PipeError(f"{text[:80]!r} is no JSON object")
    return line


def pieces(path: Path, name: str, start: int = 0) -> Iterator[Line]:
    """The file from byte `start` on, as lines; at least one. Raises OSError."""
    with path.open("rb") as file:
        at = file.seek(start)
        ahead = file.read(PIECE)
        while True:
            data, ahead = ahead, file.read(PIECE)
            yield {"file": name, "at": at, "data": base64.b64encode(data).decode("ascii"), "end": not ahead}
            at += len(data)
            if not ahead:
                return


def content(line: Line) -> tuple[str, int, bytes, bool]:
    """Name, place, bytes of a piece, and whether it is the last. Raises PipeError."""
    try:
        name, at, data, end = line["file"], line["at"], line["data"], line["end"]
        if not (isinstance(name, str) and isinstance(at, int) and isinstance(data, str) and isinstance(end, bool)):
            raise TypeError("fields of other types")
        return name, at, base64.b64decode(data, validate=True), end
    except (KeyError, TypeError, ValueError) as error:
        raise PipeError(f"a piece of a file without its parts ({error})") from error
