"""What a page shows of a trained network that looks at one image. Plain values that travel as JSON; needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cnnlab.values import Checkpoint, EvaluatedRun, Picture

Method = Literal["grad-cam", "integrated-gradients", "occlusion"]
WITH_WINDOW = ("convolution", "pooling", "adaptive pooling")  # categories of layers whose outputs come from a window of the input
Table = tuple[tuple[float, ...], ...]  # rows of numbers


@dataclass(frozen=True, slots=True)
class OwnPixels:
    """A user's own picture, prepared as the data set's were."""

    pixels: str  # uint8 C×H×W in base64
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """A run's network, and the image that it looks at."""

    run: EvaluatedRun
    checkpoint: Checkpoint
    image: int = 0  # its index among the test images
    right: int = 0  # pixels that the image is moved by, negative to the left
    down: int = 0
    epoch: int | None = None  # of the weights that were kept after it, in place of those of the checkpoint
    own: OwnPixels | None = None  # in place of the test image


@dataclass(frozen=True, slots=True)
class Sight:
    """The input pixels that the values of a map see: `size`, those of neighbours `jump` apart, those of the first from `first` on.

    Each is height and width. Padding counts, so a window can begin before the image or end after it.
    """

    size: tuple[int, ...]
    jump: tuple[int, ...]
    first: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InsideLayer:
    """A layer of a trained network."""

    path: str
    kind: str
    category: str
    settings: str
    output_shape: tuple[int, ...]
    sight: Sight | None
    channels_first: bool = True  # as far as it is known; a block may have put them last

    @property
    def is_map(self) -> bool:
        """Whether its output has channels, height and width, in this order."""
        return len(self.output_shape) == 3 and self.channels_first


@dataclass(frozen=True, slots=True)
class InsideNetwork:
    """A trained network, and which test images it can be shown."""

    epoch: int
    classes: tuple[str, ...]
    test_images: int
    input_shape: tuple[int, ...]
    layers: tuple[InsideLayer, ...]  # in order of execution, each once
    explained: str  # the layer whose maps Grad-CAM weighs; "" where no layer has a map


@dataclass(frozen=True, slots=True)
class Seen:
    """An image and what a network takes it for."""

    picture: str  # a data URI of its pixels, moved
    label: int | None  # None where nobody has named its class
    probabilities: tuple[float, ...]  # one a class
    changes: tuple[float, ...]  # of an image that is moved: how far each layer's output changed, relative to its size


@dataclass(frozen=True, slots=True)
class ChannelMap:
    """One channel of a layer's output as a picture."""

    channel: int
    picture: str  # a data URI
    low: float
    mean: float
    high: float
    change: float | None  # of an image that is moved, as in `Seen`


@dataclass(frozen=True, slots=True)
class Statistics:
    """How the values of a layer's output are distributed for one image."""

    count: int
    low: float
    mean: float
    high: float
    deviation: float
    zeros: float  # share of the values, 0..1
    silent: tuple[int, ...]  # channels, or units, that are zero everywhere
    channels: int
    saturated_low: float | None  # share of a sigmoid's values below 0.05, or of tanh's below -0.95; None for other layers
    saturated_high: float | None
    histogram: tuple[int, ...]  # values in equal steps from `low` to `high`


@dataclass(frozen=True, slots=True)
class Maps:
    """Some channels of a layer's output. All their pictures have one scale, from `low` to `high`."""

    path: str
    shape: tuple[int, ...]
    maps: tuple[ChannelMap, ...]
    low: float
    high: float
    statistics: Statistics


@dataclass(frozen=True, slots=True)
class Numbers:
    """The values of some channels of a layer's output, rounded to six decimals; a flat output is one channel of one row."""

    path: str
    first: int
    channels: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Attribution:
    """Which places of the image speak for a class, by one method."""

    method: Method
    layer: str  # whose maps Grad-CAM weighs, "" for the others
    target: int
    score: float  # the logit of the class
    picture: str  # the image in grey under the heat map
    values: Table  # one for each pixel of the network's input
    low: float  # the ends of the colour scale
    high: float
    passes: int  # how often the network was run


@dataclass(frozen=True, slots=True)
class Kernel:
    """The weights from one input channel to one output channel."""

    output: int
    input: int
    picture: str
    values: Table


@dataclass(frozen=True, slots=True)
class Kernels:
    """Some kernels of a convolution, on one scale from -`high` to `high`."""

    path: str
    outputs: int
    inputs: int  # channels that each kernel reads, fewer than the layer's with groups
    size: tuple[int, int]
    high: float
    kernels: tuple[Kernel, ...]
    sheet: str  # all of them as one picture


@dataclass(frozen=True, slots=True)
class ByHand:
    """How one value of a convolution or a pooling layer comes about."""

    path: str
    kind: str
    given: tuple[int, ...]  # shape of the layer's input
    made: tuple[int, ...]
    kernel: tuple[int, int]  # height and width, as the next four
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    place: tuple[int, int]  # of the window's first value in the input; negative in the padding
    rounded_up: bool  # whether the size of the output is
    channel: int  # of the output
    row: int
    column: int
    reads: tuple[int, ...]  # input channels
    shown: int  # the input channel whose window stands here
    window: Table  # the values under the window, 0 in the padding
    weights: Table  # () for pooling
    sums: tuple[float, ...]  # of the products, one for each input channel; () for pooling
    bias: float | None
    result: float  # as the layer gives it
    activation: str  # the kind of the layer behind it, if it is a non-linearity
    activated: float | None
    picture: str  # the input channel that is shown


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training image, and how far it is from the image that is looked at."""

    picture: Picture
    distance: float  # Euclidean, between the values of the last hidden layer


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The training images that a network finds most like an image, nearest first."""

    layer: str  # whose values were compared
    given: bool  # those that enter it, the last hidden ones; else those that leave it, the scores
    features: int  # so many values an image
    compared: int  # training images
    found: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class ModeRow:
    """An image in train(), several times in a batch of the same size."""

    size: int  # images in the batch, this one included
    probabilities: tuple[tuple[float, ...], ...]  # one a class, for each time; () where batch norm cannot take such a batch


@dataclass(frozen=True, slots=True)
class Modes:
    """An image in eval() and in train()."""

    batch_norm: bool  # whether the network has layers that differ
    dropout: bool
    probabilities: tuple[float, ...]  # in eval()
    rows: tuple[ModeRow, ...]
