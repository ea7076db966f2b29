"""The lab as one person of a class sees it. Pages act through it; in a lab without a class they have the lab itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from cnnlab.access.roles import Action, Person, Role
from cnnlab.architectures.own import Network
from cnnlab.architectures.zoo import ZooNetwork
from cnnlab.assignments import Assignment, Assignments, HandedIn, Task
from cnnlab.compute.rate_finder import RateFinder
from cnnlab.config import RunConfig
from cnnlab.datasets.places import Split
from cnnlab.forecasts.limits import Limits
from cnnlab.forecasts.queue_times import Start
from cnnlab.forecasts.usage import Usage
from cnnlab.imported_weights import ImportedWeights
from cnnlab.lab import Lab
from cnnlab.learn import Learners
from cnnlab.looking import Looking
from cnnlab.networks import Networks, SavedNetwork
from cnnlab.own_picture.asking import OwnPictures
from cnnlab.published_weights import PublishedWeights
from cnnlab.runs.checked import Checked
from cnnlab.runs.records import Run
from cnnlab.runs.store_log import Log
from cnnlab.runs.store_seen import SeenStore, SeenSweepStore
from cnnlab.seen_data import SeenChecking, SeenOwnData, SeenQueueing
from cnnlab.sharing import Sharing
from cnnlab.sweeping import Sweeps
from cnnlab.taking_away import ExportState, Images, Offer, TakingAway
from cnnlab.teaching.service import Teaching
from cnnlab.values import DatasetStatus, EpochPredictions, EvaluatedRun, Picture, RangeTestState

MOST_PEOPLE = 500  # whose views are kept


class SeenLab(Lab):
    """Shares everything with the lab but the record, which refuses what the person may not do, and hides what they do not see."""

    def __init__(self, lab: Lab, person: Person) -> None:
        self.__dict__.update(vars(lab))
        self._person = person
        self._store = SeenStore(lab._store, person)
        self._summaries = None
        self.own_data = SeenOwnData(self.home, self._store, person)
        self._queueing = SeenQueueing(self._helper, self._admission, self._store)
        self._queueing.own_data = self.own_data
        record = SeenSweepStore(self._store, person)
        self.sweeps = Sweeps(self._store, self._queueing, self.data, self.delete, record)
        self.teaching = Teaching(self, self._store, beside=lab.teaching, by=person.name, check=person.check_lead)
        self.assignments = _SeenAssignments(self.home, self.run, person, Log(self._store), self.own_data.checked)
        self.checking = SeenChecking(lab.checking, self.own_data)
        checked = self.own_data.checked
        self.networks = _SeenNetworks(lab.networks, person, checked)
        self.learners = _SeenLearners(lab.learners, person, checked)
        self.rates = _SeenRates(lab.rates, person, self.own_data)
        self.sharing = _SeenSharing(lab.sharing, self._store, person)
        self.published = _SeenPublished(lab.home, person)
        self.imported_weights = _SeenImportedWeights(self, person)
        self.away = _SeenAway(lab.away, self.run, person, self.own_data)
        self.own_pictures = OwnPictures(self._helper.ask, self._evaluated)
        self.inside = Looking(self.home, self._helper.ask, self._evaluated)

    def datasets(self) -> tuple[DatasetStatus, ...]:
        return tuple(each for each in super().datasets() if self.own_data.sees(each.entry.name))

    def dataset(self, name: str) -> DatasetStatus:
        self.own_data.check_seen(name)
        return super().dataset(name)

    def download(self, dataset: str) -> None:
        self._person.check_start()
        super().download(dataset)

    def class_counts(self, dataset: str, split: Split) -> tuple[int, ...]:
        self.own_data.check_seen(dataset)
        return super().class_counts(dataset, split)

    def pictures(self, dataset: str, split: Split, count: int, **which: Any) -> tuple[Picture, ...]:
        self.own_data.check_seen(dataset)
        return super().pictures(dataset, split, count, **which)

    def augmented(self, dataset: str, index: int, **steps: Any) -> tuple[str, ...]:
        self.own_data.check_seen(dataset)
        return super().augmented(dataset, index, **steps)

    def _evaluated(self, run_id: str) -> EvaluatedRun:
        """Raises ConfigError where the run's images are another person's alone, although its figures are seen."""
        run = super()._evaluated(run_id)
        self.own_data.check_seen(run.dataset)
        return run

    def start(self, config: RunConfig, **details: Any) -> str:
        self._person.check_start()  # before the helper is asked
        return super().start(config, **(details | {"owner": self._person.name}))  # whose limits count

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
    def __init__(self, home: Path, run: Callable[[str], Run], person: Person, log: Log, checked: Checked) -> None:
        super().__init__(home, run)
        self._person, self._log, self._checked = person, log, checked

    def make(self, task: Task, *, teacher: str = "") -> Assignment:
        self._checked.teach("assignment")
        made = super().make(task, teacher=self._person.name)
        self._log.note(self._person.name, "assignment", made.id, note=task.title)
        return made

    def hand_in(self, assignment: Assignment, run_id: str, *, learner: str) -> HandedIn:
        """Raises NotAllowed for a run of another person."""
        self._checked.change(self._run(run_id).owner, "run", "hand in", run_id)
        done = super().hand_in(assignment, run_id, learner=self._person.name)
        self._log.note(self._person.name, "hand in", run_id, assignment.teacher, note=assignment.task.title)
        return done

    def handed_in(self, assignment: Assignment) -> tuple[HandedIn, ...]:
        """All for a teacher, and one's own for others."""
        every = super().handed_in(assignment)
        if self._person.may(Action.TEACH, self._person.name):
            return every
        return tuple(each for each in every if each.learner == self._person.name)

    def delete(self, assignment: Assignment) -> None:
        self._checked.teach("assignment delete", assignment.id)
        super().delete(assignment)
        self._log.note(self._person.name, "assignment delete", assignment.id, note=assignment.task.title)


class _SeenNetworks(Networks):
    def __init__(self, networks: Networks, person: Person, checked: Checked) -> None:
        self.__dict__.update(vars(networks))
        self._person, self._checked = person, checked

    def every(self) -> tuple[SavedNetwork, ...]:
        return tuple(each for each in super().every() if self._person.may(Action.SEE, each.owner))

    def find(self, network_id: str) -> SavedNetwork | None:
        found = super().find(network_id)
        return found if found and self._person.may(Action.SEE, found.owner) else None

    def save(self, network: Network, *, owner: str = "") -> SavedNetwork:
        self._person.check_start()
        return super().save(network, owner=self._person.name)

    def delete(self, saved: SavedNetwork) -> None:
        """Raises NotAllowed for a network of another person, whatever owner it is given with."""
        found = self.find(saved.id)
        if found:
            self._checked.change(found.owner, "network", "network", found.id)
            super().delete(found)

    def shown(self, owner: str) -> str:
        return self._person.shown(owner)


class _SeenLearners(Learners):
    """Teachers see everyone's progress, and others their own and that of their browser."""

    def __init__(self, learners: Learners, person: Person, checked: Checked) -> None:
        self.__dict__.update(vars(learners))
        self._person, self._checked = person, checked

    def _file(self, key: str) -> Path:
        kind, _space, name = key.partition(" ")
        if kind == "name" and name != self._person.name and not self._person.may(Action.TEACH, self._person.name):
            self._checked.refuse("progress", name)
        return super()._file(key)


class _SeenRates(RateFinder):
    def __init__(self, rates: RateFinder, person: Person, own_data: SeenOwnData) -> None:
        self.__dict__.update(vars(rates))
        self._person, self._own_data = person, own_data

    def test(self, config: RunConfig) -> RangeTestState:
        self._person.check_start()
        self._own_data.check_seen(config.dataset)
        return super().test(config)

    def cancel(self, config: RunConfig) -> None:
        self._person.check_start()
        super().cancel(config)


class _SeenImportedWeights(ImportedWeights):
    def __init__(self, lab: SeenLab, person: Person) -> None:
        super().__init__(lab.home, lab.data, lab._helper.ask, lab._queueing, lab._store)
        self._person = person

    def start(self, config: RunConfig, content: bytes, **details: Any) -> str:
        self._person.check_start()
        return super().start(config, content, **(details | {"owner": self._person.name}))


class _SeenPublished(PublishedWeights):
    def __init__(self, home: Path, person: Person) -> None:
        super().__init__(home)
        self._person = person

    def fetch(self, network: ZooNetwork) -> None:
        self._person.check_start()
        super().fetch(network)


class _SeenSharing(Sharing):
    def __init__(self, sharing: Sharing, store: SeenStore, person: Person) -> None:
        self.__dict__.update(vars(sharing))  # one look at the whole queue for all
        self._sharing, self._seen, self._person = sharing, store, person

    def limits(self, owner: str) -> Limits:
        """Of others for a teacher alone, who else gets their own; `usage` likewise."""
        return super().limits(self._whose(owner))

    def usage(self, owner: str, *, disk: bool = False) -> Usage:
        return super().usage(self._whose(owner), disk=disk)

    def starts(self) -> Mapping[str, Start]:
        every = self._sharing.starts()
        seen = {run.id for run in self._seen.queue()} if self._person.apart else every.keys()
        return {run_id: start for run_id, start in every.items() if run_id in seen}

    def _whose(self, owner: str) -> str:
        return owner if self._person.may(Action.TEACH, self._person.name) else self._person.name


class _SeenAway(TakingAway):
    def __init__(self, away: TakingAway, run: Callable[[str], Run], person: Person, own_data: SeenOwnData) -> None:
        self.__dict__.update(vars(away))  # one export at a time for all
        self._seen, self._person, self._own_data = run, person, own_data

    def images(self, dataset: str) -> Images | None:
        self._own_data.check_seen(dataset)
        return super().images(dataset)

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
