"""What pages ask and do about a user's own images. Needs no torch; an import is a process of its own, which outlives the page."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NoReturn
from uuid import uuid4

from cnnlab.datasets import own
from cnnlab.datasets.location import SPLITS, Split
from cnnlab.datasets.own import ImageAt, OwnSet, Stored
from cnnlab.errors import ConfigError, DataError, LimitError, NotAllowed
from cnnlab.i18n import N_, say
from cnnlab.own_data.records import write_record
from cnnlab.own_data.values import LONGEST_TITLE, MOST_UPLOAD, Choices, ImportStatus, SharedSource, one_line
from cnnlab.runs.store import Store
from cnnlab.system import disk
from cnnlab.system.home import path_variable
from cnnlab.text import shortened, size_text
from cnnlab.workers import imports

MOST_SHARED = 500  # sources of the teacher's folder that are listed
MOST_VERSIONS = 10_000
_AT_ONCE = 1 << 20  # bytes
_ENDINGS = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".txz", ".tar.bz2", ".npz", ".csv", ".csv.gz")
_changing = threading.Lock()  # of a record, which is read and then replaced


class OwnData:
    """The data sets that users of one lab have brought. An `owner` of None is the command line, which may change every set."""

    def __init__(self, home: Path, store: Store) -> None:
        self._home, self._store = home, store

    def sets(self) -> tuple[OwnSet, ...]:
        """The current version of each, newest set first, without those that were deleted."""
        return own.sets(self._home)

    def get(self, name: str) -> OwnSet:
        """The version called `name`, also of a deleted set. Raises ConfigError."""
        found = own.known(self._home, name)
        return found or self._raise_unknown(name)

    @staticmethod
    def _raise_unknown(name: str) -> NoReturn:
        raise ConfigError(say("There is no data set {name} of your own.", name=shortened(name)), "dataset")

    def shared(self) -> tuple[SharedSource, ...]:
        """What the teacher's folder (CNNLAB_SHARED_DATA) offers, by name. Empty without one."""
        folder = path_variable("CNNLAB_SHARED_DATA")
        if folder is None:
            return ()
        found = []
        with suppress(OSError), os.scandir(folder) as listing:
            for item in sorted(listing, key=lambda item: item.name.casefold())[:MOST_SHARED]:
                if item.name.startswith("."):
                    continue
                if item.is_dir():
                    found.append(SharedSource(item.name, "folder", None))
                elif item.name.lower().endswith(_ENDINGS) and item.is_file():
                    found.append(SharedSource(item.name, "file", item.stat().st_size))
        return tuple(found)

    def upload(self, filename: str, content: BinaryIO, choices: Choices, *, owner: str = "", for_all: bool = True) -> None:
        """Keeps what was uploaded and begins its import in the background.

        Raises DataError while another import runs, LimitError where the file is too large for the lab or its disk, or where the
        owner's part of the disk is full.
        """
        imports.check_none_runs(self._home)
        imports.left_for(self._home, owner)  # of what is kept; the file is not
        room = imports.room(self._home)
        most = MOST_UPLOAD if room is None else min(MOST_UPLOAD, room)
        folder = self._home / own.FOLDER
        kept = folder / f".upload-{uuid4().hex}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._drop_uploads()
            with kept.open("wb") as file:
                copied = 0
                while part := content.read(_AT_ONCE):
                    copied += len(part)
                    if copied > most:
                        text = say("The file is larger than {most}, all that this lab takes now: choose a smaller one.",
                                   most=size_text(most))  # fmt: skip
                        raise LimitError(text)
                    file.write(part)
            order = imports.Order(str(kept), one_line(filename, 200), choices, owner, for_all, uploaded=True)
            imports.begin(self._home, order)
        except BaseException as error:
            with suppress(OSError):
                kept.unlink(missing_ok=True)
            if isinstance(error, OSError):
                full = disk.is_full(error, self._home)
                raise DataError(N_("The disk of the lab is full: the file was not kept. Make room, and choose it again.") if full
                                else N_("The lab's folder cannot be written: the file was not kept.")) from error  # fmt: skip
            raise

    def take_shared(self, source: str, choices: Choices, *, owner: str = "", for_all: bool = True) -> None:
        """Begins the import of what `shared` calls `source`. Raises DataError."""
        folder = path_variable("CNNLAB_SHARED_DATA")
        # Compared with what is there, so no name from outside becomes a path.
        if folder is None or all(source != each.name for each in self.shared()):
            raise DataError(say("There is no {name} in the folder of shared data sets.", name=shortened(source)))
        imports.begin(self._home, imports.Order(str(folder / source), source, choices, owner, for_all, uploaded=False))

    def status(self) -> ImportStatus | None:
        """The import that runs, or the last one until a minute after its end; a failed one until the next begins."""
        return imports.status(self._home)

    def stop(self, *, owner: str | None = None) -> None:
        """Asks the import to end; nothing of it is kept. No effect where none runs. Raises NotAllowed for another's."""
        known = self.status()
        if known is not None and known.state == "running":
            _check_owner(known.owner, owner)
            imports.stop(self._home)

    def forget(self) -> None:
        """Takes back the report of an import that has ended."""
        imports.forget(self._home)

    def rename(self, name: str, title: str, *, owner: str | None = None) -> None:
        """Another title, for all versions. Raises ConfigError."""
        tidy = one_line(title, LONGEST_TITLE)
        if not tidy:
            raise ConfigError(N_("A data set needs a name: write a few letters."), "title")
        with _changing:
            found = self._to_be_changed(name, owner)
            self._record(replace(found, title=tidy), *own.versions_of(self._home, found))

    def delete(self, name: str, *, owner: str | None = None) -> None:
        """Deletes the images of a set; its runs stay readable. Raises DataError while a run uses it."""
        with _changing:
            found = self._to_be_changed(name, owner)
            using = [run.id for run in self._store.active() if run.config.dataset.partition(".")[0] == found.base]
            if using:
                text = say("“{name}” is used by run {run}: wait until it has ended, or stop it.", name=found.title, run=using[0])
                raise DataError(text, temporary=True)
            folder = own.folder(self._home, found.name)
            self._record(replace(found, deleted=True), *own.versions_of(self._home, found))
            for split in SPLITS:  # the images first, which make the room
                for ending in ("u8", "labels.npy", "names.json"):
                    with suppress(OSError):  # in use, on Windows: the record says that it is deleted
                        (folder / f"{split}.{ending}").unlink(missing_ok=True)

    def forget_people(self, people: Collection[str]) -> None:
        """Deletes the sets of these people, and their names where records stay. Raises DataError while a run uses one."""
        for each in self.sets():
            if each.owner in people:
                self.delete(each.name)
        with _changing:
            for each in own.sets(self._home, deleted=True):
                if each.owner in people:
                    self._record(replace(each, owner=""), *own.versions_of(self._home, each))
        imports.forget(self._home)

    def set_aside(self, name: str, images: Sequence[ImageAt], *, owner: str | None = None) -> str:
        """The name of the version without these images as well; nothing is deleted.

        Raises ConfigError where a class would have no training image left, or no test image were left at all.
        """
        return self._with_aside(name, owner, lambda before: before | set(images))

    def take_back(self, name: str, images: Sequence[ImageAt], *, owner: str | None = None) -> str:
        """The name of the version that has these images again."""
        return self._with_aside(name, owner, lambda before: before - set(images))

    def stored(self, name: str, split: Split) -> Stored:
        """The images of one split with their labels and names, those that are set aside among them. Raises DataError."""
        return own.stored(self._home, self.get(name), split)

    def kept(self, name: str, split: Split) -> list[int]:
        """The numbers in `stored` of the images that this version uses: the image 0 of a run is the first of them."""
        return own.kept(self.get(name), split)

    def _with_aside(self, name: str, owner: str | None, change: Callable[[set[ImageAt]], set[ImageAt]]) -> str:
        with _changing:
            found = self._to_be_changed(name, owner)
            aside = tuple(sorted(change(set(found.set_aside))))
            for image in aside:
                if image.split not in SPLITS or not 0 <= image.index < sum(found.counts(image.split)):
                    raise ConfigError(say("There is no image {number} in “{name}”.", number=image.index, name=found.title))
            if emptied := own.empties_a_class(self._home, found, aside):
                raise ConfigError(say("“{name}” would have no image left: keep at least one of each class.", name=emptied))
            versions, _rest = own.versions_of(self._home, found)
            # The same images are the same version, so that runs on it compare.
            same = next((version for version in versions if version.set_aside == aside), None)
            if same is None and len(versions) >= MOST_VERSIONS:
                raise ConfigError(say("“{name}” has {count:,} versions, the most that are kept: import it again.",
                                      name=found.title, count=MOST_VERSIONS))  # fmt: skip
            every = versions if same else (*versions, replace(found, set_aside=aside))
            self._record(found, every, same.version if same else len(every))
            versions, current = own.versions_of(self._home, found)
        return versions[current - 1].name

    def _to_be_changed(self, name: str, owner: str | None) -> OwnSet:
        found = self.get(name)
        if found.deleted:
            raise DataError(own.missing(found))
        _check_owner(found.owner, owner)
        return found

    def _record(self, found: OwnSet, versions: Sequence[OwnSet], current: int) -> None:
        text = own.record(found, [each.set_aside for each in versions], current)
        try:
            write_record(own.folder(self._home, found.name), text)
        except OSError as error:
            raise DataError(say("The change cannot be kept ({reason}).", reason=error.strerror or error)) from error

    def _drop_uploads(self) -> None:
        """Files of uploads whose import never began; none runs now."""
        for left in (self._home / own.FOLDER).glob(".upload-*"):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)


def _check_owner(owner: str, asks: str | None) -> None:
    if asks is not None and owner not in ("", asks):
        raise NotAllowed(say("This data set belongs to {owner}, who alone can change it.", owner=owner[:80]))
