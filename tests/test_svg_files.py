"""Figures as SVG files: they can be read, and hold every number of what they draw."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from math import exp, inf, nan
from xml.etree import ElementTree

import pytest
from test_comparison import CONFIG, epochs, run

from cnnlab.i18n import using
from cnnlab.reports.comparison import lines
from cnnlab.reports.svg_files import MOST_CLASSES, comparison_svg, confusion_svg, drawn_classes, run_svg
from pages._parts import svg_button

NASTY = "<b>&\"'\x01\x1b\ud800\u202e"
SVG = "{http://www.w3.org/2000/svg}"
CURVES = epochs(0.4, 0.6, 0.7)
ASIDE = tuple(replace(done, validation_loss=0.5, validation_accuracy=0.5 + done.epoch / 10) for done in CURVES)


def read(svg: str) -> ElementTree.Element:
    """The file, as a program reads it that knows XML alone."""
    root = ElementTree.fromstring(svg.encode("utf-8"))  # noqa: S314 - our own
    assert root.tag == f"{SVG}svg"
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
        *("svg", "title", "desc", "rect", "g", "line", "text", "polyline", "polygon", "circle")
    }  # fmt: skip
    assert "nan" not in svg
    return root


def texts(root: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in root.iter(f"{SVG}text")]


def test_a_run_has_both_charts_with_a_point_for_each_epoch_and_says_where_it_ended():
    root = read(run_svg(CURVES, NASTY, 10, over=True))

    assert [len(each.get("points").split()) for each in root.iter(f"{SVG}polyline")] == [3, 3, 3, 3, 2]  # the last one is chance
    assert {"Loss", "Accuracy", "Training", "Test", "Chance level (10 %)"} <= set(texts(root))
    assert root.find(f"{SVG}title").text == "<b>&\"'��?�"
    assert root.find(f"{SVG}desc").text.endswith("Accuracy, Training: 50.0 % after epoch 3; Accuracy, Test: 70.0 % after epoch 3")


@pytest.mark.parametrize(("over", "points"), [(False, 0), (True, 2)])
def test_with_validation_images_the_test_images_are_one_point_at_the_end(over, points):
    root = read(run_svg(ASIDE, "run", 10, over=over))

    charts = root.findall(f"{SVG}g")
    assert sum(len(list(chart.iter(f"{SVG}circle"))) for chart in charts) == points
    assert ("Test, best epoch" in texts(root), "Test" in texts(root)) == (over, False)


def test_a_loss_that_explodes_is_drawn_by_its_logarithm_and_one_that_is_no_number_is_a_gap():
    exploded = [replace(done, train_loss=loss, test_loss=loss) for done, loss in zip(CURVES, (1.0, 5_000.0, inf), strict=True)]
    lost = [replace(done, train_loss=nan, test_loss=nan) for done in CURVES]

    assert "Loss (logarithmic)" in texts(read(run_svg(exploded, "run", 10, over=True)))
    assert "No value is a finite number." in texts(read(run_svg(lost, "run", 10, over=True)))
    small = [replace(done, train_loss=exp(-done.epoch), test_loss=0.0) for done in CURVES]
    assert "0.1" in texts(read(run_svg(small, "run", 10, over=True, logarithmic=True)))


@pytest.mark.parametrize("along", ["epochs", "seconds"])
def test_several_runs_have_a_line_each_and_a_band_for_seeds(along):
    runs = [
        run("0000000a", NASTY),
        run("0000000b", NASTY, CONFIG.change(seed=1)),
        run("0000000c", "x" * 400, CONFIG.change(epochs=9)),
    ]
    curves = {each.id: epochs(0.1, 0.2 + place / 10, seconds=1 + place) for place, each in enumerate(runs)}

    root = read(comparison_svg(lines(runs, curves, "test_accuracy", fold=True), "Test accuracy", along, share=True))

    assert (len(list(root.iter(f"{SVG}polyline"))), len(list(root.iter(f"{SVG}polygon")))) == (2, 1)
    assert ("epoch" if along == "epochs" else "seconds of training") in texts(root)
    assert any(text.endswith("…") for text in texts(root))


def test_a_matrix_has_each_count_and_of_many_classes_those_with_the_most_mistakes():
    small = read(confusion_svg(((50, 3, 1), (0, 1_234, 0), (7, 0, 9)), ("cat", NASTY, "dog"), "run"))
    counts = [text for text in texts(small) if re.fullmatch(r"[\d,]+", text)]
    assert counts == ["50", "3", "1", "0", "1,234", "0", "7", "0", "9"]
    assert "1,293 of 1,304 test images right (99.2 %)" in texts(small)

    shares = read(confusion_svg(((50, 3, 1), (0, 1_234, 0), (7, 0, 9)), ("cat", "bird", "dog"), "run", shares=True))
    assert [text for text in texts(shares) if re.fullmatch(r"[\d.]+", text)][:3] == ["93", "6", "2"]
    assert "Rows: true class, in per cent of its images. Columns: predicted class." in texts(shares)

    size = 120
    many = [[100 if row == column else int(column == (row + 1) % size) * row for column in range(size)] for row in range(size)]
    drawn = drawn_classes(many, 3)
    assert len(drawn) == MOST_CLASSES and 3 in drawn and drawn[-1] == size - 1
    large = read(confusion_svg(many, [f"c{each}" for each in range(size)], "run"))
    assert "Rows: true class. Columns: predicted class. The 30 of 120 classes with the most mistakes." in texts(large)


def test_the_button_draws_in_the_readers_language_although_another_thread_does_it(monkeypatch):
    given, made = [], []
    monkeypatch.setattr(svg_button.st, "download_button", lambda *arguments, **_: given.append(arguments))

    with using("zh"):
        svg_button.svg_button(lambda: run_svg(CURVES, "run", 10, over=True), "name", key="k")
    worker = threading.Thread(target=lambda: made.append(given[0][1]()))
    worker.start()
    worker.join()

    assert given[0][2] == "name.svg"
    assert "准确率" in texts(read(made[0]))
