"""When the forecast beside a form is measured and polled, and what stands around it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from page_fakes import FakeLab

from cnnlab.config import RunConfig
from cnnlab.errors import DeviceError
from pages._parts.forms import forecast

CONFIG, OTHER = RunConfig.make(), RunConfig.make(epochs=3)
KNOWN = {"speed_state": "known", "seconds_total": 120.0, "seconds_per_epoch": 12.0}


class Page:
    """What the forecast draws, in place of Streamlit; `timers` are the intervals of its fragments."""

    def __init__(self) -> None:
        self.session_state, self.drawn, self.timers, self.fragments = {}, [], [], []
        for kind in ("caption", "button", "warning", "error", "rerun"):
            setattr(self, kind, lambda *words, kind=kind, **options: self.drawn.append((kind, words, options)))

    def fragment(self, function, *, run_every=None):
        self.timers.append(run_every)

        def draw(*given, **named):
            self.fragments.append(lambda: function(*given, **named))
            function(*given, **named)

        return draw

    def words(self, kind):
        return [words[0] if words else "" for each, words, _ in self.drawn if each == kind]


@pytest.fixture
def page(monkeypatch):
    page = Page()
    monkeypatch.setattr(forecast, "st", page)
    monkeypatch.setattr(forecast, "fragment", page.fragment)
    return page


def lab_with(**others):
    lab = FakeLab()
    lab.need = replace(lab.need, **others)
    return lab


@pytest.mark.parametrize(
    ("need", "unasked", "shown"),
    [
        (KNOWN, True, (None, False, "About 2 minutes")),
        (KNOWN, False, (None, False, "About 2 minutes")),
        ({}, True, (0.7, False, "Measuring the time …")),
        ({}, False, (None, True, "Time not known yet")),
        ({"speed_state": "measuring"}, True, (0.7, False, "Measuring the time …")),
        ({"speed_state": "busy"}, True, (5.0, False, "Time\\: as soon as the run that trains now has begun")),
        ({"speed_state": "busy"}, False, (None, True, "Time\\: as soon as the run that trains now has begun")),
        ({"fits": False}, True, (None, False, "Time not known yet")),
    ],
)
def test_a_time_is_polled_for_only_while_it_can_become_known(page, need, unasked, shown):
    timer, offers, text = shown
    lab = lab_with(**need)

    assert forecast.forecast_line(lab, CONFIG, unasked=unasked) is lab.need

    assert page.timers == [timer]
    assert page.words("caption") == [f"{text} · 800 MB · largest batch 4,096"]
    assert page.words("button") == (["Measure the time on this machine"] if offers else [])
    assert lab.asked_for_forecasts == [False]  # nothing is measured while the page is drawn


def test_a_click_measures_the_time_of_this_configuration_alone(page):
    lab = lab_with()
    forecast.forecast_line(lab, CONFIG, unasked=False)
    ((_, _, button),) = [each for each in page.drawn if each[0] == "button"]
    page.session_state[forecast._UNKNOWN] = CONFIG  # an earlier measurement failed

    button["on_click"](*button["args"])
    forecast.forecast_line(lab, CONFIG, unasked=False)
    forecast.forecast_line(lab, OTHER, unasked=False)

    assert page.timers == [None, 0.7, None]
    page.fragments[1]()
    assert lab.asked_for_forecasts == [False, False, False, True]
    page.fragments[2]()
    assert lab.asked_for_forecasts[-1] is False


@pytest.mark.parametrize(("state", "reruns", "gives_up"), [("measuring", 0, False), ("known", 1, False), ("unknown", 1, True)])
def test_a_measurement_that_has_ended_draws_the_page_once_and_is_not_repeated(page, state, reruns, gives_up):
    lab = lab_with()
    forecast.forecast_line(lab, CONFIG)
    lab.need = replace(lab.need, speed_state=state)

    page.fragments[0]()

    assert lab.asked_for_forecasts == [False, True]
    assert len(page.words("rerun")) == reruns
    page.timers.clear()
    forecast.forecast_line(lab_with(), CONFIG)
    forecast.forecast_line(lab_with(), OTHER)
    assert page.timers == [None if gives_up else 0.7, 0.7]


@pytest.mark.parametrize(
    ("fits", "kind", "icon"), [(True, "warning", ":material/schedule:"), (False, "error", ":material/memory_alt:")]
)
def test_advice_is_a_warning_or_where_the_run_does_not_fit_an_error(page, fits, kind, icon):
    forecast.forecast_line(lab_with(fits=fits, advice="Take *less*."), CONFIG)

    boxes = [each for each in page.drawn if each[0] in ("warning", "error")]
    assert boxes == [(kind, ("Take \\*less\\*\\.",), {"icon": icon})]


def test_a_lead_makes_one_sentence_with_the_time(page):
    forecast.forecast_line(lab_with(**KNOWN), CONFIG, lead="Trained as *here*: ")

    assert page.words("caption") == ["Trained as \\*here\\*\\: about 2 minutes · 800 MB · largest batch 4,096"]


def test_while_the_helper_starts_the_page_polls_for_it_and_is_drawn_again_when_it_is_there(page):
    lab, answers = lab_with(), iter([False, False, True])
    lab.ready = lambda: next(answers)

    assert forecast.forecast_line(lab, CONFIG) is None

    assert page.timers == [0.7]
    assert page.words("caption") == ["Working out what training it needs …"]
    assert not page.words("rerun")
    page.fragments[0]()
    assert len(page.words("rerun")) == 1
    assert not lab.asked_for_forecasts


def test_a_forecast_that_cannot_be_made_is_a_sentence_at_first_and_later(page):
    def broken(*given, **named):
        raise DeviceError("There is *no* device.")

    lab = lab_with()
    forecast.forecast_line(lab, CONFIG)
    lab.forecast = broken
    page.fragments[0]()
    assert forecast.forecast_line(lab, CONFIG) is None

    assert page.words("caption")[1:] == ["There is \\*no\\* device\\."] * 2
    assert len(page.timers) == 1
