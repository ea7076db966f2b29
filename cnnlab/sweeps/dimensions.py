"""One setting that varies in a sweep: its values, or a range, checked against the settings of the other runs."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cnnlab.architectures import card
from cnnlab.config import RunConfig
from cnnlab.config_rules import Number, checked, unknown
from cnnlab.config_words import NETWORK, changed, setting, settings, words
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, english, say
from cnnlab.text import shortened

MAXIMUM_VALUES = 50  # of one setting
DIGITS = 3  # significant ones of a number drawn from a range: 0.0373 says as much as 0.03728192
# What each would change besides the network: why a sweep does not vary it.
STAYS = {
    "dataset": N_("accuracies on other images do not compare"),
    "limit": N_("it changes the test images too; vary data_share"),
    "validation_share": N_("it changes the images that choose the best run"),
    "device": N_("it changes nothing that is learnt"),
    NETWORK: N_("train each network of your own as a run"),
}


class Dimension(BaseModel):
    """One setting that varies: over `values`, or between `low` and `high`, evenly in their logarithm with `log`.

    `setting` is a field of RunConfig, or `options.<name>` of the architecture. With `step` a range is low, low + step, …
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    setting: str = Field(title="Setting")
    values: tuple[Any, ...] | None = Field(None, title="Values")
    low: Number | None = Field(None, title="From")
    high: Number | None = Field(None, title="To")
    log: Annotated[bool, Field(strict=True)] = Field(False, title="Logarithmic")
    step: Number | None = Field(None, title="Step")

    @model_validator(mode="before")
    @classmethod
    def _names(cls, given: Any) -> Any:
        for name in given if isinstance(given, dict) else ():
            if name not in cls.model_fields:
                raise unknown(name, cls)
        if isinstance(given, dict) and not isinstance(given.get("values"), list | tuple | None):
            raise ConfigError(say("{name} must be a list, not {value}.", name="values", value=shortened(given["values"])), "values")
        return given

    @model_validator(mode="after")
    def _rules(self) -> Self:
        name = shortened(self.setting, quoted=False)
        if self.values is not None:
            if any(value is not None for value in (self.low, self.high, self.step)) or self.log:
                raise ConfigError(say("{name} has either values or a range, not both.", name=name), name)
            if not 2 <= len(self.values) <= MAXIMUM_VALUES:
                error = say("{name} needs 2 to {most} values, not {count}.", name=name, most=MAXIMUM_VALUES, count=len(self.values))
                raise ConfigError(error, name)
            return self
        if self.low is None or self.high is None:
            raise ConfigError(say("{name} needs values, or a range from low to high.", name=name), name)
        if not self.low < self.high:
            error = say(
                "The range of {name} must rise, but goes from {low:g} to {high:g}.", name=name, low=self.low, high=self.high
            )
            raise ConfigError(error, name)
        if self.log and self.low <= 0:
            error = say("A logarithmic range of {name} must begin above 0, not at {low:g}.", name=name, low=self.low)
            raise ConfigError(error, name)
        if self.log and self.step is not None:
            raise ConfigError(say("The range of {name} is either logarithmic or in steps, not both.", name=name), name)
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            most = self.high - self.low
            error = say(
                "The step of {name} must be above 0 and at most {most:g}, not {step:g}.", name=name, most=most, step=self.step
            )
            raise ConfigError(error, name)
        return self

    @property
    def choices(self) -> tuple[Any, ...] | None:
        """All values where they can be listed; None for a range without steps, or with more than MAXIMUM_VALUES."""
        if self.values is not None or self.step is None or self.low is None or self.high is None:
            return self.values
        count = math.floor((self.high - self.low) / self.step + 1e-9) + 1
        return tuple(tidy(self.low + self.step * place) for place in range(count)) if count <= MAXIMUM_VALUES else None

    @property
    def extremes(self) -> tuple[Any, ...]:
        """All values, or the ends of the range."""
        return self.choices or (self.low, self.high)

    def drawn(self, number: float) -> float:
        """A number from the range, in as many digits as people read."""
        if self.low is None or self.high is None or number in (self.low, self.high):
            return number
        return tidy(min(max(float(f"{number:.{DIGITS}g}"), self.low), self.high))


def dimension(given: Any) -> Dimension:
    """A dimension from named values, as JSON has them. Raises ConfigError."""
    if isinstance(given, Dimension):
        return given
    if not isinstance(given, dict):
        error = say("A setting to vary is a set of named values, not {value}.", value=shortened(given))
        raise ConfigError(error, "dimensions")
    if "setting" not in given:
        raise ConfigError(say("A setting to vary needs its name: setting."), "dimensions")
    return checked(Dimension, lambda: Dimension.model_validate(given))


def fitted(base: RunConfig, given: Dimension) -> Dimension:
    """The dimension with values in their own types, and whole numbers in steps of 1. Raises ConfigError where it cannot vary."""
    name = given.setting
    kind = kind_of(base, name)
    if given.values is not None:
        values = tuple(_value(base, name, value) for value in given.values)
        for place, value in enumerate(values):
            if value in values[:place] and [type(value), value] in [[type(other), other] for other in values[:place]]:
                raise ConfigError(say("{name} has the value {value} twice.", name=name, value=_typed(name, value)), name)
        return given.model_copy(update={"values": values})
    if kind == "other":
        raise ConfigError(say("{name} is not a number, so it has no range: list its values.", name=name), name)
    if kind == "float":
        return given
    for number in filter(None, (given.low, given.high, given.step)):
        if not float(number).is_integer():
            error = say("The range of {name} must be in whole numbers, not {value:g}.", name=name, value=number)
            raise ConfigError(error, name)
    low, high = (int(number) for number in (given.low, given.high) if number is not None)
    step = None if given.log else int(given.step or 1)
    return given.model_copy(update={"low": low, "high": high, "step": step})


def kind_of(base: RunConfig, name: str) -> Literal["int", "float", "other"]:
    """What kind of number a setting is. Raises ConfigError where there is none, or where a sweep cannot vary it."""
    owner, _dot, option = name.rpartition(".")
    if name in STAYS:
        raise ConfigError(say("{name} cannot vary in a sweep: {reason}.", name=name, reason=STAYS[name]), name)
    if owner == "options":
        found = next((each.type for each in card(base.architecture).options if each.name == option), None)
        if found is None:
            card(base.architecture).settings({option: None})  # raises: it has no such option
    elif name == "options":
        raise ConfigError(say("options are several settings: vary one of them, as options.<name>."), name)
    elif name not in RunConfig.model_fields:
        raise unknown(name, RunConfig)
    else:
        found = setting(name).kind
    return "int" if found == "int" else "float" if found == "float" else "other"


def tidy(number: float) -> float:
    """The number without the last digits that sums in binary leave: 0.3 for 0.1 + 0.2; a whole number stays one."""
    return number if isinstance(number, int) else float(f"{number:.12g}")


def _typed(name: str, value: Any) -> str:
    """A value in English words, for an error."""
    return shortened(str(english(words(name, value))))


def _value(base: RunConfig, name: str, value: Any) -> Any:
    """The value in its own type where it can stand alone beside the base's settings; otherwise as it was given."""
    try:
        return settings(changed(base, {name: value}))[name]
    except ConfigError:
        return value  # it may be right beside another value that varies; every combination is checked later
