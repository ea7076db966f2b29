"""The command that trains a network, in this process or in the lab's queue. The run is stored, so the pages show it too."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from cnnlab import events
from cnnlab.architectures.own_code import check_not_own
from cnnlab.cli.commands import Home, Settings, print_error, print_json, print_text, readable, state_sentence
from cnnlab.cli.event_words import event_sentence
from cnnlab.cli.network import NetworkFile, with_network
from cnnlab.cli.own_file import CodeFile, OwnFile, own_file
from cnnlab.cli.recipe import config_from, with_recipe_options
from cnnlab.config import RunConfig
from cnnlab.diagnosis import Diagnosis, diagnose
from cnnlab.events import Event
from cnnlab.forecasts.admission import Admission, Admitted
from cnnlab.forecasts.forecaster import Forecaster
from cnnlab.i18n import ENGLISH, _, language, say, translated, using
from cnnlab.lab import Lab
from cnnlab.runs.records import ActiveRun, Run, State
from cnnlab.runs.store import Admit, Store
from cnnlab.system import background, gpus
from cnnlab.system.home import default_data, proofs_file
from cnnlab.system.processes import current
from cnnlab.text import duration, percent

Display = Callable[[str], AbstractContextManager[Callable[[Event], None]]]  # a run's id → a function that shows its events

Recipe = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        "--preset",
        metavar="RECIPE",
        help="A recipe to start from, such as lenet-sample; NAME and other options change it.",
        show_default=False,
    ),
]
Plain = Annotated[
    bool, typer.Option("--plain", help="Start from the plain defaults below, not from settings with which NAME is known to learn.")
]
Owner = Annotated[
    str, typer.Option(metavar="NAME", help="Whose run it is: on the pages nobody else can change it.", show_default=False)
]
Queue = Annotated[
    bool, typer.Option("--queue", help="Queue the run and return: the lab's background process trains it in its turn.")
]

ADVICE_SECONDS = 2.0  # between two looks at the figures: each reads all epochs
INTERRUPTED = 130  # the exit code that shells expect after Ctrl-C


@with_recipe_options
def train(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="An architecture, such as lenet. Not needed with --config, --recipe or --file.", show_default=False
        ),
    ] = None,
    *,
    config_file: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="A JSON configuration that the Runs page saved (- is standard input); NAME and other options change it.",
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="The images to learn from, such as sample.", show_default=False)] = None,
    recipe: Recipe = None,
    network: NetworkFile = None,
    file: CodeFile = None,
    plain: Plain = False,
    settings: Settings = [],  # noqa: B006  Typer reads it, nothing changes it
    title: Annotated[str, typer.Option("--name", help="The run's name.", show_default=False)] = "",
    owner: Owner = "",
    queue: Queue = False,
    as_json: Annotated[bool, typer.Option("--json", help='Print each event as one line of JSON, with "event" and "run".')] = False,
    home: Home,
    **fields: Any,
) -> None:
    """Train a network and store the run. Ctrl-C stops it after the batch; checkpoints of finished epochs are kept."""
    os.environ.setdefault(gpus.PROOFS, str(proofs_file(home)))
    with own_file(file, home, beside=bool(name or network)) as own:
        name, settings = own.settings(settings) if own else with_network(name, settings, network)
        if own and fields["initialization"] is None:
            fields["initialization"] = "pytorch"  # the weights that the class itself draws
        config, source = config_from(
            name, file=config_file, recipe=recipe, plain=plain, dataset=dataset, settings=settings, fields=fields
        )
        if own is None:
            check_not_own(config.architecture)
        if own or not queue:
            _check(config, home)
        if source:
            source = say("{source} --plain starts from the plain defaults.", source=source)
        title, owner = readable(title), readable(owner).strip()
        if queue:
            _queue(config, title, owner, home, own, source=source, as_json=as_json)
            return
        with closing(Store(home)) as store:
            display = _lines if as_json else partial(_bar, store, source)
            run = _run(store, config, (title, owner), _keeping(own, _admitted(store, config, owner)), display)
    # Back in the queue: the disk is full, or the minutes are used up. Interrupted: a node elsewhere is lost. The lab goes on then.
    if run.state in (State.FAILED, State.QUEUED, State.INTERRUPTED):
        print_error(translated(run.message))
        raise typer.Exit(2)
    if run.state is not State.FINISHED:
        raise typer.Exit(INTERRUPTED)


def _queue(config: RunConfig, title: str, owner: str, home: Path, own: OwnFile | None, *, source: str, as_json: bool) -> None:
    """Queues a run as the pages do. Needs no torch in this process, so that many such calls cost little; own code does."""
    if own:  # it has been checked here, as no other process may be asked to run it for a new run
        with closing(Store(home)) as store:
            admit = _keeping(own, _admitted(store, config, owner, waits=True))
            run = store.run(_created(store, config, (title, owner), admit, State.QUEUED))
            background.ensure(home)
    else:
        with closing(Lab(home, data=default_data())) as lab:
            run = lab.run(lab.start(config, token=secrets.token_hex(8), name=title, owner=owner))
    if as_json:
        print_json({"run": run.id, "state": run.state, "position": run.position})
    else:
        print_text("\n".join(filter(None, (translated(source), state_sentence(run)))))


def _check(config: RunConfig, home: Path) -> None:
    """Raises what would fail at once, so that a typing error leaves neither a run nor a store."""
    from cnnlab.compute import answers
    from cnnlab.layers.trace import layer_table

    answers.check_run(home, config, default_data())
    layer_table(config.architecture, config.input_shape, config.classes, config.options)


def _admitted(store: Store, config: RunConfig, owner: str, *, waits: bool = False) -> Admitted:
    """Applies the lab's limits without the helper, as torch is in this process. Times count if they have been measured before."""
    from cnnlab.compute import speeds
    from cnnlab.layers.trace import layer_table

    speed_of = partial(speeds.device_speed, store.home)
    allowed = Admission(Forecaster(speed_of, layer_table, store, at_once=True), store).new(config, owner)
    return allowed if waits else replace(allowed, limits=allowed.limits.model_copy(update={"queue": None}))


def _keeping(own: OwnFile | None, allowed: Admitted) -> Admit:
    """What admits the run, and keeps its code in the same transaction: a run deleted meanwhile may have taken the file along."""

    def admit(owner: str, others: Sequence[ActiveRun]) -> None:
        allowed.admit(owner, others)
        if own:
            own.keep()

    return admit


def _run(store: Store, config: RunConfig, named: tuple[str, str], admit: Admit, display: Display) -> Run:
    from cnnlab.workers.runner import execute

    reader = language()
    with _asked_to_stop() as asked:  # first: the lab would resume a run whose process vanished
        run_id = _created(store, config, named, admit, State.STARTING)
        with display(run_id) as show:

            def on_event(event: Event) -> None:
                with using(reader):
                    show(event)
                if asked():
                    store.stop(run_id)

            with using(ENGLISH):  # what is stored is read in every language
                execute(store, run_id, on_event)
    return store.run(run_id)


def _created(store: Store, config: RunConfig, named: tuple[str, str], admit: Admit, state: State) -> str:
    title, owner = named
    return store.create(
        config,
        secrets.token_hex(8),
        title or config.title,
        state,
        owner=owner,
        data=default_data(),
        process=current() if state is State.STARTING else None,
        admit=admit,
        own_code=True,
    )


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Within this context the first Ctrl-C only sets a flag, so that the run ends in order; the second ends the process."""
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
def _bar(store: Store, source: str, run_id: str) -> Iterator[Callable[[Event], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[figures]}"))
    with Progress(*columns) as bar:
        for line in filter(None, (translated(source), _("Run {run}").format(run=run_id))):
            bar.console.print(line, highlight=False, markup=False, soft_wrap=True)
        task = bar.add_task(_("starting"), total=1.0, figures="")
        advice = _Advice(store, run_id)

        def show(event: Event) -> None:
            if isinstance(event, events.Progress):
                bar.update(
                    task,
                    completed=event.share_done,
                    description=_("epoch {epoch}").format(epoch=event.epoch),
                    figures=_("loss {loss:.3f}, accuracy {accuracy}, {speed:,.0f} images/s, {time} left").format(
                        loss=event.loss,
                        accuracy=percent(event.accuracy),
                        speed=event.images_per_second,
                        time=duration(event.seconds_left),
                    ),
                )
            else:
                for sentence in filter(None, (event_sentence(event), advice.after(event))):
                    bar.console.print(sentence, highlight=False, markup=False, soft_wrap=True)
            if isinstance(event, events.RunFinished):
                bar.update(task, completed=1.0, description=_("done"), figures="")

        yield show


class _Advice:
    """What a run's figures mean, in the sentence of the Train page: after an epoch where something is wrong, and at the end."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store, self._run_id = store, run_id
        self._before: Diagnosis | None = None
        self._printed = ""
        self._next = 0.0

    def after(self, event: Event) -> str:
        """The sentence to print after this event; "" where there is none, or nothing new."""
        over = isinstance(event, events.RunFinished | events.RunStopped)
        if not over and (not isinstance(event, events.EpochDone) or time.monotonic() < self._next):
            return ""
        self._next = time.monotonic() + ADVICE_SECONDS
        found = diagnose(
            self._store.run(self._run_id).config,
            (*(event for _, event in self._store.events(self._run_id)), *self._store.progress(self._run_id)),
        )
        before, self._before = self._before, found
        if found is None or found.sentence == self._printed or (not over and (found.level == "good" or _alike(found, before))):
            return ""
        self._printed = found.sentence
        return translated(found.sentence)


def _alike(one: Diagnosis, other: Diagnosis | None) -> bool:
    return other is not None and (one.cause, one.level) == (other.cause, other.level)
