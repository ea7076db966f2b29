"""Change one thing: a twin is started from a run's page or from a finding, and Runs shows both side by side."""

from __future__ import annotations

import pytest
from page_fakes import open_page, switched_pages, widget
from test_page_runs import ComparingLab

from cnnlab.errors import LimitError
from cnnlab.runs.records import State
from pages._parts.twins import side_by_side


@pytest.fixture
def lab(tmp_path):
    lab = ComparingLab(tmp_path)
    lab.home = tmp_path
    yield lab
    lab.store.close()


@pytest.fixture
def opened(monkeypatch):
    return switched_pages(monkeypatch)


def dialog(monkeypatch, lab, run_id):
    app = open_page(monkeypatch, "train", lab, run=run_id)
    widget(app.button, "Change one thing").click().run()
    assert not app.exception
    return app


def start(app):
    return next(each for each in app.button if each.key == "twin: start")


def pick(app, name, which=0):
    """Chooses the setting to change."""
    lists = [each for each in app.selectbox if each.label.startswith("What to change")]
    chosen = next(each for each in lists[which].options if each.startswith(f"{name}:"))
    lists[which].select_index(lists[which].options.index(chosen)).run()
    return chosen


def texts(app):
    return " ".join(each.value for each in (*app.markdown, *app.caption)).replace("\\", "")


def newest(lab):
    return lab.runs()[0]


def test_a_twin_starts_at_once_and_both_are_opened_side_by_side(monkeypatch, lab, opened):
    run_id = lab.ended("a", learning_rate=0.9, seed=5)
    app = dialog(monkeypatch, lab, run_id)
    assert start(app).disabled
    assert "Choose another value than the run has now." in texts(app)

    widget(app.number_input, "Learning rate").set_value(0.1).run()
    assert not start(app).disabled
    start(app).click().run()

    twin = newest(lab)
    assert (twin.config, twin.state) == (lab.run(run_id).config.change(learning_rate=0.1), State.QUEUED)
    assert twin.name == "lenet on sample, learning rate 0.1 instead of 0.9"
    assert twin.note == f"Trained for a comparison with run {run_id}."
    assert twin.tags == (f"compare:{run_id}",)
    assert opened == [("pages/runs.py", {"runs": f"{run_id},{twin.id}", "base": run_id, "apart": "true"})]


def test_the_list_shows_what_each_setting_is_now(monkeypatch, lab):
    app = dialog(monkeypatch, lab, lab.ended("a", learning_rate=0.9, optimizer="adam"))

    shown = app.selectbox[0].options
    assert shown[:3] == ["Optimiser: Adam", "Learning rate: 0.9", "Epochs: 2"]
    assert not [each for each in shown if each.startswith(("Seed", "Data set", "Momentum:"))]


@pytest.mark.parametrize(
    ("name", "change", "settings"),
    [
        ("Activation", lambda app: widget(app.selectbox, "Activation").select("relu"), {"activation": "relu"}),
        ("Batch normalisation", lambda app: widget(app.toggle, "Batch normalisation").set_value(True), {"batch_norm": True}),
        ("Hidden layers", lambda app: widget(app.text_input, "Hidden layers").set_value("40, 20"), {"hidden": (40, 20)}),
    ],
)
def test_an_option_of_the_network_can_be_changed(monkeypatch, lab, opened, name, change, settings):  # noqa: PLR0917
    app = dialog(monkeypatch, lab, lab.ended("a"))
    pick(app, name)

    change(app).run()
    start(app).click().run()

    config = newest(lab).config
    assert {key: config.options[key] for key in settings} == settings
    assert len(opened) == 1


def test_a_value_that_is_not_allowed_is_named_and_starts_nothing(monkeypatch, lab):
    app = dialog(monkeypatch, lab, lab.ended("a"))

    widget(app.number_input, "Learning rate").set_value(-1.0).run()

    assert app.error[0].value.startswith("Learning rate must be a number above 0")
    assert start(app).disabled


def test_a_second_setting_can_be_changed_too(monkeypatch, lab, opened):
    app = dialog(monkeypatch, lab, lab.ended("a"))
    widget(app.number_input, "Learning rate").set_value(0.5).run()

    widget(app.toggle, "Change a second setting").set_value(True).run()
    pick(app, "Batch size", which=1)
    widget(app.number_input, "Batch size").set_value(64).run()
    start(app).click().run()

    config = newest(lab).config
    assert (config.learning_rate, config.batch_size) == (0.5, 64)


def test_three_seeds_of_each_are_five_more_runs_and_are_compared_as_means(monkeypatch, lab, opened):
    run_id = lab.ended("a", learning_rate=0.9)
    app = dialog(monkeypatch, lab, run_id)
    widget(app.number_input, "Learning rate").set_value(0.1).run()

    widget(app.toggle, "Three seeds of each").set_value(True).run()
    assert "Trains 5 runs: seeds 0 to 2 of each. The original took" in texts(app)
    start(app).click().run()

    assert [(run.config.learning_rate, run.config.seed) for run in lab.queue()] == [
        (0.1, 0), (0.9, 1), (0.1, 1), (0.9, 2), (0.1, 2),
    ]  # fmt: skip
    ((_, address),) = opened
    assert [lab.run(each).config.seed for each in address["runs"].split(",")] == [0, 1, 2, 0, 1, 2]
    assert (address["base"], address["fold"]) == (run_id, "true")


def test_what_exists_is_compared_and_not_trained_again(monkeypatch, lab, opened):
    other = lab.ended("b", learning_rate=0.1)
    run_id = lab.ended("a", learning_rate=0.9)
    app = dialog(monkeypatch, lab, run_id)

    widget(app.number_input, "Learning rate").set_value(0.1).run()
    assert start(app).label == "Compare"
    start(app).click().run()

    assert len(lab.runs()) == 2
    assert opened[0][1]["runs"] == f"{run_id},{other}"


def test_a_refusal_is_shown_in_the_dialog(monkeypatch, lab, opened):
    app = dialog(monkeypatch, lab, lab.ended("a"))
    widget(app.number_input, "Learning rate").set_value(0.5).run()
    lab.refusal = LimitError("This lab allows 2 waiting runs a person.")

    start(app).click().run()

    assert app.error[0].value == "This lab allows 2 waiting runs a person."
    assert (len(lab.runs()), opened) == (1, [])


def test_a_double_click_is_one_twin(monkeypatch, lab, opened):
    app = dialog(monkeypatch, lab, lab.ended("a"))
    widget(app.number_input, "Learning rate").set_value(0.5).run()
    pressed = start(app)

    pressed.click().run()
    pressed.click().run()

    assert len(lab.queue()) == 1


def test_the_address_of_a_comparison_opens_what_it_says(monkeypatch, lab):
    first, second = lab.ended("a", "one", 0.6), lab.ended("b", "two", 0.8, learning_rate=0.5)

    app = open_page(monkeypatch, "runs", lab, **side_by_side((first, second)))

    assert not app.exception
    assert not app.warning
    assert "“two” reached 80.0 % test accuracy at its best epoch, 20.0 points above “one” (60.0 %)." in texts(app)
    assert "They disagree on" in texts(app)


def test_more_seeds_are_one_click_where_a_finding_asks_for_them(monkeypatch, lab):
    first, second = lab.ended("a", "one", 0.79), lab.ended("b", "two", 0.8, learning_rate=0.5)
    app = open_page(monkeypatch, "runs", lab, **side_by_side((first, second)))
    assert "train three seeds of each to know" in texts(app)

    widget(app.button, "Train three seeds of each").click().run()

    assert not app.exception
    assert [run.name for run in lab.queue()] == ["one, seed 1", "two, seed 1", "one, seed 2", "two, seed 2"]
    assert "6 selected" in texts(app)
    assert widget(app.toggle, "Average over seeds").value


def test_a_gap_that_is_larger_than_chance_asks_for_nothing(monkeypatch, lab):
    first, second = lab.ended("a", "one", 0.6), lab.ended("b", "two", 0.8, learning_rate=0.5)

    app = open_page(monkeypatch, "runs", lab, **side_by_side((first, second)))

    assert "three seeds" not in texts(app)
    assert not [each for each in app.button if each.label.startswith("Train three")]


def test_a_refusal_of_more_seeds_is_shown_on_the_page(monkeypatch, lab):
    first, second = lab.ended("a", "one", 0.79), lab.ended("b", "two", 0.8, learning_rate=0.5)
    app = open_page(monkeypatch, "runs", lab, **side_by_side((first, second)))
    lab.refusal = LimitError("This lab allows 2 waiting runs a person.")

    widget(app.button, "Train three seeds of each").click().run()

    assert [each.value for each in app.warning] == ["This lab allows 2 waiting runs a person."]
