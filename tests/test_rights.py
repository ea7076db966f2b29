"""Every public method of the lab and its services, and what becomes of it when a student turns it on what is another's.

A method that is added without a line in the table fails the first test.
"""

from __future__ import annotations

import inspect
import io
import re

import pytest
from made_runs import CONFIG
from own_files import folder, job, pets
from page_fakes import ROOT
from taught import ANA, BEN, OBSERVER, TEACHER, taught_lab

from cnnlab.access.roles import Person, Role
from cnnlab.architectures.own import Network
from cnnlab.assignments import Task
from cnnlab.config import RunConfig
from cnnlab.datasets.own import ImageAt
from cnnlab.errors import ConfigError, NotAllowed, RunNotFound, SweepNotFound
from cnnlab.own_data.bringing import bring
from cnnlab.own_data.values import Choices, ImportStatus
from cnnlab.seen import seen_by
from cnnlab.sweeps.dimensions import Dimension
from cnnlab.sweeps.values import SweepConfig
from cnnlab.system import working_home
from cnnlab.taking_away import OFFERS
from cnnlab.workers import imports

APART = Person("Ben Okafor", Role.STUDENT, apart=True)
SWEEP = SweepConfig.make(base=CONFIG, dimensions=(Dimension(setting="learning_rate", values=(0.1, 0.2)),), method="grid")
OWN_CODE = RunConfig.make(architecture="own-code", options={"code": f"net.py:Net@{'0' * 64}"})
ROWS = '{"title": "Mine", "layers": [{"kind": "flatten"}, {"kind": "linear", "units": 0}]}'
LESSON, IMAGES = "01-dense-layers", [ImageAt("train", 0)]

# What another's is: refused to a student, with a row in the log. {run}, {sweep}, … are Ana's.
REFUSED = {
    "stop": ["{run}"], "pause": ["{run}"], "resume": ["{run}"], "extend": ["{run}", 1], "rename": ["{run}", "x"],
    "annotate": ["{run}", "x"], "tag": ["{run}"], "delete": ["{run}"], "start_over": ["{run}"], "move_in_queue": ["{run}", 1],
    "sweeps.stop": ["{sweep}"], "sweeps.resume": ["{sweep}"], "sweeps.delete": ["{sweep}"],
    "own_data.rename": ["{shown}", "x"], "own_data.delete": ["{shown}"], "own_data.set_aside": ["{shown}", IMAGES],
    "own_data.take_back": ["{shown}", IMAGES], "own_data.stop": [], "own_data.forget": [],
    "own_data.forget_people": [["Ana Silva"]],
    "checking.begin_search": ["{shown}"], "checking.stop_search": ["{shown}"],
    "networks.delete": ["{network}"],
    "learners.progress": ["{learner}"], "learners.predict": ["{learner}", LESSON, 0],
    "learners.answer": ["{learner}", LESSON, "a", 0],
    "learners.finish": ["{learner}", LESSON], "learners.forget": ["{learner}", LESSON], "learners.delete": ["{learner}"],
    "learners.adopt": ["name Ben Okafor", "{learner}"],
    "assignments.make": ["{task}"], "assignments.delete": ["{assignment}"],
    "teaching.overview": [], "teaching.hint": [["Ana Silva"], "x"], "teaching.announce": ["x"], "teaching.withdraw": [],
    "teaching.pause": [], "teaching.go_on": [], "teaching.start_next": ["{run}"], "teaching.delete": ["{run}"],
    "teaching.shares": [], "teaching.clean_up": ["Ana Silva", "failed"], "teaching.log": [], "teaching.note": ["delete"],
    "teaching.files": [], "teaching.archive": ["{path}"], "teaching.to_forget": ["{path}"], "teaching.forget": [None],
}  # fmt: skip
HAND_IN = {"assignments.hand_in"}  # refused as well; takes its learner by name
# As if it did not exist, where students see their own runs alone, and of a data set that is not for all.
HIDDEN = {
    "run": ["{run}"], "events": ["{run}"], "epochs": ["{run}"], "progress": ["{run}"], "disk_bytes": ["{run}"],
    "resumes_by_itself": ["{run}"], "last_recorded": ["{run}"], "predicted": ["{run}", 1, (0,)], "predictions": ["{run}"],
    "examples": ["{run}"], "disagreements": ["{run}", "{run}"],
    "away.state": ["{run}", OFFERS[0]], "away.start": ["{run}", OFFERS[0]],
    "away.images": ["{hidden}"],
    "inside.look": ["{run}"], "inside.network": ["{run}"], "inside.kept_epochs": ["{run}"], "inside.over_the_epochs": ["{run}"],
    "own_pictures.answer": ["{run}", b"", (1, 28, 28)],
    "sweeps.get": ["{sweep}"], "sweeps.trials": ["{sweep}"], "sweeps.csv": ["{sweep}"],
    "dataset": ["{hidden}"], "class_counts": ["{hidden}", "train"], "pictures": ["{hidden}", "train", 1],
    "augmented": ["{hidden}", 0],
    "own_data.get": ["{hidden}"], "own_data.stored": ["{hidden}", "train"],
    "own_data.kept": ["{hidden}", "train"],
    "own_data.check_seen": ["{hidden}"],
    "checking.checkup": ["{hidden}"], "checking.search": ["{hidden}"], "checking.pictures": ["{hidden}", IMAGES],
}  # fmt: skip
# Begins something under the name of who asks, and nothing for who only looks.
STARTS = {
    "start": [CONFIG, {"token": "t", "owner": "Ana Silva"}], "download": ["mnist"], "sweeps.start": [SWEEP, {"token": "t"}],
    "rates.test": [CONFIG], "rates.cancel": [CONFIG], "networks.save": [Network.read(ROWS), {"owner": "Ana Silva"}],
    "own_data.upload": ["a.zip", io.BytesIO(), Choices("x")], "own_data.take_shared": ["a", Choices("x")],
    "published.fetch": [None], "imported_weights.start": [CONFIG, b"", {"token": "w", "owner": "Ana Silva"}],
}  # fmt: skip
# Lists, and what is looked up in them: nothing of others in any, where students see their own alone (test_seen.py).
LISTS = {
    "runs", "training", "queue", "summaries", "datasets", "sweeps.all", "own_data.sets", "own_data.sees", "own_data.status",
    "networks.every", "networks.find", "networks.shown", "assignments.every", "assignments.find", "assignments.handed_in",
    "sharing.limits", "sharing.usage", "sharing.starts", "teaching.notes", "teaching.dismiss",
}  # fmt: skip
# Belongs to nobody: the machine, the catalogue, the lab's rules; and questions about a `Look`, which `inside.look` has checked.
NOBODYS = {
    "architectures", "presets", "devices", "device_states", "ready", "layers", "design", "forecast", "without_record",
    "queue_waits", "sharing.rules", "sharing.together", "own_data.shared", "lessons.of", "networks.written_out", "away.code",
    "rates.state", "published.missing", "published.state",
    "teaching.announcement", "teaching.paused", "inside.seen", "inside.maps", "inside.sheet", "inside.numbers", "inside.attributed",
    "inside.neighbours", "inside.modes", "inside.kernels", "inside.worked_out",
}  # fmt: skip
# Of the programs that hold a lab: no page calls them.
PROGRAMS = {"close", "shut_down", "sweeps.shut_down", "checking.stop_all"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, taught_lab(tmp_path_factory.mktemp("home"), patch) as lab:
        patch.setenv(working_home.HOME, "")
        yield lab


@pytest.fixture(scope="module")
def anas(lab, tmp_path_factory):
    """What belongs to Ana, and to her teacher, by the words of the table."""
    ana, teacher = seen_by(lab, ANA), seen_by(lab, TEACHER)
    files = folder(tmp_path_factory.mktemp("files") / "pets", pets(10))
    task = Task(title="Why?", config=CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        running = ImportStatus("running", "reading", 1, 9, "Pets", "Ana Silva")
        patch.setattr(imports, "status", lambda _home: running)
        yield {
            "run": ana.start(CONFIG, token="ana"),
            "sweep": ana.sweeps.start(SWEEP, token="ana"),
            "shown": bring(job(lab.home, files, "Shown", owner="Ana Silva", for_all=True)).name,
            "hidden": bring(job(lab.home, files, "Hidden", owner="Ana Silva", for_all=False)).name,
            "network": ana.networks.save(Network.read(ROWS)),
            "learner": "name Ana Silva",
            "task": task,
            "assignment": teacher.assignments.make(task),
            "path": lab.home / "archive.zip",
        }


def services(lab):
    """The lab as "", and the services that it has by name."""
    return {"": lab} | {name: part for name, part in vars(lab).items() if not name.startswith("_") and _is_ours(part)}


def _is_ours(part):
    return type(part).__module__.startswith("cnnlab.")


def methods(lab):
    for name, service in services(lab).items():
        for method, _function in inspect.getmembers(type(service), inspect.isfunction):
            if not method.startswith("_"):
                yield f"{name}.{method}".removeprefix(".")


def called(lab, name, arguments, of):
    *service, method = name.split(".")
    given = dict(arguments[-1]) if arguments and isinstance(arguments[-1], dict) else {}
    values = [
        of.get(each.strip("{}"), each) if isinstance(each, str) else each for each in (arguments[:-1] if given else arguments)
    ]
    return getattr(getattr(lab, service[0]) if service else lab, method)(*values, **given)


def refusals(lab):
    return [entry for entry in lab.teaching.log(10_000) if entry.refused]


def test_every_public_method_stands_in_the_table(lab):
    table = [*REFUSED, *HAND_IN, *HIDDEN, *STARTS, *LISTS, *NOBODYS, *PROGRAMS]

    assert len(table) == len(set(table))
    assert set(methods(lab)) | set(methods(seen_by(lab, BEN))) == set(table)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_another_s_is_refused_to_a_student_and_noted(lab, anas, name):
    before = len(refusals(lab))

    with pytest.raises(NotAllowed):
        called(seen_by(lab, BEN), name, REFUSED[name], anas)

    noted = refusals(lab)
    assert len(noted) == before + 1
    assert noted[0].who == "Ben Okafor"
    assert lab.run(anas["run"]).owner == "Ana Silva"
    assert lab.run(anas["run"]).active


def test_a_student_hands_in_no_run_of_another_s(lab, anas):
    with pytest.raises(NotAllowed):
        seen_by(lab, BEN).assignments.hand_in(anas["assignment"], anas["run"], learner="Ana Silva")

    assert (refusals(lab)[0].did, refusals(lab)[0].whose) == ("hand in", "Ana Silva")


@pytest.mark.parametrize("name", HIDDEN)
def test_what_a_student_does_not_see_is_as_if_it_were_not_there(lab, anas, name):
    missing = ConfigError if "{hidden}" in HIDDEN[name] else (RunNotFound, SweepNotFound)

    with pytest.raises(missing, match=r"There is no|no data set"):
        called(seen_by(lab, APART), name, HIDDEN[name], anas)


OF_ITS_IMAGES = ("predictions", "examples", "disagreements", "own_pictures.answer", "inside.look", "inside.network")


@pytest.mark.parametrize("name", OF_ITS_IMAGES)
def test_images_that_are_another_s_alone_are_not_seen_through_a_run_on_them(lab, anas, name, monkeypatch):
    monkeypatch.setenv(working_home.HOME, str(lab.home))
    of_hidden = seen_by(lab, ANA).start(CONFIG.change(dataset=anas["hidden"]), token="hidden")

    assert seen_by(lab, BEN).run(of_hidden).owner == "Ana Silva"
    with pytest.raises(ConfigError, match="There is no data set"):
        called(seen_by(lab, BEN), name, HIDDEN[name], anas | {"run": of_hidden})
    assert seen_by(lab, TEACHER).inside.kept_epochs(of_hidden) == ()


@pytest.mark.parametrize("name", STARTS)
def test_who_only_looks_begins_nothing(lab, name):
    with pytest.raises(NotAllowed, match="here to look"):
        called(seen_by(lab, OBSERVER), name, STARTS[name], {})


@pytest.mark.parametrize("person", [None, BEN, TEACHER], ids=["guest", "student", "teacher"])
def test_own_code_is_started_by_nobody_behind_a_page(lab, person, monkeypatch):
    """Whatever their form, file or address says: it would run on the lab's machine. The command line alone may."""
    seen, before, asked = (seen_by(lab, person) if person else lab), len(lab.runs()), []
    for helper in {lab._helper, seen._helper}:
        monkeypatch.setattr(helper, "ask", lambda question, **_: asked.append(question))
    sweep = SweepConfig.make(base=OWN_CODE, dimensions=SWEEP.dimensions, method="grid")
    attempts = {
        "a run": lambda: seen.start(OWN_CODE, token="own"),
        "a twin": lambda: seen.start(OWN_CODE.change(learning_rate=0.5), token="own twin"),
        "a sweep": lambda: seen.sweeps.start(sweep, token="own sweep"),
        "weights": lambda: seen.imported_weights.start(OWN_CODE, b"", token="own weights"),
        "a range test": lambda: seen.rates.test(OWN_CODE),
        "the record": lambda: seen._store.create(OWN_CODE, "own record", **({"own_code": True} if person else {})),
    }
    if person is not BEN:
        attempts["an assignment"] = lambda: seen.assignments.make(Task(title="Run this", config=OWN_CODE))
    for attempt in attempts.values():
        with pytest.raises(NotAllowed, match="Only the command line on the lab's machine"):
            attempt()

    assert (len(lab.runs()), asked) == (before, [])  # none of the code was run to find out


def test_what_is_begun_belongs_to_who_begins_it(lab):
    assert seen_by(lab, BEN).networks.save(Network.read(ROWS), owner="Ana Silva").owner == "Ben Okafor"
    assert lab.run(called(seen_by(lab, BEN), "start", STARTS["start"], {})).owner == "Ben Okafor"


def test_no_page_calls_what_is_for_programs():
    called_by_name = re.compile(r"\.(shut_down|stop_all)\(|\blab\.close\(")

    assert [path.name for path in (ROOT / "pages").rglob("*.py") if called_by_name.search(path.read_text(encoding="utf-8"))] == []
