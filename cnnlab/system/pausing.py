"""Whether a teacher has paused the lab: a small file, which the dispatcher and the pages read. Needs the standard library alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from cnnlab.i18n import N_, say
from cnnlab.system.home import private_file
from cnnlab.system.small_file import SmallFile


@dataclass(frozen=True, slots=True)
class Paused:
    """While it stands no run starts. `runs` are those that trained, and were paused with the lab."""

    text: str = ""  # of the teacher, for everyone
    by: str = ""
    at: float = 0.0  # seconds since 1970
    runs: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """For the top of every page."""
        if self.text:
            return say("The lab is paused, so no run starts: “{text}”", text=self.text)
        return N_("The lab is paused, so no run starts until a teacher lets it go on.")


def paused(home: Path) -> Paused | None:
    """None where runs start as usual. A damaged file counts as a pause, which a teacher can end."""
    file = _file(home)
    stored = file.read()
    if stored is None:
        return Paused() if file.path.exists() else None
    try:
        return Paused(str(stored["text"]), str(stored["by"]), float(stored["at"]), tuple(map(str, stored["runs"])))
    except (KeyError, TypeError, ValueError):
        return Paused()


def pause(home: Path, state: Paused) -> None:
    """Raises StoreError."""
    _file(home).write(asdict(state))


def go_on(home: Path) -> None:
    """Raises StoreError."""
    _file(home).delete()


@lru_cache(maxsize=64)
def _file(home: Path) -> SmallFile:
    return SmallFile(private_file(home, "paused.json"))
