"""Images in an .npz: x_train, y_train, x_test and y_test as Keras has them, or arrays with similar names."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from cnnlab.datasets.location import Split
from cnnlab.i18n import N_, say
from cnnlab.own_data.tables import Part, Table, images, labels, table
from cnnlab.own_data.zips import list_bytes
from cnnlab.text import size_text

_LIST = 1_000_000  # bytes of the list of arrays
_PAIRS: tuple[tuple[str, str, Split | None], ...] = (
    ("x_train", "y_train", "train"),
    ("x_test", "y_test", "test"),
    ("train_images", "train_labels", "train"),
    ("val_images", "val_labels", "train"),
    ("test_images", "test_labels", "test"),
    ("x_val", "y_val", "train"),
    ("images", "labels", None),
    ("x", "y", None),
    ("data", "labels", None),
)
_NAMES = ("classes", "class_names", "label_names")


def read(content: bytes, most: int) -> Table:
    """All pairs of images and labels in it. Raises ValueError, and what zipfile and numpy raise."""
    file = io.BytesIO(content)
    if list_bytes(file) > _LIST:
        raise ValueError(N_("it holds too many arrays"))
    with zipfile.ZipFile(file) as archive:
        names = {name.removesuffix(".npy").lower(): name for name in archive.namelist()}
        parts = []
        for pictures, answers, split in _PAIRS:
            if pictures in names and answers in names and not (split is None and parts):
                values = images(_array(archive, names[pictures], most), pictures)
                parts.append(Part(split, values, labels(_array(archive, names[answers], most), len(values), answers)))
        if not parts:
            expected = "x_train, y_train, x_test, y_test"
            raise ValueError(say("it lacks the arrays {names}", names=expected))
        called = next((_called(_array(archive, names[name], _LIST)) for name in _NAMES if name in names), None)
    return table(parts, called)


def _array(archive: zipfile.ZipFile, name: str, most: int) -> np.ndarray:
    if archive.getinfo(name).file_size > most:
        raise ValueError(say("{name} unpacks to more than {most}", name=name, most=size_text(most)))
    with archive.open(name) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _called(values: np.ndarray) -> dict[int, str] | None:
    return dict(enumerate(map(str, values.tolist()))) if values.ndim == 1 and values.dtype.kind == "U" else None
