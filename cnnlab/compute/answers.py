"""What the helper answers about networks, devices and images; `home` is the lab's folder, `data` the user's own or None."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cnnlab import datasets
from cnnlab.architectures import card, zoo, zoo_files
from cnnlab.architectures.building import check_batch
from cnnlab.config import RunConfig
from cnnlab.datasets import loading, own, reading
from cnnlab.datasets.loading import ImageData
from cnnlab.datasets.pictures import png_data_uri
from cnnlab.datasets.places import Places, Split
from cnnlab.elsewhere import is_elsewhere
from cnnlab.errors import ConfigError
from cnnlab.executors import settings
from cnnlab.i18n import N_, say
from cnnlab.layers import LayerTable
from cnnlab.layers.failing import table_or_failure
from cnnlab.own_data.alike import SHOWN, smaller
from cnnlab.system import memory
from cnnlab.training import precision
from cnnlab.training.batches import bounds
from cnnlab.training.costs import images as image_counts
from cnnlab.training.devices import card as card_of
from cnnlab.training.devices import find, survey
from cnnlab.training.transforms import Preparation
from cnnlab.values import Device, DeviceState, Picture

MOST_PICTURES = 200  # at 1 KB each from 28×28 px, and up to 30 KB from photographs

_STAYS_HERE = N_("Your own images are on the lab's machine alone, and {place} does not have them: choose a device of this machine.")
_CODE_STAYS_HERE = N_("Own code trains on the lab's machine alone, not at {place}: choose a device of this machine.")

# Tracing saves torch's random state and restores it; two at a time would restore each other's.
tracing = threading.Lock()
_loading = threading.Lock()  # two pages that ask for the same data set load it once


def design(home: Path, architecture: str, input_shape: tuple[int, int, int], classes: int, options: dict[str, Any]) -> LayerTable:
    """A network's table; where its images do not fit, up to the layer that fails."""
    with tracing:
        return table_or_failure(architecture, input_shape, classes, options)


def devices(home: Path) -> tuple[Device, ...]:
    """Also those that cannot be used, which say why."""
    return survey()


def device_states(home: Path) -> tuple[DeviceState, ...]:
    """All devices with what the system and the driver say of them now."""
    found = []
    for device in survey():
        if known := card_of(device.name):
            found.append(DeviceState(device, known.total, known.free, known.temperature, known.use))
        elif device.name == "cpu" and (machine := memory.memory()):
            found.append(DeviceState(device, machine.total, machine.available))
        else:
            found.append(DeviceState(device))
    return tuple(found)


def class_counts(home: Path, dataset: str, split: Split, data: Path | None = None) -> tuple[int, ...]:
    """Images of each class in one split."""
    return tuple(reading.class_counts(datasets.entry(dataset), Places(home, data), split))


def pictures(
    home: Path, *, dataset: str, split: Split, count: int, label: int | None = None, offset: int = 0, data: Path | None = None
) -> tuple[Picture, ...]:
    """`count` pictures from `offset` on, of one class or of all."""
    check_page(count, offset)
    source = load(home, dataset, data)
    images, labels = (source.train_images, source.train_labels) if split == "train" else (source.test_images, source.test_labels)
    chosen = torch.arange(len(labels)) if label is None else torch.nonzero(labels == label).flatten()
    return tuple(picture(images, labels, index) for index in chosen[offset : offset + count].tolist())


def augmented(
    home: Path, *, dataset: str, index: int, count: int, shift: int, flip: bool, gray: float = 0.0, data: Path | None = None
) -> tuple[str, ...]:
    """`count` versions of one training image as data URIs, as training with these settings would draw them."""
    check_page(count, index)
    source = load(home, dataset, data)
    batch = source.train_images[index : index + 1].expand(count, -1, -1, -1)
    random = {"horizontal_flip": flip, "random_crop": shift, "random_grayscale": gray}
    preparation = Preparation(source.channels, source.size, **random)
    drawn = preparation.train(batch, torch.Generator().manual_seed(0))
    return tuple(map(png_data_uri, smaller(drawn.mul(255).round().byte().numpy(), SHOWN)))


def check_run(home: Path, config: RunConfig, data: Path | None = None) -> None:
    """Raises DeviceError, ConfigError, DataError or ShapeError where a run cannot start, though its network fits its images."""
    if is_elsewhere(config.device):
        place = settings.find(home, config.device)  # what its nodes can do, they say themselves
        if config.dataset.startswith(own.PREFIX):
            raise ConfigError(say(_STAYS_HERE, place=place.title or place.name), "device")
        if card(config.architecture).own_code:
            raise ConfigError(say(_CODE_STAYS_HERE, place=place.title or place.name), "device")
    else:
        precision.check(config.precision, find(config.device))
    class_counts(home, config.dataset, "train", data)  # the images can be read
    if begins := zoo.pretrained(config.architecture, config.options):
        zoo_files.needed(begins, zoo_files.folders(home))
    if min(end - start for start, end in bounds(image_counts(config)[0], config.batch_size)) > 1:
        return  # only a batch of one image can be too small, so no network is built
    with tracing:
        model = card(config.architecture).build(config.input_shape, config.classes, config.options, device="meta")
        check_batch(model, config.input_shape, 1)


def load(home: Path, dataset: str, data: Path | None) -> ImageData:
    """The images of a data set; the last one stays in memory."""
    with _loading:
        return loading.load(dataset, Places(home, data))


def picture(images: Tensor, labels: Tensor, index: int) -> Picture:
    return Picture(index, int(labels[index]), png_data_uri(smaller(images[index : index + 1].numpy(), SHOWN)[0]))


def check_page(count: int, offset: int) -> None:
    """Raises ConfigError for a page that is too long or starts before the first image."""
    if not 1 <= count <= MOST_PICTURES:
        raise ConfigError(say("count must be from 1 to {most}, not {count}.", most=MOST_PICTURES, count=count), "count")
    if offset < 0:
        raise ConfigError(say("offset must be 0 or more, not {offset}.", offset=offset), "offset")
