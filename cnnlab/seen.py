"""The lab as one person of a class sees it. Pages act through it; in a lab without a class they have the lab itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from cnnlab.access.roles import Action, Person, Role
from cnnlab.architectures.zoo import ZooNetwork
from cnnlab.assignments import Assignment, Assignments, HandedIn, Task
from cnnlab.compute.rate_finder import RateFinder
from cnnlab.config import RunConfig
from cnnlab.importing import Importing
from cnnlab.lab import Lab
from cnnlab.looking import Looking
from cnnlab.own_picture.asking import OwnPictures
from cnnlab.published_weights import PublishedWeights
from cnnlab.runs.records import Run
from cnnlab.runs.store_seen import SeenStore, SeenSweepStore
from cnnlab.sweeping import Sweeps
from cnnlab.taking_away import ExportState, Offer, TakingAway
from cnnlab.values import EpochPredictions, RangeTestState
from cnnlab.workers.queueing import Queueing

MOST_PEOPLE = 500  # whose views are kept


class SeenLab(Lab):
    """Shares everything with the lab but the record, which refuses what the person may not do, and hides what they do not see."""

    def __init__(self, lab: Lab, person: Person) -> None:
        self.__dict__.update(vars(lab))
        self._person = person
        self._store = SeenStore(lab._store, person)
        self._summaries = None
        self._queueing = Queueing(self._helper, self._admission, self._store)
        record = SeenSweepStore(self._store, person)
        self.sweeps = Sweeps(self._store, self._queueing, self.data, self.delete, record)
        self.assignments = _SeenAssignments(self.home, self.run, person)
        self.rates = _SeenRates(lab.rates, person)
        self.published = _SeenPublished(lab.home, person)
        self.importing = _SeenImporting(self, person)
        self.away = _SeenAway(lab.away, self.run, person)
        self.own_pictures = OwnPictures(self._helper.ask, self._evaluated)
        self.inside = Looking(self.home, self._helper.ask, self._evaluated)

    def download(self, dataset: str) -> None:
        self._person.check_start()
        super().download(dataset)

    def start(self, config: RunConfig, **details: Any) -> str:
        self._person.check_start()  # before the helper is asked
        return super().start(config, **details)

    def predicted(self, run_id: str, epoch: int, images: tuple[int, ...]) -> EpochPredictions | None:
        self._store.run(run_id)  # raises where this person does not see it
        return super().predicted(run_id, epoch, images)

    def resumes_by_itself(self, run_id: str) -> bool:
        self._store.run(run_id)
        return super().resumes_by_itself(run_id)

    def last_recorded(self, run_id: str) -> int:
        self._store.run(run_id)
        return super().last_recorded(run_id)


class _SeenAssignments(Assignments):
    def __init__(self, home: Path, run: Callable[[str], Run], person: Person) -> None:
        super().__init__(home, run)
        self._person = person

    def make(self, task: Task, *, teacher: str = "") -> Assignment:
        self._person.check_teach()
        return super().make(task, teacher=self._person.name)

    def hand_in(self, assignment: Assignment, run_id: str, *, learner: str) -> HandedIn:
        """Raises NotAllowed for a run of another person."""
        self._person.check_change(self._run(run_id).owner)
        return super().hand_in(assignment, run_id, learner=self._person.name)

    def handed_in(self, assignment: Assignment) -> tuple[HandedIn, ...]:
        """All for a teacher, and one's own for others."""
        every = super().handed_in(assignment)
        if self._person.may(Action.TEACH, self._person.name):
            return every
        return tuple(each for each in every if each.learner == self._person.name)

    def delete(self, assignment: Assignment) -> None:
        self._person.check_teach()
        super().delete(assignment)


class _SeenRates(RateFinder):
    def __init__(self, rates: RateFinder, person: Person) -> None:
        self.__dict__.update(vars(rates))
        self._person = person

    def test(self, config: RunConfig) -> RangeTestState:
        self._person.check_start()
        return super().test(config)

    def cancel(self, config: RunConfig) -> None:
        self._person.check_start()
        super().cancel(config)


class _SeenImporting(Importing):
    def __init__(self, lab: SeenLab, person: Person) -> None:
        super().__init__(lab.home, lab.data, lab._helper.ask, lab._queueing, lab._store)
        self._person = person

    def start(self, config: RunConfig, content: bytes, **details: Any) -> str:
        self._person.check_start()
        return super().start(config, content, **details)


class _SeenPublished(PublishedWeights):
    def __init__(self, home: Path, person: Person) -> None:
        super().__init__(home)
        self._person = person

    def fetch(self, network: ZooNetwork) -> None:
        self._person.check_start()
        super().fetch(network)


class _SeenAway(TakingAway):
    def __init__(self, away: TakingAway, run: Callable[[str], Run], person: Person) -> None:
        self.__dict__.update(vars(away))  # one export at a time for all
        self._seen, self._person = run, person

    def state(self, run_id: str, offer: Offer, language: str = "en") -> ExportState:
        self._seen(run_id)
        return super().state(run_id, offer, language)

    def start(self, run_id: str, offer: Offer, language: str = "en") -> None:
        self._person.check_start()
        self._seen(run_id)
        super().start(run_id, offer, language)


# Browsers that watch a run share what was read of it through the same view, so a person keeps theirs.
_views: WeakKeyDictionary[Lab, dict[Person, SeenLab]] = WeakKeyDictionary()


def seen_by(lab: Lab, person: Person) -> Lab:
    """The lab for this person: itself for a guest."""
    if person.role is Role.GUEST:
        return lab
    views = _views.setdefault(lab, {})
    if (view := views.get(person)) is None:
        while len(views) >= MOST_PEOPLE:
            views.pop(next(iter(views)), None)
        view = views.setdefault(person, SeenLab(lab, person))
    return view
