"""The words for settings and their values, in the reader's language, on pages, in reports and in the terminal. Needs no torch.

Titles stand on the fields of RunConfig and on the options of the architectures. An option is called `options.<name>`, as in errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cnnlab import datasets
from cnnlab.architectures import card, code_arguments, every_card, own_code, zoo
from cnnlab.architectures.own import Network
from cnnlab.config import RunConfig
from cnnlab.config_rules import kind, rule
from cnnlab.datasets import catalogue
from cnnlab.elsewhere import AT
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, Shown, shown
from cnnlab.optimizers import MOMENTUM, NESTEROV, OPTIMIZERS

CHOICES: dict[str, dict[Any, str]] = {
    "architecture": {each.name: each.title for each in every_card()},
    "dataset": {entry.name: entry.title for entry in catalogue.entries()},  # those of users have their own names
    "channels": {1: N_("1 (grey)"), 3: N_("3 (colour)")},
    "normalization": {"none": N_("none: 0 to 1"), "dataset": N_("mean 0, deviation 1"), "half": N_("half: −1 to 1")},
    "optimizer": {name: optimizer.title for name, optimizer in OPTIMIZERS.items()},
    "schedule": {
        "constant": N_("constant"),
        "step": N_("step by step"),
        "cosine": N_("cosine curve"),
        "one-cycle": N_("one cycle"),
        "warm-up": N_("warm-up, then constant"),
    },
    "initialization": {"pytorch": N_("PyTorch's own"), "xavier-uniform": N_("Xavier uniform"), "kaiming": "Kaiming"},
    "precision": {
        "float32": "float32",
        "tf32": "TF32 (NVIDIA GPUs)",
        "bfloat16": "bfloat16",
        "auto": N_("auto: bfloat16 where it is faster"),
    },
    "device": {"auto": N_("auto: the fastest"), "cpu": "CPU", "mps": N_("Apple GPU"), "cuda": "GPU"},
    "options.activation": {"sigmoid": "sigmoid", "relu": "ReLU", "tanh": "tanh", "gelu": "GELU"},
    "options.model": {name: name for name in zoo.networks()},
    "options.weights": {zoo.RANDOM: N_("random"), zoo.PRETRAINED: N_("learned from ImageNet")},
    "options.pooling": {"average": N_("average"), "max": N_("maximum")},
}
NETWORK = "options.network"  # the rows of a user's own network, in JSON
CODE, ARGUMENTS = f"options.{own_code.OPTION}", f"options.{own_code.ARGUMENTS}"
# What an empty field means.
EMPTY = {
    "image_size": N_("the architecture's own"),
    "channels": N_("as the data set has"),
    "limit": N_("all images"),
    "gradient_clip": N_("off"),
    "patience": N_("off"),
}
# A setting that applies only to some choices of another one.
USED_WITH = {
    "momentum": ("optimizer", MOMENTUM),
    "nesterov": ("optimizer", NESTEROV),
    "step_epochs": ("schedule", ("step",)),
    "step_factor": ("schedule", ("step",)),
    "warmup_epochs": ("schedule", ("warm-up",)),
    "cycle_momentum": ("schedule", ("one-cycle",)),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of RunConfig. `rule` says in words what is allowed; `choices` is for kind "choice"."""

    name: str
    title: str
    help: str
    kind: Literal["bool", "int", "float", "choice", "text"]
    default: Any
    optional: bool
    rule: str
    choices: tuple[Any, ...]


def setting(name: str) -> Setting:
    """The field `name` of RunConfig, as its type and metadata describe it."""
    field = RunConfig.model_fields[name]
    inner, optional, choices, _ = kind(field)
    return Setting(
        name=name,
        title=shown(field.title or name),
        help=shown(field.description or ""),
        kind="choice" if choices else {bool: "bool", int: "int", float: "float"}.get(inner, "text"),
        default=field.default,
        optional=optional,
        rule=rule(field),
        choices=(None, *choices) if optional and choices else choices,
    )


def applies(name: str, values: Mapping[str, Any]) -> bool:
    """Whether the setting has an effect beside these `values` of others, as far as they are known."""
    other, choices = USED_WITH.get(name, ("", ()))
    return other not in values or values[other] in choices


def settings(config: RunConfig) -> dict[str, Any]:
    """All settings by name, the architecture's own as `options.<name>`."""
    flat = {name: value for name, value in config if name != "options"}
    return flat | {f"options.{name}": value for name, value in config.options.items()}


def changed(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """The configuration with other values of settings named as in `settings`. Raises ConfigError.

    Where a switch of `config` alone is in the way that no longer has an effect, such as Nesterov momentum with Adam, it is off.
    Another architecture begins with its own options.
    """
    same = values.get("architecture", config.architecture) == config.architecture
    options = (config.options if same else {}) | {
        name.removeprefix("options."): value for name, value in values.items() if name.startswith("options.")
    }
    fields = {name: value for name, value in values.items() if not name.startswith("options.")} | {"options": options}
    try:
        return config.change(**fields)
    except ConfigError:
        after = settings(config) | dict(values)
        idle = {name: False for name in USED_WITH if name not in values and after[name] is True and not applies(name, after)}
        if not idle:
            raise
        return config.change(**fields, **idle)


def title(name: str, architecture: str) -> str:
    """The title of a setting: "Learning rate"; of `options.hidden`: "Hidden layers"."""
    owner, _, option = name.rpartition(".")
    if owner:
        return shown(next(each.title for each in card(architecture).options if each.name == option))
    return shown(RunConfig.model_fields[name].title or name)


def words(name: str, value: Any) -> str:
    """The value of a setting in words: "SGD", "yes", "120, 84", "all images" for an empty limit."""
    if value is None:
        return shown(EMPTY[name])
    if isinstance(value, bool):
        return shown(N_("yes") if value else N_("no"))
    if name == NETWORK:
        return Network.read(value).title
    if name == CODE and value:
        return own_code.version(value)
    if name == ARGUMENTS:
        return code_arguments.in_words(value) or shown(N_("none"))
    if name == "architecture" and value == own_code.NAME:
        return shown(card(value).title)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if name == "dataset" and value not in CHOICES[name]:
        return _dataset(value)
    return shown(CHOICES.get(name, {}).get(value, str(value).removeprefix(AT) if name == "device" else str(value)))


def _dataset(name: str) -> str:
    """The title of a user's own data set; of one that is not known, its name."""
    try:
        title = datasets.entry(name).title
    except ConfigError:
        return str(name)
    return title if isinstance(title, Shown) else shown(title)  # "Flowers (3 images set aside)"
