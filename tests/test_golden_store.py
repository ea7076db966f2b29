"""What each event and each request changes in the record of runs, column by column: tests/golden/store-*.txt."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from golden_text import check, same_every_time

from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError
from cnnlab.events import (
    DAMAGED,
    CheckpointSaved,
    EpochDone,
    Notice,
    Progress,
    RunFailed,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    RunStopped,
)
from cnnlab.runs.records import ACTIVE, ActiveRun, State
from cnnlab.runs.store import Store
from cnnlab.system.processes import Process

LENET = RunConfig.make(epochs=3, limit=100, batch_size=20, device="cpu")
MLP = RunConfig.make(architecture="mlp", dataset="mnist", epochs=12, validation_share=0.1)
STARTED = RunStarted("cpu", "CPU", 61_706, 300, 50, 5, 3, 10)
ONE, TWO = Process(101, "boot:1"), Process(202, "boot:2")


def progress(step: int, seconds: float, rate: float, phase: str = "training") -> Progress:
    return Progress(1, step, 5, step, 2.0, 0.1, rate, 0.1, 0.5, seconds, 1.0, phase=phase)


def done(epoch: int, accuracy: float, *, loss: float = 1.5, validation: float | None = None, load: float = 0.5) -> EpochDone:
    scores = (None, None) if validation is None else (1.25, validation)
    return EpochDone(epoch, 5 * epoch, loss, accuracy - 0.125, 1.4, accuracy, 0.1, 4.0, load, 1.5, 2.0, *scores)


NOT_SHOWN = ("id", "token", "changed")


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class Diary:
    """The record with a clock that each step advances by ten seconds; writes down what each step changes."""

    def __init__(self, home) -> None:
        self.now = 1_000.0
        self.store = Store(home, clock=lambda: self.now)
        self.lines: list[str] = []

    def step(self, name: str, change: Callable[[], Any]) -> Any:
        self.now += 10
        before, count = self._content(), self._changes()
        try:
            answer = change()
            self.lines.append(f"{name}: {answer}" if answer is not None else name)
        except CNNLabError as error:
            answer = None
            self.lines.append(f"{name}: {type(error).__name__}: {error}")
        after = self._content()
        runs = [{key[0] for key in content if key[1] == " "} for content in (before, after)]
        gone = runs[0] - runs[1]
        self.lines += [
            f"  run {run} is gone, with {sum(key[0] == run for key in before)} values and events" for run in sorted(gone)
        ]
        self.lines += [
            f"  {key}  {before.get(key, 'none')} → {after.get(key, 'none')}"
            for key in sorted({*before, *after})
            if before.get(key) != after.get(key) and key[0] not in gone
        ]
        if self._changes() > count:
            self.lines.append("  the table of all runs changes")
        return answer

    def _changes(self) -> int:
        with self.store.transaction() as connection:
            return connection.execute("SELECT count FROM changes").fetchone()[0]

    def _content(self) -> dict[str, str]:
        found: dict[str, str] = {}
        with self.store.transaction() as connection:
            for row in connection.execute("SELECT * FROM runs"):
                values = dict(row) | {"config": f"{json.loads(row['config'])['epochs']} epochs"}
                found |= {f"{row['id'][-1]} {name}": _text(value) for name, value in values.items() if name not in NOT_SHOWN}
            for row in connection.execute("SELECT * FROM events"):
                number = f"{row['kind']} {row['number']} at {row['time']:g}"
                body = {
                    name: value for name, value in json.loads(row["body"]).items() if name in ("epoch", "step", "message", "kind")
                }
                found[f"{row['run_id'][-1]} event {row['seq']:02}"] = f"{number} {body}"
            found |= {f"turn of {row['owner'] or 'nobody'}": str(row["turn"]) for row in connection.execute("SELECT * FROM turns")}
        return {key: value for key, value in found.items() if value not in ("None", "[]", "")}

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


@pytest.fixture
def diary(tmp_path, monkeypatch):
    same_every_time(monkeypatch)
    diary = Diary(tmp_path)
    yield diary
    diary.store.close()


def test_a_run_that_pauses_goes_on_finishes_and_gets_more_epochs(diary, regenerate_golden):
    store, step = diary.store, diary.step
    run = step("created", lambda: store.create(LENET, "t", "first", owner="ada", note="a note", data=Path("/elsewhere")))
    step("the same token", lambda: store.create(MLP, "t", "second"))
    step("starting", lambda: store.transition(run, State.STARTING, device="cuda:1", process=ONE))
    step("adopted", lambda: store.adopt(run, TWO))
    step("started", lambda: store.add(run, STARTED, to=State.RUNNING, process=TWO, device="cpu"))
    step("progress", lambda: store.add(run, progress(3, 1.25, 90.0)))
    step("progress of another process", lambda: store.add(run, progress(4, 1.5, 95.0), process=ONE))
    step("evaluating", lambda: store.add(run, progress(5, 2.5, 70.0, "evaluation")))
    step("epoch 1", lambda: store.add(run, done(1, 0.625)))
    step("progress in epoch 2", lambda: store.add(run, progress(7, 5.5, 80.0)))
    step("last.pt", lambda: store.add(run, CheckpointSaved("last", 1, 0.625, 7)))
    step("notice", lambda: store.add(run, Notice("precision", 1, "float32 is faster.")))
    step("epoch 2, in no time", lambda: store.add(run, EpochDone(2, 10, 1.25, 0.375, 1.4, 0.5, 0.1, 0.0, 0.0, 0.0, 0.0)))
    step("asked to pause", lambda: store.pause(run, owner="ada"))
    step("asked again", lambda: store.pause(run))
    step("paused", lambda: store.add(run, RunPaused(2, 11, 8.25), to=State.PAUSED, process=TWO))
    step("late", lambda: store.add(run, progress(12, 9.0, 80.0), process=TWO))
    step("resumed", lambda: store.resume(run))
    step("starting again", lambda: store.transition(run, State.STARTING, device="cpu", process=ONE))
    back = RunResumed(2, 7, 1, 3, "cpu", "CPU", 5.5)
    step("back at step 7", lambda: store.add(run, back, to=State.RUNNING, history=[done(1, 0.625)]))
    step("epoch 2", lambda: store.add(run, done(2, 0.75, load=1.0)))
    step("epoch 3", lambda: store.add(run, done(3, 0.375, loss=1.125)))
    step("finished", lambda: store.add(run, RunFinished(3, 12.5, 0.5, 0.375, 2, 0.75), to=State.FINISHED))
    step("resumed", lambda: store.resume(run))
    step("extended", lambda: store.extend(run, 4, owner="ada"))
    step("stopped", lambda: store.stop(run))
    step("deleted", lambda: store.delete(run, first=lambda _: diary.lines.append("  its files first")))

    check("store/life", diary.text(), regenerate=regenerate_golden)


def test_runs_that_die_fail_start_over_and_are_put_back(diary, regenerate_golden):
    store, step = diary.store, diary.step
    waits = step("one waits", lambda: store.create(MLP, "w", owner="grace"))
    run = step("another", lambda: store.create(LENET, "t", owner="ada"))
    step("starting", lambda: store.transition(run, State.STARTING, device="cpu", process=ONE))
    step("started", lambda: store.add(run, STARTED, to=State.RUNNING))
    step("epoch 1", lambda: store.add(run, done(1, 0.625)))
    active = {each.id: each for each in store.active()}
    step("died", lambda: store.interrupt(active[run], "It died."))
    step("died again", lambda: store.interrupt(active[run], "It died."))
    step("may be resumed", store.auto_resumable)
    step("resumed by the lab", lambda: store.auto_resume(run))
    step("and again", lambda: store.auto_resume(run))
    step("starting", lambda: store.transition(run, State.STARTING, process=TWO, device="cpu", message=""))
    step("no room", lambda: store.put_back(run, TWO, "No room."))
    step("of another process", lambda: store.put_back(run, ONE, "No room."))
    step("starting", lambda: store.transition(run, State.STARTING, process=TWO, device="cpu", message=""))
    history = [done(1, 0.625), done(2, 0.875), done(3, 0.5, loss=1.125)]
    step(
        "back, with epochs that were lost",
        lambda: store.add(run, RunResumed(4, 15, 3, 3, "cpu", "CPU", 9.0), to=State.RUNNING, history=history),
    )
    step("failed", lambda: store.add(run, RunFailed("error", 3, "Broken."), to=State.FAILED, message="Broken."))
    step("started over too soon", lambda: store.start_over(run, first=lambda: diary.lines.append("  dropped")))
    step("resumed", lambda: store.resume(run))
    step("starting", lambda: store.transition(run, State.STARTING, process=TWO, device="cpu"))
    step("damaged", lambda: store.add(run, RunFailed(DAMAGED, 3, "Damaged."), to=State.FAILED, message="Damaged."))
    step("resumed", lambda: store.resume(run))
    step("started over", lambda: store.start_over(run, first=lambda: diary.lines.append("  dropped")))
    step("starting", lambda: store.transition(run, State.STARTING, process=TWO, device="cpu"))
    step("started", lambda: store.add(run, STARTED, to=State.RUNNING))
    step("asked to stop", lambda: store.stop(run, owner="ada"))
    step("no room either", lambda: store.put_back(run, TWO, "No room."))
    step("never started", lambda: store.add(waits, RunStopped(0, 0.5), to=State.STOPPED))

    check("store/accidents", diary.text(), regenerate=regenerate_golden)


def test_the_best_epoch_by_validation_images_and_names_notes_and_tags(diary, regenerate_golden):
    store, step = diary.store, diary.step
    run = step("created", lambda: store.create(MLP, "t", "one", owner="ada"))
    step("starting", lambda: store.transition(run, State.STARTING, device="cpu", process=ONE))
    step("started", lambda: store.add(run, RunStarted("cpu", "CPU", 203_530, 900, 50, 5, 12, 10, 100), to=State.RUNNING))
    for epoch, accuracy, validation in ((1, 0.5, 0.6), (2, 0.625, 0.8), (3, 0.875, 0.8), (4, 0.75, 0.7)):
        step(f"epoch {epoch}", lambda e=epoch, a=accuracy, v=validation: store.add(run, done(e, a, validation=v)))
    step("renamed", lambda: store.rename(run, "another", owner="ada"))
    step("renamed by grace", lambda: store.rename(run, "hers", owner="grace"))
    step("annotated", lambda: store.annotate(run, "It learns.", owner="ada"))
    step("tagged", lambda: store.tag(run, add=[" a  b ", "c,d", "a b", "", "x" * 40], owner="ada"))
    step("tags removed", lambda: store.tag(run, add=["new"], remove=["c d", "not there"]))
    step("a long tag", lambda: store.tag(run, add=["y" * 41]))
    step("many tags", lambda: store.tag(run, add=[str(n) for n in range(17)]))
    step("too many tags", lambda: store.tag(run, add=["last"]))
    diary.lines += [f"epochs {[each.epoch for each in store.epochs(run)]}", f"data {store.data_folder(run)}"]
    diary.lines += [f"made with t: {store.made_with('t')}, with u: {store.made_with('u')}"]

    check("store/words", diary.text(), regenerate=regenerate_golden)


def test_the_queue_of_three_owners(diary, regenerate_golden):
    store = diary.store
    ids = [store.create(LENET, f"{n}", f"{owner}{n}", owner=owner) for n, owner in enumerate(["a", "a", "b", "a", "c", "b"], 1)]
    counted: list[int] = []

    def count(owner: str, others: Sequence[ActiveRun]) -> None:
        counted.append(sum(run.owner == owner for run in others))

    def look(name: str) -> None:
        queue = " ".join(f"{run.position}:{run.name}" for run in store.queue())
        active = " ".join(f"{store.run(run.id).name}({run.state})" for run in store.active())
        diary.lines.append(f"{name}\n  queue {queue}\n  active {active}\n  turns {sorted(store.turns().items())}")

    look("at first")
    for name, change in {
        "a4 one place earlier": lambda: store.move_in_queue(ids[3], -1),
        "a1 two places later": lambda: store.move_in_queue(ids[0], 2, owner="a"),
        "b6 ten places earlier": lambda: store.move_in_queue(ids[5], -10),
        "a4 starts": lambda: store.transition(ids[3], State.STARTING),
        "b6 starts": lambda: store.transition(ids[5], State.STARTING),
        "a2 pauses": lambda: store.pause(ids[1]),
        "c5 stops": lambda: store.stop(ids[4]),
        "a2 resumes": lambda: store.resume(ids[1], admit=count),
        "c5 goes on": lambda: store.resume(ids[4], admit=count),
        "c7 is new": lambda: store.create(MLP, "7", "c7", owner="c", admit=count),
        "b6 dies": lambda: store.interrupt(next(run for run in store.active() if run.id == ids[5]), "It died."),
        "b6 goes on by itself": lambda: store.auto_resume(ids[5]),
        "c5 moves to the end": lambda: store.move_in_queue(ids[4], 1),
    }.items():
        change()
        look(name)
    diary.lines.append(f"other runs of the owner, counted when one is queued: {counted}")
    for run in store.runs(4):
        diary.lines.append(f"{run.name} {run.state} {run.position}")

    check("store/queue", diary.text(), regenerate=regenerate_golden)


REQUESTS: dict[str, Callable[[Store, str], Any]] = {
    "stop": lambda store, run: store.stop(run),
    "pause": lambda store, run: store.pause(run),
    "resume": lambda store, run: store.resume(run),
    "extend": lambda store, run: store.extend(run, 1),
    "start over": lambda store, run: store.start_over(run, first=lambda: None),
    "delete": lambda store, run: store.delete(run),
    "adopt": lambda store, run: store.adopt(run, TWO),
    "put back": lambda store, run: store.put_back(run, ONE, "No room."),
    "interrupt": lambda store, run: store.interrupt(next(each for each in store.active() if each.id == run), "It died."),
    "resume by itself": lambda store, run: store.auto_resume(run),
    "move": lambda store, run: store.move_in_queue(run, 1),
}  # fmt: skip


def answer(store: Store, request: str, state: State, token: str, *, checkpoint: bool) -> str:
    run = store.create(LENET, f"{token} {state}", state=state, process=ONE if state in ACTIVE else None)
    with store.transaction(write=True) as connection:
        connection.execute(
            "UPDATE runs SET has_checkpoint = ?, resumable = ? WHERE id = ?", (checkpoint, state is State.INTERRUPTED, run)
        )
        if state not in ACTIVE:
            connection.execute("UPDATE runs SET ended = 1 WHERE id = ?", (run,))
    try:
        found = REQUESTS[request](store, run)
    except CNNLabError as error:
        return str(error).replace(run, "R")
    except StopIteration:
        return "is not among the active runs"
    return f"{found}" if found is not None else "done"


def test_each_request_in_each_state(diary, regenerate_golden):
    for request in REQUESTS:
        for checkpoint in (True, False) if request in ("resume", "start over") else (False,):
            diary.lines.append(f"{request}, {'with' if checkpoint else 'without'} a checkpoint")
            token = f"{request} {checkpoint}"
            diary.lines += [f"  {state}: {answer(diary.store, request, state, token, checkpoint=checkpoint)}" for state in State]

    check("store/requests", diary.text(), regenerate=regenerate_golden)


def test_the_table_of_all_runs(diary, regenerate_golden):
    store = diary.store
    for number, (config, owner, epochs) in enumerate([(LENET, "ada", 0), (MLP, "", 2), (LENET, "grace", 43), (MLP, "ada", 1)]):
        diary.now += 10
        run = store.create(config, f"{number}", f"run {number}", owner=owner)
        if epochs:
            store.transition(run, State.STARTING, device=f"cuda:{number}", process=ONE)
            store.add(run, RunStarted("cpu", "CPU", 1_000 + number, 100 + number, 50, 5, 3, 10), to=State.RUNNING)
            for epoch in range(1, epochs + 1):
                store.add(run, done(epoch, 0.25 + epoch % 7 / 20 + epoch / 200))
            store.tag(run, add=[f"tag {number}", "all"])
            store.add(run, RunFinished(epochs, 2.5 + number, 0.5, 0.5, 1, 0.5), to=State.FINISHED if number == 2 else None)
    found = store.summaries()
    for run in found.runs:
        diary.lines += [f"{name}: {value}" for name, value in run._asdict().items() if name != "config_json"]
        diary.lines += [f"settings: {len(run.settings)}, of {run.settings['architecture']}, active {run.active}", ""]
    names = ("newest", "owners", "architectures", "datasets", "tags", "unreadable")
    diary.lines += [f"{name}: {getattr(found, name)}" for name in names]
    diary.lines += [f"states: {sorted(map(str, found.states))}", f"active: {[(run.id, str(run.state)) for run in found.active]}"]
    lost = found.interrupted({run.id for run in found.runs[:2]}, "gone")
    diary.lines += [f"with two lost: {[str(run.state) for run in lost.runs]}"]
    diary.lines += [
        f"{run.name}: {run.parameters} {run.seconds} {run.images_per_second:.6g} {run.device}" for run in store.runs()[:3]
    ]

    check("store/table", diary.text(), regenerate=regenerate_golden)
