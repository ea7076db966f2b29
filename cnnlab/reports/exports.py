"""Selected runs as files for other programs: figures as CSV, settings as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from cnnlab.config_words import settings
from cnnlab.events import EpochDone
from cnnlab.runs.records import Run
from cnnlab.spreadsheet import csv_text

Epochs = Mapping[str, Sequence[EpochDone]]


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


def comparison_csv(runs: Sequence[Run], macs: Mapping[str, float | None]) -> str:
    """A row for each run: its results, then every setting that one of them has. Accuracies are shares from 0 to 1."""
    values = [settings(run.config) for run in runs]
    names = list(dict.fromkeys(name for each in values for name in each))
    header = [
        *("run", "name", "owner", "tags", "state", "started (UTC)", "epochs done", "best test accuracy", "last test accuracy"),
        *("parameters", "MACs (per image)", "training time (s)", "device", *names),
    ]
    rows = [
        [
            *(run.id, run.name, run.owner, ", ".join(run.tags), run.state.value),
            datetime.fromtimestamp(run.created, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            *(
                run.epochs_done,
                run.best_test_accuracy,
                run.test_accuracy,
                run.parameters,
                macs.get(run.id),
                run.seconds,
                run.device,
            ),
            *(_cell(each.get(name)) for name in names),
        ]
        for run, each in zip(runs, values, strict=True)
    ]
    return csv_text(header, rows)


def _cell(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
