"""The web page beside an exported ONNX file, in a browser, with a copy of onnxruntime-web on this machine."""

from __future__ import annotations

import json
import runpy
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cnnlab.cli import app
from cnnlab.datasets import loading
from cnnlab.datasets.places import Places
from cnnlab.exports.onnx_file import RUNTIME
from cnnlab.runs.store import Store

PACKAGE = Path(__file__).parents[2] / "node_modules" / "onnxruntime-web"
WANTED = RUNTIME.rpartition("/")[0].rpartition("@")[2]


@pytest.fixture(scope="module")
def runtime() -> Path:
    """The files of the version that the page names."""
    description = PACKAGE / "package.json"
    if not description.is_file() or json.loads(description.read_text(encoding="utf-8"))["version"] != WANTED:
        pytest.skip(f"no copy of onnxruntime-web {WANTED} (npm install --no-save onnxruntime-web@{WANTED})")
    return PACKAGE / "dist"


@pytest.fixture(scope="module")
def exported(runtime, tmp_path_factory) -> Path:
    """A folder with a trained LeNet as ONNX, and its two examples."""
    for name in ("onnxscript", "onnxruntime"):
        pytest.importorskip(name)
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("given")
    recipe = ("--dataset", "sample", "--limit", "500", "--epochs", "2", "--batch-size", "20", "--learning-rate", "0.003")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CNNLAB_DATA", raising=False)
        invoke = partial(CliRunner().invoke, app)
        trained = invoke(
            ["train", "lenet", *recipe, "--set", "activation=relu", "--optimizer", "adam", "--device", "cpu", "--home", str(home)]
        )
        assert trained.exit_code == 0, trained.stderr
        with closing(Store(home)) as store:
            (run,) = store.runs()
        place = ("--output", str(folder / "net.onnx"), "--home", str(home))
        result = invoke(["export", run.id, "--as", "onnx", "--with-preparation", *place])
    assert result.exit_code == 0, result.stderr
    return folder


@pytest.fixture
def address(exported) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(exported))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def answers(exported, tmp_path, monkeypatch, capsys) -> list[str]:
    """What the program in Python takes eight test images for, which then lie beside it as 0.png to 7.png."""
    pictures = pytest.importorskip("PIL.Image")
    monkeypatch.chdir(exported)
    found = []
    for number, pixels in enumerate(loading.load("sample", Places(tmp_path, None)).test_images[:8, 0].numpy()):
        for name in (f"{number}.png", "picture.png"):
            pictures.fromarray(pixels).save(name)
        runpy.run_path("net.onnx.py")
        found.append(capsys.readouterr().out.strip())
    assert len(set(found)) > 3  # else equal answers would prove little
    return found


def test_the_page_answers_as_the_program_in_python_does(exported, runtime, address, answers, page):
    elsewhere = []

    def copy(route):
        """As the network would: with a type, which a browser wants before it runs a file, and for pages of all origins."""
        name = route.request.url.rpartition("/")[2]
        kind = "application/wasm" if name.endswith(".wasm") else "text/javascript"
        route.fulfill(path=runtime / name, headers={"Content-Type": kind, "Access-Control-Allow-Origin": "*"})

    page.route("https://**", lambda route: (elsewhere.append(route.request.url), route.abort()))
    page.route(f"{RUNTIME}/**", copy)
    page.goto(f"{address}/net.onnx.html")
    found = []
    for number in range(len(answers)):
        page.evaluate("document.querySelector('output').value = ''")
        page.locator("input").set_input_files(exported / f"{number}.png")
        page.wait_for_function("document.querySelector('output').value")
        found.append(page.locator("output").inner_text())

    assert (found, elsewhere) == (answers, [])
