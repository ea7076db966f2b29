"""The Design page in a browser: no number is cut off, nothing covers another, and cause and effect stand side by side."""

from __future__ import annotations

import re

import pytest

from cnnlab.architectures import card, cards
from cnnlab.layers.trace import layer_table
from cnnlab.text import shape_text, short_count
from tests.browser.chromium import VIEWPORT, drawn

USUAL = ("lenet", "vgg", "densenet")
# Every visible text of the tables, drawings and tiles that does not fit into its box, or leaves the window.
CLIPPED = """() => {
  const found = [];
  const tiles = "[data-testid=stMetricValue]";
  const boxes = `td, th, .cnn-boxes li, .cnn-boxes span, .cnn-legend li, ${tiles}, ${tiles} *`;
  for (const node of document.querySelectorAll(boxes)) {
    const place = node.getBoundingClientRect();
    if (!place.width || !node.innerText.trim()) continue;
    const cut = node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).display !== "inline";
    if (cut || place.right > innerWidth + 1) found.push(node.innerText);
  }
  for (const area of document.querySelectorAll(".cnn-layers")) if (area.scrollWidth > area.clientWidth) found.push("it scrolls");
  return found;
}"""
ROWS = """() => [...document.querySelectorAll(".cnn-layers tbody tr")].map(row => [...row.cells].map(cell => cell.innerText))"""
OVERLAPS = """() => {
  const boxes = [...document.querySelectorAll(".cnn-boxes li > *")].map(node => [node, node.getBoundingClientRect()]);
  const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
  const pairs = boxes.flatMap(([one, a], i) => boxes.slice(i + 1).filter(([, b]) => !apart(a, b)).map(([other]) => [one, other]));
  return pairs.map(([one, other]) => `${one.parentElement.innerText} / ${other.parentElement.innerText}`);
}"""


@pytest.fixture(scope="module")
def design(walk, app):
    walk.goto(app)
    return walk


def choose(page, card):
    """Another architecture from the list, as a visitor does it: the page is not loaded again. Returns the rows of its table."""
    page.set_viewport_size(VIEWPORT)
    page.get_by_role("combobox", name="Architecture").click()
    page.get_by_role("option", name=f"{card.title} ({card.year})", exact=True).click()
    page.wait_for_function("name => document.querySelector('.cnn-boxes').ariaLabel.startsWith(name)", arg=card.title)
    whole = layer_table(card.name)
    rows = whole.fold(1).rows if any("." in row.path for row in whole.rows) else whole.rows
    page.wait_for_function("count => document.querySelectorAll('.cnn-layers tbody tr').length === count", arg=len(rows))
    return rows


@pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)
def test_every_number_of_every_network_is_drawn_in_full_at_each_width(design, card, request):
    if card.name not in USUAL and not request.config.getoption("--slow"):
        pytest.skip("the usual run draws the smallest, the longest and the one with the largest numbers; --slow draws all")
    rows = choose(design, card)

    for width in (1366, 1024, 390, 1920):
        design.set_viewport_size({"width": width, "height": 900})
        design.evaluate("() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        assert design.evaluate(CLIPPED) == [], width
        assert design.evaluate(OVERLAPS) == [], width
        for cells, row in zip(design.evaluate(ROWS), rows, strict=True):
            shown = [cell.strip() for cell in cells]
            assert shown[0].split("\n")[0] == row.path, width
            assert shape_text(row.output_shape) in shown, width
            counts = (row.macs, row.parameters)
            assert {f"{count:,}" if width == 1920 else short_count(count) for count in counts} <= set(shown), width


def test_a_changed_control_shows_its_effect_without_scrolling(design):
    design.set_viewport_size({"width": 1366, "height": 768})
    control, drawing, totals = (
        design.locator(selector).first.bounding_box()
        for selector in (".st-key-design-controls", ".cnn-boxes", "[data-testid=stMetricValue]")
    )

    assert control["x"] + control["width"] <= drawing["x"]
    assert totals["y"] + totals["height"] < drawing["y"] <= 768 - 300  # most of a line of boxes; parallel paths take more


def test_a_row_and_its_box_light_up_together_and_headers_sort(design):
    choose(design, card("lenet"))
    design.locator(".cnn-layers tbody th", has_text=re.compile("^conv2")).hover()
    lit = design.locator(".cnn-boxes .cnn-lit")
    lit.wait_for()
    assert lit.locator("b").inner_text() == "conv2"

    header = design.locator(".cnn-layers thead").get_by_role("button", name="MACs")
    for order, first in (("ascending", "activation1"), ("descending", "conv2"), (None, "conv1")):
        header.click()
        assert design.locator(".cnn-layers th.cnn-macs").get_attribute("aria-sort") == order
        assert design.locator(".cnn-layers tbody th").first.inner_text().startswith(first)


def test_on_a_phone_the_drawing_is_within_two_screens(design):
    design.set_viewport_size({"width": 390, "height": 844})
    design.wait_for_timeout(300)

    drawing = design.locator(".cnn-boxes").bounding_box()
    assert drawing["y"] + drawing["height"] <= 2 * 844


def test_nothing_failed_in_the_browser(design):
    assert not design.errors


def test_rows_of_ones_own_are_edited_with_the_keyboard_and_fit_a_phone(design, app):
    design.set_viewport_size(VIEWPORT)
    design.goto(f"{app}?architecture=custom")
    design.get_by_role("heading", name="Row 1: conv1").wait_for()
    drawn(design)
    rows = design.locator(".cnn-own .cnn-row")
    rows.nth(0).locator("button").focus()
    design.keyboard.press("ArrowDown")
    design.keyboard.press("ArrowDown")
    design.get_by_role("heading", name="Row 3: pool1").wait_for()
    design.wait_for_function("() => document.activeElement.textContent.startsWith('pool1')")
    kernel = design.get_by_role("spinbutton", name="Kernel size")
    kernel.fill("3")
    kernel.press("Tab")
    design.get_by_text("6×13×13").first.wait_for()

    design.set_viewport_size({"width": 390, "height": 844})
    assert design.evaluate(CLIPPED) == []
    assert design.evaluate("() => document.documentElement.scrollWidth") <= 390
    design.get_by_role("button", name="Undo").click()
    design.get_by_text("6×14×14").first.wait_for()
    assert design.errors == []
