"""Networks that people saved under a name: one small file each in the lab's home, called by the lab."""

from __future__ import annotations

import json
import secrets
import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnlab.architectures.own import Network
from cnnlab.errors import ConfigError, StoreError
from cnnlab.i18n import say
from cnnlab.system import disk
from cnnlab.system.home import write_private

MOST_SAVED, MOST_OF_ONE = 1_000, 100
_ID = 8  # characters, of which 16 are possible each


@dataclass(frozen=True, slots=True)
class SavedNetwork:
    """A network with its owner, "" for nobody."""

    id: str
    network: Network
    owner: str
    made: float  # seconds since 1970


class Networks:
    """The saved networks of a lab, and questions about networks of one's own."""

    def __init__(self, home: Path, ask: Callable[..., Any]) -> None:
        self._folder = home / "networks"
        self._ask = ask

    def written_out(
        self, architecture: str, input_shape: tuple[int, int, int], classes: int, options: dict[str, Any], title: str
    ) -> Network:
        """A family's network with all its layers as rows. Raises ConfigError or ShapeError where it cannot be."""
        asked = {"architecture": architecture, "input_shape": input_shape, "classes": classes, "options": options, "title": title}
        return Network.read(self._ask("written_out", **asked))

    def every(self) -> tuple[SavedNetwork, ...]:
        """The newest first; damaged files are left out."""
        found = [saved for file in self._folder.glob("*.json") if _is_id(file.stem) and (saved := self.find(file.stem))]
        return tuple(sorted(found, key=lambda each: each.made, reverse=True))

    def find(self, network_id: str) -> SavedNetwork | None:
        """None where there is none of this id, and where its file is damaged."""
        if not _is_id(network_id):
            return None
        try:
            stored = json.loads(disk.read(self._file(network_id)))
            return SavedNetwork(network_id, Network.read(stored["network"]), str(stored["owner"]), float(stored["made"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, ConfigError):
            return None

    def save(self, network: Network, *, owner: str = "") -> SavedNetwork:
        """Stores a network; an earlier one of this owner with the same title is replaced. Raises StoreError."""
        owner, every = owner.strip()[:80], self.every()
        mine = [each for each in every if each.owner == owner]
        before = next((each for each in mine if each.network.title == network.title), None)
        if before is None and (len(every) >= MOST_SAVED or len(mine) >= MOST_OF_ONE):
            most = MOST_OF_ONE if len(mine) >= MOST_OF_ONE else MOST_SAVED
            raise StoreError(say("{count:,} networks are saved here already: delete some.", count=most))
        saved = SavedNetwork(before.id if before else secrets.token_hex(_ID // 2), network, owner, clock.time())
        try:
            write_private(
                self._file(saved.id), json.dumps({"network": network.text, "owner": saved.owner, "made": saved.made})
            )  # fmt: skip
        except OSError as error:
            reason = error.strerror
            raise StoreError(say("This cannot be stored ({reason}): free some space on the lab's disk.", reason=reason)) from error
        return saved

    def delete(self, saved: SavedNetwork) -> None:
        """Deletes it; runs of it stay. Raises StoreError."""
        try:
            self._file(saved.id).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(say("The network could not be deleted: {reason}.", reason=error.strerror)) from error

    def shown(self, owner: str) -> str:
        """The name of an owner, as a page shows it."""
        return owner

    def _file(self, network_id: str) -> Path:
        return self._folder / f"{network_id}.json"


def _is_id(text: str) -> bool:
    return len(text) == _ID and set(text) <= set("0123456789abcdef")
