"""Whose limits are whose: tables for roles and persons, what a class has without a file, and names that nobody verifies."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest
from made_runs import CONFIG

import cnnlab
from cnnlab.access import classes
from cnnlab.access.classes import Member
from cnnlab.access.roles import Person, Role
from cnnlab.errors import ConfigError, LimitError
from cnnlab.events import Progress, RunStarted
from cnnlab.forecasts.admission import Admission
from cnnlab.forecasts.forecaster import Forecaster
from cnnlab.forecasts.limits import Limits
from cnnlab.forecasts.limits_file import QUEUE, SLICE, STUDENTS, rules
from cnnlab.forecasts.usage import Usage
from cnnlab.lab import Lab
from cnnlab.layers.trace import layer_table
from cnnlab.runs import ledger
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.runs.sweep_store import SweepStore
from cnnlab.seen import seen_by
from cnnlab.sweeps.dimensions import Dimension
from cnnlab.sweeps.values import SweepConfig
from cnnlab.system.home import run_folder
from cnnlab.training.costs import DeviceSpeed
from cnnlab.workers.shares import Shares, Turn

FILE = """
epochs = 50
minutes_a_day = 300
[student]
minutes_a_day = 60
[teacher]
epochs = "none"
[person."ana silva"]
epochs = 80
disk_per_owner = "1 GB"
"""
RAISE = "Your teacher, or the host of this lab, can raise this limit ({})."


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The home of a class with a teacher and two students, without a file of limits."""
    monkeypatch.delenv("CNNLAB_LIMITS", raising=False)
    people = (("Ms Li", Role.TEACHER), ("Ana Silva", Role.STUDENT), ("Ben", Role.STUDENT))
    members = tuple(Member(id=name, name=name, role=role) for name, role in people)  # without codes, whose hashes take time
    made = classes.new_class("7b", members=members)
    home = tmp_path / "home"
    home.mkdir()
    classes.save(home, made)
    return home


@pytest.fixture
def store(home):
    with closing(Store(home)) as store:
        yield store


def admission(store: Store) -> Admission:
    return Admission(Forecaster(lambda **_: DeviceSpeed("cpu", None, None, "unknown", None), layer_table, store), store)


def train(store: Store, owner: str, minutes: float, device: str = "cpu") -> None:
    with store.transaction(write=True) as connection:
        ledger.count(connection, owner, device, 60 * minutes, store._clock())


def sweep_of_two() -> SweepConfig:
    return SweepConfig.make(base=CONFIG, dimensions=(Dimension(setting="learning_rate", values=(0.1, 0.2)),), method="grid")


def shown(limits: Limits) -> dict:
    return limits.model_dump(exclude_none=True)


def test_a_class_has_limits_for_students_without_a_file_and_none_for_teachers(home):
    known = rules(home)
    whole = {"queue": QUEUE, "slice_minutes": SLICE}
    assert shown(known.of("Ben")) == shown(STUDENTS) | whole
    assert shown(known.of("Ms Li")) == shown(known.of("")) == whole
    assert shown(known.of("signed in by a proxy")) == shown(known.of("Ben"))


def test_a_lab_without_a_class_has_a_bound_on_its_queue_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("CNNLAB_LIMITS", raising=False)
    assert shown(rules(tmp_path).of("Ben")) == {"queue": QUEUE}


def test_a_person_comes_before_their_role_and_the_role_before_the_general_limits(home, limit):
    limit(FILE)
    known = rules(home)
    ana, ben, teacher = (known.of(name) for name in ("Ana Silva", "Ben", "Ms Li"))
    assert (ana.epochs, ana.minutes_a_day, ana.disk_per_owner) == (80, 60, 10**9)
    assert (ben.epochs, ben.minutes_a_day, ben.disk_per_owner, ben.parallel) == (50, 60, None, STUDENTS.parallel)
    assert (teacher.epochs, teacher.minutes_a_day) == (None, 300)


def test_a_general_limit_stands_in_place_of_what_a_class_has_without_a_file(home, limit):
    limit('minutes_a_day = 30\nparallel = "none"\nqueue = "none"')
    ben = rules(home).of("Ben")
    assert (ben.minutes_a_day, ben.parallel, ben.queue, ben.runs_per_owner) == (30, None, None, STUDENTS.runs_per_owner)


def test_a_change_of_the_class_counts_at_once(home):
    assert rules(home).of("Ms Li").minutes_a_day is None
    classes.save(home, classes.load(home).without("Ms Li"))
    assert rules(home).of("Ms Li").minutes_a_day == STUDENTS.minutes_a_day


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("student = 3", "student must be a table of limits, such as epochs = 100, not 3"),
        ("[student]\nepochs = 0", "student.epochs must be a whole number above 0, not 0"),
        ("[teacher]\nqueue = 3", "there is no limit 'teacher.queue'; the limits are epochs, max_seconds"),
        ("person = 1", "person must be a table of limits"),
        (
            '[person.Ana]\ndisk_per_owner = "much"',
            "person.Ana.disk_per_owner must be a size above 0, such as \"20 GB\", not 'much'",
        ),
        ("[person]\nAna = 7", "person.Ana must be a table of limits"),
        ("[pupil]\nepochs = 3", "there is no limit 'pupil'"),
        ("minutes_a_day = 1.5", "minutes_a_day must be a whole number above 0, not 1.5"),
    ],
)
def test_a_wrong_table_is_named(home, limit, text, reason):
    limit(text)
    with pytest.raises(ConfigError) as caught:
        rules(home)
    assert reason in str(caught.value)


def test_minutes_that_are_used_up_refuse_each_way_to_train_on(store, limit):
    """A new run, a further one, a sweep's and one that goes on: all are asked for by the same check."""
    limit("[student]\nminutes_a_day = 60\ngpu_minutes_a_week = 90")
    check, run_id = admission(store), store.create(CONFIG, "t", owner="Ben", state=State.PAUSED)
    with store.transaction(write=True) as connection:
        connection.execute("UPDATE runs SET ended = 1 WHERE id = ?", (run_id,))
    train(store, "Ben", 59)
    check.new(CONFIG, "Ben")
    train(store, "Ben", 1)
    sentence = "The 60 minutes of training a day that this lab allows are used up: it goes on after midnight."
    sentence = f"{sentence} {RAISE.format('minutes_a_day')}"
    for ask in (lambda: check.new(CONFIG, "Ben"), lambda: check.further(store.run(run_id), CONFIG)):
        with pytest.raises(LimitError) as caught:
            ask()
        assert (str(caught.value), caught.value.temporary) == (sentence, True)
    check.new(CONFIG, "Ana Silva")
    check.new(CONFIG, "Ms Li")

    limit("[student]\nminutes_a_day = 600\ngpu_minutes_a_week = 90")
    train(store, "Ben", 90, "cuda:0")
    check.new(CONFIG.change(device="cpu"), "Ben")
    with pytest.raises(LimitError, match=r"The 1.5 hours on a GPU a week .* \(gpu_minutes_a_week\)"):
        rules(store.home).of("Ben").check(CONFIG.change(device="cuda"), used=Usage(150, 90, None, 0))


def test_gpu_minutes_that_are_used_up_hold_runs_where_a_place_has_reported_a_gpu(store, limit):
    """Before its first report a place is unknown: a run begins there, and its turn is over with its first report of progress."""
    limit("[student]\nminutes_a_day = 600\ngpu_minutes_a_week = 90")
    train(store, "Ben", 90, "cuda:0")
    there, known = CONFIG.change(device="at:cluster"), rules(store.home)
    check, shares = admission(store), Shares(store, lambda: known)
    run_id = store.create(there, "t", owner="Ben", admit=check.new(there, "Ben").admit)
    (waits,) = store.active()
    assert shares.obstacle(waits, "at:cluster", ()) == ""

    store.transition(run_id, State.STARTING, device="at:cluster")
    store.add(run_id, RunStarted("at:cluster", "H100, n1", 1, 50, 50, 2, 20, 10, computes_on="cuda:0"), to=State.RUNNING)
    latest = Progress(1, 1, 2, 1, 2.0, 0.25, 9_500.0, 0.1, 0.1, 1.0, 800.0)
    sentence = "The 1.5 hours on a GPU a week that this lab allows are used up: it goes on on Monday, or on the CPU."
    assert Turn(store, store.run(run_id), "at:cluster", known, slices=True).is_over(latest) == sentence
    assert Shares(store, lambda: known).obstacle(waits, "at:cluster", ()) == sentence
    with pytest.raises(LimitError, match="on a GPU a week"):
        check.new(there, "Ben")
    check.new(CONFIG.change(device="at:other"), "Ben")
    check.new(there, "Ana Silva")


def test_the_queue_of_all_and_the_runs_of_one_are_counted_where_a_run_is_queued(store, limit):
    limit("queue = 3\n[student]\nruns_per_owner = 2")
    check = admission(store)
    for number, owner in enumerate(("Ana Silva", "Ana Silva", "Ben")):
        store.create(CONFIG, str(number), owner=owner, admit=check.new(CONFIG, owner).admit)
    for owner, sentence in (
        ("Ana Silva", "You have 2 runs waiting or training, and this lab allows 2 at a time: wait until one has ended."),
        ("Ben", f"3 runs wait, and this lab allows 3 in its queue: try again when one has begun. {RAISE.format('queue')}"),
    ):
        with pytest.raises(LimitError) as caught:
            store.create(CONFIG, f"{owner} again", owner=owner, admit=check.new(CONFIG, owner).admit)
        assert str(caught.value).startswith(sentence)
    assert len(store.runs()) == 3


def test_the_disk_of_a_person_is_that_of_their_runs_alone(store, limit):
    limit('[student]\ndisk_per_owner = "10 MB"')
    for owner, size in (("Ana Silva", 9 * 10**6), ("Ben", 10**3)):
        folder = run_folder(store.home, store.create(CONFIG, owner, owner=owner, state=State.FINISHED))
        folder.mkdir(parents=True)
        (folder / "last.pt").write_bytes(bytes(size))
    with store.transaction(write=True) as connection:
        connection.execute("UPDATE runs SET ended = 1")
    admission(store).new(CONFIG, "Ben")
    with pytest.raises(
        LimitError,
        match=r"Your runs and data sets take 9 MB and this run's .* than the 10 MB a person that this lab allows: delete",
    ):
        admission(store).new(CONFIG, "Ana Silva")


def test_a_hundred_names_have_together_what_one_may_where_nothing_verifies_them(tmp_path, limit):
    limit("minutes_a_day = 60\nruns_per_owner = 2")
    with closing(Store(tmp_path)) as store:
        check = admission(store)
        for name in ("first", "second"):
            store.create(CONFIG, name, owner=name, admit=check.new(CONFIG, name).admit)
        with pytest.raises(LimitError, match="All visitors together have 2 runs waiting or training, and this lab allows 2"):
            store.create(CONFIG, "third", owner="third", admit=check.new(CONFIG, "third").admit)
        for name in range(100):
            train(store, f"visitor {name}", 0.6)
        with pytest.raises(LimitError, match="The 60 minutes of training a day"):
            check.new(CONFIG, "visitor 100")


def test_what_is_left_is_words_for_the_form():
    limits = Limits(minutes_a_day=120, gpu_minutes_a_week=300, parallel=2, runs_per_owner=10)
    used = Usage(36.4, 299.9, None, 1)
    assert limits.left_in_words(used) == "Left today: 83 minutes of 2 hours. Left on a GPU this week: 0 seconds of 5 hours."
    assert limits.left_in_words(used, together=True).startswith("Left today, for all visitors together: 83 minutes of 2 hours.")
    assert Limits().left_in_words(used) == ""
    assert limits.in_words() == (
        "This lab allows up to 2 runs training at a time, 10 waiting or training, 2 hours of training a day and 5 hours on "
        "a GPU a week."
    )
    assert "2 runs of all visitors training at a time" in limits.in_words(together=True)


def test_the_doctor_reads_all_limits_of_a_class(home, limit):
    assert rules(home).in_words() == (
        "At most 100 runs may wait. A run gives way to others that wait after 20 minutes at a stretch. A student: this lab allows "
        "up to 2 runs training at a time, 10 waiting or training and 2 hours of training a day."
    )
    limit(FILE)
    assert "ana silva: has limits of their own." in rules(home).in_words()
    assert rules(home.parent).in_words().endswith("Its tables for roles and persons count once the lab has a class.")


@pytest.mark.parametrize("way", ["start", "resume", "extend", "start_over", "sweep"])
def test_no_way_to_train_on_leads_around_the_minutes(home, store, limit, monkeypatch, way):
    """A twin, a second seed, a lesson and an assignment start as the form does; the next test counts the ways."""
    limit("[student]\nminutes_a_day = 60")
    monkeypatch.setattr("cnnlab.system.background.ensure", lambda home: None)
    train(store, "Ben", 60)
    states = {"resume": State.PAUSED, "extend": State.FINISHED, "start_over": State.FAILED}
    run_id = store.create(CONFIG, "t", owner="Ben", state=states.get(way, State.FINISHED))
    with store.transaction(write=True) as connection:
        connection.execute("UPDATE runs SET ended = 1")
    with closing(Lab(home)) as lab:
        lab._admission = lab._queueing._admission = admission(lab._store)
        lab._helper.ask = lambda *_, **__: None
        seen = seen_by(lab, Person("Ben", Role.STUDENT))
        ask = {
            "start": lambda: seen.start(CONFIG, token="new", owner="Ms Li"),
            "resume": lambda: seen.resume(run_id),
            "extend": lambda: seen.extend(run_id, 1),
            "start_over": lambda: seen.start_over(run_id),
            "sweep": lambda: seen.sweeps.start(sweep_of_two(), token="s", owner="Ben"),
        }[way]
        with pytest.raises(LimitError, match="of training a day that this lab allows are used up"):
            ask()
        assert [(run.id, run.active) for run in lab.runs()] == [(run_id, False)]


def test_runs_are_made_and_queued_again_in_few_places():
    """Each of them asks for the limits of the run's owner; a new one belongs here once it does."""
    root = Path(cnnlab.__file__).parent
    queues = re.compile(r"store\.(create|resume|extend|start_over)\(")
    found = {
        path.relative_to(root).as_posix(): sorted({call[1] for call in queues.finditer(path.read_text(encoding="utf-8"))})
        for path in [*root.rglob("*.py"), *(root.parent / "pages").rglob("*.py")]
        if "_store.create(config, token, name.strip()" not in path.read_text(encoding="utf-8")  # a sweep's own record
        and queues.search(path.read_text(encoding="utf-8"))
    }
    assert found == {
        "cli/train.py": ["create"], "lab.py": ["extend", "start_over"], "workers/queueing.py": ["create", "resume"],
        "cli/weights.py": ["create"],  # which trains nothing
    }  # fmt: skip


def test_a_sweep_belongs_to_its_owner_and_each_of_its_runs_is_counted(store):
    """The sweeper queues with the sweep's owner, through the check of every run."""
    sweep = SweepStore(store).sweep(SweepStore(store).create(sweep_of_two(), "t", "s", owner="Ben"))
    train(store, "Ben", STUDENTS.minutes_a_day)
    with pytest.raises(LimitError, match="used up"):
        admission(store).new(CONFIG, sweep.owner)
