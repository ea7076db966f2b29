"""A student's whole path in a real browser: design, train, reload, finish, predictions."""

from __future__ import annotations

import re
import sys

import pytest
from waiting import wait_for

POINTS = """() => {
  const plots = [...document.querySelectorAll('.cnn-plot')];
  if (plots.length < 2 || !plots[0].data) return 0;
  return Math.max(...plots[0].data.map(trace => (trace.x ? trace.x.length ?? 0 : 0)));
}"""


@pytest.fixture(scope="module")
def student(walk, app):
    walk.goto(app)
    return walk


def test_the_design_page_shows_lenet_at_once(student):
    student.get_by_role("heading", name="Design a network").wait_for()

    student.locator("[data-testid=stMetricValue]", has_text="61,706").wait_for()
    cells = student.locator(".cnn-layers td")
    cells.filter(has_text=re.compile(r"^16×10×10$")).first.wait_for()
    assert cells.filter(has_text=re.compile(r"^48,?120$")).count() == 1


@pytest.mark.skipif(sys.platform != "linux", reason="Windows has no uvloop, and macOS does not tell what a process has loaded")
def test_the_server_has_its_quicker_loop_and_parser(student, server):
    loaded = " ".join(file.path for file in server.process.memory_maps())

    assert "uvloop" in loaded
    assert "httptools" in loaded


def test_changing_an_option_changes_the_table(student):
    student.get_by_role("textbox", name="Hidden layers").fill("100")
    student.get_by_role("textbox", name="Hidden layers").press("Enter")

    # 156 + 2,416 in the convolutions, 400×100+100 and 100×10+10 behind them
    student.locator("[data-testid=stMetricValue]", has_text="43,682").wait_for()
    student.wait_for_url("**hidden=100*")  # it is written after the page was drawn


def test_a_link_opens_the_same_design(student):
    student.goto(student.url)

    student.locator("[data-testid=stMetricValue]", has_text="43,682").wait_for()
    hidden = student.get_by_role("textbox", name="Hidden layers")
    wait_for(lambda: hidden.input_value() == "100", seconds=30)  # the field is drawn empty first


def test_training_starts_and_the_curve_gains_points(student, app):
    student.goto(
        f"{app}/train?architecture=lenet&activation=relu&pooling=max&learning_rate=0.1&momentum=0.9&batch_size=64&epochs=20"
    )
    student.get_by_role("button", name="Start training").click()

    student.wait_for_url(re.compile(r"run=[0-9a-f]{8}"))
    student.wait_for_function(f"({POINTS})() >= 2")
    before = student.evaluate(POINTS)
    with student.expect_response(lambda reply: re.search("/news/[0-9a-f]{24}$", reply.url) and reply.ok):
        student.wait_for_function(f"({POINTS})() > {before}")


def test_zoom_and_legend_choice_outlive_new_points(student):
    # With the mouse, because Plotly keeps only changes that came through its own handlers.
    plot = student.locator(".cnn-plot").first
    plot.scroll_into_view_if_needed()
    plot.evaluate("plot => { plot.marked = true; }")
    area = plot.locator(".nsewdrag").first.bounding_box()
    student.mouse.move(area["x"] + 40, area["y"] + 40)
    student.mouse.down()
    student.mouse.move(area["x"] + 160, area["y"] + 120, steps=5)
    student.mouse.up()
    plot.locator(".legendtoggle").first.click()
    student.wait_for_function("() => document.querySelector('.cnn-plot').data.some(trace => trace.visible === 'legendonly')")
    zoom = plot.evaluate("plot => plot.layout.xaxis.range")
    before = student.evaluate(POINTS)

    student.wait_for_function(f"({POINTS})() > {before}")

    kept = plot.evaluate("plot => [plot.marked, plot.layout.xaxis.range, plot.data.map(trace => trace.visible)]")
    assert kept[:2] == [True, zoom]
    assert "legendonly" in kept[2]


def test_a_reload_shows_the_same_run(student):
    address = student.url

    student.reload()

    student.wait_for_function(f"({POINTS})() >= 2")
    assert student.url == address


def test_a_second_browser_sees_the_run_too(student, browser):
    other = browser.new_context().new_page()
    other.goto(student.url)

    other.wait_for_function(f"({POINTS})() >= 2", timeout=60_000)
    other.context.close()


def test_the_run_finishes_by_itself_on_the_open_page(student):
    student.locator(".cnn-progress", has_text="20 of 20 epochs").wait_for(timeout=180_000)

    student.get_by_role("button", name="End run").wait_for(state="detached", timeout=5_000)  # drawn right after the sentence
    assert not student.errors


def test_its_predictions_tell_right_from_wrong(student):
    student.get_by_role("link", name="Show predictions").click()

    right = student.get_by_text(re.compile(r"\d of 1,000 test images right")).first.inner_text()
    # Twenty epochs of this recipe reach about .83; chance is .10.
    assert int(re.search(r"(\d+) of 1,000", right)[1]) > 600
    pictures = student.locator("figure[role=listitem]")
    pictures.nth(39).wait_for()
    cells = pictures.evaluate_all(
        "cells => cells.map(cell => [cell.querySelector('img').alt, cell.querySelector('b').textContent, "
        "getComputedStyle(cell.querySelector('b')).backgroundColor])"
    )
    assert [alt.partition(":")[0] for alt, _, _ in cells[:12]] == [f"Test image {number}" for number in range(1, 13)]
    looks = {"right": ("✓", "rgb(0, 158, 115)"), "wrong": ("✗", "rgb(213, 94, 0)")}
    assert all((sign, colour) == looks[alt.rpartition(", ")[2]] for alt, sign, colour in cells)
    assert {sign for _, sign, _ in cells} == {"✓", "✗"}
    assert not student.errors


def test_a_cell_of_the_confusion_matrix_shows_its_images_until_back_or_a_second_press(student):
    # Fewer than a page's 40, so that the number of pictures says what is drawn.
    cell = student.locator(".cnn-matrix .cnn-wrong button", has_text=re.compile(r"^[1-3]?\d$")).first
    pressed = student.locator(".cnn-matrix [aria-pressed=true]")
    images = int(cell.inner_text())
    shown = "count => document.querySelectorAll('figure').length === count"

    cell.click()
    student.wait_for_function(shown, arg=images)
    assert set(student.locator("figure b").all_inner_texts()) == {"✗"}
    assert pressed.inner_text() == cell.inner_text()
    student.wait_for_url(re.compile("predicted="))
    student.go_back()
    student.wait_for_function(shown, arg=40)
    pressed.wait_for(state="detached")

    cell.focus()
    student.keyboard.press("ArrowRight")
    student.keyboard.press("ArrowLeft")
    student.keyboard.press("Enter")
    student.wait_for_function(shown, arg=images)
    pressed.wait_for()
    student.keyboard.press("Enter")  # the focus has stayed on the cell
    student.wait_for_function(shown, arg=40)
    assert not student.errors
