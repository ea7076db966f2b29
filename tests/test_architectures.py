"""Every architecture keeps the promises on its card, and says what is wrong where it cannot be built."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab import architectures
from cnnlab.architectures import Card, Option, blocks, card, cards
from cnnlab.architectures.blocks import ActivatedResidual, Add, Residual
from cnnlab.architectures.building import minimum_size
from cnnlab.errors import ConfigError, ShapeError
from cnnlab.text import shape_text

every_card = pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def macs(model: nn.Module, input_shape: tuple[int, ...]) -> int:
    with FlopCounterMode(display=False) as counter:
        model.eval()(torch.empty(1, *input_shape, device="meta"))
    return counter.get_total_flops() // 2  # it counts the multiplication and the addition


def stage_shapes(model: nn.Module, input_shape: tuple[int, ...]) -> list[str]:
    """What the course prints: the output shape of each top-level child in turn."""
    x, shapes = torch.empty(1, *input_shape, device="meta"), []
    for stage in model.eval().children():
        x = stage(x)
        shapes.append(shape_text(x.shape[1:]))
    return shapes


def extremes(option: Option) -> list:
    if option.type == "bool":
        return [False, True]
    if option.type == "choice":
        return list(option.choices)
    if option.type == "ints":
        return [(int(option.minimum),), (int(option.maximum),), (int(option.minimum),) * 8]
    return [option.minimum, option.maximum]


every_setting = pytest.mark.parametrize(
    ("card", "name", "value"),
    [(card, option.name, value) for card in cards() for option in card.options for value in extremes(option)],
)


@every_card
def test_architecture_keeps_the_promises_on_its_card(card: Card):
    model = card.build(device="meta")

    assert parameters(model) == card.parameters
    assert macs(model, card.input_shape) == card.macs


@every_card
def test_architecture_gives_one_logit_a_class_for_each_image(card: Card):
    model = card.build().eval()

    with torch.inference_mode():
        logits = model(torch.rand(2, *card.input_shape))

    assert logits.shape == (2, 10)
    assert logits.isfinite().all()


@every_card
@pytest.mark.parametrize(("channels", "classes", "taller", "wider"), [(1, 2, 0, 0), (3, 37, 9, 40), (4, 100, 31, 0)])
def test_channels_classes_and_image_size_are_free(card: Card, channels, classes, taller, wider):
    _, height, width = card.input_shape
    shape = (channels, height + taller, width + wider)

    model = card.build(shape, classes, device="meta")

    assert model(torch.empty(2, *shape, device="meta")).shape == (2, classes)


@every_setting
def test_every_setting_trains_or_says_what_would_fit(card: Card, name, value):
    options = {name: value}
    try:
        model = card.build(options=options, device="meta")
    except ShapeError as error:
        # Only the number of LeNet's stages can make its usual images too small.
        assert (card.name, name) == ("lenet", "channels")
        needed = int(re.search(r"at least (\d+)×\1 px", str(error))[1])
        assert needed > card.input_shape[1]
        model = card.build((1, needed, needed), options=options, device="meta")
        shape = (1, needed, needed)
    else:
        shape = card.input_shape

    assert model(torch.empty(2, *shape, device="meta")).shape == (2, 10)


@every_card
def test_the_smallest_images_fit_and_one_pixel_less_does_not(card: Card):
    channels = card.input_shape[0]
    needed = minimum_size(card, channels, 10, card.settings())

    card.build((channels, needed, needed), device="meta")

    with pytest.raises(ConfigError) as caught:
        card.build((channels, needed - 1, needed - 1), device="meta")
    if needed > 1:
        assert isinstance(caught.value, ShapeError)
        assert f"{card.title} needs images of at least {needed}×{needed} px: with {needed - 1}×{needed - 1} its" in str(
            caught.value
        )
        assert f"Resize the images; {card.input_shape[1]} is " in str(caught.value)


@pytest.mark.parametrize(
    ("name", "size", "options", "sentence"),
    [
        (
            "alexnet",
            (64, 64),
            {},
            "AlexNet needs images of at least 67×67 px: with 64×64 its third max-pool, 3/2, is given 2×2. "
            "Resize the images; 224 is the course's size.",
        ),
        (
            "alexnet",
            (66, 200),
            {"pooling": "average"},
            "AlexNet needs images of at least 67×67 px: with 66×200 its third average-pool, 3/2, is given 2×11. "
            "Resize the images; 224 is the course's size.",
        ),
        (
            "nin",
            (9, 30),
            {},
            "NiN needs images of at least 67×67 px: with 9×30 its first convolution, 11×11 stride 4, is given 9×30. "
            "Resize the images; 224 is the course's size.",
        ),
        (
            "lenet",
            (28, 28),
            {"channels": (6, 16, 16)},
            "LeNet-5 needs images of at least 32×32 px: with 28×28 its third average-pool, 2/2, is given 1×1. "
            "Resize the images, or choose fewer or smaller layers.",
        ),
        (
            "densenet",
            (7, 9),
            {},
            "DenseNet needs images of at least 8×8 px: with 7×9 its third average-pool, 2/2, is given 1×2. "
            "Resize the images; 32 is the size of CIFAR-10.",
        ),
    ],
)
def test_images_too_small_are_answered_with_the_layer_and_the_size_that_fits(name, size, options, sentence):
    with pytest.raises(ShapeError) as caught:
        card(name).build((1, *size), options=options)

    assert str(caught.value) == sentence
    assert caught.value.field == "image_size"


@pytest.mark.parametrize(
    ("name", "options", "shape", "classes", "expected"),
    [
        ("alexnet", {"second_hidden_layer": True}, (1, 224, 224), 10, 46_764_746),
        ("vgg", {"width_divisor": 8}, (1, 224, 224), 10, 2_018_346),
        # What torchvision's networks of these names have, for ImageNet:
        ("vgg", {"depth": 11}, (3, 224, 224), 1000, 132_863_336),
        ("vgg", {"depth": 13}, (3, 224, 224), 1000, 133_047_848),
        ("vgg", {"depth": 16}, (3, 224, 224), 1000, 138_357_544),
        ("vgg", {"depth": 19}, (3, 224, 224), 1000, 143_667_240),
        # The same less the shortcuts' batch norms, plus a bias for each convolution, as d2l builds it.
        ("resnet", {"depth": 18}, (3, 224, 224), 1000, 11_689_512 - 1_792 + 4_800),
        ("resnet", {"depth": 34}, (3, 224, 224), 1000, 21_797_672 - 1_792 + 8_512),
        # The same with a 3×3 stem in place of the 7×7 one and its batch norm.
        ("densenet", {"growth": 32}, (3, 32, 32), 1000, 7_978_856 - 9_408 - 128 + 1_728),
    ],
)
def test_variants_have_the_published_number_of_parameters(name, options, shape, classes, expected):
    model = card(name).build(shape, classes, options, device="meta")

    assert parameters(model) == expected


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [("alexnet", {"second_hidden_layer": True}, 938_146_176), ("vgg", {"width_divisor": 8}, 121_091_072)],
)
def test_variants_have_the_courses_number_of_macs(name, options, expected):
    model = card(name).build(options=options, device="meta")

    assert macs(model, (1, 224, 224)) == expected


@pytest.mark.parametrize(("name", "depth"), [("vgg", 11), ("vgg", 13), ("vgg", 16), ("vgg", 19), ("resnet", 18), ("resnet", 34)])
def test_depth_is_the_number_of_layers_with_weights(name, depth):
    model = card(name).build(options={"depth": depth}, device="meta")

    layers = [
        path for path, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Linear) and "shortcut" not in path
    ]
    assert len(layers) == depth


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lenet", "6×28×28 6×28×28 6×14×14 16×10×10 16×10×10 16×5×5 400 120 120 84 84 10"),
        ("alexnet", "96×26×26 256×12×12 256×5×5 10"),
        ("vgg", "64×112×112 128×56×56 256×28×28 512×14×14 512×7×7 10"),
        ("nin", "96×54×54 96×26×26 256×26×26 256×12×12 384×12×12 384×5×5 384×5×5 10×5×5 10×1×1 10"),
        ("googlenet", "64×24×24 192×12×12 480×6×6 832×3×3 1024 10"),
        ("course-resnet", "32×32×32 64×16×16 64×16×16 10"),
        ("resnet", "64×24×24 64×24×24 128×12×12 256×6×6 512×3×3 10"),
        ("resnet9", "64×32×32 128×16×16 256×8×8 512×4×4 10"),  # not the course's: its author's
    ],
)
def test_stages_have_the_shapes_that_the_course_prints(name, expected):
    model = card(name).build(device="meta")

    assert stage_shapes(model, card(name).input_shape) == expected.split()


@pytest.mark.parametrize(("outputs", "stride", "expected"), [(3, 1, (4, 3, 6, 6)), (6, 2, (4, 6, 3, 3))])
def test_residual_block_has_the_shapes_that_the_course_prints(outputs, stride, expected):
    block = Residual(3, outputs, stride=stride, activation="relu", batch_norm=True)

    assert block(torch.rand(4, 3, 6, 6)).shape == expected


def test_residual_block_adds_its_input():
    block = Residual(3, 3, activation="relu", batch_norm=False)
    for parameter in block.parameters():
        nn.init.zeros_(parameter)  # nothing learned yet
    images = torch.rand(2, 3, 6, 6)

    assert torch.equal(block(images), images)


def test_an_activated_residual_block_changes_its_input_by_activated_values_alone():
    block = ActivatedResidual(3, bias=False, activation="relu", batch_norm=True)
    images = torch.randn(2, 3, 6, 6)

    assert (block(images) >= images).all()
    assert (block(images) < 0).any()  # nothing is activated after the addition


def test_resnet9_learns_nothing_that_batch_norm_would_take_away_again():
    with_norm, without = (card("resnet9").build(options={"batch_norm": on}, device="meta") for on in (True, False))

    assert not any(module.bias is not None for module in with_norm.modules() if isinstance(module, nn.Conv2d | nn.Linear))
    assert all(module.bias is not None for module in without.modules() if isinstance(module, nn.Conv2d))


def test_resnet9_divides_its_logits_by_eight():
    model = card("resnet9").build(options={"width": 2}).eval()
    images = torch.rand(2, 3, 32, 32)

    with torch.inference_mode():
        assert torch.equal(model(images), model.classifier[:-1](model[:-1](images)) / 8)


@pytest.mark.parametrize("name", ["course-resnet", "resnet", "resnet9"])
def test_a_residual_network_without_shortcuts_adds_nothing(name):
    model = card(name).build(options={"shortcuts": False}, device="meta")

    assert not any(isinstance(module, Add) for module in model.modules())


@every_card
def test_nothing_is_computed_between_the_innermost_modules(card: Card):
    image = torch.empty(1, *card.input_shape, device="meta")
    seen: list[torch.Tensor] = [image]
    strangers: list[str] = []
    model = card.build(device="meta").eval()
    for path, module in model.named_modules():
        if any(module.children()):
            continue

        def record(_module, given, result, path=path):
            strangers.extend(path for tensor in given if not any(tensor is known for known in seen))
            seen.append(result)

        module.register_forward_hook(record)

    logits = model(image)

    assert strangers == []
    assert logits is seen[-1]


@every_card
def test_gradients_reach_every_parameter(card: Card):
    model = card.build(device="meta").train()

    model(torch.empty(2, *card.input_shape, device="meta")).sum().backward()

    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("batch_norm", [False, True])
@every_card
def test_batch_norm_is_a_switch_and_never_follows_the_last_layer(card: Card, batch_norm):
    model = card.build(options={"batch_norm": batch_norm}, device="meta")

    kinds = [
        type(module) for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm1d | nn.BatchNorm2d)
    ]
    assert (nn.BatchNorm2d in kinds or nn.BatchNorm1d in kinds) is batch_norm
    assert kinds[-1] in (nn.Conv2d, nn.Linear)


@every_card
def test_dropout_of_zero_leaves_no_layer(card: Card):
    without = card.build(options={"dropout": 0}, device="meta")
    with_it = card.build(options={"dropout": 0.3}, device="meta")

    assert not any(isinstance(module, nn.Dropout) for module in without.modules())
    assert {module.p for module in with_it.modules() if isinstance(module, nn.Dropout)} == {0.3}


@every_card
def test_a_build_on_the_meta_device_draws_no_random_number_and_trains_from_the_start(card: Card):
    before = torch.get_rng_state()

    model = card.build(device="meta")

    assert torch.equal(torch.get_rng_state(), before)
    assert all(module.training for module in model.modules())
    assert all(parameter.is_meta for parameter in model.parameters())


def test_weights_come_from_the_global_generator_as_pytorch_draws_them():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        built = card("lenet").build()
        torch.manual_seed(5)
        expected = nn.Conv2d(1, 6, 5)
        other = card("lenet").build()

    assert torch.equal(built.conv1.weight, expected.weight)
    assert torch.equal(built.conv1.bias, expected.bias)
    assert not torch.equal(built.conv1.weight, other.conv1.weight)


@pytest.mark.parametrize(
    ("shape", "classes", "field"),
    [
        ((1, 0, 28), 10, "input_shape"),
        ((1, 28, 4096), 10, "input_shape"),
        ((0, 28, 28), 10, "input_shape"),
        ((1, 28), 10, "input_shape"),
        ((1, 28.0, 28), 10, "input_shape"),
        ((1, 28, 28), 1, "classes"),
        ((1, 28, 28), 10_001, "classes"),
        ((1, 28, 28), "10", "classes"),
    ],
)
def test_sizes_out_of_range_are_refused(shape, classes, field):
    with pytest.raises(ConfigError) as caught:
        card("lenet").build(shape, classes, device="meta")

    assert caught.value.field == field
    assert not isinstance(caught.value, ShapeError)


def test_a_network_too_large_to_train_is_refused_before_it_is_allocated():
    with pytest.raises(ConfigError, match=r"MLP would have 3,221,\d{3},\d{3} parameters .* choose smaller"):
        card("mlp").build((3, 1024, 1024), options={"hidden": (1024,)})


def test_a_network_that_fits_no_image_says_so():
    giant = replace(card("lenet"), builder=lambda *_, **__: nn.Conv2d(1, 1, 3000))

    with pytest.raises(ShapeError) as caught:
        giant.build(device="meta")

    assert str(caught.value) == (
        "LeNet-5 with these options fits no image of up to 2048×2048 px: "
        "with 28×28 its first convolution, 3000×3000, is given 28×28. "
        "Choose fewer layers."
    )


def test_an_unknown_architecture_is_answered_with_those_there_are():
    with pytest.raises(ConfigError, match=r"no architecture 'lenot'; choose one of: mlp, lenet, alexnet, vgg"):
        card("lenot")


@every_card
def test_a_card_speaks_in_sentences(card: Card):
    assert card.summary.endswith(".")
    assert f"({card.year})" in card.paper
    assert all(option.help.endswith(".") for option in card.options)
    assert card.settings() == {option.name: option.default for option in card.options}


def test_reading_cards_does_not_import_torch():
    program = (
        "import sys; from cnnlab.architectures import cards; [card.settings() for card in cards()]; print('torch' in sys.modules)"
    )

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "False"


def test_every_family_is_imported_and_so_registered():
    folder = Path(architectures.__file__).parent
    families = {file.stem for file in folder.glob("*.py") if "@register(" in file.read_text(encoding="utf-8")}

    every = (*architectures.every_card(), architectures.card("own-code"))
    assert families == {card.builder.__module__.rpartition(".")[2] for card in every}


def test_an_average_over_the_edge_counts_no_padding():
    pool = blocks.pool("average", 3, stride=2, padding=1)

    assert torch.equal(pool(torch.ones(1, 1, 7, 7)), torch.ones(1, 1, 4, 4))


@pytest.mark.parametrize(
    "each", [each for each in cards() if any(o.name == "pooling" for o in each.options)], ids=lambda each: each.name
)
@pytest.mark.parametrize(("chosen", "layer"), [("max", nn.MaxPool2d), ("average", nn.AvgPool2d)])
def test_every_window_that_pools_does_it_as_chosen(each, chosen, layer):
    network = each.build(each.input_shape, 10, {"pooling": chosen}, device="meta")

    assert {type(module) for module in network.modules() if isinstance(module, nn.MaxPool2d | nn.AvgPool2d)} == {layer}
