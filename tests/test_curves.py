"""The curves of a run as figures: small, with every spike, and steady from poll to poll."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import plotly.graph_objects as go
import pytest

from cnnlab.events import EpochDone, Progress, RunFailed, RunFinished, RunInterrupted, RunPaused, RunResumed, RunStarted, RunStopped
from cnnlab.figures.curves import Rest, accuracy_curve, loss_curve, rests
from cnnlab.reports.thinning import stretches, thin


def progress(count: int, loss: float = 1.0) -> list[Progress]:
    return [Progress(i // 100 + 1, i % 100 + 1, 100, i, loss, 0.5, 1.0, 0.1, 0.5, 1.0, 1.0) for i in range(count)]


def epoch(number: int, loss: float = 1.0) -> EpochDone:
    return EpochDone(number, number, loss, 0.5, loss, 0.4, 0.1, 1.0, 0.1, 0.8, 0.1)


def test_thinning_keeps_the_ends_the_order_and_every_extreme():
    values = [math.sin(i / 50) for i in range(10_000)]
    values[4_321], values[7_654] = 99.0, -99.0

    kept = thin(values)

    assert len(kept) <= 500
    assert kept == sorted(set(kept))
    assert {0, 4_321, 7_654, 9_999} <= set(kept)


def test_a_last_value_that_is_no_extreme_stays():
    values = [abs(150.5 - number) for number in range(301)] + [75.0]

    assert thin(values, 300)[-1] == 301


def test_a_peak_beside_an_infinite_value_stays_and_so_does_the_gap():
    values = [0.5] * 1_000
    values[400:402] = [7.0, math.inf]

    kept = thin(values, 300)

    assert len(kept) <= 300
    assert {400, 401} <= set(kept)
    assert [stretch[-1] for stretch in stretches(values, kept)] == [400, 999]


def test_few_values_stay_as_they_are():
    assert thin([3.0, 1.0, 2.0]) == [0, 1, 2]


def test_a_long_run_is_a_small_message():
    figure = loss_curve("r", [epoch(i + 1) for i in range(2_000)], progress(20_000, 1 / 3), 2_000)

    assert all(len(trace["x"]) == len(trace["y"]) <= 500 for trace in figure["data"])
    assert len(json.dumps(figure, separators=(",", ":"))) < 40_000


def test_the_few_images_at_the_end_of_an_epoch_make_no_spike():
    batches = [(1, 40), (1, 80), (1, 81), (2, 40), (2, 70), (2, 81)]  # the last report covers 1 batch in epoch 1, and 11 in epoch 2
    events = [Progress(n, b, 81, 81 * (n - 1) + b, 9.0 if b == 81 else 1.0, 0.5, 1.0, 0.1, 0.5, 1.0, 1.0) for n, b in batches]
    evaluation = replace(events[2], phase="evaluation")

    shown = loss_curve("r", [], [*events[:3], evaluation, *events[3:]], 2)["data"][0]

    assert shown["x"] == pytest.approx([n - 1 + b / 81 for n, b in batches if (n, b) != (1, 81)], abs=1e-4)
    assert shown["y"] == [1.0, 1.0, 1.0, 1.0, 9.0]


def test_an_epoch_that_is_told_once_is_shown():
    events = [Progress(n, 3, 3, 3 * n, 1.0, 0.5, 1.0, 0.1, 0.5, 1.0, 1.0) for n in (1, 2, 3)]

    assert loss_curve("r", [], events, 3)["data"][0]["x"] == [1, 2, 3]


def test_progress_stands_within_its_epoch_and_an_epoch_at_its_end():
    figure = accuracy_curve("r", [epoch(1)], progress(50), 3)

    assert figure["data"][0]["x"][-1] == 0.5
    assert figure["data"][1]["x"] == [1]


def test_a_loss_that_is_no_number_leaves_a_gap_that_json_can_carry():
    figure = loss_curve("r", [epoch(1, math.nan), epoch(2, math.inf)], [], 3)

    assert figure["data"][1]["y"] == [None, None]
    json.dumps(figure, allow_nan=False)


def test_another_scale_forgets_the_zoom_of_the_loss_axis_only():
    linear, logarithmic = (loss_curve("r", [epoch(1)], [], 3, logarithmic=each)["layout"] for each in (False, True))

    assert linear["uirevision"] == logarithmic["uirevision"] == "r"
    assert linear["yaxis"]["uirevision"] != logarithmic["yaxis"]["uirevision"]
    assert logarithmic["yaxis"]["type"] == "log"


def test_training_and_test_differ_in_more_than_colour():
    _, train, test = loss_curve("r", [epoch(1)], [], 3)["data"]

    assert train["line"]["dash"] != test["line"]["dash"]
    assert train["marker"]["symbol"] != test["marker"]["symbol"]


def test_what_guessing_would_reach_is_drawn_where_the_number_of_classes_is_known():
    assert accuracy_curve("r", [], [], 3, classes=4)["data"][-1]["y"] == [25.0, 25.0]
    assert len(accuracy_curve("r", [], [], 3)["data"]) == 3


def test_an_empty_chart_says_what_it_waits_for():
    assert "first points" in loss_curve("r", [], [], 3)["layout"]["annotations"][0]["text"]
    assert "annotations" not in loss_curve("r", [], progress(1), 3)["layout"]
    (ended,) = accuracy_curve("r", [], [], 3, over=True)["layout"]["annotations"]
    assert ended["text"] == "It ended before its first points"


STARTED = RunStarted("cpu", "CPU", 61_706, 6_000, 1_000, 24, 5, 10)


@pytest.mark.parametrize(
    ("rest", "word"),
    [
        (RunPaused(2, 36, 5.0), "paused"),
        (RunInterrupted(1), "process was gone"),
        (RunStopped(1, 5.0), "stopped"),
        (RunFailed("error", 2, "no"), "failed"),
        (RunFinished(2, 5.0, 0.5, 0.5, 1, 0.5), "more epochs"),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, str) else "",
)
def test_a_run_that_went_on_after_a_rest_bears_a_mark_where_it_did(rest, word):
    (mark,) = rests([STARTED, epoch(1), rest, RunResumed(2, 36, 1, 5, "cpu", "CPU", 5.0), epoch(2)])

    assert mark.epoch == 1.5
    assert word in mark.words


def test_a_run_that_never_rested_has_no_mark_and_no_second_axis():
    figure = loss_curve("a", [epoch(1)], progress(3), 5, marks=rests([STARTED, epoch(1), RunPaused(2, 36, 5.0)]))

    assert [trace["name"] for trace in figure["data"]] == ["Training, live", "Training", "Test"]
    assert "yaxis2" not in figure["layout"]


@pytest.mark.parametrize("curve", [loss_curve, accuracy_curve])
def test_marks_are_lines_from_top_to_bottom_that_plotly_takes(curve):
    figure = go.Figure(curve("a", [epoch(1)], progress(3), 5, marks=(Rest(1.5, "paused here"), Rest(3.0, "stopped"))))

    mark = figure.data[-1]
    assert (mark.x[0], mark.x[-2], mark.x[11]) == (1.5, 3.0, None)
    assert (min(filter(None, mark.y)), max(filter(None, mark.y))) == (0.1, 1.0)
    assert mark.yaxis == "y2"


@pytest.mark.parametrize(
    ("losses", "ticks"),
    [((0.52, 0.61), "L0.02"), ((0.3, 2.3), "L0.5"), ((0.01, 2.3), "D2"), ((), "D2"), ((0.4, 0.4), "D2"), ((120.0, 900.0), "L200")],
)
def test_a_logarithmic_axis_has_numbers_where_the_losses_lie_close_together_too(losses, ticks):
    events = [replace(event, loss=loss) for event, loss in zip(progress(len(losses)), losses, strict=True)]

    figure = loss_curve("a", [], events, 5, logarithmic=True)

    assert figure["layout"]["yaxis"]["dtick"] == ticks
    go.Figure(figure)


@pytest.mark.parametrize(("epochs", "total"), [(0, 10), (3, 10), (50, 50), (0, 51), (2, 51), (5, 100), (20, 2_000)])
def test_all_charts_of_a_run_show_the_same_epochs(epochs, total):
    done = [epoch(number) for number in range(1, epochs + 1)]

    charts = [loss_curve("r", done, [], total), accuracy_curve("r", done, [], total, classes=10)]

    loss, accuracy = (chart["layout"]["xaxis"]["range"] for chart in charts)
    assert loss == accuracy
    assert loss[1] == pytest.approx(1.02 * (total if total <= 50 else max(1, epochs)), rel=1e-4)
    farthest = max(x for chart in charts for trace in chart["data"] for x in trace["x"])
    assert farthest <= loss[1]


def test_the_level_of_chance_is_named_with_its_figure():
    assert accuracy_curve("r", [], [], 3, classes=10)["data"][-1]["name"] == "Chance level (10 %)"


@pytest.mark.parametrize(
    ("losses", "scale"),
    [
        ((2.3, 1.0, 0.01), "linear"),
        ((9.0, 2.0, 0.5), "linear"),
        ((41.3, 2.31, 2.30), "log"),
        ((6e8, 4.6e9), "log"),
        ((30.0, 29.0), "linear"),
    ],
)
def test_a_loss_that_explodes_gets_a_logarithmic_axis_that_says_so(losses, scale):
    axis = loss_curve("r", [epoch(number, loss) for number, loss in enumerate(losses, 1)], [], 5)["layout"]["yaxis"]

    assert axis["type"] == scale
    assert ("logarithmic" in axis["title"]["text"]) == (scale == "log")


def validated(number: int, accuracy: float) -> EpochDone:
    return replace(epoch(number), validation_loss=1.0, validation_accuracy=accuracy)


@pytest.mark.parametrize("curve", [loss_curve, accuracy_curve])
def test_with_validation_images_the_test_images_wait_until_the_end_and_show_the_chosen_epoch(curve):
    done = [validated(1, 0.5), validated(2, 0.7), validated(3, 0.6)]

    running, over = ([trace["name"] for trace in curve("r", done, [], 3, over=each)["data"]] for each in (False, True))

    assert running == ["Training, live", "Training", "Validation"]
    assert over == [*running, "Test, best epoch"]
    assert curve("r", done, [], 3, over=True)["data"][-1]["x"] == [2]
    go.Figure(curve("r", done, [], 3, over=True))
