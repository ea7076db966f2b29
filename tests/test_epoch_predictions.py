"""What was predicted after each epoch: recorded exactly, again after a pause, and never a reason for a run to end."""

from __future__ import annotations

import random

import pytest
from quadrants import quadrants, settings
from test_resume import disturbed, undisturbed

from cnnlab import epoch_predictions
from cnnlab.compute import answers, examples
from cnnlab.compute.examples import last_predicted
from cnnlab.epoch_predictions import FILE, file_bytes, last, read, write
from cnnlab.events import RunFinished
from cnnlab.system import files
from cnnlab.training import checkpoints
from cnnlab.training.engine import train
from cnnlab.values import EvaluatedRun

IMAGES = range(30)


def record(folder, *epochs, images=30, classes=3):
    for epoch in epochs:
        write(
            folder, epoch, classes, [(epoch + image) % classes for image in range(images)], [image / 30 for image in range(images)]
        )


def test_every_epoch_of_a_run_can_be_read_and_is_what_its_evaluation_found(tmp_path):
    undisturbed(settings(epochs=3), tmp_path)

    last_checkpoint = checkpoints.load(tmp_path / "last.pt")
    found = [read(tmp_path, epoch, IMAGES) for epoch in (1, 2, 3)]
    labels = quadrants().test_labels.tolist()
    for epoch, done in enumerate(last_checkpoint["history"], 1):
        right = sum(predicted == label for predicted, label in zip(found[epoch - 1].predicted, labels, strict=True))
        assert right / 30 == done["test_accuracy"]
    assert found[2].predicted == tuple(last_checkpoint["test_predicted"].tolist())
    assert found[2].confidence == pytest.approx(last_checkpoint["test_confidence"].tolist(), abs=1e-5)
    assert (found[2].epoch, found[2].test_images, last(tmp_path)) == (3, 30, 3)
    assert (tmp_path / FILE).stat().st_size == file_bytes(30, 3)
    assert read(tmp_path, 4, IMAGES) is None


def test_after_pauses_the_file_is_the_same_to_the_bit(tmp_path):
    config = settings(epochs=3)
    undisturbed(config, tmp_path / "whole")

    disturbed(config, tmp_path / "paused", (9, 1, 4))

    assert (tmp_path / "paused" / FILE).read_bytes() == (tmp_path / "whole" / FILE).read_bytes()


def test_an_epoch_that_is_repeated_takes_its_own_place_and_drops_those_after_it(tmp_path):
    record(tmp_path, 1, 2, 3)

    write(tmp_path, 2, 3, [0] * 30, [1.0] * 30)

    assert read(tmp_path, 1, [0]).predicted == (1,)
    assert read(tmp_path, 2, [0, 7]).predicted == (0, 0)
    assert read(tmp_path, 3, [0]) is None
    assert last(tmp_path) == 2


def test_an_epoch_before_the_first_that_was_recorded_is_not_there(tmp_path):
    record(tmp_path, 5)

    assert [bool(read(tmp_path, epoch, IMAGES)) for epoch in range(1, 7)] == [False] * 4 + [True, False]


def test_images_that_the_run_was_not_tested_on_are_left_out(tmp_path):
    record(tmp_path, 1)

    found = read(tmp_path, 1, [29, 30, 4])

    assert (found.predicted, found.test_images) == ((0, 2), 30)
    assert found.confidence == pytest.approx((29 / 30, 4 / 30), abs=1e-5)


@pytest.mark.parametrize("content", [b"", b"cnnlab", b"cnnlab-p" + b"\xff" * 8, b"x" * 500, b"cnnlab-p\1\0\3\0\0\0\0\0"])
def test_a_foreign_or_torn_file_is_no_record_and_the_next_epoch_begins_a_new_one(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    assert read(tmp_path, 1, IMAGES) is None
    assert last(tmp_path) == 0

    record(tmp_path, 2)

    assert read(tmp_path, 1, IMAGES) is None
    assert read(tmp_path, 2, [1]).predicted == (0,)


@pytest.mark.parametrize("seed", range(20))
def test_of_a_damaged_file_an_epoch_is_read_as_it_was_written_or_not_at_all(tmp_path, seed):
    record(tmp_path, 1, 2, 3)
    whole = [read(tmp_path, epoch, IMAGES) for epoch in (1, 2, 3)]
    content, chance = bytearray((tmp_path / FILE).read_bytes()), random.Random(seed)  # noqa: S311 - no secret
    place = chance.randrange(len(content))
    content[place] ^= 1 << chance.randrange(8)
    (tmp_path / FILE).write_bytes(content[: chance.choice([place + 1, len(content)])])

    found = [read(tmp_path, epoch, IMAGES) for epoch in (1, 2, 3)]

    assert None in found
    assert all(each in (None, before) for each, before in zip(found, whole, strict=True))


def test_a_file_that_cannot_be_written_ends_no_run(tmp_path):
    (tmp_path / FILE).mkdir()

    *_, finished = train(settings(epochs=2), quadrants(), folder=tmp_path)

    assert isinstance(finished, RunFinished)
    assert read(tmp_path, 2, IMAGES) is None


def test_more_classes_than_a_byte_can_name_are_not_recorded_and_end_no_run(tmp_path):
    write(tmp_path, 1, 300, [299] * 30, [1.0] * 30)

    assert last(tmp_path) == 0
    assert read(tmp_path, 1, IMAGES) is None


def test_as_many_classes_as_a_byte_can_name_are_recorded(tmp_path):
    write(tmp_path, 1, 256, [0, 255], [0.0, 1.0])

    assert read(tmp_path, 1, [1, 0, 1]).predicted == (255, 0, 255)
    assert read(tmp_path, 1, [1, 0]).confidence == (1.0, 0.0)
    content = (tmp_path / FILE).read_bytes()
    assert content[:16].hex() == b"cnnlab-p".hex() + "0100" + "0001" + "02000000"
    assert content[20:].hex() == "00ff" + "0000" + "ffff"
    assert len(content) == file_bytes(2, 1) == 26


def test_a_file_that_is_deleted_meanwhile_is_begun_again(tmp_path):
    record(tmp_path, 1)
    (tmp_path / FILE).unlink()
    record(tmp_path, 2)

    assert (read(tmp_path, 1, IMAGES), read(tmp_path, 2, [0]).predicted) == (None, (2,))


def test_the_file_grows_to_its_bound_and_keeps_what_it_has(tmp_path, monkeypatch):
    monkeypatch.setattr(epoch_predictions, "LARGEST", 300)
    record(tmp_path, *range(1, 9))

    assert (tmp_path / FILE).stat().st_size == file_bytes(30, 8) <= 300
    assert [bool(read(tmp_path, epoch, IMAGES)) for epoch in (1, 3, 4)] == [True, True, False]
    assert last(tmp_path) == 3


def test_starting_over_does_not_show_what_was_predicted_before(tmp_path):
    folder = tmp_path / "runs" / "a1234567"
    record(folder, 1, 2, 3)

    files.drop_checkpoints(tmp_path, "a1234567")
    record(folder, 1)

    assert read(folder, 2, IMAGES) is None


# Twenty images


@pytest.fixture
def loaded(monkeypatch):
    """The labels 0 1 2 0 1 2 … of 30 test images."""
    monkeypatch.setattr(answers, "load", lambda home, dataset, data: quadrants())
    return EvaluatedRun("a1234567", "quadrants", None)


def chosen(tmp_path, run, **how):
    return [picture.index for picture in examples.examples(tmp_path, run=run, **how).pictures]


def test_the_images_are_the_first_of_each_class_in_the_order_of_classes(tmp_path, loaded):
    assert chosen(tmp_path, loaded, limit=None, number=1) == list(range(18))  # six a class: twenty at most
    shown = examples.examples(tmp_path, run=loaded, limit=None, number=1)
    assert [picture.label for picture in shown.pictures] == [0, 1, 2] * 6
    assert (shown.test_images, shown.sets) == (30, 2)


def test_other_images_follow_and_then_the_first_ones_again(tmp_path, loaded, monkeypatch):
    monkeypatch.setattr(examples, "MOST", 6)
    sets = [chosen(tmp_path, loaded, limit=None, number=number) for number in range(1, 7)]

    assert sets[:2] == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert {image for each in sets[:5] for image in each} == set(range(30))
    assert sets[5] == sets[0]


def test_images_come_from_those_that_the_run_was_tested_on(tmp_path, loaded):
    assert sorted(chosen(tmp_path, loaded, limit=7, number=1)) == list(range(7))
    assert chosen(tmp_path, loaded, limit=2, number=9) == [0, 1]


def test_where_nothing_was_recorded_the_checkpoint_has_the_last_epoch(tmp_path):
    undisturbed(settings(epochs=2), tmp_path / "runs" / "a1234567")
    recorded = read(tmp_path / "runs" / "a1234567", 2, [3, 5])

    kept = last_predicted(tmp_path, run_id="a1234567", images=(3, 5, 99))

    assert (kept.epoch, kept.test_images, kept.predicted) == (2, 30, recorded.predicted)
    assert kept.confidence == pytest.approx(recorded.confidence, abs=1e-5)
