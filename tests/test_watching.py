"""What many browsers that watch a run share, how often they ask, and what the server is spared."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest
from page_runs import RunsLab
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session
from waiting import wait_for

from benchmarks.visitor import run as run_visits
from cnnlab.errors import RunNotFound
from cnnlab.runs.records import State
from pages._parts import server_costs
from pages._parts.live import feed as live_feed
from pages._parts.live.feed import Feed
from pages._parts.live.news import watched
from pages._parts.live.pace import DRAWING, DRAWING_SHARE, FETCHING, FETCHING_SHARE, FORGET, PACES, Pace


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
    monkeypatch.setattr("pages._parts.live.news.SHARED_SECONDS", 0.0)
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


def test_few_watchers_are_told_each_second_and_many_so_seldom_that_the_training_keeps_its_share():
    now = [0.0]
    pace = Pace(2, clock=lambda: now[0])
    got = []
    for each in range(30):
        pace.seen(str(each))
        got.append((pace.fetching, pace.drawing))

    assert got[0] == (1.0, 1.0)
    assert got[9][0] == 1.0
    assert got == sorted(got)
    assert 30 * FETCHING / got[-1][0] <= 2 * FETCHING_SHARE
    assert 30 * DRAWING / got[-1][1] <= 2 * DRAWING_SHARE + 0.01
    pace.seen("0")
    assert (pace.fetching, pace.drawing) == got[-1]  # the same one again is nobody new
    now[0] += FORGET + 1
    pace.seen("0")
    assert pace.drawing == 1.0


def test_however_many_watch_each_is_told_within_some_seconds_and_more_cores_tell_sooner():
    small, large = Pace(2, clock=lambda: 0.0), Pace(16, clock=lambda: 0.0)
    for each in range(500):
        small.seen(str(each))
        large.seen(str(each))

    assert small.drawing == PACES[-1]
    assert large.fetching < small.fetching


def read(feed: Feed, key: str) -> bytes:
    return gzip.decompress(feed.answer("/" + feed.address(key)).body)


def test_what_is_watched_is_made_anew_until_nobody_asks_for_it(monkeypatch):
    now, said = [0.0], [b"first"]
    monkeypatch.setattr(Feed, "_work", lambda self: None)
    feed = Feed(clock=lambda: now[0])
    feed.keep("run", lambda: said[0])
    assert feed.turn()
    assert read(feed, "run") == b"first"

    said[0] = b"second"
    feed.turn()
    assert read(feed, "run") == b"second"

    now[0] = 0.9 * live_feed.FORGET
    feed.keep("run", lambda: said[0])
    now[0] = 1.1 * live_feed.FORGET
    assert feed.turn()
    now[0] = 2 * live_feed.FORGET
    assert not feed.turn()
    assert feed.answer("/" + feed.address("run")).status_code == 404


def test_an_address_cannot_be_guessed_and_is_never_a_path():
    ours, other = Feed(), Feed()

    assert ours.address("run") == ours.address("run") != ours.address("another")
    assert ours.address("run") != other.address("run")
    assert re.fullmatch("news/[0-9a-f]{24}", ours.address("../../etc/passwd"))


def test_only_what_looks_like_news_is_answered_and_the_rest_is_left_to_streamlit(monkeypatch):
    monkeypatch.setattr(Feed, "_work", lambda self: None)
    monkeypatch.setattr(live_feed, "shared", feed := Feed())
    feed.keep("run", lambda: b"said")
    address = feed.address("run")
    asked = []

    async def streamlit(scope, receive, send):
        asked.append(scope["path"])

    def ask(path: str, kind: str = "http") -> list[dict[str, Any]]:
        sent = []

        async def send(message):
            sent.append(message)

        run_visits(live_feed.Answering(streamlit)({"type": kind, "path": path, "method": "GET"}, None, send))
        return sent

    assert [message.get("status") for message in ask(f"/{address}")] == [404, None]  # not made yet
    feed.turn()
    for path in (f"/{address}", f"/base/of/a/proxy/{address}"):
        begin, body = ask(path)
        assert begin["status"] == 200
        headers = dict(begin["headers"])
        assert headers[b"content-encoding"] == b"gzip"
        assert headers[b"content-type"] == b"application/json"
        assert headers[b"cache-control"] == b"no-store"
        assert int(headers[b"content-length"]) == len(body["body"])
        assert gzip.decompress(body["body"]) == b"said"
    assert asked == []

    others = ["/", "/train", f"/{address}/", f"/{address}\n", "/news/../app.py", f"/{address.upper()}"]
    assert all(ask(path) == [] for path in others)
    assert ask(f"/{address}", "websocket") == []
    assert asked == [*others, f"/{address}"]


def test_a_run_that_goes_away_ends_no_feed(monkeypatch):
    monkeypatch.setattr(Feed, "_work", lambda self: None)
    feed = Feed()

    def gone() -> bytes:
        raise RunNotFound("There is no run.")

    def full() -> bytes:
        raise OSError(28, "No space left on device")

    feed.keep("gone", gone)
    feed.keep("full", full)
    feed.keep("fine", lambda: b"fine")
    assert feed.turn()
    assert read(feed, "fine") == b"fine"
    assert feed.answer("/" + feed.address("gone")).status_code == 404


def test_the_feed_works_by_itself_and_rests_when_nobody_looks(monkeypatch):
    monkeypatch.setattr(live_feed, "SECONDS", 0.01)
    now = [0.0]
    feed = Feed(clock=lambda: now[0])
    address = "/" + feed.address("run")
    for _ in range(2):  # and again after a rest
        feed.keep("run", lambda: b"news")
        wait_for(lambda: feed.answer(address).status_code == 200, 20)
        now[0] += live_feed.FORGET + 1
        wait_for(lambda: feed._thread is None, 20)
        assert feed.answer(address).status_code == 404


def test_a_run_in_progress_says_where_its_news_are_and_one_at_rest_does_not(lab, running, monkeypatch):
    monkeypatch.setattr(Feed, "_work", lambda self: None)
    monkeypatch.setattr(live_feed, "shared", feed := Feed())
    monkeypatch.setattr("pages._parts.live.news.SHARED_SECONDS", 0.0)
    every = watched(lab, running)
    live = shown(every)["live"]
    every.follow(logarithmic=False)
    lab.epoch(running)
    feed.turn()

    said = json.loads(gzip.decompress(feed.answer(f"/{live['feed']}").body))
    assert said == shown(every)
    assert said["live"]["feed"] == live["feed"]
    assert said["live"]["table"] != live["table"]  # an epoch more
    assert shown(every, logarithmic=True)["live"]["feed"] != live["feed"]
    lab.store.transition(running, State.STOPPING)
    stopping = shown(every)["live"]
    assert stopping["page"] != said["live"]["page"]
    lab.store.transition(running, State.STOPPED)
    assert shown(every)["live"]["feed"] is None


def shown(every, *, logarithmic=False):
    return json.loads(every.news(every.moment(fresh=True), logarithmic=logarithmic).curves.data)


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
