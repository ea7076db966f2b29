"""What the host of a lab has set about who may come in, and how the gate is put in front of the server."""

from __future__ import annotations

import os
from dataclasses import dataclass

import streamlit as st

from cnnlab.access.hosts import is_loopback
from cnnlab.errors import ConfigError
from cnnlab.text import shortened

WAIVED = "CNNLAB_WITHOUT_LOGIN"
FRAMES = "CNNLAB_FRAMES"
HOW_TO = (
    "Make a class, so that everybody signs in: `python -m cnnlab class new`; "
    f"or, where all who reach this address may change everything, set {WAIVED}=yes."
)


@dataclass(frozen=True)
class Settings:
    """As the server read them when it started."""

    allowed: tuple[str, ...] = ()  # server.allowedHosts
    own: tuple[str, ...] = ()  # names that the server was given
    origins: tuple[str, ...] = ()  # of other sites that may act here: server.corsAllowedOrigins
    check_origins: bool = True  # server.enableCORS
    base: str = ""  # server.baseUrlPath: "" or "/lab"
    frames: tuple[str, ...] = ()  # sites that may show the lab in a frame
    waived: bool = False  # everybody may come in, by the host's word


def read_settings() -> Settings:
    """From Streamlit's options and the environment. Raises ConfigError."""
    frames = tuple(os.environ.get(FRAMES, "").split())
    for site in frames:
        scheme, _, name = site.partition("://")
        if scheme not in ("http", "https") or not name or set(name) & set("/;,'\""):
            raise ConfigError(f"{FRAMES} has {shortened(site)}, but a site is written as https://school.org.", FRAMES)
    waived = os.environ.get(WAIVED, "")
    if waived not in ("", "yes"):
        raise ConfigError(f"{WAIVED} is {shortened(waived)}: it is yes, or not set.", WAIVED)
    own = (st.get_option("server.address"), st.get_option("browser.serverAddress"))
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    return Settings(
        allowed=tuple(st.get_option("server.allowedHosts") or ()),
        own=tuple(name.lower() for name in own if name),
        origins=tuple(st.get_option("server.corsAllowedOrigins") or ()),
        check_origins=bool(st.get_option("server.enableCORS")),
        base=f"/{base}" if base else "",
        frames=frames,
        waived=bool(waived),
    )


def start_problem(address: str | None, *, has_class: bool, waived: bool) -> str:
    """Why a server at this address must not start, as a sentence; "" where it may."""
    if has_class or waived or is_loopback(address):
        return ""
    return f"CNN Lab does not start: at {address or 'all addresses of this machine'} others reach it, and it has no login. {HOW_TO}"
