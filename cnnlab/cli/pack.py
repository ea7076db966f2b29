"""The command that makes a pack for a classroom without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnlab.cli.commands import Home, print_error, print_text
from cnnlab.datasets.places import Places
from cnnlab.i18n import translated
from cnnlab.system.home import default_data


def pack(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new or empty folder, or a pack to renew.")],
    *,
    data: Annotated[list[str], typer.Option(help="A data set to put in, such as mnist; may be repeated.")] = [],  # noqa: B006 - Typer's
    gpu: Annotated[
        bool, typer.Option("--gpu", help="With CUDA: about 3.2 GB in all. Without, PyTorch's packages for the CPU: 0.4 GB.")
    ] = False,
    index: Annotated[
        str, typer.Option(help="A mirror of PyTorch's packages for the CPU, or another index that pip looks in, too.")
    ] = "",
    home: Home,
) -> None:
    """Make a folder for a stick, from which CNN Lab is installed and started without a network, on computers like this one."""
    from cnnlab.class_pack.make import CPU_INDEX, make, summary

    made = make(
        folder,
        data,
        Places(home, default_data()),
        index=index or (None if gpu else CPU_INDEX),
        show=lambda step: print_error(f"{translated(step)} …"),
    )
    print_text(translated(summary(made)))
