"""The files of a run's folder on their way through the pipe: what changed on one side is written on the other.

Checkpoints and the weights of epochs are whole files, written beside their name and renamed; predictions and the flow grow, and
only what is new travels. A last checkpoint that is the best one under a second name travels as that fact. Needs the training side
alone.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cnnlab import epoch_flow, epoch_predictions
from cnnlab.architectures import zoo
from cnnlab.executors.lines import Line, PipeError, content, pieces
from cnnlab.system import disk
from cnnlab.training import checkpoints

GROWING = (epoch_predictions.FILE, epoch_flow.FILE)
_WHOLE = re.compile(r"epoch-\d{1,9}\.pt")
# The best before the last, so that the best that the last one names always exists.
_ORDER = (*GROWING, checkpoints.BEST, checkpoints.LAST)


def known(name: str) -> bool:
    """Whether a file of this name may travel: no other name becomes a path."""
    return name in _ORDER or _WHOLE.fullmatch(name) is not None or any(name == each.file for each in zoo.networks().values())


class Sender:
    """Finds what has changed in `folder` since it was sent last. `links`: the other side takes second names for a file."""

    def __init__(self, folder: Path, *, links: bool = False) -> None:
        self._folder, self._links = folder, links
        self._sent: dict[str, tuple[int, int, int]] = {}

    def know(self) -> None:
        """The whole files that the folder has now are on the other side, too; of the others a resumed run may drop the end."""
        self._sent = {name: state for name in self._names() if name not in GROWING and (state := self._state(name))}

    def changes(self) -> Iterator[Line]:
        """Lines for all that is new, and for what is gone."""
        for name in self._names():
            state, before = self._state(name), self._sent.get(name)
            if state is None or state == before:
                continue
            if self._links and name == checkpoints.LAST and state == self._sent.get(checkpoints.BEST):
                yield {"file": name, "same": checkpoints.BEST}
            else:
                start = before[0] if before and name in GROWING and before[0] <= state[0] else 0
                yield from pieces(self._folder / name, name, start)
            self._sent[name] = state
        for name in [name for name in self._sent if not (self._folder / name).exists()]:
            del self._sent[name]
            yield {"gone": name}

    def _names(self) -> list[str]:
        names = [path.name for path in self._folder.iterdir() if _WHOLE.fullmatch(path.name)]
        return [*_ORDER, *sorted(names)]

    def _state(self, name: str) -> tuple[int, int, int] | None:
        with suppress(OSError):
            found = (self._folder / name).stat()
            return found.st_size, found.st_mtime_ns, found.st_ino
        return None


class Receiver:
    """Writes what arrives into `folder`. A whole file appears under its name when its last piece is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, line: Line) -> str:
        """Writes one piece; the file's name when it is whole, else "". Raises PipeError, and OSError on a full disk."""
        if "same" in line:
            return self._best_is_last(line)
        name, at, data, end = content(line)
        if not known(name):
            raise PipeError(f"a file {name[:80]!r}")
        growing = name in GROWING
        path = self._folder / name
        written = path if growing else self._folder / f".{name}.partial"
        size = written.stat().st_size if written.exists() else 0
        if at > size:
            raise PipeError(f"byte {at:,} of {name}, of which {size:,} are here")
        if at < size:
            os.truncate(written, at)
        with written.open("ab") as file:
            file.write(data)
            if end and not growing:
                file.flush()
                os.fsync(file.fileno())
        if end and not growing:
            if name == checkpoints.LAST:
                checkpoints.keep_previous(self._folder)
            disk.replace(written, path)
        return name if end else ""

    def _best_is_last(self, line: Line) -> str:
        best, last = self._folder / checkpoints.BEST, self._folder / checkpoints.LAST
        if (line.get("file"), line["same"]) != (last.name, best.name) or not best.exists():
            raise PipeError(f"a second name {str(line.get('file'))[:80]!r} for {str(line['same'])[:80]!r}")
        checkpoints.keep_previous(self._folder)
        if not checkpoints.named_too(best, last):
            partial = self._folder / f".{last.name}.partial"
            shutil.copyfile(best, partial)
            disk.replace(partial, last)
        return last.name

    def drop(self, name: object) -> None:
        """Deletes weights of an epoch that are not kept any more. Raises PipeError for any other name."""
        if not isinstance(name, str) or not _WHOLE.fullmatch(name):
            raise PipeError(f"a file {str(name)[:80]!r} that is gone")
        with suppress(OSError):
            (self._folder / name).unlink(missing_ok=True)
