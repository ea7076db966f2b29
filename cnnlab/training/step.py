"""One batch as operations on the device: the same on every device, step by step or recorded once and replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnlab.training import layout, optimizers
from cnnlab.training.evaluation import autocast
from cnnlab.training.gradients import gradient_norm

if TYPE_CHECKING:
    from cnnlab.training.session import Session
    from cnnlab.training.tables import Row


def load(session: Session) -> tuple[Tensor, Tensor]:
    """The images and labels of the next batch, as the tables of the epoch say. A full batch has no number that varies."""
    row = _row(session)
    if session.features is not None and session.features.complete:
        return session.features.batch(row.order), session.train_labels.index_select(0, row.order)
    # On the CPU `index_select` copies an image at once; indexing in brackets takes 15 times as long.
    chosen, labels = (each.index_select(0, row.order) for each in (session.train_images, session.train_labels))
    return session.preparation.augmented(chosen, row.draws, fixed_shapes=session.graph.possible), labels


def learn(session: Session, images: Tensor, labels: Tensor) -> None:
    """Forward, backward and a step of the optimiser; the sums and the counter of the tables advance.

    There must be no gradients yet: then the backward pass writes them, and a replay overwrites what the last one has written.
    """
    config = session.config
    # The network is compiled for one batch size; the last batch of an epoch may be smaller.
    compiled = session.compiled if len(images) == config.batch_size else None
    # No layer's weights are used twice, so a cache would save nothing; and a CUDA graph must hold the conversions.
    with autocast(session.device, session.precision, cached=False):
        logits = compiled(images.contiguous()) if compiled else _passed(session, images)
    loss = functional.cross_entropy(logits.float(), labels, label_smoothing=config.label_smoothing)
    loss.backward()
    if config.gradient_clip is not None:
        session.norm_before_clipping = nn.utils.clip_grad_norm_(session.model.parameters(), config.gradient_clip)
    if session.step == 0:
        session.sound_at_first = gradient_norm(session) is not None
    optimizers.set_momentum(config, session.optimizer, session.step, len(session.bounds))
    session.optimizer.step()
    session.sums.add(_comparable(loss, logits, labels, config.label_smoothing), logits, labels)
    session.tables.at.add_(1)


def _passed(session: Session, images: Tensor) -> Tensor:
    """The logits; where features are kept, `images` are these, or what they are computed from."""
    features = session.features
    if features is None:
        return session.model(layout.images(images, session.device, session.layout))
    return features.head(images) if features.complete else features.passed(session.model, images, _row(session).order)


def _row(session: Session) -> Row:
    """The row of the next batch in the tables of the epoch."""
    tables = session.tables
    return tables.row() if session.batch < tables.full or tables.rest is None else tables.rest


def _comparable(loss: Tensor, logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """The loss without label smoothing, which compares with the loss on test images. One that is not finite stays visible."""
    if not smoothing:
        return loss
    with torch.no_grad():
        return torch.where(loss.isfinite(), functional.cross_entropy(logits.float(), labels), loss)
