"""Reports, comparisons, findings and files of runs whose figures all differ, kept whole, as texts."""

from __future__ import annotations

import re
from dataclasses import astuple, replace
from datetime import UTC, datetime
from math import inf, nan

import pytest
from golden_text import check

from cnnlab import __version__
from cnnlab.config import RunConfig
from cnnlab.events import EpochDone
from cnnlab.layers.trace import layer_table
from cnnlab.reports import comparison, exports, findings, svg
from cnnlab.reports.comparison import QUANTITIES, Line, Point
from cnnlab.reports.html import html_report
from cnnlab.reports.networks import Network
from cnnlab.reports.thinning import stretches, thin
from cnnlab.runs.records import Run, State

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LENET = RunConfig.make(options={"activation": "relu"}, learning_rate=0.05, momentum=0.9, epochs=4, batch_size=64, seed=1)
CONFIGS = {
    "a": LENET,
    "b": LENET.change(seed=2),
    "c": LENET.change(optimizer="adam", learning_rate=0.001, momentum=0.0, limit=500),
    "d": RunConfig.make(
        architecture="mlp", options={"hidden": (64, 32)}, epochs=3, seed=9, schedule="cosine", validation_share=0.2
    ),
    "e": LENET.change(dataset="mnist", patience=3),
}


def runs() -> dict[str, Run]:
    """Five runs: two of one recipe, others of its network and of another one, and one on other data without a result."""
    made = {
        number: Run(
            id=f"{number}000000{place}",
            name={"a": "first <try>", "b": "first <try>", "c": "Adam & co", "d": "", "e": "x" * 60}[number],
            state={"c": State.STOPPED, "d": State.RUNNING, "e": State.FAILED}.get(number, State.FINISHED),
            config=config,
            created=NOW.timestamp() - 86_400 * place - 61,
            started=NOW.timestamp() - 86_400 * place,
            ended=NOW.timestamp() - 86_400 * place + 100,
            device=("cpu", "cuda:0", "cuda:1", "mps", "")[place],
            message="The loss became infinite." if number == "e" else "",
            epochs_done=4 - place,
            train_loss=0.5 + place / 10,
            train_accuracy=0.91 - place / 100,
            test_accuracy=0.8125 - place / 50,
            best_test_accuracy=round(0.8315 - place / 45, 4),
            parameters=61_706 + 1_000 * place**2,
            seconds=round(12.4 + 100.3 * place, 1),
            owner=("Ana", "Ben", "Ana", "", "<i>")[place],
            note=("", "second seed", "", 'a "note"', "")[place],
            images_per_second=4_321.5 + 1_000 * place,
            tags=(("final",), (), ("x", "y"), (), ())[place],
        )
        for place, (number, config) in enumerate(CONFIGS.items())
    }
    made["e"] = replace(
        made["e"],
        **dict.fromkeys(("test_accuracy", "best_test_accuracy", "parameters", "seconds", "images_per_second", "started", "ended")),
    )
    return made


def curve(place: int, count: int) -> tuple[EpochDone, ...]:
    def done(epoch: int) -> EpochDone:
        train = 2.0 / epoch + place, 0.3 + 0.1 * epoch + 0.03 * place
        test = 2.5 / epoch - 0.1 * place, 0.4 + 0.1 * epoch - 0.02 * place
        times = 3.0 + place + 0.25 * epoch, 0.5, 2.0 + 0.5 * place, 0.25
        kept = (1.75 / epoch, 0.35 + 0.1 * epoch) if place == 3 else ()
        return EpochDone(epoch, 24 * epoch, *(round(each, 4) for each in (*train, *test, 0.05 / epoch, *times, *kept)))

    return tuple(map(done, range(1, count + 1)))


CURVES = {f"{number}000000{place}": curve(place, 4 - place) for place, number in enumerate("abcd")}
MACS: dict[str, float | None] = {"a0000000": 416_520.0, "b0000001": 416_520.0, "c0000002": 420_000.0, "d0000003": None}


def lines_of(html: str) -> str:
    """The file with a line for each tag, row of a table and configuration, without the release's number."""
    broken = re.sub(r"> ?<(?!/|t[dh]|summary|title)", ">\n<", html).replace(f"CNN Lab {__version__}", "CNN Lab …")
    return re.sub(r"<pre>.*?</pre>", lambda found: " ".join(found[0].split()), broken, flags=re.DOTALL)


def without_style(html: str) -> str:
    return re.sub(r"<style>.*?</style>", "<style>…</style>", html, flags=re.DOTALL)


@pytest.mark.parametrize("fold", [False, True], ids=["each", "seeds folded"])
def test_a_report_of_five_runs(fold, regenerate_golden):
    lenet = Network(layer_table("lenet", options={"activation": "relu"}), "<p>drawing of LeNet</p>")
    mlp = Network(layer_table("mlp", options={"hidden": (64, 32)}), "<p>drawing of the MLP</p>")
    networks = {"a0000000": lenet, "b0000001": lenet, "d0000003": mlp}

    html = html_report(list(runs().values()), CURVES, MACS, fold=fold, now=NOW, networks=networks if fold else None)
    if fold:  # the rest is as without
        html = html.partition("<h2>What differs")[2].partition("<h2>Settings")[0]

    check(f"reports/five-{'folded' if fold else 'each'}", without_style(lines_of(html)), regenerate=regenerate_golden)


def test_a_report_of_one_run_with_a_long_network(regenerate_golden):
    table = layer_table("resnet", options={"depth": 18, "width_divisor": 8})
    one = runs()["a"]

    html = html_report([one], CURVES, MACS, now=NOW, networks={one.id: Network(table, "<p>drawing</p>")})

    check("reports/one", lines_of(html), regenerate=regenerate_golden)


def test_reports_without_figures_and_of_equal_runs(regenerate_golden):
    empty = replace(runs()["e"], name="", owner="", epochs_done=0)
    twin = replace(runs()["a"], id="a0000009", name="twin", best_test_accuracy=0.8312)
    losses = (2.0, inf, 1.0, 0.5)
    infinite = {
        "a0000000": tuple(replace(each, test_loss=loss) for each, loss in zip(curve(0, 4), losses, strict=True)),
        "a0000009": tuple(replace(each, test_loss=nan) for each in curve(1, 2)),
    }

    html = html_report([empty], {}, {}, now=NOW) + "\n" + html_report([runs()["a"], twin], infinite, {}, now=NOW)

    check("reports/sparse", without_style(lines_of(html)), regenerate=regenerate_golden)


def shown(line: Line) -> str:
    ids = ", ".join(run.id for run in line.runs)
    values = [[round(number, 4) for number in part] for part in (line.epochs, line.seconds, line.values, line.low, line.high)]
    return f"{line.label} of {ids}{' (folded)' if line.folded else ''}: {'; '.join(map(str, values))}"


def test_runs_side_by_side(regenerate_golden):
    every = list(runs().values())
    lines = ["differences"]
    lines += [
        f"  {each.field}, {each.title}: {' | '.join(each.values)}" for each in comparison.differences([r.config for r in every])
    ]
    lines += ["labels", *(f"  {label}" for label in comparison.labels(every))]
    lines += ["labels without the seed", *(f"  {label}" for label in comparison.labels(every, leave_out=("seed",)))]
    lines += ["groups", *(f"  {[run.id for run in group]}" for group in comparison.groups(every))]
    for quantity, title in QUANTITIES.items():
        ways = ((False, None), (True, None), (False, "optimizer"), (False, "options.hidden"))
        for fold, by in ways if quantity == "test_accuracy" else ways[1:2]:
            lines.append(f"{title} ({quantity}), fold={fold}, by={by}")
            lines += [f"  {shown(line)}" for line in comparison.lines(every, CURVES, quantity, fold=fold, by=by)]
    for fold in (False, True):
        points = comparison.points(every, {run.id: run.seconds for run in every}, fold=fold)
        lines.append(f"points, fold={fold}")
        lines += [f"  {[round(each, 5) if isinstance(each, float) else each for each in astuple(point)]}" for point in points]
        front = comparison.pareto_front(points)
        lines.append(f"  {comparison.trade_offs([point.label for point in front])}")
    lines += [f"numbers: {[value for value in (1, 0.5, True, None, 'x') if comparison.is_number(value)]}"]

    check("reports/comparison", "\n".join(lines) + "\n", regenerate=regenerate_golden)


SIX = {"learning_rate": 0.5, "epochs": 7, "batch_size": 9, "momentum": 0.5, "weight_decay": 0.5, "label_smoothing": 0.5}


def test_findings(regenerate_golden):
    a, b, c, d, e = runs().values()
    best = a.best_test_accuracy
    few = [dict(list(SIX.items())[:count]) for count in range(1, 7)]
    better = replace(
        c, id="c0000008", name="better", best_test_accuracy=0.9, seconds=3.0, config=a.config.change(weight_decay=0.01)
    )
    scenes = {
        **{
            "seeds": [a, b],
            "order": [b, a],
            "one": [c],
            "none": [e],
            "with one without a result": [e, d],
            "four": [d, c, b, better],
        },
        "other data": [replace(e, best_test_accuracy=0.7), a],
        "twin": [a, replace(a, id="a0000009", name="twin", best_test_accuracy=0.5)],
        "near": [a, replace(b, best_test_accuracy=best - 0.0004)],
        "not near": [a, replace(b, best_test_accuracy=best - 0.0006)],
        **{f"{len(each)} changed": [a, replace(b, name="b", config=a.config.change(**each))] for each in few},
    }
    lines = []
    for name, scene in scenes.items():
        lines += [name, f"  {findings.finding(scene)}"]
        for baseline in scene:
            lines += [f"  beside {baseline.id}: {findings.finding(scene, baseline)}"]
            lines += [f"    {astuple(each)}" for each in findings.against(scene, baseline)]
    lines.append(f"a baseline that is not among them: {findings.finding([b, c], a)}")

    check("reports/findings", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_files_for_other_programs(regenerate_golden):
    every = list(runs().values())
    parts = [
        *("metrics", exports.metrics_csv(every, CURVES), "comparison", exports.comparison_csv(every, MACS)),
        *("one configuration", exports.configurations_json(every[3:4]), "two", exports.configurations_json(every[2:4])),
    ]

    text = "\n".join(part.replace("\ufeff", "<mark>").replace("\r\n", "<end>\n") for part in parts)

    check("reports/files", text, regenerate=regenerate_golden)


def test_axes_and_charts(regenerate_golden):
    lines = []
    for low, high, log in (
        *((0.0, 1.0, False), (0.813, 0.8315, False), (0.5, 0.5, False), (0.0, 0.0, False), (-3.0, 2_500.0, False), (0, 7, False)),
        *((61_706, 70_706, True), (1, 900, True), (10, 2_000_000, True), (5, 5, True), (3e-5, 2e10, True), (99, 1_001, True)),
    ):
        axis = svg._Axis(low, high, 64.0, 884.0, log=log)
        ends = ", ".join(f"{axis.at(value):.3f}" for value in (low, high))
        ticks = ", ".join(f"{tick:.6g} at {axis.at(tick):.1f}" for tick in axis.ticks())
        lines.append(f"{low:g} to {high:g}{' by logarithm' if log else ''}: ends at {ends}; ticks {ticks}")
    lines.append(", ".join(f"{n!r} as {svg._number(n)}" for n in (0, 0.5, 12, 999, 1e3, 12_345, 999_999, 1e6, 2.5e6, 1e9, 7.55e9)))
    lines += [f"style {place}: {svg.style_of(place)}" for place in range(26)]
    points = [Point("a", 5.0, 0.5, 0.02), Point("b & c", None, 0.9, 0.0), Point("d", 40.0, 0.75, 0.0), Point("e", 50.0, 0.625, 0.0),
        Point("f", 0.0, 0.8, 0.1)]  # fmt: skip
    lines.append(lines_of(svg.cost_chart(points, "seconds")))
    gap = Line("gap", (), tuple(range(1, 8)), (), (0.1, nan, 0.3, 0.4, inf, 0.2, 0.6), *[(0.1, nan, 0.3, 0.4, inf, 0.2, 0.6)] * 2)
    lines.append(lines_of(svg.curves_chart([gap], "Loss", share=False)))
    lines.append(svg.curves_chart([replace(gap, low=(nan,), high=(nan,))], "Loss", share=False))

    check("reports/charts", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_curves_cut_down(regenerate_golden):
    spiky = [((7 * place) % 23) / 10 for place in range(40)]
    broken = [nan if place in (11, 12, 30) else value for place, value in enumerate(spiky)]
    lines = [
        f"{name}, at most {most}: {found}; joined {stretches(values, found)}"
        for name, values in (("whole", spiky), ("broken", broken))
        for most in (40, 39, 12, 6, 2)
        for found in [thin(values, most)]
    ]
    lines.append(f"usually at most {max(len(thin([place % 7 for place in range(count)])) for count in (499, 500, 501, 5_000))}")

    check("reports/thinning", "\n".join(lines) + "\n", regenerate=regenerate_golden)
