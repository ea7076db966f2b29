"""What a run's network takes a user's own picture for."""

from __future__ import annotations

import base64
import binascii
import math
from pathlib import Path

import torch
from torch import Tensor

from cnnlab.compute.trained import open_network
from cnnlab.datasets.pictures import png_data_uri
from cnnlab.errors import ConfigError
from cnnlab.values import Checkpoint, EvaluatedRun, OwnAnswer

LARGEST_SIDE = 512  # px of a picture; data sets have 32


def own_picture(
    home: Path, *, run: EvaluatedRun, checkpoint: Checkpoint, pixels: str, shape: tuple[int, ...]
) -> OwnAnswer:  # fmt: skip
    """The probability of each class for uint8 pixels C×H×W in base64, which have been prepared as the data set's were.

    The run's own preparation follows: channels, normalisation, size. Raises CheckpointError where there are no weights to be read.
    """
    batch = _batch(pixels, shape)
    network = open_network(home, run, checkpoint)
    preparation = network.preparation
    given = preparation.test(batch)
    probabilities = network.passed(given, [])[0].double().softmax(0)
    lowest, highest = float(given.min()), float(given.max())
    half = (0.5,) * preparation.channels
    return OwnAnswer(
        checkpoint=checkpoint,
        epoch=network.about.epoch,
        classes=network.about.classes,
        probabilities=tuple(probabilities.tolist()),
        input_shape=(preparation.channels, preparation.image_size, preparation.image_size),
        mean=half if preparation.normalization == "half" else preparation.mean,
        std=half if preparation.normalization == "half" else preparation.std,
        lowest=lowest,
        highest=highest,
        data_uri=png_data_uri(((given[0] - lowest) / max(highest - lowest, 1e-6) * 255).round().byte().numpy()),
    )


def _batch(pixels: str, shape: tuple[int, ...]) -> Tensor:
    """uint8 1×C×H×W. Raises ConfigError where the bytes are not those of such a picture."""
    try:
        content = base64.b64decode(pixels, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if len(shape) != 3 or shape[0] not in (1, 3) or not all(1 <= side <= LARGEST_SIDE for side in shape[1:]):
        raise ConfigError(f"shape must be 1 or 3 channels of at most {LARGEST_SIDE}×{LARGEST_SIDE} pixels, not {shape}.", "shape")
    if len(content) != math.prod(shape):
        raise ConfigError(f"pixels must be {math.prod(shape):,} bytes in base64, not {len(content):,}.", "pixels")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).reshape(1, *shape)
