"""The page of predictions as text: which run and weights, every filter, the matrix, and why there are none."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import streamlit as st
from golden_lab import ManyRuns, fill, in_rows, unhurried, with_steps
from golden_text import check
from page_fakes import PIXEL, open_page, widget
from page_text import html_lines

from cnnlab import datasets
from cnnlab.errors import CheckpointError
from cnnlab.values import ClassFigures, Picture, Prediction, PredictionPage
from pages._parts.predict import choice, confusion

# True classes by row, predicted ones by column: 1,217 images, of which 1,100 are right; class 8 has none, and 9 only one.
COUNTS = [[100 + 10 * a if a == b else 0 for b in range(10)] for a in range(8)] + [[0] * 10, [0] * 9 + [20]]
COUNTS[3][5], COUNTS[5][3], COUNTS[2][4], COUNTS[0][9], COUNTS[7][6], COUNTS[1][2] = 43, 31, 29, 7, 2, 1
COUNTS[9] = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]


class PredictLab(ManyRuns):
    """ManyRuns whose answers have these counts, three images a page and other figures for each class; it keeps every question."""

    counts = COUNTS
    total: int | None = None
    refused: CheckpointError | None = None

    def __init__(self, home):
        super().__init__(home)
        self.asked = []

    def predictions(self, run_id, **asked):
        self.asked.append(f"{run_id} {asked}")
        if self.refused:
            raise self.refused
        total, start = 97 if self.total is None else self.total, asked["offset"]
        items = [
            Prediction(Picture(7 * place, place % 10, PIXEL), (place + place % 3 % 2) % 10, 0.99 - place / 100)
            for place in range(start, total)[:3]
        ]
        classes = datasets.entry(self.run(run_id).config.dataset).classes
        correct = sum(row[label] for label, row in enumerate(self.counts))
        figures = [ClassFigures(sum(row), 0.5, 0.9 - label / 50, 0.7 + label / 40) for label, row in enumerate(self.counts)]
        figures[8] = ClassFigures(0, 0.5, None, None)
        return PredictionPage(
            asked["checkpoint"], 3 if asked["checkpoint"] == "best" else 4, classes, total, sum(map(sum, self.counts)), correct,
            tuple(map(tuple, self.counts)), tuple(figures), tuple(items),
        )  # fmt: skip


@pytest.fixture
def lab(tmp_path, monkeypatch):
    unhurried(monkeypatch)
    lab = PredictLab(tmp_path)
    yield lab
    lab.store.close()


@pytest.fixture
def runs(lab):
    return fill(lab)


def one_mistake(lab):
    lab.counts = [[3 if a == b else int((a, b) == (1, 2)) for b in range(10)] for a in range(10)]
    lab.counts[1][1] = 0


def equal_mistakes(lab):
    lab.counts = [[90 if a == b else 5 * (b - a == 1 and a < 2) for b in range(10)] for a in range(10)]


def no_mistake(lab):
    lab.counts = [[1_000 * (a == b) for b in range(10)] for a in range(10)]


def nothing_passes(lab):
    lab.total = 0
    lab.counts = [[90 if a == b else 5 * (b - a == 1 and a < 3) for b in range(10)] for a in range(10)]


def damaged(lab):
    lab.refused = CheckpointError("The checkpoint of epoch 3 is *damaged*: train again.")


SCENES = {
    "best": ("base", {}, None),
    "filtered": (
        "paused",
        {"checkpoint": "last", "label": "3", "predicted": "5", "only": "mistakes", "order": "confident", "page": "2"},
        None,
    ),
    "digits": ("mlp", {"only": "correct", "order": "uncertain", "page": "9999"}, one_mistake),
    "stopped": ("stopped", {"checkpoint": "last"}, equal_mistakes),
    "all-right": ("lost", {"label": "0"}, no_mistake),
    "no-image": ("fast", {"label": "8", "predicted": "0"}, nothing_passes),
    "waiting": ("waits", {"nobody": "1", "page": "x"}, None),
    "unknown": ("000000ff", {"label": "12"}, None),
    "damaged": ("base", {"page": "3", "label": "2", "nobody": "1"}, damaged),
}  # fmt: skip


@pytest.mark.parametrize("scene", SCENES)
def test_predictions(monkeypatch, lab, runs, regenerate_golden, scene):
    run, address, change = SCENES[scene]
    address = address | ({"run": runs.get(run, run)} if run else {})
    if change:
        change(lab)

    text = with_steps(open_page(monkeypatch, "predict", lab, **address))
    text = in_rows(text) if scene == "best" else without_matrix(text)

    check(f"pages/predict-{scene}", text + "\n".join(lab.asked) + "\n", regenerate=regenerate_golden)


def without_matrix(text):
    """The text of a page without the cells of the matrix and what the headings of the table of classes say."""
    return re.sub(r"(?m)^( {6,})(html|columns)\n(\1 .*\n)*?(?=\1\w|(?!\1 ))", r"\1…\n", text)


def test_a_lab_without_predictions(monkeypatch, lab, regenerate_golden):
    texts = [with_steps(open_page(monkeypatch, "predict", lab, nobody="1", run="000000ff", label="4"))]
    waits = lab.add("Waits *still*", state="queued")
    texts.append(with_steps(open_page(monkeypatch, "predict", lab, run=waits, page="2")))

    check("pages/predict-none", "\n".join(texts), regenerate=regenerate_golden)


def test_each_control_asks_for_its_images_from_the_first(monkeypatch, lab, runs, regenerate_golden):
    app, written = open_page(monkeypatch, "predict", lab, run=runs["base"], page="2"), []

    def after(what, act):
        lab.asked.clear()
        act().run()
        address = {name: "".join(value) for name, value in app.query_params.items()}
        written.append(f"{what}: {lab.asked}\n    {address}")

    after("next", widget(app.button, "Next 17").click)
    after("order", lambda: widget(app.selectbox, "Order").set_value("confident"))
    after("next", widget(app.button, "Next 40").click)
    after("previous", widget(app.button, "Previous 40").click)
    after("next", widget(app.button, "Next 40").click)
    after("show", lambda: widget(app.get("button_group"), "Show").set_value("mistakes"))
    after("next", widget(app.button, "Next 40").click)
    after("true", lambda: widget(app.selectbox, "True class").set_value(3))
    after("next", widget(app.button, "Next 40").click)
    after("predicted", lambda: widget(app.selectbox, "Predicted class").set_value(5))
    after("next", widget(app.button, "Next 40").click)
    after("weights", lambda: widget(app.get("button_group"), "Weights from").set_value("last"))
    after("next", widget(app.button, "Next 40").click)
    after("worst", widget(app.button, "Show these 43 mistakes").click)
    after("all", widget(app.button, "Show all images").click)
    after("next", widget(app.button, "Next 40").click)
    after("run", lambda: widget(app.selectbox, "Run").set_value(runs["fast"]))

    check("pages/predict-controls", "\n".join(written) + "\n", regenerate=regenerate_golden)


def test_a_cell_of_the_matrix_shows_its_images(monkeypatch, lab, runs):
    drawn, state = [], {}
    monkeypatch.setattr(confusion, "draw_confusion", lambda *given, **_: drawn.append(given))
    open_page(monkeypatch, "predict", lab, run=runs["base"], label="3")
    page, label, predicted, show = drawn[0]

    monkeypatch.setattr(choice.st, "session_state", state)
    show(4, 7)

    assert (page.checkpoint, label, predicted) == ("best", 3, None)
    assert state == {"predict:label": 4, "predict:predicted": 7, "predict:only": "all", "predict:page": 1}
    show(None, 2)
    assert (state["predict:label"], state["predict:predicted"]) == (-1, 2)


def test_the_figures_of_each_class_as_a_file(monkeypatch, lab, runs, regenerate_golden):
    files = []
    monkeypatch.setattr(st, "download_button", lambda *file, **more: files.append((*file, more)))

    open_page(monkeypatch, "predict", lab, run=runs["base"])

    ((label, text, *more),) = (file for file in files if file[0] != "SVG")  # see test_svg_files.py
    check("pages/predict-file", f"{label} {more}\n{text}", regenerate=regenerate_golden)


@pytest.mark.parametrize(("classes", "kind"), [(3, "cnn-short"), (12, ""), (13, "cnn-many")])
def test_matrices_of_few_and_of_many_classes_are_drawn_as_they_fit(classes, kind):
    names = tuple(f"{'c' if classes == 3 else 'class'}{number:02}" for number in range(classes))
    page = PredictionPage("best", 1, names, 0, 9, 9, ((1,) * classes,) * classes, (), ())

    table = html_lines(confusion.matrix_html(page))[0]

    assert f"cnn-matrix{' ' * bool(kind)}{kind}," in table
    assert f"--classes:{classes}" in table
    assert "cnn-short" not in html_lines(confusion.matrix_html(replace(page, classes=(*names[1:], "four"))))[0]
