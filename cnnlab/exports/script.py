"""A run as a program of plain PyTorch: it builds, trains and tests the run's network without the lab.

It is put together from parts, which a notebook shows one by one. Comments stand in the code as "#: key"; `words` has their text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnlab import datasets
from cnnlab.architectures import zoo
from cnnlab.datasets import own
from cnnlab.errors import ConfigError
from cnnlab.exports import script_images, script_training
from cnnlab.exports.words import HEADINGS, TEXTS, Language, commented, in_language, wrapped
from cnnlab.i18n import say
from cnnlab.network_code import network_code

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.events import EpochDone
    from cnnlab.training.transforms import Preparation


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a script is made from."""

    config: RunConfig
    classes: tuple[str, ...]
    preparation: Preparation
    precision: str  # that the run computed in, where its settings say "auto"
    run: str  # its id
    first: EpochDone | None  # its first epoch


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a program, without the blank lines around it."""

    heading: str
    code: str


def script(recipe: Recipe, language: Language = "en") -> str:
    """The whole program. Raises ConfigError for a network that cannot be written as code."""
    begin, *rest = parts(recipe, language)
    text = introduction(recipe, language)
    body = "\n\n".join(f"\n# {part.heading}\n\n{part.code}" for part in rest[:-1])
    called = '\n\n\nif __name__ == "__main__":\n    network = main()\n'
    return f'"""{text}\n"""\n\n{begin.code}\n{body}{called}'


def introduction(recipe: Recipe, language: Language) -> str:
    """What the program is, in lines."""
    entry = datasets.entry(recipe.config.dataset)
    torchvision = in_language(TEXTS["torchvision"], language) if entry.downloads else ""
    first, result = recipe.first, ""
    if first:
        result = in_language(TEXTS["result"], language).format(loss=first.train_loss, accuracy=first.test_accuracy)
    text = in_language(TEXTS["intro"], language).format(
        run=recipe.run, title=_harmless(recipe.config.title), torchvision=torchvision, result=result
    )
    return "\n".join(wrapped(text.strip(), language))


def _harmless(title: str) -> str:
    """A title that cannot end the text of a program in which it stands: users name their own data sets."""
    return title.replace("\\", "/").replace('"', "'")


def parts(recipe: Recipe, language: Language) -> list[Part]:
    """The program in parts: what it imports, then its steps in order, and the call that runs it."""
    config, preparation = recipe.config, recipe.preparation
    if begins := zoo.pretrained(config.architecture, config.options):
        raise ConfigError(
            say("A run that begins with the published weights of {network} cannot be written as a program.", network=begins.name),
            "options.weights",
        )
    net = network_code(config.architecture, config.input_shape, len(recipe.classes), config.options)
    builds = "\n\n".join(filter(None, (net.blocks, f"#: names\n{net.function}", script_training.first_weights(config))))
    codes = {
        "settings": _settings(recipe),
        "images": script_images.loading(config, language),
        "prepare": script_images.preparing(config, preparation),
        "network": builds,
        "evaluation": script_training.evaluation(recipe.precision),
        "training": script_training.training(config, recipe.precision),
        "run": script_training.main(config, language),
    }
    found = [Part(in_language(HEADINGS[key], language), commented(f"{code}\n", language).rstrip()) for key, code in codes.items()]
    return [Part("", _imports("\n".join(codes.values()))), *found, Part("", "network = main()")]


def _imports(code: str) -> str:
    """The imports that `code` needs."""
    plain = [name for name in ("gzip", "hashlib", "math") if f"{name}." in code]
    lines = [
        *(f"import {name}" for name in plain),
        "from collections import OrderedDict",
        "from pathlib import Path",
        "",
        "import torch",
    ]
    lines += ["from torch import nn", "from torch.nn import functional as F"]
    if "datasets." in code:
        lines.append("from torchvision import datasets")
    return "\n".join(line for line in lines if "OrderedDict" not in line or "OrderedDict" in code)


def _settings(recipe: Recipe) -> str:
    config = recipe.config
    own_set = own.is_name(config.dataset)
    where = "sample" if config.dataset == "sample" else config.dataset.partition(".")[0] if own_set else "data"
    comment = "sample" if config.dataset == "sample" else "own_folder" if own_set else "folder"
    lines = [
        "#: settings",
        f"SEED = {config.seed}",
        f"EPOCHS = {config.epochs}",
        f"BATCH_SIZE = {config.batch_size}",
        f"LEARNING_RATE = {config.learning_rate!r}",
        f"CLASSES = {list(recipe.classes)!r}",
        f"#: {comment}",
        f'FOLDER = Path("{where}")',
        "#: threads",
        'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")',
    ]
    if left_out := script_images.left_out(config.dataset):
        lines += ["#: left_out", f"LEFT_OUT = {left_out!r}"]
    if recipe.precision == "tf32":
        lines += ["#: tf32", 'torch.set_float32_matmul_precision("high")']
    return "\n".join(lines)
