"""The layout of a network with batch norm on the CPU: what it costs in time, and how exact the statistics are.

    python -m benchmarks.batch_norm_layout

Steps of training on random images in one thread, the layouts in turns, in seconds of the processor, so that other programs count
less. The error is that of the variance which batch norm takes of its input, beside float64: the largest of all layers.
"mixed" is channels_last with contiguous batch norm; the lab's makes only large inputs of batch norm contiguous.
"""

from __future__ import annotations

import argparse
import statistics
import time
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnlab.config import RunConfig
from cnnlab.training import initialization, process
from cnnlab.training.evaluation import autocast
from cnnlab.training.layout import arrange
from cnnlab.training.precision import has_bfloat16

LAYOUTS = ("channels_last", "contiguous", "mixed", "the lab's")
CASES: dict[str, tuple[dict[str, Any], int]] = {
    "LeNet, 28 px, batch 256": ({"architecture": "lenet", "options": {"batch_norm": True, "activation": "relu"}}, 256),
    "LeNet, 28 px, batch 2,048": ({"architecture": "lenet", "options": {"batch_norm": True, "activation": "relu"}}, 2048),
    "Small ResNet, 32 px, batch 100": ({"architecture": "course-resnet", "dataset": "cifar10"}, 100),
    "ResNet-9 ÷ 4, 32 px, batch 64": ({"architecture": "resnet9", "dataset": "cifar10", "options": {"width": 16}}, 64),
    "VGG-11 ÷ 8, 64 px, batch 64": (
        {"architecture": "vgg", "image_size": 64, "options": {"width_divisor": 8, "batch_norm": True}},
        64,
    ),
    "NiN ÷ 4, 224 px, batch 32": ({"architecture": "nin", "options": {"width_divisor": 4, "batch_norm": True}}, 32),
    "MLP, 28 px, batch 2,048": ({"architecture": "mlp", "options": {"batch_norm": True}}, 2048),
}


def network(config: RunConfig, layout: str) -> nn.Module:
    model = initialization.network(SimpleNamespace(**vars(config)), 10)  # type: ignore[arg-type]  # attributes are enough
    if layout == "the lab's":
        arrange(model, torch.device("cpu"))
        return model
    model.to(memory_format=torch.contiguous_format if layout == "contiguous" else torch.channels_last)
    if layout == "mixed":
        for norm in norms(model):
            norm.register_forward_pre_hook(lambda _module, inputs: (inputs[0].contiguous(),))
    return model


def norms(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]


def error(model: nn.Module, images: Tensor, precision: str) -> float:
    """The largest relative error of a variance."""
    worst = 0.0

    def compare(module: Any, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        nonlocal worst
        values = inputs[0].detach().double()
        exact = values.var([0, *range(2, values.dim())])
        known = exact > 1e-6  # a channel that is always 0 has no relative error
        wrong = ((module.running_var.double() - exact).abs() / exact)[known]
        worst = max(worst, wrong.max().item() if len(wrong) else 0.0)

    hooks = [norm.register_forward_hook(compare, prepend=True) for norm in norms(model)]
    for norm in norms(model):
        norm.momentum = 1.0  # type: ignore[assignment]  # the running variance is that of the batch
    with torch.no_grad(), autocast(images.device, precision):
        model.train()(images)
    for hook in hooks:
        hook.remove()
    return worst


def step(model: nn.Module, sgd: torch.optim.Optimizer, images: Tensor, labels: Tensor, precision: str) -> float:
    began = time.process_time()
    with autocast(images.device, precision):
        logits = model(images)
    functional.cross_entropy(logits.float(), labels).backward()
    sgd.step()
    sgd.zero_grad(set_to_none=True)
    return time.process_time() - began


def measure(title: str, precision: str, rounds: int) -> list[str]:
    """A row of the table for each layout. Its time is its own, and a share of that of channels_last in the same turn."""
    settings, batch = CASES[title]
    config = RunConfig.make(device="cpu", initialization="pytorch", **settings)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(batch, *config.input_shape, generator=generator)
    labels = torch.randint(0, 10, (batch,), generator=generator)
    errors = {layout: error(network(config, layout), images, precision) for layout in LAYOUTS}
    models = {layout: network(config, layout).train() for layout in LAYOUTS}
    steppers = {layout: torch.optim.SGD(model.parameters(), 0.01) for layout, model in models.items()}
    seconds: dict[str, list[float]] = {layout: [] for layout in LAYOUTS}
    for turn in range(rounds + 1):
        for layout, model in models.items():
            took = step(model, steppers[layout], images, labels, precision)
            if turn:  # the first one loads libraries
                seconds[layout].append(took)
    rows = []
    for layout, times in seconds.items():
        ratios = [own / base for own, base in zip(times, seconds["channels_last"], strict=True)]
        beside = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f}, n = {rounds})"
        milliseconds = f"{1000 * statistics.median(times):.0f} ms"
        rows.append(f"| {title} | {precision} | `{layout}` | {errors[layout]:.1e} | {milliseconds} | {beside} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", metavar="TEXT", default="", help="networks with TEXT in their title")
    given = parser.parse_args()
    process.prepare(1)
    print("| network | precision | layout | error of the variance | step | beside channels_last |\n|---|---|---|---:|---:|---:|")
    for title in CASES:
        for precision in ("float32", "bfloat16")[: 1 + has_bfloat16(torch.device("cpu"))]:
            if given.only in title:
                print("\n".join(measure(title, precision, given.rounds)), flush=True)


if __name__ == "__main__":
    main()
