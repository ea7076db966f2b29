"""What a user can set about a run, as one frozen value that cannot exist while wrong. Needs no torch."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from cnnlab import datasets
from cnnlab.architectures import card
from cnnlab.config_rules import in_words, unknown
from cnnlab.errors import ConfigError
from cnnlab.optimizers import MOMENTUM, NESTEROV, titles
from cnnlab.text import shortened

MAXIMUM_EPOCHS = 10_000
MAXIMUM_BATCH = 65_536
MAXIMUM_IMAGE_SIZE = 1_024
MAXIMUM_LIMIT = 10**9  # images; a browser's number field cannot hold any number
MAXIMUM_JSON = 100_000  # characters; a configuration takes about 800

Normalization = Literal["none", "dataset", "half"]
Optimizer = Literal["sgd", "adam", "adamw", "rmsprop"]
Schedule = Literal["constant", "step", "cosine", "one-cycle", "warm-up"]
Initialization = Literal["pytorch", "xavier-uniform", "kaiming"]
Precision = Literal["float32", "bfloat16", "auto"]


def _not_bool(value: Any) -> Any:
    # Python counts True as 1; a person who writes `"epochs": true` has made a mistake.
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")
    return value


Channels = Annotated[Literal[1, 3], BeforeValidator(_not_bool)]
Integer = Annotated[int, BeforeValidator(_not_bool)]
Number = Annotated[float, BeforeValidator(_not_bool), Field(allow_inf_nan=False)]


class RunConfig(BaseModel):
    """One training run, complete: architecture, data, recipe, device.

    Fields left out take their default; `options`, `image_size` and `channels` are filled in from the architecture's card
    and the data set, so that a stored configuration explains itself. Wrong values raise ConfigError through `make`.
    `Field(title=…)` is the label on a page, `description` its help.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str = Field("lenet", title="Architecture", description="The kind of network.")
    options: dict[str, Any] = Field(default_factory=dict, title="Options", description="The architecture's own settings.")
    dataset: str = Field("sample", title="Data set", description="The images to learn from.")
    data_share: Number = Field(
        1.0,
        gt=0,
        le=1,
        title="Share of the training images",
        description="Train on part of the images only: quicker, less accurate.",
    )
    limit: Annotated[int, BeforeValidator(_not_bool)] | None = Field(
        None,
        ge=1,
        le=MAXIMUM_LIMIT,
        title="At most this many images",
        description="Cap on training images and on test images, for a quick try.",
    )
    channels: Channels | None = Field(
        None,
        title="Input channels",
        description="1 is gray, 3 is colour. Gray images are repeated three times; "
        "colour becomes gray as 0.299 R + 0.587 G + 0.114 B.",
    )
    image_size: Integer | None = Field(
        None,
        ge=1,
        le=MAXIMUM_IMAGE_SIZE,
        title="Image size",
        description="Images are resized to this many pixels a side. Larger is slower.",
    )
    normalization: Normalization = Field(
        "none",
        title="Normalisation",
        description="How pixel values are scaled: 0 to 1 (none), to the data set's mean 0 and deviation 1, or to -1 … 1 (half). "
        "Test images get the same.",
    )
    horizontal_flip: bool = Field(
        False,
        title="Random flip",
        description="Mirror half of the training images left to right. Not for digits: a mirrored 2 is no 2.",
    )
    random_crop: Integer = Field(
        0,
        ge=0,
        le=64,
        title="Random shift",
        description="Shift each training image by up to this many pixels before resizing; 0 is off.",
    )
    random_grayscale: Number = Field(
        0.0, ge=0, le=1, title="Random grayscale", description="Share of colour training images that are shown without colour."
    )
    optimizer: Optimizer = Field("sgd", title="Optimiser", description="The rule that turns gradients into new weights.")
    learning_rate: Number = Field(
        0.1,
        gt=0,
        le=100,
        title="Learning rate",
        description="How big each step is. Too small learns slowly, too large never settles.",
    )
    momentum: Number = Field(
        0.0,
        ge=0,
        lt=1,
        title="Momentum",
        description=f"How much of the last step is kept in the next one ({titles(MOMENTUM)}).",
    )
    nesterov: bool = Field(
        False,
        title="Nesterov momentum",
        description=f"Look ahead along the momentum before taking the gradient ({titles(NESTEROV)}).",
    )
    weight_decay: Number = Field(
        0.0, ge=0, le=1, title="Weight decay", description="Pulls weights towards zero at each step, against learning by heart."
    )
    schedule: Schedule = Field(
        "constant", title="Learning rate schedule", description="How the learning rate changes during the run."
    )
    step_epochs: Integer = Field(
        5,
        ge=1,
        le=MAXIMUM_EPOCHS,
        title="Epochs per step",
        description="With 'step': lower the learning rate after this many epochs.",
    )
    step_factor: Number = Field(
        0.1, gt=0, le=1, title="Factor per step", description="With 'step': multiply the learning rate by this."
    )
    warmup_epochs: Integer = Field(
        1,
        ge=1,
        le=MAXIMUM_EPOCHS,
        title="Warm-up epochs",
        description="With 'warm-up': rise to the learning rate over this many epochs.",
    )
    batch_size: Integer = Field(
        256,
        ge=1,
        le=MAXIMUM_BATCH,
        title="Batch size",
        description="Images per step. Larger is faster per image and needs more memory.",
    )
    epochs: Integer = Field(10, ge=1, le=MAXIMUM_EPOCHS, title="Epochs", description="How many times every training image is seen.")
    initialization: Initialization = Field(
        "xavier-uniform",
        title="Initial weights",
        description="The random numbers the weights start from; the course uses Xavier uniform.",
    )
    gradient_clip: Annotated[float, BeforeValidator(_not_bool), Field(allow_inf_nan=False)] | None = Field(
        None,
        gt=0,
        le=1_000_000,
        title="Gradient clipping",
        description="Shorten the gradient to at most this length, against sudden jumps.",
    )
    label_smoothing: Number = Field(
        0.0, ge=0, lt=1, title="Label smoothing", description="Aim for slightly less than certainty, against overconfidence."
    )
    precision: Precision = Field(
        "float32",
        title="Precision",
        description="bfloat16 computes with shorter numbers: up to 2.5 times as fast on some devices, slightly less exact. "
        "auto tries both for a second at the start and takes bfloat16 where it is clearly faster. "
        "In our runs, three seeds each, it changed test accuracy by so many percentage points, beside how far two seeds lie apart: "
        "LeNet −0.2 … +0.1 (two seeds 4.6), small ResNet −2.6 … +2.3 (two seeds 3.2), "
        "VGG-11 ÷ 8 at 64 px −0.6 … +0.6 (two seeds 0.5).",
    )
    compile: bool = Field(
        False,
        title="Compile the network",
        description="On long runs: compile it beside the training, and switch over where that is measured to be faster. "
        "The last digits then differ from run to run.",
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda|cuda:[0-9]{1,2})$",
        examples=["auto", "cpu", "mps", "cuda", "cuda:<number>"],
        title="Device",
        description="Where to train; auto takes the fastest there is.",
    )
    seed: Integer = Field(
        0, ge=0, lt=2**31, title="Seed", description="Start of the random numbers: on one CPU the same seed gives the same run."
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            raise ValueError("a configuration is a set of named settings")
        filled = dict(given)
        for name in given:
            if name not in cls.model_fields:
                raise unknown(name, cls)
        chosen = card(filled.get("architecture", "lenet"))
        data = datasets.entry(filled.get("dataset", "sample"))
        options = filled.get("options", {})
        if not isinstance(options, dict):
            raise ConfigError(f"options must be a set of named settings, not {shortened(options)}.", "options")
        filled["options"] = chosen.settings(options)
        if filled.get("image_size") is None:
            filled["image_size"] = chosen.input_shape[1]
        if filled.get("channels") is None:
            filled["channels"] = data.channels
        return filled

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.nesterov and (self.optimizer not in NESTEROV or self.momentum == 0):
            raise ConfigError(f"nesterov needs the optimizer {' or '.join(NESTEROV)} with a momentum above 0.", "nesterov")
        return self

    @classmethod
    def make(cls, **settings: Any) -> RunConfig:
        """A configuration from named settings. Raises ConfigError, one sentence that names the field, the rule and the value."""
        return _checked(lambda: cls(**settings))

    @classmethod
    def from_json(cls, text: str | bytes) -> RunConfig:
        """The inverse of `to_json`. Raises ConfigError as `make` does."""
        if len(text) > MAXIMUM_JSON:
            raise ConfigError(f"A configuration in JSON has at most {MAXIMUM_JSON:,} characters, not {len(text):,}.")
        return _checked(lambda: cls.model_validate(_read(text)))

    def to_json(self) -> str:
        """All settings as a JSON document."""
        return self.model_dump_json()

    def change(self, **settings: Any) -> RunConfig:
        """A copy with other settings, checked again; a new architecture starts from its own options and image size."""
        base = self.model_dump()
        if settings.get("architecture", self.architecture) != self.architecture:
            base["options"], base["image_size"] = {}, None
        if settings.get("dataset", self.dataset) != self.dataset:
            base["channels"] = None
        return self.make(**(base | settings))

    @property
    def title(self) -> str:
        """What a run of it is called that nobody has named: "LeNet-5 on Fashion-MNIST sample"."""
        return f"{card(self.architecture).title} on {datasets.entry(self.dataset).title}"

    @property
    def classes(self) -> int:
        """How many classes the network tells apart."""
        return len(datasets.entry(self.dataset).classes)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """C, H, W as the network sees an image."""
        return (self.channels or 1, self.image_size or 1, self.image_size or 1)


def _read(text: str | bytes) -> Any:
    try:
        return json.loads(text if isinstance(text, bytes) else text.removeprefix("\ufeff"), object_pairs_hook=_once_each)
    except ValueError as error:  # no JSON, no Unicode, or a number of more than 4,300 digits
        raise ConfigError(f"This is not valid JSON: {shortened(error, quoted=False)}.") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read:  # JSON allows it and means nothing by it
            raise ConfigError(f"The setting {shortened(name)} is given twice.", shortened(name, quoted=False))
        read[name] = value
    return read


def _checked(build: Any) -> RunConfig:
    try:
        return build()
    except ValidationError as error:
        raise in_words(error, RunConfig) from None
    except RecursionError:
        raise ConfigError("The configuration is nested too deeply; a configuration is one flat set of settings.") from None
