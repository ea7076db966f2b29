"""The layer table as Markdown and LaTeX, and a run's figures as JSON. Needs no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict

from cnnlab.events import EpochDone
from cnnlab.layers import LayerTable
from cnnlab.runs.records import Run
from cnnlab.text import percent, shape_text

_HEADER = ("layer", "kind", "settings", "output", "parameters", "share", "MACs")
_LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "×": r"$\times$",
    "–": "--",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def _rows(table: LayerTable) -> list[tuple[str, ...]]:
    return [
        (
            *(row.path, row.kind, row.settings, shape_text(row.output_shape)),
            *(f"{row.parameters:,}", percent(row.share), f"{row.macs:,}"),
        )
        for row in table.rows
    ]


def _total(table: LayerTable) -> tuple[str, ...]:
    return ("total", "", "", "", f"{table.parameters:,}", "100.0 %", f"{table.macs:,}")


def layers_markdown(table: LayerTable) -> str:
    """A Markdown table with a row for each layer, and the totals. MACs are multiply-accumulates for one image."""
    lines = [_HEADER, ("---",) * 4 + ("---:",) * 3, *_rows(table), _total(table)]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


def layers_latex(table: LayerTable) -> str:
    """A LaTeX table, which needs the package booktabs."""
    body = "".join(f"  {_cells(row)} \\\\\n" for row in _rows(table))
    end = f"  \\midrule\n  {_cells(_total(table))} \\\\\n  \\bottomrule\n\\end{{tabular}}\n"
    return (
        "% needs \\usepackage{booktabs}\n"
        "\\begin{tabular}{llllrrr}\n  \\toprule\n"
        f"  {_cells(_HEADER)} \\\\\n  \\midrule\n{body}{end}"
    )


def _cells(row: Sequence[str]) -> str:
    return " & ".join(latex(cell) for cell in row)


def latex(text: str) -> str:
    """Text in which no character is a command of LaTeX."""
    return re.sub(r"[&%$#_{}\\~^×–]", lambda found: _LATEX[found[0]], text)


def metrics_json(run: Run, epochs: Sequence[EpochDone]) -> str:
    """The figures of each epoch, and the settings. Losses are mean cross-entropy per image in nats, accuracies from 0 to 1."""
    document = {
        "run": run.id,
        "name": run.name,
        "config": run.config.model_dump(mode="json"),
        "epochs": [asdict(e) for e in epochs],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
