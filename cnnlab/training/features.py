"""What a network whose last layer alone learns makes of each image before that layer: computed in the first epoch, then kept.

The values that reach the last layer never change, so from the second epoch on it trains on them alone, as it would behind the whole
network. They stay in memory for the life of the process; a resumed run computes them again.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cnnlab.architectures import zoo_parts
from cnnlab.training.evaluation import Evaluation, evaluate_in_steps

if TYPE_CHECKING:
    from cnnlab.training.session import Session

MOST = 128 << 20  # bytes; the forecast of a run's memory does not count them


@dataclass(frozen=True, slots=True)
class Ready:
    """The preparation of values that need none."""

    image_size: int

    def test(self, batch: Tensor) -> Tensor:
        return batch


class Features:
    """The inputs of the last layer of one training, as far as they have been kept."""

    def __init__(self, session: Session) -> None:
        self.head = zoo_parts.head(session.model)
        self.complete = False  # those of all training images
        self._size = session.config.image_size
        self._images = len(session.train_images)
        self._others = sum(len(images) for images, _labels in session.evaluated_on)
        self._train: Tensor | None = None
        self._tests: dict[int, Tensor] = {}
        self._possible: bool | None = None  # None before the first batch
        self._whole_epoch = False

    def begin_epoch(self) -> bool:
        """Whether they have just become complete: an epoch has passed since the last call."""
        became = self._whole_epoch and bool(self._possible) and not self.complete
        self.complete, self._whole_epoch = self.complete or became, True
        return became

    def batch(self, order: Tensor) -> Tensor:
        """The kept ones of these training images."""
        if self._train is None:
            raise RuntimeError("no features have been kept")
        return self._train.index_select(0, order)

    def passed(self, model: nn.Module, images: Tensor, order: Tensor) -> Tensor:
        """The logits of a training batch; what reaches the last layer is kept."""
        with self._listening() as found:
            logits = model(images)
        given, made = found[-1]
        if self._possible is None:
            wanted = given[0].numel() * given.element_size() * (self._images + self._others)
            self._possible = made is logits and wanted <= MOST  # behind SqueezeNet's last convolution more layers follow
            if self._possible:
                self._train = torch.zeros(self._images, *given.shape[1:], dtype=given.dtype, device=given.device)
        if self._train is not None:
            self._train.index_copy_(0, order, given.detach())
        return logits

    def evaluate_in_steps(
        self, session: Session, images: Tensor, labels: Tensor, key: int, **options: Any
    ) -> Generator[int, None, Evaluation]:
        if key in self._tests:
            ready: Any = Ready(self._size)
            return (yield from evaluate_in_steps(self.head, self._tests[key], labels, ready, **options))
        with self._listening() as found:
            evaluation = yield from evaluate_in_steps(session.model, images, labels, session.preparation, **options)
        if self._possible:
            self._tests[key] = torch.cat([given for given, _made in found])
        return evaluation

    @contextmanager
    def _listening(self) -> Iterator[list[tuple[Tensor, Tensor]]]:
        found: list[tuple[Tensor, Tensor]] = []
        handle = self.head.register_forward_hook(lambda _layer, given, made: found.append((given[0], made)))
        try:
            yield found
        finally:
            handle.remove()


def of(session: Session) -> Features | None:
    """For a run whose images reach the last layer in the same way in every epoch; None for any other."""
    alone = getattr(session.model, zoo_parts.HEAD_ALONE, False)
    return Features(session) if alone and not session.preparation.random and not session.config.compile else None


def evaluating(session: Session, images: Tensor, labels: Tensor, key: int, **options: Any) -> Generator[int, None, Evaluation]:
    """`evaluate_in_steps` of the run's network, with kept features where there are some; `key` tells sets of images apart."""
    if session.features is not None:
        return session.features.evaluate_in_steps(session, images, labels, key, **options)
    return evaluate_in_steps(session.model, images, labels, session.preparation, **options)
