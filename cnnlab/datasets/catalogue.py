"""The data sets there are: names, classes, sizes, and the files they come in. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from cnnlab.errors import ConfigError

FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
DIGITS = tuple("0123456789")
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True, slots=True)
class Download:
    """One file to fetch. `mirrors` are tried in order; `md5` is torchvision's own checksum."""

    name: str
    md5: str
    bytes: int
    mirrors: tuple[str, ...]


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
    downloads: tuple[Download, ...] = ()  # none for the bundled sample


def entries() -> tuple[Entry, ...]:
    """All data sets, the bundled sample first."""
    return tuple(_ENTRIES.values())


def entry(name: str) -> Entry:
    """The data set called `name`. Raises ConfigError that lists the names there are."""
    try:
        return _ENTRIES[name]
    except (KeyError, TypeError):
        listed = ", ".join(_ENTRIES)
        raise ConfigError(f"There is no data set {str(name)[:80]!r}; choose one of: {listed}.", "dataset") from None


_ENTRIES: dict[str, Entry] = {
    e.name: e
    for e in (
        Entry("sample", "Fashion-MNIST sample", "", FASHION, 1, 28, 6_000, 1_000, "", ""),
        Entry("fashion-mnist", "Fashion-MNIST", "", FASHION, 1, 28, 60_000, 10_000, "", ""),
        Entry("mnist", "MNIST", "", DIGITS, 1, 28, 60_000, 10_000, "", ""),
        Entry("cifar10", "CIFAR-10", "", CIFAR, 3, 32, 50_000, 10_000, "", ""),
    )
}
