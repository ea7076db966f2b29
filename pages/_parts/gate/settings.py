"""What the host of a lab has set about who may come in, and how the gate is put in front of the server."""

from __future__ import annotations

import os
from dataclasses import dataclass

import streamlit as st

from cnnlab.access.starting import login_waived
from cnnlab.errors import ConfigError
from cnnlab.text import shortened

FRAMES = "CNNLAB_FRAMES"


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
    own = (st.get_option("server.address"), st.get_option("browser.serverAddress"))
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    return Settings(
        allowed=tuple(st.get_option("server.allowedHosts") or ()),
        own=tuple(name.lower() for name in own if name),
        origins=tuple(st.get_option("server.corsAllowedOrigins") or ()),
        check_origins=bool(st.get_option("server.enableCORS")),
        base=f"/{base}" if base else "",
        frames=frames,
        waived=login_waived(),
    )
