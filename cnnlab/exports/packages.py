"""The packages that exports need beyond the lab's own, each asked for when it is needed (`requirements-export.txt`)."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from cnnlab.errors import InstallationError
from cnnlab.i18n import say


def needed(*names: str, purpose: str) -> tuple[ModuleType, ...]:
    """These modules. Raises InstallationError, which names the missing packages and how to install them."""
    found, missing = [], []
    for name in names:
        try:
            found.append(import_module(name))
        except ModuleNotFoundError:
            missing.append(name.partition(".")[0])
    if missing:
        packages = " ".join(dict.fromkeys(missing))
        raise InstallationError(
            say(
                "To export {purpose}, the lab needs {packages}: type  pip install {packages}  and try again.",
                purpose=purpose, packages=packages,
            )
        )  # fmt: skip
    return tuple(found)
