"""Which places of an image speak for a class: Grad-CAM, integrated gradients and occlusion, by captum."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnlab.errors import InstallationError
from cnnlab.i18n import say
from cnnlab.inside_values import InsideLayer

STEPS = 50  # of integrated gradients, captum's default
AT_ONCE = 10  # images in one pass; it bounds the memory


def explained_layer(layers: Sequence[InsideLayer]) -> str:
    """The layer whose maps Grad-CAM weighs: the last convolution with more than one place, or the join of several of them.

    Where branches meet behind the last convolution, as in ResNet and GoogLeNet, one branch alone would miss the others.
    """
    with_places = (
        layer.path
        for layer in reversed(layers)
        if layer.category in ("convolution", "join") and layer.is_map and max(layer.output_shape[1:]) > 1
    )
    return next(with_places, "")


def grad_cam(model: nn.Module, image: Tensor, target: int, path: str) -> Tensor:
    """H×W of the input, 0 or more: the layer's maps, weighed by how much each raises the class's score, resized to the image."""
    method = _captum().LayerGradCam(model, model.get_submodule(path))
    heat = method.attribute(image, target=target, relu_attributions=True)
    return functional.interpolate(heat.detach(), size=image.shape[2:], mode="bilinear", align_corners=False)[0, 0]


def integrated_gradients(model: nn.Module, image: Tensor, target: int, black: Tensor) -> Tensor:
    """H×W, of both signs: the share of each pixel in the difference of the class's score between a black image and this one."""
    method = _captum().IntegratedGradients(model)
    parts = method.attribute(image, baselines=black, target=target, n_steps=STEPS, internal_batch_size=AT_ONCE)
    return parts.detach()[0].sum(0).float()


def occlusion(model: nn.Module, image: Tensor, target: int, black: Tensor) -> Tensor:
    """H×W, of both signs: how far the class's score falls when a black patch covers the place, the mean over patches."""
    window, stride = patch(image.shape[-1])
    with torch.no_grad():
        parts = (
            _captum()
            .Occlusion(model)
            .attribute(
                image,
                sliding_window_shapes=(image.shape[1], window, window),
                strides=(image.shape[1], stride, stride),
                baselines=black,
                target=target,
                perturbations_per_eval=AT_ONCE,
            )
        )
    return parts[0, 0].float()


def patch(side: int) -> tuple[int, int]:
    """The side of the patch and its step: about 200 places, or about 50 on large images, where each pass takes long."""
    window = max(1, -(-side // 7))
    return window, window if side > 96 else max(1, window // 2)


def places(side: int) -> int:
    """How many places the patch is put at."""
    window, stride = patch(side)
    return (1 + -(-(side - window) // stride)) ** 2


def _captum() -> Any:
    # Loaded when it is first needed: it takes three seconds, most of them for matplotlib, which must open no window.
    os.environ.setdefault("MPLBACKEND", "agg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the packages that matplotlib imports
        try:
            import captum.attr
        except ImportError as error:
            raise InstallationError(
                say(
                    "The package captum cannot be loaded ({error}); install what requirements.txt names, and start the lab again.",
                    error=error,
                )
            ) from error
    return captum.attr
