"""Details of the Train page that no text shows: timers, what is remembered, and what a change leaves as it was."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from busy_lab import begun
from page_fakes import cells, open_page, widget
from page_runs import RunsLab

from cnnlab.errors import DeviceError
from cnnlab.presets import preset
from cnnlab.runs.records import State
from cnnlab.starts import start
from cnnlab.values import Device, ExampleImages
from pages._parts.forms import recipes
from pages._parts.live.feed import feed
from pages._parts.run import strip, view


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


@pytest.mark.parametrize(
    ("end", "seconds", "followed"),
    [(None, 60.0, True), (State.PAUSING, 60.0, True), (State.FINISHED, 5.0, False), (State.PAUSED, 5.0, False)],
)
def test_a_run_that_trains_is_served_by_the_feed_and_one_at_rest_is_looked_at_every_five_seconds(
    monkeypatch, lab, end, seconds, followed
):
    run_id = begun(lab, "a run", 0.5, end=end, epochs=9)
    timers, browsers, frozen = [], [], []
    monkeypatch.setattr(view, "fragment", lambda function, run_every=None: timers.append(run_every) or function)
    monkeypatch.setattr(feed, "follow", lambda run, browser, *, logarithmic: browsers.append((run, len(browser), logarithmic)))
    app = open_page(monkeypatch, "train", lab, run=run_id)
    monkeypatch.setattr(view, "freeze_modules", lambda: frozen.append(True))
    widget(app.toggle, "Logarithmic loss").set_value(True).run()

    assert not app.exception
    # What changes, the settings, and what can be taken away; these two are drawn when they are opened.
    assert timers == [seconds, None, None] * 2
    live_run = feed.run(lab, run_id)
    assert browsers == ([(live_run, 16, False), (live_run, 16, True)] if followed else [])
    assert frozen == [True] * followed


# The images


def test_another_epoch_is_chosen_for_who_looks_at_one_that_a_run_no_longer_has(monkeypatch):
    state, sliders = {}, []
    monkeypatch.setattr(strip.st, "session_state", state)
    monkeypatch.setattr(strip.st, "slider", lambda label, least, most, key, **_: sliders.append((least, most)) or state[key])

    def choose(epochs_done):
        return strip._choose_epoch(SimpleNamespace(id="a", epochs_done=epochs_done))

    assert [choose(newest) for newest in (4, 5)] == [5 - 1, 5]  # it follows the training
    state["after epoch a"] = 3
    assert [choose(newest) for newest in (5, 6)] == [3, 3]
    assert choose(2) == 2  # resumed from an earlier checkpoint
    assert choose(6) == 6
    assert sliders == [(1, 4), (1, 5), (1, 5), (1, 6), (1, 2), (1, 6)]


def test_the_only_images_have_no_others_and_a_column_for_each_class(monkeypatch, lab):
    pictures = lab.examples("", 1).pictures[:7]
    monkeypatch.setattr(lab, "examples", lambda *given: ExampleImages(pictures, 100, 1))
    app = open_page(monkeypatch, "train", lab, run=begun(lab, "a run", 0.5, epochs=9))

    others = widget(app.button, "Other images")
    assert (others.disabled, others.help) == (True, "There are no others.")
    assert len(cells(app)) == 7
    assert "--columns: 7" in next(each.proto.body for each in app.get("html") if "cnn-grid" in each.proto.body)
    assert "test images right" in " ".join(each.value for each in app.markdown)
    assert "(0 of 7)" not in " ".join(each.value for each in app.caption)  # there is no epoch before


# The form


def test_the_times_on_the_cards_are_asked_for_again_after_five_seconds_and_after_an_error(monkeypatch):
    now, asked, answers = [0.0], [], []

    class Lab:
        is_ready = True

        def ready(self):
            return self.is_ready

        def forecast(self, config, *, calibrate):
            asked.append((config, calibrate))
            if not answers:
                raise DeviceError("no device")
            return SimpleNamespace(seconds_total=answers[0], disturbed=False, rough_seconds=None)

    lab, recipe = Lab(), preset("lenet-mnist")
    monkeypatch.setattr(recipes, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def time_here():
        return recipes._time_here(lab, recipe)

    lab.is_ready = False
    assert time_here() == ""
    assert not asked  # the page does not wait for the helper
    lab.is_ready = True
    assert time_here() == ""
    answers.append(120.0)
    assert time_here() == "About 2 minutes here"
    answers[0] = 180.0
    now[0] = 4.9
    assert time_here() == "About 2 minutes here"
    assert recipes._time_here(lab, preset("lenet-sample")) == "About 3 minutes here"
    now[0] = 5.0
    assert time_here() == "About 3 minutes here"
    answers[0] = None
    now[0] = 10.0
    assert time_here() == ""
    assert {calibrate for _, calibrate in asked} == {False}
    assert asked[0][0] == recipe.config()


def test_another_architecture_keeps_the_name_and_leaves_the_recipe(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab, recipe="lenet-mnist", device="cpu", seed="3")
    widget(app.text_input, "Name (optional)").set_value("mine")
    widget(app.selectbox, "Architecture").set_value("mlp").run()

    assert widget(app.text_input, "Name (optional)").value == "mine"
    assert widget(app.selectbox, "Recipe").value is None
    assert (widget(app.selectbox, "Device").value, widget(app.number_input, "Seed").value) == ("cpu", 3)
    assert widget(app.number_input, "Learning rate").value == start("mlp", "mnist").config.learning_rate


def test_a_device_that_is_gone_is_no_longer_chosen(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab, device="cuda:0")
    assert widget(app.selectbox, "Device").value == "cuda:0"

    monkeypatch.setattr(lab, "devices", lambda _: (Device("cpu", "CPU, 2 cores"),))
    app.run()
    assert widget(app.selectbox, "Device").value == "auto"
    widget(app.button, "Start training").click().run()
    assert lab.runs()[0].config.device == "auto"


def test_each_start_is_a_run_of_its_own(monkeypatch, lab):
    for _ in range(2):
        app = open_page(monkeypatch, "train", lab)
        widget(app.button, "Start training").click().run()
    before = app.session_state["token of the training form"]
    app.query_params.clear()
    app.run()
    widget(app.button, "Start training").click().run()

    assert len(lab.runs()) == 3
    assert app.session_state["token of the training form"] != before
    assert replace(lab.runs()[0], id="", created=0, position=0) == replace(lab.runs()[1], id="", created=0, position=0)
