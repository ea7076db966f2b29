"""A lab with a class that starts no process: what tests of teaching share."""

from __future__ import annotations

from contextlib import closing, contextmanager
from types import SimpleNamespace

from cnnlab import lab as lab_module
from cnnlab import sweeping
from cnnlab.access import classes
from cnnlab.access.classes import Member
from cnnlab.access.roles import Person, Role
from cnnlab.lab import Lab
from cnnlab.runs.records import State
from cnnlab.teaching import presence
from cnnlab.workers import queueing, watch

ANA, BEN = Person("Ana Silva", Role.STUDENT), Person("Ben Okafor", Role.STUDENT)
TEACHER, OBSERVER = Person("Ms Li", Role.TEACHER), Person("Parents", Role.OBSERVER)


def make_class(home, people=(ANA, BEN, TEACHER, OBSERVER)):
    """Its file, without codes: a hash takes 50 ms."""
    members = tuple(Member(id=f"{number}", name=each.name, role=each.role) for number, each in enumerate(people))
    classes.save(home, classes.new_class("Autumn").model_copy(update={"members": members}))


@contextmanager
def taught_lab(tmp_path, monkeypatch):
    """A lab that asks no helper either, in a home with a class of two students, a teacher and an observer."""
    for module in (lab_module, sweeping, queueing, watch):
        monkeypatch.setattr(module.background, "ensure", lambda home: None)
    monkeypatch.setattr(watch, "interrupt_lost_runs", lambda store, **_: 0)
    monkeypatch.setattr(presence, "_installed", [])
    make_class(tmp_path)
    made = Lab(tmp_path)
    made._helper.ask = lambda question, **arguments: ()
    made._helper.ready = lambda: True
    made._admission.new = made._admission.further = lambda *_: SimpleNamespace(admit=None)
    with closing(made):
        yield made


def finished(lab, run_id, *events):
    """Brings a queued run to its end, with these events."""
    lab._store.transition(run_id, State.STARTING, device="cpu")
    for event in events:
        lab._store.add(run_id, event, to=State.RUNNING if lab._store.run(run_id).state is State.STARTING else None)
    lab._store.transition(run_id, State.FINISHED)
