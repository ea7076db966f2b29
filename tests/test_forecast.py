"""Forecasts of memory and time, and the advice where a run is too large or too slow."""

import itertools
import json
import statistics
import subprocess
import threading
import time
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from cnnlab.architectures import cards
from cnnlab.compute import calibrate, speeds
from cnnlab.config import MAXIMUM_BATCH, RunConfig
from cnnlab.errors import ConfigError, ShapeError
from cnnlab.forecasts import forecast, rough
from cnnlab.forecasts.forecaster import Forecaster
from cnnlab.layers.memory import per_image
from cnnlab.layers.trace import layer_table
from cnnlab.runs.records import State
from cnnlab.text import duration_text, size_text
from cnnlab.training import calibration, costs, diagnosis, optimizers
from cnnlab.training.costs import DeviceSpeed, Speed
from cnnlab.training.evaluation import autocast
from cnnlab.values import Device
from tests.another_value import another_value

GIGABYTE = 10**9
CPU = Device("cpu", "CPU, 2 cores")
SIDES = {"mlp": 28, "lenet": 28, "alexnet": 96, "vgg": 32, "nin": 96, "googlenet": 32, "course-resnet": 16}
SPEED = Speed(image=0.05, step=0.1, evaluation=0.01, batch=16)
ALEXNET = RunConfig.make(architecture="alexnet", dataset="fashion-mnist", batch_size=16, optimizer="adam", learning_rate=0.001)


def table_of(config):
    return layer_table(config.architecture, config.input_shape, 10, config.options)


def table_at(config):
    def at(size):
        try:
            return table_of(config.change(image_size=size))
        except ShapeError:
            return None

    return at


def bytes_kept(model, images, precision="float32"):
    """Bytes of all tensors that autograd keeps for the backward pass, without the weights; each storage counts once."""
    weights = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = (tensor, storage.nbytes())  # the tensor too, so that its memory is not reused
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), autocast(torch.device("cpu"), precision):
        model(images)
    return sum(size for _, size in kept.values())


@pytest.mark.parametrize("unusual", [False, True], ids=["as it comes", "unusual options"])
@pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)
def test_what_is_kept_for_the_backward_pass_is_told_to_the_byte(card, unusual):
    names = {option.name for option in card.options}
    small = {"width_divisor": 8, "growth": 4}
    settings = small | ({"activation": "gelu", "dropout": 0.3, "batch_norm": True, "pooling": "average"} if unusual else {})
    options = {name: value for name, value in settings.items() if name in names}
    side = SIDES.get(card.name, 32)
    model = card.build((1, side, side), 10, options).train()

    # The difference of two batches leaves out what does not grow with the batch: batch norm's statistics.
    two, three = (bytes_kept(model, torch.rand(count, 1, side, side)) for count in (2, 3))

    assert per_image(layer_table(card.name, (1, side, side), 10, options).rows).total == three - two


def test_bfloat16_keeps_about_half():
    card = next(card for card in cards() if card.name == "resnet")
    options = {"width_divisor": 8}
    model = card.build((1, 32, 32), 10, options).train()
    two, three = (bytes_kept(model, torch.rand(count, 1, 32, 32), "bfloat16") for count in (2, 3))

    assert per_image(layer_table("resnet", (1, 32, 32), 10, options).rows, width=2).total == pytest.approx(three - two, rel=0.1)


@pytest.mark.parametrize(
    "recipe",
    [
        {"optimizer": "sgd"},
        {"optimizer": "sgd", "momentum": 0.9},
        {"optimizer": "adam"},
        {"optimizer": "adamw"},
        {"optimizer": "rmsprop"},
        {"optimizer": "rmsprop", "momentum": 0.9},
    ],
    ids=lambda recipe: " ".join(map(str, recipe.values())),
)
def test_the_optimisers_state_is_as_large_as_said(recipe):
    config = RunConfig.make(architecture="lenet", learning_rate=0.01, **recipe)
    weight = torch.nn.Parameter(torch.ones(1000))
    optimizer = optimizers.optimizer(config, [weight])
    weight.grad = torch.ones(1000)
    optimizer.step()
    kept = sum(value.nbytes for value in optimizer.state[weight].values() if torch.is_tensor(value) and value.numel() > 1)

    need = costs.memory(config, table_of(config), "cpu")

    assert need.optimizer / need.gradients == kept / weight.nbytes


@pytest.mark.parametrize("device", ["cpu", "cuda:0", "mps"])
def test_the_parts_add_up_and_grow_with_the_batch(device):
    config = ALEXNET.change(options={"dropout": 0.5})
    need = costs.memory(config, table_of(config), device)

    assert need.bytes(16) == sum(part.bytes for part in need.parts(16))
    assert all(part.bytes >= 0 for part in need.parts(16))
    assert all(smaller <= larger for smaller, larger in itertools.pairwise(map(need.bytes, range(0, 300, 7))))


@pytest.mark.parametrize("gigabytes", [2, 8, 31])
def test_the_largest_batch_fits_and_one_more_does_not(gigabytes):
    need = costs.memory(ALEXNET, table_of(ALEXNET), "cpu")
    free = gigabytes * GIGABYTE

    largest = need.largest_batch(free, MAXIMUM_BATCH)

    assert need.bytes(largest) <= costs.USABLE * free < need.bytes(largest + 1)


def test_nothing_fits_where_the_weights_do_not():
    assert costs.memory(ALEXNET, table_of(ALEXNET), "cpu").largest_batch(GIGABYTE, MAXIMUM_BATCH) == 0


def test_a_share_of_the_images_takes_its_share_of_the_time_and_all_of_the_judging():
    config = RunConfig.make(dataset="fashion-mnist", batch_size=100)

    assert costs.epoch_seconds(config, SPEED) == pytest.approx(60_000 * 0.05 + 600 * 0.1 + 10_000 * 0.01)
    assert costs.epoch_seconds(config.change(data_share=0.1), SPEED) == pytest.approx(6_000 * 0.05 + 60 * 0.1 + 100)
    assert costs.epoch_seconds(config, SPEED, 0.1) == costs.epoch_seconds(config.change(data_share=0.1), SPEED)
    assert costs.epoch_seconds(config.change(limit=50), SPEED) == pytest.approx(50 * 0.05 + 0.1 + 50 * 0.01)


def test_a_slow_epoch_is_told_with_what_would_be_quicker():
    sentence = forecast.slowness(ALEXNET, SPEED, table_of(ALEXNET), table_at(ALEXNET))

    assert sentence == (
        "AlexNet at 224 px would take about 58 minutes an epoch here; at 96 px about 8 minutes, "
        "or on 10 % of the training images about 7 minutes."
    )


def test_nothing_is_said_of_a_quick_epoch():
    quick = Speed(image=0.001, step=0.001, evaluation=0.0005)

    assert not forecast.slowness(ALEXNET, quick, table_of(ALEXNET), table_at(ALEXNET))


def test_a_refusal_names_a_batch_and_an_image_size_that_fit():
    config = ALEXNET.change(batch_size=4096)
    need = costs.memory(config, table_of(config), "cpu")
    free = 17_200_000_000

    sentence = forecast.refusal(config, need, free, "cpu", table_at(config))

    batch = need.largest_batch(free, MAXIMUM_BATCH)
    assert f"this machine has 17.2 GB free: batches of {batch} would fit, or images of 160 px." in sentence
    assert need.bytes(batch) <= free
    at_160 = config.change(image_size=160)
    assert costs.memory(at_160, table_of(at_160), "cpu").bytes(4096) <= costs.USABLE * free


def test_a_network_too_large_for_any_batch_asks_for_a_smaller_one():
    need = costs.memory(ALEXNET, table_of(ALEXNET), "cpu")

    assert "choose a smaller network" in forecast.refusal(ALEXNET, need, GIGABYTE // 2, "cpu", table_at(ALEXNET))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 second"), (40, "40 seconds"), (89, "89 seconds"), (3500, "58 minutes"), (5400, "1.5 hours"), (200_000, "2.3 days")],
)
def test_durations_are_told_as_people_say_them(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(870_000_000, "870 MB"), (GIGABYTE, "1 GB"), (31.4 * GIGABYTE, "31.4 GB")])
def test_memory_is_told_as_people_say_it(count, text):
    assert size_text(count) == text


# Putting it together


class Helper:
    """Answers as the helper process would."""

    def __init__(self, *states, device="cpu"):
        self.states, self.device, self.measured = list(states), device, 0

    def __call__(self, *, config, macs, measure=False):
        self.measured += measure
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        speed = Speed(image=0.001, step=0.001, evaluation=0.0005) if state == "known" else None
        free, total = (2 * GIGABYTE, 80 * GIGABYTE) if self.device != "cpu" else (None, None)
        return DeviceSpeed(self.device, free, total, state, speed)


def forecaster(helper, *running, trained=()):
    return Forecaster(helper, layer_table, SimpleNamespace(active=lambda: running, runs=lambda limit: list(trained)))


def running_on(device):
    return SimpleNamespace(device=device, waits=False, process=SimpleNamespace(pid=None), state=State.RUNNING)


def test_a_forecast_waits_for_the_speed_only_as_long_as_it_is_asked_to():
    helper = Helper("unknown", "measuring", "measuring", "known")

    made = forecaster(helper).forecast(ALEXNET.change(epochs=3), wait=30)

    assert made.speed_state == "known"
    assert made.seconds_total == 3 * made.seconds_per_epoch
    assert made.memory_bytes == sum(part.bytes for part in made.parts)
    assert forecaster(Helper("unknown", "measuring")).forecast(ALEXNET).seconds_per_epoch is None


def test_nothing_is_measured_unless_asked_for():
    helper = Helper("unknown")

    made = forecaster(helper).forecast(ALEXNET, calibrate=False)

    assert (made.speed_state, helper.measured) == ("unknown", 0)


def test_what_does_not_fit_is_not_tried_out():
    helper = Helper("unknown", device="cuda:0")

    made = forecaster(helper).forecast(ALEXNET.change(batch_size=20_000))

    assert (made.fits, helper.measured) == (False, 0)


def test_a_batch_is_no_larger_than_the_images_there_are():
    few, all_of_them = (ALEXNET.change(limit=20, batch_size=size) for size in (8000, 20))

    forecasts = [forecaster(Helper("unknown")).forecast(config) for config in (few, all_of_them)]

    assert forecasts[0].memory_bytes == forecasts[1].memory_bytes


def test_nothing_is_measured_on_a_device_that_trains():
    helper = Helper("unknown")

    made = forecaster(helper, running_on("cpu")).forecast(ALEXNET)

    assert (made.speed_state, helper.measured) == ("busy", 0)


def test_a_rough_time_comes_from_the_run_whose_work_is_most_like_it():
    lenet = RunConfig.make(architecture="lenet", dataset="fashion-mnist")
    trained = [
        SimpleNamespace(config=config, device="cpu", images_per_second=rate) for config, rate in ((lenet, 9_000), (ALEXNET, 25))
    ]
    elsewhere = SimpleNamespace(config=lenet, device="cuda:0", images_per_second=1e6)

    busy = forecaster(Helper("unknown"), running_on("cpu"), trained=[*trained, elsewhere])

    same = busy.forecast(lenet.change(epochs=3))
    assert (same.speed_state, same.seconds_total) == ("busy", None)
    assert same.rough_seconds == pytest.approx(3 * (60_000 / 9_000 + 10_000 / 9_000 / 3), rel=0.01)
    assert busy.forecast(ALEXNET.change(epochs=1)).rough_seconds == pytest.approx(60_000 / 25 * (1 + 1 / 18), rel=0.3)
    assert forecaster(Helper("unknown"), running_on("cpu"), trained=[elsewhere]).forecast(lenet).rough_seconds is None


def test_a_rough_time_runs_nobody_s_own_code():
    code = RunConfig.make(architecture="own-code", options={"code": f"net.py:Net@{'0' * 64}"})
    of_code = SimpleNamespace(config=code, device="cpu", images_per_second=9_000)

    assert forecaster(Helper("unknown"), running_on("cpu"), trained=[of_code]).forecast(ALEXNET).rough_seconds is None


@pytest.mark.parametrize("own", [0, 1], ids=["the smaller", "the larger"])
def test_the_most_alike_run_is_neither_always_the_smallest_nor_always_the_largest(own):
    configs = (RunConfig.make(architecture="lenet", dataset="fashion-mnist"), ALEXNET)
    runs = [
        SimpleNamespace(config=config, device="cpu", images_per_second=rate if place == own else 100 * rate)
        for place, (config, rate) in enumerate(zip(configs, (9_000, 25), strict=True))
    ]

    among_both, alone = (
        forecaster(Helper("unknown"), running_on("cpu"), trained=trained).forecast(configs[own]) for trained in (runs, [runs[own]])
    )

    assert among_both.rough_seconds == alone.rough_seconds


def test_a_measured_time_needs_no_rough_one():
    assert forecaster(Helper("known"), trained=[running_on("cpu")]).forecast(ALEXNET).rough_seconds is None


MEASURED = {
    "MLP, batch 256": {"architecture": "mlp", "batch_size": 256},
    "LeNet, batch 256": {"architecture": "lenet", "batch_size": 256},
    "AlexNet, 224 px, batch 16, Adam": {"architecture": "alexnet", "batch_size": 16, "optimizer": "adam"},
    "VGG-11 ÷ 8, 224 px, batch 16, Adam": {"architecture": "vgg", "options": {"width_divisor": 8}, "batch_size": 16},
    "GoogLeNet, 96 px, batch 16, Adam": {"architecture": "googlenet", "batch_size": 16},
    "Small ResNet, CIFAR-10, batch 100": {"architecture": "course-resnet", "dataset": "cifar10", "batch_size": 100},
    "ResNet-18, 96 px, batch 128": {"architecture": "resnet", "image_size": 96, "batch_size": 128},
}


@pytest.mark.parametrize("one", MEASURED)
def test_a_rough_time_is_right_within_a_factor_of_two_whichever_network_was_trained_before(one):
    """From 0.2 to 921 million multiply-accumulates, with the seconds in benchmarks/records/forecast.json."""
    record = json.loads((Path(__file__).parents[1] / "benchmarks/records/forecast.json").read_text(encoding="utf-8"))
    took = {row["title"]: statistics.mean(row["measured_seconds"]) for row in record["rows"]}
    configs = {title: RunConfig.make(**({"dataset": "fashion-mnist"} | settings)) for title, settings in MEASURED.items()}
    for other, config in configs.items():
        trained = costs.images(config)[0]
        rate = trained * (1 + rough.TESTED * costs.images(config)[1] / trained) / took[other]

        seconds = rough.epoch_seconds(configs[one], table_of(configs[one]), "cpu", [(config, rate)], table_of)

        assert 0.5 < seconds / took[one] < 2.1, other


def test_a_run_that_will_not_fit_is_refused():
    large = ALEXNET.change(batch_size=20_000)
    with pytest.raises(ConfigError, match=r"AlexNet needs about .* has 80 GB in all: batches of \d+ would fit") as refused:
        forecaster(Helper("unknown", device="cuda:0")).check(large, table_of(large))
    assert refused.value.field == "batch_size"


def test_what_a_run_on_the_same_gpu_holds_is_free_when_the_next_one_starts():
    helper = Helper("unknown", device="cuda:0")
    large = ALEXNET.change(batch_size=2048)

    forecaster(helper, running_on("cuda:0")).check(large, table_of(large))


# Measuring the speed


def test_a_small_network_is_timed_at_its_own_batch():
    config = RunConfig.make(architecture="lenet", batch_size=32, learning_rate=0.01, device="cpu")

    speed = calibration.calibrate(config, macs=300_000, seconds=0.2)

    assert speed.batch == 32
    assert min(speed.image, speed.step, speed.evaluation) > 0


def test_a_large_network_is_timed_on_a_part_of_its_batch():
    ticks = itertools.count()
    config = RunConfig.make(architecture="lenet", batch_size=64, learning_rate=0.01, device="cpu")

    # Each reading of this clock takes a second, so nothing larger than the first batch fits into three.
    speed = calibration.calibrate(config, macs=10**12, clock=lambda: next(ticks))

    assert speed.batch == 2
    # A batch of two takes two seconds and its step another; so does an evaluation. Each figure is of one image, or of one step.
    assert (speed.image, speed.step, speed.evaluation) == (1.0, 1.0, 0.5)


def test_a_batch_of_one_image_can_be_timed():
    config = RunConfig.make(architecture="lenet", batch_size=1, learning_rate=0.01, device="cpu")

    assert calibration.calibrate(config, macs=300_000, seconds=0.1).batch == 1


def test_a_speed_is_measured_once_and_remembered_in_the_home(tmp_path, monkeypatch):
    asked = []

    def run(command, **_):
        asked.append(command)
        return SimpleNamespace(stdout=json.dumps({"image": 0.01, "step": 0.02, "evaluation": 0.001, "batch": 16}))

    monkeypatch.setattr(speeds.subprocess, "run", run)
    config = RunConfig.make(device="cpu")

    assert speeds.device_speed(tmp_path, config, 1000).state == "unknown"
    assert speeds.device_speed(tmp_path, config, 1000, measure=True).state == "measuring"
    answer = settled(tmp_path, config)

    assert answer.speed == Speed(image=0.01, step=0.02, evaluation=0.001, batch=16, others=0.0)
    assert settled(tmp_path, config.change(seed=5, epochs=3)).state == "known"
    assert settled(tmp_path, config.change(batch_size=7)).state == "unknown"
    assert len(asked) == 1
    monkeypatch.setattr(speeds, "_speeds", {})  # another process, later
    assert settled(tmp_path, config).state == "known"


def test_a_speed_measured_beside_busy_programs_is_told_but_not_kept(tmp_path, monkeypatch):
    measured = {"image": 0.3, "step": 0.02, "evaluation": 0.1, "batch": 16, "others": 0.6}
    monkeypatch.setattr(speeds.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=json.dumps(measured)))
    config = RunConfig.make(device="cpu")
    speeds.device_speed(tmp_path, config, 1000, measure=True)

    assert settled(tmp_path, config).speed == Speed(**measured)
    assert not list(tmp_path.rglob("*.json"))
    monkeypatch.setattr(speeds, "DISTURBED_SECONDS", 0.0)
    monkeypatch.setattr(speeds, "_speeds", {})
    assert settled(tmp_path, config).state == "unknown"


def test_the_work_of_other_programs_is_a_share_of_all_processors(monkeypatch):
    monkeypatch.setattr(calibrate.psutil, "cpu_count", lambda: 2)

    # 3 s passed, two processors worked 5 s in all, 2 s of them for this process: the rest is half of the 6 s there were.
    assert calibrate._others((10.0, 100.0, 1.0), (13.0, 105.0, 3.0)) == pytest.approx(0.5)
    assert calibrate._others((10.0, 100.0, 1.0), (13.0, 101.0, 3.0)) == 0.0


@pytest.mark.parametrize("field", RunConfig.model_fields)
def test_a_setting_is_part_of_a_speeds_key_unless_it_is_named_as_irrelevant(field):
    before = RunConfig.make(momentum=0.9)
    after = before.change(**{field: another_value(field)})

    assert getattr(after, field) != getattr(before, field)
    same = speeds._key(before, "title") == speeds._key(after, "title")
    assert same == (field in speeds.NOT_IN_THE_KEY)


def test_only_settings_are_named_as_irrelevant_to_a_speed():
    assert set(RunConfig.model_fields) >= speeds.NOT_IN_THE_KEY


@pytest.mark.parametrize("content", ['{"image": 1', '{"image": 0.01, "step": 0.02, "judging": 0.001, "batch": 16, "others": 0.0}'])
def test_a_damaged_memory_of_a_speed_is_measured_anew(content, tmp_path, monkeypatch):
    """So is one that an earlier version wrote."""
    monkeypatch.setattr(speeds, "_key", lambda *_: "key")
    (tmp_path / "speeds").mkdir()
    (tmp_path / "speeds" / "key.json").write_text(content)

    assert speeds.device_speed(tmp_path, RunConfig.make(device="cpu"), 1000).state == "unknown"


def test_a_measurement_that_fails_is_not_tried_for_ever(tmp_path, monkeypatch):
    asked = []

    def run(command, **_):
        asked.append(command)
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(speeds.subprocess, "run", run)
    config = RunConfig.make(device="cpu")
    speeds.device_speed(tmp_path, config, 1000, measure=True)
    settled(tmp_path, config)

    assert speeds.device_speed(tmp_path, config, 1000, measure=True).state == "unknown"
    assert len(asked) == 1


def test_a_measurement_that_ends_while_it_is_asked_for_is_not_missed(tmp_path, monkeypatch):
    may_end, remembered = threading.Event(), speeds._remembered

    def run(command, **_):
        may_end.wait(10)
        return subprocess.CompletedProcess(command, 0, stdout=json.dumps(asdict(SPEED)))

    def slow_look_up(file):
        speed = remembered(file)
        may_end.set()
        time.sleep(0.3)  # it ends here, if it can
        return speed

    monkeypatch.setattr(speeds.subprocess, "run", run)
    config = RunConfig.make(device="cpu")
    speeds.device_speed(tmp_path, config, 1000, measure=True)
    monkeypatch.setattr(speeds, "_remembered", slow_look_up)

    assert speeds.device_speed(tmp_path, config, 1000).state == "measuring"
    assert settled(tmp_path, config).speed == SPEED


def settled(home, config):
    """The answer when no measurement is running."""
    while (answer := speeds.device_speed(home, config, 1000)).state == "measuring":
        time.sleep(0.01)
    return answer


# All of it


def test_the_lab_forecasts_a_run_and_refuses_one_that_is_too_large(lab):
    config = RunConfig.make(limit=200, batch_size=20, epochs=2, learning_rate=0.05, device="cpu")
    first = lab.forecast(config, calibrate=False)
    while any(run.active for run in lab.runs()):
        time.sleep(0.1)

    made = lab.forecast(config, wait=60)

    assert (first.device, first.fits, first.seconds_per_epoch) == ("cpu", True, None)
    assert made.speed_state == "known"
    assert 0 < made.seconds_per_epoch < 60
    with pytest.raises(ConfigError, match=r"needs about .* and this machine has .* free"):
        lab.start(ALEXNET.change(dataset="sample", image_size=1024, batch_size=6000, device="cpu"), token="too large")


def test_out_of_memory_is_told_with_the_figures_and_a_batch_that_fits():
    config = ALEXNET.change(batch_size=8192)

    message = diagnosis.out_of_memory(config, CPU, "training", 16 * GIGABYTE)

    batch = costs.memory(config, table_of(config), "cpu").largest_batch(16 * GIGABYTE, MAXIMUM_BATCH)
    assert f"batches of 8192 images: try {batch}, or use images smaller than 224 px" in message
    assert message.endswith("GB of 16 GB.")


def test_out_of_memory_that_is_not_the_runs_own_fault_says_so():
    message = diagnosis.out_of_memory(ALEXNET, CPU, "training", 64 * GIGABYTE)

    assert "try 8, or" in message
    assert message.endswith("of 64 GB: other programs use the rest.")


def test_out_of_memory_names_a_batch_for_what_this_run_could_have():
    config = ALEXNET.change(batch_size=128)

    message = diagnosis.out_of_memory(config, CPU, "training", 64 * GIGABYTE, room=3 * GIGABYTE // 2)

    batch = costs.memory(config, table_of(config), "cpu").largest_batch(3 * GIGABYTE // 2, MAXIMUM_BATCH)
    assert 0 < batch < 64
    assert f"try {batch}, or" in message
    assert message.endswith("; it could use 1.5 GB of 64 GB: other programs use the rest.")
