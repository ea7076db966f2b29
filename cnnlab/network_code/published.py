"""A network of torchvision as code: the call that builds it, and what the lab changes in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from cnnlab.architectures import Shape, zoo, zoo_parts
from cnnlab.network_code.layer import layer_code


def function_of(model: nn.Module, input_shape: Shape, classes: int, options: Mapping[str, Any], title: str) -> str:
    """`build_network` for `model`, which `options` made. A seed draws the same weights as in the lab."""
    name = options["model"]
    path, first = next((path, layer) for path, layer in model.named_modules() if isinstance(layer, nn.Conv2d))
    more = ", aux_logits=False, init_weights=True" if name in zoo.AUXILIARY else ""
    lines = [f"network = models.{name}(weights=None, num_classes={classes}{more})"]
    if input_shape[0] != 3:
        lines.append(f"network.{_indexed(path)} = {layer_code(first)}  # for {input_shape[0]} in place of 3 channels")
    if not options["train_all"]:
        last = next(path for path, layer in model.named_modules() if layer is zoo_parts.head(model))
        lines += ["network.requires_grad_(False)", f"network.{_indexed(last)}.requires_grad_(True)  # the last layer alone learns"]
    body = "".join(f"    {line}\n" for line in ("from torchvision import models", "", *lines, "return network"))
    return f'def build_network():\n    """{title}"""\n{body}'.replace("    \n", "\n")


def _indexed(path: str) -> str:
    """The path of a layer as Python writes it: "features.0.0" is features[0][0]."""
    first, *rest = path.split(".")
    return first + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in rest)
