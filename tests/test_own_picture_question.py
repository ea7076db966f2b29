"""What the helper answers about a user's own picture: torch's own figures for the same pixels, and sentences for bad ones."""

from __future__ import annotations

import base64
import math

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab.compute import own, questions, typed
from cnnlab.compute import trained as trained_networks
from cnnlab.errors import CheckpointError, ConfigError, RunNotFound
from cnnlab.own_picture.asking import OwnPictures
from cnnlab.training.engine import train
from cnnlab.training.session import Session
from cnnlab.training.transforms import Preparation
from cnnlab.values import EvaluatedRun, OwnAnswer

RUN = {"id": "0000000a", "dataset": "sample", "data": None}


@pytest.fixture(autouse=True)
def fresh():
    trained_networks._read.cache_clear()


def trained(home, **changes):
    config, data = settings(epochs=1, **changes), quadrants(train=90, test=30)
    list(train(config, data, folder=home / "runs" / RUN["id"]))
    return config, data


def ask(home, picture, shape=None, **changes) -> OwnAnswer:
    """As the server answers a question that came as JSON."""
    shape = list(picture.shape) if shape is None else shape
    text = base64.b64encode(picture.numpy().tobytes()).decode()
    arguments = {"run": RUN, "checkpoint": "last", "pixels": text, "shape": shape, **changes}
    return questions.call(own.own_picture, home, "own_picture", arguments)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"architecture": "lenet", "options": {"activation": "relu", "batch_norm": True}, "normalization": "half"},
        {"architecture": "lenet", "channels": 3, "image_size": 32, "normalization": "dataset"},
    ],
    ids=["mlp", "batch norm", "colour"],
)
def test_the_probabilities_are_those_of_the_network_for_the_same_pixels(tmp_path, changes):
    config, data = trained(tmp_path, **changes)
    kept = torch.load(tmp_path / "runs" / RUN["id"] / "last.pt", weights_only=True)
    model = Session(config, data).model
    model.load_state_dict(kept["model"])
    picture = data.test_images[3]

    answer = ask(tmp_path, picture)

    given = Preparation.for_run(config, data).test(picture[None])
    with torch.inference_mode():
        expected = model.eval()(given).softmax(1)[0]
    assert answer.probabilities == pytest.approx(expected.tolist(), abs=1e-6)
    assert math.isclose(sum(answer.probabilities), 1, abs_tol=1e-9)
    assert answer.classes == tuple(data.classes) and answer.epoch == 1
    assert answer.input_shape == tuple(given.shape[1:])
    assert (answer.lowest, answer.highest) == pytest.approx((float(given.min()), float(given.max())))
    assert len(answer.mean) == len(answer.std) == (0 if config.normalization == "none" else given.shape[1])
    assert answer.data_uri.startswith("data:image/png;base64,")


def test_a_new_checkpoint_is_read_and_an_old_one_is_not_read_twice(tmp_path):
    _, data = trained(tmp_path)
    before = ask(tmp_path, data.test_images[0])
    assert ask(tmp_path, data.test_images[0]) == before
    assert trained_networks._read.cache_info().misses == 1

    trained(tmp_path, seed=5)
    assert ask(tmp_path, data.test_images[0]) != before


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"shape": [1, 28]}, "shape must be"),
        ({"shape": [2, 28, 28]}, "shape must be"),
        ({"shape": [1, 100_000, 100_000]}, "shape must be"),
        ({"shape": [1, 28, 27]}, "pixels must be 756 bytes"),
        ({"pixels": "no base64 §"}, "pixels must be"),
    ],
)
def test_pixels_that_are_no_picture_are_refused(tmp_path, changes, reason):
    with pytest.raises(ConfigError, match=reason):
        ask(tmp_path, torch.zeros(1, 28, 28, dtype=torch.uint8), **changes)


def test_a_run_without_weights_and_an_unknown_one_are_sentences(tmp_path):
    pixels = torch.zeros(1, 28, 28, dtype=torch.uint8)
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        ask(tmp_path, pixels)
    with pytest.raises(RunNotFound):
        ask(tmp_path, pixels, run=RUN | {"id": "../../x"})


def test_the_facade_sends_the_pixels_and_nothing_else(tmp_path):
    _, data = trained(tmp_path)
    asked = []

    def helper(question, **arguments):
        """The helper without its process: everything goes through JSON."""
        asked.append((question, set(arguments)))
        import json

        answer = questions.call(own.own_picture, tmp_path, question, json.loads(typed.write(arguments)))
        return typed.read(OwnAnswer, json.loads(typed.write(answer)))

    pictures = OwnPictures(helper, lambda run_id: EvaluatedRun(run_id, "sample", None))
    image = data.test_images[2]

    assert pictures.answer(RUN["id"], image.numpy().tobytes(), tuple(image.shape), checkpoint="last") == ask(tmp_path, image)
    assert asked == [("own_picture", {"run", "checkpoint", "pixels", "shape"})]
