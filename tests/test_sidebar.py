"""The sidebar: visitors see their own training on every page, and only theirs."""

from __future__ import annotations

from datetime import datetime

import pytest
from made_runs import CONFIG, done, progress, running
from page_fakes import open_page
from page_runs import RunsLab

import pages._parts.shell
from cnnlab.forecasts.queue_times import Start
from cnnlab.runs.records import State
from pages._parts import sidebar as bars
from pages._parts import visitor
from pages._parts.live.sentence import sentence
from pages._parts.run import list as run_list
from pages._parts.shell import fragment
from pages._parts.sidebar import sidebar

PAGES = ["design", "data", "train", "runs", "predict", "inside", "learn"]


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


def opened(monkeypatch, lab, page="design", name=""):
    monkeypatch.setattr("pages._parts.run.list.visitor", lambda: name)  # first: it is loaded with the true one
    monkeypatch.setattr(visitor, "visitor", lambda: name)
    monkeypatch.setattr("pages._parts.sidebar.visitor", lambda: name)
    app = open_page(monkeypatch, page, lab)
    monkeypatch.setattr(pages._parts.shell, "enter", lambda: (sidebar(lab, fragment), lab)[1])
    return app.run()


def shown(app):
    """Title and text of the bar of each run."""
    links = [link.proto.label for link in app.sidebar.get("page_link") if "run=" in link.proto.query_string]
    return list(zip(links, [bar.proto.text for bar in app.sidebar.get("progress")], strict=True))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_what_the_visitor_is_training(monkeypatch, lab, page):
    run_id = running(lab.store, name="my network")
    lab.store.add(run_id, progress(5))
    lab.store.add(run_id, done(1))

    app = opened(monkeypatch, lab, page)

    assert not app.exception
    assert [(title.strip("\u2068\u2069"), text) for title, text in shown(app)] == [("my network", "Training · 33 %")]
    assert app.sidebar.get("progress")[0].proto.value == 33
    assert f"run={run_id}" in next(link for link in app.sidebar.get("page_link") if link.proto.query_string).proto.query_string


@pytest.mark.parametrize(
    ("change", "since", "draws"),
    [
        (lambda lab, run_id: None, 0.0, False),  # nothing has changed
        (lambda lab, run_id: lab.starts.update({run_id: Start(1, None)}), 90.0, False),  # another's run has begun
        (lambda lab, run_id: lab.starts.update({run_id: Start(1, None)}), 84.0, True),
        (lambda lab, run_id: lab.store.transition(run_id, State.STARTING), 99.0, True),  # its turn has come
        (lambda lab, run_id: lab.store.create(CONFIG, "t2", owner="Ana"), 99.0, True),
    ],
)
def test_the_bars_of_runs_that_wait_are_drawn_again_at_once_only_for_what_became_of_them(monkeypatch, lab, change, since, draws):
    run_id = lab.store.create(CONFIG, "t1", owner="Ana")
    lab.starts = {run_id: Start(3, None)}
    drawn = bars._shown(lab, "Ana"), bars.states_of(lab, "Ana")
    monkeypatch.setattr(bars.time, "monotonic", lambda: 100.0)

    change(lab, run_id)

    assert bars._is_outdated(lab, "Ana", *drawn, since) is draws


def test_the_bar_of_a_run_that_trains_moves_at_each_look(monkeypatch, lab):
    run_id = running(lab.store, owner="Ana")
    drawn = bars._shown(lab, "Ana"), bars.states_of(lab, "Ana")
    monkeypatch.setattr(bars.time, "monotonic", lambda: 100.0)

    assert not bars._is_outdated(lab, "Ana", *drawn, 99.0)
    lab.store.add(run_id, progress(5))
    assert bars._is_outdated(lab, "Ana", *drawn, 99.0)


@pytest.mark.parametrize(
    ("owner", "since", "draws"),
    [("Ben", 90.0, False), ("Ben", 84.0, True), ("Ana", 99.0, True)],  # other people's runs change all the time in a class
)
def test_a_list_beside_a_run_is_drawn_again_at_once_for_own_runs_only(monkeypatch, lab, owner, since, draws):
    before = run_list._turns(lab), bars.states_of(lab, "Ana")
    monkeypatch.setattr(run_list.time, "monotonic", lambda: 100.0)
    assert not run_list._has_moved(lab, "Ana", *before, since)

    lab.store.create(CONFIG, "t1", owner=owner)

    assert run_list._has_moved(lab, "Ana", *before, since) is draws


def test_a_run_that_waits_says_when_it_begins_on_every_list(monkeypatch, lab):
    first, second = (lab.store.create(CONFIG, name, name) for name in ("first", "second"))
    lab.starts = {first: Start(1, datetime.now().replace(hour=23, minute=58).timestamp()), second: Start(2, None)}
    later = "2nd in the queue, after runs that have no forecast yet"

    assert [text for _, text in shown(opened(monkeypatch, lab))] == [
        "Waiting for its turn · next, about 23:58",
        f"Waiting for its turn · {later}",
    ]
    train = open_page(monkeypatch, "train", lab)
    assert [each.value for each in train.caption if each.value.startswith(later)] == [f"{later} · just now"]
    runs = open_page(monkeypatch, "runs", lab)
    assert f"Waiting for its turn: {later}" in list(runs.dataframe[0].value["State"])
    assert sentence(lab, lab.run(second), None) == "2nd in the queue; after runs that have no forecast yet"


def test_other_peoples_runs_and_runs_at_rest_are_not_there(monkeypatch, lab):
    running(lab.store, token="1", name="Ada's", owner="Ada")
    running(lab.store, token="2", name="no one's")
    lab.store.create(CONFIG, "3", "paused", State.PAUSED, owner="Zoë")
    running(lab.store, token="4", name="Zoë's", owner="Zoë")

    assert [title.strip("\u2068\u2069") for title, _ in shown(opened(monkeypatch, lab, name="Zoë"))] == ["Zoë's"]


def test_many_runs_take_three_places_those_that_train_first_and_a_link_to_the_rest(monkeypatch, lab):
    for number in range(4):
        lab.store.create(CONFIG, f"q{number}", f"waiting {number}")
    running(lab.store, token="t", name="training")

    app = opened(monkeypatch, lab)

    assert [title.strip("\u2068\u2069") for title, _ in shown(app)] == ["training", "waiting 0", "waiting 1"]
    assert [text for _, text in shown(app)][1:] == ["Waiting for its turn · 0 %"] * 2
    assert "2 more of your runs" in [link.proto.label for link in app.sidebar.get("page_link")]


def test_with_nothing_training_the_sidebar_has_no_empty_box(monkeypatch, lab):
    assert shown(opened(monkeypatch, lab)) == []
