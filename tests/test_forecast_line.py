"""The forecast on the pages: memory at once, time when it is known, and no start for a run that does not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from page_fakes import open_page
from page_runs import RunsLab

from cnnlab.errors import DeviceError, LimitError


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


def start(app):
    return next(each for each in app.button if each.label == "Start training")


def line(app):
    return next(each for each in app.caption if "of memory" in each.value)


def test_the_form_says_at_once_what_memory_a_run_will_take_and_measures_nothing_while_it_is_in_motion(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)

    assert "About 800 MB of memory of the 8 GB that are free · batches of up to 4,096 fit · measuring its time" in line(app).value
    assert "Activations: 600 MB" in line(app).help
    assert lab.asked_for_forecasts == [False]


def test_the_time_stands_there_once_it_is_known(monkeypatch, lab):
    lab.need = replace(lab.need, seconds_per_epoch=12.0, seconds_total=120.0, speed_state="known")

    app = open_page(monkeypatch, "train", lab)

    assert "about 12 seconds an epoch, 2 minutes in all" in line(app).value


def test_while_another_run_trains_the_time_is_measured_later(monkeypatch, lab):
    lab.need = replace(lab.need, speed_state="busy")

    app = open_page(monkeypatch, "train", lab)

    assert "when the run that trains now is done" in line(app).value


def test_a_run_that_will_not_fit_cannot_be_started_and_the_page_says_what_would(monkeypatch, lab):
    lab.need = replace(lab.need, fits=False, largest_batch=16, advice="VGG needs about 40 GB: batches of 16 would fit.")

    app = open_page(monkeypatch, "train", lab)

    assert start(app).disabled
    assert "batches of 16 would fit" in app.error[0].value


def test_a_slow_run_can_be_started_and_is_warned_of(monkeypatch, lab):
    lab.need = replace(
        lab.need, speed_state="known", seconds_per_epoch=3_480.0, seconds_total=34_800.0, advice="58 minutes an epoch."
    )

    app = open_page(monkeypatch, "train", lab)

    assert not start(app).disabled
    assert "58 minutes" in app.warning[0].value


def test_where_there_can_be_no_forecast_the_form_still_works(monkeypatch, lab):
    def broken(config, **_):
        raise DeviceError("There is no device 'cuda:7' here.")

    lab.forecast = broken
    app = open_page(monkeypatch, "train", lab)

    assert not app.exception
    assert not start(app).disabled


def test_a_limit_of_this_lab_is_a_sentence(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)
    lab.refusal = LimitError("This run has 30 epochs, 10 more than the 20 that this lab allows.", "epochs")

    start(app).click().run()

    assert app.error[0].value == "Epochs: This run has 30 epochs, 10 more than the 20 that this lab allows."


def test_design_measures_the_time_only_when_it_is_asked_to(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab)
    assert "Trained as in “LeNet" in line(app).value
    assert "its time is not known yet" in line(app).value
    assert lab.asked_for_forecasts == [False]

    next(each for each in app.button if each.label.startswith("Measure the time")).click().run()

    assert "measuring its time" in line(app).value
    assert not [each for each in app.button if each.label.startswith("Measure the time")]
