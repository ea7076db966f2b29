"""A run is paused, survives a reload, resumes without a gap and is deleted only after a confirmation, in a real browser."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from waiting import wait_for

EPOCHS = 8
RECIPE = f"train?architecture=lenet&activation=relu&pooling=max&learning_rate=0.1&momentum=0.9&batch_size=64&epochs={EPOCHS}"
NASTY = '<b onmouseover=alert(1)>"bold"</b> -> :smile: **x** www.example.org'
# The x values, in epochs, of each curve of each chart.
CURVES = "() => [...document.querySelectorAll('.cnn-plot')].map(plot => (plot.data ?? []).map(trace => [...(trace.x ?? [])]))"


@pytest.fixture(scope="module")
def student(walk, app):
    walk.goto(f"{app}/{RECIPE}")
    return walk


def state(page, text, **more):
    found = page.locator(".cnn-progress", has_text=text)
    found.wait_for(**more)
    return found


def open_more(page):
    page.get_by_role("button", name="Save").wait_for(state="hidden")  # it closes some time after each choice
    page.get_by_role("button", name="More", exact=True).click()


def test_whoever_types_a_name_is_known_after_a_reload(student):
    field = student.get_by_role("textbox", name="Your name (so others can't stop your runs)")
    field.fill("Zoë")
    field.press("Enter")
    student.wait_for_function("() => document.cookie.includes('cnnlab_visitor=Zo%C3%AB')")

    student.reload()

    student.wait_for_function("() => document.querySelector('[data-testid=stSidebar] input')?.value === 'Zoë'")


def test_a_run_pauses_within_a_moment(student):
    student.get_by_role("button", name="Start training").click()
    state(student, re.compile(rf"epoch [23] of {EPOCHS}"), timeout=120_000)

    student.get_by_role("button", name="Pause").click()

    state(student, "Paused", timeout=30_000)
    student.get_by_text("Started by Zoë").wait_for()


def test_it_is_still_paused_after_a_reload_and_in_another_browser_where_it_belongs_to_somebody_else(student, browser):
    before = state(student, "Paused").inner_text()

    student.reload()
    assert state(student, "Paused").inner_text() == before

    other = browser.new_context().new_page()
    other.goto(student.url)
    assert state(other, "Paused", timeout=60_000).inner_text() == before
    assert other.get_by_role("button", name="Resume").is_disabled()
    other.context.close()


def test_it_resumes_finishes_and_its_curves_and_table_have_no_gap(student):
    student.get_by_role("button", name="Resume").click()

    state(student, f"{EPOCHS} of {EPOCHS} epochs", timeout=180_000)
    every = list(range(1, EPOCHS + 1))  # curves and table are drawn after the sentence
    wait_for(lambda: all(every in curves for curves in student.evaluate(CURVES)), every=0.2)
    for running, *_ in student.evaluate(CURVES):
        assert running == sorted(running)
        assert max(later - earlier for earlier, later in pairwise(running)) <= 1  # a lost epoch would be 2
    first_column = student.locator("[data-testid=stDataFrame] [role=gridcell][aria-colindex='1']")
    wait_for(lambda: str(EPOCHS) in first_column.all_inner_texts(), every=0.2)
    epochs = [int(text) for text in first_column.all_inner_texts() if text.isdigit()]
    assert epochs[:EPOCHS] == sorted(epochs[:EPOCHS], reverse=True)
    assert set(range(EPOCHS, EPOCHS - 5, -1)) <= set(epochs)
    assert not student.errors


def test_a_name_shows_as_it_was_typed(student):
    open_more(student)
    student.get_by_role("textbox", name="Name", exact=True).fill(NASTY)
    student.get_by_role("button", name="Save").click()

    student.wait_for_function(
        "text => document.querySelector('h1')?.innerText.replaceAll('\\u2060', '').trim() === text", arg=NASTY
    )
    assert student.locator("h1 a, h1 b, h1 strong").count() == 0


def test_deleting_asks_first(student):
    run_id = student.url.partition("run=")[2]
    dialog = student.get_by_role("dialog", name="Delete this run?")
    for answer in ("Keep it", "Delete it"):
        open_more(student)
        student.get_by_role("button", name="Delete …").click()
        dialog.get_by_text(re.compile(r"frees .*[kM]B")).wait_for()
        assert run_id in student.url
        dialog.get_by_role("button", name=answer).click()
        dialog.wait_for(state="hidden")

    student.get_by_text("was deleted").wait_for()
    student.get_by_role("heading", name="Train a network").wait_for()
    student.goto(f"{student.url.partition('?')[0]}?run={run_id}")
    student.get_by_text(f"There is no run '{run_id}'").wait_for()
    assert not student.errors
