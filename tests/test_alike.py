"""The check-up's core: images that are there twice, and labels that networks contradict."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from quadrants import quadrants, settings

from cnnlab.compute import checkup, typed
from cnnlab.own_data import alike
from cnnlab.own_data.checkup import Checkup, Place, Repeated
from cnnlab.training.cross_validation import Predicted, contradicted, cross_validate, stratified_folds


def photos(count: int, size: int = 32, seed: int = 0) -> np.ndarray:
    """Smooth random colour pictures, uint8 N×3×size×size: as different from each other as photographs are."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 5, 5, 3), dtype=np.uint8)
    made = [np.asarray(Image.fromarray(each).resize((size, size), Image.Resampling.BICUBIC)) for each in coarse]
    return np.stack(made).transpose(0, 3, 1, 2)


def changed(image: np.ndarray, change: str) -> np.ndarray:
    """One picture as another program would have saved it."""
    picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    if change == "saved as JPEG":
        file = BytesIO()
        picture.save(file, "JPEG", quality=60)
        picture = Image.open(file)
    elif change == "brighter":
        picture = ImageEnhance.Brightness(picture).enhance(1.2)
    elif change == "half as large and back":
        picture = picture.resize((16, 16)).resize(picture.size)
    else:
        picture = picture.crop((1, 1, 32, 32)).resize(picture.size)
    return np.asarray(picture).transpose(2, 0, 1)


@pytest.mark.parametrize("change", ["saved as JPEG", "brighter", "half as large and back", "cut at two sides"])
def test_a_picture_is_found_again_that_was_changed_as_programs_do(change):
    images = photos(200)
    images = np.concatenate([images, changed(images[17], change)[None]])

    found = alike.repeats(images)

    assert found.same.tolist() == []
    assert found.near.tolist() == [[17, 200]]


def test_up_to_some_thousands_of_images_no_alike_pair_is_missed_and_the_answer_says_so(monkeypatch):
    draw = np.random.default_rng(0)
    scenes = np.full((60, 3, 32, 32), 100)
    for scene, (row, column) in zip(scenes, draw.integers(0, 20, (60, 2)), strict=True):
        scene[:, row : row + 12, column : column + 9] = 200
    # Two photographs of each: noise decides most of the 64 bits, where the wall behind is plain.
    every = (np.concatenate([scenes, scenes]) + draw.integers(-3, 4, (120, 3, 32, 32))).astype(np.uint8)
    small = np.stack([alike._means(each, alike.SIDE, alike.SIDE) for each in alike._gray(every)]).reshape(len(every), -1)
    close = np.triu(np.corrcoef(small) > alike.ALMOST_IDENTICAL, 1)
    assert close.sum() >= 60

    found = alike.repeats(every)
    assert sorted(map(tuple, found.near.tolist())) == list(zip(*map(np.ndarray.tolist, np.nonzero(close)), strict=True))
    assert found.complete

    monkeypatch.setattr(alike, "EVERY_PAIR", 119)
    some = alike.repeats(every)
    assert len(some.near) < len(found.near) and not some.complete


def test_identical_images_are_pairs_with_the_first_in_whichever_part_they_are():
    train, test = photos(60), photos(20, seed=1)
    train[9], test[3], test[4] = train[5], train[5], test[2]

    found = alike.repeats(train, test)

    assert found.same.tolist() == [[5, 9], [5, 63], [62, 64]]
    assert found.near.tolist() == []  # each image is compared once, and pictures of different things are not alike


def test_in_a_set_of_pictures_that_are_all_alike_only_almost_identical_ones_count():
    shape = photos(1)[0].astype(float)
    noise = np.random.default_rng(0).normal(0, 25, (300, *shape.shape))
    images = np.clip(shape + noise, 0, 255).astype(np.uint8)
    images[299] = np.clip(images[298].astype(int) + 1, 0, 255)

    found = alike.repeats(images)

    assert found.threshold == alike.ALMOST_IDENTICAL
    assert [298, 299] in found.near.tolist()


@pytest.mark.parametrize("count", [1, 2])
def test_tiny_and_blank_sets_are_no_special_case(count):
    blank = np.zeros((count, 1, 8, 8), np.uint8)

    assert len(alike.repeats(blank, blank[:0]).same) == count - 1
    assert len(alike.repeats(blank[:0], blank[:0]).same) == 0
    assert len(alike.repeats(photos(count)).near) == 0


def test_pictures_are_reduced_by_means_and_never_enlarged():
    image = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4)

    assert alike.smaller(image, 2)[0, 0].tolist() == [[2, 4], [10, 12]]  # 2.5 and 4.5 to the even number
    assert alike.smaller(image, 8).shape == image.shape
    assert alike.smaller(photos(5, 30), 7, [3, 1]).shape == (2, 3, 7, 7)


def test_the_check_up_counts_images_once_and_shows_the_most_harmful_pairs_first(monkeypatch):
    data = quadrants(train=40, test=12)
    train, test = torch.from_numpy(photos(40, 12)), torch.from_numpy(photos(12, 12, seed=1))
    labels, test_labels = data.train_labels.clone(), data.test_labels.clone()
    train[1], train[2], test[0] = train[0], train[0], train[0]
    labels[:3], test_labels[0] = torch.tensor([0, 0, 1]), 0
    source = type(data)(data.name, data.classes, train, labels, test, test_labels)
    monkeypatch.setattr("cnnlab.compute.answers.load", lambda *_: source)

    found = checkup.checkup(Path("home"), dataset="sample")

    assert found.same == Repeated(training=2, test=0, across=1, other_label=1)
    assert [(each.first, each.second) for each in found.pairs] == [
        (Place("train", 0, 0), Place("train", 2, 1)),  # two labels
        (Place("train", 0, 0), Place("test", 0, 0)),  # trained on and tested on
        (Place("train", 0, 0), Place("train", 1, 0)),
    ]
    assert found.images == found.compared == 52
    assert typed.read(Checkup, json.loads(typed.write(found))) == found  # as it comes from the helper


def test_every_image_is_predicted_by_networks_that_have_not_seen_it_and_wrong_labels_come_first(tmp_path):
    data = quadrants(train=240, test=4)
    wrong = [7, 50, 101]
    labels = data.train_labels.clone()
    labels[wrong] = (labels[wrong] + 1) % len(data.classes)
    data = type(data)(data.name, data.classes, data.train_images, labels, data.test_images, data.test_labels)

    steps = cross_validate(settings(epochs=4), data, folds=3, folder=tmp_path)
    done = [next(steps).done]
    try:
        while True:
            done.append(next(steps).done)
    except StopIteration as end:
        predicted = end.value

    assert done == sorted(done)
    assert 0 < done[0] < done[-1] <= 1
    found, _ = contradicted(predicted, labels, fewest=3)
    assert set(wrong) <= set(found[:6])


def test_folds_share_out_every_class_and_rare_classes_and_unsure_answers_are_not_suspected():
    labels = torch.tensor([0] * 8 + [1] * 8 + [2] * 2)
    folds = stratified_folds(labels, 4, seed=3)

    assert [torch.bincount(folds[labels == each], minlength=4).max().item() for each in (0, 1, 2)] == [2, 2, 1]
    predicted = Predicted(torch.tensor([0] * 8 + [1] * 6 + [0, 0] + [0, 0]), torch.full((18,), 0.8))
    predicted.confidence[15] = 0.6  # less sure than usual for class 0
    assert contradicted(predicted, labels, fewest=4) == ([14], [15])  # suspected, and less sure
