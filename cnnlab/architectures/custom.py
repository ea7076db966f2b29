"""A network of a user's own: its one option is the list of its layers, in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab.architectures.options import Option
from cnnlab.architectures.own.network import Network
from cnnlab.architectures.own.templates import template
from cnnlab.architectures.registry import Shape, register
from cnnlab.i18n import N_

if TYPE_CHECKING:
    from torch import nn

NAME = "custom"


@register(
    NAME,
    title=N_("Your own network"),
    year=2026,
    paper="Built on Design, from rows (2026).",
    summary="Layers in an order of your own: a table of rows, each with its settings.",
    input_shape=(1, 28, 28),
    usual_size="the size of Fashion-MNIST",
    parameters=61_706,
    macs=416_520,
    options=(
        Option("network", "Layers", "network", template("lenet").text, "The rows of the network; Design has an editor for them."),
    ),
    naming=lambda options: Network.read(str(options["network"])).title,
    family=False,
)
def custom(input_shape: Shape, classes: int, *, network: str) -> nn.Module:
    from cnnlab.architectures.own import modules

    return modules.build(Network.read(network), input_shape, classes)
