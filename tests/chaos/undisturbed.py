"""The tiny runs of the chaos test, and the result of each without disturbance."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from threads import threads

from cnnlab.config import RunConfig
from cnnlab.datasets.loading import load
from cnnlab.datasets.places import Places
from cnnlab.events import EpochDone
from cnnlab.training import checkpoints
from cnnlab.training.engine import train

# Together they cover every kind of state that a checkpoint must restore: momentum, Adam's averages, schedules, running means of
# batch norm, random numbers of dropout and augmentation. An epoch takes about 0.3 s.
RECIPES: tuple[dict[str, Any], ...] = (
    {
        "architecture": "mlp",
        "options": {"dropout": 0.3, "batch_norm": True, "hidden": [64]},
        "limit": 600,
        "batch_size": 4,
        "epochs": 6,
        "learning_rate": 0.02,
        "momentum": 0.9,
        "schedule": "cosine",
    },
    {
        "architecture": "lenet",
        "options": {"activation": "relu"},
        "limit": 240,
        "batch_size": 3,
        "epochs": 6,
        "optimizer": "adam",
        "learning_rate": 0.002,
        "schedule": "one-cycle",
        "random_crop": 2,
    },
    {
        "architecture": "lenet",
        "options": {"activation": "relu", "batch_norm": True},
        "limit": 240,
        "batch_size": 4,
        "epochs": 6,
        "optimizer": "rmsprop",
        "learning_rate": 0.0005,
        "schedule": "step",
        "step_epochs": 2,
        "horizontal_flip": True,
    },
)

_CLOCKS = {"seconds", "load_seconds", "compute_seconds", "evaluation_seconds"}


def configs() -> tuple[RunConfig, ...]:
    return tuple(RunConfig.make(device="cpu", seed=number, **recipe) for number, recipe in enumerate(RECIPES))


def undisturbed(config: RunConfig, folder: Path) -> Path:
    """Trains `config` with the engine alone, on one thread as the lab under test does; returns the folder."""
    data = load(config.dataset, Places(folder, None)).take(config.data_share, config.limit, config.seed)
    with threads(1):  # the result of a sum depends on their number
        for _ in train(config, data, folder=folder):
            pass
    return folder


def figures(epoch: EpochDone) -> dict[str, float]:
    """An epoch's figures without timings."""
    return {name: value for name, value in asdict(epoch).items() if name not in _CLOCKS}


def differences(folder: Path, reference: Path, name: str) -> list[str]:
    """The parts of the checkpoint `name` that are not bit for bit the same in both folders."""
    mine, theirs = (_comparable(checkpoints.load(place / name)) for place in (folder, reference))
    return sorted(key for key in mine.keys() | theirs.keys() if not _same(mine.get(key), theirs.get(key)))


def _comparable(checkpoint: checkpoints.Checkpoint) -> checkpoints.Checkpoint:
    history = [figures(EpochDone(**epoch)) for epoch in checkpoint["history"]]
    return {key: value for key, value in checkpoint.items() if key not in {"times", "seconds"}} | {"history": history}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        # As bytes, so that zero differs from minus zero and NaN equals itself.
        return (
            isinstance(other, torch.Tensor)
            and one.dtype == other.dtype
            and one.shape == other.shape
            and one.contiguous().numpy().tobytes() == other.contiguous().numpy().tobytes()
        )
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and one == other
