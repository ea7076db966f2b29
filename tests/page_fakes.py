"""A lab without processes for page tests (real cards and layer tables, made-up images), and how tests read a page."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from page_own_data import FakeChecking, FakeOwnData
from page_sweeps import FakeSweeps
from streamlit.testing.v1 import AppTest

from cnnlab import architectures, datasets, presets
from cnnlab.errors import CNNLabError
from cnnlab.forecasts.forecast import Forecast, Part
from cnnlab.forecasts.limits import Limits
from cnnlab.forecasts.queue_times import Start
from cnnlab.forecasts.usage import Usage
from cnnlab.layers.failing import table_or_failure
from cnnlab.layers.trace import layer_table
from cnnlab.learn import Catalogue, Learners
from cnnlab.values import DatasetStatus, DownloadStatus, Picture

ROOT = Path(__file__).parent.parent
PIXEL = "data:image/png;base64,AAAA"


class FakeLab:
    """Answers the questions of the Design and Data pages, and records them."""

    home = Path("home")
    lessons = Catalogue(home, shipped=home)  # none: the links to them are tested with the page Learn
    learners = Learners(home)
    published = SimpleNamespace(missing=lambda _architecture, _options: None)
    together = False  # whether all visitors count as one
    starts: Mapping[str, Start] = {}

    def __init__(self, here: tuple[str, ...] = ("sample", "mnist")) -> None:
        self.here = here
        self.downloads: dict[str, DownloadStatus] = {}
        self.asked_to_download: list[str] = []
        self.asked_for_pictures: list[dict[str, Any]] = []
        self.problems: dict[str, str] = {}
        self.doubts: dict[str, str] = {}
        self.asked_to_augment: list[tuple[str, int, int, bool]] = []
        self.broken: CNNLabError | None = None
        self.asked_for_forecasts: list[bool] = []
        self.allowed, self.used = Limits(), Usage(0, 0, None, 0)
        self.sweeps = FakeSweeps()
        self.own_data = FakeOwnData()
        self.checking = FakeChecking(self.own_data)
        parts = (Part("activations", "Activations", 600_000_000), Part("weights", "Weights", 200_000_000))
        self.need = Forecast("cpu", 800_000_000, parts, 8_000_000_000, 4_096, True, None, None, "", "unknown")

    def queue_waits(self):
        return ""

    def without_record(self):
        return ""

    def ready(self):
        return True

    def architectures(self):
        return tuple(each for each in architectures.every_card() if not each.rows)

    def presets(self):
        return presets.presets()

    def layers(self, architecture, input_shape, classes, options):
        return layer_table(architecture, input_shape, classes, options)

    def design(self, architecture, input_shape, classes, options, meanwhile=None):
        return table_or_failure(architecture, input_shape, classes, options)

    def forecast(self, config, *, table=None, calibrate=True, wait=0.0):
        self.asked_for_forecasts.append(calibrate)
        return self.need

    @property
    def sharing(self):
        together = self.together
        return SimpleNamespace(
            together=lambda: together, limits=lambda owner: self.allowed, usage=lambda owner: self.used, starts=lambda: self.starts
        )

    def datasets(self):
        own = [brought.entry for brought in self.own_data.sets()]
        return tuple(self._status(entry) for entry in (*datasets.entries(), *own))

    def _status(self, entry):
        found = Path("somewhere") / entry.name if entry.name in self.here or entry.format == "own" else None
        variant = "JPEG copy" if entry.name == "cifar10" else ""
        notes = {"doubt": self.doubts.get(entry.name, ""), "problem": self.problems.get(entry.name, "")}
        return DatasetStatus(entry, found, self.downloads.get(entry.name), variant, **notes)

    def download(self, dataset):
        self.asked_to_download.append(dataset)
        self.downloads[dataset] = DownloadStatus("running", 25_000_000, 100_000_000)

    def class_counts(self, dataset, split):
        if self.broken:
            raise self.broken
        if dataset in self.own_data.kept:
            return self.own_data.get(dataset).counts(split)
        return (600,) * 10 if dataset == "sample" else (50, *(100,) * 9)

    def augmented(self, dataset, index, *, count, shift, flip, gray):
        self.asked_to_augment.append((dataset, index, shift, flip, gray))
        return (PIXEL,) * count

    def pictures(self, dataset, split, count, *, label=None, offset=0):
        if count > 1:  # for the grid; one alone is the test image beside the versions
            self.asked_for_pictures.append({"dataset": dataset, "split": split, "label": label, "offset": offset})
        return tuple(
            Picture(
                offset + i,
                label
                if label is not None
                else i
                % len(
                    datasets.entry("sample").classes if dataset not in self.own_data.kept else self.own_data.get(dataset).classes
                ),
                PIXEL,
            )
            for i in range(count)
        )


def open_page(monkeypatch, page_name: str, lab: FakeLab, /, **address: str) -> AppTest:
    """The page as `app.py` shows it, with `address` in the browser's address bar."""
    import pages._parts.run.view
    import pages._parts.shell

    monkeypatch.setattr(pages._parts.shell, "enter", lambda: lab)
    monkeypatch.setattr(
        pages._parts.run.view, "freeze_modules", lambda: None
    )  # gc.freeze would keep the garbage of this test process
    app = AppTest.from_file(os.fspath(ROOT / "app.py"), default_timeout=180)
    if page_name != "design":
        app.switch_page(f"pages/{page_name}.py")
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def follow(app: AppTest, page_name: str) -> AppTest:
    """Another page, with the parameters that its link in the sidebar has: `app.py` draws none where a test opens a page."""
    links = app.session_state["links to the pages"]
    app.query_params.clear()
    for name, value in links.get(page_name, {}).items():
        app.query_params[name] = value
    return app.switch_page(f"pages/{page_name}.py").run()


def shown(app: AppTest, name: str) -> str:
    """The value of the tile with this label."""
    return next(tile.value for tile in app.metric if tile.label == name)


class Cell:
    """One image of a grid, as the browser reads it."""

    alt = frame = sign = caption = ""


class _Grid(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.cells: list[Cell] = []
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "figure":
            self.cells.append(Cell())
        elif tag == "img":
            self.cells[-1].alt = values["alt"] or ""
            self.cells[-1].frame = (values.get("style") or "").rpartition(" ")[2]
        self._within = {"b": "sign", "figcaption": "caption"}.get(tag, self._within)

    def handle_endtag(self, tag: str) -> None:
        self._within = "" if tag in ("b", "figcaption") else self._within

    def handle_data(self, data: str) -> None:
        if self._within:
            setattr(self.cells[-1], self._within, getattr(self.cells[-1], self._within) + data)


def cells(app: AppTest) -> list[Cell]:
    """The cells of the page's image grid."""
    grid = _Grid()
    grid.feed(next(element.proto.body for element in app.get("html") if "cnn-grid" in element.proto.body))
    return grid.cells


class _Table(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, str]] = []
        self._column = ""
        self._skipped = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append({})
        elif tag in ("th", "td"):
            self._column = str(dict(attrs).get("class") or "").partition(" ")[0].removeprefix("cnn-")
        elif tag in ("small", "span"):
            self._skipped = "" if ("class", "cnn-full") in attrs else tag

    def handle_endtag(self, tag: str) -> None:
        self._column = "" if tag in ("th", "td") else self._column
        self._skipped = "" if tag == self._skipped else self._skipped

    def handle_data(self, data: str) -> None:
        if self._column and not self._skipped:
            self.rows[-1][self._column] = self.rows[-1].get(self._column, "") + data


def network_html(app: AppTest) -> list[str]:
    """The drawings, tables and bars of networks on the Design page."""
    answers = [json.loads(each.proto.json or "{}") for each in app.get("bidi_component")]
    return [answer["html"] for answer in answers if "html" in answer]


def layers(app: AppTest) -> list[dict[str, str]]:
    """The rows of the layer table, by the names of their columns; in full, as on a wide screen."""
    table = _Table()
    table.feed(next((html for html in network_html(app) if "cnn-layers" in html), ""))
    return [row for row in table.rows[1:] if row.get("layer")]


def widget(elements: Any, label: str) -> Any:
    """The control with this label."""
    return next(element for element in elements if element.label == label)


def switched_pages(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """The pages that will have been switched to, with their addresses."""
    pages: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr("streamlit.switch_page", lambda page, query_params: pages.append((page, query_params)))
    return pages
