"""How questions reach the helper process: what is remembered, which connection carries them, how long an answer may take."""

from __future__ import annotations

import json
import threading
from types import SimpleNamespace

import pytest

from cnnlab.compute import client as client_module
from cnnlab.compute import helper as helper_module
from cnnlab.compute import wire
from cnnlab.compute.client import AT_ONCE, GRACE_SECONDS, Client
from cnnlab.compute.helper import Helper
from cnnlab.errors import ComputeError, InstallationError, ShapeError
from cnnlab.layers.failing import table_or_failure
from cnnlab.training import devices
from cnnlab.values import Device

SHAPE = (1, 28, 28)


@pytest.fixture
def helper(tmp_path, monkeypatch):
    """A helper whose process is played here; `asked` has each question with its arguments."""
    helper, asked = Helper(tmp_path), []
    monkeypatch.setattr(helper_module, "known_table", lambda *network: None)

    def ask(question, **arguments):
        asked.append((question, arguments))
        if question == "devices":
            return [{"name": "cpu", "title": "CPU, 3 cores"}]
        table = table_or_failure(arguments["architecture"], arguments["input_shape"], arguments["classes"], arguments["options"])
        return json.loads(json.dumps(table.to_dict()))

    monkeypatch.setattr(helper._client, "ask", ask)
    helper.asked = asked
    return helper


def test_devices_are_asked_for_once_where_there_may_be_a_gpu(helper, monkeypatch):
    monkeypatch.setattr(helper_module.cpu, "is_alone", lambda: False)
    assert helper.devices() == helper.devices() == (Device("cpu", "CPU, 3 cores"),)
    assert helper.asked == [("devices", {})]


def test_nobody_waits_for_the_helper_to_be_told_of_a_cpu_alone(helper, monkeypatch):
    monkeypatch.setattr(helper_module.cpu, "is_alone", lambda: True)
    assert helper.devices() == (devices.find("cpu"),)
    assert helper.asked == []


@pytest.mark.parametrize(("system", "gpu", "alone"), [("linux", False, True), ("linux", True, False), ("darwin", False, False)])
def test_the_cpu_is_alone_where_neither_kind_of_gpu_can_be(monkeypatch, system, gpu, alone):
    monkeypatch.setattr(helper_module.cpu.sys, "platform", system)
    monkeypatch.setattr(helper_module.cpu.gpus, "may_be_here", lambda: gpu)
    assert helper_module.cpu.is_alone() is alone


def test_a_table_is_asked_for_once_for_each_network(helper):
    networks = [
        ("mlp", SHAPE, 10, {}),
        ("lenet", SHAPE, 10, {}),
        ("lenet", (3, 28, 28), 10, {}),
        ("lenet", (1, 32, 28), 10, {}),
        ("lenet", SHAPE, 7, {}),
        ("lenet", SHAPE, 10, {"pooling": "max"}),
    ]
    tables = [helper.design(*network) for network in networks]

    assert [helper.layers(*network) for network in networks] == tables
    assert len(helper.asked) == len(networks)
    assert [(t.architecture, t.input_shape, t.classes, t.options.get("pooling")) for t in tables] == [
        (name, shape, classes, None if name == "mlp" else options.get("pooling", "average"))
        for name, shape, classes, options in networks
    ]


def test_a_default_that_is_spelt_out_is_the_same_network(helper):
    assert helper.layers("lenet", SHAPE, 10, {}) is helper.layers("lenet", SHAPE, 10, {"pooling": "average", "channels": [6, 16]})
    ((question, arguments),) = helper.asked
    assert (question, arguments["options"]["hidden"], arguments["classes"]) == ("design", (120, 84), 10)


def test_the_table_that_was_used_longest_ago_is_forgotten_first(helper, monkeypatch):
    monkeypatch.setattr(helper_module, "REMEMBERED_TABLES", 2)
    for classes in (5, 6, 5, 7, 5, 6):  # 7 takes the place of 6, and 6 that of 7
        helper.design("mlp", SHAPE, classes, {})

    assert [arguments["classes"] for _, arguments in helper.asked] == [5, 6, 7, 6]


def test_the_table_that_lies_ready_is_not_asked_for(tmp_path):
    helper = Helper(tmp_path)

    assert helper.layers("lenet", SHAPE, 10, {}).parameters == 61_706


def test_what_is_shown_while_the_helper_is_asked_is_shown_only_then(helper):
    entered = []

    class Spinner:
        def __enter__(self):
            entered.append(len(helper.asked))

        def __exit__(self, *error):
            entered.append(len(helper.asked))

    for _ in range(2):
        helper.design("lenet", SHAPE, 10, {}, Spinner())

    assert entered == [0, 1]


def test_a_design_that_does_not_fit_is_shown_up_to_its_failure_and_refused_as_layers(helper):
    table = helper.design("alexnet", (1, 28, 28), 10, {})

    assert table.failure
    with pytest.raises(ShapeError, match="at least 67×67") as refused:
        helper.layers("alexnet", (1, 28, 28), 10, {})
    assert refused.value.field == "image_size"
    assert len(helper.asked) == 1


# The connection


class Played:
    """A connection whose other side answers each question from `replies`: an answer, an error, or None for silence."""

    def __init__(self, *replies: object) -> None:
        self.replies = list(replies)
        self.sent: list[dict] = []
        self.waits: list[float] = []
        self.closed = 0

    def send_bytes(self, message: bytes) -> None:
        assert not self.closed
        self.sent.append(json.loads(message))

    def poll(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return bool(self.replies) and self.replies[0] is not None

    def recv_bytes(self, longest: int) -> bytes:
        assert longest == wire.LONGEST_ANSWER
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return json.dumps(reply).encode()

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def connected(tmp_path, monkeypatch):
    """A client of a helper that runs; its connections are those that the test plays, in their order."""
    address = wire.Address("place", "00", 7, "start")
    monkeypatch.setattr(wire.Address, "read", lambda home: address)
    monkeypatch.setattr(wire.Address, "alive", property(lambda self: True))

    def client(*connections: Played, **settings: float) -> Client:
        waiting = list(connections)
        monkeypatch.setattr(client_module, "_open", lambda given: waiting.pop(0) if given is address else pytest.fail("another"))
        return Client(tmp_path, **settings)

    return client


def test_a_question_carries_its_arguments_and_the_time_for_its_answer(connected):
    connection = Played({"answer": 5}, {"answer": [6]})
    client = connected(connection, deadline=2.5)

    assert client.ask("first", a=1, b="ü") == 5
    assert client.ask("second", deadline=9.0) == [6]
    assert connection.sent == [
        {"question": "first", "arguments": {"a": 1, "b": "ü"}, "deadline": 2.5},
        {"question": "second", "arguments": {}, "deadline": 9.0},
    ]
    assert connection.waits == [2.5 + GRACE_SECONDS, 9.0 + GRACE_SECONDS]


def test_an_answer_has_thirty_seconds_unless_more_is_asked_for(connected):
    connection = Played({"answer": None})

    assert connected(connection).ask("first") is None
    assert connection.waits == [35.0]


def test_an_error_is_raised_as_what_it_was_and_the_connection_stays(connected):
    connection = Played({"error": wire.error_to_dict(ShapeError("Too small.", "image_size"))}, {"answer": 1})
    client = connected(connection)

    with pytest.raises(ShapeError, match=r"^Too small\.$") as raised:
        client.ask("first")
    assert raised.value.field == "image_size"
    assert client.ask("second") == 1
    assert not connection.closed


@pytest.mark.parametrize("end", [EOFError(), ConnectionResetError()])
def test_after_a_restart_the_question_is_asked_once_more_over_a_new_connection(connected, end):
    first, second = Played({"answer": 1}, end), Played({"answer": 2}, {"answer": 3})
    client = connected(first, second)

    assert [client.ask("a"), client.ask("b"), client.ask("c")] == [1, 2, 3]
    assert [message["question"] for message in second.sent] == ["b", "c"]
    assert (first.closed, second.closed) == (1, 0)


def test_a_question_over_which_the_helper_ends_twice_is_a_sentence_and_the_next_one_is_asked(connected):
    broken = [Played({"answer": 1}, EOFError()), Played(EOFError()), Played({"answer": 4})]
    client = connected(*broken)
    client.ask("a")

    with pytest.raises(ComputeError, match=r"ended while it worked on this \(b\), perhaps for lack of memory\. Please try again"):
        client.ask("b")
    assert client.ask("c") == 4
    assert [connection.closed for connection in broken] == [1, 1, 0]


def test_a_helper_that_stays_silent_is_ended_and_its_connection_closed(connected, monkeypatch):
    killed = []
    monkeypatch.setattr(client_module.psutil, "Process", lambda pid: SimpleNamespace(kill=lambda: killed.append(pid)))
    silent = Played(None)
    client = connected(silent, Played({"answer": 1}))

    with pytest.raises(ComputeError, match=r"gave no answer within 2 s \(slow\)\. Please try again, or ask for less\.$"):
        client.ask("slow", deadline=2.0)
    assert (killed, silent.closed) == ([7], 1)
    assert client.ask("next") == 1


def test_questions_one_after_the_other_use_one_connection_and_those_at_once_one_each(connected):
    """The connection that was used last is used next."""
    connections = [Played(*({"answer": number} for _ in range(9))) for number in range(3)]
    client = connected(*connections)
    with client._place() as one, client._place() as other:
        for place in (one, other):
            client._reply(place, {"question": "q", "arguments": {}, "deadline": 1.0})
    for _ in range(3):
        client.ask("later")

    assert sorted(len(connection.sent) for connection in connections) == [0, 1, 4]


def test_closing_closes_every_idle_connection_and_the_next_question_opens_another(connected):
    first, second, third = (Played(*({"answer": number},) * 3) for number in (1, 2, 3))
    client = connected(first, second, third)
    with client._place() as one, client._place() as other:
        for place in (one, other):
            client._reply(place, {"question": "q", "arguments": {}, "deadline": 1.0})
    client.close()
    client.close()

    assert (first.closed, second.closed) == (1, 1)
    assert client.ask("next") == 3
    assert client._places.qsize() == AT_ONCE


def test_at_most_eight_questions_are_worked_on_and_the_ninth_waits_for_a_place(connected, monkeypatch):
    client = connected()
    taken = [client._place() for _ in range(AT_ONCE)]
    places = [each.__enter__() for each in taken]
    monkeypatch.setattr(client_module, "QUEUE_SECONDS", 0.05)

    assert AT_ONCE == len({id(place) for place in places}) == 8
    with pytest.raises(ComputeError, match=r"is busy: it has answered others for 0\.05 s"):
        client.ask("ninth")
    monkeypatch.setattr(client_module, "QUEUE_SECONDS", 20.0)
    threading.Timer(0.05, lambda: taken[0].__exit__(None, None, None)).start()
    with client._place() as place:
        assert place is places[0]


def test_a_helper_that_runs_is_ready_and_another_one_is_started(tmp_path, monkeypatch):
    ensured, alive = [], [True]
    monkeypatch.setattr(client_module, "FIRST_PAGE_SECONDS", 0.0)
    monkeypatch.setattr(client_module.background, "ensure", ensured.append)
    monkeypatch.setattr(wire.Address, "alive", property(lambda self: alive[0]))
    client = Client(tmp_path)

    assert not client.ready()  # no address yet
    client._start.join()
    assert ensured == [tmp_path]
    wire.Address("place", "00", 7, "start").write(tmp_path)
    assert (client.ready(), ensured) == (True, [tmp_path])
    alive[0] = False
    assert (client.ready(), ensured) == (False, [tmp_path, tmp_path])


def test_a_helper_that_was_ready_counts_as_ready_for_a_while(tmp_path, monkeypatch):
    clock, looks = [100.0], []
    monkeypatch.setattr(client_module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(wire.Address, "alive", property(lambda self: looks.append(clock[0]) or True))
    wire.Address("place", "00", 7, "start").write(tmp_path)
    client = Client(tmp_path, look_seconds=1.0)

    for clock[0] in (100.0, 100.9, 101.0):
        assert client.ready()
    assert looks == [100.0, 101.0]


def test_the_first_page_comes_before_the_helper_and_a_closed_lab_starts_none(tmp_path, monkeypatch):
    started = threading.Event()
    ensured = []
    monkeypatch.setattr(client_module.background, "ensure", lambda home: ensured.append(home) or started.set())
    monkeypatch.setattr(client_module, "FIRST_PAGE_SECONDS", 0.2)
    client = Client(tmp_path)

    assert not client.ready()
    assert not client.ready()
    assert ensured == []
    assert started.wait(5)
    client._start.join()
    client.ready()  # it has ended since, or could not start: the page shows why
    assert ensured == [tmp_path, tmp_path]

    another = Client(tmp_path)
    another.ready()
    another.close()
    another._start.join()
    assert ensured == [tmp_path, tmp_path]


def test_a_first_start_that_fails_is_left_for_the_next_page(tmp_path, monkeypatch):
    def fails(home):
        raise InstallationError("No torch.")

    monkeypatch.setattr(client_module.background, "ensure", fails)
    monkeypatch.setattr(client_module, "FIRST_PAGE_SECONDS", 0.0)
    client = Client(tmp_path)

    client.ready()
    client._start.join()
    with pytest.raises(InstallationError, match="No torch"):
        client.ready()


def test_a_helper_that_does_not_start_is_waited_for_and_then_a_sentence(tmp_path, monkeypatch):
    ensured = []
    monkeypatch.setattr(client_module.background, "ensure", ensured.append)
    monkeypatch.setattr(client_module, "START_SECONDS", 0.2)

    with pytest.raises(
        ComputeError, match=r"did not start within 0\.2 s: its file dispatcher\.log in the lab's folder says why\.$"
    ):
        Client(tmp_path).ask("first")
    assert len(ensured) > 1
    assert {*ensured} == {tmp_path}


def test_a_wrong_installation_is_not_waited_for(tmp_path, monkeypatch):
    def fail(home):
        raise InstallationError("torch is missing.")

    monkeypatch.setattr(client_module.background, "ensure", fail)
    with pytest.raises(InstallationError, match="torch is missing"):
        Client(tmp_path).ask("first")
