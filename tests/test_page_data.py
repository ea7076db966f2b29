"""The Data page: every data set, downloads, filters, and text that is escaped."""

from __future__ import annotations

import pytest
from page_fakes import FakeLab, cells, open_page, switched_pages, widget

from cnnlab.datasets import entries
from cnnlab.errors import DataError
from cnnlab.values import DownloadStatus
from pages._parts.image_grid import GridItem, grid_html
from pages._parts.versions import versions_sentence


@pytest.fixture
def lab():
    return FakeLab()


def described(app):
    """The line with the numbers of images and their size."""
    return next(text.value for text in app.markdown if "training images" in text.value)


def test_a_first_visit_shows_the_sample_that_is_always_there(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab)

    assert not app.exception
    assert "**6,000** training images" in described(app)
    assert lab.asked_for_pictures[-1] == {"dataset": "sample", "split": "train", "label": None, "offset": 0}
    assert any("Licence: MIT" in caption.value for caption in app.caption)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_every_data_set_can_be_opened_by_a_link(monkeypatch, entry):
    app = open_page(monkeypatch, "data", FakeLab(here=(entry.name,)), dataset=entry.name)

    assert not app.exception
    assert "**1,000** training images" not in described(app)
    assert f"{entry.size} × {entry.size} px" in described(app)


def test_a_copy_is_called_a_copy_and_no_folder_is_shown(monkeypatch):
    app = open_page(monkeypatch, "data", FakeLab(here=("cifar10",)), dataset="cifar10")

    place = next(caption.value for caption in app.caption if caption.value.startswith("On this machine"))
    assert "the folder set in CNNLAB_DATA" in place
    assert "JPEG copy" in place
    assert "somewhere" not in place


def test_filters_and_the_next_page_ask_for_those_images(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab, dataset="mnist", split="test", **{"class": "3"})

    widget(app.button, "Next 40").click().run()

    assert lab.asked_for_pictures[-1] == {"dataset": "mnist", "split": "test", "label": 3, "offset": 40}
    assert app.query_params["page"] == "2"


def test_each_number_of_images_is_that_of_its_split_and_class(monkeypatch, lab):
    counts = {"train": (70, *(7_000,) * 9), "test": (20, *(2_000,) * 9)}
    lab.class_counts = lambda dataset, split: counts[split]

    app = open_page(monkeypatch, "data", lab, dataset="mnist", split="test", **{"class": "0"})

    assert "**63,070** training images · **18,020** test images" in described(app)
    assert any(text.value == "1–20 of 20" for text in app.markdown)
    assert app.dataframe[0].value["Images"].tolist() == list(counts["test"])


def test_the_class_to_guess_is_the_most_frequent_one(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab, dataset="mnist")  # 50 images of 0, and 100 of each other digit

    assert any("Always answering “1” is right for 10.5 % of them" in caption.value for caption in app.caption)


def test_numbers_of_a_data_set_that_is_not_here_are_those_of_the_catalogue(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab, dataset="cifar10")

    assert "**50,000** training images · **10,000** test images" in described(app)


@pytest.mark.parametrize(("page", "turnable"), [(1, [False, True]), (2, [True, True]), (3, [True, False])])
def test_there_is_no_page_before_the_first_and_none_after_the_last(monkeypatch, lab, page, turnable):
    app = open_page(monkeypatch, "data", lab, dataset="mnist", page=str(page), **{"class": "1"})  # 100 images

    buttons = [button for button in app.button if button.label.startswith(("Previous ", "Next "))]
    assert [not button.disabled for button in buttons] == turnable


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


def test_the_settings_of_a_missing_data_set_stay_in_the_address_and_others_are_named(monkeypatch):
    app = open_page(monkeypatch, "data", FakeLab(here=("sample",)), dataset="mnist", split="test", page="2", nobody="1")

    assert ["'nobody' is not a setting" in each.value for each in app.warning] == [True]
    assert "test" in app.query_params["split"]


def test_without_network_the_reason_is_shown_and_the_sample_is_offered(monkeypatch, lab):
    lab.downloads["cifar10"] = DownloadStatus("failed", 0, 1, "CIFAR-10 could not be fetched: no connection.")
    app = open_page(monkeypatch, "data", lab, dataset="cifar10")

    assert app.error[0].value == "CIFAR-10 could not be fetched: no connection."
    widget(app.button, "Show the sample instead").click().run()

    assert "**6,000** training images" in described(app)
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
    assert app.warning[0].value == "train-images is cut short."


def test_the_numbers_are_of_the_images_that_are_here_and_a_part_is_called_a_part(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab, dataset="mnist")  # 950 images where MNIST has 60,000

    assert "**950** training images · **950** test images" in described(app)
    assert "This is a part of MNIST, which has 60,000 training and 10,000 test images" in app.warning[0].value


def test_a_part_that_is_not_recognised_is_shown_with_a_warning(monkeypatch, lab):
    lab.doubts["mnist"] = doubt = "Not recognised as a part of MNIST: the training labels do not begin as those of MNIST do."
    app = open_page(monkeypatch, "data", lab, dataset="mnist")

    (warning,) = app.warning  # which does not say beside it that this is a part of MNIST
    assert warning.value.startswith(doubt)
    assert lab.asked_for_pictures


def test_what_is_here_but_cannot_be_used_is_named_beside_the_download(monkeypatch, lab):
    lab.problems["cifar10"] = "CIFAR-10 is here, but cannot be used: CNNLAB_DATA/cifar10.zip is an archive: unpack it."
    app = open_page(monkeypatch, "data", lab, dataset="cifar10")

    assert "is an archive: unpack it" in app.warning[0].value
    assert any(button.label.startswith("Download") for button in app.button)

    lab.downloads["cifar10"] = DownloadStatus("failed", 0, 1, "CIFAR-10 could not be fetched: no connection.")
    app = open_page(monkeypatch, "data", lab, dataset="cifar10")
    assert "no connection" in app.error[0].value  # the failed download does not hide what is here
    assert "is an archive: unpack it" in app.warning[0].value


def test_a_copy_that_turns_out_to_be_damaged_can_be_downloaded_again(monkeypatch, lab):
    lab.broken = DataError("MNIST is here, but cannot be used: train-images is cut short.")
    app = open_page(monkeypatch, "data", lab, dataset="mnist")

    assert "train-images is cut short" in app.warning[0].value
    next(button for button in app.button if button.label.startswith("Download")).click().run()
    assert lab.asked_to_download == ["mnist"]


def test_images_are_numbered_from_1_as_on_predict_and_the_first_page_begins_with_the_first(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab)

    assert [cell.alt for cell in cells(app)[:2]] == ["Training image 1: T-shirt/top", "Training image 2: Trouser"]
    assert [cell.caption for cell in cells(app)[:2]] == ["T-shirt/top", "Trouser"]
    assert len(cells(app)) == 40


def test_one_image_is_shown_as_training_would_change_it(monkeypatch, lab):
    open_page(monkeypatch, "data", lab)
    open_page(monkeypatch, "data", lab, dataset="mnist", page="2")

    assert lab.asked_to_augment == [("sample", 0, 4, True, 0.0), ("mnist", 40, 4, False, 0.0)]  # a mirrored 2 is not a 2


def test_each_random_step_can_be_switched_off_and_the_image_stands_beside_its_versions(monkeypatch, lab):
    lab.here = {*lab.here, "cifar10"}
    app = open_page(monkeypatch, "data", lab, dataset="cifar10")
    steps = widget(app.button_group, "Random steps")
    assert steps.options == ["Random shift", "Random flip", "Random greyscale"]

    steps.set_value(["gray"]).run()
    steps.set_value([]).run()

    assert [asked[2:] for asked in lab.asked_to_augment] == [(4, True, 0.5), (0, False, 0.5), (0, False, 0.0)]
    drawn = " ".join(element.proto.body for element in app.get("html"))
    assert "Training image 1 as it is: airplane" in drawn
    assert "Version 8 of training image 1: airplane" in drawn
    assert "as each evaluation sees it: airplane" in drawn  # of the same class, which no random step changes
    assert "every epoch sees the same image" in " ".join(caption.value for caption in app.caption)


def test_the_sentence_about_the_versions_names_their_steps_and_warns_of_mirrored_digits():
    assert versions_sentence(7, ("shift", "flip", "gray"), digits=False).startswith(
        "Training image 7 with *Random shift* of up to 4 pixels, *Random flip* and *Random greyscale* of every second one, which"
    )
    assert "mirrored 2" not in versions_sentence(7, ("flip",), digits=False)
    assert "A mirrored 2 is not a 2" in versions_sentence(7, ("flip",), digits=True)


def test_the_primary_button_opens_the_train_page_with_this_data_set(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab, dataset="mnist")
    opened = switched_pages(monkeypatch)

    widget(app.button, "Train on this").click().run()

    assert opened == [("pages/train.py", {"dataset": "mnist"})]


def test_text_in_the_image_grid_is_escaped():
    html = grid_html([GridItem('x" onerror="alert(1)', "<b>alt</b>", "<script>caption</script>", "<i>detail</i>", "red", "✗")], 80)

    assert "<script>" not in html
    assert "<i>detail" not in html
    assert '" onerror' not in html
    assert "&lt;b&gt;alt&lt;/b&gt;" in html
