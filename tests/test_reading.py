"""Reading IDX files, and the errors that damaged ones raise."""

import gzip
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from data_files import MNIST, write_tiny

from cnnlab.datasets.idx import read_idx, write_idx
from cnnlab.datasets.loading import load
from cnnlab.datasets.reading import class_counts
from cnnlab.errors import DataError

# Reading


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_images_are_uint8_and_contiguous_with_the_values_in_the_files(places, suffix):
    folder = write_tiny(places.data / "MNIST" / "raw", suffix=suffix)

    data = load("mnist", places)

    assert data.train_images.dtype == torch.uint8
    assert data.train_images.is_contiguous()
    assert data.train_labels.dtype == torch.int64
    assert (data.channels, data.size) == (1, 28)
    assert np.array_equal(data.train_images[:, 0].numpy(), read_idx(folder / f"train-images-idx3-ubyte{suffix}", 3))
    assert data.test_labels.tolist() == [*range(10)] * 2


def test_our_reader_and_torchvision_read_the_same(places):
    from torchvision.datasets import MNIST as TheirMNIST  # noqa: N811

    write_tiny(places.data / "MNIST" / "raw")

    ours, theirs = load("mnist", places), TheirMNIST(places.data, train=False)

    assert torch.equal(ours.test_images[:, 0], theirs.data)
    assert torch.equal(ours.test_labels, theirs.targets)


def test_second_load_returns_the_same_object(places):
    write_tiny(places.data / "MNIST" / "raw")

    assert load("mnist", places) is load(MNIST, places)


def test_truncated_file_is_named_with_expected_and_found_bytes(places):
    path = write_tiny(places.data / "MNIST" / "raw") / "train-images-idx3-ubyte"
    os.truncate(path, 1_000)

    with pytest.raises(DataError, match=r"train-images-idx3-ubyte is truncated: expected 31,376 bytes when unpacked, found 1,000;"):
        load("mnist", places)


def test_file_that_is_too_long_is_named(places):
    path = write_tiny(places.data / "MNIST" / "raw") / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes() + bytes(5))

    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte is damaged: expected 28 bytes when unpacked, found 29 or more;"):
        load("mnist", places)


@pytest.mark.parametrize("damage", ["cut", "flip", "no gzip", "empty"])
def test_damaged_gzip_is_named(places, damage):
    path = write_tiny(places.data / "MNIST" / "raw", suffix=".gz") / "train-images-idx3-ubyte.gz"
    content = path.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes((content[middle] ^ 0xFF,)) + content[middle + 1 :]
    path.write_bytes({"cut": content[:middle], "flip": flipped, "no gzip": b"<html>Not found</html>", "empty": b""}[damage])

    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz is (truncated|damaged)"):
        load("mnist", places)


def test_gzip_that_unpacks_to_less_than_its_header_promises_is_named(places):
    path = write_tiny(places.data / "MNIST" / "raw", suffix=".gz") / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:1_000]))

    with pytest.raises(DataError, match=r"expected 31,376 bytes when unpacked, found 1,000"):
        load("mnist", places)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"\x00\x00\x08\x01\x00\x00\x00\x01", "starts with 00 00 08 01"),
        (b"\x00\x00\x0d\x03" + b"\x00\x00\x00\x01" * 3, "starts with 00 00 0d 03"),
        (b"\x00\x00\x08\x03" + b"\xff\xff\xff\xff" * 3, "header promises"),
        (b"\x00\x00\x08", "header needs 16 bytes, found 3"),
    ],
)
def test_file_with_a_wrong_header_is_refused(tmp_path, header, message):
    path = tmp_path / "images"
    path.write_bytes(header + bytes(8 if len(header) == 8 else 0))

    with pytest.raises(DataError, match=message):
        read_idx(path, 3)


def test_label_outside_the_classes_is_refused(places):
    folder = write_tiny(places.data / "MNIST" / "raw")
    write_idx(folder / "train-labels-idx1-ubyte", np.full(40, 10, np.uint8))

    with pytest.raises(DataError, match=r"reach 10, but MNIST has the classes 0 to 9"):
        load("mnist", places)
    with pytest.raises(DataError, match=r"reach 10, but MNIST has the classes 0 to 9"):
        class_counts(MNIST, places, "train")


def test_images_and_labels_must_be_as_many(places):
    folder = write_tiny(places.data / "MNIST" / "raw")
    write_idx(folder / "train-labels-idx1-ubyte", np.zeros(39, np.uint8))

    with pytest.raises(DataError, match="40 images and 39 labels"):
        load("mnist", places)


def test_images_of_another_size_are_refused(places):
    write_tiny(places.data / "MNIST" / "raw")

    with pytest.raises(DataError, match="are 1×28×28, those of MNIST 1×29×29"):
        load(replace(MNIST, size=29), places)


def test_class_counts_are_those_of_the_labels(places):
    folder = write_tiny(places.data / "MNIST" / "raw")
    write_idx(folder / "train-labels-idx1-ubyte", np.repeat(np.uint8([1, 3]), (30, 10)))

    assert class_counts(MNIST, places, "train") == (0, 30, 0, 10, 0, 0, 0, 0, 0, 0)
    assert class_counts(MNIST, places, "test") == (2,) * 10
