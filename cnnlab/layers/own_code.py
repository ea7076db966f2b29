"""A network that the user has written, a class of PyTorch in a file of their own: for the command line alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from cnnlab.architectures import Shape, own_class
from cnnlab.architectures.class_arguments import arguments_of
from cnnlab.errors import ConfigError
from cnnlab.i18n import say
from cnnlab.layers.table import LayerTable
from cnnlab.layers.trace import trace
from cnnlab.system import kept_code
from cnnlab.text import shortened


def table_of(source: str, input_shape: Shape, given: Sequence[str] = ()) -> LayerTable:
    """The table of the network `FILE.py:Class`, made by calling the class with the `name=value` texts `given`.

    The file is run, as `python FILE.py` would run it. Raises ConfigError where there is no such class, or it cannot be made or run.
    """
    path, name = parts(source)
    place = path.resolve()
    sys.path.insert(0, str(place.parent))  # for what it imports from beside it
    try:
        module = own_class.run_file(kept_code.content_of(place), place, "own_file")
        arguments = arguments_of(own_class.class_of(module, name, place), name, given)
        made = own_class.made(module, name, place, arguments)
    finally:
        sys.path.pop(0)
    rows = own_class.passed(name, input_shape, place, lambda: trace(made, input_shape))
    if not rows:
        raise ConfigError(say("{name} has no layer that an image passes.", name=name), "file")
    return LayerTable.of(f"{path.name}:{name}", {}, input_shape, rows[-1].output_shape[-1], rows)


def parts(source: str) -> tuple[Path, str]:
    """The file and the class of `FILE.py:Class`. Raises ConfigError."""
    path, colon, name = source.rpartition(":")
    if not colon or not name.isidentifier() or not path.endswith(".py"):
        raise ConfigError(say("--file takes FILE.py:Class, such as net.py:Net, not {source}.", source=shortened(source)), "file")
    if not Path(path).is_file():
        raise ConfigError(say("There is no file {file}.", file=shortened(path)), "file")
    return Path(path), name
