"""Small promises of what is shown and kept: directions of writing, formats, notices, times, axes, orders."""

from __future__ import annotations

import time
from datetime import datetime
from importlib import import_module
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from made_runs import CONFIG
from page_runs import RunsLab

from cnnlab.config_words import setting
from cnnlab.events import CheckpointSaved, EpochDone, Notice, Progress, RunPaused, RunResumed, RunStarted
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from pages._parts.forms import settings
from pages._parts.live import snapshot
from pages._parts.markdown import isolated
from pages._parts.runs import export


@pytest.mark.parametrize("sign", ["א", "ع", *"\u202b\u202e\u2067\u202d\u202a\u2068\u2066"])
def test_a_name_that_turns_the_direction_of_writing_is_isolated(sign):
    assert isolated(f"Ana {sign}") == f"\u2068Ana {sign}\u2069"
    assert isolated("Zoë 王 1") == "Zoë 王 1"


@pytest.mark.parametrize("value", [0.001, 1e-05, 0.9, 12.5, 300.0])
def test_a_number_in_the_form_reads_as_it_is(monkeypatch, value):
    monkeypatch.setattr(settings.st, "number_input", lambda *_, format, **__: format)
    written = settings._number(setting("learning_rate"), {})
    assert float(written % value) == value


def done(epoch):
    return EpochDone(epoch, 10 * epoch, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0, 0.1, 0.8, 0.1)


def test_what_a_resumed_training_emits_again_is_kept_once_and_what_happened_to_the_run_stays(tmp_path):
    store = Store(tmp_path)
    run_id = store.create(CONFIG.change(epochs=3), "a")
    store.transition(run_id, State.STARTING, device="cpu")
    repeated = [
        Progress(2, 5, 10, 15, 1.0, 0.5, 100.0, 0.1, 0.5, 1.0, 1.0),
        Notice("precision", 2, "said twice"),
        done(2),
        CheckpointSaved("last", 2, 0.5, 20),
    ]
    store.add(run_id, RunStarted("cpu", "CPU", 10, 100, 100, 10, 3, 10), to=State.RUNNING)
    store.add(run_id, done(1))
    for event in repeated:
        store.add(run_id, event)
    store.pause(run_id)
    store.add(run_id, RunPaused(2, 20, 2.0), to=State.PAUSED)
    store.transition(run_id, State.QUEUED)
    store.transition(run_id, State.STARTING, device="cpu")
    store.add(run_id, RunResumed(1, 10, 1, 3, "cpu", "CPU", 1.0), to=State.RUNNING, history=[done(1)])
    for event in repeated:
        store.add(run_id, event)

    kinds = [type(event).__name__ for _, event in store.events(run_id)]
    assert kinds == ["RunStarted", "EpochDone", "RunPaused", "RunResumed", "Notice", "EpochDone", "CheckpointSaved"]
    assert len(store.progress(run_id, 10)) == 1
    store.close()


def test_the_list_of_runs_has_the_local_time(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        lab = RunsLab(tmp_path)
        run = lab.run(lab.made())
        shown = " ".join(import_module("cnnlab.cli.runs")._row(run))
        lab.store.close()
        assert datetime.fromtimestamp(run.created, ZoneInfo("Asia/Tokyo")).strftime("%H:%M") in shown
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("state", "axis"),
    [(State.FAILED, 1), (State.STOPPED, 1), (State.FINISHED, 1), (State.PAUSED, 9), (State.INTERRUPTED, 9), (State.RUNNING, 9)],
)
def test_curves_of_a_run_that_is_over_span_what_it_has_done_and_others_what_is_planned(tmp_path, monkeypatch, state, axis):
    lab = RunsLab(tmp_path)
    run_id = lab.made(epochs=9)
    lab.begin(run_id)
    if state is State.FINISHED:
        lab.store.transition(run_id, state)
    elif state is State.STOPPED:
        lab.store.stop(run_id)
        lab.store.transition(run_id, state)
    elif state is State.PAUSED:
        lab.store.pause(run_id)
        lab.store.transition(run_id, state)
    elif state is not State.RUNNING:
        lab.store.transition(run_id, state)
    spans = []
    for name in ("loss_curve", "accuracy_curve"):
        curve = getattr(snapshot, name)
        monkeypatch.setattr(
            snapshot, name, lambda *given, curve=curve, **more: spans.append((given[3], more["over"])) or curve(*given, **more)
        )
    live = snapshot.LiveRun(lab, run_id, SimpleNamespace(poll_every=1.0, redraw_every=1.0), iter(range(1, 99)))
    live.snapshot(logarithmic=False)
    lab.store.close()

    assert spans == [(axis, axis == 1)] * 2


def test_files_of_selected_runs_have_them_in_the_order_of_selection(monkeypatch):
    runs = {run_id: SimpleNamespace(id=run_id) for run_id in ("c0000000", "a0000000", "b0000000")}
    built = {}

    class Popover:
        __enter__ = __exit__ = lambda *_: None

    def button(label, build, *_, **__):
        built[label] = build

    monkeypatch.setattr(export.st, "popover", lambda *_, **__: Popover())
    monkeypatch.setattr(export.st, "download_button", button)
    monkeypatch.setattr(export, "macs_of", lambda lab, chosen: {})
    monkeypatch.setattr(export, "networks_of", lambda lab, chosen: {})
    for module, name in (
        (export.exports, "metrics_csv"),
        (export.exports, "comparison_csv"),
        (export.exports, "configurations_json"),
    ):
        monkeypatch.setattr(module, name, lambda chosen, *_: [run.id for run in chosen])
    monkeypatch.setattr(export.report, "html_report", lambda chosen, *_, **__: [run.id for run in chosen])
    lab = SimpleNamespace(run=runs.__getitem__, epochs=lambda run_id: ())

    export.export(lab, list(runs), fold=False)

    assert set(built) == {"Report", "Comparison", "Metrics", "Configuration"}
    assert {label: build() for label, build in built.items()} == {label: list(runs) for label in built}
