"""The search for wrong labels as a process: its progress, its end, its result, and who may begin it."""

from __future__ import annotations

import json
from contextlib import closing, suppress
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from filelock import FileLock

from cnnlab.access.roles import Person, Role
from cnnlab.compute.checkup import search
from cnnlab.datasets import own
from cnnlab.datasets.own import ImageAt
from cnnlab.errors import ConfigError, DataError, NotAllowed
from cnnlab.lab import Lab
from cnnlab.own_data.bringing import Job, bring
from cnnlab.own_data.checkup import Search, Suspect
from cnnlab.own_data.values import Choices
from cnnlab.seen import seen_by
from cnnlab.system import working_home
from cnnlab.system.home import private_folder
from cnnlab.training.cross_validation import Predicted, Step
from cnnlab.workers import suspects

ANA, BEN, TEACHER = Person("Ana", Role.STUDENT), Person("Ben", Role.STUDENT), Person("Ms Li", Role.TEACHER)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of this process."""
    monkeypatch.setenv(working_home.HOME, str(tmp_path))
    return tmp_path


@pytest.fixture
def brought(home):
    """A set of 80 images of two shades, of which one is labelled wrongly; it belongs to Ana."""
    noise = np.random.default_rng(0).integers(0, 60, (80, 12, 12))
    labels = np.arange(80) % 2
    images = (noise + 150 * labels[:, None, None]).astype(np.uint8)
    labels[10] = 1
    np.savez(home / "shades.npz", x_train=images[:60], y_train=labels[:60], x_test=images[60:], y_test=labels[60:])
    return bring(Job(home, home / "shades.npz", "shades.npz", Choices("Shades", size=12), owner="Ana", for_all=True))


def finish(search):
    with suppress(StopIteration):
        while True:
            next(search)


def test_a_search_finds_the_wrong_label_by_its_number_in_the_imported_set(home, brought, monkeypatch):
    monkeypatch.setattr("cnnlab.compute.checkup.IMAGES_TRAINED", 400)
    (place,) = [
        ImageAt("train", index) for index, (image, label) in enumerate(zip(*_stored(home, brought), strict=True))
        if label == 1 and image.mean() < 100
    ]  # fmt: skip

    suspects.work(home, brought)

    found = suspects.status(home, brought)
    assert (found.state, found.images, found.folds) == ("finished", 80, 4)
    assert found.accuracy == pytest.approx(79 / 80)
    assert [(ImageAt(each.split, each.index), each.label, each.predicted) for each in found.suspects] == [(place, 1, 0)]
    assert not [item.name for item in private_folder(home).iterdir() if item.is_dir()]  # its checkpoints are gone
    assert suspects.status(home, replace(brought, digest="another")) is None


def test_a_short_list_of_suspects_is_filled_with_the_surest_of_the_other_mistakes(home, brought, monkeypatch, tmp_path):
    classes = np.array(
        [int(image.mean() > 100) for split in ("train", "test") for image in own.stored(home, brought, split).images]
    )
    confidence = torch.linspace(0.99, 0.6, len(classes))
    classes[[3, 4]] = 1 - classes[[3, 4]]  # two mistakes more, of which no network is sure
    confidence[3:5] = torch.tensor([0.3, 0.4])

    def cross_validate(config, data, *, folds, folder):
        yield Step(0.5, None)
        return Predicted(torch.tensor(classes), confidence)

    monkeypatch.setattr("cnnlab.compute.checkup.cross_validate", cross_validate)
    with closing(search(home, brought, tmp_path)) as steps, pytest.raises(StopIteration) as end:
        while True:
            next(steps)
    found = end.value.value
    assert (found.mistakes, found.less_sure) == (3, 2)
    assert [each.index for each in found.suspects][1:] == [4, 3]


def _stored(home, brought):
    stored = own.stored(home, brought, "train")
    return stored.images, stored.labels


def test_a_search_reports_and_stops_when_it_is_asked_to(home, brought, monkeypatch):
    reports = []

    def search(home, brought, folder):
        for done in (0.1, 0.2, 0.3):
            yield Step(done, 9.0)
            reports.append(suspects.status(home, brought).done)
            suspects.stop(home, brought)
        pytest.fail("it goes on")

    monkeypatch.setattr("cnnlab.compute.checkup.search", search)
    suspects.work(home, brought)

    assert reports == [0.1]
    assert suspects.status(home, brought) == Search("stopped")
    assert not suspects.is_busy(home)


def test_what_goes_wrong_is_a_sentence_and_one_search_runs_at_a_time(home, brought, monkeypatch):
    started = []
    monkeypatch.setattr(suspects.processes, "start_detached", lambda module, arguments, *_: started.append(arguments[-1]))
    suspects.start(home, brought)
    suspects.start(home, brought)
    assert started == ["own-shades"]
    assert suspects.status(home, brought) == Search("running")
    record = private_folder(home) / "suspects-own-shades.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"time": 0}))
    assert suspects.status(home, brought).message.startswith("The search for wrong labels ended unexpectedly")
    with FileLock(private_folder(home) / "suspects.lock"), pytest.raises(DataError, match="Another data set is being searched"):
        suspects.start(home, brought)

    def search(*_):
        raise DataError("The images are damaged.")
        yield

    monkeypatch.setattr("cnnlab.compute.checkup.search", search)
    suspects.work(home, brought)
    assert suspects.status(home, brought) == Search("failed", message="The images are damaged.")
    record.write_text("{")
    assert suspects.status(home, brought) is None


def test_only_who_may_change_a_set_searches_it_and_who_does_not_see_it_asks_in_vain(home, brought, monkeypatch):
    begun = []
    monkeypatch.setattr(suspects, "start", lambda home, brought: begun.append(brought.name))
    with closing(Lab(home)) as lab:
        lab._helper.ask = lab.checking._ask = lambda question, **_: SimpleNamespace(asked=question)
        for person in (ANA, TEACHER):
            seen_by(lab, person).checking.begin_search(brought.name)
        ben = seen_by(lab, BEN).checking
        assert ben.checkup(brought.name).asked == "checkup"
        for refused in (ben.begin_search, ben.stop_search):
            with pytest.raises(NotAllowed, match="belongs to Ana"):
                refused(brought.name)
        suspects._write(home, brought, Search("finished", suspects=(Suspect("train", 10, 1, 0, 0.9),)))
        assert ben.search(brought.name).suspects[0].index == 10
        lab.checking.stop_all()
        assert not suspects._stop_file(home, brought).exists()  # it has ended
        (shown,) = ben.pictures(brought.name, [ImageAt("test", 0)])
        assert (shown.label, shown.data_uri[:22]) == (
            int(lab.own_data.stored(brought.name, "test").labels[0]),
            "data:image/png;base64,",
        )

        monkeypatch.setattr(own, "known", lambda *_: replace(brought, for_all=False))
        for ask in (ben.checkup, ben.search, ben.begin_search, lambda name: ben.pictures(name, [ImageAt("test", 0)])):
            with pytest.raises(ConfigError, match="There is no data set"):
                ask(brought.name)
    assert begun == ["own-shades"] * 2
