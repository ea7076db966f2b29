"""The view The answer of the page Inside: its sentences, its bars, and what it looks up."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cnnlab.inside_values import Neighbour, Neighbours
from cnnlab.values import EpochPredictions, Picture
from pages._parts.inside.answer import Answered, history, history_sentence, neighbours_sentence
from pages._parts.probabilities import bars_html, ranked

CLASSES = ("shirt", "coat", "bag*")


@pytest.mark.parametrize(
    ("predicted", "truth", "expected"),
    [
        ([1], 1, "After every epoch from 1 to 1 it answered **coat**, which is right."),
        ([1, 1, 1], 0, "After every epoch from 1 to 3 it answered **coat**, which is wrong: it is shirt."),
        ([0, 1, 1], 1, "It answered **shirt** after epoch 1 and changed its mind once; since epoch 2 it has answered **coat**, "
         "which is right."),
        ([0, 1, 0], 0, "It answered **shirt** after epoch 1 and changed its mind twice; since epoch 3 it has answered **shirt**, "
         "which is right."),
        ([0, 1, 0, 2], 0, "It answered **shirt** after epoch 1 and changed its mind 3 times; since epoch 4 it has answered "
         r"**bag\***, which is wrong: it is shirt."),
    ],
)  # fmt: skip
def test_the_sentence_says_when_the_answer_changed_and_whether_it_is_right(predicted, truth, expected):
    every = [Answered(epoch, each, 0.5) for epoch, each in enumerate(predicted, 1)]
    assert history_sentence(every, CLASSES, truth) == expected


def test_the_history_leaves_out_epochs_that_were_not_recorded():
    def predicted(run_id, epoch, images):
        assert (run_id, images) == ("0000000a", (7,))
        return None if epoch == 2 else EpochPredictions(epoch, 100, (epoch % 2,), (epoch / 10,))

    lab = SimpleNamespace(predicted=predicted, last_recorded=lambda run_id: 3)
    chosen = SimpleNamespace(lab=lab, run_id="0000000a", look=SimpleNamespace(image=7))
    assert history(chosen) == (Answered(1, 1, 0.1), Answered(3, 1, 0.3))


@pytest.mark.parametrize(
    ("labels", "label", "expected"),
    [
        ((1, 1, 1), 1, "All of them have its own label, **coat**."),
        ((1, 0, 1), 1, "2 of 3 have its own label, **coat** (2 coat, 1 shirt)."),
        ((2, 2, 2), 0, r"All of them are **bag\***, and its label is shirt: it may be mislabelled"),
        ((2, 1, 2), 0, r"They are 2 bag\*, 1 coat; its label is **shirt**: for this network it lies between the classes."),
    ],
)
def test_the_sentence_says_what_the_neighbours_mean_for_the_label(labels, label, expected):
    found = tuple(Neighbour(Picture(place, each, "data:,"), 0.5 * place) for place, each in enumerate(labels))
    assert neighbours_sentence(Neighbours("output", True, 84, 5_000, found), CLASSES, label).startswith(expected)


def test_bars_show_the_most_probable_first_mark_the_true_class_and_add_up_the_rest():
    classes = ("<b>x</b>", *(f"c{number}" for number in range(14)))
    html = bars_html(classes, (0.3, *[0.05] * 14), truth="c3")

    assert html.count("<li") == 11
    assert "&lt;b&gt;x&lt;/b&gt;" in html and "<b>x</b>" not in html
    assert "its answer: </span>&lt;b&gt;x" in html
    assert "c3 <em>true class</em>" in html
    assert "5 others" in html and "25.0 %" in html
    assert [name for name, _ in ranked(("a", "b", "c"), (0.2, 0.5, 0.3))] == ["b", "c", "a"]
