"""`python -m cnnlab doctor`: each check with made-up surroundings, and the page as a whole."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from filled_home import CONFIG
from typer.testing import CliRunner

from cnnlab.access import classes
from cnnlab.access.roles import Role
from cnnlab.cli import app
from cnnlab.doctor import devices, examine, machine, packages, server
from cnnlab.doctor import home as folder
from cnnlab.doctor.findings import healthy, look, right, verdict, wrong
from cnnlab.errors import ConfigError, StoreError
from cnnlab.forecasts.limits import Limits
from cnnlab.runs.store import Store
from cnnlab.system import background, cpu, disk, gpus, pausing
from cnnlab.system.home import private_folder, store_file
from cnnlab.system.memory import Memory

GB = 1_000_000_000
STARTED = ("python", "/venv/bin/streamlit", "run", "app.py")


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("CNNLAB_LIMITS", "CNNLAB_DATA", "CNNLAB_WITHOUT_LOGIN", "STREAMLIT_SERVER_PORT", "STREAMLIT_SERVER_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    made = tmp_path / "home"
    made.mkdir(mode=0o700)
    return made


def levels(findings):
    return [finding.level for finding in findings]


def test_old_and_missing_packages_are_named_with_the_version_that_is_needed(tmp_path):
    file = tmp_path / "requirements.txt"
    file.write_text('-r more.txt\ntorch>=2.11  # big\npillow>=11\ngone>=1\nwin>=9; sys_platform == "nowhere"\n')

    found = packages.packages(file, {"torch": "2.9.1+cpu", "pillow": "11.0"}.get)

    assert [finding.sentence for finding in found] == [
        "torch is 2.9.1+cpu, and >=2.11 is needed.",
        "gone is missing, and >=1 is needed.",
    ]
    assert packages.packages(file, lambda _: "99")[0].sentence.startswith("All 3 ")
    assert levels([packages.python((3, 10, 4)), packages.python((3, 11, 0), 32), packages.python()]) == ["wrong", "wrong", "right"]


@pytest.mark.parametrize(
    ("finding", "level", "words"),
    [
        (machine.memory(Memory(4 * GB, GB // 2)), "wrong", "500 MB of 4 GB"),
        (machine.memory(Memory(4 * GB, GB)), "look", "1 GB of 4 GB"),
        (machine.memory(Memory(16 * GB, 9 * GB)), "right", "9 GB"),
        (machine.cores(64, 2.0), "look", "OMP_NUM_THREADS=2"),
        (machine.cores(1, None), "look", "1 core."),
        (machine.cores(2, 2.0), "right", "2 cores"),
        (machine.clock(86_400.0), "wrong", "1970-01-02"),
        (machine.clock(1_800_000_000.0, (-3600.0, 0.05)), "look", "moved by -3600.0 s"),
        (machine.clock(1_800_000_000.0, (0.05, 0.05), newest=1_800_009_000.0), "look", "written later"),
        (machine.clock(1_800_000_000.0, (0.05, 0.05)), "right", "2027-01-15"),
        (machine.time_zone("UTC", 0), "look", "+00:00"),
        (machine.time_zone("NST", -12_600), "right", "NST (-03:30)"),
        (
            machine.open_files("This process may open 256 files: raise the limit."),
            "look",
            "raise the limit. → In the service of docs/HOSTING.md: LimitNOFILE=65536.",
        ),
        (machine.open_files(""), "right", "4,096"),
        (machine.fonts("linux", ""), "look", "fonts-noto-cjk"),
        (machine.fonts("linux", "Noto Sans CJK SC\n"), "right", "Noto"),
        (devices.driver(here=True, cards={}), "look", "does not answer"),
        (devices.driver(here=True, cards={"a": gpus.Status(80 * GB, 79 * GB)}), "right", "79 GB of 80 GB"),
        (folder.kind_of_disk(Path("/srv/lab"), "/dev/a / ext4 rw 0 0\nnas:/x /srv nfs4 rw 0 0\n"), "wrong", "nfs4"),
        (folder.kind_of_disk(Path("/srv/lab"), "nas:/x /srv/other nfs rw 0 0\n/dev/a / ext4 rw 0 0\n"), "right", "ext4"),
        (folder.record(Path("/"), (3, 8, 0)), "wrong", "3.8.0"),
    ],
)
def test_a_check_says_what_it_sees(finding, level, words):
    assert finding.level == level, finding.line()
    assert words in finding.line()
    assert bool(finding.cure) == (level != "right")


def test_the_processor_time_of_a_container_is_found_from_the_inside_out(tmp_path):
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "cgroup").write_text("0::/service/web\n")
    inner = tmp_path / "group" / "service" / "web"
    inner.mkdir(parents=True)
    (inner / "cpu.max").write_text("max 100000\n")
    assert cpu.quota(tmp_path, tmp_path / "group") is None
    (inner.parent / "cpu.max").write_text("150000 100000\n")
    assert cpu.quota(tmp_path, tmp_path / "group") == 1.5


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_a_home_that_others_read_or_change_is_reported(home, monkeypatch):
    user = home.stat().st_uid
    assert levels(folder.owner(home, user)) == ["right"]
    assert levels(folder.owner(home, user + 1)) == ["wrong"]
    assert levels(folder.owner(home / "later", user)) == ["right"]
    with monkeypatch.context() as patch:
        patch.setattr("os.access", lambda *_: False)
        assert f"-m 700 {home / 'later'};" in folder.owner(home / "later", user)[0].cure  # nothing above it changes hands
        assert f"chown -R {folder._user()} {home};" in folder.owner(home, user)[0].cure
    home.chmod(0o755)
    assert folder.owner(home, user)[0].cure == f"chmod 700 {home}"
    private_folder(home).chmod(0o750)
    home.chmod(0o777)
    assert levels(folder.owner(home, user)) == ["wrong", "wrong"]


def test_room_is_compared_with_what_runs_and_the_limit_need(home, monkeypatch):
    for free, limit, level in [
        (1_000_000, None, "wrong"),
        (GB, None, "look"),
        (9 * GB, 20 * GB, "look"),
        (9 * GB, 5 * GB, "right"),
    ]:
        monkeypatch.setattr(disk, "free", lambda _, free=free: free)
        assert levels(folder.space(home, None, Limits(disk=limit))) == [level], free
    assert levels(folder.space(home, home / "gone")) == ["right", "look"]
    assert levels(folder.space(home, home)) == ["right", "right"]


def test_a_record_that_is_damaged_or_held_is_reported_and_not_changed(home):
    assert folder.record(home).level == "right"
    assert list(home.iterdir()) == []
    store_file(home).write_bytes(b"no database" * 100)
    found = folder.record(home)
    assert found.level == "wrong"
    assert "not a database" in found.sentence
    assert store_file(home).read_bytes() == b"no database" * 100


def test_limits_that_cannot_be_read_and_a_dispatcher_that_ended_are_reported(home, limit):
    limit("epochs = 0")
    assert folder.limits(home)[0].level == "wrong"
    limit("epochs = 5")
    assert "5 epochs" in folder.limits(home)[0].sentence

    assert folder.dispatcher(home).level == "right"
    background.announce(home)
    assert "It runs" in folder.dispatcher(home).sentence
    background.write_waiting(home, "Queued runs wait: the record is locked.")
    assert "lab.sqlite" in folder.dispatcher(home).cure
    pausing.pause(home, pausing.Paused("We look together"))
    assert folder.dispatcher(home).cure == "Let the lab go on: python -m cnnlab class resume."
    pausing.go_on(home)
    (private_folder(home) / "dispatcher.json").write_text('{"pid": 1, "pid_started": "long ago"}')
    assert folder.dispatcher(home).level == "right"  # it ends without work
    Store(home).create(CONFIG, "token", "waits")
    assert folder.dispatcher(home).sentence == "It has ended, and 1 run waits for it."
    background.error_file(home).write_text("torch is missing.")
    assert folder.dispatcher(home).sentence == "It could not start. torch is missing."


def test_the_port_is_free_taken_or_the_labs(home, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        where = server.Server("127.0.0.1", port)
        assert server.listens(where, home).level == "wrong"
        assert f"--server.port {port + 1}" in server.listens(where, home).cure
        monkeypatch.setattr(server, "listener", lambda _: server.Listener(7, STARTED, str(home)))
        assert "the lab listens there (process 7)" in server.listens(where, home).sentence
        assert f"the lab of {home}" in server.listens(where, home / "another").sentence
    assert server.listens(where, home).sentence == f"{port} is free."
    assert server.listens(server.Server("192.0.2.7", port), home).level == "wrong"


def test_settings_of_the_server_come_from_options_environment_and_files(tmp_path):
    (tmp_path / "config.toml").write_text('[server]\naddress = "localhost"\nport = 9000\nallowedHosts = ["a.org"]\n')

    assert server.server("", 0, {}, (tmp_path,)) == server.Server("localhost", 9000, ("a.org",))
    assert server.server("", 0, {"STREAMLIT_SERVER_PORT": "9001"}, (tmp_path,)).port == 9001
    assert server.server("::1", 9002, {"STREAMLIT_SERVER_PORT": "9001"}, (tmp_path,)) == server.Server("::1", 9002, ("a.org",))
    started = server.as_started(server.Server(), [*STARTED, "--server.address=0.0.0.0", "--server.allowedHosts", "b.org"])
    assert started == server.Server("0.0.0.0", 8501, ("b.org",))  # noqa: S104
    for text in ("[server", "[server]\nport = 99999"):
        (tmp_path / "config.toml").write_text(text)
        with pytest.raises(ConfigError):
            server.server("", 0, {}, (tmp_path,))


def test_who_may_come_in_is_compared_with_who_reaches_the_server(home, tmp_path, monkeypatch):
    here, everywhere = server.Server(), server.Server("0.0.0.0")  # noqa: S104
    nothing = tmp_path / "secrets.toml"

    def entrance(where):
        return levels(server.entrance(home, where, date(2027, 3, 1), nothing))

    assert (entrance(here), entrance(everywhere)) == (["right"], ["wrong"])
    monkeypatch.setenv("CNNLAB_WITHOUT_LOGIN", "yes")
    assert entrance(everywhere) == ["look"]
    monkeypatch.setenv("CNNLAB_WITHOUT_LOGIN", "true")
    assert entrance(here) == ["wrong"]
    monkeypatch.delenv("CNNLAB_WITHOUT_LOGIN")

    proxy = {"header": "X-Email", "addresses": ["127.0.0.1"]}
    group = classes.new_class("Autumn", proxy=proxy, until=date(2027, 2, 28))
    classes.save(home, group)
    assert entrance(everywhere) == ["look", "look"]  # no teacher, and the proxy can be passed by
    group, _ = group.with_member("Li", Role.TEACHER)
    classes.save(home, group)
    assert entrance(here) == ["look", "right"]  # it has ended
    wide = classes.changed(group, until=None, proxy=proxy | {"addresses": ["0.0.0.0/0"]})
    classes.save(home, wide)
    nothing.write_text("[auth]\n")
    assert entrance(here) == ["right", "wrong", "look"]
    classes.file_of(home).write_text("{")
    (broken,) = server.entrance(home, here, date(2027, 3, 1), nothing)
    assert (broken.level, broken.cure) == ("wrong", "A backup has that file: docs/HOSTING.md, “Backup and restore”.")
    assert server.reach(server.Server(allowed=("*",))).level == server.reach(everywhere).level == "look"


def test_devices_are_reported_as_they_were_proved():
    gpu = {"name": "cuda:0", "title": "NVIDIA H100", "problem": "its driver is too old: renew it"}
    answer = {"torch": "2.14.1", "cuda": None, "devices": [{"name": "cpu", "title": "CPU, 2 cores", "problem": ""}, gpu]}

    found = devices.torch(answer, gpu_here=True)

    assert levels(found) == ["look", "right", "wrong"]
    assert (
        found[2].line()
        == "✗ Device: NVIDIA H100 (cuda:0) cannot be used: its driver is too old: renew it. → Then run this command again. "
        "Until then networks train on the other devices."
    )
    assert levels(devices.torch({"error": "no torch"}, gpu_here=False)) == ["wrong"]
    assert "within 0 s" in devices.asked(Path("/nowhere"), 0.01)["error"]


def test_a_check_that_fails_is_a_finding():
    def broken():
        raise RuntimeError("a new way")

    def refuses():
        raise StoreError("It is damaged.")

    assert "RuntimeError: a new way" in examine.found_by("Disk", broken)[0].sentence
    assert examine.found_by("Disk", refuses)[0].sentence == "It is damaged."
    assert verdict([right("a", "b"), look("a", "b", "c"), wrong("a", "b", "c")]) == "Of 3 lines: 1 wrong (✗), 1 to look at (!)."
    assert not healthy([wrong("a", "b", "c")])


def test_the_command_prints_a_page_and_its_code_says_whether_all_is_well(home, limit):
    limit("epochs = 5")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    usual = ["doctor", "--quick", "--home", str(home), "--address", "127.0.0.1", "--port", port]

    page = CliRunner().invoke(app, usual)
    assert page.exit_code == 0, page.output
    assert "✓ Record: SQLite " in page.output

    limit("epochs = 0")
    again = CliRunner().invoke(app, [*usual, "--json"])
    assert again.exit_code == 1
    document = json.loads(again.output)
    assert document["healthy"] is False
    assert [each["name"] for each in document["findings"] if each["level"] == "wrong"] == ["Limits"]


def test_torch_is_loaded_by_another_process_alone():
    code = "import sys, cnnlab.doctor.examine; print([name for name in ('torch', 'pandas', 'streamlit') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=packages.REQUIREMENTS.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
