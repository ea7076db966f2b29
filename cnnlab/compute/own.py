"""What a run's network takes a user's own picture for."""

from __future__ import annotations

from pathlib import Path

from cnnlab.compute.trained import open_network, own_pixels
from cnnlab.datasets.pictures import png_data_uri
from cnnlab.inside_values import OwnPixels
from cnnlab.values import Checkpoint, EvaluatedRun, OwnAnswer


def own_picture(
    home: Path, *, run: EvaluatedRun, checkpoint: Checkpoint, pixels: str, shape: tuple[int, ...]
) -> OwnAnswer:  # fmt: skip
    """The probability of each class for uint8 pixels C×H×W in base64, which have been prepared as the data set's were.

    The run's own preparation follows: channels, normalisation, size. Raises CheckpointError where there are no weights to be read.
    """
    batch = own_pixels(OwnPixels(pixels, shape))[None]
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
