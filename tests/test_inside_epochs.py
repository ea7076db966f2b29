"""The view Over the epochs of the page Inside: its sentence, its charts, and its kernels."""

from __future__ import annotations

import base64

import plotly.graph_objects as go
import pytest

from cnnlab.epoch_flow import EpochFlow, LayerFlow
from cnnlab.figures.flow import MOST_LINES, flow_figure, layers_drawn
from pages._parts.inside.epoch_frames import kernel_uri
from pages._parts.inside.epochs import HEADER, flow_rows, gradient_sentence


def epoch(number, *gradients, update=0.001):
    layers = (LayerFlow(f"conv{place}", gradient, update, -1.0, 1.0, (3,)) for place, gradient in enumerate(gradients, 1))
    return EpochFlow(number, tuple(layers), (), ())


BEFORE = epoch(0, None, None, update=None)


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        ([epoch(1, 0.5, 0.4)], "In epoch 1 the gradient of the first layer, **conv1**, was about as long as that of the last, "),
        ([epoch(1, 0.01, 0.1), epoch(9, 0.6, 0.1)], "was 10 times shorter than that of the last, **conv2**; in epoch 9 it was 6 "
         "times as long as that of the last."),
        ([epoch(1, 0.001, 0.2), epoch(2, 0.1, 0.2)], "was 200 times shorter than that of the last, **conv2**; in epoch 2 it was "
         "about as long as that of the last. At first it **vanished** on its way back"),
        ([epoch(1, 0.001, 0.2), epoch(2, 0.001, 0.2)], "It **vanishes** on its way back"),
        ([epoch(1, None, 0.2)], "was not to be compared with that of the last"),
        ([epoch(1, 0.3)], "This network has one layer with weights, **conv1**"),
    ],
)  # fmt: skip
def test_the_sentence_compares_the_first_layers_gradient_with_the_last_ones(every, expected):
    assert expected in gradient_sentence([BEFORE, *every])


@pytest.mark.parametrize("quantity", ["gradient", "update"])
def test_each_layer_has_a_line_of_its_own_that_begins_with_the_first_epoch(quantity):
    figure = flow_figure([BEFORE, epoch(1, 0.5, 0.0), epoch(2, None, 0.25)], quantity)

    go.Figure(figure)  # raises where a name or a value is none of Plotly's
    first, second = figure["data"]
    assert first["x"] == second["x"] == [1, 2]
    assert figure["layout"]["xaxis"]["dtick"] == 1  # no tick between two epochs
    assert second["y"] == ([None, 0.25] if quantity == "gradient" else [0.001, 0.001])
    assert (first["line"], first["marker"]["symbol"]) != (second["line"], second["marker"]["symbol"])


def test_of_many_layers_the_first_the_last_and_some_between_are_drawn():
    paths = [f"l{number}" for number in range(57)]
    drawn = layers_drawn(paths)
    assert len(drawn) == len(set(drawn)) == MOST_LINES
    assert (drawn[0], drawn[-1]) == ("l0", "l56")
    assert layers_drawn(paths[:3]) == paths[:3]


def test_a_kernel_is_a_picture_with_a_square_for_each_weight():
    head, coded = kernel_uri((1.0, -1.0, 0.0, 0.5, 0.5, 0.5), 3, 1.0).split(",")
    svg = base64.b64decode(coded).decode()
    assert head == "data:image/svg+xml;base64"
    assert 'viewBox="0 0 3 2"' in svg
    assert svg.count("<rect") == 6
    assert 'x="0" y="0" width="1.02" height="1.02" fill="#67001f"' in svg
    assert 'x="1" y="0" width="1.02" height="1.02" fill="#053061"' in svg


def test_the_numbers_are_a_row_for_each_epoch_and_layer():
    rows = flow_rows([BEFORE, epoch(1, 0.5, 0.25)])
    assert len(rows) == 4 and all(len(row) == len(HEADER) for row in rows)
    assert rows[3] == (1, "conv2", 0.25, 0.001, -1.0, 1.0)
