"""Each benchmark works: its small version runs, and its record renders as a section of the page. No time is asserted.

The usual run measures those of scale and of a class; `--slow` all.
"""

from __future__ import annotations

import json

import pytest

from benchmarks import __main__ as command
from benchmarks import lessons
from benchmarks.results_page import RECORDS
from tests.browser.chromium import chromium


@pytest.fixture
def slow(request):
    if not request.config.getoption("--slow"):
        pytest.skip("a quarter of a minute; the usual run has the benchmarks of scale and of a class: --slow")


def _shown(name: str) -> tuple[dict, str]:
    """The small version's record after a round trip through JSON, and its section."""
    before = {path: path.stat().st_mtime_ns for path in RECORDS.glob(f"{name}*.json")}
    record = json.loads(json.dumps(command.record(name, small=True, rounds=1)))
    assert {path: path.stat().st_mtime_ns for path in RECORDS.glob(f"{name}*.json")} == before, "small versions write nothing"
    return record, command.section(name, [record])


@pytest.mark.usefixtures("slow")
def test_structure_compares_our_table_with_torchinfo():
    record, shown = _shown("structure")

    (row,) = record["rows"]
    assert all(figure["median"] > 0 for figure in (*row["warm"].values(), *row["cold"].values()))
    assert "LeNet-5 at 28" in shown
    assert "VGG-11 at 224: layer table, warm" in shown


@pytest.mark.usefixtures("slow")
def test_page_measures_loads_controls_polls_and_memory():
    record, shown = _shown("page")

    assert list(record["loads"]) == ["Design", "Data", "Train, the form", "Runs", "Predict", "Train, a run", "Inside"]
    assert all(load["bytes"]["median"] > 1 for load in record["loads"].values())
    controls = {change["control"] for change in record["controls"]}
    assert {"architecture", "classes", "image size", "activation", "hidden", "compare"} <= controls
    alerts = [change for change in record["controls"] if change["alerts"] and change["control"] != "compare"]  # unlike inputs warn
    assert not alerts, "a control was set to a value that the page refuses"
    assert record["watched"]["0"]["epoch"]["median"] > 0
    assert record["watched"]["2"]["poll"]["n"] >= 2
    assert record["lost"]["2"]["n"] == record["left_out"]["2"][1] == 1
    assert record["memory"]["polls"] > 0
    assert record["memory"]["end"] > 20  # megabytes: a Python with Streamlit in it
    assert "Train, a run" in shown


def test_scale_fills_records_and_reads_them():
    record, shown = _shown("scale")

    assert [store["runs"] for store in record["stores"]] == [10, 30]
    assert [run["events"] for run in record["events"]] == [10, 30]
    assert all(run["poll"]["median"] > 0 for run in record["events"])
    assert "page, 8 runs chosen" in shown


def test_a_class_signs_in_trains_and_hands_in_and_nothing_is_lost(request):
    if not request.config.getoption("--slow"):
        pytest.skip("takes half a minute: --slow")
    record, shown = _shown("class-load")

    assert record["students"] == record["handed_in"] == 3
    assert record["started"] == record["in_record"] >= 3
    assert record["lost"] == []
    assert {"The assignment", "Start training", "Hand in", "Train, a run", "My class, students"} <= set(record["pages"])
    assert record["sign_in"]["n"] == record["first"]["n"] == 4
    assert "Nothing was lost." in shown


@pytest.mark.usefixtures("slow")
def test_start_times_the_first_page_and_the_first_point():
    record, shown = _shown("start")

    for page in record["pages"].values():
        assert 0 < page["answers"]["median"] < page["usable"]["median"]
    assert record["points"]["warm"]["median"] > 0
    assert "first point" in shown


@pytest.mark.usefixtures("slow")
def test_first_visit_times_two_pages_and_a_point_in_a_browser():
    pytest.importorskip("playwright")
    if chromium() is None:
        pytest.skip("no Chromium on this machine")
    record, shown = _shown("first-visit")

    assert all(record[part][page]["median"] > 0 for part in ("visits", "server") for page in ("design", "train"))
    assert record["point"]["median"] > 0
    assert "Design with its layer table" in shown


@pytest.mark.parametrize("name", command.NAMES)
def test_every_benchmark_measures_and_renders(name):
    module = command._module(name)

    assert callable(module.measure)
    assert callable(module.render)


def test_a_lessons_row_with_a_seed_in_its_address_shows_that_seeds_run_alone():
    record = json.loads(lessons.RECORD.read_text(encoding="utf-8"))
    rows = {line.split("|")[2].strip(): line for line in lessons.render(record).splitlines() if line.startswith("| 14 ")}

    three = rows["First try with seed 0"].split("|")[5].split(" · ")
    assert len(three) == 3
    assert rows["First try with seed 1"].split("|")[5].strip() == f"seed 1: {three[1].strip()}"
