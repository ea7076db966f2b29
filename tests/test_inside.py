"""What a network does with one image: maps as torch's own hooks have them, attributions as captum gives them, sums by hand."""

from __future__ import annotations

import sys
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional

from cnnlab.architectures import card, cards
from cnnlab.errors import ConfigError, InstallationError
from cnnlab.inside import attribution, by_hand, pictures
from cnnlab.inside.activations import change, moved, passed
from cnnlab.inside.statistics import statistics
from cnnlab.inside_values import InsideLayer
from cnnlab.layers.trace import layer_table, trace_with_fields
from cnnlab.training.histogram import BINS


@pytest.fixture(scope="module")
def lenet():
    torch.manual_seed(0)
    return card("lenet").build(options={"activation": "relu"}).eval()


@pytest.fixture(scope="module")
def image():
    return torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(1))


def layers_of(name):
    rows = layer_table(name).rows
    return [InsideLayer(row.path, row.kind, row.category, row.settings, row.output_shape, None) for row in rows]


def test_the_maps_of_every_layer_are_those_that_a_hook_of_torch_sees(lenet, image):
    paths = [row.path for row in layer_table("lenet", options={"activation": "relu"}).rows]
    heard = {}
    hooks = [
        lenet.get_submodule(path).register_forward_hook(
            lambda _module, given, made, path=path: heard.update({path: (given[0], made)})
        )
        for path in paths
    ]
    logits = lenet(image)
    for hook in hooks:
        hook.remove()

    ours, found = passed(lenet, image, paths)

    assert torch.equal(ours, logits[0])
    assert list(found) == paths
    for path in paths:
        assert torch.equal(found[path].given, heard[path][0][0])
        assert torch.equal(found[path].made, heard[path][1][0])
    assert not any(module._forward_hooks for module in lenet.modules()), "no hook is left behind"


@pytest.mark.parametrize(("right", "down"), [(0, 0), (2, 0), (-1, 0), (0, 2), (1, -2), (-40, 3)])
def test_a_moved_image_is_black_where_nothing_was(right, down):
    image = torch.arange(1, 13).reshape(1, 3, 4)
    expected = torch.zeros_like(image)
    for row in range(3):
        for column in range(4):
            if 0 <= row + down < 3 and 0 <= column + right < 4:
                expected[0, row + down, column + right] = image[0, row, column]

    assert torch.equal(moved(image, right, down), expected)


def test_pooling_changes_less_than_its_input_when_the_image_moves_within_a_window():
    before = torch.zeros(1, 4, 4)
    before[0, 0, 0] = 1.0
    after = moved(before, 1, 0)

    assert change(before, after) == pytest.approx(2**0.5)
    assert change(functional.max_pool2d(before, 2), functional.max_pool2d(after, 2)) == 0
    assert change(torch.zeros(2), torch.zeros(2)) == 0
    assert change(torch.zeros(2), torch.ones(2)) == 1


def test_zeros_and_silent_channels_are_counted():
    values = torch.tensor([[[0.0, 1.0], [2.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])

    found = statistics(values, "ReLU")

    assert (found.count, found.channels, found.zeros, found.silent) == (8, 2, 0.75, (1,))
    assert (found.low, found.mean, found.high) == (0, 3 / 8, 2)
    assert found.deviation == pytest.approx(values.std(correction=0).item())
    assert found.saturated_low is found.saturated_high is None
    assert (sum(found.histogram), found.histogram[0], found.histogram[-1]) == (8, 6, 1)
    assert len(found.histogram) == BINS


@pytest.mark.parametrize(
    ("kind", "values", "low", "high"),
    [("Sigmoid", [0.0, 0.04, 0.05, 0.5, 0.96], 0.4, 0.2), ("Tanh", [-0.96, 0.0, 0.95, 0.96, 1.0], 0.2, 0.4)],
)
def test_saturated_values_are_counted_at_both_ends(kind, values, low, high):
    found = statistics(torch.tensor(values), kind)

    assert (found.saturated_low, found.saturated_high) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize("values", [torch.zeros(3), torch.full((2, 2, 2), 5.0), torch.tensor([float("nan"), 1.0])])
def test_a_layer_of_equal_values_or_of_none_at_all_has_one_bar(values):
    assert statistics(values, "Linear").histogram == (values.numel(),)


@pytest.mark.parametrize("name", [each.name for each in cards()])
def test_grad_cam_weighs_maps_with_several_places_behind_the_last_convolution_that_has_them(name):
    layers = layers_of(name)
    path = attribution.explained_layer(layers)

    if name == "mlp":
        assert path == ""
        return
    places = [layer.path for layer in layers]
    chosen = layers[places.index(path)]
    later = [layer for layer in layers[places.index(path) + 1 :] if layer.category == "convolution"]
    assert chosen.category in ("convolution", "join")
    assert max(chosen.output_shape[1:]) > 1
    assert not any(max(layer.output_shape[1:]) > 1 for layer in later)


def test_grad_cam_is_what_captum_gives(lenet, image):
    from captum.attr import LayerAttribution, LayerGradCam

    theirs = LayerGradCam(lenet, lenet.conv2).attribute(image, target=3, relu_attributions=True)

    ours = attribution.grad_cam(lenet, image, 3, "conv2")

    assert ours.shape == (28, 28)
    assert torch.allclose(ours, LayerAttribution.interpolate(theirs, (28, 28), "bilinear")[0, 0], atol=1e-6)
    assert ours.min() >= 0


def test_integrated_gradients_add_up_to_the_difference_of_the_scores(lenet, image):
    black = torch.zeros_like(image)
    heat = attribution.integrated_gradients(lenet, image, 7, black)

    with torch.no_grad():
        difference = (lenet(image) - lenet(black))[0, 7].item()
    assert heat.shape == (28, 28)
    assert heat.sum().item() == pytest.approx(difference, abs=0.02 * abs(difference) + 0.01)


def test_occlusion_is_the_fall_of_the_score_under_a_black_patch(image):
    class First(nn.Module):
        def forward(self, images):
            return images[:, 0, :2, :2].sum((1, 2))[:, None]  # one class: the corner

    heat = attribution.occlusion(First(), image, 0, torch.zeros_like(image))

    assert heat[0, 0].item() == pytest.approx(image[0, 0, :2, :2].sum().item(), rel=1e-5)
    assert heat[-1, -1].item() == 0


@pytest.mark.parametrize("side", [1, 7, 8, 28, 32, 64, 96, 97, 224])
def test_the_number_of_patches_is_bounded_and_is_the_number_of_passes(side):
    runs = []

    class Counted(nn.Module):
        def forward(self, images):
            runs.append(len(images))
            return images.sum((1, 2, 3))[:, None]

    attribution.occlusion(Counted(), torch.zeros(1, 1, side, side), 0, torch.zeros(1, 1, side, side))

    assert sum(runs) == attribution.places(side) + 1  # and one pass without a patch
    assert attribution.places(side) <= 225


CONVOLUTIONS = [
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": 5, "stride": 2, "padding": 2},
    {"kernel_size": (3, 2), "stride": (2, 1), "padding": (0, 1), "bias": False},
    {"kernel_size": 3, "dilation": 2, "padding": "same"},
    {"kernel_size": 3, "padding": "valid"},
    {"kernel_size": 1},
    {"kernel_size": 3, "groups": 2},
]


@pytest.mark.parametrize("settings", CONVOLUTIONS, ids=str)
def test_a_convolution_by_hand_is_what_torch_computes(settings):
    torch.manual_seed(2)
    layer = nn.Conv2d(4, 6, **settings)
    given = torch.randn(4, 9, 11)
    with torch.no_grad():
        made = layer(given[None])[0]

    for channel in range(6):
        for row in range(made.shape[1]):
            for column in range(made.shape[2]):
                window = by_hand.window_at(layer, tuple(given.shape), tuple(made.shape), row, column)
                found = by_hand.products(layer, given, window, channel)
                assert found.result == pytest.approx(made[channel, row, column].item(), abs=1e-5)
                assert len(found.reads) == len(found.weights) == len(found.sums) == 4 // layer.groups


POOLINGS = [
    nn.MaxPool2d(2),
    nn.MaxPool2d(3, stride=2),
    nn.AvgPool2d(2),
    nn.AvgPool2d(3, stride=2, padding=1),
    nn.AdaptiveAvgPool2d(1),
    nn.AdaptiveAvgPool2d(4),
    nn.AdaptiveMaxPool2d(4),
]


@pytest.mark.parametrize("layer", POOLINGS, ids=str)
def test_a_pooling_by_hand_is_what_torch_computes(layer):
    given = torch.rand(3, 9, 9, generator=torch.Generator().manual_seed(3))
    made = layer(given[None])[0]
    for row in range(made.shape[1]):
        for column in range(made.shape[2]):
            values = by_hand.window_at(layer, tuple(given.shape), tuple(made.shape), row, column).values(given)
            result = values.amax((1, 2)) if "Max" in type(layer).__name__ else values.mean((1, 2))
            assert torch.allclose(result, made[:, row, column], atol=1e-5)


def test_a_place_outside_the_output_and_a_layer_without_a_window_are_sentences():
    with pytest.raises(ConfigError, match="row must be from 0 to 3, not 4"):
        by_hand.window_at(nn.MaxPool2d(2), (1, 8, 8), (1, 4, 4), 4, 0)
    with pytest.raises(ConfigError, match="A Linear layer has no window"):
        by_hand.window_at(nn.Linear(2, 2), (2,), (2,), 0, 0)


def test_a_receptive_field_on_the_image_holds_every_pixel_that_a_value_depends_on(lenet):
    rows, fields = trace_with_fields(lenet, (1, 28, 28))
    field = dict(zip([row.path for row in rows], fields, strict=True))["pool2"]
    image = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(5), requires_grad=True)
    found = {}
    hook = lenet.pool2.register_forward_hook(lambda _module, _given, made: found.update(made=made))
    lenet(image)
    hook.remove()
    found["made"][0, :, 2, 3].sum().backward()

    touched = image.grad[0, 0].nonzero()
    low = [first + jump * place for first, jump, place in zip(field.first, field.jump, (2, 3), strict=True)]
    assert all((touched[:, axis] >= low[axis]).all() and (touched[:, axis] < low[axis] + field.size[axis]).all() for axis in (0, 1))


def test_a_picture_has_the_colours_of_its_scale():
    signed = pictures.coloured(torch.tensor([[-2.0, 0.0, 2.0]]), -2.0, 2.0)
    growing = pictures.coloured(torch.tensor([[0.0, 9.0, float("nan")]]), 0.0, 9.0)

    assert signed[:, 0].T.tolist() == [[5, 48, 97], [247, 246, 246], [103, 0, 31]]
    assert growing[:, 0].T.tolist() == [[68, 1, 84], [253, 231, 37], [68, 1, 84]]
    assert pictures.ends(torch.tensor([0.0, 3.0])) == (0, 3)
    assert pictures.ends(torch.tensor([-1.0, 3.0])) == (-3, 3)


def test_loading_captum_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert attribution._captum().LayerGradCam


def test_a_missing_captum_is_a_sentence(monkeypatch, lenet, image):
    monkeypatch.setitem(sys.modules, "captum.attr", None)

    with pytest.raises(InstallationError, match=r"captum cannot be loaded .*requirements\.txt"):
        attribution.grad_cam(lenet, image, 3, "conv2")
