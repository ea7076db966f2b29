"""A student's first ten minutes, as README's tour describes them; what is asserted is what a student would see and conclude."""

from __future__ import annotations

import re
from contextlib import closing

import pytest
from waiting import wait_for

from cnnlab.architectures import card
from cnnlab.lab import Lab
from cnnlab.layers.known import known_table
from cnnlab.runs.records import Run, State
from cnnlab.text import percent
from tests.browser.chromium import drawn

MINUTES = 240.0  # seconds that two short runs may take on a busy machine
FORM = """() => Object.fromEntries([...document.querySelectorAll(
    '[data-testid=stMain] :is(input, textarea)')].map(field => [field.ariaLabel || field.id || field.name, field.value]))"""


@pytest.fixture(scope="module")
def student(walk, app):
    walk.goto(app)
    return walk


def finished(server, run_id: str) -> Run:
    with closing(Lab(server.home)) as lab:
        wait_for(lambda: not lab.run(run_id).active, seconds=MINUTES, every=0.5)
        return lab.run(run_id)


def run_on_the_page(page) -> str:
    page.wait_for_url(re.compile(r"run=[0-9a-f]{8}"))
    return re.search(r"run=([0-9a-f]{8})", page.url)[1]


def test_the_totals_on_the_first_page_are_those_of_the_network(student):
    table = known_table("lenet", (1, 28, 28), 10, card("lenet").settings({}))

    for figure in (f"{table.parameters:,}", f"{table.macs:,}"):
        student.locator("[data-testid=stMetricValue]", has_text=figure).first.wait_for()


def test_the_form_behind_its_button_opens_elsewhere_as_it_is_here(student, browser):
    student.get_by_role("link", name="Train this network").click()
    student.get_by_role("button", name="Start training").wait_for()
    drawn(student)
    here = student.evaluate(FORM)

    friend = browser.new_context().new_page()
    friend.goto(student.url)
    friend.get_by_role("button", name="Start training").wait_for()
    drawn(friend)

    assert len(here) > 5
    wait_for(lambda: friend.evaluate(FORM) == here, seconds=10)  # on a busy machine fields stand before their values
    friend.context.close()


def test_the_first_try_reaches_eighty_per_cent(student, app, server):
    student.goto(f"{app}/train")
    student.get_by_role("button", name=re.compile("First try")).click()
    student.get_by_role("button", name="Start training").click()

    run = finished(server, run_on_the_page(student))

    assert run.state is State.FINISHED
    assert run.test_accuracy >= 0.80
    student.locator(".cnn-progress", has_text=percent(run.test_accuracy)).wait_for()


def test_its_predictions_count_what_the_run_reached(student, server):
    run_id = run_on_the_page(student)
    with closing(Lab(server.home)) as lab:
        right = round(1_000 * lab.run(run_id).best_test_accuracy)

    student.get_by_role("link", name="Show predictions").click()

    student.get_by_text(f"{right} of 1,000 test images right").first.wait_for()
    student.wait_for_function("() => document.querySelectorAll('figure').length === 40")
    assert student.locator("figure img").first.get_attribute("alt").startswith("Test image 1:")
    signs = student.locator("figure b").all_inner_texts()
    assert set(signs) == {"✓", "✗"}
    student.go_back()


def test_its_sigmoid_twin_leaves_chance_with_the_settings_that_the_form_offers(student, server):
    student.get_by_role("button", name="Use its settings").click()
    student.get_by_role("button", name="Start training").wait_for()
    drawn(student)  # a list that is open closes when it is redrawn
    student.get_by_text("The network: LeNet-5").click()
    activation = student.get_by_role("combobox", name=re.compile("Activation"))
    activation.scroll_into_view_if_needed()
    student.wait_for_timeout(500)  # while the section unfolds, a list that opens is closed again
    activation.click()
    student.get_by_role("option", name="sigmoid").click()
    drawn(student)  # the button still offers the settings of the network before
    student.get_by_role("button", name="Use settings known to learn").click()
    student.get_by_role("button", name="Use settings known to learn").wait_for(state="detached")
    student.get_by_role("button", name="Start training").click()

    run_id = run_on_the_page(student)
    with closing(Lab(server.home)) as lab:  # its other epochs would only take time
        wait_for(lambda: (lab.run(run_id).test_accuracy or 0) > 0.5 or not lab.run(run_id).active, seconds=MINUTES, every=0.5)
        run = lab.run(run_id)

    assert run.config.options["activation"] == "sigmoid"
    assert run.test_accuracy > 0.5
    assert not student.errors
