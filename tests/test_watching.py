"""What the browsers that watch a run share, how often they poll, and which requests the feed answers."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from page_runs import RunsLab
from waiting import wait_for

from benchmarks.visitor import run as run_visits
from cnnlab.errors import RunNotFound
from cnnlab.events import CheckpointSaved, EpochDone, Notice
from cnnlab.forecasts.queue_times import Start
from cnnlab.i18n import using
from cnnlab.runs.records import State
from pages._parts.live import feed as live_feed
from pages._parts.live import snapshot
from pages._parts.live.feed import Feed, FeedMiddleware
from pages._parts.live.pace import FORGET_SECONDS, INTERVALS, POLL_SECONDS, POLL_SHARE, REDRAW_SECONDS, REDRAW_SHARE, Pace


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


@pytest.fixture
def feed(monkeypatch):
    """A feed that is refreshed by the test alone."""
    monkeypatch.setattr(Feed, "_work", lambda self: None)
    return Feed(2)


def test_browsers_that_ask_within_a_second_get_one_answer(lab, running, feed):
    first = feed.run(lab, running).status(fresh=False)
    lab.report(running, epoch=1, batch=24, share_done=0.1)

    assert feed.run(lab, running).status(fresh=False) is first
    assert feed.run(lab, running).status(fresh=True).latest.batch == 24
    assert feed.run(lab, running).status(fresh=False).latest.batch == 24


def test_browsers_of_two_languages_watch_one_run_each_in_its_own(lab, running, feed):
    lab.report(running, epoch=2, batch=24, share_done=0.1)
    words = {}
    for code in ("en", "zh"):
        with using(code):
            live_run = feed.run(lab, running)
            feed.follow(live_run, f"browser {code}", logarithmic=False)
        words[code] = live_run
    feed.refresh()  # in a thread that speaks English

    shown = {code: json.loads(run.cached(logarithmic=False).plots.data)["live"] for code, run in words.items()}
    assert shown["en"]["word"] == "Training"
    assert shown["en"]["sentence"].startswith("epoch 2 of 10 · 10 %")
    assert shown["zh"]["word"] == "正在训练"
    assert shown["zh"]["sentence"].startswith("第 2 轮，共 10 轮 · 10 %")


def test_a_run_that_has_just_begun_is_read_again_at_once_and_the_feed_does_not_wait_its_second(lab, feed):
    running = lab.made("a")
    for state in (State.STARTING, State.RUNNING):
        lab.store.transition(running, state)
    live_run = feed.run(lab, running)
    live_run.status(fresh=True)
    assert live_run.has_just_begun
    feed.follow(live_run, "a", logarithmic=False)
    assert feed._hurry.is_set()

    lab.report(running, epoch=1, batch=2, share_done=0.1)
    live_run._read_at -= snapshot.YOUNG_SECONDS
    assert live_run.status(fresh=False).latest.batch == 2
    feed._hurry.clear()
    feed.follow(live_run, "a", logarithmic=False)
    assert not feed._hurry.is_set()


def test_a_run_that_no_browser_polls_is_not_refreshed_until_one_does(monkeypatch, lab, running):
    monkeypatch.setattr(Feed, "_work", lambda self: None)
    monkeypatch.setattr(snapshot, "SHARED_SECONDS", 0.0)
    now = [0.0]
    feed = Feed(2, lambda: now[0])
    live_run = feed.run(lab, running)
    feed.follow(live_run, "a", logarithmic=False)
    feed.refresh()
    first = live_run.cached(logarithmic=False)

    now[0] += 60.0  # its page was left
    feed._hurry.clear()
    lab.report(running, epoch=1, batch=24, share_done=0.1)
    assert feed.refresh(), "it is still known"
    assert live_run.cached(logarithmic=False) is first
    assert feed.answer(f"/news/{live_run.tokens[False]}") is first.response
    assert feed._hurry.is_set()
    feed.refresh()
    assert live_run.cached(logarithmic=False).status.latest.batch == 24


def test_after_a_second_the_answer_is_a_new_one(monkeypatch, lab, running, feed):
    monkeypatch.setattr("pages._parts.live.snapshot.SHARED_SECONDS", 0.0)
    first = feed.run(lab, running).status(fresh=False)
    lab.report(running, epoch=1, batch=24, share_done=0.1)

    assert feed.run(lab, running).status(fresh=False) != first


def test_the_news_are_made_once_for_a_moment_and_a_scale(lab, running, feed):
    live_run = feed.run(lab, running)
    linear, logarithmic = (live_run.snapshot(logarithmic=scale) for scale in (False, True))

    assert live_run.snapshot(logarithmic=False) is linear
    loss, accuracy = json.loads(logarithmic.plots.data)["charts"]
    assert loss["figure"]["layout"]["yaxis"]["type"] == "log"
    assert "type" not in accuracy["figure"]["layout"]["yaxis"]
    lab.epoch(running)
    live_run.status(fresh=True)
    later = live_run.snapshot(logarithmic=False)
    assert later.table_revision != linear.table_revision
    assert later.epochs.num_rows == 1


def test_the_table_of_epochs_has_each_figure_under_its_title_and_in_its_unit(lab, running, feed):
    first = EpochDone(1, 24, 2.0, 0.25, 1.9, 0.5, 0.1, 8.0, 1.0, 6.0, 1.0)
    validated = replace(first, validation_loss=1.8, validation_accuracy=0.4)
    lab.store.add(running, first)
    lab.store.add(running, replace(first, epoch=2, train_loss=1.5, learning_rate=0.05, seconds=9.0))

    latest, before = feed.run(lab, running).snapshot(logarithmic=False).epochs.to_pylist()

    assert before == {
        "Epoch": 1, "Training loss": 2.0, "Training accuracy": 25.0, "Test loss": 1.9, "Test accuracy": 50.0, "Learning rate": 0.1,
        "Seconds": 8.0,
    }  # fmt: skip
    assert latest == before | {"Epoch": 2, "Training loss": 1.5, "Learning rate": 0.05, "Seconds": 9.0}
    (row,) = snapshot._table((validated,)).to_pylist()
    assert (row["Validation loss"], row["Validation accuracy"], row["Training accuracy"]) == (1.8, 40.0, 25.0)
    assert row.keys() | before.keys() == set(snapshot.FORMATS)


def test_a_revision_changes_with_what_has_to_be_redrawn_and_with_nothing_else(lab, running, feed):
    live_run = feed.run(lab, running)

    def revisions() -> tuple[int, int]:
        status = live_run.status(fresh=True)
        return status.page_revision, live_run.snapshot(logarithmic=False).table_revision

    page, table = revisions()
    lab.report(running, epoch=1, batch=24, share_done=0.1)
    assert revisions() == (page, table)
    lab.rename(running, "another name")
    renamed, same_table = revisions()
    assert renamed != page
    assert same_table == table
    waiting = lab.made("b")
    assert revisions()[0] == renamed  # the list below is a fragment of its own
    assert feed.run(lab, waiting).status(fresh=True).page_revision not in (page, renamed)


def test_a_waiting_run_s_page_is_redrawn_when_its_owner_s_waiting_runs_change_and_for_nobody_else(lab, running, feed):
    waits = feed.run(lab, lab.made("b", owner="Ana"))
    seen = [0]

    def changed() -> bool:
        lab.starts = {run.id: Start(place, None) for place, run in enumerate(lab.queue(), 1)}
        seen.append(waits.status(fresh=True).page_revision)
        return seen[-1] != seen[-2]

    assert changed()
    lab.made("c", owner="Ben")
    assert not changed()
    own = lab.made("d", owner="Ana")
    assert changed()
    lab.move_in_queue(own, -1)
    assert changed()
    lab.stop(own)
    assert changed()


def test_a_run_that_is_not_the_next_is_looked_at_every_third_second(monkeypatch, lab, running, feed):
    now, reads = [100.0], []
    monkeypatch.setattr(snapshot.time, "monotonic", lambda: now[0])
    lab.made("b", owner="Ana")
    waits = feed.run(lab, lab.made("c", owner="Ben"))
    monkeypatch.setattr(waits, "_read", lambda read=waits._read, **how: reads.append(now[0]) or read(**how))
    for _ in range(10):
        waits.status(fresh=False)
        now[0] += 1.0

    assert reads == [100.0, 104.0, 108.0]


def test_a_run_that_is_gone_is_gone_for_all_and_nothing_of_it_is_kept(lab, feed):
    for fresh in (True, False):
        with pytest.raises(RunNotFound):
            feed.run(lab, "deadbeef").status(fresh=fresh)


def test_only_the_runs_that_were_shown_last_are_cached(monkeypatch, lab, feed):
    monkeypatch.setattr(live_feed, "MOST_RUNS", 2)
    first, second = (feed.run(lab, name) for name in "ab")
    assert feed.run(lab, "a") is first
    feed.run(lab, "c")

    assert feed.run(lab, "a") is first
    assert feed.run(lab, "b") is not second


def test_few_watchers_are_told_each_second_and_many_so_seldom_that_the_training_keeps_its_share():
    now = [0.0]
    pace = Pace(2, clock=lambda: now[0])
    intervals = []
    for browser in range(30):
        pace.seen(str(browser))
        intervals.append((pace.poll_every, pace.redraw_every))

    assert intervals[0] == (1.0, 1.0)
    assert intervals[9][0] == 1.0
    assert intervals == sorted(intervals)
    assert 30 * POLL_SECONDS / intervals[-1][0] <= 2 * POLL_SHARE
    assert 30 * REDRAW_SECONDS / intervals[-1][1] <= 2 * REDRAW_SHARE + 0.01
    pace.seen("0")
    assert (pace.poll_every, pace.redraw_every) == intervals[-1]  # counted already
    now[0] += FORGET_SECONDS + 1
    pace.seen("0")
    assert pace.redraw_every == 1.0


def test_however_many_watch_each_is_told_within_some_seconds_and_more_cores_tell_sooner():
    small, large = Pace(2, clock=lambda: 0.0), Pace(16, clock=lambda: 0.0)
    for browser in range(500):
        small.seen(str(browser))
        large.seen(str(browser))

    assert small.redraw_every == INTERVALS[-1]
    assert large.poll_every < small.poll_every


def address(live_run, *, logarithmic=False) -> str:
    return f"/news/{live_run.tokens[logarithmic]}"


def body(feed: Feed, path: str) -> dict[str, Any]:
    return json.loads(gzip.decompress(feed.answer(path).body))


def sent(live_run, *, logarithmic=False) -> dict[str, Any]:
    """What the script sends now."""
    live_run.status(fresh=True)
    return json.loads(live_run.snapshot(logarithmic=logarithmic).plots.data)


def test_what_is_watched_is_made_anew_until_nobody_asks_for_it(monkeypatch, lab, running):
    monkeypatch.setattr(Feed, "_work", lambda self: None)
    monkeypatch.setattr("pages._parts.live.snapshot.SHARED_SECONDS", 0.0)
    now = [0.0]
    feed = Feed(2, clock=lambda: now[0])
    live_run = feed.run(lab, running)
    feed.follow(live_run, "browser", logarithmic=False)
    assert feed.refresh()
    first = body(feed, address(live_run))

    lab.report(running, epoch=1, batch=24, share_done=0.1)
    feed.refresh()
    assert body(feed, address(live_run))["live"]["share"] == 0.1 != first["live"]["share"]

    now[0] = 0.9 * FORGET_SECONDS
    feed.follow(live_run, "browser", logarithmic=False)
    now[0] = 1.1 * FORGET_SECONDS
    assert feed.refresh()
    now[0] = 2 * FORGET_SECONDS
    assert not feed.refresh()
    assert feed.answer(address(live_run)).status_code == 404


def test_an_address_cannot_be_guessed_and_is_never_a_path(lab, feed):
    runs = [feed.run(lab, run_id) for run_id in ("run", "another", "../../etc/passwd")]
    addresses = [address(run, logarithmic=scale) for run in runs for scale in (False, True)]

    assert feed.run(lab, "run").tokens == runs[0].tokens
    assert len(set(addresses)) == len(addresses)
    assert Feed(2).run(lab, "run").tokens != runs[0].tokens
    assert all(re.fullmatch("/news/[0-9a-f]{24}", each) for each in addresses)


def test_only_what_looks_like_news_is_answered_and_the_rest_is_left_to_streamlit(monkeypatch, lab, running, feed):
    monkeypatch.setattr(live_feed, "feed", feed)
    live_run = feed.run(lab, running)
    feed.follow(live_run, "browser", logarithmic=False)
    known = address(live_run)
    passed_on = []

    async def streamlit(scope, receive, send):
        passed_on.append(scope["path"])

    def ask(path: str, kind: str = "http") -> list[dict[str, Any]]:
        messages = []

        async def send(message):
            messages.append(message)

        run_visits(FeedMiddleware(streamlit)({"type": kind, "path": path, "method": "GET"}, None, send))
        return messages

    assert [message.get("status") for message in ask(known)] == [404, None]  # no snapshot yet
    feed.refresh()
    for path in (known, f"/base/of/a/proxy{known}"):
        begin, rest = ask(path)
        assert begin["status"] == 200
        headers = dict(begin["headers"])
        assert headers[b"content-encoding"] == b"gzip"
        assert headers[b"content-type"] == b"application/json"
        assert headers[b"cache-control"] == b"no-store"
        assert int(headers[b"content-length"]) == len(rest["body"])
        assert gzip.decompress(rest["body"]) == live_run.snapshot(logarithmic=False).plots.data
    assert passed_on == []

    others = ["/", "/train", f"{known}/", f"{known}\n", "/news/../app.py", known.upper()]
    assert all(ask(path) == [] for path in others)
    assert ask(known, "websocket") == []
    assert passed_on == [*others, known]


def test_a_run_that_goes_away_ends_no_feed(monkeypatch, lab, running, feed):
    def full(run_id: str) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(lab, "run", full)
        full_disk = feed.run(lab, "full")
        feed.follow(full_disk, "browser", logarithmic=False)
        feed.refresh()
    deleted, fine = feed.run(lab, "gone"), feed.run(lab, running)
    for live_run in (deleted, fine):
        feed.follow(live_run, "browser", logarithmic=False)

    assert feed.refresh()
    assert body(feed, address(fine)) == sent(fine)
    assert feed.answer(address(full_disk)).status_code == 404
    assert feed.answer(address(deleted)).status_code == 404


def test_the_feed_works_by_itself_and_rests_when_nobody_looks(monkeypatch, lab, running):
    monkeypatch.setattr(live_feed, "REFRESH_SECONDS", 0.01)
    now = [0.0]
    feed = Feed(2, clock=lambda: now[0])
    live_run = feed.run(lab, running)
    for _ in range(2):  # and again after a rest
        feed.follow(live_run, "browser", logarithmic=False)
        wait_for(lambda: feed.answer(address(live_run)).status_code == 200, 20)
        now[0] += FORGET_SECONDS + 1
        wait_for(lambda: feed._thread is None, 20)
        assert feed.answer(address(live_run)).status_code == 404


def test_a_run_in_progress_says_where_its_news_are_and_one_at_rest_does_not(lab, running, monkeypatch, feed):
    monkeypatch.setattr("pages._parts.live.snapshot.SHARED_SECONDS", 0.0)
    live_run = feed.run(lab, running)
    feed.follow(live_run, "browser", logarithmic=False)
    before = sent(live_run)["live"]
    lab.epoch(running)
    feed.refresh()

    after = body(feed, f"/{before['feed']}")
    assert after == sent(live_run)
    assert after["live"]["feed"] == before["feed"]
    assert after["live"]["table_revision"] != before["table_revision"]  # one more epoch
    assert sent(live_run, logarithmic=True)["live"]["feed"] != before["feed"]
    lab.store.transition(running, State.STOPPING)
    stopping = sent(live_run)["live"]
    assert stopping["page_revision"] != after["live"]["page_revision"]
    lab.store.transition(running, State.STOPPED)
    assert sent(live_run)["live"]["feed"] is None


def test_each_change_that_only_a_script_run_can_draw_has_a_new_page_revision(lab, running, feed):
    live_run = feed.run(lab, running)
    seen = [live_run.status(fresh=True).page_revision]

    def changed(action) -> bool:
        action()
        seen.append(live_run.status(fresh=True).page_revision)
        return seen[-1] not in seen[:-1]

    drawn = (
        lambda: lab.rename(running, "another name"),
        lambda: lab.annotate(running, "a note"),
        lambda: lab.store.transition(running, State.PAUSING),
        lambda: lab.store.transition(running, State.PAUSED),
        lambda: lab.resume(running),
        lambda: lab.stop(running),
        lambda: lab.extend(running, 5),
    )
    assert [changed(action) for action in drawn] == [True] * len(drawn)
    lab.epoch(running, 1)  # at rest: its predictions can be shown
    lab.store.add(running, CheckpointSaved("last", 1, None, 24))  # it can be resumed from there
    assert changed(lambda: None)


def test_the_start_and_the_first_epoch_of_a_run_in_a_process_draw_no_page_anew(lab, feed):
    run_id = lab.made("a")
    live_run = feed.run(lab, run_id)
    lab.store.transition(run_id, State.STARTING)
    page, table = (live_run.status(fresh=True).page_revision, live_run.snapshot(logarithmic=False).table_revision)

    lab.store.transition(run_id, State.RUNNING)
    lab.report(run_id, epoch=1, batch=1, share_done=0.1)
    lab.epoch(run_id, 1)

    assert live_run.status(fresh=True).page_revision == page
    assert live_run.snapshot(logarithmic=False).table_revision != table


def test_a_second_epoch_and_a_notice_are_drawn_with_the_table(lab, running, feed):
    live_run = feed.run(lab, running)
    lab.epoch(running, 1)

    def revisions() -> tuple[int, int]:
        status = live_run.status(fresh=True)
        return status.page_revision, live_run.snapshot(logarithmic=False).table_revision

    (page, first) = revisions()
    lab.epoch(running, 2)
    (same, second) = revisions()
    lab.store.add(running, Notice("precision", 2, "A notice."))
    lab.report(running, epoch=3, batch=1, share_done=0.3)  # follows within a second
    (still, third) = revisions()
    assert (same, still) == (page, page)
    assert len({first, second, third}) == 3
    assert live_run.snapshot(logarithmic=True).table_revision == third


def test_a_status_is_shared_for_less_than_a_second_and_a_snapshot_until_the_pace_changes(monkeypatch, lab, running, feed):
    now = [0.0]
    monkeypatch.setattr(snapshot, "time", SimpleNamespace(monotonic=lambda: now[0]))
    live_run = feed.run(lab, running)
    first, drawn = live_run.status(fresh=False), live_run.snapshot(logarithmic=False)
    lab.report(running, epoch=1, batch=24, share_done=0.1)
    now[0] += 0.9
    assert live_run.status(fresh=False) is first
    for browser in range(40):
        feed.pace.seen(str(browser))
    again = live_run.snapshot(logarithmic=False)
    assert again.status is drawn.status
    assert json.loads(again.plots.data)["live"]["redraw_every"] > json.loads(drawn.plots.data)["live"]["redraw_every"]
    now[0] += 0.01
    assert live_run.status(fresh=False).latest.batch == 24


def test_the_last_snapshot_of_each_scale_can_be_had_without_a_read(monkeypatch, lab, running, feed):
    live_run = feed.run(lab, running)
    assert live_run.cached(logarithmic=True) is None
    drawn = live_run.snapshot(logarithmic=True)
    monkeypatch.setattr(lab, "run", None)

    assert live_run.cached(logarithmic=True) is drawn
    assert live_run.cached(logarithmic=False) is None


@pytest.mark.parametrize("logarithmic", [False, True])
def test_a_poll_brings_the_curves_in_the_scale_that_is_drawn(lab, running, feed, logarithmic):
    lab.report(running, epoch=1, batch=24, share_done=0.1)
    live_run = feed.run(lab, running)
    live_run.snapshot(logarithmic=logarithmic)
    feed.follow(live_run, "browser", logarithmic=logarithmic)
    feed.refresh()

    answer = feed.answer(f"/news/{live_run.tokens[logarithmic]}")
    loss = json.loads(gzip.decompress(answer.body))["charts"][0]["figure"]["layout"]["yaxis"]
    assert (loss.get("type") == "log") is logarithmic


@pytest.mark.parametrize(
    ("cores", "browsers", "poll", "redraw"),
    [
        (1, 1, 1.0, 2.0), (2, 1, 1.0, 1.0), (2, 2, 1.0, 2.0), (2, 10, 1.0, 8.0), (2, 30, 1.0, 20.0), (2, 40, 1.0, 20.0),
        (2, 41, 2.0, 20.0), (2, 81, 3.0, 20.0),
            (2, 1_000, 20.0, 20.0), (16, 30, 1.0, 3.0), (16, 100, 1.0, 12.0), (16, 640, 2.0, 20.0),
    ],
)  # fmt: skip
def test_how_often_so_many_browsers_are_served(cores, browsers, poll, redraw):
    pace = Pace(cores, clock=lambda: 0.0)
    for browser in range(browsers):
        pace.seen(str(browser))

    assert (pace.poll_every, pace.redraw_every) == (poll, redraw)


def test_a_browser_counts_for_two_and_a_half_minutes_after_it_was_seen_last():
    now = [0.0]
    pace = Pace(1, clock=lambda: now[0])
    for moment, browser in ((0.0, "a"), (1.0, "b"), (100.0, "a"), (151.0, "c")):
        now[0] = moment
        pace.seen(browser)
    assert pace.redraw_every == 5.0  # three browsers
    now[0] = 151.5
    pace.seen("c")
    assert list(pace._seen) == ["a", "c"]


def test_a_snapshot_is_served_for_two_and_a_half_minutes_after_it_was_asked_for_last(monkeypatch, lab, running):
    monkeypatch.setattr(Feed, "_work", lambda self: None)
    now = [1_000.0]
    feed = Feed(2, clock=lambda: now[0])
    live_run = feed.run(lab, running)
    feed.follow(live_run, "browser", logarithmic=True)
    feed.refresh()

    assert (feed.pace.poll_every, feed.pace.redraw_every) == (1.0, 1.0)
    now[0] += 150.0
    assert feed.refresh()
    assert feed.answer(address(live_run, logarithmic=True)).status_code == 200
    assert feed.answer(address(live_run)).status_code == 404  # the other scale
    now[0] += 0.01
    assert not feed.refresh()
    assert (live_feed.REFRESH_SECONDS, live_feed.MOST_RUNS) == (1.0, 64)
