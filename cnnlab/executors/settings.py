"""The places beyond this machine where runs may train, as the host's TOML file names them. Needs no torch.

    [executors.cluster]
    title = "School cluster"            # on pages; the name where it is left out
    kind = "slurm"                      # slurm, ssh or other: whom to ask about a job that waits
    launcher = "srun --partition=gpu --gres=gpu:1 --time=2:00:00"
    python = "/shared/cnnlab/.venv/bin/python"   # on the node: a Python with torch and torchvision
    program = "/shared/cnnlab"          # on the node: this program's folder
    data = "/shared/data"               # on the node: a folder of data sets; the sample needs none
    device = "auto"                     # on the node: auto, cpu, mps, cuda or cuda:0
    slots = 4                           # runs at a time, those that wait for a node included
    ask = ""                            # before squeue and scancel, as in "ssh login"

The file is `CNNLAB_EXECUTORS`, else executors.toml in the lab's folder. The host writes it; pages only read it.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cnnlab.elsewhere import AT, HERE, PLACE
from cnnlab.errors import ConfigError, DeviceError
from cnnlab.i18n import N_, say
from cnnlab.system.home import path_variable
from cnnlab.text import shortened
from cnnlab.values import Device

VARIABLE, FILE = "CNNLAB_EXECUTORS", "executors.toml"
MAXIMUM_FILE = 100_000  # bytes
MOST_SLOTS = 64
_KINDS = {"slurm": "Slurm", "ssh": "ssh", "other": ""}
_RUN = "{run}"  # in a launcher: the run's id, for engines that want a name for each job


def _plain_path(value: str) -> str:
    # ssh hands the command to a shell on the other side; a path of these characters means the same there.
    if not re.fullmatch(r"/[\w./+@-]*", value, re.ASCII):
        raise ValueError("a full path of letters, digits and . _ + @ - / is needed")
    return value


def _words(value: str) -> str:
    try:
        shlex.split(value)
    except ValueError as error:
        raise ValueError(f"its quotes do not close ({error})") from None
    return value


PlainPath = Annotated[str, AfterValidator(_plain_path)]
Command = Annotated[str, AfterValidator(_words), Field(max_length=2_000)]


class Executor(BaseModel):
    """One such place."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(pattern=f"^{PLACE}$")
    title: str = Field("", max_length=60)
    kind: Literal["slurm", "ssh", "other"] = "other"
    launcher: Command = Field(min_length=1)
    python: PlainPath = "/usr/bin/python3"
    program: PlainPath
    data: PlainPath | None = None
    device: str = Field("auto", pattern=f"^({HERE})$")
    slots: int = Field(1, ge=1, le=MOST_SLOTS)
    ask: Command = ""

    @property
    def choice(self) -> str:
        """As in a configuration: "at:cluster"."""
        return f"{AT}{self.name}"

    @property
    def words(self) -> str:
        """For people: "School cluster (Slurm)"."""
        title = self.title or self.name
        return f"{title} ({_KINDS[self.kind]})" if _KINDS[self.kind] else title

    def command(self, run_id: str, *arguments: str) -> list[str]:
        """What starts the training program for a run, with no shell between."""
        words = [word.replace(_RUN, run_id) for word in shlex.split(self.launcher)]
        if self.kind == "slurm":
            words += ["--ntasks=1", "--nodes=1", f"--job-name={job_name(run_id)}"]
        # -P: a folder on the node that has the name of one of our modules must not be taken for it.
        return [*words, "env", f"PYTHONPATH={self.program}", self.python, "-P", "-m", "cnnlab.executors.remote", *arguments]

    def asking(self, *command: str) -> list[str]:
        """A command to the engine, such as squeue, where it is to be given."""
        return [*shlex.split(self.ask), *command]


def job_name(run_id: str) -> str:
    """By which Slurm finds the job of a run."""
    return f"cnnlab-{run_id}"


def executors_file(home: Path) -> Path:
    return path_variable(VARIABLE) or home / FILE


def load(home: Path) -> dict[str, Executor]:
    """The executors by name; none where there is no file in the lab's folder. Raises ConfigError for a file that is wrong."""
    path = executors_file(home)
    try:
        with path.open("rb") as file:
            text = file.read(MAXIMUM_FILE + 1)
        if len(text) > MAXIMUM_FILE:
            raise _wrong(path, f"it is longer than {MAXIMUM_FILE:,} bytes")
        content = tomllib.loads(text.decode("utf-8-sig"))
    except FileNotFoundError as error:
        if path_variable(VARIABLE) is None:
            return {}
        raise _wrong(path, str(error.strerror)) from None
    except OSError as error:
        raise _wrong(path, str(error.strerror or error)) from None
    except ValueError as error:
        raise _wrong(path, f"it is not TOML: {shortened(error, quoted=False)}") from None
    except RecursionError:
        raise _wrong(path, "it is nested too deeply") from None
    tables = content.pop("executors", {})
    if content or not isinstance(tables, dict):
        raise _wrong(path, "it has tables [executors.NAME], and nothing else")
    return {name: _executor(path, name, table) for name, table in tables.items()}


def _executor(path: Path, name: str, table: Any) -> Executor:
    if not isinstance(table, dict):
        raise _wrong(path, f"executors.{shortened(name, quoted=False)} must be a table, not {shortened(table)}")
    try:
        return Executor(**{**table, "name": name})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0])
        if key == "name":
            reason = f"the name of an executor has up to 20 small letters, digits and -, not {shortened(name)}"
        elif first["type"] == "extra_forbidden":
            names = ", ".join(each for each in Executor.model_fields if each != "name")
            reason = f"executors.{name} has no {shortened(key)}; it may have {names}"
        elif first["type"] == "missing":
            reason = f"executors.{name} needs {key}"
        else:
            reason = f"executors.{name}: {key} is {shortened(first['input'])}; {first['msg'].removeprefix('Value error, ')}"
        raise _wrong(path, reason) from None


def find(home: Path, choice: str) -> Executor:
    """The executor of a choice such as "at:cluster". Raises DeviceError where there is none, ConfigError for a wrong file."""
    known = load(home)
    if found := known.get(choice.removeprefix(AT)):
        return found
    names = ", ".join(each.choice for each in known.values())
    if not names:
        raise DeviceError(
            say("There is no place {name}: this lab trains on its own machine alone; choose auto.", name=shortened(choice))
        )
    raise DeviceError(say("There is no place {name}; choose auto, or one of: {names}.", name=shortened(choice), names=names))


def devices(home: Path) -> tuple[Device, ...]:
    """The executors as devices of a form; one that says what is wrong where the file cannot be used."""
    try:
        return tuple(Device(each.choice, each.words) for each in load(home).values())
    except ConfigError as error:
        return (Device(AT, N_("Training elsewhere"), str(error).rstrip(".")),)


def _wrong(path: Path, reason: str) -> ConfigError:
    # Visitors see this sentence, and need not know the server's folders.
    return ConfigError(
        say("The file of executors {file} ({name}) cannot be used: {reason}.", file=path.name, name=VARIABLE, reason=reason)
    )
