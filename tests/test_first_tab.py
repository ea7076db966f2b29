"""The tab that a server opens when a learner starts it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest
import streamlit as st
from streamlit import cli_util, config

from benchmarks.results_page import ROOT
from benchmarks.visitor import run as run_visits
from pages._parts import first_tab
from pages._parts.first_tab import open_first_tab


@pytest.mark.parametrize(
    ("options", "opened"),
    [
        ({"headless": False, "address": "localhost", "port": 8502}, ["http://localhost:8502"]),
        ({"headless": False, "address": "0.0.0.0", "port": 8501, "baseUrlPath": "lab"}, ["http://localhost:8501/lab"]),  # noqa: S104
        ({"headless": False, "port": 80, "browser.serverAddress": "lab.school"}, ["http://lab.school:80"]),
        ({"headless": True}, []),
    ],
)
def test_a_server_opens_one_tab_where_it_can_be_reached(monkeypatch, options, opened):
    plain, addresses = config.get_option, []
    for module in (config, st):
        monkeypatch.setattr(module, "get_option", lambda name: options.get(name.removeprefix("server."), plain(name)))
    monkeypatch.setattr(config, "is_manually_set", options.__contains__)
    monkeypatch.setattr(cli_util, "open_browser", addresses.append)
    loaded = threading.Event()
    monkeypatch.setattr(first_tab, "load_modules", loaded.set)

    async def server() -> None:
        async with open_first_tab(None):
            assert addresses == []  # the server does not listen yet
            assert not loaded.is_set()
            await asyncio.sleep(0.3)

    run_visits(server())  # a browser test in this process may have left a running loop

    assert addresses == opened
    assert loaded.wait(5)


def test_what_is_loaded_ahead_is_what_pages_need_without_torch():
    code = "import sys; from pages._parts import first_tab; first_tab.load_modules(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()

    assert {"cnnlab.lab", "pandas", "pyarrow.compute"} <= set(loaded)
    assert "torch" not in loaded
