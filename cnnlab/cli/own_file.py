"""`--file`: a network of one's own as a class of PyTorch. It is run here, and kept in the lab's home for the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cnnlab.architectures import code_arguments, own_code
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.i18n import N_
from cnnlab.runs import code_rows
from cnnlab.system import kept_code, working_home
from cnnlab.system.kept_code import KeptCode

CodeFile = Annotated[
    str | None,
    typer.Option(
        "--file",
        metavar="FILE.py:CLASS",
        help="A class of PyTorch in your own file, in place of NAME: it gives one number for each class, and --set its arguments. "
        "The file is run as you, on this machine, and a copy is kept in the lab's folder, from which the run trains and resumes. "
        "No page can start it.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class OwnFile:
    """The class of `--file`, and what its file holds."""

    home: Path
    name: str
    code: KeptCode
    content: bytes

    def keep(self) -> None:
        """Keeps the file, which may have been deleted with the last run that needed it. Raises StoreError."""
        kept_code.keep(self.home, self.name, self.code.kind, self.content)

    def settings(self, given: list[str]) -> tuple[str, list[str]]:
        """NAME and the settings that stand for the class, made with the `name=value` texts `given`. Raises ConfigError."""
        from cnnlab.architectures import own_class

        arguments = code_arguments.written(own_class.kept_arguments(self.code, given))
        return own_code.NAME, [f"{own_code.OPTION}={self.code.text}", f"{own_code.ARGUMENTS}={arguments}"]


@contextmanager
def own_file(file: str | None, home: Path, *, beside: bool) -> Iterator[OwnFile | None]:
    """The class of `--file`, kept in the lab's home; where the context ends in an error, only if a run needs it. Or None.

    `beside`: NAME or --network is given too. Raises ConfigError, StoreError.
    """
    if file is None:
        yield None
        return
    from cnnlab.architectures import own_class
    from cnnlab.layers.own_code import parts

    if beside:
        raise ConfigError(N_("--file has the whole network: leave NAME and --network out."), "architecture")
    path, kind = parts(file)
    content = kept_code.content_of(path)
    own_class.check_alone(content, path.resolve())
    code = kept_code.keep(working_home.look_in(home), path.name, kind, content)
    try:
        yield OwnFile(home, path.name, code, content)
    except CNNLabError:
        code_rows.drop_unneeded(home, code)
        raise
