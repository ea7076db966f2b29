"""The floors of the training benchmark: bare steps on one batch that is already on the device."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn, optim
from torch.nn import functional

from cnnlab.training import initialization
from cnnlab.training.transforms import Preparation

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.datasets.loading import ImageData

_WARM_UP = 3  # steps before a CUDA graph is recorded, in which libraries choose their algorithms


class Skipped(Exception):
    """This contestant cannot run on this machine; the message gives the reason."""


def make_step(kind: str, config: RunConfig, data: ImageData) -> Callable[[], Any]:
    """A step (forward, loss, backward, update) on one batch on the device: "eager", "compiled" or "graph". Raises Skipped."""
    device = torch.device(config.device)
    _must_be_able(kind, device)
    model = initialization.network(config, len(data.classes)).to(device).train()
    adam = config.optimizer == "adam"
    more = {"capturable": True} if kind == "graph" and adam else {}  # a graph needs its step counter on the device
    optimizer = plain_optimizer(config, model.parameters(), **more)
    batch = Preparation.for_run(config, data).train(data.train_images[: config.batch_size], torch.Generator().manual_seed(0))
    pixels, labels = batch.to(device), data.train_labels[: config.batch_size].to(device)
    called = torch.compile(model, dynamic=False) if kind == "compiled" else model

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(called(pixels), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return _recorded(step) if kind == "graph" else step


def _recorded(step: Callable[[], Any]) -> Callable[[], Any]:
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # PyTorch requires a side stream: memory allocated before must not end up in the graph
        for _ in range(_WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def _must_be_able(kind: str, device: torch.device) -> None:
    if kind == "graph" and device.type != "cuda":
        raise Skipped("a CUDA graph needs a CUDA device")
    if kind == "compiled" and device.type == "cuda" and importlib.util.find_spec("triton") is None:
        raise Skipped("torch.compile needs Triton for this GPU, and it is not installed")
    if kind == "compiled":
        compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
        if shutil.which(compiler) is None:
            raise Skipped(f"torch.compile needs a C++ compiler, and {compiler} is not installed")


def plain_optimizer(config: RunConfig, parameters: Iterable[nn.Parameter], **more: Any) -> optim.Optimizer:
    """SGD or Adam with PyTorch's defaults. Raises ValueError for an optimiser that the course does not use."""
    if config.optimizer == "sgd":
        return optim.SGD(parameters, config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay)
    if config.optimizer == "adam":
        return optim.Adam(parameters, config.learning_rate, weight_decay=config.weight_decay, **more)
    raise ValueError(f"The course's loop uses sgd or adam, not {config.optimizer}.")


def wait(device: torch.device) -> None:
    """Waits until the device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
