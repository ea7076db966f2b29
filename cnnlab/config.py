"""The settings of a run, as one frozen value that is always valid. Needs no torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cnnlab import datasets
from cnnlab.architectures import card
from cnnlab.config_rules import Integer, Number, checked, from_json, not_bool, unknown
from cnnlab.datasets.catalogue import GRAY
from cnnlab.elsewhere import AT, HERE, PLACE
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.optimizers import MOMENTUM, NESTEROV, titles
from cnnlab.text import shortened

MAXIMUM_EPOCHS, MAXIMUM_BATCH = 10_000, 65_536
MAXIMUM_IMAGE_SIZE = 1_024
MAXIMUM_LIMIT = 10**9  # images; a number field in a browser needs a bound

_GRAY = N_("1 is grey, 3 is colour. Grey images are repeated three times; colour becomes grey as {red} R + {green} G + {blue} B.")
Normalization = Literal["none", "dataset", "half"]
Optimizer = Literal["sgd", "adam", "adamw", "rmsprop"]
Schedule = Literal["constant", "step", "cosine", "one-cycle", "warm-up"]
Initialization = Literal["pytorch", "xavier-uniform", "kaiming"]
Precision = Literal["float32", "tf32", "bfloat16", "auto"]
Channels = Annotated[Literal[1, 3], BeforeValidator(not_bool)]


class RunConfig(BaseModel):
    """One complete training run: architecture, data, recipe, device.

    Omitted fields take their default; `options`, `image_size` and `channels` come from the architecture's card and the data
    set, so a stored configuration is complete. `make` raises ConfigError for a wrong value.
    `Field(title=…)` is the label on a page, `description` its help; config_words.py has the words for values.
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
        description="Train on only part of the images: faster, less accurate. The seed chooses them, the same share of each class.",
    )
    limit: Integer | None = Field(
        None,
        ge=1,
        le=MAXIMUM_LIMIT,
        title="At most this many images",
        description="The most training images, and the most test images, that are used: for a quick try. The seed chooses the "
        "training images, the same share of each class; the test images are always the first ones of the data set.",
    )
    validation_share: Number = Field(
        0.0,
        ge=0,
        le=0.5,
        title="Validation share",
        description="Keep this share of the training images aside, the same share of each class. The network never trains on them, "
        "and the best epoch and early stopping go by them: so the test accuracy of the best epoch is an honest one. "
        "0 keeps none, as in the course: the best epoch then goes by the test images, so its test accuracy is slightly optimistic.",
    )
    channels: Channels | None = Field(
        None, title="Input channels", description=say(_GRAY, red=GRAY[0], green=GRAY[1], blue=GRAY[2])
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
        "Test images are scaled in the same way.",
    )
    horizontal_flip: bool = Field(
        False,
        title="Random flip",
        description="Mirror a random half of the training images. Not for digits: a mirrored 2 is not a 2.",
    )
    random_crop: Integer = Field(
        0,
        ge=0,
        le=64,
        title="Random shift",
        description="Shift each training image by up to this many pixels before resizing; 0 is off.",
    )
    random_grayscale: Number = Field(
        0.0, ge=0, le=1, title="Random greyscale", description="Share of the colour training images that lose their colour."
    )
    optimizer: Optimizer = Field("sgd", title="Optimiser", description="The rule that turns gradients into new weights.")
    learning_rate: Number = Field(
        0.1,
        gt=0,
        le=100,
        title="Learning rate",
        description="The size of each step. Too small: slow learning. Too large: the loss never settles.",
    )
    momentum: Number = Field(
        0.0,
        ge=0,
        lt=1,
        title="Momentum",
        description=say("How much of the last step is kept in the next one ({optimizers}).", optimizers=titles(MOMENTUM)),
    )
    nesterov: bool = Field(
        False,
        title="Nesterov momentum",
        description=say("Look ahead along the momentum before taking the gradient ({optimizers}).", optimizers=titles(NESTEROV)),
    )
    weight_decay: Number = Field(
        0.0, ge=0, le=1, title="Weight decay", description="Pulls weights towards zero at each step, against overfitting."
    )
    schedule: Schedule = Field(
        "constant",
        title="Learning rate schedule",
        description="How the learning rate changes during the run. One cycle changes the rate alone, unless "
        "momentum is to cycle too.",
    )
    step_epochs: Integer = Field(
        5, ge=1, le=MAXIMUM_EPOCHS, title="Epochs per step",
        description="With 'step': lower the learning rate after this many epochs.",
    )  # fmt: skip
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
    cycle_momentum: bool = Field(
        False,
        title="Momentum cycles too",
        description="With 'one-cycle': momentum falls from 0.95 to 0.85 while the rate rises, and rises again while it falls, as "
        "in PyTorch's OneCycleLR (with Adam and AdamW its counterpart, β₁). It replaces the momentum above.",
    )
    batch_size: Integer = Field(
        256,
        ge=1,
        le=MAXIMUM_BATCH,
        title="Batch size",
        description="Images per step. Larger is faster per image and needs more memory. A single image that is left over at the "
        "end of an epoch joins the batch before.",
    )
    epochs: Integer = Field(
        10, ge=1, le=MAXIMUM_EPOCHS, title="Epochs", description="How many times the network trains on every image."
    )
    patience: Integer | None = Field(
        None,
        ge=1,
        le=MAXIMUM_EPOCHS,
        title="Early stopping",
        description="Stop after this many epochs without a better accuracy on the validation images. Without a validation share it "
        "goes by the test images, which makes the best test accuracy slightly optimistic.",
    )
    initialization: Initialization = Field(
        "xavier-uniform",
        title="Initial weights",
        description="The distribution of the initial random weights; the course uses Xavier uniform.",
    )
    gradient_clip: Number | None = Field(
        None, gt=0, le=1_000_000, title="Gradient clipping",
        description="Longer gradients are shortened to this, against sudden jumps.",
    )  # fmt: skip
    label_smoothing: Number = Field(
        0.0,
        ge=0,
        lt=1,
        title="Label smoothing",
        description="Aim for slightly less than certainty, against overconfident predictions. Only training minimises the smoothed "
        "loss: the losses shown are without it, so that training and test compare.",
    )
    precision: Precision = Field(
        "float32",
        title="Precision",
        description="bfloat16 computes with shorter numbers: up to 2.5 times as fast on some devices, slightly less exact. "
        "auto times both at the start, for about a second, and takes bfloat16 where it is clearly faster. "
        "Measured change of test accuracy in percentage points, three seeds each, beside the distance between two seeds: "
        "LeNet −0.2 … +0.1 (two seeds 4.6), small ResNet −2.6 … +2.3 (two seeds 3.2), "
        "VGG-11 ÷ 8 at 64 px −0.6 … +0.6 (two seeds 0.5). "
        "On NVIDIA GPUs from 2020 on, convolutions in float32 round their inputs to 10 binary digits (TF32), as PyTorch does by "
        "default; tf32 has the dense layers do so too.",
    )
    compile: bool = Field(
        False,
        title="Compile the network",
        description="For long runs: compile the network during training, and switch to the compiled one where it is measured to be "
        "faster. The last digits then differ from run to run, and dropout draws other random numbers, so that a network with "
        "dropout trains differently from the switch on.",
    )
    deterministic: bool = Field(
        False,
        title="Same digits on a GPU",
        description="An NVIDIA GPU's fastest kernels add up in an order that varies, so a run that is paused or repeated has other "
        "last digits. This takes kernels that keep their order: on an H100, LeNet took 1.8 times as long, and AlexNet, "
        "GoogLeNet and ResNet-18 as long as before. On the CPU runs repeat their digits anyway.",
    )
    device: str = Field(
        "auto",
        pattern=f"^({HERE}|{AT}{PLACE})$",
        examples=["auto", "cpu", "mps", "cuda", "cuda:<number>", "at:<place>"],
        title="Device",
        description="Where to train; auto takes the fastest device.",
    )
    seed: Integer = Field(
        0,
        ge=0,
        lt=2**31,
        title="Seed",
        description="Start of the random numbers: initial weights, order of the images, augmentation, dropout, and which images a "
        "share, a limit or the validation share takes. On the same CPU, the same seed gives the same run.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, settings: Any) -> Any:
        if not isinstance(settings, dict):
            raise ValueError("a configuration is a set of named settings")
        filled = dict(settings)
        for name in settings:
            if name not in cls.model_fields:
                raise unknown(name, cls)
        chosen = card(filled.get("architecture", "lenet"))
        data = datasets.entry(filled.get("dataset", "sample"))
        options = filled.get("options", {})
        if not isinstance(options, dict):
            raise ConfigError(say("options must be a set of named settings, not {value}.", value=shortened(options)), "options")
        filled["options"] = chosen.settings(options)
        if filled.get("image_size") is None:
            filled["image_size"] = data.size if chosen.own_code else chosen.input_shape[1]
        if filled.get("channels") is None:
            filled["channels"] = data.channels
        return filled

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.nesterov and (self.optimizer not in NESTEROV or self.momentum == 0):
            message = say("nesterov needs the optimizer {names} with a momentum above 0.", names=" or ".join(NESTEROV))
            raise ConfigError(message, "nesterov")
        return self

    @classmethod
    def make(cls, **settings: Any) -> RunConfig:
        """A configuration from named settings. Raises ConfigError: one sentence with the field, the rule and the value."""
        return checked(cls, lambda: cls(**settings))

    @classmethod
    def from_json(cls, text: str | bytes) -> RunConfig:
        """The inverse of `to_json`. Raises ConfigError as `make` does."""
        return from_json(cls, text, N_("A configuration in JSON has at most {most:,} characters, not {count:,}."))

    def to_json(self) -> str:
        """All settings as a JSON document."""
        return self.model_dump_json()

    def change(self, **settings: Any) -> RunConfig:
        """A copy with other settings, checked again. A new architecture starts from its own options and image size."""
        base = self.model_dump()
        if settings.get("architecture", self.architecture) != self.architecture:
            base["options"], base["image_size"] = {}, None
        if settings.get("dataset", self.dataset) != self.dataset:
            base["channels"] = None
        return self.make(**(base | settings))

    @property
    def title(self) -> str:
        """The name of a run whose owner gave it none: "LeNet-5 on Fashion-MNIST sample"."""
        return title_of(self.network, self.dataset)

    @property
    def network(self) -> str:
        """The name of the network: "LeNet-5", or its own where a user made it."""
        return card(self.architecture).called(self.options)

    @property
    def classes(self) -> int:
        """How many classes the network tells apart."""
        return len(datasets.entry(self.dataset).classes)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """C, H, W of an image at the network's input."""
        return (self.channels or 1, self.image_size or 1, self.image_size or 1)


def title_of(network: str, dataset: str) -> str:
    """As `RunConfig.title`, always in English: `run_names` shows it in other languages."""
    return f"{network} on {datasets.entry(dataset).title}"
