"""Python and the packages, against the bounds of requirements.txt."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from cnnlab.doctor.findings import Finding, look, right, wrong
from cnnlab.system.home import PACKAGE

OLDEST_PYTHON = (3, 11)
REQUIREMENTS = PACKAGE.parent / "requirements.txt"


def installed(name: str) -> str | None:
    """The version of a package in this Python; None where it is missing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def python(version: tuple[int, int, int] = sys.version_info[:3], bits: int = 64 if sys.maxsize > 2**32 else 32) -> Finding:
    words, needed = ".".join(map(str, version)), ".".join(map(str, OLDEST_PYTHON))
    if version[:2] < OLDEST_PYTHON:
        return wrong(
            "Python",
            f"This is Python {words}, and the lab needs {needed} or newer.",
            "Install a newer one, and make the venv again.",
        )
    if bits < 64:
        return wrong("Python", f"This Python {words} has {bits} bits, and there is no torch for it.", "Install the one of 64 bits.")
    return right("Python", f"{words}, in {shown_prefix()}.")


def shown_prefix() -> str:
    return sys.prefix if sys.prefix != sys.base_prefix else f"{sys.prefix}, which is no venv"


def packages(file: Path = REQUIREMENTS, version_of: Callable[[str], str | None] = installed) -> list[Finding]:
    """A line for each package that is missing or too old; else one for all."""
    cure = f"{sys.executable} -m pip install -r requirements.txt, in the lab's folder."
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        return [
            look("Packages", f"{file.name} cannot be read ({error.strerror}), so their versions are not compared.", "Copy it back.")
        ]
    needed = [Requirement(text) for line in lines if (text := re.sub(r"(^|\s)#.*", "", line).strip()) and not text.startswith("-")]
    here = [each for each in needed if each.marker is None or each.marker.evaluate()]
    found = []
    for each in here:
        version = version_of(each.name)
        if version is None:
            found.append(wrong("Packages", f"{each.name} is missing, and {each.specifier or 'any version'} is needed.", cure))
        elif not each.specifier.contains(version, prereleases=True):
            found.append(wrong("Packages", f"{each.name} is {version}, and {each.specifier} is needed.", cure))
    return found or [right("Packages", f"All {len(here)} of requirements.txt are there, none too old.")]
