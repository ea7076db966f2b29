"""The small scripts of pages in a browser, each alone on an empty page."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnlab.values import ClassFigures, PredictionPage
from pages._parts import cookies, sidebar
from pages._parts.predict import confusion

# Streamlit calls the script at each change.
SHOW = """async ([script, data]) => {
  window.module ??= await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  window.chosen ??= [];
  window.gone = window.module.default({ data, parentElement: document.querySelector("#parent"),
    setTriggerValue: (name, value) => window.chosen.push([name, value]) });
}"""
MATRIX = "<div id='parent'><div class='cnn-confusion'></div></div>"
MENU = """<div data-testid="stSidebar"><a href="#x">a page</a><p>words</p><div id="parent"></div>
<div data-testid="stSidebarCollapseButton"><button>close</button></div></div>"""


@pytest.fixture
def empty(page):
    page.route("http://lab.test/", lambda route: route.fulfill(content_type="text/html", body="<body></body>"))
    page.goto("http://lab.test/")
    return page


def show(page, module, data, body=None):
    if body is not None:
        page.evaluate("html => { document.body.innerHTML = html; }", body)
    page.evaluate(SHOW, [Path(module.__file__).with_suffix(".js").read_text(encoding="utf-8"), data])


def matrix(label=None, predicted=None):
    counts = ((5, 1, 0), (2, 4, 0), (0, 0, 6))
    page = PredictionPage("best", 1, ("shoe", "coat", "bag"), 18, 18, 15, counts, (ClassFigures(6, 0.9, 0.5, 0.5),) * 3, ())
    return {"html": confusion.matrix_html(page), "label": label, "predicted": predicted}


def cell(page, row, column):
    return page.locator(f"tbody tr:nth-child({row + 1}) td:nth-child({column + 2}) button")


def pressed(page):
    return page.evaluate("[...document.querySelectorAll('td button')].flatMap((b, i) => b.ariaPressed === 'true' ? [i] : [])")


def test_a_click_on_a_cell_of_the_matrix_names_its_row_and_column_and_a_second_one_lets_it_go(empty):
    show(empty, confusion, matrix(), MATRIX)
    assert pressed(empty) == []

    cell(empty, 0, 1).click()
    assert empty.evaluate("chosen") == [["cell", [0, 1]]]
    show(empty, confusion, matrix(0, 1))
    assert pressed(empty) == [1]
    assert empty.locator(".cnn-chosen").all_inner_texts() == ["coat", "shoe"]  # its column, and its row

    cell(empty, 0, 1).click()
    assert empty.evaluate("chosen[1]") == ["cell", []]


def test_arrow_keys_go_from_cell_to_cell_and_stay_within_the_matrix(empty):
    show(empty, confusion, matrix(1, 1), MATRIX)
    cell(empty, 1, 1).focus()

    places = []
    for key in ("ArrowUp", "ArrowUp", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        empty.keyboard.press(key)
        places.append(
            empty.evaluate(
                "[document.activeElement.closest('tr').rowIndex - 1, document.activeElement.closest('td').cellIndex - 1]"
            )
        )

    assert places == [[0, 1], [0, 1], [0, 2], [0, 2], [1, 2], [1, 1]]
    assert empty.evaluate("[...document.querySelectorAll('td button')].map(b => b.tabIndex)").count(0) == 1


def test_a_name_is_kept_for_a_year_and_an_empty_one_deletes_the_cookie(empty):
    show(empty, cookies, {"cookie": "who", "value": "Ana; b=ü"}, "<div id='parent'></div>")
    cookie = empty.context.cookies()[0]
    left = cookie["expires"] - empty.evaluate("Date.now()") / 1000
    assert (cookie["name"], cookie["value"], cookie["path"], cookie["sameSite"]) == ("who", "Ana%3B%20b%3D%C3%BC", "/", "Lax")
    assert left == pytest.approx(365 * 24 * 3600, abs=60)

    show(empty, cookies, {"cookie": "who", "value": ""})
    assert empty.context.cookies() == []


@pytest.mark.parametrize(("width", "closed"), [(390, 1), (767, 1), (768, 0), (1366, 0)])
def test_the_menu_closes_after_a_choice_only_where_it_covers_the_page(empty, width, closed):
    empty.set_viewport_size({"width": width, "height": 800})
    show(empty, sidebar, {"language": "zh-CN"}, MENU)
    assert empty.evaluate("document.documentElement.lang") == "zh-CN"
    empty.evaluate("() => { document.querySelector('button').onclick = () => { window.closes = (window.closes ?? 0) + 1; }; }")

    empty.locator("p").click()
    assert empty.evaluate("window.closes ?? 0") == 0
    empty.locator("a").click()
    assert empty.evaluate("window.closes ?? 0") == closed
    empty.evaluate("window.gone()")
    empty.locator("a").click()
    assert empty.evaluate("window.closes ?? 0") == closed
