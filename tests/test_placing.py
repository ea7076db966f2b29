"""Which device a queued run takes: its choice, the devices of the lab, how many runs each takes, and memory that is free now."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_runs import CONFIG

from cnnlab import presets
from cnnlab.config import RunConfig
from cnnlab.errors import LimitError, RunStateError
from cnnlab.forecasts import forecaster, limits_file
from cnnlab.forecasts.limits import Limits
from cnnlab.runs.records import State
from cnnlab.system import background, gpus, processes
from cnnlab.system.gpus import Status
from cnnlab.system.processes import Process
from cnnlab.workers import dispatcher, placing
from cnnlab.workers.cores import cores
from cnnlab.workers.placing import Placing

GB = 10**9
BUSY = {"aaaa": Status(80 * GB, 6 * GB, ((4711, 70 * GB), (99, 4 * GB)))}


@pytest.fixture
def clock(monkeypatch):
    now = [1_000.0]
    monkeypatch.setattr(placing, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.fixture
def machine(monkeypatch, clock):
    """Two GPUs, of which `machine.cards` says what the driver says; runs need `machine.need` bytes."""
    machine = SimpleNamespace(
        gpus=True,
        cards={},
        need=12 * GB,
        asked=[],
        looks=0,
        quicker="cpu",
        small=[],
        devices={"auto": ("cuda:1", "cuda:0"), "cpu": ("cpu",)},
    )

    def ask(sender, *arguments):
        machine.asked.append(sender.__name__)
        if sender is placing.send_candidates:
            return " ".join(machine.devices.get(arguments[0], ()))
        if sender is placing.send_quicker:
            return machine.quicker
        need = {"bytes": machine.need, "title": "NVIDIA H100", "uuid": "aaaa", "half": arguments[0] in machine.small}
        return json.dumps(need if machine.need else {})

    def status():
        machine.looks += 1
        return machine.cards

    monkeypatch.setattr(gpus, "status", status)
    monkeypatch.setattr(gpus, "may_be_here", lambda: machine.gpus)
    monkeypatch.setattr(processes, "user_of", {4711: "ana"}.get)
    machine.placing = Placing(Path("home"), ask)
    return machine


def run(run_id="a1b2c3d4", pid=None, config=CONFIG):
    return SimpleNamespace(id=run_id, config=config, process=Process(pid, ""))


# The devices of a lab


def test_each_device_takes_one_run_and_all_may_be_used_where_nothing_is_set(machine):
    assert machine.placing.candidates("auto") == ("cuda:1", "cuda:0")
    assert machine.placing.runs_at_a_time("cuda:0") == 1


def test_nobody_is_asked_where_only_the_cpu_can_be_meant(machine):
    machine.gpus = False
    assert [machine.placing.candidates(choice) for choice in ("cpu", "auto")] == [("cpu",)] * 2
    assert machine.asked == []


def test_a_lab_uses_only_the_devices_that_its_file_names_with_the_runs_that_it_gives_each(machine, limit, clock):
    limit('[devices]\ncpu = 1\n"cuda:0" = 2')
    assert machine.placing.candidates("auto") == ("cuda:0",)
    assert [machine.placing.runs_at_a_time(name) for name in ("cpu", "cuda:0")] == [1, 2]

    limit('[devices]\n"cuda:1" = 3')
    clock[0] += placing.LIMITS_SECONDS
    assert machine.placing.candidates("auto") == ("cuda:1",)
    assert machine.placing.runs_at_a_time("cuda:1") == 3
    assert machine.placing.candidates("cpu") == ("cpu",)  # queued before that was forbidden

    limit("[devices]\ncpu = 0")  # damaged: no new runs, and those that wait go on as before
    clock[0] += placing.LIMITS_SECONDS
    assert machine.placing.runs_at_a_time("cuda:1") == 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[devices]\ngpu = 1", "devices names 'gpu'; a device is cpu, mps or cuda:0, cuda:1 and so on"),
        ("[devices]\ncpu = 0", "devices gives cpu 0; the runs that it takes at a time are a whole number from 1 to 16"),
        ("[devices]\ncpu = true", "devices gives cpu true; the runs that it takes at a time are a whole number from 1 to 16"),
        ('[devices]\n"cuda:0" = 17', "devices gives cuda:0 17; the runs"),
        ("[devices]", "devices must be a table with at least one device, such as cpu = 1, not {}"),
        ("devices = 3", "devices must be a table with at least one device, such as cpu = 1, not 3"),
    ],
)
def test_a_wrong_table_of_devices_is_a_sentence(tmp_path, text, problem):
    (tmp_path / "limits.toml").write_text(text)
    with pytest.raises(limits_file.ConfigError) as refused:
        limits_file.load(tmp_path / "limits.toml")
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("devices", "choice", "refused"),
    [
        ({"cuda:0": 1}, "auto", False),
        ({"cuda:0": 1}, "cuda", False),
        ({"cuda:0": 1}, "cuda:0", False),
        ({"cuda:0": 1}, "cpu", True),
        ({"cuda:0": 1}, "cuda:1", True),
        ({"cpu": 2}, "cuda", True),
        (None, "cuda:7", False),
    ],
)
def test_a_run_on_a_device_that_the_lab_may_not_use_is_refused(devices, choice, refused):
    allowed = Limits(devices=devices)
    if not refused:
        allowed.check(RunConfig.make(device=choice))
        return
    with pytest.raises(LimitError, match=f"not on {choice}: choose automatic or one of these") as error:
        allowed.check(RunConfig.make(device=choice))
    assert error.value.field == "device"


def test_the_form_says_which_devices_a_lab_uses():
    assert Limits(devices={"cpu": 1}).in_words() == "This lab trains on cpu."
    whole = Limits(epochs=5, devices={"cpu": 1, "cuda:0": 2}).in_words()
    assert whole == "This lab allows up to 5 epochs. It trains on cpu and cuda:0, 2 runs at a time on cuda:0."


FIRST_TRY = presets.preset("lenet-sample").config(device="cpu")
COURSE = presets.preset("lenet-fashion-mnist").config(device="cpu")


def test_a_run_takes_all_cores_half_for_small_steps_or_the_share_that_the_limits_say(limit, monkeypatch):
    monkeypatch.setattr(processes, "cores", lambda: 8)
    assert (cores(FIRST_TRY), cores(COURSE)) == (4, 8)
    limit("[devices]\ncpu = 3")
    assert (cores(FIRST_TRY), cores(COURSE)) == (2, 2)
    limit("[devices]\ncpu = 16")
    assert cores(FIRST_TRY) == 1
    limit("[devices]\ncpu = 1")
    assert cores(FIRST_TRY) == 8
    limit("damaged")
    assert (cores(FIRST_TRY), cores(COURSE)) == (4, 8)


def leaves_half(config):
    """What the child that looks at a run's needs sends."""
    sent = []
    placing.send_needs(SimpleNamespace(send_bytes=sent.append, close=lambda: None), config)
    return json.loads(sent[0]).get("half", False)


@pytest.mark.parametrize(("here", "small", "large"), [(1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 2, 4)])
def test_the_number_of_threads_follows_from_settings_and_machine_alone(here, small, large, monkeypatch):
    monkeypatch.setattr(processes, "cores", lambda: here)
    assert (cores(FIRST_TRY), cores(COURSE)) == (small, large)
    assert cores(FIRST_TRY.change(batch_size=256)) == large  # it is the step that counts, not the network
    assert leaves_half(FIRST_TRY) is (here > 1)
    assert not leaves_half(COURSE)


def test_a_network_that_cannot_be_built_leaves_its_error_to_the_engine(monkeypatch):
    monkeypatch.setattr(processes, "cores", lambda: 4)
    wrong = RunConfig.make(architecture="alexnet", dataset="fashion-mnist", image_size=28)
    assert cores(wrong) == 4
    assert not leaves_half(wrong)


def test_two_small_runs_train_side_by_side_unless_the_limits_name_devices(limit, machine, clock):
    machine.small = [FIRST_TRY]
    configs = {"00000001": FIRST_TRY, "00000002": COURSE, "00000003": FIRST_TRY}
    small, large, other = (run(run_id, config=config) for run_id, config in configs.items())
    fit = machine.placing.fit_side_by_side
    assert fit([small, other])
    assert not fit([small, large])
    assert not fit([small, other, other])
    limit("[devices]\ncpu = 1")
    clock[0] += placing.LIMITS_SECONDS
    assert not fit([small, other])
    assert machine.asked.count("send_needs") == 3  # once for each run


@pytest.mark.parametrize(("need", "expected"), [(GB, ""), (3 * GB, placing.SETTLES)])
def test_a_small_run_need_not_wait_until_another_has_taken_its_memory(need, expected, machine, monkeypatch):
    machine.need, machine.small = need, [FIRST_TRY]
    monkeypatch.setattr(forecaster, "available", lambda: 8 * GB)
    first, second = (run(run_id, config=FIRST_TRY) for run_id in ("00000001", "00000002"))
    machine.placing.taken("cpu")
    assert machine.placing.obstacle(second, "cpu", [first]) == expected


def test_on_a_mac_automatic_takes_the_device_that_trains_this_network_faster_and_looks_once(machine):
    machine.devices |= {"auto": ("mps",), "mps": ("mps",)}
    chosen = SimpleNamespace(id="a1b2c3d4", config=CONFIG.change(device="auto"))
    assert [machine.placing.candidates_of(chosen) for _ in range(2)] == [("cpu",)] * 2
    assert machine.asked == ["send_candidates", "send_quicker"]

    machine.quicker = ""  # neither could be timed
    assert machine.placing.candidates_of(SimpleNamespace(id="b1b2c3d4", config=CONFIG.change(device="auto"))) == ("mps",)
    machine.quicker = "cpu"
    assert machine.placing.candidates_of(SimpleNamespace(id="c1b2c3d4", config=CONFIG.change(device="mps"))) == ("mps",)


@pytest.mark.parametrize(
    ("mps", "cpu", "faster"), [(0.002, 0.001, "cpu"), (0.001, 0.002, "mps"), (None, 0.002, "cpu"), (None, None, "")]
)
def test_the_faster_device_is_the_one_with_the_shorter_epoch_as_measured_and_remembered(tmp_path, monkeypatch, mps, cpu, faster):
    from cnnlab.compute import speeds
    from cnnlab.training.costs import Speed

    measured = []

    def measure(file, config, macs):
        measured.append((config.device, macs))
        seconds = {"mps": mps, "cpu": cpu}[config.device]
        if seconds:
            speeds._speeds[file] = (Speed(seconds, 0.0, 0.0), float("inf"))

    monkeypatch.setattr(speeds, "_measure", measure)
    monkeypatch.setattr(speeds, "_speeds", {})
    monkeypatch.setattr(speeds.devices, "find", lambda name: SimpleNamespace(name=name, title=name))
    assert [speeds.quicker(tmp_path, RunConfig.make(), ("mps", "cpu")) for _ in range(2)] == [faster] * 2
    assert measured[:2] == [("mps", 416_520), ("cpu", 416_520)]
    assert len(measured) == 2 + (mps is None) + (cpu is None)


# Memory


def test_a_run_that_does_not_fit_into_a_gpu_now_waits_and_says_whose_the_memory_is(machine):
    machine.cards = BUSY
    assert machine.placing.obstacle(run(), "cuda:0", []) == (
        "The GPU NVIDIA H100 (cuda:0) has 6 GB of 80 GB free, and the run needs 12 GB: "
        "70 GB belong to process 4711 of ana, 4 GB belong to process 99."
    )
    machine.placing.changed("cuda:0")
    assert "process 99" not in machine.placing.obstacle(run(), "cuda:0", [run("b1b2c3d4", pid=99)])  # that one is ours


@pytest.mark.parametrize(("free", "fits"), [(13 * GB, False), (14 * GB, True)])
def test_a_tenth_of_the_free_memory_stays_free(machine, free, fits):
    machine.cards = {"aaaa": Status(80 * GB, free)}
    assert (machine.placing.obstacle(run(), "cuda:0", []) == "") is fits


def test_a_gpu_of_which_the_driver_says_nothing_is_tried(machine):
    assert machine.placing.obstacle(run(), "cuda:0", []) == ""
    machine.need = 0  # a network that cannot be built: its runner says why
    assert machine.placing.obstacle(run("b1b2c3d4"), "cuda:0", []) == ""


def test_what_a_run_needs_is_found_out_once_and_free_memory_every_five_seconds(machine, clock):
    machine.cards = BUSY
    for _ in range(3):
        machine.placing.obstacle(run(), "cuda:0", [])
    assert (machine.asked, machine.looks) == (["send_needs"], 1)
    clock[0] += placing.MEMORY_SECONDS
    machine.placing.obstacle(run(), "cuda:0", [])
    assert (machine.asked, machine.looks) == (["send_needs"], 2)

    machine.placing.forget(["a1b2c3d4"])
    machine.placing.changed("cuda:0")  # a run on it has ended
    machine.placing.obstacle(run(), "cuda:0", [])
    assert (machine.asked, machine.looks) == (["send_needs"], 3)
    machine.placing.forget([])
    machine.placing.obstacle(run(), "cuda:0", [])
    assert machine.asked == ["send_needs"] * 2


def test_a_run_that_has_just_begun_takes_its_memory_before_another_is_put_beside_it(machine, clock):
    machine.cards = {"aaaa": Status(80 * GB, 80 * GB)}
    machine.placing.taken("cuda:0")
    assert machine.placing.obstacle(run(), "cuda:0", []) == ""  # it has ended already
    assert "a moment ago" in machine.placing.obstacle(run(), "cuda:0", [run("b1b2c3d4")])
    clock[0] += placing.MEMORY_SECONDS
    assert machine.placing.obstacle(run(), "cuda:0", [run("b1b2c3d4")]) == ""


@pytest.mark.parametrize(("free", "fits"), [(1 * GB, False), (14 * GB, True)])
def test_on_the_cpu_memory_counts_for_a_second_run_beside_another(machine, monkeypatch, free, fits):
    monkeypatch.setattr(forecaster, "available", lambda: free)
    monkeypatch.setattr(placing.memory, "total", lambda: 16 * GB)
    assert machine.placing.obstacle(run(), "cpu", []) == ""
    beside = machine.placing.obstacle(run("b1b2c3d4"), "cpu", [run()])
    assert beside == ("" if fits else "This machine has 1 GB of 16 GB free, and the run needs 12 GB.")


def test_needs_come_from_the_networks_table_and_those_of_an_impossible_one_are_nothing():
    answers = []
    writer = SimpleNamespace(send_bytes=answers.append, close=lambda: None)
    placing.send_needs(writer, RunConfig.make(device="cpu", batch_size=65_536))
    placing.send_needs(writer, RunConfig.make(architecture="vgg", image_size=8, device="cpu"))

    need, impossible = map(json.loads, answers)
    assert 100_000_000 < need["bytes"] < 6 * GB  # the batch is no larger than the data
    assert (need["title"].startswith("CPU"), need["uuid"], impossible) == (True, "", {})


# The dispatcher


@pytest.fixture
def office(tmp_path, monkeypatch):
    """A dispatcher of a lab with two GPUs, of which runs fit into those in `office.room`; nothing is really started."""
    background.announce(tmp_path)
    office = dispatcher.Dispatcher(tmp_path)
    office.room, office.started = {"cuda:0", "cuda:1", "cpu"}, []
    monkeypatch.setattr(office, "_check_processes", lambda: None)
    alive = SimpleNamespace(is_alive=lambda: True, join=lambda *_: None)
    monkeypatch.setattr(office, "_start", lambda target, home, run_id: office.started.append(run_id) or alive)
    monkeypatch.setattr(Placing, "candidates", lambda self, choice: ("cuda:1", "cuda:0") if choice == "auto" else (choice,))
    monkeypatch.setattr(Placing, "runs_at_a_time", lambda self, device: 2 if device == "cuda:0" else 1)
    monkeypatch.setattr(
        Placing, "obstacle", lambda self, run, device, beside: "" if device in office.room else f"{device} is full."
    )
    yield office
    office.close()


def queue(office, *choices):
    return [office.store.create(CONFIG.change(device=choice), f"{n}", owner=f"{n}") for n, choice in enumerate(choices)]


def test_runs_on_automatic_fill_all_devices_with_as_many_as_each_takes(office):
    ids = queue(office, *["auto"] * 4)
    office.turn()
    assert [office.store.run(run_id).device for run_id in ids] == ["cuda:1", "cuda:0", "cuda:0", ""]
    assert office.store.run(ids[3]).state is State.QUEUED


def test_a_run_takes_the_next_device_where_the_first_is_full_and_waits_with_the_reason_where_all_are(office):
    office.room = {"cuda:0"}
    (first,) = queue(office, "auto")
    office.turn()
    assert office.store.run(first).device == "cuda:0"

    waiting = office.store.create(CONFIG.change(device="cuda:1"), "waits", owner="w")
    other = office.store.create(CONFIG.change(device="cpu"), "other", owner="x")
    office.room = {"cpu"}
    office.turn()
    held = office.store.run(waiting)
    assert (held.state, held.message) == (State.QUEUED, "It waits for memory. cuda:1 is full.")
    assert office.store.run(other).device == "cpu"  # it does not wait behind that one

    office.room = {"cuda:1"}
    office.turn()
    begun = office.store.run(waiting)
    assert (begun.state, begun.device, begun.message) == (State.STARTING, "cuda:1", "")


def test_the_reason_is_stored_when_it_changes_and_is_gone_with_the_waiting(office, monkeypatch):
    office.room, stored = set(), []
    put_back = office.store.put_back
    monkeypatch.setattr(office.store, "put_back", lambda *given: stored.append(given[2]) or put_back(*given))
    (waits,) = queue(office, "cuda:1")
    for _ in range(3):
        office.turn()
    monkeypatch.setattr(Placing, "obstacle", lambda self, run, device, beside: placing.SETTLES)
    office.turn()
    assert stored == ["It waits for memory. cuda:1 is full."]

    office.store.pause(waits)
    assert (office.store.run(waits).state, office.store.run(waits).message) == (State.PAUSED, "")

    office.turn()
    monkeypatch.setattr(Placing, "obstacle", lambda self, run, device, beside: "cuda:1 is full.")
    office.store.transition(waits, State.QUEUED)
    office.turn()
    assert office.store.run(waits).message == "It waits for memory. cuda:1 is full."  # stored again, though it is the same


def test_a_reason_is_stored_only_with_a_run_that_waits(office):
    (waits,) = queue(office, "cpu")
    assert office.store.put_back(waits, None, "No room.") is State.QUEUED
    assert office.store.run(waits).message == "No room."
    office.store.stop(waits)
    with pytest.raises(RunStateError, match="is stopped and does not wait"):
        office.store.put_back(waits, None, "No room.")
