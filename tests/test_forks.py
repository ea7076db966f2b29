"""Parallel paths in the drawing of a network: found in any network, drawn side by side, and in words."""

from __future__ import annotations

from xml.etree import ElementTree

import torch
from torch import nn

from cnnlab import figures
from cnnlab.architectures import card
from cnnlab.architectures.own import Network
from cnnlab.architectures.own.written_out import written_out
from cnnlab.figures.forks import ENTER, forks, regions
from cnnlab.figures.paths import paths_picture, paths_words
from cnnlab.layers import LayerTable
from cnnlab.layers.trace import layer_table, trace

INCEPTION = [
    {"kind": "convolution", "name": "stem", "channels": 4},
    {"kind": "convolution", "name": "one", "channels": 2, "kernel": 1, "padding": 0, "from": ["stem"]},
    {"kind": "convolution", "name": "before", "channels": 2, "kernel": 1, "padding": 0, "from": ["stem"]},
    {"kind": "activation", "name": "bend", "from": ["before"]},
    {"kind": "convolution", "name": "three", "channels": 2, "from": ["bend"]},
    {"kind": "pool", "name": "pool", "kernel": 3, "stride": 1, "padding": 1, "from": ["stem"]},
    {"kind": "concatenation", "name": "meet", "from": ["one", "three", "pool", "stem"]},
    {"kind": "global-pool", "name": "mean", "from": ["meet"]},
    {"kind": "flatten", "name": "flat", "from": ["mean"]},
    {"kind": "linear", "name": "output", "units": 0, "from": ["flat"]},
]


def forks_of(table: LayerTable):
    return [fork for stage in figures.stages(table) for fork in stage.forks]


def test_the_rows_of_a_builder_are_drawn_side_by_side_from_where_they_part_to_where_they_meet():
    table = layer_table("custom", (1, 8, 8), 10, {"network": Network.make("Mine", INCEPTION).text})

    (fork,) = forks_of(table)

    assert [[row.path for row in node.rows] for node in fork.nodes] == [["one"], ["before", "bend"], ["three"], ["pool"], ["meet"]]
    assert [node.feeds for node in fork.nodes] == [(ENTER,), (ENTER,), (1,), (ENTER,), (0, 2, 3, ENTER)]
    assert paths_words([fork]) == (
        "Paths side by side: Conv 1×1; Conv 1×1 → Conv 3×3; MaxPool 3×3; the input as it is. They meet in a concatenation."
    )
    drawn, width, _height = paths_picture([fork])
    boxes = {each[2].text: each[1] for each in ElementTree.fromstring(drawn).iter() if len(each) == 3}  # noqa: S314 our own text
    row = [float(boxes[name].get("x")) for name in ("Conv 1×1", "MaxPool 3×3")]
    assert row == sorted(row)
    assert float(boxes["concat"].get("y")) > float(boxes["Conv 3×3"].get("y")) > float(boxes["Conv 1×1"].get("y"))
    assert width < 390  # four paths have room on a phone


def test_what_stands_there_several_times_is_drawn_once_also_when_it_is_written_out():
    family = card("googlenet")
    written = written_out(family, family.input_shape, 10, {}, "Written out")

    of_family, of_rows = (
        forks_of(table)
        for table in (layer_table("googlenet"), layer_table("custom", family.input_shape, 10, {"network": written.text}))
    )

    assert [fork.times for fork in of_family] == [2, 5, 2]
    assert sum(fork.times for fork in of_rows) == 9
    assert {fork.form for fork in of_family} == {fork.form for fork in of_rows}


def test_shortcuts_are_found_where_layers_hand_their_input_on():
    rows = layer_table("densenet", (3, 32, 32), 10).rows

    assert all(row.feeds == (place - 1,) for place, row in enumerate(rows) if row.category == "normalisation")
    assert {len(fork.paths(9)) for fork in forks(rows, regions(rows))} == {2}
    assert sum(fork.times for fork in forks(rows, regions(rows))) == sum(row.category == "join" for row in rows)


def test_an_output_that_nothing_uses_makes_no_fork():
    class Loose(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.unused, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            x = self.first(x)
            self.unused(x)
            return self.last(torch.abs(x))

    rows = trace(Loose(), (4,))

    assert [list(region) for region in regions(rows)] == [[0], [1], [2]]
