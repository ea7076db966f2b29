"""The small parts of training, each with figures worked out by hand or from PyTorch alone."""

from __future__ import annotations

import json
import math
import os
import sys
from types import SimpleNamespace

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab.errors import DataError
from cnnlab.training import (
    batches,
    compile_ahead,
    devices,
    gpu_errors,
    initialization,
    momentum,
    optimizers,
    precision,
    process,
    progress,
)
from cnnlab.training.engine import train
from cnnlab.training.precision import Choice
from cnnlab.training.session import Session
from cnnlab.training.sums import Sums, Totals
from cnnlab.training.transforms import Preparation

CPU = torch.device("cpu")

# Batches


@pytest.mark.parametrize(
    ("images", "size", "ends"),
    [(10, 4, [4, 8, 10]), (9, 4, [4, 9]), (8, 4, [4, 8]), (3, 4, [3]), (1, 4, [1]), (3, 1, [1, 2, 3]), (5, 2, [2, 5])],
)
def test_a_batch_ends_where_the_next_begins(images, size, ends):
    assert batches.bounds(images, size) == tuple(zip([0, *ends[:-1]], ends, strict=True))


@pytest.mark.parametrize(
    ("images", "share", "kept"),
    [(100, 0.0, 0), (100, 0.25, 25), (10, 0.25, 2), (7, 0.5, 4), (3, 0.01, 1), (2, 0.5, 1), (1, 0.0, 0)],
)
def test_a_validation_share_is_rounded_and_at_least_one_image(images, share, kept):
    assert batches.validation_count(images, share) == kept


def test_one_image_cannot_be_parted():
    with pytest.raises(DataError) as refused:
        batches.validation_count(1, 0.2)
    assert str(refused.value) == (
        "A validation share needs at least 2 training images; raise data_share or limit, or set validation_share to 0."
    )


def test_the_draws_of_a_run_are_the_same_in_every_version():
    """Otherwise the record of a run, and a paused one, could not be repeated."""
    assert batches.derived_seed(7, 2, "order") == DRAWS["seed"]
    assert batches.order(8, 3, 1).tolist() == DRAWS["order"]
    data = quadrants(train=12)
    rest, _, labels = batches.set_aside(data, 0.25, 5)
    kept = [place for place in range(12) if not any(torch.equal(data.train_images[place], image) for image in rest.train_images)]
    assert (kept, labels.tolist()) == (DRAWS["kept"], [place % 3 for place in DRAWS["kept"]])
    images = torch.arange(4 * 9, dtype=torch.uint8).view(4, 1, 3, 3)
    prepared = Preparation(1, 3, horizontal_flip=True, random_crop=1).train(images, torch.Generator().manual_seed(5)) * 255
    assert prepared.round().int().flatten(1).tolist() == DRAWS["augmented"]
    torch.manual_seed(1)
    weights = [weight.flatten()[0].item() for weight in initialization.network(settings(seed=3), 3).parameters()]
    assert weights == pytest.approx(DRAWS["weights"], abs=1e-6)


DRAWS = {
    "seed": 1264092275184609867,
    "order": [0, 1, 2, 5, 3, 7, 6, 4],
    "kept": [1, 2, 6],
    "augmented": [
        [0, 5, 4, 0, 8, 7, 0, 0, 0],
        [0, 0, 0, 9, 10, 11, 12, 13, 14],
        [18, 19, 20, 21, 22, 23, 24, 25, 26],
        [0, 0, 0, 28, 29, 0, 31, 32, 0],
    ],
    "weights": [-0.010674, -0.042553, 0.228509, 0.196218],
}


def test_the_scale_of_initial_weights_follows_from_what_enters_a_unit():
    wide = {"options": {"hidden": (256,), "activation": "sigmoid"}}
    for scheme, border in (("kaiming", math.sqrt(6 / 144)), ("xavier-uniform", math.sqrt(6 / 400)), ("pytorch", 1 / 12)):
        weight = next(initialization.network(settings(initialization=scheme, **wide), 3).parameters())
        assert 0.97 * border < weight.abs().max().item() <= border * 1.000001


# Optimisers


def test_with_one_cycle_a_momentum_begins_high_and_else_as_configured():
    cycling = settings(schedule="one-cycle", cycle_momentum=True, momentum=0.3)

    assert (momentum.first(cycling), momentum.first(cycling.change(cycle_momentum=False))) == (0.95, 0.3)
    assert momentum.first(cycling.change(schedule="cosine")) == 0.3
    assert optimizers.optimizer(cycling, [torch.nn.Parameter(torch.ones(1))]).param_groups[0]["momentum"] == 0.95


def test_a_step_lowers_the_rate_at_the_first_batch_of_its_epoch_and_a_warm_up_ends_with_its_last():
    stepped, warming = settings(schedule="step", step_epochs=2, step_factor=0.5), settings(schedule="warm-up", warmup_epochs=2)

    assert [optimizers.factor(stepped, step, 3) for step in (0, 5, 6, 11, 12)] == [1, 1, 0.5, 0.5, 0.25]
    assert [optimizers.factor(warming, step, 3) for step in (0, 4, 5, 6)] == pytest.approx([1 / 6, 5 / 6, 1, 1])


def test_what_no_configuration_can_name_is_an_error_of_ours():
    with pytest.raises(ValueError, match="no optimiser is called 'x'"):
        optimizers.optimizer(SimpleNamespace(**vars(settings()) | {"optimizer": "x"}), [torch.nn.Parameter(torch.ones(1))])
    with pytest.raises(ValueError, match="no schedule is called 'x'"):
        optimizers.factor(SimpleNamespace(**vars(settings()) | {"schedule": "x"}), 0, 1)


# Sums and progress


def test_the_sums_of_an_epoch_weigh_each_batch_by_its_images_and_stop_counting_at_an_overflow():
    sums = Sums(CPU)

    def add(loss, logits, labels):
        sums.add(loss, logits, labels)
        sums.count(len(labels))

    right, wrong = torch.tensor([[0.0, 9.0]]), torch.tensor([[9.0, 0.0]])
    add(torch.tensor(2.0), torch.cat([right, right, wrong]), torch.tensor([1, 1, 1]))
    add(torch.tensor(0.5), right, torch.tensor([1]))
    assert sums.read() == Totals(loss=6.5, correct=3, images=4, finite_batches=2)

    add(torch.tensor(math.inf), right, torch.tensor([0]))
    add(torch.tensor(1.0), right, torch.tensor([1]))
    assert (sums.read().correct, sums.read().images, sums.read().finite_batches) == (4, 6, 2)

    sums.write(Totals(loss=1.5, correct=7, images=9, finite_batches=3))
    add(torch.tensor(1.0), wrong, torch.tensor([1]))
    assert sums.read() == Totals(loss=2.5, correct=7, images=10, finite_batches=4)


def test_a_progress_has_the_rate_the_share_and_the_time_left_by_the_clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress, "clock", SimpleNamespace(seconds=lambda: now[0]))
    session = Session(settings(epochs=2, batch_size=30), quadrants(train=90, test=60))
    session.begin_epoch()
    meter = progress.Meter(session, every=5.0)
    session.advance()
    now[0] += 1.2
    early = meter.due
    now[0] += 0.1
    due = meter.due  # the first one after a quarter of the time
    now[0] += 3.7

    first = meter.training(session.totals())

    assert (early, due, meter.due) == (False, True, False)
    assert first.images_per_second == pytest.approx(30 / 5)
    assert first.share_done == pytest.approx(30 / 220)  # an evaluated image counts a third of one that is trained on
    assert first.seconds_left == pytest.approx(5 * 190 / 30)
    session.advance()
    now[0] += 2.0
    second = meter.training(session.totals())
    assert second.images_per_second == pytest.approx(30 / 2)
    assert second.seconds_left == pytest.approx(2 * 160 / 30)  # the first step, which loads libraries, does not count
    session.advance()
    now[0] += 5.0
    assert meter.due
    meter.training(session.totals())
    now[0] += 1.0
    tested = meter.evaluation(15, 0.5)
    assert (tested.phase, tested.images_per_second) == ("evaluation", 30.0)
    assert tested.share_done == pytest.approx(95 / 220)
    assert tested.seconds_left == pytest.approx(8 * 125 / 65)
    now[0] += 4.9
    assert not meter.due


# Precision


@pytest.mark.parametrize(("speedup", "chosen"), [(1.25, "bfloat16"), (1.249, "float32")])
def test_bfloat16_must_be_worth_a_quarter(monkeypatch, speedup, chosen):
    monkeypatch.setattr(precision, "has_bfloat16", lambda _: True)
    monkeypatch.setattr(precision, "_speedup", lambda *_: speedup)
    images = torch.zeros(2, 1, 12, 12, dtype=torch.uint8)

    assert precision.choose(torch.nn.Flatten(), images, torch.zeros(2).long(), Preparation(1, 12)) == Choice(chosen, speedup)


def test_a_choice_of_precision_says_its_reason():
    assert [Choice(*each).sentence for each in (("float32",), ("bfloat16", 2.44), ("float32", 1.16))] == [
        "Computes in float32: this device has no faster precision.",
        "Computes in bfloat16, measured to be 2.4 times as fast here as float32. "
        "The help of Precision gives its measured effect on accuracy.",
        "Computes in float32: bfloat16 was measured to be only 1.2 times as fast here.",
    ]


@pytest.mark.parametrize(
    ("image", "sizes"), [(0.001, [16, 16, 100, 100, *[100] * 6]), (0.02, [16, 16, 16, *[16] * 6]), (0.08, [16, 16, 16, 16, 16])]
)
def test_batches_grow_until_they_take_a_tenth_of_a_second_and_are_timed_in_turn(monkeypatch, image, sizes):
    now, seen = [0.0], []
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(144, 3))

    def forward(_model, inputs, _):
        seen.append(len(inputs[0]))
        now[0] += image * len(inputs[0]) / (2 if torch.is_autocast_enabled("cpu") else 1)

    model.register_forward_hook(forward)
    monkeypatch.setattr(precision, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    data = quadrants(train=200)

    found = precision._speedup(model, data.train_images, data.train_labels, Preparation(1, 12))

    assert found == pytest.approx(2.0)
    assert seen == sizes


def test_bfloat16_is_for_processors_and_gpus_that_have_it(monkeypatch):
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
        assert not precision.has_bfloat16(CPU)
        monkeypatch.setattr(torch.cpu, name, lambda: True, raising=False)
        assert precision.has_bfloat16(CPU)
    asked = []
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **how: bool(asked.append(how)) or True)
    assert precision.has_bfloat16(torch.device("cuda:0"))
    assert asked == [{"including_emulation": False}]
    assert not precision.has_bfloat16(torch.device("mps"))


# Devices and the process


@pytest.mark.parametrize(("cores", "title"), [({0}, "CPU, 1 core"), ({0, 3, 5}, "CPU, 3 cores")])
def test_the_processor_is_called_by_the_cores_that_it_gives(monkeypatch, cores, title):
    monkeypatch.setattr(devices.os, "sched_getaffinity", lambda _: cores, raising=False)

    assert devices.find("cpu").title == title


def test_the_memory_of_a_device_is_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda name: SimpleNamespace(total_memory={"cuda:1": 77}[name]))
    monkeypatch.setattr(devices.memory, "total", lambda: 55)

    assert [devices.total_memory(name) for name in ("cuda:1", "cpu", "mps")] == [77, 55, 55]


def test_a_run_may_take_most_of_what_is_available_besides_what_it_has(monkeypatch):
    monkeypatch.setattr(process, "_requested_and_resident", lambda: (1000, 600))
    monkeypatch.setattr(process.memory, "memory", lambda: SimpleNamespace(total=9000, available=4000))
    assert process._most_data() == 1000 + 3800
    monkeypatch.setattr(process.memory, "memory", lambda: None)
    assert process._most_data() is None


def test_on_another_system_memory_is_neither_kept_nor_bounded(monkeypatch):
    monkeypatch.setattr(process.sys, "platform", "darwin")

    with process.bounded_memory():
        assert process.lift_bound() is None
    assert process.keep_freed_memory() is False


@pytest.fixture
def kernels(monkeypatch):
    """What torch is asked for, restored afterwards."""
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("kernels")
def test_a_gpu_takes_its_fastest_kernels_unless_digits_are_to_be_repeated():
    process.choose_kernels(torch.device("cuda:0"), deterministic=False)
    assert not torch.backends.cudnn.benchmark  # a search takes seconds, and finds next to nothing
    assert not torch.backends.cudnn.deterministic
    assert not torch.are_deterministic_algorithms_enabled()
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ

    process.choose_kernels(torch.device("cuda:0"), deterministic=True)
    assert not torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.deterministic
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.is_deterministic_algorithms_warn_only_enabled()  # an operation without such a kernel must not end a run
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


@pytest.mark.usefixtures("kernels")
def test_on_the_cpu_the_choice_of_kernels_changes_nothing():
    Session(settings(deterministic=True), quadrants())

    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.deterministic


# The engine


@pytest.mark.parametrize(
    "error",
    [
        *(RuntimeError("could not create a memory object"), RuntimeError("std::bad_alloc"), MemoryError()),
        *(RuntimeError("MPS backend out of memory"), RuntimeError("CUDNN_STATUS_ALLOC_FAILED"), torch.OutOfMemoryError("x")),
    ],
    ids=repr,
)
def test_every_library_s_way_to_say_that_memory_is_full_is_understood(error):
    assert gpu_errors.out_of_memory(error)
    assert not gpu_errors.out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_a_pause_that_is_asked_for_after_the_last_epoch_ends_the_run(tmp_path):
    emitted = []
    for event in train(settings(epochs=2), quadrants(), folder=tmp_path, progress_every=3600, pausing=lambda: len(emitted) >= 7):
        emitted.append(event)

    assert [type(event).__name__ for event in emitted][-3:] == ["EpochDone", "CheckpointSaved", "RunFinished"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("best.pt", "epoch-0.pt", "epoch-1.pt", "epoch-2.pt", "flow.jsonl", "last.pt", "predictions.bin")
    ]


def test_a_run_without_a_folder_saves_nothing_and_a_pause_has_the_seconds_of_what_is_saved():
    paused = list(train(settings(), quadrants(), progress_every=0, pausing=lambda: True))

    assert [type(event).__name__ for event in paused] == ["RunStarted", "Progress", "RunPaused"]
    assert (paused[-1].epoch, paused[-1].step) == (0, 1)
    assert paused[-1].seconds < paused[1].seconds


# Compiling in its own process


def question(session, **changes):
    asked = {"architecture": "mlp", "options": session.config.options, "channels": 1, "image_size": 12}
    return {
        "settings": asked | {"seed": 0, "initialization": "pytorch"},
        **{"classes": 3, "input_shape": [5, 1, 12, 12], "precision": "bfloat16", "device": "cpu", "threads": 1},
        **{"layout": "channels_last", **changes},
    }


def test_the_compiling_process_times_the_compiled_network_against_the_other_in_turn(monkeypatch, capsys):
    session, now, seen = Session(settings(batch_size=5), quadrants()), [0.0], []

    def compiled(model, *, dynamic):
        assert dynamic is False

        def forward(images):
            seen.append("compiled")
            now[0] -= 0.2  # what the network itself takes is added below
            return model(images)

        model.register_forward_hook(lambda _, inputs, __: now.__setitem__(0, now[0] + 0.3) or seen.append(tuple(inputs[0].shape)))
        return forward

    monkeypatch.setattr(torch, "compile", compiled)
    monkeypatch.setattr(compile_ahead.process, "prepare", seen.append)
    monkeypatch.setattr(compile_ahead.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(compile_ahead.os, "nice", lambda by: seen.append(f"nice {by}"), raising=False)
    monkeypatch.setattr(compile_ahead.threading, "Thread", lambda **_: SimpleNamespace(start=lambda: None))
    monkeypatch.setattr(sys, "argv", ["compile_ahead", json.dumps(question(session))])

    compile_ahead.main()

    assert json.loads(capsys.readouterr().out) == {"speedup": pytest.approx(3.0)}
    assert seen[:2] == ["nice 10", 1]
    images = (5, 1, 12, 12)
    assert seen[2:] == ["compiled", images] + [images, "compiled", images] * 6  # once to compile, once to see how long, five turns
    monkeypatch.setattr(sys, "argv", ["compile_ahead", json.dumps(question(session, device="nowhere"))])
    compile_ahead.main()
    assert "Expected one of cpu" in json.loads(capsys.readouterr().out)["error"]
