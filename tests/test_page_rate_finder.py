"""Find a learning rate: the form's settings are tested, the curve is explained, and a button takes the suggested rate."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest
from page_fakes import open_page, widget
from page_runs import RunsLab

from cnnlab.errors import ComputeError
from cnnlab.figures.range_test import range_figure
from cnnlab.values import RangeTest, RangeTestState
from pages._parts.forms import rate_finder

RATES = tuple(10.0**power for power in (-3, -2, -1, 0))
CURVE = RangeTest(RATES, (2.3, 2.0, 1.0, 4.0), 4, 0.025)


class Rates:
    """A finder whose answers are made up."""

    def __init__(self, *states: RangeTestState) -> None:
        self.states, self.asked, self.cancelled = list(states), [], []
        self.refusal: ComputeError | None = None

    def test(self, config):
        if self.refusal:
            raise self.refusal
        self.asked.append(config)
        return self.state(config)

    def state(self, config):
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def cancel(self, config):
        self.cancelled.append(config)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.setattr(rate_finder, "EVERY_SECONDS", 0.0)
    lab = RunsLab(tmp_path)
    lab.rates = Rates(RangeTestState("done", CURVE))
    yield lab
    lab.store.close()


def texts(app):
    return " ".join(each.value for each in (*app.markdown, *app.caption)).replace("\\", "")


def find(monkeypatch, lab, **address):
    app = open_page(monkeypatch, "train", lab, **address)
    widget(app.button, "Find a learning rate").click().run()
    assert not app.exception
    return app


def test_the_suggested_rate_is_explained_and_taken_with_a_click(monkeypatch, lab):
    app = find(monkeypatch, lab, architecture="lenet", learning_rate="0.5", batch_size="64")

    assert lab.rates.asked[0].learning_rate == 0.5
    assert (
        "The rate grew from 0.001 to 1 in 4 steps of 64 images. Beyond 0.1, the steps overshoot and the loss rises. "
        "A quarter of it, 0.025, is a good start"
    ) in texts(app)
    assert "The form has 0.5." in texts(app)
    widget(app.button, "Use 0.025").click().run()

    assert widget(app.number_input, "Learning rate").value == 0.025
    assert app.query_params["learning_rate"] in ("0.025", ["0.025"])
    assert not [each for each in app.button if each.label == "Use 0.025"]
    assert lab.runs() == ()


def test_a_test_that_runs_is_waited_for(monkeypatch, lab):
    part = RangeTest(RATES[:2], (2.3, 2.0), 4, None)
    lab.rates = Rates(RangeTestState("running"), RangeTestState("running", part), RangeTestState("done", CURVE))

    app = find(monkeypatch, lab)

    assert widget(app.button, "Use 0.025")
    assert lab.rates.cancelled == []


def test_a_network_that_does_not_begin_to_learn_gets_no_rate(monkeypatch, lab):
    lab.rates = Rates(RangeTestState("done", RangeTest(RATES, (2.3, 2.3, 2.3, 2.3), 4, None)))

    app = find(monkeypatch, lab)

    assert "The loss fell at none of these rates" in texts(app)
    assert not [each for each in app.button if each.label.startswith("Use 0")]


def test_a_network_that_only_learns_to_guess_gets_no_rate_and_says_so(monkeypatch, lab):
    lab.rates = Rates(RangeTestState("done", RangeTest(RATES, (2.7, 2.5, 2.33, 2.6), 4, None)))

    app = find(monkeypatch, lab)

    assert "**The loss falls to that of guessing, and no further**" in texts(app)
    assert "only learnt to guess" in texts(app)
    assert not [each for each in app.button if each.label.startswith("Use 0")]


def test_a_curve_that_falls_to_its_end_is_not_called_rising(monkeypatch, lab):
    lab.rates = Rates(RangeTestState("done", RangeTest(RATES, (2.3, 2.0, 1.0, 0.5), 4, 0.25)))

    assert "Beyond 1, nothing was tried." in texts(find(monkeypatch, lab))


@pytest.mark.parametrize("failed", [True, False])
def test_why_there_is_no_curve_is_said_in_a_sentence(monkeypatch, lab, failed):
    sentence = "A step of this network takes 4.0 s here."
    lab.rates = Rates(RangeTestState("failed", problem=sentence))
    lab.rates.refusal = None if failed else ComputeError(sentence)

    assert [each.value for each in find(monkeypatch, lab).error] == [sentence]


def test_nobody_waits_for_ever(monkeypatch, lab):
    monkeypatch.setattr(rate_finder, "LONGEST", 0.0)
    lab.rates = Rates(RangeTestState("running"))

    app = find(monkeypatch, lab)

    assert len(lab.rates.cancelled) == 1
    assert [each.value for each in app.error] == ["The range test was ended."]


def test_data_that_are_not_here_cannot_be_tested(monkeypatch, tmp_path):
    lab = RunsLab(tmp_path, here=("sample",))

    app = open_page(monkeypatch, "train", lab, dataset="mnist")

    assert widget(app.button, "Find a learning rate").disabled
    lab.store.close()


def test_the_figure_marks_the_suggested_rate_on_a_logarithmic_axis():
    figure = range_figure(CURVE.rates, CURVE.losses, CURVE.suggested)

    go.Figure(figure)  # Plotly checks it against its schema
    curve, mark = figure["data"]
    assert (curve["x"], curve["y"]) == ([0.001, 0.01, 0.1, 1.0], [2.3, 2.0, 1.0, 4.0])
    assert (mark["x"], mark["y"], mark["text"]) == ([0.025], [2.0], ["0.025"])
    assert figure["layout"]["xaxis"]["type"] == "log"
    low, high = figure["layout"]["yaxis"]["range"]
    assert low < min(CURVE.losses)
    assert CURVE.losses[0] < high < max(CURVE.losses)  # a loss that has left does not flatten the rest
    assert len(range_figure(CURVE.rates, CURVE.losses, None)["data"]) == 1
