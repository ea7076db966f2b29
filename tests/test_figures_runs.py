"""Charts of several runs: one legend entry each, names as typed, and only numbers that JSON can carry."""

from __future__ import annotations

import ast
import json
import re
from math import inf, nan
from pathlib import Path

import pytest
from test_comparison import CONFIG, epochs, run

from cnnlab.figures.runs import DASHES, MOST_LINES, cost_figure, curves_figure, style
from cnnlab.figures.sweeps import parallel_figure, setting_figure
from cnnlab.reports import svg
from cnnlab.reports.comparison import Line, Point, lines
from cnnlab.reports.svg import curves_chart

NASTY = "<b>x</b> %{y} & more"


def test_each_line_has_one_legend_entry_and_its_own_look():
    runs = [run(str(number), f"run {number}") for number in range(MOST_LINES + 2)]
    curves = lines(runs, {run.id: epochs(0.1, 0.2) for run in runs}, "test_accuracy", fold=False)

    traces = curves_figure(curves, "Test accuracy", "epochs", share=True)["data"]

    assert [trace["name"] for trace in traces] == [f"run {number}" for number in range(MOST_LINES)]
    assert len({style(place) for place in range(MOST_LINES)}) == MOST_LINES
    assert MOST_LINES >= 16
    assert all(
        here[0] != after[0] and here[1] != after[1]
        for here, after in zip(map(style, range(MOST_LINES - 1)), map(style, range(1, MOST_LINES)), strict=True)
    )


def test_a_band_belongs_to_its_line_and_has_no_entry_of_its_own():
    runs = [run("1"), run("2", config=CONFIG.change(seed=1))]
    curves = lines(runs, {"1": epochs(0.1, 0.2), "2": epochs(0.3, 0.4)}, "test_accuracy", fold=True)

    low, high, mean = curves_figure(curves, "Test accuracy", "epochs", share=True)["data"]

    assert [trace.get("showlegend", True) for trace in (low, high, mean)] == [False, False, True]
    assert low["legendgroup"] == high["legendgroup"] == mean["legendgroup"]
    assert all(bottom < value < top for bottom, value, top in zip(low["y"], mean["y"], high["y"], strict=True))


def test_seconds_add_up_along_the_axis():
    curves = lines([run("1")], {"1": epochs(0.1, 0.2, seconds=2.5)}, "test_accuracy", fold=False)

    assert curves_figure(curves, "Test accuracy", "seconds", share=True)["data"][0]["x"] == [2.5, 5.0]


def test_a_value_that_is_no_number_leaves_a_gap():
    curves = lines([run("1")], {"1": epochs(0.1, nan)}, "test_accuracy", fold=False)

    figure = curves_figure(curves, "Test accuracy", "epochs", share=True)

    assert figure["data"][0]["y"] == [10, None]
    json.dumps(figure, allow_nan=False)


def line(*values):
    epochs = tuple(range(1, len(values) + 1))
    return Line("a run", (), epochs, tuple(map(float, epochs)), values, values, values)


def places(svg, element="polyline"):
    """The points of each line of a report's chart."""
    return [points.split() for points in re.findall(f'<{element} points="([^"]*)"', svg)]


def test_infinite_values_leave_the_same_gap_in_the_report_as_on_the_page():
    curve = line(0.9, 0.5, inf, inf, 0.4, 0.3)

    figure = curves_figure([curve], "Test loss", "epochs", share=False)["data"][0]
    report = curves_chart([curve], "Test loss", share=False)

    assert figure["y"] == [0.9, 0.5, None, None, 0.4, 0.3]
    assert [len(points) for points in places(report)] == [2, 2]


def test_a_value_between_two_gaps_has_a_mark_in_a_long_curve_too():
    curve = line(*(0.5 if epoch % 2 else inf for epoch in range(40)), 0.4, 0.3)

    figure = curves_figure([curve], "Test loss", "epochs", share=False)["data"][0]
    report = curves_chart([curve], "Test loss", share=False)

    assert figure["mode"] == "lines+markers"
    assert [size for size, y in zip(figure["marker"]["size"], figure["y"], strict=True) if y] == [7] * 19 + [0] * 3
    assert report.count("<circle") == 19
    assert [len(points) for points in places(report)] == [3]


def test_the_report_thins_a_long_curve_as_the_page_does():
    values = [abs(150.5 - number) for number in range(301)] + [75.0]  # the last value is no extreme
    values[123] = 999.0
    curve = line(*values)

    figure = curves_figure([curve], "Test loss", "epochs", share=False)["data"][0]
    (drawn,) = places(curves_chart([curve], "Test loss", share=False))

    assert figure["x"][-1] == 302
    assert 999.0 in figure["y"]
    assert len(drawn) == len(figure["x"]) <= 300
    assert min(drawn, key=lambda point: float(point.split(",")[1])) == drawn[figure["y"].index(999.0)]


def test_curves_are_thinned_by_one_function():
    root = Path(__file__).parent.parent
    functions = {
        f"{file.name}:{node.name}"
        for file in [*root.glob("cnnlab/**/*.py"), *root.glob("pages/**/*.py")]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and re.search("(?<!wi)thin(?!g)", node.name)
    }

    assert functions == {"thinning.py:thin"}


def test_names_are_text_and_no_markup_or_template():
    curves = lines([run("1", NASTY)], {"1": epochs(0.1)}, "test_accuracy", fold=False)

    trace = curves_figure(curves, "Test accuracy", "epochs", share=True)["data"][0]
    mark = cost_figure([Point(NASTY, 5, 0.5, 0)], "Parameters", "parameters")["data"][1]

    assert trace["name"] == mark["name"] == "&lt;b&gt;x&lt;/b&gt; %{y} &amp; more"
    assert "b&gt;" not in trace["hovertemplate"] + mark["hovertemplate"]


def test_the_front_is_drawn_and_named_and_the_rest_is_not():
    candidates = [Point("cheap", 10, 0.5, 0), Point("beaten", 20, 0.4, 0), Point("best", 30, 0.9, 0), Point("unknown", None, 1, 0)]

    front, *marks = cost_figure(candidates, "Parameters", "parameters")["data"]

    assert (front["name"], front["x"], front["y"]) == ("Best trade-offs", [10, 30], [50, 90])
    assert [mark["text"] for mark in marks] == [["cheap"], [""], ["best"]]


def test_two_marks_in_one_place_bear_one_name():
    _, *marks = cost_figure([Point("a", 10, 0.5, 0), Point("b", 10, 0.5, 0)], "Parameters", "parameters")["data"]

    assert [mark["text"] for mark in marks] == [["a"], [""]]


def test_nothing_known_is_an_empty_chart():
    assert len(cost_figure([Point("a", None, 0.5, 0)], "MACs", "MACs")["data"]) == 1


def test_a_setting_has_a_logarithmic_axis_where_it_spans_a_factor_of_ten():
    def axis(*values):
        names = [str(value) for value in values]
        return setting_figure(names, values, [0.5] * len(values), "Learning rate")["layout"]["xaxis"]["type"]

    assert axis(0.001, 0.1) == "log"
    assert axis(32, 64) == "linear"
    assert axis(0.0, 0.1) == "linear"  # a logarithmic axis has no place for 0
    assert axis("SGD", "Adam") == "category"


def test_each_run_is_a_mark_with_its_name_and_accuracy():
    (marks,) = setting_figure([NASTY, "b"], [0.1, 0.2], [0.5, 0.75], "Learning rate")["data"]

    assert (marks["x"], marks["y"]) == ([0.1, 0.2], [50, 75])
    assert marks["text"][0] == "&lt;b&gt;x&lt;/b&gt; %{y} &amp; more"


def test_parallel_axes_have_a_tick_for_each_value_or_for_each_decade():
    many = [10 ** (-number / 5) for number in range(20)]
    axes = [("Optimiser", ["SGD", "Adam"] * 10), ("Learning rate", many), ("Batch size", [32, 256] * 10)]

    figure = parallel_figure(axes, [number / 20 for number in range(20)])
    optimiser, rate, batch, accuracy = figure["data"][0]["dimensions"]

    assert (optimiser["ticktext"], optimiser["values"][:2]) == (["SGD", "Adam"], [0, 1])
    assert rate["ticktext"] == ["0.0001", "0.001", "0.01", "0.1", "1"]
    assert rate["values"] == pytest.approx([-number / 5 for number in range(20)])
    assert batch["ticktext"] == ["32", "256"]
    assert accuracy["values"][-1] == 95
    json.dumps(figure, allow_nan=False)


def test_runs_of_one_setting_are_one_line_with_a_band():
    runs = [run(str(number), str(number), CONFIG.change(seed=number, learning_rate=(0.1, 0.5)[number % 2])) for number in range(5)]
    curves = {each.id: epochs(0.1 * number, 0.2) for number, each in enumerate(runs)}

    first, second = lines(runs, curves, "test_accuracy", fold=False, by="learning_rate")

    assert (first.label, second.label) == ("Learning rate 0.1 (3 runs)", "Learning rate 0.5 (2 runs)")
    assert first.values[0] == pytest.approx((0.0 + 0.2 + 0.4) / 3)
    assert first.low[0] < first.values[0] < first.high[0]


def test_the_report_draws_lines_as_the_page_does():
    assert [svg.style_of(place)[0] for place in range(MOST_LINES)] == [style(place)[0] for place in range(MOST_LINES)]
    dashes = [DASHES.index(style(place)[1]) for place in range(MOST_LINES)]
    assert [svg.DASHES.index(svg.style_of(place)[1]) for place in range(MOST_LINES)] == dashes


def test_lines_differ_in_colour_or_dash_and_can_be_seen_on_every_page():
    """Each of the first 16 and more, from each other; and neither white nor dark pages swallow one."""

    def light(colour):
        channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    looks = [style(place) for place in range(MOST_LINES)]

    assert len(set(looks)) == MOST_LINES >= 16
    for page in ("#FFFFFF", "#14181F"):
        for colour, _ in looks:
            bright, dark = sorted((light(colour), light(page)), reverse=True)
            assert (bright + 0.05) / (dark + 0.05) > 2, (colour, page)
