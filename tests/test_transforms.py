"""Batches as the network sees them, each step against a slow reference that takes one image at a time."""

from types import SimpleNamespace

import pytest
import torch

from cnnlab.datasets.loading import ImageData
from cnnlab.training.transforms import Preparation


def batch(count=16, channels=3, size=12, seed=0):
    return torch.randint(0, 256, (count, channels, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def config(**settings):
    return SimpleNamespace(
        **{"channels": None, "image_size": None, "normalization": "none", "horizontal_flip": False, "random_crop": 0}
        | {"random_grayscale": 0.0}
        | settings
    )


def data_of(images):
    labels = torch.zeros(len(images), dtype=torch.int64)
    return ImageData("made", ("a",), images, labels, images, labels)


def gray_of(image):  # C×H×W on the scale 0..1
    return (0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2])[None]


# Scale and channels


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_scaled_to_0_1_as_to_tensor_of_torchvision_does(channels):
    from torchvision.transforms.functional import to_tensor

    images = batch(channels=channels)

    prepared = Preparation(channels, 12).test(images)

    assert torch.equal(prepared, torch.stack([to_tensor(image.permute(1, 2, 0).numpy()) for image in images]))


def test_batch_itself_is_left_as_it_was():
    images = batch()
    before = images.clone()

    Preparation(3, 12, "half", horizontal_flip=True, random_crop=2, random_grayscale=1.0).train(images, seeded())

    assert torch.equal(images, before)


def test_gray_images_are_repeated_for_a_colour_network():
    images = batch(channels=1)

    prepared = Preparation(3, 12).test(images)

    assert torch.equal(prepared, (images / 255).repeat(1, 3, 1, 1))


def test_colour_becomes_gray_by_the_stated_weights():
    images = batch()

    prepared = Preparation(1, 12).test(images)

    torch.testing.assert_close(prepared, torch.stack([gray_of(image / 255) for image in images]))


# Normalisation


def test_half_maps_black_to_minus_one_and_white_to_one():
    images = torch.tensor([0, 255], dtype=torch.uint8).repeat_interleave(3 * 4 * 4).view(2, 3, 4, 4)

    prepared = Preparation(3, 4, "half").test(images)

    assert prepared[0].unique().tolist() == [-1.0]
    assert prepared[1].unique().tolist() == [1.0]


@pytest.mark.parametrize(("own", "seen"), [(1, 1), (3, 3), (3, 1), (1, 3)])
def test_normalised_training_images_have_mean_0_and_deviation_1_in_each_channel_that_is_seen(own, seen):
    images = batch(200, own)
    preparation = Preparation.for_run(config(normalization="dataset", channels=seen), data_of(images))

    prepared = preparation.test(images)

    assert prepared.shape == (200, seen, 12, 12)
    torch.testing.assert_close(prepared.mean((0, 2, 3)), torch.zeros(seen), atol=1e-5, rtol=0)
    torch.testing.assert_close(prepared.std((0, 2, 3), correction=0), torch.ones(seen), atol=1e-5, rtol=0)


def test_normalisation_is_that_of_torchvision():
    from torchvision.transforms.v2.functional import normalize

    images = batch()

    prepared = Preparation(3, 12, "dataset", (0.1, 0.5, 0.4), (0.2, 0.3, 0.25)).test(images)

    torch.testing.assert_close(prepared, normalize(images / 255, [0.1, 0.5, 0.4], [0.2, 0.3, 0.25]))


def test_images_of_one_value_only_stay_finite():
    images = torch.full((4, 1, 8, 8), 7, dtype=torch.uint8)

    prepared = Preparation.for_run(config(normalization="dataset"), data_of(images)).test(images)

    torch.testing.assert_close(prepared, torch.zeros(4, 1, 8, 8))


def test_statistics_first_asked_for_in_an_evaluation_still_serve_training():
    preparation = Preparation(1, 12, "dataset", (0.123,), (0.456,))
    with torch.inference_mode():
        preparation.test(batch(channels=1))
    weight = torch.ones(1, requires_grad=True)

    (preparation.train(batch(channels=1), seeded()) * weight).sum().backward()

    assert weight.grad.isfinite().all()


# Size


@pytest.mark.parametrize("size", [5, 12, 28, 31])
@pytest.mark.parametrize("normalization", ["none", "half"])
def test_resizing_is_close_to_torchvision_s(size, normalization):
    from torchvision.transforms.v2.functional import normalize, resize

    images = batch()

    prepared = Preparation(3, size, normalization).test(images)

    expected = resize(images / 255, [size, size], antialias=True)
    if normalization == "half":
        expected = normalize(expected, [0.5] * 3, [0.5] * 3)
    assert prepared.shape == (16, 3, size, size)
    torch.testing.assert_close(prepared, expected, atol=1e-5, rtol=1e-5)


# Random steps


def windows_of(image, padding):
    """Every place that a shifted image can come from, by its offsets."""
    channels, size = image.shape[0], image.shape[1]
    padded = torch.zeros(channels, size + 2 * padding, size + 2 * padding)
    padded[:, padding : padding + size, padding : padding + size] = image
    return {(y, x): padded[:, y : y + size, x : x + size] for y in range(2 * padding + 1) for x in range(2 * padding + 1)}


def test_shift_takes_a_window_of_its_own_for_each_image_from_black_borders():
    images = batch(60)

    prepared = Preparation(3, 12, random_crop=2).train(images, seeded())

    offsets = [
        next(offset for offset, window in windows_of(image / 255, 2).items() if torch.equal(window, shown))
        for image, shown in zip(images, prepared, strict=True)
    ]
    assert {y for y, _ in offsets} == {x for _, x in offsets} == {0, 1, 2, 3, 4}
    assert any(x != y for y, x in offsets)


def test_flip_mirrors_about_half_of_the_images_and_leaves_the_others():
    images = batch(200)

    prepared = Preparation(3, 12, horizontal_flip=True).train(images, seeded())

    same = [torch.equal(shown, image / 255) for image, shown in zip(images, prepared, strict=True)]
    mirrored = [torch.equal(shown, image.flip(2) / 255) for image, shown in zip(images, prepared, strict=True)]
    assert all(a != b for a, b in zip(same, mirrored, strict=True))
    assert 70 < sum(mirrored) < 130


def test_random_grayscale_takes_the_colour_from_its_share_of_images():
    images = batch(400)

    prepared = Preparation(3, 12, random_grayscale=0.1).train(images, seeded())

    changed = 0
    for image, shown in zip(images, prepared, strict=True):
        if not torch.equal(shown, image / 255):
            torch.testing.assert_close(shown, gray_of(image / 255).repeat(3, 1, 1))
            changed += 1
    assert 20 < changed < 65


@pytest.mark.parametrize(("own", "seen"), [(1, 1), (1, 3), (3, 1)])
def test_random_grayscale_changes_nothing_where_there_is_no_colour(own, seen):
    images = batch(channels=own)

    prepared = Preparation(seen, 12, random_grayscale=1.0).train(images, seeded())

    assert torch.equal(prepared, Preparation(seen, 12).test(images))


AUGMENTED = {"horizontal_flip": True, "random_crop": 3, "random_grayscale": 0.5}


def test_same_seed_augments_alike_and_another_one_differently():
    images, preparation = batch(), Preparation(3, 12, "half", **AUGMENTED)

    assert torch.equal(preparation.train(images, seeded(1)), preparation.train(images, seeded(1)))
    assert not torch.equal(preparation.train(images, seeded(1)), preparation.train(images, seeded(2)))


def test_augmentation_draws_from_its_own_generator_only():
    before = torch.get_rng_state()

    Preparation(3, 12, **AUGMENTED).train(batch(), seeded())

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("normalization", ["none", "dataset", "half"])
@pytest.mark.parametrize(("own", "seen"), [(1, 1), (3, 3), (3, 1), (1, 3)])
@pytest.mark.parametrize("size", [12, 20])
def test_test_images_are_prepared_as_training_images_without_augmentation(normalization, own, seen, size):
    images = batch(channels=own)
    preparation = Preparation.for_run(config(normalization=normalization, channels=seen, image_size=size), data_of(images))

    assert torch.equal(preparation.train(images, seeded()), preparation.test(images))


def test_test_images_are_never_augmented():
    images, made = batch(), data_of(batch(seed=1))
    settings = {"normalization": "dataset", "image_size": 10}

    augmenting = Preparation.for_run(config(**settings, **AUGMENTED), made)

    assert torch.equal(augmenting.test(images), Preparation.for_run(config(**settings), made).test(images))


def test_preparation_for_a_run_takes_every_setting_from_its_configuration():
    from cnnlab.config import RunConfig

    run = RunConfig.make(dataset="cifar10", architecture="lenet", channels=1, image_size=28, normalization="half", **AUGMENTED)

    preparation = Preparation.for_run(run, data_of(batch(size=32)))

    assert preparation == Preparation(1, 28, "half", **AUGMENTED)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_other_devices_prepare_as_the_cpu_does(device):
    if not getattr(torch, device).is_available():
        pytest.skip(f"no {device} device here")
    images, preparation = batch(), Preparation(3, 20, "dataset", (0.5,) * 3, (0.25,) * 3, **AUGMENTED)

    there = preparation.train(images.to(device), seeded())

    torch.testing.assert_close(there.cpu(), preparation.train(images, seeded()), atol=1e-5, rtol=1e-5)


def test_preparing_never_waits_for_the_gpu():
    if not torch.cuda.is_available():
        pytest.skip("no cuda device here")
    images, preparation = batch().cuda(), Preparation(3, 20, "dataset", (0.5,) * 3, (0.25,) * 3, **AUGMENTED)
    preparation.train(images, seeded())  # the statistics are moved once
    torch.cuda.set_sync_debug_mode("error")
    try:
        prepared = preparation.train(images, seeded()), preparation.test(images)
    finally:
        torch.cuda.set_sync_debug_mode("default")

    assert all(part.isfinite().all() for part in prepared)
