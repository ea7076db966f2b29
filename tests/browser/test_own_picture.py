"""Your own picture in a real browser: drawn with the mouse and with a finger, uploaded, explained, and not stored."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from drawn_digits import DIGITS, smooth
from waiting import wait_for

from cnnlab.config import RunConfig
from cnnlab.lab import Lab
from tests.browser.chromium import PHONE, VIEWPORT, drawn
from tests.browser.test_accessible import everywhere

CONFIG = RunConfig.make(limit=200, batch_size=50, epochs=1, device="cpu", options={"activation": "relu"}, learning_rate=0.1)
SEVEN = next(each for each in DIGITS if each.digit == 7)
SHEET = ".st-key-own-sheet canvas"
ANSWER = ".st-key-own-answer h2"
GIVEN = ".cnn-own-given img"


@pytest.fixture(scope="module")
def address(server) -> str:
    """The view, for a run that has ended."""
    lab = Lab(server.home)
    run = lab.start(CONFIG, token="own picture")
    wait_for(lambda: not lab.run(run).active, seconds=120, every=0.2)
    lab.close()
    return f"{server.address}/predict?run={run}&view=own&source=draw"


def line(page) -> list[list[tuple[float, float]]]:
    """The strokes of a seven, where the sheet is in the window."""
    sheet = page.locator(SHEET).last
    sheet.scroll_into_view_if_needed()
    box, scale = sheet.bounding_box(), SEVEN.size / 100
    return [
        [(box["x"] + SEVEN.left + x * scale, box["y"] + SEVEN.top + y * scale) for x, y in smooth(stroke)]
        for stroke in SEVEN.strokes
    ]


def draw(page) -> None:
    for stroke in line(page):
        page.mouse.move(*stroke[0])
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(*point)
        page.mouse.up()
    page.locator(GIVEN).wait_for()


def stored(home: Path) -> set[str]:
    """The files in the lab's folder, without those that come and go with processes."""
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() and "-wal" not in path.name}


def test_a_drawing_is_answered_a_switch_changes_the_input_and_nothing_is_stored(walk, server, address):
    walk.set_viewport_size(VIEWPORT)
    walk.goto(address)
    walk.get_by_text("nothing of it is stored").wait_for()
    drawn(walk)
    before = stored(server.home)

    draw(walk)
    assert "% sure" in walk.locator(ANSWER).inner_text()
    assert walk.locator(".cnn-chances li").count() == 10
    given = walk.locator(GIVEN).get_attribute("src")
    walk.locator(".st-key-own-steps").get_by_text("Inverted").click()
    walk.wait_for_url("**invert=false**")
    walk.wait_for_function("([place, before]) => document.querySelector(place).src !== before", arg=[GIVEN, given])

    assert stored(server.home) == before
    assert everywhere(walk, thorough=False) == {}
    assert not walk.errors


def test_from_a_drawing_to_its_reasons_a_layer_and_a_twin(walk, server, address):
    walk.set_viewport_size(VIEWPORT)
    walk.goto(address)
    drawn(walk)
    draw(walk)

    walk.get_by_role("link", name="Look inside with this picture").click()
    walk.wait_for_url("**/inside?**")
    walk.get_by_text("How its values are distributed").wait_for()  # the maps of the first layer
    walk.get_by_role("radio", name="Why this answer").click(force=True)
    walk.locator('img[alt*="under the heat map of Grad-CAM"]').wait_for()
    walk.get_by_role("radio", name="Maps").click(force=True)
    walk.get_by_role("combobox", name="Layer").click()
    walk.get_by_role("option").filter(has_text="pool1").click()
    walk.wait_for_url("**layer=pool1**")

    run = parse_qs(urlsplit(walk.url).query)["run"][0]
    walk.goto(f"{server.address}/train?run={run}")
    walk.get_by_role("button", name="Change one thing").click()
    walk.get_by_role("spinbutton", name="Learning rate").fill("0.05")
    walk.keyboard.press("Enter")
    start = walk.get_by_role("button", name="Start the twin")
    start.click()
    walk.wait_for_url("**/runs?**")
    lab = Lab(server.home)
    wait_for(lambda: not any(each.active for each in lab.runs()), seconds=120, every=0.2)
    assert sorted(each.config.learning_rate for each in lab.runs()) == [0.05, 0.1]
    lab.close()
    assert not walk.errors


def test_several_files_are_uploaded_and_a_bad_one_is_named(walk, address):
    content = BytesIO()
    SEVEN.picture().save(content, "PNG")
    walk.set_viewport_size(VIEWPORT)
    walk.goto(address.replace("source=draw", "source=upload"))
    field = walk.locator("input[type=file]")
    field.wait_for(state="attached")
    files = {"one.png": content.getvalue(), "two.png": content.getvalue(), "notes.png": b"Buy milk."}
    field.set_input_files([{"name": name, "mimeType": "image/png", "buffer": bytes(data)} for name, data in files.items()])

    walk.get_by_text("'notes.png' is text, whatever its name says").wait_for()
    walk.locator(".cnn-grid figure").nth(1).wait_for()
    assert walk.locator(".cnn-grid figure").count() == 2
    assert not walk.errors


def test_a_finger_draws_on_a_phone(browser, address):
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(address)
    page.locator(SHEET).last.wait_for()
    drawn(page)
    touch = context.new_cdp_session(page)
    for stroke in line(page):
        for kind, points in (("touchStart", stroke[:1]), *(("touchMove", [point]) for point in stroke[1:]), ("touchEnd", [])):
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    page.locator(GIVEN).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    context.close()
