"""Figures of networks and data: their boxes, proportions and texts."""

from __future__ import annotations

from itertools import pairwise

import plotly.graph_objects as go
import pytest

from cnnlab import figures
from cnnlab.architectures import cards
from cnnlab.figures import distribution_sentence, stages
from cnnlab.figures.stages import MOST
from cnnlab.layers import LayerRow, LayerTable
from cnnlab.layers.trace import layer_table


def row(path, kind, before, after, *costs):
    parameters, macs = (*costs, 0, 0)[:2]
    return LayerRow(path, kind, "", before, after, parameters, 0, 0.0, macs, 4, None)


def table(*rows):
    return LayerTable.of("made", {}, rows[0].input_shape, 10, rows)


SMALL = table(
    row("conv", "Conv2d", (1, 8, 8), (4, 8, 8), 40, 2304),
    row("activation", "ReLU", (4, 8, 8), (4, 8, 8)),
    row("pool", "MaxPool2d", (4, 8, 8), (4, 4, 4)),
    row("flatten", "Flatten", (4, 4, 4), (64,)),
    row("output", "Linear", (64,), (10,), 650, 640),
)


def drawn(name, *values, **named):
    """The figure as Plotly reads it, which refuses unknown properties."""
    return go.Figure(getattr(figures, name)(*values, **named))


def extent(trace):
    return max(trace.x) - min(trace.x), max(trace.y) - min(trace.y)


def test_layers_that_only_change_values_join_the_stage_before():
    boxes = stages(SMALL)

    assert [stage.name for stage in boxes] == ["input", "conv", "pool", "output"]
    assert [stage.output_shape for stage in boxes] == [(1, 8, 8), (4, 8, 8), (4, 4, 4), (10,)]
    assert [stage.role for stage in boxes] == ["input", "convolution", "pooling", "dense"]


@pytest.mark.parametrize("each", cards(), ids=lambda each: each.name)
def test_stages_of_every_architecture_fit_and_lose_nothing(each):
    whole = layer_table(each.name)
    boxes = stages(whole)

    assert 2 <= len(boxes) <= MOST + 1
    assert len({stage.name for stage in boxes}) == len(boxes)
    assert sum(stage.parameters for stage in boxes) == whole.parameters
    assert sum(stage.macs for stage in boxes) == whole.macs
    assert boxes[-1].output_shape[0] == 10


def test_a_network_of_many_layers_is_drawn_in_at_most_sixteen_boxes():
    many = table(*(row(f"conv{i}", "Conv2d", (i, 40 - i, 40 - i), (i + 1, 39 - i, 39 - i), 10) for i in range(1, 38)))

    assert len(stages(many)) <= MOST + 1
    assert sum(stage.parameters for stage in stages(many)) == many.parameters


def test_more_channels_are_thicker_and_more_pixels_are_taller():
    image, conv, pool = (drawn("network_figure", SMALL).data[i] for i in (0, 3, 6))  # the front face of each box

    assert extent(conv)[0] > extent(image)[0]
    assert extent(conv)[1] == extent(image)[1]
    assert extent(pool)[0] == extent(conv)[0]
    assert extent(pool)[1] < extent(conv)[1]


@pytest.mark.parametrize("each", cards(), ids=lambda each: each.name)
def test_boxes_and_labels_do_not_overlap(each):
    figure = drawn("network_figure", layer_table(each.name))

    boxes = [figure.data[i : i + 3] for i in range(0, len(figure.data), 3)]
    ends = [(min(min(face.x) for face in box), max(max(face.x) for face in box)) for box in boxes]
    assert all(left[1] < right[0] for left, right in pairwise(ends))
    labels = figure.layout.annotations
    widths = [7 * max(len(line) for line in label.text.replace("<b>", "").replace("</b>", "").split("<br>")) for label in labels]
    spots = [(label.x - width / 2, label.x + width / 2) for label, width in zip(labels, widths, strict=True)]
    assert all(left[1] < right[0] for left, right in pairwise(spots))


def test_hover_tells_the_shape_and_the_layers():
    assert "4 × 8 × 8" in drawn("network_figure", SMALL).data[3].text
    assert "ReLU" in drawn("network_figure", SMALL).data[3].text


def test_shares_add_up_to_the_whole():
    parameters, macs = drawn("distribution_figure", SMALL).data

    assert sum(parameters.x) == pytest.approx(100)
    assert sum(macs.x) == pytest.approx(100)


def test_the_sentence_says_where_the_parameters_sit():
    assert distribution_sentence(SMALL) == (
        "94 % of its parameters sit in dense layers, 6 % in convolutions; "
        "78 % of the work for an image (its MACs) is done by convolutions."
    )
    assert "no dense layer" in distribution_sentence(layer_table("nin"))
    assert "no convolution" in distribution_sentence(layer_table("mlp"))


def test_a_network_without_parameters_can_be_drawn():
    empty = table(row("pool", "MaxPool2d", (1, 8, 8), (1, 4, 4)))

    assert list(drawn("distribution_figure", empty).data[0].x) == [0]
    assert "no parameters" in distribution_sentence(empty)


def test_a_comparison_stacks_the_kinds_of_parameters():
    figure = drawn("compare_figure", SMALL, SMALL, ("one", "two"))

    assert [list(bar.x) for bar in figure.data[:3]] == [[40, 40], [650, 650], [0, 0]]
    assert figure.data[0].y == ("A: one", "B: two")


def test_class_names_that_are_digits_stay_names():
    figure = drawn("class_balance_figure", ("0", "1"), (5, 7), highlight=1)

    assert figure.layout.yaxis.type == "category"
    assert figure.data[0].x == (5, 7)
    assert figure.data[0].marker.color[0] != figure.data[0].marker.color[1]
