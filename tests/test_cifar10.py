"""CIFAR-10: as a folder of pictures, and as the files of its authors."""

import os
import pickle
import sys
from dataclasses import replace
from hashlib import md5

import numpy as np
import pytest
import torch
from data_files import CIFAR, write_pictures
from PIL import Image

from cnnlab.datasets import picture_folders
from cnnlab.datasets.catalogue import BATCH_MD5
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


def test_a_picture_keeps_its_rows_columns_and_colours(places):
    folder = write_pictures(places.data / "cifar10")
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "train" / CIFAR.classes[0] / "0000.png")

    data = load("cifar10", places)

    assert np.array_equal(data.train_images[0].numpy(), pixels.transpose(2, 0, 1))


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


def test_a_picture_changed_in_place_is_decoded_again(places, monkeypatch):
    folder = write_pictures(places.data / "cifar10", suffix="bmp")  # each of the same size
    load("cifar10", places)
    changed = folder / "train" / "cat" / "0000.bmp"
    size = changed.stat().st_size
    Image.new("RGB", (32, 32), (9, 0, 7)).save(changed)
    assert changed.stat().st_size == size
    monkeypatch.setattr(picture_folders, "_signatures", {})  # as in a new process

    assert load("cifar10", places).train_images[3, 0].unique().tolist() == [9]
    assert len(list((places.own / "decoded").glob("cifar10-train-*.npy"))) == 1  # the outdated one is deleted


def test_a_process_asks_unchanged_pictures_only_after_a_hundred_times_the_time_it_takes(places, monkeypatch):
    folder = write_pictures(places.data / "cifar10")
    location, now = places.locate(CIFAR), iter([0.0, 2.0, 199.0, 203.0, 204.0, 300.0])
    monkeypatch.setattr(picture_folders.time, "monotonic", lambda: next(now))
    first = picture_folders.signature(location, "train")
    Image.new("RGB", (32, 32), (9, 0, 7)).save(folder / "train" / "cat" / "0000.png")

    assert picture_folders.signature(location, "train") == first  # at 199 s: asked at 0 s, in 2 s
    assert picture_folders.signature(location, "train") != first  # at 203 s


@pytest.mark.parametrize("names", ["one", "all"])
def test_suffixes_in_capitals_are_pictures_too(places, names):
    folder = write_pictures(places.data / "cifar10")
    for path in [folder / "train" / "cat" / "0000.png"] if names == "one" else list(folder.rglob("*.png")):
        path.rename(path.with_suffix(".PNG"))

    assert load("cifar10", places).train_labels.bincount().tolist() == [3] * 10


@pytest.mark.parametrize("name", ["._0000.png", ".hidden.png", "folder.png/", "Thumbs.db", ".DS_Store"])
def test_what_a_system_adds_is_no_picture(places, name):
    folder = write_pictures(places.data / "cifar10") / "train" / "cat"
    if name.endswith("/"):
        (folder / name).mkdir()
    else:
        (folder / name).write_bytes(b"\0\5\x16\7Mac OS X")

    assert class_counts(CIFAR, places, "train") == (3,) * 10
    assert len(load("cifar10", places).train_labels) == 30


@pytest.mark.parametrize("read", [lambda places: class_counts(CIFAR, places, "train"), lambda places: load("cifar10", places)])
def test_a_folder_of_pictures_that_cannot_be_read_is_named(places, monkeypatch, read):
    locked = write_pictures(places.data / "cifar10") / "train" / "cat"
    scandir = os.scandir

    def refuse(path):
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(picture_folders.os, "scandir", refuse)

    with pytest.raises(DataError, match=r"CNNLAB_DATA/cifar10/train/cat cannot be read: Permission denied"):
        read(places)


def test_a_link_to_nowhere_that_is_called_a_picture_is_named(places):
    (write_pictures(places.data / "cifar10") / "train" / "cat" / "lost.png").symlink_to("nowhere.png")

    with pytest.raises(DataError, match=r"CNNLAB_DATA/cifar10/train/cat/lost\.png \(0 bytes\) cannot be decoded"):
        load("cifar10", places)


def test_a_picture_with_more_than_8_bits_a_value_is_refused_instead_of_cut_off(places):
    folder = write_pictures(places.data / "cifar10")
    Image.fromarray(np.full((32, 32), 40_000, np.uint16)).save(folder / "train" / "cat" / "0000.png")

    with pytest.raises(DataError, match=r"0000\.png has more than 8 bits a value"):
        load("cifar10", places)


def test_more_pictures_than_the_data_set_has_are_another_one(places):
    write_pictures(places.data / "cifar10")

    with pytest.raises(DataError, match=r"are 30, but CIFAR-10 has 29: this is another data set"):
        load(replace(CIFAR, train_images=29), places)


# CIFAR-10's own files


def test_batches_that_cannot_be_read_are_a_sentence(places, monkeypatch):
    folder = places.data / BATCHES
    folder.mkdir(parents=True)
    for name in BATCH_MD5:
        (folder / name).write_bytes(b"x")

    class Failing:
        def __init__(self, **_):
            raise OSError(5, "Input/output error")

    with pytest.raises(
        DataError, match=r"^The CIFAR-10 files in CNNLAB_DATA/cifar-10-batches-py cannot be read: Input/output error"
    ):
        read_batches(folder, "train", Failing, shown=places.locate(CIFAR).shown)


def test_damaged_batches_do_not_hide_a_copy_as_pictures(places):
    write_pictures(places.data / "cifar10")
    (places.data / BATCHES).mkdir()
    for name in BATCH_MD5:
        (places.data / BATCHES / name).write_bytes(b"x")

    data = load("cifar10", places)

    assert places.locate(CIFAR).folder == places.data / BATCHES
    assert data.variant == "PNG copy"


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
