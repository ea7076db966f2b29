"""What is found in folders of every kind: each copy with its form and its doubts, each other file with the reason, as text."""

from __future__ import annotations

import numpy as np
from data_files import CIFAR, FASHION, MNIST, write_pictures, write_tiny
from golden_text import check
from PIL import Image

from cnnlab.datasets.catalogue import BATCH_MD5, BATCHES
from cnnlab.datasets.places import Places


def touch(*names, content=b"x"):
    def write(root):
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    return write


def pictures(*folders, suffix="png", missing=(), empty=()):
    def write(root):
        for folder in folders:
            path = root / folder
            if folder not in missing:
                path.mkdir(parents=True)
                if folder not in empty:
                    Image.new("L", (28, 28)).save(path / f"0.{suffix}")

    return write


def of_classes(classes, train="train", test="test", **how):
    return pictures(*(f"{split}/{name}" for split in (train, test) for name in classes), **how)


def batches(*, without=(), empty=()):
    def write(root):
        for name in BATCH_MD5:
            if name not in without:
                touch(f"{BATCHES}/{name}", content=b"" if name in empty else b"x")(root)

    return write


def in_folder(name, write):
    return lambda root: write(root / name)


CLOTHES = [name.replace("/", "_") for name in FASHION.classes]
DIGITS = list("0123456789")
TABLES = ("train.csv", "test.csv")
ROW = ("7" + ",2" * 784).encode()
FOUND = {  # the data set, and what lies in the folder
    "idx": (MNIST, in_folder("MNIST/raw", write_tiny)),
    "idx, some packed": (MNIST, lambda root: [write_tiny(root / "mnist", suffix=suffix) for suffix in ("", ".gz")]),
    "idx without two files": (MNIST, touch("MNIST/t10k-labels-idx1-ubyte", "MNIST/train-labels-idx1-ubyte.gz")),
    "idx without two files of another": (MNIST, touch("fashion/t10k-labels-idx1-ubyte", "fashion/train-labels-idx1-ubyte")),
    "batches": (CIFAR, batches()),
    "batches, one missing": (CIFAR, batches(without=("data_batch_3",))),
    "batches, two without content": (CIFAR, batches(empty=("data_batch_2", "batches.meta"))),
    "one file of the batches": (CIFAR, batches(without=tuple(BATCH_MD5)[1:])),
    "batches for other programs": (CIFAR, touch("x/data_batch_1.mat")),
    "batches of bytes": (CIFAR, touch("x/data_batch_1.bin")),
    "tables": (MNIST, touch(*(f"MNIST/{name}" for name in TABLES), content=ROW)),
    "tables without a name": (MNIST, touch(*TABLES, content=ROW)),
    "tables of another": (FASHION, touch(*(f"MNIST/{name}" for name in TABLES), content=ROW)),
    "tables without labels": (MNIST, touch(*(f"MNIST/{name}" for name in TABLES), content=ROW[2:])),
    "other tables": (MNIST, touch(*TABLES, content=b"a,b\n1,2\n")),
    "archives": (MNIST, touch("mnist.zip", "MNIST/archive.tar.gz", "photos.zip", "fashion-mnist.7z")),
    "an archive of colours": (CIFAR, touch("cifar-10-python.tar.gz", "cifar-100-python.tar.gz")),
    "torchvision's old form": (FASHION, touch("FashionMNIST/processed/training.pt")),
    "a competition": (CIFAR, touch("cifar-10/trainLabels.csv")),
    "digits as pictures": (MNIST, in_folder("MNIST", of_classes(DIGITS))),
    "digits as pictures without a name": (MNIST, of_classes(DIGITS)),
    "digits as pictures of another": (MNIST, in_folder("fashion", of_classes(DIGITS))),
    "clothes as pictures": (FASHION, in_folder("x", of_classes(CLOTHES, "training", "testing", suffix="jpg"))),
    "clothes without or top": (FASHION, in_folder("x", of_classes(["T-Shirt", *CLOTHES[1:]], "trainingSet", "testSet"))),
    "clothes by number": (FASHION, in_folder("Fashion-MNIST", of_classes(DIGITS, "train/train", "test/test", suffix="bmp"))),
    "a class missing": (FASHION, in_folder("x", of_classes(CLOTHES, missing=("test/Bag", "train/Coat")))),
    "few classes": (FASHION, in_folder("x", of_classes(CLOTHES[:5]))),
    "no picture in the tests": (MNIST, in_folder("mnist", of_classes(DIGITS, empty=[f"test/{digit}" for digit in DIGITS]))),
    "no picture at all": (MNIST, in_folder("mnist", of_classes(DIGITS, suffix="gif"))),
    "colours as pictures": (CIFAR, in_folder("anything", write_pictures)),
}


def arrays(root):
    root.mkdir(parents=True)
    images, labels = np.zeros((40, 28, 28), np.uint8), np.arange(40) % 10
    for name in ("mnist.npz", "unknown.npz", "fashion_mnist.npz"):
        np.savez(root / name, x_train=images, y_train=labels, x_test=images[:9], y_test=labels[:9])
    np.savez(root / "my mnist.npz", x_train=images)


def test_what_is_found_in_each_kind_of_folder(tmp_path, regenerate_golden):
    lines = []
    for number, (name, (entry, write)) in enumerate((FOUND | {"arrays": (MNIST, arrays)}).items()):
        root = tmp_path / str(number)
        write(root / "sets" if name == "arrays" else root)
        search = Places(tmp_path / "home", data=root).search(entry)
        lines.append(f"{name}, asked for {entry.title}")
        for copy in search.usable:
            words = {each: getattr(copy, each) for each in ("variant", "differs", "doubt", "original") if getattr(copy, each)}
            files = copy.files[:3] if copy.layout == "images" else copy.files
            shown = ", ".join(copy.name(path).removeprefix(copy.shown) for path in files)
            lines.append(f"    {copy.layout} in {copy.shown}: {len(copy.files)} files, {shown}")
            lines += [f"        {each}: {value}" for each, value in words.items()]
        lines += [f"    not usable: {each}" for each in search.unusable]

    check("datasets/found", "\n".join(lines) + "\n", regenerate=regenerate_golden)
