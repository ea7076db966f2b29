"""A network as PyTorch code: it runs as it is printed, and is the network of the lab."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import nn

from cnnlab.architectures import Card, cards
from cnnlab.architectures.blocks import Inception, Residual
from cnnlab.errors import ConfigError
from cnnlab.layers.trace import layer_table, trace
from cnnlab.network_code import code_of, network_code

# Every option that changes the code of a network, in values that are not the default; sizes stay small.
NARROW: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": (20, 10)},
    "lenet": {"channels": (4, 6, 8), "kernel_size": 3, "hidden": (20,)},
    "alexnet": {"width_divisor": 32, "second_hidden_layer": True},
    "vgg": {"width_divisor": 64, "depth": 16, "kernel_size": 5},
    "nin": {"width_divisor": 32},
    "googlenet": {"width_divisor": 16},
    "course-resnet": {"width": 4, "depth": 3, "kernel_size": 5},
    "resnet": {"width_divisor": 16, "depth": 34},
    "densenet": {"growth": 2},
    "resnet9": {"width": 4},
}


def changed(chosen: Card) -> dict[str, Any]:
    """Narrow, and activation, pooling, batch norm, dropout and shortcuts other than by default."""
    style = {}
    for option in chosen.options:
        if option.name in ("batch_norm", "shortcuts"):
            style[option.name] = not option.default
        elif option.name == "activation":
            style[option.name] = "tanh"
        elif option.name == "pooling":
            style[option.name] = "max" if option.default == "average" else "average"
        elif option.name == "dropout":
            style[option.name] = 0.0 if option.default else 0.25
    return NARROW[chosen.name] | style


def made(code: str) -> nn.Module:
    """The network that the code makes, run as it is printed."""
    names: dict[str, Any] = {}
    exec(compile(code, "printed", "exec"), names)  # noqa: S102 - our own code
    return names["network"]


def rows(model: nn.Module, shape: tuple[int, ...]) -> list[tuple]:
    """The table without additions, concatenations and scalings, which the code writes as signs and functions."""
    shown = ("path", "kind", "settings", "input_shape", "output_shape", "parameters", "buffers", "macs")
    joins = ("Add", "Concatenate", "Scale")
    return [tuple(getattr(row, name) for name in shown) for row in trace(model, shape) if row.kind not in joins]


@pytest.mark.parametrize("options", ["default", "changed"])
@pytest.mark.parametrize("chosen", cards(), ids=lambda chosen: chosen.name)
def test_the_code_runs_as_printed_and_has_the_same_table(chosen, options):
    settings = changed(chosen) if options == "changed" else {}
    code = network_code(chosen.name, chosen.input_shape, 10, settings).whole

    with torch.device("meta"):
        written = made(code)

    assert rows(written, chosen.input_shape) == rows(chosen.draft(chosen.input_shape, 10, settings), chosen.input_shape)
    assert max(map(len, code.splitlines())) <= 96
    assert options == "changed" or code.count("\n") <= 85  # a page
    for row in layer_table(chosen.name, None, 10, settings).rows:
        if "." not in row.path:
            shape = "×".join(map(str, row.output_shape))
            assert any(line.strip().startswith(f"{row.path}=") and line.endswith(f"# {shape}") for line in code.splitlines())


@pytest.mark.parametrize("chosen", cards(), ids=lambda chosen: chosen.name)
def test_a_seed_gives_the_code_the_same_weights_and_answers(chosen):
    settings = changed(chosen) | {"batch_norm": True}
    code = network_code(chosen.name, chosen.input_shape, 10, settings).whole
    images = torch.rand(2, *chosen.input_shape)

    torch.manual_seed(3)
    ours = chosen.build(options=settings)
    torch.manual_seed(3)
    written = made(code)

    assert list(written.state_dict()) == list(ours.state_dict())
    assert all(torch.equal(ours.state_dict()[name], values) for name, values in written.state_dict().items())
    with torch.no_grad():
        assert torch.equal(written.eval()(images), ours.eval()(images))


def test_blocks_of_two_kinds_in_one_network_get_two_classes():
    style = {"activation": "relu", "batch_norm": False}
    model = nn.Sequential(
        OrderedDict(
            first=Residual(3, 4, **style),
            second=Residual(4, 4, shortcuts=False, **style),
            last=Inception(4, 1, (1, 2), (1, 2), 3, pooling="max", **style),
        )
    )
    written = code_of(model, (3, 8, 8), "Mixed.")

    again = made(written.whole)
    again.load_state_dict(model.state_dict())
    images = torch.rand(2, 3, 8, 8)

    assert "second=Residual2(4, 4)" in written.function
    assert torch.equal(again(images), model(images))


def test_a_layer_without_code_is_refused_by_its_name():
    with pytest.raises(ConfigError, match="a layer of the kind Softplus cannot be written as PyTorch code"):
        code_of(nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 2, 3), odd=nn.Softplus())), (1, 8, 8), "Odd.")
