"""Runs over a limit or without enough memory are refused wherever they are started, and leave nothing behind."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from cnnlab.cli import app
from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError, LimitError, RunStateError
from cnnlab.events import EpochDone, RunFinished, RunPaused, RunStarted
from cnnlab.forecasts import forecaster
from cnnlab.forecasts.admission import Admission, Admitted
from cnnlab.forecasts.forecaster import Forecaster
from cnnlab.forecasts.limits import Limits
from cnnlab.forecasts.limits_file import QUEUE
from cnnlab.lab import Lab
from cnnlab.layers.trace import layer_table
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.system.home import run_folder
from cnnlab.system.processes import Process
from cnnlab.training.costs import DeviceSpeed, Speed

LENET = ("train", "lenet", "--dataset", "sample", "--plain")
LONG = RunConfig.make(device="cpu", epochs=20)
SPEED = Speed(image=0.0, step=4 / 24, evaluation=0.0)  # seconds: 4 an epoch of 24 batches
ROUNDS = 30


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "home")) as store:
        yield store


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr(forecaster.psutil, "virtual_memory", lambda: SimpleNamespace(available=2 << 30))
    monkeypatch.setattr(forecaster, "_own_bytes", lambda pid: 0)


def speed_of(*, config, macs):
    """As the helper answers before anything has been measured."""
    return DeviceSpeed("cpu", None, None, "unknown", None)


def admission(store: Store, speed: Speed | None = None) -> Admission:
    """Works without a helper; `speed` is what that would have measured."""

    def measured(*, config, macs):
        return DeviceSpeed("cpu", None, None, "known", speed)

    return Admission(Forecaster(measured if speed else speed_of, layer_table, store), store)


def refused_on_the_command_line(home: Path, *arguments: str) -> str:
    shown = CliRunner().invoke(app, [*arguments, "--home", str(home)])
    assert (shown.exit_code, shown.stdout) == (2, "")
    return shown.stderr.strip()


def runs_in(home: Path) -> int:
    with closing(Store(home)) as store:
        return len(store.runs())


# New runs


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("epochs = 3", "This run has 20 epochs, 17 more than the 3 that this lab allows."),
        ("image_size = 16", "This run has 28 pixels a side, 12 more than the 16 that this lab allows."),
        ("parameters = 1_000", "This run has 61,706 parameters, 60,706 more than the 1,000 that this lab allows."),
        ('disk = "1 kB"', "The lab's folder takes "),
        ("epocs = 3", "The file of limits "),
    ],
)
def test_the_lab_and_the_command_line_refuse_before_anything_is_queued(lab, limit, tmp_path, text, sentence):
    limit(text)
    before = len(lab.runs())

    with pytest.raises(ConfigError) as caught:
        lab.start(LONG, token=f"over the limit {text}")
    shown = refused_on_the_command_line(tmp_path / "home", *LENET, "--epochs", "20")

    assert str(caught.value).startswith(sentence)
    assert shown.startswith(sentence)
    assert len(lab.runs()) == before
    assert runs_in(tmp_path / "home") == 0


def test_the_lab_and_the_command_line_refuse_what_does_not_fit_with_the_same_sentence(lab, little_memory, tmp_path):
    before = len(lab.runs())

    with pytest.raises(
        ConfigError, match=r"AlexNet needs about .* and this machine has 2\.1 GB free: batches of \d+ would"
    ) as caught:
        lab.start(RunConfig.make(architecture="alexnet", device="cpu", batch_size=2_000), token="does not fit")
    shown = refused_on_the_command_line(
        tmp_path, "train", "alexnet", "--dataset", "sample", "--device", "cpu", "--plain", "--batch-size", "2000"
    )

    assert shown == str(caught.value)
    assert len(lab.runs()) == before
    assert runs_in(tmp_path) == 0
    assert not (tmp_path / "speeds").exists(), "the command line measures nothing"


def test_a_run_that_starts_at_once_does_not_count_on_the_memory_of_another(monkeypatch):
    """A waiting run gets the memory of the run before it; the command line trains beside that run."""
    other = SimpleNamespace(device="cpu", waits=False, process=Process(1, "x"))
    store = SimpleNamespace(active=lambda: [other], runs=lambda limit: ())
    monkeypatch.setattr(forecaster.psutil, "virtual_memory", lambda: SimpleNamespace(available=1 << 30))
    monkeypatch.setattr(forecaster, "_own_bytes", lambda pid: 5 << 30 if pid == 1 else 1 << 20)

    waits, starts = (
        Forecaster(speed_of, layer_table, store, at_once=at_once).forecast(LONG, calibrate=False) for at_once in (False, True)
    )

    assert (waits.available_bytes, starts.available_bytes) == (6 << 30, (1 << 30) + (1 << 20))


@pytest.mark.parametrize(("at_once", "free"), [(False, 80 << 30), (True, 2 << 30)])
def test_neither_does_it_on_a_gpu(at_once, free):
    run = SimpleNamespace(device="cuda:0", waits=False, process=SimpleNamespace(pid=1))
    store = SimpleNamespace(active=lambda: [run], runs=lambda limit: ())

    def on_the_gpu(*, config, macs):
        return DeviceSpeed("cuda:0", 2 << 30, 80 << 30, "unknown", None)

    assert Forecaster(on_the_gpu, layer_table, store, at_once=at_once).forecast(LONG, calibrate=False).available_bytes == free


@pytest.mark.parametrize(("ours", "free"), [((), 6 << 30), ((1,), 36 << 30)])
def test_what_other_programs_hold_of_a_gpu_stays_theirs(ours, free):
    runs = [SimpleNamespace(device="cuda:0", waits=False, process=SimpleNamespace(pid=pid)) for pid in ours]
    store = SimpleNamespace(active=lambda: runs, runs=lambda limit: ())

    def on_the_gpu(*, config, macs):
        return DeviceSpeed("cuda:0", 6 << 30, 80 << 30, "unknown", None, ((1, 30 << 30), (4711, 44 << 30)))

    assert Forecaster(on_the_gpu, layer_table, store).forecast(LONG, calibrate=False).available_bytes == free


def test_a_run_that_other_programs_leave_no_room_for_may_be_queued_and_waits():
    store = SimpleNamespace(active=lambda: [], runs=lambda limit: ())

    def on_the_gpu(*, config, macs, measure=False):
        assert not measure, "nothing is timed on a card that is full"
        return DeviceSpeed("cuda:0", 100 << 20, 80 << 30, "unknown", None, ((4711, 79 << 30),))

    made = Forecaster(on_the_gpu, layer_table, store).forecast(LONG)
    assert (made.fits, made.fits_now) == (True, False)
    assert "has 104.9 MB of 85.9 GB free now: it waits until other programs have ended." in made.advice
    at_once = Forecaster(on_the_gpu, layer_table, store, at_once=True).forecast(LONG)
    assert not at_once.fits  # a command line does not wait


def test_a_speed_that_is_known_is_held_against_the_time_allowed(store, limit):
    limit("max_seconds = 60")
    admission(store).new(LONG)  # an unknown speed: the runner will watch the clock
    with pytest.raises(LimitError, match="This run would train for about 80 seconds, 20 seconds longer than the 60 seconds"):
        admission(store, SPEED).new(LONG)


# How many at a time


def test_waiting_runs_are_counted_and_a_double_click_is_one_run_and_another_name_gains_nothing(lab, limit):
    limit("runs_per_owner = 1")
    config = RunConfig.make(device="cpu", limit=100, epochs=200)
    first = lab.start(config, token="limits: Ada's", owner="Ada")
    try:
        assert lab.start(config, token="limits: Ada's", owner="Ada") == first
        for name in ("Ada", "Bob", ""):
            with pytest.raises(LimitError, match="All visitors together have 1 run waiting or training, and this lab allows 1"):
                lab.start(config, token=f"limits: a second of {name}", owner=name)
    finally:
        lab.stop(first)


def test_two_labs_that_start_at_the_same_moment_cannot_pass_the_limit_together(lab, limit, monkeypatch):
    limit("runs_per_owner = 1")
    config = RunConfig.make(device="cpu", limit=100, epochs=200)
    together, create = Barrier(6), Store.create

    def create_together(*arguments, **given):
        together.wait(60)  # all have passed the check of limits
        return create(*arguments, **given)

    monkeypatch.setattr(Store, "create", create_together)
    with closing(Lab(lab.home)) as other, ThreadPoolExecutor(6) as threads:

        def click(number: int) -> str:
            token = "at once: the same" if number < 2 else f"at once: {number}"
            return (lab, other)[number % 2].start(config, token=token, owner="Eve")

        clicks = [threads.submit(click, number) for number in range(6)]
        started = {click.result() for click in clicks if click.exception() is None}
    try:
        assert all(isinstance(click.exception(), LimitError | None) for click in clicks)
        assert len(started) == 1
        assert [run.id for run in lab.runs() if run.owner == "Eve"] == list(started)
    finally:
        lab.stop(*started)


def queue_one_a_round(home: Path, name: str, together) -> None:
    allowed = Admitted(Limits(runs_per_owner=1))
    with closing(Store(home)) as store:
        for number in range(ROUNDS):
            together.wait(60)
            try:
                store.create(LONG, f"{name} {number}", owner=f"owner {number}", admit=allowed.admit)
            except LimitError:
                continue


def test_two_processes_that_start_at_the_same_moment_cannot_pass_the_limit_together(store):
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(2)
    both = [spawn.Process(target=queue_one_a_round, args=(store.home, name, together)) for name in ("one", "other")]
    for process in both:
        process.start()
    for process in both:
        process.join(120)

    assert [process.exitcode for process in both] == [0, 0]
    assert sorted(run.owner for run in store.runs()) == sorted(f"owner {number}" for number in range(ROUNDS))


def test_the_command_line_is_counted_as_one_without_a_name(tmp_path, limit, store):
    limit("runs_per_owner = 1")
    store.create(LONG, "without a name")

    assert refused_on_the_command_line(store.home, *LENET).startswith("All visitors together have 1 run waiting")
    assert len(store.runs()) == 1


# Runs that are to go on


@pytest.fixture
def paused(store):
    """A run of Ada's that has done half of its 20 epochs, in 30 seconds."""
    run_id = store.create(LONG, "paused", owner="Ada")
    store.transition(run_id, State.STARTING, device="cpu")
    store.add(run_id, RunStarted("cpu", "CPU", 61_706, 4_000, 1_000, 16, 20, 10), to=State.RUNNING)
    for epoch in range(1, 11):
        store.add(run_id, EpochDone(epoch, 16 * epoch, 2.0, 0.5, 2.0, 0.5, 0.1, 3.0, 0.1, 2.0, 0.9))
    store.pause(run_id)
    store.add(run_id, RunPaused(10, 160, 30.0), to=State.PAUSED)
    return store.run(run_id)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("epochs = 15", "This run has 20 epochs, 5 more than the 15 that this lab allows."),
        ("parameters = 61_705", "This run has 61,706 parameters, 1 more than the 61,705 that this lab allows."),
        (
            "max_seconds = 25",
            "This run has trained for 30 seconds, 5 seconds longer than the 25 seconds that this lab allows; "
            "what it has learned is kept.",
        ),
        (
            "max_seconds = 60",
            "This run would train for about 70 seconds, 10 seconds longer than the 60 seconds that this lab allows; "
            "take fewer epochs, smaller images or a share of the data.",
        ),
    ],
)
def test_a_run_goes_on_only_within_the_limits_of_now(store, paused, limit, text, sentence):
    check = admission(store, SPEED)
    limit("max_seconds = 70\nepochs = 20\nparameters = 61_706")
    check.further(paused, paused.config)

    limit(text)
    with pytest.raises(LimitError) as caught:
        check.further(paused, paused.config)

    assert str(caught.value).startswith(f"{sentence} Your teacher, or the host")


def test_what_a_run_has_on_disk_already_is_not_counted_twice(store, paused, limit):
    folder = run_folder(store.home, paused.id)
    folder.mkdir(parents=True)
    (folder / "last.pt").write_bytes(bytes(10**6))
    (store.home / "data").write_bytes(bytes(10**6))
    limit('disk = "8.5 MB"')  # the database takes 0.7 of them

    admission(store).further(paused, paused.config)
    with pytest.raises(LimitError, match=r"The lab's folder takes 2\.\d MB and this run's checkpoints need about 6\.\d MB"):
        admission(store).new(LONG)


def test_what_waiting_runs_will_take_on_disk_is_counted(store, limit):
    limit('disk = "7 MB"')
    check = admission(store)
    check.new(LONG)
    store.create(LONG, "first")

    with pytest.raises(LimitError, match=r"runs that wait or train will take 6\.\d MB more and this run's"):
        check.new(LONG)


def test_without_limits_nobody_waits_for_the_helper(store, paused, monkeypatch):
    monkeypatch.delenv("CNNLAB_LIMITS", raising=False)

    def ask(*_question, **_given):
        raise AssertionError("the helper must not be asked")

    check = Admission(Forecaster(ask, ask, store), store)
    assert check.further(paused, paused.config).limits == Limits(queue=QUEUE)


def test_an_owner_with_enough_runs_resumes_none(store, paused):
    allowed = Admitted(Limits(runs_per_owner=1))
    other = store.create(LONG, "another", owner="Ada")
    with pytest.raises(LimitError, match="You have 1 run waiting or training"):
        store.resume(paused.id, admit=allowed.admit)
    assert store.run(paused.id) == paused

    store.resume(other, admit=Admitted(Limits(runs_per_owner=1)).admit)  # it waits already: two browsers clicked at once
    store.stop(other)
    store.resume(paused.id, admit=allowed.admit)
    assert store.run(paused.id).state is State.QUEUED


def test_an_owner_with_enough_runs_trains_none_for_longer(store, paused):
    store.stop(paused.id)
    store.create(LONG, "another", owner="Ada")
    with pytest.raises(LimitError, match="You have 1 run waiting or training"):
        store.extend(paused.id, 5, admit=Admitted(Limits(runs_per_owner=1)).admit)
    assert (store.run(paused.id).state, store.run(paused.id).config.epochs) == (State.STOPPED, 20)


@pytest.mark.parametrize(
    "over",
    [
        ("epochs = 25", "This run has 26 epochs, 1 more than the 25"),
        ("max_seconds = 93", "would train for about 94 seconds, 1 second longer than the 93 seconds"),
    ],
)
def test_further_epochs_count_against_the_limits(store, paused, limit, monkeypatch, over):
    text, sentence = over
    monkeypatch.setattr("cnnlab.lab.background.ensure", lambda home: None)
    with closing(Lab(store.home)) as lab:
        lab._admission = admission(lab._store, SPEED)
        lab.stop(paused.id)
        limit(text)
        with pytest.raises(LimitError, match=sentence):
            lab.extend(paused.id, 6)
        assert lab.run(paused.id).config.epochs == 20

        lab.extend(paused.id, 5)
        assert lab.run(paused.id).config.epochs == 25


def test_what_cannot_go_on_says_so_before_limits_are_spoken_of(store):
    finished = store.create(LONG, "finished", owner="Ada")
    store.transition(finished, State.STARTING, device="cpu")
    store.add(finished, RunStarted("cpu", "CPU", 61_706, 4_000, 1_000, 16, 20, 10), to=State.RUNNING)
    store.add(finished, RunFinished(20, 60.0, 0.9, 0.9, 20, 0.9), to=State.FINISHED)
    store.create(LONG, "another", owner="Ada")
    with pytest.raises(RunStateError, match="has finished: continue it for more epochs instead"):
        store.resume(finished, admit=Admitted(Limits(runs_per_owner=1)).admit)


def test_no_run_that_the_lab_resumes_by_itself_is_lost_to_a_limit(store, limit):
    run_id = store.create(LONG, "interrupted", owner="Ada")
    store.transition(run_id, State.STARTING, device="cpu", process=Process(1, "long ago"))
    (active,) = store.active()
    store.interrupt(active, "Its process is gone.")
    store.create(LONG, "another", owner="Ada")
    limit("runs_per_owner = 1\nepochs = 1")

    store.auto_resume(run_id)

    assert store.run(run_id).state is State.QUEUED


def test_the_lab_and_the_command_line_resume_nothing_beyond_the_limits(lab, limit):
    run_id = lab.start(RunConfig.make(device="cpu", limit=100, epochs=200), token="to be resumed", owner="Ada")
    lab.pause(run_id)
    while lab.run(run_id).active:
        time.sleep(0.05)
    limit("epochs = 150")
    sentence = "This run has 200 epochs, 50 more than the 150 that this lab allows."

    with pytest.raises(LimitError) as caught:
        lab.resume(run_id)

    assert str(caught.value).startswith(f"{sentence} Your teacher, or the host")
    assert refused_on_the_command_line(lab.home, "resume", run_id) == str(caught.value)
    assert lab.run(run_id).state is State.PAUSED
    limit("epochs = 200")
    lab.resume(run_id)
    lab.stop(run_id)
