"""Every data set of a lab: those of the catalogue, and those that its users have brought."""

from __future__ import annotations

from cnnlab.datasets import catalogue, own
from cnnlab.datasets.catalogue import Entry
from cnnlab.errors import ConfigError
from cnnlab.i18n import say
from cnnlab.text import shortened


def entries() -> tuple[Entry, ...]:
    """All data sets that can be trained on, the bundled sample first, then the users' own, the newest first."""
    return (*catalogue.entries(), *(each.entry for each in own.every()))


def entry(name: str) -> Entry:
    """The data set called `name`; also an older version of a user's own, and one that was deleted: runs name them.

    Raises ConfigError, which lists the names.
    """
    if brought := own.find(name):
        return brought.entry
    if not own.is_name(name):
        return catalogue.entry(name)
    listed = ", ".join(each.name for each in entries())
    message = say("There is no data set {name}; choose one of: {names}.", name=shortened(name), names=listed)
    raise ConfigError(message, "dataset")


def classes_of(dataset: str, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Names of classes that came from another process, of which a user's own are never translated."""
    return tuple(map(own.verbatim, classes)) if own.is_name(dataset) else classes


def exists(name: object) -> bool:
    """Whether `entry` knows it."""
    return own.find(name) is not None or any(name == each.name for each in catalogue.entries())
