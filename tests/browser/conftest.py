"""Fixtures of the browser tests: Chromium, a fresh page, a running app."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.serving import Server, serving
from tests.browser.chromium import CHROMIUM_FLAGS, VIEWPORT, chromium


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            # Chromium beside a second worker on two cores is now and then slower than its waits (two failures in one run
            # of 8,760). The summary counts what was run again; what fails twice fails.
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (requirements-dev.txt)")
    path = chromium()
    if path is None:
        reason = "no Chromium on this machine (on Debian: apt-get install chromium)"
        if os.environ.get("CNNLAB_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_api.sync_playwright() as playwright:
        instance = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield instance
        instance.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport=VIEWPORT)
    context.set_default_timeout(90_000)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def walk(browser):
    """One page for all tests of a module; records each error that the browser reports."""
    context = browser.new_context(viewport=VIEWPORT)
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    context.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("lab") / "home") as server:
        yield server


@pytest.fixture(scope="module")
def app(server: Server) -> str:
    return server.address
