"""Charts and drawings of made-up values as text, in which no two figures are equal."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
from golden_text import check

from cnnlab import figures
from cnnlab.events import EpochDone, Progress, RunFailed, RunFinished, RunInterrupted, RunPaused, RunResumed, RunStarted, RunStopped
from cnnlab.figures import curves, runs, sweeps
from cnnlab.figures.theme import MODEBAR, base_layout, compact
from cnnlab.layers import LayerRow, LayerTable
from cnnlab.layers.trace import layer_table
from cnnlab.reports.comparison import Line, Point


def written(value, path="", usual=None):
    """A figure as lines, each with the path of a value; what the usual layout has is left out."""
    if isinstance(value, dict):
        usual = base_layout(0, modebar=MODEBAR) if path == "layout" else usual or {}
        changed = {key: each for key, each in value.items() if key not in usual or usual[key] != each}
        return [line for key, each in changed.items() for line in written(each, f"{path}.{key}".strip("."), usual.get(key))]
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return [line for place, each in enumerate(value) for line in written(each, f"{path} {place}")]
    if isinstance(value, list):
        return [f"{path}: {', '.join(f'{each:.6g}' if isinstance(each, float) else str(each) for each in value)}"]
    return [f"{path}: {value:.6g}" if isinstance(value, float) else f"{path}: {value}"]


def text(named):
    return "\n".join("\n".join([f"--- {name}", *written(figure)]) for name, figure in named.items()) + "\n"


def done(epoch, accuracy, validation=None):
    return EpochDone(
        epoch, 10 * epoch, 2 - accuracy, accuracy - 0.05, 2.25 - accuracy, accuracy, 0.1, 3.0, 0.5, 2.0, 0.5,
        validation and 2.125 - accuracy, validation,
    )  # fmt: skip


def report(epoch, batch, loss, accuracy):
    return Progress(epoch, batch, 10, 10 * (epoch - 1) + batch, loss, accuracy, 900.0, 0.1, 0.5, 2.0, 3.0)


EPOCHS = (done(1, 0.5), done(2, 0.75), done(3, 0.6875))
CHOSEN = (done(1, 0.5, 0.4), done(2, 0.75, 0.7), done(3, 0.8125, 0.65))
REPORTS = (  # the one batch at the end of the first epoch is left out, and that at the end of the second is not
    report(1, 4, 2.25, 0.125), report(1, 9, 1.75, 0.25), report(1, 10, 9.0, 0.99),
    report(2, 5, 1.25, 0.4), report(2, 9, 1.125, 0.45), report(2, 10, 1.0, 0.475), report(3, 5, 0.9, 0.525),
)  # fmt: skip
RESTS = (curves.Rest(0.8, "paused"), curves.Rest(2.25, "failed"))


def test_the_curves_of_a_run(regenerate_golden):
    drawn = {
        "loss": curves.loss_curve("a", EPOCHS, REPORTS, 5, marks=RESTS),
        "accuracy": curves.accuracy_curve("a", EPOCHS, REPORTS, 5, classes=8, marks=RESTS[:1]),
        "loss, validation, over": curves.loss_curve("b", CHOSEN, REPORTS, 3, over=True, logarithmic=True),
        "accuracy, validation, over": curves.accuracy_curve("b", CHOSEN, (), 3, over=True),
        "accuracy, validation, goes on": curves.accuracy_curve("b", CHOSEN, REPORTS, 51, classes=10),
        "loss, some without validation": curves.loss_curve("c", (*EPOCHS[:1], *CHOSEN[1:]), REPORTS, 50, over=True),
        "loss, exploded": curves.loss_curve("d", [replace(each, train_loss=25.0 * each.epoch) for each in EPOCHS], REPORTS, 5),
        "loss, nothing yet": curves.loss_curve("e", (), (), 60),
        "accuracy, nothing, over": curves.accuracy_curve("e", (), (), 60, over=True),
    }

    check("figures/curves", text(drawn), regenerate=regenerate_golden)


@pytest.mark.parametrize(
    ("losses", "exploded"), [([], False), ([20.0, 1.0], False), ([20.01, 1.0], True), ([50.0, 10.0], False), ([50.01, 10.0], True)]
)
def test_a_loss_has_exploded_above_twenty_and_five_times_the_smallest(losses, exploded):
    assert curves.has_exploded(losses) == exploded


def test_the_axis_of_epochs_ends_at_the_plan_or_at_the_newest_point():
    assert curves.until(EPOCHS, REPORTS, 50) == 50
    assert curves.until(EPOCHS, REPORTS[:4], 51) == 3
    assert curves.until(EPOCHS[:1], REPORTS[:4], 51) == 1.5
    assert curves.until((), (), 51) == 1


def test_each_rest_bears_the_reason_of_the_last_end():
    def resumed(step):
        return RunResumed(1, step, step // 4, 9, "cpu", "CPU", 1.0)

    ends = (
        RunPaused(1, 5, 1.0), RunInterrupted(1), RunStopped(1, 1.0), RunFailed("error", 1, "x"),
        RunFinished(1, 1.0, 0.5, 0.5, 1, 0.5),
    )  # fmt: skip
    events = [resumed(8), RunStarted("cpu", "CPU", 1, 40, 9, 4, 9, 10), resumed(6)]
    for place, end in enumerate(ends, 2):
        events += [end, resumed(4 * place + 1)]

    assert [(rest.epoch, rest.words) for rest in curves.rests(events)] == [
        (2, "resumed here"),
        (1.5, "resumed here"),
        (2.25, "paused here, then resumed"),
        (3.25, "its process was gone; it went on from here"),
        (4.25, "stopped, then resumed from here"),
        (5.25, "failed, then tried again from here"),
        (6.25, "had finished; more epochs from here"),
    ]


def line(label, values, spread=0.0, members=1):
    epochs = tuple(range(1, len(values) + 1))
    low, high = (tuple(value + sign * spread for value in values) for sign in (-1, 1))
    return Line(label, (None,) * members, epochs, tuple(2.5 * epoch for epoch in epochs), tuple(values), low, high)


def test_several_runs_in_one_chart(regenerate_golden):
    short = [line("first", (0.5, 0.75), 0.125, 3), line("<second>", (0.25, inf, 0.625))]
    long = [line("long", [*(0.5 if epoch % 2 else inf for epoch in range(8)), *(1 - epoch / 50 for epoch in range(31))])]
    many = [line(f"run {number}", (number / 100, number / 50)) for number in range(26)]
    points = [
        Point("cheap", 10, 0.5, 0.0), Point("beaten", 20, 0.4375, 0.03125),
        Point("a name that is longer than fits", 300, 0.75, 0.0625), Point("unknown", None, 1.0, 0.0),
        Point("twin", 300, 0.75, 0.0), Point("free", 0, 0.875, 0.0), Point("dear", 5_000, 0.8125, 0.0),
    ]  # fmt: skip
    drawn = {
        "epochs": runs.curves_figure(short, "Test accuracy", "epochs", share=True),
        "seconds": runs.curves_figure(short, "Training loss", "seconds", share=False),
        "a long curve": runs.curves_figure(long, "Test loss", "epochs", share=False),
        "costs": runs.cost_figure(points, "Time", "s of training"),
        "alike costs": runs.cost_figure(points[:2], "MACs", "MACs an image"),
        "no cost": runs.cost_figure(points[3:4], "Parameters", "parameters"),
    }
    drawn |= {"many": {"layout": runs.curves_figure(many, "Test loss", "epochs", share=False)["layout"]}}
    styles = "\n".join(f"{place}: {runs.style(place)} {runs.SYMBOLS[place % len(runs.SYMBOLS)]}" for place in range(24))

    check("figures/runs", f"{text(drawn)}{styles}\n", regenerate=regenerate_golden)


def test_sweeps(regenerate_golden):
    eleven = [0.5 * number for number in range(1, 12)]
    axes = [
        ("Learning rate", [10.0 ** -(number / 3) for number in range(11)]),
        ("Dropout", [number / 20 for number in range(11)]),
        ("Batch size", [32, 256, 64] * 3 + [32, 64]),
        ("Optimiser <b>", ["SGD", "Adam", "SGD"] * 3 + ["Adam", "an optimiser of a long name"]),
        ("A title that is too long", [1] * 11),
        ("Weight decay", [0.0005, 0.000125] * 5 + [0.0]),
        *((f"axis {number}", eleven) for number in range(6, 9)),
    ]
    reached = [0.5 + number / 32 for number in range(11)]
    drawn = {
        "numbers": sweeps.setting_figure(["a", "<b>"], [0.25, 2.25], [0.5, 0.8125], "Learning <rate>"),
        "a factor of ten": sweeps.setting_figure(["a", "b"], [0.25, 2.5], [0.5, 0.8125], "Learning rate"),
        "words": sweeps.setting_figure(["a", "b", "c"], ["SGD", "–", True], [0.5, 0.8125, 0.25], "Optimiser"),
        "parallel": sweeps.parallel_figure(axes, reached),
        "parallel, all alike": sweeps.parallel_figure(axes[2:3], [0.5] * 11),
    }
    marks = [
        sweeps.Mark(f"Run {number} <b>", kind, (rate, optimizer), number / 8)
        for number, (kind, rate, optimizer) in enumerate(
            [("finished", 0.01, "SGD"), ("pruned", 0.5, "Adam"), ("training", 0.02, "<b>"), ("failed", 0.01, "SGD")], 1
        )
    ]
    settings = {
        "listed": (0, sweeps.Axis("Learning rate", listed=True)),
        "a range": (0, sweeps.Axis("Learning rate", listed=False, log=True)),
        "choices": (1, sweeps.Axis("Optimiser <b>", listed=True)),
    }
    drawn |= {name: sweeps.trials_figure(marks, place, axis, "Accuracy") for name, (place, axis) in settings.items()}
    drawn["one kind"] = sweeps.trials_figure(marks[:1], 0, settings["listed"][1], "Accuracy")

    check("figures/sweeps", text(drawn), regenerate=regenerate_golden)


def test_the_stages_of_networks(regenerate_golden):
    lines = []
    for name in ("lenet", "alexnet", "nin", "googlenet", "course-resnet", "resnet9", "densenet"):
        lines.append(name)
        for stage in figures.stages(layer_table(name)):
            lines.append(
                f"  {stage.name}: {stage.role}, {stage.output_shape}, {stage.parameters} parameters, {stage.macs} MACs, "
                f"{len(stage.paths)} layers: {'; '.join(stage.layers[:4])}"
            )

    check("figures/stages", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def rows(count):
    """A chain of convolutions, each smaller, then two dense layers."""
    shapes = [(1 + 2 * place, 60 - place, 60 - place) for place in range(count + 1)]
    made = [
        LayerRow(f"conv{place}", "Conv2d", "3×3", shapes[place - 1], shapes[place], 10 * place, 0, 0.0, 100 * place, 4, None)
        for place in range(1, count + 1)
    ]
    return [*made, LayerRow("output", "Linear", "10 units", shapes[-1], (10,), 7, 0, 0.0, 9, 40, None)]


def test_a_long_network_is_paired_and_goes_on_in_another_line(regenerate_golden):
    tables = [LayerTable.of("made", {}, (1, 60, 60), 10, rows(count)) for count in (15, 16, 40)]
    lines = [f"{len(figures.stages(table))}: {', '.join(stage.name for stage in figures.stages(table))}" for table in tables]
    svg = figures.network_svg(tables[0], "Long & <more>")
    hover = figures.network_drawing(tables[2], "Long").split('title="')[3].partition('"')[0]

    found = "\n".join([*lines, hover, svg.replace("><", ">\n<")]) + "\n"
    check("figures/long-network", found, regenerate=regenerate_golden)


@pytest.mark.parametrize(
    ("dense", "convolution", "other", "sentence"),
    [
        (0, 0, 0, "This network has no parameters."),
        (70, 0, 5, "All of its weights sit in dense layers: it has no convolution, so"),
        (0, 30, 0, "It has no dense layer: its parameters sit in convolutions; 100 % of the work for"),
        (750, 250, 0, "75 % of its parameters sit in dense layers, 25 % in convolutions; 90 % of the work for"),
        (998, 2, 0, "More than 99 % of its parameters sit in dense layers, less than 1 % in convolutions; 90 % of"),
        (5, 995, 0, "0 % of its parameters sit in dense layers, more than 99 % in convolutions; 90 % of the work for"),
    ],
)
def test_where_the_parameters_sit_in_words(dense, convolution, other, sentence):
    made = [
        LayerRow("a", "Conv2d", "", (1, 4, 4), (2, 4, 4), convolution, 0, 0.0, 900 if convolution else 0, 4, None),
        LayerRow("b", "BatchNorm2d", "", (2, 4, 4), (2, 4, 4), other, 0, 0.0, 0, 4, None),
        LayerRow("c", "Linear", "", (2, 4, 4), (10,), dense, 0, 0.0, 100 if dense else 0, 4, None),
    ]

    found = figures.distribution_sentence(LayerTable.of("made", {}, (1, 4, 4), 10, made))

    assert found.startswith(sentence)
    assert not convolution or found.endswith("of the work for an image (its MACs) is done by convolutions.")


def test_figures_carry_five_digits_and_no_infinity():
    assert [compact(value) for value in (1 / 3, 123_456.0, inf, -inf, 0.0)] == [0.33333, 123_460.0, None, None, 0.0]
