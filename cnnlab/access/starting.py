"""Whether a server may start: one that others reach needs a login, or its host's word."""

from __future__ import annotations

import os

from cnnlab.access.hosts import is_loopback
from cnnlab.errors import ConfigError
from cnnlab.text import shortened

WAIVED = "CNNLAB_WITHOUT_LOGIN"
HOW_TO = (
    "Make a class, so that everybody signs in: `python -m cnnlab class new`; "
    f"or, where all who reach this address may change everything, set {WAIVED}=yes."
)


def login_waived() -> bool:
    """Whether the host lets everybody in. Raises ConfigError for a value that is neither yes nor empty."""
    waived = os.environ.get(WAIVED, "")
    if waived not in ("", "yes"):
        raise ConfigError(f"{WAIVED} is {shortened(waived)}: it is yes, or not set.", WAIVED)
    return bool(waived)


def start_problem(address: str | None, *, has_class: bool, waived: bool) -> str:
    """Why a server at this address must not start, as a sentence; "" where it may."""
    if has_class or waived or is_loopback(address):
        return ""
    return f"CNN Lab does not start: at {address or 'all addresses of this machine'} others reach it, and it has no login. {HOW_TO}"
