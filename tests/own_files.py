"""Pictures, folders and archives that tests bring to the lab."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from cnnlab.own_data.bringing import Job
from cnnlab.own_data.values import Choices


def picture(seed: int = 0, *, size: tuple[int, int] = (20, 20), mode: str = "RGB", form: str = "PNG") -> bytes:
    """A picture file of random pixels; mode "L" is grey."""
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def pets(each: int = 4, **form) -> dict[str, bytes]:
    """`each` pictures of cats and of dogs by name, as the files of a folder."""
    return {
        f"{name}/{number}.png": picture(number + 100 * (name == "dog"), **form) for name in ("cat", "dog") for number in range(each)
    }


def folder(place: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return place


def zipped(place: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return place


def tarred(place: Path, files: Mapping[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(place, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return place


def job(home: Path, path: Path, title: str = "Pets", **more) -> Job:
    choices = {name: more.pop(name) for name in list(more) if name in Choices.__dataclass_fields__}
    return Job(home, path, path.name, Choices(title, **choices), processes=1, **more)
