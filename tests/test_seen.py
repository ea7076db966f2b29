"""The lab as a person of a class has it: what they may not do is refused in the record, whatever a page asks for."""

from __future__ import annotations

import ast
import inspect
from contextlib import closing
from types import MethodType, SimpleNamespace

import pytest
from made_runs import CONFIG, running
from page_fakes import ROOT

from cnnlab import lab as lab_module
from cnnlab import sweeping
from cnnlab.access import classes
from cnnlab.access.roles import Person, Role
from cnnlab.assignments import Task
from cnnlab.errors import NotAllowed, RunNotFound, RunStateError, SweepNotFound
from cnnlab.lab import Lab
from cnnlab.runs import ledger
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.seen import SeenLab, seen_by
from cnnlab.sweeps.dimensions import Dimension
from cnnlab.sweeps.values import SweepConfig
from cnnlab.taking_away import OFFERS
from cnnlab.workers import queueing, watch

ANA, BEN = Person("Ana Silva", Role.STUDENT), Person("Ben Okafor", Role.STUDENT)
TEACHER, OBSERVER = Person("Ms Li", Role.TEACHER), Person("Parents", Role.OBSERVER)
APART, HIDDEN = Person("Ben Okafor", Role.STUDENT, apart=True), Person("Ben Okafor", Role.STUDENT, initials=True)
SWEEP = SweepConfig.make(base=CONFIG, dimensions=(Dimension(setting="learning_rate", values=(0.1, 0.2)),), method="grid")
FURTHER = {"epochs": 1, "name": "renamed", "note": "noted", "places": 1}  # arguments of methods that change a run


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A lab that starts no process and asks no helper."""
    for module in (lab_module, sweeping, queueing, watch):
        monkeypatch.setattr(module.background, "ensure", lambda home: None)
    monkeypatch.setattr(watch, "interrupt_lost_runs", lambda store, **_: 0)
    with closing(Lab(tmp_path)) as lab:
        lab._helper.ask = lambda question, **arguments: question
        lab._admission.new = lab._admission.further = lambda *_: SimpleNamespace(admit=None)
        yield lab


@pytest.fixture
def runs(lab):
    """A run of Ana's and one of nobody's, both in the queue."""
    return seen_by(lab, ANA).start(CONFIG, token="ana"), lab.start(CONFIG, token="nobody")


def changing(of):
    """The methods that take the `owner` who asks, with arguments for them but the id."""
    for name, method in inspect.getmembers(of, inspect.isfunction):
        parameters = inspect.signature(method).parameters
        if "owner" in parameters and list(parameters)[1] in ("run_id", "sweep_id"):
            yield name, {each: FURTHER[each] for each in parameters if each in FURTHER}


def reading(of):
    """The public methods that take a run's id and no owner, with arguments for what else they need."""
    needed = {"epoch": 1, "images": (0,)}
    for name, method in inspect.getmembers(of, inspect.isfunction):
        parameters = inspect.signature(method).parameters
        if not name.startswith("_") and "run_id" in parameters and "owner" not in parameters:
            yield name, {each: needed[each] for each in parameters if each in needed}


CHANGES, READS = dict(changing(Lab)), dict(reading(Lab))


def test_all_changes_are_known():
    assert {"stop", "pause", "resume", "extend", "rename", "annotate", "tag", "delete", "start_over", "move_in_queue"} <= set(
        CHANGES
    )
    assert {"run", "events", "epochs", "progress", "predictions", "examples", "predicted", "disk_bytes"} <= set(READS)


@pytest.mark.parametrize(
    ("person", "reason"), [(BEN, "belongs to Ana Silva"), (OBSERVER, "here to look"), (HIDDEN, r"belongs to A\. S\.")]
)
def test_nobody_but_the_owner_and_teachers_changes_a_run(lab, runs, person, reason):
    before = lab.run(runs[0])

    for change, arguments in CHANGES.items():
        for owner in ({}, {"owner": None}, {"owner": "Ana Silva"}, {"owner": person.name}):
            with pytest.raises(NotAllowed, match=reason):
                getattr(seen_by(lab, person), change)(runs[0], **arguments, **owner)

    assert lab.run(runs[0]) == before


def test_a_run_without_an_owner_is_for_teachers_alone(lab, runs):
    for change, arguments in CHANGES.items():
        with pytest.raises(NotAllowed, match="only a teacher"):
            getattr(seen_by(lab, ANA), change)(runs[1], **arguments, owner="")


def test_owners_and_teachers_change_runs(lab, runs):
    ana, teacher = seen_by(lab, ANA), seen_by(lab, TEACHER)
    ana.rename(runs[0], "first")
    teacher.annotate(runs[0], "well done", owner="Ms Li")
    teacher.tag(runs[1], add=["demo"])
    ana.pause(runs[0], owner="Ana Silva")
    ana.resume(runs[0])

    teacher.stop(runs[0])

    run = lab.run(runs[0])
    assert (run.name, run.note, run.state, run.owner) == ("first", "well done", State.STOPPED, "Ana Silva")
    assert lab.run(runs[1]).tags == ("demo",)


def test_a_run_belongs_to_who_starts_it_whatever_name_is_given(lab):
    run_id = seen_by(lab, BEN).start(CONFIG, token="b", owner="Ana Silva")

    assert lab.run(run_id).owner == "Ben Okafor"
    assert lab.run(seen_by(lab, TEACHER).start(CONFIG, token="t")).owner == "Ms Li"


def test_who_only_looks_starts_nothing_and_downloads_nothing(lab, monkeypatch):
    monkeypatch.setattr(lab_module.downloads, "start", lambda *_: pytest.fail("a download"))
    view, before = seen_by(lab, OBSERVER), lab.runs()

    for start in (
        lambda: view.start(CONFIG, token="o"),
        lambda: view.sweeps.start(SWEEP, token="o"),
        lambda: view.download("mnist"),
        lambda: view.away.start("a1b2c3d4", OFFERS[0]),
        lambda: view.rates.test(CONFIG),
        lambda: view.assignments.make(Task(title="x", config=CONFIG)),
    ):
        with pytest.raises(NotAllowed):
            start()

    assert (lab.runs(), lab.sweeps.all(), lab.assignments.every()) == (before, (), ())


def test_students_apart_find_their_own_runs_alone(lab, runs):
    for read, arguments in READS.items():
        for run_id in runs:
            with pytest.raises(RunNotFound):
                pytest.fail(f"{read}: {getattr(seen_by(lab, APART), read)(run_id, **arguments)}")
    for ask in (seen_by(lab, APART).away.state, seen_by(lab, APART).away.start):
        with pytest.raises(RunNotFound):
            ask(runs[0], OFFERS[0])


def test_students_apart_see_no_trace_of_others_in_any_list(lab, runs):
    own = seen_by(lab, BEN).start(CONFIG, token="b")
    view = seen_by(lab, APART)

    assert [run.id for run in view.runs()] == [run.id for run in view.queue()] == [run.id for run in view.summaries().runs] == [own]
    assert view.runs(limit=1)[0].id == own
    for change, arguments in CHANGES.items():
        with pytest.raises(RunNotFound):
            getattr(view, change)(runs[0], **arguments)
    with pytest.raises(RunNotFound):
        view.disagreements(own, runs[0])
    with pytest.raises(RunNotFound):
        view.inside.look(runs[0])


def test_what_others_have_used_and_when_their_runs_begin_is_not_for_students_apart(lab, runs):
    with lab._store.transaction(write=True) as connection:
        ledger.count(connection, "Ana Silva", "cpu", 600, lab._store._clock())
    classes.save(lab.home, classes.new_class("7b"))
    lab.sharing._ready = lambda: False
    own = seen_by(lab, BEN).start(CONFIG, token="b")
    used = {who.name: seen_by(lab, who).sharing.usage("Ana Silva").minutes_today for who in (ANA, BEN, TEACHER)}

    assert used == {"Ana Silva": 10, "Ben Okafor": 0, "Ms Li": 10}
    assert seen_by(lab, BEN).sharing.limits("").parallel == 2, "it is their own, whatever name is asked for"
    assert set(seen_by(lab, BEN).sharing.starts()) == {*runs, own}
    assert set(seen_by(lab, APART).sharing.starts()) == {own}


def test_others_have_initials_and_what_pages_keep_by_version_differs_by_person(lab, runs):
    ben, ana = seen_by(lab, HIDDEN), seen_by(lab, Person("Ana Silva", Role.STUDENT, initials=True))

    assert [ben.run(runs[0]).owner, ana.run(runs[0]).owner, seen_by(lab, TEACHER).run(runs[0]).owner] == [
        "A. S.",
        *["Ana Silva"] * 2,
    ]
    assert {run.owner for run in (*ben.runs(), *ben.queue(), *ben.summaries().runs)} == {"A. S.", ""}
    assert ben.summaries() is ben.summaries()
    assert len({each.summaries().version for each in (lab, ben, ana)}) == 3
    before = ben.summaries().version
    ana.rename(runs[0], "other")
    assert ben.summaries().version != before
    assert {run.name for run in ben.summaries().runs} >= {"other"}


def test_sweeps_obey_the_same_rules(lab):
    sweep = seen_by(lab, ANA).sweeps.start(SWEEP, token="s", owner="Ben Okafor")
    assert lab.sweeps.get(sweep).owner == "Ana Silva"

    for change, arguments in changing(sweeping.Sweeps):
        for owner in ({}, {"owner": "Ana Silva"}):
            with pytest.raises(NotAllowed, match="This sweep belongs to"):
                getattr(seen_by(lab, BEN).sweeps, change)(sweep, **arguments, **owner)
            with pytest.raises(SweepNotFound):
                getattr(seen_by(lab, APART).sweeps, change)(sweep, **arguments, **owner)
    assert seen_by(lab, APART).sweeps.all() == ()
    for read in ("get", "trials", "csv"):
        with pytest.raises(SweepNotFound):
            getattr(seen_by(lab, APART).sweeps, read)(sweep)
    assert seen_by(lab, HIDDEN).sweeps.get(sweep).owner == "A. S."
    seen_by(lab, TEACHER).sweeps.stop(sweep)
    assert lab.sweeps.get(sweep).state == "stopped"


def test_teachers_make_and_read_assignments_and_students_hand_in_their_own(lab, runs):
    teacher, ana, ben = (seen_by(lab, each).assignments for each in (TEACHER, ANA, BEN))
    task = teacher.make(Task(title="Why?", config=CONFIG), teacher="Dr X")
    assert task.teacher == "Ms Li"

    for refused in (lambda: ben.make(task.task), lambda: ben.delete(task), lambda: ben.hand_in(task, runs[0], learner="Ana Silva")):
        with pytest.raises(NotAllowed):
            refused()
    with pytest.raises(RunStateError, match="has not ended"):  # the only thing that is wrong with it
        ana.hand_in(task, runs[0], learner="Ben")
    assert ben.handed_in(task) == ana.handed_in(task) == teacher.handed_in(task) == ()
    assert [each.id for each in ben.every()] == [task.id]


def test_a_view_is_made_once_for_a_person_and_a_guest_has_the_lab_itself(lab):
    assert seen_by(lab, BEN) is seen_by(lab, Person("Ben Okafor", Role.STUDENT))
    assert seen_by(lab, BEN) is not seen_by(lab, APART)
    assert seen_by(lab, Person("Ben Okafor")) is lab


def test_nothing_of_a_view_leads_around_its_record(lab):
    """A service that is added to the lab and reads or changes runs needs one for views, too."""
    view, plain = SeenLab(lab, BEN), lab._store
    # What a run would take, when it begins, and whether its process lives: counted over all runs.
    counts = {"_forecaster", "_admission", "sharing", "_looks"}
    for name, service in vars(view).items():
        assert service is not plain, name
        by_id = [method for method, _ in reading(type(service))] if type(service).__module__.startswith("cnnlab.") else []
        assert not by_id or service is not vars(lab).get(name), f"{name} takes ids of runs from everyone: {by_id}"
        for part in () if name in counts else getattr(service, "__dict__", {}).values():
            assert part is not plain, f"{name} has the record of everyone"
            assert not (isinstance(part, MethodType) and part.__self__ in (lab, plain)), f"{name} calls the lab of everyone"


def test_every_public_method_of_the_record_that_reads_or_changes_a_run_is_known_to_its_view():
    """Those that processes call are not asked through a view."""
    processes = {
        "transition", "adopt", "put_back", "interrupt", "auto_resumable", "auto_resume", "add", "active", "without_record", "turns",
        "close", "made_with", "token", "transaction",
    }  # fmt: skip
    own = {name for name, _ in inspect.getmembers(Store, inspect.isfunction) if not name.startswith("_")} - processes
    from cnnlab.runs.store_seen import SeenStore

    through_own = {"stop", "pause", "resume", "extend", "rename", "annotate", "tag", "start_over", "delete", "move_in_queue"}
    assert own - through_own == {name for name in vars(SeenStore) if not name.startswith("_")}


def test_pages_open_the_lab_in_one_place():
    makers = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "pages").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Lab", "Store")
    ]

    assert makers == ["pages/_parts/shell.py"]


def test_a_run_that_trains_is_seen_by_the_class(lab):
    run_id = running(lab._store, owner="Ana Silva")

    assert seen_by(lab, OBSERVER).run(run_id).id == run_id
    assert len(seen_by(lab, OBSERVER).events(run_id)) == len(lab.events(run_id)) > 0
