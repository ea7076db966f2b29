"""The files of a folder, without following links."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from cnnlab.errors import DataError
from cnnlab.i18n import say
from cnnlab.own_data.member import DEEPEST, Bounds, Counted, Member


class Folder:
    """A folder on this machine as a source, or one file of it. Links, devices and pipes are left out."""

    def __init__(self, path: Path, bounds: Bounds) -> None:
        self.name = path.name
        self._path, self._bounds = path, bounds

    def members(self) -> Iterator[Member]:
        """Each regular file, folder by folder, by name."""
        counted = Counted(self.name, self._bounds)
        for parts, size in self._walk(self._path, ()):
            member = Member(parts, size)
            counted.add(member)
            yield member

    def read(self, wanted: Callable[[Member], int]) -> Iterator[tuple[Member, bytes | None]]:
        """See `Source`. A file that has gone or cannot be read counts as damaged."""
        for member in self.members():
            if most := wanted(member):
                try:
                    with self._path.joinpath(*member.parts).open("rb") as file:
                        content = file.read(most + 1)
                except OSError:
                    yield member, None
                else:
                    yield member, content if len(content) <= most else None

    def _walk(self, path: Path, parts: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
        try:
            with os.scandir(path) as listing:
                items = sorted(listing, key=lambda item: item.name)
        except OSError as error:
            if not parts:
                raise DataError(say("{name} cannot be read: {reason}.", name=self.name, reason=error.strerror or error)) from None
            return
        for item in items:
            if item.is_file(follow_symlinks=False):
                yield (*parts, item.name), item.stat(follow_symlinks=False).st_size
            elif item.is_dir(follow_symlinks=False) and len(parts) < DEEPEST:
                yield from self._walk(path / item.name, (*parts, item.name))
