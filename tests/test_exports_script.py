"""Scripts that are written for a run: the files they read, what their check bears, and their comments in two languages."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from data_files import write_tiny

from cnnlab.config import RunConfig
from cnnlab.datasets import loading
from cnnlab.datasets.catalogue import CIFAR
from cnnlab.datasets.catalogue import entry as catalogue_entry
from cnnlab.errors import FailedCheck
from cnnlab.exports import checks, words
from cnnlab.exports.make import KINDS, SUFFIXES
from cnnlab.exports.script import Recipe, script
from cnnlab.training.transforms import Preparation

SAMPLE = Path(loading.__file__).with_name("sample")


def test_a_script_reads_the_files_that_torchvision_keeps(tmp_path, monkeypatch):
    """Of the originals torchvision asks for the names alone, so small files do."""
    entry = catalogue_entry("fashion-mnist")
    folder = tmp_path / "data" / entry.folder
    write_tiny(folder, suffix="")
    monkeypatch.chdir(tmp_path)
    config = RunConfig.make(architecture="lenet", dataset="fashion-mnist", device="cpu")
    program: dict[str, Any] = {"__name__": "program"}

    exec(compile(script(Recipe(config, entry.classes, Preparation(1, 28), "float32", "a0", None)), "script.py", "exec"), program)  # noqa: S102

    images, labels = program["load_images"](train=True)
    assert (images.shape, images.dtype, labels.shape, labels.dtype) == ((40, 1, 28, 28), torch.uint8, (40,), torch.int64)
    assert program["load_images"](train=False)[0].shape == (20, 1, 28, 28)


@pytest.mark.parametrize(("language", "says"), [("en", "is missing. It holds the images"), ("zh", "缺少")])
def test_a_script_without_its_images_says_what_to_copy(tmp_path, monkeypatch, language, says):
    monkeypatch.chdir(tmp_path)
    config = RunConfig.make(architecture="lenet", dataset="sample", device="cpu")
    recipe = Recipe(config, catalogue_entry("fashion-mnist").classes, Preparation(1, 28), "float32", "a0", None)
    program: dict[str, Any] = {"__name__": "program"}
    exec(compile(script(recipe, language), "script.py", "exec"), program)  # noqa: S102

    with pytest.raises(SystemExit, match=says) as end:
        program["load_images"](train=True)

    assert str(tmp_path / "sample") in str(end.value)


def test_a_script_turns_colour_photographs_as_torch_wants_them(monkeypatch):
    photographs = SimpleNamespace(data=np.arange(2 * 32 * 32 * 3, dtype=np.uint8).reshape(2, 32, 32, 3), targets=[3, 7])
    monkeypatch.setattr("torchvision.datasets.CIFAR10", lambda *_, **__: photographs)
    config = RunConfig.make(architecture="resnet9", options={"width": 4}, dataset="cifar10", random_grayscale=0.5, device="cpu")
    preparation = Preparation(3, 32, "half", random_grayscale=0.5)
    program: dict[str, Any] = {"__name__": "program"}

    exec(compile(script(Recipe(config, CIFAR, preparation, "float32", "a0", None)), "script.py", "exec"), program)  # noqa: S102

    images, labels = program["load_images"](train=True)
    assert images[1, 2, 0, 5] == photographs.data[1, 0, 5, 2] and labels.tolist() == [3, 7]
    drawn = [torch.Generator().manual_seed(1) for _ in range(2)]
    torch.testing.assert_close(program["prepare"](images, drawn[0]), preparation.train(images, drawn[1]))


def test_a_check_bears_rounding_and_nothing_more():
    reference = torch.tensor([[1.0, 2.0], [5.0, 4.99999]])

    rounded = checks.compared("copy", reference, reference + torch.tensor([[0.0, 0.0], [0.0, 2e-5]]))

    assert rounded.sentence == "copy: 1 of 2 predictions equal, largest difference 2e-05"
    for wrong in (reference + 1e-3, reference * float("nan"), reference[:1]):
        with pytest.raises(FailedCheck):
            checks.compared("copy", reference, wrong)


def test_every_comment_has_both_languages_and_every_kind_an_ending():
    for english, chinese in (*words.COMMENTS.values(), *words.HEADINGS.values()):
        assert not re.search("[\u4e00-\u9fff]", english)
        assert re.search("[\u4e00-\u9fff]", chinese)
    assert set(SUFFIXES) == set(KINDS)
