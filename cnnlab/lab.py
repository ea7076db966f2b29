"""The one door that pages use: asks the store about runs, the helper process about networks and images.

Nothing here imports torch. Every method either returns plain values or raises a `CNNLabError` that can be shown as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cnnlab.architectures import Card
from cnnlab.config import RunConfig
from cnnlab.datasets import Entry
from cnnlab.events import EpochDone, Event, Progress
from cnnlab.layers import LayerTable
from cnnlab.presets import Preset
from cnnlab.runs.records import Run

Split = Literal["train", "test"]


@dataclass(frozen=True, slots=True)
class Device:
    name: str  # as in a configuration: "cpu", "cuda:0", "mps"
    title: str  # as a person says it: "CPU, 8 cores", "NVIDIA H100 (80 GB)"


@dataclass(frozen=True, slots=True)
class DatasetStatus:
    entry: Entry
    found: Path | None  # where it was found; None: not on this machine
    download: DownloadStatus | None  # a download that runs, failed, or has finished since the last look


@dataclass(frozen=True, slots=True)
class DownloadStatus:
    state: Literal["running", "finished", "failed"]
    done_bytes: int
    total_bytes: int
    message: str = ""


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


class Lab:
    """A lab in the folder `home` (made if it is not there). Cheap to make; safe to share between threads.

    `lab.home` is the folder. Starts the background processes (dispatcher and helper) when first needed.
    """

    def __init__(self, home: Path, *, data: Path | None = None) -> None: ...

    # What there is
    def architectures(self) -> tuple[Card, ...]: ...
    def presets(self) -> tuple[Preset, ...]: ...
    def devices(self) -> tuple[Device, ...]: ...

    # Networks (answered by the helper; answers are remembered)
    def layers(self, architecture: str, input_shape: tuple[int, int, int], classes: int, options: dict[str, Any]) -> LayerTable:
        """Raises ConfigError or ShapeError where the combination cannot work."""

    # Data
    def datasets(self) -> tuple[DatasetStatus, ...]: ...
    def download(self, dataset: str) -> None:
        """Starts fetching in the background; `datasets()` tells how far it is. A second call while it runs does nothing."""

    def class_counts(self, dataset: str, split: Split) -> tuple[int, ...]: ...
    def pictures(self, dataset: str, split: Split, count: int, *, label: int | None = None, offset: int = 0) -> tuple[Picture, ...]:
        """`count` (1..200) pictures from `offset` on, of one class or of all."""

    # Runs
    def start(self, config: RunConfig, *, token: str, name: str = "") -> str:
        """Queues a run and returns its id. The same `token` twice is one run. Raises ShapeError, DeviceError, DataError beforehand."""

    def stop(self, run_id: str) -> None: ...
    def run(self, run_id: str) -> Run:
        """Raises RunNotFound."""

    def runs(self, limit: int = 200) -> tuple[Run, ...]:
        """Newest first."""

    def events(self, run_id: str, after: int = 0) -> tuple[Event, ...]:
        """All events but Progress, from sequence number `after` on."""

    def epochs(self, run_id: str) -> tuple[EpochDone, ...]: ...
    def progress(self, run_id: str, points: int = 500) -> tuple[Progress, ...]:
        """At most `points` Progress events spread over the run so far, the last one always among them."""

    # Predictions
    def predictions(
        self,
        run_id: str,
        *,
        checkpoint: Literal["last", "best"] = "best",
        label: int | None = None,
        only: Literal["all", "mistakes", "correct"] = "all",
        offset: int = 0,
        count: int = 40,
    ) -> PredictionPage:
        """Raises RunNotFound; CheckpointError while there is no checkpoint yet."""
