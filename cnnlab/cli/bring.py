"""The command that imports a user's own images."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cnnlab.cli.commands import AsJson, Home, print_error, print_json, print_text, readable
from cnnlab.cli.train import INTERRUPTED
from cnnlab.datasets.own import OwnSet
from cnnlab.errors import ConfigError, DataError
from cnnlab.i18n import ENGLISH, N_, _, say, translated, using
from cnnlab.lab import Lab
from cnnlab.own_data.values import Choices, Colour, few
from cnnlab.system.home import default_data
from cnnlab.text import aligned, listed, shape_text, size_text
from cnnlab.workers import imports

_STEPS = {"looking": N_("Looking at the files"), "reading": N_("Reading the images"), "finishing": N_("Finishing")}


def import_(
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="A folder, .zip, .tar, .npz or .csv.", show_default=False)
    ] = None,
    *,
    name: Annotated[str, typer.Option(help="What the data set is called.", show_default=False)] = "",
    size: Annotated[int | None, typer.Option(help="Pixels a side; without it as the pictures suggest.", show_default=False)] = None,
    gray: Annotated[bool, typer.Option("--gray", help="Keep grey values alone.")] = False,
    colour: Annotated[bool, typer.Option("--colour", help="Keep colours, also of grey pictures.")] = False,
    stretch: Annotated[
        bool, typer.Option("--stretch", help="Squeeze pictures square, in place of cutting out the middle.")
    ] = False,
    test_share: Annotated[float, typer.Option(help="Share of each class to test on, where the files have no split.")] = 0.15,
    seed: Annotated[int, typer.Option(help="Of the draw of test images.")] = 0,
    listing: Annotated[bool, typer.Option("--list", help="List the data sets that were imported.")] = False,
    remove: Annotated[
        str, typer.Option(metavar="NAME", help="Delete the images of one, such as own-flowers; its runs stay.", show_default=False)
    ] = "",
    as_json: AsJson = False,
    home: Home,
) -> None:
    """Import your own images: one folder for each class, with or without train and test folders above them."""
    if listing or remove:
        with closing(Lab(home, data=default_data())) as lab:
            _remove(lab, readable(remove), as_json) if remove else _list(lab.own_data.sets(), as_json)
        return
    if path is None:
        raise ConfigError(N_("import needs a folder or a file, such as import flowers --name Flowers."), "path")
    if gray and colour:
        raise ConfigError(N_("--gray and --colour cannot both be asked for."), "colour")
    wanted: Colour = "gray" if gray else "colour" if colour else "auto"
    called = path.absolute().name
    choices = Choices(readable(name) or called.split(".")[0], size, wanted, "stretch" if stretch else "crop", test_share, seed)
    if not path.exists():
        raise DataError(say("There is no file or folder {path!r}: check it.", path=called))
    order = imports.Order(str(path.absolute()), readable(called), choices, "", for_all=True, uploaded=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, disable=as_json) as bar, imports.alone(home):
            steps = {step: translated(text) for step, text in _STEPS.items()}
            task = bar.add_task(steps["looking"], total=None)

            def report(step: str, done: int, total: int) -> None:
                bar.update(task, description=steps[step], completed=done, total=total or None)

            with using(ENGLISH):  # what is stored is read in every language
                made = imports.imported(home, order, report)
    except KeyboardInterrupt:
        print_error(_("The import was stopped, and nothing of it is kept."))
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(_described(made))
    else:
        print_text(_summary(made))


def _summary(made: OwnSet) -> str:
    brought = made.brought
    shape = shape_text((made.channels, made.size, made.size))
    text = _("{title} is imported as {name}: {classes:,} classes, {train:,} training and {test:,} test images of {shape}, {size}.")
    counts = {"classes": len(made.classes), "train": sum(made.train_counts), "test": sum(made.test_counts)}
    lines = [
        text.format(title=made.title, name=made.name, **counts, shape=shape, size=size_text(made.image_bytes)),
        *map(translated, brought.notes),
        translated(few(made.classes, made.train_counts)),
    ]
    if brought.broken:
        text = _("{count:,} could not be read and were left out: {files}.")
        if more := brought.broken - len(brought.broken_names):
            text = _("{count:,} could not be read and were left out: {files} and {more:,} more.")
        lines.append(text.format(count=brought.broken, files=listed(brought.broken_names), more=more))
    lines.append(_("Train on it: {command}").format(command=f"python -m cnnlab train lenet --dataset {made.name}"))
    return "\n".join(filter(None, lines))


def _list(sets: tuple[OwnSet, ...], as_json: bool) -> None:
    if as_json:
        print_json({"datasets": [_described(each) for each in sets]})
        return
    if not sets:
        text = _("No images have been imported yet: {command}")
        print_text(text.format(command="python -m cnnlab import PATH --name NAME"))
        return
    rows = [
        (
            each.name, each.title, shape_text((each.channels, each.size, each.size)), f"{len(each.classes):,}",
            f"{each.used('train'):,}", f"{each.used('test'):,}", size_text(each.image_bytes), each.owner or _("nobody's"),
        )
        for each in sets
    ]  # fmt: skip
    columns = _("name|title|images|classes|train|test|size|owner").split("|")
    print_text(aligned(columns, rows, right=columns[3:7]))


def _remove(lab: Lab, name: str, as_json: bool) -> None:
    title = lab.own_data.get(name).title
    lab.own_data.delete(name)
    if as_json:
        print_json({"removed": name})
    else:
        print_text(_("The images of {title} are deleted; its runs stay.").format(title=title))


def _described(made: OwnSet) -> dict[str, Any]:
    return asdict(made)
