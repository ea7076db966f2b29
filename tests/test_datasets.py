"""Data sets: where they are looked for, what is read from their files, what is taken from them."""

import base64
import gzip
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from hashlib import md5
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab.datasets import entries, entry
from cnnlab.datasets.idx import read_idx, write_idx
from cnnlab.datasets.loading import ImageData, load
from cnnlab.datasets.make_sample import make_sample
from cnnlab.datasets.pictures import png_data_uri
from cnnlab.datasets.places import BATCHES, SAMPLE_FOLDER, Places
from cnnlab.datasets.reading import class_counts, read_batches
from cnnlab.errors import DataError, InstallationError

FASHION, MNIST, CIFAR = entry("fashion-mnist"), entry("mnist"), entry("cifar10")


def write_tiny(folder, *, train=40, test=20, suffix="", seed=0):
    """A data set in the form of MNIST's files; every class in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for prefix, count in (("train", train), ("t10k", test)):
        write_idx(folder / f"{prefix}-images-idx3-ubyte{suffix}", random.integers(0, 256, (count, 28, 28), np.uint8))
        write_idx(folder / f"{prefix}-labels-idx1-ubyte{suffix}", (np.arange(count) % 10).astype(np.uint8))
    return folder


def write_pictures(folder, *, train=3, test=2, suffix="png"):
    """CIFAR-10 as a folder a class; the red value is the label, the green one the number of the image."""
    for split, count in (("train", train), ("test", test)):
        for label, name in enumerate(CIFAR.classes):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (32, 32), (label, number, 7)).save(folder / split / name / f"{number:04}.{suffix}")
    return folder


@pytest.fixture
def places(tmp_path):
    return Places(home=tmp_path / "home", data=tmp_path / "data")


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

    assert places.find(MNIST) == folder
    assert places.find(FASHION) is None


def test_debian_folder_is_found_by_itself_and_through_the_one_above(tmp_path):
    folder = write_tiny(tmp_path / "datasets" / "fashion-mnist", suffix=".gz")

    assert Places(tmp_path, data=folder).find(FASHION) == folder
    assert Places(tmp_path, data=folder.parent).find(FASHION) == folder


@pytest.mark.parametrize(
    ("name", "fashion", "mnist"),
    [
        ("anything", True, False),
        ("MNIST", False, True),
        ("MNIST/raw", False, True),
        ("FashionMNIST/raw", True, False),
        ("emnist", False, False),
    ],
)
def test_files_without_a_folder_of_their_own_belong_to_what_the_folder_is_called(tmp_path, name, fashion, mnist):
    folder = write_tiny(tmp_path / "x" / name)
    places = Places(tmp_path / "home", data=folder)

    assert (places.find(FASHION) is not None) == fashion
    assert (places.find(MNIST) is not None) == mnist


def test_named_folder_comes_before_the_lab_s_own(places):
    own = write_tiny(places.target(FASHION))
    assert places.find(FASHION) == own

    named = write_tiny(places.data / "FashionMNIST" / "raw")

    assert places.find(FASHION) == named


def test_data_set_with_a_missing_file_is_not_found(places):
    folder = write_tiny(places.data / "MNIST" / "raw")
    (folder / "t10k-labels-idx1-ubyte").unlink()

    assert places.find(MNIST) is None


def test_original_cifar_files_come_before_a_copy_as_pictures(places):
    pictures = write_pictures(places.data / "cifar10")
    assert places.locate(CIFAR).folder == pictures
    assert places.locate(CIFAR).variant == "PNG copy"

    (places.data / BATCHES).mkdir()
    for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta"):
        (places.data / BATCHES / name).touch()

    assert places.locate(CIFAR).folder == places.data / BATCHES
    assert places.locate(CIFAR).variant == ""


def test_absent_data_set_is_named_with_the_ways_to_get_it(places):
    with pytest.raises(DataError, match=r"^MNIST is not on this machine: download it .* CNNLAB_DATA .* bundled sample\.$"):
        load("mnist", places)


def test_looking_for_data_and_counting_classes_imports_no_torch():
    code = (
        "import sys; from pathlib import Path; from cnnlab.datasets import entry; from cnnlab.datasets.places import Places; "
        "import cnnlab.datasets.download, cnnlab.datasets.pictures; from cnnlab.datasets.reading import class_counts; "
        "print(sum(class_counts(entry('sample'), Places(Path('nowhere')), 'test')), 'torch' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["1000", "False"]


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
