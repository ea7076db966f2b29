"""How the helper process answers: its bounds of time and memory, what ends it, what it shows of the machine, and its messages."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import threading
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
from data_files import write_tiny
from filled_home import CONFIG

from cnnlab import errors
from cnnlab.compute import answers, calibrate, child, questions, server, speeds, typed, wire
from cnnlab.compute.server import LONGEST_DEADLINE, MAXIMUM_CONNECTIONS, Server, heartbeat_file
from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError, ComputeError, ConfigError, DataError
from cnnlab.system.processes import Process, current
from cnnlab.training import calibration
from cnnlab.training.costs import Speed
from cnnlab.values import Device, EvaluatedRun


class Line:
    """A connection that receives these messages and keeps what is sent."""

    def __init__(self, *messages: object) -> None:
        self.messages, self.sent, self.closed = list(messages), [], False

    def recv_bytes(self, longest: int) -> bytes:
        assert longest == wire.LONGEST_QUESTION
        if not self.messages:
            raise EOFError
        message = self.messages.pop(0)
        return message if isinstance(message, bytes) else json.dumps(message).encode()

    def send_bytes(self, message: bytes) -> None:
        self.sent.append(json.loads(message))

    def close(self) -> None:
        self.closed = True


class Ended(BaseException):
    """Stands in for the end of the process; its argument is the exit code."""


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A server without its socket, with these answers."""

    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(server.os, "_exit", end)
    (tmp_path / "private").mkdir()
    return lambda **made: Server(tmp_path, made, memory_growth=1 << 40)


def test_a_message_is_answered_and_its_work_is_over(served):
    made = served(double=lambda home, number: 2 * number)
    line = Line({"question": "double", "arguments": {"number": 4}, "deadline": 1.0})
    made._reply(line)

    assert line.sent == [{"answer": 8}]
    assert made._jobs == {}


@pytest.mark.parametrize(
    ("deadline", "seconds"), [(2, 2.0), (0.5, 0.5), (LONGEST_DEADLINE + 1, 120.0), (10**9, 120.0), ("9", 30.0), (None, 30.0)]
)
def test_a_question_has_the_time_it_asks_for_within_two_minutes_and_else_thirty_seconds(served, monkeypatch, deadline, seconds):
    monkeypatch.setattr(server.time, "monotonic", lambda: 1_000.0)
    seen = []
    made = served(look=lambda home: seen.extend(asdict(replace(job, connection=None)) for job in made._jobs.values()))
    made._reply(Line({"question": "look", "arguments": {}, "deadline": deadline}))

    assert seen == [{"connection": None, "question": "look", "seconds": seconds, "until": 1_000.0 + seconds}]


def test_a_question_that_fails_leaves_no_work_behind(served):
    made = served(fail=lambda home: 1 / 0)
    line = Line({"question": "fail", "arguments": {}})
    made._reply(line)

    assert line.sent[0]["error"]["message"] == "fail failed with an unexpected ZeroDivisionError: division by zero."
    assert made._jobs == {}


def test_an_unexpected_error_without_words_or_with_many_is_one_short_sentence(served):
    def fail(home, text):
        raise KeyError(text) if text else ValueError

    made = served(fail=fail)
    line = Line(*({"question": "fail", "arguments": {"text": text}} for text in ("", "x" * 500)))
    made._reply(line)
    made._reply(line)

    messages = [each["error"]["message"] for each in line.sent]
    assert messages[0] == "fail failed with an unexpected ValueError: no reason given."
    assert messages[1] == f"fail failed with an unexpected KeyError: '{'x' * 199}."


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "3 files in the lab's folder are lost, /srv/data/x too."),
        ({"data": "/srv/data"}, "3 files in the lab's folder are lost, x in the data folder too."),
        ({"run": {"data": "/srv/data"}}, "3 files in the lab's folder are lost, x in the data folder too."),
        (
            {"first": {"data": "/srv/data"}, "second": {"data": None}},
            "3 files in the lab's folder are lost, x in the data folder too.",
        ),
    ],
)
def test_a_visitor_reads_no_folder_of_the_machine_and_the_log_has_the_whole_message(served, tmp_path, capsys, arguments, sentence):
    def lose(home, **_):
        raise DataError(f"3 files in {home} are lost, /srv/data/x too.")

    made = served(lose=lose)
    line = Line({"question": "lose", "arguments": arguments})
    made._reply(line)

    assert line.sent[0]["error"] == {"kind": "DataError", "message": sentence, "field": ""}
    assert capsys.readouterr().err == f"3 files in {tmp_path} are lost, /srv/data/x too.\n"


def test_an_error_that_names_no_folder_is_not_logged(served, capsys):
    def refuse(home):
        raise ConfigError("epochs must be 1 or more.", "epochs")

    line = Line({"question": "refuse", "arguments": {}})
    served(refuse=refuse)._reply(line)

    assert line.sent == [{"error": {"kind": "ConfigError", "message": "epochs must be 1 or more.", "field": "epochs"}}]
    assert capsys.readouterr().err == ""


def test_the_heartbeat_is_touched_by_a_question_and_at_most_once_a_second(served, tmp_path, monkeypatch):
    moments, file = iter((100.0, 100.9, 101.2)), heartbeat_file(tmp_path)
    monkeypatch.setattr(server.time, "monotonic", lambda: next(moments))
    made, touched = served(), []
    for _ in range(3):
        file.unlink(missing_ok=True)
        made._beat()
        touched.append(file.exists())

    assert touched == [True, False, True]
    assert file == tmp_path / "private" / "heartbeat"


def test_a_connection_is_answered_until_it_ends_and_then_gives_its_place_back(served, monkeypatch):
    keys = []
    monkeypatch.setattr(wire, "authenticate", lambda line, key, *, server: keys.append((key, server)))
    made, line = served(one=lambda home: 1), Line(*({"question": "one", "arguments": {}},) * 2, b"[]")
    made._places.acquire()
    made._attend(line, "abcd")

    assert keys == [("abcd", True)]
    assert [each.get("answer") for each in line.sent] == [1, 1, None]
    assert "received something that is not a question (a message is a JSON object)" in line.sent[2]["error"]["message"]
    assert line.closed
    assert made._places._value == MAXIMUM_CONNECTIONS == 64


def test_a_stranger_is_asked_nothing_and_gives_its_place_back(served, monkeypatch):
    def refuse(line, key, *, server):
        raise multiprocessing.AuthenticationError

    monkeypatch.setattr(wire, "authenticate", refuse)
    made, line = served(one=lambda home: 1), Line({"question": "one", "arguments": {}})
    made._places.acquire()
    made._attend(line, "abcd")

    assert (line.sent, line.closed, made._places._value) == ([], True, MAXIMUM_CONNECTIONS)


@pytest.fixture
def watched(served, tmp_path, monkeypatch):
    """Lets a server look once at its work and around it; returns the exit code, None where it goes on."""
    address = wire.Address("place", "00", *current())
    address.write(tmp_path)

    def look(made: Server, *, parent: Process | None = None, turns: int = 1) -> int | None:
        left = iter(range(turns + 1))

        def sleep(seconds: float) -> None:
            if next(left) == turns:
                raise TimeoutError

        monkeypatch.setattr(server.time, "sleep", sleep)
        try:
            made._watch(parent or current(), address)
        except Ended as end:
            return end.args[0]
        except TimeoutError:
            return None

    return look


def job(line: Line, until: float) -> server._Job:
    return server._Job(line, "slow", 1.5, until)


def test_a_server_that_is_in_time_goes_on(served, watched):
    made = served()
    made._jobs = {1: job(line := Line(), float("inf"))}

    assert watched(made, turns=11) is None
    assert line.sent == []


def test_only_a_question_that_is_late_is_blamed(served, watched):
    made, late, other = served(), Line(), Line()
    made._jobs = {1: job(late, 0.0), 2: job(other, float("inf"))}

    assert watched(made) == 3
    (reply,) = late.sent
    assert reply["error"]["message"] == (
        "The helper process gave no answer within 1.5 s (slow). Please try again, or ask for less."
    )
    assert (reply["error"]["kind"], other.sent) == ("ComputeError", [])


def test_every_question_hears_of_memory_that_is_used_up(served, watched):
    made, lines = served(), (Line(), Line())
    made._jobs = dict(enumerate(job(line, float("inf")) for line in lines))
    made._memory_limit = 1

    assert watched(made) == 3
    assert [line.sent[0]["error"]["message"].partition(". ")[0] for line in lines] == [
        "The helper process needed too much memory (slow)"
    ] * 2


def test_a_server_ends_quietly_with_its_parent_and_when_clients_find_another_address(served, watched, tmp_path):
    assert watched(served(), parent=Process(os.getpid(), "an earlier process")) == 0
    wire.Address("place", "11", *current()).write(tmp_path)
    assert watched(served()) == 0
    (tmp_path / "private" / "helper.json").unlink()
    assert watched(served()) == 0


def test_memory_may_grow_by_three_gigabytes(tmp_path):
    made = Server(tmp_path, {})

    assert 0 <= made._process.memory_info().rss + (3 << 30) - made._memory_limit < 1 << 29


# Messages


@pytest.mark.parametrize("place", ["/x/socket", ("127.0.0.1", 5_000)])
def test_an_address_is_read_as_it_was_written(tmp_path, place):
    address = wire.Address(place, "abcd", 12, "boot:34")
    address.write(tmp_path)

    assert wire.Address.read(tmp_path) == address
    assert (tmp_path / "private" / "helper.json").stat().st_mode & 0o777 == 0o600


def test_a_server_that_listens_has_a_new_key_each_time_and_names_its_process(tmp_path):
    keys = []
    for _ in range(2):
        listener, address = wire.listen(tmp_path)
        listener.close()
        keys.append(address.key)
        assert (address.pid, address.pid_started) == current()

    assert len({*keys}) == 2
    assert [len(bytes.fromhex(key)) for key in keys] == [32, 32]


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CNNLabError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_comes_back_as_what_it_was(kind):
    error = kind("What is wrong.", "epochs") if issubclass(kind, ConfigError) else kind("What is wrong.")
    back = wire.error_from_dict(json.loads(json.dumps(wire.error_to_dict(error))))

    assert (type(back), str(back), getattr(back, "field", None)) == (kind, "What is wrong.", getattr(error, "field", None))


@pytest.mark.parametrize("kind", ["NewError", "annotations", "Exception", "__name__", None])
def test_an_error_that_this_version_does_not_know_is_that_the_helper_failed(kind):
    back = wire.error_from_dict({"kind": kind, "message": "A sentence.", "field": "x"})

    assert (type(back), str(back)) == (ComputeError, "A sentence.")


def test_what_is_not_known_of_an_error_is_empty():
    assert (str(wire.error_from_dict({"kind": "ConfigError"})), wire.error_from_dict({"kind": "ConfigError"}).field) == ("None", "")


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (Device, {"name": "cpu", "title": "CPU"}, Device("cpu", "CPU")),
        (tuple[Device, ...], [{"name": "a", "title": "b"}], (Device("a", "b"),)),
        (Device | None, None, None),
        (int | None, 3, 3),
        (tuple[str, ...], ["a"], ("a",)),
        (dict[str, list], {"a": [1]}, {"a": [1]}),
        (EvaluatedRun, {"id": "a", "dataset": "b", "data": None}, EvaluatedRun("a", "b", None)),
    ],
    ids=str,
)
def test_a_value_is_read_by_its_type(kind, value, found):
    assert typed.read(kind, value) == found


@pytest.mark.parametrize("arguments", [{"dataset": "sample"}, {"dataset": "sample", "split": "test", "more": 1}, {}])
def test_a_question_with_other_arguments_is_refused_before_it_is_worked_on(tmp_path, arguments):
    with pytest.raises(ComputeError, match=r"^The question class_counts was put wrongly: .+\.$"):
        questions.call(answers.class_counts, tmp_path, "class_counts", arguments)


def test_a_choice_that_is_none_names_its_argument(tmp_path):
    with pytest.raises(ConfigError, match=r"^split must be one of train, test, not 'all'\.$") as refused:
        questions.call(answers.class_counts, tmp_path, "class_counts", {"dataset": "sample", "split": "all"})
    assert refused.value.field == "split"


# Answers about images


def test_a_page_of_pictures_has_one_to_two_hundred_from_the_first_on():
    answers.check_page(1, 0)
    answers.check_page(200, 10**6)
    for count, offset, sentence in (
        (0, 0, "count must be from 1 to 200, not 0."),
        (201, 0, "count must be from 1 to 200, not 201."),
        (5, -1, "offset must be 0 or more, not -1."),
    ):
        with pytest.raises(ConfigError, match=sentence) as refused:
            answers.check_page(count, offset)
        assert refused.value.field == sentence.split()[0]


def test_pictures_are_of_the_split_and_class_that_is_asked_for_and_end_with_it(tmp_path):
    def shown(split, **which):
        return answers.pictures(tmp_path, dataset="sample", split=split, **which)

    every = shown("test", count=200)
    of_class = [picture for picture in every if picture.label == 3]

    assert [picture.index for picture in every] == list(range(200))
    assert shown("test", count=2, offset=1, label=3) == tuple(of_class[1:3])
    assert shown("test", count=200, label=3, offset=99)[0].index > 199
    assert len(shown("test", count=200, label=3, offset=99)) == 1
    assert shown("train", count=1)[0] != every[0]
    assert [sum(answers.class_counts(tmp_path, "sample", split)) for split in ("train", "test")] == [6_000, 1_000]


def test_images_come_from_the_folder_that_is_named(tmp_path):
    write_tiny(tmp_path / "data" / "MNIST" / "raw", train=40, test=20)
    home, data = tmp_path / "home", tmp_path / "data"

    counts = [answers.class_counts(home, "mnist", split, data) for split in ("train", "test")]
    shown = answers.pictures(home, dataset="mnist", split="test", count=200, data=data)

    assert counts == [(4,) * 10, (2,) * 10]
    assert [picture.label for picture in shown] == [*range(10)] * 2
    assert len(answers.augmented(home, dataset="mnist", index=39, count=3, shift=1, flip=False, data=data)) == 3
    with pytest.raises(DataError, match="not on this machine"):
        answers.class_counts(home, "mnist", "test")


def test_each_question_is_answered_by_the_function_of_its_name():
    assert {name: answer.__name__ for name, answer in questions.answers().items()} == {name: name for name in questions.QUESTIONS}


def test_the_helper_process_answers_every_question_for_its_parent(tmp_path, monkeypatch):
    served = []
    monkeypatch.setattr(Server, "serve", lambda self, parent: served.append((self.home, self._answers.keys(), parent)))
    server.serve_in_process(tmp_path, (5, "start"))

    assert served == [(tmp_path, questions.QUESTIONS.keys(), (5, "start"))]


# Speeds


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("the machine", lambda patch: patch.setattr(speeds.platform, "node", lambda: "another")),
        ("the version of torch", lambda patch: patch.setattr(speeds.torch, "__version__", "9.9")),
        ("the number of threads", lambda patch: patch.setenv("OMP_NUM_THREADS", "77")),
        ("the way of timing", lambda patch: patch.setattr(calibration, "VERSION", 10**6)),
    ],
)
def test_a_remembered_speed_is_of_one_machine(monkeypatch, name, change):
    before = speeds._key(CONFIG, "CPU")
    change(monkeypatch)

    assert speeds._key(CONFIG, "CPU") != before, name


def test_a_speed_is_measured_in_a_process_that_is_given_the_settings_and_the_multiplications(tmp_path, monkeypatch):
    asked, measured = [], {"image": 0.25, "step": 0.5, "evaluation": 0.125, "batch": 16, "others": 0.0}

    def run(command, **how):
        asked.append((command[1:], json.loads(how["input"]), how["timeout"], how["check"]))
        return SimpleNamespace(stdout=json.dumps(measured))

    monkeypatch.setattr(speeds.subprocess, "run", run)
    monkeypatch.setattr(speeds, "_speeds", {})
    config = RunConfig.make(device="cpu", batch_size=77)
    file = tmp_path / "speeds" / "x.json"
    speeds._measuring.add(file)
    speeds._measure(file, config, 12_345)

    assert asked == [(["-m", "cnnlab.compute.calibrate"], {"config": config.model_dump(mode="json"), "macs": 12_345}, 70.0, True)]
    assert json.loads(file.read_text()) == measured
    assert file not in speeds._measuring
    assert speeds._remembered(file) == Speed(**measured)


def test_auto_is_the_device_that_it_takes(tmp_path, monkeypatch):
    monkeypatch.setattr(speeds.devices, "find", lambda name: SimpleNamespace(name="cpu", title=f"CPU for {name}"))
    answer = speeds.device_speed(tmp_path, RunConfig.make(device="auto"), 1_000)

    assert (answer.device, answer.free, answer.total, answer.state, answer.speed) == ("cpu", None, None, "unknown", None)


def test_a_measurement_waits_for_the_one_before(tmp_path, monkeypatch):
    at_once, most, may_end = [], [], threading.Event()

    def run(command, **_):
        at_once.append(1)
        most.append(len(at_once))
        may_end.wait(0.05)
        at_once.pop()
        raise OSError("no process")

    monkeypatch.setattr(speeds.subprocess, "run", run)
    threads = [threading.Thread(target=speeds._measure, args=(tmp_path / str(number), CONFIG, 1)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]


def test_the_process_that_times_a_network_reads_a_question_and_prints_its_speed(monkeypatch, capsys):
    asked, ends = [], []

    def timed(config, *, macs):
        asked.append((config.batch_size, macs))
        return Speed(image=0.5, step=0.25, evaluation=0.125, batch=8)

    monkeypatch.setattr(calibration, "calibrate", timed)
    monkeypatch.setattr("cnnlab.training.process.prepare", lambda cores: asked.append("prepared"))
    monkeypatch.setattr("cnnlab.system.processes.die_first", asked.append)
    monkeypatch.setattr(calibrate, "_others", lambda before, after: 0.75)
    monkeypatch.setattr(child.threading, "Timer", lambda *given: SimpleNamespace(start=lambda: ends.append(given)))
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"config": {"batch_size": 9}, "macs": 77})))
    calibrate.main()

    assert asked == [1_000, "prepared", (9, 77)]
    assert json.loads(capsys.readouterr().out) == {"image": 0.5, "step": 0.25, "evaluation": 0.125, "batch": 8, "others": 0.75}
    assert ends == [(60.0, os._exit, (1,))]
