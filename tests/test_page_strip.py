"""Watch it learn: the strip of test images on the page of a run."""

from __future__ import annotations

import pytest
from page_fakes import cells, open_page, widget
from page_runs import RunsLab
from polling import poll
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates

from cnnlab.errors import DataError
from cnnlab.palette import GREEN, RED
from cnnlab.runs.records import State
from cnnlab.values import ExampleImages
from pages._parts.run import strip


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


@pytest.fixture
def run_id(lab):
    """A run that trains and has finished two epochs."""
    run_id = lab.made(epochs=10)
    lab.begin(run_id)
    for epoch in (1, 2):
        lab.epoch(run_id, epoch)
    return run_id


def heading(app):
    return next((each.value for each in app.markdown if each.value.startswith("## After epoch")), "")


def address(app):
    return {name: values[-1] if isinstance(values, list) else values for name, values in app.query_params.items()}


def captions(app):
    return " ".join(each.value for each in app.caption)


def press(app, label):
    return next(each for each in app.button if each.label == label).click().run()


def test_twenty_images_show_what_is_predicted_and_whether_it_is_right_by_colour_sign_and_words(monkeypatch, lab, run_id):
    app = open_page(monkeypatch, "train", lab, run=run_id)

    shown = cells(app)
    assert heading(app) == "## After epoch 2: 10 of these 20 test images right"
    assert len(shown) == 20
    assert (shown[0].alt, shown[0].sign, shown[0].frame) == (
        "Test image 1: T-shirt/top, predicted Trouser, 62 % sure, wrong", "✗", RED,
    )  # fmt: skip
    assert shown[0].caption == "Trouser62 %, true: T-shirt/top"
    assert (shown[19].alt, shown[19].sign, shown[19].frame) == (
        "Test image 20: Ankle boot, predicted Ankle boot, 62 % sure, right", "✓", GREEN,
    )  # fmt: skip


def test_images_whose_class_changed_since_the_epoch_before_are_marked_by_a_sign_and_in_words(monkeypatch, lab, run_id):
    app = open_page(monkeypatch, "train", lab, run=run_id)

    changed = [cell.alt for cell in cells(app) if "changed from" in cell.alt]
    assert len(changed) == 5  # images 11 to 15 are right since epoch 2
    assert changed[0] == "Test image 11: T-shirt/top, predicted T-shirt/top, 62 % sure, right, changed from Trouser"
    assert "Blue ↻: another class than after epoch 1 (5 of 20)." in captions(app)
    grid = next(each.proto.body for each in app.get("html") if "cnn-grid" in each.proto.body)
    assert grid.count("↻</i>") == 5


def test_after_each_epoch_the_labels_change_without_the_page_and_without_other_pictures(monkeypatch, lab, run_id):
    app = open_page(monkeypatch, "train", lab, run=run_id)

    lab.epoch(run_id, 3)
    app = poll(app, monkeypatch)

    assert heading(app) == "## After epoch 3: 15 of these 20 test images right"
    assert lab.asked_for_examples == [1]


@pytest.mark.parametrize(("classes", "columns"), [(1, 10), (2, 10), (3, 9), (4, 8), (6, 6), (10, 10), (60, 10)])
def test_few_classes_have_several_columns_each(classes, columns):
    assert strip._columns(classes) == columns


def test_before_the_first_epoch_there_is_nothing_to_see(monkeypatch, lab):
    waiting = lab.made()
    lab.begin(waiting)
    app = open_page(monkeypatch, "train", lab, run=waiting)

    assert not heading(app)
    lab.epoch(waiting)
    app = poll(app, monkeypatch)
    assert heading(app) == "## After epoch 1: 5 of these 20 test images right"
    assert "another class than" not in captions(app)
    assert not app.slider


@pytest.mark.parametrize("state", [State.FINISHED, State.FAILED])
def test_it_stays_when_the_run_has_ended(monkeypatch, lab, run_id, state):
    lab.store.transition(run_id, state)

    assert heading(open_page(monkeypatch, "train", lab, run=run_id))


def test_of_a_run_that_has_ended_all_epochs_play_and_share_their_pictures(monkeypatch, lab, run_id):
    lab.store.transition(run_id, State.FINISHED)
    drawn = []
    monkeypatch.setattr(
        "pages._parts.run.replay.draw_player", lambda frames, *rest, **more: drawn.append((frames, more["pictures"]))
    )

    app = open_page(monkeypatch, "train", lab, run=run_id)

    assert not app.exception
    assert not [slider for slider in app.slider if slider.label == "After epoch"]
    frames, pictures = drawn[-1]
    assert [frame.name for frame in frames] == ["after epoch 1: 5 of 20 right", "after epoch 2: 10 of 20 right"]
    assert len(pictures) == 20 and all(picture.startswith("data:image/png;base64,") for picture in pictures)
    assert all(frame.html.count('src="#') == 20 and "data:image" not in frame.html for frame in frames)
    assert frames[0].html.count("↻") == 0 < frames[1].html.count("↻")


def test_one_can_look_back_and_stays_there_while_it_trains(monkeypatch, lab, run_id):
    app = open_page(monkeypatch, "train", lab, run=run_id)
    assert widget(app.slider, "After epoch").value == 2

    widget(app.slider, "After epoch").set_value(1).run()
    assert heading(app) == "## After epoch 1: 5 of these 20 test images right"
    lab.epoch(run_id, 3)
    app = poll(app, monkeypatch)
    assert heading(app) == "## After epoch 1: 5 of these 20 test images right"

    widget(app.slider, "After epoch").set_value(3)
    app = poll(app, monkeypatch)
    lab.epoch(run_id, 4)
    app = poll(app, monkeypatch)
    assert heading(app) == "## After epoch 4: 20 of these 20 test images right"


def test_other_images_are_in_the_address_and_come_round_again(monkeypatch, lab, run_id):
    app = open_page(monkeypatch, "train", lab, run=run_id)

    press(app, "Other images")
    assert cells(app)[0].alt.startswith("Test image 21:")
    assert address(app) == {"run": run_id, "images": "2"}
    assert cells(open_page(monkeypatch, "train", lab, run=run_id, images="2"))[0].alt.startswith("Test image 21:")

    del app.query_params["images"]  # Back, in the browser
    app.run()
    assert cells(app)[0].alt.startswith("Test image 1:")
    assert address(app) == {"run": run_id}

    for _ in range(5):
        press(app, "Other images")
    assert cells(app)[0].alt.startswith("Test image 1:")
    assert address(app) == {"run": run_id}


def test_opening_a_run_writes_nothing_into_its_address_and_names_what_is_wrong_there(monkeypatch, lab, run_id):
    app = open_page(monkeypatch, "train", lab, run=run_id, images="3")
    assert not app.warning
    assert address(app) == {"run": run_id, "images": "3"}

    app = open_page(monkeypatch, "train", lab, run=run_id, images="many")
    assert "images must be a whole number from 1 to 100000, not 'many'" in app.warning[0].value
    assert cells(app)[0].alt.startswith("Test image 1:")


def test_a_browser_that_still_shows_the_run_does_not_write_into_the_address_of_the_form(monkeypatch, lab, run_id):
    app = open_page(monkeypatch, "train", lab, run=run_id)
    other = next(each for each in app.button if each.label == "Other images")
    press(app, "Use its settings")
    form = address(app)

    app._run(WidgetStates(widgets=[WidgetState(id=other.id, trigger_value=True)]))

    assert address(app) == form
    assert not app.warning


def test_a_run_of_an_early_version_shows_its_last_epoch_and_says_that_it_has_no_others(monkeypatch, lab, run_id):
    monkeypatch.setattr(lab, "last_recorded", lambda run_id: 0)
    lab.unrecorded = {1}

    app = open_page(monkeypatch, "train", lab, run=run_id)

    assert heading(app) == "## After epoch 2: 10 of these 20 test images right"
    assert not app.slider
    assert "What it predicted after earlier epochs was not recorded." in captions(app)
    assert "another class than" not in captions(app)


def test_an_epoch_that_was_not_recorded_is_a_sentence(monkeypatch, lab, run_id):
    lab.unrecorded = {1}
    app = open_page(monkeypatch, "train", lab, run=run_id)

    widget(app.slider, "After epoch").set_value(1).run()

    assert "What the network predicted after epoch 1 was not recorded." in captions(app)


def test_data_that_changed_since_the_run_are_not_shown_with_its_predictions(monkeypatch, lab, run_id):
    examples = lab.examples(run_id)
    monkeypatch.setattr(lab, "examples", lambda *given: ExampleImages(examples.pictures, 60, 3))

    app = open_page(monkeypatch, "train", lab, run=run_id)

    assert "it was tested on 100 images, and there are 60 now" in captions(app)
    assert not heading(app)


def test_data_that_are_gone_are_a_sentence_and_the_curves_stay(monkeypatch, lab, run_id):
    def gone(*given):
        raise DataError("MNIST is not on this machine; download it on the Data page.")

    monkeypatch.setattr(lab, "examples", gone)
    app = open_page(monkeypatch, "train", lab, run=run_id)

    assert "MNIST is not on this machine" in captions(app)
    assert not app.exception
    assert app.get("bidi_component")
    assert app.dataframe


def test_while_the_helper_starts_the_page_does_not_wait(monkeypatch, lab, run_id):
    monkeypatch.setattr(lab, "ready", lambda: False)

    app = open_page(monkeypatch, "train", lab, run=run_id)

    assert "Test images appear here in a moment" in captions(app)
    assert not lab.asked_for_examples
