"""Takes README's pictures from the running app: `python -m tests.browser.screenshots` writes docs/images/.

With `--check FOLDER` it takes every page light and dark, at the smallest common laptop size instead.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.results_page import ROOT
from benchmarks.serving import serving
from cnnlab.config import RunConfig
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from tests.browser.chromium import CHROMIUM_FLAGS, VIEWPORT, chromium

RECIPE = "train?architecture=lenet&activation=relu&pooling=max&learning_rate=0.1&momentum=0.9&batch_size=64&epochs=10"
IMAGES = ROOT / "docs" / "images"


def open_page(browser: Browser, address: str, *, dark: bool = False) -> Page:
    """The page in a window of its own, when it has finished drawing."""
    context = browser.new_context(viewport=VIEWPORT, color_scheme="dark" if dark else "light")
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(address)
    settle(page)
    return page


def settle(page: Page) -> None:
    """Waits until the script has run and fonts and charts are loaded."""
    page.locator("[data-testid=stHeading]").first.wait_for()
    busy = ", ".join(f"[data-testid={name}]" for name in ("stStatusWidget", "stSpinner", "stSkeleton"))
    page.wait_for_function("busy => !document.querySelector(busy)", arg=busy)
    page.evaluate("() => document.fonts.ready")
    page.wait_for_timeout(1_500)


def train(browser: Browser, app: str, into: Path) -> str:
    """Trains LeNet on the sample, takes a screenshot halfway, and returns the run's id."""
    page = open_page(browser, f"{app}/{RECIPE}")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url(re.compile("run="))
    page.locator(".cnn-progress", has_text=re.compile("epoch [67] of 10")).wait_for(timeout=300_000)
    page.wait_for_timeout(1_000)
    page.screenshot(path=into / "train.png")
    page.locator(".cnn-progress", has_text="10 of 10 epochs").wait_for(timeout=300_000)
    run_id = re.search(r"run=([0-9a-f]+)", page.url)
    page.context.close()
    return run_id[1] if run_id else ""


def shoot(browser: Browser, address: str, path: Path, *, dark: bool = False, full: bool = False) -> None:
    page = open_page(browser, address, dark=dark)
    page.screenshot(path=path, full_page=full)
    if full:  # Streamlit scrolls inside a box of its own: a taller window shows the whole page
        height = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": VIEWPORT["width"], "height": min(height + 20, 6_000)})
        settle(page)
        page.screenshot(path=path.with_name(f"{path.stem}-whole.png"))
    page.context.close()


def for_readme(browser: Browser, app: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    run_id = train(browser, app, IMAGES)
    shoot(browser, app, IMAGES / "design.png")
    shoot(browser, f"{app}/?architecture=googlenet", IMAGES / "design-dark.png", dark=True)
    shoot(browser, f"{app}/data", IMAGES / "data.png")
    shoot(browser, f"{app}/predict?run={run_id}", IMAGES / "predict.png")


def for_a_look(browser: Browser, app: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shoot(browser, f"{app}/predict", folder / "predict-empty.png")
    run_id = train(browser, app, folder)
    pages = {
        "design": "",
        "design-vgg": "?architecture=vgg&width_divisor=8&compare=nin",
        "design-error": "?architecture=alexnet&image_size=64",
        "data": "data",
        "data-missing": "data?dataset=cifar10",
        "train-form": "train",
        "train-run": f"train?run={run_id}",
        "runs": "runs",
        "runs-chosen": f"runs?runs={run_id}",
        "predict": f"predict?run={run_id}",
        "inside": f"inside?run={run_id}&layer=activation1&right=1",
        "inside-why": f"inside?run={run_id}&view=why",
        "inside-hand": f"inside?run={run_id}&view=hand",
    }
    for name, path in pages.items():
        for dark in (False, True):
            shoot(browser, f"{app}/{path}", folder / f"{name}{'-dark' if dark else ''}.png", dark=dark, full=True)


def every_state(browser: Browser, app: str, home: Path, folder: Path) -> None:
    """A run at rest in each state, and a queue of two owners behind an active run."""
    store, long_run = Store(home), RunConfig.make(architecture="vgg", epochs=50, options={"width_divisor": 8})
    resting = {
        state: store.create(
            RunConfig.make(epochs=8),
            f"resting {state}",
            f"one that is {state}",
            state,
            owner="Ana",
            note="<b>Rate</b> too high?\n" * 9,
        )
        for state in (State.PAUSED, State.INTERRUPTED, State.STOPPED, State.FAILED)
    }
    waiting = [
        store.create(long_run, f"waiting {number}", f"{owner}'s long one", owner=owner)
        for number, owner in enumerate(("Ana", "Ben", "Ben", "שרה"))
    ]
    pages = {f"run-{state}": f"train?run={run_id}" for state, run_id in resting.items()}
    pages |= {"run-working": f"train?run={waiting[0]}", "run-queued": f"train?run={waiting[2]}", "train-queue": "train"}
    pages["train-too-large"] = "train?architecture=vgg&batch_size=4096"
    for name, path in pages.items():
        for dark in (False, True):
            shoot(browser, f"{app}/{path}", folder / f"{name}{'-dark' if dark else ''}.png", dark=dark)
    for run_id in reversed(waiting):
        store.stop(run_id)
    store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", type=Path, metavar="FOLDER", help="every page, light and dark, into FOLDER")
    folder = parser.parse_args().check
    with tempfile.TemporaryDirectory() as scratch, serving(Path(scratch) / "home") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
        if folder is None:
            for_readme(browser, server.address)
        else:
            for_a_look(browser, server.address, folder)
            every_state(browser, server.address, server.home, folder)
        browser.close()


if __name__ == "__main__":
    main()
