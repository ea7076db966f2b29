"""Whether a server may start: one that others reach needs a login, or its host's word."""

from __future__ import annotations

import os

from cnnlab.access.hosts import is_loopback
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.text import shortened

WAIVED = "CNNLAB_WITHOUT_LOGIN"
HOW_TO = N_(
    "Make a class, so that everybody signs in: `python -m cnnlab class new`; "
    "or, where all who reach this address may change everything, set CNNLAB_WITHOUT_LOGIN=yes."
)


def login_waived() -> bool:
    """Whether the host lets everybody in. Raises ConfigError for a value that is neither yes nor empty."""
    waived = os.environ.get(WAIVED, "")
    if waived not in ("", "yes"):
        raise ConfigError(say("{name} is {value}: it is yes, or not set.", name=WAIVED, value=shortened(waived)), WAIVED)
    return bool(waived)


def start_problem(address: str | None, *, has_class: bool, waived: bool) -> str:
    """Why a server at this address must not start, as a sentence; "" where it may."""
    if has_class or waived or is_loopback(address):
        return ""
    where = address or N_("all addresses of this machine")
    return " ".join((say("CNN Lab does not start: at {where} others reach it, and it has no login.", where=where), HOW_TO))
