"""Which runs are taken for lost, what is done about them, and the attempts of the journal to store a run's events."""

from __future__ import annotations

import pytest
from made_runs import CONFIG, done, progress

from cnnlab.errors import RunNotFound, RunStateError, StoreError
from cnnlab.events import RunFinished, RunStopped
from cnnlab.runs.records import State
from cnnlab.runs.store_connection import BUSY_SECONDS
from cnnlab.system import background, processes
from cnnlab.system.processes import Process
from cnnlab.workers import journal, watch
from cnnlab.workers.journal import Journal, patiently
from cnnlab.workers.watch import (
    MESSAGE,
    Check,
    auto_resumable,
    check_processes,
    folders_without_record,
    interrupt_lost_runs,
    look_for_lost_runs,
    lost_runs,
)

GONE = Process(2**22 + 1, "long ago")
LOCKED = StoreError("It is locked.", temporary=True)


# Lost runs


@pytest.mark.parametrize("state", State)
def test_a_run_is_lost_where_it_should_have_a_process_and_has_none(store, state):
    lost = store.create(CONFIG, "a", state=state, process=GONE)
    store.create(CONFIG, "b", state=state, process=processes.current())

    found = [run.id for run in lost_runs(store) if run.state is state]

    # In a real record runs at rest have an end; these have none.
    assert found == ([] if state is State.QUEUED else [lost])


def test_the_run_that_is_known_to_be_lost_needs_no_look_at_its_process(store):
    mine, other = (store.create(CONFIG, name, state=State.STARTING, process=processes.current()) for name in "ab")

    assert [run.id for run in lost_runs(store, {mine})] == [mine]
    assert interrupt_lost_runs(store, {mine}) == 1
    assert (store.run(mine).state, store.run(mine).message) == (State.INTERRUPTED, MESSAGE)
    assert store.run(other).state is State.STARTING


def test_two_lost_runs_are_two_and_one_that_ended_meanwhile_is_none(store, monkeypatch):
    runs = [store.create(CONFIG, name, state=State.RUNNING, process=GONE) for name in "abcd"]
    given, interrupt = [], store.interrupt

    def interrupted(run, message, *, busy_seconds):
        given.append(busy_seconds)
        if run.id == runs[1]:
            raise RunStateError("It has ended.")
        if run.id == runs[2]:
            raise RunNotFound("It was deleted.")
        interrupt(run, message, busy_seconds=busy_seconds)

    monkeypatch.setattr(store, "interrupt", interrupted)

    assert interrupt_lost_runs(store) == 2
    assert given == [BUSY_SECONDS] * 4
    assert look_for_lost_runs(store) == Check(changed=False)  # the two others are not lost but refuse
    assert set(given[4:]) == {watch.READER_WAITS}


def test_a_look_says_whether_the_record_changed(store):
    assert look_for_lost_runs(store) == Check()
    store.create(CONFIG, "a", state=State.RUNNING, process=GONE)
    assert look_for_lost_runs(store) == Check(changed=True)
    assert look_for_lost_runs(store) == Check()


def test_runs_that_cannot_be_interrupted_now_are_named(store, monkeypatch):
    runs = [store.create(CONFIG, name, state=State.RUNNING, process=GONE) for name in "ab"]

    def locked(*arguments, **details):
        raise LOCKED

    monkeypatch.setattr(store, "interrupt", locked)
    found = look_for_lost_runs(store)

    assert found == Check(changed=True, lost=frozenset(runs))
    corrected = found.corrected(store.runs())
    assert {(run.state, run.message) for run in corrected} == {(State.INTERRUPTED, f"{MESSAGE} {watch.NOT_RECORDED}")}
    assert found.corrected(store.run(runs[0])).state is State.INTERRUPTED
    assert Check().corrected(corrected) is corrected


@pytest.mark.parametrize(
    ("states", "running", "resumable", "started"),
    [
        ({State.QUEUED}, False, False, True),
        ({State.QUEUED}, True, False, False),
        ({State.INTERRUPTED}, False, True, True),
        ({State.INTERRUPTED}, False, False, False),
        ({State.RUNNING}, False, False, False),
        ({State.RUNNING}, False, True, True),
        ({State.FINISHED, State.PAUSED, State.FAILED, State.STOPPED}, False, True, False),
    ],
)
def test_the_dispatcher_is_started_where_a_run_waits_for_it(store, monkeypatch, states, running, resumable, started):  # noqa: PLR0917
    ensured = []
    monkeypatch.setattr(background, "running", lambda home: running)
    monkeypatch.setattr(background, "ensure", ensured.append)
    monkeypatch.setattr(watch, "auto_resumable", lambda store: ("0000000a",) if resumable else ())

    check_processes(store, states)

    assert ensured == ([store.home] if started else [])


@pytest.mark.parametrize("state", State)
def test_processes_are_looked_at_only_where_a_run_has_one(store, monkeypatch, state):
    looked = []
    monkeypatch.setattr(watch, "look_for_lost_runs", lambda store: looked.append(store) or Check(changed=True))
    monkeypatch.setattr(background, "running", lambda home: True)

    found = check_processes(store, {state})

    with_process = state in (State.STARTING, State.RUNNING, State.PAUSING, State.STOPPING)
    assert (looked, found.changed) == ([store] * with_process, with_process)


@pytest.mark.parametrize(
    ("setting", "resumed"), [(None, 1), ("on", 1), ("yes", 1), ("", 1), (" OFF ", 0), ("0", 0), ("no", 0), ("False", 0)]
)
def test_runs_are_resumed_automatically_unless_that_is_switched_off(store, monkeypatch, setting, resumed):
    if setting is None:
        monkeypatch.delenv("CNNLAB_AUTO_RESUME", raising=False)
    else:
        monkeypatch.setenv("CNNLAB_AUTO_RESUME", setting)
    store.create(CONFIG, "a", state=State.RUNNING, process=GONE)
    interrupt_lost_runs(store)

    assert len(auto_resumable(store)) == resumed


def test_the_earliest_place_is_resumed_last_because_each_goes_to_the_head_of_the_queue(store):
    runs = [store.create(CONFIG, name, state=State.RUNNING, process=GONE) for name in "abc"]
    with store.transaction(write=True) as connection:  # ended runs keep their places
        for place, run_id in enumerate(runs):
            connection.execute("UPDATE runs SET place = ? WHERE id = ?", (place, run_id))
    interrupt_lost_runs(store)

    assert auto_resumable(store) == tuple(reversed(runs))
    for run_id in auto_resumable(store):
        store.auto_resume(run_id)
    assert [run.id for run in store.queue()] == runs


@pytest.mark.parametrize(
    ("count", "runs", "names"),
    [
        (0, "", ""),
        (1, "1 run has a folder", "00000000"),
        (5, "5 runs have folders", "00000000, 00000001, 00000002, 00000003, 00000004"),
        (6, "6 runs have folders", "00000000, 00000001, 00000002, 00000003, 00000004 …"),
    ],
)
def test_folders_that_the_record_does_not_have_are_named_five_at_most(store, count, runs, names):
    known = store.create(CONFIG, "t")
    for name in (known, *(f"{number:08x}" for number in range(count))):
        (store.home / "runs" / name).mkdir(parents=True)

    assert folders_without_record(store) == (
        f"{runs} with weights but no entry in the record of runs ({names}): the record was lost, or replaced by an older copy. "
        "Put back lab.sqlite from a copy, with lab.sqlite-wal if there is one, or delete these folders in the lab's folder runs."
        if count
        else ""
    )


# The journal


class Clock:
    def __init__(self) -> None:
        self.now, self.slept = 500.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


class Record:
    """A record that refuses as `answers` say, one an attempt; else it is in the state `running`."""

    def __init__(self) -> None:
        self.stored, self.answers, self.waited, self.details = [], [], [], []

    def add(self, run_id, event, *, process, busy_seconds, **details):
        assert (run_id, process) == ("0000000a", GONE)
        self.waited.append(busy_seconds)
        answer = self.answers.pop(0) if self.answers else State.RUNNING
        if isinstance(answer, Exception):
            raise answer
        self.stored.append(event)
        self.details.append(details)
        return answer


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(journal, "time", clock)
    return clock


@pytest.fixture
def kept(clock):
    return Journal(Record(), "0000000a", GONE, _stored=clock.now)


EVENTS = [progress(step) for step in range(1, 6)]


def test_events_are_stored_at_once_with_their_details(kept):
    assert kept.add(EVENTS[0], to=State.RUNNING, device="cpu") is State.RUNNING
    assert kept.store.details == [{"to": State.RUNNING, "device": "cpu"}]
    assert kept.store.waited == [1.0]


def test_an_event_that_waits_holds_up_no_other_for_two_seconds_and_is_stored_in_order(kept, clock):
    kept.store.answers = [LOCKED, LOCKED]
    found = []
    for event, seconds in zip(EVENTS, (0.0, 1.9, 0.1, 1.9, 0.1), strict=True):
        clock.now += seconds
        found.append(kept.add(event))

    assert found == [None, None, None, None, State.RUNNING]
    assert kept.store.stored == EVENTS
    assert kept.store.waited == [1.0, 0.2, *[0.2] * 5]


@pytest.mark.parametrize(("seconds", "gives_up"), [(3_600.0, False), (3_600.1, True)])
def test_after_an_hour_of_waiting_the_process_gives_up(kept, clock, seconds, gives_up):
    kept.store.answers = [LOCKED] * 9
    kept.add(EVENTS[0])
    clock.now += seconds
    if gives_up:
        with pytest.raises(StoreError, match="locked"):
            kept.add(EVENTS[1])
    else:
        assert kept.add(EVENTS[1]) is None


def test_the_hour_begins_when_the_last_event_was_stored(kept, clock):
    clock.now += 5_000
    kept.add(EVENTS[0])
    kept.store.answers = [LOCKED]
    clock.now += 3_000

    assert kept.add(EVENTS[1]) is None


def test_an_error_that_stays_is_raised(kept):
    kept.store.answers = [StoreError("It is damaged.")]
    with pytest.raises(StoreError, match="damaged"):
        kept.add(EVENTS[0])


def test_the_last_event_waits_for_all_others_and_frees_the_next(kept, clock):
    last = RunFinished(1, 2.0, 0.4, 0.5, 1, 0.5)
    kept.store.answers = [LOCKED, State.RUNNING, LOCKED, State.FINISHED]
    assert kept.add(EVENTS[0]) is None

    assert kept.finish(last, to=State.FINISHED) is State.FINISHED
    assert kept.store.stored == [EVENTS[0], last]
    assert kept.store.waited == [1.0, BUSY_SECONDS, BUSY_SECONDS, BUSY_SECONDS]
    assert clock.slept == [2.0]
    assert kept.add(EVENTS[1]) is State.RUNNING  # not put off any more


def test_an_event_whose_transition_comes_too_late_is_kept_where_others_follow_it(kept):
    history = [done(1)]
    kept.store.answers = [LOCKED, RunStateError("It is asked to stop."), State.STOPPING, State.STOPPED]
    kept.add(EVENTS[0], to=State.RUNNING, history=history, device="cpu")

    assert kept.finish(RunStopped(0, 1.0), to=State.STOPPED) is State.STOPPED
    assert kept.store.stored == [EVENTS[0], RunStopped(0, 1.0)]
    assert kept.store.details == [{"history": history}, {"to": State.STOPPED}]


def test_an_event_alone_whose_transition_is_forbidden_is_dropped(kept):
    kept.store.answers = [RunStateError("It is asked to stop.")]
    with pytest.raises(RunStateError):
        kept.add(EVENTS[0], to=State.RUNNING)

    assert kept.add(EVENTS[1]) is State.RUNNING
    assert kept.store.stored == [EVENTS[1]]


def test_patience_lasts_ten_minutes_and_says_what_it_waits_for(clock, capsys):
    tries = []

    def attempt():
        tries.append(clock.now)
        raise LOCKED

    with pytest.raises(StoreError, match="locked"):
        patiently(attempt)

    assert (tries[0], tries[1] - tries[0], tries[-1]) == (500.0, 2.0, 1_102.0)  # the first try later than ten minutes is the last
    assert capsys.readouterr().err.splitlines()[0] == "Tried again in 2 s: It is locked."


def test_patience_returns_the_first_answer(clock):
    answers = [LOCKED, LOCKED, "found"]

    def attempt():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert patiently(attempt) == "found"
    assert clock.slept == [2.0, 2.0]
