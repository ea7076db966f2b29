"""The files of a set while it is made, in a folder of their own that gets its name last: a crash leaves nothing half."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import numpy as np

from cnnlab.datasets import own
from cnnlab.datasets.location import SPLITS, Split
from cnnlab.datasets.own import OwnSet
from cnnlab.errors import DataError
from cnnlab.i18n import N_, say
from cnnlab.own_data.records import STAGING, slug, write_record

_PART = 32_000_000  # bytes that are in memory while images are moved
_MOST_OF_A_NAME = 10_000


class Building:
    """The files of one set. Use as a context: what has no name at its end is deleted."""

    def __init__(self, home: Path, labels: dict[Split, np.ndarray], names: dict[Split, list[str]], image_bytes: int) -> None:
        """`labels` and `names` of the images in the order in which they are kept; an image takes `image_bytes`."""
        self._home, self._labels, self._names, self._each = home, labels, names, image_bytes
        self._folder = home / own.FOLDER / f"{STAGING}{uuid4().hex}"
        self._kept = {split: np.zeros(len(labels[split]), bool) for split in SPLITS}
        self._files: dict[Split, BinaryIO] = {}

    def __enter__(self) -> Building:
        self._folder.mkdir(mode=0o700, parents=True)
        self._files = {split: (self._folder / f"{split}.u8").open("w+b", buffering=0) for split in SPLITS}
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def put(self, split: Split, place: int, image: np.ndarray) -> None:
        """Keeps one image, or several that follow each other, uint8. Written, not mapped: a full disk is then an error to catch."""
        count = max(1, image.nbytes // self._each)
        self._files[split].seek(place * self._each)
        self._files[split].write(np.ascontiguousarray(image).data)
        self._kept[split][place : place + count] = True

    def close_gaps(self) -> None:
        """Moves the images together where some could not be read."""
        for split, file in self._files.items():
            kept = np.flatnonzero(self._kept[split])
            if len(kept) == len(self._kept[split]):
                continue
            step = max(1, _PART // self._each)
            for start in range(0, len(kept), step):  # each moves to the front, so nothing is written over before it is read
                rows = []
                for place in kept[start : start + step]:
                    file.seek(int(place) * self._each)
                    rows.append(file.read(self._each))
                file.seek(start * self._each)
                file.write(b"".join(rows))
            file.truncate(len(kept) * self._each)
            self._labels[split] = self._labels[split][kept]
            self._names[split] = [self._names[split][place] for place in kept]

    def counts(self, split: Split, classes: int) -> tuple[int, ...]:
        """Images of each class that were kept."""
        return tuple(int(count) for count in np.bincount(self._labels[split], minlength=classes))

    def digest(self) -> str:
        """SHA-256 of the images and labels."""
        found = hashlib.sha256()
        for split in SPLITS:
            self._files[split].seek(0)
            while part := self._files[split].read(_PART):
                found.update(part)
            found.update(self._labels[split].astype("<u2").tobytes())
        return found.hexdigest()

    def finish(self, make: Callable[[str], OwnSet], title: str) -> OwnSet:
        """Writes the rest and gives the folder its name; `make` makes the record of a set with a name."""
        for split in SPLITS:
            self._files[split].flush()
            os.fsync(self._files[split].fileno())
            self._files[split].close()
            np.save(self._folder / f"{split}.labels.npy", self._labels[split].astype(np.uint16))
            (self._folder / f"{split}.names.json").write_text(json.dumps(self._names[split], ensure_ascii=False), encoding="utf-8")
        for number in range(1, _MOST_OF_A_NAME):
            made = make(f"{own.PREFIX}{slug(title)}{f'-{number}' if number > 1 else ''}")
            target = own.folder(self._home, made.name)
            if target.exists():  # also of a deleted set, whose runs keep the name
                continue
            write_record(self._folder, own.record(made))
            with suppress(OSError):  # another process took the name a moment ago
                self._folder.rename(target)
                return made
        raise DataError(say("There are too many data sets called {name}: choose another name.", name=title))


def check_images(counts: Sequence[int], tests: int) -> None:
    """Raises DataError where nothing is left to train or to test on."""
    if min(counts) < 1 or not tests:
        reason = N_("after leaving out what cannot be read, a class has no training image, or there is no test image")
        raise DataError(say("Nothing was imported: {reason}. Each class needs at least two pictures.", reason=reason))
