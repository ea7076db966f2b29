"""Forecasts on a made machine, part by part and in words: tests/golden/forecast*.txt."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from golden_text import check

from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError, ShapeError
from cnnlab.forecasts import forecast, forecaster, rough
from cnnlab.forecasts.forecast import place, refusal, slowness
from cnnlab.forecasts.forecaster import Forecaster
from cnnlab.layers.trace import layer_table
from cnnlab.runs.records import State
from cnnlab.training import costs
from cnnlab.training.costs import DeviceSpeed, Speed

GIGABYTE = 10**9
QUICK = Speed(image=0.001, step=0.004, evaluation=0.0005)
SLOW = Speed(image=0.05, step=0.1, evaluation=0.01, others=0.3)
FASHION = {"dataset": "fashion-mnist"}
ADAM = {"optimizer": "adam", "learning_rate": 0.001}


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """Four gigabytes free, and a process that has loaded torch takes the same on each system."""
    monkeypatch.setattr(forecaster, "available", lambda: 4 * GIGABYTE)
    monkeypatch.setattr(forecaster, "_own_bytes", lambda pid: pid * 1_000_000)
    monkeypatch.setattr(costs, "_PROGRAM", {"cpu": 400_000_000, "mps": 700_000_000, "cuda": 500_000_000})


class Helper:
    """Answers as the helper process would: `states` one after the other, the last for good."""

    def __init__(self, *states, device="cpu", speed=QUICK) -> None:
        self.states, self.device, self.speed = list(states) or ["known"], device, speed
        self.measured, self.asked = 0, []

    def __call__(self, *, config, macs, measure=False):
        self.measured += measure
        self.asked.append((config.batch_size, macs))
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        memory = (2 * GIGABYTE, 80 * GIGABYTE) if self.device.startswith("cuda") else (None, None)
        return DeviceSpeed(self.device, *memory, state, self.speed if state == "known" else None)


def running_on(device, pid=5, **details):
    run = {"device": device, "waits": False, "process": SimpleNamespace(pid=pid), "active": True, "images_per_second": None}
    return SimpleNamespace(**run | details)


def made(helper, *active, runs=(), progress=None, layers=layer_table, at_once=False):
    store = SimpleNamespace(
        active=lambda: active,
        runs=lambda limit: list(runs)[:limit],
        progress=lambda run_id, points: (progress or {}).get(run_id, ())[:points],
    )
    return Forecaster(helper, layers, store, **({"at_once": True} if at_once else {}))


CONFIGS = {
    "LeNet": ({}, Helper()),
    "LeNet, validation images": ({**FASHION, "data_share": 0.5, "validation_share": 0.2, "momentum": 0.9}, Helper()),
    "LeNet with fewer images than a batch": ({"limit": 20, "batch_size": 8_000, "epochs": 3}, Helper()),
    "MLP, compiled": ({"architecture": "mlp", "compile": True, "options": {"hidden": (300, 40)}, **ADAM}, Helper()),
    "AlexNet, slow": ({**FASHION, **ADAM, "architecture": "alexnet", "batch_size": 16}, Helper(speed=SLOW)),
    "AlexNet, too large": ({**FASHION, **ADAM, "architecture": "alexnet", "batch_size": 512}, Helper(speed=SLOW)),
    "ResNet on CIFAR-10, Apple": (
        {"architecture": "resnet", "dataset": "cifar10", "image_size": 64, "batch_size": 32, "weight_decay": 0.01},
        Helper(device="mps"),
    ),
    "VGG on a GPU, bfloat16": (
        {**FASHION, **ADAM, "architecture": "vgg", "precision": "bfloat16", "batch_size": 24, "optimizer": "rmsprop"},
        Helper(device="cuda:1"),
    ),
}  # fmt: skip


def in_words(found: forecast.Forecast) -> list[str]:
    lines = [f"  {part.name}: {part.title} {part.bytes:,}" for part in found.parts]
    values = {name: getattr(found, name) for name in found.__dataclass_fields__ if name != "parts"}
    assert sum(part.bytes for part in found.parts) == found.memory_bytes
    return lines + [f"  {name} {value:.6g}" if isinstance(value, float) else f"  {name} {value}" for name, value in values.items()]


def test_forecasts(regenerate_golden):
    lines = []
    for name, (settings, helper) in CONFIGS.items():
        lines += [name, *in_words(made(helper).forecast(RunConfig.make(**settings))), ""]

    check("forecast/parts", "\n".join(lines), regenerate=regenerate_golden)


def tables(smallest: int = 0):
    """Tables of made networks, whose work grows with the square of the image; None below `smallest`."""

    def at(size):
        return made_table(macs=size**2, parameters=1_000 * size) if smallest <= size else None

    return at


def made_table(macs=1_000, parameters=500):
    return SimpleNamespace(macs=macs, parameters=parameters, buffers=0, rows=(), input_shape=(1, 28, 28))


def test_the_words_of_slow_and_of_large_runs(regenerate_golden, monkeypatch):
    lines = []
    config = RunConfig.make(**FASHION, architecture="resnet", image_size=96, batch_size=100)
    for seconds, at in (
        (0.005, tables()),
        (0.02, tables()),
        (0.2, tables()),
        (0.02, tables(smallest=64)),
        (9.0, tables(smallest=96)),
        (0.001, tables()),
    ):
        table = made_table(macs=96**2, parameters=96_000)
        found = slowness(config, Speed(seconds, 0.001, seconds / 10), table, at)
        lines.append(f"{seconds} s an image: {found or 'none'}")
    few = config.change(limit=99)
    lines.append(slowness(few, Speed(9.0, 0.001, 1.0), made_table(96**2), tables(smallest=60)))
    need = SimpleNamespace(bytes=lambda batch: 10**8 * batch, largest_batch=lambda free, most: min(most, int(0.9 * free / 10**8)))
    for batch, free, where in ((100, 4 * GIGABYTE, "cpu"), (100, 10**7, "cuda:0"), (7, 4 * 10**8, "mps")):
        for good in (48, 0):
            large = SimpleNamespace(bytes=lambda batch, good=good: 0 if good else 10**12)
            monkeypatch.setattr(
                forecast, "memory", lambda config, table, where, large=large, good=good: large if table.macs <= good**2 else need
            )
            lines.append(refusal(config.change(batch_size=batch), need, free, where, tables()))
    lines += [place(device) for device in ("cpu", "mps", "cuda:3")]

    check("forecast/words", "\n".join(lines) + "\n", regenerate=regenerate_golden)


@pytest.mark.parametrize(("seconds", "slow"), [(300.0, False), (300.1, True)])
def test_an_epoch_of_more_than_five_minutes_is_slow(seconds, slow):
    config = RunConfig.make(**FASHION, limit=100)

    assert bool(slowness(config, Speed(seconds / 100, 0.0, 0.0), made_table(), tables())) is slow


@pytest.mark.parametrize(
    ("size", "smallest", "largest", "found"),
    [
        (64, 0, 64, 48),
        (65, 0, 64, 64),
        (224, 0, 223, 192),
        (225, 0, 500, 224),
        (64, 32, 40, 32),
        (64, 0, 27, None),
        (28, 0, 99, None),
    ],
)
def test_the_size_that_is_advised_is_the_largest_good_one_below_the_own(size, smallest, largest, found):
    config = RunConfig.make(**FASHION, architecture="resnet", image_size=size)

    assert forecast._largest_size(config, tables(smallest), lambda table: table.macs <= largest**2) == found


def test_on_a_device_that_does_not_tell_its_memory_everything_fits():
    helper = Helper(device="cuda:0")
    found = made(lambda **asked: replace(helper(**asked), free=None), layers=lambda *_: made_table()).forecast(RunConfig.make())

    assert (found.available_bytes, found.largest_batch, found.fits, found.advice) == (None, None, True, "")


def test_a_network_that_is_too_small_for_an_image_says_nothing_of_another():
    def layers(architecture, input_shape, classes, options):
        if options["width_divisor"] == 1 and classes == 10 and architecture == "alexnet":
            raise ShapeError("It is too small.")
        return made_table()

    runs = made(Helper(), layers=layers)
    config = RunConfig.make(**FASHION, architecture="alexnet")
    others = (config.change(options={"width_divisor": 8}), config.change(architecture="nin", options={}))
    found = [runs._table_or_none(each) is None for each in (config, *others, config)]

    assert found == [True, False, False, True]


# Speeds


def test_a_speed_is_asked_for_with_the_batch_that_fits_the_images(machine):
    helper = Helper()
    config = RunConfig.make(limit=20, batch_size=8_000)

    made(helper, layers=lambda *_: made_table(macs=77)).forecast(config)

    assert helper.asked == [(20, 77)]


@pytest.mark.parametrize(
    ("states", "active", "calibrate", "state", "measured", "asked"),
    [
        (["known"], [], True, "known", 0, 1),
        (["unknown", "measuring"], [], True, "measuring", 1, 2),
        (["unknown"], [], False, "unknown", 0, 1),
        (["unknown"], [running_on("cpu")], True, "busy", 0, 1),
        (["unknown", "measuring"], [running_on("cuda:0")], True, "measuring", 1, 2),
        (["unknown", "measuring"], [running_on("cpu", waits=True)], True, "measuring", 1, 2),
        (["measuring"], [], True, "measuring", 0, 1),
    ],
)
def test_when_a_speed_is_measured(states, active, calibrate, state, measured, asked):  # noqa: PLR0917
    helper = Helper(*states)

    found = made(helper, *active, layers=lambda *_: made_table()).forecast(RunConfig.make(), calibrate=calibrate)

    assert (found.speed_state, helper.measured, len(helper.asked)) == (state, measured, asked)
    assert (found.seconds_per_epoch is None) is (state != "known")


def test_waiting_for_a_speed_ends_after_the_seconds_given(monkeypatch):
    now, slept = [100.0], []
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda s: (slept.append(s), now.__setitem__(0, now[0] + 0.25)))
    monkeypatch.setattr(forecaster, "time", clock)

    found = made(Helper("measuring"), layers=lambda *_: made_table()).forecast(RunConfig.make(), wait=1.0)

    assert (found.speed_state, slept) == ("measuring", [0.1] * 4)


@pytest.mark.parametrize(("free", "field"), [(5 * 10**8, "image_size"), (10**9, "batch_size")])
def test_what_does_not_fit_names_the_setting_to_change(monkeypatch, free, field):
    monkeypatch.setattr(forecaster, "available", lambda: free)
    config = RunConfig.make(architecture="resnet", batch_size=4_096, image_size=96, options={"width_divisor": 8})
    runs = made(Helper())
    with pytest.raises(ConfigError) as caught:
        runs.check(config, runs.table(config))
    assert caught.value.field == field
    assert "fit" in str(caught.value) or "smaller network" in str(caught.value)


def test_a_run_that_fits_is_checked_without_measuring():
    helper = Helper("unknown")
    runs = made(helper, layers=lambda *_: made_table())

    found = runs.check(RunConfig.make(), made_table())

    assert (found.fits, found.seconds_total, helper.measured) == (True, None, 0)


# Memory


@pytest.mark.parametrize(
    ("device", "at_once", "active", "free"),
    [
        ("cpu", False, [running_on("cpu", 7), running_on("cuda:0", 9), running_on("cpu", 3, waits=True)], 4_007_000_000),
        ("cpu", False, [running_on("cpu", 7), running_on("cpu", None)], 4_007_000_000),
        ("cpu", True, [running_on("cpu", 7)], 4_011_000_000),
        ("cuda:0", False, [], 2 * GIGABYTE),
        ("cuda:0", False, [running_on("cuda:0")], 80 * GIGABYTE),
        ("cuda:0", False, [running_on("cuda:1")], 2 * GIGABYTE),
        ("cuda:0", True, [running_on("cuda:0")], 2 * GIGABYTE),
    ],
)
def test_what_a_run_on_the_same_device_holds_counts_as_free_unless_the_next_starts_at_once(
    monkeypatch, device, at_once, active, free
):
    monkeypatch.setattr(forecaster.os, "getpid", lambda: 11)

    found = made(Helper(device=device), *active, layers=lambda *_: made_table(), at_once=at_once).forecast(RunConfig.make())

    assert found.available_bytes == free


@pytest.mark.parametrize(("need", "fits"), [(900, True), (901, False)])
def test_nine_tenths_of_the_free_memory_can_be_used(monkeypatch, need, fits):
    monkeypatch.setattr(forecaster, "available", lambda: 1_000)
    memory = SimpleNamespace(bytes=lambda batch: need, parts=lambda batch: (), largest_batch=lambda free, most: 3)
    monkeypatch.setattr(costs, "memory", lambda config, table, device: memory)
    monkeypatch.setattr(forecaster, "refusal", lambda *arguments, **more: "too large")

    found = made(Helper(), layers=lambda *_: made_table()).forecast(RunConfig.make())

    assert (found.fits, found.largest_batch, found.advice) == (fits, 3, "" if fits else "too large")


def test_free_memory_is_the_least_of_the_machines_and_the_containers(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(forecaster.psutil, "virtual_memory", lambda: SimpleNamespace(available=900))
    answers = []
    for container in (None, 800, 1_000):
        monkeypatch.setattr(forecaster.memory, "memory", lambda c=container: c and SimpleNamespace(available=c))
        answers.append(forecaster.available())
    assert answers == [900, 800, 900]


def test_a_process_holds_what_it_does_not_share(monkeypatch):
    monkeypatch.undo()
    held = {1: SimpleNamespace(rss=500, shared=120), 2: SimpleNamespace(rss=500)}

    def process(pid):
        if pid not in held:
            raise forecaster.psutil.NoSuchProcess(pid)
        return SimpleNamespace(memory_info=lambda: held[pid])

    monkeypatch.setattr(forecaster.psutil, "Process", process)
    assert [forecaster._own_bytes(pid) for pid in (1, 2, 3)] == [380, 500, 0]


def test_a_network_that_refuses_an_image_size_is_asked_once():
    asked = []

    def layers(architecture, input_shape, classes, options):
        asked.append(input_shape[1])
        if input_shape[1] < 96:
            raise ShapeError("It is too small.")
        return layer_table(architecture, input_shape, classes, options)

    config = RunConfig.make(**FASHION, **ADAM, architecture="alexnet", batch_size=16)
    runs = made(Helper(speed=Speed(9.0, 0.1, 0.01)), layers=layers)
    first, second = runs.forecast(config), runs.forecast(config)

    assert first == second
    assert "at 96 px" in first.advice
    small = [size for size in asked if size < 96]
    assert small
    assert len(small) == len(set(small))


# Rough times


def run_of(macs, parameters, rate, device="cpu", **details):
    config = RunConfig.make(**FASHION, batch_size=100, seed=macs)
    return running_on(device, config=config, images_per_second=rate, id=str(macs), active=False, **details), (macs, parameters)


def test_a_rough_time_is_that_of_the_run_with_the_most_similar_work():
    sizes = {0: (1_000, 500)}
    runs = []
    for run, size in (run_of(2_000, 1_000, 10.0), run_of(100, 50, 77.0), run_of(999, 499, 0.0), run_of(1_001, 500, 9.0, "cuda:0")):
        runs.append(run)
        sizes[run.config.seed] = size
    config = RunConfig.make(**FASHION, batch_size=100, epochs=7)
    found = rough.epoch_seconds(
        config,
        made_table(*sizes[0]),
        "cpu",
        [(run.config, run.images_per_second) for run in runs[:3]],
        lambda c: made_table(*sizes[c.seed]),
    )

    # 60,000 images of 1,000, 600 steps of 30 × 500, 10,000 test images of 1,000 ÷ 3; the other run did 10 × 2,300 a second.
    assert found == pytest.approx((60_000_000 + 9_000_000 + 3_333_333.3) / 23_000)
    assert rough.epoch_seconds(config, made_table(), "cpu", [(runs[2].config, 0.0)], lambda c: made_table()) is None

    waits = made(Helper("unknown"), running_on("cpu"), runs=[*runs[1:], runs[0]], layers=lambda *_: made_table())
    assert waits.forecast(config).rough_seconds == pytest.approx(7 * (69_000_000 + 3_333_333.3) / (77.0 * 1_150))


def test_bytes_that_are_kept_for_the_backward_pass_count_as_work(monkeypatch):
    monkeypatch.setattr(costs, "memory", lambda config, table, device: SimpleNamespace(kept=(3, 4) if device == "cuda:0" else ()))

    works = [rough._work(RunConfig.make(), made_table(), device) for device in ("cpu", "cuda:0")]

    assert works == [Speed(1_000, 15_000, pytest.approx(1_000 / 3)), Speed(1_490, 15_000, pytest.approx(1_490 / 3))]


def test_a_run_in_its_first_epoch_is_as_quick_as_its_first_report():
    (run, _), (ended, _) = run_of(2_000, 1_000, None), run_of(100, 50, None)
    run.active = True
    reports = {
        run.id: (SimpleNamespace(images_per_second=40.0), SimpleNamespace(images_per_second=50.0)),
        ended.id: reports_never(),
    }
    config = RunConfig.make(**FASHION, batch_size=100, epochs=7)

    found = made(Helper("unknown"), runs=[ended, run], progress=reports, layers=lambda *_: made_table()).forecast(
        config, calibrate=False
    )

    assert found.rough_seconds == pytest.approx(7 * 72_333_333.3 / (40.0 * 1_150))
    run.active = False
    assert (
        made(Helper("unknown"), runs=[run], progress=reports, layers=lambda *_: made_table()).forecast(config).rough_seconds is None
    )


def reports_never():
    return (SimpleNamespace(images_per_second=1e9),)


def test_the_twelve_newest_runs_count():
    runs = [run_of(1_000 + n, 500, 10.0 + n)[0] for n in range(13)]
    limits = []
    forecasts = made(Helper("unknown"), runs=runs, layers=lambda *_: made_table())
    forecasts._store.runs = lambda limit: limits.append(limit) or runs[:limit]

    forecasts.forecast(RunConfig.make(), calibrate=False)

    assert limits == [12]
    assert running_on("cpu", state=State.RUNNING).waits is False
