"""The length of the gradient, which a Progress reports as evidence for the diagnosis."""

import math

import pytest
import torch
from quadrants import quadrants

from cnnlab.config import RunConfig
from cnnlab.events import Progress
from cnnlab.training.engine import train
from cnnlab.training.gradients import gradient_norm
from cnnlab.training.session import Session


def session(**settings) -> Session:
    made = Session(RunConfig.make(architecture="mlp", image_size=8, channels=1, batch_size=30, **settings), quadrants())
    made.begin_epoch()
    return made


@pytest.mark.parametrize("clip", [None, 1e-3])
def test_the_norm_is_that_of_the_last_gradient_before_clipping(clip):
    run = session(gradient_clip=clip)
    assert gradient_norm(run) is None
    run.advance()

    plain = session()
    plain.advance()
    squares = sum(float((weight.grad.double() ** 2).sum()) for weight in plain.model.parameters())
    assert gradient_norm(run) == pytest.approx(math.sqrt(squares), rel=1e-5)


def test_a_gradient_that_is_not_finite_has_no_norm():
    run = session()
    run.advance()
    next(run.model.parameters()).grad.fill_(torch.inf)

    assert gradient_norm(run) is None


def test_each_progress_has_one():
    config = RunConfig.make(architecture="mlp", image_size=8, channels=1, batch_size=30, epochs=2)

    norms = [event.gradient_norm for event in train(config, quadrants()) if isinstance(event, Progress)]

    assert norms
    assert all(norm and norm > 0 for norm in norms)
