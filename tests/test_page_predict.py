"""The Predict page: which run, which images, right and wrong, and what there is when there is nothing."""

from __future__ import annotations

import pytest
from page_fakes import open_page, widget
from page_runs import RunsLab

from cnnlab.errors import CheckpointError
from cnnlab.runs.records import State


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


def grid(app):
    return next(each.proto.body for each in app.get("html") if "cnn-grid" in each.proto.body)


def texts(app):
    return [each.value for each in (*app.markdown, *app.caption)]


def test_an_empty_lab_leads_to_train(monkeypatch, lab):
    app = open_page(monkeypatch, "predict", lab)

    assert not app.exception
    assert "no trained network yet" in app.info[0].value


def test_test_images_stand_with_label_confidence_and_a_sign(monkeypatch, lab):
    lab.trained()
    app = open_page(monkeypatch, "predict", lab)

    assert "50 of 100 test images right, 50.0 %" in " ".join(texts(app))
    assert "1–40 of 100" in texts(app)
    assert grid(app).count("<img") == 40
    assert "✗" in grid(app)
    assert "is: T-shirt/top" in grid(app)
    assert "62 %" in grid(app)


def test_mistakes_of_one_class_only(monkeypatch, lab):
    lab.trained()
    app = open_page(monkeypatch, "predict", lab, only="mistakes", label="3")

    assert grid(app).count("<img") == 5
    assert "✓" not in grid(app)


def test_the_next_page_is_in_the_address_and_another_filter_goes_back_to_the_first(monkeypatch, lab):
    lab.trained()
    app = open_page(monkeypatch, "predict", lab)

    next(each for each in app.button if each.label == "Next").click().run()
    assert "41–80 of 100" in texts(app)
    assert app.query_params["page"] in ("2", ["2"])

    widget(app.selectbox, "True class").set_value(0).run()
    assert "1–10 of 10" in texts(app)


def test_a_page_past_the_end_shows_the_last_one(monkeypatch, lab):
    lab.trained()
    app = open_page(monkeypatch, "predict", lab, page="99")

    assert "81–100 of 100" in texts(app)


def test_a_running_run_shows_its_last_checkpoint_and_says_which_epoch(monkeypatch, lab):
    run_id = lab.made(epochs=5)
    lab.begin(run_id)
    lab.epoch(run_id, 2)
    app = open_page(monkeypatch, "predict", lab, run=run_id)

    assert widget(app.get("button_group"), "Weights from").value == "last"
    assert any("after epoch 2 of 5" in each and "Training goes on" in each for each in texts(app))


def test_a_filter_that_nothing_passes_says_so(monkeypatch, lab):
    lab.trained()
    lab.wrong = range(0)
    app = open_page(monkeypatch, "predict", lab, only="mistakes")

    assert "No test image passes this filter" in app.info[0].value


def test_a_missing_checkpoint_is_a_sentence(monkeypatch, lab):
    lab.trained()

    def missing(*_, **__):
        raise CheckpointError("The checkpoint of epoch 1 is gone; train again.")

    lab.predictions = missing
    app = open_page(monkeypatch, "predict", lab)

    assert not app.exception
    assert "train again" in app.error[0].value


@pytest.mark.parametrize("name", ["run", "only", "label", "page", "checkpoint"])
def test_a_wrong_value_in_the_address_is_a_sentence_and_the_default(monkeypatch, lab, name):
    run_id = lab.trained()
    app = open_page(monkeypatch, "predict", lab, **{"run": run_id, name: "<b>99999"})

    assert not app.exception
    assert "99999" in app.warning[0].value
    assert grid(app).count("<img") == 40


def test_a_run_without_an_epoch_is_explained(monkeypatch, lab):
    lab.trained("a", name="done")
    waiting = lab.made("b", name="young")
    app = open_page(monkeypatch, "predict", lab, run=waiting)

    assert "“young” has no finished epoch yet" in app.info[0].value


def test_a_paused_run_says_that_these_are_not_its_last_words(monkeypatch, lab):
    run_id = lab.made(epochs=5)
    lab.begin(run_id)
    lab.epoch(run_id, 1)
    lab.store.move(run_id, State.PAUSING)
    lab.store.move(run_id, State.PAUSED)

    app = open_page(monkeypatch, "predict", lab, run=run_id)

    assert any("The run is paused; when it goes on" in each for each in texts(app))
