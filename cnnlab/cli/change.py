"""Commands that change a run: pause, resume, stop, more epochs, delete. What trains them is the lab's background process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cnnlab.cli.commands import Home, print_text, readable
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
    """Let a run write a checkpoint where it stands, and let go of its device."""
    with _lab(home) as lab:
        lab.pause(readable(run_id))
        _say(lab, run_id)


def resume(run_id: RunId, *, home: Home) -> None:
    """Go on with a run that was paused, stopped or interrupted, in the background, from its last checkpoint."""
    with _lab(home) as lab:
        lab.resume(readable(run_id))
        _say(lab, run_id)


def stop(run_id: RunId, *, home: Home) -> None:
    """End a run; its checkpoints are kept."""
    with _lab(home) as lab:
        lab.stop(readable(run_id))
        _say(lab, run_id)


def extend(
    run_id: RunId,
    epochs: Annotated[int, typer.Argument(metavar="EPOCHS", help="How many more.")],
    *,
    home: Home,
) -> None:
    """Train a run that finished or was stopped for more epochs, in the background."""
    with _lab(home) as lab:
        lab.extend(readable(run_id), epochs)
        _say(lab, run_id)


def delete(
    run_id: RunId,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home,
) -> None:
    """Delete a run that has ended, with its checkpoints."""
    with _lab(home) as lab:
        run = lab.run(readable(run_id))
        size = size_text(lab.disk_bytes(run.id))
        if not yes and not typer.confirm(f"Delete run {run.id} and its checkpoints ({size})?"):
            raise typer.Exit(1)
        lab.delete(run.id)
    print_text(f"Run {run.id} is deleted; {size} are free again.")


def _say(lab: Lab, run_id: str) -> None:
    run = lab.run(readable(run_id))
    place = f", number {run.position} in the queue" if run.position else ""
    print_text(f"Run {run.id} is {run.state}{place}.")
