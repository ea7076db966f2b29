"""Evaluation of a network on test images: predictions, loss, accuracy, and the confusion between classes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnlab.layers.memory import evaluation_batch
from cnnlab.values import ClassFigures, ConfidenceBin

_BYTE = 256  # classes whose numbers fit into one byte
CONFIDENCE_BINS = 10  # as in Guo et al. (2017)

if TYPE_CHECKING:
    from cnnlab.training.transforms import Preparation


@dataclass(frozen=True, slots=True)
class Evaluation:
    loss: float  # mean cross-entropy per image
    accuracy: float  # 0..1
    predicted: Tensor  # uint8, of more than 256 classes int16, one per image, on the CPU
    confidence: Tensor  # float32, probability of the predicted class, one per image, on the CPU


def evaluate(model: nn.Module, images: Tensor, labels: Tensor, preparation: Preparation, **options: Any) -> Evaluation:
    """`evaluate_in_steps` without the steps; `options` are its `batch_size` and `precision`."""
    steps = evaluate_in_steps(model, images, labels, preparation, **options)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def evaluate_in_steps(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    preparation: Preparation,
    *,
    batch_size: int | None = None,
    precision: str = "float32",
) -> Generator[int, None, Evaluation]:
    """Loss, accuracy and predictions of `model` on uint8 `images`, which lie on the model's device, as `labels` do.

    Yields the number of images done after each batch, so that a long evaluation can be shown and stopped. The model is in
    evaluation mode meanwhile, and in its former mode afterwards, also when the generator is closed.
    """
    size = batch_size or evaluation_batch(preparation.image_size, images.device.type)
    was_training = model.training
    losses, predicted, confidence = [], [], []
    model.eval()
    try:
        for start in range(0, len(images), size):
            batch = slice(start, start + size)
            # Entered again for each batch: held over a `yield`, it would switch gradients off in the caller, too.
            with torch.inference_mode(), autocast(images.device, precision):
                logits = model(preparation.test(images[batch])).float()
                losses.append(functional.cross_entropy(logits, labels[batch], reduction="none"))
                best = functional.softmax(logits, dim=1).max(dim=1)
                predicted.append(best.indices)
                confidence.append(best.values)
            yield min(start + size, len(images))
    finally:
        model.train(was_training)
    classes = torch.cat(predicted)
    return Evaluation(
        loss=torch.cat(losses).cpu().double().mean().item(),
        accuracy=(classes == labels).sum().item() / len(labels),
        predicted=classes.to(torch.uint8 if logits.shape[1] <= _BYTE else torch.int16).cpu(),
        confidence=torch.cat(confidence).cpu(),
    )


def autocast(device: torch.device, precision: str, *, cached: bool = True) -> AbstractContextManager:
    """The precision that layers compute in; weights stay float32 either way. `cached` converts weights used twice once."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16", cache_enabled=cached)


def confusion(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """Counts K×K: row is the true class, column the predicted one."""
    pairs = labels.long().cpu() * classes + predicted.long().cpu()
    return torch.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def calibration(confidence: Tensor, right: Tensor) -> tuple[ConfidenceBin, ...]:
    """The images by their `confidence` (N, 0..1), in bins of equal width, with the share that is `right` (N, bool) in each."""
    confidence = confidence.double().cpu()
    # A bin includes its upper edge, so 1.0 is in the last one; 0.0 is in the first.
    numbers = (confidence * CONFIDENCE_BINS).ceil().long().sub(1).clamp(0, CONFIDENCE_BINS - 1)
    images = torch.bincount(numbers, minlength=CONFIDENCE_BINS)
    divisors = images.clamp(min=1)
    means = torch.bincount(numbers, confidence, CONFIDENCE_BINS) / divisors
    shares = torch.bincount(numbers, right.double().cpu(), CONFIDENCE_BINS) / divisors
    return tuple(
        ConfidenceBin(number / CONFIDENCE_BINS, (number + 1) / CONFIDENCE_BINS, *figures)
        for number, figures in enumerate(zip(images.tolist(), means.tolist(), shares.tolist(), strict=True))
    )


def per_class(counts: Tensor) -> tuple[ClassFigures, ...]:
    """The figures of each class from a confusion matrix."""
    total = counts.sum().item()
    right = counts.diagonal().tolist()
    images, predicted = counts.sum(dim=1).tolist(), counts.sum(dim=0).tolist()
    return tuple(
        ClassFigures(
            images=n,
            accuracy=(total - (n - hit) - (claims - hit)) / total if total else 0.0,
            precision=hit / claims if claims else None,
            recall=hit / n if n else None,
        )
        for hit, n, claims in zip(right, images, predicted, strict=True)
    )
