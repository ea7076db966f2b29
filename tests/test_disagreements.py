"""Where two networks disagree, from what their checkpoints keep."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from cnnlab.compute import predictions, questions
from cnnlab.datasets.loading import load
from cnnlab.datasets.places import Places
from cnnlab.errors import CheckpointError, ConfigError, RunNotFound
from cnnlab.values import EvaluatedRun

RUNS = ("0000000a", "0000000b")


@pytest.fixture
def labels(tmp_path):
    """The classes of the sample's test images."""
    return load("sample", Places(tmp_path, None)).test_labels.tolist()


@pytest.fixture
def predict(monkeypatch):
    """Gives two runs their predictions for the first test images of the sample."""
    stored = {}

    def read(home, run, checkpoint):
        return stored[run]

    def store(*pair):
        for run, predicted in zip(RUNS, pair, strict=True):
            confidence = torch.full((len(predicted),), 0.5)
            stored[run] = predictions.LastEvaluation(3, tuple("abcdefghij"), torch.tensor(predicted), confidence)

    monkeypatch.setattr(predictions, "last_evaluation", read)
    return store


def ask(home, *, dataset="sample", **changes):
    """As the server answers a question that came as JSON."""
    first, second = ({"id": run, "dataset": name, "data": None} for run, name in zip(RUNS, ("sample", dataset), strict=True))
    arguments = {"first": first, "second": second, **changes}
    return questions.call(predictions.disagreements, home, "disagreements", arguments)


def test_each_disagreement_is_counted_by_who_is_right(tmp_path, labels, predict):
    a, b, c, d, *_ = labels
    predict([a, b, (c + 1) % 10, (d + 1) % 10], [a, (b + 1) % 10, c, (d + 2) % 10])

    page = ask(tmp_path)

    assert (page.both, page.only_first, page.only_second, page.neither, page.total, page.test_images) == (1, 1, 1, 1, 3, 4)
    assert [item.picture.index for item in page.items] == [1, 2, 3]
    assert page.items[0].predicted == (b, (b + 1) % 10)


@pytest.mark.parametrize(("right", "index"), [("first", 1), ("second", 2), ("neither", 3)])
def test_one_kind_alone_can_be_asked_for(tmp_path, labels, predict, right, index):
    a, b, c, d, *_ = labels
    predict([a, b, (c + 1) % 10, (d + 1) % 10], [a, (b + 1) % 10, c, (d + 2) % 10])

    page = ask(tmp_path, right=right)

    assert [item.picture.index for item in page.items] == [index]
    assert page.total == 1


def test_each_run_is_said_to_be_of_its_own_epoch(tmp_path, predict, monkeypatch):
    predict([0, 1], [1, 1])
    read = predictions.last_evaluation
    epochs = dict(zip(RUNS, (3, 5), strict=True))
    monkeypatch.setattr(predictions, "last_evaluation", lambda home, run, name: replace(read(home, run, name), epoch=epochs[run]))

    assert ask(tmp_path).epochs == (3, 5)


def test_within_an_epoch_predictions_are_said_to_be_of_the_last_one_that_was_evaluated(tmp_path, monkeypatch):
    kept = {"epoch": 3, "history": [{"epoch": 1}, {"epoch": 2}], "classes": ["a", "b"]}
    kept |= {"test_predicted": torch.tensor([1], dtype=torch.uint8), "test_confidence": torch.tensor([0.5])}
    monkeypatch.setattr(predictions.checkpoints, "load", lambda path: kept)

    assert predictions._read(tmp_path / "last.pt", 1).epoch == 2


def test_the_same_wrong_answer_is_no_disagreement(tmp_path, labels, predict):
    wrong = (labels[0] + 1) % 10
    predict([wrong], [wrong])

    assert ask(tmp_path).total == 0


def test_pages_follow_each_other(tmp_path, predict):
    predict([0] * 20, [1] * 20)

    first, second = (ask(tmp_path, offset=offset, count=15).items for offset in (0, 15))

    assert [item.picture.index for item in first + second] == list(range(20))


def test_runs_of_different_data_or_different_images_are_a_sentence(tmp_path, predict):
    predict([0, 1], [0])

    with pytest.raises(CheckpointError, match="different images"):
        ask(tmp_path, dataset="mnist")
    with pytest.raises(CheckpointError, match=r"different numbers of images \(2 and 1\)"):
        ask(tmp_path)


def test_more_predictions_than_images_are_a_sentence(tmp_path, labels, predict):
    count = len(labels) + 1
    predict([0] * count, [1] * count)

    with pytest.raises(CheckpointError, match="have changed"):
        ask(tmp_path)


@pytest.mark.parametrize("changes", [{"right": "x"}, {"count": 0}, {"count": 10_000}, {"offset": -1}])
def test_what_cannot_be_asked_is_a_sentence(tmp_path, predict, changes):
    predict([0], [1])

    with pytest.raises(ConfigError):
        ask(tmp_path, **changes)


def test_an_id_never_becomes_a_path(tmp_path):
    run = EvaluatedRun("../../etc/passwd", "sample", None)

    with pytest.raises(RunNotFound, match="There is no run"):
        predictions.disagreements(tmp_path, first=run, second=run)
