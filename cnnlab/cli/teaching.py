"""`python -m cnnlab class …`, what a teacher does during a term: see who is stuck, send hints, pause the lab, save and end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cnnlab.access import classes
from cnnlab.cli.classes import group
from cnnlab.cli.commands import AsJson, Home, confirmed, print_error, print_json, print_text, readable
from cnnlab.errors import CNNLabError, ConfigError, StoreError
from cnnlab.i18n import N_, _, ngettext, say, together, translated
from cnnlab.lab import Lab
from cnnlab.runs.store_log import by, deed
from cnnlab.system.home import default_data, write_private
from cnnlab.teaching.results import moment
from cnnlab.teaching.service import MOST_LOGGED
from cnnlab.teaching.values import Student
from cnnlab.text import ago, aligned, percent, size_text

Text = Annotated[str, typer.Argument(metavar="TEXT", help="At most 500 characters of plain text, in quotes.")]
Archived = Annotated[Path, typer.Argument(metavar="FILE", help="The .zip file, such as autumn.zip.")]


@contextmanager
def _lab(home: Path) -> Iterator[Lab]:
    """The lab of a home that has a class."""
    if classes.load(home) is None:
        raise ConfigError(say("This lab has no class: make one with `python -m cnnlab class new`."), "class")
    lab = Lab(home, data=default_data())
    try:
        yield lab
    finally:
        lab.close()


@group.command()
def status(*, as_json: AsJson = False, home: Home) -> None:
    """Show the class, one row a student: who is here, trains or is stuck, and the results."""
    with _lab(home) as lab:
        overview = lab.teaching.overview()
    if as_json:
        print_json({"name": overview.name, "students": [_described(student) for student in overview.students]})
        return
    count = ngettext("{count:,} student", "{count:,} students", len(overview.students)).format(count=len(overview.students))
    print_text(_("{title}: {students}, {stuck:,} stuck.").format(title=overview.name, students=count, stuck=len(overview.stuck)))
    numbers = (_("training"), _("waiting"), _("last"), _("best"), _("lessons"), _("assignments"), _("disk"))
    part = _("{done} of {all}")
    rows = [
        (
            *(each.name, _("here") if each.here else ago(each.last_seen) if each.last_seen else "–"),
            *(str(each.training), str(each.waiting), percent(each.last and each.last.test_accuracy)),
            *(percent(each.best and each.best.best_test_accuracy), part.format(done=each.lessons, all=overview.lessons)),
            *(
                part.format(done=each.handed_in, all=overview.assignments),
                size_text(each.disk),
                translated(each.stuck.reason) if each.stuck else "",
            ),
        )
        for each in overview.students
    ]
    print_text(aligned((_("student"), _("seen"), *numbers, _("stuck")), rows, right=numbers))


@group.command()
def results(folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the files go.")], *, home: Home) -> None:
    """Save everyone's results: students, runs, epochs and hand-ins as CSV, and one HTML report of each student's best run."""
    with _lab(home) as lab:
        for name, text in lab.teaching.files().items():
            try:
                write_private(folder.absolute() / name, text())
            except OSError as error:
                sentence = N_("{file} cannot be written into {folder} ({reason}): name another folder.")
                raise StoreError(say(sentence, file=name, folder=str(folder), reason=error.strerror)) from error
            except CNNLabError as error:
                print_error(f"{name}: {translated(error)}")
                continue
            print_text(str(folder / name))


@group.command()
def log(
    *, limit: Annotated[int, typer.Option(min=1, max=MOST_LOGGED, help="How many rows, the newest first.")] = 50, home: Home
) -> None:
    """Print who did what and when; `class results` saves it whole."""
    with _lab(home) as lab:
        entries = lab.teaching.log(limit)
    rows = [(*(moment(each.at), translated(by(each)), deed(each)), *(each.what, each.whose, each.note)) for each in entries]
    print_text(aligned((_("when (UTC)"), _("who"), _("did"), _("what"), _("whose"), _("note")), rows))


@group.command()
def hint(
    text: Text,
    *,
    to: Annotated[list[str], typer.Option("--to", help="A student's name; may be repeated. Without it all get it.")] = [],  # noqa: B006
    run: Annotated[str, typer.Option(help="The id of the run that it is about.")] = "",
    home: Home,
) -> None:
    """Show a text at the top of a student's pages, or of all students', until they have dismissed it."""
    with _lab(home) as lab:
        run_id = lab.run(readable(run)).id if run else ""
        count = lab.teaching.hint([readable(name) for name in to], readable(text), run=run_id)
    print_text(
        ngettext("The hint was sent to {count} student.", "The hint was sent to {count} students.", count).format(count=count)
    )


@group.command()
def announce(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="At most 500 characters of plain text; empty takes it back.")] = "",
    *,
    home: Home,
) -> None:
    """Show a text to everyone, in place of the one before; without a text take it back."""
    with _lab(home) as lab:
        if text.strip():
            lab.teaching.announce(readable(text))
            print_text(_("Everyone sees it within ten seconds."))
        else:
            lab.teaching.withdraw()
            print_text(_("There is no announcement any more."))


@group.command()
def pause(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What everyone reads meanwhile.")] = "",
    *,
    running: Annotated[bool, typer.Option("--running", help="Also pause the runs that train now.")] = False,
    home: Home,
) -> None:
    """Pause the lab: no new run starts until `class resume`."""
    with _lab(home) as lab:
        lab.teaching.pause(readable(text), running=running)
        state = lab.teaching.paused()
    stopped = len(state.runs) if state else 0
    asked = ngettext("{count:,} run that trained is asked to pause.", "{count:,} runs that trained are asked to pause.", stopped)
    print_text(together(_("The lab is paused."), asked.format(count=stopped) if stopped else ""))


@group.command()
def resume(*, home: Home) -> None:
    """Let the lab go on: runs start again, also those that were paused with it."""
    with _lab(home) as lab:
        lab.teaching.go_on()
    print_text(_("Runs start again."))


@group.command()
def archive(file: Archived, *, home: Home) -> None:
    """Write all that is kept of the class into one file, and read it back. Weights are not in it."""
    with _lab(home) as lab:
        made = lab.teaching.archive(file.absolute())
    done = _("{file}: {runs:,} runs and {files:,} files, {size}; every checksum is right.")
    print_text(done.format(file=file, runs=len(made.runs), files=len(made.sums), size=size_text(made.bytes)))


@group.command()
def forget(file: Archived, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, home: Home) -> None:
    """Delete the class's data that an archive holds: runs, progress, hand-ins, networks, log and codes; images of their own go too.

    Teachers stay with what is theirs.
    """
    with _lab(home) as lab:
        what = lab.teaching.to_forget(file.absolute())
        counts = _("People: {people:,}; runs: {runs:,}; assignments: {assignments:,}; data sets: {sets:,}; networks: {networks:,}.")
        counts = counts.format(
            people=len(what.people),
            runs=len(what.runs),
            assignments=len(what.assignments),
            sets=len(what.sets),
            networks=len(what.networks),
        )
        lost = _("Weights and images of data sets, {size}, are not in the archive. Codes end at once.").format(
            size=size_text(what.bytes)
        )
        print_text(together(counts, lost))
        if what.kept:
            kept = ngettext(
                "{count:,} run stays: {file} lacks it as it is now. Archive again to include it.",
                "{count:,} runs stay: {file} lacks them as they are now. Archive again to include them.",
                len(what.kept),
            )
            print_text(kept.format(count=len(what.kept), file=file.name))
        if stay := len(lab.assignments.every()) - len(what.assignments):
            kept = ngettext(
                "{count:,} assignment stays, for which {file} lacks what was handed in since.",
                "{count:,} assignments stay, for which {file} lacks what was handed in since.",
                stay,
            )
            print_text(kept.format(count=stay, file=file.name))
        if not yes and not confirmed(_("Delete all of it?")):
            raise typer.Exit(1)
        lab.teaching.forget(what)
    print_text(_("It is deleted."))


def _described(student: Student) -> dict[str, object]:
    last, best, stuck = student.last, student.best, student.stuck
    names = ("name", "here", "last_seen", "training", "waiting", "runs", "lessons", "handed_in", "disk", "minutes_today")
    return {
        **{name: getattr(student, name) for name in names},
        "gpu_minutes_week": student.gpu_minutes_week,
        "last": last and {"run": last.id, "test_accuracy": last.test_accuracy},
        "best": best and {"run": best.id, "test_accuracy": best.best_test_accuracy},
        "stuck": stuck and {"kind": stuck.kind, "reason": stuck.reason, "run": stuck.run},
    }
