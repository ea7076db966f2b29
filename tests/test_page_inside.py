"""The Inside page: the four views, the frame on the image, moving the image, addresses, and the empty states."""

from __future__ import annotations

import base64
import csv
import io
import re
from xml.etree import ElementTree

import pytest
import torch
from page_fakes import cells, open_page, widget
from page_inside import TESTED, Helper, network
from page_runs import RunsLab
from test_contrast import TEXT, contrast

from cnnlab.compute import inside, trained, wire
from cnnlab.compute.server import LONGEST_DEADLINE
from cnnlab.errors import CheckpointError, ComputeError
from cnnlab.inside_values import InsideLayer, Sight, Statistics
from cnnlab.looking import PATIENCE, Looking
from cnnlab.palette import GROWING, SIGNED, shade
from pages._parts.inside import downloads, what_if
from pages._parts.inside.by_hand import products_of
from pages._parts.inside.numbers import bars_html, cells_html, figure_text, ink
from pages._parts.inside.picture import centre_of, field_of, field_sentence
from pages._parts.inside.sums import result_sentences, size_sentence
from pages._parts.inside.why import METHODS
from pages._parts.inside.words import statistics_sentences


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


@pytest.fixture
def opened(monkeypatch, lab):
    """Opens the page for a trained run."""
    run_id = lab.trained()
    return lambda **address: open_page(monkeypatch, "inside", lab, **{"run": run_id} | address)


def text(app):
    return "\n".join(element.value for element in (*app.markdown, *app.caption, *app.header, *app.info, *app.warning))


def html(app):
    return "".join(element.proto.body for element in app.get("html"))


def address(app):
    return {name: "".join(value) for name, value in app.query_params.items()}


def test_an_empty_lab_leads_to_train(monkeypatch, lab):
    app = open_page(monkeypatch, "inside", lab)

    assert not app.exception
    assert "no trained network yet" in app.info[0].value


def test_the_maps_of_the_first_layer_stand_beside_the_image_with_its_receptive_field(opened):
    app = opened()

    assert not app.exception
    assert [cell.caption for cell in cells(app)] == ["1", "2", "3", "4", "5", "6"]
    assert cells(app)[0].alt.startswith("Channel 1 of conv1: from ")
    assert "Frame:** the receptive field of conv1 in row 15, column 15: the 5×5 pixels" in text(app)
    assert 'style="top: 42.86%; left: 42.86%; height: 17.86%; width: 17.86%"' in html(app), "pixels 12 to 16 of 28"
    assert 'alt="Test image 1: ' in html(app)
    assert "4,704 values" in text(app)
    assert "run" in address(app)


def test_the_layers_are_those_of_the_layer_table_with_their_shapes(opened):
    layers = widget(opened().selectbox, "Layer")

    assert layers.options[0] == "conv1 · Conv2d, 6 channels, 5×5, stride 1, pad 2 → 6×28×28"
    assert len(layers.options) == 12


def test_a_relu_counts_its_zeros_and_the_channels_that_are_silent(opened):
    app = opened(layer="activation2")

    assert "are 0**: this ReLU has cut them off" in text(app)
    assert re.search(r"No channel is 0 everywhere|of 16 channels (is|are) 0 everywhere", text(app))


def test_a_moved_image_shows_which_layers_notice(opened):
    app = opened(layer="pool1", right="1", down="-2")

    assert "moved 1 pixel to the right and 2 pixels up" in text(app)
    assert "Which layers notice the move" in text(app)
    assert re.search(r"pool1 \d+ % → \d+ %; pool2 \d+ % → \d+ %", text(app))
    assert all("changed" in cell.caption or "0 everywhere" in cell.caption for cell in cells(app))
    assert len(app.dataframe[0].value) == 12


def test_next_and_previous_turn_the_test_images_and_a_number_out_of_range_is_named(opened):
    app = opened(image=str(TESTED - 1))
    widget(app.button, "Next").click().run()

    assert address(app)["image"] == str(TESTED)
    assert widget(app.button, "Next").disabled
    widget(app.button, "Previous").click().run()
    assert address(app)["image"] == str(TESTED - 1)
    widget(app.number_input, "Test image").set_value(999).run()
    assert "Test image must be from 1 to 50, not 999; 50 is shown." in text(app)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("image", "51", "image must be a whole number from 1 to 50"),
        ("image", "0", "image must be a whole number from 1 to 50"),
        ("layer", "nowhere", "layer must be one of the network's layers"),
        ("view", "through", "view must be one of maps, kernels, answer, why, hand, epochs, modes"),
        ("right", "3", "right must be one of -2, -1, 0, 1, 2"),
        ("run", "deadbeef", "There is no run"),
        ("epoch", "3", "epoch must be best or last, whose weights are kept, not '3'"),
        ("picture", "<b>", "picture must be one of test, own"),
    ],
)
def test_a_wrong_address_is_one_sentence_and_the_default(opened, name, value, sentence):
    app = opened(**{name: value})

    assert not app.exception
    assert len(app.warning) == 1
    assert sentence in app.warning[0].value.replace("\\", "")
    assert len(cells(app)) == 6


def test_a_place_that_another_view_reads_is_no_mistake_in_the_address(opened):
    app = opened(view="maps", row="3", method="occlusion")

    assert not app.warning


def test_a_checkpoint_that_cannot_be_read_is_a_sentence_and_keeps_the_address(opened, lab):
    def damaged(*_, **__):
        raise CheckpointError("The checkpoint best.pt is damaged and cannot be read; train again to replace it.")

    lab.inside.network = damaged
    app = opened(layer="conv2")

    assert not app.exception
    assert "train again" in app.error[0].value
    assert address(app)["layer"] == "conv2"


def test_a_dense_layer_has_units_and_sees_the_whole_image(opened):
    app = opened(layer="output")

    assert "This layer has no maps" in text(app)
    assert "Each value of **output** sees the whole image" in text(app)
    assert html(app).count("<td") == 10


def test_the_kernels_are_pictures_with_their_weights(opened):
    app = opened(view="kernels", layer="pool2")

    assert "pool2 has no kernels; these are those of conv2." in text(app)
    assert "each reads 6 input channels through a kernel of 5×5 weights: 96 kernels" in text(app)
    assert len(cells(app)) == 64
    assert cells(app)[7].caption == "2 ← 2"
    assert cells(app)[7].alt.startswith("Kernel of output channel 2 for input channel 2: weights from −")
    widget(app.button, "Next 32").click().run()
    assert cells(app)[0].caption == "11 ← 5"
    assert address(app)["page"] == "2"


@pytest.mark.parametrize(("method", "name"), METHODS.items())
def test_each_method_says_what_it_shows_and_what_it_does_not(opened, method, name):
    app = opened(view="why", method=method, **{"class": "7"})

    assert "**Shows** " in text(app)
    assert "**Does not show** " in text(app)
    assert "**Sneaker**: score" in text(app)
    assert ("**Taken at conv2** (16×10×10), the last convolution" in text(app)) == (method == "grad-cam")
    assert f"heat map of {name} for Sneaker: " in html(app)
    assert "cnn-scale" in html(app)


def test_the_class_asked_about_is_at_first_the_predicted_one(opened):
    choice = widget(opened(view="why").selectbox, "Class")

    assert choice.options[0].startswith("predicted: ")
    assert len(choice.options) == 11


def test_a_network_without_maps_says_what_it_lacks_in_each_view(opened, lab):
    lab.inside_network = ("mlp", "")

    assert "no convolution, so Grad-CAM has no maps" in text(opened(view="why"))
    assert "no convolution, so it has no kernels" in text(opened(view="kernels"))
    assert "no window to work out" in text(opened(view="hand"))


def test_the_layer_outlasts_a_view_that_needs_none(opened):
    app = opened(view="why", layer="conv2")
    view = widget(app.get("button_group"), "View")

    assert address(app)["layer"] == "conv2"
    view.set_value("maps").run()
    assert len(cells(app)) == 16


def test_one_value_of_a_convolution_is_worked_out(opened, lab):
    app = opened(view="hand", layer="conv2", channel="3", row="4", column="5", reads="2")
    found = lab.inside.worked_out(lab.inside.look("a"), "conv2", channel=2, row=3, column=4, reads=1)

    assert "⌊(14 + 2 × 0 − 5) / 1⌋ + 1 = **10** rows and columns" in text(app)
    assert f"The products of input channel 2 add up to **{figure_text(found.sums[1])}**." in text(app)
    assert f"= **{figure_text(found.result)}**." in text(app)
    assert "ReLU keeps what is above 0" in text(app)
    assert html(app).count("<td") == 75
    assert "the receptive field of conv2 in row 4, column 5: the 14×14 pixels" in text(app)
    assert {name: address(app)[name] for name in ("channel", "row", "column", "reads")} == {
        "channel": "3", "row": "4", "column": "5", "reads": "2",
    }  # fmt: skip


def test_padding_under_the_window_is_marked_as_such(opened):
    app = opened(view="hand", layer="conv1", row="1", column="1")

    assert html(app).count(">pad<") == 2 * 16, "of 25 values and 25 products, two rows and two columns lie outside"
    assert "⌊(28 + 2 × 2 − 5) / 1⌋ + 1 = **28**" in text(app)


def test_where_the_colours_of_a_channel_end_is_right_for_negative_values_too(opened, lab):
    (table,) = lab.inside.numbers(lab.inside.look("a"), "conv2", first=0, count=1).channels
    largest = max(abs(value) for line in table for value in line)

    shown = text(opened(view="maps", layer="conv2"))

    assert f"These colours end at {figure_text(-largest)} and {figure_text(largest)}: no value" in shown


def test_padding_and_stride_can_be_changed_with_the_size_worked_out_beside_them(opened):
    app = opened(view="hand", layer="conv2")
    assert not app.slider, "closed at first"

    app.session_state[what_if.OPEN] = True
    app.run()
    widget(app.slider, "Padding (p)").set_value(1).run()
    widget(app.slider, "Stride (s)").set_value(2).run()

    assert "⌊(14 + 2 × 1 − 5) / 2⌋ + 1 = **6** rows and columns" in text(app)
    assert "an output of 6×6" in html(app)
    assert "conv2 itself has a padding of 0 and a stride of 1; its output has 10×10 values a channel." in text(app)


def test_a_pooling_layer_is_worked_out_the_same_way(opened):
    app = opened(view="hand", layer="pool1")

    assert "Average pooling takes the mean of the 4 values: " in text(app)
    assert "⌊(28 + 2 × 0 − 2) / 2⌋ + 1 = **14**" in text(app)


def test_what_is_downloaded_is_what_is_shown(monkeypatch, opened, lab):
    files = {}
    monkeypatch.setattr(downloads.st, "download_button", lambda label, data, name, *_, **__: files.update({name: data}))
    run_id = lab.runs()[0].id
    for view in ("maps", "kernels", "why", "hand"):
        assert not opened(view=view, layer="conv1", image="2").exception

    made = {name.removeprefix(f"cnnlab-{run_id}-image2-"): data() if callable(data) else data for name, data in files.items()}

    pictures = {
        "conv1-1-15-15-input1", "conv1-kernels-1", "conv1-maps-1", "conv1-histogram", f"grad-cam-{answer(lab)}", "image",
    }  # fmt: skip
    assert sorted(made) == sorted(f"{name}.{ending}" for name in pictures for ending in ("png", "svg", "csv"))
    for drawing in (content for name, content in made.items() if name.endswith("svg")):
        assert ElementTree.fromstring(drawing).find("{http://www.w3.org/2000/svg}title").text  # noqa: S314 our own text
    assert made["conv1-maps-1.svg"].count("<image") == 6
    assert all(content.startswith(b"\x89PNG") for name, content in made.items() if name.endswith("png"))
    rows = {
        name.partition(".")[0]: len(list(csv.reader(io.StringIO(content)))) - 1
        for name, content in made.items()
        if name.endswith("csv")
    }
    assert rows == {
        "conv1-1-15-15-input1": 25, "conv1-kernels-1": 150, "conv1-maps-1": 6 * 28 * 28, f"grad-cam-{answer(lab)}": 784,
        "conv1-histogram": 24, "image": 784,
    }  # fmt: skip


def answer(lab):
    seen = lab.inside.seen(lab.inside.look("a", image=1))
    return max(range(10), key=seen.probabilities.__getitem__)


def test_a_link_on_predict_opens_the_first_image_there(monkeypatch, lab):
    run_id = lab.trained()
    app = open_page(monkeypatch, "predict", lab, label="3", only="mistakes")
    link = next(link.proto for link in app.main.get("page_link") if link.proto.label == "Look inside")

    assert link.query_string == f"run={run_id}&image=4"


# Values and words on their own


@pytest.mark.parametrize("architecture", ["lenet", "course-resnet"])
def test_every_layer_can_be_looked_at_and_every_window_worked_out(tmp_path, architecture):
    looking = Looking(tmp_path, (helper := Helper(tmp_path, network(architecture))).ask, helper.evaluated)
    look = looking.look("a", image=4, right=1)

    for layer in looking.network("a").layers:
        maps = looking.maps(look, layer.path, first=0, count=64)
        assert len(maps.maps) == (min(64, layer.output_shape[0]) if layer.is_map else 0)
        assert maps.statistics.count == torch.Size(layer.output_shape).numel()
        if layer.kind in ("Conv2d", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d"):
            row, column = centre_of(layer)
            found = looking.worked_out(look, layer.path, channel=1, row=row, column=column)
            every = [value for line in found.window for value in line]
            result = (
                sum(found.sums) + (found.bias or 0)
                if found.sums
                else max(every)
                if "Max" in found.kind
                else sum(every) / len(every)
            )
            assert found.result == pytest.approx(result, abs=1e-5)
            assert size_sentence(found)
            assert result_sentences(found)
            if found.weights:
                total = sum(value for line in products_of(found) for value in line)
                assert total == pytest.approx(found.sums[0], abs=1e-5)


def test_the_sheet_of_maps_is_a_png(tmp_path):
    looking = Looking(tmp_path, (helper := Helper(tmp_path, network("lenet"))).ask, helper.evaluated)
    sheet = looking.sheet(looking.look("a"), "conv1", first=0, count=64)

    assert base64.b64decode(sheet.partition(",")[2]).startswith(b"\x89PNG")


def test_a_method_that_would_take_minutes_is_refused_with_its_time(tmp_path, monkeypatch):
    looking = Looking(tmp_path, (helper := Helper(tmp_path, network("lenet"))).ask, helper.evaluated)
    monkeypatch.setattr(inside, "LIGHT", 0)
    monkeypatch.setattr(inside, "LONGEST", 0.0)

    with pytest.raises(ComputeError, match=r"This would take about .*Choose Grad-CAM"):
        looking.attributed(looking.look("a"), "occlusion")


def test_a_network_that_is_busy_says_so_before_the_helper_would_be_ended(tmp_path, monkeypatch):
    looking = Looking(tmp_path, (helper := Helper(tmp_path, network("lenet"))).ask, helper.evaluated)
    monkeypatch.setattr(trained, "WAIT", 0.01)

    with network("lenet").working(), pytest.raises(ComputeError, match="busy with another question"):
        looking.seen(looking.look("a"))
    assert looking.seen(looking.look("a")).label in range(10)
    assert trained.WAIT < wire.DEADLINE
    assert inside.LONGEST < PATIENCE < LONGEST_DEADLINE


STATISTICS = Statistics(100, 0.0, 0.25, 1.0, 0.1, 0.5, (1, 3), 6, None, None, (50, 50))


def layer(kind, shape=(6, 4, 4), sight=None):
    return InsideLayer("one", kind, "activation", "", shape, sight)


def test_dead_channels_and_saturated_units_are_words():
    relu = statistics_sentences(STATISTICS, layer("ReLU"))
    saturated = Statistics(100, 0.0, 0.5, 1.0, 0.1, 0.0, (), 6, 0.25, 0.125, (50, 50))

    assert relu[1] == "**50.0 % are 0**: this ReLU has cut them off, and for this image no gradient passes through them."
    assert relu[2].startswith("**2 of 6 channels are 0 everywhere** (number 2, 4). They are dead for this image.")
    assert (
        "**37.5 % are saturated**: 25.0 % below 0.05 and 12.5 % above 0.95" in statistics_sentences(saturated, layer("Sigmoid"))[1]
    )
    assert "below −0.95" in statistics_sentences(saturated, layer("Tanh"))[1]


def test_a_receptive_field_that_is_larger_than_the_image_says_so():
    large = layer("Conv2d", sight=Sight((40, 40), (4, 4), (-10, -10)))
    edge = layer("Conv2d", sight=Sight((5, 5), (1, 1), (-2, -2)))

    frame = field_of(large, (28, 28), (1, 1))
    assert "sees the whole image (its receptive field is 40×40 pixels)" in field_sentence(large, frame, (1, 1))
    frame = field_of(edge, (28, 28), (0, 0))
    assert frame.clipped == (0, 0, 3, 3)
    assert "3×3 pixels remain" in field_sentence(edge, frame, (0, 0))
    assert field_of(layer("Conv2d"), (28, 28), (0, 0)) is None
    assert "is not known" in field_sentence(layer("Conv2d"), None, (0, 0))
    flat = layer("Flatten", (400,), Sight((16, 16), (4, 4), (-2, -2)))
    assert "sees 16×16 pixels of the input, each at a place of its own" in field_sentence(
        flat, field_of(flat, (28, 28), (0, 0)), (0, 0)
    )


def test_numbers_are_text_with_a_real_minus_sign_and_no_negative_zero():
    assert [figure_text(value) for value in (-0.0, -1.5, 0.00012345, 12345.0)] == ["0", "−1.5", "0.000123", "1.23e+04"]


def test_cells_have_their_number_beside_the_pointer_and_text_is_escaped():
    drawn = cells_html(((1.0, -1.0),), -1.0, 1.0, "<b>", written=True)

    assert 'title="row 1, column 2: −1">−1</td>' in drawn
    assert "<b>" not in drawn
    assert "&lt;b&gt;" in drawn


def test_numbers_can_be_read_on_every_colour_of_both_scales():
    grounds = [shade(step / 400, 0, 1, scale) for scale in (GROWING, SIGNED) for step in range(401)]

    assert min(contrast(ink(ground), ground) for ground in grounds) >= TEXT


def test_a_histogram_has_a_text_equivalent():
    assert 'aria-label="Histogram. Most values, 5, lie from 0 to 1."' in bars_html((5, 3), 0.0, 2.0)
