"""axe-core finds nothing serious: each page, light and dark, on a desk and on a phone; and the report."""

from __future__ import annotations

import pytest
from waiting import wait_for

from cnnlab.config import RunConfig
from cnnlab.lab import Lab
from cnnlab.reports.html import html_report
from tests.browser.chromium import PHONE, VIEWPORT

CONFIG = RunConfig.make(limit=200, batch_size=50, epochs=1, device="cpu", options={"activation": "relu"}, learning_rate=0.1)
WORST = ("serious", "critical")
# The rules whose outcome depends on colours and sizes; the others look at the same elements in every place.
OF_THE_LOOK = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size", "heading-order")


@pytest.fixture(scope="module")
def runs(server) -> list[str]:
    """Two runs that have ended, with predictions."""
    lab = Lab(server.home)
    ids = [lab.start(CONFIG.change(seed=seed), token=f"token {seed}", name=f"seed {seed}") for seed in (1, 2)]
    wait_for(lambda: not any(lab.run(run_id).active for run_id in ids), seconds=120, every=0.2)
    lab.close()
    return ids


def findings(page, rules: tuple[str, ...] = ()) -> list[str]:
    """What axe-core calls serious or critical, as the rule, the element and the reason; headings in order as well."""
    from axe_playwright_python.sync_playwright import Axe

    options = {"resultTypes": ["violations"]} | ({"runOnly": {"type": "rule", "values": list(rules)}} if rules else {})
    violations = Axe().run(page, options=options).response["violations"]
    return [
        f"{violation['id']}: {node['target']}: {node['failureSummary'].splitlines()[1].strip()}"
        for violation in violations
        if violation["impact"] in WORST or violation["id"] == "heading-order"
        for node in violation["nodes"]
    ]


def everywhere(page, *, thorough: bool) -> dict[str, list[str]]:
    """The findings on the open page, in the light theme on a desk, and in the dark one on a phone by the rules that look at that.

    With `thorough` in all four places, by all rules.
    """
    found = {}
    places = [(VIEWPORT, "light", ()), (PHONE, "dark", () if thorough else OF_THE_LOOK)]
    for size, theme, rules in [*places, (VIEWPORT, "dark", ()), (PHONE, "light", ())] if thorough else places:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme)
        page.wait_for_function(
            "theme => getComputedStyle(document.querySelector('[data-testid=stApp]') ?? document.body)"
            ".colorScheme !== (theme === 'dark' ? 'light' : 'dark')",
            arg=theme,
        )
        page.wait_for_timeout(300)  # its transitions
        found[f"{size['width']} px, {theme}"] = findings(page, rules)
    return {where: sentences for where, sentences in found.items() if sentences}


PAGES = {
    "": "[data-testid=stMetricValue]",
    "learn?lesson=convolution": "[data-testid=stRadio]",
    "data": "figure",
    "train": "button:has-text('Start training')",
    "train?run={0}": ".cnn-plot .main-svg",
    "runs": "[data-testid=stMain] a, [data-testid=stMain] table, [data-testid=stDataFrame]",
    "runs?runs={0},{1}": ".cnn-plot .main-svg",
    "predict?run={0}": "figure",
    "inside?run={0}&right=1": "figure",
    "inside?run={0}&view=kernels": "figure",
    "inside?run={0}&view=why": ".cnn-scale",
    "inside?run={0}&view=hand": ".cnn-cells",
}


@pytest.mark.parametrize("path", PAGES)
def test_nothing_on_a_page_keeps_people_out(walk, app, runs, path, request):
    walk.set_viewport_size(VIEWPORT)
    walk.goto(f"{app}/{path.format(*runs)}")
    walk.locator(PAGES[path]).first.wait_for()
    walk.wait_for_timeout(500)

    assert everywhere(walk, thorough=request.config.getoption("--slow")) == {}


def test_nothing_in_a_report_keeps_people_out(page, server, runs, request):
    lab = Lab(server.home)
    epochs = {run_id: lab.epochs(run_id) for run_id in runs}
    text = html_report([lab.run(run_id) for run_id in runs], epochs, dict.fromkeys(runs), fold=False)
    lab.close()

    page.set_content(text)

    assert everywhere(page, thorough=request.config.getoption("--slow")) == {}


def test_the_focus_on_a_link_of_the_sidebar_can_be_told_from_the_current_page(page, app):
    page.goto(f"{app}/data")
    link = page.get_by_role("link", name="Runs").first
    link.wait_for()
    for _ in range(12):
        page.keyboard.press("Tab")
        if link.evaluate("link => link === document.activeElement"):
            break

    style = "link => { const style = getComputedStyle(link); return [style.outlineStyle, style.outlineWidth]; }"
    assert link.evaluate(style) == ["solid", "2px"]


def test_on_a_phone_the_menu_closes_after_a_choice(page, app):
    page.set_viewport_size(PHONE)
    page.goto(f"{app}/?lang=zh")
    page.locator("html[lang^=zh]").wait_for(state="attached")  # written by the script that closes the menu: it runs
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebar").get_by_role("link", name="数据").click()

    page.wait_for_url("**/data**")
    page.wait_for_function("() => document.querySelector('[data-testid=stSidebar]').getBoundingClientRect().right <= 0")


@pytest.mark.parametrize(
    "path, what", [("", ".cnn-boxes"), ("train", "button:has-text('Start training')")], ids=["Design", "Train"]
)
def test_on_a_phone_the_drawing_and_start_come_within_two_screens(page, app, path, what):
    page.set_viewport_size(PHONE)
    page.goto(f"{app}/{path}")
    page.locator(what).first.wait_for()
    page.wait_for_timeout(1_500)  # what comes above it may arrive later

    assert page.locator(what).first.evaluate("found => found.getBoundingClientRect().bottom") < 2 * PHONE["height"]


def test_a_page_that_does_not_exist_says_so(page, app):
    page.goto(f"{app}/nowhere")

    page.get_by_role("dialog").get_by_text("does not seem to exist").wait_for()
