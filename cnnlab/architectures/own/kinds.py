"""What a row of an own network can be: its settings as options, from which the editor, the checks and the JSON follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cnnlab.architectures import options as o
from cnnlab.architectures.options import Option, OptionValue
from cnnlab.i18n import N_

MOST_CHANNELS = 4_096
MOST_UNITS = 8_192
MOST_JOINED = 8  # inputs of a concatenation

_CHANNELS_HELP = N_("How many maps the layer makes, each with a kernel of its own. 0 stands for one a class.")
_KERNEL_HELP = N_("Side of the square window that the layer looks through, in pixels.")
_STRIDE_HELP = N_("How many pixels the window moves from one place to the next: at 2, height and width halve.")
_PADDING_HELP = N_("Width of a border of zeros around the maps, in pixels; for a window of 3 a border of 1 keeps the size.")


@dataclass(frozen=True, slots=True)
class RowKind:
    """One kind of row. `inputs` are the fewest and the most rows that it takes its input from."""

    name: str  # in JSON
    title: str
    help: str  # one sentence for a first-year student
    options: tuple[Option, ...] = ()
    inputs: tuple[int, int] = (1, 1)
    stem: str = ""  # how rows of this kind are named: "conv" for conv1, conv2

    def settings(self, given: Mapping[str, OptionValue] | None = None) -> dict[str, OptionValue]:
        """All settings with `given` in place of defaults. Raises ConfigError (field `options.<name>`)."""
        return o.complete(self.options, given or {}, self.title)

    @property
    def joins(self) -> bool:
        return self.inputs[1] > 1


def _number(name: str, title: str, default: int, bounds: tuple[int, int], help_: str) -> Option:
    return Option(name, title, "int", default, help_, minimum=bounds[0], maximum=bounds[1])


def _yes(name: str, title: str, default: bool, help_: str) -> Option:
    return Option(name, title, "bool", default, help_)


_CHANNELS = _number("channels", N_("Channels"), 16, (0, MOST_CHANNELS), _CHANNELS_HELP)
_KERNEL = _number("kernel", N_("Kernel size"), 3, (1, 31), _KERNEL_HELP)
_STRIDE = _number("stride", N_("Stride"), 1, (1, 16), _STRIDE_HELP)
_PADDING = _number("padding", N_("Padding"), 0, (0, 15), _PADDING_HELP)
_BIAS = _yes("bias", N_("Bias"), True, N_("Adds a learned number to each output; not needed before batch normalisation."))
_POOLING = o.pooling("max")
_ACTIVATION = o.activation("relu")
_NORM = o.batch_norm(True)


def _path(name: str, title: str, default: int) -> Option:
    return _number(name, title, default, (1, MOST_CHANNELS), N_("How many maps this path of the block makes."))


_ROWS = (
    RowKind(
        "convolution",
        N_("Convolution"),
        N_("Looks for the same small pattern at each place of the image."),
        (_CHANNELS, _KERNEL, _STRIDE, replace(_PADDING, default=1), _BIAS),
        stem="conv",
    ),
    RowKind(
        "pool",
        N_("Pooling"),
        N_("Makes maps smaller: each window becomes one value."),
        (_POOLING, replace(_KERNEL, default=2), replace(_STRIDE, default=2), _PADDING),
        stem="pool",
    ),
    RowKind(
        "global-pool",
        N_("Global pooling"),
        N_("Makes one value of each map, whatever its size."),
        (replace(_POOLING, default="average"),),
        stem="pool",
    ),
    RowKind(
        "norm",
        N_("Batch normalisation"),
        N_("Rescales each channel to mean 0 and variance 1 within the batch, which usually makes learning faster."),
        stem="norm",
    ),
    RowKind(
        "activation",
        N_("Activation"),
        N_("Bends each value; without it two layers in a row could do no more than one."),
        (replace(_ACTIVATION, name="function", title=N_("Function")),),
        stem="activation",
    ),
    RowKind(
        "dropout",
        N_("Dropout"),
        N_("Sets a random share of the values to zero while training, against overfitting."),
        (replace(o.dropout(0.5), name="share", title=N_("Share")),),
        stem="dropout",
    ),
    RowKind("flatten", N_("Flatten"), N_("Makes one vector of all maps, as a dense layer needs it."), stem="flatten"),
    RowKind(
        "linear",
        N_("Dense layer"),
        N_("Joins every value of a vector to every unit."),
        (
            _number("units", N_("Units"), 64, (0, MOST_UNITS), N_("How many values the layer makes. 0 stands for one a class.")),
            _BIAS,
        ),
        stem="linear",
    ),
    RowKind(
        "addition",
        N_("Addition"),
        N_("Adds the outputs of two rows of the same shape: a shortcut, as in ResNet."),
        inputs=(2, 2),
        stem="add",
    ),
    RowKind(
        "concatenation",
        N_("Concatenation"),
        N_("Puts the channels of several rows one behind the other, as in GoogLeNet and DenseNet."),
        inputs=(2, MOST_JOINED),
        stem="concat",
    ),
    RowKind(
        "residual",
        N_("Residual block"),
        N_("Two convolutions that learn what to add to their input, as in ResNet; the shortcut is in the block."),
        (replace(_CHANNELS, minimum=1), replace(_KERNEL, type="choice", choices=(1, 3, 5, 7), minimum=None, maximum=None), _STRIDE,
         o.shortcuts(), _ACTIVATION, _NORM),
        stem="block",
    ),
    RowKind(
        "inception",
        N_("Inception block"),
        N_("Four paths with windows of different size side by side; their maps are concatenated, as in GoogLeNet."),
        (
            _path("c1", N_("1×1 path"), 16),
            _path("c3_reduced", N_("3×3 path, before"), 16),
            _path("c3", N_("3×3 path"), 24),
            _path("c5_reduced", N_("5×5 path, before"), 4),
            _path("c5", N_("5×5 path"), 8),
            _path("c_pool", N_("Pooling path"), 8),
            _POOLING,
            _ACTIVATION,
            replace(_NORM, default=False),
        ),
        stem="inception",
    ),
    RowKind(
        "dense-growth",
        N_("DenseNet layer"),
        N_("Two convolutions whose few maps are put behind all those of their input, as in DenseNet."),
        (_number("growth", N_("Growth"), 12, (1, 512), N_("Channels that the layer adds.")), _ACTIVATION, _NORM, o.dropout(0.0)),
        stem="layer",
    ),
    RowKind(
        "scale",
        N_("Scaling"),
        N_("Multiplies by a number that is not learned."),
        (Option("factor", N_("Factor"), "float", 0.125, N_("The number to multiply by."), minimum=-1000, maximum=1000),),
        stem="scale",
    ),
)  # fmt: skip
KINDS: dict[str, RowKind] = {each.name: each for each in _ROWS}
