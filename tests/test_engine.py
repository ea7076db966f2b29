"""Training on tiny data: the events, that it learns, stops, repeats itself, and reports failures."""

import gc
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from quadrants import quadrants, settings
from torch.nn import functional

from cnnlab import events
from cnnlab.architectures import card
from cnnlab.compute import answers
from cnnlab.config import RunConfig
from cnnlab.diagnosis import AT_FIRST, diagnose
from cnnlab.errors import CheckpointError, DataError, DeviceError, ShapeError
from cnnlab.events import CheckpointSaved, EpochDone, Notice, Progress, RunFailed, RunFinished, RunStarted
from cnnlab.training import batches, checkpoints, features, initialization, optimizers, saving
from cnnlab.training import engine as engine_module
from cnnlab.training import step as step_module
from cnnlab.training.engine import train
from cnnlab.training.evaluation import evaluate
from cnnlab.training.session import Session

TIMINGS = {"seconds", "seconds_left", "images_per_second", "load_seconds", "compute_seconds", "evaluation_seconds"}


def of(kind, emitted):
    return [event for event in emitted if isinstance(event, kind)]


def untimed(emitted):
    return [{key: value for key, value in events.to_dict(event).items() if key not in TIMINGS} for event in emitted]


def test_a_run_tells_its_start_every_epoch_and_its_end():
    emitted = list(train(settings(epochs=2), quadrants(train=90, test=30)))

    assert isinstance(emitted[0], RunStarted)
    assert (emitted[0].train_images, emitted[0].test_images, emitted[0].batches_per_epoch, emitted[0].classes) == (90, 30, 6, 3)
    assert emitted[0].parameters == 144 * 16 + 16 + 16 * 3 + 3
    assert [done.epoch for done in of(EpochDone, emitted)] == [1, 2]
    assert [done.step for done in of(EpochDone, emitted)] == [6, 12]
    assert isinstance(emitted[-1], RunFinished)
    assert emitted[-1].test_accuracy == of(EpochDone, emitted)[-1].test_accuracy


@pytest.mark.parametrize(("architecture", "options"), [("mlp", {}), ("lenet", {"activation": "relu", "batch_norm": True})])
def test_training_lowers_the_loss_and_beats_chance(architecture, options):
    config = settings(architecture=architecture, options=options, epochs=6)

    epochs = of(EpochDone, train(config, quadrants()))

    assert epochs[-1].train_loss < epochs[0].train_loss / 2
    assert epochs[-1].test_accuracy > 0.9


def test_progress_counts_batches_and_shares_up_to_the_end():
    progress = of(Progress, train(settings(epochs=2), quadrants(), progress_every=0))

    training = [event for event in progress if event.phase == "training"]
    evaluating = [event for event in progress if event.phase == "evaluation"]
    assert [event.step for event in training] == list(range(1, 13))
    assert [event.batch for event in training] == [1, 2, 3, 4, 5, 6] * 2
    shares = [event.share_done for event in progress]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert evaluating[-1].seconds_left == pytest.approx(0.0, abs=1e-6)
    assert (evaluating[0].loss, evaluating[0].accuracy) == (training[5].loss, training[5].accuracy)
    assert all(event.images_per_second > 0 and event.seconds >= 0 for event in progress)


def test_progress_covers_the_images_since_the_last_one_and_adds_up_to_the_epoch():
    emitted = list(train(settings(epochs=1), quadrants(train=90), progress_every=0))

    sizes = [16, 16, 16, 16, 16, 10]
    windows = [event for event in of(Progress, emitted) if event.phase == "training"]
    (done,) = of(EpochDone, emitted)
    assert sum(w.loss * n for w, n in zip(windows, sizes, strict=True)) / 90 == pytest.approx(done.train_loss)
    assert sum(w.accuracy * n for w, n in zip(windows, sizes, strict=True)) / 90 == pytest.approx(done.train_accuracy)


def test_an_epoch_that_is_quicker_than_a_progress_still_has_one():
    emitted = list(train(settings(epochs=2), quadrants(), progress_every=3600))

    assert [(event.epoch, event.batch) for event in of(Progress, emitted)] == [(1, 6), (2, 6)]


def plain_loop(config, data):
    """Figures of each epoch from a loop written with PyTorch alone. The training loss is without smoothing, as the test loss is."""
    bfloat16 = torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.precision == "bfloat16")
    model = initialization.network(config, 3)
    sgd = torch.optim.SGD(model.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    figures, images = [], len(data.train_images)
    for epoch in range(1, config.epochs + 1):
        loss_sum = correct = 0.0
        model.train()
        for chosen in batches.order(images, config.seed, epoch).split(config.batch_size):
            with bfloat16:
                logits = model(data.train_images[chosen] / 255).float()
            labels = data.train_labels[chosen]
            sgd.zero_grad()
            functional.cross_entropy(logits, labels, label_smoothing=config.label_smoothing).backward()
            if config.gradient_clip:
                torch.nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip)
            sgd.step()
            loss_sum += functional.cross_entropy(logits, labels, reduction="sum").item()
            correct += (logits.argmax(1) == labels).sum().item()
        with torch.no_grad(), bfloat16:
            logits = model.eval()(data.test_images / 255).float()
        test_accuracy = (logits.argmax(1) == data.test_labels).float().mean().item()
        test_loss = functional.cross_entropy(logits, data.test_labels).item()
        figures.append((loss_sum / images, correct / images, test_loss, test_accuracy))
    return figures


def figures_of(epochs):
    return [(done.train_loss, done.train_accuracy, done.test_loss, done.test_accuracy) for done in epochs]


def test_epoch_figures_equal_a_plain_loop_that_weighs_the_smaller_last_batch():
    config, data = settings(epochs=2, label_smoothing=0.1), quadrants(train=90)

    epochs = of(EpochDone, train(config, data))

    assert figures_of(epochs) == [pytest.approx(row, rel=1e-5) for row in plain_loop(config, data)]


def test_losses_of_training_and_test_are_alike_however_labels_are_smoothed():
    """Trained and tested on the same images with a rate that changes nothing: one loss, and not one with smoothing."""
    data = quadrants(train=90)
    data = replace(data, test_images=data.train_images, test_labels=data.train_labels)

    (done,) = of(EpochDone, train(settings(epochs=1, label_smoothing=0.5, learning_rate=1e-9), data, progress_every=0))

    assert done.train_loss == pytest.approx(done.test_loss, rel=1e-5)


def test_epoch_seconds_are_split_into_load_compute_and_evaluation():
    (done,) = of(EpochDone, train(settings(epochs=1), quadrants()))

    assert min(done.load_seconds, done.compute_seconds, done.evaluation_seconds) > 0
    assert done.seconds == pytest.approx(done.load_seconds + done.compute_seconds + done.evaluation_seconds)


def test_the_same_seed_tells_the_same_and_another_seed_does_not():
    options = {"dropout": 0.3, "batch_norm": True, "activation": "relu"}
    config = settings(architecture="lenet", options=options, epochs=2, horizontal_flip=True, random_crop=1)

    first = untimed(train(config, quadrants(), progress_every=0))
    second = untimed(train(config, quadrants(), progress_every=0))
    other = untimed(train(config.change(seed=1), quadrants(), progress_every=0))

    assert first == second
    assert first != other


def test_a_callers_random_numbers_and_a_runs_own_do_not_touch_each_other():
    config = settings(options={"hidden": (16,), "dropout": 0.5}, epochs=1)
    alone = untimed(train(config, quadrants(), progress_every=0))
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    drawn, emitted = [], []

    other = train(config.change(seed=1), quadrants(), progress_every=0)
    for number, event in enumerate(train(config, quadrants(), progress_every=0)):
        emitted.append(event)
        next(other, None)  # two runs in turn
        if number < 4:
            drawn.append(torch.rand(1))

    assert untimed(emitted) == alone
    assert torch.equal(torch.cat(drawn), expected)


def test_how_often_progress_is_told_does_not_change_the_run():
    seldom = of(EpochDone, train(settings(), quadrants(), progress_every=3600))
    often = of(EpochDone, train(settings(), quadrants(), progress_every=0))

    assert untimed(seldom) == untimed(often)


def test_closing_ends_the_run_and_lets_go_of_everything(tmp_path):
    running = train(settings(epochs=1000), quadrants(), folder=tmp_path, progress_every=0)
    for event in running:
        if isinstance(event, Progress) and event.epoch == 3 and event.phase == "training":
            break

    running.close()

    assert list(running) == []
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    gc.collect()
    assert not any(type(thing) is Session for thing in gc.get_objects())
    assert checkpoints.load(tmp_path / "last.pt")["epoch"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best.pt",
        "epoch-0.pt",
        "epoch-1.pt",
        "epoch-2.pt",
        "flow.jsonl",
        "last.previous.pt",
        "last.pt",
        "predictions.bin",
    ]


def test_the_best_is_saved_before_the_last_that_names_it(tmp_path, monkeypatch):
    saved, replace = [], checkpoints.disk.replace

    def replaced(source, path):
        replace(source, path)
        if path.name in ("best.pt", "last.pt"):
            state = checkpoints.load(path)
            saved.append((path.name, state["epoch"]))
            assert checkpoints.load(tmp_path / "best.pt")["epoch"] == state["best_epoch"]

    monkeypatch.setattr(checkpoints.disk, "replace", replaced)

    epochs = of(EpochDone, train(settings(epochs=4, learning_rate=0.05), quadrants(), folder=tmp_path))

    expected, best = [], 0.0
    for done in epochs:
        if done.test_accuracy > best:
            best = done.test_accuracy
            expected.append(("best.pt", done.epoch))
        expected.append(("last.pt", done.epoch))
    assert saved == expected
    assert [name for name, _ in saved].count("best.pt") > 1


@pytest.mark.parametrize(("took", "wait"), [(0.1, 30.0), (20.0, 200.0), (300.0, 300.0)])
def test_on_a_slow_disk_checkpoints_come_less_often_but_not_much_less(tmp_path, monkeypatch, took, wait):
    now = [1000.0]

    def save_last(_state, _folder, **_):
        now[0] += took

    monkeypatch.setattr(saving, "clock", SimpleNamespace(seconds=lambda: now[0]))
    monkeypatch.setattr(checkpoints, "save_last", save_last)
    saver = saving.Saver(Session(settings(), quadrants()), tmp_path, 30.0)

    saver.write()

    now[0] += wait - 0.1
    assert not saver.due
    now[0] += 0.1
    assert saver.due


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_is_evaluated_in_the_precision_that_it_trains_in(monkeypatch, precision):
    session = Session(settings(precision=precision, epochs=1, validation_share=0.2), quadrants())
    seen = set()
    monkeypatch.setattr(engine_module, "Session", lambda *_: session)
    session.model.register_forward_hook(lambda model, *_: seen.add((model.training, torch.is_autocast_enabled("cpu"))))

    list(train(session.config, quadrants()))

    assert seen == {(True, precision == "bfloat16"), (False, precision == "bfloat16")}


def test_closing_during_an_evaluation_ends_it_too(monkeypatch):
    monkeypatch.setattr(engine_module, "evaluation_batch", lambda *_: 1)
    running = train(settings(batch_size=2), quadrants(), progress_every=0)
    evaluating = next(event for event in running if isinstance(event, Progress) and event.phase == "evaluation")

    running.close()

    assert evaluating.share_done < 1 / 3
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


def test_gradients_and_inference_mode_are_the_callers_own_between_events():
    for _ in train(settings(epochs=1), quadrants(), progress_every=0):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
        assert not torch.is_autocast_enabled("cpu")


# Each step multiplies the weights by 1 - 100·1, so they overflow after some 20 steps.
OVERFLOWING = {"learning_rate": 100, "weight_decay": 1.0, "epochs": 9}


def test_a_loss_that_is_not_finite_ends_the_run_with_what_to_try(tmp_path):
    emitted = list(train(settings(**OVERFLOWING), quadrants(), folder=tmp_path, progress_every=3600))

    failed = emitted[-1]
    assert isinstance(failed, RunFailed)
    assert failed.kind == "not-finite"
    assert failed.epoch == len(of(EpochDone, emitted)) + 1
    assert f"in epoch {failed.epoch}, at batch " in failed.message
    assert "a learning rate of 100 is too large for SGD here; try 0.1," in failed.message
    assert "batch normalisation or gradient clipping" in failed.message
    assert all(math.isfinite(event.loss) for event in of(Progress, emitted))


def test_the_batch_at_which_the_loss_overflowed_is_told_however_late_it_is_noticed():
    config = settings(**OVERFLOWING)

    at_once = list(train(config, quadrants(), progress_every=0))
    late = list(train(config, quadrants(), progress_every=3600))

    assert at_once[-1] == late[-1]
    assert f"at batch {of(Progress, at_once)[-1].batch % 6 + 1} of 6" in late[-1].message


def test_weights_that_overflow_in_the_last_batch_are_noticed_and_not_saved(tmp_path, monkeypatch):
    # One batch an epoch: its loss is fine, but the step after it leaves no finite weight.
    def boundless(_config, parameters):
        return torch.optim.SGD(parameters, lr=math.inf)

    monkeypatch.setattr(optimizers, "optimizer", boundless)

    emitted = list(train(settings(batch_size=90), quadrants(), folder=tmp_path))

    assert isinstance(emitted[-1], RunFailed)
    assert "on the test images after epoch 1" in emitted[-1].message
    assert not (tmp_path / "last.pt").exists()


def test_no_notice_interprets_the_curves_because_the_diagnosis_does():
    config = settings(architecture="lenet", learning_rate=1e-6, epochs=5)

    emitted = list(train(config, quadrants()))

    assert not of(Notice, emitted)
    assert diagnose(config, emitted).cause == "too few steps"


def test_a_gradient_that_overflows_before_any_weight_has_moved_is_not_blamed_on_the_rate():
    options = {"growth": 4, "pooling": "average"}
    changes = {"optimizer": "adam", "batch_size": 2, "image_size": 8, "epochs": 1, "learning_rate": 1e-3}
    alike = quadrants(train=6)
    alike = replace(alike, train_images=alike.train_images[:1].repeat(6, 1, 1, 1))  # batch norm divides by a spread of 0

    failed = list(train(RunConfig.make(architecture="densenet", options=options, device="cpu", **changes), alike))[-1]

    assert isinstance(failed, RunFailed)
    assert failed.kind == AT_FIRST
    assert "not to blame" in failed.message


def test_out_of_memory_is_told_with_a_batch_size_to_try(monkeypatch):
    def full(*_args, **_kwargs):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(step_module.functional, "cross_entropy", full)

    emitted = list(train(settings(batch_size=64), quadrants()))

    assert isinstance(emitted[-1], RunFailed)
    assert emitted[-1].kind == "out-of-memory"
    assert "batches of 64 images: try 32" in emitted[-1].message


def test_out_of_memory_over_the_test_images_does_not_blame_the_batch_size(monkeypatch):
    def full(*_args, **_kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(features, "evaluate_in_steps", full)

    failed = list(train(settings(), quadrants()))[-1]

    assert failed.kind == "out-of-memory"
    assert "images smaller than 12 px" in failed.message
    assert "batches" not in failed.message


def test_a_fault_of_ours_is_not_taken_for_a_full_memory(monkeypatch):
    def wrong(*_args, **_kwargs):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(step_module.functional, "cross_entropy", wrong)

    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(train(settings(), quadrants()))


def test_a_checkpoint_that_cannot_be_written_ends_the_run_with_a_sentence(tmp_path):
    blocked = tmp_path / "a file"
    blocked.write_text("not a folder")

    emitted = list(train(settings(), quadrants(), folder=blocked))

    assert isinstance(emitted[-1], RunFailed)
    assert emitted[-1].kind == "error"
    assert "cannot be written" in emitted[-1].message


@pytest.mark.parametrize(
    ("changes", "error"), [({"device": "cuda:99"}, DeviceError), ({"architecture": "alexnet", "options": {}}, ShapeError)]
)
def test_a_run_that_cannot_begin_raises_before_its_first_event(changes, error):
    with pytest.raises(error):
        next(train(settings(**changes), quadrants()))


def test_an_empty_data_set_is_refused():
    with pytest.raises(DataError, match="no images"):
        next(train(settings(), quadrants(test=0)))


def test_every_epoch_draws_an_augmentation_of_its_own_and_the_seed_decides_it():
    def draws(seed):
        session = Session(settings(seed=seed, random_crop=2), quadrants())
        found = []
        for _ in range(3):
            session.begin_epoch()
            found.append(session.augmentation.get_state())
        return found

    first, again, other = draws(1), draws(1), draws(2)
    assert all(torch.equal(one, same) for one, same in zip(first, again, strict=True))
    assert len({state.numpy().tobytes() for state in first + other}) == 6


def test_a_last_batch_of_one_image_joins_the_batch_before():
    config = settings(architecture="lenet", options={"batch_norm": True, "activation": "relu"}, batch_size=16, epochs=1)

    emitted = list(train(config, quadrants(train=49)))

    assert emitted[0].batches_per_epoch == 3
    assert isinstance(emitted[-1], RunFinished)


def test_batch_normalisation_over_one_image_is_refused_with_a_sentence():
    config = settings(options={"hidden": (8,), "batch_norm": True}, batch_size=1)

    with pytest.raises(ShapeError, match="at least 2 images"):
        next(train(config, quadrants()))


@pytest.mark.parametrize("changes", [{"limit": 1}, {"batch_size": 1}, {"limit": 2, "validation_share": 0.5}], ids=str)
def test_a_batch_of_one_image_is_refused_before_the_run_is_queued(tmp_path, changes):
    config = RunConfig.make(options={"batch_norm": True, "kernel_size": 5}, image_size=28, device="cpu")
    dense = config.change(architecture="mlp", options={"batch_norm": True}, **changes)

    answers.check_run(tmp_path, dense.change(options={"batch_norm": False}))
    with pytest.raises(ShapeError, match="Use batches of at least 2 images, or switch batch normalisation off"):
        answers.check_run(tmp_path, dense)


@pytest.mark.parametrize(("images", "size"), [(90, 16), (49, 16), (16, 16), (1, 16), (3, 1), (17, 16), (5, 100)])
def test_every_image_is_in_exactly_one_batch(images, size):
    bounds = batches.bounds(images, size)

    assert [place for start, end in bounds for place in range(start, end)] == list(range(images))
    assert len(bounds) == batches.batch_count(images, size)
    assert all(end - start <= size + 1 for start, end in bounds)
    assert size == 1 or images == 1 or min(end - start for start, end in bounds) > 1


def test_the_order_of_an_epoch_follows_from_seed_and_epoch_alone():
    first = batches.order(50, 7, 2)

    assert torch.equal(first, batches.order(50, 7, 2))
    assert not torch.equal(first, batches.order(50, 7, 3))
    assert not torch.equal(first, batches.order(50, 8, 2))
    assert torch.equal(first.sort().values, torch.arange(50))


@pytest.mark.parametrize(
    "changes", [{"label_smoothing": 0.1}, {"gradient_clip": 0.5}, {"precision": "bfloat16"}, {"weight_decay": 0.01}], ids=str
)
def test_each_refinement_changes_the_run_and_still_learns(changes):
    """It changes the run as PyTorch alone would: the training, and in bfloat16 the evaluation too."""
    config = settings(**changes)
    plain = of(EpochDone, train(settings(), quadrants()))
    refined = of(EpochDone, train(config, quadrants()))

    assert figures_of(refined) == [pytest.approx(row, rel=1e-5) for row in plain_loop(config, quadrants())]
    assert refined[-1].train_loss != plain[-1].train_loss
    assert refined[-1].test_accuracy > 0.8


@pytest.mark.parametrize("scheme", ["pytorch", "xavier-uniform", "kaiming"])
def test_initial_weights_follow_the_seed_and_keep_pytorchs_biases(scheme):
    config = settings(architecture="lenet", initialization=scheme)
    torch.manual_seed(config.seed)
    built = card("lenet").build((1, 12, 12), 3, config.options)

    model = initialization.network(config, 3)
    again = initialization.network(config, 3)

    for (name, ours), same, theirs in zip(model.named_parameters(), again.parameters(), built.parameters(), strict=True):
        assert torch.equal(ours, same)
        assert torch.equal(ours, theirs) == (scheme == "pytorch" or name.endswith("bias"))


def test_xavier_weights_fill_their_interval():
    model = initialization.network(settings(initialization="xavier-uniform", options={"hidden": (256,)}), 3)

    weight = next(parameter for parameter in model.parameters() if parameter.dim() == 2)
    border = math.sqrt(6 / (144 + 256))
    assert 0.95 * border < weight.abs().max().item() <= border


def test_the_best_checkpoint_is_the_first_of_equals(tmp_path):
    emitted = list(train(settings(epochs=6), quadrants(), folder=tmp_path))

    epochs = of(EpochDone, emitted)
    best = max(epochs, key=lambda done: done.test_accuracy)  # max keeps the first
    assert best.epoch < 6  # otherwise there are no equals to choose from
    assert (emitted[-1].best_epoch, emitted[-1].best_test_accuracy) == (best.epoch, best.test_accuracy)
    assert checkpoints.load(tmp_path / "best.pt")["epoch"] == best.epoch
    assert [saved.epoch for saved in of(CheckpointSaved, emitted) if saved.kind == "last"] == [1, 2, 3, 4, 5, 6]


def test_the_checkpoint_of_an_epoch_is_there_when_the_epoch_is_told(tmp_path):
    for event in train(settings(epochs=2), quadrants(), folder=tmp_path):
        if isinstance(event, EpochDone):
            assert checkpoints.load(tmp_path / "last.pt")["epoch"] == event.epoch


BARE = """
import sys
for name in ("pydantic", "streamlit", "plotly", "pandas", "rich", "typer", "torchvision"):
    sys.modules[name] = None
from types import SimpleNamespace
import torch
from cnnlab.datasets.loading import ImageData
from cnnlab.training.engine import train
labels = torch.arange(12) % 3
images = (labels[:, None, None, None] * 80).to(torch.uint8).expand(12, 1, 12, 12).contiguous()
data = ImageData("made", ("a", "b", "c"), images, labels, images, labels)
config = SimpleNamespace(**{settings!r})
from pathlib import Path
for event in train(config, data, folder=Path(sys.argv[1])):
    print(type(event).__name__)
"""


def test_training_runs_where_only_torch_is_installed(tmp_path):
    config = settings(architecture="lenet", epochs=1, normalization="dataset").model_dump()
    program = BARE.replace("{settings!r}", repr(config))

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    assert done.stdout.split()[0] == "RunStarted"
    assert done.stdout.split()[-1] == "RunFinished"
    assert Path(tmp_path / "last.pt").is_file()


def same(first, second):
    """Equal to the bit, tensors and all."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(
            same(first[key], second[key]) for key in first if key not in TIMINGS | {"times"}
        )
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


@pytest.mark.parametrize(("epochs_done", "batches_done"), [(1, 0), (0, 2), (2, 4)])
def test_a_run_resumed_from_any_batch_ends_the_same_to_the_bit(tmp_path, epochs_done, batches_done):
    options = {"dropout": 0.3, "batch_norm": True, "activation": "relu"}
    recipe = {"optimizer": "adam", "learning_rate": 0.01, "schedule": "one-cycle", "random_crop": 1, "horizontal_flip": True}
    config = settings(architecture="lenet", options=options, epochs=3, **recipe)
    list(train(config, quadrants(), folder=tmp_path / "whole"))
    session = Session(config, quadrants())
    for _ in range(epochs_done):
        session.begin_epoch()
        while not session.epoch_is_over:
            session.advance()
        session.close_epoch(evaluate(session.model, session.test_images, session.test_labels, session.preparation))
    if batches_done:
        session.begin_epoch()
    for _ in range(batches_done):
        session.advance()
    checkpoints.save(session.state(), tmp_path / "middle.pt")
    torch.manual_seed(12345)

    emitted = list(train(config, quadrants(), folder=tmp_path / "resumed", resume=checkpoints.load(tmp_path / "middle.pt")))

    assert isinstance(emitted[-1], RunFinished)
    whole, resumed = (checkpoints.load(tmp_path / name / "last.pt") for name in ("whole", "resumed"))
    assert same(whole, resumed)


def test_a_checkpoint_of_other_settings_is_not_gone_on_from(tmp_path):
    list(train(settings(epochs=1), quadrants(), folder=tmp_path))
    checkpoint = checkpoints.load(tmp_path / "last.pt")

    with pytest.raises(CheckpointError, match=r"other settings \(learning_rate\)"):
        next(train(settings(epochs=2, learning_rate=0.1), quadrants(), resume=checkpoint))
