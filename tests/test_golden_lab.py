"""What the lab asks of the record, the helper and others, what it answers about predictions, and events as JSON, kept whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import torch
from golden_text import check, same_every_time
from made_runs import CONFIG
from test_golden_words import refusal

from cnnlab import datasets, epoch_predictions, errors, events
from cnnlab import lab as lab_module
from cnnlab import predictions as predictions_module
from cnnlab.compute import examples, predictions, typed
from cnnlab.config import RunConfig
from cnnlab.datasets.loading import load
from cnnlab.datasets.places import Places
from cnnlab.events import Event
from cnnlab.lab import Lab
from cnnlab.runs import code_rows
from cnnlab.runs.records import State
from cnnlab.runs.summaries import Summaries
from cnnlab.system import home as home_module
from cnnlab.system.files import without_folders
from cnnlab.system.home import is_run_id, run_folder
from cnnlab.training import checkpoints
from cnnlab.values import ClassFigures, DatasetStatus, DownloadStatus, EpochPredictions, EvaluatedRun
from cnnlab.workers import queueing
from cnnlab.workers import watch as watch_module


class Noted:
    """Passes every call on to `real` and writes it down, with a name before it."""

    def __init__(self, calls: list[str], name: str, real: object, **instead: Callable[..., Any]) -> None:
        self._calls, self._name, self._real, self._instead = calls, name, real, instead

    def __getattr__(self, method: str) -> Callable[..., Any]:
        found = self._instead.get(method) or getattr(self._real, method)
        if not callable(found):
            return found

        def call(*given: Any, **named: Any) -> Any:
            shown = [*map(brief, given), *(f"{name}={brief(value)}" for name, value in named.items())]
            self._calls.append(f"  {self._name}.{method}({', '.join(shown)})")
            return found(*given, **named)

        return call


def brief(value: Any) -> str:
    if isinstance(value, RunConfig):
        return f"{value.architecture} for {value.epochs} epochs"
    if isinstance(value, Noted):
        return "the store"
    if callable(value) or isinstance(value, datasets.places.Search | Summaries):
        return "…"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(value))}}}"
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, datasets.Entry):
        return value.name
    return (getattr(value, "id", None) and f"run {value.id}") or repr(value)


@pytest.fixture
def noted(tmp_path, monkeypatch):
    """A lab without processes, and the calls that it makes."""
    same_every_time(monkeypatch)
    monkeypatch.delenv("CNNLAB_LIMITS", raising=False)
    calls: list[str] = []
    lab = Lab(tmp_path / "home", data=tmp_path / "data")
    store = lab._store
    allowed = SimpleNamespace(admit=lambda *_: None)
    answers = {"last_predicted": EpochPredictions(0, 5, (7, 8), (0.5, 0.25))}
    others = dict.fromkeys(("layers", "design", "ready", "close"), lambda *_: None) | {"devices": lambda *_: ()}
    lab._helper = Noted(calls, "helper", None, ask=lambda question, **_: answers.get(question), **others)
    lab._admission = Noted(calls, "admission", None, new=lambda config, owner: allowed, further=lambda run, config: allowed)
    lab._forecaster = Noted(calls, "forecaster", None, forecast=lambda *_, **__: None)
    monkeypatch.setattr("cnnlab.system.background.ensure", lambda home: None)  # of services that have it from its own module
    for name in ("background", "downloads", "epoch_predictions", "files", "watch"):
        nothing = {"ensure": lambda home: None, "start": lambda *_: None, "shut_down": lambda home: None}
        owner = predictions_module if name == "epoch_predictions" else lab_module
        monkeypatch.setattr(owner, name, Noted(calls, name, getattr(owner, name), **nothing))
    for name in ("interrupt_lost_runs", "auto_resumable"):
        monkeypatch.setattr(lab_module, name, getattr(Noted(calls, "watch", lab_module), name))
    monkeypatch.setattr(watch_module, "check_processes", Noted(calls, "watch", watch_module).check_processes)
    lab._store = lab._looks._store = Noted(calls, "store", store)
    monkeypatch.setattr(queueing, "background", lab_module.background)
    monkeypatch.setattr(code_rows, "files", lab_module.files)
    lab._queueing = queueing.Queueing(lab._helper, lab._admission, lab._store)
    yield lab, calls
    store.close()


def asked_of(lab: Lab) -> list[tuple[str, Callable[[], Any]]]:
    """One call of each method, each argument unlike the others."""
    first, second, gone = "00000001", "00000002", "00000009"
    return [
        ("start", lambda: lab.start(CONFIG, token="t1", name=" one ", owner="Ana", note="a note")),
        ("start another", lambda: lab.start(CONFIG.change(epochs=4), token="t2")),
        ("start twice", lambda: lab.start(CONFIG, token="t1")),
        ("queue", lambda: [run.id for run in lab.queue()]),
        ("move_in_queue", lambda: lab.move_in_queue(second, -3, owner="Ben")),
        ("rename", lambda: lab.rename(first, "new", owner="Ana")),
        ("annotate", lambda: lab.annotate(first, "words", owner="Ana")),
        ("tag", lambda: lab.tag(first, add=("x",), remove=("y",), owner="Ana")),
        ("not the owner", lambda: lab.stop(first, owner="Ben")),
        ("pause", lambda: lab.pause(first, owner="Ana")),
        ("resume", lambda: lab.resume(first, owner="Ana")),
        ("stop", lambda: lab.stop(first, owner="Ana")),
        ("extend", lambda: lab.extend(first, 6, owner="Ana")),
        ("stop again", lambda: lab.stop(first, owner="Ana")),
        ("extend by nothing", lambda: lab.extend(first, -2, owner="Ana")),
        ("start_over", lambda: lab.start_over(first, owner="Ana")),
        ("disk_bytes", lambda: lab.disk_bytes(first)),
        ("run", lambda: lab.run(first).name),
        ("runs", lambda: [run.id for run in lab.runs(limit=7)]),
        ("summaries", lambda: len(lab.summaries().runs)),
        ("summaries again", lambda: lab.summaries() is lab.summaries()),
        ("events", lambda: lab.events(first, after=3)),
        ("epochs", lambda: lab.epochs(first)),
        ("progress", lambda: lab.progress(first, points=11)),
        ("progress as a chart", lambda: lab.progress(first)),
        ("resumes_by_itself", lambda: lab.resumes_by_itself(first)),
        ("predictions", lambda: lab.predictions(first)),
        ("predictions of some", lambda: lab.predictions(first, checkpoint="last", label=3, predicted=4, only="mistakes",
            order="uncertain", offset=5, count=6)),
        ("disagreements", lambda: lab.disagreements(first, second, right="neither", offset=7, count=8)),
        ("examples", lambda: lab.examples(second, 9)),
        ("predicted", lambda: lab.predicted(first, 2, (3, 4))),
        ("predicted at the end", lambda: lab.predicted(first, 0, (3, 4))),
        ("last_recorded", lambda: lab.last_recorded(second)),
        ("delete", lambda: lab.delete(first, owner="Ana")),
        ("delete what is gone", lambda: lab.delete(gone)),
        ("layers", lambda: lab.layers("mlp", (1, 2, 3), 4, {"dropout": 0.5})),
        ("design", lambda: lab.design("vgg", (3, 5, 7), 6, {})),
        ("devices", lab.devices),
        ("ready", lab.ready),
        ("forecast", lambda: lab.forecast(CONFIG)),
        ("forecast with a wait", lambda: lab.forecast(CONFIG, table="t", calibrate=False, wait=1.5)),
        ("limits", lambda: lab.sharing.limits("").max_seconds),
        ("datasets", lambda: [status.entry.name for status in lab.datasets()]),
        ("download", lambda: lab.download("mnist")),
        ("download another", lambda: lab.download("sample2")),
        ("class_counts", lambda: lab.class_counts("mnist", "test")),
        ("pictures", lambda: lab.pictures("mnist", "train", 12, label=5, offset=13)),
        ("augmented", lambda: lab.augmented("cifar10", 3, count=4, shift=2, flip=True, gray=0.5)),
        ("architectures", lambda: len(lab.architectures())),
        ("presets", lambda: len(lab.presets())),
        ("without_record", lab.without_record),
        ("queue_waits", lab.queue_waits),
        ("close", lab.close),
        ("shut_down", lab.shut_down),
    ]  # fmt: skip


def test_what_the_lab_asks_of_others(noted, tmp_path, regenerate_golden):
    lab, calls = noted
    lines = []
    for name, ask in asked_of(lab):
        calls.clear()
        found = refusal(ask)
        lines += [f"{name}: {found.removeprefix('taken as ')}", *calls]
    text = "\n".join(lines).replace(str(tmp_path), "HERE")

    check("lab/calls", text + "\n", regenerate=regenerate_golden)


def without_pixels(value: Any, leave_out: tuple[str, ...] = ()) -> Any:
    if isinstance(value, dict):
        return {name: without_pixels(each) for name, each in value.items() if name not in leave_out}
    if isinstance(value, list):
        return [without_pixels(each) for each in value]
    if isinstance(value, str) and value.startswith("data:"):
        return "…"  # its bytes are of the library that compresses them
    return round(value, 6) if isinstance(value, float) else value


def kept(file: Path, *, epoch: int, shift: int, images: int = 30) -> None:
    """A checkpoint with predictions, of which some are right, and others of class `shift` or a few classes further."""
    labels = load("sample", Places(file.parent, None)).test_labels[:images].tolist()
    predicted = [
        label if at % (3 + shift) == 0 else shift if at % 3 == 0 else (label + shift * (at % 5)) % 10
        for at, label in enumerate(labels)
    ]
    content = dict.fromkeys(checkpoints._KEYS) | {"format": checkpoints.FORMAT, "epoch": epoch + 1, "history": [{"epoch": epoch}]}
    content |= {"classes": datasets.entry("sample").classes, "test_predicted": torch.tensor(predicted)}
    checkpoints.save(content | {"test_confidence": (torch.arange(images) * (5 + shift) % 11 + 1) / 12}, file)


def test_predictions_disagreements_and_examples(tmp_path, regenerate_golden):
    one, other, few = (EvaluatedRun(run_id, "sample", None) for run_id in ("0000000a", "0000000b", "0000000c"))
    kept(run_folder(tmp_path, one.id) / checkpoints.BEST, epoch=3, shift=1)
    kept(run_folder(tmp_path, one.id) / checkpoints.LAST, epoch=5, shift=3)
    kept(run_folder(tmp_path, other.id) / checkpoints.BEST, epoch=2, shift=2)
    kept(run_folder(tmp_path, few.id) / checkpoints.BEST, epoch=1, shift=2, images=7)
    lines = []

    def ask(answer: Callable[..., Any], **arguments: Any) -> None:
        shown = {name: value.id if isinstance(value, EvaluatedRun) else value for name, value in arguments.items()}
        seen = () if not lines else ("classes", "confusion", "figures")  # once is enough

        def show(page: object) -> str:
            return json.dumps(without_pixels(json.loads(typed.write(page)), seen))

        found = refusal(lambda: answer(tmp_path, **arguments), show=show)
        lines.append(f"{answer.__name__} {shown}: {found}".replace(str(tmp_path), "HERE"))

    for which in (
        {"count": 3},
        {"count": 2, "offset": 28, "only": "all"},
        {"count": 4, "only": "mistakes", "label": 1},
        {"count": 4, "only": "correct", "order": "confident"},
        {"count": 4, "predicted": 5, "order": "uncertain"},
        {"count": 201},
    ):
        ask(predictions.predictions, run=one, checkpoint="best", **which)
    ask(predictions.predictions, run=one, checkpoint="last", count=1)
    ask(predictions.predictions, run=other, checkpoint="last")
    ask(predictions.predictions, run=other, checkpoint="first")
    for right in ("any", "first", "second", "neither"):
        ask(predictions.disagreements, first=one, second=other, right=right, count=2, offset=int(right != "second"))
    ask(predictions.disagreements, first=one, second=few)
    ask(predictions.disagreements, first=one, second=EvaluatedRun(other.id, "mnist", None))
    ask(predictions.disagreements, first=one, second=other, offset=-1)
    for limit, number in ((None, 1), (None, 2), (25, 1), (3, 0)):
        ask(examples.examples, run=one, limit=limit, number=number)
    ask(examples.last_predicted, run_id=one.id, images=(0, 29, 30, -1, 4))

    check("lab/predictions", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_events_as_json(regenerate_golden):
    """Each field has its own number, so that none can take the place of another."""
    lines = []
    for kind in get_args(Event):
        event = kind(*(f"{field.name}?" if field.type == "str" else number / 8 for number, field in enumerate(fields(kind), 1)))
        record = events.to_dict(event)
        lines.append(json.dumps(record))
        assert events.from_dict(record | {"of a later version": 1}) == event
        required = [f.name for f in fields(kind) if f.default is f.default_factory]
        lines.append(f"  always has {', '.join(required)}")

    check("lab/events", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_texts_without_folders_and_ids(tmp_path, monkeypatch, regenerate_golden):
    home, data = Path("/srv/lab"), Path("/data/sets")
    monkeypatch.setattr("cnnlab.system.files.PACKAGE", Path("/opt/program/cnnlab"))
    texts = (
        "/srv/lab", "/srv/lab/runs/a/log.txt is lost.", "File '/data/sets/MNIST/raw/x.gz', and /data/sets.", "/data/sets/a(b) c",
        "/opt/program/cnnlab/lab.py:12: in /opt/program", "[/srv/lab/x, /data/sets/y]", "/srv/other stays", "C:\\srv", "",
    )  # fmt: skip
    lines = [f"{text!r} → {without_folders(text, home, data)!r}" for text in texts]
    lines += [f"without data: {without_folders(text, home)!r}, {without_folders(text, home, '/')!r}" for text in texts[2:4]]
    for text in ("0123abcd", "0123ABCD", "0123abc", "0123abcde", "0123abcg", "", "../../ab", "0123abcd\n"):
        lines.append(f"{text!r}: {is_run_id(text)}, {refusal(lambda text=text: str(run_folder(home, text)))}")
    places = ("store_file", "compiled_folder")
    lines += [f"{place}: {getattr(home_module, place)(home)}" for place in places]
    lines.append(f"private_file: {home_module.private_file(home, 'x.json')}")

    check("lab/folders", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_values_and_errors(regenerate_golden):
    entry = datasets.entry("mnist")
    notes = [
        DatasetStatus(entry, Path("/x"), None, problem="damaged"),
        DatasetStatus(entry, None, None, problem="damaged"),
        DatasetStatus(entry, None, DownloadStatus("running", 1, 2)),
    ]
    lines = [repr(status.note) for status in notes]
    for pair in ((None, None), (0.5, None), (None, 0.25), (0.0, 0.0), (0.5, 0.25), (1.0, 1.0)):
        lines.append(f"F1 of precision and recall {pair}: {ClassFigures(4, 0.5, *pair).f1}")
    for name, kind in vars(errors).items():
        if isinstance(kind, type):
            lines.append(f"{name} is a {kind.__bases__[0].__name__}: {kind('What.')}, temporary {kind('What.').temporary}")
    lines.append(f"temporary: {errors.StoreError('x', temporary=True).temporary}")
    lines += [f"{state.value}: {state.name}" for state in State]
    lines.append(f"file of 10 images: {[epoch_predictions.file_bytes(10, epochs) for epochs in (0, 1, 2, 10**9)]}")

    check("lab/values", "\n".join(lines) + "\n", regenerate=regenerate_golden)
