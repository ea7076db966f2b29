"""What the helper says about one network's predictions: figures equal those counted by hand; filters and orders lose nothing."""

from __future__ import annotations

import random

import pytest
import torch

from cnnlab.compute import predictions, questions
from cnnlab.datasets.loading import load
from cnnlab.datasets.places import Places
from cnnlab.errors import ConfigError
from cnnlab.intervals import wilson

RUN = {"id": "0000000a", "dataset": "sample", "data": None}
CLASSES = range(10)


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """The classes of the sample's test images."""
    return load("sample", Places(tmp_path_factory.mktemp("home"), None)).test_labels.tolist()


@pytest.fixture
def made(monkeypatch, truth):
    """What a network predicted: two of three images right, class 9 never, and confidences of which many are equal."""
    draw = random.Random(3)  # noqa: S311
    predicted = [label if label != 9 and draw.random() < 0.7 else draw.randrange(9) for label in truth]
    confidence = [draw.randrange(20, 100) / 100 for _ in truth]
    kept = predictions.LastEvaluation(4, tuple("abcdefghij"), torch.tensor(predicted), torch.tensor(confidence))
    monkeypatch.setattr(predictions, "last_evaluation", lambda home, run, checkpoint: kept)
    return predicted, kept.confidence.tolist()


def ask(home, **changes):
    """As the server answers a question that came as JSON."""
    return questions.call(predictions.predictions, home, "predictions", {"run": RUN, "checkpoint": "best", **changes})


def every(home, **changes):
    """The indices of all images that pass, page by page."""
    found = []
    while (page := ask(home, offset=len(found), count=37, **changes)).items:
        found += [item.picture.index for item in page.items]
    assert len(found) == page.total
    return found


def test_the_confusion_matrix_is_the_one_counted_by_hand(tmp_path, truth, made):
    predicted, _ = made
    counted = [[0] * 10 for _ in CLASSES]
    for label, guess in zip(truth, predicted, strict=True):
        counted[label][guess] += 1

    page = ask(tmp_path)

    assert [list(row) for row in page.confusion] == counted
    assert sum(map(sum, page.confusion)) == page.test_images == len(truth)
    assert sum(page.confusion[each][each] for each in CLASSES) == page.correct


def test_precision_recall_and_f1_are_those_computed_by_hand(tmp_path, truth, made):
    predicted, _ = made
    pairs = list(zip(truth, predicted, strict=True))

    figures = ask(tmp_path).figures

    for each in CLASSES:
        hits = sum(label == guess == each for label, guess in pairs)
        missed = sum(label == each != guess for label, guess in pairs)
        false = sum(guess == each != label for label, guess in pairs)
        assert figures[each].images == hits + missed
        assert figures[each].recall == pytest.approx(hits / (hits + missed))
        assert figures[each].f1 == pytest.approx(2 * hits / (2 * hits + missed + false))
        assert figures[each].precision == (pytest.approx(hits / (hits + false)) if hits + false else None)
    assert (figures[9].precision, figures[9].recall, figures[9].f1) == (None, 0.0, 0.0)


@pytest.mark.parametrize(("label", "predicted"), [(6, 0), (3, 3), (None, 5), (2, None), (1, 9)])
def test_a_cell_a_column_or_a_row_of_the_matrix_shows_exactly_its_images(tmp_path, truth, made, label, predicted):
    pairs = enumerate(zip(truth, made[0], strict=True))
    wanted = [index for index, (a, b) in pairs if label in (None, a) and predicted in (None, b)]

    assert every(tmp_path, label=label, predicted=predicted) == wanted


def test_the_figures_are_about_all_images_whatever_is_filtered(tmp_path, made):
    whole, few = ask(tmp_path), ask(tmp_path, label=6, predicted=0, only="mistakes", order="confident")

    assert few.total < whole.total
    assert (few.confusion, few.figures, few.correct) == (whole.confusion, whole.figures, whole.correct)


@pytest.mark.parametrize(("order", "sign"), [("confident", -1), ("uncertain", 1)])
def test_images_come_by_confidence_and_equal_ones_as_they_are_stored(tmp_path, made, order, sign):
    confidence = made[1]

    assert every(tmp_path, order=order) == sorted(range(len(confidence)), key=lambda index: (sign * confidence[index], index))


def test_an_order_that_is_none_is_refused(tmp_path, made):
    with pytest.raises(ConfigError, match="order must be one of number, confident, uncertain"):
        ask(tmp_path, order="best")


@pytest.mark.parametrize(
    ("right", "images", "low", "high"),
    [(50, 100, 0.4038, 0.5962), (849, 1_000, 0.8254, 0.8699), (10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775)],
)
def test_the_interval_of_an_accuracy_is_wilsons(right, images, low, high):
    assert wilson(right / images, images) == pytest.approx((low, high), abs=1e-4)
