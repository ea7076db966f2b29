"""What a run that trains beyond this machine costs this one: processor, memory, and the record's writes.

    python -m benchmarks.elsewhere

The nodes are simulated: each is a small program that sends what a training of epochs of two seconds sends, with a small checkpoint,
as often as the program of a node does. So all that is measured is this machine's part, whatever the nodes compute.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from benchmarks.figures import figure, number, table, text
from benchmarks.results_page import ROOT, machine
from cnnlab import events
from cnnlab.config import RunConfig
from cnnlab.events import CheckpointSaved, EpochDone, Progress, RunStarted
from cnnlab.executors.lines import PIECE
from cnnlab.executors.remote import CHECKPOINTS_A_SECOND, PROGRESS_SECONDS, REPORTS_A_SECOND
from cnnlab.lab import Lab
from cnnlab.runs.records import State
from cnnlab.runs.store import Store

NODE = "--node"
CONFIG = RunConfig.make(device="at:cluster", epochs=1_000)
EPOCH = 2.0  # seconds
CHECKPOINT = 750_000  # bytes, three times LeNet's
LARGE = 200_000_000


def node(size: int) -> None:
    """Sends a training without end, or one checkpoint of `size` bytes."""
    out = sys.stdout.buffer

    def send(line: dict[str, object]) -> None:
        out.write(json.dumps(line).encode() + b"\n")
        out.flush()

    def checkpoint(total: int) -> None:
        data = base64.b64encode(bytes(PIECE)).decode()
        for at in range(0, total, PIECE):
            send({"file": "best.pt", "at": at, "data": data, "end": at + PIECE >= total})

    send({"cnnlab": 1, "code": "", "torch": "", "node": "node"})
    slots = 1
    while "begin" not in (line := json.loads(sys.stdin.readline())):
        slots = line.get("slots", slots)
    send(events.to_dict(RunStarted("cpu", "CPU", 61_706, 60_000, 10_000, 235, 1_000, 10)))
    if size:
        checkpoint(size)
        send(events.to_dict(CheckpointSaved("best", 1, 0.5, 1)))
        time.sleep(60)
    every, step, epoch = max(PROGRESS_SECONDS, slots / REPORTS_A_SECOND), 0, 1
    began = saved = time.monotonic()
    while True:
        time.sleep(every)
        now, step = time.monotonic(), step + 1
        send(events.to_dict(Progress(epoch, 1, 235, step, 1.0, 0.5, 1e4, 0.1, 0.1, now - began, 60.0)))
        while now - began > EPOCH * epoch:
            send(events.to_dict(EpochDone(epoch, step, 1.0, 0.5, 1.0, 0.5, 0.1, 2.0, 0.1, 1.8, 0.1)))
            epoch += 1
            if now - saved > slots / CHECKPOINTS_A_SECOND:
                checkpoint(CHECKPOINT)
                send(events.to_dict(CheckpointSaved("last", epoch, 0.5, step)))
                saved = now


def write_executors(home: Path, slots: int, size: int) -> None:
    launcher = f"env PYTHONPATH={ROOT} {sys.executable} -m benchmarks.elsewhere {NODE} {size}"
    lines = ("[executors.cluster]", f'launcher = "{launcher}"', f'program = "{ROOT}"', f"slots = {slots}")
    (home / "executors.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def many(runs: int, seconds: float) -> list[str]:
    """So many runs at a time: a row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_executors(home, runs, 0)
        lab, store = Lab(home), Store(home)
        try:
            ids = [store.create(CONFIG.change(seed=number_), str(number_), owner=f"s{number_ % 30}") for number_ in range(runs)]
            lab.ready()
            until = time.monotonic() + 60 + 3 * runs
            while sum(run.state is State.RUNNING for run in lab.runs()) < runs and time.monotonic() < until:
                time.sleep(0.2)
            processes = [psutil.Process(run.process.pid) for run in store.active() if run.process.pid]
            before, counted = [_processor(process) for process in processes], _events(store, ids)
            writes, began = [], time.monotonic()
            while time.monotonic() - began < seconds:
                at = time.perf_counter()
                store.annotate(ids[0], f"{at}")
                writes.append(1_000 * (time.perf_counter() - at))
                time.sleep(0.1)
            took = time.monotonic() - began
            share = sum(_processor(process) for process in processes) - sum(before)
            private = [process.memory_full_info().uss / 1e6 for process in processes]
            return [
                str(len(processes)),
                f"{(_events(store, ids) - counted) / took:.0f}",
                f"{100 * share / took:.0f} %",
                f"{number(1_000 * share / took / max(1, len(processes)))} ms",
                text(figure(private, "MB")),
                text(figure(writes, "ms")),
                f"{number(figure(writes, 'ms').get('p95', max(writes)))} ms",
            ]
        finally:
            store.close()
            lab.shut_down()


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _events(store: Store, ids: Iterable[str]) -> int:
    with store.transaction() as connection:
        return connection.execute("SELECT count(*) FROM events").fetchone()[0]


def writes_a_second(seconds: float) -> float:
    """Events that one process stores."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        run_id, began, count = store.create(CONFIG, "t"), time.monotonic(), 0
        while time.monotonic() - began < seconds:
            store.add(run_id, Progress(1, 1, 235, count, 1.0, 0.5, 1e4, 0.1, 0.1, 1.0, 60.0))
            count += 1
        store.close()
        return count / (time.monotonic() - began)


def megabytes_a_second() -> float:
    """Of a checkpoint through the pipe, written and synced here."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_executors(home, 1, LARGE)
        store = Store(home)
        run_id = store.create(CONFIG, "t")
        code = (
            "import sys, time\nfrom pathlib import Path\nfrom cnnlab.runs.store import Store\n"
            "from cnnlab.workers.runner import execute\n"
            "times = []\n"
            "def note(event):\n    times.append(time.monotonic())\n    if len(times) == 3:\n        store.stop(sys.argv[2])\n"
            "store = Store(Path(sys.argv[1]))\nexecute(store, sys.argv[2], note)\nprint(times[2] - times[0])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(home), run_id],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        store.close()
        return LARGE / 1e6 / float(done.stdout)


def main(arguments: list[str] | None = None) -> None:
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == [NODE]:
        node(int(given[1]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a check in seconds that it works")
    small = parser.parse_args(given).small
    rows = [many(runs, 3 if small else 20) for runs in ((2,) if small else (1, 8, 32, 64))]
    titles = ["runs", "events a second", "processor", "of it a run and second", "memory of its own", "another write", "p95"]
    here = machine()
    print(f"{here['when']}, {here['cpu']}, {here['system']}\n\n{table(titles, rows, left=0)}")
    print(f"One process stores {number(writes_a_second(1 if small else 10))} events a second.")
    print(f"A checkpoint comes through the pipe at {number(megabytes_a_second())} MB a second.")


if __name__ == "__main__":
    main()
