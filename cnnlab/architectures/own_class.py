"""Runs a user's own file and makes the network of its class. Each error is one sentence, with the file's line."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from cnnlab.architectures.class_arguments import arguments_of
from cnnlab.architectures.code_arguments import Value
from cnnlab.architectures.meta import run_on_meta
from cnnlab.architectures.shape import Shape
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.system import kept_code, working_home
from cnnlab.system.kept_code import KeptCode
from cnnlab.text import shape_text, shortened

Made = TypeVar("Made")
_OWN = Exception, SystemExit  # what a user's own code may raise, with `exit()`


def kept_network(code: KeptCode, arguments: Mapping[str, Value]) -> nn.Module:
    """The network that a kept class makes of these arguments, on the CPU, its weights drawn from torch's global generator.

    Raises ConfigError.
    """
    module, place = _kept_module(code)
    network = made(module, code.kind, place, arguments)
    for layer in network.modules():
        if getattr(layer, "inplace", False):
            layer.inplace = False  # each layer's own output can be looked at
    return network


def kept_arguments(code: KeptCode, given: Iterable[str]) -> dict[str, Value]:
    """The arguments that a kept class takes, read from "name=value" texts. Raises ConfigError."""
    module, place = _kept_module(code)
    return arguments_of(class_of(module, code.kind, place), code.kind, given)


def _kept_module(code: KeptCode) -> tuple[ModuleType, Path]:
    home = working_home.known()
    if home is None:
        raise ConfigError(N_("Own code needs a lab that keeps it: give its folder with --home, or CNNLAB_HOME."), "options.code")
    name, place = f"cnnlab_own_code_{code.digest}", code.place(home)
    return sys.modules.get(name) or run_file(code.source(home), place, name), place


def run_file(content: bytes, place: Path, name: str) -> ModuleType:
    """The module `name` of a file's content. Its random draws are its own. Raises ConfigError."""
    module = ModuleType(name)
    module.__file__ = str(place)
    sys.modules[name] = module  # dataclasses and pickles look there
    try:
        with torch.random.fork_rng(devices=[]):
            exec(compile(content, str(place), "exec"), vars(module))  # noqa: S102 - what the user of the command line asks for
    except _OWN as error:
        del sys.modules[name]
        text = say("The file {file} cannot be run: {reason}.", file=shortened(place.name), reason=reason(error, place))
        raise ConfigError(text, "file") from error
    return module


def class_of(module: ModuleType, name: str, place: Path) -> Callable[..., Any]:
    """The class called `name`. Raises ConfigError."""
    kind = getattr(module, name, None)
    if kind is None:
        raise ConfigError(say("The file {file} has no class {name}.", file=shortened(place.name), name=name), "file")
    return kind


def made(module: ModuleType, name: str, place: Path, arguments: Mapping[str, Value]) -> nn.Module:
    """What the class called `name` makes of these arguments. Raises ConfigError."""
    try:
        network = class_of(module, name, place)(**arguments)
    except _OWN as error:
        call = f"{name}({', '.join(f'{each}={value!r}' for each, value in arguments.items())})"
        text = say("{call} fails: {reason}.", call=shortened(call, quoted=False), reason=reason(error, place))
        raise ConfigError(text, "file") from error
    if not isinstance(network, nn.Module):
        raise ConfigError(say("{name} makes no network: it must be a class that inherits from torch.nn.Module.", name=name), "file")
    return network


def passed(name: str, input_shape: Shape, place: Path, forward: Callable[[], Made]) -> Made:
    """What `forward` returns, which passes an image through the network called `name`. Raises ConfigError."""
    try:
        return forward()
    except _OWN as error:
        text = say("{name} cannot take an image of {shape}: {reason}.", name=name, shape=shape_text(input_shape),
                   reason=reason(error, place))  # fmt: skip
        raise ConfigError(text, "input_shape") from error


def network(
    builder: Callable[..., nn.Module], input_shape: Shape, classes: int, settings: Mapping[str, Any], device: str
) -> nn.Module:
    """The network of kept code on `device`, tried at its input size; for "meta" on the CPU. Raises ConfigError.

    It is made as it is, and what it does then may need values. A copy on the meta device would part weights that are shared.
    """
    empty = torch.device(device).type == "meta"
    with torch.random.fork_rng(devices=[], enabled=empty):
        model = builder(input_shape, classes, **settings)
    check_outputs(model, KeptCode.read(settings["code"]), input_shape, classes)
    return model if empty else model.to(device)


def check_outputs(network: nn.Module, code: KeptCode, input_shape: Shape, classes: int) -> None:
    """Raises ConfigError unless the network has weights to learn, and gives one number for each class."""
    if not any(weight.requires_grad for weight in network.parameters()):
        raise ConfigError(say("{name} has no weights that could learn: give it a layer.", name=code.kind), "file")
    image = torch.empty(1, *input_shape, device="meta")
    place = code.place(working_home.known() or Path())
    with torch.random.fork_rng(devices=[]):
        given = passed(code.kind, input_shape, place, lambda: run_on_meta(network, image))
    if not isinstance(given, Tensor):
        text = say(
            "{name} must give one tensor, with a number for each class, not a {kind}.", name=code.kind, kind=type(given).__name__
        )
        raise ConfigError(text, "file")
    if tuple(given.shape) != (1, classes):
        text = say(
            "{name} gives {given} for a batch of one image, but there are {classes} classes, so it must give {wanted}: change its "
            "last layer.",
            name=code.kind,
            given=shape_text(given.shape) or "1",
            classes=classes,
            wanted=shape_text((1, classes)),
        )
        raise ConfigError(text, "file")


def check_alone(content: bytes, place: Path) -> None:
    """Raises ConfigError where the file imports another one that lies beside it: a run keeps one file."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return  # running it says what is wrong
    for node in ast.walk(tree):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        for name in {each.partition(".")[0] for each in names} - {""} - sys.modules.keys():
            if any((folder / name).is_dir() or (folder / f"{name}.py").is_file() for folder in {place.parent, Path()}):
                text = say("{file} imports {name}, which lies beside it, and a run keeps one file alone: put both into one file.",
                           file=shortened(place.name), name=shortened(name))  # fmt: skip
                raise ConfigError(text, "file")


def reason(error: BaseException, place: Path) -> str:
    """The kind of an error and the first line of what it says, with the line of the file."""
    lines = str(error).strip().splitlines() or [N_("no reason given")]
    what = f"{type(error).__name__}: {lines[0][:200].rstrip('.')}"
    where = kept_code.line_of(error, file=place)
    if isinstance(error, SyntaxError) and error.filename == str(place):
        what, where = f"SyntaxError: {error.msg}", say("{file}, line {number}", file=place.name, number=error.lineno or 0)
    return f"{what} ({where})" if where else what
