"""The precision that a run computes in: float32, TF32, or bfloat16 where it is measured to be faster on this device."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.training.evaluation import autocast
from cnnlab.training.trial import without_trace
from cnnlab.values import Device

if TYPE_CHECKING:
    from cnnlab.training.transforms import Preparation

WORTH = 1.25  # times as fast; less is not worth the digits, and chance would decide
_TURNS = 3
_ENOUGH = 0.1  # seconds that a batch must take for a reliable comparison
_LONGEST = 1.0  # seconds; a batch that takes longer is timed once
_FIRST = 16  # images in the first batch


@dataclass(frozen=True, slots=True)
class Choice:
    """`precision` is a name but "auto"; `speedup` is how many times as fast bfloat16 was, None where it was not tried."""

    precision: str
    speedup: float | None = None

    @property
    def sentence(self) -> str:
        """The choice and its reason, for the learner."""
        if self.speedup is None:
            return N_("Computes in float32: this device has no faster precision.")
        if self.precision == "bfloat16":
            return say(
                "Computes in bfloat16, measured to be {times:.1f} times as fast here as float32. The help of Precision gives its "
                "measured effect on accuracy.", times=self.speedup,
            )  # fmt: skip
        return say("Computes in float32: bfloat16 was measured to be only {times:.1f} times as fast here.", times=self.speedup)


def choose(model: nn.Module, images: Tensor, labels: Tensor, preparation: Preparation) -> Choice:
    """Times a forward and backward pass of some of the uint8 `images` N×C×H×W in both precisions, in turn.

    Takes one to three seconds and leaves the run unchanged.
    """
    if not has_bfloat16(images.device):
        return Choice("float32")
    with without_trace(model, images.device):
        speedup = _speedup(model, images, labels, preparation)
    return Choice("bfloat16" if speedup >= WORTH else "float32", speedup)


def check(precision: str, device: Device) -> None:
    """Raises ConfigError where the device does not have the precision."""
    if precision == "tf32" and not device.name.startswith("cuda"):
        raise ConfigError(
            say(
                "precision is tf32, which NVIDIA GPUs have, and this run would train on {device}: choose float32 or auto.",
                device=device.title,
            ),
            "precision",
        )


def set_float32(precision: str, device: torch.device) -> None:
    """Has dense layers on an NVIDIA GPU multiply in TF32 or in float32. Convolutions take TF32 either way, PyTorch's default."""
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware. Elsewhere it is emulated, and slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return any(getattr(torch.cpu, name, bool)() for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"))
    return False  # on mps some operations have no bfloat16 yet


def _speedup(model: nn.Module, images: Tensor, labels: Tensor, preparation: Preparation) -> float:
    known = set()

    def seconds(size: int, precision: str) -> float:
        # On a GPU the kernels are loaded with the first batch of each size, which takes many times as long.
        if images.device.type == "cuda" and (size, precision) not in known:
            known.add((size, precision))
            seconds(size, precision)
        inputs = preparation.test(images[:size])
        _wait(images.device)
        begun = time.perf_counter()
        with autocast(images.device, precision):
            logits = model(inputs)
        functional.cross_entropy(logits.float(), labels[:size]).backward()
        _wait(images.device)
        took = time.perf_counter() - begun
        model.zero_grad(set_to_none=True)
        return took

    size = min(len(images), _FIRST)
    seconds(size, "float32")  # loads libraries and compiles kernels, once
    took = seconds(size, "float32")
    while took < _ENOUGH and size < len(images):
        size = min(len(images), max(2 * size, int(size * _ENOUGH / took)))
        took = seconds(size, "float32")
    seconds(size, "bfloat16")
    turns = _TURNS if took < _LONGEST else 1
    return statistics.median(seconds(size, "float32") / seconds(size, "bfloat16") for _ in range(turns))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
