"""Sweeps as text: the dialog that starts one, its view in three states, and the line of all sweeps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from golden_lab import ManyRuns, unhurried, with_steps
from golden_text import NOW, check
from page_fakes import FakeLab, open_page, widget
from page_sweeps import trial
from page_text import dialog_text, page_text, without_pictures
from streamlit.testing.v1 import AppTest

from cnnlab.config import RunConfig
from cnnlab.runs.records import State
from cnnlab.sweeps.values import SweepConfig

BASE = RunConfig.make(learning_rate=0.1, epochs=4, validation_share=0.1)
DIMENSIONS = (
    {"setting": "learning_rate", "low": 0.001, "high": 1.0, "log": True},
    {"setting": "options.hidden", "values": [[120, 84], [60, 40]]},
    {"setting": "options.activation", "values": ["sigmoid", "relu"]},
)
SEARCH = SweepConfig.make(base=BASE, method="tpe", runs=12, minutes=5, prune=True, dimensions=DIMENSIONS)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    unhurried(monkeypatch)
    lab = ManyRuns(tmp_path)
    lab.home = "home"
    yield lab
    lab.store.close()


def made(lab: ManyRuns):
    """Trials in every state; the first two are runs in the record."""
    plain = (
        ("finished", 0.75, 0.0312, (120, 84), "relu"), ("pruned", 0.125, 0.9, (120, 84), "sigmoid"),
        ("training", 0.5, 0.1, (60, 40), "relu"), ("stopped", 0.25, 0.002, (60, 40), "sigmoid"),
        ("failed", None, 0.3, (60, 40), "relu"), ("waiting", None, 0.01, (120, 84), "relu"),
    )  # fmt: skip
    trials = []
    for number, (state, accuracy, rate, hidden, activation) in enumerate(plain, 1):
        values = {"learning_rate": rate, "options.hidden": hidden, "options.activation": activation}
        run_id = ""
        if state in ("finished", "pruned"):
            run_state = State.FINISHED if state == "finished" else State.STOPPED
            run_id = lab.add(f"Run {number}", (0.25, accuracy - 0.0625), run_state, validation=0.0625, **BASE.model_dump())
        each = trial(number, accuracy, state, run_id, **values)
        trials.append(replace(each, message="Stopped after epoch 2: it was worse." if state == "pruned" else ""))
    return trials


@pytest.mark.parametrize("method", ["grid", "tpe"])
def test_the_dialog(regenerate_golden, method):
    def page(lab, config):
        from pages._parts.forms.several import several_values

        several_values(lab, config, key="of the test")

    lab = FakeLab()
    lab.need = replace(lab.need, seconds_total=30.0)
    app = AppTest.from_function(page, args=(lab, RunConfig.make(learning_rate=0.1)), default_timeout=60).run()
    widget(app.button, "Try several values").click().run()
    widget(app.get("button_group"), "How to choose the values").set_value(method).run()
    widget(app.get("button_group"), "How many settings to vary").set_value(4 if method == "tpe" else 1).run()
    if method == "tpe":
        widget(app.get("button_group"), "How to give “Learning rate”").set_value(True).run()

    check(f"pages/sweep-dialog-{method}", dialog_text(app), regenerate=regenerate_golden)


@pytest.mark.parametrize("state", ["running", "stopped", "failed"])
def test_the_view(monkeypatch, lab, regenerate_golden, state):
    trials = made(lab)
    message = {"stopped": "You stopped it.", "failed": "Optuna's study cannot be read."}.get(state, "")
    lab.sweeps.keep(
        "a0000001", SEARCH, *trials, owner="" if state == "stopped" else "Ana", state=state, created=NOW, message=message
    )

    app = open_page(monkeypatch, "runs", lab, sweep="a0000001")

    text = page_text(app)
    check(f"pages/sweep-{state}", text if state == "running" else without_pictures(text), regenerate=regenerate_golden)


def test_the_line_of_sweeps(monkeypatch, lab, regenerate_golden):
    trials = made(lab)
    for number, (name, state) in enumerate((("<b>*a*", "finished"), ("b" * 90, "running"), ("c", "failed")), 1):
        lab.sweeps.keep(
            f"a000000{number}", SEARCH, *trials[:number], name=name, owner="Ana" * (number % 2), state=state, created=NOW
        )

    app = open_page(monkeypatch, "runs", lab)

    check("pages/sweeps-line", with_steps(app).partition("text_input label=Search")[0], regenerate=regenerate_golden)
