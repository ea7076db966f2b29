"""The command that trains, in this process; the run stands in the store, so the pages show it too."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from cnnlab import datasets, events, limits
from cnnlab.architectures import card
from cnnlab.cli.commands import Home, Settings, options_from, print_error, print_json, readable
from cnnlab.cli.recipe import recipe_from, with_recipe_options
from cnnlab.config import RunConfig
from cnnlab.datasets.places import Places
from cnnlab.errors import ConfigError
from cnnlab.events import Event
from cnnlab.home import default_data
from cnnlab.presets import preset as preset_called
from cnnlab.processes import identity
from cnnlab.runs.records import Run, State
from cnnlab.runs.store import Store

Display = Callable[[str], AbstractContextManager[Callable[[Event], None]]]  # from a run's id to what shows its events

INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C has ended


@with_recipe_options
def train(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An architecture, such as lenet.")],
    *,
    dataset: Annotated[str | None, typer.Option(help="The images to learn from, such as sample.", show_default=False)] = None,
    preset: Annotated[
        str | None, typer.Option(help="A recipe of the course to start from; other options change it.", show_default=False)
    ] = None,
    settings: Settings = [],  # noqa: B006  Typer reads it, nothing changes it
    title: Annotated[str, typer.Option("--name", help="What to call the run.", show_default=False)] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help='One JSON document a line for each event, with "event" and "run".')
    ] = False,
    home: Home,
    **recipe: Any,
) -> None:
    """Train a network, watch it, keep the run. Ctrl-C stops it after the batch; checkpoints of finished epochs are kept."""
    config = _config(name, dataset, preset, settings, recipe)
    parameters = _check(config, home)
    store = Store(home)
    try:
        _check_limits(store, config, parameters)
        run = _run(store, config, readable(title), _lines if as_json else _bar)
    finally:
        store.close()
    if run.state is State.FAILED:
        print_error(run.message)
        raise typer.Exit(2)
    if run.state is not State.FINISHED:
        raise typer.Exit(INTERRUPTED)


def _config(name: str, dataset: str | None, preset: str | None, settings: list[str], recipe: dict[str, Any]) -> RunConfig:
    chosen = card(name)
    base = preset_called(preset).config() if preset is not None else None
    if base is None and dataset is None:
        raise ConfigError("train needs --dataset, such as --dataset sample, or --preset.", "dataset")
    given = recipe_from(recipe) | {"architecture": chosen.name}
    if dataset is not None:
        given["dataset"] = dataset
    options = options_from(chosen, settings)
    if base is None:
        return RunConfig.make(**given, options=options)
    if base.architecture == chosen.name:
        options = base.options | options
    return base.change(**given, options=options)


def _check(config: RunConfig, home: Path) -> int:
    """The network's parameters. Raises what would fail at once, so that a slip of the pen leaves no run in the store."""
    from cnnlab.datasets.reading import located
    from cnnlab.training import devices

    data = datasets.entry(config.dataset)
    model = card(config.architecture).build(config.input_shape, len(data.classes), config.options, device="meta")
    devices.resolve(config.device)
    located(data, Places(home, default_data()))
    return sum(parameter.numel() for parameter in model.parameters())


def _check_limits(store: Store, config: RunConfig, parameters: int) -> None:
    allowed = limits.load(limits.limits_file())
    owner_runs = sum(not run.owner for run in store.active())
    disk_bytes = limits.folder_bytes(store.home) if allowed.disk else 0
    allowed.check(config, parameters=parameters, owner_runs=owner_runs, disk_bytes=disk_bytes)


def _run(store: Store, config: RunConfig, title: str, display: Display) -> Run:
    from cnnlab.runs.runner import execute

    process = os.getpid()
    with _asked_to_stop() as asked:  # before there is a run: one whose process is gone without a word is resumed by the lab
        run_id = store.create(
            config,
            secrets.token_hex(8),
            title or config.title,
            State.STARTING,
            data=default_data(),
            pid=process,
            pid_started=identity(process),
        )
        with display(run_id) as show:

            def on_event(event: Event) -> None:
                show(event)
                if asked():
                    store.stop(run_id)

            execute(store, run_id, on_event)
    return store.run(run_id)


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """While this is open the first Ctrl-C is only noted, so that the run ends in order; the second one ends the process."""
    asked: list[int] = []

    def note(number: int, _frame: object) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _lines(run_id: str) -> Iterator[Callable[[Event], None]]:
    yield lambda event: print_json(events.to_dict(event) | {"run": run_id})


@contextmanager
def _bar(run_id: str) -> Iterator[Callable[[Event], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[figures]}"))
    with Progress(*columns) as bar:
        bar.console.print(f"Run {run_id}")
        task = bar.add_task("starting", total=1.0, figures="")

        def show(event: Event) -> None:
            if isinstance(event, events.Progress):
                left = f"{event.seconds_left:,.0f} s left"
                figures = f"loss {event.loss:.3f}, accuracy {event.accuracy:.1%}, {event.images_per_second:,.0f} images/s, {left}"
                bar.update(task, completed=event.share_done, description=f"epoch {event.epoch}", figures=figures)
            elif sentence := _said(event):
                bar.console.print(sentence, highlight=False, markup=False, soft_wrap=True)
            if isinstance(event, events.RunFinished):
                bar.update(task, completed=1.0, description="done", figures="")

        yield show


def _said(event: Event) -> str:
    match event:
        case events.RunStarted():
            images = f"{event.train_images:,} training and {event.test_images:,} test images"
            return f"{event.parameters:,} parameters, {images}, on {event.device_name}"
        case events.EpochDone():
            train = f"train loss {event.train_loss:.4f}, accuracy {event.train_accuracy:.1%}"
            test = f"test loss {event.test_loss:.4f}, accuracy {event.test_accuracy:.1%}"
            return f"epoch {event.epoch}: {train}; {test}; {event.seconds:.1f} s"
        case events.Notice():
            return event.message
        case events.RunFinished():
            best = f"best {event.best_test_accuracy:.1%} in epoch {event.best_epoch}"
            return f"Finished in {event.seconds:.1f} s: test accuracy {event.test_accuracy:.1%}, {best}."
        case events.RunStopped():
            return f"Stopped; whole epochs done: {event.epoch}."
    return ""
