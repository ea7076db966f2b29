"""What the helper can be asked: plain functions with JSON in and out; `home` is the lab's folder, `data` the user's own or None."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cnnlab import datasets
from cnnlab.architectures import card
from cnnlab.architectures.building import check_batch
from cnnlab.compute import speeds
from cnnlab.config import RunConfig
from cnnlab.datasets.loading import ImageData, load
from cnnlab.datasets.pictures import png_data_uri
from cnnlab.datasets.places import Places
from cnnlab.datasets.reading import class_counts as counts_of
from cnnlab.errors import CheckpointError, ConfigError
from cnnlab.layers.trace import layer_table
from cnnlab.system.home import run_folder
from cnnlab.training import checkpoints, devices
from cnnlab.training.batches import bounds

MOST_PICTURES = 200  # at about 1 KB each

# Tracing sets torch's random state aside and puts it back; two at a time would put back each other's.
_networks = threading.Lock()
_loading = threading.Lock()  # two pages that ask for the same data set load it once


def layer_table_of(home: Path, architecture: str, input_shape: list[int], classes: int, options: dict[str, Any]) -> dict[str, Any]:
    """The layer table as `LayerTable.to_dict` writes it."""
    if len(input_shape) != 3:
        raise ConfigError(f"The input must be channels, height and width, not {input_shape!r}.", "input_shape")
    with _networks:
        return layer_table(architecture, (input_shape[0], input_shape[1], input_shape[2]), classes, options).to_dict()


def device_list(home: Path) -> list[dict[str, str]]:
    """The devices there are, as name and title."""
    return [asdict(device) for device in devices.available()]


def class_counts(home: Path, dataset: str, split: str, data: str | None = None) -> list[int]:
    """Images of each class in one split."""
    return list(counts_of(datasets.entry(dataset), _places(home, data), _split(split)))


def pictures(
    home: Path, *, dataset: str, split: str, count: int, label: int | None = None, offset: int = 0, data: str | None = None
) -> list[dict[str, Any]]:
    """`count` pictures from `offset` on, of one class or of all."""
    _check_page(count, offset)
    images, labels = _images_of(_data(home, dataset, data), _split(split))
    chosen = torch.arange(len(labels)) if label is None else torch.nonzero(labels == label).flatten()
    return [_picture(images, labels, index) for index in chosen[offset : offset + count].tolist()]


def check_run(home: Path, config: dict[str, Any], data: str | None = None) -> None:
    """Raises what would keep the run from starting: ShapeError, ConfigError, DeviceError, DataError."""
    wanted = RunConfig.make(**config)
    devices.find(wanted.device)
    entry = datasets.entry(wanted.dataset)
    images = sum(counts_of(entry, _places(home, data), "train"))
    images = max(1, round(wanted.data_share * images))
    images = min(images, wanted.limit or images)
    smallest = min(end - start for start, end in bounds(images, wanted.batch_size))
    with _networks:
        model = card(wanted.architecture).build(wanted.input_shape, len(entry.classes), wanted.options, device="meta")
        check_batch(model, wanted.input_shape, smallest)


def predictions(
    home: Path,
    *,
    run: str,
    config: dict[str, Any],
    checkpoint: str,
    label: int | None = None,
    only: str = "all",
    offset: int = 0,
    count: int = 40,
    data: str | None = None,
) -> dict[str, Any]:
    """A page of test images with what the network said of them in the evaluation that its checkpoint keeps."""
    _check_page(count, offset)
    if not re.fullmatch(r"[0-9a-f]{8}", run) or checkpoint not in ("last", "best"):
        raise CheckpointError(f"There is no checkpoint {checkpoint[:20]!r} of a run {run[:20]!r}.")
    said = _said(run_folder(home, run) / f"{checkpoint}.pt")
    images = _data(home, RunConfig.make(**config).dataset, data)
    total = len(said.predicted)
    labels = images.test_labels[:total]  # a limit takes the first test images
    if len(labels) < total:
        raise CheckpointError(
            f"The checkpoint of run {run} was made with {total:,} test images, but {images.name} has {len(labels):,} now."
        )
    right = said.predicted == labels
    keep = torch.ones(total, dtype=torch.bool)
    if label is not None:
        keep &= labels == label
    if only != "all":
        keep &= right if only == "correct" else ~right
    chosen = torch.nonzero(keep).flatten()
    return {
        "checkpoint": checkpoint,
        "epoch": said.epoch,
        "classes": list(said.classes),
        "total": len(chosen),
        "test_images": total,
        "correct": int(right.sum()),
        "items": [
            {
                "picture": _picture(images.test_images, images.test_labels, index),
                "predicted": int(said.predicted[index]),
                "confidence": float(said.confidence[index]),
            }
            for index in chosen[offset : offset + count].tolist()
        ],
    }


ANSWERS: dict[str, Callable[..., Any]] = {
    "layers": layer_table_of,
    "devices": device_list,
    "class_counts": class_counts,
    "pictures": pictures,
    "check_run": check_run,
    "predictions": predictions,
    "forecast": speeds.forecast,
}


@dataclass(frozen=True, slots=True)
class _Said:
    """What a checkpoint says of the test images, without its weights."""

    epoch: int
    classes: tuple[str, ...]
    predicted: Tensor
    confidence: Tensor


def _said(path: Path) -> _Said:
    try:
        changed = path.stat().st_mtime_ns
    except FileNotFoundError:
        raise CheckpointError("This run has no checkpoint yet: the first is saved when its first epoch is done.") from None
    except OSError as error:
        raise CheckpointError(f"The checkpoint {path} cannot be read: {error}.") from error
    return _said_at(path, changed)


@lru_cache(maxsize=16)  # about 50 KB each; the weights are let go
def _said_at(path: Path, changed: int) -> _Said:
    kept = checkpoints.load(path)
    if not kept["history"]:
        raise CheckpointError("This run has judged no test images yet: it does so when its first epoch is done.")
    judged = kept["history"][-1]["epoch"]  # a checkpoint in the middle of an epoch keeps what was said after the one before
    return _Said(judged, tuple(kept["classes"]), kept["test_predicted"].long(), kept["test_confidence"])


def _data(home: Path, dataset: str, data: str | None) -> ImageData:
    with _loading:
        return load(dataset, _places(home, data))


def _places(home: Path, data: str | None) -> Places:
    return Places(home, Path(data) if data else None)


def _images_of(data: ImageData, split: str) -> tuple[Tensor, Tensor]:
    return (data.train_images, data.train_labels) if split == "train" else (data.test_images, data.test_labels)


def _picture(images: Tensor, labels: Tensor, index: int) -> dict[str, Any]:
    return {"index": index, "label": int(labels[index]), "data_uri": png_data_uri(images[index].numpy())}


def _split(split: str) -> Any:
    if split not in ("train", "test"):
        raise ConfigError(f"A split is train or test, not {str(split)[:80]!r}.", "split")
    return split


def _check_page(count: int, offset: int) -> None:
    if not 1 <= count <= MOST_PICTURES:
        raise ConfigError(f"count must be from 1 to {MOST_PICTURES}, not {count}.", "count")
    if offset < 0:
        raise ConfigError(f"offset must be 0 or more, not {offset}.", "offset")
