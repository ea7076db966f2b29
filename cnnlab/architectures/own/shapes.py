"""The rows of a network with their shapes and costs, by arithmetic; and the row that does not fit, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from cnnlab.architectures.own.network import INPUT, Layer, Network, row_error
from cnnlab.architectures.shape import Shape
from cnnlab.errors import ShapeError
from cnnlab.i18n import N_, say
from cnnlab.text import shape_text

MOST_WIDE = 65_536  # channels or units behind a row; concatenations could double them without end
MOST_VALUES = 2**27  # of one row for one image: half a gigabyte in float32
Sizes = tuple[int, ...]


class RowError(ShapeError):
    """A row does not fit. `row` counts from 0; `problem` says which rule, for the cures; `before` are the rows above it."""

    def __init__(self, network: Network, row: int, problem: str, reason: str, before: tuple[Placed, ...] = ()) -> None:
        super().__init__(row_error(row, network.layers[row].name, reason), "options.network")
        self.row, self.problem, self.reason, self.before = row, problem, reason, before
        self.given: Sizes = ()  # the shape of its first input
        self.so_far: Any = None  # the modules of the rows above, where they were built

    @property
    def by_size(self) -> bool:
        """Whether larger images would help."""
        return self.problem == "too small"


@dataclass(frozen=True, slots=True)
class Placed:
    """A row in its network, for one image; shapes have no batch dimension."""

    layer: Layer
    inputs: tuple[str, ...]
    given: tuple[Sizes, ...]  # a shape for each input
    shape: Sizes  # of its output
    parameters: int
    macs: int


class Unfit(Exception):
    def __init__(self, problem: str, reason: str) -> None:
        super().__init__(reason)
        self.problem, self.reason = problem, reason


def placed(network: Network, input_shape: Shape, classes: int, *, whole: bool = True) -> tuple[Placed, ...]:
    """Each row with its shapes and costs for images of `input_shape` (C, H, W).

    Raises RowError: a row that cannot take its input, leads nowhere, or is last and does not give one value a class. Without
    `whole` the last two are left out.
    """
    rows: list[Placed] = []
    shapes: dict[str, Sizes] = {INPUT: tuple(input_shape)}
    for place, layer in enumerate(network.layers):
        inputs = network.feeds(place)
        given = tuple(shapes[name] for name in inputs)
        try:
            shape, parameters, macs = _RULES[layer.kind](layer.settings, given, classes)
            _check_size(shape)
        except Unfit as unfit:
            error = RowError(network, place, unfit.problem, unfit.reason, tuple(rows))
            error.given = given[0]
            raise error from None
        shapes[layer.name] = shape
        rows.append(Placed(layer, inputs, given, shape, parameters, macs))
    if whole:
        _check_whole(network, rows, classes)
    return tuple(rows)


def _check_size(shape: Sizes) -> None:
    if min(shape) < 1:
        raise Unfit(
            "too small",
            say("its output would be {shape}: use a smaller window or stride, or larger images.", shape=shape_text(shape)),
        )
    if shape[0] > MOST_WIDE or prod(shape) > MOST_VALUES:
        raise Unfit("too large", say("its output would be {shape}, which is too large: make it smaller.", shape=shape_text(shape)))


def _check_whole(network: Network, rows: list[Placed], classes: int) -> None:
    used = {name for row in rows for name in row.inputs}
    for place, row in enumerate(rows[:-1]):
        if row.layer.name not in used:
            raise RowError(
                network, place, "unused", N_("it leads nowhere: let a later row take its output, or delete it."), tuple(rows)
            )
    last = rows[-1]
    if last.shape != (classes,):
        reason = say(
            "the last row must give {classes} values, one a class, and gives {shape}: end with a dense layer of 0 units.",
            classes=classes, shape=shape_text(last.shape),
        )  # fmt: skip
        raise RowError(network, len(rows) - 1, "no classes", reason, tuple(rows))


# The rules: from the settings of a row, the shapes of its inputs and the number of classes to its output's shape, parameters, MACs.

Costs = tuple[Sizes, int, int]


def _maps(given: Sizes, what: str) -> Sizes:
    if len(given) != 3:
        raise Unfit(
            "needs maps",
            say("{layer} needs maps, and is given a vector of {count}: put it before the flatten.", layer=what, count=given[0]),
        )
    return given


def _window(given: Sizes, kernel: int, stride: int, padding: int) -> tuple[int, int]:
    high, wide = (side + 2 * padding - kernel for side in given[1:])
    if min(high, wide) < 0:
        raise Unfit(
            "too small",
            say(
                "a window of {kernel}×{kernel} is larger than maps of {shape}: use a smaller window, more padding or "
                "larger images.",
                kernel=kernel, shape=shape_text(given[1:]),
            ),
        )  # fmt: skip
    return high // stride + 1, wide // stride + 1


def _convolution(s: dict[str, Any], given: tuple[Sizes, ...], classes: int) -> Costs:
    maps = _maps(given[0], N_("a convolution"))
    return _convolved(maps, s["channels"] or classes, s["kernel"], s["stride"], s["padding"], bias=s["bias"])


def _convolved(maps: Sizes, channels: int, kernel: int, stride: int = 1, padding: int = 0, *, bias: bool = True) -> Costs:
    shape = (channels, *_window(maps, kernel, stride, padding))
    weights = maps[0] * kernel * kernel
    return shape, channels * (weights + bias), prod(shape) * weights


def _pool(s: dict[str, Any], given: tuple[Sizes, ...], _classes: int) -> Costs:
    maps = _maps(given[0], N_("pooling"))
    if 2 * s["padding"] > s["kernel"]:
        raise Unfit(
            "padding",
            say("the padding of a pool is at most half of its window: {most} for a window of {kernel}, not {padding}.",
                most=s["kernel"] // 2, kernel=s["kernel"], padding=s["padding"]),
        )  # fmt: skip
    return (maps[0], *_window(maps, s["kernel"], s["stride"], s["padding"])), 0, 0


def _global_pool(_s: dict[str, Any], given: tuple[Sizes, ...], _classes: int) -> Costs:
    return (_maps(given[0], N_("global pooling"))[0], 1, 1), 0, 0


def _norm(_s: dict[str, Any], given: tuple[Sizes, ...], _classes: int) -> Costs:
    return given[0], 2 * given[0][0], 0


def _same(_s: dict[str, Any], given: tuple[Sizes, ...], _classes: int) -> Costs:
    return given[0], 0, 0


def _flatten(_s: dict[str, Any], given: tuple[Sizes, ...], _classes: int) -> Costs:
    return (prod(given[0]),), 0, 0


def _linear(s: dict[str, Any], given: tuple[Sizes, ...], classes: int) -> Costs:
    if len(given[0]) != 1:
        raise Unfit(
            "needs a vector",
            say("a dense layer needs a vector, and is given maps of {shape}: put a flatten before it.", shape=shape_text(given[0])),
        )
    units = s["units"] or classes
    return (units,), units * (given[0][0] + s["bias"]), units * given[0][0]


def _added(_s: dict[str, Any], given: tuple[Sizes, ...], _classes: int) -> Costs:
    if given[0] != given[1]:
        raise Unfit(
            "unlike",
            say("an addition needs two inputs of the same shape, and is given {first} and {second}.",
                first=shape_text(given[0]), second=shape_text(given[1])),
        )  # fmt: skip
    return given[0], 0, 0


def _stacked(_s: dict[str, Any], given: tuple[Sizes, ...], _classes: int) -> Costs:
    for maps in given:
        _maps(maps, N_("a concatenation"))
        if maps[1:] != given[0][1:]:
            raise Unfit(
                "unlike",
                say("a concatenation needs inputs of the same height and width, and is given {first} and {second}.",
                    first=shape_text(given[0]), second=shape_text(maps)),
            )  # fmt: skip
    return (sum(maps[0] for maps in given), *given[0][1:]), 0, 0


def _steps(maps: Sizes, *steps: Costs | Callable[[Sizes], Costs]) -> Costs:
    """Layers one after another: each is made from the shape before it."""
    parameters = macs = 0
    for step in steps:
        maps, more, work = step(maps) if callable(step) else step
        parameters, macs = parameters + more, macs + work
    return maps, parameters, macs


def _conv(
    channels: int, kernel: int, stride: int = 1, padding: int = 0, *, bias: bool = True, norm: bool = False
) -> Callable[[Sizes], Costs]:
    """A convolution, with batch norm behind it where `norm`."""

    def step(maps: Sizes) -> Costs:
        shape, parameters, macs = _convolved(maps, channels, kernel, stride, padding, bias=bias)
        return shape, parameters + 2 * channels * norm, macs

    return step


def _residual(s: dict[str, Any], given: tuple[Sizes, ...], _classes: int) -> Costs:
    maps, channels, kernel, stride = _maps(given[0], N_("a residual block")), s["channels"], s["kernel"], s["stride"]
    first = _conv(channels, kernel, stride, kernel // 2, norm=s["batch_norm"])
    shape, parameters, macs = _steps(maps, first, _conv(channels, kernel, 1, kernel // 2, norm=s["batch_norm"]))
    if s["shortcuts"] and (stride > 1 or maps[0] != channels):
        _shape, more, work = _convolved(maps, channels, 1, stride)
        return shape, parameters + more, macs + work
    return shape, parameters, macs


def _inception(s: dict[str, Any], given: tuple[Sizes, ...], _classes: int) -> Costs:
    maps, norm = _maps(given[0], N_("an Inception block")), s["batch_norm"]
    paths = (
        _steps(maps, _conv(s["c1"], 1, norm=norm)),
        _steps(maps, _conv(s["c3_reduced"], 1, norm=norm), _conv(s["c3"], 3, 1, 1, norm=norm)),
        _steps(maps, _conv(s["c5_reduced"], 1, norm=norm), _conv(s["c5"], 5, 1, 2, norm=norm)),
        _steps(maps, _conv(s["c_pool"], 1, norm=norm)),
    )
    channels = sum(shape[0] for shape, _, _ in paths)
    return (channels, *maps[1:]), sum(each[1] for each in paths), sum(each[2] for each in paths)


def _dense_growth(s: dict[str, Any], given: tuple[Sizes, ...], _classes: int) -> Costs:
    maps, growth, norm = _maps(given[0], N_("a DenseNet layer")), s["growth"], s["batch_norm"]
    before = 2 * norm * (maps[0] + 4 * growth)  # batch norm stands before each convolution
    shape, parameters, macs = _steps(maps, _conv(4 * growth, 1, bias=False), _conv(growth, 3, 1, 1, bias=False))
    return (maps[0] + growth, *shape[1:]), parameters + before, macs


_RULES: dict[str, Callable[[dict[str, Any], tuple[Sizes, ...], int], Costs]] = {
    "convolution": _convolution,
    "pool": _pool,
    "global-pool": _global_pool,
    "norm": _norm,
    "activation": _same,
    "dropout": _same,
    "flatten": _flatten,
    "linear": _linear,
    "addition": _added,
    "concatenation": _stacked,
    "residual": _residual,
    "inception": _inception,
    "dense-growth": _dense_growth,
    "scale": _same,
}
