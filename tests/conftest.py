"""Options and fixtures that all tests share."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from filled_home import fill

from cnnlab.datasets.places import Places
from cnnlab.lab import Lab
from cnnlab.runs.store import Store
from cnnlab.system import background


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate-golden", action="store_true", help="write the generated files (golden, known, README) and run no other test"
    )
    parser.addoption("--slow", action="store_true", help="also run tests that take minutes, such as compiling without a cache")
    parser.addoption("--chaos", type=int, default=8, metavar="N", help="kills in tests/chaos; each takes 3 to 6 seconds")
    parser.addoption(
        "--chaos-seed", type=int, default=2, metavar="SEED", help="decides which processes tests/chaos kills, and roughly when"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Pages that a test opens with app.py have a home that is not the user's own, and each training takes one core, and no GPU.

    Two trainings of two threads on two cores wait for each other: the browser's took 247 s instead of 106.
    """
    os.environ["CNNLAB_LANG"] = "en"  # whatever the terminal speaks
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch is not loaded yet
    if config.getoption("markexpr") != "gpu":  # a GPU that somebody uses is left alone, and results are those of the CPU
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if "CNNLAB_HOME" not in os.environ:
        os.environ["CNNLAB_HOME"] = tempfile.mkdtemp(prefix="cnnlab-tests-")
        config.add_cleanup(partial(_remove, Path(os.environ["CNNLAB_HOME"])))


def _remove(home: Path) -> None:
    background.shut_down(home)
    shutil.rmtree(home, ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--regenerate-golden"):  # only the tests that write files
        items[:] = [item for item in items if "regenerate_golden" in getattr(item, "fixturenames", ())]


@pytest.fixture
def limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes the file of limits that CNNLAB_LIMITS names."""

    def write(text: str) -> None:
        (tmp_path / "limits.toml").write_text(text)
        monkeypatch.setenv("CNNLAB_LIMITS", str(tmp_path / "limits.toml"))

    return write


@pytest.fixture
def regenerate_golden(request: pytest.FixtureRequest) -> bool:
    return request.config.getoption("--regenerate-golden")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with its background processes, shared by all tests that train; they end with the test run."""
    lab = Lab(tmp_path_factory.mktemp("home"))
    yield lab
    lab.shut_down()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A record of runs in a new home, which no process watches."""
    store = Store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A home with five runs in its record and no process."""
    return fill(tmp_path)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Where data sets are searched: two folders that do not exist yet."""
    return Places(home=tmp_path / "home", data=tmp_path / "data")
