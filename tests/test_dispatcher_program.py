"""The dispatcher as a program: its children, and what it does before and after it serves."""

from __future__ import annotations

import multiprocessing
import sys
from types import SimpleNamespace

import pytest
from filelock import FileLock

from cnnlab.errors import InstallationError
from cnnlab.system import background, processes, room
from cnnlab.system.home import private_folder
from cnnlab.workers import dispatcher, placing

# Children


class AtOnce:
    """A process that does its work when it is started, here."""

    def __init__(self, target, args) -> None:
        self.target, self.args = target, args

    def start(self):
        self.target(*self.args)

    def join(self):
        return None


@pytest.fixture
def plain(tmp_path):
    office = dispatcher.Dispatcher(tmp_path)
    office._context = SimpleNamespace(Pipe=multiprocessing.Pipe, Process=AtOnce)
    yield office
    office.close()


def test_a_child_finds_the_devices_for_a_choice_which_are_remembered_for_a_minute(plain, monkeypatch):
    asked, clock = [], [1_000.0]

    def candidates(choice):
        asked.append(choice)
        return {"auto": ("cuda:1", "cuda:0"), "cuda:7": ()}.get(choice, (choice,))

    monkeypatch.setitem(sys.modules, "cnnlab.training.devices", SimpleNamespace(candidates=candidates))  # without torch
    monkeypatch.setattr(dispatcher.time, "monotonic", lambda: clock[0])

    monkeypatch.setattr(placing.gpus, "may_be_here", lambda: True)

    found = [plain._placing.candidates(choice) for choice in ("auto", "cpu", "auto", "cuda:7", "cuda:7")]
    assert found == [("cuda:1", "cuda:0"), ("cpu",), ("cuda:1", "cuda:0"), ("cuda:7",), ("cuda:7",)]
    assert asked == ["auto", "cuda:7"]
    clock[0] += 59.9
    plain._placing.candidates("auto")
    assert len(asked) == 2
    clock[0] += 0.2
    plain._placing.candidates("auto")
    assert asked[2:] == ["auto"]


def test_a_child_that_dies_before_its_answer_leaves_the_name_and_is_asked_again(plain, monkeypatch):
    asked = []
    monkeypatch.setattr(placing.gpus, "may_be_here", lambda: True)
    monkeypatch.setattr(placing, "send_candidates", lambda writer, choice: asked.append(choice))

    assert [plain._placing.candidates("auto"), plain._placing.candidates("auto")] == [("auto",), ("auto",)]
    assert asked == ["auto", "auto"]


def test_no_connection_to_the_record_survives_into_a_child(plain):
    plain.store.runs()
    connections = plain.store._connections
    assert connections._idle
    found = []

    plain._start(lambda *arguments: found.append((arguments, list(connections._idle))), 1, "b")

    assert found == [((1, "b"), [])]


# The program


@pytest.fixture
def program(tmp_path, monkeypatch):
    """`main`, with what it calls written down, in this process."""
    calls = []

    class Office:
        def __init__(self, home, *, idle_seconds):
            calls.append(("made", home, idle_seconds, background.known(home)))

        def serve(self):
            calls.append("serves")
            if program.error:
                raise program.error

    monkeypatch.setattr(dispatcher, "Dispatcher", Office)
    monkeypatch.setattr(processes, "detach", lambda: calls.append("detached"))
    monkeypatch.setattr(processes, "keep_files_private", lambda: calls.append("private"))
    monkeypatch.setattr(processes, "allow_many_files", lambda: "Too few files.")
    monkeypatch.setattr(room, "make_room", lambda home: calls.append(("room", home)))
    program = SimpleNamespace(
        calls=calls, error=None, home=tmp_path, main=lambda *more: dispatcher.main(["--home", str(tmp_path), *more])
    )
    return program


def test_the_program_detaches_announces_itself_and_serves(program, capsys):
    assert program.main("--idle", "7.5") == 0
    made = ("made", program.home, 7.5, processes.current())
    assert program.calls == ["detached", "private", ("room", program.home), made, "serves"]
    assert capsys.readouterr().err == "Too few files.\n"


def test_the_program_waits_ten_minutes_where_nothing_else_is_asked_for(program):
    program.main()

    assert program.calls[3][2] == 600.0


def test_a_home_with_a_dispatcher_gets_no_second_one(program, monkeypatch):
    monkeypatch.setattr(dispatcher, "LOCK_SECONDS", 0.05)
    with FileLock(private_folder(program.home) / "dispatcher.lock"):
        assert program.main() == 0
    assert program.calls == ["detached", "private"]


def test_an_installation_that_does_not_load_is_written_down_and_the_lock_released(program, capsys):
    program.error = InstallationError("torch does not load.")

    assert program.main() == 1

    assert background.error_file(program.home).read_text() == "torch does not load."
    assert "InstallationError: torch does not load." in capsys.readouterr().err
    with FileLock(private_folder(program.home) / "dispatcher.lock", timeout=0.1):
        pass
