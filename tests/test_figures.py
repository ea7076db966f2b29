"""Figures of networks and data: their boxes, proportions and texts."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import plotly.graph_objects as go
import pytest

from cnnlab import figures
from cnnlab.architectures import cards
from cnnlab.figures import distribution_sentence, stages
from cnnlab.figures.stages import MOST
from cnnlab.i18n import using
from cnnlab.layers import Failure, LayerRow, LayerTable
from cnnlab.layers.failing import table_or_failure
from cnnlab.layers.trace import layer_table
from cnnlab.palette import FAILED, KINDS
from cnnlab.text import shape_text, short_count, size_text


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


class Drawing(HTMLParser):
    """The boxes of a drawing: the corners of their front faces, and the texts below them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.boxes: list[dict] = []
        self._of_paths = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self._of_paths = self._of_paths or values.get("class") == "cnn-paths"
        if tag == "li" and ("data-stage" in values or values.get("class") == "cnn-failed"):
            self.boxes.append({"faces": [], "texts": [], "hover": values.get("title", ""), "style": values["style"]})
        elif tag == "polygon":
            self.boxes[-1]["faces"].append([tuple(map(float, corner.split(","))) for corner in values["points"].split()])
        elif tag == "ul":
            self.boxes.append({"faces": [], "texts": []})  # the legend

    def handle_endtag(self, tag):
        self._of_paths = self._of_paths and tag != "div"

    def handle_data(self, data):
        if not self._of_paths:
            self.boxes[-1]["texts"].append(data)


def boxes_of(network):
    return Drawing(figures.network_drawing(network, "made")).boxes


def extent(box):
    across, up = zip(*box["faces"][0], strict=True)
    return round(max(across) - min(across), 1), round(max(up) - min(up), 1)


def test_more_channels_are_thicker_and_more_pixels_are_taller():
    image, conv, pool = map(extent, boxes_of(SMALL)[:3])

    assert conv[0] > image[0]
    assert conv[1] == image[1]
    assert pool[0] == conv[0]
    assert pool[1] < conv[1]


@pytest.mark.parametrize("each", cards(), ids=lambda each: each.name)
def test_each_box_has_its_name_its_shape_and_its_kind_in_words(each):
    whole = layer_table(each.name)

    drawn = boxes_of(whole)

    for box, stage in zip(drawn, stages(whole), strict=True):
        name, shape, kind = box["texts"]
        assert stage.name.endswith(name)
        assert shape in (shape_text(stage.output_shape), f"{stage.output_shape[0]:,} units")
        assert kind == figures.LEGEND.get(stage.role, stage.role)
        assert KINDS[stage.role] in box["style"]


def test_hover_tells_the_shape_and_the_layers():
    assert "4 × 8 × 8" in boxes_of(SMALL)[1]["hover"]
    assert "ReLU" in boxes_of(SMALL)[1]["hover"]
    for box, stage in list(zip(boxes_of(SMALL), stages(SMALL), strict=True))[1:]:
        assert box["hover"].endswith(f"\n{stage.parameters:,} parameters, {stage.macs:,} MACs")
    with using("zh"):
        assert "Conv2d 6 个通道，5×5，步幅 1" in boxes_of(layer_table("lenet"))[1]["hover"]


def test_the_layer_that_fails_comes_last_with_what_it_is_given():
    failing = table_or_failure("alexnet", (1, 28, 28), 10)

    assert boxes_of(failing)[-1]["texts"] == ["pool", "does not fit", "is given 256×2×2"]


def test_a_network_that_cannot_be_built_at_all_is_drawn_as_its_input():
    failing = replace(SMALL, rows=(), failure=Failure("It fits no image.", None, ()))

    assert [box["texts"][0] for box in boxes_of(failing)] == ["input"]


def test_texts_in_a_drawing_are_escaped():
    odd = table(row("<b>&", "Conv2d", (1, 8, 8), (4, 8, 8), 40, 2304))

    for html in (
        figures.network_drawing(odd, "<i>"),
        figures.network_svg(odd, "<i>"),
        figures.distribution_bars(odd),
        figures.compare_bars(odd, odd, ("<i>", "b")),
    ):
        assert "<b>&<" not in html
        assert "<i>" not in html


@pytest.mark.parametrize("each", cards(), ids=lambda each: each.name)
def test_a_saved_drawing_is_a_picture_by_itself_in_which_all_texts_have_room(each):
    whole = layer_table(each.name)

    picture = ElementTree.fromstring(figures.network_svg(whole, each.title))  # noqa: S314 our own text

    space = "{http://www.w3.org/2000/svg}"
    texts = picture.findall(f"{space}text")
    assert [text.text for text in texts[:2]] == [each.title, f"{whole.parameters:,} parameters, {whole.macs:,} MACs for one image"]
    assert len(picture.findall(f"{space}g")) == len(stages(whole))
    assert [text.text for text in texts[3::3]] == [box["texts"][1] for box in boxes_of(whole)]
    width, height = float(picture.get("width")), float(picture.get("height"))
    lines = {}
    for text in texts[2:]:
        x, half = float(text.get("x")), 3.5 * len(text.text)
        lines.setdefault(text.get("y"), []).append((x - half, x + half))
        assert 0 < float(text.get("y")) < height
    for line in lines.values():
        assert all(end < begin for (_, end), (begin, _) in pairwise(sorted(line)))
        assert line[0][0] > 0
        assert line[-1][1] < width


@pytest.mark.parametrize("background", ["#FFFFFF", "#F3F5F8", "#14181F", "#1E242D"], ids=["light", "light box", "dark", "dark box"])
@pytest.mark.parametrize("kind", [*KINDS, "failed"])
def test_the_colour_of_each_kind_can_be_seen_on_every_page(kind, background):
    lighter, darker = sorted((luminance(KINDS.get(kind, FAILED)), luminance(background)), reverse=True)

    assert (lighter + 0.05) / (darker + 0.05) >= 3


def luminance(color):
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_no_two_kinds_have_one_colour_and_the_page_has_those_backgrounds():
    assert len({*KINDS.values(), FAILED}) == len(KINDS) + 1
    config = (Path(__file__).parents[1] / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    for background in ("#FFFFFF", "#F3F5F8", "#14181F", "#1E242D"):
        assert background in config


def test_shares_add_up_to_the_whole():
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", figures.distribution_bars(SMALL))]

    assert sum(widths[::2]) == pytest.approx(100, abs=0.05)
    assert sum(widths[1::2]) == pytest.approx(100, abs=0.05)


def test_the_sentence_says_where_the_parameters_sit():
    assert distribution_sentence(SMALL) == (
        "94 % of its parameters sit in dense layers, 6 % in convolutions; "
        "78 % of the work for an image (its MACs) is done by convolutions."
    )
    assert "no dense layer" in distribution_sentence(layer_table("nin"))
    assert "no convolution" in distribution_sentence(layer_table("mlp"))


def test_a_network_without_parameters_can_be_drawn():
    empty = table(row("pool", "MaxPool2d", (1, 8, 8), (1, 4, 4)))

    assert re.findall(r"width:([\d.]+)%", figures.distribution_bars(empty)) == ["0.00", "0.00"]
    assert "no parameters" in distribution_sentence(empty)


def test_a_comparison_stacks_the_kinds_of_parameters():
    html = figures.compare_bars(SMALL, SMALL, ("one", "two"))

    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", html)]
    assert widths[:3] == widths[3:6] == [pytest.approx(100 * count / 690, abs=0.01) for count in (40, 650, 0)]
    assert html.index("A: one") < html.index("B: two")


def test_each_cost_in_a_comparison_has_its_unit_short_and_in_full():
    html = figures.compare_bars(SMALL, SMALL, ("one", "two"))

    shown = re.findall(r'<td title="([^"]*)">.*?<b>([^<]*)</b>', html)
    assert shown[::2] == [
        (f"{SMALL.parameters:,} parameters", short_count(SMALL.parameters)),
        (f"{SMALL.macs:,} MACs", short_count(SMALL.macs)),
        (f"{SMALL.activation_bytes:,} bytes", size_text(SMALL.activation_bytes)),
    ]


def test_the_smaller_of_two_networks_has_the_shorter_bar():
    double = table(row("output", "Linear", (64,), (20,), 1380, 1280))

    html = figures.compare_bars(SMALL, double, ("one", "two"))

    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", html)]
    assert (sum(widths[:3]), sum(widths[3:6])) == (pytest.approx(50, abs=0.02), pytest.approx(100, abs=0.02))


def test_class_names_that_are_digits_stay_names():
    figure = drawn("class_balance_figure", ("0", "1"), (5, 7), highlight=1)

    assert figure.layout.yaxis.type == "category"
    assert figure.data[0].x == (5, 7)
    assert figure.data[0].marker.color[0] != figure.data[0].marker.color[1]
