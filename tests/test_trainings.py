"""Whole trainings with very different settings: each is a plain loop of PyTorch, and its events are kept as text."""

from __future__ import annotations

import math

import pytest
import torch
from golden_figures import check_closely, figure
from quadrants import quadrants, settings
from torch import nn
from torch.optim import lr_scheduler

from cnnlab import events
from cnnlab.events import EpochDone, Progress
from cnnlab.training import batches, checkpoints, initialization
from cnnlab.training.engine import train
from cnnlab.training.transforms import Preparation

TIMINGS = {"seconds", "seconds_left", "images_per_second", "load_seconds", "compute_seconds", "evaluation_seconds", "device_name"}

TRAININGS = {
    "momentum": {
        **{"optimizer": "sgd", "momentum": 0.9, "nesterov": True, "learning_rate": 0.04, "weight_decay": 0.01},
        **{"schedule": "cosine", "label_smoothing": 0.2, "gradient_clip": 0.7, "validation_share": 0.2, "epochs": 4, "seed": 3},
    },
    "one-cycle": {
        **{"optimizer": "adam", "learning_rate": 0.02, "weight_decay": 0.1, "schedule": "one-cycle", "cycle_momentum": True},
        **{"random_crop": 2, "horizontal_flip": True, "normalization": "dataset", "batch_size": 25, "epochs": 3, "seed": 11},
    },
    "steps": {
        **{"optimizer": "rmsprop", "learning_rate": 0.004, "momentum": 0.3, "weight_decay": 0.05, "schedule": "step"},
        **{"step_epochs": 2, "step_factor": 0.25, "initialization": "kaiming", "channels": 3, "epochs": 5},
    },
    "warm-up": {
        **{"optimizer": "adamw", "learning_rate": 0.001, "weight_decay": 0.3, "schedule": "warm-up", "warmup_epochs": 2},
        **{"normalization": "half", "image_size": 16, "initialization": "xavier-uniform", "epochs": 3, "validation_share": 0.15},
        **{"architecture": "lenet", "options": {"channels": (4, 5), "activation": "tanh", "kernel_size": 3}},
    },
    "smoothed": {  # batch norm with plain steps: Adam would enlarge the rounding errors of biases that it takes away again
        **{"label_smoothing": 0.1, "weight_decay": 0.02, "momentum": 0.5, "learning_rate": 0.01, "batch_size": 13, "epochs": 2},
        **{"architecture": "lenet", "options": {"channels": (3, 4), "batch_norm": True, "activation": "gelu"}, "seed": 5},
    },
}
SCHEDULERS = {
    "constant": lambda sgd, config, _: lr_scheduler.ConstantLR(sgd, 1.0),
    "cosine": lambda sgd, config, each: lr_scheduler.CosineAnnealingLR(sgd, config.epochs * each),
    "step": lambda sgd, config, each: lr_scheduler.StepLR(sgd, config.step_epochs * each, config.step_factor),
    "one-cycle": lambda sgd, config, each: lr_scheduler.OneCycleLR(sgd, config.learning_rate, total_steps=config.epochs * each),
    "warm-up": lambda sgd, config, each: lr_scheduler.LambdaLR(sgd, lambda n: min(1, (n + 1) / (config.warmup_epochs * each))),
}


def optimizer_of(config, weights):
    rate, decay = config.learning_rate, config.weight_decay
    match config.optimizer:
        case "sgd":
            return torch.optim.SGD(weights, rate, config.momentum, nesterov=config.nesterov, weight_decay=decay)
        case "rmsprop":
            return torch.optim.RMSprop(weights, rate, momentum=config.momentum, weight_decay=decay)
        case "adam":
            return torch.optim.Adam(weights, rate, weight_decay=decay)
        case _:
            return torch.optim.AdamW(weights, rate, weight_decay=decay)


def figures(model, preparation, images, labels):
    with torch.no_grad():
        logits = model.eval()(preparation.test(images))
    return nn.CrossEntropyLoss()(logits, labels).item(), (logits.argmax(1) == labels).double().mean().item()


def plain_training(config, data):
    """Loss and accuracy in training, on the test images and on those kept aside, and the last rate, of each epoch."""
    data, kept_images, kept_labels = batches.set_aside(data, config.validation_share, config.seed)
    images, preparation = len(data.train_images), Preparation.for_run(config, data)
    model, augmentation = initialization.network(config, 3), torch.Generator()
    optimizer = optimizer_of(config, model.parameters())
    scheduler = SCHEDULERS[config.schedule](optimizer, config, math.ceil(images / config.batch_size))
    smoothed, plain = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing), nn.CrossEntropyLoss(reduction="sum")
    for epoch in range(1, config.epochs + 1):
        loss = correct = 0.0
        augmentation.manual_seed(batches.derived_seed(config.seed, epoch, "augmentation"))
        model.train()
        for chosen in batches.order(images, config.seed, epoch).split(config.batch_size):
            logits, labels = model(preparation.train(data.train_images[chosen], augmentation)), data.train_labels[chosen]
            optimizer.zero_grad()
            smoothed(logits, labels).backward()
            nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip or math.inf)
            rate = scheduler.get_last_lr()[0]
            optimizer.step()
            scheduler.step()
            loss += plain(logits, labels).item()
            correct += (logits.argmax(1) == labels).sum().item()
        tested = figures(model, preparation, data.test_images, data.test_labels)
        kept = figures(model, preparation, kept_images, kept_labels) if len(kept_images) else ()
        yield [loss / images, correct / images, *tested, *kept, rate]


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_is_the_plain_loop_of_its_settings(name):
    config, data = settings(**TRAININGS[name]), quadrants()

    found = []
    for done in train(config, data):
        if isinstance(done, EpochDone):
            kept = [] if done.validation_loss is None else [done.validation_loss, done.validation_accuracy]
            found.append([done.train_loss, done.train_accuracy, done.test_loss, done.test_accuracy, *kept, done.learning_rate])

    assert found == [pytest.approx(row, rel=1e-3, abs=1e-7) for row in plain_training(config, data)]
    assert len(found) == config.epochs


def line(event):
    shown = {name: figure(value) if isinstance(value, float) else value for name, value in events.to_dict(event).items()}
    return f"{type(event).__name__} " + ", ".join(
        f"{name}={value}" for name, value in shown.items() if name not in TIMINGS | {"event"} and value is not None
    )


@pytest.mark.parametrize("name", TRAININGS)
def test_the_events_of_a_training(name, tmp_path, regenerate_golden):
    config = settings(**TRAININGS[name])

    lines = [line(event) for event in train(config, quadrants(), folder=tmp_path, progress_every=3600)]

    check_closely(f"training/{name}", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_the_events_of_a_run_that_is_paused_twice_and_stops_early(tmp_path, regenerate_golden):
    config = settings(epochs=30, learning_rate=0.05, patience=2, validation_share=0.3, batch_size=32, seed=2)
    lines, resume = [], None
    for moment in (3, 7, 10**6):
        emitted = []
        for event in train(
            config,
            quadrants(),
            folder=tmp_path,
            progress_every=0,
            resume=resume,
            pausing=lambda: len(emitted) >= moment,  # noqa: B023
        ):
            emitted.append(event)
        lines += [line(event) for event in emitted]
        resume = checkpoints.load(tmp_path / "last.pt")

    check_closely("training/paused", "\n".join(lines) + "\n", regenerate=regenerate_golden)
    assert sum(isinstance(event, Progress) for event in emitted) > 5
