"""Changes of a network, each of which makes a new one: add, move, copy and delete rows; and cures of a row that does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from cnnlab.architectures.own.kinds import KINDS
from cnnlab.architectures.own.network import INPUT, Layer, Network, free_name
from cnnlab.architectures.own.shapes import RowError, placed
from cnnlab.architectures.shape import Shape
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say

FLATTEN: Mapping[str, Any] = {"kind": "flatten"}
OUTPUT: Mapping[str, Any] = {"kind": "linear", "units": 0}
GLOBAL: Mapping[str, Any] = {"kind": "global-pool"}


@dataclass(frozen=True, slots=True)
class RowCure:
    """A change with which a row fits: its words, and the network after it."""

    words: str
    network: Network


def added(network: Network, place: int, *rows: Mapping[str, Any]) -> Network:
    """With rows before the one at `place`, which get free names. Raises ConfigError where there are too many."""
    layers, names = list(network.layers), [layer.name for layer in network.layers]
    for offset, row in enumerate(rows):
        kind = KINDS[row["kind"]]
        name = free_name(kind.stem, names)
        names.append(name)
        inputs: tuple[str, ...] = ()
        if kind.joins:  # the two rows above, which are there in any network
            above = [INPUT, *(layer.name for layer in layers[: place + offset])]
            inputs = (above[-1], above[-2] if len(above) > 1 else INPUT)
        settings = {key: value for key, value in row.items() if key != "kind"}
        layers.insert(place + offset, Layer(row["kind"], name, kind.settings(settings), inputs))
    return Network.make(network.title, layers)


def changed(network: Network, place: int, **settings: Any) -> Network:
    """With other settings of one row. Raises ConfigError, as the kind's options do."""
    layer = network.layers[place]
    return _with(network, place, replace(layer, settings=layer.of.settings({**layer.settings, **settings})))


def of_kind(network: Network, place: int, kind: str) -> Network:
    """With a row of another kind at the place of one, which keeps its name and the settings that both kinds have."""
    layer, new = network.layers[place], KINDS[kind]
    kept = {option.name: layer.settings[option.name] for option in new.options if option.name in layer.settings}
    usual = new.settings()
    for name, value in kept.items():
        try:
            usual = new.settings({**usual, name: value})
        except ConfigError:
            continue  # a value that this kind does not take
    inputs = layer.inputs
    if new.joins and len(inputs) < 2:
        before = network.feeds(place)[0]
        above = [INPUT, *(each.name for each in network.layers[:place])]
        inputs = (before, next((name for name in reversed(above) if name != before), before))
    elif not new.joins:
        inputs = inputs[:1]
    elif len(inputs) > new.inputs[1]:
        inputs = inputs[: new.inputs[1]]
    name = layer.name
    if name.rstrip("0123456789") == layer.of.stem:  # the lab's own name: it says what the row is
        name = free_name(new.stem, [each.name for each in network.layers if each is not layer])
    return renamed(_with(network, place, Layer(kind, layer.name, usual, inputs)), place, name)


def renamed(network: Network, place: int, name: str) -> Network:
    """With another name of one row, also where other rows take their input from it. Raises ConfigError."""
    before = network.layers[place].name
    layers = [
        replace(
            layer, name=name if at == place else layer.name, inputs=tuple(name if each == before else each for each in layer.inputs)
        )
        for at, layer in enumerate(network.layers)
    ]
    return Network.make(network.title, layers)


def wired(network: Network, place: int, inputs: tuple[str, ...]) -> Network:
    """With other inputs of one row. Raises ConfigError."""
    return _with(network, place, replace(network.layers[place], inputs=inputs))


def deleted(network: Network, place: int) -> Network:
    """Without a row: rows that took its output take its input. Raises ConfigError for the only row."""
    gone, source = network.layers[place].name, network.feeds(place)[0]
    layers = []
    for at, layer in enumerate(network.layers):
        if at == place:
            continue
        inputs = network.feeds(at) if at == place + 1 else layer.inputs
        layers.append(replace(layer, inputs=tuple(source if each == gone else each for each in inputs)))
    return Network.make(network.title, layers)


def copied(network: Network, place: int) -> Network:
    """With the same row once more, behind it; it takes the output of the first. Raises ConfigError."""
    layer = network.layers[place]
    name = free_name(layer.of.stem, [each.name for each in network.layers])
    inputs = (layer.name, *layer.inputs[1:]) if layer.of.joins else ()
    layers = [*network.layers[: place + 1], replace(layer, name=name, inputs=inputs), *network.layers[place + 1 :]]
    return Network.make(network.title, layers)


def moved(network: Network, place: int, by: int) -> Network:
    """With a row moved up (-1) or down (1). Raises ConfigError where it would stand above a row whose output it takes."""
    layers = list(network.layers)
    layers.insert(place + by, layers.pop(place))
    return Network.make(network.title, layers)


def _with(network: Network, place: int, layer: Layer) -> Network:
    layers = [layer if at == place else each for at, each in enumerate(network.layers)]
    return Network.make(network.title, layers)


def cures(network: Network, error: RowError, input_shape: Shape, classes: int) -> tuple[RowCure, ...]:
    """Changes with which the row of `error` fits; each has been tried."""
    found = []
    for words, change in _proposed(network, error, classes):
        try:
            made = change()
            placed(made, input_shape, classes)
        except RowError as other:
            if other.row <= error.row:
                continue  # it moves the fault, and cures nothing
        except ConfigError:
            continue
        found.append(RowCure(words, made))
    return tuple(found)


def _proposed(network: Network, error: RowError, classes: int) -> Iterator[tuple[str, Any]]:
    place, layer = error.row, network.layers[error.row]
    settings = layer.settings
    if error.problem == "needs a vector":
        yield N_("Put a flatten before it"), lambda: _before(network, place, FLATTEN)
    elif error.problem == "needs maps":
        yield N_("Delete this row"), lambda: deleted(network, place)
        above = next((at for at in range(place - 1, -1, -1) if network.layers[at].kind == "flatten"), None)
        if above is not None:
            yield N_("Delete the flatten above it"), lambda: deleted(network, above)
    elif error.problem == "too small":
        side = min(error.given[1:], default=1)
        if "padding" in settings and (needed := -(-(settings["kernel"] - side) // 2)) > 0:
            yield say("Padding: {number}", number=needed), lambda: changed(network, place, padding=needed)
        if "kernel" in settings and settings["kernel"] > side:
            fitting = side if layer.kind != "residual" else 1
            yield say("Kernel size: {number}", number=fitting), lambda: changed(network, place, kernel=fitting)
        yield N_("Delete this row"), lambda: deleted(network, place)
    elif error.problem == "padding":
        most = int(settings["kernel"]) // 2
        yield say("Padding: {number}", number=most), lambda: changed(network, place, padding=most)
    elif error.problem == "unlike":
        yield from _alike(network, place, error)
    elif error.problem == "unused":
        yield N_("Delete this row"), lambda: deleted(network, place)
        for at in range(place + 1, len(network.layers)):
            if network.layers[at].kind == "concatenation" and len(network.feeds(at)) < network.layers[at].of.inputs[1]:
                words = say("Let {name} take it, too", name=network.layers[at].name)
                yield words, partial(wired, network, at, (*network.feeds(at), layer.name))
    elif error.problem == "no classes":
        yield from _ended(network, error, classes)
    elif error.problem == "too large" and layer.kind in ("convolution", "residual"):
        yield say("Channels: {number}", number=64), lambda: changed(network, place, channels=64)


def _alike(network: Network, place: int, error: RowError) -> Iterator[tuple[str, Any]]:
    """For an addition of unlike maps: a 1×1 convolution on the second input; or another row above of the first one's shape."""
    shapes = {row.layer.name: row.shape for row in error.before}
    inputs = network.feeds(place)
    first, second = shapes.get(inputs[0]), shapes.get(inputs[1])
    if network.layers[place].kind == "addition" and first and second and len(first) == len(second) == 3:
        stride = max(1, round(second[1] / first[1]))
        row = {"kind": "convolution", "channels": first[0], "kernel": 1, "stride": stride, "padding": 0}
        yield (
            say("A 1×1 convolution with {count} channels and stride {stride} on the second input", count=first[0], stride=stride),
            lambda: _on_second(network, place, row),
        )
    for row in reversed(error.before):
        if first and row.shape == first and row.layer.name not in inputs:
            name = row.layer.name
            change = partial(wired, network, place, (inputs[0], name, *inputs[2:]))
            yield say("Take {name} as its second input", name=name), change
            return


def _on_second(network: Network, place: int, row: Mapping[str, Any]) -> Network:
    first, second = network.feeds(place)
    made = added(network, place, row)
    made = wired(made, place, (second,))
    return wired(made, place + 1, (first, made.layers[place].name))


def _before(network: Network, place: int, *rows: Mapping[str, Any]) -> Network:
    """With rows between a row and its input."""
    source, made = network.layers[place].inputs, added(network, place, *rows)
    if source:
        made = wired(made, place, source)
        made = wired(made, place + len(rows), ())
    return made


def _ended(network: Network, error: RowError, classes: int) -> Iterator[tuple[str, Any]]:
    last, end = network.layers[-1], len(network.layers)
    shape = error.before[-1].shape
    outputs = say("Give the last row {count} units: one a class", count=classes)
    if last.kind == "linear":
        yield outputs, lambda: changed(network, end - 1, units=0)
    if len(shape) == 1:
        yield N_("Add a dense layer with one unit a class"), lambda: added(network, end, OUTPUT)
    elif shape == (classes, 1, 1):
        yield N_("Add a flatten"), lambda: added(network, end, FLATTEN)
    else:
        yield N_("Add a global pooling, a flatten and a dense layer"), lambda: added(network, end, GLOBAL, FLATTEN, OUTPUT)
        yield N_("Add a flatten and a dense layer"), lambda: added(network, end, FLATTEN, OUTPUT)
