"""What a teacher sees and does: who is stuck, hints and announcements, presence, pausing, and who may do it."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from made_runs import CONFIG, STARTED, done
from recorded_runs import RUNS, config, replay
from taught import ANA, BEN, OBSERVER, TEACHER, finished, taught_lab

from cnnlab.assignments import Task
from cnnlab.errors import ConfigError, NotAllowed, RunStateError
from cnnlab.events import EpochDone, Progress
from cnnlab.runs.records import State
from cnnlab.runs.store_log import DEEDS
from cnnlab.runs.summaries import Summary
from cnnlab.seen import seen_by
from cnnlab.system import pausing
from cnnlab.system.home import private_file
from cnnlab.teaching import presence, service
from cnnlab.teaching.notes import LONGEST, MOST_HINTS, Notes
from cnnlab.teaching.presence import Presence, Seen
from cnnlab.teaching.service import Teaching
from cnnlab.teaching.stuck import Watch

NOW = 1_000_000.0
HERE, AWAY = Seen(NOW, NOW - 60, here=True), Seen(NOW - 9_000, NOW - 9_900, here=False)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    with taught_lab(tmp_path, monkeypatch) as lab:
        yield lab


class Clock:
    now = NOW

    def __call__(self):
        return self.now


def watched(name, state=State.FINISHED, created=NOW - 60, **changes):
    """A recorded run as one row, and the lab that has its events."""
    settings, steps = replay(RUNS[name])
    for _step, now in steps:
        events = now  # those of the end
    progress = tuple(event for event in events if isinstance(event, Progress))
    others = tuple(event for event in events if not isinstance(event, Progress))
    accuracies = [event.test_accuracy for event in others if isinstance(event, EpochDone)]
    values = dict.fromkeys(Summary._fields) | {
        "id": "a1b2c3d4", "state": state, "created": created, "config_json": config(RUNS[name]).to_json(), "dataset": "sample",
        "test_accuracy": accuracies[-1] if accuracies else None, "epochs_done": settings.epochs, "tags": (), "owner": "Ana Silva",
    }  # fmt: skip
    run = SimpleNamespace(message="the disk is full")
    lab = SimpleNamespace(events=lambda _: others, progress=lambda *_: progress, run=lambda _: run)
    return lab, Summary(**(values | changes))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("flat_lenet_sigmoid_01_256", "not learning"), ("diverged_mlp_rate10", "not learning"), ("good_lenet_relu", None)],
)
def test_a_student_is_stuck_whose_newest_run_is_flat_or_has_diverged(name, kind):
    lab, run = watched(name)

    found = Watch(lab).stuck([run], HERE, NOW, paused=False)

    assert (found.kind if found else None) == kind
    assert found is None or (found.run == run.id and found.reason.endswith("."))


def test_an_old_run_of_who_has_left_and_the_runs_of_a_sweep_say_nothing():
    lab, run = watched("flat_lenet_sigmoid_01_256", created=NOW - 9_000)

    assert Watch(lab).stuck([run], AWAY, NOW, paused=False) is None
    assert Watch(lab).stuck([run], HERE, NOW, paused=False) is not None
    assert Watch(lab).stuck([run._replace(tags=("sweep ab",))], HERE, NOW, paused=False) is None
    assert Watch(lab).stuck([run._replace(state=State.QUEUED, created=NOW - 60), run], HERE, NOW, paused=False) is None


def test_a_run_that_failed_and_one_that_waits_for_ten_minutes_count_but_not_while_the_lab_is_paused():
    lab, run = watched("good_lenet_relu", State.FAILED)
    lab.events = lab.progress = lambda *_: ()
    waits = run._replace(state=State.QUEUED, created=NOW - 601, epochs_done=0)

    assert Watch(lab).stuck([run], None, NOW, paused=False).reason == "A run has failed: the disk is full"
    assert Watch(lab).stuck([waits], None, NOW, paused=False).reason == "A run waits in the queue for 10 minutes."
    assert Watch(lab).stuck([waits], None, NOW - 2, paused=False) is None
    assert Watch(lab).stuck([waits], None, NOW, paused=True) is None


def test_who_is_here_for_ten_minutes_and_has_started_nothing_is_asked_for():
    lab, run = watched("good_lenet_relu", created=NOW - 700)
    came = Seen(NOW, NOW - 601, here=True)
    watch = Watch(lab)

    assert watch.stuck([], came, NOW, paused=False).reason == "Here for 10 minutes, and nothing is started yet."
    assert watch.stuck([run], came, NOW, paused=False).kind == "idle"  # begun before they came
    assert watch.stuck([run._replace(created=NOW - 300)], came, NOW, paused=False) is None
    assert watch.stuck([], replace(came, here=False), NOW, paused=False) is None


def test_a_diagnosis_is_made_once_of_a_run_that_has_ended_and_rarely_of_one_that_trains():
    lab, run = watched("good_lenet_relu")
    reads, events = [], lab.events
    lab.events = lambda run_id: reads.append(run_id) or events(run_id)
    watch = Watch(lab)

    for second in range(12):
        watch.stuck([run], HERE, NOW + 5 * second, paused=False)
    assert len(reads) == 1
    for second in range(12):  # a minute
        watch.stuck([run._replace(id="b1b2c3d4", state=State.RUNNING)], HERE, NOW + 5 * second, paused=False)
    assert 3 <= len(reads) - 1 <= 5


def test_the_table_has_a_row_for_each_student_those_who_are_stuck_first(lab):
    ben = seen_by(lab, BEN)
    finished(lab, ben.start(CONFIG, token="good"), STARTED, done(1, 0.7), done(2, 0.6))
    ben.start(CONFIG, token="next")
    lab.learners.finish("name Ana Silva", "convolution")
    task = lab.assignments.make(Task(title="Why?", config=CONFIG))
    ben.assignments.hand_in(task, lab.runs()[1].id, learner="")
    here = Presence(lab.home)
    presence.install(here)
    here.opened("Ana Silva")
    here._since["Ana Silva"] -= 700

    overview = seen_by(lab, TEACHER).teaching.overview()
    ana, ben_row = overview.students

    assert (overview.name, overview.assignments) == ("Autumn", 1)
    assert (ana.name, ana.here, ana.stuck.kind, ana.lessons, ana.runs) == ("Ana Silva", True, "idle", 1, 0)
    assert (ben_row.stuck, ben_row.here, ben_row.waiting, ben_row.runs, ben_row.handed_in) == (None, False, 1, 2, 1)
    assert ben_row.last_seen == max(run.created for run in lab.runs()), "no server has seen him, but he started a run"
    assert (ben_row.last.test_accuracy, ben_row.best.best_test_accuracy) == (0.6, 0.7)
    assert seen_by(lab, TEACHER).teaching.overview() is lab.teaching.overview(), "teachers share it"


def test_only_teachers_see_and_do_what_is_theirs_and_each_refusal_is_noted(lab):
    given = {
        "text": "x",
        "to": (),
        "run_id": "a1b2c3d4",
        "owner": "Ana Silva",
        "which": "all",
        "did": "x",
        "path": None,
        "what": None,
    }
    free = {"announcement", "notes", "dismiss", "paused"}
    methods = {name: method for name, method in inspect.getmembers(Teaching, inspect.isfunction) if not name.startswith("_")}

    for person in (ANA, OBSERVER):
        for name in set(methods) - free:
            needed = [each for each, kind in inspect.signature(methods[name]).parameters.items() if kind.default is kind.empty]
            with pytest.raises(NotAllowed, match="Only a teacher"):
                getattr(seen_by(lab, person).teaching, name)(*(given[each] for each in needed[1:]))

    noted = [entry for entry in lab.teaching.log() if entry.refused]
    assert len(noted) == 2 * len(set(methods) - free)
    assert {(entry.who, entry.did) for entry in noted} == {("Ana Silva", "teach"), ("Parents", "teach")}
    assert lab.teaching.paused() is lab.teaching.announcement() is None


def test_a_hint_reaches_one_student_until_it_is_dismissed_and_an_announcement_everyone(lab):
    teacher, ana, ben = (seen_by(lab, each).teaching for each in (TEACHER, ANA, BEN))

    assert teacher.hint(["Ana Silva"], " Try ReLU <b> ", run="a1b2c3d4") == 1
    teacher.announce("Break at ten")
    announced, hint = ana.notes()
    assert (announced.text, announced.to, hint.text, hint.by, hint.run) == ("Break at ten", "", "Try ReLU <b>", "Ms Li", "a1b2c3d4")
    assert [note.text for note in ben.notes()] == ["Break at ten"]

    ana.dismiss(announced.id)
    ana.dismiss(hint.id)
    ben.dismiss(hint.id)  # not theirs
    assert (ana.notes(), len(ben.notes())) == ((), 1)
    teacher.announce("Back to work")
    assert [note.text for note in ana.notes()] == ["Back to work"]
    teacher.withdraw()
    assert ana.notes() == ben.notes() == ()


def test_texts_and_names_have_bounds_and_damaged_files_are_empty(lab, tmp_path):
    teaching = seen_by(lab, TEACHER).teaching
    for wrong, reason in (("", "nothing to send"), ("x" * (LONGEST + 1), "501 characters, and at most 500")):
        with pytest.raises(ConfigError, match=reason):
            teaching.hint([], wrong)
    with pytest.raises(ConfigError, match=r"no student called '\.\./\.\./etc'"):
        teaching.hint(["../../etc"], "x")

    notes = Notes(tmp_path)
    for number in range(MOST_HINTS + 3):
        notes.hint("../Ana", f"hint {number}")
    assert notes.of("../Ana")[0].text == f"hint {MOST_HINTS + 2}"
    assert len(notes.of("../Ana")) == MOST_HINTS
    (file,) = (tmp_path / "teaching" / "hints").glob("*.json")
    for text in ("{", "[]", '{"name": "../Ana", "hints": [1, {"id": 2}], "seen": 3}', json.dumps({"name": "Ben"}), "[" * 99_999):
        file.write_text(text)
        assert Notes(tmp_path).of("../Ana") == ()


def test_presence_follows_open_pages_and_the_file_is_for_other_processes(lab, tmp_path):
    clock = Clock()
    here = Presence(tmp_path, clock)
    with_file = private_file(tmp_path, "presence.json")

    here.opened("Ana")
    clock.now += 3_600  # the page is open, and nothing is clicked
    assert here.everyone()["Ana"] == Seen(NOW, NOW, here=True)
    here.closed("Ana")
    clock.now += presence.AWAY_SECONDS
    assert here.everyone()["Ana"] == Seen(NOW + 3_600, NOW, here=False)
    here.active("Ana")
    assert here.everyone()["Ana"].since == clock.now, "they came back"

    assert presence.everyone(tmp_path, clock.now)["Ana"] == Seen(clock.now, clock.now, here=True)
    with_file.write_text('{"Ana": 3, "Ben": [1, "x"]}')
    assert presence.everyone(tmp_path, clock.now) == {}


def test_a_paused_lab_says_so_and_goes_on_with_the_runs_that_trained(lab):
    trains, waits = (seen_by(lab, ANA).start(CONFIG, token=token) for token in "tw")
    lab._store.transition(trains, State.STARTING, device="cpu")
    lab._store.add(trains, STARTED, to=State.RUNNING)
    teaching = seen_by(lab, TEACHER).teaching

    teaching.pause("We look together", running=True)

    assert lab.queue_waits() == "The lab is paused, so no run starts: “We look together”"
    assert [lab.run(each).state for each in (trains, waits)] == [State.PAUSING, State.QUEUED]
    lab._store.transition(trains, State.PAUSED)
    teaching.go_on()
    assert [lab.run(each).state for each in (trains, waits)] == [State.QUEUED, State.QUEUED]
    assert (lab.queue_waits(), teaching.paused()) == ("", None)
    private_file(lab.home, "paused.json").write_text("{")
    assert pausing.paused(lab.home) == pausing.Paused(), "a damaged file is a pause, which a teacher can end"
    teaching.go_on()
    assert teaching.paused() is None


def test_a_teacher_puts_a_run_before_those_of_everyone(lab):
    first, second = (seen_by(lab, ANA).start(CONFIG, token=token) for token in "ab")
    other = seen_by(lab, BEN).start(CONFIG, token="c")
    lab._store.transition(first, State.STARTING, device="cpu")
    assert [run.id for run in lab.queue()] == [other, second]

    seen_by(lab, TEACHER).teaching.start_next(second)

    assert [run.id for run in lab.queue()] == [second, other]
    with pytest.raises(RunStateError, match="only a run that waits"):
        seen_by(lab, TEACHER).teaching.start_next(first)


def test_a_clean_up_names_what_goes_and_never_takes_what_is_open(lab):
    ana = seen_by(lab, ANA)
    for token, accuracy in (("good", 0.8), ("worse", 0.7)):
        finished(lab, ana.start(CONFIG, token=token, name=token), STARTED, done(1, accuracy))
    lab.stop(ana.start(CONFIG, token="stopped", name="stopped"))
    ana.start(CONFIG, token="waits", name="waits")
    teaching = seen_by(lab, TEACHER).teaching

    plans = {which: {run.name for run in teaching.clean_up("Ana Silva", which).runs} for which in ("failed", "not best", "all")}

    assert plans == {"failed": {"stopped"}, "not best": {"worse", "stopped"}, "all": {"good", "worse", "stopped"}}
    assert teaching.clean_up("Ben Okafor", "all").runs == ()
    assert len(teaching.clean_up(None, "all").runs) == 3
    assert [(share.owner, share.runs) for share in teaching.shares()] == [("Ana Silva", 4)]


def test_the_log_has_who_changed_what_and_what_was_refused(lab):
    run_id = seen_by(lab, ANA).start(CONFIG, token="t")
    with pytest.raises(NotAllowed):
        seen_by(lab, BEN).stop(run_id)
    with pytest.raises(RunStateError):  # it has not ended: nothing happens, so nothing is noted
        seen_by(lab, ANA).delete(run_id)
    seen_by(lab, TEACHER).stop(run_id)
    lab.delete(run_id)

    rows = [(entry.who, entry.did, entry.what, entry.whose, entry.refused) for entry in reversed(lab.teaching.log())]
    assert rows == [
        ("Ana Silva", "start", run_id, "Ana Silva", False),
        ("Ben Okafor", "stop", run_id, "Ana Silva", True),
        ("Ms Li", "stop", run_id, "Ana Silva", False),
        ("", "delete", run_id, "Ana Silva", False),
    ]
    lab.teaching.note("class", note="=1+1")
    assert "'=1+1" in lab.teaching.files()["log.csv"]()
    assert set(DEEDS) >= {entry.did for entry in lab.teaching.log()}


def test_the_log_keeps_its_newest_rows(lab):
    with lab._store.transaction(write=True) as connection:
        connection.execute("INSERT INTO log VALUES (30000, 0, 'x', 'stop', '', '', 0, '')")
    lab.teaching.note("class", note="second")
    assert len(lab.teaching.log()) == 2
    with lab._store.transaction(write=True) as connection:
        connection.execute("INSERT INTO log VALUES (50000, 0, 'x', 'stop', '', '', 0, '')")

    assert [entry.note for entry in lab.teaching.log()] == ["", "second"]


def test_a_run_that_trains_is_stopped_and_waited_for_before_it_is_deleted(lab, monkeypatch):
    run_id = seen_by(lab, BEN).start(CONFIG, token="t")
    lab._store.transition(run_id, State.STARTING, device="cpu")
    teaching = seen_by(lab, TEACHER).teaching
    monkeypatch.setattr(service, "STOP_SECONDS", 0.0)
    with pytest.raises(RunStateError, match="is still stopping: delete it again"):
        teaching.delete(run_id)
    assert lab.run(run_id).state is State.STOPPING
    monkeypatch.setattr(service, "STOP_SECONDS", 10.0)
    monkeypatch.setattr(service.time, "sleep", lambda _: lab._store.transition(run_id, State.STOPPED))  # its process ends
    teaching.delete(run_id)
    assert not lab.runs()
