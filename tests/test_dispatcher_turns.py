"""The dispatcher's rounds, with a made clock and made processes: what it starts where, what it checks when, when it ends."""

from __future__ import annotations

import os

import pytest
from made_runs import CONFIG

from cnnlab.access import classes
from cnnlab.access.classes import Member
from cnnlab.compute import server
from cnnlab.errors import RunStateError, StoreError
from cnnlab.runs import ledger
from cnnlab.runs.records import State
from cnnlab.system import background, pausing, processes, room
from cnnlab.system.processes import Process
from cnnlab.workers import dispatcher, runner
from cnnlab.workers.shares import GAVE_WAY

GIGABYTE = 10**9


class Child:
    """A process that ends when the test says so."""

    def __init__(self, target, arguments) -> None:
        self.target, self.arguments = target, arguments
        self.ended, self.calls = False, []

    def is_alive(self):
        return not self.ended

    def join(self, seconds=None):
        self.calls.append(("join", seconds))

    def terminate(self):
        self.calls.append("terminate")


class Clock:
    def __init__(self) -> None:
        self.now, self.slept = 1_000.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(dispatcher, "time", clock)
    return clock


@pytest.fixture
def office(tmp_path, monkeypatch, clock):
    """A dispatcher whose children are of the class above; its devices are those of `office.devices`, and its own else."""
    background.announce(tmp_path)
    monkeypatch.setattr(room, "free", lambda folder: office.free)
    office = dispatcher.Dispatcher(tmp_path)
    office.free, office.children, office.devices, office.small = GIGABYTE, [], {}, []

    def start(target, *arguments):
        office.children.append(Child(target, arguments))
        return office.children[-1]

    monkeypatch.setattr(office, "_start", start)
    monkeypatch.setattr(office._placing, "candidates", lambda device: (office.devices.get(device, device),))
    monkeypatch.setattr(office._placing, "obstacle", lambda *_: "")
    monkeypatch.setattr(office._placing, "fit_side_by_side", lambda runs: all(run.config in office.small for run in runs))
    yield office
    office._helper = None
    office.close()


def runners(office):
    return [child.arguments[1] for child in office.children if child.target is runner.run_in_process]


def add(office, token, device="cpu", **details):
    return office.store.create(CONFIG.change(device=device), token, **details)


def finish(office, run_id):
    office.store.transition(run_id, State.RUNNING)
    office.store.transition(run_id, State.FINISHED)
    for child in office.children:
        child.ended = child.ended or child.arguments[1:] == (run_id,)


# What is started


def test_each_device_trains_one_run_and_names_of_one_device_are_one(office):
    office.devices = {"auto": "cuda:0", "cuda": "cuda:0"}
    first, second, cpu, third, other = (
        add(office, name, device) for name, device in zip("abcde", ["auto", "cuda", "cpu", "cuda:0", "cuda:1"], strict=True)
    )

    office.turn()
    assert runners(office) == [first, cpu, other]
    assert [office.store.run(each).device for each in (first, cpu, other)] == ["cuda:0", "cpu", "cuda:1"]
    assert [office.store.run(each).state for each in (second, third)] == [State.QUEUED] * 2

    finish(office, first)
    office.turn()
    assert runners(office)[3:] == [second]


def test_a_paused_lab_starts_nothing_until_it_goes_on(office):
    run = add(office, "a")
    pausing.pause(office.home, pausing.Paused("We look together"))
    office.turn()
    assert runners(office) == []

    pausing.go_on(office.home)
    office.turn()
    assert runners(office) == [run]


def test_a_runner_is_given_the_home_and_the_run_which_belongs_to_the_dispatcher_at_first(office):
    run_id = add(office, "a")
    office.store.transition(run_id, State.PAUSED, message="No room.")
    office.store.transition(run_id, State.QUEUED, message="No room.")

    office.turn()

    child = next(each for each in office.children if each.target is runner.run_in_process)
    assert child.arguments == (office.home, run_id)
    (active,) = office.store.active()
    assert (active.state, active.process) == (State.STARTING, processes.current())
    assert office.store.run(run_id).message == ""


def test_a_run_that_is_paused_at_the_last_moment_leaves_its_device_to_the_next(office, monkeypatch):
    paused, others, deleted = (
        add(office, "a"),
        [add(office, "b"), add(office, "d", "cuda:0")],
        add(office, "c", "cuda:0", owner="z"),
    )
    transition = office.store.transition

    def refuse(run_id, to, **changes):
        if run_id in (paused, deleted):
            raise RunStateError("It is paused.")
        transition(run_id, to, **changes)

    monkeypatch.setattr(office.store, "transition", refuse)
    office.turn()

    assert sorted(runners(office)) == sorted(others)


def test_owners_take_turns_also_within_one_round(office):
    first = add(office, "a", "cpu", owner="ada")
    second, hers = add(office, "b", "cuda:0", owner="ada"), add(office, "c", "cuda:0", owner="grace")

    office.turn()

    assert runners(office) == [first, hers]
    assert office.store.run(second).state is State.QUEUED
    assert office.store.turns() == {"ada": 1, "grace": 2}


def test_a_run_that_trains_elsewhere_keeps_its_device_busy(office):
    office.devices = {"auto": "cuda:1"}
    elsewhere = Process(os.getppid(), processes.identity(os.getppid()))
    add(office, "has not begun", "auto", state=State.STARTING, process=elsewhere)
    trains = add(office, "trains", "auto")
    office.store.transition(trains, State.STARTING, device="cuda:2", process=elsewhere)
    add(office, "on the first", "cuda:1")
    add(office, "on the second", "cuda:2")
    free = add(office, "on the third", "cuda:3")

    office.turn()

    assert runners(office) == [free]


@pytest.mark.parametrize(("free", "starts"), [(7_999_999, False), (8_000_000, True), (None, True)])
def test_runs_start_where_eight_megabytes_are_free_or_nobody_knows(office, free, starts):
    office.free = free
    add(office, "a")

    office.turn()

    assert bool(runners(office)) is starts


def test_a_person_with_enough_runs_or_without_minutes_waits_and_others_pass(office, limit):
    limit("parallel = 1\nminutes_a_day = 60\n[devices]\ncpu = 3")
    people = tuple(Member(id=name, name=name) for name in ("Ana", "Ben", "Cem"))
    classes.save(office.home, classes.new_class("7b", members=people))
    first, second, spent, other = (add(office, f"{n}", owner=owner) for n, owner in enumerate(("Ana", "Ana", "Cem", "Ben")))
    with office.store.transaction(write=True) as connection:
        ledger.count(connection, "Cem", "cpu", 3_600, office.store._clock())

    office.turn()

    assert runners(office) == [first, other]
    assert office.store.run(second).message.startswith("Its owner trains as many runs as this lab allows a person")
    assert office.store.run(spent).message.startswith("The 60 minutes of training a day that this lab allows are used up")
    finish(office, first)
    office.turn()
    assert runners(office)[2:] == [second]


def test_a_run_that_has_made_room_for_others_holds_nobody_up(office):
    run_id = add(office, "a")
    office.turn()
    office.store.put_back(run_id, office.me, f"{GAVE_WAY} Others wait.")
    office.children[-1].ended = True
    next_one = add(office, "b", owner="b")
    office.free = 9_000_000  # less than after the run found the disk full

    office.turn()

    assert runners(office)[1:] == [next_one]


def test_after_a_run_was_put_back_the_queue_waits_for_eight_more_megabytes_or_five_minutes(office, clock):
    run_id = add(office, "a")
    office.free = 100_000_000
    office.turn()
    office.store.put_back(run_id, office.me, "No room.")
    office.children[-1].ended = True

    for free, seconds, started in ((107_999_999, 0.0, 1), (107_999_999, 300.0, 1), (107_999_999, 0.5, 2)):
        office.free = free
        clock.now += seconds
        office.turn()
        assert len(runners(office)) == started, seconds


def test_a_small_run_trains_beside_another_one_on_the_cpu_and_overtakes_no_large_one(office):
    small, large = CONFIG.change(device="cpu"), CONFIG.change(device="cpu", batch_size=2)
    office.small = [small]
    first, second, third = (office.store.create(small, token) for token in "abc")
    office.turn()
    assert runners(office) == [first, second]
    assert [office.store.run(run_id).device for run_id in (first, second)] == ["cpu", "cpu"]

    fourth, fifth = office.store.create(large, "d"), office.store.create(small, "e")
    finish(office, first)
    office.turn()
    assert runners(office) == [first, second, third]
    finish(office, second)
    office.turn()
    assert runners(office) == [first, second, third]  # the large one is next, and waits for the whole CPU
    finish(office, third)
    office.turn()
    assert runners(office) == [first, second, third, fourth]
    finish(office, fourth)
    office.turn()
    assert runners(office) == [first, second, third, fourth, fifth]


def test_no_run_starts_beside_a_process_that_is_about_to_exit_or_a_command_line_that_has_named_no_device(office, monkeypatch):
    monkeypatch.setattr(office, "_check_processes", lambda: None)  # it would take a run of its own process for lost
    anywhere = CONFIG.change(device="auto")
    office.small, office.devices = [CONFIG, anywhere], {"auto": "cpu"}
    alone = office.store.create(anywhere, "alone", "", State.STARTING, process=processes.current())
    second = add(office, "b")
    office.turn()
    assert runners(office) == []
    office.store.transition(alone, State.RUNNING)
    office.store.transition(alone, State.FINISHED)
    office.turn()
    office.store.transition(second, State.RUNNING)
    office.store.transition(second, State.FINISHED)
    add(office, "c")
    office.turn()  # the process of the second has yet to end
    assert runners(office) == [second]


def test_a_run_that_ended_or_was_deleted_makes_nobody_wait(office):
    first, second, third = (add(office, token) for token in "abc")
    office.turn()
    finish(office, first)
    office.turn()
    office.store.transition(second, State.RUNNING)
    office.store.transition(second, State.FAILED, message="It failed.")
    office.store.delete(second)
    office.children[-1].ended = True
    office.turn()

    assert runners(office) == [first, second, third]
    assert office._needs == room.LEAST_FREE


# Checks of processes


def test_the_home_and_the_processes_are_checked_once_a_second(office, clock, monkeypatch):
    checked = []
    monkeypatch.setattr(office, "_check_processes", lambda: checked.append(clock.now) or setattr(office, "_checked", clock.now))
    monkeypatch.setattr(room, "keep_reserve", checked.append)

    for seconds in (0.0, 0.5, 0.49, 0.01, 0.5):
        clock.now += seconds
        assert office.turn()

    assert checked == [office.home, 1_000.0, office.home, 1_001.0]


def test_a_home_with_another_dispatcher_is_left(office, clock, monkeypatch):
    add(office, "a")
    monkeypatch.setattr(background, "known", lambda home: Process(1, "another"))

    assert office.turn() is False
    assert runners(office) == []


def test_the_helper_is_started_and_after_a_crash_again_but_not_at_full_speed(office, clock, monkeypatch):
    made = []
    monkeypatch.setattr(room, "make_room", lambda home: made.append((home, len(office.children))))
    office._check_processes()
    (helper,) = office.children
    assert (helper.target, helper.arguments) == (server.serve_in_process, (office.home, office.me))
    assert made == [(office.home, 0)]

    office._check_processes()
    assert office.children == [helper]

    helper.ended = True
    for since, waited in ((0.5, 1.0), (1.25, 0.75), (5.0, 0.0)):
        clock.now = office._helper_started + since
        office._check_processes()
        assert clock.slept[-1] == waited
        office.children[-1].ended = True
    assert len(office.children) == 4
    assert helper.calls == [("join", None)]


def test_only_own_runs_without_a_runner_and_runs_without_a_process_are_lost(office):
    me = processes.current()
    lost, gone, kept, waits = (
        add(office, "lost", state=State.STARTING, process=me),
        add(office, "gone", state=State.RUNNING, process=Process(2**22 + 1, "long ago")),
        add(office, "kept", state=State.STARTING, process=me),
        add(office, "waits"),
    )
    office._runners[kept] = (Child(runner.run_in_process, (office.home, kept)), "cpu")

    office._check_processes()

    states = [office.store.run(each).state for each in (lost, gone, kept, waits)]
    assert states == [State.INTERRUPTED, State.INTERRUPTED, State.STARTING, State.QUEUED]


def test_a_runner_that_has_ended_is_collected(office):
    ended, alive = Child(None, ()), Child(None, ())
    ended.ended = True
    office._runners = {"0000000a": (ended, "cpu"), "0000000b": (alive, "cuda:0")}

    office._collect_runners()

    assert list(office._runners) == ["0000000b"]
    assert (ended.calls, alive.calls) == ([("join", None)], [])


def test_each_interrupted_run_waits_two_seconds_of_its_own(office, clock):
    first, second = (add(office, token, state=State.STARTING, process=Process(2**22 + 1, "long ago")) for token in "ab")
    states = []
    active = {run.id: run for run in office.store.active()}
    office.store.interrupt(active[first], "It died.")
    for seconds in (0.0, 1.0, 0.99, 0.01, 0.99, 0.01):
        clock.now += seconds
        waits = office._auto_resume.turn(clock.now)
        states.append((waits, *(office.store.run(each).state for each in (first, second))))
        if seconds == 1.0:
            office.store.interrupt(active[second], "It died.")
            office._auto_resume.turn(clock.now)

    queued, gone, starting = State.QUEUED, State.INTERRUPTED, State.STARTING
    assert states == [
        (True, gone, starting),
        (True, gone, starting),
        (True, gone, gone),
        (True, queued, gone),
        (True, queued, gone),
        (True, queued, queued),
    ]
    assert office._auto_resume.turn(clock.now) is False


# Errors of the record


def test_a_temporary_error_is_written_down_and_tried_again_after_three_seconds(office, clock, monkeypatch):
    tried, errors = [], [StoreError("It is locked.", temporary=True), StoreError("It is full.", temporary=True)]

    def turn():
        tried.append(clock.now)
        if errors:
            raise errors.pop(0)
        return False

    monkeypatch.setattr(office, "_turn", turn)
    answers = []
    for seconds in (0.0, 2.9, 0.1, 3.0):
        clock.now += seconds
        answers.append((office.turn(), background.waiting(office.home)))

    assert answers == [
        (True, "Queued runs wait: It is locked."),
        (True, "Queued runs wait: It is locked."),
        (True, "Queued runs wait: It is full."),
        (False, ""),
    ]
    assert tried == [1_000.0, 1_003.0, 1_006.0]


def test_an_error_that_stays_ends_the_dispatcher(office, monkeypatch):
    def turn():
        raise StoreError("It is damaged.")

    monkeypatch.setattr(office, "_turn", turn)
    with pytest.raises(StoreError, match="damaged"):
        office.turn()


# The end


def test_without_work_it_ends_after_ten_minutes_and_an_answer_of_the_helper_counts_as_work(office, clock):
    beat = server.heartbeat_file(office.home)
    beat.parent.mkdir(exist_ok=True)
    stays = []
    for seconds, beats in ((0.0, False), (600.0, False), (0.0, True), (600.0, False), (0.5, False)):
        clock.now += seconds
        if beats:
            beat.write_text("")
            os.utime(beat, (clock.now, clock.now))
        stays.append(not office._may_exit())
    assert stays == [True, True, True, True, False]


def test_a_run_that_waits_or_a_runner_that_still_ends_is_work(office, clock):
    run_id = add(office, "a")
    clock.now += 700
    assert office.turn()
    finish(office, run_id)
    assert office.turn()
    assert not office._may_exit()
    clock.now += 601
    assert not office.turn()

    office._runners["0000000a"] = (Child(None, ()), "cpu")
    assert not office._may_exit()


@pytest.mark.parametrize(
    ("seconds", "code", "leaves"),
    [((3.5, 0.05), "new", True), ((3.0, 0.05), "new", False), ((3.5, 0.1), "new", False), ((3.5, 0.05), None, False)],
)
def test_old_code_ends_three_seconds_after_its_last_work(office, monkeypatch, seconds, code, leaves):
    idle, since_check = seconds
    office._needed, office._checked = 1_000.0 - idle, 1_000.0 - since_check
    monkeypatch.setattr(dispatcher, "code_fingerprint", lambda: code or office._code)

    assert office._may_exit() is leaves


def test_closing_ends_the_helper_and_no_runner(office):
    helper = office._helper = Child(None, ())
    office._runners["0000000a"] = (Child(None, ()), "cpu")

    office.close()

    assert helper.calls == ["terminate", ("join", 5)]
    assert office._runners["0000000a"][0].calls == []


# Serving


@pytest.mark.parametrize(("queued", "waited"), [(False, 3.0), (True, 0.0)])
def test_the_helper_has_the_processor_for_three_seconds_unless_a_run_waits(office, clock, monkeypatch, queued, waited):
    done, turns = [], [True, True, False]
    monkeypatch.setattr(dispatcher, "load", lambda names: done.append((names, clock.now)))
    monkeypatch.setattr(office, "_check_processes", lambda: done.append("checked"))
    monkeypatch.setattr(office, "turn", lambda: turns.pop(0))
    monkeypatch.setattr(office, "close", lambda: done.append("closed"))
    if queued:
        add(office, "a")

    office.serve()
    monkeypatch.undo()

    first, second = done[0][0], done[2][0]
    assert (first, second) == (dispatcher.FOR_HELPER, dispatcher.FOR_RUNNERS)
    assert done[1::2] == ["checked", "closed"]
    assert done[2][1] - done[0][1] == pytest.approx(waited, abs=0.11)
    assert turns == []
    assert set(clock.slept) == {0.1}
