"""The page Class as a teacher, a student and a guest have it, and a teacher's notes on the pages of students."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from made_runs import CONFIG, STARTED, done
from page_fakes import open_page, widget
from taught import ANA, BEN, TEACHER, finished, taught_lab

from cnnlab.access.roles import Person
from cnnlab.runs.records import State
from cnnlab.seen import seen_by
from cnnlab.teaching.values import Stuck
from cnnlab.values import Device, DeviceState
from pages._parts import visitor


@pytest.fixture
def lab(tmp_path, monkeypatch):
    with taught_lab(tmp_path, monkeypatch) as lab:
        yield lab


def opened(monkeypatch, lab, person, **address):
    """The page as this person has it."""
    monkeypatch.setattr(visitor, "_member", lambda: person)
    return open_page(monkeypatch, "class", seen_by(lab, person or Person()), **address)


def press(app, label):
    widget(app.button, label).click().run()
    assert not app.exception


@pytest.mark.parametrize(("person", "sentence"), [(ANA, "for the teachers of this class"), (None, "has no class")])
def test_others_get_a_sentence_and_see_no_link(monkeypatch, lab, person, sentence):
    app = opened(monkeypatch, lab, person, view="machine")

    assert sentence in [*app.error, *app.info][0].value
    assert (app.title[0].value, app.button, app.dataframe) == ("My class", [], [])


def test_a_teacher_sees_everyone_and_sends_a_hint_to_who_is_stuck(monkeypatch, lab):
    finished(lab, seen_by(lab, BEN).start(CONFIG, token="b"), STARTED, done(1, 0.75))
    overview = lab.teaching.overview()
    ben = next(student for student in overview.students if student.name == "Ben Okafor")
    stuck = replace(ben, stuck=Stuck("not learning", "Loss stays at that of guessing.", ben.last.id))
    monkeypatch.setattr(lab.teaching._board, "overview", lambda: replace(overview, students=(stuck, overview.students[0])))

    app = opened(monkeypatch, lab, TEACHER)
    assert not app.exception
    assert app.dataframe[0].proto.placeholder == "–", "where a student has no result"
    table = app.dataframe[0].value
    assert list(table["Student"]) == ["Ben Okafor", "Ana Silva"]
    assert list(table["Needs help"]) == ["does not learn", ""]
    assert table["Best, %"][0] == 75.0
    assert any("**Ben Okafor** · Loss stays" in text.value for text in app.markdown)

    press(app, "Send a hint")
    assert (app.selectbox[0].value, app.text_area[0].value) == ("Ben Okafor", "Loss stays at that of guessing.")
    app.text_area[0].input("Try [ReLU](http://x.y) *now*").run()
    press(app, "Send")

    (note,) = seen_by(lab, BEN).teaching.notes()
    assert (note.text, note.by, note.run) == ("Try [ReLU](http://x.y) *now*", "Ms Li", ben.last.id)
    assert seen_by(lab, ANA).teaching.notes() == ()


def test_the_machine_has_devices_queue_and_disk_and_each_button_acts(monkeypatch, lab):
    trains, ended = (seen_by(lab, ANA).start(CONFIG, token=token, name=token) for token in ("trains", "ended"))
    finished(lab, ended, STARTED, done(1))
    lab._store.transition(trains, State.STARTING, device="cpu")
    lab._store.add(trains, STARTED, to=State.RUNNING)
    first, second = (seen_by(lab, BEN).start(CONFIG, token=token, name=token) for token in ("first", "second"))
    states = (DeviceState(Device("cpu", "CPU, 2 cores"), 16_000_000_000, 4_000_000_000),)
    monkeypatch.setattr(lab._helper, "ask", lambda *_, **__: states)

    app = opened(monkeypatch, lab, TEACHER, view="machine")
    assert not app.exception
    assert any("CPU, 2 cores** · 4 GB of 16 GB free" in text.value for text in app.markdown)
    assert "**Ana Silva** · trains" in app.get("progress")[0].proto.text
    app.button(key=f"class:up {second}").click().run()
    assert [run.name for run in lab.queue()] == ["second", "first"]
    app.button(key=f"class:stop {first}").click().run()
    app.button(key=f"class:pause {trains}").click().run()
    assert [lab.run(each).state for each in (first, trains)] == [State.STOPPED, State.PAUSING]

    widget(app.selectbox, "Clean up what belongs to").select("Ana Silva").run()
    widget(app.selectbox, "Which").select("all").run()
    assert any("“ended” goes, with its curves" in text.value for text in app.caption)
    press(app, "Delete them")
    assert {run.name for run in lab.runs()} == {"trains", "first", "second"}

    widget(app.selectbox, "Which").select("data").run()
    assert any("There is nothing to delete" in text.value for text in app.caption)
    pets = SimpleNamespace(name="own-pets", base="own-pets", title="Pets *1*", owner="Ana Silva", for_all=False)
    deleted = []
    monkeypatch.setattr("cnnlab.seen_data.SeenOwnData.sets", lambda self: (pets,))
    monkeypatch.setattr("cnnlab.teaching.service.set_bytes", lambda home, each: 5_000_000)
    monkeypatch.setattr("cnnlab.seen_data.SeenOwnData.delete", lambda self, name: deleted.append(name))
    app.run()
    assert any(r"The pictures of “Pets \*1\* · Ana Silva” go: 5 MB." in text.value for text in app.caption)
    press(app, "Delete them")
    assert deleted == ["own-pets"]

    widget(app.text_input, "What everyone reads").input("We look together")
    press(app, "Pause the lab")
    assert lab.teaching.paused().text == "We look together"
    press(app, "Let the lab go on")
    widget(app.text_area, "Announcement").input("Break at ten")
    press(app, "Show it to everyone")
    assert app.info[0].value == "Break at ten"
    press(app, "Withdraw")
    assert lab.teaching.announcement() is None


def test_a_teacher_pauses_resumes_and_deletes_runs_of_anyone_after_a_question(monkeypatch, lab):
    waits, other, trains = (seen_by(lab, BEN).start(CONFIG, token=token, name=token) for token in ("waits", "other", "trains"))
    lab._store.transition(trains, State.STARTING, device="at:cluster")  # no device of this machine
    app = opened(monkeypatch, lab, TEACHER, view="machine")
    assert "**Ben Okafor** · trains" in app.get("progress")[0].proto.text

    app.button(key=f"class:pause {other}").click().run()
    assert any(heading.value == "Paused: 1" for heading in app.subheader)
    app.button(key=f"class:resume {other}").click().run()
    assert lab.run(other).state is State.QUEUED

    app.button(key=f"class:pause {other}").click().run()
    lab._store.transition(trains, State.INTERRUPTED)  # the machine went off, and the lab does not resume it by itself
    app.run()
    assert [each.value for each in app.subheader if each.value.endswith(": 1")] == ["Queue: 1", "Interrupted: 1", "Paused: 1"]
    app.button(key=f"class:resume {trains}").click().run()
    app.button(key=f"class:delete {trains}").click().run()
    press(app, "Delete it")
    app.button(key=f"class:resume {other}").click().run()

    app.button(key=f"class:delete {waits}").click().run()
    assert any("“waits” of Ben Okafor has not trained yet, and will be deleted" in text.value for text in app.markdown)
    press(app, "Keep it")
    assert {run.name for run in lab.queue()} == {"waits", "other"}
    app.button(key=f"class:delete {waits}").click().run()
    press(app, "Delete it")
    assert [run.name for run in lab.queue()] == ["other"]
    assert not [button for button in app.button if button.label == "Delete it"], "the question is answered"
    assert [(each.who, each.did, each.what, each.whose) for each in lab.teaching.log(2)] == [
        ("Ms Li", "delete", waits, "Ben Okafor"), ("Ms Li", "stop", waits, "Ben Okafor"),
    ]  # fmt: skip


def test_results_and_log_open_and_a_wrong_view_is_named(monkeypatch, lab):
    app = opened(monkeypatch, lab, TEACHER, view="results")
    buttons = [(button.proto.label, button.proto.disabled) for button in app.get("download_button")]
    assert buttons == [("Students", False), ("Runs", False), ("Epochs", False), ("Report", True), ("Handed in", False)]

    seen_by(lab, ANA).start(CONFIG, token="a")
    lab.teaching.note("sign in", whose="Ana Silva", refused=True)  # a wrong code
    lab.teaching.note("class")
    widget(app.get("button_group"), "What to look at").set_value("log").run()
    table = app.dataframe[0].value
    assert list(zip(table["Who"], table["Did"], strict=True)) == [
        ("the command line", "changed the class"), ("a visitor", "was not let in"), ("Ana Silva", "started a run"),
    ]  # fmt: skip
    assert not app.exception

    assert "view" in opened(monkeypatch, lab, TEACHER, view="<script>").warning[0].value


def test_a_note_stands_on_a_students_pages_as_it_was_typed_until_it_is_dismissed(monkeypatch, lab):
    def page():
        from pages._parts import notes, shell

        notes.notes(shell.LAB, shell.fragment)

    from streamlit.testing.v1 import AppTest

    from pages._parts import shell

    monkeypatch.setattr(shell, "LAB", seen_by(lab, ANA), raising=False)
    monkeypatch.setattr(visitor, "_member", lambda: ANA)
    seen_by(lab, TEACHER).teaching.hint(["Ana Silva"], "*Try* <b>ReLU</b>")
    seen_by(lab, TEACHER).teaching.announce("Break")

    app = AppTest.from_function(page).run()
    assert [each.value for each in app.info] == ["Break", r"\*Try\* \<b\>ReLU\</b\>"]
    assert app.caption[1].value == "Hint from Ms Li, just now"
    app.button[1].click().run()
    assert [each.value for each in app.info] == ["Break"]
    monkeypatch.setattr(visitor, "_member", lambda: None)
    assert AppTest.from_function(page).run().info == []
