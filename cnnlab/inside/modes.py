"""One image in train() and in eval(): what batch norm and dropout make of it, alone and in a batch with others."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from cnnlab.inside_values import ModeRow


def has(model: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether the network has a layer of this kind; a dropout of 0 drops nothing, and does not count."""
    return any(isinstance(module, kind) and getattr(module, "p", 1.0) > 0 for module in model.modules())


def has_batch_norm(model: nn.Module) -> bool:
    return has(model, _BatchNorm)


def has_dropout(model: nn.Module) -> bool:
    return has(model, _DropoutNd)


def in_training(model: nn.Module, image: Tensor, others: Tensor, size: int, draws: int) -> ModeRow:
    """Probabilities for `image` (1×C×H×W) in train(), `draws` times in a batch of `size` with others of `others` (N×C×H×W).

    The network stays as it is: a copy is asked, because batch norm updates its averages in train(). The draws of dropout are the
    same each time that this is called. A batch that batch norm cannot take gives a row without probabilities.
    """
    trained = copy.deepcopy(model).train()
    found = []
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for draw in range(draws):
            first = draw * (size - 1)
            batch = torch.cat([image, others[first : first + size - 1]])
            try:
                found.append(tuple(torch.softmax(trained(batch)[0].double(), 0).tolist()))
            except ValueError:  # a mean and a variance of one value a channel
                return ModeRow(size, ())
    return ModeRow(size, tuple(found))
