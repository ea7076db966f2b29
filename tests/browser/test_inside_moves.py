"""Inside in a real browser: the window by hand follows pointer and arrow keys, and the epochs play to their end."""

from __future__ import annotations

import re

import pytest
from waiting import wait_for

from cnnlab.config import RunConfig
from cnnlab.lab import Lab
from tests.browser.chromium import VIEWPORT, drawn

CONFIG = RunConfig.make(limit=200, batch_size=50, epochs=2, device="cpu", options={"activation": "relu"}, learning_rate=0.1)
STAGE, PLAYER = ".cnn-window .cnn-framed", ".cnn-player"


@pytest.fixture(scope="module")
def address(server) -> str:
    """The page, for a run that has ended."""
    lab = Lab(server.home)
    run = lab.start(CONFIG, token="inside moves")
    wait_for(lambda: not lab.run(run).active, seconds=120, every=0.2)
    lab.close()
    return f"{server.address}/inside?run={run}"


def test_the_window_moves_with_the_pointer_and_the_arrow_keys_and_the_fields_keep_up(walk, address):
    walk.set_viewport_size(VIEWPORT)
    walk.goto(f"{address}&view=hand&layer=conv1")
    stage = walk.locator(STAGE)
    stage.wait_for()
    drawn(walk)
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    pixel = box["width"] / 28

    walk.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    walk.mouse.down()
    walk.mouse.move(box["x"] + 4.5 * pixel, box["y"] + 7.5 * pixel, steps=4)
    assert re.search("now row 8, column 5", stage.get_attribute("aria-label")), "before a script has run"
    walk.mouse.up()
    walk.wait_for_url(re.compile("row=8.*column=5"))
    stage.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowLeft"):
        walk.keyboard.press(key)
    walk.wait_for_url(re.compile("row=10.*column=4"))
    drawn(walk)

    assert [walk.get_by_label(name, exact=True).input_value() for name in ("Row", "Column")] == ["10", "4"]
    assert "cnn-framed" in walk.evaluate("document.activeElement.className"), "the keyboard stays on the picture"


def test_the_epochs_play_to_the_end_without_a_script_and_stop_there(walk, address):
    walk.set_viewport_size(VIEWPORT)
    walk.goto(f"{address}&view=epochs&until=0")
    output, button = walk.locator(f"{PLAYER} output"), walk.locator(f"{PLAYER} button")
    button.wait_for()
    drawn(walk)
    assert output.inner_text() == "before training"
    button.focus()
    walk.keyboard.press("Enter")
    assert button.inner_text() == "Pause"
    walk.emulate_media(reduced_motion="reduce")  # what the page looks at when it draws the controls again
    walk.wait_for_url(re.compile(r"^(?!.*until=)"))  # at the end, which is the default

    assert output.inner_text() == "after epoch 2"
    walk.get_by_role("button", name="Next epoch").click()
    walk.wait_for_url(re.compile("until=0"))
    assert output.inner_text() == "before training"
