"""`--file`: a network of one's own as a class of PyTorch. It is run here, and kept in the lab's home for the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cnnlab.architectures import own_code
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.i18n import N_
from cnnlab.system import kept_code
from cnnlab.system.kept_code import KeptCode

CodeFile = Annotated[
    str | None,
    typer.Option(
        "--file",
        metavar="FILE.py:CLASS",
        help="A class of PyTorch in your own file, in place of NAME: made without arguments, it gives one number for each class. "
        "The file is run as you, on this machine, and a copy is kept in the lab's folder, from which the run trains and resumes. "
        "No page can start it.",
        show_default=False,
    ),
]


@contextmanager
def own_file(file: str | None, home: Path, *, beside: bool) -> Iterator[KeptCode | None]:
    """The class of `--file`, kept in the lab's home unless the context ends in an error; None without one.

    `beside`: NAME, --network or --set is given too. Raises ConfigError, StoreError.
    """
    if file is None:
        yield None
        return
    from cnnlab.architectures import own_class
    from cnnlab.layers.own_code import parts

    if beside:
        raise ConfigError(N_("--file has the whole network: leave NAME, --network and --set out."), "architecture")
    path, kind = parts(file)
    content = kept_code.content_of(path)
    own_class.check_alone(content, path.resolve())
    code, new = kept_code.keep(home, path.name, kind, content)
    try:
        yield code
    except CNNLabError:
        if new:
            kept_code.drop(home, code)
        raise


def as_settings(code: KeptCode) -> tuple[str, list[str]]:
    """NAME and the settings that stand for it."""
    return own_code.NAME, [f"{own_code.OPTION}={code.text}"]
