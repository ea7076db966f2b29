"""Fills the folder of a pack."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cnnlab import datasets
from cnnlab.datasets.location import Location
from cnnlab.datasets.places import Places
from cnnlab.errors import ConfigError, DataError, InstallationError
from cnnlab.i18n import ENGLISH, N_, say, using
from cnnlab.system.disk import sha256_of
from cnnlab.text import size_text

ROOT = Path(__file__).parents[2]
STICK = Path(__file__).with_name("stick")
PROGRAM = ("app.py", "pages", "cnnlab", ".streamlit", "requirements.txt", "README.md", "LICENSE", "CHANGELOG.md", "docs")
MANIFEST = "pack.json"
ANSWERS_WITHIN = 15.0  # seconds
BYTECODE = 1.1  # pip compiles what it installs: measured 1.05 times as much as is in the wheels
_SYSTEMS = {"linux": "Linux", "win": "Windows", "macosx": "macOS"}
_FETCHED = re.compile(r"\s*(?:Downloading|Using cached) (?:\S*/)?(\S+\.whl(?: \([^)]*\))?)")  # what pip prints of each package
CPU_INDEX = "https://download.pytorch.org/whl/cpu"  # wheels of PyTorch without CUDA: a fifteenth of the size


@dataclass(frozen=True, slots=True)
class Pack:
    """What has been written: the number of files, their size in bytes, and the data sets.

    `installed`: the bytes that a student's computer needs.
    """

    folder: Path
    files: int
    size: int
    data: tuple[str, ...]
    installed: int


def make(
    folder: Path,
    names: Sequence[str],
    places: Places,
    *,
    index: str | None = None,
    show: Callable[[str], None] = lambda _step: None,
) -> Pack:
    """Fills an empty folder, or renews a pack. `index`: where else pip looks for wheels. `show` gets what is being done.

    Raises ConfigError (a folder that holds something else), DataError (a data set that is not here), InstallationError (pip).
    """
    folder = folder.absolute()
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        raise ConfigError(say("{folder} holds other files: choose a new or an empty folder.", folder=folder), "folder")
    if ROOT in (folder, *folder.parents):
        text = N_("{folder} lies in the program's own folder: choose one outside of {program}.")
        raise ConfigError(say(text, folder=folder, program=ROOT), "folder")
    if index:
        _check_answers(index)
    copies = {name: _copy_of(name, places) for name in dict.fromkeys(names) if datasets.entry(name).folder}  # the sample is inside
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("lab", "wheels", "data"):
        shutil.rmtree(folder / old, ignore_errors=True)
    show(N_("Copying the program"))
    _copy_program(folder / "lab")
    (folder / "data").mkdir()
    for name, location in copies.items():
        show(say("Copying {title}", title=datasets.entry(name).title))
        for source in location.files:
            _copy(source, folder / "data" / name / source.relative_to(location.folder))
    show(N_("Fetching the packages for this computer"))
    _fetch_wheels(folder / "wheels", index, show)
    needed = _installed_size(folder)
    _write_stick(folder, needed)
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    files.pop(MANIFEST, None)
    sizes = {name: (path.stat().st_size, sha256_of(path)) for name, path in files.items()}
    manifest = {"python": _version(), "platform": sysconfig.get_platform(), "made": datetime.now(UTC).isoformat()}
    manifest |= {"installed": needed, "files": sizes}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=0), encoding="utf-8")
    return Pack(folder, len(sizes), sum(size for size, _ in sizes.values()), tuple(copies), needed)


def _copy_of(name: str, places: Places) -> Location:
    """Where a data set is. Raises DataError with the sentence of the Data page, ConfigError for an unknown name."""
    entry = datasets.entry(name)
    if entry.format == "own":
        text = N_("{title} is a user's own data set: a pack takes those of the catalogue alone.")
        raise ConfigError(say(text, title=entry.title), "data")
    search = places.search(entry)
    if search.location is None:
        raise DataError(search.why_not())
    return search.location


def _copy_program(target: Path) -> None:
    for name in PROGRAM:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        elif source.exists():
            _copy(source, target / name)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():  # the pictures of a class
        shutil.copytree(source, target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _check_answers(index: str) -> None:
    """Raises InstallationError where an index cannot be reached: pip would try again for each package, for minutes each time."""
    try:
        with urllib.request.urlopen(f"{index.rstrip('/')}/", timeout=ANSWERS_WITHIN):  # noqa: S310 - the user's own option, or ours
            pass
    except urllib.error.HTTPError:
        pass  # it answers; pip knows better what to ask for
    except (OSError, ValueError) as error:
        text = N_(
            "{index} does not answer ({reason}). Look at the network, name a mirror with --index, or use pip's own with --gpu."
        )
        raise InstallationError(say(text, index=index, reason=getattr(error, "reason", error))) from error


def _fetch_wheels(target: Path, index: str | None, show: Callable[[str], None]) -> None:
    """All packages and what they need, as wheels for this Python. Raises InstallationError."""
    target.mkdir()
    more = ["--extra-index-url", index] if index else []
    wanted = ["-r", str(ROOT / "requirements.txt")]
    command = [sys.executable, "-m", "pip", "download", "--progress-bar", "off", "--only-binary", ":all:"]
    command += ["--dest", str(target), *more, *wanted]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:  # noqa: S603  ours
        for line in pip.stdout or ():
            lines.append(line.strip())
            if found := _FETCHED.match(line):
                show(say("Fetching {package}", package=found[1]))
    if pip.returncode:
        reasons = [line for line in lines if line.startswith("ERROR")] or lines or ["no reason"]
        text = N_("pip could not fetch the packages ({reason}). Look at the network.")
        raise InstallationError(say(text, reason=reasons[-1].removeprefix("ERROR: ")[:300].rstrip(".")))


def _installed_size(folder: Path) -> int:
    """The bytes that an installation takes: the packages unpacked, and program and data beside them."""
    packages = sum(each.file_size for path in (folder / "wheels").glob("*.whl") for each in zipfile.ZipFile(path).infolist())
    copied = sum(path.stat().st_size for part in ("lab", "data") for path in (folder / part).rglob("*") if path.is_file())
    return round(packages * BYTECODE) + copied


def _write_stick(folder: Path, needed: int) -> None:
    major, minor = sys.version_info[:2]
    words = {"VERSION_WHOLE": f"{major}.{minor}", "VERSION": str(minor), "PLATFORM": _platform()}
    with using(ENGLISH):
        words["NEEDED"] = size_text(needed)
    for source in sorted(STICK.iterdir()):
        text = source.read_text(encoding="utf-8")
        for word, value in words.items() if source.suffix != ".py" else ():
            text = text.replace(word, value)
        line_end = "\r\n" if source.suffix in (".bat", ".txt") else "\n"
        (folder / source.name).write_text(text, encoding="utf-8", newline=line_end)


def _version() -> str:
    return "{}.{}".format(*sys.version_info)


def _platform() -> str:
    """What the wheels are for: "Linux (x86_64)", "Windows (amd64)", "macOS (arm64)"."""
    system, *_rest, processor = sysconfig.get_platform().split("-")
    return f"{_SYSTEMS.get(system, system)} ({processor})"


def summary(pack: Pack) -> str:
    """What was made, and what to do with it."""
    text = N_("{folder} holds CNN Lab and its packages: {count:,} files, {size}.")
    if pack.data:
        text = N_("{folder} holds CNN Lab, its packages and data ({data}): {count:,} files, {size}.")
    data = ", ".join(datasets.entry(name).title for name in pack.data)
    return " ".join((
        say(text, folder=pack.folder, data=data, count=pack.files, size=size_text(pack.size)),
        say(
            "Each student's computer needs {platform}, Python {version} and {size} of free room.",
            platform=_platform(), version=_version(), size=size_text(pack.installed),
        ),
        N_("Copy the folder to a stick; students run start.bat or start.sh in it."),
    ))  # fmt: skip
