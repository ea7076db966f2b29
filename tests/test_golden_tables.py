"""Layer tables of every kind of layer, of networks that fail, and the sentences of what is refused, as text."""

from __future__ import annotations

import pytest
import torch
from golden_text import check
from torch import nn

from cnnlab.architectures import Option, blocks, building, card
from cnnlab.architectures.kinds import kind_of
from cnnlab.errors import ConfigError, ShapeError
from cnnlab.layers import LayerTable
from cnnlab.layers.failing import table_or_failure
from cnnlab.layers.memory import per_image
from cnnlab.layers.text import as_text
from cnnlab.layers.trace import layer_table, trace


class Unheard(nn.Module):
    """A layer without an entry in the table of kinds, which takes some of the rows."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def forward(self, maps):
        return maps[:, :, :: self.step]

    def extra_repr(self):
        return f"a row in {self.step}"


class Branches(nn.Module):
    """Two branches that meet at a concatenation, and a sum with what came in."""

    def __init__(self):
        super().__init__()
        self.wide = nn.Conv2d(4, 3, (5, 3), padding=(2, 1))
        self.narrow = nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), nn.Conv2d(4, 1, 1, bias=False))
        self.concatenate, self.add, self.scale = blocks.Concatenate(), blocks.Add(), blocks.Scale(0.125)

    def forward(self, maps):
        return self.scale(self.add(self.concatenate(self.wide(maps), self.narrow(maps)), maps))


def every_kind():
    frozen = nn.Conv2d(4, 4, 3, padding="same", dilation=2)
    frozen.requires_grad_(requires_grad=False)
    shared = nn.Conv2d(4, 4, 1)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3)),
        nn.Sequential(Branches(), nn.Sigmoid()),
        nn.Sequential(frozen, nn.Tanh(), shared, nn.GELU(), shared),
        nn.Sequential(nn.MaxPool2d(3, stride=2, ceil_mode=True), nn.MaxPool2d((3, 2), stride=(1, 2), dilation=(2, 1))),
        nn.AdaptiveMaxPool2d((3, 2)),
        nn.Identity(),
        nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten()),
        nn.Sequential(nn.Linear(16, 7, bias=False), nn.BatchNorm1d(7), nn.Linear(7, 5)),
    )


def test_the_table_of_every_kind_of_layer(regenerate_golden):
    shape = (2, 37, 30)
    table = LayerTable.of("made", {}, shape, 5, trace(every_kind(), shape))
    found = [per_image(table.rows, width=width, device=device) for width, device in ((4, "cpu"), (4, "cuda"), (2, "mps"))]
    memory = "\n".join(f"kept {each.total:,} = {' + '.join(map(str, each.kept))}, widest {each.widest:,}" for each in found)
    pieces = [as_text(table), as_text(table.fold(1)), table.to_csv().replace("\ufeff", ""), memory]

    check("layers/every-kind", "\n\n".join(pieces) + "\n", regenerate=regenerate_golden)


def test_behind_a_layer_of_unknown_kind_that_changes_the_size_no_field_is_known(regenerate_golden):
    shape = (1, 9, 9)
    resized = nn.Sequential(nn.Conv2d(1, 2, 3), Unheard(1), nn.Conv2d(2, 2, 3), Unheard(2), nn.ReLU(), nn.Flatten())
    enlarged = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, groups=2), nn.ReLU())

    table = LayerTable.of("made", {}, shape, 30, (*trace(resized, shape), *trace(enlarged, shape)))

    check("layers/unknown", as_text(table) + "\n", regenerate=regenerate_golden)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation", "side"),
    [(3, 2, 1, 1, 11), (3, 2, 1, 1, 12), (5, 3, 2, 1, 17), (2, 2, 0, 1, 9), (3, 1, 1, 2, 9), (1, 2, 0, 1, 6), (3, 1, 0, 3, 8)],
)
def test_a_window_stands_at_as_many_places_as_pytorch_finds(kernel, stride, padding, dilation, side):
    layers = [nn.Conv2d(2, 3, kernel, stride, padding, dilation), nn.MaxPool2d(kernel, stride, min(padding, kernel // 2), dilation)]
    layers += [nn.AvgPool2d(kernel, stride, min(padding, kernel // 2))]

    for layer in layers:
        given = (1, 2, side, side + 3)
        assert kind_of(layer).shape(layer, given) == tuple(layer(torch.zeros(given)).shape)


REFUSED = [  # architecture, shape, options
    ("alexnet", (1, 28, 28), {}),
    ("alexnet", (1, 66, 300), {}),
    ("lenet", (1, 28, 5), {}),
    ("lenet", (3, 20, 20), {"channels": (3, 5, 7), "kernel_size": 7, "pooling": "max"}),
    ("lenet", (1, 200, 200), {"channels": (4,) * 8, "kernel_size": 7}),
    ("lenet", (1, 28, 28), {"channels": (2,) * 8, "kernel_size": 7, "hidden": (4,)}),
    ("vgg", (1, 31, 40), {"width_divisor": 64}),
    ("nin", (1, 48, 40), {"width_divisor": 64, "pooling": "average"}),
    ("densenet", (3, 7, 9), {"growth": 1}),
    ("resnet9", (3, 7, 30), {"width": 1, "batch_norm": False}),
]


def test_each_network_that_does_not_fit_says_which_layer_refuses_and_what_helps(regenerate_golden):
    pieces = []
    for name, shape, options in REFUSED:
        table = table_or_failure(name, shape, 10, options)
        failure = table.failure
        layer = failure.layer
        refuses = layer and f"{layer.path}, {layer.kind}, {layer.settings}, {layer.input_shape}, {layer.parameters:,} parameters"
        cures = [f"{cure.setting} = {cure.value}" for cure in failure.cures]
        pieces.append(f"{failure.reason}\n    {refuses}\n    {len(table.rows)} rows of {table.parameters:,} parameters; {cures}")

    check("layers/refused", "\n".join(pieces) + "\n", regenerate=regenerate_golden)


WRONG = {
    "no shape": lambda: card("lenet").build((1, 28)),
    "a shape of fractions": lambda: card("lenet").build((1, 28.0, 28)),
    "no channel": lambda: card("lenet").build((0, 28, 28)),
    "too many channels": lambda: card("lenet").build((1025, 28, 28)),
    "too high": lambda: card("lenet").build((1, 2049, 28)),
    "too wide": lambda: card("lenet").build((1, 28, 2049)),
    "one class": lambda: card("lenet").build(classes=1),
    "too many classes": lambda: card("lenet").build(classes=10_001),
    "classes in words": lambda: card("lenet").build(classes="ten"),
    "too large": lambda: card("mlp").build((3, 1000, 1000), options={"hidden": (8192,)}),
    "one value a channel": lambda: building.check_batch(card("densenet").build((3, 8, 8), options={"growth": 1}), (3, 8, 8), 1),
    "one dense value": lambda: building.check_batch(
        card("mlp").build(options={"batch_norm": True, "hidden": (4, 3)}), (1, 28, 28), 1
    ),
    "no such architecture": lambda: card("lenet6"),
    "no name at all": lambda: card(["lenet"]),
    "no such option": lambda: card("mlp").settings({"width": 3}),
    "a choice that is none": lambda: card("resnet").settings({"depth": 50}),
    "a number out of range": lambda: card("mlp").settings({"dropout": 0.96}),
    "yes and no": lambda: card("mlp").settings({"batch_norm": 1}),
    "true as a number": lambda: card("densenet").settings({"growth": True}),
    "half a channel": lambda: card("densenet").settings({"growth": 2.5}),
    "no number": lambda: card("mlp").settings({"hidden": ()}),
    "nine numbers": lambda: card("mlp").settings({"hidden": (1,) * 9}),
    "one number too large": lambda: card("mlp").settings({"hidden": (8, 8193)}),
    "endless": lambda: card("mlp").settings({"dropout": float("nan")}),
    "without bounds": lambda: Option("size", "Size", "int", 3, "").check("x"),
    "a switch as text": lambda: Option("on", "On", "bool", True, "").parse("maybe"),
    "numbers as text": lambda: Option("sizes", "Sizes", "ints", (3,), "", minimum=1, maximum=9).parse("[4, x]"),
}


def test_each_wrong_setting_of_a_network_is_a_sentence_with_its_field(regenerate_golden):
    lines = []
    for name, wrong in WRONG.items():
        with pytest.raises((ConfigError, ShapeError)) as refused:
            wrong()
        lines += [f"{name} ({refused.value.field})", f"    {refused.value}"]

    check("layers/wrong", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_the_borders_of_what_can_be_built_can_be_built():
    assert card("lenet").draft((1024, 28, 28), 10_000)
    assert card("mlp").draft((1, 2048, 2048), 2, {"hidden": (1,), "dropout": 0.95})
    building.check_batch(card("mlp").build(options={"batch_norm": True}), (1, 28, 28), 2)
    building.check_batch(card("lenet").build(options={"batch_norm": False}), (1, 28, 28), 1)


@pytest.mark.parametrize("name", ["alexnet", "lenet", "densenet"])
def test_the_smallest_size_is_found_from_any_size_that_is_too_small(name):
    chosen = card(name)
    settings = chosen.settings({"growth": 1} if name == "densenet" else {})
    smallest = building.minimum_size(chosen, 2, 3, settings)

    assert smallest == {"alexnet": 67, "lenet": 12, "densenet": 8}[name]
    assert building.minimum_size(chosen, 2, 3, settings, above=smallest - 1) == smallest
    assert not building.fits(chosen, (2, smallest - 1, 400), 3, settings)


def test_a_stored_table_is_compared_in_every_setting_of_its_network():
    table = layer_table("lenet", (2, 30, 28), 7, {"hidden": (9,)})

    assert (table.architecture, table.input_shape, table.classes, table.options["hidden"]) == ("lenet", (2, 30, 28), 7, (9,))
    assert table.rows[-1].output_shape == (7,)
    assert sum(row.share for row in table.rows) == pytest.approx(1)


def test_layers_are_counted_in_words_up_to_ten():
    assert [building._ordinal(number) for number in (1, 2, 3, 8, 10, 11, 23)] == [
        *("first", "second", "third", "eighth", "tenth", "number 11", "number 23")
    ]


@pytest.mark.parametrize(
    ("words", "value"),
    [("true", True), ("YES", True), ("on", True), ("1", True), ("false", False), ("No", False), (" off ", False), ("0", False)],
)
def test_a_switch_is_read_in_the_words_that_people_use(words, value):
    assert Option("on", "On", "bool", True, "").parse(words) is value


def test_the_bounds_of_an_option_belong_to_it():
    option = Option("size", "Size", "int", 3, "", minimum=2, maximum=5)

    assert [option.check(value) for value in (2, 5.0, "3")] == [2, 5, 3]
    for wrong in (1, 6, 2.5, True, None):
        with pytest.raises(ConfigError, match="size must be a whole number from 2 to 5, not"):
            option.check(wrong)
