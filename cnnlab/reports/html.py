"""A report of selected runs as one HTML file, which can be handed in and needs no network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from cnnlab import __version__
from cnnlab.config_words import settings, title, words
from cnnlab.events import EpochDone
from cnnlab.reports import comparison
from cnnlab.reports.comparison import QUANTITIES, Line, Point
from cnnlab.reports.findings import finding
from cnnlab.reports.networks import Network, networks_section, table
from cnnlab.reports.svg import cost_chart, curves_chart
from cnnlab.runs.records import Run
from cnnlab.state_words import state_word
from cnnlab.text import percent

Epochs = Mapping[str, Sequence[EpochDone]]

# No script and no address: the file will look the same in ten years, and nothing in a name can run or load anything.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_UNITS = (
    "Accuracies are shares of the test images with the right answer: best is the highest of all epochs, last is that of the last "
    "epoch. Losses are mean cross-entropy per image. MACs are multiply-accumulates for one image."
)
_STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


def html_report(
    runs: Sequence[Run],
    epochs: Epochs,
    macs: Mapping[str, float | None],
    *,
    fold: bool = False,
    now: datetime | None = None,
    networks: Mapping[str, Network] | None = None,
) -> str:
    """The selected runs as one HTML page: results, differences, curves, costs, networks and complete settings.

    `networks` holds the layer table and the drawing of each run's network, by the run's id.
    """
    when = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    heading = escape(" ".join((runs[0].name or runs[0].id).split())) if len(runs) == 1 else f"{len(runs)} runs compared"
    owners = ", ".join(dict.fromkeys(run.owner for run in runs if run.owner))
    by = f"Trained by {escape(owners)}. " if owners else ""
    text = finding(runs)
    sections = [
        f"<h1>{heading}</h1><p>{by}Written by CNN Lab {escape(__version__)} on {when}.</p>",
        f"<p><strong>{escape(text)}</strong></p>" if text else "",
        "<h2>Results</h2>" + _results(runs, macs) + f"<p class=faint>{_UNITS}</p>",
        "<h2>What differs</h2>" + _differences(runs),
        *_charts(runs, epochs, macs, fold=fold),
        networks_section(runs, networks or {}),
        "<h2>Settings</h2>" + _settings(runs),
    ]
    body = "\n".join(sections)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>{heading}</title><style>{_STYLE}</style></head>\n'
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def _results(runs: Sequence[Run], macs: Mapping[str, float | None]) -> str:
    columns: tuple[tuple[str, bool, Callable[[Run], str]], ...] = (
        ("Run", False, lambda run: run.name or run.id),
        ("Id", False, lambda run: run.id),
        ("Started", False, lambda run: datetime.fromtimestamp(run.created, UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("Owner", False, lambda run: run.owner),
        ("State", False, state_word),
        ("Network", False, lambda run: words("architecture", run.config.architecture)),
        ("Data", False, lambda run: words("dataset", run.config.dataset)),
        ("Seed", True, lambda run: str(run.config.seed)),
        ("Epochs", True, lambda run: f"{run.epochs_done} of {run.config.epochs}"),
        ("Best accuracy", True, lambda run: percent(run.best_test_accuracy)),
        ("Last accuracy", True, lambda run: percent(run.test_accuracy)),
        ("Parameters", True, lambda run: _count(run.parameters)),
        ("MACs per image", True, lambda run: _count(macs.get(run.id))),
        ("Seconds", True, lambda run: _count(run.seconds)),
        ("Images/s", True, lambda run: _count(run.images_per_second)),
        ("Device", False, lambda run: run.device),
        ("Tags", False, lambda run: ", ".join(run.tags)),
        ("Note", False, lambda run: run.note),
    )
    filled = [column for column in columns if any(column[2](run) not in ("", comparison.ABSENT) for run in runs)]
    return table([(name, right) for name, right, _ in filled], [[cell(run) for _, _, cell in filled] for run in runs])


def _differences(runs: Sequence[Run]) -> str:
    rows = comparison.differences([run.config for run in runs])
    if not rows:
        return "<p>Nothing: the configurations are the same.</p>" if len(runs) > 1 else "<p>There is one run only.</p>"
    header = [("Setting", False), *((label, False) for label in comparison.labels(runs))]
    return table(header, [[row.title, *row.values] for row in rows])


def _charts(runs: Sequence[Run], epochs: Epochs, macs: Mapping[str, float | None], *, fold: bool) -> list[str]:
    parts = []
    for quantity in ("test_accuracy", "test_loss"):
        lines: tuple[Line, ...] = comparison.lines(runs, epochs, quantity, fold=fold)
        if lines:
            parts.append(
                f"<h2>{QUANTITIES[quantity]} after each epoch</h2>"
                + curves_chart(lines, QUANTITIES[quantity], share=quantity == "test_accuracy")
            )
    costs: tuple[tuple[str, str, Mapping[str, float | None]], ...] = (
        ("parameters", "parameters", {run.id: run.parameters for run in runs}),
        ("MACs", "multiply-accumulates for one image", macs),
        ("time", "seconds of training", {run.id: run.seconds for run in runs}),
    )
    for name, unit, values in costs:
        candidates: tuple[Point, ...] = comparison.points(runs, dict(values), fold=fold)
        if sum(1 for point in candidates if point.cost) > 1:
            parts.append(f"<h2>Best test accuracy against {name}</h2>" + cost_chart(candidates, unit))
    return parts


def _settings(runs: Sequence[Run]) -> str:
    """All settings of the first run in words, where runs share them; and each run's as JSON, to train it again."""
    values = settings(runs[0].config)
    differing = {row.field for row in comparison.differences([run.config for run in runs])}
    same = [
        [title(name, runs[0].config.architecture), words(name, value)] for name, value in values.items() if name not in differing
    ]
    of_all = "" if len(runs) == 1 else "<p>The same in all runs:</p>"
    return of_all + table([("Setting", False), ("Value", False)], same) + "".join(map(_configuration, runs))


def _configuration(run: Run) -> str:
    document = json.dumps(run.config.model_dump(mode="json"), indent=2, ensure_ascii=False)
    return (
        f"<details><summary>{escape(run.name or run.id)} <small>{run.id}, as JSON</small></summary>"
        f"<pre>{escape(document)}</pre></details>"
    )


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"
