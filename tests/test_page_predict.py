"""The Predict page: which run, which images, right and wrong ones, and the empty states."""

from __future__ import annotations

import pytest
from page_fakes import cells, open_page, widget
from page_runs import RunsLab

from cnnlab.errors import CheckpointError
from cnnlab.runs.records import State


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


def texts(app):
    return [element.value for element in (*app.markdown, *app.caption)]


def test_an_empty_lab_leads_to_train(monkeypatch, lab):
    app = open_page(monkeypatch, "predict", lab)

    assert not app.exception
    assert "no trained network yet" in app.info[0].value


def test_test_images_stand_with_label_confidence_and_a_sign(monkeypatch, lab):
    lab.trained()
    app = open_page(monkeypatch, "predict", lab)

    assert "50 of 100 test images right, 50.0 %" in " ".join(texts(app))
    assert "1–40 of 100" in texts(app)
    grid = cells(app)
    assert [cell.alt.partition(":")[0] for cell in grid] == [f"Test image {number}" for number in range(1, 41)]
    assert {(cell.sign, cell.frame) for cell in grid} == {("✗", "#D55E00")}
    assert grid[0].caption == "Trouser, 62 %true: T-shirt/top"
    next(button for button in app.button if button.label.startswith("Next ")).click().run()
    signs = [(cell.sign, cell.frame) for cell in cells(app)]
    assert signs == [("✗", "#D55E00")] * 10 + [("✓", "#009E73")] * 30


def test_mistakes_of_one_class_only(monkeypatch, lab):
    lab.trained()
    app = open_page(monkeypatch, "predict", lab, only="mistakes", label="3")

    assert [cell.alt.partition(":")[0] for cell in cells(app)] == [f"Test image {number}" for number in (4, 14, 24, 34, 44)]
    assert {cell.sign for cell in cells(app)} == {"✗"}


def test_the_next_page_is_in_the_address_and_another_filter_goes_back_to_the_first(monkeypatch, lab):
    lab.trained()
    app = open_page(monkeypatch, "predict", lab)

    next(button for button in app.button if button.label.startswith("Next ")).click().run()
    assert "41–80 of 100" in texts(app)
    assert cells(app)[0].alt.startswith("Test image 41:")
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
    assert any("after epoch 2 of 5" in text and "Training continues" in text for text in texts(app))


def test_a_filter_that_nothing_passes_says_so(monkeypatch, lab):
    lab.trained()
    lab.wrong = range(0)
    app = open_page(monkeypatch, "predict", lab, only="mistakes")

    assert "No test image matches these filters" in app.info[0].value


def test_a_missing_checkpoint_is_a_sentence(monkeypatch, lab):
    lab.trained()

    def missing(*_, **__):
        raise CheckpointError("The checkpoint of epoch 1 is missing; train again.")

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
    assert len(cells(app)) == 40


def test_a_run_without_an_epoch_is_explained(monkeypatch, lab):
    lab.trained("a", name="done")
    waiting = lab.made("b", name="young")
    app = open_page(monkeypatch, "predict", lab, run=waiting)

    assert "“young” has no finished epoch yet" in app.info[0].value
    assert "newest run" in app.info[0].value


def test_where_nothing_is_trained_no_other_run_is_announced(monkeypatch, lab):
    app = open_page(monkeypatch, "predict", lab, run=lab.made(name="young"))

    assert "“young” has no finished epoch yet" in app.info[0].value
    assert "instead" not in app.info[0].value


def test_a_paused_run_says_that_these_are_not_its_last_words(monkeypatch, lab):
    run_id = lab.made(epochs=5)
    lab.begin(run_id)
    lab.epoch(run_id, 1)
    lab.store.transition(run_id, State.PAUSING)
    lab.store.transition(run_id, State.PAUSED)

    app = open_page(monkeypatch, "predict", lab, run=run_id)

    assert any("The run is paused; once it is resumed" in text for text in texts(app))


def test_the_best_of_several_epochs_is_called_optimistic_and_the_last_one_is_not(monkeypatch, lab):
    run_id = lab.made(epochs=2)
    lab.begin(run_id)
    for number in (1, 2):
        lab.epoch(run_id, number)
    lab.store.transition(run_id, State.FINISHED)

    best, last = (texts(open_page(monkeypatch, "predict", lab, run=run_id, checkpoint=each)) for each in ("best", "last"))

    assert any("best of 2 epochs on these very images, so its accuracy is slightly optimistic" in text for text in best)
    assert not any("optimistic" in text for text in last)
    assert any("50.0 %, after epoch 2" in text for text in last)
