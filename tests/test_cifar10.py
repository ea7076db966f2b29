"""CIFAR-10: as a folder of pictures, and as the files of its authors."""

import pickle
import sys
from dataclasses import replace
from hashlib import md5

import numpy as np
import pytest
import torch
from data_files import CIFAR, write_pictures
from PIL import Image

from cnnlab.datasets.loading import load
from cnnlab.datasets.places import BATCHES
from cnnlab.datasets.reading import class_counts, read_batches
from cnnlab.errors import DataError, InstallationError

# CIFAR-10 as pictures


def test_pictures_are_read_class_by_turns(places):
    write_pictures(places.data / "cifar10-jpeg")

    data = load("cifar10", places)

    assert data.variant == "PNG copy"
    assert data.train_images.shape == (30, 3, 32, 32)
    assert data.train_labels.tolist() == [*range(10)] * 3
    assert torch.equal(data.train_images[:, 0, 0, 0].long(), data.train_labels)
    assert data.train_images[:, 1, 5, 5].tolist() == [n for n in range(3) for _ in range(10)]
    assert class_counts(CIFAR, places, "test") == (2,) * 10


def test_jpeg_pictures_are_told_apart_and_close_to_the_original(places):
    write_pictures(places.data / "cifar10-jpeg", suffix="jpg")

    data = load("cifar10", places)

    assert data.variant == "JPEG copy"
    assert (data.train_images[:, 0, 0, 0].long() - data.train_labels).abs().max() <= 3


def test_decoded_pictures_are_kept_until_the_folder_changes(places):
    folder = write_pictures(places.data / "cifar10")
    load("cifar10", places)
    (train_cache,) = (places.own / "decoded").glob("cifar10-train-*.npy")
    np.save(train_cache, np.full((30, 3, 32, 32), 5, np.uint8))
    other = replace(CIFAR, summary="asked for by another process")  # the memo must not answer

    assert load(other, places).train_images.unique().tolist() == [5]

    Image.new("RGB", (32, 32)).save(folder / "train" / "frog" / "0003.png")
    assert load(replace(other, summary="later"), places).train_images.shape == (31, 3, 32, 32)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY garbage"])
def test_damaged_cache_is_made_again(places, content):
    write_pictures(places.data / "cifar10")
    first = load("cifar10", places)
    for cached in (places.own / "decoded").iterdir():
        cached.write_bytes(content)

    again = load(replace(CIFAR, summary="asked for by another process"), places)

    assert torch.equal(again.train_images, first.train_images)


def test_damaged_picture_is_named(places):
    folder = write_pictures(places.data / "cifar10")
    (folder / "test" / "ship" / "0001.png").write_bytes(b"no picture")

    with pytest.raises(DataError, match=r"0001\.png \(10 bytes\) cannot be decoded"):
        load("cifar10", places)


def test_picture_of_another_size_is_named(places):
    folder = write_pictures(places.data / "cifar10")
    Image.new("RGB", (33, 32)).save(folder / "train" / "cat" / "0000.png")

    with pytest.raises(DataError, match=r"0000\.png is 33×32 px, not 32×32"):
        load("cifar10", places)


# CIFAR-10's own files


def test_original_cifar_files_are_read_through_torchvision_and_its_checksums(tmp_path):
    from torchvision.datasets import CIFAR10

    folder, random = tmp_path / BATCHES, np.random.default_rng(0)
    folder.mkdir()
    pixels = random.integers(0, 256, (4, 3 * 32 * 32), np.uint8)
    contents = {
        "data_batch_1": pickle.dumps({"data": pixels, "labels": [3, 1, 4, 1]}),
        "test_batch": pickle.dumps({"data": pixels[:2], "labels": [5, 9]}),
        "batches.meta": pickle.dumps({"label_names": list(CIFAR.classes)}),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    sums = {name: md5(content, usedforsecurity=False).hexdigest() for name, content in contents.items()}

    class Tiny(CIFAR10):
        train_list = [["data_batch_1", sums["data_batch_1"]]]  # noqa: RUF012 — as torchvision declares it
        test_list = [["test_batch", sums["test_batch"]]]  # noqa: RUF012
        meta = CIFAR10.meta | {"md5": sums["batches.meta"]}

    train, test = read_batches(folder, "train", Tiny), read_batches(folder, "test", Tiny)
    assert np.array_equal(train.images, pixels.reshape(4, 3, 32, 32))
    assert train.images.flags.c_contiguous
    assert (train.labels.tolist(), test.labels.tolist()) == ([3, 1, 4, 1], [5, 9])

    with pytest.raises(DataError, match=f"damaged .* delete the folder {BATCHES}"):
        read_batches(folder, "train")  # against the real checksums


def test_torchvision_that_does_not_fit_torch_is_explained(monkeypatch, tmp_path):
    class Unfit:
        def find_spec(self, name, path=None, target=None):
            if name == "torchvision":
                raise RuntimeError("operator torchvision::nms does not exist")

    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Unfit(), *sys.meta_path])

    with pytest.raises(InstallationError, match="take both from one index"):
        read_batches(tmp_path, "train")
