"""Parts of a data set: shares, limits, statistics, and pictures for pages."""

import base64
from io import BytesIO

import numpy as np
import pytest
import torch
from data_files import FASHION
from PIL import Image

from cnnlab.compute import answers
from cnnlab.datasets.catalogue import images_used
from cnnlab.datasets.loading import ImageData
from cnnlab.datasets.pictures import png_data_uri


@pytest.mark.parametrize("split", ["train", "test"])
def test_pictures_of_one_class_are_all_of_it_in_the_order_of_the_data_set(tmp_path, split):
    every = answers.pictures(tmp_path, dataset="sample", split=split, count=100)

    chosen = answers.pictures(tmp_path, dataset="sample", split=split, count=4, label=7, offset=1)

    assert chosen == tuple(each for each in every if each.label == 7)[1:5]


def test_photographs_are_shown_reduced_and_small_pictures_pixel_by_pixel():
    def shown(side):
        images = torch.zeros(2, 3, side, side, dtype=torch.uint8)
        images[1, 0] = 255
        picture = answers.picture(images, torch.tensor([0, 5]), 1)
        with Image.open(BytesIO(base64.b64decode(picture.data_uri.partition(",")[2]))) as opened:
            return picture.label, opened.size, opened.getpixel((0, 0))

    assert shown(224) == (5, (96, 96), (255, 0, 0))
    assert shown(28) == (5, (28, 28), (255, 0, 0))


# Parts


def made_data(labels, tests=50):
    labels = torch.tensor(labels)
    images = torch.arange(len(labels)).remainder(256).to(torch.uint8)[:, None, None, None].expand(-1, 1, 28, 28).contiguous()
    return ImageData("made", FASHION.classes, images, labels, images[:tests], labels[:tests])


def test_share_keeps_the_mix_of_classes():
    data = made_data([0] * 120 + [1] * 60 + [2] * 20)

    part = data.take(0.25, seed=3)

    assert part.train_labels.bincount().tolist() == [30, 15, 5]
    assert torch.equal(part.test_images, data.test_images)


def test_part_depends_on_the_seed_and_on_nothing_else():
    data = made_data([n % 10 for n in range(200)])

    assert torch.equal(data.take(0.2, seed=1).train_images, data.take(0.2, seed=1).train_images)
    assert not torch.equal(data.take(0.2, seed=1).train_images, data.take(0.2, seed=2).train_images)


def test_part_holds_each_image_once_with_its_own_label():
    data = made_data([n % 10 for n in range(200)])

    part = data.take(0.5, seed=1)

    numbers = part.train_images[:, 0, 0, 0].long()
    assert len(numbers.unique()) == 100
    assert torch.equal(numbers % 10, part.train_labels)


@pytest.mark.parametrize(("share", "limit"), [(1.0, None), (0.3, None), (0.0001, None), (1.0, 7), (0.3, 40), (1.0, 10**9)])
def test_a_part_has_as_many_images_as_the_forecast_counts(share, limit):
    part = made_data([n % 10 for n in range(200)]).take(share, limit)

    assert (len(part.train_labels), len(part.test_labels)) == images_used(200, 50, share, limit)


def test_limit_caps_training_and_test_images():
    data = made_data([n % 10 for n in range(200)])

    part = data.take(limit=20, seed=1)

    assert part.train_labels.bincount().tolist() == [2] * 10
    assert torch.equal(part.test_images, data.test_images[:20])  # the first ones, whatever the seed
    assert len(data.take(0.05, limit=20).train_labels) == 10
    assert len(data.take(0.0001).train_labels) == 1


def test_all_of_it_is_the_same_object():
    data = made_data([0, 1, 2])

    assert data.take(1.0, limit=1_000) is data


# Statistics


@pytest.mark.parametrize("channels", [1, 3])
def test_statistics_are_those_of_the_training_images_per_channel(channels):
    images = torch.randint(0, 200, (11, channels, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data = ImageData("made", ("a",), images, torch.zeros(11).long(), images[:0], torch.zeros(0).long())

    mean, std = data.statistics()

    scaled = images.double() / 255
    assert mean == pytest.approx(scaled.mean((0, 2, 3)).tolist(), rel=1e-12)
    assert std == pytest.approx(scaled.std((0, 2, 3), correction=0).tolist(), rel=1e-9)


def test_statistics_follow_the_channels_that_the_network_sees():
    colour = torch.randint(0, 256, (9, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data = ImageData("made", ("a",), colour, torch.zeros(9).long(), colour, torch.zeros(9).long())
    gray = (0.299 * colour[:, 0].double() + 0.587 * colour[:, 1].double() + 0.114 * colour[:, 2].double()) / 255

    (mean,), (std,) = data.statistics(1)

    assert (mean, std) == pytest.approx((gray.mean().item(), gray.std(correction=0).item()), rel=1e-9)


def test_statistics_are_remembered_for_each_number_of_channels():
    colour = torch.randint(0, 256, (9, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data = ImageData("made", ("a",), colour, torch.zeros(9).long(), colour, torch.zeros(9).long())

    assert [len(data.statistics(channels)[0]) for channels in (3, 1, 3, None)] == [3, 1, 3, 3]


def test_statistics_of_gray_images_are_repeated_for_a_colour_network():
    (mean,), (std,) = made_data([0, 1, 2]).statistics(1)

    assert made_data([0, 1, 2]).statistics(3) == ((mean,) * 3, (std,) * 3)


# Pictures for pages


@pytest.mark.parametrize("channels", [1, 3])
def test_picture_for_a_page_keeps_every_pixel(channels):
    image = torch.randint(0, 256, (channels, 28, 28), dtype=torch.uint8)

    head, coded = png_data_uri(image).split(",")

    shown = np.asarray(Image.open(BytesIO(base64.b64decode(coded))))
    assert head == "data:image/png;base64"
    assert np.array_equal(shown.reshape(28, 28, channels), image.permute(1, 2, 0).numpy())


def test_versions_of_an_image_are_drawn_as_training_draws_them(tmp_path):
    ask = {"dataset": "sample", "index": 3, "count": 8}
    (original,) = answers.pictures(tmp_path, dataset="sample", split="train", count=1, offset=3)

    same = answers.augmented(tmp_path, **ask, shift=0, flip=False)
    mirrored = answers.augmented(tmp_path, **ask, shift=0, flip=True)
    shifted = answers.augmented(tmp_path, **ask, shift=4, flip=True)

    assert set(same) == {original.data_uri}
    assert len(set(mirrored)) == 2
    assert original.data_uri in mirrored
    assert len(set(shifted)) > 4
    assert answers.augmented(tmp_path, **ask, shift=4, flip=True) == shifted  # the same at each visit
    assert answers.augmented(tmp_path, **ask, shift=0, flip=False, gray=0.5) == same  # of gray images, nothing
