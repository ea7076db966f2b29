"""The view train() and eval() of the page Inside: torch's own answers in both modes, and a network that stays as it is."""

from __future__ import annotations

import copy

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab.architectures import card
from cnnlab.compute import answers, modes, questions, trained
from cnnlab.inside.modes import has_batch_norm, has_dropout, in_training
from cnnlab.inside_values import ModeRow, Modes
from cnnlab.training.engine import train
from pages._parts.inside.modes import _cells, modes_sentence

PLAIN = {"activation": "relu"}
IMAGES = torch.rand(60, 1, 28, 28, generator=torch.Generator().manual_seed(2))


def lenet(**options):
    torch.manual_seed(0)
    return card("lenet").build(options=PLAIN | options).eval()


def test_batch_norm_answers_as_torch_does_for_the_whole_batch():
    model = lenet(batch_norm=True)

    row = in_training(model, IMAGES[:1], IMAGES[1:], 10, 3)

    own = copy.deepcopy(model).train()
    for draw, found in enumerate(row.probabilities):
        batch = torch.cat([IMAGES[:1], IMAGES[1 + 9 * draw : 10 + 9 * draw]])
        assert found == pytest.approx(own(batch)[0].softmax(0).tolist(), abs=1e-6)
    assert len(set(row.probabilities)) == 3


def test_the_network_and_the_callers_random_numbers_stay_as_they_are():
    model = lenet(batch_norm=True, dropout=0.5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(5)
    state = torch.get_rng_state()

    rows = [in_training(model, IMAGES[:1], IMAGES[1:], 10, 3) for _ in range(2)]

    assert rows[0] == rows[1]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_dropout_alone_differs_each_time_and_without_either_nothing_does():
    dropped = in_training(lenet(dropout=0.5), IMAGES[:1], IMAGES[1:], 1, 5)
    plain = lenet()
    same = in_training(plain, IMAGES[:1], IMAGES[1:], 10, 4)
    assert len(set(dropped.probabilities)) == 5
    with torch.no_grad():
        expected = plain(IMAGES[:1])[0].softmax(0).tolist()
    assert all(each == pytest.approx(expected, abs=1e-6) for each in same.probabilities)
    assert (has_dropout(lenet(dropout=0.5)), has_dropout(plain)) == (True, False)
    assert (has_batch_norm(lenet(batch_norm=True)), has_batch_norm(plain)) == (True, False)


def test_one_image_alone_is_too_few_for_batch_norm_behind_a_dense_layer():
    assert in_training(lenet(batch_norm=True), IMAGES[:1], IMAGES[1:], 1, 2) == ModeRow(1, ())


def test_the_helper_asks_for_batches_that_the_test_images_can_fill(tmp_path, monkeypatch):
    data = quadrants(train=90, test=60)
    monkeypatch.setattr(answers, "load", lambda home, dataset, where: data)
    trained._read.cache_clear()
    config = settings(epochs=1, architecture="lenet", options=PLAIN | {"batch_norm": True})
    list(train(config, data, folder=tmp_path / "runs" / "0000000a"))
    look = {
        "run": {"id": "0000000a", "dataset": "sample", "data": None},
        "checkpoint": "last",
        "image": 4,
        "right": 0,
        "down": 0,
        "own": None,
    }

    found = questions.call(modes.modes, tmp_path, "modes", {"look": look})
    monkeypatch.setattr(modes, "WORK", 1)
    costly = questions.call(modes.modes, tmp_path, "modes", {"look": look})

    assert (found.batch_norm, found.dropout) == (True, False)
    assert [row.size for row in found.rows] == [1, 10]  # 60 test images are too few for five batches of 100
    assert sum(found.probabilities) == pytest.approx(1.0)
    assert costly.rows == ()


@pytest.mark.parametrize(
    ("batch_norm", "dropout", "expected"),
    [
        (True, False, ["**Batch norm** takes mean and variance from the batch"]),
        (False, True, ["**Dropout** sets values to 0 at random"]),
        (True, True, ["**Batch norm**", "**Dropout**"]),
        (False, False, ["neither batch norm nor dropout"]),
    ],
)
def test_the_sentence_says_why_the_modes_differ(batch_norm, dropout, expected):
    sentence = modes_sentence(Modes(batch_norm, dropout, (1.0,), ()))
    assert all(each in sentence for each in expected)
    assert ("Dropout" in sentence) == dropout


def test_a_row_says_how_sure_and_how_often_the_answer_was_the_same():
    row = ModeRow(10, ((0.9, 0.1), (0.45, 0.55), (0.6, 0.4)))
    assert _cells(row, 0, ("a*", "b")) == ("45.0 % to 90.0 %", r"a\* 2 of 3 times")
    assert _cells(ModeRow(1, ((0.9, 0.1),) * 2), 0, ("a", "b")) == ("90.0 %", "a each time")
    assert _cells(ModeRow(1, ()), 0, ("a", "b"))[0] == "–"
