"""What the lab tells pages about devices, data sets, pictures and predictions, as plain values. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cnnlab.datasets import Entry

Split = Literal["train", "test"]


@dataclass(frozen=True, slots=True)
class Device:
    name: str  # as in a configuration: "cpu", "cuda:0", "mps"
    title: str  # as a person says it: "CPU, 8 cores", "NVIDIA H100 (80 GB)"


@dataclass(frozen=True, slots=True)
class DownloadStatus:
    state: Literal["running", "finished", "failed"]
    done_bytes: int
    total_bytes: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class DatasetStatus:
    entry: Entry
    found: Path | None  # where it was found; None: not on this machine
    download: DownloadStatus | None  # a download that runs, failed, or finished in the last minute
    variant: str = ""  # "JPEG copy" where the files are not the original ones


@dataclass(frozen=True, slots=True)
class Picture:
    """One image of a data set, ready for an <img> tag."""

    index: int  # its number within the split, from 0
    label: int
    data_uri: str  # "data:image/png;base64,…", the original pixels


@dataclass(frozen=True, slots=True)
class Prediction:
    picture: Picture
    predicted: int
    confidence: float  # probability of `predicted`, 0..1


@dataclass(frozen=True, slots=True)
class PredictionPage:
    """A page of test images with what the network says of them."""

    checkpoint: Literal["last", "best"]
    epoch: int  # the epoch that this checkpoint stood at
    classes: tuple[str, ...]
    total: int  # test images that pass the filter
    test_images: int
    correct: int  # among all test images
    items: tuple[Prediction, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One test image that two networks name differently; the pairs are in the order in which the runs were given."""

    picture: Picture
    predicted: tuple[int, int]
    confidence: tuple[float, float]


@dataclass(frozen=True, slots=True)
class DisagreementPage:
    """A page of the test images on which two networks disagree, and how often who is right. Each is judged at its best epoch."""

    classes: tuple[str, ...]
    test_images: int
    epochs: tuple[int, int]
    both: int  # test images that both get right
    only_first: int
    only_second: int
    neither: int  # they disagree and both are wrong
    total: int  # disagreements that pass the filter
    items: tuple[Disagreement, ...]
