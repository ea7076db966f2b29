"""The tab that a server opens when a learner starts it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

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


def test_what_is_loaded_ahead_is_what_pages_need_without_torch_and_tables_of_numbers_last():
    code = """
import sys
from pages._parts import first_tab
first_tab.time.sleep = lambda seconds: print(seconds, *sys.modules)
first_tab.load_modules()
print(*sys.modules)
"""
    first, all_ = python(code)

    assert {"3.0", "cnnlab.lab", "pages._parts.builder"} <= set(first)
    assert not {"pandas", "pyarrow", "torch"} & set(first)
    assert {"pandas", "pyarrow.compute"} <= set(all_)
    assert "torch" not in all_


def test_design_is_drawn_before_pandas_is_loaded(tmp_path):
    code = """
import sys
from streamlit.testing.v1 import AppTest
from cnnlab.compute import client
client.FIRST_PAGE_SECONDS = 600.0  # this process ends before
drawn = AppTest.from_file("app.py", default_timeout=60).run()
print(*(heading.value for heading in drawn.title))
print(*sys.modules)
"""
    title, modules = python(code, home=tmp_path)

    assert title
    assert not {"pandas", "pyarrow", "torch"} & set(modules)


def python(code: str, home: Path | None = None) -> list[list[str]]:
    """What a new interpreter prints, in words."""
    environment = os.environ | ({"CNNLAB_HOME": str(home)} if home else {})
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]
