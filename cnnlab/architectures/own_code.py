"""A network that a user has written, as a class of PyTorch in a file: its one option names the class in the kept file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab.architectures import code_arguments
from cnnlab.architectures.options import Option
from cnnlab.architectures.registry import Shape, register
from cnnlab.errors import NotAllowed
from cnnlab.i18n import N_
from cnnlab.system.kept_code import KeptCode

if TYPE_CHECKING:
    from torch import nn

NAME = "own-code"
OPTION, ARGUMENTS = "code", "arguments"


@register(
    NAME,
    title=N_("Your own code"),
    year=2026,
    paper="Written in PyTorch by the run's author (2026).",
    summary="A class of PyTorch in a file of its own, trained by the command line on the lab's machine.",
    input_shape=(1, 28, 28),
    usual_size=N_("the size of Fashion-MNIST"),
    parameters=0,
    macs=0,
    options=(
        Option(OPTION, "Code", "code", "", "The file and its class, and the checksum of what it held when the run was started."),
        Option(ARGUMENTS, "Arguments", "arguments", "", "What the class is made with."),
    ),
    naming=lambda options: KeptCode.read(options[OPTION]).title,
    family=False,
    foreign=True,
)
def own_code(input_shape: Shape, classes: int, *, code: str, arguments: str) -> nn.Module:
    from cnnlab.architectures import own_class

    return own_class.kept_network(KeptCode.read(code), code_arguments.read(arguments))


def version(code: str) -> str:
    """The class in words, with the first digits of its file's checksum: "net.py:Net (3f2a91c0)"."""
    return KeptCode.read(code).version


def check_not_own(architecture: str) -> None:
    """Raises NotAllowed for own code: it runs on the lab's machine, so only the command line there starts it."""
    if architecture == NAME:
        raise NotAllowed(
            N_("Only the command line on the lab's machine trains a network of own code: python -m cnnlab train --file net.py:Net.")
        )
