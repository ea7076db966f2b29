"""The lab without a browser: `python -m cnnlab`. Lists and `--help` need no torch."""

import typer

from cnnlab.cli import teaching
from cnnlab.cli.bring import import_
from cnnlab.cli.change import delete, extend, pause, resume, stop
from cnnlab.cli.commands import Commands
from cnnlab.cli.doctor import doctor
from cnnlab.cli.export import export
from cnnlab.cli.pack import pack
from cnnlab.cli.runs import download, predict, runs
from cnnlab.cli.school import oidc
from cnnlab.cli.show import architectures, datasets, layers
from cnnlab.cli.sweep import sweep
from cnnlab.cli.sweeps import sweeps
from cnnlab.cli.train import train

__all__ = ["app"]

app = typer.Typer(
    cls=Commands,
    help="CNN Lab without a browser: inspect architectures layer by layer, train them, list their predictions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    architectures,
    datasets,
    download,
    layers,
    train,
    runs,
    predict,
    pause,
    resume,
    stop,
    extend,
    delete,
    sweep,
    sweeps,
    export,
    pack,
    doctor,
):
    app.command()(command)
app.command("import")(import_)
teaching.group.command()(oidc)
app.add_typer(teaching.group, name="class")
