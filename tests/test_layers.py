"""The layer table: shapes the course prints, costs recounted by other tools, and what tracing leaves behind."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import subprocess
import sys
from math import prod
from pathlib import Path

import pytest
import torch
import torchinfo
from threads import threads
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.architectures import blocks, building, card, cards
from cnnlab.architectures.meta import shapes_by_arithmetic
from cnnlab.errors import ConfigError, ShapeError
from cnnlab.layers import LayerTable
from cnnlab.layers import trace as tracing
from cnnlab.layers.failing import table_or_failure
from cnnlab.layers.trace import layer_table, trace
from cnnlab.text import shape_text

every_card = pytest.mark.parametrize("card", cards(), ids=lambda c: c.name)


def outputs(table):
    return " ".join(shape_text(row.output_shape) for row in table.rows)


# The registry


@every_card
def test_parameters_agree_with_torchinfo(card):
    model = card.build(device="meta")

    table = layer_table(card.name)

    summary = torchinfo.summary(model, input_data=torch.empty(1, *card.input_shape, device="meta"), device="meta", verbose=0)
    assert table.parameters == summary.trainable_params == card.parameters
    assert table.buffers == sum(buffer.numel() for buffer in model.buffers())


@every_card
def test_macs_agree_with_the_flop_counter(card):
    model = card.build(device="meta").eval()
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, *card.input_shape, device="meta"))

    table = layer_table(card.name)

    assert table.macs == counter.get_total_flops() // 2 == card.macs


@every_card
def test_totals_and_shares_add_up(card):
    table = layer_table(card.name)

    for name in ("parameters", "buffers", "macs", "activation_bytes"):
        assert getattr(table, name) == sum(getattr(row, name) for row in table.rows)
    assert sum(row.share for row in table.rows) == pytest.approx(1.0)
    assert all(row.activation_bytes == 4 * prod(row.output_shape) for row in table.rows)
    assert all(row.receptive_field is not None for row in table.rows)
    assert 0 < table.convolution_parameters + table.dense_parameters <= table.parameters


@every_card
def test_the_last_layer_sees_the_whole_image(card):
    table = layer_table(card.name)

    # AlexNet's and NiN's strides do not divide 224 evenly: they leave the last five rows and columns out.
    left_out = 5 if card.name in ("alexnet", "nin") else 0
    assert table.rows[-1].receptive_field == card.input_shape[1] - left_out
    assert table.rows[-1].output_shape == (10,)


@every_card
def test_folding_keeps_the_sums(card):
    table = layer_table(card.name)

    for depth in (1, 2, 3, 99):
        folded = table.fold(depth)
        assert sum(row.layers for row in folded.rows) == len(table.rows)
        for name in ("parameters", "buffers", "macs", "activation_bytes"):
            assert sum(getattr(row, name) for row in folded.rows) == getattr(folded, name) == getattr(table, name)
    assert table.fold(99) == table


@every_card
def test_a_table_comes_back_from_json_as_it_was(card):
    table = layer_table(card.name)

    assert LayerTable.from_dict(json.loads(json.dumps(table.to_dict()))) == table


# What the course prints


def test_lenet_has_the_shapes_of_the_course():
    assert outputs(layer_table("lenet")) == "6×28×28 6×28×28 6×14×14 16×10×10 16×10×10 16×5×5 400 120 120 84 84 10"


def test_vgg_by_block_has_the_shapes_of_the_course():
    assert outputs(layer_table("vgg").fold(1)) == "64×112×112 128×56×56 256×28×28 512×14×14 512×7×7 10"


def test_nin_by_stage_has_the_shapes_of_the_course():
    assert outputs(layer_table("nin").fold(1)) == (
        "96×54×54 96×26×26 256×26×26 256×12×12 384×12×12 384×5×5 384×5×5 10×5×5 10×1×1 10"
    )


@pytest.mark.parametrize(("channels", "stride", "shape"), [(3, 1, (3, 6, 6)), (6, 2, (6, 3, 3))], ids=["3→3", "3→6"])
def test_a_residual_block_has_the_shape_of_the_course(channels, stride, shape):
    with torch.device("meta"):
        block = blocks.Residual(3, channels, stride=stride, activation="relu", batch_norm=True)

    rows = trace(block, (3, 6, 6))

    assert rows[-1].output_shape == shape
    assert [row.kind for row in rows].count("Add") == 1
    assert [row.path for row in rows].count("shortcut") == (stride == 2)


def test_most_of_lenets_parameters_are_dense():
    table = layer_table("lenet")

    assert (table.convolution_parameters, table.dense_parameters) == (2_572, 59_134)


def test_an_image_too_small_is_a_shape_error():
    with pytest.raises(ShapeError, match="at least"):
        layer_table("alexnet", (1, 28, 28))


@pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)
def test_a_network_that_does_not_fit_has_a_table_up_to_the_layer_that_refuses(card):
    needed = building.minimum_size(card, 1, 10, card.settings())
    if needed == 1:
        pytest.skip("it takes images of every size")
    shape = (1, needed - 1, needed - 1)

    table = table_or_failure(card.name, shape, 10)

    works = layer_table(card.name, (1, needed, needed)).rows
    row = table.failure.layer
    assert [(each.path, each.parameters, each.settings) for each in (*table.rows, row)] == [
        (each.path, each.parameters, each.settings) for each in works[: len(table.rows) + 1]
    ]
    assert row.input_shape == (table.rows[-1].output_shape if table.rows else shape)
    assert row.output_shape == ()
    with pytest.raises(ShapeError) as refusal:
        layer_table(card.name, shape)
    assert table.failure.reason == str(refusal.value)
    assert LayerTable.from_dict(json.loads(json.dumps(table.to_dict()))) == table


@pytest.mark.parametrize(
    ("name", "side", "options", "cures"),
    [
        ("alexnet", 28, {}, [("image_size", 224), ("image_size", 67)]),
        ("lenet", 28, {"channels": (6, 16, 32)}, [("image_size", 32), ("channels", (6, 16))]),
        ("lenet", 10, {"kernel_size": 7}, [("image_size", 28), ("image_size", 16)]),
        ("lenet", 28, {"channels": (4,) * 8, "kernel_size": 7}, [("image_size", 1780), ("channels", (6, 16))]),
    ],
)
def test_each_cure_of_a_design_that_fails_makes_it_work(name, side, options, cures):
    failure = table_or_failure(name, (1, side, side), 10, options).failure

    assert [(cure.setting, cure.value) for cure in failure.cures] == cures
    for cure in failure.cures:
        if cure.setting == "image_size":
            layer_table(name, (1, cure.value, cure.value), 10, options)
        else:
            layer_table(name, (1, side, side), 10, options | {cure.setting: cure.value})


# Rows


def test_a_row_says_its_settings_in_words():
    model = nn.Sequential(
        nn.Conv2d(2, 6, 5, padding=2),
        nn.Conv2d(6, 6, (3, 1), stride=(2, 1), padding="valid", dilation=2, groups=3, bias=False),
        nn.MaxPool2d(3, stride=2, padding=1),
        nn.BatchNorm2d(6),
        nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 4),
    )

    rows = trace(model, (2, 16, 16))

    assert [row.settings for row in rows] == [
        "6 channels, 5×5, stride 1, pad 2",
        "6 channels, 3×1, stride 2×1, pad valid, dilation 2, 3 groups, no bias",
        "3×3, stride 2, pad 1",
        "6 channels",
        "50 % set to zero in training",
        "to 1×1",
        "",
        "4 units",
    ]


def test_batch_norm_has_two_parameters_a_channel_and_its_statistics_are_buffers():
    (row,) = trace(nn.BatchNorm2d(6), (6, 4, 4))

    assert row.parameters == 12  # γ and β
    assert row.buffers == 13  # running mean and variance, and how many batches they have seen


def test_macs_of_grouped_and_transposed_convolutions_agree_with_the_flop_counter():
    model = nn.Sequential(
        nn.Conv2d(4, 8, 3, groups=2), nn.ConvTranspose2d(8, 6, 3, stride=2, groups=2), nn.Conv2d(6, 6, 1, groups=6)
    )
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 4, 9, 9))

    rows = trace(model, (4, 9, 9))

    assert sum(row.macs for row in rows) == counter.get_total_flops() // 2


def test_a_module_that_runs_twice_is_counted_once():
    convolution = nn.Conv2d(3, 3, 3, padding=1)
    model = nn.Sequential(convolution, nn.ReLU(), convolution)

    rows = trace(model, (3, 8, 8))

    assert [row.parameters for row in rows] == [84, 0, 0]
    assert [row.shared for row in rows] == [False, False, True]
    assert rows[0].macs == rows[2].macs > 0  # it computes each time
    assert [row.receptive_field for row in rows] == [3, 3, 5]


def test_weights_tied_between_two_modules_are_counted_once():
    first, second = nn.Linear(5, 5, bias=False), nn.Linear(5, 5)
    second.weight = first.weight

    rows = trace(nn.Sequential(first, second), (5,))

    assert [row.parameters for row in rows] == [25, 5]
    assert [row.shared for row in rows] == [False, True]


def test_frozen_parameters_are_not_trainable():
    model = nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 2)).requires_grad_(False)
    model[1].requires_grad_(True)

    rows = trace(model, (5,))

    assert [(row.parameters, row.share) for row in rows] == [(0, 0.0), (12, 1.0)]
    assert rows[0].settings == "5 units, frozen"
    assert [row.buffers for row in rows] == [30, 0]  # numbers that are kept, and not trained


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.inner = nn.Linear(4, 4)
        self.borrowed = nn.Linear(4, 4, bias=False)

    def forward(self, x):
        return nn.functional.linear(self.inner(x) * self.scale, self.borrowed.weight)


def test_parameters_of_a_block_itself_and_of_layers_that_it_does_not_call_are_a_row_behind_those_that_it_calls():
    rows = trace(nn.Sequential(Scaled(), nn.Linear(4, 2)), (4,))

    assert [(row.path, row.kind, row.parameters) for row in rows] == [
        ("0.inner", "Linear", 20),
        ("0.multiply", "Multiply", 0),
        ("0", "Scaled", 17),
        ("1", "Linear", 10),
    ]


class Shortcut(nn.Module):
    """What a block of torchvision writes: an addition in place, pooling by a function, a number that is added."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.add = nn.Identity()

    def forward(self, x):
        learned = nn.functional.relu(self.conv(x)) + 1
        learned += x
        return nn.functional.max_pool2d(torch.cat([self.add(learned), x], 1), kernel_size=3, stride=2).mean([2, 3])


def test_operations_between_layers_are_rows_with_the_receptive_field_of_their_inputs():
    rows = trace(Shortcut(), (2, 9, 9))

    assert [(row.path, row.kind, row.output_shape, row.receptive_field) for row in rows] == [
        ("conv", "Conv2d", (2, 9, 9), 3),
        ("relu", "ReLU", (2, 9, 9), 3),
        ("add2", "Add", (2, 9, 9), None),  # a number has been added, which is no row
        ("add", "Identity", (2, 9, 9), None),
        ("concatenate", "Concatenate", (4, 9, 9), None),
        ("maxpool2d", "MaxPool2d", (4, 4, 4), None),
        ("mean", "Mean", (4,), None),
    ]
    assert rows[5].settings == "3×3, stride 2"


# Branches and the receptive field


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(1, 2, 1)
        self.wide = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1))
        self.join = blocks.Concatenate()
        self.after = nn.Conv2d(5, 1, 3, padding=1)

    def forward(self, x):
        return self.after(self.join(self.narrow(x), self.wide(x)))


def test_a_concatenation_is_a_row_and_sees_what_its_widest_branch_sees():
    rows = {row.path: row for row in trace(Branches(), (1, 12, 12))}

    assert list(rows) == ["narrow", "wide.0", "wide.1", "join", "after"]
    assert rows["join"].settings == "2 + 3 channels"
    assert rows["join"].output_shape == (5, 12, 12)
    assert [row.receptive_field for row in rows.values()] == [1, 3, 5, 5, 7]


def test_receptive_fields_of_a_chain_are_those_worked_out_by_hand():
    model = nn.Sequential(
        nn.Conv2d(1, 1, 11, stride=4),  # 11, then neighbours are 4 pixels apart
        nn.MaxPool2d(3, stride=2),  # 11 + 2·4
        nn.Conv2d(1, 1, 5, padding=2),  # 19 + 4·8
        nn.Conv2d(1, 1, 3, padding=2, dilation=2),  # 51 + 2·2·8
    )

    assert [row.receptive_field for row in trace(model, (1, 224, 224))] == [11, 19, 51, 83]


def test_dense_layers_and_global_pooling_see_the_whole_image():
    dense = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(900, 2))
    pooled = nn.Sequential(nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2))

    assert [row.receptive_field for row in trace(dense, (1, 32, 32))] == [3, 3, 32]
    assert [row.receptive_field for row in trace(pooled, (1, 32, 32))] == [3, 32, 32, 32]


@pytest.fixture
def one_thread():
    """Small layers on a busy machine: threads that wait for each other take forty times as long."""
    with threads(1):
        yield


@every_card
@pytest.mark.parametrize("odd", [0, 3], ids=["the course's size", "three pixels more"])
def test_the_answer_depends_on_the_pixels_that_the_table_gives_and_on_no_other(card, odd, one_thread):
    side = card.input_shape[1] + odd
    small = {"width_divisor": 16, "growth": 2, "width": 8}
    narrow = {option.name: small[option.name] for option in card.options if option.name in small}
    torch.manual_seed(0)
    model = card.build((1, side, side), 10, narrow).eval()
    images = torch.rand(2, 1, side, side)

    sees = layer_table(card.name, (1, side, side), 10, narrow).rows[-1].receptive_field
    beyond, last = images.clone(), images.clone()
    beyond[..., sees:, :] = beyond[..., :, sees:] = 9.0
    last[..., sees - 1, :] += torch.tensor([-900.0, 900.0])[:, None, None]

    with torch.no_grad():
        answers = model(images)
        assert torch.equal(model(beyond), answers)
        assert not torch.equal(model(last), answers)


@pytest.mark.parametrize(
    ("name", "side", "path", "sees"),
    [("alexnet", 224, "classifier.linear1", 219), ("alexnet", 226, "classifier.linear1", 219), ("nin", 224, "pool4", 219),
     ("lenet", 31, "linear1", 30), ("lenet", 31, "conv2", 14)],
)  # fmt: skip
def test_a_dense_layer_or_a_global_pool_does_not_see_what_strides_leave_out(name, side, path, sees):
    rows = {row.path: row.receptive_field for row in layer_table(name, (1, side, side)).rows}

    assert rows[path] == sees


def test_the_receptive_field_is_what_a_gradient_reaches():
    model = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.AvgPool2d(3, stride=1), nn.AdaptiveAvgPool2d(4), nn.Conv2d(1, 1, 2))
    image = torch.zeros(1, 1, 31, 31, requires_grad=True)
    nn.init.ones_(model[0].weight)
    nn.init.ones_(model[3].weight)

    model(image)[0, 0, 1, 1].backward()

    reached = int((image.grad[0, 0].abs().sum(0) > 0).sum())
    assert trace(model, (1, 31, 31))[-1].receptive_field >= reached > 0
    assert trace(model[:2], (1, 31, 31))[-1].receptive_field == 7


def test_behind_an_operation_that_is_no_module_the_receptive_field_is_not_known():
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before, self.after = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)

        def forward(self, x):
            return self.after(self.before(x) * 2)

    assert [row.receptive_field for row in trace(Hidden(), (1, 9, 9))] == [3, None]


# What tracing leaves behind


def test_mode_hooks_statistics_and_random_state_are_as_before():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5))
    model[1].eval()
    before = ({name: tensor.clone() for name, tensor in model.state_dict().items()}, torch.get_rng_state())

    trace(model, (1, 8, 8))

    assert [module.training for module in model.modules()] == [True, True, False, True]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(tensor, before[0][name]) for name, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), before[1])
    assert all(parameter.device.type == "cpu" for parameter in model.parameters())


def test_a_forward_that_raises_leaves_the_model_as_it_was():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(5))
    state = torch.get_rng_state()

    with pytest.raises(RuntimeError):
        trace(model, (1, 8, 8))

    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.device.type == "cpu" for parameter in model.parameters())


def test_a_table_leaves_the_random_state_alone():
    state = torch.get_rng_state()

    layer_table("course-resnet")

    assert torch.equal(torch.get_rng_state(), state)


# What makes it quick


@every_card
@pytest.mark.parametrize("size", [16, 33, 224])
def test_shapes_are_those_that_pytorch_itself_finds(card, size, monkeypatch):
    def asked():
        try:
            return layer_table(card.name, (3, size, size))
        except ShapeError as error:
            return str(error)

    quick = asked()
    for module in (tracing, building):
        monkeypatch.setattr(module, "shapes_by_arithmetic", lambda model: contextlib.nullcontext())

    assert quick == asked()


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(4, 6, 3, stride=(2, 1), padding=(0, 2), dilation=2, groups=2), (4, 11, 9)),
        (nn.Conv2d(4, 6, 3, padding="same"), (4, 11, 9)),
        (nn.MaxPool2d(3, stride=2, padding=1, dilation=2), (4, 11, 9)),
        (nn.MaxPool2d((2, 3), stride=2), (4, 11, 9)),
        (nn.AvgPool2d(3, stride=2, ceil_mode=True), (4, 10, 8)),
        (nn.AdaptiveAvgPool2d((3, 2)), (4, 11, 9)),
        (nn.AdaptiveMaxPool2d(2), (4, 11, 9)),
        (nn.Linear(9, 5), (4, 11, 9)),
    ],
    ids=lambda value: value if isinstance(value, tuple) else type(value).__name__,
)
def test_a_layer_handed_on_gives_the_shape_that_it_gives(layer, shape):
    expected = layer(torch.zeros(1, *shape)).shape

    with shapes_by_arithmetic(layer):
        assert layer(torch.empty(1, *shape, device="meta")).shape == expected
    assert "forward" not in vars(layer)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (nn.Conv2d(4, 6, 3), [(5, 9, 9)]),
        (nn.Conv2d(4, 6, 3), [(4, 2, 2)]),
        (nn.MaxPool2d(3), [(4, 2, 2)]),
        (nn.AvgPool2d(3, padding=2), [(4, 9, 9)]),
        (nn.Linear(9, 5), [(8,)]),
        (blocks.Add(), [(4, 9, 9), (4, 8, 8)]),
        (blocks.Concatenate(), [(4, 9, 9), (4, 8, 8)]),
    ],
    ids=lambda value: "" if isinstance(value, list) else type(value).__name__,
)
def test_a_layer_handed_on_refuses_what_it_refuses(layer, shapes):
    with shapes_by_arithmetic(layer.to("meta")), pytest.raises(RuntimeError):
        layer(*(torch.empty(1, *shape, device="meta") for shape in shapes))


def test_tables_do_not_load_pytorchs_compiler():
    code = (
        "import sys; from cnnlab.architectures import cards; from cnnlab.layers.trace import layer_table\n"
        "for card in cards(): layer_table(card.name)\n"
        "print([name for name in ('torch._dynamo', 'sympy', 'triton') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)

    assert done.stdout.split("\n")[0] == "[]"  # 2 to 5 s and 150 MB of the helper


# Folding and writing


def test_a_block_runs_from_its_first_input_to_its_last_output():
    block = layer_table("vgg").fold(1).rows[2]

    assert (block.path, block.kind, block.layers) == ("block3", "Block", 5)
    assert block.settings == "2 Conv2d, 2 ReLU, MaxPool2d"
    assert (block.input_shape, block.output_shape) == ((128, 56, 56), (256, 28, 28))
    assert block.receptive_field == 30


def test_a_block_of_one_layer_stays_that_layer():
    row = layer_table("nin").fold(1).rows[1]

    assert (row.path, row.kind, row.settings) == ("pool1", "MaxPool2d", "3×3, stride 2")


@pytest.mark.parametrize("depth", [0, -1])
def test_a_depth_below_one_is_refused(depth):
    with pytest.raises(ConfigError, match=f"1 or more, not {depth}"):
        layer_table("lenet").fold(depth)


def test_csv_has_units_in_its_header_and_a_line_a_row():
    table = layer_table("lenet")

    header, *lines = csv.reader(io.StringIO(table.to_csv().removeprefix("\ufeff")))

    assert header[5:11] == [
        *("parameters (trainable)", "buffers (numbers)", "share of parameters (%)", "MACs (per image)"),
        *("activation memory (bytes per image)", "receptive field (pixels a side)"),
    ]
    assert len(lines) == 12
    assert lines[0][:6] == ["conv1", "Conv2d", "6 channels, 5×5, stride 1, pad 2", "1×28×28", "6×28×28", "156"]
    assert sum(int(line[8]) for line in lines) == card("lenet").macs


def test_shapes_are_written_by_one_function():
    root = Path(__file__).parent.parent
    writers = [
        file for folder in ("cnnlab", "pages") for file in (root / folder).rglob("*.py") if '×".join' in file.read_text("utf-8")
    ]

    assert not writers
    assert (shape_text((6, 28, 28)), shape_text((6, 28, 28), spaced=True)) == ("6×28×28", "6 × 28 × 28")


def test_an_unknown_architecture_is_refused_with_the_names_there_are():
    with pytest.raises(ConfigError, match=r"choose one of: .*lenet"):
        layer_table("lenett")
