"""What a run's network takes an image for in train() and in eval()."""

from __future__ import annotations

from pathlib import Path

import torch

from cnnlab.compute import answers
from cnnlab.compute.trained import looking
from cnnlab.inside.modes import has_batch_norm, has_dropout, in_training
from cnnlab.inside_values import Look, Modes

SIZES = (1, 10, 100)  # images in a batch
DRAWS = 5
WORK = 50_000_000_000  # multiply-accumulates for all draws: a few seconds on two cores


def modes(home: Path, *, look: Look) -> Modes:
    """The probabilities in eval(), and in train() in batches of different sizes; of a costly network only in small ones."""
    network, image = looking(home, look)
    images = answers.load(home, look.run.dataset, look.run.data).test_images[: network.about.test_images]
    others = images if look.own else torch.cat([images[: look.image], images[look.image + 1 :]])
    logits, _ = network.passed(image.input, [])
    rows = []
    with network.working():
        for size in SIZES:
            needed = DRAWS * (size - 1)
            if len(others) >= needed and DRAWS * size * network.macs <= WORK:
                beside = network.preparation.test(others[:needed]) if needed else image.input[:0]
                rows.append(in_training(network.model, image.input, beside, size, DRAWS))
    return Modes(
        batch_norm=has_batch_norm(network.model),
        dropout=has_dropout(network.model),
        probabilities=tuple(torch.softmax(logits.double(), 0).tolist()),
        rows=tuple(rows),
    )
