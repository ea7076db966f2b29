"""A network that the user has written, a class of PyTorch in a file of their own: for the command line alone."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from torch import nn

from cnnlab.architectures import Shape
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.layers.table import LayerTable
from cnnlab.layers.trace import trace
from cnnlab.text import shape_text, shortened


def table_of(source: str, input_shape: Shape) -> LayerTable:
    """The table of the network `FILE.py:Class`, made by calling the class without arguments.

    The file is run, as `python FILE.py` would run it. Raises ConfigError where there is no such class, or it cannot be made or run.
    """
    path, name = _parts(source)
    made = _made(_class(path, name), name)
    if not isinstance(made, nn.Module):
        raise ConfigError(say("{name} makes no network: it must be a class that inherits from torch.nn.Module.", name=name), "file")
    try:
        rows = trace(made, input_shape)
    except Exception as error:  # the user's own code may raise anything
        raise ConfigError(
            say(
                "{name} cannot take an image of {shape}: {reason}.", name=name, shape=shape_text(input_shape), reason=_reason(error)
            ),
            "input_shape",
        ) from error
    if not rows:
        raise ConfigError(say("{name} has no layer that an image passes.", name=name), "file")
    return LayerTable.of(f"{path.name}:{name}", {}, input_shape, rows[-1].output_shape[-1], rows)


def _parts(source: str) -> tuple[Path, str]:
    path, colon, name = source.rpartition(":")
    if not colon or not name.isidentifier() or not path.endswith(".py"):
        raise ConfigError(say("--file takes FILE.py:Class, such as net.py:Net, not {source}.", source=shortened(source)), "file")
    if not Path(path).is_file():
        raise ConfigError(say("There is no file {file}.", file=shortened(path)), "file")
    return Path(path), name


def _class(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    if spec is None or spec.loader is None:
        raise ConfigError(say("The file {file} cannot be read as Python.", file=shortened(str(path))), "file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))  # for what it imports from beside it
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        text = say("The file {file} cannot be run: {reason}.", file=shortened(str(path)), reason=_reason(error))
        raise ConfigError(text, "file") from error
    finally:
        sys.path.pop(0)
    if not hasattr(module, name):
        raise ConfigError(say("The file {file} has no class {name}.", file=shortened(str(path)), name=name), "file")
    return getattr(module, name)


def _made(kind: Any, name: str) -> Any:
    try:
        return kind()
    except Exception as error:
        text = say("{name}() fails ({reason}): the class must be made without arguments.", name=name, reason=_reason(error))
        raise ConfigError(text, "file") from error


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [N_("no reason given")]
    return f"{type(error).__name__}: {lines[0][:200].rstrip('.')}"
