"""What the lab hands to pages about devices, data sets, pictures and predictions, as plain values. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cnnlab.datasets import Entry
from cnnlab.i18n import N_

Checkpoint = Literal["last", "best"]
Only = Literal["all", "mistakes", "correct"]  # test images by whether the network is right
Order = Literal[
    "number", "confident", "uncertain"
]  # of test images: as they come, or by the confidence, the highest or lowest first
Right = Literal["any", "first", "second", "neither"]  # disagreements of two networks by which one is right


@dataclass(frozen=True, slots=True)
class Device:
    name: str  # as in a configuration: "cpu", "cuda:0", "mps"
    title: str  # for people: "CPU, 8 cores", "NVIDIA H100 (80 GB)"
    problem: str = ""  # why nothing can be trained on it and what to do, without a full stop


@dataclass(frozen=True, slots=True)
class DeviceState:
    """What a device does at the moment; None where nobody says."""

    device: Device
    total: int | None = None  # bytes of memory
    free: int | None = None
    temperature: int | None = None  # °C
    use: int | None = None  # percent of the time in which it computes


@dataclass(frozen=True, slots=True)
class DownloadStatus:
    state: Literal["running", "finished", "failed"]
    done_bytes: int
    total_bytes: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class DatasetStatus:
    entry: Entry
    found: Path | None  # its folder; None: not on this machine
    download: DownloadStatus | None  # a download that is running, has failed, or finished in the last minute
    variant: str = ""  # "JPEG copy" where the files are not the original ones
    differs: str = ""  # "60 training images where MNIST has 60,000" where it is known without reading the images
    doubt: str = ""  # a sentence where it may be another data set, though nothing contradicts
    problem: str = ""  # why there is none to be used, where files of it are here

    @property
    def note(self) -> str:
        """What stands beside its name in a list where it cannot be used; short, as lists are narrow."""
        if self.found is not None:
            return ""
        return N_("not usable") if self.problem else N_("not here yet")


@dataclass(frozen=True, slots=True)
class Picture:
    """One image of a data set, ready for an <img> tag."""

    index: int  # its number within the split, from 0
    label: int
    data_uri: str  # "data:image/png;base64,…": the original pixels, reduced where there are more than 96×96


@dataclass(frozen=True, slots=True)
class Prediction:
    picture: Picture
    predicted: int
    confidence: float  # probability of `predicted`, 0..1


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """The figures of one class; None where the divisor is 0."""

    images: int
    accuracy: float  # share of all images rightly predicted to be of this class or not
    precision: float | None  # share of the images predicted to be of this class that are
    recall: float | None  # share of the images of this class that were predicted to be

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall; None for a class that has no image and was never predicted."""
        if self.precision is None and self.recall is None:
            return None
        precision, recall = self.precision or 0.0, self.recall or 0.0
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@dataclass(frozen=True, slots=True)
class ConfidenceBin:
    """The test images whose predicted class has a probability above `low` and at most `high`."""

    low: float  # 0..1
    high: float
    images: int
    confidence: float  # their mean probability of the predicted class; 0.0 without images
    accuracy: float  # the share of them that is right; 0.0 without images


@dataclass(frozen=True, slots=True)
class PredictionPage:
    """A page of test images with the network's predictions, and figures about all test images."""

    checkpoint: Checkpoint
    epoch: int  # the last epoch that this checkpoint has evaluated
    classes: tuple[str, ...]
    total: int  # test images that pass the filter
    test_images: int
    correct: int  # among all test images
    confusion: tuple[tuple[int, ...], ...]  # all test images by true class (row) and predicted class (column)
    figures: tuple[ClassFigures, ...]  # of each class, from all test images
    items: tuple[Prediction, ...]
    calibration: tuple[ConfidenceBin, ...] = ()  # all test images by confidence, ten bins from 0 to 1

    @property
    def calibration_error(self) -> float:
        """How far confidence and accuracy are apart on average over the images, 0..1.

        The expected calibration error of Guo et al. (2017), "On Calibration of Modern Neural Networks".
        """
        apart = sum(each.images * abs(each.accuracy - each.confidence) for each in self.calibration)
        return apart / max(1, self.test_images)


@dataclass(frozen=True, slots=True)
class ExampleImages:
    """Some test images of every class, the first of each class before the second."""

    pictures: tuple[Picture, ...]
    test_images: int  # that a run with these data is tested on
    sets: int  # so many times other images follow, then the first ones again


@dataclass(frozen=True, slots=True)
class EpochPredictions:
    """What a network predicted after an epoch for the images that were asked for, in their order."""

    epoch: int
    test_images: int  # that it was tested on
    predicted: tuple[int, ...]
    confidence: tuple[float, ...]  # probability of the predicted class, 0..1


@dataclass(frozen=True, slots=True)
class RangeTest:
    """What a learning-rate range test has found so far: the smoothed loss at rates that grow from step to step."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]  # mean cross-entropy per image, nats
    steps: int  # of the whole test; it ends earlier where the loss has left for good
    suggested: float | None  # None where no rate lowers the loss


@dataclass(frozen=True, slots=True)
class RangeTestState:
    """How far a range test is."""

    state: Literal["none", "running", "done", "failed"]
    result: RangeTest | None = None  # so far, while it runs
    problem: str = ""  # why it failed, as a sentence


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One test image for which two networks predict different classes; the pairs are in the order of the runs."""

    picture: Picture
    predicted: tuple[int, int]
    confidence: tuple[float, float]


@dataclass(frozen=True, slots=True)
class DisagreementPage:
    """A page of the test images on which two networks disagree, and how often which of them is right. Both at their best epoch."""

    classes: tuple[str, ...]
    test_images: int
    epochs: tuple[int, int]
    both: int  # test images that both get right
    only_first: int
    only_second: int
    neither: int  # they disagree and both are wrong
    total: int  # disagreements that pass the filter
    items: tuple[Disagreement, ...]


@dataclass(frozen=True, slots=True)
class EvaluatedRun:
    """A run whose predictions are asked for."""

    id: str
    dataset: str
    data: Path | None  # the user's own folder of data sets, if there was one when the run was made


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """What a network takes a user's own picture for, and what it was given."""

    checkpoint: Checkpoint
    epoch: int  # of the weights
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]  # of each class, 0..1
    input_shape: tuple[int, int, int]  # C, H, W of the network's input
    mean: tuple[float, ...]  # subtracted from each channel on the scale 0..1; empty: not normalised
    std: tuple[float, ...]  # then divided by
    lowest: float  # of the input's values
    highest: float
    data_uri: str  # the input as a picture: its lowest value black, its highest white
