"""A report of selected runs as one HTML file in the language of its reader, which can be handed in and needs no network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from cnnlab import __version__
from cnnlab.config_words import settings, title, words
from cnnlab.events import EpochDone
from cnnlab.i18n import N_, _, language, tag, together, translated
from cnnlab.reports import comparison
from cnnlab.reports.comparison import QUANTITIES, Line, Point
from cnnlab.reports.findings import finding
from cnnlab.reports.networks import Network, networks_section, table
from cnnlab.reports.svg import cost_chart, curves_chart
from cnnlab.run_names import name_of, note_of
from cnnlab.runs.records import Run
from cnnlab.state_words import state_word
from cnnlab.text import listed, percent

Epochs = Mapping[str, Sequence[EpochDone]]

# No script and no address: the file will look the same in ten years, and nothing in a name can run or load anything.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_UNITS = N_(
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
    name = " ".join(name_of(runs[0]).split())
    heading = escape(name if len(runs) == 1 else _("{count} runs compared").format(count=len(runs)))
    owners = listed(dict.fromkeys(run.owner for run in runs if run.owner))
    written = together(
        _("Trained by {owners}.").format(owners=owners) if owners else "",
        _("Written by CNN Lab {version} on {when}.").format(version=__version__, when=when),
    )
    text = finding(runs)
    sections = [
        f"<h1>{heading}</h1><p>{escape(written)}</p>",
        f"<p><strong>{escape(text)}</strong></p>" if text else "",
        _heading(_("Results")) + _results(runs, macs) + f"<p class=faint>{translated(_UNITS)}</p>",
        _heading(_("What differs")) + _differences(runs),
        *_charts(runs, epochs, macs, fold=fold),
        networks_section(runs, networks or {}),
        _heading(_("Settings")) + _settings(runs),
    ]
    body = "\n".join(sections)
    return (
        f'<!doctype html>\n<html lang="{tag(language())}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>{heading}</title><style>{_STYLE}</style></head>\n'
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def _heading(text: str) -> str:
    return f"<h2>{text}</h2>"


def _results(runs: Sequence[Run], macs: Mapping[str, float | None]) -> str:
    columns: tuple[tuple[str, bool, Callable[[Run], str]], ...] = (
        (_("Run"), False, name_of),
        (_("Id"), False, lambda run: run.id),
        (_("Started"), False, lambda run: datetime.fromtimestamp(run.created, UTC).strftime("%Y-%m-%d %H:%M UTC")),
        (_("Owner"), False, lambda run: run.owner),
        (_("State"), False, state_word),
        (_("Network"), False, lambda run: run.config.network),
        (_("Data"), False, lambda run: words("dataset", run.config.dataset)),
        (_("Seed"), True, lambda run: str(run.config.seed)),
        (_("Epochs"), True, lambda run: _("{count} of {total}").format(count=run.epochs_done, total=run.config.epochs)),
        (_("Best accuracy"), True, lambda run: percent(run.best_test_accuracy)),
        (_("Last accuracy"), True, lambda run: percent(run.test_accuracy)),
        (_("Parameters"), True, lambda run: _count(run.parameters)),
        (_("MACs per image"), True, lambda run: _count(macs.get(run.id))),
        (_("Seconds"), True, lambda run: _count(run.seconds)),
        (_("Images/s"), True, lambda run: _count(run.images_per_second)),
        (_("Device"), False, lambda run: run.device),
        (_("Tags"), False, lambda run: ", ".join(run.tags)),
        (_("Note"), False, note_of),
    )
    filled = [column for column in columns if any(column[2](run) not in ("", comparison.ABSENT) for run in runs)]
    return table([(name, right) for name, right, _ in filled], [[cell(run) for _, _, cell in filled] for run in runs])


def _differences(runs: Sequence[Run]) -> str:
    rows = comparison.differences([run.config for run in runs])
    if not rows:
        same, alone = _("Nothing: the configurations are the same."), _("There is one run only.")
        return f"<p>{same if len(runs) > 1 else alone}</p>"
    header = [(_("Setting"), False), *((label, False) for label in comparison.labels(runs))]
    return table(header, [[row.title, *row.values] for row in rows])


def _charts(runs: Sequence[Run], epochs: Epochs, macs: Mapping[str, float | None], *, fold: bool) -> list[str]:
    parts = []
    for quantity in ("test_accuracy", "test_loss"):
        lines: tuple[Line, ...] = comparison.lines(runs, epochs, quantity, fold=fold)
        if lines:
            name = translated(QUANTITIES[quantity])
            chart = curves_chart(lines, name, share=quantity == "test_accuracy")
            parts.append(_heading(_("{quantity} after each epoch").format(quantity=name)) + chart)
    costs: tuple[tuple[str, str, Mapping[str, float | None]], ...] = (
        (_("Best test accuracy against parameters"), _("parameters"), {run.id: run.parameters for run in runs}),
        (_("Best test accuracy against MACs"), _("multiply-accumulates for one image"), macs),
        (_("Best test accuracy against time"), _("seconds of training"), {run.id: run.seconds for run in runs}),
    )
    for title_, unit, values in costs:
        candidates: tuple[Point, ...] = comparison.points(runs, dict(values), fold=fold)
        if sum(1 for point in candidates if point.cost) > 1:
            parts.append(_heading(title_) + cost_chart(candidates, unit))
    return parts


def _settings(runs: Sequence[Run]) -> str:
    """All settings of the first run in words, where runs share them; and each run's as JSON, to train it again."""
    values = settings(runs[0].config)
    differing = {row.field for row in comparison.differences([run.config for run in runs])}
    same = [
        [title(name, runs[0].config.architecture), words(name, value)] for name, value in values.items() if name not in differing
    ]
    of_all = "" if len(runs) == 1 else f"<p>{_('The same in all runs:')}</p>"
    return of_all + table([(_("Setting"), False), (_("Value"), False)], same) + "".join(map(_configuration, runs))


def _configuration(run: Run) -> str:
    document = json.dumps(run.config.model_dump(mode="json"), indent=2, ensure_ascii=False)
    return (
        f"<details><summary>{escape(name_of(run))} <small>{_('{id}, as JSON').format(id=run.id)}</small></summary>"
        f"<pre>{escape(document)}</pre></details>"
    )


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"
