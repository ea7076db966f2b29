"""Own data sets as one person of a class has them: their own, and those that a teacher has brought for all."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from cnnlab.access.roles import Action, Person
from cnnlab.checking import Checking
from cnnlab.config import RunConfig
from cnnlab.datasets import own
from cnnlab.datasets.own import OwnSet
from cnnlab.forecasts.admission import Admitted
from cnnlab.importing import OwnData
from cnnlab.own_data.checkup import Checkup
from cnnlab.own_data.values import Choices, ImportStatus
from cnnlab.runs.checked import Checked
from cnnlab.runs.store import Store
from cnnlab.runs.store_log import Log
from cnnlab.workers import imports
from cnnlab.workers.queueing import Queueing


class SeenOwnData(OwnData):
    """A person sees their own sets, and those that a teacher or the command line has brought for all; a teacher sees every one."""

    def __init__(self, home: Path, store: Store, person: Person) -> None:
        super().__init__(home, store)
        self._person = person
        self._log = Log(store)
        self.checked = Checked(person, self._log)

    def sees(self, name: str) -> bool:
        """Whether this person sees the data set; those of the catalogue everyone does."""
        found = own.known(self._home, name)
        return found is None or self._may_see(found)

    def check_seen(self, name: str) -> None:
        """Raises ConfigError as for a data set that does not exist."""
        if not self.sees(name):
            self._raise_unknown(name)

    def sets(self) -> tuple[OwnSet, ...]:
        return tuple(each for each in super().sets() if self._may_see(each))

    def get(self, name: str) -> OwnSet:
        self.check_seen(name)
        return super().get(name)

    def upload(self, filename: str, content: BinaryIO, choices: Choices, *, owner: str = "", for_all: bool = True) -> None:
        self._person.check_start()
        super().upload(filename, content, choices, owner=self._person.name, for_all=self._teaches)

    def take_shared(self, source: str, choices: Choices, *, owner: str = "", for_all: bool = True) -> None:
        self._person.check_start()
        super().take_shared(source, choices, owner=self._person.name, for_all=self._teaches)

    def status(self) -> ImportStatus | None:
        """Of another person's import no more than that it runs."""
        known = super().status()
        if known is None or self._teaches or known.owner == self._person.name:
            return known
        return replace(known, title="", owner="", message="", name="") if known.state == "running" else None

    def delete(self, name: str, *, owner: str | None = None) -> None:
        found = self.get(name)
        super().delete(name)
        self._log.note(self._person.name, "data delete", found.base, found.owner, note=found.title)

    def forget_people(self, people: Collection[str]) -> None:
        self.checked.teach("forget")
        super().forget_people(people)

    def stop(self, *, owner: str | None = None) -> None:
        known = imports.status(self._home)
        if known is not None:
            self.checked.change(known.owner, "data set", "data", known.name)
        super().stop()

    def forget(self) -> None:
        known = imports.status(self._home)
        if known is not None:
            self.checked.change(known.owner, "data set", "data", known.name)
        super().forget()

    @property
    def _teaches(self) -> bool:
        return self._person.may(Action.TEACH, self._person.name)

    def _may_see(self, found: OwnSet) -> bool:
        return found.for_all or self._teaches or found.owner == self._person.name

    def _to_be_changed(self, name: str, owner: str | None) -> OwnSet:
        found = super()._to_be_changed(name, None)
        self.checked.change(found.owner, "data set", "data", found.name)
        return found


class SeenChecking(Checking):
    """A person searches the sets that they may change, whose result all who see a set read."""

    def __init__(self, checking: Checking, own_data: SeenOwnData) -> None:
        self.__dict__.update(vars(checking))
        self._own: SeenOwnData = own_data

    def checkup(self, dataset: str) -> Checkup:
        self._own.check_seen(dataset)
        return super().checkup(dataset)

    def begin_search(self, name: str) -> None:
        self._own.checked.change(self._own.get(name).owner, "data set", "data", name)
        super().begin_search(name)

    def stop_search(self, name: str) -> None:
        self._own.checked.change(self._own.get(name).owner, "data set", "data", name)
        super().stop_search(name)


class SeenQueueing(Queueing):
    own_data: SeenOwnData

    def check(self, config: RunConfig, data: Path | None, owner: str) -> Admitted:
        self.own_data.check_seen(config.dataset)
        return super().check(config, data, owner)
