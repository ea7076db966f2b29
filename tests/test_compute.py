"""The helper process: answers, bounds, strangers and restarts."""

import contextlib
import json
import multiprocessing
import os
import threading
import time
from dataclasses import replace
from multiprocessing.connection import Client as Connect
from pathlib import Path
from typing import get_type_hints

import psutil
import pytest
from waiting import wait_for

from cnnlab import errors
from cnnlab.compute import client as client_module
from cnnlab.compute import questions, typed, wire
from cnnlab.compute.client import AT_ONCE, Client
from cnnlab.compute.server import MAXIMUM_CONNECTIONS, Server
from cnnlab.config import RunConfig
from cnnlab.datasets.places import Split
from cnnlab.errors import ComputeError, ConfigError, DataError, DeviceError, ShapeError
from cnnlab.layers import LayerTable
from cnnlab.layers.trace import layer_table
from cnnlab.system import processes
from cnnlab.training.costs import DeviceSpeed, Speed
from cnnlab.values import ClassFigures, Device, Disagreement, DisagreementPage, EvaluatedRun, Picture, Prediction, PredictionPage

MEGABYTE = 1 << 20


def echo(home, **arguments):
    return arguments


def sleep(home, seconds):
    time.sleep(seconds)
    return "slept"


def fill(home, megabytes):
    block = bytearray(megabytes * MEGABYTE)
    block[::4096] = b"x" * len(block[::4096])  # a page counts only once it was written to
    time.sleep(20)


def refuse(home):
    raise ShapeError("Images of 3×3 px are too small.", "image_size")


def stumble(home):
    raise ZeroDivisionError("division by zero\nand more")


def lose(home, data):
    raise DataError(f"{data}/MNIST/raw/images.gz is truncated, as {home}/runs/x is.")


def die(home):
    os._exit(1)


ANSWERS = {"echo": echo, "sleep": sleep, "fill": fill, "refuse": refuse, "stumble": stumble, "lose": lose, "die": die}


@pytest.fixture
def start(tmp_path):
    """Starts a server with made-up answers, as the dispatcher would."""
    me = (os.getpid(), processes.identity(os.getpid()))
    context = multiprocessing.get_context("fork")
    started = []

    def run():
        process = context.Process(target=lambda: Server(tmp_path, ANSWERS, memory_growth=200 * MEGABYTE).serve(me))
        process.start()
        started.append(process)
        while not ((address := wire.Address.read(tmp_path)) and address.pid == process.pid):
            time.sleep(0.01)
        return process

    yield run
    for process in started:
        process.kill()
        process.join()


@pytest.fixture
def client(start, tmp_path):
    start()
    client = Client(tmp_path)
    yield client
    client.close()


def raw(home):
    address = wire.Address.read(home)
    connection = Connect(address.place)
    wire.authenticate(connection, address.key, server=False)
    return connection


def test_an_answer_comes_back_as_json(client):
    assert client.ask("echo", a=1, b=[None, "ü"]) == {"a": 1, "b": [None, "ü"]}


PICTURE = Picture(3, 9, "data:")
FIGURES = (ClassFigures(65, 0.5, 0.25, None), ClassFigures(55, 0.5, None, 0.0))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (tuple[Device, ...], (Device("cpu", "CPU, 8 cores"), Device("cuda:0", "GPU"))),
        (tuple[int, int, int], (1, 28, 28)),
        (
            PredictionPage,
            PredictionPage("best", 2, ("a", "b"), 1, 120, 60, ((60, 5), (55, 0)), FIGURES, (Prediction(PICTURE, 8, 0.5),)),
        ),
        (DisagreementPage, DisagreementPage(("a",), 9, (1, 2), 3, 2, 1, 0, 3, (Disagreement(PICTURE, (1, 2), (0.5, 0.25)),))),
        (EvaluatedRun, EvaluatedRun("0123abcd", "sample", Path("/data"))),
        (EvaluatedRun, EvaluatedRun("0123abcd", "sample", None)),
        (DeviceSpeed, DeviceSpeed("cuda:0", 1, 2, "known", Speed(0.1, 0.2, 0.3))),
        (DeviceSpeed, DeviceSpeed("cpu", None, None, "unknown", None)),
        (LayerTable, layer_table("lenet", options={"activation": "relu"})),
        (RunConfig, RunConfig.make(architecture="alexnet", epochs=3)),
        (None, None),
    ],
    ids=lambda value: getattr(value, "__name__", str(value))[:40],
)
def test_a_value_comes_back_from_json_as_what_it_was(kind, value):
    assert typed.read(kind, json.loads(typed.write(value))) == value


def test_a_choice_that_is_none_and_a_value_without_a_form_in_json_are_refused():
    with pytest.raises(ValueError, match="must be one of train, test, not 'x'"):
        typed.read(Split, "x")
    with pytest.raises(TypeError, match="object has no form in JSON"):
        typed.write(object())
    with pytest.raises(TypeError, match="cannot be read from JSON"):
        typed.read(object, 1)


@pytest.mark.parametrize("question", questions.QUESTIONS)
def test_a_question_has_one_description_that_both_sides_can_read(question):
    home, *arguments = get_type_hints(questions.answers()[question]).items()

    assert home == ("home", Path)
    assert dict(arguments)["return"] == (questions.QUESTIONS[question][1] or type(None))
    for _, kind in arguments:
        assert typed._reader(kind)


@pytest.mark.parametrize("kind", ["DataError", "DeviceError", "ShapeError", "ConfigError", "CheckpointError", "InstallationError"])
def test_an_error_for_people_stays_what_it_was(kind):
    error = getattr(errors, kind)("A sentence.")
    back = wire.error_from_dict(json.loads(json.dumps(wire.error_to_dict(error))))
    assert (type(back), str(back)) == (type(error), "A sentence.")


def test_an_error_keeps_its_field(client):
    with pytest.raises(ShapeError, match="too small") as caught:
        client.ask("refuse")
    assert caught.value.field == "image_size"


def test_an_unexpected_error_is_one_sentence(client):
    with pytest.raises(ComputeError, match=r"stumble failed with an unexpected ZeroDivisionError: division by zero\.$"):
        client.ask("stumble")


def test_an_error_names_no_folder_of_the_machine(client, tmp_path):
    with pytest.raises(DataError) as caught:
        client.ask("lose", data="/srv/class/data")
    assert str(caught.value) == "MNIST/raw/images.gz in the data folder is truncated, as runs/x in the lab's folder is."


@pytest.mark.parametrize(("question", "arguments"), [("nonsense", {}), ("__import__", {}), ("sleep", {}), ("refuse", {"extra": 1})])
def test_a_question_that_is_none_is_refused(client, question, arguments):
    with pytest.raises(ComputeError, match=r"knows no question|was put wrongly"):
        client.ask(question, **arguments)


def connected(address):
    """How many connections the server process holds."""
    return len(psutil.Process(address.pid).net_connections("unix"))


def test_many_threads_ask_at_once(client):
    answers = []
    threads = [threading.Thread(target=lambda n=n: answers.append(client.ask("echo", n=n)["n"])) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == list(range(20))


def test_two_hundred_who_ask_at_once_are_all_answered_over_a_few_connections(client):
    listening = connected(wire.Address.read(client.home))
    answers, most = [], []

    def ask(number):
        answers.append(client.ask("sleep", seconds=0.01))
        if number % 20 == 0:
            most.append(connected(wire.Address.read(client.home)))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == ["slept"] * 200
    assert max(most) <= listening + AT_ONCE


def test_who_waits_too_long_for_a_place_gets_a_sentence(client, monkeypatch):
    monkeypatch.setattr(client_module, "QUEUE_SECONDS", 0.1)
    working = [threading.Thread(target=client.ask, args=("sleep",), kwargs={"seconds": 1}) for _ in range(AT_ONCE)]
    for thread in working:
        thread.start()
    wait_for(client._places.empty)
    with pytest.raises(ComputeError, match=r"is busy: .*Please try again in a moment"):
        client.ask("echo")
    for thread in working:
        thread.join()
    assert client.ask("echo") == {}


def test_a_connection_that_is_closed_gives_its_place_back(client):
    for _ in range(MAXIMUM_CONNECTIONS + 1):
        raw(client.home).close()
    assert client.ask("echo") == {}


def test_a_helper_whose_places_are_taken_says_so_within_seconds_and_answers_once_one_is_free(client, monkeypatch):
    monkeypatch.setattr(client_module, "BUSY_SECONDS", 0.2)
    others = [raw(client.home) for _ in range(MAXIMUM_CONNECTIONS)]
    with pytest.raises(ComputeError, match=r"takes no more questions\. Please try again"):
        client.ask("echo")
    others.pop().close()
    assert client.ask("echo") == {}
    for other in others:
        other.close()


def test_a_stranger_who_stays_silent_loses_the_place(start, tmp_path, monkeypatch):
    monkeypatch.setattr(wire, "CONNECT_SECONDS", 0.2)  # in the fork too
    start()
    address = wire.Address.read(tmp_path)
    silent = [wire.connect(address) for _ in range(3)]
    for connection in silent:
        assert connection.recv_bytes().startswith(b"#CHALLENGE#")
        with pytest.raises((EOFError, OSError)):
            connection.recv_bytes()
        connection.close()


def test_a_server_that_is_stopped_does_not_hold_up_its_client_for_ever(client, monkeypatch):
    monkeypatch.setattr(client_module, "BUSY_SECONDS", 0.2)
    monkeypatch.setattr(wire, "CONNECT_SECONDS", 0.1)
    server = psutil.Process(wire.Address.read(client.home).pid)
    server.suspend()
    with pytest.raises(ComputeError, match="busy"):
        client.ask("echo")
    server.resume()
    assert client.ask("echo") == {}


@pytest.mark.parametrize(
    "left", ["", "{", "[]", '{"place": "x"}', '{"place": [], "key": "zz", "pid": 1, "pid_started": ""}', "null"]
)
def test_an_address_that_a_power_cut_has_torn_is_none_and_the_helper_comes_back(client, start, left):
    file = client.home / "private" / "helper.json"
    running = psutil.Process(wire.Address.read(client.home).pid)
    file.write_text(left)
    assert wire.Address.read(client.home) is None
    wait_for(lambda: running.status() == psutil.STATUS_ZOMBIE)  # nobody can find it: the dispatcher starts another
    start()
    assert client.ask("echo") == {}


def test_an_answer_that_takes_too_long_ends_and_the_next_is_given(client, start):
    with pytest.raises(ComputeError, match=r"gave no answer within 0\.3 s \(sleep\)"):
        client.ask("sleep", seconds=60, deadline=0.3)
    start()
    assert client.ask("echo") == {}


def test_the_helper_keeps_to_the_time_of_a_question_whoever_asks_it(client):
    connection = raw(client.home)
    wire.send(connection, {"question": "sleep", "arguments": {"seconds": 60}, "deadline": 0.3})

    assert connection.poll(20)
    assert "gave no answer within 0.3 s (sleep)" in wire.receive(connection, MEGABYTE)["error"]["message"]
    connection.close()


def test_an_answer_that_needs_too_much_memory_ends_and_the_next_is_given(client, start):
    with pytest.raises(ComputeError, match="needed too much memory"):
        client.ask("fill", megabytes=400)
    start()
    assert client.ask("echo") == {}


def test_a_helper_that_dies_over_a_question_is_a_sentence(client):
    with pytest.raises(ComputeError, match="ended while it worked on this"):
        client.ask("die")


def test_a_helper_that_was_restarted_meanwhile_answers(client, start):
    client.ask("echo")
    pid = wire.Address.read(client.home).pid
    psutil.Process(pid).kill()
    start()
    assert client.ask("echo", a=1) == {"a": 1}


def test_a_stranger_without_the_key_is_refused(client):
    address = replace(wire.Address.read(client.home), key="00" * 32)
    connection = Connect(address.place)
    with pytest.raises((multiprocessing.AuthenticationError, EOFError)):
        wire.authenticate(connection, address.key, server=False)
    connection.close()
    assert client.ask("echo") == {}


def test_a_client_does_not_trust_a_server_without_the_key(tmp_path):
    """An impostor sends a challenge, accepts every answer to it, and cannot answer the client's own."""
    listener, address = wire.listen(tmp_path)
    address.write(tmp_path)
    asked = []

    def pretend():
        with listener.accept() as connection:
            connection.send_bytes(b"#CHALLENGE#" + b"x" * 20)
            connection.recv_bytes()
            connection.send_bytes(b"#WELCOME#")
            connection.recv_bytes()
            connection.send_bytes(b"0" * 16)
            with contextlib.suppress(EOFError, OSError):
                asked.append(connection.recv_bytes())
                asked.append(connection.recv_bytes())

    impostor = threading.Thread(target=pretend)
    impostor.start()
    with pytest.raises(ComputeError, match="does not know this lab's key"):
        Client(tmp_path).ask("echo", secret="mine")
    impostor.join(5)
    listener.close()
    assert not [message for message in asked if b"secret" in message]


def test_a_client_with_another_key_is_refused_with_a_sentence(client):
    honest = wire.Address.read(client.home)
    other = replace(honest, key="11" * 32)
    with pytest.raises(ComputeError, match="does not know this lab's key"):
        client_module._open(other)


@pytest.mark.parametrize(
    "garbage", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"\x80\x04N.", b"[" * 100_000, b'{"question": 1, "deadline": "x"}']
)
def test_garbage_does_not_end_the_server(client, garbage):
    connection = raw(client.home)
    connection.send_bytes(garbage)
    assert "error" in wire.receive(connection, MEGABYTE)
    connection.close()
    assert client.ask("echo") == {}


def test_a_question_that_is_too_long_ends_only_its_connection(client):
    connection = raw(client.home)
    with pytest.raises((EOFError, OSError)):  # the server hangs up while we are still sending, or after
        connection.send_bytes(b"x" * (wire.LONGEST_QUESTION + 1))
        connection.recv_bytes()
    connection.close()
    assert client.ask("echo") == {}


def test_address_and_socket_are_for_this_user_only(client):
    folder = client.home / "private"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "helper.json").stat().st_mode & 0o777 == 0o600


def test_a_home_with_a_long_name_gets_another_kind_of_connection(tmp_path):
    listener, address = wire.listen(tmp_path / ("long" * 40))
    listener.close()
    assert address.place[0] == "127.0.0.1"


def test_the_helper_goes_when_its_dispatcher_is_gone(start, tmp_path):
    context = multiprocessing.get_context("fork")
    server = context.Process(target=lambda: Server(tmp_path, ANSWERS).serve((os.getppid(), "an earlier process")))
    server.start()
    server.join(5)
    assert server.exitcode == 0


# The real answers, through the lab


def test_a_helper_that_is_killed_is_replaced(lab):
    before = lab.layers("lenet", (1, 28, 28), 8, {})  # asked of the helper: the table of ten classes lies ready
    address = wire.Address.read(lab.home)
    psutil.Process(address.pid).kill()
    assert lab.layers("lenet", (1, 28, 28), 7, {}).parameters < before.parameters
    assert wire.Address.read(lab.home).pid != address.pid


def test_a_run_is_checked_before_it_waits(lab):
    small = RunConfig.make(architecture="alexnet", image_size=32)
    with pytest.raises(ShapeError, match="image"):
        lab.start(small, token="small")
    with pytest.raises(DeviceError, match="cuda:77"):
        lab.start(RunConfig.make(device="cuda:77"), token="device")
    assert not [run for run in lab.runs() if run.config in (small,)]


def test_a_wrong_option_names_its_field(lab):
    with pytest.raises(ConfigError) as caught:
        lab.layers("lenet", (1, 28, 28), 10, {"activation": "magic"})
    assert caught.value.field == "options.activation"
