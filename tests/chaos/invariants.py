"""Invariants of a lab at every moment, whichever process was killed; each check returns a message per violation."""

import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from cnnlab.errors import CheckpointError
from cnnlab.runs.records import Run, State
from cnnlab.runs.store_lifecycle import MOST_AUTO_RESUMES
from cnnlab.system.home import run_folder, store_file
from cnnlab.training import checkpoints
from tests.chaos.census import Census

AT_WORK = {State.RUNNING, State.PAUSING, State.STOPPING}


def lies(runs: Iterable[Run], census: Census) -> dict[str, str]:
    """Runs whose state contradicts their processes, each with a message."""
    wrong = {}
    for run in runs:
        runners = census.runners.get(run.id, [])
        if run.state in AT_WORK and not runners:
            wrong[run.id] = f"{run.id} is shown as {run.state} and has no process"
        elif run.state is State.STARTING and not (runners or census.dispatchers):
            wrong[run.id] = f"{run.id} is shown as starting and has no process to start it"
        elif run.state not in AT_WORK | {State.STARTING} and runners:
            wrong[run.id] = f"{run.id} is shown as {run.state} and process {runners} runs it"
        elif len(runners) > 1:
            wrong[run.id] = f"{run.id} is run by {len(runners)} processes, {runners}"
    return wrong


def store_faults(home: Path) -> list[str]:
    with closing(_read_only(home)) as connection:
        answers = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        foreign = connection.execute("PRAGMA foreign_key_check").fetchall()
    return [f"integrity_check says {answer}" for answer in answers if answer != "ok"] + [f"{row} is an orphan" for row in foreign]


def roll_faults(runs: Iterable[Run], expected: dict[str, str]) -> list[str]:
    """`expected`: the run of each token seen so far."""
    counts = Counter(run.id for run in runs)
    missing = [f"{run_id} ({token}) is lost" for token, run_id in expected.items() if not counts[run_id]]
    return missing + [f"{run_id} is listed {count} times" for run_id, count in counts.items() if count > 1]


def tokens(home: Path) -> dict[str, str]:
    """Token to run id of all runs in the store."""
    with closing(_read_only(home)) as connection:
        return dict(connection.execute("SELECT token, id FROM runs").fetchall())


def auto_resumable(home: Path) -> set[str]:
    """Interrupted runs that the lab must resume automatically."""
    with closing(_read_only(home)) as connection:
        query = "SELECT id FROM runs WHERE resumable = 1 AND state = 'interrupted' AND resumes < ?"
        return {run_id for (run_id,) in connection.execute(query, (MOST_AUTO_RESUMES,))}


def event_counts(home: Path) -> Counter[str]:
    """The number of events of each kind, over all runs."""
    with closing(_read_only(home)) as connection:
        return Counter(dict(connection.execute("SELECT kind, count(*) FROM events GROUP BY kind").fetchall()))


def event_faults(home: Path, run: Run) -> list[str]:
    with closing(_read_only(home)) as connection:
        # Row and events in one transaction: the run may be in progress.
        connection.execute("BEGIN")
        state, epochs_done = connection.execute("SELECT state, epochs_done FROM runs WHERE id = ?", (run.id,)).fetchone()
        rows = connection.execute("SELECT seq, kind, number, body FROM events WHERE run_id = ? ORDER BY seq", (run.id,)).fetchall()
    return [f"{run.id}: {fault}" for fault in _event_faults(State(state), epochs_done, rows)]


def _event_faults(state: State, epochs_done: int, rows: list[tuple[int, str, int, str]]) -> Iterator[str]:
    if [seq for seq, *_ in rows] != list(range(1, len(rows) + 1)):
        yield f"the sequence numbers are {[seq for seq, *_ in rows]}"
    kinds: dict[str, list[int]] = {}
    for _, kind, number, _ in rows:
        kinds.setdefault(kind, []).append(number)
    for kind, numbers in kinds.items():
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"the events {kind} are numbered {numbers}"
    stored = [(kind, json.loads(body)) for _, kind, _, body in rows]
    epochs = [body["epoch"] for kind, body in stored if kind == "epoch_done"]
    if epochs != list(range(1, len(epochs) + 1)):
        yield f"the epochs are {epochs}"
    if epochs_done != len(epochs):
        yield f"its row says {epochs_done} epochs, its events {len(epochs)}"
    steps = [(body["step"], body["epoch"]) for kind, body in stored if kind in {"progress", "epoch_done"}]
    for (before, epoch), (after, later) in itertools.pairwise(steps):
        if after < before or later < epoch:
            yield f"step {after} of epoch {later} comes after step {before} of epoch {epoch}"
    finished = [kind for kind, _ in stored].count("run_finished")
    if finished != (state is State.FINISHED):
        yield f"it is {state} and has {finished} events run_finished"
    if finished and stored[-1][0] != "run_finished":
        yield f"its last event after its end is {stored[-1][0]}"


def checkpoint_faults(home: Path, run: Run) -> list[str]:
    """Every checkpoint can be loaded, and the one to resume from has all stored epochs."""
    folder, faults = run_folder(home, run.id), []
    for path in folder.glob("*.pt"):
        try:
            # The weights kept of an epoch are no checkpoint to resume from.
            checkpoints.load(path, {"model"}) if path.name.startswith("epoch-") else checkpoints.load(path)
        except CheckpointError as error:
            if path.exists():  # else the run has just finished and deleted its older one
                faults.append(f"{run.id}: {error}")
    if not faults:
        latest = checkpoints.load_latest(folder)
        known = len(latest[1]["history"]) if latest else 0
        if known < run.epochs_done:
            faults.append(f"{run.id}: {run.epochs_done} epochs are stored, {latest and latest[0].name} has {known}")
    return faults


def _read_only(home: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{store_file(home)}?mode=ro", uri=True, timeout=10.0)
