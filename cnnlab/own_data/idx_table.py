"""Images in IDX files of any size, by the names that torchvision gives them: MNIST, KMNIST, EMNIST, QMNIST."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping

import numpy as np

from cnnlab.i18n import N_, say
from cnnlab.own_data.tables import Part, Table, images, labels, split_of, table

_IMAGES = re.compile(r"(.*?)images[-.]idx3-ubyte(\.gz)?", re.IGNORECASE)
_KINDS = {8: np.dtype(np.uint8), 12: np.dtype(">i4")}
_KMNIST = ("o (お)", "ki (き)", "su (す)", "tsu (つ)", "na (な)", "ha (は)", "ma (ま)", "ya (や)", "re (れ)", "wo (を)")


def is_idx(name: str) -> bool:
    """Whether it is one of these files, or EMNIST's list of letters beside them."""
    return re.fullmatch(r".*-(ubyte|int)(\.gz)?|.*mapping\.txt", name, re.IGNORECASE) is not None


def read(contents: Mapping[str, bytes]) -> Table:
    """All pairs of images and labels, unpacked. `contents` may lie in folders: "KMNIST/raw/train-…". Raises ValueError."""
    parts = []
    beginnings = []
    for name, content in contents.items():
        folder, _slash, file = name.rpartition("/")
        match = _IMAGES.fullmatch(file)
        if match is None:
            continue
        answers = re.compile(rf"{re.escape(match[1])}labels[-.]idx[12]-(ubyte|int)(\.gz)?", re.IGNORECASE)
        found = next((other for other in contents if _in(other, folder) and answers.fullmatch(other.rpartition("/")[2])), None)
        if found is None:
            raise ValueError(say("it lacks the labels of {name}", name=file))
        pixels, numbers = array(content, file), array(contents[found], found)
        values = images(pixels, file)
        if "emnist-" in file.lower():
            values = values.transpose(0, 1, 3, 2)  # NIST's files have rows and columns exchanged
        parts.append(Part(split_of(file), values, labels(numbers[:, 0] if numbers.ndim == 2 else numbers, len(values), found)))
        beginnings.append(match[1])
    if not parts:
        raise ValueError(N_("it lacks the images, such as train-images-idx3-ubyte.gz"))
    kinds = {beginning.lower().replace("train", "").replace("test", "").replace("t10k", "") for beginning in beginnings}
    if len(kinds) > 1:
        raise ValueError(say("it holds several data sets ({names}): take one alone", names=", ".join(sorted(beginnings))))
    return table(parts, _names(contents))


def array(content: bytes, name: str) -> np.ndarray:
    """The values of an IDX file of bytes or of whole numbers. Raises ValueError."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _KINDS or not 1 <= content[3] <= 4:
        raise ValueError(say("{name} is no IDX file of bytes or whole numbers", name=name))
    kind, start = _KINDS[content[2]], 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(say("{name} is cut off", name=name))
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    if len(content) - start != math.prod(shape) * kind.itemsize:
        raise ValueError(say("{name} is cut off", name=name))
    return np.frombuffer(content, kind, offset=start).reshape(shape)


def _in(name: str, folder: str) -> bool:
    return name.rpartition("/")[0] == folder


def _names(contents: Mapping[str, bytes]) -> dict[int, str] | None:
    """What the labels stand for: EMNIST has a file that says so; KMNIST's ten signs are known."""
    for name, content in contents.items():
        if name.lower().endswith("mapping.txt"):
            rows = (line.split() for line in content[:100_000].decode("ascii", "replace").splitlines())
            return {
                int(row[0]): "".join(chr(int(code)) for code in row[1:]) for row in rows if len(row) > 1 and all(map(_code, row))
            }
    return dict(enumerate(_KMNIST)) if any("kmnist" in name.lower() for name in contents) else None


def _code(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) < 0x3000
