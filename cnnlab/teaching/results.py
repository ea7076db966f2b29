"""Everyone's results as files: all runs and all that was handed in as CSV, and each student's best run as one HTML report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from cnnlab.errors import CNNLabError, RunStateError
from cnnlab.i18n import N_
from cnnlab.reports import exports
from cnnlab.reports import html as report
from cnnlab.runs.records import Run
from cnnlab.runs.store_log import Entry
from cnnlab.runs.summaries import MOST_RUNS
from cnnlab.spreadsheet import csv_text
from cnnlab.teaching.values import Overview, TaughtLab

MOST_IN_REPORT = 60  # runs; each adds a line to its charts
HANDED_IN = (
    "assignment", "title", "learner", "run", "best test accuracy", "target", "epochs", "seconds of training", "chosen",
    "handed in (UTC)",
)  # fmt: skip
STUDENTS = (
    "student", "here", "last seen (UTC)", "stuck", "training", "waiting", "runs", "last test accuracy", "best test accuracy",
    "data", "lessons done", "assignments handed in", "disk (bytes)", "minutes today", "GPU minutes this week",
)  # fmt: skip
LOG = ("at (UTC)", "who", "did", "what", "whose", "refused", "note")


def runs_csv(lab: TaughtLab) -> str:
    """A row for each run of everyone, with its settings and results."""
    return exports.comparison_csv(all_runs(lab), {})


def epochs_csv(lab: TaughtLab) -> str:
    """A row for each epoch of each run of everyone."""
    runs = all_runs(lab)
    return exports.metrics_csv(runs, {run.id: lab.epochs(run.id) for run in runs})


def handed_in_csv(lab: TaughtLab) -> str:
    """A row for each run that was handed in, of all assignments."""
    rows = [
        (
            *(assignment.id, assignment.task.title, each.learner, each.run_id, each.accuracy, each.result, each.epochs),
            *(each.seconds, each.chosen, moment(each.at)),
        )
        for assignment in lab.assignments.every()
        for each in lab.assignments.handed_in(assignment)
    ]
    return csv_text(HANDED_IN, rows)


def students_csv(overview: Overview) -> str:
    """The table of the class, a row each."""
    rows = [
        (
            *(each.name, "yes" if each.here else "no", moment(each.last_seen), each.stuck.reason if each.stuck else ""),
            *(each.training, each.waiting, each.runs, each.last and each.last.test_accuracy),
            *(each.best and each.best.best_test_accuracy, each.last and each.last.dataset),
            *(each.lessons, each.handed_in, each.disk, round(each.minutes_today, 1), round(each.gpu_minutes_week, 1)),
        )
        for each in overview.students
    ]
    return csv_text(STUDENTS, rows)


def log_csv(entries: Iterable[Entry]) -> str:
    """The log, the newest first."""
    rows = (
        (moment(each.at), each.who, each.did, each.what, each.whose, "yes" if each.refused else "", each.note) for each in entries
    )
    return csv_text(LOG, rows)


def report_html(lab: TaughtLab, overview: Overview) -> str:
    """The best run of each student, side by side, as one page. Raises RunStateError where there is none."""
    runs = []
    for student in overview.students[:MOST_IN_REPORT]:
        if student.best:
            try:
                runs.append(lab.run(student.best.id))
            except CNNLabError:  # deleted since the table was made
                continue
    if not runs:
        raise RunStateError(N_("No student has a result yet: there is nothing to report."))
    return report.html_report(runs, {run.id: lab.epochs(run.id) for run in runs}, {})


def all_runs(lab: TaughtLab) -> Sequence[Run]:
    """Every run that can be read, the newest first."""
    return lab.runs(MOST_RUNS)


def moment(at: float | None) -> str:
    """A time in UTC, as a spreadsheet sorts it; "" for none."""
    return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
