"""What pages ask about a data set's quality: its check-up, and labels that may be wrong. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cnnlab.datasets.own import ImageAt
from cnnlab.importing import OwnData
from cnnlab.own_data.checkup import Checkup, Search
from cnnlab.workers import suspects

PATIENCE = 110.0  # seconds for the check-up of a very large set


class Shown(NamedTuple):
    """One image of a user's own set."""

    data_uri: str  # a PNG, reduced
    label: int
    file: str  # what its file was called, as text; "" from a table


class Checking:
    """The check-ups of one lab."""

    def __init__(self, home: Path, data: Path | None, ask: Callable[..., Any], own: OwnData) -> None:
        self._home, self._data, self._ask, self._own = home, data, ask, own

    def checkup(self, dataset: str) -> Checkup:
        """A data set before training; remembered while the lab has its images in memory. Raises DataError or ConfigError."""
        return self._ask("checkup", deadline=PATIENCE, dataset=dataset, data=self._data)

    def search(self, name: str) -> Search | None:
        """How far the search for wrong labels in a user's own set is, or what the last one found. Raises ConfigError."""
        return suspects.status(self._home, self._own.get(name))

    def begin_search(self, name: str) -> None:
        """Begins it in the background; no effect while it runs. Raises ConfigError; DataError while another set is searched."""
        suspects.start(self._home, self._own.get(name))

    def stop_search(self, name: str) -> None:
        """No effect where none runs. Raises ConfigError."""
        suspects.stop(self._home, self._own.get(name))

    def stop_all(self) -> None:
        """Stops the search that runs, of whichever set."""
        for brought in self._own.sets():
            known = suspects.status(self._home, brought)
            if known is not None and known.state == "running":
                suspects.stop(self._home, brought)

    def pictures(self, name: str, images: Sequence[ImageAt]) -> tuple[Shown, ...]:
        """Images of a user's own set, those that are set aside among them. Raises ConfigError or DataError."""
        from cnnlab.datasets.pictures import png_data_uri
        from cnnlab.own_data.alike import SHOWN, smaller

        stored = {split: self._own.stored(name, split) for split in {image.split for image in images}}
        return tuple(
            Shown(
                png_data_uri(smaller(stored[image.split].images, SHOWN, [image.index])[0]),
                int(stored[image.split].labels[image.index]),
                stored[image.split].names[image.index],
            )
            for image in images
        )
