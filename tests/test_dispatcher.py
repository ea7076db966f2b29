"""Which runs the dispatcher starts, and how it handles a runner that dies."""

from made_runs import CONFIG

from cnnlab.runs.records import State
from cnnlab.system import background, processes
from cnnlab.workers import dispatcher
from cnnlab.workers.placing import Placing
from cnnlab.workers.watch import interrupt_lost_runs


def _office(home, monkeypatch):
    """A dispatcher that resolves every device to the CPU, and the ids of the runs that it starts; their processes end at once."""
    background.announce(home)
    office = dispatcher.Dispatcher(home)
    monkeypatch.setattr(office, "_check_processes", lambda: None)
    started = []
    monkeypatch.setattr(dispatcher.Dispatcher, "_start", lambda self, target, home, run_id: started.append(run_id) or Ended())
    monkeypatch.setattr(Placing, "candidates", lambda self, device: ("cpu",))
    monkeypatch.setattr(Placing, "fit_side_by_side", lambda self, runs: False)
    return office, started


def test_the_dispatcher_starts_owners_in_turn_and_one_run_on_a_device(tmp_path, monkeypatch):
    office, started = _office(tmp_path, monkeypatch)
    ada = [office.store.create(CONFIG, f"a{n}", owner="ada") for n in range(3)]
    grace = [office.store.create(CONFIG, f"g{n}", owner="grace") for n in range(2)]
    for number in range(1, 6):
        office.turn()
        office.turn()
        assert len(started) == number
        office.store.transition(started[-1], State.RUNNING)
        office.store.transition(started[-1], State.FINISHED)
    office.close()
    assert started == [ada[0], grace[0], ada[1], grace[1], ada[2]]


def test_runs_that_may_train_anywhere_take_each_free_gpu_the_fastest_first(tmp_path, monkeypatch):
    office, _ = _office(tmp_path, monkeypatch)
    may_use = {"auto": ("cuda:1", "cuda:0"), "cuda:0": ("cuda:0",), "cpu": ("cpu",)}
    monkeypatch.setattr(Placing, "candidates", lambda self, device: may_use[device])
    monkeypatch.setattr(Placing, "obstacle", lambda *_: "")
    runners = {}
    monkeypatch.setattr(dispatcher.Dispatcher, "_start", lambda self, target, home, run_id: runners.setdefault(run_id, Alive()))
    first, second, third, fourth = (office.store.create(CONFIG.change(device="auto"), word, owner=word) for word in "abcd")
    on_cpu = office.store.create(CONFIG.change(device="cpu"), "e", owner="e")
    on_first = office.store.create(CONFIG.change(device="cuda:0"), "f", owner="f")

    office.turn()
    started = {run_id: office.store.run(run_id).device for run_id in runners}
    assert started == {first: "cuda:1", second: "cuda:0", on_cpu: "cpu"}

    office.store.transition(second, State.RUNNING)
    office.store.transition(second, State.FINISHED)
    runners[second].ended = True
    office.turn()
    assert office.store.run(third).device == "cuda:0"
    assert office.store.run(fourth).state is office.store.run(on_first).state is State.QUEUED
    office.close()


def test_nothing_is_started_beside_a_run_at_a_command_line_that_has_yet_to_say_where_it_trains(tmp_path, monkeypatch):
    office, started = _office(tmp_path, monkeypatch)
    alone = office.store.create(CONFIG, "alone", "", State.STARTING, process=processes.current())
    waits = office.store.create(CONFIG, "waits")

    office.turn()
    assert started == []
    office.store.transition(alone, State.RUNNING)
    office.store.transition(alone, State.FINISHED)
    office.turn()
    assert started == [waits]
    office.close()


def test_the_next_run_starts_once_the_process_of_the_one_before_has_released_its_device(tmp_path, monkeypatch):
    background.announce(tmp_path)
    runners = []
    monkeypatch.setattr(dispatcher.Dispatcher, "_start", lambda self, *arguments: runners.append(Alive()) or runners[-1])
    monkeypatch.setattr(dispatcher.Dispatcher, "_check_processes", lambda self: None)
    monkeypatch.setattr(Placing, "candidates", lambda self, device: ("cpu",))
    office = dispatcher.Dispatcher(tmp_path)
    first, second = office.store.create(CONFIG, "a"), office.store.create(CONFIG, "b")
    office.turn()
    office.store.transition(first, State.RUNNING)
    office.store.transition(first, State.FINISHED)  # recorded, but its process still holds the memory
    office.turn()
    assert office.store.run(second).state is State.QUEUED
    runners[0].ended = True
    office.turn()
    assert office.store.run(second).state is State.STARTING
    office.close()


def test_an_interrupted_run_is_shown_as_such_for_a_moment_before_it_is_resumed(tmp_path, monkeypatch):
    office, _ = _office(tmp_path, monkeypatch)
    run_id = office.store.create(CONFIG, "a", "", State.STARTING, process=processes.Process(2**22 + 1, "long ago"))
    assert interrupt_lost_runs(office.store) == 1
    for seconds, state in ((0.0, State.INTERRUPTED), (1.9, State.INTERRUPTED), (2.1, State.QUEUED)):
        office._auto_resume.turn(1_000.0 + seconds)
        assert office.store.run(run_id).state is state
    office.close()


def test_a_runner_that_dies_before_it_has_taken_its_run_over_is_noticed(tmp_path, monkeypatch):
    background.announce(tmp_path)
    monkeypatch.setattr(dispatcher.Dispatcher, "_start", lambda self, *arguments: Ended())
    monkeypatch.setattr(Placing, "candidates", lambda self, device: ("cpu",))
    office = dispatcher.Dispatcher(tmp_path)
    run_id = office.store.create(CONFIG, "a")
    office.turn()
    assert office.store.run(run_id).state is State.STARTING
    office._check_processes()
    assert office.store.run(run_id).state is State.INTERRUPTED
    office.close()


class Ended:
    """A process that has ended."""

    ended = True

    def is_alive(self):
        return not self.ended

    def join(self, seconds=None):
        return None

    def terminate(self):
        return None


class Alive(Ended):
    """A process that still runs."""

    ended = False
