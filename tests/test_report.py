"""Exports: CSV, JSON and the HTML report."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from test_comparison import CONFIG, epochs, run

from cnnlab.config import RunConfig
from cnnlab.figures import network_drawing
from cnnlab.layers.trace import layer_table
from cnnlab.reports.comparison import Point
from cnnlab.reports.exports import comparison_csv, configurations_json, metrics_csv
from cnnlab.reports.html import html_report
from cnnlab.reports.networks import Network, networks_section
from cnnlab.reports.svg import cost_chart

NASTY = "<img src=x onerror=alert(1)> \"quoted\" & 'more' \u202eabc ${1} %{x}"
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@pytest.fixture
def runs():
    return [
        run("0000000a", NASTY, best=0.6, owner="<b>me</b>", note="</td><script>alert(2)</script>"),
        run("0000000b", "second", CONFIG.change(seed=1), best=0.8, seconds=12.0, parameters=1_000),
    ]


@pytest.fixture
def curves():
    return {"0000000a": epochs(0.2, 0.6), "0000000b": epochs(0.3, 0.8)}


class Reader(HTMLParser):
    """Collects elements, attributes and text, and checks that every opened element is closed."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    assert not reader.open
    return reader


def test_metrics_are_a_row_an_epoch_of_each_run(runs, curves):
    rows = list(csv.DictReader(io.StringIO(metrics_csv(runs, curves).removeprefix("\ufeff"))))

    assert [(row["run"], row["epoch"], row["test_accuracy"]) for row in rows] == [
        ("0000000a", "1", "0.2"),
        ("0000000a", "2", "0.6"),
        ("0000000b", "1", "0.3"),
        ("0000000b", "2", "0.8"),
    ]
    assert rows[0]["name"] == NASTY


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_name_is_no_formula_in_a_spreadsheet(name, curves):
    (row, *_) = csv.DictReader(io.StringIO(metrics_csv([run(name=name)], curves).removeprefix("\ufeff")))

    assert row["name"] == f"'{name}"


def test_one_configuration_can_be_read_back(runs):
    assert RunConfig.from_json(configurations_json(runs[1:])) == runs[1].config


def test_several_configurations_stand_with_their_runs(runs):
    document = json.loads(configurations_json(runs))

    assert [(each["run"], each["name"]) for each in document] == [("0000000a", NASTY), ("0000000b", "second")]
    assert RunConfig.make(**document[1]["config"]) == runs[1].config


def test_the_report_says_what_was_reached_and_what_differs(runs, curves):
    page = html_report(runs, curves, {"0000000a": 5e6, "0000000b": None}, now=NOW)
    text = " ".join(read(page).text)

    assert "2026-01-02 03:04 UTC" in text
    for words in ("60.0 %", "80.0 %", "5,000,000", "Seed", "Best trade-offs", "Test accuracy", "second"):
        assert words in text
    differing = text.partition("What differs")[2].partition("Test accuracy")[0]
    assert "Seed" in differing
    assert "Learning rate" not in differing  # the same in both


def test_the_numbers_beside_the_marks_of_a_trade_off_are_those_of_its_list():
    points = [Point("first", 10.0, 0.5, 0.0), Point("no cost", None, 0.6, 0.0), Point("third", 1_000.0, 0.7, 0.0)]

    chart = cost_chart(points, "parameters")

    marks = re.findall(r"<title>(\w+):[^<]*</title></circle><text[^>]*>(\d+)</text>", chart)
    assert marks == [("first", "1"), ("third", "3")]
    assert re.findall(r"<bdi>([^<]*)</bdi>", chart) == ["1: first", "2: no cost", "3: third"]


def test_each_result_of_the_report_stands_under_its_title():
    one = run(
        "0000000a", "first", CONFIG.change(seed=3), best=0.6, test_accuracy=0.55, parameters=61_706, seconds=12.0, owner="Ana",
        images_per_second=4_321.0, tags=("final", "x"), note="a note", created=NOW.timestamp(),
    )  # fmt: skip

    page = html_report([one], {}, {"0000000a": 416_520.0}, now=NOW)

    head, row = (re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in re.findall(r"<tr>(.*?)</tr>", page)[:2])
    assert dict(zip(head, row, strict=True)) == {
        "Run": "first", "Id": "0000000a", "Started": "2026-01-02 03:04 UTC", "Owner": "Ana", "State": "Finished",
        "Network": "LeNet-5", "Data": "Fashion-MNIST sample", "Seed": "3", "Epochs": f"3 of {CONFIG.epochs}",
        "Best accuracy": "60.0 %", "Last accuracy": "55.0 %", "Parameters": "61,706", "MACs per image": "416,520",
        "Seconds": "12", "Images/s": "4,321", "Device": "cpu", "Tags": "final, x", "Note": "a note",
    }  # fmt: skip


def test_the_report_needs_no_network_and_runs_no_script(runs, curves):
    page = html_report(runs, curves, {}, now=NOW)
    reader = read(page)

    assert not {"script", "link", "img", "iframe", "object", "base", "form", "a"} & set(reader.tags)
    assert not {"src", "href", "xlink:href", "action"} & set(reader.attributes)
    assert not re.search(r"url\(|@import|https?:|//", page)
    assert "default-src 'none'" in page


def test_what_somebody_typed_shows_as_typed(runs, curves):
    reader = read(html_report(runs, curves, {}, now=NOW))

    assert NASTY in reader.text
    assert "<b>me</b>" in reader.text
    assert "</td><script>alert(2)</script>" in reader.text
    assert not any(name.startswith("on") for name in reader.attributes)


def test_a_report_of_one_run_without_an_epoch_is_a_page_too():
    page = html_report([run(best=None, test_accuracy=None, parameters=None, seconds=None)], {}, {}, now=NOW)

    assert "There is one run only" in " ".join(read(page).text)


def test_seeds_fold_into_one_entry_with_a_band(curves):
    two = [run("0000000a", "x"), run("0000000b", "x", CONFIG.change(seed=1))]

    page = html_report(two, curves, {}, fold=True, now=NOW)

    assert "x (2 seeds)" in page
    assert "<polygon" in page


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, 1e-12, 1e12])
def test_losses_of_any_size_can_be_drawn(value):
    curve = [dataclasses.replace(each, test_loss=value) for each in epochs(0.1, 0.2)]

    read(html_report([run()], {"0000000a": curve}, {}, now=NOW))


def test_a_report_of_24_runs_of_a_thousand_epochs_stays_small():
    runs = [run(f"{number:08x}", f"run {number}", CONFIG.change(learning_rate=0.01 * (number + 1))) for number in range(24)]
    curves = {each.id: epochs(*[0.5 + place / 4_000 for place in range(1_000)]) for each in runs}

    page = html_report(runs, curves, {}, now=NOW)

    assert page.count("<polyline") >= 2 * 24  # a curve of each run in both charts
    assert len(page) < 500_000


def test_a_comparison_is_a_row_a_run_with_results_and_every_setting():
    runs = [
        run("0000000a", "=1+1", best=0.6, owner="Ana", tags=("final", "x")),
        run("0000000b", "second", RunConfig.make(architecture="mlp", options={"hidden": (8, 4)}), best=None, test_accuracy=None),
    ]

    first, second = csv.DictReader(io.StringIO(comparison_csv(runs, {"0000000a": 5, "0000000b": None}).removeprefix("\ufeff")))

    assert (first["name"], first["owner"], first["tags"], first["best test accuracy"]) == ("'=1+1", "Ana", "final, x", "0.6")
    assert (first["MACs (per image)"], second["MACs (per image)"]) == ("5", "")
    assert (second["best test accuracy"], second["options.hidden"], second["options.pooling"]) == ("", "8, 4", "")
    assert (first["learning_rate"], first["started (UTC)"]) == (str(CONFIG.learning_rate), "1970-01-01 00:00:00")


def test_a_report_can_be_handed_in(curves):
    """Name, date, settings, result, what differs, figures with titles, and the network."""
    one = run("0000000a", "my <best> run", best=0.6, owner="Ana", created=NOW.timestamp())
    table = layer_table("lenet")

    page = html_report(
        [one], curves, {"0000000a": 5e6}, now=NOW, networks={"0000000a": Network(table, network_drawing(table, "first"))}
    )
    reader = read(page)
    text = " ".join(" ".join(reader.text).split())

    assert "my <best> run" in reader.text
    assert "Trained by Ana." in text
    assert "Finished" in text
    assert "finished" not in text  # states are words
    assert "2026-01-02 03:04 UTC" in text
    assert "“my <best> run” reached 60.0 % test accuracy" in text
    assert {"Learning rate", "Batch size", "Optimiser", "conv1", "Test accuracy after each epoch"} <= {*reader.text}
    assert "61,706 parameters" in text
    assert page.count("<svg") >= 3
    assert '<polygon points="' in page


def test_a_network_of_several_runs_is_drawn_once():
    runs = [run("0000000a", "a"), run("0000000b", "b"), run("0000000c", "c")]
    table, other = layer_table("lenet"), layer_table("mlp")
    networks = {
        "0000000a": Network(table, network_drawing(table, "first")),
        "0000000b": Network(table, network_drawing(table, "first")),
    }

    page = html_report(runs, {}, {}, now=NOW, networks=networks | {"0000000c": Network(other, network_drawing(other, "second"))})

    assert page.count("<h2>Network:") == 2
    assert "Trained in: a, b." in page


def test_networks_that_differ_in_options_classes_or_image_size_alone_are_drawn_apart():
    tables = [
        layer_table("lenet"),
        layer_table("lenet", options={"activation": "relu"}),
        layer_table("lenet", classes=7),
        layer_table("lenet", (1, 32, 32)),
    ]
    runs = [run(f"0000000{letter}", letter) for letter in "abcd"]
    networks = {each.id: Network(table, "<p>drawing</p>") for each, table in zip(runs, tables, strict=True)}

    assert networks_section(runs, networks).count("<p>drawing</p>") == 4
    assert networks_section(runs, dict.fromkeys(networks, networks["0000000a"])).count("<p>drawing</p>") == 1
