"""The Data page: every data set, downloads, filters, and text that is escaped."""

from __future__ import annotations

import pytest
from page_fakes import FakeLab, open_page, shown, widget

from cnnlab.datasets import entries
from cnnlab.errors import DataError
from cnnlab.values import DownloadStatus
from pages._parts.image_grid import GridItem, grid_html


@pytest.fixture
def lab():
    return FakeLab()


def test_a_first_visit_shows_the_sample_that_is_always_there(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab)

    assert not app.exception
    assert shown(app, "Training images") == "6,000"
    assert lab.asked_for_pictures[-1] == {"dataset": "sample", "split": "train", "label": None, "offset": 0}
    assert any("Licence: MIT" in caption.value for caption in app.caption)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_every_data_set_can_be_opened_by_a_link(monkeypatch, entry):
    app = open_page(monkeypatch, "data", FakeLab(here=(entry.name,)), dataset=entry.name)

    assert not app.exception
    assert shown(app, "Training images") == f"{entry.train_images:,}"


def test_a_copy_is_called_a_copy_and_no_folder_is_shown(monkeypatch):
    app = open_page(monkeypatch, "data", FakeLab(here=("cifar10",)), dataset="cifar10")

    place = next(caption.value for caption in app.caption if caption.value.startswith("On this machine"))
    assert "the folder set in CNNLAB_DATA" in place
    assert "JPEG copy" in place
    assert "somewhere" not in place


def test_filters_and_the_next_page_ask_for_those_images(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab, dataset="mnist", split="test", **{"class": "3"})

    widget(app.button, "Show others").click().run()

    assert lab.asked_for_pictures[-1] == {"dataset": "mnist", "split": "test", "label": 3, "offset": 40}
    assert app.query_params["page"] == "2"


def test_another_class_starts_from_its_first_images(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab, page="5")

    widget(app.selectbox, "Class").set_value(2).run()

    assert lab.asked_for_pictures[-1]["offset"] == 0


def test_a_page_beyond_the_last_shows_the_last(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab, page="99999")

    assert not app.exception
    assert lab.asked_for_pictures[-1]["offset"] == 5960


def test_a_missing_data_set_can_be_fetched_and_shows_how_far_it_is(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab, dataset="cifar10")
    assert "not on this machine" in app.info[0].value

    next(button for button in app.button if button.label.startswith("Download")).click().run()

    assert lab.asked_to_download == ["cifar10"]
    assert not app.exception
    assert any("25 MB of 100 MB" in str(element.proto) for element in app.get("progress"))


def test_without_network_the_reason_is_shown_and_the_sample_is_offered(monkeypatch, lab):
    lab.downloads["cifar10"] = DownloadStatus("failed", 0, 1, "CIFAR-10 could not be fetched: no connection.")
    app = open_page(monkeypatch, "data", lab, dataset="cifar10")

    assert app.error[0].value == "CIFAR-10 could not be fetched: no connection."
    widget(app.button, "Show the sample instead").click().run()

    assert shown(app, "Training images") == "6,000"
    assert lab.asked_for_pictures[-1]["dataset"] == "sample"


@pytest.mark.parametrize(("name", "value"), [("dataset", "imagenet"), ("split", "all"), ("class", "12"), ("page", "0")])
def test_a_wrong_value_in_the_address_is_said_and_the_default_is_used(monkeypatch, lab, name, value):
    app = open_page(monkeypatch, "data", lab, **{name: value})

    assert not app.exception
    assert repr(value) in app.warning[0].value
    assert lab.asked_for_pictures[-1] == {"dataset": "sample", "split": "train", "label": None, "offset": 0}


def test_a_damaged_data_set_is_a_sentence(monkeypatch, lab):
    lab.broken = DataError("train-images is cut short.")
    app = open_page(monkeypatch, "data", lab)

    assert not app.exception
    assert app.error[0].value == "train-images is cut short."


def test_text_in_the_image_grid_is_escaped():
    html = grid_html([GridItem('x" onerror="alert(1)', "<b>alt</b>", "<script>caption</script>", "<i>detail</i>", "red", "✗")], 80)

    assert "<script>" not in html
    assert "<i>detail" not in html
    assert '" onerror' not in html
    assert "&lt;b&gt;alt&lt;/b&gt;" in html
