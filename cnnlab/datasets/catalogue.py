"""The data sets: names, classes, sizes and files. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.text import shortened

FASHION = (
    N_("T-shirt/top"),
    N_("Trouser"),
    N_("Pullover"),
    N_("Dress"),
    N_("Coat"),
    N_("Sandal"),
    N_("Shirt"),
    N_("Sneaker"),
    N_("Bag"),
    N_("Ankle boot"),
)
DIGITS = tuple("0123456789")
CIFAR = (
    N_("airplane"),
    N_("automobile"),
    N_("bird"),
    N_("cat"),
    N_("deer"),
    N_("dog"),
    N_("frog"),
    N_("horse"),
    N_("ship"),
    N_("truck"),
)
BATCHES = "cifar-10-batches-py"  # the folder inside CIFAR-10's archive
# The files inside it with torchvision's checksums (a test compares them).
BATCH_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
    "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
}
GRAY = (0.299, 0.587, 0.114)  # weights of red, green and blue in a gray value (ITU-R BT.601)


@dataclass(frozen=True, slots=True)
class Download:
    """One file. `mirrors` are tried in order; `md5` is torchvision's own checksum."""

    name: str
    md5: str
    bytes: int
    mirrors: tuple[str, ...]  # complete http(s) addresses
    members: tuple[tuple[str, str], ...] = ()  # of an archive: its files with their MD5


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the lab knows about one split of a data set, so that it recognises a copy by its content."""

    start: str = ""  # the labels of the first images, one digit each: those of a part that was cut off at the end
    labels: str = ""  # SHA-256 of all labels as bytes, in their order
    contents: str = ""  # see `fingerprints.contents`: of images and labels, in any order


@dataclass(frozen=True, slots=True)
class Entry:
    """One data set; images are `channels`×`size`×`size` pixels of 0..255."""

    name: str  # the identifier in URLs, JSON and code
    title: str
    summary: str
    classes: tuple[str, ...]
    channels: int
    size: int
    train_images: int
    test_images: int
    source: str  # who made it, and where it is described
    licence: str
    folder: str = ""  # below the lab's own data folder, as torchvision has it
    format: Literal["idx", "batches", "own"] = "idx"  # of the original files: MNIST's or CIFAR-10's; "own": a user's set (`own`)
    downloads: tuple[Download, ...] = ()  # empty where the files are part of the lab
    train: Fingerprint = Fingerprint()
    test: Fingerprint = Fingerprint()


def images_used(train: int, test: int, share: float, limit: int | None) -> tuple[int, int]:
    """How many of `train` training images and `test` test images a run uses; the share is of training images only."""
    count = max(1, round(share * train))
    return min(count, limit or count), min(test, limit or test)


def entries() -> tuple[Entry, ...]:
    """The data sets that the lab knows by itself, the bundled sample first."""
    return tuple(_ENTRIES.values())


def entry(name: str) -> Entry:
    """The data set called `name`. Raises ConfigError, which lists the names."""
    try:
        return _ENTRIES[name]
    except (KeyError, TypeError):
        listed = ", ".join(_ENTRIES)
        message = say("There is no data set {name}; choose one of: {names}.", name=shortened(name), names=listed)
        raise ConfigError(message, "dataset") from None


_FASHION_SOURCE = "Xiao, Rasul, Vollgraf (Zalando Research, 2017): https://github.com/zalandoresearch/fashion-mnist"
_MIT = "MIT, © 2017 Zalando SE"

# Addresses and checksums are torchvision's (a test compares them). The sizes are for the progress bar and against endless answers.
_FASHION_MIRRORS = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
_MNIST_MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/")
_CIFAR_MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)


def _download(mirrors: tuple[str, ...], name: str, md5: str, size: int, members: tuple[tuple[str, str], ...] = ()) -> Download:
    return Download(name, md5, size, tuple(mirror + name for mirror in mirrors), members)


_ENTRIES: dict[str, Entry] = {
    e.name: e
    for e in (
        Entry(
            "sample",
            "Fashion-MNIST sample",
            "A tenth of Fashion-MNIST that comes with the lab: 28×28 px grey pictures of clothes, as many of each kind.",
            FASHION,
            channels=1,
            size=28,
            train_images=6_000,
            test_images=1_000,
            source=_FASHION_SOURCE,
            licence=_MIT,
        ),
        Entry(
            "fashion-mnist",
            "Fashion-MNIST",
            "Grey pictures of clothes, 28×28 px. Made as a harder MNIST: shirts, pullovers and coats look alike.",
            FASHION,
            channels=1,
            size=28,
            train_images=60_000,
            test_images=10_000,
            source=_FASHION_SOURCE,
            licence=_MIT,
            folder="FashionMNIST/raw",
            train=Fingerprint(
                start="90030272550955791064",
                labels="657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
                contents="ec16ab7a02b4a63adbe69ee7368d91f8be180545a094ecc51985c60f5c60619b",
            ),
            test=Fingerprint(
                start="92116146574573412480",
                labels="3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
                contents="113fe9b1b640ed6f6b7be24aaca5155b76e4d2d8bf439ae7b21754f5f0f32081",
            ),
            downloads=(
                _download(_FASHION_MIRRORS, "train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
                _download(_FASHION_MIRRORS, "train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe", 29_515),
                _download(_FASHION_MIRRORS, "t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79", 4_422_102),
                _download(_FASHION_MIRRORS, "t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310", 5_148),
            ),
        ),
        Entry(
            "mnist",
            "MNIST",
            "Handwritten digits, 28×28 px, grey: what LeNet was made for. Almost any network gets more than nine in ten right.",
            DIGITS,
            channels=1,
            size=28,
            train_images=60_000,
            test_images=10_000,
            source="LeCun, Cortes, Burges (1998): http://yann.lecun.com/exdb/mnist/",
            licence="CC BY-SA 3.0",
            folder="MNIST/raw",
            train=Fingerprint(
                start="50419213143536172869",
                labels="1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
                contents="5042363c9f110ba0692245da70f45a0538d837e68f4eff7c092deb65f53b2071",
            ),
            test=Fingerprint(
                start="72104149590690159734",
                labels="ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
                contents="c95a4e60e6bfcd4f48a64648c06a9f4a611e3b04a7d29d53200dcab0bedf9a78",
            ),
            downloads=(
                _download(_MNIST_MIRRORS, "train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
                _download(_MNIST_MIRRORS, "train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432", 28_881),
                _download(_MNIST_MIRRORS, "t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3", 1_648_877),
                _download(_MNIST_MIRRORS, "t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c", 4_542),
            ),
        ),
        Entry(
            "cifar10",
            "CIFAR-10",
            "Colour photographs of animals and vehicles, 32×32 px. Much harder than clothes or digits: no two cats stand alike.",
            CIFAR,
            channels=3,
            size=32,
            train_images=50_000,
            test_images=10_000,
            source="Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images: https://www.cs.toronto.edu/~kriz/cifar.html",
            licence=N_("None stated; its author asks that the report above is cited"),
            folder=BATCHES,
            format="batches",
            # The batches have checksums. Digests need the originals, which were not at hand; many notebooks print the first labels.
            train=Fingerprint(start="69941127834772999326"),
            test=Fingerprint(start="38806616310957985786"),
            downloads=(
                _download(
                    _CIFAR_MIRRORS,
                    "cifar-10-python.tar.gz",
                    "c58f30108f718f92721af3b95e74349a",
                    170_498_071,
                    tuple(BATCH_MD5.items()),
                ),
            ),
        ),
    )
}
