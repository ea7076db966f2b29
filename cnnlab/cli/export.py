"""The command that exports a run."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import typer

from cnnlab.cli.commands import AsJson, Home, print_error, print_json, print_text, readable
from cnnlab.errors import FailedCheck
from cnnlab.i18n import ENGLISH, _, translated, using
from cnnlab.runs.store import Store
from cnnlab.system.home import default_data

_POINTS = 100_000  # more than any run has


def export(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, as `runs` lists it.")],
    *,
    kind: Annotated[
        Literal["script", "notebook", "safetensors", "onnx", "tensorboard", "card", "metrics", "layers", "figures"],
        typer.Option(
            "--as",
            help="A program of plain PyTorch, the same as a notebook, the weights, the network as ONNX, event files, a model card, "
            "the numbers of each epoch (.csv or .json), the layer table (.md or .tex), curves and confusion matrix as SVG.",
        ),
    ],
    output: Annotated[Path, typer.Option(metavar="PATH", help="The new file; a new folder for event files and figures.")],
    language: Annotated[Literal["en", "zh"], typer.Option(help="Of the comments in a script or notebook, and of figures.")] = "en",
    checkpoint: Annotated[Literal["best", "last"], typer.Option(help="The epoch whose weights are taken.")] = "best",
    with_preparation: Annotated[
        bool, typer.Option("--with-preparation", help="ONNX takes images as bytes, and prepares them as the run did.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    as_json: AsJson = False,
    home: Home,
) -> None:
    """Export a run, and check the export: the same test images through both. One that fails is not written (exit code 1)."""
    from cnnlab.exports.make import Wish, export_network, export_record

    wish = Wish(kind, output.absolute(), language, with_preparation, force)
    wish.check()
    with closing(Store(home)) as store:
        run, epochs = store.run(readable(run_id)), store.epochs(run_id)
        progress = store.progress(run_id, _POINTS) if kind == "tensorboard" else ()
        folder = default_data() or store.data_folder(run_id)
    try:
        if wish.needs_network:
            from cnnlab.exports.subject import subject

            if not as_json:
                print_error(_("Checking the export with the test images …"))
            with using(ENGLISH):  # the file's language is --language
                found = export_network(subject(home, run, epochs, folder, checkpoint), wish)
        else:
            with using(ENGLISH):
                found = export_record(run, epochs, progress, wish)
    except FailedCheck as error:
        print_error(translated(error))
        raise typer.Exit(1) from error
    if as_json:
        print_json({"run": run.id, "as": kind, "output": str(wish.output), "check": found})
    else:
        print_text(f"{translated(found)}\n{_('Written to {file}').format(file=wish.output)}")
