"""The one table of layer kinds: complete for every architecture, and the only place that knows kinds by their names."""

from __future__ import annotations

import ast
from itertools import product
from pathlib import Path

import pytest
from torch import nn

from cnnlab.architectures import Card, cards
from cnnlab.architectures import blocks as own
from cnnlab.architectures.kinds import KINDS, UNKNOWN, kind_of
from cnnlab.architectures.meta import all_modules
from cnnlab.layers import LayerRow
from cnnlab.layers.memory import per_image

ROOT = Path(__file__).parent.parent


def variants(card: Card):
    """Every combination of the options that decide which kinds of layers there are; the others change numbers and sizes."""
    values = {"bool": lambda option: (False, True), "choice": lambda option: option.choices, "float": lambda option: (0.0, 0.5)}
    deciding = [option for option in card.options if option.type in values and option.name not in ("depth", "kernel_size")]
    names = [option.name for option in deciding]
    return [dict(zip(names, chosen, strict=True)) for chosen in product(*(values[option.type](option) for option in deciding))]


@pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)
def test_every_layer_of_every_variant_has_a_kind(card: Card):
    for options in variants(card):
        model = card.draft(card.input_shape, 10, options)
        missing = {type(module).__name__ for module in all_modules(model) if not module._modules and kind_of(module) is UNKNOWN}
        assert not missing, f"add them to KINDS in cnnlab/architectures/kinds.py ({options})"


def test_of_a_kind_without_an_entry_a_forecast_counts_what_it_takes_and_what_it_makes():
    row = LayerRow("mine", "Mine", "", (8,), (10,), 4, 0, 0.0, 0, 40, None)

    assert per_image([row]).kept == (8 * 4, 10 * 4)


def test_every_entry_is_called_as_its_class_is():
    from torchvision.models import convnext, maxvit, swin_transformer, vision_transformer
    from torchvision.ops import misc, stochastic_depth

    operations = {"Multiply", "Mean"}  # of torch, without a class
    theirs = (misc, stochastic_depth, convnext, maxvit, swin_transformer, vision_transformer)
    for name in KINDS.keys() - operations:
        homes = [home for home in (nn, own, *theirs) if hasattr(home, name)]
        assert issubclass(getattr(homes[0], name), nn.Module)
        assert KINDS[name].title


def test_a_foreign_class_of_the_same_name_is_unknown():
    class Add(nn.Module):
        pass

    assert kind_of(Add()) is UNKNOWN
    assert kind_of(own.Add()) is KINDS["Add"]


def test_no_other_module_tells_kinds_apart_by_name():
    labels = {"Dropout", "ReLU", "GELU", "Sigmoid", "Tanh"}  # words of a form too
    users = {
        f"{file.relative_to(ROOT)}: {node.value}"
        for folder in ("cnnlab", "pages")
        for file in (ROOT / folder).rglob("*.py")
        if file.name != "kinds.py"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in KINDS.keys() - labels
    }

    assert not users
