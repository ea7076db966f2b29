"""Downloads in the background: how one is started, what its record says while it works, and when it is no longer shown."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from filelock import FileLock

from cnnlab import datasets
from cnnlab.datasets.places import Search
from cnnlab.errors import DataError, InstallationError
from cnnlab.system import jobs, processes
from cnnlab.system.home import private_file, private_folder
from cnnlab.values import DatasetStatus, DownloadStatus
from cnnlab.workers import downloads, preloading

MNIST = datasets.entry("mnist")
TOTAL = sum(item.bytes for item in MNIST.downloads)


@pytest.fixture
def clock(monkeypatch):
    """Seconds since 1970, and for the monotonic clock."""
    clock = SimpleNamespace(now=1_000.0)
    monkeypatch.setattr(jobs, "time", SimpleNamespace(time=lambda: clock.now, monotonic=lambda: clock.now))
    return clock


def record(home, entry=MNIST):
    return json.loads(private_file(home, f"download-{entry.name}.json").read_text())


def write(home, **changes):
    private_folder(home)
    process = processes.current()
    values = {"state": "running", "done": 7, "total": 9, "message": "", "pid": process.pid, "pid_started": process.started}
    private_file(home, "download-mnist.json").write_text(json.dumps(values | {"time": 1_000.0} | changes))


# Starting


def test_a_download_is_started_in_a_process_of_its_own_and_shown_at_once(tmp_path, monkeypatch, clock):
    started = []
    monkeypatch.setattr(processes, "start_detached", lambda *arguments: started.append(arguments))

    downloads.start(tmp_path, MNIST)
    downloads.start(tmp_path, MNIST)  # runs already

    arguments = ["--home", str(tmp_path), "mnist"]
    assert started == [("cnnlab.workers.downloads", arguments, tmp_path / "downloads.log")]
    assert record(tmp_path) == {
        "state": "running",
        "done": 0,
        "total": TOTAL,
        "message": "",
        "pid": None,
        "pid_started": None,
        "time": 1_000.0,
    }
    assert downloads.status(tmp_path, MNIST) == DownloadStatus("running", 0, TOTAL)
    assert downloads.status(tmp_path, datasets.entry("cifar10")) is None


@pytest.mark.parametrize("state", ["failed", "finished"])
def test_a_download_that_has_ended_can_be_started_again(tmp_path, monkeypatch, clock, state):
    started = []
    monkeypatch.setattr(processes, "start_detached", lambda *arguments: started.append(arguments))
    write(tmp_path, state=state)

    downloads.start(tmp_path, MNIST)

    assert len(started) == 1


def test_a_download_that_cannot_begin_leaves_no_record(tmp_path, monkeypatch, clock):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(processes, "start_detached", fail)
    with pytest.raises(DataError) as caught:
        downloads.start(tmp_path, MNIST)

    assert str(caught.value) == (
        "The download of MNIST cannot begin: the lab's folder cannot be written; its owner has to make it writable, or to free "
        "some space (No space left on device)."
    )
    assert not private_file(tmp_path, "download-mnist.json").exists()


# Its state


@pytest.mark.parametrize(
    ("changes", "age", "shown"),
    [
        ({}, 500.0, "running"),  # its process is alive
        ({"pid": 1, "pid_started": "gone"}, 10.0, "running"),
        ({"pid": 1, "pid_started": "gone"}, 10.1, "failed"),
        ({"pid": None, "pid_started": None}, 10.1, "failed"),
        ({"state": "finished", "pid": 1}, 60.0, "finished"),
        ({"state": "finished", "pid": 1}, 60.1, None),
        ({"state": "failed", "pid": 1, "message": "No network."}, 9_999.0, "failed"),
    ],
)
def test_how_long_a_download_is_shown(tmp_path, clock, changes, age, shown):
    write(tmp_path, **changes)
    clock.now += age

    found = downloads.status(tmp_path, MNIST)

    unexpected = "The download of MNIST ended unexpectedly; please start it again."
    message = changes.get("message", unexpected) if shown == "failed" else ""
    assert found == (DownloadStatus(shown, 7, 9, message) if shown else None)


@pytest.mark.parametrize("content", ["", "[]", '{"state": "running"}', "{"])
def test_a_record_that_cannot_be_read_is_none(tmp_path, content):
    private_folder(tmp_path)
    private_file(tmp_path, "download-mnist.json").write_text(content)

    assert downloads.status(tmp_path, MNIST) is None


def test_a_data_set_that_is_here_is_described_with_its_copy(tmp_path, clock):
    location = SimpleNamespace(folder=tmp_path / "mnist", variant="JPEG copy", differs="40 images", doubt="It may be another.")
    here = SimpleNamespace(entry=MNIST, location=location)
    write(tmp_path)

    expected = DownloadStatus("running", 7, 9)
    assert downloads.dataset_status(tmp_path, here) == DatasetStatus(
        MNIST, tmp_path / "mnist", expected, "JPEG copy", "40 images", "It may be another.", ""
    )


def test_a_data_set_that_is_not_here_has_a_problem_only_where_files_of_it_are(tmp_path):
    missing, broken = (
        SimpleNamespace(entry=entry, location=None, here=here, why_not=lambda: "A file is missing.")
        for entry, here in ((datasets.entry("sample"), ()), (MNIST, ("a file",)))
    )
    write(tmp_path, state="failed")

    assert downloads.dataset_status(tmp_path, missing) == DatasetStatus(datasets.entry("sample"), None, None, problem="")
    found = downloads.dataset_status(tmp_path, broken)
    assert (found.found, found.download.state, found.problem) == (None, "failed", "A file is missing.")
    assert {"entry", "location", "here", "why_not"} <= set(dir(Search)) | set(Search.__dataclass_fields__)


# Working


def test_the_progress_of_a_download_is_written_five_times_a_second_at_most(tmp_path, clock):
    seen = []

    def fetch(entry, places, report):
        assert (entry, places.home) == (MNIST, tmp_path)
        for seconds, done in ((0.0, 10), (0.125, 20), (0.125, 30), (0.25, 40)):
            clock.now += seconds
            report(done, TOTAL)
            seen.append(record(tmp_path)["done"])

    downloads.work(tmp_path, MNIST, fetch=fetch)

    assert seen == [0, 0, 30, 40]
    process = processes.current()
    ended = {"state": "finished", "done": TOTAL, "total": TOTAL, "message": "", "pid": process.pid, "pid_started": process.started}
    assert record(tmp_path) == ended | {"time": 1_000.5}


@pytest.mark.parametrize(
    ("error", "message", "raised"),
    [
        (DataError("The server says nothing."), "The server says nothing.", False),
        (
            ValueError("odd: {home}/x.gz"),
            "The download of MNIST failed with an unexpected ValueError: odd: x.gz in the lab's folder.",
            True,
        ),
    ],
    ids=["in words", "unexpected"],
)
def test_a_download_that_fails_says_how_far_it_came(tmp_path, clock, error, message, raised):
    def fetch(entry, places, report):
        report(1_234, TOTAL)
        raise type(error)(str(error).format(home=tmp_path))

    if raised:
        with pytest.raises(ValueError, match="odd"):
            downloads.work(tmp_path, MNIST, fetch=fetch)
    else:
        downloads.work(tmp_path, MNIST, fetch=fetch)

    found = record(tmp_path)
    assert (found["state"], found["done"], found["message"]) == ("failed", 1_234, message)
    with FileLock(private_folder(tmp_path) / "download-mnist.lock", timeout=0):  # released
        pass


def test_what_another_process_downloads_is_left_to_it(tmp_path):
    with FileLock(private_folder(tmp_path) / "download-mnist.lock", timeout=0):
        downloads.work(tmp_path, MNIST, fetch=None)

    assert not private_file(tmp_path, "download-mnist.json").exists()


def test_the_program_detaches_keeps_its_files_private_and_works(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(processes, "detach", lambda: calls.append("detached"))
    monkeypatch.setattr(processes, "keep_files_private", lambda: calls.append("private"))
    monkeypatch.setattr(downloads, "work", lambda home, entry: calls.append((home, entry.name)))

    assert downloads.main(["--home", str(tmp_path), "cifar10"]) == 0
    assert calls == ["detached", "private", (tmp_path, "cifar10")]


# What the dispatcher loads before it forks


@pytest.fixture
def loads(monkeypatch):
    """Modules that are loaded, and the calls of the garbage collector; `errors` are raised by name."""
    loads = SimpleNamespace(calls=[], errors={})

    def import_module(name):
        loads.calls.append((name, preloading.sys.modules.get("triton", "absent")))
        if name in loads.errors:
            raise loads.errors[name]

    monkeypatch.setattr(preloading, "FORKS", True)
    monkeypatch.setattr(preloading, "importlib", SimpleNamespace(import_module=import_module))
    collector = SimpleNamespace(collect=lambda: loads.calls.append("collected"), freeze=lambda: loads.calls.append("frozen"))
    monkeypatch.setattr(preloading, "gc", collector)
    monkeypatch.setattr(preloading, "sys", SimpleNamespace(modules={}))
    return loads


def test_modules_are_loaded_in_order_and_kept_out_of_garbage_collection(loads):
    preloading.load(("first", "second"))

    assert loads.calls == [("first", "absent"), ("second", "absent"), "collected", "frozen"]


def test_where_children_are_spawned_nothing_is_loaded(loads, monkeypatch):
    monkeypatch.setattr(preloading, "FORKS", False)
    preloading.load(("first",))
    assert loads.calls == []


@pytest.mark.parametrize(
    ("gpus", "loaded", "seen"),
    [(0, {}, None), (1, {}, "absent"), (0, {"triton": "loaded"}, "loaded")],
    ids=["no GPU", "a GPU", "loaded before"],
)
def test_the_compiler_for_gpus_is_hidden_where_it_is_of_no_use(loads, monkeypatch, gpus, loaded, seen):
    modules = preloading.sys.modules
    monkeypatch.setattr(preloading.gpus, "may_be_here", lambda: gpus > 0)
    modules.update({"torch": "loaded"} | loaded)

    preloading.load(("first",))

    assert loads.calls[0] == ("first", seen)
    assert modules.get("triton", "absent") == loaded.get("triton", "absent")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            "The package torch is not installed: run pip install -r requirements.txt.",
        ),
        (
            OSError("\n libc10.so: cannot open\nmore"),
            "torch and torchvision cannot be loaded (libc10.so: cannot open): if the two do not fit together, install both from "
            "one index, as the README says.",
        ),
        (
            RuntimeError(""),
            "torch and torchvision cannot be loaded (no reason given): if the two do not fit together, install both from "
            "one index, as the README says.",
        ),
        (
            ImportError("x" * 300),
            f"torch and torchvision cannot be loaded ({'x' * 200}): if the two do not fit together, install both from "
            "one index, as the README says.",
        ),
    ],
    ids=["missing", "several lines", "without a reason", "long"],
)
def test_what_does_not_load_is_a_sentence_with_the_cure(loads, error, message):
    loads.errors["first"] = error
    with pytest.raises(InstallationError) as caught:
        preloading.load(("first", "second"))

    assert str(caught.value) == message
    assert [call for call in loads.calls if isinstance(call, tuple)] == [("first", "absent")]
