"""Commands that change a run: pause, resume, stop, extend, delete. The lab's background process does the training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cnnlab.cli.commands import Home, confirmed, print_text, readable, state_sentence
from cnnlab.i18n import _
from cnnlab.lab import Lab
from cnnlab.system.home import default_data
from cnnlab.text import size_text

RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, as `runs` lists it.")]


@contextmanager
def _lab(home: Path) -> Iterator[Lab]:
    lab = Lab(home, data=default_data())
    try:
        yield lab
    finally:
        lab.close()


def pause(run_id: RunId, *, home: Home) -> None:
    """Pause a run: it writes a checkpoint at its current batch and releases its device."""
    with _lab(home) as lab:
        lab.pause(readable(run_id))
        _print_state(lab, run_id)


def resume(run_id: RunId, *, home: Home) -> None:
    """Resume a paused, stopped or interrupted run from its last checkpoint, in the background."""
    with _lab(home) as lab:
        lab.resume(readable(run_id))
        _print_state(lab, run_id)


def stop(run_id: RunId, *, home: Home) -> None:
    """Stop a run; its checkpoints are kept."""
    with _lab(home) as lab:
        lab.stop(readable(run_id))
        _print_state(lab, run_id)


def extend(
    run_id: RunId, epochs: Annotated[int, typer.Argument(metavar="EPOCHS", help="The number of further epochs.")], *, home: Home
) -> None:
    """Train a finished or stopped run for more epochs, in the background."""
    with _lab(home) as lab:
        lab.extend(readable(run_id), epochs)
        _print_state(lab, run_id)


def delete(run_id: RunId, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, home: Home) -> None:
    """Delete an ended run and its checkpoints."""
    with _lab(home) as lab:
        run = lab.run(readable(run_id))
        size = size_text(lab.disk_bytes(run.id))
        if not yes and not confirmed(_("Delete run {run} and its checkpoints ({size})?").format(run=run.id, size=size)):
            raise typer.Exit(1)
        lab.delete(run.id)
    print_text(_("Run {run} is deleted; {size} of disk space are free again.").format(run=run.id, size=size))


def _print_state(lab: Lab, run_id: str) -> None:
    print_text(state_sentence(lab.run(readable(run_id))))
