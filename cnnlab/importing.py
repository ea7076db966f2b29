"""What pages ask and do about a user's own images. Needs no torch; importing is a process of its own, which outlives the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from cnnlab.datasets.location import Split
from cnnlab.datasets.own import ImageAt, OwnSet, Stored
from cnnlab.own_data.values import Choices, ImportStatus, SharedSource
from cnnlab.runs.store import Store


class OwnData:
    """The data sets that users of one lab have brought. An `owner` of None is the command line, which may change every set."""

    def __init__(self, home: Path, store: Store) -> None:
        self._home, self._store = home, store

    def sets(self) -> tuple[OwnSet, ...]:
        """The newest version of each, newest set first, without those that were deleted."""
        raise NotImplementedError

    def get(self, name: str) -> OwnSet:
        """The version called `name`, also of a deleted set. Raises ConfigError."""
        raise NotImplementedError

    def shared(self) -> tuple[SharedSource, ...]:
        """What the teacher's folder (CNNLAB_SHARED_DATA) offers, by name. Empty without one."""
        raise NotImplementedError

    def upload(self, filename: str, content: BinaryIO, choices: Choices, *, owner: str = "", for_all: bool = True) -> None:
        """Keeps what was uploaded and begins its import in the background.

        Raises DataError while another import runs, LimitError where the file or the home is too large.
        """
        raise NotImplementedError

    def take_shared(self, source: str, choices: Choices, *, owner: str = "", for_all: bool = True) -> None:
        """Begins the import of what `shared` calls `source`. Raises DataError."""
        raise NotImplementedError

    def status(self) -> ImportStatus | None:
        """The import that runs, or the last one until a minute after its end; a failed one until the next begins."""
        raise NotImplementedError

    def stop(self, *, owner: str | None = None) -> None:
        """Asks the import to end; nothing of it is kept. No effect where none runs."""
        raise NotImplementedError

    def rename(self, name: str, title: str, *, owner: str | None = None) -> None:
        """Another title, for all versions. Raises ConfigError."""
        raise NotImplementedError

    def delete(self, name: str, *, owner: str | None = None) -> None:
        """Deletes the images of a set; its runs stay readable. Raises DataError while a run uses it."""
        raise NotImplementedError

    def set_aside(self, name: str, images: Sequence[ImageAt], *, owner: str | None = None) -> str:
        """The name of the version without these images as well; nothing is deleted. Raises ConfigError where a class would be empty."""
        raise NotImplementedError

    def take_back(self, name: str, images: Sequence[ImageAt], *, owner: str | None = None) -> str:
        """The name of the version that has these images again."""
        raise NotImplementedError

    def stored(self, name: str, split: Split) -> Stored:
        """The images of one split with their labels and names, those that are set aside among them. Raises DataError."""
        raise NotImplementedError
