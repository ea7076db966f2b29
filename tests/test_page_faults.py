"""An error on an open page is a sentence, whether app.py, a page alone or a fragment runs."""

from __future__ import annotations

import ast
import json
import os

import pytest
from page_fakes import ROOT, open_page, widget
from page_runs import RunsLab
from polling import fragments, poll
from streamlit.testing.v1 import AppTest

from cnnlab.errors import StoreError
from cnnlab.events import RunPaused, RunResumed
from cnnlab.runs.records import State
from pages._parts.run import list as run_list
from pages._parts.shell import fragment

MESSAGE = "The record of runs cannot be read; check that the disk is not full."
PAGES = ("design", "data", "train", "runs", "predict", "inside")  # Learn asks the record about runs alone


class FailingLab(RunsLab):
    """A lab whose disk fails once `gone` is set."""

    gone = False

    def __getattribute__(self, name: str):
        if object.__getattribute__(self, "gone") and name in ASKED:
            raise StoreError(MESSAGE)
        return object.__getattribute__(self, name)

    def summaries(self):
        return self.store.summaries()


ASKED = ("architectures", "datasets", "run", "runs", "summaries", "queue", "forecast", "epochs", "progress", "events", "layers")


@pytest.fixture
def lab(tmp_path):
    lab = FailingLab(tmp_path)
    lab.home = tmp_path
    yield lab
    lab.gone = False
    lab.store.close()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("alone", [True, False], ids=["the page's file", "app.py"])
def test_a_page_whose_lab_fails_is_a_sentence(monkeypatch, lab, page, alone):
    import pages._parts.shell

    monkeypatch.setattr(pages._parts.shell, "enter", lambda: lab)
    lab.gone = True
    # After a server start, Streamlit runs the page of the first deep link without app.py.
    app = AppTest.from_file(os.fspath(ROOT / (f"pages/{page}.py" if alone else "app.py")), default_timeout=180)
    app = app.run() if alone or page == "design" else app.switch_page(f"pages/{page}.py").run()

    assert not app.exception
    assert MESSAGE in [error.value for error in app.error]


@pytest.mark.parametrize("page", ["train", "train with a run", "runs", "data"])
def test_a_part_that_is_drawn_again_by_itself_and_fails_is_a_sentence_and_then_heals(monkeypatch, lab, page):
    run_id = lab.made()
    lab.begin(run_id)
    address = {"train with a run": {"run": run_id}, "data": {"dataset": "cifar10"}}.get(page, {})
    if page == "data":
        lab.here = ("sample",)
    app = open_page(monkeypatch, page.split()[0], lab, **address)
    assert fragments(app)

    lab.gone = True
    failed = poll(app, monkeypatch)
    assert not failed.exception
    assert MESSAGE in [error.value for error in failed.error]

    lab.gone = False
    healed = poll(app, monkeypatch)
    assert not healed.exception
    assert not healed.error


def test_only_one_place_makes_fragments_and_dialogs_are_guarded():
    for path in sorted(ROOT.glob("pages/**/*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == "fragment" and isinstance(node.value, ast.Name):
                assert path.name == "shell.py", f"{path.name}: use shell.fragment, which shows errors as sentences"
            if isinstance(node, ast.FunctionDef) and any("dialog" in ast.unparse(each) for each in node.decorator_list):
                assert "in_words()" in map(ast.unparse, node.decorator_list), path.name


def test_the_queue_follows_what_others_do(monkeypatch, lab):
    lab.begin(lab.made("a", name="trains"))
    lab.made("b", name="waits")
    app = open_page(monkeypatch, "train", lab)
    assert "Waiting for their turn (1)" in " ".join(each.value for each in app.markdown)

    lab.made("c", name="comes later")
    app = poll(app, monkeypatch)

    assert "Waiting for their turn (2)" in " ".join(each.value for each in app.markdown)


def test_a_page_with_a_run_has_its_queue_looked_at_with_the_run(monkeypatch, lab):
    run_id = lab.made("a", name="trains")
    lab.begin(run_id)
    app = open_page(monkeypatch, "train", lab, run=run_id)
    assert len(fragments(app)) == 4  # the run, and the others; its settings and what can be taken away only after a click

    lab.made("b", name="waits")
    app = poll(app, monkeypatch)

    assert "Waiting for their turn (1)" in " ".join(each.value for each in app.markdown)


@pytest.mark.parametrize("beside", ["the form", "another run"])
def test_what_other_runs_do_is_seen_without_a_click(monkeypatch, lab, beside):
    run_id = lab.made("a", name="trains")
    lab.begin(run_id)
    address = {"run": lab.trained("b")} if beside == "another run" else {}
    app = open_page(monkeypatch, "train", lab, **address)
    assert "Training · 0 of" in " ".join(each.value for each in app.caption)

    lab.store.transition(run_id, State.FINISHED)
    app = poll(app, monkeypatch)

    shown = " ".join(each.value for each in app.caption)
    assert "Finished · 0 of" in shown
    assert "Training ·" not in shown


def test_nothing_is_polled_beside_the_form_while_nothing_runs(monkeypatch, lab):
    timers = []

    def drawn(function, *, run_every=None):
        timers.append(run_every)
        return fragment(function, run_every=run_every)

    monkeypatch.setattr(run_list, "fragment", drawn)
    lab.trained()
    open_page(monkeypatch, "train", lab)
    assert timers == [None]

    lab.begin(lab.made("b"))
    open_page(monkeypatch, "train", lab)

    assert timers == [None, run_list.POLL_SECONDS, run_list.POLL_SECONDS]  # the offer of the visitor's own run, and the list


@pytest.mark.parametrize("page", ["train", "predict", "runs"])
def test_a_damaged_run_is_named_once_and_the_others_are_shown(monkeypatch, lab, page):
    lab.trained("a", name="the good one")
    damaged = lab.trained("b", name="the damaged one")
    with lab.store.transaction(write=True) as connection:
        connection.execute("UPDATE runs SET message = 1.5, state = 'flying' WHERE id = ?", (damaged,))

    app = open_page(monkeypatch, page, lab)

    assert not app.exception
    warnings = [warning.value for warning in app.warning if damaged in warning.value]
    assert len(warnings) == 1
    assert "left out" in warnings[0]
    shown = str(app.dataframe[0].value["Run"].tolist()) if page == "runs" else str([*app.button, *app.selectbox])
    assert "the good one" in shown
    assert "the damaged one" not in shown


@pytest.mark.parametrize("page", ["train", "predict", "runs"])
def test_a_damaged_run_that_is_asked_for_is_a_sentence(monkeypatch, lab, page):
    lab.trained("a", name="the good one")
    damaged = lab.trained("b")
    with lab.store.transaction(write=True) as connection:
        connection.execute("UPDATE runs SET state = 'flying' WHERE id = ?", (damaged,))

    app = open_page(monkeypatch, page, lab, **{"runs" if page == "runs" else "run": damaged})

    assert not app.exception
    messages = [element.value for element in (*app.error, *app.warning)]
    assert any(f"run '{damaged}' cannot be read" in message for message in messages)


def test_a_run_with_a_damaged_event_is_left_out_of_the_comparison_only(monkeypatch, lab):
    good, damaged = lab.trained("a", name="the good one"), lab.trained("b", name="the damaged one")
    with lab.store.transaction(write=True) as connection:
        connection.execute("UPDATE events SET body = '{' WHERE run_id = ? AND kind = 'epoch_done'", (damaged,))

    app = open_page(monkeypatch, "runs", lab, runs=f"{good},{damaged}")

    assert not app.exception
    assert "2 selected “the good one” reached" in " ".join(each.value for each in app.markdown)
    assert any("damaged" in each.value and "It is left out of the comparison." in each.value for each in app.warning)


@pytest.mark.parametrize("key", ["predict:checkpoint", "predict:only", "data:split", "data:dataset"])
def test_a_row_of_buttons_that_lost_its_choice_falls_back_to_the_usual_one(monkeypatch, lab, key):
    # Seen in a browser: a second click, while the first one's script still ran, left the row with nothing pressed.
    lab.trained()
    app = open_page(monkeypatch, key.partition(":")[0], lab)
    usual = app.session_state[key]

    app.session_state[key] = None
    app.run()

    assert not app.exception
    assert app.session_state[key] == usual


def test_a_paused_run_goes_on_with_a_mark_on_its_curves(monkeypatch, lab):
    run_id = lab.made(epochs=4)
    lab.begin(run_id)
    lab.epoch(run_id)
    lab.store.pause(run_id)
    lab.store.add(run_id, RunPaused(2, 36, 5.0), to=State.PAUSED)
    lab.store.resume(run_id)
    lab.store.transition(run_id, State.STARTING)
    history = lab.store.epochs(run_id)
    lab.store.add(run_id, RunResumed(2, 36, 1, 4, "cpu", "CPU", 5.0), to=State.RUNNING, history=history)

    app = open_page(monkeypatch, "train", lab, run=run_id)

    loss, accuracy = (chart["figure"] for each in app.get("bidi_component") for chart in json.loads(each.proto.bytes)["charts"])
    for figure in (loss, accuracy):
        mark = figure["data"][-1]
        assert set(mark["x"]) == {1.5, None}
        assert set(mark["text"]) == {"paused here, then resumed"}
        assert figure["layout"]["yaxis2"]["overlaying"] == "y"
    assert widget(app.toggle, "Logarithmic loss")
