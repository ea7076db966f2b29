"""The command that tries several values of some settings, in the lab's background processes, and waits for the result."""

from __future__ import annotations

import secrets
import time
from contextlib import closing
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn

from cnnlab.cli.commands import AsJson, Home, Settings, print_error, print_json, print_text, readable
from cnnlab.cli.recipe import config_from, number_or_text, with_recipe_options
from cnnlab.cli.sweeps import ENDED, described, state_sentence, table
from cnnlab.cli.train import INTERRUPTED, Owner, Plain, Recipe
from cnnlab.cli.varying import EXAMPLES, dimension_from
from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError
from cnnlab.i18n import _, say, translated
from cnnlab.lab import Lab
from cnnlab.sweeps.values import VALIDATION_SHARE, Sweep, SweepConfig
from cnnlab.system.home import default_data
from cnnlab.text import percent

POLL_SECONDS = 0.5
BEST = 10  # rows of the table at the end

_FIELDS = SweepConfig.model_fields


def _option(*names: str, metavar: str | None = None, help: str) -> Any:
    return typer.Option(*names, metavar=metavar, help=help, show_default=False)


def _usual(field: str, value: str) -> str:
    return " ".join((_FIELDS[field].description or "", say("Default: {value}.", value=value)))


Name = Annotated[str | None, typer.Argument(metavar="NAME", help="An architecture, as for `train`.", show_default=False)]
Vary = Annotated[
    list[str],
    _option("--vary", metavar="SETTING=VALUES", help=say("A setting that varies; may be repeated: {examples}.", examples=EXAMPLES)),
]
Method = Annotated[str, _option("--method", metavar="grid|random|tpe", help=_usual("method", "tpe"))]
Runs = Annotated[str, _option("--runs", metavar="NUMBER", help=_usual("runs", "12"))]
Minutes = Annotated[str | None, _option("--minutes", metavar="NUMBER", help=_FIELDS["minutes"].description or "")]
Prune = Annotated[bool, _option("--prune", help=_FIELDS["prune"].description or "")]
File = Annotated[str | None, _option("--config", metavar="FILE", help="The settings of all runs, as for `train`.")]
Dataset = Annotated[str | None, _option(help="The images to learn from, such as sample.")]
Title = Annotated[str, _option("--name", help="The sweep's name.")]
Queue = Annotated[bool, _option("--queue", help="Begin the sweep and return: it goes on in the background.")]
Stop = Annotated[str | None, _option("--stop", metavar="SWEEP", help="Stop a sweep; runs that train finish.")]
Resume = Annotated[str | None, _option("--resume", metavar="SWEEP", help="Go on with a sweep that was stopped.")]


@with_recipe_options
def sweep(
    name: Name = None,
    *,
    vary: Vary = [],  # noqa: B006  Typer reads it, nothing changes it
    method: Method = "tpe",
    runs: Runs = "12",
    minutes: Minutes = None,
    prune: Prune = False,
    config_file: File = None,
    dataset: Dataset = None,
    recipe: Recipe = None,
    plain: Plain = False,
    settings: Settings = [],  # noqa: B006  as above
    title: Title = "",
    owner: Owner = "",
    queue: Queue = False,
    stop: Stop = None,
    resume: Resume = None,
    as_json: AsJson = False,
    home: Home,
    **fields: Any,
) -> None:
    """Try several values of some settings, and print which do best. Ctrl-C stops the sweep; --resume goes on with it.

    Unless --validation-share is given, a tenth of the training images is kept aside, so that the test images choose nothing.
    """
    begun = stop or resume
    if begun is None and not vary:
        raise ConfigError(say("sweep needs a setting that varies, such as {examples}.", examples=EXAMPLES), "dimensions")
    with closing(Lab(home, data=default_data())) as lab:
        if stop is not None:
            lab.sweeps.stop(readable(stop))
        elif resume is not None:
            lab.sweeps.resume(readable(resume))
        else:
            where = {"file": config_file, "recipe": recipe, "plain": plain, "dataset": dataset, "settings": settings}
            base, _source = config_from(name, fields=fields, command="sweep", **where)
            budget = {"runs": number_or_text(runs), "minutes": number_or_text(minutes), "prune": prune}
            config = _config(base, vary, chosen=fields.get("validation_share") is not None, method=method, **budget)
            begun = lab.sweeps.start(config, token=secrets.token_hex(8), name=readable(title), owner=readable(owner).strip())
        if stop is None and not queue:
            _wait(lab, readable(begun or ""), quiet=as_json)
        _print(lab.sweeps.get(readable(begun or "")), as_json=as_json)


def _config(base: RunConfig, vary: list[str], *, chosen: bool, **settings: Any) -> SweepConfig:
    """`chosen`: the user has given the validation share."""
    if not chosen and not base.validation_share:
        base = base.change(validation_share=VALIDATION_SHARE)
    dimensions = [dimension_from(readable(text), base) for text in vary]
    return SweepConfig.make(base=base, dimensions=dimensions, seed=base.seed, **settings)


def _wait(lab: Lab, sweep_id: str, *, quiet: bool) -> None:
    """Shows how far the sweep is until its last run has ended. Ctrl-C stops the sweep, and a second one the waiting."""
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}")
    with Progress(*columns, disable=quiet) as bar:
        bar.console.print(_("Sweep {sweep}").format(sweep=sweep_id), highlight=False)
        task = bar.add_task(_("starting"), total=1.0, figures="")
        while True:
            try:
                now = lab.sweeps.get(sweep_id)
                done, total = now.count(*ENDED), now.config.total
                runs = _("{count:,} of {total:,} runs").format(count=done, total=total)
                bar.update(task, completed=done / total, description=runs, figures=_best(now))
                if now.ended is not None:
                    return
                time.sleep(POLL_SECONDS)
            except KeyboardInterrupt:
                if lab.sweeps.get(sweep_id).state == "stopped":
                    raise typer.Exit(INTERRUPTED) from None
                lab.sweeps.stop(sweep_id)
                print_error(_("The sweep is stopped; what trains finishes. Ctrl-C again does not wait for it."))


def _best(now: Sweep) -> str:
    if now.best is None:
        return ""
    return _("best {goal} {accuracy}").format(goal=translated(now.goal), accuracy=percent(now.best.accuracy))


def _print(now: Sweep, *, as_json: bool) -> None:
    if as_json:
        print_json(described(now))
    else:
        print_text("\n\n".join(filter(None, (state_sentence(now), table(now, BEST)))))
    if now.state == "failed":
        raise typer.Exit(2)
