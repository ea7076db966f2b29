"""The app as a whole: each page file stands alone, the list of pages is complete, the web process stays light."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import streamlit as st
from page_fakes import ROOT
from streamlit.testing.v1 import AppTest

from cnnlab.errors import InstallationError
from cnnlab.lab import Lab

PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module", autouse=True)
def _processes_end(home):
    yield
    st.cache_resource.clear()
    Lab(home).shut_down()


@pytest.fixture(autouse=True)
def _own_home(home, monkeypatch):
    monkeypatch.setenv("CNNLAB_HOME", str(home))
    monkeypatch.delenv("CNNLAB_DATA", raising=False)


def alone(name: str) -> AppTest:
    """A page file without app.py."""
    return AppTest.from_file(os.fspath(ROOT / "pages" / f"{name}.py"), default_timeout=180).run()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_can_be_the_first_that_a_new_server_shows(name):
    app = AppTest.from_file(os.fspath(ROOT / "app.py"), default_timeout=180).switch_page(f"pages/{name}.py").run()

    assert not app.exception
    assert app.title
    assert [link.proto.label for link in app.sidebar.get("page_link")] == [
        "Design",
        "Learn",
        "Data",
        "Train",
        "Runs",
        "Predict",
        "Inside",
    ]


def test_every_page_is_in_the_list():
    source = (ROOT / "app.py").read_text(encoding="utf-8")

    assert PAGES == ["class", "data", "design", "inside", "learn", "predict", "runs", "train"]
    assert all(f"pages/{name}.py" in source for name in PAGES)


def test_the_app_opens_on_design():
    app = AppTest.from_file(os.fspath(ROOT / "app.py"), default_timeout=180).run()

    assert not app.exception
    assert app.title[0].value == "Design a network"


@pytest.mark.parametrize("name", PAGES)
def test_every_page_file_calls_the_gate_itself_and_stops_there_with_a_sentence(monkeypatch, name):
    # After a server start, Streamlit runs the page of the first deep link without app.py.
    def broken(self):
        raise InstallationError("torch and torchvision do not fit together; install both from one index.")

    monkeypatch.setattr(Lab, "ready", broken)

    app = alone(name)

    assert not app.exception
    assert [error.value for error in app.error] == ["torch and torchvision do not fit together; install both from one index."]
    assert not app.title


def test_the_web_process_never_imports_torch(home):
    script = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"for name in {PAGES}:\n"
        "    app = AppTest.from_file('app.py', default_timeout=180).switch_page(f'pages/{name}.py').run()\n"
        "    assert not app.exception, app.exception\n"
        "sys.exit('torch' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)

    assert done.returncode == 0


def test_a_server_runs_app_py_from_the_first_tab_on_and_looks_for_secrets_once(home):
    script = (
        "import builtins\n"
        "from streamlit.runtime.secrets import secrets_singleton\n"
        "from app import app\n"
        "from streamlit.runtime.pages_manager import PagesManager\n"
        "assert not PagesManager('app.py').uses_pages_directory\n"
        "assert not secrets_singleton.load_if_toml_exists()\n"
        "secrets_singleton.merge_programmatic_secrets(app._programmatic_secrets)\n"  # as the server does at its start
        "builtins.open = None\n"
        "assert secrets_singleton.load_if_toml_exists()\n"
        "assert not secrets_singleton.get('auth')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CNNLAB_HOME": str(home)}

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_the_settings_that_measurements_asked_for_are_there():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))

    assert settings["server"] == {"address": "localhost", "maxUploadSize": 200, "fileWatcherType": "none"}
    assert settings["runner"] == {"postScriptGC": False, "magicEnabled": False}
    assert settings["client"] == {"showErrorDetails": "none", "toolbarMode": "viewer", "showSidebarNavigation": False}
    assert settings["browser"] == {"gatherUsageStats": False}


def test_the_charts_find_plotly_where_pip_put_it():
    from pages._parts.live import plot as live_plot

    assert (Path(live_plot._FILES.path) / "plotly.min.js").stat().st_size > 1_000_000
    assert live_plot._ADDRESS.startswith("component/pages._parts.live.plot.plotly_files/plotly.min.js?v=")


PARTS = sorted([*(ROOT / "pages").rglob("*.py"), *(ROOT / "cnnlab" / "reports").glob("*.py")])
CODE = re.compile(r"<(script|style|svg|div)\b|=>|\bfunction\b|[{;]\s*$", re.MULTILINE)


def test_javascript_css_and_html_live_in_files_of_their_own():
    for path in PARTS:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
                block = node.value.strip()
                message = f"{path.relative_to(ROOT)}:{node.lineno}: put this block into a file, which biome checks"
                assert block.count("\n") < 2 or not CODE.search(block), message


def test_those_files_are_found_from_any_folder(tmp_path):
    files = [path for end in ("js", "css", "html") for part in ("pages", "cnnlab") for path in (ROOT / part).rglob(f"*.{end}")]
    assert len(files) >= 7
    for path in files:  # each beside the module that reads it
        assert "Path(__file__).with_suffix" in path.with_suffix(".py").read_text(encoding="utf-8"), path.name
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import pages._parts.run.view, pages._parts.image_grid, cnnlab.reports.html"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
