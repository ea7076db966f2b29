"""Networks of one's own: rows and their JSON, shapes by arithmetic, families written out, and what is refused."""

from __future__ import annotations

import json
import keyword
import math
import time

import pytest
import torch
from own_networks import random_rows
from quadrants import quadrants, settings
from torch import nn

from cnnlab.architectures import card, cards
from cnnlab.architectures.own import Network, RowError, editing, placed
from cnnlab.architectures.own.kinds import KINDS
from cnnlab.architectures.own.network import MOST_ROWS, MOST_TEXT, name_problem, packed
from cnnlab.architectures.own.templates import TITLES, template
from cnnlab.architectures.own.written_out import written_out
from cnnlab.cli.network import with_network
from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError, ShapeError
from cnnlab.events import EpochDone
from cnnlab.layers.failing import table_or_failure
from cnnlab.layers.trace import layer_table
from cnnlab.network_code import network_code
from cnnlab.reports.comparison import differences
from cnnlab.starts import start
from cnnlab.sweeps.values import SweepConfig
from cnnlab.training.engine import train
from cnnlab.twins import changeable

SHAPE = (1, 12, 12)
# Options other than the defaults, so that each way to build a block is written out once.
CHANGED = {
    "lenet": {"activation": "gelu", "pooling": "max", "batch_norm": True, "dropout": 0.3, "channels": (4, 8, 8), "kernel_size": 3},
    "mlp": {"hidden": (20, 10), "batch_norm": True, "dropout": 0.2},
    "googlenet": {"width_divisor": 16, "batch_norm": True, "pooling": "average"},
    "course-resnet": {"shortcuts": False, "kernel_size": 5, "batch_norm": False},
    "resnet": {"depth": 34, "width_divisor": 16, "shortcuts": False, "dropout": 0.1},
    "densenet": {"growth": 3, "batch_norm": False, "dropout": 0.1, "activation": "tanh"},
    "resnet9": {"width": 4, "shortcuts": False, "batch_norm": False, "pooling": "average"},
}


def figures(table):
    """All that a row says of a layer but its path."""
    return [
        (row.kind, row.settings, row.input_shape, row.output_shape, row.parameters, row.buffers, row.macs, row.receptive_field)
        for row in table.rows
    ]


def own_table(network, shape, classes=10):
    return layer_table("custom", shape, classes, {"network": network.text})


@pytest.mark.parametrize(
    ("name", "options"),
    [*((each.name, {}) for each in cards()), *CHANGED.items()],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_family_written_out_is_the_same_network(name, options):
    family = card(name)
    network = written_out(family, family.input_shape, 10, options, "Mine")
    ours, theirs = own_table(network, family.input_shape), layer_table(name, None, 10, options)

    assert figures(ours) == figures(theirs)
    rows = placed(network, family.input_shape, 10)
    assert (sum(row.parameters for row in rows), sum(row.macs for row in rows)) == (theirs.parameters, theirs.macs)
    assert own_table(network, family.input_shape, 26).parameters == layer_table(name, None, 26, options).parameters
    assert Network.read(network.text) == Network.read(network.token) == Network.read(network.file) == network
    assert len(network.token) <= 2_000


@pytest.mark.parametrize("name", ["lenet", "resnet9", "googlenet"])
def test_a_seed_draws_the_weights_of_the_family(name):
    family, options = card(name), {"lenet": {}, "resnet9": {"width": 2}, "googlenet": {"width_divisor": 32}}[name]
    network = written_out(family, family.input_shape, 10, options, "Mine")

    models = []
    for build in (
        lambda: family.build(options=options),
        lambda: card("custom").build(family.input_shape, 10, {"network": network.text}),
    ):
        torch.manual_seed(5)
        models.append(build())

    assert all(torch.equal(*pair) for pair in zip(*(model.state_dict().values() for model in models), strict=True))


def test_the_first_epoch_of_lenet_is_the_same_to_the_bit():
    network = written_out(card("lenet"), SHAPE, 3, {"activation": "relu"}, "Mine")
    runs = [
        settings(architecture="lenet", options={"activation": "relu"}),
        settings(architecture="custom", options={"network": network.text}),
    ]

    first, second = (
        [event for event in train(config.change(epochs=1, seed=4), quadrants()) if isinstance(event, EpochDone)] for config in runs
    )

    assert first[0].train_loss == second[0].train_loss
    assert first[0].test_accuracy == second[0].test_accuracy


def test_arithmetic_and_pytorch_agree_on_each_template():
    for name in TITLES:
        network = template(name)
        table, rows = own_table(network, (3, 32, 32)), placed(network, (3, 32, 32), 10)
        assert (table.parameters, table.macs) == (sum(row.parameters for row in rows), sum(row.macs for row in rows))
        assert rows[-1].shape == (10,)


def one_step(network):
    """The loss of one step of training, and whether each weight has a gradient."""
    model = card("custom").build(SHAPE, 3, {"network": network.text})
    loss = nn.functional.cross_entropy(model(torch.randn(4, *SHAPE)), torch.tensor([0, 1, 2, 0]))
    loss.backward()
    torch.optim.SGD(model.parameters(), lr=0.01).step()
    return loss.item(), all(weight.grad is not None for weight in model.parameters())


def test_random_networks_are_trained_for_a_step_or_refused_in_a_sentence(request):
    torch.manual_seed(0)
    trained, refused = 0, set()
    for seed in range(300 if request.config.getoption("--slow") else 60):
        try:
            network = Network.make("Random", random_rows(seed))
            rows = placed(network, SHAPE, 3)
        except ConfigError as error:
            refused.add(str(error))
            assert str(error).startswith("Row ")
            assert str(error).endswith(".")
            assert "\n" not in str(error)
            continue
        table = own_table(network, SHAPE, 3)
        assert (table.parameters, table.macs) == (sum(row.parameters for row in rows), sum(row.macs for row in rows))
        by_name = {row.layer.name: row.shape for row in rows}
        assert all(by_name[row.path] == row.output_shape for row in table.rows if "." not in row.path)
        if table.parameters:
            loss, complete = one_step(network)
            assert loss > 0 or not math.isfinite(loss)  # untrained weights may overflow
            assert complete
        trained += 1
    assert trained >= 15
    assert len(refused) >= 10


def test_each_cure_of_a_random_network_moves_on():
    cured = 0
    for seed in range(60):
        try:
            network = Network.make("Random", random_rows(seed))
            placed(network, SHAPE, 3)
        except RowError as error:
            for cure in editing.cures(network, error, SHAPE, 3):
                try:
                    placed(cure.network, SHAPE, 3)
                except RowError as other:
                    assert other.row > error.row
                cured += 1
        except ConfigError:
            continue
    assert cured >= 20


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([{"kind": "linear"}], "Row 1 of the network (linear1): a dense layer needs a vector, and is given maps"),
        ([{"kind": "flatten"}, {"kind": "convolution"}], "Row 2 of the network (conv1): a convolution needs maps, and"),
        ([{"kind": "convolution", "kernel": 15, "padding": 1}], "Row 1 of the network (conv1): a window of 15×15 is larger than"),
        ([{"kind": "pool", "kernel": 3, "padding": 2}], "Row 1 of the network (pool1): the padding of a pool is at most"),
        (
            [{"kind": "pool", "name": "small"}, {"kind": "addition", "from": ["small", "input"]}],
            "Row 2 of the network (add1): an addition needs two inputs of the same shape, and is given",
        ),
        ([{"kind": "convolution"}, {"kind": "norm", "from": "input"}], "Row 1 of the network (conv1): it leads nowhere"),
        ([{"kind": "flatten"}, {"kind": "linear", "units": 9}], "Row 2 of the network (linear1): the last row must give 3 values"),
        (
            [
                {"kind": "concatenation", "name": f"c{number}", "from": [f"c{number - 1}" if number else "input"] * 8}
                for number in range(7)
            ],
            "which is too large",
        ),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_says_why(rows, reason):
    network = Network.make("Wrong", rows)

    with pytest.raises(RowError) as raised:
        placed(network, SHAPE, 3)
    assert reason in str(raised.value)
    with pytest.raises(ShapeError):  # also where it is built, whatever a page has checked
        card("custom").build(SHAPE, 3, {"network": network.text}, device="meta")
    table = table_or_failure("custom", SHAPE, 3, {"network": network.text})
    assert table.failure.reason == str(raised.value)
    assert len(table.rows) == len(raised.value.before)


HOSTILE = {
    "nested": '{"title":"x","layers":' + "[" * 30_000 + "]" * 30_000 + "}",
    "an endless number": '{"title":"x","layers":[{"kind":"linear","units":' + "9" * 5_000 + "}]}",
    "an infinite number": '{"title":"x","layers":[{"kind":"linear","units":1e999}]}',
    "no number": '{"title":"x","layers":[{"kind":"dropout","share":NaN}]}',
    "true as a number": '{"title":"x","layers":[{"kind":"linear","units":true}]}',
    "a million rows": '{"title":"x","layers":[' + ",".join(['{"kind":"norm"}'] * 1_000_000) + "]}",
    "201 rows": json.dumps({"title": "x", "layers": [{"kind": "norm"}] * (MOST_ROWS + 1)}),
    "no rows": '{"title":"x","layers":[]}',
    "an unknown kind": '{"title":"x","layers":[{"kind":"transformer"}]}',
    "a kind that is a list": '{"title":"x","layers":[{"kind":["linear"]}]}',
    "an unknown setting": '{"title":"x","layers":[{"kind":"norm","eps":0}]}',
    "a setting twice": '{"title":"x","layers":[{"kind":"norm","kind":"flatten"}]}',
    "a name twice": '{"title":"x","layers":[{"kind":"norm","name":"a"},{"kind":"norm","name":"a"}]}',
    "a name of PyTorch": '{"title":"x","layers":[{"kind":"norm","name":"forward"}]}',
    "a name of Python": '{"title":"x","layers":[{"kind":"norm","name":"lambda"}]}',
    "code as a name": '{"title":"x","layers":[{"kind":"norm","name":"a); import os #"}]}',
    "a cycle": '{"title":"x","layers":[{"kind":"addition","name":"a","from":["b","input"]},{"kind":"norm","name":"b"}]}',
    "itself": '{"title":"x","layers":[{"kind":"norm","name":"a","from":["a"]}]}',
    "inputs that are numbers": '{"title":"x","layers":[{"kind":"addition","from":[1,2]}]}',
    "a join of one": '{"title":"x","layers":[{"kind":"addition","from":["input"]}]}',
    "a title that is code": json.dumps({"title": '"""\nimport os', "layers": [{"kind": "flatten"}]}),
    "a title of Markdown": json.dumps({"title": "![x](http://y)", "layers": [{"kind": "flatten"}]}),
    "another key": '{"title":"x","layers":[{"kind":"norm"}],"owner":"me"}',
    "a list": "[]",
    "a row that is text": '{"title":"x","layers":["norm"]}',
    "nothing": "",
    "a token that is none": "eJxLSS0uAQAEXAHB!",
    "a token that unpacks to gigabytes": packed('{"title":"' + "x" * 2_000_000 + '"}'),
    "a long token": "A" * 9_000,
    "half a token": packed('{"title":"x","layers":[{"kind":"norm"}]}')[:20],
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_network_is_refused_at_once_in_a_sentence(text):
    before = time.monotonic()
    with pytest.raises(ConfigError) as raised:
        RunConfig.make(architecture="custom", options={"network": text})
    assert time.monotonic() - before < 2
    assert raised.value.field == "options.network"
    assert len(str(raised.value)) < 700
    assert "\n" not in str(raised.value)


def test_an_option_of_another_type_is_refused():
    for value in (None, 3, [], {"title": "x", "layers": []}):
        with pytest.raises(ConfigError, match="network must be a network in JSON"):
            RunConfig.make(architecture="custom", options={"network": value})


def test_no_row_can_be_called_like_a_part_of_pytorchs_modules():
    known = {name for name in dir(nn.Sequential()) if not name.startswith("_") and name == name.lower()}

    assert all(name_problem(name, set()) for name in known | set(keyword.kwlist))
    assert not any(name_problem(f"{kind.stem}1", set()) for kind in KINDS.values())


def test_a_text_is_canonical_and_complete():
    short = Network.read(
        '{"layers": [{"kind": "flatten"}, {"kind": "linear", "units": 0, "from": ["flatten1"]}], "title": " My  net "}'
    )

    config = RunConfig.make(architecture="custom", options={"network": short.file})
    assert config.options["network"] == short.text
    assert json.loads(short.text)["layers"][1] == {"kind": "linear", "name": "linear1", "units": 0, "bias": True}
    assert RunConfig.from_json(config.to_json()) == config
    assert config.title == "My net on Fashion-MNIST sample"
    assert len(short.text) < MOST_TEXT


def test_two_networks_differ_in_rows_and_not_in_two_texts():
    before = template("lenet")
    after = editing.deleted(editing.changed(before, 0, channels=12), 1).named("Wider")
    configs = [RunConfig.make(architecture="custom", options={"network": each.text}) for each in (before, after)]

    found = {each.title: each.values for each in differences(configs)}

    assert found["Network"] == ("My LeNet", "Wider")
    assert found["Row conv1"] == ("Convolution: 6 channels, 5×5, pad 2", "Convolution: 12 channels, 5×5, pad 2")
    assert found["Row activation1"] == ("Activation: ReLU", "–")
    assert len(found) == 3


def test_editing_keeps_the_wiring():
    network = template("shortcut")

    assert placed(editing.renamed(network, 2, "before_the_fork"), SHAPE, 3)
    assert placed(editing.deleted(network, 1), SHAPE, 3)
    without = editing.deleted(network, 2)  # the fork's own row: the addition takes its input
    assert without.layers[7].inputs == ("norm3", "norm1")
    with pytest.raises(
        ConfigError, match=r"Row 8 of the network \(add1\): it takes its input from 'norm3', which is no row above it"
    ):
        editing.moved(network, 8, -1)
    changed = editing.of_kind(network, 0, "residual")
    assert (changed.layers[0].name, changed.layers[0].settings["channels"]) == ("block1", 16)


def test_the_code_of_wired_rows_runs_and_draws_the_same_weights():
    network = template("shortcut")
    code = network_code("custom", SHAPE, 3, {"network": network.text}).whole
    names: dict = {}

    torch.manual_seed(1)
    exec(code, names)  # noqa: S102  the lab's own code
    torch.manual_seed(1)
    ours = card("custom").build(SHAPE, 3, {"network": network.text})

    images = torch.rand(2, *SHAPE)
    with torch.no_grad():
        assert torch.equal(names["network"].eval()(images), ours.eval()(images))


def test_a_start_exists_for_a_network_of_ones_own():
    found = start("custom", "sample", options={"network": template("resnet").text})

    assert found.config.optimizer == "adam"
    assert "My ResNet is your own" in found.source


def test_the_command_line_takes_a_network_from_a_file(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(template("vgg").file, encoding="utf-8-sig")
    broken = tmp_path / "broken.json"
    broken.write_bytes(b"\xff\xfe{")

    name, settings_ = with_network(None, [], str(file))

    assert (name, Network.read(settings_[0].removeprefix("network="))) == ("custom", template("vgg"))
    assert with_network("lenet", ["activation=relu"], None) == ("lenet", ["activation=relu"])
    for given, path, reason in (
        ("lenet", file, "NAME cannot be 'lenet'"),
        (None, tmp_path, "cannot be read"),
        (None, tmp_path / "none.json", "cannot be read"),
        (None, broken, "is not text in UTF-8"),
    ):
        with pytest.raises(ConfigError, match=reason):
            with_network(given, [], str(path))


def test_a_network_does_not_vary_in_a_sweep_or_a_twin():
    base = RunConfig.make(architecture="custom")

    assert "options.network" not in changeable(base)
    with pytest.raises(ConfigError, match=r"options\.network cannot vary in a sweep: train each network of your own as a run"):
        SweepConfig.make(base=base, dimensions=({"setting": "options.network", "values": ("a", "b")},), method="grid")
