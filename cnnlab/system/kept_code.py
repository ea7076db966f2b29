"""A user's own PyTorch file, kept in the lab's home under its checksum: a run finds the text that it began with.

    <home>/own_code/<SHA-256>/net.py

Only the command line puts files there. What is read is compared with the checksum in its name, so nothing else is ever run.
"""

from __future__ import annotations

import hashlib
import re
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cnnlab.errors import ConfigError, StoreError
from cnnlab.i18n import say
from cnnlab.system import disk
from cnnlab.text import shortened, size_text

FOLDER = "own_code"
MOST = 1_000_000  # bytes of a file
_CODE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_-]{0,59}\.py):([A-Za-z_][A-Za-z0-9_]{0,59})@([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class KeptCode:
    """A class in a kept file, as settings name it: `net.py:Net@<SHA-256>`."""

    file: str  # its name without a folder
    kind: str  # the class
    digest: str

    @classmethod
    def read(cls, text: object) -> KeptCode:
        """Raises ValueError for text of another form, so that no other text becomes a path."""
        match = _CODE.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError("not the name of kept code")
        return cls(*match.groups())

    @property
    def text(self) -> str:
        return f"{self.title}@{self.digest}"

    @property
    def title(self) -> str:
        """ "net.py:Net"."""
        return f"{self.file}:{self.kind}"

    @property
    def version(self) -> str:
        """The title with the first digits of the checksum, which differ once the file was edited."""
        return f"{self.title} ({self.digest[:8]})"

    def place(self, home: Path) -> Path:
        return home / FOLDER / self.digest / self.file

    def source(self, home: Path) -> bytes:
        """What the file holds. Raises ConfigError where it is gone, or is no longer what the checksum names."""
        try:
            content = self.place(home).read_bytes()
        except OSError:
            content = b""
        if hashlib.sha256(content).hexdigest() != self.digest:
            raise ConfigError(
                say(
                    "The code of {name} is not in this lab any more, or was changed: train it again from its file.", name=self.title
                ),
                "options.code",
            )
        return content


def content_of(path: Path) -> bytes:
    """The bytes of a user's file. Raises ConfigError where it cannot be read or is too long."""
    try:
        with path.open("rb") as opened:
            content = opened.read(MOST + 1)
    except OSError as error:
        text = say("The file {file} cannot be read ({reason}).", file=shortened(str(path)), reason=error.strerror)
        raise ConfigError(text, "file") from None
    if len(content) > MOST:
        text = say("The file {file} has more than {most}, the most that a file of code may have.", file=shortened(str(path)),
                   most=size_text(MOST))  # fmt: skip
        raise ConfigError(text, "file")
    return content


def keep(home: Path, file: str, kind: str, content: bytes) -> KeptCode:
    """Keeps the content of a file called `file`, whose class is `kind`.

    Raises StoreError, and ConfigError for a class that cannot be named.
    """
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", Path(file).stem)[:60].lstrip("-") or "network"
    digest = hashlib.sha256(content).hexdigest()
    try:
        kept = KeptCode.read(f"{plain}.py:{kind}@{digest}")
    except ValueError:
        text = say("A class that is trained has at most 60 Latin letters, digits and underscores in its name, not {name}.",
                   name=shortened(kind))  # fmt: skip
        raise ConfigError(text, "file") from None
    place = kept.place(home)
    if place.exists():
        kept.source(home)
        return kept
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = place.with_suffix(".new")
        fresh.write_bytes(content)
        disk.replace(fresh, place)
    except OSError as error:
        raise StoreError(say("The file cannot be kept in the lab's folder: {reason}.", reason=error.strerror)) from error
    return kept


def drop(home: Path, code: KeptCode) -> None:
    """Deletes the files of this content, which no run needs."""
    place = code.place(home)
    with suppress(OSError):
        for file in place.parent.iterdir():
            file.unlink()
        for folder in (place.parent, place.parent.parent, home):  # those that are empty now
            folder.rmdir()


def line_of(error: BaseException, *, file: Path | None = None) -> str:
    """Where in a kept file, or in `file`, an error was raised: "net.py, line 12"; "" where it was not raised from one."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path == file or (path.parent.parent.name == FOLDER and path.suffix == ".py"):
            return say("{file}, line {number}", file=path.name, number=frame.lineno or 0)
    return ""
