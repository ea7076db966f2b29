"""Own data sets, check-ups and searches for page tests, without files or processes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cnnlab.checking import Shown
from cnnlab.datasets.own import Brought, ImageAt, OwnSet
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.own_data.checkup import Checkup, Pair, Place, Repeated, Search
from cnnlab.own_data.values import ImportStatus, SharedSource

PIXEL = "data:image/png;base64,AAAA"
NASTY = ("<img src=x onerror=alert(1)>", "**bold** [link](https://x.org) :smile: $x$", "שלום עולם", "🌻🌻", "=SUM(A1)", "a" * 120)
CLEAN = Checkup((600,) * 10, (100,) * 10, 7_000, 0, Repeated(), Repeated(), almost=False, pairs=(), all_pairs=0)
BROUGHT = Brought(sizes=((640, 480, 50), (32, 32, 3)), colour=53, broken=1, broken_names=("<b>cat</b>.jpg",), ignored=2)


def own_set(classes: tuple[str, ...] = NASTY, **changes: Any) -> OwnSet:
    """A set of fifty training and ten test images a class."""
    many = len(classes)
    made = OwnSet(
        "own-flowers", "My <b>flowers</b>", classes, 3, 64, (50,) * many, (10,) * many, "flowers.zip", "", True, 1.8e9, "crop",
        0.15, 0, BROUGHT, "d1g3st", suggested_size=128,
    )  # fmt: skip
    return replace(made, **changes)


def pair(first: Place, second: Place, *, exact: bool = True) -> Pair:
    return Pair(first, second, exact, PIXEL)


class FakeOwnData:
    """Keeps sets by name, and what was asked of it."""

    def __init__(self) -> None:
        self.kept: dict[str, OwnSet] = {}
        self.progress: ImportStatus | None = None
        self.offered: tuple[SharedSource, ...] = ()
        self.asked: list[tuple[Any, ...]] = []
        self.refusal: CNNLabError | None = None

    def keep(self, brought: OwnSet) -> None:
        self.kept[brought.name] = brought

    def sets(self):
        return tuple(self.kept.values())

    def get(self, name):
        if name not in self.kept:
            raise ConfigError(f"There is no data set {name!r}.", "dataset")
        return self.kept[name]

    def shared(self):
        return self.offered

    def status(self):
        return self.progress

    def upload(self, filename, content, choices, *, owner="", for_all=True):
        self._ask("upload", filename, content.read(), choices, owner, for_all)

    def take_shared(self, source, choices, *, owner="", for_all=True):
        self._ask("take_shared", source, choices, owner, for_all)

    def stop(self, *, owner=None):
        self._ask("stop", owner)

    def forget(self):
        self._ask("forget")
        self.progress = None

    def rename(self, name, title, *, owner=None):
        self._ask("rename", name, title, owner)
        self.kept[name] = replace(self.kept[name], title=title)

    def delete(self, name, *, owner=None):
        self._ask("delete", name, owner)
        del self.kept[name]

    def set_aside(self, name, images, *, owner=None):
        return self._version("set_aside", name, {*self.kept[name].set_aside, *images}, owner)

    def take_back(self, name, images, *, owner=None):
        return self._version("take_back", name, {*self.kept[name].set_aside} - {*images}, owner)

    def _version(self, what: str, name: str, aside: set[ImageAt], owner: str | None) -> str:
        self._ask(what, name, tuple(sorted(aside)), owner)
        old = self.kept.pop(name)
        made = replace(old, name=f"{old.base}.{old.version + 1}", version=old.version + 1, set_aside=tuple(sorted(aside)))
        self.keep(made)
        return made.name

    def _ask(self, *what: Any) -> None:
        if self.refusal:
            raise self.refusal
        self.asked.append(what)


class FakeChecking:
    """A check-up and a search as a test wants them."""

    def __init__(self, own: FakeOwnData) -> None:
        self._own = own
        self.found: Checkup | CNNLabError = CLEAN
        self.searched: Search | None = None
        self.asked: list[tuple[str, str]] = []

    def checkup(self, dataset):
        if isinstance(self.found, CNNLabError):
            raise self.found
        return self.found

    def search(self, name):
        return self.searched

    def begin_search(self, name):
        self.asked.append(("begin", name))
        self.searched = Search("running", 0.25, 120.0)

    def stop_search(self, name):
        self.asked.append(("stop", name))
        self.searched = Search("stopped")

    def pictures(self, name, images):
        classes = len(self._own.get(name).classes)
        return tuple(Shown(PIXEL, image.index % classes, f"rose/{image.index}.jpg") for image in images)
