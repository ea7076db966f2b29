"""The forecast on the pages: memory at once, time when it is known, and no start for a run that does not fit."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from page_fakes import open_page
from page_runs import RunsLab

from cnnlab.architectures.own.templates import fast, template
from cnnlab.errors import DeviceError, LimitError
from cnnlab.forecasts.limits import Limits


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


def start(app):
    return next(each for each in app.button if each.label == "Start training")


def line(app):
    caption = next(each for each in app.caption if "800 MB" in each.value)
    return SimpleNamespace(value=caption.value.replace("\\", ""), help=caption.help)


def test_the_form_says_at_once_what_memory_a_run_will_take_and_measures_nothing_while_it_is_in_motion(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)

    assert line(app).value == "Measuring the time … · 800 MB · largest batch 4,096"
    assert "Activations: 600 MB" in line(app).help
    assert not any(lab.asked_for_forecasts)


def test_the_time_stands_there_once_it_is_known(monkeypatch, lab):
    lab.need = replace(lab.need, seconds_per_epoch=12.0, seconds_total=120.0, speed_state="known")

    app = open_page(monkeypatch, "train", lab)

    assert line(app).value.startswith("About 2 minutes · ")
    assert "about 12 seconds an epoch" in line(app).help


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(247.0, "Roughly 4 minutes"), (33.0, "Roughly 30 seconds"), (2.0, "Roughly 10 seconds"), (200_000.0, "Roughly 2.3 days")],
)
def test_while_another_run_trains_the_line_has_a_rough_time_and_says_that_it_is_rough(monkeypatch, lab, seconds, words):
    lab.need = replace(lab.need, speed_state="busy", rough_seconds=seconds)

    app = open_page(monkeypatch, "train", lab)

    assert line(app).value.startswith(f"{words} · ")
    assert "half or twice as long, and measured when the run that trains now has ended" in line(app).help


def test_while_the_first_run_of_all_starts_the_line_says_when_its_time_comes(monkeypatch, lab):
    lab.need = replace(lab.need, speed_state="busy")

    app = open_page(monkeypatch, "train", lab)

    assert line(app).value.startswith("Time: as soon as the run that trains now has begun · ")


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


def test_a_network_of_rows_is_trained_as_in_a_recipe_only_where_it_is_that_of_the_recipe(monkeypatch, lab):
    leads = {}
    for network in (template("lenet"), fast(8)):
        app = open_page(monkeypatch, "design", lab, architecture="custom", network=network.token)
        leads[network.title] = line(app).value

    assert "To train it" in leads["My LeNet"]
    assert "Trained as in “99 % on MNIST”" in leads["FastNet"]


def test_design_measures_the_time_only_when_it_is_asked_to(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab)
    assert "Trained as in “LeNet" in line(app).value
    assert "time not known yet" in line(app).value
    assert lab.asked_for_forecasts == [False]

    next(each for each in app.button if each.label.startswith("Measure the time")).click().run()

    assert "measuring the time" in line(app).value
    assert not [each for each in app.button if each.label.startswith("Measure the time")]


def test_the_limits_of_this_lab_stand_beside_the_form_before_anything_is_refused(monkeypatch, lab):
    lab.allowed = Limits(epochs=100, max_seconds=7200, image_size=96, parameters=30_000_000, runs_per_owner=5, disk="20 GB")

    app = open_page(monkeypatch, "train", lab)

    assert (
        "This lab allows up to 100 epochs, 2 hours of training, images of 96 pixels a side, 30,000,000 parameters, "
        "5 of your runs at a time and 20 GB for all runs. Your teacher, or the host of this lab, can raise these limits."
    ) in [caption.value.replace("\\", "") for caption in app.caption]
    assert not start(app).disabled
    assert "allows" not in str([caption.value for caption in open_page(monkeypatch, "train", type(lab)(lab.store.home)).caption])


def test_the_form_says_what_is_left_today_and_starts_nothing_when_that_is_nothing(monkeypatch, lab):
    lab.allowed, lab.used = Limits(minutes_a_day=120), replace(lab.used, minutes_today=36)
    app = open_page(monkeypatch, "train", lab)
    words = "This lab allows up to 2 hours of training a day. Left today: 84 minutes of 2 hours. Your teacher, "
    assert any(caption.value.replace("\\", "").startswith(words) for caption in app.caption)
    assert not start(app).disabled

    lab.used = replace(lab.used, minutes_today=120)
    app = open_page(monkeypatch, "train", lab)
    assert start(app).disabled
    assert app.error[0].value.startswith(
        "The 2 hours of training a day that this lab allows are used up: it goes on after midnight."
    )


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"epochs": 3}, "Epochs: This run has 10 epochs, 7 more than the 3 that this lab allows."),
        ({"parameters": 60_000}, "Architecture: This run has 61,706 parameters, 1,706 more than the 60,000 that this lab allows."),
        ({"max_seconds": 60}, "Epochs: This run would train for about 2 minutes, 60 seconds longer than the 60 seconds"),
    ],
)
def test_a_form_over_a_limit_says_so_and_cannot_be_started(monkeypatch, lab, limits, sentence):
    lab.allowed = Limits(**limits)
    lab.need = replace(lab.need, seconds_per_epoch=12.0, seconds_total=120.0, speed_state="known")

    app = open_page(monkeypatch, "train", lab)

    assert start(app).disabled
    assert app.error[0].value.startswith(sentence)
