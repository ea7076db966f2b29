"""What many browsers that watch a run share, how often they ask, and what the server is spared."""

from __future__ import annotations

import json

import pytest
from page_runs import RunsLab
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

from cnnlab.errors import RunNotFound
from pages._parts import server_costs
from pages._parts.run_news import watched
from pages._parts.run_pace import FORGET, PACES, POLL_COST, Pace


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


@pytest.fixture
def running(lab):
    run_id = lab.made(epochs=10)
    lab.begin(run_id)
    return run_id


def test_browsers_that_ask_within_a_second_get_one_answer(lab, running):
    first = watched(lab, running).moment(fresh=False)
    lab.tell(running, epoch=1, batch=24, share_done=0.1)

    assert watched(lab, running).moment(fresh=False) is first
    assert watched(lab, running).moment(fresh=True).latest.batch == 24
    assert watched(lab, running).moment(fresh=False).latest.batch == 24


def test_after_a_second_the_answer_is_a_new_one(monkeypatch, lab, running):
    monkeypatch.setattr("pages._parts.run_news.SHARED_SECONDS", 0.0)
    first = watched(lab, running).moment(fresh=False)
    lab.tell(running, epoch=1, batch=24, share_done=0.1)

    assert watched(lab, running).moment(fresh=False) != first


def test_the_news_are_made_once_for_a_moment_and_a_scale(lab, running):
    every = watched(lab, running)
    moment = every.moment(fresh=True)
    linear, logarithmic = (every.news(moment, logarithmic=scale) for scale in (False, True))

    assert every.news(moment, logarithmic=False) is linear
    loss, accuracy = json.loads(logarithmic.curves.data)["charts"]
    assert loss["figure"]["layout"]["yaxis"]["type"] == "log"
    assert "type" not in accuracy["figure"]["layout"]["yaxis"]
    lab.epoch(running)
    later = every.news(every.moment(fresh=True), logarithmic=False)
    assert later.table != linear.table
    assert later.epochs.num_rows == 1


def test_a_run_that_is_gone_is_gone_for_all_and_nothing_of_it_is_kept(lab):
    for fresh in (True, False):
        with pytest.raises(RunNotFound):
            watched(lab, "deadbeef").moment(fresh=fresh)


def test_few_watchers_ask_each_second_and_many_so_seldom_that_the_training_keeps_its_share():
    now = [0.0]
    pace = Pace(share=0.08, clock=lambda: now[0])
    got = [pace.asked(str(each)) for each in range(30)]

    assert got[:10] == [1.0] * 10
    assert got == sorted(got)
    assert 30 * POLL_COST / got[-1] <= 0.08
    assert pace.asked("0") == got[-1]  # the same one again is nobody new
    now[0] += FORGET + 1
    assert pace.asked("0") == 1.0


def test_however_many_watch_each_is_answered_within_a_few_seconds():
    pace = Pace(share=0.08, clock=lambda: 0.0)

    assert max(pace.asked(str(each)) for each in range(500)) == PACES[-1]


def test_the_theme_is_read_once_and_comes_out_the_same(monkeypatch):
    plain = getattr(app_session._populate_theme_msg, "__wrapped__", app_session._populate_theme_msg)
    read = []
    monkeypatch.setattr(
        app_session.config, "get_options_for_section", lambda section: read.append(section) or {"primaryColor": section}
    )
    monkeypatch.setattr(app_session, "_populate_theme_msg", plain)
    assert server_costs.remember_theme()
    assert not server_costs.remember_theme()  # once is enough

    for _ in range(3):
        theme = CustomThemeConfig()
        app_session._populate_theme_msg(theme)
        app_session._populate_theme_msg(theme.dark, "theme.dark")
        assert (theme.primary_color, theme.dark.primary_color) == ("theme", "theme.dark")
    assert read == ["theme", "theme.dark"]


def test_a_streamlit_that_reads_its_theme_differently_is_left_alone(monkeypatch):
    def other(message, section, more): ...

    monkeypatch.setattr(app_session, "_populate_theme_msg", other)

    assert not server_costs.remember_theme()
    assert app_session._populate_theme_msg is other
    monkeypatch.delattr(app_session, "_populate_theme_msg")
    assert not server_costs.remember_theme()
