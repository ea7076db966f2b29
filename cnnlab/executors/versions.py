"""Which code and which torch a process runs: a run may continue on a node that has others, and its log says so."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from pathlib import Path
from typing import Any

import cnnlab
from cnnlab.i18n import say

# What decides the digits of a training; pages and the record may differ.
_TRAINING = ("architectures", "datasets", "diagnosis", "executors", "layers", "training")


@cache
def code() -> str:
    """The version, and a checksum of the training side's sources: "0.1.0 (3f2a91c0)"."""
    root = Path(cnnlab.__file__).parent
    files = sorted(file for package in _TRAINING for file in (root / package).rglob("*.py"))
    sums = hashlib.blake2b(digest_size=4)
    for file in files:
        sums.update(f"{file.relative_to(root).as_posix()}\n".encode() + file.read_bytes().replace(b"\r\n", b"\n"))
    return f"{cnnlab.__version__} ({sums.hexdigest()})"


def here() -> dict[str, Any]:
    """The versions of this process. Loads torch."""
    import torch

    return {"code": code(), "torch": torch.__version__, "python": platform.python_version()}


def difference(own: dict[str, Any], there: dict[str, Any], node: str) -> str:
    """A sentence where the digits of a run may differ from those of this machine; "" where code and torch are the same."""
    differ = [name for name in ("code", "torch") if own[name] != there.get(name)]
    if not differ:
        return ""
    names = {"code": "CNN Lab", "torch": "PyTorch"}
    return say(
        "{node} has {theirs}, and this machine {ours}: the last digits may differ, and settings that are new here may be refused.",
        node=node,
        theirs=", ".join(f"{names[name]} {str(there.get(name))[:60]}" for name in differ),
        ours=", ".join(f"{names[name]} {own[name]}" for name in differ),
    )
