"""Python imports this at its start where its folder is on the search path: Linux then refuses what Windows refuses.

A file that any process has open can be neither replaced nor renamed nor deleted. Not simulated: sharing modes, and C code.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

_replace, _rename, _unlink = os.replace, os.rename, os.unlink


def _open_files() -> set[str]:
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for opened in os.scandir(process / "fd"):
                with suppress(OSError):
                    found.add(os.readlink(opened))  # noqa: PTH115 - a slow look, on a busy machine, finds every file held
    return found


def _refuse_if_open(*paths: Any, dir_fd: int | None = None) -> None:
    held = _open_files()
    folder = Path() if dir_fd is None else Path(f"/proc/self/fd/{dir_fd}").readlink()
    for path in paths:
        if str((folder / os.fspath(path)).resolve()) in held:
            raise PermissionError(errno.EACCES, "another program holds it", os.fspath(path))


def _guarded_replace(source: Any, target: Any, **more: Any) -> None:
    _refuse_if_open(source, target)
    _replace(source, target, **more)


def _guarded_rename(source: Any, target: Any, **more: Any) -> None:
    _refuse_if_open(source, target)
    _rename(source, target, **more)


def _guarded_unlink(path: Any, *, dir_fd: int | None = None) -> None:
    _refuse_if_open(path, dir_fd=dir_fd)
    _unlink(path, dir_fd=dir_fd)


os.replace, os.rename = _guarded_replace, _guarded_rename
os.unlink = os.remove = _guarded_unlink
_supported = os.supports_dir_fd  # shutil.rmtree looks up the functions here
if _unlink in _supported:
    _supported.add(_guarded_unlink)

with suppress(ImportError):
    from cnnlab.system import disk

    disk.HELD_SECONDS = 3.0  # as on Windows
