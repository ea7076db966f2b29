"""Everyone's results as files, and the end of a term: an archive that is read back, and the deletion of what it holds."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import zipfile
from contextlib import closing

import pytest
from made_runs import CONFIG, STARTED, done
from own_files import folder, job, pets
from taught import ANA, BEN, TEACHER, finished, taught_lab
from typer.testing import CliRunner

from cnnlab.access import classes
from cnnlab.architectures.own import Network
from cnnlab.assignments import Task
from cnnlab.cli import app
from cnnlab.datasets import own
from cnnlab.errors import RunNotFound, RunStateError, StoreError
from cnnlab.own_data.bringing import bring
from cnnlab.runs.records import State
from cnnlab.seen import seen_by
from cnnlab.system.home import run_folder
from cnnlab.teaching.archive import read_archive

ROWS = '{"title": "Mine", "layers": [{"kind": "flatten"}, {"kind": "linear", "units": 0}]}'


@pytest.fixture
def lab(tmp_path, monkeypatch):
    with taught_lab(tmp_path, monkeypatch) as lab:
        yield lab


@pytest.fixture
def term(lab):
    """A lab after some lessons: a run of each, an assignment with a hand-in, progress, and a hint. Gives it and the runs."""
    ids = {}
    for person, accuracy in ((ANA, 0.8), (BEN, 0.7), (TEACHER, 0.9)):
        run_id = ids[person.name] = seen_by(lab, person).start(CONFIG, token=person.name, name="=1+1")
        finished(lab, run_id, STARTED, done(1, accuracy))
        folder = run_folder(lab.home, run_id)
        folder.mkdir(parents=True)
        (folder / "best.pt").write_bytes(b"weights")
    task = lab.assignments.make(Task(title="Why?", config=CONFIG), teacher="Ms Li")
    seen_by(lab, ANA).assignments.hand_in(task, ids["Ana Silva"], learner="")
    lab.learners.finish("name Ana Silva", "convolution")
    lab.teaching.hint(["Ben Okafor"], "Try ReLU")
    return lab, ids


def rows(text):
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_everyones_results_are_files_without_formulas(term):
    lab, ids = term
    files = {name: write() for name, write in seen_by(lab, TEACHER).teaching.files().items()}

    students, runs, handed_in = (rows(files[name]) for name in ("students.csv", "runs.csv", "handed-in.csv"))
    assert [row[0] for row in students] == ["student", "Ana Silva", "Ben Okafor"]
    assert dict(zip(*students[:2], strict=True))["best test accuracy"] == "0.8"
    assert {row[0] for row in runs[1:]} == set(ids.values())
    assert {row[1] for row in runs[1:]} == {"'=1+1"}
    assert handed_in[1][1:4] == ["Why?", "Ana Silva", ids["Ana Silva"]]
    assert len(rows(files["epochs.csv"])) == 4
    assert "Ana Silva" in files["report.html"]
    assert "Ms Li" not in files["report.html"]


def test_no_result_is_a_sentence(lab):
    with pytest.raises(RunStateError, match="No student has a result yet"):
        lab.teaching.files()["report.html"]()


def test_an_archive_holds_the_record_and_the_hand_ins_and_is_for_its_owner_alone(term, tmp_path):
    lab, ids = term
    made = seen_by(lab, TEACHER).teaching.archive(tmp_path / "autumn.zip")

    assert set(made.runs) == set(ids.values())
    assert (tmp_path / "autumn.zip").stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(tmp_path / "autumn.zip") as archive:
        names = set(archive.namelist())
        archive.extract("lab.sqlite", tmp_path / "out")
    assert {"students.csv", "runs.csv", "log.csv", "report.html", "manifest.json"} < names
    assert any(name.startswith("assignments/") for name in names)
    assert not any(name.endswith((".pt", "class.json")) or name.startswith("private") for name in names), "no weights, no codes"
    with closing(sqlite3.connect(tmp_path / "out" / "lab.sqlite")) as copy:
        assert copy.execute("SELECT count(*) FROM events").fetchone()[0] > 0
    with pytest.raises(StoreError, match="name another one"):
        lab.teaching.archive(tmp_path / "autumn.zip")
    assert not list(tmp_path.glob(".autumn*")) + list(tmp_path.glob("cnnlab-archive-*"))


@pytest.mark.parametrize("harm", ["cut", "other", "changed", "no record", "no text"])
def test_a_damaged_archive_deletes_nothing(term, tmp_path, harm):
    lab, _ids = term
    path = tmp_path / "autumn.zip"
    lab.teaching.archive(path)
    content = {name: zipfile.ZipFile(path).read(name) for name in zipfile.ZipFile(path).namelist()}
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    elif harm == "no text":
        path.write_bytes(b"not a zip")
    else:
        content |= {"other": {"manifest.json": b"[]"}, "changed": {"runs.csv": b"x"}, "no record": {"lab.sqlite": b""}}[harm]
        with zipfile.ZipFile(path, "w") as archive:
            for name, each in content.items():
                archive.writestr(name, each)

    for ask in (lab.teaching.to_forget, read_archive):
        with pytest.raises(StoreError, match=r"autumn\.zip is no archive|damaged"):
            ask(path)
    assert len(lab.runs()) == 3


def test_forgetting_deletes_what_the_archive_holds_as_it_is_now(term, tmp_path):
    lab, ids = term
    lab.teaching.archive(tmp_path / "autumn.zip")
    late = seen_by(lab, BEN).start(CONFIG, token="late")
    lab.stop(late)

    (task,) = lab.assignments.every()

    what = seen_by(lab, TEACHER).teaching.to_forget(tmp_path / "autumn.zip")
    assert what.assignments == (task.id,)
    assert ({run.id for run in what.runs}, what.kept) == ({ids["Ana Silva"], ids["Ben Okafor"]}, (late,))
    assert (what.bytes, set(what.people)) == (14, {"Ana Silva", "Ben Okafor", "Parents"})
    seen_by(lab, TEACHER).teaching.forget(what)

    for gone in ("Ana Silva", "Ben Okafor"):
        assert not run_folder(lab.home, ids[gone]).exists()
        with pytest.raises(RunNotFound):
            lab.run(ids[gone])
    assert {run.id for run in lab.runs()} == {late, ids["Ms Li"]}
    assert [member.name for member in classes.load(lab.home).members] == ["Ms Li"]
    assert (lab.assignments.every(), lab.learners.progress("name Ana Silva")) == ((), {})
    assert [(entry.who, entry.did) for entry in lab.teaching.log()] == [("Ms Li", "forget")]
    left = [path for path in lab.home.rglob("*.json") if "Ana" in path.read_text() or "Ben" in path.read_text()]
    assert left == []


def test_forgetting_takes_the_images_and_networks_of_those_who_leave_and_their_names(term, tmp_path):
    lab, _ids = term
    files = folder(tmp_path / "pets", pets(10))
    anas, deleted, teachers = (
        bring(job(lab.home, files, title, owner=owner, for_all=False)).name
        for title, owner in (("Cats", "Ana Silva"), ("Gone", "Ben Okafor"), ("Shared", "Ms Li"))
    )
    lab.own_data.delete(deleted)
    for person in (ANA, TEACHER):
        seen_by(lab, person).networks.save(Network.read(ROWS))
    seen_by(lab, TEACHER).teaching.archive(tmp_path / "autumn.zip")
    late = seen_by(lab, BEN).networks.save(Network.read(ROWS))

    what = seen_by(lab, TEACHER).teaching.to_forget(tmp_path / "autumn.zip")
    assert (what.sets, len(what.networks)) == (("Cats",), 1)
    assert late.id not in what.networks  # no archive has it
    lab.networks.delete(late)
    assert what.bytes > 14  # the images, too
    seen_by(lab, TEACHER).teaching.forget(what)

    assert [each.name for each in lab.own_data.sets()] == [teachers]
    assert not list((lab.home / own.FOLDER / anas).glob("*.u8"))
    assert [each.owner for each in lab.networks.every()] == ["Ms Li"]
    assert "networks/" in " ".join(zipfile.ZipFile(tmp_path / "autumn.zip").namelist())
    left = [path for path in lab.home.rglob("*.json") if "Ana" in path.read_text() or "Ben" in path.read_text()]
    assert left == []


def test_an_assignment_stays_for_which_was_handed_in_since(term, tmp_path):
    lab, ids = term
    lab.teaching.archive(tmp_path / "autumn.zip")
    (task,) = lab.assignments.every()
    seen_by(lab, BEN).assignments.hand_in(task, ids["Ben Okafor"], learner="")

    assert lab.teaching.to_forget(tmp_path / "autumn.zip").assignments == ()


def test_nothing_is_forgotten_while_runs_of_the_class_train(term, tmp_path):
    lab, _ids = term
    seen_by(lab, ANA).start(CONFIG, token="waits")
    lab.teaching.archive(tmp_path / "autumn.zip")

    with pytest.raises(RunStateError, match="stop them first"):
        lab.teaching.forget(lab.teaching.to_forget(tmp_path / "autumn.zip"))
    assert len(lab.runs()) == 4


def test_the_command_line_does_the_same(term, tmp_path):
    lab, ids = term

    def command(*arguments, typed=None):
        done = CliRunner().invoke(app, ["class", *arguments, "--home", str(lab.home)], input=typed)
        return done.exit_code, done.output

    code, text = command("status", "--json")
    assert (code, [each["name"] for each in json.loads(text)["students"]]) == (0, ["Ana Silva", "Ben Okafor"])
    assert "80.0 %" in command("status")[1]
    assert command("hint", "Try ReLU", "--to", "Nobody")[0] == 2
    assert command("hint", "Try ReLU", "--run", ids["Ana Silva"])[1] == "The hint was sent to 2 students.\n"
    assert command("announce", "Break")[0] == 0
    assert lab.teaching.announcement().text == "Break"
    command("announce")
    command("pause", "We look together")
    assert lab.teaching.paused().text == "We look together"
    command("resume")
    assert (lab.teaching.announcement(), lab.teaching.paused()) == (None, None)
    assert command("results", str(tmp_path / "out"))[0] == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(lab.teaching.files())
    assert "paused the lab" in command("log")[1]
    assert "every checksum is right" in command("archive", str(tmp_path / "a.zip"))[1]
    code, text = command("forget", str(tmp_path / "a.zip"), typed="n\n")
    assert (code, "People: 3; runs: 2; assignments: 1; data sets: 0; networks: 0." in text, len(lab.runs())) == (1, True, 3)
    assert command("forget", str(tmp_path / "a.zip"), "--yes")[0] == 0
    assert [run.state for run in lab.runs()] == [State.FINISHED]
    assert command("status")[0] == 0
    classes.file_of(lab.home).unlink()
    assert "This lab has no class" in command("status")[1]
