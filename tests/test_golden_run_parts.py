"""What a run does, in words, and what can be done with it: in each state, as text."""

from __future__ import annotations

import itertools
import shutil
from types import SimpleNamespace

import pytest
import streamlit as st
from busy_lab import BusyLab, at_rest, at_work, begun, report
from golden_text import NOW, check, same_every_time
from page_fakes import ROOT
from page_text import page_text
from streamlit.testing.v1 import AppTest

import pages._parts.shell
from cnnlab import text
from cnnlab.runs import store
from cnnlab.runs.records import State
from pages._parts import visitor
from pages._parts.live.pace import Pace
from pages._parts.live.snapshot import LiveRun
from pages._parts.run_words import state_icon, state_word
from pages._parts.shell import fragment
from pages._parts.sidebar import sidebar

ACTIONS = ("stop", "pause", "resume", "extend", "move_in_queue", "start_over")


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """An empty lab."""
    same_every_time(monkeypatch)
    lab = BusyLab(tmp_path)
    yield lab
    lab.store.close()


@pytest.fixture(scope="module")
def at_noon(tmp_path_factory):
    """The home of a busy lab, made once: its two hundred transactions take longer than a page."""
    home = tmp_path_factory.mktemp("busy")
    with pytest.MonkeyPatch.context() as patched:
        same_every_time(patched)
        lab = BusyLab(home)
        at_rest(lab)
        at_work(lab)
        lab.store.close()
    return home


@pytest.fixture
def busy(tmp_path, monkeypatch, at_noon):
    """A lab of its own with the runs of `at_noon`; the last of them was made some minutes ago."""
    same_every_time(monkeypatch)
    moments = itertools.count(NOW + 4_800, 20)
    monkeypatch.setattr(store.Store.__init__, "__kwdefaults__", {"clock": lambda: next(moments)})
    monkeypatch.setattr(text, "time", SimpleNamespace(time=lambda: NOW + 5_400))
    lab = BusyLab(shutil.copytree(at_noon, tmp_path / "home"))
    yield lab
    lab.store.close()


@pytest.fixture
def ana(monkeypatch):
    """The visitor's name is Ana."""
    monkeypatch.setattr(visitor.st, "user", {"is_logged_in": True, "email": "Ana"})


def status(lab, run_id):
    return LiveRun(lab, run_id, Pace(2), itertools.count(1)).status(fresh=True)


def in_words(lab, run):
    now = status(lab, run.id)
    return f"{run.name}: {state_icon(run)} {state_word(run)}: {now.sentence} ({now.share_done:.4f} done)"


def drawn(monkeypatch, lab, page, **address):
    """A page that has only what the function `page` draws."""
    monkeypatch.setattr(pages._parts.shell, "enter", lambda: lab)
    app = AppTest.from_function(page, default_timeout=30)
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def test_what_each_run_does(busy, regenerate_golden):
    found = "\n".join(in_words(busy, run) for run in reversed(busy.runs()))

    check("pages/run-sentences", found, regenerate=regenerate_golden)


def test_what_a_run_waits_for(tmp_path, regenerate_golden):
    lines = []
    for others in range(4):
        lab = BusyLab(tmp_path / str(others))
        for number in range(others):
            begun(lab, f"training {number + 1}")
        lab.resume(begun(lab, "goes on", 0.5, end=State.PAUSED))
        for number in range(3):
            lab.made(str(number), name=f"waits {number + 1}")
        lines += [f"{others} train. {in_words(lab, run)}" for run in lab.queue()]
        if not others:  # without the one that goes on
            lab.stop(lab.queue()[0].id)
            lines += [f"{others} train. {in_words(lab, run)}" for run in lab.queue()]
        lab.store.close()

    check("pages/run-waiting", "\n".join(lines), regenerate=regenerate_golden)


def rows():
    import streamlit as st  # AppTest runs the text of this function alone

    from pages._parts.run.actions import _for_its_state
    from pages._parts.shell import enter
    from pages._parts.visitor import not_yours

    lab = enter()
    for run in reversed(lab.runs()):
        if run.name not in st.query_params.get_all("rows"):
            continue
        st.caption(f"{run.name} ({run.state}), owner: {run.owner or 'nobody'}")
        _for_its_state(lab, run, not_yours(run))


def test_what_can_be_done_with_each_run(monkeypatch, busy, ana, regenerate_golden):
    app = drawn(monkeypatch, busy, rows, rows=[run.name for run in busy.runs()])

    check("pages/run-buttons", page_text(app), regenerate=regenerate_golden)


PRESSED = (
    "learned", "put aside", "interrupted at once", "stopped", "stopped at its end", "failed", "damaged", "starting", "pausing",
    "Ana’s first", "Ana’s second",
)  # fmt: skip


def test_what_each_button_asks_of_the_lab(monkeypatch, busy, ana, regenerate_golden):
    asked, lines = [], []
    for name in ACTIONS:
        monkeypatch.setattr(busy, name, lambda *given, action=name, **named: asked.append((action, given, named)), raising=False)
    app = drawn(monkeypatch, busy, rows, rows=PRESSED)
    for number, field in enumerate(app.number_input, 5):
        field.set_value(number)

    for key in [each.key for each in app.button if not each.disabled]:
        asked.clear()
        app.button(key=key).click().run()
        lines.append(f"{key}: {'; '.join(f'{action}{given} {named}' for action, given, named in asked)}")

    check("pages/run-buttons-pressed", "\n".join(lines), regenerate=regenerate_golden)


def lists():
    from pages._parts.run.list import own_run_first, run_list
    from pages._parts.shell import enter

    lab = enter()
    own_run_first(lab)
    run_list(lab)


def test_the_list_of_runs_and_the_queue(monkeypatch, busy, ana, regenerate_golden):
    for number in range(6):
        busy.made(f"more {number}", name=f"more {number}", owner="Eve")

    app = drawn(monkeypatch, busy, lists)
    first = page_text(app)
    app.toggle(key="all runs").set_value(True).run()
    every = page_text(app)
    for press in ("watch the own run", "open 00000002"):
        app.button(key=press).click().run()
        every += f"{press}: {app.query_params}\n"

    more = "\n".join(every.splitlines()[len(first.splitlines()) - 3 :])
    check("pages/run-list", f"{first}\n“Show all” adds:\n{more}", regenerate=regenerate_golden)


def test_the_list_of_an_empty_lab_and_of_one_whose_runs_all_wait(monkeypatch, lab, regenerate_golden):
    empty = page_text(drawn(monkeypatch, lab, lists))
    lab.made("a", name="waits")

    check("pages/run-list-short", empty + page_text(drawn(monkeypatch, lab, lists)), regenerate=regenerate_golden)


@pytest.mark.parametrize("name", ["", "Ana", "Ben"])
def test_the_sidebar(monkeypatch, busy, name, regenerate_golden):
    for number in range(2):
        busy.made(f"Ana's {number}", name=f"*Ana's* {number}", owner="Ana")
    monkeypatch.setattr(visitor, "_account", lambda: "Ben" if name == "Ben" else "")
    monkeypatch.setattr(pages._parts.shell, "enter", lambda: (sidebar(busy, fragment), st.stop()))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    app.session_state["name of the visitor"] = name

    check(f"pages/sidebar-{name.lower() or 'without-a-name'}", page_text(app.run()), regenerate=regenerate_golden)


def test_a_report_of_a_run_that_says_more_than_it_has_done_fills_its_bar_and_not_more(lab):
    run_id = begun(lab, "quick", epochs=1)
    report(lab, run_id, 30)

    assert lab.progress(run_id)[-1].share_done > 1
    assert status(lab, run_id).share_done == 1.0
