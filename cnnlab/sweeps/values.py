"""A sweep as frozen values: what varies, how values are chosen, and what became of each trial. Needs neither torch nor Optuna."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cnnlab.config import RunConfig
from cnnlab.config_rules import Integer, checked, from_json, unknown
from cnnlab.config_words import changed, title, words
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.sweeps.dimensions import Dimension, dimension, fitted
from cnnlab.text import in_sentence, listed, shortened

MAXIMUM_RUNS = 200
MAXIMUM_MINUTES = 1_440
MAXIMUM_DIMENSIONS = 8
AT_A_TIME = 2  # two small runs train side by side
VALIDATION_SHARE = 0.1  # that forms and the command line offer: else the test images choose the settings
SWEEP_TAG = "sweep "  # begins the tag of a sweep's runs; its id follows
MOST_CHECKED = 200  # combinations; each takes a tenth of a millisecond

Method = Literal["grid", "random", "tpe"]
Goal = Literal["validation accuracy", "test accuracy"]
SweepState = Literal["running", "stopped", "finished", "failed"]
TrialState = Literal["waiting", "training", "pruned", "finished", "failed", "stopped"]


class SweepConfig(BaseModel):
    """What a sweep does: the settings that all its runs share, those that vary, how values are chosen, and its budget.

    `make` raises ConfigError, whose `field` is that of the setting or of the sweep: every combination must be a RunConfig.
    `Field(title=…)` is the label on a page, `description` its help.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: RunConfig = Field(title="Settings", description="the settings that all its runs share.")
    dimensions: tuple[Dimension, ...] = Field(title="Settings to vary", description="the settings that vary, with their values.")
    method: Method = Field(
        "tpe",
        title="Method",
        description="How values are chosen. grid tries every combination. random draws each value by chance, which finds as much "
        "with fewer runs where one setting matters more than the others. tpe (Optuna's tree-structured Parzen estimator) begins by "
        "chance and then prefers values near those that did well.",
    )
    runs: Integer = Field(
        12,
        ge=1,
        le=MAXIMUM_RUNS,
        title="Number of runs",
        description="The sweep ends after this many runs. A grid ends when it has tried each combination.",
    )
    minutes: Integer | None = Field(
        None,
        ge=1,
        le=MAXIMUM_MINUTES,
        title="Minutes",
        description="After this many minutes no further run starts; those that train finish. Empty: no limit.",
    )
    prune: bool = Field(
        False,
        title="Stop hopeless runs early",
        description="Stops a run that after a third of its epochs (half of them with sigmoid, which starts slowly) is worse than "
        "half of the finished runs were at the same epoch. The first four runs always finish.",
    )
    seed: Integer = Field(
        0, ge=0, lt=2**31, title="Seed of the choice", description="Start of the random numbers that choose values."
    )
    at_a_time: Integer = Field(
        AT_A_TIME, ge=1, le=8, title="Runs at a time", description="At most this many of its runs wait or train at a time."
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            raise ValueError("a sweep is a set of named settings")
        for name in given:
            if name not in cls.model_fields:
                raise unknown(name, cls)
        for name in ("base", "dimensions"):
            if name not in given:
                raise ConfigError(say("A sweep needs {name}: {what}", name=name, what=cls.model_fields[name].description), name)
        base, dimensions = given["base"], given["dimensions"]
        if isinstance(base, dict):
            base = RunConfig.make(**{str(name): value for name, value in base.items()})
        if not isinstance(base, RunConfig):
            raise ConfigError(say("{name} must be the settings of a run, not {value}.", name="base", value=shortened(base)), "base")
        if not isinstance(dimensions, list | tuple):
            error = say("{name} must be a list, not {value}.", name="dimensions", value=shortened(dimensions))
            raise ConfigError(error, "dimensions")
        if not 1 <= len(dimensions) <= MAXIMUM_DIMENSIONS:
            error = say("A sweep varies 1 to {most} settings, not {count}.", most=MAXIMUM_DIMENSIONS, count=len(dimensions))
            raise ConfigError(error, "dimensions")
        return given | {"base": base, "dimensions": tuple(fitted(base, dimension(each)) for each in dimensions)}

    @model_validator(mode="after")
    def _rules(self) -> Self:
        names = [each.setting for each in self.dimensions]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(say("{name} varies twice: give all its values at once.", name=name), name)
        if self.method == "grid":
            for each in self.dimensions:
                if each.choices is None:
                    needs = say("A grid needs the values of {name}: list them, or give the range a step.", name=each.setting)
                    raise ConfigError(needs, each.setting)
            if (size := self.combinations or 0) > MAXIMUM_RUNS:
                raise ConfigError(
                    say(
                        "The grid has {count:,} combinations, and a sweep at most {most} runs: list fewer values.", count=size,
                        most=MAXIMUM_RUNS,
                    ),
                    "dimensions",
                )  # fmt: skip
        self._check_combinations()
        return self

    def _check_combinations(self) -> None:
        """Every combination of values and of ends of ranges; where there are too many, each value beside the base's settings."""
        extremes = [each.extremes for each in self.dimensions]
        if math.prod(map(len, extremes)) <= MOST_CHECKED:
            for values in itertools.product(*extremes):
                self.config(dict(zip((each.setting for each in self.dimensions), values, strict=True)))
        else:
            for each in self.dimensions:
                for value in each.extremes:
                    self.config({each.setting: value})

    @classmethod
    def make(cls, **given: Any) -> SweepConfig:
        """A sweep from named settings. Raises ConfigError: one sentence with the setting, the rule and the value."""
        return checked(cls, lambda: cls(**given))

    @classmethod
    def from_json(cls, text: str | bytes) -> SweepConfig:
        """The inverse of `to_json`. Raises ConfigError as `make` does."""
        return from_json(cls, text, N_("A sweep in JSON has at most {most:,} characters, not {count:,}."))

    def to_json(self) -> str:
        return self.model_dump_json()

    def config(self, values: Mapping[str, Any]) -> RunConfig:
        """The settings of the run with these values of the settings that vary. Raises ConfigError where there is no such run."""
        return changed(self.base, values)

    def in_words(self, values: Mapping[str, Any]) -> str:
        """ "learning rate 0.1, batch size 64"."""
        architecture = values.get("architecture", self.base.architecture)
        return listed(f"{in_sentence(title(name, architecture))} {words(name, value)}" for name, value in values.items())

    @property
    def combinations(self) -> int | None:
        """How many there are; None where a range has no steps."""
        choices = [each.choices for each in self.dimensions]
        return None if None in choices else math.prod(len(each or ()) for each in choices)

    @property
    def total(self) -> int:
        """The most runs that the sweep makes: no combination is tried twice."""
        size = self.combinations
        if self.method == "grid":
            return size or 0
        return self.runs if size is None else min(self.runs, size)

    @property
    def goal(self) -> Goal:
        """What is to be as high as possible: the accuracy of a run's best epoch."""
        return N_("validation accuracy") if self.base.validation_share else N_("test accuracy")


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of a sweep. "stopped" is one that the sweep took back before its end, and that resuming goes on with."""

    number: int  # from 1
    run_id: str  # "" before it was queued, where it was refused, and where the run was deleted
    values: Mapping[str, Any]  # of the settings that vary, in their order
    state: TrialState
    message: str  # why it failed or was stopped early, as a sentence; ""
    epochs_done: int
    epochs: int
    accuracy: float | None  # 0..1, the sweep's goal: of the best epoch so far
    seconds: float | None  # of training


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep. Times are seconds since 1970 (UTC)."""

    id: str
    name: str
    owner: str  # who may change it; "" means anyone
    created: float
    ended: float | None
    state: SweepState
    message: str  # why it ended or waits, as a sentence; ""
    config: SweepConfig
    trials: tuple[Trial, ...] = ()
    seconds: float = 0.0  # that count against its minutes: since it was started or resumed, without pauses and crashes
    process: tuple[int | None, str | None] = field(default=(None, None), repr=False)

    @property
    def goal(self) -> Goal:
        return self.config.goal

    @property
    def run_ids(self) -> tuple[str, ...]:
        return tuple(trial.run_id for trial in self.trials if trial.run_id)

    @property
    def best(self) -> Trial | None:
        """The trial with the highest accuracy, the first of equals; one that was stopped early may be it."""
        measured = [trial for trial in self.trials if trial.accuracy is not None]
        return max(measured, key=lambda trial: trial.accuracy or 0.0, default=None)

    @property
    def tag(self) -> str:
        """The tag of its runs."""
        return f"{SWEEP_TAG}{self.id}"

    def count(self, *states: TrialState) -> int:
        """How many of its trials are in these states."""
        return sum(trial.state in states for trial in self.trials)
