"""The machine as the lab uses it: files that are private or counted, room on the disk, and processes that start and end."""

from __future__ import annotations

import errno
import os
import re
import sys
import threading
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from cnnlab.errors import ConfigError, StoreError
from cnnlab.system import disk, files, home, processes, room

# Files


def test_the_size_of_a_folder_is_that_of_its_files_and_hard_links_count_once(tmp_path):
    (tmp_path / "inner" / "deep").mkdir(parents=True)
    (tmp_path / "a").write_bytes(b"x" * 5)
    (tmp_path / "inner" / "b").write_bytes(b"x" * 70)
    (tmp_path / "inner" / "deep" / "c").write_bytes(b"x" * 900)
    (tmp_path / "inner" / "again").hardlink_to(tmp_path / "a")
    target = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    target.write_bytes(b"x" * 10_000)
    (tmp_path / "link").symlink_to(target)

    assert files.folder_bytes(tmp_path) == 975 + (tmp_path / "link").lstat().st_size
    assert files.folder_bytes(tmp_path / "nothing") == 0


def test_the_size_of_a_run_is_that_of_its_own_folder(tmp_path):
    for run_id, size in (("0000000a", 30), ("0000000b", 400)):
        files.run_folder(tmp_path, run_id).mkdir(parents=True)
        (files.run_folder(tmp_path, run_id) / "log.txt").write_bytes(b"x" * size)

    assert [files.run_bytes(tmp_path, run_id) for run_id in ("0000000a", "0000000b", "0000000c")] == [30, 400, 0]


def test_a_run_is_deleted_alone_and_of_a_link_the_link_alone(tmp_path):
    kept, gone, linked, elsewhere = (tmp_path / "runs" / name for name in ("0000000a", "0000000b", "0000000c", "elsewhere"))
    for folder in (kept, gone, elsewhere):
        folder.mkdir(parents=True)
        (folder / "last.pt").touch()
    linked.symlink_to(elsewhere)
    for run_id in ("0000000b", "0000000c", "0000000d"):
        files.delete_run(tmp_path, run_id)

    assert sorted(each.name for each in (tmp_path / "runs").iterdir()) == ["0000000a", "elsewhere"]
    assert (elsewhere / "last.pt").exists()


def test_a_run_whose_files_stay_is_a_sentence_that_names_them(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(errno.EACCES, "Permission denied", folder)

    (tmp_path / "runs" / "0000000a").mkdir(parents=True)
    monkeypatch.setattr(files.shutil, "rmtree", refuse)
    with pytest.raises(StoreError) as raised:
        files.delete_run(tmp_path, "0000000a")
    assert str(raised.value) == (
        "Run 0000000a cannot be deleted: files of it are left in the lab's folder runs/0000000a (Permission denied). "
        "Remove that folder, or make it yours to write, and delete the run again."
    )


def test_starting_over_deletes_checkpoints_whole_and_partial_and_nothing_else(tmp_path):
    folder = tmp_path / "runs" / "0000000a"
    folder.mkdir(parents=True)
    gone = {"best.pt", "last.pt", "last.previous.pt", "last.pt.damaged", ".best.pt.partial", ".x.partial"}
    for name in (*gone, "log.txt", "notes.partial"):
        (folder / name).touch()
    files.drop_checkpoints(tmp_path, "0000000a")

    assert sorted(each.name for each in folder.iterdir()) == ["log.txt", "notes.partial"]


def test_folders_of_runs_are_those_with_an_id_in_order(tmp_path):
    assert files.run_folders(tmp_path) == ()
    for name in ("0000000b", "0000000a", "other", "0000000A"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    (tmp_path / "runs" / "0000000c").touch()

    assert files.run_folders(tmp_path) == ("0000000a", "0000000b")


def test_ids_of_runs_are_eight_digits_that_no_spreadsheet_reads_as_a_number():
    ids = {home.new_run_id() for _ in range(200)}

    assert len(ids) == 200
    assert all(re.fullmatch("[abc][0-9a-f]{7}", each) for each in ids)
    assert {each[0] for each in ids} == {*"abc"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has permissions of another kind")
def test_a_private_file_is_written_whole_synced_and_for_its_user_alone(tmp_path, monkeypatch):
    synced, file = [], tmp_path / "private" / "x.json"
    monkeypatch.setattr(home.os, "fsync", lambda number: synced.append(os.fstat(number).st_size))
    home.write_private(file, "first, and longer")
    home.write_private(file, "secönd")

    assert file.read_text(encoding="utf-8") == "secönd"
    assert [each.name for each in file.parent.iterdir()] == ["x.json"]
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert synced == [17, 7]
    assert home.private_folder(tmp_path) == file.parent


def test_a_private_file_brings_the_folders_above_it(tmp_path):
    home.write_private(tmp_path / "new" / "speeds" / "x.json", "1")
    home.private_folder(tmp_path / "other" / "home")

    assert (tmp_path / "new" / "speeds" / "x.json").read_text() == "1"
    assert (tmp_path / "other" / "home" / "private").is_dir()


@pytest.mark.parametrize("name", ["CNNLAB_HOME", "CNNLAB_DATA"])
def test_a_folder_in_the_environment_is_a_full_path_and_a_wrong_one_names_its_variable(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, "inner/lab")
    assert home.path_variable(name) == tmp_path / "inner" / "lab"
    monkeypatch.setenv(name, "")
    assert home.path_variable(name) is None
    monkeypatch.setenv(name, "~nobody-has-this-name")
    with pytest.raises(ConfigError) as raised:
        home.path_variable(name)
    assert raised.value.field == name


def test_a_user_without_a_home_folder_is_asked_for_the_variable(monkeypatch):
    monkeypatch.delenv("CNNLAB_HOME", raising=False)
    monkeypatch.setattr(home.platformdirs, "user_data_path", lambda *_, **__: Path("~/cnnlab"))
    with pytest.raises(ConfigError, match=r"^This user has no home folder to keep the lab in: set CNNLAB_HOME") as raised:
        home.default_home()
    assert raised.value.field == "CNNLAB_HOME"


def test_a_private_file_that_cannot_be_written_stays_as_it_was(tmp_path, monkeypatch):
    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    file = tmp_path / "x.json"
    home.write_private(file, "first")
    monkeypatch.setattr(home.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        home.write_private(file, "second")
    assert file.read_text() == "first"


def test_changed_code_has_another_fingerprint(tmp_path, monkeypatch):
    monkeypatch.setattr(home, "PACKAGE", tmp_path)
    prints = [home.code_fingerprint()]
    for name, moment in (("a.py", 5), ("b.py", 9), ("b.txt", 99), ("inner/c.py", 7), ("a.py", 11)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        os.utime(tmp_path / name, ns=(moment, moment))
        prints.append(home.code_fingerprint())

    assert prints == ["0", "5", "9", "9", "9", "11"]


# Room


@pytest.fixture
def left(monkeypatch):
    """Sets how many bytes are free; None where the system does not say."""

    def free(count: int | None) -> None:
        for module in (room, disk):
            monkeypatch.setattr(module, "free", lambda folder: count)

    return free


@pytest.mark.parametrize("count", [None, room.LEAST_FREE, 10**12])
def test_where_there_is_room_or_nobody_says_runs_start(tmp_path, left, count):
    left(count)
    assert room.shortage(tmp_path) == ""


def test_below_eight_megabytes_the_queue_waits(tmp_path, left):
    left(room.LEAST_FREE - 1_000_000)
    assert room.shortage(tmp_path) == (
        "The disk of the lab is full (7 MB free): queued runs wait until 8 MB are free. "
        "Delete runs that are no longer needed, or other files."
    )


@pytest.mark.parametrize(("count", "kept"), [(14_000_000, True), (13_999_999, False), (None, False)])
def test_the_reserve_is_made_only_where_it_leaves_enough(tmp_path, left, count, kept):
    left(count)
    room.keep_reserve(tmp_path)

    assert [each.stat().st_size for each in (tmp_path / "private").glob("*")] == ([3_000_000] if kept else [])


@pytest.mark.parametrize(("count", "kept"), [(500_000, True), (499_999, False), (None, True)])
def test_the_reserve_is_released_on_a_full_disk_alone(tmp_path, left, count, kept):
    left(10**9)
    room.keep_reserve(tmp_path)
    left(count)
    room.make_room(tmp_path)
    room.make_room(tmp_path)

    assert (tmp_path / "private" / "reserve").exists() is kept


def caused(*errors: BaseException) -> BaseException:
    """The first error, caused by the second, and so on."""
    for error, cause in pairwise(errors):
        error.__cause__ = cause
    return errors[0]


@pytest.mark.parametrize(
    ("error", "count", "full"),
    [
        (OSError(errno.ENOSPC, "x"), 10**9, True),
        (OSError(errno.EDQUOT, "x"), 10**9, True),
        (caused(RuntimeError("x"), ValueError("y"), OSError(errno.ENOSPC, "z")), 10**9, True),
        (OSError(errno.EACCES, "x"), 10**9, False),
        (RuntimeError("database or disk is full"), 10**9, False),
        (RuntimeError("x"), 499_999, True),
        (RuntimeError("x"), 500_000, False),
        (RuntimeError("x"), None, False),
        (None, 0, True),
    ],
)
def test_a_full_disk_is_known_by_the_error_its_causes_or_the_disk(tmp_path, left, error, count, full):
    left(count)
    assert disk.is_full(error, tmp_path) is full


def test_the_room_of_a_folder_that_is_not_there_yet_is_that_of_the_one_above(tmp_path, monkeypatch):
    asked = []

    def usage(folder):
        asked.append(folder)
        if not folder.exists():
            raise FileNotFoundError
        return SimpleNamespace(free=77, total=99)

    monkeypatch.setattr(disk.shutil, "disk_usage", usage)
    assert disk.free(tmp_path / "a" / "b") == 77
    assert asked == [tmp_path / "a" / "b", tmp_path / "a", tmp_path]
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: folder.joinpath("nothing").stat())
    assert disk.free(tmp_path) is None


# Processes


class Child:
    """A process that ends when it is asked to, or only when it is killed, or has ended."""

    def __init__(self, how: str) -> None:
        self.how, self.calls = how, []

    def terminate(self) -> None:
        self.calls.append("terminate")
        if self.how == "gone":
            raise psutil.NoSuchProcess(1)

    def kill(self) -> None:
        self.calls.append("kill")
        if self.how == "just gone":
            raise psutil.NoSuchProcess(1)


def test_processes_are_asked_to_end_and_killed_only_if_they_do_not(monkeypatch):
    waited = []

    def wait(children, timeout):
        waited.append((len(children), timeout))
        return [], [child for child in children if child.how in ("stubborn", "just gone")]

    monkeypatch.setattr(processes.psutil, "wait_procs", wait)
    children = [Child(how) for how in ("polite", "gone", "just gone", "stubborn")]
    processes.end(children, seconds=2.5)

    assert [child.calls for child in children] == [["terminate"], ["terminate"], ["terminate", "kill"], ["terminate", "kill"]]
    assert waited == [(4, 2.5), (2, 2.5)]


@pytest.mark.parametrize(("allowed", "physical", "found"), [(8, 4, 4), (2, 4, 2), (3, None, 3), (1, 1, 1)])
def test_cores_are_the_physical_ones_among_those_that_are_allowed(monkeypatch, allowed, physical, found):
    monkeypatch.setattr(processes.os, "sched_getaffinity", lambda pid: range(allowed), raising=False)
    monkeypatch.setattr(processes.psutil, "cpu_count", lambda logical=True: 99 if logical else physical)
    assert processes.cores() == found


@pytest.mark.parametrize("known", [None, "/first:/second"])
def test_a_new_python_finds_this_package_before_what_it_would_find_anyway(monkeypatch, known):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if known:
        monkeypatch.setenv("PYTHONPATH", known)
    monkeypatch.setenv("OWN", "value")
    environment = processes.with_our_modules()

    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(home.PACKAGE.parent)
    assert environment["PYTHONPATH"].endswith(known or str(home.PACKAGE.parent))
    assert environment["OWN"] == "value"


@pytest.mark.skipif(sys.platform == "win32", reason="starts processes in another way")
def test_a_process_is_started_away_from_this_one_and_adds_to_its_log(tmp_path, monkeypatch):
    seen = {}

    def start(command, **how):
        seen.update(how, command=command, log=how["stdout"].name, mode=how["stdout"].mode)
        return SimpleNamespace(wait=lambda: 0)

    monkeypatch.setattr(processes.subprocess, "Popen", start)
    processes.start_detached("some.module", ["--home", "x"], tmp_path / "new" / "log.txt", {"ONE": "1"})

    assert seen["command"] == [sys.executable, "-m", "some.module", "--home", "x"]
    assert (seen["log"], seen["mode"], seen["stderr"]) == (str(tmp_path / "new" / "log.txt"), "ab", seen["stdout"])
    assert (seen["stdin"], seen["start_new_session"]) == (processes.subprocess.DEVNULL, True)
    assert (seen["env"]["ONE"], "PYTHONPATH" in seen["env"]) == ("1", True)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no parent to wait for")
def test_a_page_does_not_wait_until_a_background_process_has_forked(tmp_path, monkeypatch):
    forked, collected = threading.Event(), threading.Event()

    def wait():
        assert forked.wait(5)
        collected.set()

    monkeypatch.setattr(processes.subprocess, "Popen", lambda command, **how: SimpleNamespace(wait=wait))
    processes.start_detached("some.module", [], tmp_path / "log.txt")  # returns although the child has not forked yet
    forked.set()

    assert collected.wait(5)  # or it would stay as a zombie


@pytest.mark.skipif(sys.platform != "linux", reason="Linux counts ticks since it was booted")
def test_a_process_is_known_by_its_start_since_the_machine_was_booted():
    boot, _, ticks = processes.identity(os.getpid()).partition(":")
    started = psutil.boot_time() + int(ticks) / os.sysconf("SC_CLK_TCK")

    assert re.fullmatch("[0-9a-f]{8}", boot)
    assert abs(started - psutil.Process().create_time()) < 2
    assert processes.current() == (os.getpid(), f"{boot}:{ticks}")
    assert processes.identity(2**22 + 1) == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "after"),
    [
        (1_024, -1, [(65_536, -1)], 65_536),
        (1_024, 500_000, [(65_536, 500_000)], 65_536),
        (1_024, 20_000, [(20_000, 20_000)], 20_000),
        (65_536, -1, [], 65_536),
        (-1, -1, [], -1),
        (700, 700, [], 700),
    ],
)
def test_the_limit_on_open_files_is_raised_as_far_as_it_goes(monkeypatch, soft, hard, wanted, after):
    limits, asked = [(soft, hard)], []

    def set_limit(kind, limit):
        asked.append(limit)
        limits.append(limit)

    played = SimpleNamespace(RLIMIT_NOFILE=7, RLIM_INFINITY=-1, getrlimit=lambda kind: limits[-1], setrlimit=set_limit)
    monkeypatch.setattr(processes, "resource", played)
    sentence = processes.allow_many_files()

    assert (asked, limits[-1][0]) == (wanted, after)
    assert sentence.startswith("This process may open 700 files and connections at once, enough for about 100 browsers") == (
        after == 700
    )
    assert bool(sentence) == (after == 700)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_system_that_takes_fewer_open_files_is_asked_for_fewer(monkeypatch):
    asked = []

    def refuse(kind, limit):
        asked.append(limit[0])
        raise ValueError("not so many")

    played = SimpleNamespace(RLIMIT_NOFILE=7, RLIM_INFINITY=-1, getrlimit=lambda kind: (256, -1), setrlimit=refuse)
    monkeypatch.setattr(processes, "resource", played)

    assert "may open 256 files" in processes.allow_many_files()
    assert asked == [65_536, 10_240]
