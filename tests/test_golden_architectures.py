"""What every architecture says of itself and its options, and what each other value of an option makes of it, as text."""

from __future__ import annotations

import hashlib

import pytest
import torch
from golden_figures import check_closely, figure
from golden_text import check

from cnnlab.architectures import Card, cards
from cnnlab.layers.text import as_text
from cnnlab.layers.trace import layer_table

every_card = pytest.mark.parametrize("card", cards(), ids=lambda each: each.name)
OTHERS = {  # values besides an option's other choices
    "dropout": (0.0, 0.25),
    "width_divisor": (3,),
    "hidden": ((9,), (20, 10, 5)),
    "channels": ((4,), (3, 5)),
    "width": (5,),
    "growth": (3,),
}
SMALL = {  # networks that compute within milliseconds
    "mlp": ((1, 6, 7), {"hidden": (8, 5), "activation": "tanh"}),
    "lenet": ((2, 28, 26), {"channels": (2, 3), "hidden": (6, 5)}),
    "alexnet": ((1, 70, 67), {"width_divisor": 32, "second_hidden_layer": True, "pooling": "average", "batch_norm": True}),
    "vgg": ((1, 32, 35), {"width_divisor": 32, "depth": 13, "activation": "gelu"}),
    "nin": ((3, 70, 67), {"width_divisor": 32, "batch_norm": True}),
    "googlenet": ((1, 40, 44), {"width_divisor": 16, "pooling": "average"}),
    "course-resnet": ((3, 12, 14), {"width": 3, "depth": 3, "kernel_size": 5}),
    "resnet": ((1, 40, 36), {"width_divisor": 16, "depth": 34, "activation": "tanh"}),
    "densenet": ((3, 16, 24), {"growth": 2, "activation": "sigmoid"}),
    "resnet9": ((3, 16, 24), {"width": 2, "pooling": "average", "batch_norm": False}),
}


@every_card
def test_a_card_with_its_options(card: Card, regenerate_golden):
    lines = [f"{card.title} ({card.name}), {card.year}", card.paper, card.summary]
    lines += [f"{card.input_shape} is {card.usual_size}: {card.parameters:,} parameters, {card.macs:,} MACs", ""]
    for option in card.options:
        lines += [f"{option.title} ({option.name}, {option.type}): {option.default!r} of {option.rule()}", f"    {option.help}"]

    check(f"architectures/{card.name}", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def others(card: Card):
    """Each option's other values, and the pairs of settings of which one decides what the other does."""
    for option in card.options:
        values = option.choices or ((not option.default,) if option.type == "bool" else OTHERS.get(option.name, (1, 3)))
        yield from ({option.name: value} for value in values if value != option.default)
    names = {option.name for option in card.options}
    if "batch_norm" in names:
        yield {"batch_norm": not card.settings()["batch_norm"], "activation": "gelu", "dropout": 0.4}


def variant(card: Card, options):
    shape = (2, card.input_shape[1], card.input_shape[2] + 8)
    table = layer_table(card.name, shape, 7, options)
    digest = hashlib.sha256(as_text(table).encode()).hexdigest()[:8]
    words = ", ".join(f"{name}={value}" for name, value in options.items())
    return (
        f"{words}: {len(table.rows)} rows, {table.parameters:,} parameters ({table.convolution_parameters:,} in convolutions, "
        f"{table.dense_parameters:,} in dense layers), {table.buffers:,} buffers, {table.macs:,} MACs, "
        f"{table.activation_bytes:,} bytes, table {digest}"
    )


@every_card
def test_what_each_option_makes_of_a_network(card: Card, regenerate_golden):
    lines = [variant(card, options) for options in others(card)]

    check(f"architectures/{card.name}-variants", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def fill(model):
    """Weights from a formula, none like another, so that every place counts; no random number is drawn."""
    for parameter in model.parameters():
        waves = (torch.arange(parameter.numel()).double() * 0.7).sin().float().view_as(parameter)
        if parameter.dim() > 1:
            parameter.data = waves * 1.5 / parameter[0].numel() ** 0.5
        else:
            parameter.data = 1.0 + 0.3 * waves


def test_what_small_networks_compute(regenerate_golden):
    lines = []
    for card in cards():
        shape, options = SMALL[card.name]
        model = card.build(shape, 3, options | {"dropout": 0.0})
        fill(model)
        images = (torch.arange(2 * torch.Size(shape).numel()).view(2, *shape) * 0.37).sin().abs()
        for training in (True, False):
            logits = model.train(training)(images)[0].tolist()
            lines.append(f"{card.name}, {'training' if training else 'evaluating'}: {', '.join(map(figure, logits))}")

    check_closely("architectures/computed", "\n".join(lines) + "\n", regenerate=regenerate_golden)
