"""Evaluation: the same figures as one image at a time, whatever the batches; confusion and per-class figures by hand."""

import math

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab.layers.memory import evaluation_batch
from cnnlab.training import initialization
from cnnlab.training.evaluation import ClassFigures, calibration, confusion, evaluate, evaluate_in_steps, per_class
from cnnlab.training.transforms import Preparation
from cnnlab.values import PredictionPage


@pytest.fixture
def network():
    return initialization.network(settings(architecture="lenet", options={"batch_norm": True, "dropout": 0.5}), 3)


PREPARATION = Preparation(channels=1, image_size=12)


@pytest.mark.parametrize("batch_size", [None, 1, 7, 30])
def test_evaluation_equals_one_image_at_a_time(network, batch_size):
    data = quadrants(test=30)
    network.eval()
    shares = [torch.softmax(network(image[None] / 255)[0].detach(), dim=0) for image in data.test_images]
    labels = data.test_labels.tolist()

    evaluation = evaluate(network, data.test_images, data.test_labels, PREPARATION, batch_size=batch_size)

    assert evaluation.loss == pytest.approx(
        sum(-math.log(share[label]) for share, label in zip(shares, labels, strict=True)) / 30, rel=1e-5
    )
    assert evaluation.accuracy == sum(share.argmax() == label for share, label in zip(shares, labels, strict=True)).item() / 30
    assert evaluation.predicted.tolist() == [share.argmax().item() for share in shares]
    assert evaluation.confidence.tolist() == pytest.approx([share.max().item() for share in shares], rel=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_leaves_the_network_as_it_was(network, training):
    network.train(training)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    data = quadrants()

    evaluate(network, data.test_images, data.test_labels, PREPARATION)

    assert network.training is training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_an_evaluation_tells_how_far_it_is_and_can_be_ended(network):
    data = quadrants(test=30)
    network.train()
    steps = evaluate_in_steps(network, data.test_images, data.test_labels, PREPARATION, batch_size=8)

    assert [next(steps), next(steps)] == [8, 16]
    assert not torch.is_inference_mode_enabled()
    steps.close()

    assert network.training


def test_a_large_image_is_judged_in_small_batches():
    assert evaluation_batch(28, "cpu") == 167
    assert evaluation_batch(224, "cpu") == 16
    assert evaluation_batch(224, "cuda") > 16
    assert evaluation_batch(1, "cpu") == 4096
    assert evaluation_batch(224, "cpu", 64) == 64  # what fits in training fits here


def test_confusion_counts_true_classes_in_rows_and_predicted_ones_in_columns():
    labels, predicted = torch.tensor([0, 0, 1, 2, 2]), torch.tensor([0, 1, 1, 0, 2], dtype=torch.uint8)

    assert confusion(labels, predicted, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]


def test_confusion_keeps_classes_that_never_occur():
    assert confusion(torch.tensor([0]), torch.tensor([0]), 4).shape == (4, 4)


def test_figures_per_class_follow_from_the_confusion():
    figures = per_class(torch.tensor([[6, 2, 0], [1, 1, 0], [0, 0, 0]]))

    assert figures[0] == ClassFigures(images=8, accuracy=0.7, precision=6 / 7, recall=6 / 8)
    assert figures[1] == ClassFigures(images=2, accuracy=0.7, precision=1 / 3, recall=1 / 2)
    assert figures[2] == ClassFigures(images=0, accuracy=1.0, precision=None, recall=None)


def test_calibration_puts_each_image_into_the_range_of_its_confidence():
    confidence = torch.tensor([0.0, 0.09, 0.11, 0.45, 0.5, 0.95, 0.99, 1.0])
    right = torch.tensor([False, True, False, True, True, True, False, True])

    bins = calibration(confidence, right)

    assert [each.images for each in bins] == [2, 1, 0, 0, 2, 0, 0, 0, 0, 3]
    assert [(each.low, each.high) for each in bins] == [(n / 10, (n + 1) / 10) for n in range(10)]
    assert (bins[0].confidence, bins[0].accuracy) == (pytest.approx(0.045), 0.5)
    assert (bins[4].confidence, bins[4].accuracy) == (pytest.approx(0.475), 1.0)
    assert (bins[9].confidence, bins[9].accuracy) == (pytest.approx(0.98), pytest.approx(2 / 3))
    assert (bins[2].confidence, bins[2].accuracy) == (0.0, 0.0)


def test_the_calibration_error_is_the_mean_distance_of_confidence_and_accuracy():
    generator = torch.Generator().manual_seed(3)
    confidence = torch.rand(500, generator=generator)
    right = torch.rand(500, generator=generator) < confidence**2

    page = PredictionPage("best", 1, ("a",), 0, 500, int(right.sum()), (), (), (), calibration(confidence, right))

    by_hand = 0.0
    for number in range(10):
        inside = (confidence > number / 10) & (confidence <= (number + 1) / 10)
        by_hand += abs(float(right[inside].double().mean() - confidence[inside].double().mean())) * int(inside.sum()) / 500
    assert page.calibration_error == pytest.approx(by_hand)
    assert 0.1 < page.calibration_error < 0.25  # the mean of x - x² is a sixth


def test_confusion_figures_and_calibration_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed (requirements-dev.txt)")
    from sklearn.calibration import calibration_curve

    drawn = torch.Generator().manual_seed(3)
    labels = torch.randint(0, 5, (400,), generator=drawn)
    predicted = torch.where(torch.rand(400, generator=drawn) < 0.7, labels, torch.randint(0, 4, (400,), generator=drawn))
    confidence = torch.rand(400, generator=drawn).double().clamp(0.25, 0.9)
    confidence[:10] = torch.arange(1, 11) / 10  # the edges of the bins

    counts = confusion(labels, predicted, 5)
    bins = [each for each in calibration(confidence, predicted == labels) if each.images]

    assert counts.tolist() == metrics.confusion_matrix(labels, predicted).tolist()
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(labels, predicted, zero_division=0)
    figures = per_class(counts)
    assert [each.precision for each in figures] == pytest.approx(precision)
    assert [each.recall for each in figures] == pytest.approx(recall)
    assert [each.f1 for each in figures] == pytest.approx(f1)
    shares, means = calibration_curve(predicted == labels, confidence, n_bins=10)
    assert [each.accuracy for each in bins] == pytest.approx(shares)
    assert [each.confidence for each in bins] == pytest.approx(means)
