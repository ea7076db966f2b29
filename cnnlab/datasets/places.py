"""Where the files of a data set are on this machine. Looks at names only, so it is quick; needs no torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import uuid4

from cnnlab.datasets.catalogue import BATCHES, Entry

Layout = Literal["idx", "batches", "images"]
Split = Literal["train", "test"]

SAMPLE_FOLDER = Path(__file__).parent / "sample"
BATCH_FILES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")
IMAGE_SUFFIXES = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
_IDX_PREFIX: dict[Split, str] = {"train": "train", "test": "t10k"}
_IMAGE_FOLDERS = ("cifar10-jpeg", "cifar10-png", "cifar10", "CIFAR10", "")  # "": the named folder itself


@dataclass(frozen=True, slots=True)
class Location:
    """Where a data set was found, and in which form."""

    folder: Path
    layout: Layout
    variant: str = ""  # "JPEG copy" where the files are not the original ones; pages show it


@dataclass(frozen=True, slots=True)
class Places:
    """The folders to search: `data`, which the user names (CNNLAB_DATA), before the lab's own `home`/data."""

    home: Path
    data: Path | None = None

    @property
    def own(self) -> Path:
        """The lab's own folder of data sets, which downloads go to."""
        return self.home / "data"

    def locate(self, entry: Entry) -> Location | None:
        """Where the files of `entry` are, or None. The bundled sample is always found."""
        if not entry.folder:
            return Location(SAMPLE_FOLDER, "idx")
        for root in (self.data, self.own):
            if root is None:
                continue
            try:
                location = _idx(root, entry) if entry.format == "idx" else _batches(root) or _images(root, entry)
            except OSError:  # a folder that may not be read
                continue
            if location:
                return location
        return None

    def target(self, entry: Entry) -> Path:
        """The folder that a download of `entry` fills, in torchvision's layout."""
        return self.own / entry.folder


def idx_names(split: Split) -> tuple[str, str]:
    """The names of the images file and the labels file of one split, without .gz."""
    return f"{_IDX_PREFIX[split]}-images-idx3-ubyte", f"{_IDX_PREFIX[split]}-labels-idx1-ubyte"


def idx_files(folder: Path, split: Split) -> tuple[Path, Path] | None:
    """The images file and the labels file of one split, plain or .gz (plain first: no unpacking); None if one is missing."""
    images, labels = (
        next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None) for name in idx_names(split)
    )
    return (images, labels) if images and labels else None


@contextmanager
def partial_file(path: Path) -> Iterator[Path]:
    """A file beside `path`, to be written and then renamed. Its name is unique, because two processes may write at once."""
    partial = path.with_name(f".{path.name}-{uuid4().hex}.part")
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def _idx(root: Path, entry: Entry) -> Location | None:
    folders = [root / entry.folder, (root / entry.folder).parent, root / entry.name]
    if _holds_plain_files_of(root, entry):
        folders.append(root)
    for folder in folders:
        if idx_files(folder, "train") and idx_files(folder, "test"):
            return Location(folder, "idx")
    return None


def _holds_plain_files_of(root: Path, entry: Entry) -> bool:
    """MNIST and Fashion-MNIST have the same file names, so the name of a folder that holds them directly decides between the two.

    Other names mean Fashion-MNIST, which Debian packages in this form.
    """
    named = root.parent if root.name == "raw" else root
    letters = "".join(letter for letter in named.name.lower() if letter.isalpha())
    if entry.name == "fashion-mnist":
        return "fashion" in letters or "mnist" not in letters
    return letters == entry.name


def _batches(root: Path) -> Location | None:
    for folder in (root / BATCHES, root):
        if folder.name == BATCHES and all((folder / name).is_file() for name in BATCH_FILES):
            return Location(folder, "batches")
    return None


def _images(root: Path, entry: Entry) -> Location | None:
    for name in _IMAGE_FOLDERS:
        folder = root / name
        if all((folder / split / label).is_dir() for split in ("train", "test") for label in entry.classes):
            files = (folder / "train" / entry.classes[0]).iterdir()
            kind = next((IMAGE_SUFFIXES[path.suffix] for path in files if path.suffix in IMAGE_SUFFIXES), None)
            if kind:
                return Location(folder, "images", f"{kind} copy")
    return None
