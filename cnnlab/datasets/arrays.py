"""The arrays of one split, those kept because decoding them takes long, and files that get their name when they are complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

if TYPE_CHECKING:
    import numpy as np


class Arrays(NamedTuple):
    images: np.ndarray  # uint8 N×C×H×W
    labels: np.ndarray  # int64 N


def decoded(cache: Path, source: str, signature: str, rows: int | None, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The bytes that `make` returns, kept in `cache` until the `signature` of their `source` changes."""
    import numpy as np

    path = cache / "decoded" / f"{source}-{signature}.npy"
    try:
        kept = np.load(path, allow_pickle=False)
        if kept.dtype == np.uint8 and rows in (None, len(kept)):
            return kept
    except (OSError, ValueError, EOFError):  # missing or cut off: it is made again
        pass
    made = make()
    with suppress(OSError):  # on a full disk the next load decodes again, which costs time only
        path.parent.mkdir(parents=True, exist_ok=True)
        outdated = set(path.parent.glob(f"{source}-*.npy")) - {path}
        with partial_file(path) as part:
            with part.open("wb") as file:
                np.save(file, made)
            part.replace(path)
        for file in outdated:
            file.unlink(missing_ok=True)
    return made


@contextmanager
def partial_file(path: Path) -> Iterator[Path]:
    """A file beside `path`, to be written and then renamed. Its name is unique, because two processes may write at once."""
    partial = path.with_name(f".{path.name}-{uuid4().hex}.part")
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)
