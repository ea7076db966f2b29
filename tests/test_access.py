"""Who may come in: rights, codes, waits, cookies, the class and its names, and which addresses are answered."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from argon2 import PasswordHasher

from cnnlab.access import classes, codes, door, hosts
from cnnlab.access.door import Door
from cnnlab.access.lockout import FIRST_WAIT, FREE_FOR_A_PERSON, FREE_FOR_AN_ADDRESS, FROM_EVERYWHERE, LONGEST_WAIT, Lockout
from cnnlab.access.roles import Action, Person, Role, initials, tidy
from cnnlab.access.sessions import Sessions
from cnnlab.errors import CNNLabError, ConfigError, NotAllowed, StoreError


class Clock:
    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    monkeypatch.setattr(codes, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


def made(home, *, password="", **settings):
    """A class of Ana, Ben, an observer and a teacher; returns it with the codes."""
    group = classes.new_class("Deep learning", **settings)
    if password:
        group = classes.changed(group, password=codes.hashed(password, code=False))
    given = {}
    for name, role in (("Ana", Role.STUDENT), ("Ben", Role.STUDENT), ("Parents", Role.OBSERVER)):
        group, given[name] = group.with_member(name, role)
    group, _ = group.with_member("Ms Li", Role.TEACHER, password="correct horse")
    classes.save(home, group)
    return group, given


def none(_):
    return []


def who(entrance, cookie):
    return entrance.person(cookie, "127.0.0.1", none)


@pytest.mark.parametrize(
    ("role", "starts", "changes", "sees"),
    [
        (Role.TEACHER, True, {"own", "nobody", "other"}, {"own", "nobody", "other"}),
        (Role.STUDENT, True, {"own"}, {"own", "nobody", "other"}),
        (Role.OBSERVER, False, set(), {"own", "nobody", "other"}),
        (Role.GUEST, True, {"own", "nobody"}, {"own", "nobody", "other"}),
    ],
)
def test_the_table_of_rights(role, starts, changes, sees):
    person, owners = Person("Ana", role), {"own": "Ana", "nobody": "", "other": "Ben"}

    assert person.may(Action.START, "Ana") is starts
    assert {whose for whose, owner in owners.items() if person.may(Action.CHANGE, owner)} == changes
    assert {whose for whose, owner in owners.items() if person.may(Action.SEE, owner)} == sees
    assert person.may(Action.TEACH, "Ana") is (role in (Role.TEACHER, Role.GUEST))


def test_a_student_apart_sees_own_runs_alone_and_initials_hide_the_names_of_others():
    ana = Person("Ana Silva", Role.STUDENT, apart=True, initials=True)

    assert [ana.may(Action.SEE, owner) for owner in ("Ana Silva", "", "Ben")] == [True, False, False]
    assert [ana.shown(name) for name in ("Ana Silva", "Ben O. Okafor", "")] == ["Ana Silva", "B. O. O.", ""]
    assert initials("李明") == "李…"
    assert tidy(" Zoë\n M\u200büller ") == "Zoë Müller"


def test_a_code_is_read_however_it_is_typed_and_kept_as_a_hash_alone(tmp_path):
    group, given = made(tmp_path)

    assert codes.finder_of(given["Ana"].upper().replace("-", " ")) == given["Ana"][:4]
    assert codes.finder_of("correct horse") is None
    stored = classes.file_of(tmp_path).read_text(encoding="utf-8")
    assert all(code.replace("-", "")[4:] not in stored and code[5:] not in stored for code in given.values())
    assert "correct horse" not in stored
    assert stored.count("$argon2id$") == 4
    assert classes.file_of(tmp_path).stat().st_mode & 0o077 == 0
    assert len({member.finder for member in group.members[:3]}) == 3


def test_waits_begin_after_some_wrong_codes_double_and_end():
    clock = Clock(0.0)
    lockout = Lockout(clock)
    assert [lockout.attempt("Ana", "10.0.0.7") for _ in range(FREE_FOR_A_PERSON)] == [0.0] * FREE_FOR_A_PERSON

    waits = []
    for _ in range(9):
        waits.append(lockout.attempt("Ana", "10.0.0.7"))
        clock.now += waits[-1]
        assert lockout.attempt("Ana", "10.0.0.7") == 0.0

    assert waits == [min(LONGEST_WAIT, FIRST_WAIT * 2**step) for step in range(9)]
    assert lockout.attempt("Ben", "10.0.0.10") == 0.0
    clock.now += 2 * 3600
    assert lockout.attempt("Ana", "10.0.0.7") == 0.0


def test_a_stranger_s_wrong_codes_keep_nobody_else_out():
    clock = Clock(0.0)
    lockout = Lockout(clock)
    while clock.now < 1800.0:  # one who goes on after each wait
        clock.now += lockout.attempt("teacher", "10.0.0.66")
    lockout.attempt("teacher", "10.0.0.66")

    assert lockout.attempt("teacher", "10.0.0.66") == LONGEST_WAIT
    assert lockout.attempt("teacher", "10.0.0.7") == 0.0


def test_wrong_codes_from_many_addresses_cost_one_short_wait_each():
    lockout = Lockout(Clock(0.0))

    waits = [lockout.attempt("teacher", f"10.0.1.{each}") for each in range(FROM_EVERYWHERE * FREE_FOR_A_PERSON + 20)]

    assert set(waits) == {0.0, FIRST_WAIT}
    assert waits.count(0.0) == FROM_EVERYWHERE * FREE_FOR_A_PERSON


def test_an_address_waits_too_also_one_of_a_thousand_in_its_network():
    lockout = Lockout(Clock(0.0))

    waits = [lockout.attempt(f"person {each}", f"2001:db8::{each:x}") for each in range(FREE_FOR_AN_ADDRESS + 1)]

    assert waits == [0.0] * FREE_FOR_AN_ADDRESS + [FIRST_WAIT]
    assert lockout.attempt("Ana", "2001:db8:1::1") == 0.0


def test_a_right_code_clears_the_person_s_count_and_not_the_address_s():
    lockout = Lockout(Clock(0.0))
    for _ in range(FREE_FOR_AN_ADDRESS):
        assert lockout.attempt("Ana", "10.0.0.7") == 0.0
        lockout.right("Ana", "10.0.0.7")  # a classroom signs in
    for each in range(FREE_FOR_AN_ADDRESS):
        assert lockout.attempt(f"person {each}", "10.0.0.7") == 0.0
        if each == 5:
            assert lockout.attempt("Ana", "10.0.0.7") == 0.0
            lockout.right("Ana", "10.0.0.7")

    assert lockout.attempt("Ana", "10.0.0.7") == FIRST_WAIT


def test_a_cookie_is_good_until_it_ends_or_is_signed_out_also_after_a_restart(tmp_path):
    clock = Clock()
    sessions = Sessions(tmp_path, clock)
    cookie, other = sessions.cookie("ab", 60.0), sessions.cookie("ab", 60.0)
    assert sessions.read(cookie).person == "ab"

    sessions.end(sessions.read(cookie))

    again = Sessions(tmp_path, clock)
    assert (sessions.read(cookie), again.read(cookie)) == (None, None)
    assert again.read(other).person == "ab"
    clock.now += 61
    assert (sessions.read(other), again.read(other)) == (None, None)
    key = tmp_path / "private" / "cookie.key"
    assert key.stat().st_mode & 0o077 == 0
    key.unlink()
    assert Sessions(tmp_path, Clock()).read(other) is None  # another key


def test_forged_cookies_are_no_sessions(tmp_path):
    sessions = Sessions(tmp_path)
    good = sessions.cookie("ab", 60.0)
    body, _, mark = good.rpartition(".")
    elsewhere = Sessions(tmp_path / "other").cookie("ab", 60.0)

    for forged in (
        "",
        ".",
        body,
        f"{body}.",
        f"x{good}",
        f"{good}x",
        f"{body}.{mark[::-1]}",
        elsewhere,
        sessions.ticket(),
        "é" * 50,
    ):
        assert sessions.read(forged) is None, forged
    assert not sessions.is_ticket(good)


def test_people_sign_in_with_their_codes_and_a_teacher_with_a_password(tmp_path):
    made_class, given = made(tmp_path)
    entrance = Door(tmp_path)

    found = {name: who(entrance, entrance.sign_in(code, "10.0.0.7").cookie) for name, code in given.items()}
    teacher = entrance.sign_in("correct horse", "10.0.0.7", password=True)

    assert {name: person.role for name, person in found.items()} == {
        "Ana": Role.STUDENT, "Ben": Role.STUDENT, "Parents": Role.OBSERVER
    }  # fmt: skip
    assert who(entrance, teacher.cookie) == Person("Ms Li", Role.TEACHER)
    assert entrance.cookie_name() == f"cnnlab_{made_class.id}"
    swapped = given["Ana"][:5] + given["Ben"][5:]
    for wrong in ("", "correct horse", swapped, "aaaa-bbbb-cccc", "x" * 100_000):
        assert entrance.sign_in(wrong, "10.0.0.8").problem == "wrong"
    assert entrance.sign_in(given["Ana"], "10.0.0.8", password=True).problem == "wrong"


def test_after_wrong_codes_the_right_one_waits_too_where_they_were_typed(tmp_path):
    _, given = made(tmp_path)
    entrance = Door(tmp_path)
    wrong = given["Ana"][:5] + given["Ben"][5:]

    problems = [entrance.sign_in(wrong, "10.0.0.66").problem for _ in range(FREE_FOR_A_PERSON)]

    assert problems == ["wrong"] * FREE_FOR_A_PERSON
    assert entrance.sign_in(given["Ana"], "10.0.0.66").problem == "wait"
    assert entrance.sign_in(given["Ana"], "10.0.1.1").cookie
    assert entrance.sign_in(given["Ben"], "10.0.0.66").cookie


def test_a_running_door_notices_who_is_added_removed_and_reset(tmp_path):
    group, given = made(tmp_path)
    entrance = Door(tmp_path)
    ana, ben = (entrance.sign_in(given[name], "10.0.0.7").cookie for name in ("Ana", "Ben"))

    group, new = group.reset("ana")
    group, carla = group.without("Ben").with_member("Carla", Role.STUDENT)
    classes.save(tmp_path, group)

    assert (who(entrance, ana), who(entrance, ben)) == (None, None)
    assert entrance.sign_in(given["Ana"], "10.0.0.7").problem == "wrong"
    assert who(entrance, entrance.sign_in(new, "10.0.0.7").cookie).name == "Ana"
    assert who(entrance, entrance.sign_in(carla, "10.0.0.7").cookie).name == "Carla"


def test_people_are_known_while_the_file_of_the_class_is_read_again(tmp_path, monkeypatch):
    group, _ = made(tmp_path)
    entrance = Door(tmp_path)
    entrance.group()
    load, seen = classes.load, []
    monkeypatch.setattr(classes, "load", lambda home: (seen.append(entrance.cookie_name()), load(home))[1])

    classes.save(tmp_path, classes.changed(group, names="initials"))

    assert entrance.group().names == "initials"
    assert seen == [f"cnnlab_{group.id}"]


def test_the_first_two_who_sign_in_at_the_same_moment_share_one_key(tmp_path, monkeypatch):
    _, given = made(tmp_path)
    entrance, drawn = Door(tmp_path), []
    monkeypatch.setattr(door, "Sessions", lambda *words: (drawn.append(words), time.sleep(0.05), Sessions(*words))[-1])

    with ThreadPoolExecutor(2) as together:
        answers = list(together.map(lambda name: entrance.sign_in(given[name], "10.0.0.7"), ("Ana", "Ben")))

    assert len(drawn) == 1
    assert [who(entrance, answer.cookie).name for answer in answers] == ["Ana", "Ben"]


def test_after_the_last_day_only_teachers_come_in(tmp_path):
    clock = Clock()
    last = date.fromtimestamp(clock.now)
    _, given = made(tmp_path, until=last)
    entrance = Door(tmp_path, clock=clock)
    ana = entrance.sign_in(given["Ana"], "10.0.0.7").cookie
    assert who(entrance, ana).name == "Ana"

    clock.now += 24 * 3600

    assert who(entrance, ana) is None
    assert entrance.sign_in(given["Ana"], "10.0.0.7").problem == "over"
    assert who(entrance, entrance.sign_in("correct horse", "10.0.0.7", password=True).cookie).role is Role.TEACHER


def test_a_class_with_one_password_lets_people_choose_their_name(tmp_path):
    clock = Clock()
    group, given = made(tmp_path, password="open sesame")
    entrance = Door(tmp_path, clock=clock)
    assert given["Ana"] == ""
    assert given["Parents"]  # who look have a link of their own

    ticket = entrance.sign_in("open sesame", "10.0.0.7").ticket

    ids = {member.name: member.id for member in entrance.names()}
    assert list(ids) == ["Ana", "Ben"]
    assert who(entrance, entrance.choose(ticket, ids["Ben"]).cookie) == Person("Ben", Role.STUDENT)
    teacher = group.named("Ms Li").id
    assert [entrance.choose(ticket, each).problem for each in (teacher, "nobody")] == ["wrong", "wrong"]
    assert entrance.choose("forged", ids["Ben"]).problem == "closed"
    assert entrance.sign_in("open sesamE", "10.0.0.7").problem == "wrong"
    clock.now += 301
    assert entrance.choose(ticket, ids["Ben"]).problem == "closed"


def test_a_proxy_is_believed_from_its_address_alone(tmp_path):
    proxy = {"header": "X-Remote-User", "addresses": ["10.1.0.0/24"], "teachers": ["li@school.org"]}
    made(tmp_path, proxy=proxy)
    entrance = Door(tmp_path)

    def named(peer, *values):
        asked = []
        person = entrance.person(None, peer, lambda name: asked.append(name) or [value.encode() for value in values])
        assert set(asked) <= {"X-Remote-User"}
        return person

    assert named("10.1.0.5", "zoë@school.org") == Person("zoë@school.org", Role.STUDENT)
    assert named("10.1.0.5", "li@school.org").role is Role.TEACHER
    assert named("10.1.0.5", "Parents").role is Role.OBSERVER
    assert named("10.2.0.5", "li@school.org") is None
    assert named("127.0.0.1", "li@school.org") is None
    assert named("10.1.0.5") is None
    assert named("10.1.0.5", "li@school.org", "ana@school.org") is None
    with pytest.raises(ConfigError, match="is no IP address"):
        classes.new_class("X", proxy=proxy | {"addresses": ["proxy.school.org"]})


def test_a_damaged_or_vanished_class_lets_nobody_in(tmp_path):
    entrance = Door(tmp_path)
    assert who(entrance, None) == Person()  # a lab without a class
    _, given = made(tmp_path)
    assert who(entrance, None) is None
    cookie = entrance.sign_in(given["Ana"], "10.0.0.7").cookie

    for text in ("", "{", "[]", '{"id": "00000000"}', "null"):
        classes.file_of(tmp_path).write_text(text, encoding="utf-8")
        with pytest.raises(StoreError, match="nobody comes in"):
            who(entrance, cookie)
        with pytest.raises(CNNLabError):
            entrance.sign_in(given["Ana"], "10.0.0.7")
    classes.file_of(tmp_path).unlink()

    assert who(entrance, cookie) is None
    assert not entrance.is_open()
    assert entrance.sign_in(given["Ana"], "10.0.0.7").problem == "closed"


def test_the_header_to_the_pages_carries_any_name_and_settings_are_those_of_now(tmp_path):
    made(tmp_path, others="own", names="initials")
    entrance = Door(tmp_path)
    text = door.in_header(Person("Zoë “李” \n", Role.STUDENT)).decode()

    assert text.isascii()
    assert "\n" not in text
    assert entrance.person_in(text) == Person("Zoë “李” \n", Role.STUDENT, apart=True, initials=True)
    for forged in (None, "", "Ana", json.dumps(["Ana", "king"]), json.dumps({"name": "Ana"}), "%FF"):
        with pytest.raises(NotAllowed, match="not signed in"):
            entrance.person_in(forged)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("localhost", True), ("LOCALHOST:8501", True), ("127.0.0.1:1", True), ("[::1]:8501", True), ("192.168.1.20", True),
     ("lab.school.org", False), ("evil.example:8501", False), ("localhost.evil.example", False), ("", False), (None, False),
     ("a@localhost", False), ("localhost/x", False), ("localhost:x", False), ("[::1", False)],
)  # fmt: skip
def test_a_lab_answers_under_its_own_names_and_addresses_of_digits(host, allowed):
    assert hosts.host_allowed(host, ()) is allowed


def test_a_host_s_list_of_names_replaces_them():
    assert hosts.host_allowed("lab.school.org", ("*.school.org",))
    assert not hosts.host_allowed("localhost", ("*.school.org",))
    assert not hosts.host_allowed("school.org.evil.example", ("*.school.org", "school.org"))
    assert hosts.host_allowed("anything", ("*",))


def test_only_the_lab_s_own_pages_act():
    for origin in (None, "http://localhost:8501", "https://localhost:8501"):
        assert hosts.origin_allowed(origin, "localhost:8501")
    assert hosts.origin_allowed("https://lab.school.org", "lab.school.org:443")
    for origin in (
        "null",
        "",
        "http://localhost:8502",
        "http://localhost:8501.evil.example",
        "file://localhost:8501",
        "http://[::1",
    ):
        assert not hosts.origin_allowed(origin, "localhost:8501")


def test_forwarded_addresses_are_believed_from_proxies_alone():
    assert hosts.client_of("203.0.113.9", "10.0.0.1", ()) == "203.0.113.9"
    assert hosts.client_of("127.0.0.1", "198.51.100.1, 203.0.113.9", ()) == "203.0.113.9"
    assert hosts.client_of("10.1.0.5", "203.0.113.9, 10.1.0.6", ("10.1.0.0/24",)) == "203.0.113.9"
    assert hosts.client_of("127.0.0.1", "nonsense", ()) == "127.0.0.1"


def test_a_guest_without_a_name_starts_and_keeps_progress_and_changes_what_is_nobodys():
    nameless = Person()
    nameless.check_start()
    nameless.check_teach()
    nameless.check_change("")
    with pytest.raises(NotAllowed, match="belongs to Ben"):
        nameless.check_change("Ben")
