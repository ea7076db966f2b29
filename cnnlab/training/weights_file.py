"""Reads a file of weights that a user brings, and says where it does not fit a network. Nothing in such a file is executed."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.errors import CheckpointError, InstallationError
from cnnlab.i18n import N_, nsay, say
from cnnlab.system.brought_weights import MOST
from cnnlab.text import shape_text, shortened, size_text

_HEADER = 100_000_000  # bytes, as the format allows
_WRAPPED = ("model", "state_dict", "model_state_dict")  # under which programs save the weights beside other things
_PREFIXES = ("module.", "_orig_mod.")  # of networks that were trained on several devices, or compiled
_NAMED = 3  # names in a sentence


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of a state dict that `torch.save` wrote, by name. Raises CheckpointError."""
    if path.stat().st_size > MOST:
        raise CheckpointError(
            say("The file has {size}; at most {most} can be imported.", size=size_text(path.stat().st_size), most=size_text(MOST))
        )
    with path.open("rb") as file:
        start = file.read(9)
    tensors = _safetensors(path) if start[8:9] == b"{" and not zipfile.is_zipfile(path) else _saved(path)
    for prefix in _PREFIXES:
        if tensors and all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    if not tensors:
        raise CheckpointError(N_("The file holds no tensors: save the network's state_dict(), or a safetensors file."))
    return tensors


def configuration(path: Path) -> str:
    """The settings of the run whose weights the lab wrote to this file, as JSON; "" in any other file."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size)) if 0 < size <= _HEADER else {}
        return str(header.get("__metadata__", {}).get("configuration", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def fit(model: nn.Module, tensors: Mapping[str, Tensor], title: str) -> None:
    """Raises CheckpointError, which names what is missing, unknown or of another shape, where the tensors are not `model`'s."""
    own = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    missing = [name for name in own if name not in tensors]
    unknown = [name for name in tensors if name not in own]
    shapes = [
        say("{name} is {found} and would be {wanted} here", name=name, found=_shape(tensors[name].shape), wanted=_shape(own[name]))
        for name in own
        if name in tensors and tuple(tensors[name].shape) != own[name]
    ]
    problems = []
    if count := len(missing):
        problems.append(
            nsay("{count} is missing ({names})", "{count} are missing ({names})", count, count=count, names=_some(missing))
        )
    if count := len(unknown):
        problems.append(
            nsay("{count} is unknown ({names})", "{count} are unknown ({names})", count, count=count, names=_some(unknown))
        )
    if count := len(shapes):
        names = _some(shapes)
        problems.append(
            nsay("{count} has another shape ({names})", "{count} have other shapes ({names})", count, count=count, names=names)
        )
    if problems:
        raise CheckpointError(
            say(
                "These weights do not fit {network}, which has {count} tensors: {problems}. Choose the network that they were "
                "trained in, with its options, channels, image size and classes.",
                network=title, count=len(own), problems="; ".join(problems),
            )
        )  # fmt: skip


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise InstallationError(
            N_("To read a safetensors file, the lab needs safetensors: type  pip install safetensors  and try again.")
        ) from error
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(say("The safetensors file cannot be read: {reason}.", reason=shortened(str(error)))) from error


def _saved(path: Path) -> dict[str, Tensor]:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if sum(each.file_size for each in archive.infolist()) > 2 * MOST:
                    raise CheckpointError(N_("The file unpacks to more than 2 GB, which is too much to import."))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about the protocol of a file that it then refuses
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as error:  # damaged bytes can raise anything
        raise CheckpointError(
            N_(
                "The file cannot be read as weights: it is damaged, or holds Python objects, which could run a program. Save "
                "torch.save(network.state_dict(), path) or a safetensors file."
            )
        ) from error
    for name in _WRAPPED:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
            break
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(
            N_(
                "The file is no state dict: it has something else than tensors by name. "
                "Save torch.save(network.state_dict(), path)."
            )
        )
    return {str(name): value for name, value in content.items()}


def _some(names: Sequence[str]) -> str:
    shown = [name if " " in name else shortened(name, quoted=False) for name in names[:_NAMED]]
    return ", ".join([*shown, "…"] if len(names) > _NAMED else shown)


def _shape(shape: Sequence[int]) -> str:
    return shape_text(tuple(shape)) if len(shape) else "1"
