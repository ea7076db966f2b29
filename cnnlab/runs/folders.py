"""The folder of a run: its checkpoints and its log. Needs no torch."""

from __future__ import annotations

import shutil
from pathlib import Path

from cnnlab.errors import StoreError
from cnnlab.home import run_folder
from cnnlab.limits import folder_bytes


def size(home: Path, run_id: str) -> int:
    """Bytes of the files in the folder of a run that the store knows; those that vanish meanwhile count nothing."""
    return folder_bytes(run_folder(home, run_id))


def delete(home: Path, run_id: str) -> None:
    """Removes the folder of a run that was in the store. Raises StoreError where files are left."""
    folder = run_folder(home, run_id)
    try:
        if folder.is_symlink():
            folder.unlink()  # what it points to is not ours
        elif folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise StoreError(
            f"The run is deleted, but files of it are left in {folder} ({error}): please remove that folder."
        ) from error
