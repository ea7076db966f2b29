"""Where the files of a data set are on this machine. Looks at names only, so it is quick; needs no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cnnlab.datasets.catalogue import Entry

Layout = Literal["idx", "batches", "images"]
Split = Literal["train", "test"]

SAMPLE_FOLDER = Path(__file__).parent / "sample"
BATCHES = "cifar-10-batches-py"  # the folder's name inside CIFAR-10's archive; torchvision insists on it
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
    """The folders to look in: `data`, which the user names (CNNLAB_DATA), before the lab's own `home`/data."""

    home: Path
    data: Path | None = None

    @property
    def own(self) -> Path:
        """The lab's own folder of data sets, which downloads go to."""
        return self.home / "data"

    def find(self, entry: Entry) -> Path | None:
        """The folder that has the files of `entry`, or None. The bundled sample is always there."""
        location = self.locate(entry)
        return location.folder if location else None

    def locate(self, entry: Entry) -> Location | None:
        """As `find`, with the form that the files are in."""
        if entry.name == "sample":
            return Location(SAMPLE_FOLDER, "idx")
        for root in (self.data, self.own):
            if root is None:
                continue
            try:
                found = _batches(root) or _images(root, entry) if entry.name == "cifar10" else _idx(root, entry)
            except OSError:  # a folder that we may not look into holds nothing for us
                continue
            if found:
                return found
        return None

    def target(self, entry: Entry) -> Path:
        """The folder that a download of `entry` fills, in torchvision's layout."""
        return self.own / BATCHES if entry.name == "cifar10" else self.own / _torchvision_name(entry) / "raw"


def idx_files(folder: Path, split: Split) -> tuple[Path, Path] | None:
    """The images file and the labels file of one split, plain or .gz (plain first: no unpacking); None if one is missing."""
    found = []
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        plain = folder / f"{_IDX_PREFIX[split]}-{kind}"
        file = next((path for path in (plain, plain.with_name(f"{plain.name}.gz")) if path.is_file()), None)
        if file is None:
            return None
        found.append(file)
    return found[0], found[1]


def _idx(root: Path, entry: Entry) -> Location | None:
    name = _torchvision_name(entry)
    folders = [root / name / "raw", root / name, root / entry.name]
    if _holds_plain_files_of(root, entry):
        folders.append(root)
    for folder in folders:
        if idx_files(folder, "train") and idx_files(folder, "test"):
            return Location(folder, "idx")
    return None


def _holds_plain_files_of(root: Path, entry: Entry) -> bool:
    """MNIST and Fashion-MNIST have the same file names, so a folder that holds them directly says by its name which they are.

    Where the name says nothing they are Fashion-MNIST, which is what Debian packages in this form.
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
            kind = next((IMAGE_SUFFIXES[path.suffix] for path in _some(folder / "train" / entry.classes[0])), None)
            if kind:
                return Location(folder, "images", f"{kind} copy")
    return None


def _some(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.suffix in IMAGE_SUFFIXES)


def _torchvision_name(entry: Entry) -> str:
    return {"fashion-mnist": "FashionMNIST", "mnist": "MNIST"}.get(entry.name, entry.name)
