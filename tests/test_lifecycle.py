"""State transitions: requested by users and processes, in any order and at the same time."""

import multiprocessing
import threading

import pytest
from made_runs import CONFIG, progress, running
from pressing import press
from typer.testing import CliRunner

from cnnlab.cli import app
from cnnlab.errors import ConfigError, RunStateError
from cnnlab.events import CheckpointSaved, RunFailed, RunFinished
from cnnlab.runs.records import ACTIVE, TRANSITIONS, State
from cnnlab.runs.store import Store
from cnnlab.system import background

# Requests


def test_a_queued_run_pauses_at_once_and_a_running_one_is_asked(store):
    queued, busy = store.create(CONFIG, "a"), running(store, "b")
    assert store.pause(queued) is State.PAUSED
    assert store.pause(busy) is store.pause(busy) is State.PAUSING


@pytest.mark.parametrize("state", [State.PAUSED, State.INTERRUPTED, State.STOPPED])
def test_a_run_at_rest_is_resumed_at_the_end_of_the_queue(store, state):
    rested, waiting = store.create(CONFIG, "a", state=state), store.create(CONFIG, "b")
    assert store.resume(rested) is store.resume(rested) is State.QUEUED
    assert [run.id for run in store.queue()] == [waiting, rested]
    assert [run.position for run in store.queue()] == [1, 2]
    assert store.run(rested).ended is None


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.FINISHED, "continue it for more epochs"),
        (State.FAILED, "failed before its first checkpoint"),
        (State.PAUSING, "still pausing"),
        (State.STOPPING, "still stopping"),
    ],
)
def test_why_a_run_cannot_be_resumed_is_a_sentence(store, state, reason):
    run_id = store.create(CONFIG, "a", state=state)
    with pytest.raises(RunStateError, match=reason):
        store.resume(run_id)
    assert store.run(run_id).state is state


def test_a_failed_run_with_a_checkpoint_is_resumed(store):
    run_id = running(store)
    store.add(run_id, CheckpointSaved("last", 1, 0.5, 5))
    store.add(run_id, RunFailed("error", 1, "The disk is full."), to=State.FAILED, message="The disk is full.")
    assert store.run(run_id).has_checkpoint
    assert store.resume(run_id) is State.QUEUED
    assert store.run(run_id).message == ""


@pytest.mark.parametrize("state", [State.STOPPED, State.FINISHED])
def test_a_run_gets_more_epochs(store, state):
    run_id = store.create(CONFIG, "a", state=state)
    store.extend(run_id, 4)
    assert (store.run(run_id).state, store.run(run_id).config.epochs) == (State.QUEUED, 7)


@pytest.mark.parametrize("epochs", [0, -1, 10**9, True, 1.5])
def test_a_wrong_number_of_more_epochs_is_refused_and_changes_nothing(store, epochs):
    run_id = store.create(CONFIG, "a", state=State.FINISHED)
    with pytest.raises(ConfigError, match="epochs"):
        store.extend(run_id, epochs)
    assert (store.run(run_id).state, store.run(run_id).config) == (State.FINISHED, CONFIG)


def test_names_and_notes_are_kept_as_typed(store):
    run_id = store.create(CONFIG, "a")
    text = '<b>"quoted"</b> \u202eright to left ' * 300
    store.rename(run_id, text)
    store.annotate(run_id, text)
    assert (store.run(run_id).name, store.run(run_id).note) == (text, text)


@pytest.mark.parametrize("ask", ["stop", "pause", "resume", "delete", "rename", "annotate", "extend", "move_in_queue"])
def test_another_owners_run_is_not_changed(store, ask):
    run_id = store.create(CONFIG, "a", owner="ada", note="hers")
    before = store.run(run_id)
    more = {"rename": ["x"], "annotate": ["x"], "extend": [1], "move_in_queue": [1]}.get(ask, [])
    with pytest.raises(RunStateError, match="belongs to ada"):
        getattr(store, ask)(run_id, *more, owner="grace")
    assert store.run(run_id) == before


def test_its_owner_the_command_line_and_nobodys_runs_are_not_held_up(store):
    own, shared = store.create(CONFIG, "a", owner="ada"), store.create(CONFIG, "b")
    store.rename(own, "mine", owner="ada")
    store.pause(own)
    store.pause(shared, owner="grace")
    assert [run.state for run in store.runs()] == [State.PAUSED, State.PAUSED]


# The queue


def test_ones_own_runs_are_moved_and_those_of_others_keep_their_places(store):
    first, hers, second, third = (store.create(CONFIG, str(n), owner=o) for n, o in enumerate(["ada", "grace", "ada", "ada"]))
    store.move_in_queue(third, -1, owner="ada")
    assert [run.id for run in store.active()] == [first, hers, third, second]
    store.move_in_queue(first, 100)
    assert [run.id for run in store.active()] == [third, hers, second, first]


def test_the_queue_is_shown_in_the_order_in_which_runs_start(store):
    ada = [store.create(CONFIG, f"a{n}", owner="ada") for n in range(3)]
    grace = store.create(CONFIG, "g", owner="grace")
    assert [run.id for run in store.queue()] == [ada[0], grace, ada[1], ada[2]]
    store.transition(ada[0], State.STARTING)
    assert [run.id for run in store.queue()] == [grace, ada[1], ada[2]]


# Concurrent requests


def test_buttons_pressed_in_many_threads_and_processes_make_no_move_outside_the_table(tmp_path):
    store = Store(tmp_path)
    runs = [store.create(CONFIG, str(number)) for number in range(3)]
    with store.transaction(write=True) as connection:  # a trigger logs every transition
        connection.execute("CREATE TABLE moves (run TEXT, before TEXT, after TEXT)")
        connection.execute(
            "CREATE TRIGGER moved AFTER UPDATE OF state ON runs BEGIN INSERT INTO moves VALUES (new.id, old.state, new.state); END"
        )
    store.close()
    context = multiprocessing.get_context("spawn")
    pressing = [context.Process(target=press, args=(tmp_path, seed, 60)) for seed in range(2)]
    pressing += [threading.Thread(target=press, args=(tmp_path, seed, 60)) for seed in range(10, 14)]
    for worker in pressing:
        worker.start()
    for worker in pressing:
        worker.join()
    assert [worker.exitcode for worker in pressing[:2]] == [0, 0]

    with store.transaction() as connection:
        moves = [tuple(row) for row in connection.execute("SELECT * FROM moves ORDER BY rowid")]
    assert len(moves) >= 20  # of 360, at random; 49 or more in practice
    assert all(State(after) in TRANSITIONS[State(before)] for _, before, after in moves)
    for run_id in runs:  # and each started from the run's current state
        of_run = [(before, after) for run, before, after in moves if run == run_id]
        assert [after for _, after in of_run][:-1] == [before for before, _ in of_run][1:]
        run = store.run(run_id)
        assert (run.ended is None) is (run.state in ACTIVE)
    store.close()


def test_a_clock_that_jumps_back_gives_no_negative_times(tmp_path):
    now = [10_000.0]
    store = Store(tmp_path, clock=lambda: now[0])
    run_id = running(store)
    store.add(run_id, progress(3))
    now[0] = 50.0
    store.add(run_id, progress(4))
    store.add(run_id, RunFinished(1, 9.0, 1.0, 1.0, 1, 1.0), to=State.FINISHED)
    run = store.run(run_id)
    store.close()
    assert run.ended >= run.started >= run.created
    assert run.seconds == 9.0


# The command line


def invoke(*words, home, answer=""):
    result = CliRunner().invoke(app, [*words, "--home", str(home)], input=answer)
    return result.exit_code, result.output.strip()


def test_the_command_line_pauses_resumes_stops_and_deletes(tmp_path, monkeypatch):
    monkeypatch.setattr(background, "ensure", lambda home: None)
    store = Store(tmp_path)
    run_id = store.create(CONFIG, "a", owner="ada")
    assert invoke("pause", run_id, home=tmp_path) == (0, f"Run {run_id} is paused.")
    assert invoke("resume", run_id, home=tmp_path) == (0, f"Run {run_id} is waiting for its turn, number 1 in the queue.")
    assert invoke("stop", run_id, home=tmp_path) == (0, f"Run {run_id} is stopped.")
    assert invoke("extend", run_id, "2", home=tmp_path) == (0, f"Run {run_id} is waiting for its turn, number 1 in the queue.")
    assert store.run(run_id).config.epochs == 5
    code, output = invoke("delete", run_id, "--yes", home=tmp_path)
    assert (code, "stop it first" in output) == (2, True)
    store.stop(run_id)
    assert invoke("delete", run_id, home=tmp_path, answer="n\n")[0] == 1
    code, output = invoke("delete", run_id, home=tmp_path, answer="y\n")
    assert (code, "0 bytes" in output, store.runs()) == (0, True, ())
    store.close()
