"""What Slurm says of the job of a run, and the end of one. Needs no torch."""

from __future__ import annotations

import getpass
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from cnnlab.executors.settings import Executor, job_name
from cnnlab.i18n import say
from cnnlab.text import shortened

SECONDS = 10.0  # that a command may take; a busy controller answers late
_FIELDS = "%i|%T|%S|%r"


@dataclass(frozen=True, slots=True)
class Job:
    """One row of squeue."""

    id: str
    state: str  # PENDING, RUNNING, COMPLETING …
    start: str  # as squeue prints it: 2026-11-26T14:20:00, or N/A
    reason: str  # why it waits: Resources, Priority …

    def in_words(self, today: datetime | None = None) -> str:
        """What the run waits for: "it waits for a node: job 4711, estimated start 14:20 (Resources)"."""
        facts = {"job": self.id, "reason": self.reason}
        try:
            start = datetime.fromisoformat(self.start)
        except ValueError:
            return say("it waits for a node: job {job} ({reason})", **facts)
        same_day = start.date() == (today or datetime.now()).date()
        when = f"{start:%H:%M}" if same_day else f"{start:%Y-%m-%d %H:%M}"
        return say("it waits for a node: job {job}, estimated start {when} ({reason})", when=when, **facts)


def job(executor: Executor, run_id: str) -> Job | None:
    """The run's job; None where there is none. Raises OSError where Slurm does not answer."""
    answer = _output(executor, "squeue", "--noheader", f"--name={job_name(run_id)}", f"--format={_FIELDS}", "--sort=-i")
    for line in answer.splitlines():
        parts = [shortened(part.strip(), quoted=False) for part in line.split("|")]
        if len(parts) == 4 and parts[1] != "COMPLETING":
            return Job(*parts)
    return None


def cancel(executor: Executor, run_id: str) -> None:
    """Ends the run's jobs, also one whose launcher was killed: srun leaves it running."""
    with suppress(OSError):
        _output(executor, "scancel", f"--user={getpass.getuser()}", f"--name={job_name(run_id)}")


def answers(executor: Executor) -> bool:
    """Whether the controller can be reached."""
    try:
        _output(executor, "squeue", "--noheader", f"--name={job_name('none')}")
    except OSError:
        return False
    return True


def _output(executor: Executor, *command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the host's own command, and ids that the store issued
            executor.asking(*command),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", errors="replace",
            timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise OSError(f"{command[0]} gave no answer within {SECONDS:.0f} s") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        raise OSError(f"{command[0]} ended with {done.returncode} ({shortened(last, quoted=False)})")
    return done.stdout
