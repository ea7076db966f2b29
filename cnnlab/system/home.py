"""The home folder: where it is, the names of its files, and the form of a run's id, which names a folder."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

import platformdirs

from cnnlab.errors import ConfigError, RunNotFound, SweepNotFound
from cnnlab.i18n import N_, say
from cnnlab.system import disk
from cnnlab.text import shortened

PACKAGE = Path(__file__).parents[1]


def path_variable(name: str) -> Path | None:
    """The absolute path in an environment variable, or None where it is unset or empty. Raises ConfigError."""
    text = os.environ.get(name)
    if not text:
        return None
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:  # "~" or "~user", and the system knows no home folder for that user
        user = text.partition("/")[0]
        problem = say("the system knows no home folder for {user}", user=shortened(user))
    except OSError as error:  # a relative path, and the current folder is gone
        problem = say("the current folder cannot be found ({reason})", reason=error.strerror)
    raise ConfigError(
        say(
            "{name} is {text}, but {problem}: write the full path, such as /srv/cnnlab.",
            name=name,
            text=shortened(text),
            problem=problem,
        ),
        name,
    )


def default_home() -> Path:
    """`CNNLAB_HOME`, else the user's data folder. Raises ConfigError."""
    try:
        home = path_variable("CNNLAB_HOME") or platformdirs.user_data_path("cnnlab", appauthor=False)
    except RuntimeError:
        home = Path("~")
    if not home.is_absolute():  # older platformdirs leave the "~" of a user without a home folder
        raise ConfigError(
            N_("This user has no home folder to keep the lab in: set CNNLAB_HOME to a full path, such as /srv/cnnlab."),
            "CNNLAB_HOME",
        )
    return home


def default_data() -> Path | None:
    """`CNNLAB_DATA`, the user's own folder of data sets, or None."""
    return path_variable("CNNLAB_DATA")


def store_file(home: Path) -> Path:
    return home / "lab.sqlite"


def new_run_id() -> str:
    """A random id; the store draws another one if a run has it already.

    It begins with a, b or c: spreadsheets read 12345678 and 1234e567 as numbers.
    """
    return secrets.choice("abc") + secrets.token_hex(4)[1:]


def is_run_id(text: str) -> bool:
    """True for eight hexadecimal digits, the form of `new_run_id`; whether the run exists is for the store to answer."""
    return re.fullmatch(r"[0-9a-f]{8}", text) is not None


def run_folder(home: Path, run_id: str) -> Path:
    """A run's checkpoints, predictions and log. Raises RunNotFound for any other text, so that no address becomes a path."""
    if not is_run_id(run_id):
        raise RunNotFound(say("There is no run {run}.", run=shortened(run_id)))
    return home / "runs" / run_id


def sweep_folder(home: Path, sweep_id: str) -> Path:
    """A sweep's study and log. Raises SweepNotFound for any text that is no id: ids have the form of a run's."""
    if not is_run_id(sweep_id):
        raise SweepNotFound(say("There is no sweep {name}.", name=shortened(sweep_id)))
    return home / "sweeps" / sweep_id


def compiled_folder(home: Path) -> Path:
    """PyTorch's cache of compiled networks. It holds code, so only this user can write there."""
    return private_file(home, "compiled")


def proofs_file(home: Path) -> Path:
    """Which GPUs can be used: found by one process of the lab, and read by the others."""
    return private_file(home, "devices.json")


def private_file(home: Path, name: str) -> Path:
    """A file in the folder that only this user can read: addresses and keys of the background processes."""
    return home / "private" / name


def private_folder(home: Path) -> Path:
    """That folder, created if it is missing."""
    folder = private_file(home, "x").parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write_private(path: Path, text: str) -> None:
    """Replaces a small file that only this user can read. The step is atomic: a reader sees the old text or the new one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())  # else a power cut could leave an empty file under this name
    disk.replace(fresh, path)


def code_fingerprint() -> str:
    """Changes with any source file of this package, so that a background process notices that its code is out of date."""
    return str(max((file.stat().st_mtime_ns for file in PACKAGE.rglob("*.py")), default=0))
