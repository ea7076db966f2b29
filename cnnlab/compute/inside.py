"""What the helper answers about a run's network while it looks at one image."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import Tensor, nn

from cnnlab.compute.trained import Network, looking, one_thread, open_network
from cnnlab.datasets.pictures import png_data_uri
from cnnlab.errors import ComputeError, ConfigError
from cnnlab.i18n import N_, say
from cnnlab.inside import attribution, by_hand, pictures
from cnnlab.inside.activations import change
from cnnlab.inside.statistics import statistics
from cnnlab.inside_values import (
    Attribution,
    ByHand,
    ChannelMap,
    InsideNetwork,
    Kernel,
    Kernels,
    Look,
    Maps,
    Method,
    Numbers,
    Seen,
    Table,
)
from cnnlab.text import duration_text
from cnnlab.values import Checkpoint, EvaluatedRun

MOST_MAPS = 64  # on one page
LIGHT = 1_000_000_000  # multiply-accumulates that take a second or two at most
LONGEST = 60.0  # seconds
BACKWARD = 3  # a pass there and back takes as long as about three there
STRONGEST = 0.99  # of the pixels lie within the colour scale of integrated gradients
DECIMALS = 6  # of numbers that travel


def inside_network(home: Path, *, run: EvaluatedRun, checkpoint: Checkpoint, epoch: int | None = None) -> InsideNetwork:
    """The layers of a run's network, with the weights of a checkpoint or of an epoch."""
    return open_network(home, run, checkpoint, epoch).about


@one_thread()
def seen(home: Path, *, look: Look) -> Seen:
    """The image, what the network takes it for, and, where it is moved, how far each layer's output changed."""
    network, image = looking(home, look)
    paths = [layer.path for layer in network.about.layers] if image.still is not None else []
    logits, after = network.passed(image.input, paths)
    before = network.passed(image.still, paths)[1] if image.still is not None else {}
    return Seen(
        picture=png_data_uri(image.pixels),
        label=image.label,
        probabilities=tuple(torch.softmax(logits.double(), 0).tolist()),
        changes=tuple(change(before[path].made, after[path].made) for path in paths),
    )


@one_thread()
def maps(home: Path, *, look: Look, layer: str, first: int = 0, count: int = MOST_MAPS) -> Maps:
    """`count` channels of a layer's output from `first` on, as pictures, and how all its values are distributed."""
    network, image = looking(home, look)
    chosen = network.layer(layer)
    made = network.passed(image.input, [layer])[1][layer].made
    before = None if image.still is None else network.passed(image.still, [layer])[1][layer].made
    low, high = pictures.ends(made)
    return Maps(
        path=layer,
        shape=chosen.output_shape,
        maps=tuple(
            ChannelMap(
                channel=channel,
                picture=pictures.map_uri(made[channel], low, high),
                low=made[channel].min().item(),
                mean=made[channel].mean().item(),
                high=made[channel].max().item(),
                change=None if before is None else change(before[channel], made[channel]),
            )
            for channel in _channels(made, first, count)
        )
        if chosen.is_map
        else (),
        low=low,
        high=high,
        statistics=statistics(made, chosen.kind),
    )


@one_thread()
def numbers(home: Path, *, look: Look, layer: str, first: int = 0, count: int = 1) -> Numbers:
    """The values of `count` channels of a layer's output from `first` on."""
    network, image = looking(home, look)
    network.layer(layer)
    made = network.passed(image.input, [layer])[1][layer].made
    made = made if made.ndim == 3 else made.reshape(1, 1, -1)
    return Numbers(layer, first, tuple(_table(made[channel]) for channel in _channels(made, first, count)))


@one_thread()
def sheet(home: Path, *, look: Look, layer: str, first: int = 0, count: int = MOST_MAPS) -> str:
    """`count` channels of a layer's output from `first` on as one picture."""
    network, image = looking(home, look)
    if not network.layer(layer).is_map:
        raise ConfigError(say("The output of {layer} has no maps; choose a layer before it.", layer=layer), "layer")
    made = network.passed(image.input, [layer])[1][layer].made
    chosen = _channels(made, first, count)
    return pictures.sheet_uri(made[chosen.start : chosen.stop], *pictures.ends(made))


@one_thread()
def attributed(home: Path, *, look: Look, method: Method, target: int | None = None) -> Attribution:
    """Which places speak for the class `target`, or for the predicted one."""
    network, image = looking(home, look)
    logits, _ = network.passed(image.input, [])
    target = int(logits.argmax()) if target is None else target
    if not 0 <= target < len(logits):
        raise ConfigError(say("target must be from 0 to {last}, not {target}.", last=len(logits) - 1, target=target), "target")
    black = network.preparation.test(torch.zeros_like(image.pixels)[None])
    path = network.about.explained if method == "grad-cam" else ""
    if method == "grad-cam" and not path:
        raise ConfigError(N_("This network has no layer with maps, which Grad-CAM needs; choose another method."), "method")
    passes = {"integrated-gradients": attribution.STEPS, "occlusion": attribution.places(image.input.shape[-1])}.get(method, 1)
    _refuse_if_long(network, image.input, passes * (BACKWARD if method == "integrated-gradients" else 1))
    with network.working():
        if method == "grad-cam":
            heat = attribution.grad_cam(network.model, image.input, target, path)
        elif method == "integrated-gradients":
            heat = attribution.integrated_gradients(network.model, image.input, target, black)
        else:
            heat = attribution.occlusion(network.model, image.input, target, black)
    low, high = pictures.ends(heat)
    if method == "integrated-gradients":  # a few pixels are far above the others, which would all look like 0
        high = torch.quantile(heat.abs(), STRONGEST).item() or high
    if method != "grad-cam":  # these have two signs, also where one of them does not occur
        low = -high
    return Attribution(
        method=method,
        layer=path,
        target=target,
        score=logits[target].item(),
        picture=pictures.overlay_uri(image.pixels, heat, low, high),
        values=_table(heat),
        low=low,
        high=high,
        passes=passes,
    )


@one_thread()
def kernels(home: Path, *, look: Look, layer: str, first: int = 0, count: int = MOST_MAPS) -> Kernels:
    """`count` kernels of a convolution from `first` on: first those of output channel 0, one for each input channel."""
    network = open_network(home, look.run, look.checkpoint, look.epoch)
    kind = network.layer(layer).kind
    module = network.model.get_submodule(layer)
    if not isinstance(module, nn.Conv2d):
        raise ConfigError(
            say("{layer} is a {kind} layer and has no kernels; choose a convolution.", layer=layer, kind=kind), "layer"
        )
    weights = module.weight.detach()
    flat = weights.flatten(0, 1)
    high = weights.abs().max().item()
    chosen = _channels(flat, first, count)
    height, width = weights.shape[2:]
    return Kernels(
        path=layer,
        outputs=weights.shape[0],
        inputs=weights.shape[1],
        size=(height, width),
        high=high,
        kernels=tuple(
            Kernel(*divmod(place, weights.shape[1]), pictures.map_uri(flat[place], -high, high), _table(flat[place]))
            for place in chosen
        ),
        sheet=pictures.sheet_uri(flat[chosen.start : chosen.stop], -high, high) if chosen else "",
    )


@one_thread()
def worked_out(home: Path, *, look: Look, layer: str, channel: int, row: int, column: int, reads: int = 0) -> ByHand:
    """One output value of a convolution or a pooling layer; `reads` counts the input channels whose window is shown."""
    network, image = looking(home, look)
    chosen = network.layer(layer)
    module = network.model.get_submodule(layer)
    behind = network.activation_behind(layer)
    _, found = network.passed(image.input, [layer, *([behind.path] if behind else [])])
    given, made = found[layer].given, found[layer].made
    if not 0 <= channel < len(made):
        raise ConfigError(say("channel must be from 0 to {last}, not {channel}.", last=len(made) - 1, channel=channel), "channel")
    window = by_hand.window_at(module, tuple(given.shape), tuple(made.shape), row, column)
    summed = by_hand.products(module, given, window, channel) if isinstance(module, nn.Conv2d) else None
    channels = summed.reads if summed else (channel,)
    place = min(max(reads, 0), len(channels) - 1)
    shown = channels[place]
    return ByHand(
        path=layer,
        kind=chosen.kind,
        given=tuple(given.shape),
        made=tuple(made.shape),
        kernel=window.kernel,
        stride=window.stride,
        padding=window.padding,
        dilation=window.dilation,
        place=window.place,
        rounded_up=bool(getattr(module, "ceil_mode", False)),
        channel=channel,
        row=row,
        column=column,
        reads=channels,
        shown=shown,
        window=_table(window.values(given[shown : shown + 1])[0]),
        weights=_table(summed.weights[place]) if summed else (),
        sums=_rounded(summed.sums) if summed else (),
        bias=summed.bias if summed else None,
        result=made[channel, row, column].item(),
        activation=behind.kind if behind else "",
        activated=found[behind.path].made[channel, row, column].item() if behind else None,
        picture=pictures.map_uri(given[shown], *pictures.ends(given[shown]), largest=None),
    )


def _refuse_if_long(network: Network, image: Tensor, passes: int) -> None:
    """Raises ComputeError where so many passes would take longer than anybody waits, by the time of the faster of two."""
    if network.macs * passes < LIGHT:
        return
    times = []
    for _ in range(2):
        start = time.perf_counter()
        network.passed(image, [])
        times.append(time.perf_counter() - start)
    seconds = min(times) * passes
    if seconds > LONGEST:
        raise ComputeError(
            say(
                "This would take about {time}: the network needs {each} for one image, and has to be asked many times. Choose "
                "Grad-CAM, which asks once, or try again when the machine has less to do.",
                time=duration_text(seconds),
                each=duration_text(min(times)),
            )
        )


def _channels(made: Tensor, first: int, count: int) -> range:
    """The numbers of the channels that a question asks for."""
    if not 1 <= count <= MOST_MAPS or first < 0:
        raise ConfigError(
            say(
                "At most {most} channels from 0 on can be asked for at a time, not {count} from {first}.",
                most=MOST_MAPS,
                count=count,
                first=first,
            ),
            "count",
        )
    return range(first, min(first + count, len(made)))


def _table(values: Tensor) -> Table:
    return tuple(map(tuple, values.double().round(decimals=DECIMALS).tolist()))


def _rounded(values: Tensor) -> tuple[float, ...]:
    return tuple(values.double().round(decimals=DECIMALS).tolist())
