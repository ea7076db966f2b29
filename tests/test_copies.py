"""Copies of data sets: recognised by their content, in every layout that people have; and the reasons against others."""

import gzip
import os
from dataclasses import replace

import numpy as np
import pytest
from data_files import CIFAR, FASHION, MNIST, folder_of, write_pictures, write_tiny
from PIL import Image

from cnnlab.datasets import fingerprints, idx, layouts, remembered
from cnnlab.datasets.catalogue import BATCH_MD5, Fingerprint
from cnnlab.datasets.fingerprints import contents, label_digest
from cnnlab.datasets.idx import read_idx, write_idx
from cnnlab.datasets.loading import load
from cnnlab.datasets.location import Location
from cnnlab.datasets.places import Places, preference
from cnnlab.datasets.reading import class_counts, intact_original, located
from cnnlab.errors import DataError

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def written(folder, **how):
    """A tiny data set in IDX files, and its arrays: images and labels of train, then of test."""
    write_tiny(folder, **how)
    suffix = how.get("suffix", "")
    return folder, tuple(read_idx(folder / f"{name}{suffix}", 3 if "images" in name else 1) for name in FILES)


def known_as(entry, arrays):
    """`entry`, as if the tiny data set were all of it."""
    splits = [Fingerprint("", label_digest(labels), contents(images, labels)) for images, labels in (arrays[:2], arrays[2:])]
    return replace(entry, train_images=len(arrays[0]), test_images=len(arrays[2]), train=splits[0], test=splits[1])


@pytest.fixture
def known(tmp_path, monkeypatch):
    """MNIST and Fashion-MNIST that are tiny: (entry of digits, entry of clothes)."""
    _, digits = written(tmp_path / "made" / "digits", train=40, test=20)
    _, clothes = written(tmp_path / "made" / "clothes", train=40, test=20, seed=1)  # as many, but with other labels
    clothes = (clothes[0], clothes[1][::-1], clothes[2], clothes[3][::-1])
    entries = known_as(MNIST, digits), known_as(FASHION, clothes)
    monkeypatch.setattr(fingerprints, "entries", lambda: entries)
    return entries


def refused(entry, places):
    """Why there is no usable copy."""
    assert places.locate(entry) is None
    with pytest.raises(DataError) as problem:
        load(entry, places)
    return str(problem.value)


# Known by their content


@pytest.mark.parametrize("name", ["downloads", "FashionMNIST/raw", "fashion-mnist", "KMNIST", "MNIST/raw"])
def test_digits_are_mnist_whatever_their_folder_is_called(tmp_path, places, known, name):
    digits, clothes = known
    written(places.data / name)

    assert places.locate(digits).folder == places.data / name
    assert places.locate(digits).differs == ""
    assert places.locate(clothes) is None
    assert len(load(digits, places).train_labels) == 40


def test_digits_in_the_folder_of_fashion_mnist_are_named(places, known):
    written(places.data / "FashionMNIST" / "raw")

    assert "CNNLAB_DATA/FashionMNIST/raw holds MNIST" in refused(known[1], places)


def test_unknown_images_are_believed_only_in_a_folder_whose_name_says_what_they_are(places):
    written(places.data / "downloads")

    problem = refused(MNIST, places)

    assert "CNNLAB_DATA/downloads holds 40 training images and 20 test images" in problem
    assert "call the folder MNIST" in problem
    (places.data / "downloads").rename(places.data / "MNIST")
    assert places.locate(MNIST).differs == "40 training images where MNIST has 60,000 and 20 test images where MNIST has 10,000"


def part_of(entry, arrays):
    """`entry`, whose labels begin with those of the arrays."""
    starts = ["".join(map(str, labels[: fingerprints.START])) for labels in (arrays[1], arrays[3])]
    return replace(entry, train=Fingerprint(starts[0]), test=Fingerprint(starts[1]))


def test_a_part_is_recognised_by_its_first_labels_whatever_its_folder_is_called(places, monkeypatch):
    _, arrays = written(places.data / "downloads")
    digits, clothes = part_of(MNIST, arrays), part_of(FASHION, [labels[::-1] for labels in arrays])
    monkeypatch.setattr(fingerprints, "entries", lambda: (digits, clothes))

    found = places.locate(digits)

    assert found.differs == "40 training images where MNIST has 60,000 and 20 test images where MNIST has 10,000"
    assert found.doubt == ""
    assert places.locate(clothes) is None
    (places.data / "downloads").rename(places.data / "FashionMNIST")
    assert "CNNLAB_DATA/FashionMNIST holds a part of MNIST, whatever its name is" in refused(clothes, places)


def test_a_part_whose_first_labels_are_others_is_used_with_a_doubt_and_after_all_others(places, monkeypatch):
    written(places.data / "MNIST")  # such as a part of KMNIST

    found = places.locate(MNIST)

    assert found.doubt.startswith("Not recognised as a part of MNIST: the training and the test labels do not begin as")
    _, arrays = written(places.target(MNIST), train=30)
    digits = part_of(MNIST, [arrays[0], arrays[1][::-1], arrays[2], arrays[3][::-1]])
    write_idx(places.target(MNIST) / FILES[1], arrays[1][::-1])
    write_idx(places.target(MNIST) / FILES[3], arrays[3][::-1])
    monkeypatch.setattr(fingerprints, "entries", lambda: (digits,))
    assert places.locate(digits).folder == places.target(MNIST)
    assert places.locate(digits).doubt == ""


def test_three_labels_are_too_few_to_recognise_a_part(places, monkeypatch):
    _, arrays = written(places.data / "downloads", train=3, test=3)
    digits = part_of(MNIST, arrays)
    monkeypatch.setattr(fingerprints, "entries", lambda: (digits,))

    assert "call the folder MNIST" in refused(digits, places)


def test_more_images_than_the_data_set_has_are_another_one(places):
    written(places.data / "MNIST")

    assert "has 40 training images where MNIST has 30" in refused(replace(MNIST, train_images=30), places)


def test_as_many_images_with_other_labels_are_another_data_set(places, known):
    folder, arrays = written(places.data / "MNIST")
    write_idx(folder / FILES[1], arrays[1][::-1])

    assert "labels that are not those of MNIST" in refused(known[0], places)


def test_images_that_do_not_belong_to_known_labels_are_refused_when_they_are_read(places, known):
    folder, arrays = written(places.data / "MNIST")
    write_idx(folder / FILES[0], arrays[0].transpose(0, 2, 1))  # turned, as EMNIST's are

    with pytest.raises(DataError, match=r"train images in CNNLAB_DATA/MNIST are not those of MNIST: .* mixed from two"):
        load(known[0], places)


def test_contents_do_not_depend_on_the_order_but_on_every_pixel():
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (30, 1, 5, 5), np.uint8), random.integers(0, 3, 30)
    order = random.permutation(30)
    changed = images.copy()
    changed[3, 0, 2, 2] ^= 1

    assert contents(images[order], labels[order]) == contents(images, labels)
    assert contents(changed, labels) != contents(images, labels)
    assert contents(images.transpose(0, 1, 3, 2), labels) != contents(images, labels)
    assert contents(images, np.roll(labels, 1)) != contents(images, labels)


# The layouts that people have


def as_idx(name, suffix="", rename=lambda name: name):
    def write(root, arrays):
        folder = root / name
        for file, values in zip(FILES, arrays, strict=True):
            path = folder / f"{rename(file)}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_idx(folder / f"x{suffix.lower()}", values)
            (folder / f"x{suffix.lower()}").rename(path)

    return write


def as_npz(root, arrays):
    root.mkdir(parents=True)
    names = ("x_train", "y_train", "x_test", "y_test")
    np.savez_compressed(root / "mnist.npz", **dict(zip(names, arrays, strict=True)))


def as_csv(name, header="", label_last=False, opened=open):
    def write(root, arrays):
        for split, images, labels in (("train", *arrays[:2]), ("test", *arrays[2:])):
            columns = [labels[:, None], images.reshape(len(images), -1)]
            path = root / name.format(split)
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = np.concatenate(columns[::-1] if label_last else columns, axis=1)
            lines = "\n".join(",".join(map(str, row)) for row in rows)
            with opened(path, "wt") as file:
                file.write(f"{header}\n{lines}\n" if header else lines)

    return write


def as_pictures(train, test, suffix="png"):
    def write(root, arrays):
        for name, images, labels in ((train, *arrays[:2]), (test, *arrays[2:])):
            for number, (image, label) in enumerate(zip(images, labels, strict=True)):
                path = root / name / str(label) / f"{number:05}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(path)

    return write


LAYOUTS = {
    "torchvision": as_idx("MNIST/raw"),
    "torchvision, packed": as_idx("MNIST/raw", ".gz"),
    "torchvision, before 2019": as_idx("raw"),
    "TensorFlow's MNIST_data": as_idx("MNIST_data", ".gz"),
    "the repository of Fashion-MNIST": as_idx("fashion-mnist-master/data/fashion", ".gz"),
    "7-Zip": as_idx("MNIST", rename=lambda name: name.replace("-idx", ".idx")),
    "an unpacker with folders": as_idx("MNIST", rename=lambda name: f"{name}/{name}"),
    "capitals": as_idx("MNIST", ".GZ", rename=str.upper),
    "one level too deep": as_idx("all data sets/some/MNIST/raw"),
    "one level too shallow": as_idx("."),
    "Keras": as_npz,
    "Kaggle, with a header": as_csv("archive/mnist_{}.csv", "label," + ",".join(f"pixel{n}" for n in range(784))),
    "Kaggle, without one": as_csv("mnist_{}.csv"),
    "Kaggle, packed": as_csv("mnist_{}.csv.gz", opened=gzip.open),
    "OpenML": as_csv("MNIST/{}.csv", ",".join(f"pixel{n}" for n in range(784)) + ",class", label_last=True),
    "mnist_png": as_pictures("mnist_png/training", "mnist_png/testing"),
    "Kaggle's folders": as_pictures("mnist/trainingSet/trainingSet", "mnist/testSet/testSet"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_found_and_read_alike(tmp_path, places, known, layout):
    digits, _ = known
    _, arrays = written(tmp_path / "made" / "digits")

    LAYOUTS[layout](places.data, arrays)

    data = load(digits, places)
    assert contents(data.train_images.numpy(), data.train_labels.numpy()) == digits.train.contents
    assert contents(data.test_images.numpy(), data.test_labels.numpy()) == digits.test.contents
    assert [class_counts(digits, places, split) for split in ("train", "test")] == [(4,) * 10, (2,) * 10]
    assert places.locate(known[1]) is None


@pytest.mark.parametrize("channels", ["last", "first"])
def test_cifar_10_is_read_from_arrays_as_keras_and_torch_keep_them(places, channels):
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (30, 3, 32, 32), np.uint8), np.array([*map(int, CIFAR.train.start), *range(10)])
    tests = np.array([*map(int, CIFAR.test.start)])
    places.data.mkdir()
    kept = images.transpose(0, 2, 3, 1) if channels == "last" else images
    np.savez(places.data / "arrays.npz", x_train=kept, y_train=labels[:, None], x_test=kept[:20], y_test=tests[:, None])

    data = load(CIFAR, places)

    assert np.array_equal(data.train_images.numpy(), images)
    assert data.train_labels.tolist() == labels.tolist()
    assert class_counts(CIFAR, places, "test") == tuple(np.bincount(tests, minlength=10))
    assert located(CIFAR, places).differs.startswith("30 training images where CIFAR-10 has 50,000")
    assert located(CIFAR, places).doubt == ""  # known by its first labels, whatever the file is called


def test_values_of_a_table_are_kept_decoded_until_it_changes(places, known):
    LAYOUTS["Kaggle, without one"](places.data, written(places.home / "made")[1])
    first = load(known[0], places)
    table = places.data / "mnist_train.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join(lines[:-1]))

    again = load(replace(known[0], summary="asked for by another process"), places)

    assert (len(first.train_labels), len(again.train_labels)) == (40, 39)
    assert len(list((places.own / "decoded").glob("*.npy"))) == 2  # none is left of the old table


# Here, but not to be used


def touch(*names):
    def write(root):
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")

    return write


def without(name):
    def write(root):
        write_tiny(root / "MNIST" / "raw")
        (root / "MNIST" / "raw" / name).unlink()

    return write


def objects(root):
    root.mkdir(parents=True)
    np.savez(root / "mnist.npz", **{name: np.array([{}, 1], object) for name in ("x_train", "y_train", "x_test", "y_test")})


def colours(shape, kind=np.uint8):
    def write(root):
        root.mkdir(parents=True)
        arrays = {"x_train": np.zeros(shape, kind), "y_train": np.zeros((6, 1), np.uint8)}
        np.savez(root / "cifar10.npz", **arrays, x_test=arrays["x_train"], y_test=arrays["y_train"])

    return write


def fewer_arrays(root):
    root.mkdir(parents=True)
    np.savez(root / "mnist.npz", x_train=np.zeros((2, 28, 28), np.uint8))


def competition(root):
    as_csv("digit-recognizer/{}.csv")(root / "MNIST", (np.zeros((2, 28, 28), int), np.zeros(2, int)) * 2)
    test = root / "MNIST" / "digit-recognizer" / "test.csv"
    test.write_text("\n".join(line.partition(",")[2] for line in test.read_text().splitlines()))
    (root / "MNIST" / "digit-recognizer").rename(root / "MNIST" / "data")


def cut_short(name):
    def write(root):
        LAYOUTS["Kaggle, packed"](root, (np.zeros((9, 28, 28), int), np.zeros(9, int)) * 2)
        os.truncate(root / name, 30)

    return write


def without_a_class(root):
    for picture in (write_pictures(root / "cifar10") / "test" / "dog").iterdir():
        picture.unlink()
    (root / "cifar10" / "test" / "dog").rmdir()


UNUSABLE = {
    "an archive": (CIFAR, touch("cifar-10-python.tar.gz"), "cifar-10-python.tar.gz is an archive: unpack it"),
    "an archive in a folder": (MNIST, touch("MNIST/archive.zip"), "MNIST/archive.zip is an archive"),
    "one file missing": (MNIST, without(FILES[3]), f"MNIST/raw lacks {FILES[3]}"),
    "torchvision's old form": (MNIST, touch("MNIST/processed/training.pt"), "MNIST/processed holds training.pt"),
    "Kaggle's digits": (MNIST, competition, "test.csv has 784 columns and so no labels"),
    "Kaggle's CIFAR-10": (CIFAR, touch("cifar-10/trainLabels.csv"), "no labels for its test images"),
    "the binary version": (CIFAR, touch("cifar-10-batches-bin/data_batch_1.bin"), "the lab reads the Python version"),
    "half of the batches": (CIFAR, touch(*(f"cifar-10-batches-py/data_batch_{n}" for n in (1, 2))), "lacks data_batch_3"),
    "arrays that hold code": (MNIST, objects, "mnist.npz cannot be read"),
    "arrays missing": (MNIST, fewer_arrays, "mnist.npz lacks the arrays x_test, y_test, y_train"),
    "no archive of arrays": (MNIST, touch("mnist.npz"), "mnist.npz cannot be read"),
    "a packed table cut short": (MNIST, cut_short("mnist_test.csv.gz"), "mnist_test.csv.gz cannot be read"),
    "colours without an axis": (CIFAR, colours((6, 32, 32)), "training images that are 1×32×32, those of CIFAR-10 3×32×32"),
    "colours that are no bytes": (
        CIFAR,
        colours((6, 32, 32, 3), np.float32),
        "cifar10.npz cannot be read: x_train.npy holds float32",
    ),
    "a class missing": (CIFAR, without_a_class, "cifar10 lacks the folders test/dog"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_is_here_but_cannot_be_used_is_named_with_the_reason(places, case):
    entry, write, reason = UNUSABLE[case]
    write(places.data)

    problem = refused(entry, places)

    assert problem.startswith(f"{entry.title} is here, but cannot be used: CNNLAB_DATA/")
    assert reason in problem
    assert str(places.data) not in problem  # visitors of a page read it
    assert f"CNNLAB_DATA is {places.data}" in places.explained(problem)  # the owner of the machine reads this


def test_what_is_not_here_says_where_it_was_looked_for_and_under_which_names(places):
    problem = refused(MNIST, places)
    assert "is not on this machine: looked in CNNLAB_DATA (which does not exist) for" in problem
    assert "train-images-idx3-ubyte" in problem
    places.data.write_text("")
    assert "CNNLAB_DATA (which is a file)" in refused(MNIST, places)
    places.data.unlink()
    places.data.mkdir()
    assert "looked in CNNLAB_DATA for" in refused(CIFAR, places)
    assert str(places.data) not in problem


@pytest.mark.parametrize("value", ["256", "-1", "cat", ""])
def test_a_value_that_is_no_pixel_is_named(places, known, value):
    LAYOUTS["Kaggle, without one"](places.data, written(places.home / "made")[1])
    table = places.data / "mnist_train.csv"
    first, rest = table.read_text().split("\n", 1)
    table.write_text(f"{first.rpartition(',')[0]},{value}\n{rest}")

    with pytest.raises(DataError, match=r"CNNLAB_DATA/mnist_train\.csv (cannot be read|has)"):
        load(known[0], places)


def test_a_search_ends_in_a_folder_without_end(tmp_path):
    folder = tmp_path / "data"
    for number in range(400):
        (folder / f"{number:03}").mkdir(parents=True)
    write_tiny(folder / "z" / "MNIST")

    assert folder_of(MNIST, Places(tmp_path, data=folder)) is None
    assert "in CNNLAB_DATA (the first 300 folders of it)" in Places(tmp_path, data=folder).search(MNIST).why_not()


# Damaged and intact


def test_a_damaged_copy_does_not_hide_an_intact_one(places):
    share = write_tiny(places.data / "MNIST" / "raw", suffix=".gz")
    own = write_tiny(places.target(MNIST), seed=1)
    os.truncate(share / f"{FILES[0]}.gz", 1_000)

    assert folder_of(MNIST, places) == own
    assert np.array_equal(load(MNIST, places).train_images[:, 0].numpy(), read_idx(own / FILES[0], 3))


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_damage_that_shows_only_on_reading_does_not_hide_an_intact_copy(places, known, suffix):
    folder, arrays = written(places.data / "MNIST" / "raw", suffix=suffix)
    written(places.target(MNIST))
    content = bytearray((folder / f"{FILES[0]}{suffix}").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / f"{FILES[0]}{suffix}").write_bytes(content)

    assert np.array_equal(load(known[0], places).train_images[:, 0].numpy(), arrays[0])
    assert intact_original(known[0], places).folder == places.target(MNIST)


def test_a_plain_file_that_was_cut_short_does_not_hide_the_packed_one_beside_it(places):
    folder = write_tiny(places.data / "MNIST" / "raw", suffix=".gz")
    (folder / FILES[0]).write_bytes(gzip.decompress((folder / f"{FILES[0]}.gz").read_bytes())[:999])

    assert len(load(MNIST, places).train_labels) == 40


def test_a_complete_original_comes_before_a_part_of_it_wherever_it_lies(places, known):
    written(places.data / "MNIST", train=10)
    own, _ = written(places.target(MNIST))

    assert folder_of(known[0], places) == own


def test_a_complete_copy_in_another_form_comes_before_a_part_of_the_original(tmp_path):
    part = Location(tmp_path, "a", "idx", (), differs="10 training images where MNIST has 60,000")
    whole = Location(tmp_path, "b", "pictures", (), variant="JPEG copy")
    doubtful = Location(tmp_path, "c", "idx", (), doubt="unknown labels")

    assert sorted([doubtful, part, whole], key=preference) == [whole, part, doubtful]


@pytest.mark.parametrize("damage", ["a part", "pictures", "nothing"])
def test_a_download_is_needed_unless_all_of_the_original_is_here(places, known, damage):
    _, arrays = written(places.home / "made")
    if damage == "a part":
        written(places.data / "MNIST", train=10)
    if damage == "pictures":
        LAYOUTS["mnist_png"](places.data, arrays)

    assert intact_original(known[0], places) is None
    LAYOUTS["torchvision"](places.data, arrays)
    assert intact_original(known[0], places).folder == places.data / "MNIST" / "raw"


# Quick


def test_finding_reads_no_images_and_asks_unchanged_files_for_nothing_again(places, known, monkeypatch):
    folder, _ = written(places.data / "downloads")
    monkeypatch.setattr(remembered, "_RECENT_NS", 0)
    read = []
    monkeypatch.setattr(layouts, "read_idx", lambda path, *rest: read.append(path.name) or idx.read_idx(path, *rest))

    assert [folder_of(known[0], places) for _ in range(3)] == [folder] * 3
    assert read == [FILES[1], FILES[3]]

    write_idx(folder / FILES[3], np.zeros(20, np.uint8))  # as many bytes as before
    assert folder_of(known[0], places) is None
    assert read.count(FILES[3]) == 2


def test_a_file_that_was_written_a_moment_ago_is_read_again(tmp_path):
    file = tmp_path / "x"
    file.write_text("a")
    stamps = file.stat()

    assert remembered.remembered(_text, file) == "a"
    file.write_text("b")
    os.utime(file, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))  # a coarse clock shows no difference

    assert remembered.remembered(_text, file) == "b"


def _text(path):
    return path.read_text()


def test_batches_are_those_that_torchvision_checks():
    from torchvision.datasets import CIFAR10

    meta = (CIFAR10.meta["filename"], CIFAR10.meta["md5"])
    assert list(BATCH_MD5.items()) == [*map(tuple, CIFAR10.train_list), *map(tuple, CIFAR10.test_list), meta]
    assert dict(CIFAR.downloads[0].members) == BATCH_MD5


def test_a_copy_says_where_it_is_without_the_servers_folders(places):
    write_tiny(places.target(MNIST))

    assert located(MNIST, places).shown == "CNNLAB_HOME/data/MNIST/raw"
