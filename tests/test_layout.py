"""How a training arranges its network in memory changes no value of it."""

import copy

import pytest
import torch
from torch import nn

from cnnlab.architectures.registry import card
from cnnlab.training import layout

CPU = torch.device("cpu")
NARROW = {"width_divisor": 14, "batch_norm": False}  # shortcuts of 4, 9 and 18 channels


def gradients(model: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    (model(images) ** 2).mean().backward()
    return {name: weight.grad.double() for name, weight in model.named_parameters()}


@pytest.mark.parametrize(("architecture", "options"), [("resnet", NARROW), ("course-resnet", {"width": 4, "batch_norm": False})])
def test_a_narrow_residual_network_gets_the_gradients_of_its_definition(architecture, options):
    """Without care oneDNN wrote past its workspace here: training aborted, hung or learned from wrong gradients."""
    torch.manual_seed(0)
    plain = card(architecture).build((1, 64, 64), options=options).eval()
    arranged = copy.deepcopy(plain)
    layout.arrange(arranged, CPU)
    images = torch.rand(8, 1, 64, 64)

    expected = gradients(plain.double(), images.double())
    for _ in range(5):  # what was overwritten showed only after some more allocations
        found = gradients(arranged, images)
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-5)


def test_no_strided_pointwise_convolution_of_few_channels_is_left_to_the_library():
    model = nn.Sequential(nn.Conv2d(1, 4, 1, stride=2), nn.Conv2d(4, 5, 1, stride=(1, 2)), nn.Conv2d(5, 6, 3, stride=2))
    arranged = copy.deepcopy(model)
    layout.arrange(arranged, CPU)
    seen = []
    for module in arranged:
        module.register_forward_hook(lambda conv, given, _made: seen.append((conv.stride, tuple(given[0].shape[2:]))))
    images = torch.rand(2, 1, 17, 18)

    torch.testing.assert_close(arranged(images), model(images))

    assert seen == [((1, 1), (9, 9)), ((1, 1), (9, 5)), ((2, 2), (9, 5))]


def test_wide_convolutions_and_other_devices_keep_their_strides():
    wide = nn.Conv2d(16, 4, 1, stride=2)
    layout.arrange(wide, CPU)
    narrow = nn.Conv2d(1, 4, 1, stride=2, device="meta")
    layout.arrange(narrow, torch.device("meta"))

    assert wide.stride == narrow.stride == (2, 2)
