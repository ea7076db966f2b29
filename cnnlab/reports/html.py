"""Exports of selected runs: their figures as CSV, their settings as JSON, and a report as one HTML file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from cnnlab import __version__
from cnnlab.config_words import words
from cnnlab.events import EpochDone
from cnnlab.reports import comparison
from cnnlab.reports.comparison import QUANTITIES, Line, Point
from cnnlab.reports.svg import cost_chart, curves_chart
from cnnlab.runs.records import Run
from cnnlab.spreadsheet import csv_text
from cnnlab.text import percent

Epochs = Mapping[str, Sequence[EpochDone]]

# No script and no address: the file will look the same in ten years, and nothing in a name can run or load anything.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


def metrics_csv(runs: Sequence[Run], epochs: Epochs) -> str:
    """A row for each epoch of each run. Losses are mean cross-entropy per image in nats, accuracies shares from 0 to 1."""
    names = [field.name for field in fields(EpochDone)]
    rows = (
        [run.id, run.name, run.config.architecture, run.config.dataset, run.config.seed, *(getattr(done, name) for name in names)]
        for run in runs
        for done in epochs.get(run.id, ())
    )
    return csv_text(["run", "name", "architecture", "dataset", "seed", *names], rows)


def configurations_json(runs: Sequence[Run]) -> str:
    """One run's configuration as `RunConfig.from_json` reads it; for several runs, a list with ids and names."""
    if len(runs) == 1:
        document: Any = runs[0].config.model_dump(mode="json")
    else:
        document = [{"run": run.id, "name": run.name, "config": run.config.model_dump(mode="json")} for run in runs]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def html_report(
    runs: Sequence[Run], epochs: Epochs, macs: Mapping[str, float | None], *, fold: bool = False, now: datetime | None = None
) -> str:
    """The selected runs as one HTML page: results, differences, curves, costs and complete configurations."""
    when = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    title = f"{len(runs)} run{'s' if len(runs) != 1 else ''} of CNN Lab"
    sections = [
        f"<h1>{title}</h1><p class=faint>Written by CNN Lab {escape(__version__)} on {when}. Accuracies are of the test images; "
        "losses are mean cross-entropy per image.</p>",
        "<h2>Results</h2>" + _results(runs, macs),
        "<h2>What differs</h2>" + _differences(runs),
        *_charts(runs, epochs, macs, fold=fold),
        "<h2>Configurations</h2>" + "".join(map(_configuration, runs)),
    ]
    body = "\n".join(sections)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style></head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def _results(runs: Sequence[Run], macs: Mapping[str, float | None]) -> str:
    columns: tuple[tuple[str, bool, Callable[[Run], str]], ...] = (
        ("Run", False, lambda run: run.name or run.id),
        ("Id", False, lambda run: run.id),
        ("Owner", False, lambda run: run.owner),
        ("State", False, lambda run: run.state.value),
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
        ("Note", False, lambda run: run.note),
    )
    filled = [column for column in columns if any(column[2](run) not in ("", comparison.ABSENT) for run in runs)]
    return _table([(name, right) for name, right, _ in filled], [[cell(run) for _, _, cell in filled] for run in runs])


def _differences(runs: Sequence[Run]) -> str:
    rows = comparison.differences([run.config for run in runs])
    if not rows:
        return "<p>Nothing: the configurations are the same.</p>" if len(runs) > 1 else "<p>There is one run only.</p>"
    header = [("Setting", False), *((label, False) for label in comparison.labels(runs))]
    return _table(header, [[row.title, *row.values] for row in rows])


def _charts(runs: Sequence[Run], epochs: Epochs, macs: Mapping[str, float | None], *, fold: bool) -> list[str]:
    parts = []
    for quantity in ("test_accuracy", "test_loss"):
        lines: tuple[Line, ...] = comparison.lines(runs, epochs, quantity, fold=fold)
        if lines:
            parts.append(
                f"<h2>{QUANTITIES[quantity]}</h2>" + curves_chart(lines, QUANTITIES[quantity], share=quantity == "test_accuracy")
            )
    costs: tuple[tuple[str, str, Mapping[str, float | None]], ...] = (
        ("parameters", "parameters", {run.id: run.parameters for run in runs}),
        ("MACs", "multiply-accumulates for one image", macs),
        ("time", "seconds of training", {run.id: run.seconds for run in runs}),
    )
    for title, unit, values in costs:
        candidates: tuple[Point, ...] = comparison.points(runs, dict(values), fold=fold)
        if sum(1 for point in candidates if point.cost) > 1:
            parts.append(f"<h2>Best test accuracy against {title}</h2>" + cost_chart(candidates, unit))
    return parts


def _configuration(run: Run) -> str:
    document = json.dumps(run.config.model_dump(mode="json"), indent=2, ensure_ascii=False)
    return (
        f"<details><summary>{escape(run.name or run.id)} <small>{run.id}</small></summary><pre>{escape(document)}</pre></details>"
    )


def _table(header: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> str:
    marks = [" class=n" if right else "" for _, right in header]
    head = "".join(f"<th{mark}>{escape(name)}</th>" for mark, (name, _) in zip(marks, header, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{mark}>{escape(cell)}</td>' for mark, cell in zip(marks, row, strict=True))}</tr>" for row in rows
    )
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"
