"""Where a lab keeps its things: the home folder and the names of the files in it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import platformdirs

from cnnlab.errors import RunNotFound
from cnnlab.text import shortened

PACKAGE = Path(__file__).parents[1]


def default_home() -> Path:
    """`CNNLAB_HOME`, else the user's data folder."""
    named = os.environ.get("CNNLAB_HOME")
    return Path(named).expanduser().absolute() if named else platformdirs.user_data_path("cnnlab", appauthor=False)


def default_data() -> Path | None:
    """`CNNLAB_DATA`, a folder of data sets that the user already has, or None."""
    named = os.environ.get("CNNLAB_DATA")
    return Path(named).expanduser().absolute() if named else None


def store_file(home: Path) -> Path:
    return home / "lab.sqlite"


def run_folder(home: Path, run_id: str) -> Path:
    """A run's checkpoints and log. Raises RunNotFound for what the store gives out to no run: an address must not become a path."""
    if not re.fullmatch(r"[0-9a-f]{8}", run_id):
        raise RunNotFound(f"There is no run {shortened(run_id)}.")
    return home / "runs" / run_id


def compiled_folder(home: Path) -> Path:
    """PyTorch's cache of compiled networks. It is code, so it lies where only this user can write."""
    return private_file(home, "compiled")


def private_file(home: Path, name: str) -> Path:
    """A file in the folder that only this user can look into: addresses and keys of the background processes."""
    return home / "private" / name


def private_folder(home: Path) -> Path:
    """That folder, made if it is missing."""
    folder = private_file(home, "x").parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write_private(path: Path, text: str) -> None:
    """Writes a small file that only this user can read, in one step: a reader sees the old text or the new, never half."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())  # or a power cut could leave the name with nothing in it
    fresh.replace(path)


def code_fingerprint() -> str:
    """Changes when a source file of this package does, so that a background process can tell that its code is old."""
    return str(max((file.stat().st_mtime_ns for file in PACKAGE.rglob("*.py")), default=0))
