"""A step that is recorded once and replayed does what steps one by one do, to the bit: shown on the CPU with a tape for a graph."""

from __future__ import annotations

import sys
import weakref
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from quadrants import quadrants, settings
from tape import Broken, Tape
from test_resume import same, untimed

from cnnlab.architectures import cards
from cnnlab.architectures.building import minimum_size
from cnnlab.config import RunConfig
from cnnlab.datasets.loading import ImageData
from cnnlab.events import EpochDone, Notice, Progress, RunFailed, RunFinished
from cnnlab.layers.trace import layer_table
from cnnlab.optimizers import OPTIMIZERS
from cnnlab.training import calibration, checkpoints, costs, graph, optimizers, step
from cnnlab.training.engine import train
from cnnlab.training.gradients import gradient_norm
from cnnlab.training.recordable import recordable
from cnnlab.training.session import Session
from cnnlab.training.tables import Tables

RATES = {name: {"optimizer": name, "learning_rate": 0.03 if name == "sgd" else 0.003} for name in OPTIMIZERS}
FUSED = [name for name, card in OPTIMIZERS.items() if card.fused]
LENET = {"architecture": "lenet", "options": {"activation": "relu", "batch_norm": True, "dropout": 0.3}, "batch_size": 8}
SMALL = {"width_divisor": 8, "growth": 4, "width": 4, "hidden": (8,), "activation": "gelu", "batch_norm": True, "dropout": 0.3}
RECIPES = {
    "sgd with everything": RATES["sgd"]
    | {"momentum": 0.9, "nesterov": True, "weight_decay": 0.001, "gradient_clip": 0.5, "label_smoothing": 0.1}
    | {"horizontal_flip": True, "random_crop": 2, "random_grayscale": 0.3, "normalization": "dataset", "schedule": "cosine"},
    "adam, one-cycle, crops": RATES["adam"] | {"schedule": "one-cycle", "random_crop": 1, "normalization": "half"},
    "adamw, warm-up, gray": RATES["adamw"]
    | {"schedule": "warm-up", "random_grayscale": 0.5, "weight_decay": 0.1, "image_size": 14},
    "adam in bfloat16, clipped": RATES["adam"] | {"precision": "bfloat16", "gradient_clip": 0.1, "schedule": "step"},
    "sgd, validation, flips": RATES["sgd"] | {"validation_share": 0.3, "horizontal_flip": True},
}


@pytest.fixture
def recorders(monkeypatch):
    """Sessions replay on the CPU, with the fused kernels that a GPU has; each takes its recorder from the end of this list."""
    waiting, build = [], optimizers.optimizer

    def fused(config, parameters):
        optimizer = build(config, parameters)
        for group in optimizer.param_groups:
            if "fused" in group:
                group["fused"] = True
        return optimizer

    def for_run(config, device):
        return graph.StepGraph((waiting.pop() if waiting else Tape()) if recordable(config, "cuda") else None)

    monkeypatch.setattr(optimizers, "optimizer", fused)
    monkeypatch.setattr(graph, "for_run", for_run)
    return waiting


@pytest.fixture
def tape(recorders):
    recorders.append(Tape())
    return recorders[0]


def eagerly(monkeypatch):
    """From here on no step is recorded; rates are rounded all the same."""
    monkeypatch.setattr(graph, "EAGER", sys.maxsize)


def colours():
    """The quadrants in 3 channels that differ."""
    gray, tint = quadrants(train=44), torch.tensor([0, 20, 40], dtype=torch.uint8)[:, None, None]
    train_images, test_images = (images.clamp(min=40) - tint for images in (gray.train_images, gray.test_images))
    return ImageData("colours", gray.classes, train_images, gray.train_labels, test_images, gray.test_labels)


def trained(config, data, epochs=1):
    """The session after `epochs`, and its state."""
    session = begun(config, data)
    finish(session)
    for _ in range(epochs - 1):
        session.begin_epoch()
        finish(session)
    return session, session.state()


def begun(config, data):
    torch.manual_seed(5)
    session = Session(config, data)
    session.begin_epoch()
    return session


def finish(session):
    while not session.epoch_is_over:
        session.advance()


@pytest.mark.parametrize("optimizer", FUSED)
@pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)
def test_a_replayed_step_of_every_architecture_equals_an_eager_one_to_the_bit(tape, monkeypatch, card, optimizer):
    options = {option.name: SMALL[option.name] for option in card.options if option.name in SMALL}
    side = max(8, minimum_size(card, 1, 3, card.settings(options)))
    monkeypatch.setattr(graph, "EAGER", 1)
    config = settings(architecture=card.name, options=options, channels=1, image_size=side, batch_size=4, **RATES[optimizer])
    _, replayed = trained(config, quadrants(train=12))
    assert (tape.recordings, tape.replays) == (1, 2)

    eagerly(monkeypatch)
    _, eager = trained(config, quadrants(train=12))

    assert replayed["sums"]["finite_batches"] == 3  # what is not a number equals nothing
    assert same(replayed, eager)


@pytest.mark.parametrize("recipe", RECIPES)
def test_settings_keep_their_meaning_under_replay(tape, monkeypatch, recipe):
    config = settings(**(LENET | {"epochs": 3, "channels": 3} | RECIPES[recipe]))
    learned, replayed = trained(config, colours(), 2)
    assert tape.recordings == 1
    assert tape.replays == 2 * learned.tables.full - graph.EAGER

    eagerly(monkeypatch)
    plain, eager = trained(config, colours(), 2)

    assert same(replayed, eager)
    assert learned.learning_rate == plain.learning_rate
    assert gradient_norm(learned) == gradient_norm(plain)


def test_the_norm_of_the_gradient_is_that_of_the_last_batch_replayed_or_not(tape, monkeypatch):
    for clip in (None, 0.01):
        config = settings(**LENET, gradient_clip=clip)

        def norms(config=config):
            session, found = Session(config, quadrants(44)), []
            for _ in range(2):
                session.begin_epoch()
                while not session.epoch_is_over:
                    session.advance()
                    found.append(gradient_norm(session))
            return found

        with monkeypatch.context() as patch:
            patch.setattr(graph, "EAGER", 2)
            replayed = norms()
            eagerly(patch)
            assert replayed == norms()
        assert len(set(replayed)) == 12


def test_events_of_a_run_that_replays_are_those_of_one_that_does_not(recorders, monkeypatch, tmp_path):
    config = settings(**LENET, gradient_clip=0.5, label_smoothing=0.1, schedule="cosine", epochs=3, horizontal_flip=True)
    replayed = list(train(config, quadrants(), folder=tmp_path / "replayed", progress_every=0))

    eagerly(monkeypatch)
    eager = list(train(config, quadrants(), folder=tmp_path / "eager", progress_every=0))

    assert [type(event) for event in replayed] == [type(event) for event in eager]
    for kind in (Progress, EpochDone):
        assert untimed(replayed, kind) == untimed(eager, kind)
    for name in ("last.pt", "best.pt"):
        assert same(checkpoints.load(tmp_path / "replayed" / name), checkpoints.load(tmp_path / "eager" / name))


def test_a_run_whose_loss_overflows_in_a_replay_ends_as_without_one(recorders, monkeypatch):
    config = settings(**LENET | {"options": {"activation": "relu"}}, learning_rate=100, epochs=4)
    replayed = list(train(config, quadrants(), progress_every=1000))
    eagerly(monkeypatch)
    eager = list(train(config, quadrants(), progress_every=1000))

    assert isinstance(eager[-1], RunFailed)
    assert replayed[-1] == eager[-1]


# The proof can fail


def test_a_step_that_freezes_its_row_is_caught(tape, monkeypatch):
    config = settings(**LENET)
    session = begun(config, quadrants(44))
    with monkeypatch.context() as patch:
        patch.setattr(Tables, "_next", lambda self, name: self._tables[name][session.batch])
        finish(session)
    assert tape.replays == 2
    eagerly(monkeypatch)

    assert not same(session.model.state_dict(), trained(config, quadrants(44))[1]["model"])


def test_a_step_that_freezes_its_rate_is_caught(tape, monkeypatch):
    config = settings(**LENET, schedule="cosine")
    monkeypatch.setattr(Tables, "rate", lambda self: torch.full((), 0.1))
    _, replayed = trained(config, quadrants(44))
    assert tape.replays == 2
    eagerly(monkeypatch)

    assert not same(replayed["model"], trained(config, quadrants(44))[1]["model"])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (lambda images: images.sum().item(), "waits for the device"),
        (lambda images: images[images > 0.5], "has a shape that depends on values"),
        (lambda images: images.nonzero(), "has a shape that depends on values"),
        (lambda images: torch.tensor([1.0]), "copies from the processor's memory"),
    ],
)
def test_a_step_that_no_graph_can_hold_is_refused(tape, monkeypatch, line, reason):
    session, plain = begun(settings(**LENET), quadrants(44)), step.load

    def load(session):
        images, labels = plain(session)
        line(images)
        return images, labels

    monkeypatch.setattr(step, "load", load)
    finish(session)

    assert tape.recordings == 0
    assert reason in session.graph.take_notice().message


# When nothing can be recorded


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("CUDA error: operation not permitted\nSearch for it."), "CUDA error: operation not permitted"),
        (torch.OutOfMemoryError("CUDA out of memory."), "its memory is too small for a second set of activations"),
        (ValueError(), "ValueError"),
    ],
)
def test_a_run_whose_step_cannot_be_recorded_says_so_and_goes_on_step_by_step(recorders, monkeypatch, tmp_path, error, reason):
    config = settings(**LENET, **RATES["adam"], gradient_clip=0.5, random_crop=1, epochs=2)
    recorders.append(Broken(error))
    failed = list(train(config, quadrants(44), folder=tmp_path / "failed", progress_every=0))

    eagerly(monkeypatch)
    eager = list(train(config, quadrants(44), folder=tmp_path / "eager", progress_every=0))

    (notice,) = (event for event in failed if isinstance(event, Notice))
    assert (notice.kind, notice.epoch) == ("graph", 1)
    assert notice.message == (
        f"The GPU could not record a whole step as one graph ({reason}); the run goes on step by step, which is slower."
    )
    assert untimed(failed, Progress) == untimed(eager, Progress)
    assert same(checkpoints.load(tmp_path / "failed" / "last.pt"), checkpoints.load(tmp_path / "eager" / "last.pt"))


def test_an_interruption_while_recording_leaves_the_session_as_it_was(recorders):
    recorders.append(Broken(KeyboardInterrupt()))  # no error of the recorder: it must reach the caller
    session = begun(settings(**LENET, **RATES["adam"]), quadrants(44))
    for _ in range(graph.EAGER):
        session.advance()
    before = session.state()["step"], {name: tensor.clone() for name, tensor in session.model.state_dict().items()}

    with pytest.raises(KeyboardInterrupt):
        session.advance()

    assert same(before, (session.step, dict(session.model.state_dict())))
    assert (session.optimizer.param_groups[0]["lr"], session.optimizer.param_groups[0]["capturable"]) == (0.003, False)


@pytest.mark.parametrize("changes", [RATES["rmsprop"], {"schedule": "one-cycle", "cycle_momentum": True}], ids=str)
def test_steps_whose_numbers_are_python_s_stay_eager_without_a_word(recorders, changes):
    config = settings(**LENET, **changes)
    session, _ = trained(config, quadrants(60))

    assert not session.graph.possible
    assert session.graph.take_notice() is None


def test_a_step_is_recorded_on_an_nvidia_gpu_alone():
    assert [recordable(settings(), kind) for kind in ("cpu", "mps", "cuda")] == [False, False, True]
    assert not Session(settings(), quadrants()).graph.possible


@pytest.mark.parametrize("broken", [False, True])
def test_a_recording_that_fails_on_a_gpu_gives_back_its_random_numbers_and_the_first_error(monkeypatch, broken):
    """CUDA is pretended: of it, only the order of the calls is tested."""
    calls = []

    @contextmanager
    def entered(name):
        calls.append(name)
        try:
            yield
        except BaseException:
            raise RuntimeError("the recording could not be ended") from None
        finally:
            calls.append(f"no {name}")

    def work():
        calls.append("work")
        if broken:
            raise RuntimeError("the step failed")

    pretended = SimpleNamespace(
        default_generators=[None, SimpleNamespace(clone_state=lambda: "as before", graphsafe_set_state=calls.append)],
        CUDAGraph=lambda: SimpleNamespace(replay="replay"),
        stream=lambda stream: nullcontext(),
        graph=lambda graph, stream, capture_error_mode: entered("graph"),
        synchronize=calls.append,
    )
    monkeypatch.setattr(torch, "cuda", pretended)
    monkeypatch.setattr(graph, "_stream", lambda device: "side")
    recorder = graph.CudaGraphs(torch.device("cuda:1"))

    if broken:
        with pytest.raises(RuntimeError, match="the step failed"):
            recorder.record(work)
        assert calls == ["graph", "work", "no graph", "as before"]
    else:
        assert recorder.record(work) == "replay"
        assert calls == ["graph", "work", "no graph"]


# Around the replays


@pytest.mark.parametrize("recipe", ["sgd with everything", "adam, one-cycle, crops"])
@pytest.mark.parametrize("moments", [(7,), (12, 3, 9)], ids=str)
def test_a_run_that_was_paused_amid_replays_ends_the_same_to_the_bit(recorders, monkeypatch, tmp_path, recipe, moments):
    config = settings(**(LENET | {"epochs": 3, "channels": 3} | RECIPES[recipe]))
    monkeypatch.setattr(graph, "EAGER", 1)
    latest, tapes = None, []
    for moment in (*moments, sys.maxsize):
        tapes.append(Tape())
        recorders.append(tapes[-1])
        torch.manual_seed(len(tapes))  # a new process starts with other random numbers
        seen = []
        pausing = lambda seen=seen, moment=moment: len(seen) >= moment  # noqa: E731
        for event in train(config, colours(), folder=tmp_path / "paused", progress_every=0, resume=latest, pausing=pausing):
            seen.append(event)
        latest = checkpoints.load(tmp_path / "paused" / "last.pt")
    assert isinstance(seen[-1], RunFinished)
    assert all(each.replays for each in tapes)

    eagerly(monkeypatch)
    list(train(config, colours(), folder=tmp_path / "whole", progress_every=0))

    assert same(checkpoints.load(tmp_path / "whole" / "last.pt"), latest)


def test_a_session_that_goes_back_to_a_checkpoint_records_again(tape, monkeypatch):
    config = settings(**LENET, **RATES["adam"], random_crop=1, horizontal_flip=True)
    session = begun(config, quadrants(60))
    for _ in range(5):
        session.advance()
    kept = deepcopy(session.state())
    finish(session)
    wanted = deepcopy(session.state())

    session.restore(kept)
    session.begin_epoch()
    session.restore(kept)
    monkeypatch.setattr(graph, "EAGER", 1)
    finish(session)

    assert tape.recordings == 2
    assert same(session.state(), wanted)


def test_a_switch_to_a_compiled_network_is_recorded_again(tape, monkeypatch):
    def learn(epochs=2):
        session = begun(settings(**LENET), quadrants(60))
        finish(session)
        session.compiled = lambda images: session.model(images) * 1.5
        session.begin_epoch()
        finish(session)
        return session.state()

    replayed = learn()
    assert (tape.recordings, tape.replays) == (2, 8)
    eagerly(monkeypatch)

    assert same(replayed, learn())


def test_a_last_batch_of_another_size_is_trained_on_step_by_step(tape, monkeypatch):
    monkeypatch.setattr(graph, "EAGER", 1)
    for images, full in ((18, 2), (17, 1), (16, 2), (5, 1)):  # 17: the last batch has 9 images
        session, replayed = trained(settings(**LENET), quadrants(images), 2)
        assert session.tables.full == full
        with monkeypatch.context() as patch:
            eagerly(patch)
            assert same(replayed, trained(settings(**LENET), quadrants(images), 2)[1])


def test_a_measurement_of_speed_replays_nothing(tape):
    calibration.calibrate(settings(batch_size=32, dataset="sample"), macs=10**5, seconds=0.1)

    assert tape.recordings == 0


def test_a_session_that_has_replayed_is_freed_at_once(recorders):
    session, _ = trained(settings(**LENET), quadrants(44))
    freed = weakref.ref(session)
    del session

    assert freed() is None, "a cycle would keep the memory of a GPU"


@pytest.mark.parametrize("recipe", ["sgd with everything", "adam, one-cycle, crops", "adamw, warm-up, gray"])
def test_a_checkpoint_has_the_augmentation_s_state_that_drawing_batch_by_batch_leaves(recipe):
    session = begun(settings(**(LENET | {"channels": 3} | RECIPES[recipe])), colours())
    generator = torch.Generator()
    generator.set_state(session.augmentation.get_state())
    for start, end in session.bounds:
        assert torch.equal(session.state()["rng"]["augmentation"], generator.get_state())
        session.preparation.train(session.train_images[start:end], generator)
        session.advance()
    assert torch.equal(session.state()["rng"]["augmentation"], generator.get_state())


def test_gray_images_are_the_same_by_a_mask_and_by_their_positions():
    session = begun(settings(**(LENET | {"channels": 3} | RECIPES["adamw, warm-up, gray"])), colours())
    row, images = session.tables.row(), colours().train_images[:8]

    by_positions, by_mask = (session.preparation.augmented(images, row.draws, fixed_shapes=fixed) for fixed in (False, True))

    assert row.draws.gray.any()
    assert torch.equal(by_positions, by_mask)


# Memory


@pytest.mark.parametrize("changes", [RATES["sgd"], RATES["adam"], RATES["rmsprop"]], ids=lambda changes: changes["optimizer"])
def test_the_forecast_of_a_gpu_counts_what_a_graph_keeps(changes):
    config = RunConfig.make(architecture="lenet", **changes)
    table = layer_table("lenet", (1, 28, 28), 10, config.options)
    on_gpu, on_cpu = (costs.memory(config, table, device) for device in ("cuda:0", "cpu"))
    parts = {part.name: part.bytes for part in on_gpu.parts(256)}

    assert "graph" not in {part.name for part in on_cpu.parts(256)}
    if changes["optimizer"] == "rmsprop":
        assert "graph" not in parts
    else:
        assert parts["graph"] == parts["inputs"] + parts["activations"] + parts["gradients"]
