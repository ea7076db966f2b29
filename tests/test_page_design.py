"""The Design page: its contents, what the address opens, and how it answers bad input."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from page_fakes import FakeLab, follow, layers, network_html, open_page, shown, widget

from cnnlab.architectures import card, cards
from pages._parts.address import as_text
from pages._parts.forms.architecture import default_of, option_key
from pages._parts.forms.link import expand
from pages._parts.layer_views import KeyFigure, ratio


@pytest.fixture
def lab():
    return FakeLab()


def address_of(app):
    """The page's address, each name once."""
    return {name: values[-1] if isinstance(values, list) else values for name, values in app.query_params.items()}


def test_a_first_visit_shows_lenet_with_the_course_figures(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab)

    assert not app.exception
    assert shown(app, "Parameters") == "61,706"
    assert shown(app, "MACs for one image") == "416,520"
    assert [row["output"] for row in layers(app)][:3] == ["6×28×28", "6×28×28", "6×14×14"]
    assert address_of(app) == {}


@pytest.mark.parametrize("each", cards(), ids=lambda card: card.name)
def test_every_architecture_can_be_opened_by_a_link(monkeypatch, lab, each):
    app = open_page(monkeypatch, "design", lab, architecture=each.name)

    assert not app.exception
    assert not app.error
    assert any(f"{each.parameters:,} parameters" in caption.value for caption in app.caption)


def test_the_address_sets_options_by_the_names_of_the_command_line(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab, architecture="alexnet", second_hidden_layer="true")

    assert any("46,764,746 parameters" in caption.value for caption in app.caption)


def test_a_changed_control_stands_in_the_address_and_a_default_does_not(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab)

    widget(app.selectbox, "Activation").set_value("relu").run()
    assert address_of(app) == {"activation": "relu"}

    widget(app.selectbox, "Activation").set_value("sigmoid").run()
    assert address_of(app) == {}


def test_one_architectures_option_does_not_leak_into_the_next(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab, activation="tanh")

    widget(app.selectbox, "Architecture").set_value("alexnet").run()

    assert widget(app.selectbox, "Activation").value == card("alexnet").settings()["activation"]
    assert address_of(app) == {"architecture": "alexnet"}


def test_an_option_called_like_a_setting_of_a_run_keeps_apart_from_it(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab, channels="3", **{"options.channels": "5,15"})

    row = layers(app)[0]
    assert (row["input"], row["output"]) == ("3×28×28", "5×28×28")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("architecture", "nope"),
        ("image_size", "-1"),
        ("classes", "1e9"),
        ("channels", "2"),
        ("dropout", "7"),
        ("dropout", "nan"),
        ("batch_norm", "perhaps"),
        ("options.channels", "6,x"),
        ("compare", "nope"),
    ],
)
def test_a_wrong_value_in_the_address_is_said_and_the_default_is_used(monkeypatch, lab, name, value):
    app = open_page(monkeypatch, "design", lab, **{name: value})

    assert not app.exception
    warnings = [warning.value for warning in app.warning]
    assert len(warnings) == 1
    assert value.split(",")[-1] in warnings[0]
    assert shown(app, "Parameters") == "61,706"


def test_images_too_small_are_explained_and_the_size_can_still_be_changed(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab, architecture="alexnet", image_size="64", compare="vgg")

    assert "64×64" in app.error[0].value
    widget(app.selectbox, "Image size").set_value(224).run()

    assert not app.error
    assert shown(app, "Parameters") == "30.0 million"
    assert address_of(app) == {"architecture": "alexnet", "compare": "vgg"}


def test_a_list_that_cannot_be_read_is_explained_and_the_other_controls_stay(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab, activation="relu")
    before = len(app.selectbox)

    widget(app.text_input, "Hidden layers").set_value("120, many").run()

    assert "120, many" in app.error[0].value
    assert len(app.selectbox) == before
    widget(app.text_input, "Hidden layers").set_value("120").run()
    assert not app.error
    assert address_of(app) == {"activation": "relu", "hidden": "120"}


@pytest.mark.parametrize(("label", "number"), [("Classes", 1), ("Dropout", 7.0)])
def test_a_number_out_of_range_is_a_sentence_in_place_of_a_table_of_something_else(monkeypatch, lab, label, number):
    app = open_page(monkeypatch, "design", lab)
    before, controls = widget(app.number_input, label).value, len(app.number_input)

    widget(app.number_input, label).set_value(number).run()

    assert f"{label} must be" in app.error[0].value
    assert str(number) in app.error[0].value
    assert not network_html(app)
    assert len(app.number_input) == controls
    assert address_of(app) == {}
    widget(app.number_input, label).set_value(before).run()
    assert not app.error
    assert shown(app, "Parameters") == "61,706"


def test_blocks_fold_and_unfold(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab, architecture="vgg")
    blocks = [row["output"] for row in layers(app)]

    opened = open_page(monkeypatch, "design", lab, architecture="vgg", detail="99")

    assert blocks == ["64×112×112", "128×56×56", "256×28×28", "512×14×14", "512×7×7", "10"]
    assert len(layers(opened)) > len(blocks)


def test_a_link_compares_two_networks(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab, architecture="alexnet", compare="vgg", **{"compare.width_divisor": "8"})

    assert not app.exception
    row = app.table[0].value.loc["Parameters"].tolist()
    assert row == ["30.0 million", "2,018,346", "15 times fewer"]


def test_the_page_comes_back_as_it_was_left(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab, architecture="nin", dropout="0.25")

    follow(app, "data")
    follow(app, "design")

    assert widget(app.selectbox, "Architecture").value == "nin"
    assert widget(app.number_input, "Dropout").value == 0.25


@pytest.mark.parametrize("each", [card("lenet"), card("vgg")], ids=lambda card: card.name)
def test_the_button_trains_the_network_that_is_drawn(monkeypatch, lab, each):
    app = open_page(monkeypatch, "design", lab, architecture=each.name)
    (button,) = [link.proto for link in app.get("page_link") if "Train this network" in link.proto.label]

    opened = expand(dict(parse_qsl(button.query_string)), {recipe.name: recipe for recipe in lab.presets()})

    assert opened.get("architecture", "lenet") == each.name
    assert int(opened["image_size"]) == each.input_shape[1]
    assert not {option_key(option) for option in each.options} & opened.keys()


def train_link(app):
    return next(each.proto for each in app.get("page_link") if each.proto.label == "Train this network")


def test_the_button_hands_the_whole_design_over(monkeypatch, lab):
    address = {"architecture": "nin", "activation": "tanh", "channels": "3", "image_size": "96", "classes": "7"}

    app = open_page(monkeypatch, "design", lab, **address)

    assert dict(parse_qsl(train_link(app).query_string)) == address


def test_a_design_that_fails_is_drawn_up_to_the_layer_that_fails(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab, architecture="alexnet", image_size="64", detail="99")

    drawing, table = network_html(app)
    assert drawing.count("<li data-stage") == 8  # the input, five convolutions and two pools
    assert "is given 256×2×2" in drawing
    rows = layers(app)
    assert [row["layer"] for row in rows][-2:] == ["block3.activation3", "block3.pool"]
    assert rows[-1]["output"] == "✗ does not fit"
    assert '<tfoot class="cnn-failed"' in table
    assert train_link(app).disabled


@pytest.mark.parametrize(
    ("address", "cure", "changed"),
    [
        ({"architecture": "alexnet", "image_size": "64"}, "Use 224×224", {"architecture": "alexnet"}),
        ({"architecture": "alexnet", "image_size": "64"}, "Use 67×67", {"architecture": "alexnet", "image_size": "67"}),
        ({"options.channels": "6,16,32"}, "Use 32×32", {"image_size": "32", "options.channels": "6,16,32"}),
        ({"options.channels": "6,16,32"}, "Channels: 6,16", {}),
    ],
)
def test_the_buttons_beside_a_design_that_fails_make_it_work(monkeypatch, lab, address, cure, changed):
    app = open_page(monkeypatch, "design", lab, **address)

    widget(app.button, cure).click().run()

    assert not app.error
    assert not app.exception
    assert not train_link(app).disabled
    assert address_of(app) == changed


def test_a_size_that_no_data_set_here_can_have_is_no_cure(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab, **{"options.channels": "4,4,4,4,4,4,4,4"})

    cures = [button.label for button in app.button if button.key and button.key.startswith("cure")]

    assert cures == ["Channels: 6,16"]


def test_a_wrong_number_has_a_button_that_puts_the_default_back(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab, architecture="alexnet")

    widget(app.number_input, "Dropout").set_value(7.0).run()
    widget(app.button, "Use 0.5").click().run()

    assert not app.error
    assert widget(app.number_input, "Dropout").value == 0.5


@pytest.mark.parametrize("each", cards(), ids=lambda each: each.name)
def test_a_button_puts_back_what_the_network_has_at_first(each):
    """A size is typed, which AppTest cannot do."""
    assert (default_of(each, "image_size"), default_of(each, "classes")) == (each.input_shape[1], 10)
    for option in each.options:
        assert option.parse(as_text(default_of(each, f"options.{option.name}"))) == option.default


def test_a_comparison_of_unlike_inputs_warns_and_makes_them_alike(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab, compare="nin")

    assert app.table[0].value.loc["Input"].tolist() == ["1 × 28 × 28", "1 × 224 × 224", "64 times as many values"]
    assert "A sees 1×28×28, B 1×224×224" in app.warning[0].value
    assert any("NiN does not fit 1×28×28" in caption.value for caption in app.caption)
    widget(app.button, "Give both 1×224×224").click().run()

    assert not app.warning
    assert app.table[0].value.loc["Input"].tolist() == ["1 × 224 × 224", "1 × 224 × 224", "the same"]
    assert address_of(app) == {"image_size": "224", "compare": "nin"}


def test_the_second_network_can_have_the_input_and_the_classes_of_the_first(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab, compare="resnet9", classes="7")

    widget(app.button, "Give both 1×28×28 and 7 classes").click().run()

    assert not app.warning
    assert address_of(app) == {
        "classes": "7", "compare": "resnet9", "compare.channels": "1", "compare.image_size": "28", "compare.classes": "7",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (30_000_000, 2_018_346, "15 times fewer"),
        (100, 250, "2.5 times as many"),
        (100, 200, "2 times as many"),
        (100, 140, "40 % more"),
        (100, 77, "23 % fewer"),
        (100, 100, "the same"),
        (10_000, 10_001, "about the same"),
        (1, 1_830, "1,830 times as many"),
        (0, 5, "–"),
    ],
)
def test_ratios_of_counts_read_as_people_say_them(first, second, words):
    assert ratio(KeyFigure("", "", first, ""), KeyFigure("", "", second, "")) == words
