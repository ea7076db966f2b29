"""The course's training loop as in its notebooks: the rival of the lab's training."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.data import DataLoader, default_collate
from torchvision import transforms

from benchmarks.training_floors import plain_optimizer
from cnnlab.training import initialization

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.datasets.loading import ImageData

WORKERS = 2
_IN_FLIGHT = 3 * WORKERS  # batches in shared memory at once: two prepared by each worker, and those that the loop holds


class Gray(torchvision.datasets.FashionMNIST):
    """torchvision's own data set over images in memory: N×1×H×W uint8."""

    def __init__(self, images: Tensor, labels: Tensor, transform: Any) -> None:
        torchvision.datasets.VisionDataset.__init__(self, root="", transform=transform)
        self.data, self.targets = images[:, 0], labels


class Colour(torchvision.datasets.CIFAR10):
    """torchvision's own data set over images in memory: N×3×H×W uint8."""

    def __init__(self, images: Tensor, labels: Tensor, transform: Any) -> None:
        torchvision.datasets.VisionDataset.__init__(self, root="", transform=transform)
        self.data, self.targets = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy()), labels.tolist()


class CourseLoop:
    """The network of `config` with its initial weights, trained and evaluated an epoch at a time.

    Two errors of the course are corrected: test images are normalised as training images are, and accuracies count images, not
    batches. Two wastes of time stay unless `tidy`: evaluation with gradients on, and a second forward pass for the accuracy on the
    training batch. Supports what the course's recipes use: SGD or Adam at a constant rate, float32, and unchanged channels.
    """

    def __init__(self, config: RunConfig, data: ImageData, *, tidy: bool = False) -> None:
        self.device, self.tidy = torch.device(config.device), tidy
        self.net = initialization.network(config, len(data.classes)).to(self.device)
        torch.manual_seed(config.seed)  # else all rounds have the same order: torch's generator starts alike in each process
        self.optimizer = plain_optimizer(config, self.net.parameters())
        self.loss = nn.CrossEntropyLoss()
        dataset = Gray if data.channels == 1 else Colour
        train_set = dataset(data.train_images, data.train_labels, transform(config, data, training=True))
        test_set = dataset(data.test_images, data.test_labels, transform(config, data, training=False))
        narrow = _shared_memory_is_too_small(config)
        self.train_batches = _Batches(train_set, config.batch_size, shuffle=True, by_pipe=narrow)
        self.test_batches = _Batches(test_set, config.batch_size, shuffle=False, by_pipe=narrow)
        self.loss_sum = self.train_accuracy = 0.0

    def epoch(self) -> float:
        """Trains on every image once, evaluates, and returns the test accuracy, 0..1."""
        self.net.train()
        self.loss_sum, correct, seen = 0.0, 0, 0
        for images, labels in self.train_batches:
            images, labels = images.to(self.device), labels.to(self.device)  # noqa: PLW2901  # as the course writes it
            self.optimizer.zero_grad()
            logits = self.net(images)
            loss = self.loss(logits, labels)
            loss.backward()
            self.optimizer.step()
            self.loss_sum += loss.item()
            if not self.tidy:
                logits = self.net(images)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            seen += len(labels)
        self.train_accuracy = correct / seen
        return self.evaluate()

    def evaluate(self) -> float:
        self.net.eval()
        correct = seen = 0
        with torch.set_grad_enabled(not self.tidy):
            for images, labels in self.test_batches:
                images, labels = images.to(self.device), labels.to(self.device)  # noqa: PLW2901
                correct += (self.net(images).argmax(dim=1) == labels).sum().item()
                seen += len(labels)
        return correct / seen


def transform(config: RunConfig, data: ImageData, *, training: bool) -> transforms.Compose:
    """The transformations of each image, in the course's order. Raises ValueError if the channels would have to change."""
    if config.channels != data.channels:
        raise ValueError(f"The course's loop cannot change the number of channels from {data.channels} to {config.channels}.")
    steps: list[Any] = []
    if config.image_size != data.size:
        steps.append(transforms.Resize(config.image_size))
    if training and config.random_crop:
        steps.append(transforms.RandomCrop(config.image_size, padding=config.random_crop))
    if training and config.horizontal_flip:
        steps.append(transforms.RandomHorizontalFlip())
    if training and config.random_grayscale:
        steps.append(transforms.RandomGrayscale(config.random_grayscale))
    steps.append(transforms.ToTensor())
    if config.normalization == "half":
        steps.append(transforms.Normalize((0.5,) * data.channels, (0.5,) * data.channels))
    elif config.normalization == "dataset":
        steps.append(transforms.Normalize(*data.statistics(config.channels)))
    return transforms.Compose(steps)


class _Batches:
    """The course's DataLoader. A worker that fills the shared memory dies, and containers often have only 64 MB of it: `by_pipe`
    sends batches through the workers' pipes, at the cost of one more copy."""

    def __init__(self, dataset: Any, batch_size: int, *, shuffle: bool, by_pipe: bool) -> None:
        collate = _as_arrays if by_pipe else None
        self.loader = DataLoader(dataset, batch_size=batch_size, shuffle=shuffle, num_workers=WORKERS, collate_fn=collate)
        self.by_pipe = by_pipe

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[list[Tensor]]:
        if not self.by_pipe:
            yield from self.loader
            return
        for batch in self.loader:
            yield [torch.from_numpy(part) for part in batch]


def _as_arrays(images: list[Any]) -> list[np.ndarray]:
    return [part.numpy() for part in default_collate(images)]


def _shared_memory_is_too_small(config: RunConfig, folder: Path = Path("/dev/shm")) -> bool:  # noqa: S108  # only its free space is read
    if not folder.is_dir():
        return False  # another operating system shares memory by other means
    batch = 4 * config.batch_size * config.channels * config.image_size**2
    return shutil.disk_usage(folder).free < _IN_FLIGHT * batch
