"""A lab under siege: runs are started, processes are killed, and all invariants are checked after each kill."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cnnlab.config import RunConfig
from cnnlab.errors import RunStateError
from cnnlab.events import EpochDone
from cnnlab.lab import Lab
from cnnlab.runs.records import Run, State
from cnnlab.runs.store_lifecycle import MOST_AUTO_RESUMES
from cnnlab.system.home import PACKAGE, run_folder
from cnnlab.training import checkpoints
from tests.chaos import invariants
from tests.chaos.census import census, kill
from tests.chaos.undisturbed import differences, figures

TRUE_WITHIN = 5.0  # seconds after a kill until pages must show the actual state
DEADLINE = 60.0  # seconds for one run to make progress on a busy machine
AT_ONCE = 3  # runs that have not ended, so that there is a queue
# A dispatcher needs seconds to restart, during which nothing else happens, so it is killed less often.
WEIGHTS = {"runner": 12, "dispatcher": 2, "everything": 3, "visitor": 2, "newcomer": 1, "helper": 1}
ENDED = {State.FINISHED, State.FAILED}
RESUMABLE = {State.INTERRUPTED, State.PAUSED, State.STOPPED}


class Siege:
    """One home, its visitor, and a seed that determines all actions, but not their timing."""

    def __init__(self, folder: Path, seed: int, configs: tuple[RunConfig, ...], references: tuple[Path, ...]) -> None:
        self.home, self.plan = folder / "home", folder / "plan.jsonl"
        self.plan.touch()
        self.lab = Lab(self.home)
        self.seed = seed
        self.killed: Counter[str] = Counter()
        self._configs, self._references = configs, references
        self._references_of: dict[str, Path] = {}
        self._expected: dict[str, str] = {}  # the run of each token seen so far
        self._planned: list[str] = []
        self._true: set[str] = set()  # finished runs that were compared
        self._visitor: subprocess.Popen[bytes] | None = None
        self._began = time.monotonic()
        self.note(f"--chaos-seed {seed}")

    def round(self, number: int) -> None:
        """Waits for a moment, kills, and checks."""
        chance = random.Random(f"{self.seed}:{number}")  # noqa: S311 - chosen to be repeated
        self._populate(chance)
        self._wait_for_a_moment(chance)
        self._act(chance)
        self._strike(chance)
        self._populate(chance)
        self.look()
        self.check()
        for run in self.lab.runs(10_000):
            # An interrupted run is mostly left to the lab, which has to resume it automatically.
            if run.state in RESUMABLE and chance.random() < (0.15 if run.state is State.INTERRUPTED else 0.5):
                self._resume(run)

    def finish(self) -> None:
        """Without further kills all runs must finish, each with the result of an undisturbed run."""
        self._populate(random.Random(self.seed), fresh=False)  # noqa: S311
        until, most = time.monotonic() + DEADLINE, -1
        while True:
            runs = self.lab.runs(10_000)
            automatic = invariants.auto_resumable(self.home)
            for run in runs:
                if run.state in RESUMABLE and run.id not in automatic:
                    self._resume(run)
            if len(runs) == len(self._planned) and all(run.state in ENDED for run in runs):
                break
            done = sum(run.epochs_done for run in runs)
            if done > most:
                most, until = done, time.monotonic() + DEADLINE
            if time.monotonic() > until:
                self.fail("no run makes progress", *(f"{run.id} is {run.state}" for run in runs if run.state not in ENDED))
            time.sleep(0.1)
        self.look()
        self._true.clear()
        self.check()
        left = [run for run in self.lab.runs(10_000) if run.state is not State.FINISHED]
        if left:
            self.fail(*(f"{run.id} ended as {run.state} ({run.message})" for run in left))

    def close(self) -> None:
        if self._visitor is not None:
            self._visitor.kill()
            self._visitor.wait()
        self.lab.shut_down()

    def look(self) -> None:
        """Polls as a page does. Each run must be shown in its actual state at least once within the time limit."""
        until = time.monotonic() + TRUE_WITHIN
        seen_true: set[str] = set()
        while True:
            runs = self.lab.runs(10_000)
            wrong = invariants.lies(runs, census(self.home))
            seen_true |= {run.id for run in runs} - wrong.keys()
            lies = [lie for run_id, lie in wrong.items() if run_id not in seen_true]
            if not lies:
                return
            if time.monotonic() > until:
                self.fail(f"{TRUE_WITHIN:g} s after the kill:", *lies)
            time.sleep(0.05)

    def check(self) -> None:
        runs = self.lab.runs(10_000)
        self._expected |= invariants.tokens(self.home)
        faults = invariants.store_faults(self.home) + invariants.roll_faults(runs, self._expected)
        faults += [f"{token} is in the store, but was not requested" for token in self._expected.keys() - set(self._planned)]
        faults += [f"{run.id} was automatically resumed {run.resumes} times" for run in runs if run.resumes > MOST_AUTO_RESUMES]
        tokens = {run_id: token for token, run_id in self._expected.items()}
        for run in runs:
            if run.id in self._true:
                continue
            faults += invariants.event_faults(self.home, run)
            faults += invariants.checkpoint_faults(self.home, run)
            if run.state is State.FINISHED:
                faults += self._compare(run, self._references_of[tokens[run.id]])
                self._true.add(run.id)
        self.note("states: " + ", ".join(f"{run.id} {run.state} {run.epochs_done}" for run in runs[:6]))
        if faults:
            self.fail(*faults)

    def note(self, line: str) -> None:
        """Logs an action; pytest shows the log where the test fails, or with -s."""
        print(f"{time.monotonic() - self._began:8.2f} {line}", flush=True)  # noqa: T201

    def fail(self, *faults: str) -> None:
        raise AssertionError("\n".join([*faults, f"Repeat with --chaos-seed {self.seed}."]))

    def report(self) -> str:
        """A sentence for docs/RESULTS.md."""
        kills = ", ".join(f"{count} × {role}" for role, count in self.killed.most_common())
        counts = invariants.event_counts(self.home)
        return (
            f"Seed {self.seed}: {sum(self.killed.values())} kills ({kills}) in {time.monotonic() - self._began:.0f} s; "
            f"{len(self._planned)} runs, {counts['run_interrupted']} interruptions, {counts['run_paused']} pauses, "
            f"{counts['run_resumed']} resumptions from a checkpoint; all finished, each to the bit as when undisturbed."
        )

    # What happens in a round

    def _populate(self, chance: random.Random, *, fresh: bool = True) -> None:
        """Makes sure that there are a visitor and enough runs."""
        if self._visitor is None or self._visitor.poll() is not None:
            if self._visitor is not None:
                self._visitor.wait()
            with (self.plan.parent / "visitor.log").open("ab") as log:
                self._visitor = subprocess.Popen(
                    [sys.executable, "-m", "tests.chaos.visitor", "--home", str(self.home), "--plan", str(self.plan)],
                    cwd=PACKAGE.parent,
                    stdout=log,
                    stderr=log,
                )
        ended = sum(run.state in ENDED for run in self.lab.runs(10_000))
        while fresh and len(self._planned) - ended < AT_ONCE:
            token = f"form {len(self._planned)}"
            recipe = chance.randrange(len(self._configs))
            self._references_of[token] = self._references[recipe]
            with self.plan.open("a", encoding="utf-8") as file:
                file.write(json.dumps([token, self._configs[recipe].model_dump(mode="json")]) + "\n")
            self._planned.append(token)
            self.note(f"planned {token}, recipe {recipe}")

    def _wait_for_a_moment(self, chance: random.Random) -> None:
        moment = chance.choices(["training", "starting", "saving", "whenever"], [5, 1, 2, 2])[0]
        delay = chance.uniform(0.0, 1.2 if moment == "training" else 0.3)
        if moment == "training":
            self._until(lambda: any(run.state is State.RUNNING for run in self.lab.runs(20)))
        elif moment == "starting":
            self._until(lambda: any(run.state is State.STARTING for run in self.lab.runs(20)), pause=0.002)
            delay /= 10
        elif moment == "saving":
            before = self._being_written()
            self._until(lambda: bool(self._being_written() - before), pause=0.0005)
            delay = 0.0
        time.sleep(delay)
        self.note(f"moment: {moment}, {delay:.2f} s later")

    def _being_written(self) -> set[tuple[str, int]]:
        partials = set()
        for partial in self.home.glob("runs/*/.*.partial"):
            with suppress(FileNotFoundError):  # it was just renamed
                partials.add((str(partial), partial.stat().st_mtime_ns))
        return partials

    def _until(self, condition: Callable[[], bool], *, pause: float = 0.02) -> None:
        """Waits for a condition, but not where it cannot occur, as when all runs are paused."""
        until, look = time.monotonic() + DEADLINE, 0.0
        while not condition() and time.monotonic() < until:
            if time.monotonic() > look:  # this also restarts the dispatcher: pages poll once or twice a second
                look = time.monotonic() + 0.5
                if self._at_rest():
                    return
            time.sleep(pause)

    def _at_rest(self) -> bool:
        runs = self.lab.runs(10_000)
        return len(runs) == len(self._planned) and not (any(run.active for run in runs) or invariants.auto_resumable(self.home))

    def _act(self, chance: random.Random) -> None:
        """Sometimes pauses or stops a run just before the kill."""
        if chance.random() < 0.7:
            return
        action, name = chance.choice([(self.lab.pause, "pause"), (self.lab.pause, "pause"), (self.lab.stop, "stop")])
        waits = chance.uniform(0.0, 0.5)
        for run in self.lab.runs(20):
            if run.state is State.RUNNING:
                try:
                    action(run.id)
                except RunStateError as error:
                    self.note(f"{name}: {error}")  # it ended since it was read
                else:
                    self.note(f"{name} {run.id}")
                    time.sleep(waits)
                return

    def _strike(self, chance: random.Random) -> None:
        until = time.monotonic() + DEADLINE
        while True:
            roles = census(self.home).roles
            if roles:
                role = chance.choices(list(roles), [WEIGHTS[role] for role in roles])[0]
                pids = roles[role] if role == "everything" else [chance.choice(sorted(roles[role]))]
                if kill(pids):
                    break
            if time.monotonic() > until:
                self.fail("there is no process left to kill, and none starts")
            self.lab.runs()
            time.sleep(0.05)
        self.killed[role] += 1
        self.note(f"kill {self.killed.total()}: {role} {pids}")
        if role in {"visitor", "everything"} and self._visitor is not None:
            self._visitor.wait()
        if role == "everything":
            self._tear(chance)

    def _tear(self, chance: random.Random) -> None:
        """Adds the effect of a power cut: checkpoints in the middle of a write are cut at some byte."""
        for last in self.home.glob(f"runs/*/{checkpoints.LAST}"):
            content = last.read_bytes()
            last.with_name(f".{last.name}.partial").write_bytes(content[: chance.randrange(len(content))])

    def _resume(self, run: Run) -> None:
        try:
            self.lab.resume(run.id)
        except RunStateError as error:
            self.note(f"resume: {error}")  # it was resumed automatically
            return
        self.note(f"resumed {run.id}, which was {run.state}")

    def _compare(self, run: Run, reference: Path) -> list[str]:
        folder = run_folder(self.home, run.id)
        faults = [
            f"{run.id}: {name} differs from the undisturbed run's in {', '.join(parts)}"
            for name in (checkpoints.LAST, checkpoints.BEST)
            if (parts := differences(folder, reference, name))
        ]
        stored = [figures(epoch) for epoch in self.lab.epochs(run.id)]
        expected = [figures(EpochDone(**epoch)) for epoch in checkpoints.load(reference / checkpoints.LAST)["history"]]
        return faults + [
            f"{run.id}: epoch {mine['epoch']} is stored as {mine}, not {theirs}"
            for mine, theirs in zip(stored, expected, strict=False)
            if mine != theirs
        ]
