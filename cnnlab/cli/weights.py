"""The command that imports weights which were trained elsewhere."""

from __future__ import annotations

import secrets
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from cnnlab.architectures import card
from cnnlab.cli.commands import AsJson, Home, Settings, options_from, print_error, print_json, print_text, readable
from cnnlab.cli.recipe import number_or_text
from cnnlab.config import RunConfig
from cnnlab.errors import CheckpointError, ConfigError
from cnnlab.i18n import ENGLISH, N_, _, say, translated, using
from cnnlab.runs.records import IMPORTED, State
from cnnlab.runs.store import Store
from cnnlab.system import brought_weights
from cnnlab.system.home import default_data
from cnnlab.system.processes import current
from cnnlab.text import percent, shortened


def weights(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A state dict (torch.save) or a safetensors file.")],
    *,
    architecture: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The network; not needed for a safetensors file that the lab made.", show_default=False),
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="The images to evaluate it on, such as sample.", show_default=False)] = None,
    settings: Settings = [],  # noqa: B006  Typer reads it, nothing changes it
    image_size: Annotated[str | None, typer.Option(metavar="NUMBER", help="Pixels a side.", show_default=False)] = None,
    channels: Annotated[str | None, typer.Option(metavar="1|3", help="Channels of the images.", show_default=False)] = None,
    normalization: Annotated[
        str | None, typer.Option(metavar="none|dataset|half", help="As the weights were trained with.", show_default=False)
    ] = None,
    limit: Annotated[str | None, typer.Option(metavar="NUMBER", help="At most this many images.", show_default=False)] = None,
    title: Annotated[str, typer.Option("--name", help="The run's name.", show_default=False)] = "",
    owner: Annotated[str, typer.Option(metavar="NAME", help="Whose run it is.", show_default=False)] = "",
    as_json: AsJson = False,
    home: Home,
) -> None:
    """Import weights as a finished run, to be looked at on the pages Predict and Inside. Nothing is trained."""
    from cnnlab.compute import answers
    from cnnlab.training import weights_file
    from cnnlab.workers.runner import execute

    if not file.is_file():
        raise CheckpointError(say("There is no file {file}.", file=shortened(str(file))))
    changes = {"image_size": image_size, "channels": channels, "normalization": normalization, "limit": limit, "dataset": dataset}
    given = {name: number_or_text(value) for name, value in changes.items() if value is not None}
    config = _config(weights_file.configuration(file), architecture, settings, given)
    answers.check_run(home, config, default_data())
    chosen = card(config.architecture)
    weights_file.fit(
        chosen.build(config.input_shape, config.classes, config.options, device="meta"),
        weights_file.read(file),
        chosen.called(config.options),
    )
    token = secrets.token_hex(8)
    brought_weights.bring(home, token, file.read_bytes())
    with closing(Store(home)) as store:
        name = readable(title) or say("{network}, imported", network=config.title)
        process = current()
        run_id = store.create(
            config, token, name, State.STARTING, owner=readable(owner).strip(), data=default_data(), process=process
        )
        store.tag(run_id, add=[IMPORTED])
        with using(ENGLISH):  # what is stored is read in every language
            execute(store, run_id)
        run = store.run(run_id)
    if run.state is not State.FINISHED:
        print_error(translated(run.message))
        raise typer.Exit(2)
    if as_json:
        print_json({"run": run.id, "test_accuracy": run.test_accuracy})
    else:
        text = _("Run {run}: {accuracy} of the test images are right.")
        print_text(text.format(run=run.id, accuracy=percent(run.test_accuracy)))


def _config(known: str, architecture: str | None, settings: list[str], given: dict[str, object]) -> RunConfig:
    """The settings of a file that the lab made, or of the options; one epoch, which stands for the weights as they came."""
    if architecture is None and not known:
        raise ConfigError(
            N_("This command needs --architecture, such as --architecture lenet: the file does not name its network.")
        )
    if architecture is None:
        config = RunConfig.from_json(known)
        return config.change(
            **given, options=config.options | options_from(card(config.architecture), settings), epochs=1, device="auto"
        )
    if "dataset" not in given:
        raise ConfigError(N_("This command needs --dataset, such as --dataset sample."), "dataset")
    chosen = card(architecture)
    return RunConfig.make(**given, architecture=chosen.name, options=options_from(chosen, settings), epochs=1)
