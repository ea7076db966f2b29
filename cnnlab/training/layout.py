"""How the values of a network lie in memory, which decides its speed, and on the CPU how exact batch norm is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from cnnlab.architectures import own_code

if TYPE_CHECKING:
    from cnnlab.config import RunConfig

EXACT, EARLY = "channels_last, large batch norm contiguous", "channels_last"  # EARLY is that of checkpoints that name none
PLAIN = "contiguous"  # of own code: `view`, which it may use to flatten, fails in another order
_LARGE = 1 << 17  # values of a channel: images × height × width. The error grows with them, and is up to 10⁻⁴ here
_BLOCK = 16  # the most channels that oneDNN takes at a time; on processors without AVX-512 it is 8


def usual(config: RunConfig) -> str:
    """The layout of a run that begins."""
    return PLAIN if config.architecture == own_code.NAME else EXACT


def arrange(model: nn.Module, device: torch.device, name: str = EXACT) -> list[Any]:
    """Moves the network to `device`, in the layout `name`.

    Returns the handles of what makes its batch norm exact, to be removed for an EARLY layout.

    Convolutions are faster where the channels of a pixel lie together. But there PyTorch's batch norm on the CPU adds up in one
    float32 number a channel: with 2,048 images of LeNet the variance is wrong by 10⁻³, and by 2·10⁻⁶ where each channel lies
    together. So batch norm gets large inputs in that order. For all inputs it would cost NiN and VGG far more time than the digits
    are worth (docs/BENCHMARKS.md). A compiled network and other devices have kernels of their own.
    """
    if name == PLAIN:
        model.to(device)
        return []
    # On Apple's GPU channels_last is slower in some versions (issue 193349 of PyTorch).
    model.to(device, memory_format=torch.contiguous_format if device.type == "mps" else torch.channels_last)
    if device.type != "cpu":
        return []
    _spare_strided_pointwise(model)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    return [norm.register_forward_pre_hook(_contiguous_if_large) for norm in norms]


def images(batch: torch.Tensor, device: torch.device, name: str = EXACT) -> torch.Tensor:
    """The batch N×C×H×W in the order in which `device` computes; on the CPU as it is, where nothing is gained.

    The gradient of the first convolution's output, which is among the largest tensors of a step, is copied into the order of that
    convolution's input. Of images of one channel only the strides say which order it is, and torch takes theirs for the other one.
    """
    if device.type != "cuda" or name == PLAIN:
        return batch
    ordered = batch.contiguous(memory_format=torch.channels_last)
    _, channels, height, width = ordered.shape
    return ordered.as_strided(ordered.shape, (channels * height * width, 1, channels * width, channels))


def _contiguous_if_large(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    values = inputs[0]
    return (values.contiguous() if values.numel() > _LARGE * values.shape[1] else values,)


def _spare_strided_pointwise(model: nn.Module) -> None:
    """Lets 1×1 convolutions of few channels pick every second pixel beforehand, which gives the same values.

    With a stride and fewer input channels than a block, oneDNN's gradient of the weights writes past its workspace in this layout
    (issue 6035 of uxlfoundation/oneDNN, open in 2026): the process aborts, hangs or gets wrong gradients. The shortcuts of a narrow
    ResNet are such convolutions, and so is one of a single gray channel.
    """
    for module in strided_pointwise(model):
        module.register_forward_pre_hook(partial(_every, module.stride))
        module.stride = (1, 1)


def strided_pointwise(model: nn.Module) -> list[nn.Conv2d]:
    """The 1×1 convolutions with a stride and few channels, which must not be trained in channels_last on a CPU as they are."""
    found = [module for module in model.modules() if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1)]
    return [module for module in found if module.stride != (1, 1) and module.in_channels < _BLOCK]


def _every(stride: tuple[int, int], _module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return (inputs[0][:, :, :: stride[0], :: stride[1]],)
