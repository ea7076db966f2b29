"""What every page shares: its gate, errors as sentences, the visitor's name, and the server around all of them."""

from __future__ import annotations

import base64
import logging
import runpy
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import streamlit as st
from page_fakes import ROOT, FakeLab
from test_visitor import RUN

from cnnlab.access import door
from cnnlab.errors import StoreError
from cnnlab.runs.records import Runs, State
from cnnlab.runs.summaries import Summaries
from cnnlab.system import processes
from pages._parts import first_tab, shell, visitor
from pages._parts.gate.layer import Gate
from pages._parts.live.feed import FeedMiddleware
from pages._parts.refreshing import RefreshMiddleware
from pages._parts.run import list as run_list


class Stopped(Exception):
    """The page has stopped."""


@pytest.fixture
def calls(monkeypatch):
    """What is drawn and done, in order."""
    calls = []

    def note(name, *, raises=None):
        def called(*words, **options):
            calls.append((name, *words, *sorted(options.items())))
            if raises:
                raise raises

        return called

    noted = {name: note(name) for name in ("error", "html", "warning", "set_page_config", "rerun")}
    noted["stop"] = note("stop", raises=Stopped)
    # Not in Streamlit itself, which a page of an earlier test may still be using in its own thread.
    monkeypatch.setattr(shell, "st", SimpleNamespace(**(vars(st) | noted)))
    monkeypatch.setattr(shell, "sidebar", note("sidebar"))
    return calls


class Lab(FakeLab):
    waits = ""
    asked_whether_ready = 0

    def ready(self):
        self.asked_whether_ready += 1
        return False

    def queue_waits(self):
        return self.waits


def test_a_page_enters_through_the_gate_in_order(monkeypatch, calls):
    lab = Lab()
    lab.waits = "The disk is *full*."
    monkeypatch.setattr(shell, "_lab", lambda: calls.append(("lab",)) or lab)
    monkeypatch.setattr(shell, "_disable_pages_folder", lambda: None)  # it runs the first page of a process once more

    assert shell.enter() is lab

    assert [call[0] for call in calls] == ["set_page_config", "lab", "html", "sidebar", "warning"]
    assert calls[3][1:] == (lab, shell.fragment)
    assert calls[4][1:] == ("The disk is \\*full\\*.", ("icon", ":material/hourglass_top:"))
    assert lab.asked_whether_ready == 1  # the helper starts
    icon, state, layout = (dict(calls[0][1:])[name] for name in ("page_icon", "initial_sidebar_state", "layout"))
    assert (icon.partition(";")[0], state, layout) == ("data:image/svg+xml", 220, "wide")
    assert base64.b64decode(icon.partition(",")[2]).startswith(b"<svg")


def test_a_lab_that_cannot_be_opened_stops_the_page_with_the_reason(monkeypatch, calls):
    def broken():
        raise StoreError("The record is *damaged*.")

    monkeypatch.setattr(shell, "_lab", broken)
    for enter in (shell.enter, shell.wake):
        calls.clear()
        with pytest.raises(Stopped):
            enter()
        assert calls[-2:] == [("error", "The record is \\*damaged\\*.", ("icon", ":material/error:")), ("stop",)]
        assert "sidebar" not in [call[0] for call in calls]


def test_the_helper_is_woken_before_the_page_is_loaded(monkeypatch, calls):
    lab = Lab()
    monkeypatch.setattr(shell, "_lab", lambda: lab)

    shell.wake()

    assert lab.asked_whether_ready == 1
    assert not calls


def test_an_error_within_a_fragment_is_a_sentence_and_any_other_fault_is_not_hidden(monkeypatch, calls):
    monkeypatch.setattr(shell.st, "fragment", lambda function, run_every: calls.append(("fragment", run_every)) or function)

    def broken(error):
        raise error

    shell.fragment(broken, run_every=2.5)(StoreError("A sentence."))
    shell.fragment(broken)(StoreError("Another."))
    with pytest.raises(ValueError, match="a fault"):
        shell.fragment(broken)(ValueError("a fault"))

    assert [call[1] for call in calls] == [2.5, "A sentence.", None, "Another.", None]


def test_files_in_the_folder_of_pages_are_not_run_without_the_app(monkeypatch, calls):
    manager = SimpleNamespace(uses_pages_directory=True)
    monkeypatch.setattr(shell.pages_manager, "PagesManager", manager)

    for _ in range(2):
        shell._disable_pages_folder()

    assert not manager.uses_pages_directory
    assert calls == [("rerun",)]


def test_the_lab_of_the_pages_is_at_home(monkeypatch, tmp_path):
    monkeypatch.setattr(shell, "Lab", lambda home, data, look_seconds: (home, data, look_seconds))
    monkeypatch.setenv("CNNLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "data"))

    assert shell._lab.__wrapped__() == (tmp_path / "home", tmp_path / "data", shell.LOOK_SECONDS)


@pytest.mark.parametrize("too_few", ["", "Too few files may be open."])
def test_the_server_keeps_files_private_and_answers_the_feed_itself(monkeypatch, caplog, too_few):
    calls = []
    monkeypatch.setattr(processes, "keep_files_private", lambda: calls.append("private"))
    monkeypatch.setattr(processes, "allow_many_files", lambda: too_few)
    monkeypatch.setattr(st, "App", lambda path, **given: (path, given), raising=False)
    monkeypatch.setattr(door, "_installed", [])
    monkeypatch.setattr("streamlit.config.set_option", lambda *_: None)
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "")

    with caplog.at_level(logging.WARNING, "cnnlab"):
        path, given = runpy.run_path(str(ROOT / "app.py"), run_name="app")["app"]

    assert path == str(ROOT / "app.py")
    assert calls == ["private"]
    assert [each.cls for each in given["middleware"]] == [Gate, FeedMiddleware, RefreshMiddleware]  # the gate is outside
    assert given["lifespan"] is first_tab.open_first_tab
    assert [record.message for record in caplog.records if record.name == "cnnlab"] == ([too_few] if too_few else [])


# The visitor


@pytest.mark.parametrize(
    ("account", "name"),
    [
        ({"is_logged_in": True, "email": "a@example.org", "name": "Ana", "sub": "7"}, "a@example.org"),
        ({"is_logged_in": True, "email": "", "name": "  Ana ", "sub": "7"}, "Ana"),
        ({"is_logged_in": True, "sub": 7}, "7"),
        ({"is_logged_in": True}, ""),
        ({"is_logged_in": False, "email": "a@example.org"}, ""),
        ({}, ""),
    ],
)
def test_an_account_goes_by_its_address_its_name_or_its_number(monkeypatch, account, name):
    monkeypatch.setattr(visitor.st, "user", account)

    assert visitor._account() == name


def test_who_is_not_the_owner_reads_whose_run_it_is_and_what_to_do(monkeypatch):
    other = replace(RUN, owner="*Ben*")
    monkeypatch.setattr(visitor, "visitor", lambda: "Ana")
    monkeypatch.setattr(visitor.st, "user", {})

    assert visitor.not_yours(other) == (
        "This run belongs to \\*Ben\\*, so only \\*Ben\\* can change it. If you are \\*Ben\\*, enter that name in the sidebar."
    )
    monkeypatch.setattr(visitor.st, "user", {"is_logged_in": True, "email": "Ana"})
    assert visitor.not_yours(other) == "This run belongs to \\*Ben\\*, so only \\*Ben\\* can change it."
    assert (visitor.COOKIE, visitor.LONGEST) == ("cnnlab_visitor", 60)


# The list of runs


@pytest.mark.parametrize("state", State)
def test_a_list_is_polled_only_while_one_of_its_runs_may_change(monkeypatch, state):
    timers = []
    monkeypatch.setattr(run_list, "runs_of", lambda lab, name: [])
    monkeypatch.setattr(run_list, "fragment", lambda function, run_every: timers.append(run_every) or (lambda *given: None))

    run_list.rerun_on_change(None, Summaries(7, (SimpleNamespace(state=state), SimpleNamespace(state=State.FINISHED))))

    at_rest = {State.PAUSED, State.STOPPED, State.FINISHED, State.FAILED}
    assert timers == ([] if state in at_rest else [3.0])


@pytest.mark.parametrize(
    ("version", "epochs", "drawn", "reruns"),
    [
        (7, 2, 0.0, 0),  # nothing has changed
        (8, 3, 99.0, 1),  # an epoch of one's own run: at once
        (8, 2, 99.0, 0),  # another person's run: a class's change every second
        (8, 2, 84.0, 1),
    ],
)
def test_a_page_is_drawn_again_when_a_run_has_changed(monkeypatch, version, epochs, drawn, reruns):
    calls, dues = [], []
    monkeypatch.setattr(run_list.st, "rerun", lambda: calls.append("rerun"))
    monkeypatch.setattr(run_list.time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(run_list, "refresh_if", dues.append)
    one = SimpleNamespace(id="a", owner="Ana", state=State.RUNNING, epochs_done=epochs, active=True, created=1.0)
    lab, own = SimpleNamespace(summaries=lambda: Summaries(version, (one,))), [("a", State.RUNNING, 2)]

    run_list._rerun_if(partial(run_list._has_changed, lab, 7, "Ana", own, drawn))

    assert [due() for due in dues] == [bool(reruns)]
    assert len(calls) == reruns


@pytest.mark.parametrize(
    ("messages", "boxes"),
    [
        ((), []),
        (("Run a is *damaged*.",), ["Run a is \\*damaged\\*."]),
        (("Run a is damaged.", "b"), ["Run a is damaged. So is 1 more."]),
        (("Run a is damaged.", "b", "c"), ["Run a is damaged. So are 2 more."]),
    ],
)
def test_damaged_rows_are_named_once_and_counted(monkeypatch, messages, boxes):
    drawn = []
    monkeypatch.setattr(run_list.st, "warning", lambda text, icon: drawn.append(text))
    runs = Runs()
    runs.unreadable = messages

    run_list.warn_of_unreadable(runs.unreadable)

    assert drawn == boxes
