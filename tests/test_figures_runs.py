"""Charts of several runs: one legend entry each, names as typed, and no number that JSON cannot carry."""

from __future__ import annotations

import json
from math import nan

from test_comparison import CONFIG, epochs, run

from cnnlab.figures.runs import MOST_LINES, cost_figure, curves_figure, style
from cnnlab.reports.comparison import Point, lines

NASTY = "<b>x</b> %{y} & more"


def test_each_line_has_one_legend_entry_and_its_own_look():
    runs = [run(str(number), f"run {number}") for number in range(12)]
    found = lines(runs, {each.id: epochs(0.1, 0.2) for each in runs}, "test_accuracy", fold=False)

    traces = curves_figure(found, "Test accuracy", "epochs", share=True)["data"]

    assert [trace["name"] for trace in traces] == [f"run {number}" for number in range(MOST_LINES)]
    assert len({style(place) for place in range(MOST_LINES)}) == MOST_LINES
    assert all(
        one[0] != two[0] and one[1] != two[1] for one, two in zip(map(style, range(7)), map(style, range(1, 8)), strict=True)
    )


def test_a_band_belongs_to_its_line_and_has_no_entry_of_its_own():
    runs = [run("1"), run("2", config=CONFIG.change(seed=1))]
    found = lines(runs, {"1": epochs(0.1, 0.2), "2": epochs(0.3, 0.4)}, "test_accuracy", fold=True)

    low, high, mean = curves_figure(found, "Test accuracy", "epochs", share=True)["data"]

    assert [trace.get("showlegend", True) for trace in (low, high, mean)] == [False, False, True]
    assert low["legendgroup"] == high["legendgroup"] == mean["legendgroup"]
    assert all(bottom < value < top for bottom, value, top in zip(low["y"], mean["y"], high["y"], strict=True))


def test_seconds_add_up_along_the_axis():
    found = lines([run("1")], {"1": epochs(0.1, 0.2, seconds=2.5)}, "test_accuracy", fold=False)

    assert curves_figure(found, "Test accuracy", "seconds", share=True)["data"][0]["x"] == [2.5, 5.0]


def test_a_value_that_is_no_number_leaves_a_gap():
    found = lines([run("1")], {"1": epochs(0.1, nan)}, "test_accuracy", fold=False)

    figure = curves_figure(found, "Test accuracy", "epochs", share=True)

    assert figure["data"][0]["y"] == [0.1, None]
    json.dumps(figure, allow_nan=False)


def test_names_are_text_and_no_markup_or_template():
    found = lines([run("1", NASTY)], {"1": epochs(0.1)}, "test_accuracy", fold=False)

    trace = curves_figure(found, "Test accuracy", "epochs", share=True)["data"][0]
    mark = cost_figure([Point(NASTY, 5, 0.5, 0)], "Parameters", "parameters")["data"][1]

    assert trace["name"] == mark["name"] == "&lt;b&gt;x&lt;/b&gt; %{y} &amp; more"
    assert "b&gt;" not in trace["hovertemplate"] + mark["hovertemplate"]


def test_the_front_is_drawn_and_named_and_the_rest_is_not():
    candidates = [Point("cheap", 10, 0.5, 0), Point("beaten", 20, 0.4, 0), Point("best", 30, 0.9, 0), Point("unknown", None, 1, 0)]

    front, *marks = cost_figure(candidates, "Parameters", "parameters")["data"]

    assert (front["name"], front["x"], front["y"]) == ("Pareto front", [10, 30], [0.5, 0.9])
    assert [mark["text"] for mark in marks] == [["cheap"], [""], ["best"]]


def test_two_marks_in_one_place_bear_one_name():
    _, *marks = cost_figure([Point("a", 10, 0.5, 0), Point("b", 10, 0.5, 0)], "Parameters", "parameters")["data"]

    assert [mark["text"] for mark in marks] == [["a"], [""]]


def test_nothing_known_is_an_empty_chart():
    assert len(cost_figure([Point("a", None, 0.5, 0)], "MACs", "MACs")["data"]) == 1
