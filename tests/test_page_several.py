"""Try several values: a sweep is started from the form, from a run's page and from Runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from page_fakes import FakeLab, open_page, switched_pages, widget
from streamlit.testing.v1 import AppTest
from test_page_runs import ComparingLab

from cnnlab.config import RunConfig
from cnnlab.errors import LimitError
from cnnlab.presets import presets
from cnnlab.runs.records import State
from pages._parts.forms.dimension import Field, proposed

CONFIG = RunConfig.make(learning_rate=0.1, batch_size=64, epochs=4)


@pytest.fixture
def opened(monkeypatch):
    return switched_pages(monkeypatch)


@pytest.fixture
def several():
    """A lab and the dialog for CONFIG, without the page around it."""

    def page(lab, config, name):
        from pages._parts.forms.several import several_values

        several_values(lab, config, key="of the test", name=name)

    def open_dialog(config=CONFIG, name="", **choices):
        lab = FakeLab()
        lab.need = replace(lab.need, seconds_total=30.0)
        app = AppTest.from_function(page, args=(lab, config, name), default_timeout=60).run()
        widget(app.button, "Try several values").click().run()
        for label, value in choices.items():
            widget(app.get("button_group"), labels[label]).set_value(value).run()
        assert not app.exception
        return lab, app

    labels = {"method": "How to choose the values", "count": "How many settings to vary"}
    return open_dialog


def start(app):
    return next(each for each in app.button if each.key == "several: start")


def texts(app):
    return " ".join(each.value for each in app.caption).replace("\\", "")


def started(lab):
    (sweep,) = lab.sweeps.kept.values()
    return sweep


def values(app, title):
    return next(each for each in (*app.text_input, *app.multiselect) if each.label == f"Values of “{title}”")


def pick(app, title, which=0):
    """Chooses the setting to vary."""
    lists = [each for each in app.selectbox if each.label.startswith("What to vary")]
    options = lists[which].options
    lists[which].select_index(next(place for place, each in enumerate(options) if each.startswith(f"{title}:"))).run()


def test_one_click_more_starts_a_sweep_around_the_present_learning_rate(several, opened):
    lab, app = several(name="First try")
    assert "Trains 3 runs. One takes about 30 seconds, all of them about 90 seconds" in texts(app)

    start(app).click().run()

    sweep = started(lab)
    assert (sweep.name, sweep.owner) == ("First try", "")
    assert [(each.setting, each.values) for each in sweep.config.dimensions] == [("learning_rate", (0.03, 0.1, 0.3))]
    assert sweep.config.base == CONFIG.change(validation_share=0.1)
    assert opened == [("pages/runs.py", {"sweep": sweep.id})]


def test_all_combinations_of_two_settings_are_counted(several, opened):
    lab, app = several(count=2)
    values(app, "Learning rate").set_value("0,01; 0.1").run()
    pick(app, "Activation", which=1)
    values(app, "Activation").set_value(["sigmoid", "relu", "tanh"]).run()
    assert "Trains 6 runs: 2 × 3 combinations." in texts(app)

    start(app).click().run()

    assert [each.values for each in started(lab).config.dimensions] == [(0.01, 0.1), ("sigmoid", "relu", "tanh")]


def test_a_guided_search_takes_a_range_a_budget_and_stops_hopeless_runs(several, opened):
    lab, app = several(method="tpe")
    widget(app.get("button_group"), "How to give “Learning rate”").set_value(True).run()
    widget(app.number_input, "To").set_value(1.0).run()
    widget(app.number_input, "Number of runs").set_value(20).run()
    widget(app.number_input, "Minutes").set_value(5).run()
    widget(app.toggle, "Stop hopeless runs early").set_value(True).run()
    assert "all of them about 10 minutes, less where two train side by side or hopeless ones are stopped." in texts(app)
    assert "In 5 minutes about 10 of them are done." in texts(app)

    start(app).click().run()

    config = started(lab).config
    (rate,) = config.dimensions
    assert (rate.low, rate.high, rate.log) == (0.03, 1.0, True)
    assert (config.method, config.runs, config.minutes, config.prune) == ("tpe", 20, 5, True)


def test_without_images_kept_aside_the_page_says_what_that_costs(several, opened):
    lab, app = several()
    widget(app.number_input, "Validation share").set_value(0.0).run()
    assert "The test images choose the best values" in texts(app)

    start(app).click().run()

    assert started(lab).config.goal == "test accuracy"


@pytest.mark.parametrize(
    ("title", "typed", "message"),
    [
        ("Learning rate", "0.1, fast", "Learning rate must be a number above 0 and at most 100, not 'fast'."),
        ("Learning rate", "-1, 1", "Learning rate must be a number above 0"),
        ("Epochs", "2.5, 4", "Epochs must be a whole number from 1 to 10,000, not '2.5'."),
        (
            "Hidden layers",
            "120, 84; x",
            "Hidden layers must be 1 to 8 whole numbers separated by commas, each from 1 to 8192, not 'x'.",
        ),
        ("Learning rate", "0.1, 0.1", None),
        ("Epochs", "", None),
    ],
)
def test_wrong_values_are_one_sentence_at_their_control_and_start_nothing(several, title, typed, message):
    _, app = several()
    pick(app, title)
    values(app, title).set_value(typed).run()

    assert not app.exception
    assert start(app).disabled
    if message:
        assert [each.value.startswith(message) for each in app.error] == [True], [each.value for each in app.error]
    else:
        assert "Give at least two different values." in texts(app)


@pytest.mark.parametrize(
    ("label", "number", "message"),
    [
        ("Number of runs", 0, "Number of runs must be a whole number from 1 to 200, not 0."),
        ("Minutes", 99_999, "Minutes must be a whole number from 1 to 1,440, not 99999."),
        ("Validation share", 1.5, "Validation share must be a number"),
        ("From", 7.0, "The range of learning rate must rise, but goes from 7 to 0.3."),
    ],
)
def test_a_budget_or_range_that_is_not_allowed_is_one_sentence(several, label, number, message):
    _, app = several(method="random")
    widget(app.get("button_group"), "How to give “Learning rate”").set_value(True).run()
    widget(app.number_input, label).set_value(number).run()

    assert not app.exception
    assert [each.value.startswith(message) for each in app.error] == [True], [each.value for each in app.error]
    assert start(app).disabled


def test_a_refusal_is_shown_in_the_dialog_and_a_double_click_is_one_sweep(several, opened):
    lab, app = several()
    lab.sweeps.refusal = LimitError("This lab allows 2 sweeps a person.")
    start(app).click().run()
    assert (app.error[0].value, opened, lab.sweeps.kept) == ("This lab allows 2 sweeps a person.", [], {})

    lab.sweeps.refusal = None
    pressed = start(app)
    pressed.click().run()
    pressed.click().run()
    assert len(lab.sweeps.kept) == 1


@pytest.mark.parametrize(
    ("kind", "now", "expected"),
    [
        ("float", 0.1, (0.03, 0.1, 0.3)),
        ("float", 0.9, (0.3, 0.9)),  # 3 would be too large
        ("float", 0.0, (0.0,)),
        ("int", 64, (32, 64, 128)),
        ("int", 1, (1, 2)),
        ("int", 0, (1, 2)),
        ("ints", (120, 84), ((120, 84),)),
        ("int", None, ()),
    ],
)
def test_values_beside_the_present_one_are_proposed_as_far_as_they_are_allowed(kind, now, expected):
    def read(text):
        from cnnlab.errors import ConfigError

        if kind == "ints":
            return tuple(map(int, text.split(",")))
        value = float(text) if kind == "float" else int(text)
        if (kind == "float" and value >= 1) or (kind == "int" and value < 1):
            raise ConfigError("no")
        return value

    assert proposed(Field("", "", "", kind, (), read), now) == expected


@pytest.mark.parametrize("page", ["train", "run", "runs"])
def test_the_way_in_stands_on_the_form_on_a_run_and_on_runs(monkeypatch, tmp_path, opened, page):
    lab = ComparingLab(tmp_path)
    lab.home = tmp_path
    run_id = lab.ended("a", "One", learning_rate=0.2)
    address = {"run": {"run": run_id}, "runs": {"runs": run_id}}.get(page, {})
    app = open_page(monkeypatch, "train" if page == "run" else page, lab, **address)

    widget(app.button, "Try several values").click().run()
    start(app).click().run()

    assert not app.exception
    base = presets()[0].config() if page == "train" else lab.run(run_id).config
    assert started(lab).config.base == base.change(validation_share=0.1)
    assert lab.run(run_id).state is State.FINISHED
    lab.store.close()
