"""What a learner has done, kept and bounded; and a run beside the band of those that were measured."""

from __future__ import annotations

import json

import pytest

from cnnlab.config import RunConfig
from cnnlab.config_words import settings
from cnnlab.errors import StoreError
from cnnlab.events import EpochDone
from cnnlab.learn import progress
from cnnlab.learn.bands import LONGEST_TAG, Result, compare, flat_epochs, ours, same_experiment, tag_of
from cnnlab.learn.lesson import Band
from cnnlab.learn.progress import Learners, LessonProgress
from cnnlab.runs import store_rows


@pytest.fixture
def learners(tmp_path):
    return Learners(tmp_path)


def files(tmp_path):
    return list((tmp_path / "learn").iterdir())


def test_progress_is_kept_for_each_learner_and_lesson(tmp_path, learners):
    learners.predict("name Ada", "lenet", 2)
    learners.answer("name Ada", "lenet", "Q4.1", 0)
    learners.answer("name Ada", "lenet", "Q4.1", 3)
    learners.finish("name Ada", "pooling")

    assert Learners(tmp_path).progress("name Ada") == {
        "lenet": LessonProgress(False, 2, {"Q4.1": 3}),
        "pooling": LessonProgress(True),
    }
    assert learners.progress("name Zoë") == {}
    learners.finish("name Ada", "pooling", done=False)
    learners.forget("name Ada", "lenet")
    assert learners.progress("name Ada") == {}


@pytest.mark.parametrize("key", ["name ../../etc/passwd", "name " + "x" * 10_000, "name a/b\\c\0", "name \udcff", ""])
def test_no_key_becomes_a_path(tmp_path, learners, key):
    learners.finish(key, "lenet")

    (file,) = files(tmp_path)
    assert len(file.stem) == 32
    assert file.suffix == ".json"
    assert learners.progress(key)["lenet"].done


@pytest.mark.parametrize("lesson", ["../x", "", "A", "x" * 41])
def test_only_ids_of_lessons_are_kept(tmp_path, learners, lesson):
    with pytest.raises(StoreError, match="There is no lesson"):
        learners.finish("name Ada", lesson)

    assert not (tmp_path / "learn").exists()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"learner": "name Zoë"}', "[" * 100_000, '{"learner": "name Ada", "lessons": 3}']
)
def test_a_damaged_file_is_no_progress_and_is_replaced(tmp_path, learners, content):
    learners.finish("name Ada", "lenet")
    files(tmp_path)[0].write_text(content, encoding="utf-8")

    assert learners.progress("name Ada") == {}
    learners.finish("name Ada", "pooling")
    assert learners.progress("name Ada") == {"pooling": LessonProgress(True)}


def test_what_is_not_as_it_should_be_is_left_out(tmp_path, learners):
    learners.finish("name Ada", "lenet")
    lessons = {
        "lenet": {"done": 1, "prediction": 99, "answers": {"Q1": True, "Q2": 1, "../x": 0}},
        "../x": {"done": True},
        "vgg": 3,
    }
    files(tmp_path)[0].write_text(json.dumps({"learner": "name Ada", "lessons": lessons}), encoding="utf-8")

    assert learners.progress("name Ada") == {"lenet": LessonProgress(False, None, {"Q2": 1}), "vgg": LessonProgress()}


def test_learners_lessons_and_answers_are_bounded(tmp_path, learners, monkeypatch):
    for name, most in (("MOST_LEARNERS", 3), ("MOST_ANSWERS", 4), ("MOST_LESSONS", 6)):
        monkeypatch.setattr(progress, name, most)
    for number in range(5):
        learners.finish(f"name {number}", "lenet")
    assert len(files(tmp_path)) == 3
    for number in range(progress.MOST_ANSWERS + 5):
        learners.answer("name 4", "lenet", f"Q{number}", 0)
    assert len(learners.progress("name 4")["lenet"].answers) == progress.MOST_ANSWERS
    for number in range(progress.MOST_LESSONS + 5):
        learners.finish("name 4", f"lesson-{number}")
    assert len(learners.progress("name 4")) == progress.MOST_LESSONS


def test_what_cannot_be_written_is_a_sentence(tmp_path, learners):
    (tmp_path / "learn").write_text("a file where the folder belongs")

    with pytest.raises(StoreError, match=r"What you do here cannot be kept \(.+\): the lab's disk may be full\."):
        learners.finish("name Ada", "lenet")


def test_a_learner_who_types_a_name_takes_the_progress_along(learners):
    learners.finish("browser 1", "lenet")
    learners.adopt("name Ada", "browser 1")
    learners.finish("name Zoë", "vgg")
    learners.adopt("name Zoë", "browser 1")

    assert learners.progress("name Ada") == {"lenet": LessonProgress(True)}
    assert learners.progress("name Zoë") == {"vgg": LessonProgress(True)}, "who has progress keeps it"


# A run beside the band


def result(*accuracies, planned=None, train=0.7):
    epochs = tuple(
        EpochDone(number, number * 94, 1.0, train, 1.0, share, 0.1, 1.0, 0.1, 0.8, 0.1)
        for number, share in enumerate(accuracies, 1)
    )
    return Result(epochs, planned or len(epochs), 10, 1_000)


def band(metric, low, high):
    return Band(metric=metric, low=low, high=high, seeds=3)


FLAT = Band(metric="test_accuracy", low=0.594, high=0.701, seeds=2, flat="8-11")
BANDS = [
    (FLAT, result(*[0.1] * 8, 0.4, 0.702), "flat for 8 epochs, then 70.2 % test accuracy", "by chance"),
    (FLAT, result(0.1, 0.65), "flat for 1 epoch, then 65.0 % test accuracy", "within"),
    (FLAT, result(0.3, 0.45), "learns from the first epoch, 45.0 % test accuracy", "below"),
    (FLAT, result(*[0.1] * 4), "at chance in all 4 epochs, 10.0 % test accuracy", "below"),
    (FLAT, result(0.1, 0.1, planned=15), "at chance in all 2 epochs, 10.0 % test accuracy", "unfinished"),
    (band("test_accuracy", 0.1, 0.1), result(0.1), "at chance in its one epoch, 10.0 % test accuracy", "within"),
    (band("best_test_accuracy", 0.8, 0.83), result(0.9, 0.8), "90.0 % best test accuracy", "above"),
    (band("train_accuracy", 0.7, 0.7), result(0.9), "70.0 % training accuracy", "within"),
]


@pytest.mark.parametrize(("ours_is", "run", "yours", "verdict"), BANDS)
def test_a_run_stands_beside_ours_in_a_sentence(ours_is, run, yours, verdict):
    found = compare(ours_is, run)

    assert found.beside == f"Yours: {yours}; {ours(ours_is)}."
    assert found.verdict == verdict


def test_ours_in_words():
    assert ours(FLAT) == "our 2 runs: flat for 8 to 11 epochs, then 59.4–70.1 %"
    assert ours(band("test_accuracy", 0.1, 0.1)) == "our 3 runs: 10.0 %"


def test_what_a_difference_means():
    band = Band(metric="test_accuracy", low=0.80, high=0.83, seeds=2)

    assert compare(band, result(0.785)).meaning == "That is 1.5 points below ours, which can be chance."
    assert compare(band, result(0.7)).meaning.startswith(
        "That is 10.0 points below ours, more than the choice of test images explains."
    )
    assert compare(band, result(0.81)).meaning == "This is what we measured."
    assert "1 of 3 epochs" in compare(band, result(0.81, planned=3)).meaning


def test_several_seeds_of_ones_own_are_a_span():
    found = compare(band("test_accuracy", 0.80, 0.83), result(0.81), [result(0.79), result(0.82)])

    assert found.beside == "Yours: 81.0 % test accuracy (your 3 runs: 79.0–82.0 %); our 3 runs: 80.0–83.0 %."
    assert flat_epochs(result(0.1, 0.2, 0.1)) == 1, "at the start alone"


def test_seed_and_device_make_no_other_experiment():
    config = RunConfig.make(batch_size=64)

    assert same_experiment(settings(config), settings(config.change(seed=3, device="cpu")))
    for changes in ({"epochs": 3}, {"learning_rate": 0.9}, {"options": {"activation": "relu"}}, {"architecture": "mlp"}):
        assert not same_experiment(settings(config), settings(config.change(**changes)))


def test_the_tag_of_a_run_fits_the_store():
    assert tag_of("dense-layers", "train-mlp") == "lesson:dense-layers/train-mlp"
    assert LONGEST_TAG == store_rows.LONGEST_TAG
    assert len(tag_of("x" * 40, "y" * 40)) == LONGEST_TAG
