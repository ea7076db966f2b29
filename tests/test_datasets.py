"""Data sets: the catalogue, the bundled sample, and the search for files."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from data_files import CIFAR, FASHION, MNIST, folder_of, write_pictures, write_tiny

from cnnlab.datasets import entries, entry
from cnnlab.datasets.idx import read_idx
from cnnlab.datasets.loading import load
from cnnlab.datasets.make_sample import make_sample
from cnnlab.datasets.places import BATCHES, SAMPLE_FOLDER, Places
from cnnlab.errors import DataError

# The catalogue


@pytest.mark.parametrize("listed", entries(), ids=lambda e: e.name)
def test_every_data_set_says_what_it_is_where_it_is_from_and_under_which_licence(listed):
    assert listed.summary.endswith(".")
    assert "http" in listed.source
    assert listed.licence
    assert len(set(listed.classes)) == 10


@pytest.mark.parametrize(("name", "torchvision_name"), [("fashion-mnist", "FashionMNIST"), ("mnist", "MNIST")])
def test_downloads_are_those_of_torchvision(name, torchvision_name):
    from torchvision import datasets

    theirs = getattr(datasets, torchvision_name)

    assert [(d.name, d.md5) for d in entry(name).downloads] == theirs.resources
    assert all(d.mirrors == tuple(mirror + d.name for mirror in theirs.mirrors) for d in entry(name).downloads)


def test_cifar10_download_is_that_of_torchvision():
    from torchvision.datasets import CIFAR10

    (download,) = CIFAR.downloads

    assert (download.name, download.md5, download.mirrors) == (CIFAR10.filename, CIFAR10.tgz_md5, (CIFAR10.url,))
    assert CIFAR10.base_folder == BATCHES


# The sample


def test_sample_is_there_without_any_folder_and_balanced(places):
    data = load("sample", places)

    assert data.train_images.shape == (6_000, 1, 28, 28)
    assert data.test_images.shape == (1_000, 1, 28, 28)
    assert data.train_labels.bincount().tolist() == [600] * 10
    assert data.test_labels.bincount().tolist() == [100] * 10
    assert data.classes == FASHION.classes


def test_sample_holds_no_image_twice(places):
    data = load("sample", places)

    images = torch.cat((data.train_images, data.test_images))

    assert len({image.numpy().tobytes() for image in images}) == 7_000


def test_sample_is_a_few_megabytes_with_source_and_licence():
    readme = (SAMPLE_FOLDER / "README.md").read_text()

    assert sum(path.stat().st_size for path in SAMPLE_FOLDER.iterdir()) < 4_000_000
    assert "https://github.com/zalandoresearch/fashion-mnist" in readme
    assert "Permission is hereby granted" in readme


def test_sample_is_drawn_from_the_full_data_the_same_way_each_time(tmp_path):
    source = write_tiny(tmp_path / "FashionMNIST" / "raw", train=7_000, test=1_500).parents[1]
    full = read_idx(source / "FashionMNIST/raw/train-images-idx3-ubyte", 3)

    make_sample(source, tmp_path / "first")
    make_sample(source, tmp_path / "second")

    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()
    images = read_idx(tmp_path / "first" / "train-images-idx3-ubyte.gz", 3)
    labels = read_idx(tmp_path / "first" / "train-labels-idx1-ubyte.gz", 1)
    number_of = {image.tobytes(): number for number, image in enumerate(full)}
    numbers = [number_of[image.tobytes()] for image in images]
    assert numbers == sorted(set(numbers))  # from the training images, each once, in their order
    assert [number % 10 for number in numbers] == labels.tolist()
    assert np.bincount(labels).tolist() == [600] * 10


# Where files are looked for


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_torchvision_layout_is_found_plain_or_packed(places, suffix):
    folder = write_tiny(places.data / "MNIST" / "raw", suffix=suffix)

    assert folder_of(MNIST, places) == folder
    assert folder_of(FASHION, places) is None


def test_debian_folder_is_found_by_itself_and_through_the_one_above(tmp_path):
    folder = write_tiny(tmp_path / "datasets" / "fashion-mnist", suffix=".gz")

    assert folder_of(FASHION, Places(tmp_path, data=folder)) == folder
    assert folder_of(FASHION, Places(tmp_path, data=folder.parent)) == folder


@pytest.mark.parametrize(
    ("name", "fashion", "mnist"),
    [
        ("anything", False, False),
        ("MNIST", False, True),
        ("MNIST/raw", False, True),
        ("MNIST_data", False, True),
        ("mnist-png/data", False, True),
        ("Kannada-MNIST", False, False),
        ("KMNIST/raw", False, False),
        ("FashionMNIST/raw", True, False),
        ("emnist", False, False),
    ],
)
def test_files_without_a_folder_of_their_own_belong_to_what_the_folder_is_called(tmp_path, name, fashion, mnist):
    folder = write_tiny(tmp_path / "x" / name)
    places = Places(tmp_path / "home", data=folder)

    assert (folder_of(FASHION, places) is not None) == fashion
    assert (folder_of(MNIST, places) is not None) == mnist


def test_named_folder_comes_before_the_lab_s_own(places):
    own = write_tiny(places.target(FASHION))
    assert folder_of(FASHION, places) == own

    named = write_tiny(places.data / "FashionMNIST" / "raw")

    assert folder_of(FASHION, places) == named


def test_data_set_with_a_missing_file_is_not_found(places):
    folder = write_tiny(places.data / "MNIST" / "raw")
    (folder / "t10k-labels-idx1-ubyte").unlink()

    assert folder_of(MNIST, places) is None


def test_original_cifar_files_come_before_a_copy_as_pictures(places):
    pictures = write_pictures(places.data / "cifar10")
    assert places.locate(CIFAR).folder == pictures
    assert places.locate(CIFAR).variant == "PNG copy"

    (places.data / BATCHES).mkdir()
    for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta"):
        (places.data / BATCHES / name).write_bytes(b"x")

    assert places.locate(CIFAR).folder == places.data / BATCHES
    assert places.locate(CIFAR).variant == ""


def test_absent_data_set_is_named_with_the_ways_to_get_it(places):
    with pytest.raises(DataError, match=r"^MNIST is not on this machine: .* Download it .* CNNLAB_DATA .* bundled sample\.$"):
        load("mnist", places)


def test_looking_for_data_and_counting_classes_imports_no_torch():
    code = (
        "import sys; from pathlib import Path; from cnnlab.datasets import entry; from cnnlab.datasets.places import Places; "
        "import cnnlab.datasets.download, cnnlab.datasets.pictures; from cnnlab.datasets.reading import class_counts; "
        "print(sum(class_counts(entry('sample'), Places(Path('nowhere')), 'test')), 'torch' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["1000", "False"]
