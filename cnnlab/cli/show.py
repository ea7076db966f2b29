"""Commands that list architectures, data sets and the layers of a network."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from cnnlab import datasets as catalogue
from cnnlab.architectures import Card, card, every_card
from cnnlab.cli.commands import AsJson, Home, Settings, options_from, print_json, print_text, shape_from
from cnnlab.cli.network import NetworkFile, with_network
from cnnlab.datasets.places import Places, Search
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, _, translated
from cnnlab.layers.text import as_text
from cnnlab.system.home import default_data
from cnnlab.text import aligned, listed, shape_text
from cnnlab.workers.downloads import dataset_status


def architectures(*, as_json: AsJson = False, home: Home) -> None:
    """List the architectures with their sizes and options."""
    if as_json:
        print_json({"architectures": [_described(chosen) for chosen in every_card()]})
        return
    rows = []
    for chosen in every_card():
        sizes = (shape_text(chosen.input_shape), f"{chosen.parameters:,}", f"{chosen.macs:,}")
        rows.append(
            (chosen.name, translated(chosen.title), str(chosen.year), *sizes, ", ".join(option.name for option in chosen.options))
        )
    columns = _("name|title|year|input|parameters|MACs|options").split("|")
    print_text(aligned(columns, rows, right=columns[4:6]))


def _described(chosen: Card) -> dict[str, Any]:
    plain = ("name", "title", "year", "paper", "summary", "input_shape", "parameters", "macs")
    return {name: getattr(chosen, name) for name in plain} | {"options": [asdict(option) for option in chosen.options]}


def datasets(*, as_json: AsJson = False, home: Home) -> None:
    """List the data sets, and where they are on this machine."""
    places = Places(home, default_data())
    searches = [places.search(entry) for entry in catalogue.entries()]
    if as_json:
        print_json({"datasets": [_without_files(asdict(search.entry)) | _found(search) for search in searches]})
        return
    rows = []
    for search in searches:
        entry = search.entry
        sizes = (shape_text((entry.channels, entry.size, entry.size)), f"{entry.train_images:,}", f"{entry.test_images:,}")
        rows.append((entry.name, translated(entry.title), *sizes, _whereabouts(search, dataset_status(home, search).note)))
    columns = _("name|title|images|train|test|found in").split("|")
    print_text(aligned(columns, rows, right=columns[3:5]))
    for search in searches:
        if search.unusable and not search.usable:
            print_text(f"\n{places.explained(translated(search.why_not()))}")
        elif search.location and search.location.doubt:
            print_text(f"\n{translated(search.location.doubt)}")


def _whereabouts(search: Search, note: str) -> str:
    if search.location is None:
        note = translated(note)
        if search.here:
            return _("here, but {note} (see below)").format(note=note)
        return _("{note}: {command}").format(note=note, command=f"python -m cnnlab download {search.entry.name}")
    what = listed(map(translated, filter(None, (search.location.variant, search.location.differs))))
    return _("{folder} ({what})").format(folder=search.location.folder, what=what) if what else str(search.location.folder)


def _found(search: Search) -> dict[str, Any]:
    location = search.location
    copy = (
        {"found": str(location.folder)} | {name: getattr(location, name) for name in ("variant", "differs", "doubt")}
        if location
        else {"found": None}
    )
    return copy | {"unusable": [str(found) for found in search.unusable]}


def _without_files(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in ("downloads", "train", "test")}


def layers(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="An architecture, such as lenet. Not needed with --network or --file.", show_default=False
        ),
    ] = None,
    *,
    network: NetworkFile = None,
    file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.py:CLASS",
            help="A class of your own, which needs --input; --set gives its arguments. The file is run.",
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            "--input", metavar="CxHxW", help="The shape of the images, such as 1x28x28. Default: the course's.", show_default=False
        ),
    ] = None,
    classes: Annotated[int, typer.Option(help="The number of classes.")] = 10,
    settings: Settings = [],  # noqa: B006  Typer reads it, nothing changes it
    depth: Annotated[
        int | None, typer.Option(help="Fold layers into blocks, to this many parts of their path.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    home: Home,
) -> None:
    """Show a network layer by layer: shapes, parameters, multiply-accumulates, memory, receptive field."""
    from cnnlab.layers.trace import layer_table

    if file is not None:
        if name is not None or network is not None:
            raise ConfigError(N_("layers needs NAME, --network or --file FILE.py:CLASS, one of them alone."), "architecture")
        if image is None:
            raise ConfigError(N_("--file needs --input, such as --input 3x32x32."), "input_shape")
        from cnnlab.layers.own_code import table_of

        table = table_of(file, shape_from(image), settings)
    else:
        name, settings = with_network(name, settings, network)
        if name is None:
            raise ConfigError(N_("layers needs NAME, such as lenet, or else --network or --file FILE.py:CLASS."), "architecture")
        chosen = card(name)
        shape = shape_from(image) if image is not None else None
        table = layer_table(chosen.name, shape, classes, options_from(chosen, settings))
    if depth is not None:
        table = table.fold(depth)
    if as_json:
        print_json(table.to_dict())
    else:
        print_text(as_text(table))
