"""`python -m cnnlab class …`: a class is made, changed and listed, and mistakes are sentences."""

from __future__ import annotations

import json
import re

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from cnnlab.access import classes, codes
from cnnlab.access.door import Door
from cnnlab.access.roles import Role
from cnnlab.cli import app
from cnnlab.cli.name_list import names_in
from cnnlab.errors import ConfigError


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    monkeypatch.setattr(codes, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def command(*arguments, typed=""):
        return CliRunner().invoke(app, ["class", *arguments], input=typed)

    return command


@pytest.fixture
def made(run, tmp_path):
    """A class of two, made from a file."""
    (tmp_path / "names.csv").write_text("Nr;Name\n1;Ana Silva\n2;<Ben>\n", encoding="utf-8")
    done = run("new", "--names", "names.csv", "--address", "http://lab.school.org", typed="Autumn\ncorrect horse\ncorrect horse\n")
    assert done.exit_code == 0, done.output
    return done.output


def signs_in(tmp_path, code, **way):
    entrance = Door(tmp_path / "home")
    cookie = entrance.sign_in(code, "10.0.0.7", **way).cookie
    return entrance.person(cookie, "10.0.0.7", lambda _: [])


def test_a_new_class_prints_the_command_to_start_and_a_sheet_of_slips(made, tmp_path):
    assert "Autumn: 2 students" in made
    assert "A student: this lab allows up to 2 runs training at a time" in made
    assert "streamlit run app.py --server.address 0.0.0.0" in made
    assert "correct horse" not in made
    sheet = (tmp_path / "class-slips.html").read_text(encoding="utf-8")
    assert (tmp_path / "class-slips.html").stat().st_mode & 0o077 == 0
    assert "&lt;Ben&gt;" in sheet
    assert "<Ben>" not in sheet
    links = re.findall(r"href='http://lab\.school\.org/sign-in#([\w-]+)'", sheet)
    assert [signs_in(tmp_path, code).name for code in links] == ["Ana Silva", "<Ben>"]
    assert signs_in(tmp_path, "correct horse", password=True).role is Role.TEACHER


def test_people_are_added_removed_and_reset(run, made, tmp_path):
    added = run("add", "Carla", "--slips", "carla.html").output
    code = re.search(r"code: ([\w-]+)", added)[1]
    assert f"http://lab.school.org/sign-in#{code}" in added
    assert code in (tmp_path / "carla.html").read_text(encoding="utf-8")
    observer = re.search(r"code: ([\w-]+)", run("add", "Parents", "--role", "observer").output)[1]
    assert signs_in(tmp_path, observer).role is Role.OBSERVER

    again = re.search(r"code: ([\w-]+)", run("reset", "carla").output)[1]

    assert signs_in(tmp_path, code) is None
    assert signs_in(tmp_path, again).name == "Carla"
    assert run("remove", "Carla").exit_code == 0
    assert signs_in(tmp_path, again) is None
    assert run("reset", "Teacher", "--password", typed="battery staple\nbattery staple\n").exit_code == 0
    assert signs_in(tmp_path, "battery staple", password=True).name == "Teacher"
    listed = json.loads(run("list", "--json").output)
    assert [each["name"] for each in listed["people"]] == ["Teacher", "Ana Silva", "<Ben>", "Parents"]


def test_settings_of_a_class_are_changed(run, made, tmp_path):
    assert run("set", "--until", "2027-02-28", "--others", "own", "--shown", "initials").exit_code == 0

    assert "until 2027-02-28; students see own runs and initials for names" in run("list").output
    assert run("set", "--until", "never").exit_code == 0
    assert classes.load(tmp_path / "home").until is None
    assert classes.load(tmp_path / "home").others == "own"


def test_one_password_for_all_and_one_that_is_made(run, tmp_path):
    done = run("new", "--one-password", "--name", "Autumn", typed="Ana\nBen\n\nopen sesame\nopen sesame\n\n")

    assert done.exit_code == 0, done.output
    teacher = re.search(r"as the teacher: ([\w-]+)", done.output)[1]
    assert signs_in(tmp_path, teacher, password=True).role is Role.TEACHER
    assert Door(tmp_path / "home").sign_in("open sesame", "10.0.0.7").ticket
    assert "The teacher has the password" in (tmp_path / "class-slips.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("new", "--name", "X", "--names", "names.csv"), "add --replace"),
        (("new", "--name", "X", "--replace", "--names", "no.csv"), "cannot be read from no.csv"),
        (("new", "--name", "X", "--replace", "--names", "twice.txt"), "'Ana' stands in the list twice"),
        (("new", "--name", "X", "--replace", "--names", "latin.txt"), "is no text in UTF-8"),
        (("new", "--name", "X", "--replace", "--until", "tomorrow"), "a day such as 2027-02-28"),
        (("new", "--name", "X", "--replace", "--hours", "0"), "hours"),
        (("new", "--name", "X", "--replace", "--others", "none"), "others"),
        (("new", "--name", " ", "--replace"), "name"),
        (("new", "--name", "X", "--replace", "--proxy-header", "X", "--proxy-address", "lab"), "is no IP address"),
        (("add", "ana  silva"), "has 'ana silva' already"),
        (("add", "\u200b"), "at least one letter"),
        (("add", "Carla", "--role", "king"), "student, observer or teacher"),
        (("add", "Carla", "--address", "lab.school.org"), "begins with http"),
        (("remove", "Nobody"), "has nobody called 'Nobody'"),
        (("remove", "Teacher"), "the only teacher"),
        (("reset", "Ana Silva", "--password"), "only teachers have passwords"),
        (("set", "--others", "some"), "others"),
    ],
)
def test_mistakes_are_sentences_and_change_nothing(run, made, tmp_path, arguments, sentence):
    (tmp_path / "twice.txt").write_text("Ana\nBen\nAna\n", encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes("Zoë\n".encode("latin-1"))
    before = classes.file_of(tmp_path / "home").read_bytes()

    done = run(*arguments, typed="Ana\n\n")

    assert done.exit_code == 2
    assert sentence in done.output
    assert "Traceback" not in done.output
    assert classes.file_of(tmp_path / "home").read_bytes() == before


@pytest.mark.parametrize("typed", ["short\nshort\n", "correct horse\ncorrect house\n", "abcd-efgh-jkmn\nabcd-efgh-jkmn\n"])
def test_a_password_that_is_short_mistyped_or_a_code_makes_no_class(run, tmp_path, typed):
    (tmp_path / "names.csv").write_text("Ana\n", encoding="utf-8")

    assert run("new", "--name", "X", "--names", "names.csv", typed=typed).exit_code == 2
    assert not classes.file_of(tmp_path / "home").exists()


def test_a_lab_without_a_class_says_how_to_make_one(run):
    assert "class new" in run("list").output


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ana\nBen\n", ["Ana", "Ben"]),
        ("Ana Silva, 4711\nBen, 4712", ["Ana Silva", "Ben"]),
        ("id\tlast name\tfirst name\n1\tSilva\tAna\n", ["Ana Silva"]),
        ('Name,Group\n"Silva, Ana",A\n\n', ["Silva, Ana"]),
        ("学号,姓名\n1,李明\n", ["李明"]),
        ("first name,last name\n明,李\n", ["李明"]),
        ("  Zoë \u200b Müller  \n", ["Zoë Müller"]),
        ("", []),
    ],
)
def test_names_are_found_in_lists_and_tables(text, names):
    assert names_in(text) == names


def test_a_name_that_is_too_long_is_named():
    with pytest.raises(ConfigError, match="more than 59 characters"):
        names_in("x" * 70)


def test_a_class_answers_in_the_language_of_the_terminal(run, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNLAB_LANG", "zh")
    (tmp_path / "names.csv").write_text("姓名\n李明\n", encoding="utf-8")

    made = run("new", "--names", "names.csv", "--address", "http://lab.school.org", typed="一班\ncorrect horse\ncorrect horse\n")

    assert "一班：1 名学生，还有您" in made.output
    assert "李明（学生）" in run("list").output
    assert "班里没有名叫 '王' 的人" in run("remove", "王").output
    assert json.loads(run("list", "--json").output)["people"][1] == {"name": "李明", "role": "student"}


def test_a_class_signs_in_at_its_school_and_the_secret_stands_in_no_output_and_no_file_of_others(run, tmp_path):
    home = tmp_path / "home"
    (tmp_path / "secret").write_text("s3cret\n", encoding="utf-8")
    (tmp_path / "people.csv").write_text("Name;E-Mail\nAna Silva;Ana@school.edu\n\nBen;ben@home.org\n", encoding="utf-8")
    there = ("--issuer", "https://login.school.edu", "--client-id", "lab", "--client-secret-file", "secret")

    without_teacher = run("oidc", "--new", "Autumn", *there)
    made = run(
        "oidc", "--new", "Autumn", *there, "--teacher", "Li@school.edu", "--people", "people.csv", "--address", "https://lab.edu"
    )
    changed = run("oidc", "--domain", "school.edu", "--teacher", "ben@home.org", "--trust-emails")

    assert "would have no teacher" in without_teacher.output
    assert "https://lab.edu/sign-in/oidc/callback" in made.output
    assert changed.exit_code == 0, changed.output
    group = classes.load(home)
    assert [(each.name, each.email, each.role) for each in group.members] == [
        ("Ana Silva", "ana@school.edu", Role.STUDENT), ("Ben", "ben@home.org", Role.TEACHER),
    ]  # fmt: skip
    assert (group.school.issuer, group.school.domains, group.school.trusted) == ("https://login.school.edu", ("school.edu",), True)
    kept = home / "private" / "oidc.secret"
    assert (kept.read_text(encoding="utf-8"), kept.stat().st_mode & 0o077) == ("s3cret", 0)
    assert "s3cret" not in made.output + changed.output + classes.file_of(home).read_text(encoding="utf-8")
    assert "has a class already" in run("oidc", "--new", "Other", *there, "--teacher", "a@b.org").output
    assert "people sign in at" in run("oidc").output

    assert run("oidc", "--off").exit_code == 0
    assert (classes.load(home).school, kept.exists()) == (None, False)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("Ana;ana@school.edu", "columns name and email"),
        ("name,email\nAna,ana", "Line 2 of .* has no name, or no e-mail address"),
        ("name,email\nAna,a@school.edu\nBen,A@school.edu", "is the address of 'Ana' already"),
    ],
)
def test_a_table_of_people_with_a_mistake_is_refused_with_its_line(made, run, tmp_path, table, reason):
    (tmp_path / "people.csv").write_text(table, encoding="utf-8")
    (tmp_path / "secret").write_text("x", encoding="utf-8")
    before = classes.load(tmp_path / "home")

    done = run(
        "oidc", "--issuer", "https://a.org", "--client-id", "lab", "--client-secret-file", "secret", "--people", "people.csv"
    )

    assert done.exit_code == 2
    assert re.search(reason, " ".join(done.output.split()))
    assert classes.load(tmp_path / "home") == before
    assert not (tmp_path / "home" / "private" / "oidc.secret").exists()
