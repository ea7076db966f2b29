"""Python and the packages, against the bounds of requirements.txt."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from cnnlab.doctor.findings import Finding, look, right, wrong
from cnnlab.i18n import N_, say
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
            say("This is Python {version}, and the lab needs {needed} or newer.", version=words, needed=needed),
            "Install a newer one, and make the venv again.",
        )
    if bits < 64:
        sentence = say("This Python {version} has {bits} bits, and there is no torch for it.", version=words, bits=bits)
        return wrong("Python", sentence, "Install the one of 64 bits.")
    text = (
        N_("Python {version}, in {folder}.")
        if sys.prefix != sys.base_prefix
        else N_("Python {version}, in {folder}, which is no venv.")
    )
    return right("Python", say(text, version=words, folder=sys.prefix))


def packages(file: Path = REQUIREMENTS, version_of: Callable[[str], str | None] = installed) -> list[Finding]:
    """A line for each package that is missing or too old; else one for all."""
    cure = say("{python} -m pip install -r requirements.txt, in the lab's folder.", python=sys.executable)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        text = N_("{file} cannot be read ({reason}), so their versions are not compared.")
        return [look("Packages", say(text, file=file.name, reason=error.strerror), "Copy it back.")]
    needed = [Requirement(text) for line in lines if (text := re.sub(r"(^|\s)#.*", "", line).strip()) and not text.startswith("-")]
    here = [each for each in needed if each.marker is None or each.marker.evaluate()]
    found = []
    for each in here:
        version = version_of(each.name)
        if version is None:
            wanted = str(each.specifier) or N_("any version")
            found.append(
                wrong("Packages", say("{package} is missing, and {wanted} is needed.", package=each.name, wanted=wanted), cure)
            )
        elif not each.specifier.contains(version, prereleases=True):
            text = N_("{package} is {version}, and {wanted} is needed.")
            found.append(wrong("Packages", say(text, package=each.name, version=version, wanted=each.specifier), cure))
    return found or [right("Packages", say("All {count} of requirements.txt are there, none too old.", count=len(here)))]
