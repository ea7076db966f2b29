"""A run's trained network and an image for it, as the questions about a network's inside need them."""

from __future__ import annotations

import base64
import binascii
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from cnnlab.architectures import card
from cnnlab.architectures.receptive import Field
from cnnlab.compute import answers
from cnnlab.compute.predictions import weights_file
from cnnlab.errors import CheckpointError, ComputeError, ConfigError
from cnnlab.i18n import N_, say
from cnnlab.inside.activations import Passed, moved, passed
from cnnlab.inside.attribution import explained_layer
from cnnlab.inside_values import InsideLayer, InsideNetwork, Look, OwnPixels, Sight
from cnnlab.layers.table import LayerRow
from cnnlab.layers.trace import trace_with_fields
from cnnlab.text import image_number
from cnnlab.training import checkpoints
from cnnlab.training import kept as kept_weights
from cnnlab.training.transforms import Preparation
from cnnlab.values import Checkpoint, EvaluatedRun

WAIT = 20.0  # seconds for a network that answers another question
LARGEST_SIDE = 512  # px of a user's own picture; data sets have 32
LIGHT = 50_000_000  # multiply-accumulates; with fewer an image is through in a few milliseconds
_THREADS = torch.get_num_threads()


@contextmanager
def one_thread() -> Iterator[None]:
    """Within the context, and as a decorator, torch computes in one thread, except in networks that are not LIGHT.

    Threads would wait for each other longer than they compute: beside trainings on both cores, LeNet's maps took 158 ms with two
    threads and 38 with one (medians of 14).
    """
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(_THREADS)


@dataclass(frozen=True, slots=True)
class Network:
    """A checkpoint's network in evaluation mode on the CPU."""

    model: nn.Module
    preparation: Preparation
    about: InsideNetwork
    macs: int  # of one image
    taken: tuple[float, int | None, int]  # the share of the training images, the most images, and the seed that drew them
    _busy: threading.Lock = field(default_factory=threading.Lock)

    def layer(self, path: str) -> InsideLayer:
        """Raises ConfigError where there is none."""
        for layer in self.about.layers:
            if layer.path == path:
                return layer
        raise ConfigError(say("This network has no layer {path!r}; choose one from the list.", path=path[:80]), "layer")

    def activation_behind(self, path: str) -> InsideLayer | None:
        """The non-linearity that comes next, if one does."""
        layers = self.about.layers
        after = next(place + 1 for place, layer in enumerate(layers) if layer.path == path)
        return layers[after] if after < len(layers) and layers[after].category == "activation" else None

    def passed(self, image: Tensor, paths: Sequence[str]) -> tuple[Tensor, dict[str, Passed]]:
        """The logits for an input 1×C×H×W, and what passed these layers."""
        with self.working():
            return passed(self.model, image, paths)

    @contextmanager
    def working(self) -> Iterator[None]:
        """One question at a time: hooks would hear the images of another. Raises ComputeError where it stays busy."""
        if not self._busy.acquire(timeout=WAIT):  # a question that misses its deadline would end the helper
            raise ComputeError(N_("This network is busy with another question; please try again in a moment."))
        try:
            torch.set_num_threads(1 if self.macs < LIGHT else _THREADS)
            yield
        finally:
            torch.set_num_threads(1)
            self._busy.release()


@dataclass(frozen=True, slots=True)
class Image:
    """An image as it is looked at."""

    pixels: Tensor  # uint8 C×H×W, moved
    input: Tensor  # the network's, 1×C×H×W
    label: int | None
    still: Tensor | None  # the network's input without moving the image; None where it is not moved


_opening = threading.Lock()  # two pages that ask for one network build it once


def looking(home: Path, look: Look) -> tuple[Network, Image]:
    """The network and the image. Raises CheckpointError, DataError, or ConfigError for an image that the run was not tested on."""
    network = open_network(home, look.run, look.checkpoint, look.epoch)
    original, label = (own_pixels(look.own), None) if look.own else _test_image(home, look, network.about.test_images)
    pixels = moved(original, look.right, look.down)
    prepared = network.preparation.test(pixels[None])
    still = network.preparation.test(original[None]) if look.right or look.down else None
    return network, Image(pixels, prepared, label, still)


def _test_image(home: Path, look: Look, total: int) -> tuple[Tensor, int]:
    """The pixels and the label of one of the `total` images that the run was tested on."""
    if not 0 <= look.image < total:
        raise ConfigError(
            say(
                "This run was tested on images 1 to {total:,}, not on image {image:,}.", total=total, image=image_number(look.image)
            ),
            "image",
        )
    images = answers.load(home, look.run.dataset, look.run.data)
    if look.image >= len(images.test_images):
        raise CheckpointError(
            say(
                "This run was tested on {total:,} images, but {name} has {count:,} now: choose one of those.",
                total=total,
                name=images.name,
                count=len(images.test_images),
            )
        )
    return images.test_images[look.image], int(images.test_labels[look.image])


def own_pixels(own: OwnPixels) -> Tensor:
    """uint8 C×H×W. Raises ConfigError where the bytes are not those of such a picture."""
    shape = own.shape
    try:
        content = base64.b64decode(own.pixels, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if len(shape) != 3 or shape[0] not in (1, 3) or not all(1 <= side <= LARGEST_SIDE for side in shape[1:]):
        raise ConfigError(
            say("shape must be 1 or 3 channels of at most {side}×{side} pixels, not {shape}.", side=LARGEST_SIDE, shape=shape),
            "shape",
        )
    if len(content) != math.prod(shape):
        raise ConfigError(
            say("pixels must be {size:,} bytes in base64, not {count:,}.", size=math.prod(shape), count=len(content)), "pixels"
        )
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).reshape(*shape)


def open_network(home: Path, run: EvaluatedRun, checkpoint: Checkpoint, epoch: int | None = None) -> Network:
    """The network of a run's checkpoint, or of the weights kept after `epoch`. Raises CheckpointError where none can be read."""
    path, changed = weights_file(home, run.id, checkpoint, epoch)
    with _opening:
        return _read(path, changed, kept=epoch is not None)


@lru_cache(maxsize=2)  # VGG for large images takes half a gigabyte
def _read(path: Path, changed: int, *, kept: bool) -> Network:
    return network_of(kept_weights.load(path) if kept else checkpoints.load(path))


def network_of(record: checkpoints.Checkpoint) -> Network:
    """The network of a checkpoint, or of weights that were kept. Raises CheckpointError before a run's first evaluation."""
    if not record.get("history", True):
        raise CheckpointError(N_("This run has evaluated no test images yet: it does so when its first epoch is done."))
    epoch, test_images = (
        (record["history"][-1]["epoch"], len(record["test_predicted"]))
        if "history" in record
        else (record["epoch"], record["test_images"])
    )
    config, classes = record["config"], tuple(record["classes"])
    channels, height, width = record["input_shape"]
    with answers.tracing:
        # On the meta device: no weight is drawn, and no random number used, for weights that are replaced.
        model = card(config["architecture"]).draft((channels, height, width), len(classes), config["options"])
        rows, fields = trace_with_fields(model, (channels, height, width))
    model.load_state_dict(record["model"], assign=True)
    layers, explained = layers_of(model, rows, fields)
    about = InsideNetwork(
        epoch=epoch,
        classes=classes,
        test_images=test_images,
        input_shape=(channels, height, width),
        layers=layers,
        explained=explained,
    )
    taken = config.get("data_share", 1.0), config.get("limit"), config.get("seed", 0)
    return Network(model.eval(), _preparation(record["preparation"]), about, sum(row.macs for row in rows), taken)


def _preparation(settings: dict) -> Preparation:
    return Preparation(**{name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()})


def layers_of(model: nn.Module, rows: Sequence[LayerRow], fields: Sequence[Field | None]) -> tuple[tuple[InsideLayer, ...], str]:
    """A layer for each row, one that runs more than once at its first, and the one whose maps Grad-CAM weighs.

    What is no module, an operation between layers, cannot be listened to; where it joins maps, the block around it is weighed.
    """
    found: dict[str, InsideLayer] = {}
    for row, seen in zip(rows, fields, strict=True):
        sight = Sight(seen.size, seen.jump, seen.first) if seen else None
        ordered = sight is not None or row.category == "convolution"  # unknown behind what changes the order of axes
        layer = InsideLayer(row.path, row.kind, row.category, row.settings, row.output_shape, sight, ordered)
        found.setdefault(row.path, layer)
    modules = {path for path, _module in model.named_modules()}
    explained = explained_layer(tuple(found.values()))
    while explained and explained not in modules:
        explained = explained.rpartition(".")[0]
    return tuple(layer for path, layer in found.items() if path in modules), explained
