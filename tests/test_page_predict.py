"""The Predict page: which run, which images, right and wrong ones, and the empty states."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import plotly.graph_objects as go
import pytest
from page_fakes import cells, open_page, widget
from page_runs import RunsLab
from streamlit.testing.v1.element_tree import Selectbox
from test_contrast import TEXT, THEMES, contrast, mixed

from cnnlab.errors import CheckpointError
from cnnlab.figures import calibration_figure
from cnnlab.runs.records import State
from cnnlab.spreadsheet import csv_text
from cnnlab.values import ClassFigures, ConfidenceBin, PredictionPage
from pages._parts import one_choice
from pages._parts.predict import confusion
from pages._parts.predict.certainty import bin_rows, calibration_sentence
from pages._parts.predict.choice import NAMES
from pages._parts.predict.classes import HEADER, class_rows
from pages._parts.predict.confusion import RIGHT, STRONGEST, WRONG, matrix_html
from pages._parts.predict.headline import most_frequent


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


@pytest.mark.parametrize("name", ["run", "only", "label", "predicted", "order", "page", "checkpoint"])
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


def test_an_older_run_stays_chosen_when_the_words_of_the_list_change(monkeypatch, lab):
    """The list says how long ago a run was made. A minute later the newest run was shown in place of the chosen one."""
    older = lab.trained("a", name="Older")
    lab.trained("b", name="Newer")
    app = open_page(monkeypatch, "predict", lab, run=older, page="2")

    sent = Selectbox._widget_state.fget

    def with_words_of_before(box):
        state = sent(box)
        if box.key == "predict:run":
            state.string_value = state.string_value.replace("just now", "3 minutes ago")
        return state

    monkeypatch.setattr(Selectbox, "_widget_state", property(with_words_of_before))
    app.run()

    assert app.session_state["predict:run"] == older
    assert address_of(app) == {"run": older, "page": "2"}


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


class _Matrix(HTMLParser):
    """The numbers, names and states of the confusion matrix, as a browser reads them."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.names, self.within = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        elif tag == "button":
            self.within = tag
            self.names.append(dict(attrs)["aria-label"])

    def handle_endtag(self, tag):
        self.within = "" if tag == "button" else self.within

    def handle_data(self, data):
        if self.within:
            self.rows[-1].append(data)


def matrix(app):
    """The data of the page's confusion matrix."""
    return next(data for each in app.get("bidi_component") if "label" in (data := json.loads(each.proto.json or "{}")))


def address_of(app):
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def button(app, key):
    return next(each for each in app.button if each.key == key)


def predictions(counts):
    """An answer with these counts; each class has a letter."""
    classes = tuple("abcdefghijklmnopqrst"[: len(counts)])
    right = sum(row[place] for place, row in enumerate(counts))
    figures = (ClassFigures(3, 0.5, 0.25, None),) * len(counts)
    return PredictionPage("best", 3, classes, 0, sum(map(sum, counts)), right, tuple(map(tuple, counts)), figures, ())


def test_the_matrix_has_each_count_and_says_what_it_counts(monkeypatch, lab):
    lab.trained()
    app = open_page(monkeypatch, "predict", lab)

    drawn = _Matrix(matrix(app)["html"])

    assert drawn.rows[1:] == [[str(5 * (b in (a, (a + 1) % 10))) for b in range(10)] for a in range(10)]
    assert drawn.names[0] == "T-shirt/top taken for T-shirt/top, which is right: 5 of 10 images, 50.0 %"
    assert drawn.names[1] == "T-shirt/top taken for Trouser: 5 of 10 images, 50.0 %"


def test_the_matrix_shows_shares_of_each_true_class_where_that_is_asked(monkeypatch, lab):
    counts = [[1, 299], [300, 0]]
    assert _Matrix(matrix_html(predictions(counts), shares=True)).rows[1:] == [["0.3", "99.7"], ["100", "0"]]

    lab.trained()
    app = open_page(monkeypatch, "predict", lab, shares="true")
    assert _Matrix(matrix(app)["html"]).rows[1][:2] == ["50", "50"]
    widget(app.toggle, "Per cent").set_value(False).run()
    assert _Matrix(matrix(app)["html"]).rows[1][:2] == ["5", "5"]


def test_right_and_wrong_have_their_colours_and_more_images_a_stronger_one():
    html = matrix_html(predictions([[90, 9, 1], [0, 50, 50], [0, 0, 3]]))

    cells = re.findall(r'<td class="cnn-(\w+)" style="--tint:(\d+)%;--colour:(#\w+)"', html)
    assert [kind for kind, _, _ in cells] == ["right", "wrong", "wrong", "none", "right", "wrong", "none", "none", "right"]
    assert [colour for _, _, colour in cells] == [RIGHT, WRONG, WRONG, WRONG, RIGHT, WRONG, WRONG, WRONG, RIGHT]
    tints = [int(tint) for _, tint, _ in cells]
    assert STRONGEST == tints[8] > tints[0] > tints[4] == tints[5] > tints[1] > tints[2] > tints[3] == 0


@pytest.mark.parametrize("classes", [2, 17])
def test_the_matrix_of_any_number_of_classes_is_whole(classes):
    counts = [[10_000 * (a == b) + a for b in range(classes)] for a in range(classes)]

    drawn = _Matrix(matrix_html(predictions(counts)))

    assert [[int(text.replace(",", "")) for text in row] for row in drawn.rows[1:]] == counts


def test_a_name_that_is_typed_is_text_in_the_matrix():
    page = replace(predictions([[1, 0], [0, 1]]), classes=("<b>a</b>", 'b"'))

    html = matrix_html(page)

    assert "<b>" not in html
    assert 'b"' not in html


def test_numbers_can_be_read_on_every_shade_of_right_and_wrong():
    for theme in ("light", "dark"):
        colours = THEMES[theme]
        for shade in (RIGHT, WRONG):
            ground = mixed(shade, colours["backgroundColor"], STRONGEST / 100)
            assert contrast(colours["textColor"], ground) >= TEXT


def test_a_cell_shows_its_images_and_is_in_the_address(monkeypatch, lab):
    lab.trained()
    app = open_page(monkeypatch, "predict", lab, label="3", predicted="4", order="confident")

    assert (matrix(app)["label"], matrix(app)["predicted"]) == (3, 4)
    assert [cell.alt.partition(":")[0] for cell in cells(app)] == [f"Test image {number}" for number in (44, 34, 24, 14, 4)]

    button(app, "predict:all").click().run()

    assert "label" not in app.query_params
    assert "predicted" not in app.query_params
    assert "1–40 of 100" in texts(app)
    assert (matrix(app)["label"], matrix(app)["predicted"]) == (None, None)


def test_the_most_frequent_mistake_is_a_sentence_and_its_button_shows_it(monkeypatch, lab):
    lab.wrong = (0, 10, 20, 3)
    lab.trained()
    app = open_page(monkeypatch, "predict", lab, only="correct", page="2")

    assert "**Most often wrong:** 3 of the 10 images of “T\\-shirt/top” are taken for “Trouser”." in texts(app)
    assert button(app, "predict:worst").label == "Show these 3 mistakes"
    button(app, "predict:worst").click().run()

    assert [cell.alt.partition(":")[0] for cell in cells(app)] == ["Test image 1", "Test image 11", "Test image 21"]
    assert address_of(app) | {"run": ""} == {"run": "", "label": "0", "predicted": "1"}


def test_where_there_is_no_mistake_none_is_claimed(monkeypatch, lab):
    lab.wrong = range(0)
    lab.trained()
    app = open_page(monkeypatch, "predict", lab)

    assert "100 of 100 test images right, 100.0 %" in " ".join(texts(app))
    assert "95 % interval: **96.3 % to 100.0 %**" in " ".join(texts(app))
    assert "wrong:" not in " ".join(texts(app)).replace("Elsewhere, orange: wrong", "").replace("✗: wrong", "")
    assert not [each for each in app.button if each.key == "predict:worst"]


@pytest.mark.parametrize(
    ("counts", "mistake"),
    [([[5, 0], [0, 5]], None), ([[5, 1], [2, 5]], (2, 1, 0, 0)), ([[5, 2, 0], [2, 5, 1], [0, 2, 0]], (2, 0, 1, 2))],
)
def test_the_most_frequent_mistake_is_the_largest_off_the_diagonal(counts, mistake):
    assert most_frequent(predictions(counts)) == mistake


def test_the_figures_of_each_class_go_out_through_the_gate():
    page = replace(predictions([[1, 2], [0, 0]]), classes=("=1+1", "b"))

    assert class_rows(page) == [("=1+1", 3, 0.25, None, 0.0), ("b", 3, 0.25, None, 0.0)]
    assert csv_text(HEADER, class_rows(page)).splitlines()[1] == "'=1+1,3,0.25,,0.0"


def test_a_click_that_changes_nothing_does_nothing(monkeypatch):
    state = {}
    monkeypatch.setattr(confusion.st, "session_state", state)
    clicks, kept = [], []
    monkeypatch.setattr(confusion, "_matrix", lambda **options: kept.append(options["on_cell_change"]))
    confusion.draw_confusion(predictions([[1, 2], [3, 4]]), 0, 1, lambda *cell: clicks.append(cell))

    for cell in ([0, 1], [1, 1], [], [1, 2], "<b>", [True, False], None):
        state[confusion.KEY] = {"cell": cell}
        kept[0]()

    assert clicks == [(1, 1), *[(None, None)] * 5]


def test_the_newest_run_is_named_as_such_where_the_address_names_none(monkeypatch, lab):
    lab.trained("a", name="old")
    lab.trained("b", name="new")

    runs = widget(open_page(monkeypatch, "predict", lab).selectbox, "Run")
    assert [option.partition(" · ")[0] for option in runs.options] == ["Newest run: new", "old"]

    lab.made("c", name="waiting")
    runs = widget(open_page(monkeypatch, "predict", lab).selectbox, "Run")
    assert runs.options[0].startswith("Newest run with a result: new · ")


def test_a_name_that_nobody_knows_is_named_on_an_empty_page_too(monkeypatch, lab):
    app = open_page(monkeypatch, "predict", lab, nobody="1", **dict.fromkeys(NAMES, "x"))

    named = [warning.value for warning in app.warning if "In the address" in warning.value]
    assert named == ["In the address: 'nobody' is not a setting of this page, so it has no effect."]


def test_the_empty_page_knows_each_name_that_the_full_one_knows(monkeypatch, lab):
    lab.trained()
    app = open_page(monkeypatch, "predict", lab, nobody="1", **dict.fromkeys(NAMES, "x"))

    warnings = "\n".join(each.value for each in app.warning)
    assert [name for name in NAMES if f"'{name}' is not a setting" in warnings] == []
    assert "'nobody' is not a setting of this page" in warnings


def test_an_answer_that_cannot_be_given_leaves_the_address_as_it_is(monkeypatch, lab):
    lab.trained()

    def missing(*_, **__):
        raise CheckpointError("The checkpoint of epoch 1 is missing; train again.")

    lab.predictions = missing
    app = open_page(monkeypatch, "predict", lab, page="3", label="2", nobody="1")

    assert "'nobody' is not a setting" in app.warning[0].value
    assert address_of(app) | {"run": ""} == {"run": "", "page": "3", "label": "2"}


def test_a_filter_that_did_not_change_does_not_go_back_to_the_first_page(monkeypatch):
    """Streamlit calls `on_change` too for a browser that still shows an earlier page."""
    state, calls = {}, []
    kept = {}
    monkeypatch.setattr(one_choice.st, "session_state", state)
    monkeypatch.setattr(one_choice.st, "selectbox", lambda *_, on_change, **__: kept.update(changed=on_change))

    class Known:
        initialise = staticmethod(lambda key, *_, **__: state.setdefault(key, "a"))
        write = staticmethod(lambda *_: None)

    one_choice.one_choice("L", "key", "name", {"a": "A", "b": "B"}, Known, as_list=True, on_change=lambda: calls.append(1))

    kept["changed"]()
    assert calls == []
    state["key"] = "b"
    kept["changed"]()
    assert calls == [1]


# Confidence


def test_the_chart_of_confidence_is_drawn_once_its_part_is_open(monkeypatch, lab):
    lab.trained()
    app = open_page(monkeypatch, "predict", lab)
    assert not any("too sure" in text for text in texts(app))
    assert len(app.get("download_button")) == 2  # the matrix, and the figures of each class

    app.session_state["predict:certainty"] = True
    app.run()

    assert not app.exception
    assert any("too sure" in text and "28.0 points apart" in text for text in texts(app))
    assert len(app.get("download_button")) == 3


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ((500, 0.97, 0.9), "Of 500 images about which it is 90 % to 100 % sure, **90.0 %** are right; its confidence there is "
         "97.0 % on average, 7.0 points too sure. Over all images, confidence and accuracy are 7.0 points apart"),
        ((500, 0.93, 0.97), "4.0 points too cautious"),
        ((50, 0.95, 0.94), "so it can be believed"),
        ((50, 0.93, 0.97), "93.0 % on average, a difference that chance explains with so few images"),
        ((1, 0.95, 1.0), "Of the only image about which it is 90 % to 100 % sure, **100.0 %** is right"),
    ],
)  # fmt: skip
def test_the_sentence_says_whether_the_confidence_can_be_believed(figures, expected):
    bins = (*(ConfidenceBin(n / 10, (n + 1) / 10, 0, 0.0, 0.0) for n in range(9)), ConfidenceBin(0.9, 1.0, *figures))
    page = replace(predictions([[figures[0]]]), calibration=bins)

    assert expected in calibration_sentence(page)
    assert bin_rows(page)[0] == (0.0, 0.1, 0, None, None)
    assert bin_rows(page)[9] == (0.9, 1.0, *figures)


def test_the_chart_of_confidence_leaves_empty_ranges_out_and_is_a_figure_of_plotlys():
    bins = (ConfidenceBin(0.0, 0.1, 0, 0.0, 0.0), ConfidenceBin(0.4, 0.5, 1_200, 0.45, 0.5), ConfidenceBin(0.9, 1.0, 3, 0.99, 1.0))

    figure = calibration_figure(bins)

    go.Figure(figure)  # raises where a name or a value is none of Plotly's
    bars, line = figure["data"]
    assert (bars["x"], bars["y"], bars["text"]) == ([45.0, 95.0], [50.0, 100.0], ["1,200", "3"])
    assert (line["x"], line["y"]) == ([45.0, 99.0], [45.0, 99.0])


@pytest.mark.parametrize(
    ("key", "only", "order"),
    [("predict:confident mistakes", "mistakes", "confident"), ("predict:uncertain hits", "correct", "uncertain")],
)
def test_one_click_shows_the_most_instructive_images(key, only, order, monkeypatch, lab):
    lab.trained()
    app = open_page(monkeypatch, "predict", lab, label="Trouser")

    button(app, key).click().run()

    assert not app.exception
    assert {name: value for name, value in address_of(app).items() if name != "run"} == {"only": only, "order": order}
