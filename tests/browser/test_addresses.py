"""Addresses in a real browser: one press of Back goes back, and a link opened elsewhere shows the same form."""

from __future__ import annotations

import pytest

from tests.browser.chromium import drawn

HOLDS = "() => [...document.querySelectorAll('.st-key-essentials input')].map(input => input.value)"


@pytest.fixture(scope="module")
def visitor(walk, app):
    walk.goto(f"{app}/train")
    walk.get_by_role("button", name="Start training").wait_for()
    return walk


def go(page, name, title):
    """Follows a link of the sidebar; returns how many entries of the history that made."""
    before = page.evaluate("history.length")
    page.locator("[data-testid=stSidebar]").get_by_role("link", name=name, exact=True).click()
    page.locator("h1", has_text=title).wait_for()
    drawn(page)  # what is written after the page has opened comes late
    return page.evaluate("history.length") - before


def becomes(page, form):
    """Waits until the form holds these values: a new number field shows 0 first, on a busy machine for over a second."""
    page.wait_for_function(f"form => JSON.stringify(({HOLDS})()) === JSON.stringify(form)", arg=form)


def test_a_form_that_was_changed_is_in_the_address_and_opens_elsewhere(visitor, browser):
    visitor.get_by_role("spinbutton", name="Epochs").fill("3")
    visitor.get_by_role("spinbutton", name="Epochs").press("Enter")
    visitor.wait_for_url("**epochs=3*")

    other = browser.new_context().new_page()
    other.goto(visitor.url)
    other.get_by_role("button", name="Start training").wait_for(timeout=60_000)
    drawn(other)

    becomes(other, visitor.evaluate(HOLDS))
    assert other.url == visitor.url
    other.context.close()


def test_one_press_of_back_shows_the_page_before_as_it_was(visitor):
    train, form = visitor.url, visitor.evaluate(HOLDS)

    entries = [go(visitor, "Data", "Data sets"), go(visitor, "Train", "Train a network"), go(visitor, "Data", "Data sets")]
    visitor.go_back()
    visitor.locator("h1", has_text="Train a network").wait_for()
    visitor.get_by_role("button", name="Start training").wait_for()
    drawn(visitor)

    assert entries == [1, 1, 1]
    assert visitor.url == train
    becomes(visitor, form)
    assert not visitor.errors


def test_a_lesson_has_an_address_and_back_leads_to_the_list(visitor, app):
    visitor.goto(f"{app}/learn")
    visitor.get_by_role("button", name="Pooling").click()
    visitor.wait_for_url("**/learn?lesson=pooling")
    visitor.locator("h1", has_text="Pooling").wait_for()
    drawn(visitor)
    visitor.go_back()
    visitor.locator("h1", has_text="Learn").wait_for()

    assert visitor.url == f"{app}/learn"
    visitor.goto(f"{app}/learn?lesson=pooling")
    visitor.locator("h1", has_text="Pooling").wait_for()
    assert not visitor.errors
