"""Every page works when its link is the very first request after a server start, and shows no traceback."""

from __future__ import annotations

import pytest

from benchmarks.serving import serving
from tests.browser.chromium import drawn

TITLES = {
    "": "Design a network", "data": "Data", "train": "Train a network", "runs": "Runs", "learn": "Learn", "predict": "Predict",
    "inside": "Inside",
}  # fmt: skip
USUAL = ("", "train")


@pytest.mark.parametrize("path", TITLES)
def test_a_deep_link_is_right_as_the_first_request(page, tmp_path, path, request):
    if path not in USUAL and not request.config.getoption("--slow"):
        pytest.skip("each starts a server of its own; the usual run opens the first page and one other, --slow opens all")
    with serving(tmp_path / "home") as server:
        page.goto(f"{server.address}/{path}")

        page.get_by_role("heading", level=1).first.wait_for()
        page.locator("[data-testid=stSidebar] a", has_text="Train").wait_for()
        names = page.locator("[data-testid=stSidebar] a").all_inner_texts()
        assert [name.split("\n")[-1].strip() for name in names] == ["Design", "Learn", "Data", "Train", "Runs", "Predict", "Inside"]
        assert page.locator("[data-testid=stException]").count() == 0


@pytest.mark.parametrize(
    "path",
    [
        "?architecture=<script>alert(1)</script>&hidden=abc&image_size=-1",
        "data?dataset=nothing&page=99999999999999999999",
        "train?epochs=1e99&learning_rate=nan&optimizer=none&architecture=x",
        "train?run=../../etc/passwd",
        "predict?run=' OR 1=1 --&page=-3",
        "runs?runs=../../etc/passwd,x&state=none&fold=maybe&page=-3",
    ],
)
def test_a_broken_link_gives_a_sentence_and_no_traceback(walk, app, path):
    walk.goto(f"{app}/{path}")

    walk.locator("[data-testid=stMain] :is([data-testid=stAlert], [data-testid=stHeading])").first.wait_for()
    drawn(walk)
    assert walk.locator("[data-testid=stException]").count() == 0
    assert "Traceback" not in walk.locator("body").inner_text()
