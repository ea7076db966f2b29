"""What the lab says of data sets and of files that it finds, as text: catalogue, names, copies, reasons and damage."""

from __future__ import annotations

import gzip
import hashlib
import os
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest
from data_files import CIFAR, FASHION, MNIST, write_pictures, write_tiny
from golden_text import check
from PIL import Image

from cnnlab.datasets import entries, fingerprints, picture_folders
from cnnlab.datasets.catalogue import images_used
from cnnlab.datasets.fingerprints import SplitFacts, claim
from cnnlab.datasets.idx import write_idx
from cnnlab.datasets.loading import load
from cnnlab.datasets.location import Location, Unusable
from cnnlab.datasets.naming import says
from cnnlab.datasets.places import Places, Search, preference
from cnnlab.errors import DataError


def test_the_catalogue(regenerate_golden):
    lines = []
    for entry in entries():
        words = {each.name: getattr(entry, each.name) for each in fields(entry)}
        downloads = words.pop("downloads")
        for split in ("train", "test"):
            words[split] = asdict(words[split])
        lines += [f"{name}: {value}" for name, value in words.items()]
        for each in downloads:
            lines += [f"    {each.name}: {each.bytes:,} bytes, MD5 {each.md5}", *(f"        {mirror}" for mirror in each.mirrors)]
            lines += [f"        {name}: MD5 {md5}" for name, md5 in each.members]
        lines.append("")

    check("datasets/catalogue", "\n".join(lines), regenerate=regenerate_golden)


@pytest.mark.parametrize(
    ("names", "known"),
    [
        (["MNIST"], "mnist"),
        (["mnist_png"], "mnist"),
        (["MNIST-test-2"], "mnist"),
        (["EMNIST"], ""),
        (["kannada_mnist"], ""),
        (["FashionMNIST"], "fashion-mnist"),
        (["fashion-mnist-master"], "fashion-mnist"),
        (["mnist-fashion"], ""),
        (["Fashion"], "fashion-mnist"),
        (["CIFAR-10"], "cifar10"),
        (["cifar_10_batches"], "cifar10"),
        (["cifar100"], ""),
        (["my cifar10 photos"], "cifar10"),
        (["raw", "MNIST"], "mnist"),
        (["raw", "data", "MNIST"], "mnist"),
        (["raw", "data", "images", "MNIST"], ""),
        (["holidays", "MNIST"], ""),
        (["1", "MNIST", "cifar10"], "mnist"),
        ([], ""),
    ],
)
def test_a_name_says_a_data_set_where_no_other_word_in_it_means_anything(names, known):
    assert says(names) == known


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ((6000, 1000, 1.0, None), (6000, 1000)),
        ((6000, 1000, 0.25, None), (1500, 1000)),
        ((6000, 1000, 0.25, 1200), (1200, 1000)),
        ((6000, 1000, 0.1, 800), (600, 800)),
        ((7, 5, 0.01, None), (1, 5)),
    ],
)
def test_a_share_is_of_the_training_images_and_a_limit_of_both(asked, used):
    assert images_used(*asked) == used


# Claims


def facts(images=(40, 1, 28, 28), labels=None, *, digest="", start="0123456789" * 2, lowest=0, highest=9):
    return SplitFacts(images, images[0] if labels is None else labels, digest, start, lowest, highest)


MNIST_TRAIN, MNIST_TEST = (
    facts((count, 1, 28, 28), digest=known.labels, start=known.start)
    for count, known in ((60_000, MNIST.train), (10_000, MNIST.test))
)
COLOURS = facts((30, 3, 32, 32), start=CIFAR.train.start[:12]), facts((20, 3, 32, 32), start=CIFAR.test.start[:10])
CLAIMS = {  # the data set, what the folder's name says, the facts of both splits
    "all of it": (MNIST, "mnist", MNIST_TRAIN, MNIST_TEST),
    "all of it under another name": (MNIST, "", MNIST_TRAIN, MNIST_TEST),
    "digits where clothes are claimed": (FASHION, "fashion-mnist", MNIST_TRAIN, MNIST_TEST),
    "digits, asked for clothes": (FASHION, "mnist", MNIST_TRAIN, MNIST_TEST),
    "a known beginning": (MNIST, "", replace(MNIST_TRAIN, images=(50, 1, 28, 28), labels=50, digest="x"), MNIST_TEST),
    "a known beginning of colours": (CIFAR, "", *COLOURS),
    "a beginning too short to be sure": (CIFAR, "", replace(COLOURS[0], start=CIFAR.train.start[:9]), COLOURS[1]),
    "a beginning of another where digits are claimed": (MNIST, "mnist", facts(), facts((20, 1, 28, 28))),
    "other test labels": (MNIST, "mnist", MNIST_TRAIN, facts((20, 1, 28, 28))),
    "no test labels": (MNIST, "mnist", MNIST_TRAIN, facts((0, 1, 28, 28), start="")),
    "more labels than images": (MNIST, "mnist", facts((40, 1, 28, 28), 41), MNIST_TEST),
    "labels up to 25": (MNIST, "mnist", facts(highest=25), facts()),
    "labels up to 10": (CIFAR, "cifar10", replace(COLOURS[0], highest=10), COLOURS[1]),
    "labels below 0": (MNIST, "mnist", facts(lowest=-1), facts()),
    "another size": (MNIST, "mnist", facts((40, 1, 32, 32)), facts()),
    "another size of the test images": (MNIST, "mnist", facts(), facts((40, 3, 28, 28))),
    "one image more": (MNIST, "mnist", facts((60_001, 1, 28, 28)), facts()),
    "as many, but others": (MNIST, "mnist", facts((60_000, 1, 28, 28)), facts()),
    "as many colours, whose labels nobody knows": (
        *(CIFAR, "cifar10", replace(COLOURS[0], images=(50_000, 3, 32, 32), labels=50_000)),
        replace(COLOURS[1], images=(10_000, 3, 32, 32), labels=10_000),
    ),
    "unknown under no name": (MNIST, "", facts(), facts((20, 1, 28, 28))),
    "unknown colours under no name": (MNIST, "", facts((40, 3, 32, 32)), facts((20, 3, 32, 32))),
    "unknown under the name of another": (MNIST, "fashion-mnist", facts(), facts()),
}


def test_how_a_copy_stands_to_a_data_set(regenerate_golden):
    lines = []
    for name, (entry, claimed, train, test) in CLAIMS.items():
        found = claim(entry, claimed, "the folder X", {"train": train, "test": test})
        words = {each: value for each, value in found._asdict().items() if value} if found else {"claimed": "no"}
        lines += [name, *(f"    {each}: {value}" for each, value in (words or {"claimed": "as it is"}).items())]

    check("datasets/claims", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_the_facts_of_labels_are_their_number_their_first_ones_and_their_range():
    found = SplitFacts.of((3, 1, 2, 2), np.array([4, 2, 9], np.uint8))
    long = SplitFacts.of((25, 1, 2, 2), np.array([1] * 24 + [3], np.uint8))

    assert (found.images, found.labels, found.start, found.lowest, found.highest) == ((3, 1, 2, 2), 3, "429", 0, 9)
    assert found.digest == hashlib.sha256(bytes([4, 2, 9])).hexdigest()
    assert (long.start, long.labels) == ("1" * 20, 25)
    assert SplitFacts.of((), np.array([], np.uint8)).highest == 0


def test_contents_are_the_sums_of_each_class():
    images = np.array([[[[1, 2]]], [[[3, 4]]], [[[200, 100]]]], np.uint8)
    digest = hashlib.sha256()
    for row in ([1, 200, 100], [2, 4, 6]):
        digest.update(np.array(row, "<i8").tobytes())

    assert fingerprints.contents(images, np.array([1, 1, 0])) == digest.hexdigest()


# Searches


def test_copies_are_preferred_without_doubt_then_whole_then_original():
    whole = Location(Path("a"), "a", "idx", ())
    doubt, part, copy = (replace(whole, **how) for how in ({"doubt": "x"}, {"differs": "x"}, {"variant": "JPEG copy"}))
    both = replace(part, variant="JPEG copy")

    assert sorted([doubt, both, part, copy, whole], key=preference) == [whole, copy, part, both, doubt]


def test_why_there_is_no_copy(regenerate_golden):
    bad = [Unusable(f"CNNLAB_DATA/{name}", f"lacks {name}.") for name in "abcde"]
    searches = [
        *(Search(MNIST, (), (), ("CNNLAB_DATA", "CNNLAB_HOME/data")), Search(FASHION, (), (), ("CNNLAB_DATA",))),
        *(Search(CIFAR, (), (), ()), Search(MNIST, (), tuple(bad[:1]), ()), Search(MNIST, (), tuple(bad[:3]), ())),
        *(Search(CIFAR, (), tuple(bad[:4]), ()), Search(CIFAR, (), tuple(bad), ())),
    ]
    lines = [search.why_not() for search in searches] + [searches[4].why_not(("CNNLAB_DATA/x is damaged.", "y is truncated."))]

    check("datasets/searches", "\n".join(lines) + "\n", regenerate=regenerate_golden)
    assert [search.here for search in searches] == [False, False, False, True, True, True, True]


# Files


def bad_images(root, shape):
    write_tiny(root)
    write_idx(root / "train-images-idx3-ubyte", np.zeros(shape, np.uint8))


def bad_csv(root, train, test="0" + ",1" * 784):
    root.mkdir(parents=True)
    (root / "mnist_train.csv").write_text(train)
    (root / "mnist_test.csv").write_text(test)


def arrays(root, name="mnist.npz", **changes):
    root.mkdir(parents=True)
    images, labels = np.zeros((4, 28, 28), np.uint8), np.arange(4)
    made = {"x_train": images, "y_train": labels, "x_test": images[:3], "y_test": labels[:3]} | changes
    np.savez(root / name, **{key: value for key, value in made.items() if value is not None})


def picture(root, **how):
    folder = write_pictures(root / "cifar10", train=2, test=1)
    how["make"](folder / "train" / "cat" / "0001.png")


def shortened(root, name, size):
    write_tiny(root, suffix=".gz" if name.endswith(".gz") else "")
    os.truncate(root / name, size)


ROW = "7" + ",2" * 784
DAMAGE = {
    "a header cut off": (MNIST, lambda root: shortened(root, "train-images-idx3-ubyte", 9)),
    "images cut off": (MNIST, lambda root: shortened(root, "t10k-images-idx3-ubyte", 5_000)),
    "a packed file cut off": (MNIST, lambda root: shortened(root, "train-labels-idx1-ubyte.gz", 15)),
    "images of another size": (MNIST, lambda root: bad_images(root, (40, 32, 32))),
    "fewer images than labels": (MNIST, lambda root: bad_images(root, (39, 28, 28))),
    "no image": (MNIST, lambda root: write_tiny(root, train=0)),
    "a row too short": (MNIST, lambda root: bad_csv(root, "7" + ",2" * 783)),
    "a value that is no pixel": (MNIST, lambda root: bad_csv(root, f"{ROW}\n{ROW[:-1]}256\n")),
    "an empty row": (MNIST, lambda root: bad_csv(root, "\n")),
    "a single number": (MNIST, lambda root: bad_csv(root, "7\n")),
    "a negative label": (MNIST, lambda root: bad_csv(root, f"{ROW}\n-{ROW}\n")),
    "an eleventh class in a table": (MNIST, lambda root: bad_csv(root, f"{ROW}\n10{ROW[1:]}\n")),
    "an empty table": (MNIST, lambda root: bad_csv(root, "")),
    "a table of a header": (MNIST, lambda root: bad_csv(root, "label" + ",pixel" * 784 + "\n")),
    "arrays without tests": (MNIST, lambda root: arrays(root, x_test=None, y_test=None)),
    "arrays of fractions": (MNIST, lambda root: arrays(root, x_train=np.zeros((4, 28, 28)))),
    "labels of fractions": (MNIST, lambda root: arrays(root, y_train=np.zeros(4))),
    "labels as vectors": (MNIST, lambda root: arrays(root, y_train=np.zeros((4, 10), np.uint8))),
    "more labels than images in arrays": (MNIST, lambda root: arrays(root, y_train=np.arange(5))),
    "a picture that is none": (CIFAR, lambda root: picture(root, make=lambda path: path.write_bytes(b"no picture"))),
    "a picture of another size": (CIFAR, lambda root: picture(root, make=lambda path: Image.new("RGB", (31, 32)).save(path))),
    "a deep picture": (CIFAR, lambda root: picture(root, make=lambda path: Image.new("I;16", (32, 32)).save(path))),
    "an empty picture": (CIFAR, lambda root: picture(root, make=lambda path: path.write_bytes(b""))),
}


def test_each_damage_of_files_is_named(tmp_path, regenerate_golden):
    lines = []
    for number, (name, (entry, write)) in enumerate(DAMAGE.items()):
        places = Places(tmp_path / "home", data=tmp_path / str(number))
        write(places.data / entry.title)
        with pytest.raises(DataError) as refused:
            load(entry, places)
        lines += [name, f"    {refused.value}"]

    check("datasets/damage", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_a_row_that_is_too_short_is_found_wherever_it_stands(tmp_path):
    places = Places(tmp_path, data=tmp_path)
    bad_csv(places.data / "MNIST", f"{ROW}\n{ROW[:-2]}\n")

    with pytest.raises(DataError, match=r"MNIST/mnist_train\.csv cannot be read: the number of columns changed from 785 to 784"):
        load(MNIST, places)


def test_a_table_is_read_with_its_label_first_or_last_and_from_a_packed_file(tmp_path):
    pixels = [f"{number % 256}" for number in range(784)]
    header = ",".join([*(f"pixel{n}" for n in range(784)), "class"])
    for number, (rows, opened) in enumerate(
        [
            ([["3", *pixels], ["8", *pixels[::-1]]], open),
            ([["3", *pixels], ["8", *pixels[::-1]]], gzip.open),
            ([[header], [*pixels, "3"], [*pixels[::-1], "8"]], open),
        ]
    ):
        folder, suffix = tmp_path / str(number) / "MNIST", ".gz" if opened is gzip.open else ""
        folder.mkdir(parents=True)
        for split in ("train", "test"):
            with opened(folder / f"{split}.csv{suffix}", "wt") as file:
                file.write("\n".join(map(",".join, rows)) + "\n")

        data = load(MNIST, Places(tmp_path / "home", data=tmp_path / str(number)))

        assert data.train_labels.tolist() == [3, 8]
        assert data.train_images[0].flatten().tolist() == list(map(int, pixels))
        assert data.test_images[1].flatten().tolist() == list(map(int, pixels[::-1]))


def test_pictures_of_each_kind_are_read_in_the_form_of_the_data_set(tmp_path):
    folder = tmp_path / "data" / "MNIST"
    for split in ("train", "test"):
        for label in range(10):
            path = folder / split / str(label)
            path.mkdir(parents=True)
            Image.new("RGB", (28, 28), (200, label, 100)).save(path / "b.bmp")
            Image.new("P" if label % 2 else "RGBA", (28, 28)).save(path / "a.PNG")

    data = load(MNIST, Places(tmp_path / "home", data=tmp_path / "data"))

    assert data.train_labels.tolist() == [*range(10), *range(10)]
    assert data.train_images[:10].unique().tolist() == [0]
    gray = [round(0.299 * 200 + 0.587 * label + 0.114 * 100) for label in range(10)]
    assert data.train_images[10:, 0, 0, 0].tolist() == pytest.approx(gray, abs=1)
    assert data.variant in ("BMP and PNG copy", "BMP copy", "PNG copy")  # of the first pictures that the system lists
    assert picture_folders.SUFFIXES[".tif"] == picture_folders.SUFFIXES[".tiff"] == "TIFF"
