"""Walks through a folder of data sets: a few levels and a few hundred folders, so that it is quick even in a large home."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from cnnlab.datasets.catalogue import entries
from cnnlab.datasets.naming import says

DEPTH = 4  # datasets/fashion-mnist-master/data/fashion
MOST_FOLDERS = 300  # each takes 0.05 ms on a local disk, some 10 ms on a slow share


class Folder:
    """One folder: its files and folders by their names in small letters. Hidden ones and a Mac's companions are left out."""

    def __init__(self, path: Path, shown: str) -> None:
        self.path, self.shown = path, shown

    def child(self, path: Path) -> Folder:
        return Folder(path, f"{self.shown}/{path.name}")

    @cached_property
    def says(self) -> str:
        """The data set that its name says, or ""."""
        return says((self.path.name, *(parent.name for parent in self.path.parents)))

    def says_of(self, path: Path) -> str:
        """The data set that the name of a file in it says, or else the folder's."""
        return says((path.stem, self.path.name, *(parent.name for parent in self.path.parents)))

    @cached_property
    def _listed(self) -> tuple[dict[str, Path], dict[str, Path]]:
        files: dict[str, Path] = {}
        folders: dict[str, Path] = {}
        with os.scandir(self.path) as listing:
            for item in sorted(listing, key=lambda item: item.name):
                if not item.name.startswith((".", "__MACOSX")):
                    (folders if item.is_dir() else files)[item.name.lower()] = self.path / item.name
        return files, folders

    def readable_files(self) -> dict[str, Path]:
        """Its files, or none where it cannot be read."""
        try:
            return self.files
        except OSError:
            return {}

    def readable_folders(self) -> dict[str, Path]:
        """Its folders, or none where it cannot be read."""
        try:
            return self.folders
        except OSError:
            return {}

    @property
    def files(self) -> dict[str, Path]:
        return self._listed[0]

    @property
    def folders(self) -> dict[str, Path]:
        return self._listed[1]


def plain(name: str) -> str:
    """A class's name as folders write it: "T-shirt/top" is also T-shirt_top and tshirt-top."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


_CLASSES = [frozenset(map(plain, entry.classes)) for entry in entries()]


def walk(root: Path, shown: str) -> Iterator[Folder]:
    """`root` and the folders in it, nearest first, without those that hold the pictures of one class.

    Raises OSError where `root` cannot be read.
    """
    waiting = deque([(Folder(root, shown), 0)])
    waiting[0][0].files  # noqa: B018  a root that cannot be read is the caller's to explain
    for _ in range(MOST_FOLDERS):
        if not waiting:
            return
        folder, depth = waiting.popleft()
        try:
            inner = folder.folders
        except OSError:
            continue
        yield folder
        if depth < DEPTH:
            classes = set().union(*(known for known in _CLASSES if len(known & set(map(plain, inner))) > len(known) // 2))
            waiting.extend((folder.child(path), depth + 1) for name, path in inner.items() if plain(name) not in classes)
