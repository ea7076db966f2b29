"""An architecture's options as data, from which pages, command line and validation follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cnnlab.architectures import code_arguments
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.system.kept_code import KeptCode
from cnnlab.text import shortened

OptionValue = bool | int | float | str | tuple[int, ...]
OptionType = Literal["bool", "int", "float", "choice", "ints", "network", "code", "arguments"]
MAXIMUM_NUMBERS = 8  # in an option of type "ints"


@dataclass(frozen=True, slots=True)
class Option:
    """One setting. `minimum` and `maximum` are inclusive; `choices` is for type "choice" (words or numbers)."""

    name: str
    title: str  # the label on a page
    type: OptionType
    default: OptionValue
    help: str  # one line that a first-year student understands
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str | int, ...] = ()

    def check(self, value: Any) -> OptionValue:
        """The value in its own type (a list becomes a tuple, 2.0 becomes 2).

        Raises ConfigError where type, range or choice is wrong.
        """
        try:
            checked = self._cast(value)
        except (TypeError, ValueError, OverflowError):
            raise self._error(value) from None
        numbers = checked if isinstance(checked, tuple) else (checked,)
        if self.type in ("int", "float", "ints"):
            low = -float("inf") if self.minimum is None else self.minimum
            high = float("inf") if self.maximum is None else self.maximum
            if not all(low <= number <= high for number in numbers):
                raise self._error(value)
        if self.type == "choice" and checked not in self.choices:
            raise self._error(value)
        return checked

    def parse(self, text: str) -> OptionValue:
        """The value from text, as a command line or a URL gives it: "true", "0.5", "120,84".

        Raises ConfigError as `check` does.
        """
        text = text.strip()
        if self.type == "bool":
            words = {"true": True, "yes": True, "on": True, "1": True}
            words |= {"false": False, "no": False, "off": False, "0": False}
            if text.lower() not in words:
                raise self._error(text)
            return words[text.lower()]
        if self.type == "ints":
            try:
                return self.check([part for part in text.strip("[]()").split(",") if part.strip()])
            except ConfigError:
                raise self._error(text) from None  # quotes the whole text, not a part of it
        return self.check(text)

    def write(self, value: OptionValue) -> str:
        """The inverse of `parse`: text for an address."""
        if self.type == "network":
            return _networks().Network.read(str(value)).token
        if isinstance(value, bool):
            return str(value).lower()
        return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

    def rule(self) -> str:
        """What is allowed, in words."""
        if self.type == "network":
            return N_("a network in JSON, as Design saves it")
        if self.type == "code":
            return N_("the name of code that the lab keeps, as net.py:Net@ and its checksum")
        if self.type == "arguments":
            return N_("arguments of a class in JSON, each a number, true or false, or text")
        if self.type == "bool":
            return N_("true or false")
        if self.type == "choice":
            return say("one of {choices}", choices=", ".join(map(str, self.choices)))
        limits = {"low": f"{self.minimum:g}", "high": f"{self.maximum:g}"} if None not in (self.minimum, self.maximum) else {}
        if self.type == "ints":
            count = {"count": MAXIMUM_NUMBERS}
            if limits:
                return say("1 to {count} whole numbers separated by commas, each from {low} to {high}", **count, **limits)
            return say("1 to {count} whole numbers separated by commas", **count)
        if self.type == "int":
            return say("a whole number from {low} to {high}", **limits) if limits else N_("a whole number")
        return say("a number from {low} to {high}", **limits) if limits else N_("a number")

    def _cast(self, value: Any) -> OptionValue:
        if self.type == "bool":
            if not isinstance(value, bool):
                raise TypeError
            return value
        if isinstance(value, bool):
            raise TypeError
        if self.type == "network":
            if not isinstance(value, str):
                raise TypeError
            return _networks().Network.read(value).text  # raises ConfigError, which names the row
        if self.type == "code":
            return KeptCode.read(value).text
        if self.type == "arguments":
            return code_arguments.written(code_arguments.read(value))
        if self.type == "int":
            return _whole(value)
        if self.type == "float":
            return float(value)
        if self.type == "ints":
            if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAXIMUM_NUMBERS:
                raise ValueError
            return tuple(_whole(part) for part in value)
        return next(choice for choice in (*self.choices, str(value)) if choice == value or str(choice) == str(value))

    def _error(self, value: Any) -> ConfigError:
        message = say("{name} must be {rule}, not {value}.", name=self.name, rule=self.rule(), value=shortened(value))
        return ConfigError(message, f"options.{self.name}")


def _networks() -> Any:
    from cnnlab.architectures.own import network  # its rows have options themselves

    return network


def _whole(value: Any) -> int:
    number = float(value)
    if not number.is_integer():
        raise ValueError
    return int(number)


def complete(options: tuple[Option, ...], given: Mapping[str, Any], owner: str) -> dict[str, OptionValue]:
    """All options of `owner` with their values, defaults filled in.

    Raises ConfigError for a name that is not an option, or a value out of range.
    """
    known = {option.name: option for option in options}
    for name in given:
        if name not in known:
            listed = ", ".join(known) or N_("none")
            message = say(
                "{network} has no option {name}; its options are: {names}.", network=owner, name=shortened(str(name)), names=listed
            )
            raise ConfigError(message, f"options.{shortened(name, quoted=False)}")
    return {name: option.check(given.get(name, option.default)) for name, option in known.items()}


ACTIVATIONS = ("sigmoid", "relu", "tanh", "gelu")


def activation(default: str) -> Option:
    """Which non-linearity follows each layer."""
    return Option(
        "activation",
        "Activation",
        "choice",
        default,
        "The non-linear function after each layer; ReLU usually learns fastest and wants a smaller learning rate.",
        choices=ACTIVATIONS,
    )


def pooling(default: str) -> Option:
    """How neighbouring values are summarised."""
    return Option(
        "pooling",
        "Pooling",
        "choice",
        default,
        "How a window of neighbouring values becomes one: their average, or the largest of them.",
        choices=("average", "max"),
    )


def batch_norm(default: bool = False) -> Option:
    """Batch normalisation after each convolution and hidden dense layer."""
    return Option(
        "batch_norm",
        "Batch normalisation",
        "bool",
        default,
        "Rescales each channel to mean 0 and variance 1 within the batch, which usually makes learning faster.",
    )


def dropout(default: float) -> Option:
    """The share of values set to zero in training."""
    return Option(
        "dropout",
        "Dropout",
        "float",
        default,
        "Share of values set to zero at random while training, so that the network does not rely on any one of them.",
        minimum=0.0,
        maximum=0.95,
    )


def usual(non_linearity: str, summary: str, *, drop: float, norm: bool = False) -> tuple[Option, ...]:
    """The four options of nearly every family, with their defaults."""
    return activation(non_linearity), pooling(summary), batch_norm(norm), dropout(drop)


def width_divisor() -> Option:
    """How many times narrower than the original."""
    return Option(
        "width_divisor",
        "Width divisor",
        "int",
        1,
        "Divides the channels of every layer: at 8 each has an eighth of them, and the network about 1/64 of its parameters.",
        minimum=1,
        maximum=64,
    )


def shortcuts() -> Option:
    """Whether residual blocks add their input."""
    return Option(
        "shortcuts",
        "Shortcuts",
        "bool",
        True,
        "Adds the input of each residual block to its output; without them a deep network is much harder to train.",
    )


def depth(default: int, choices: tuple[int, ...]) -> Option:
    """Which network of a family."""
    help_ = N_("Number of layers with weights, not counting convolutions on shortcuts.")
    return Option("depth", "Depth", "choice", default, help_, choices=choices)


def kernel_size(default: int) -> Option:
    """The window of a convolution."""
    help_ = N_("Side of the square window that a convolution looks through, in pixels.")
    return Option("kernel_size", "Kernel size", "choice", default, help_, choices=(1, 3, 5, 7))


def hidden(default: tuple[int, ...]) -> Option:
    """Dense layers before the last."""
    help_ = N_("Number of units in each dense layer before the last; one number a layer.")
    return Option("hidden", "Hidden layers", "ints", default, help_, minimum=1, maximum=8192)
