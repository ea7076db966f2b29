"""Puts the gate in front of the server, or refuses to start one that others would reach without a login."""

from __future__ import annotations

import os

import streamlit as st
from starlette.middleware import Middleware
from streamlit import config

from cnnlab.access import classes
from cnnlab.access.door import HEADER, USER_KEY, Door, install
from cnnlab.access.hosts import is_loopback
from cnnlab.access.starting import start_problem
from cnnlab.errors import CNNLabError
from cnnlab.system.home import default_home
from cnnlab.teaching import presence
from cnnlab.teaching.noting import noting
from pages._parts.gate.layer import Gate
from pages._parts.gate.settings import read_settings


def gate() -> Middleware:
    """The gate of this process. Raises SystemExit, with a sentence, where the server must not start."""
    try:
        settings, home = read_settings(), default_home()
        address = st.get_option("server.address")
        has_class = classes.file_of(home).exists()
        if problem := start_problem(address, has_class=has_class, waived=settings.waived):
            raise SystemExit(problem)
    except CNNLabError as error:
        raise SystemExit(str(error)) from error
    # Streamlit takes a session up again only for the person to whom it belongs.
    config.set_option("server.trustedUserHeaders", {HEADER: USER_KEY}, "the gate")
    # The gate itself looks at what proxies forward, and must see who really connects.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    door = Door(home, local=settings.waived or is_loopback(address), note=noting(home))
    install(door)
    presence.install(presence.Presence(home))
    return Middleware(Gate, door=door, settings=settings)
