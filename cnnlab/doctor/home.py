"""The lab's folder: whose it is, the room in it, its record, its limits and its background process."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from cnnlab.access import classes
from cnnlab.doctor.findings import Finding, look, right, wrong
from cnnlab.errors import ConfigError, StoreError
from cnnlab.forecasts.limits import Limits
from cnnlab.forecasts.limits_file import limits_file, rules
from cnnlab.i18n import N_, _, nsay, say, together
from cnnlab.runs.records import MAY_GO_ON
from cnnlab.system import background, disk, pausing, room
from cnnlab.system.files import folder_bytes
from cnnlab.system.home import private_file, store_file
from cnnlab.text import size_text

MORE_ROOM = N_("Delete runs that are no longer needed, or move the folder to a larger disk.")
LITTLE_ROOM = 2_000_000_000  # bytes; fifty runs of a small ResNet with their checkpoints
OLDEST_SQLITE = (3, 35, 0)  # the record uses RETURNING
NETWORK_DISKS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "lustre")
_WRITE_SECONDS = 2.0  # that a write may wait for those of others


def owner(home: Path, user: int | None = None) -> list[Finding]:
    """Who can read and change the folder. `user` is the id of this process's user; None on Windows, which has other permissions."""
    above = _existing(home)
    if not os.access(above, os.W_OK | os.X_OK):
        made = f"install -d -o {_user()} -m 700 {home}" if above != home else f"chown -R {_user()} {home}"
        cure = say("As root: {command}; or set CNNLAB_HOME to another folder.", command=made)
        return [wrong("Home", say("This user cannot write in {folder}.", folder=above), cure)]
    if above != home:
        return [right("Home", say("{folder} is not there yet: the first start makes it.", folder=home))]
    if user is None:
        return [right("Home", str(home))]
    found = home.stat()
    if found.st_uid != user:
        text = N_("{folder} belongs to user {owner}, and this is user {user}.")
        sentence = say(text, folder=home, owner=found.st_uid, user=user)
        return [wrong("Home", sentence, "Run the lab, and this command, as its owner.")]
    open_to_others = N_("{path} can be read or changed by others ({mode}).")
    problems = [
        wrong("Home", say(open_to_others, path=path, mode=stat.filemode(path.stat().st_mode)), _chmod("go-rwx", path))
        for path in (private_file(home, "x").parent, classes.file_of(home))
        if path.exists() and path.stat().st_mode & 0o077
    ]
    if found.st_mode & 0o002:
        problems.append(wrong("Home", say("Every user of this machine can change {folder}.", folder=home), _chmod("o-w", home)))
    elif found.st_mode & 0o077:
        mode = stat.filemode(found.st_mode)
        sentence = say("Others can read {folder} ({mode}): names and notes are in it.", folder=home, mode=mode)
        problems.append(look("Home", sentence, _chmod("700", home)))
    return problems or [right("Home", say("{folder}, which only this user reads.", folder=home))]


def kind_of_disk(home: Path, mounts: str | None = None) -> Finding:
    """Whether SQLite's locks hold there. `mounts` is the text of /proc/mounts; "" where the system has none."""
    if mounts is None:
        try:
            mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
        except OSError:
            mounts = ""
    rows = [line.split() for line in mounts.splitlines()]
    above = [(row[1].encode().decode("unicode_escape"), row[2]) for row in rows if len(row) > 2]
    inside = [(where, kind) for where, kind in above if home.is_relative_to(where)]
    kind = max(inside, key=lambda each: len(each[0]))[1] if inside else ""
    if kind in NETWORK_DISKS:
        text = N_("{folder} is on a network disk ({kind}), whose locks the record cannot trust.")
        return wrong("Disk", say(text, folder=home, kind=kind), "Set CNNLAB_HOME to a local disk.")
    return right("Disk", say("Local ({kind}).", kind=kind) if kind else N_("Its kind is not reported here."))


def space(home: Path, data: Path | None, limits: Limits | None = None) -> list[Finding]:
    """Room in the home and in the user's data folder, and whether the limit on the disk can be kept."""
    free = disk.free(home)
    if free is None:
        return [right("Room", "This system does not report how much is free.")]
    if free < room.LEAST_FREE:
        text = N_("{size} are free for the lab's folder, and runs start from {least} on.")
        return [wrong("Room", say(text, size=size_text(free), least=size_text(room.LEAST_FREE)), MORE_ROOM)]
    sentence = say("{size} are free for the lab's folder.", size=size_text(free))
    if free < LITTLE_ROOM:
        found = [look("Room", sentence, MORE_ROOM)]
    elif limits and limits.disk is not None and (short := limits.disk - free - folder_bytes(home)) > 0:
        text = N_("{size} are free for the lab's folder, and the limit allows {limit} for it, {more} more than there is.")
        sizes = {"size": size_text(free), "limit": size_text(limits.disk), "more": size_text(short)}
        found = [look("Room", say(text, **sizes), "Lower `disk` in the file of limits.")]
    else:
        found = [right("Room", sentence)]
    if data is not None and not data.is_dir():
        cure = N_("Make it, correct CNNLAB_DATA, or leave that unset.")
        found.append(look("Data", say("There is no folder {folder} (CNNLAB_DATA).", folder=data), cure))
    elif data is not None and not os.access(data, os.R_OK | os.X_OK):
        cure = say("{command}, as its owner.", command=_chmod("-R u+rX", data))
        found.append(wrong("Data", say("This user cannot read {folder} (CNNLAB_DATA).", folder=data), cure))
    elif data is not None:
        found.append(right("Data", say("{folder}, with {size} free.", folder=data, size=size_text(disk.free(data) or 0))))
    return found


def record(home: Path, version: Sequence[int] = sqlite3.sqlite_version_info) -> Finding:
    """SQLite's version, a write beside the record, and whether the record lets itself be locked for one."""
    words = ".".join(map(str, version))
    if tuple(version) < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        sentence = say("SQLite is {version}, and the record needs {needed}.", version=words, needed=needed)
        return wrong("Record", sentence, "Install a newer Python: it brings SQLite.")
    file = store_file(home)
    try:
        with (
            tempfile.TemporaryDirectory(dir=home if home.is_dir() else None) as folder,
            closing(sqlite3.connect(Path(folder) / "try.sqlite")) as tried,
        ):
            tried.execute("PRAGMA journal_mode = WAL")
            tried.execute("CREATE TABLE t (x)")
            tried.execute("INSERT INTO t VALUES (1)")
            tried.commit()
        if file.exists():
            with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=_WRITE_SECONDS)) as known:
                known.execute("BEGIN IMMEDIATE")
                known.rollback()
    except (sqlite3.Error, OSError) as error:
        cure = N_("See what holds or hinders it (permissions, room, another program); put a backup back if it is damaged.")
        sentence = say("SQLite {version} cannot write in the lab's folder ({reason}).", version=words, reason=error)
        return wrong("Record", sentence, cure)
    sentence = say("SQLite {version} writes.", version=words)
    if file.exists():
        sentence = f"{sentence} {say('The record takes {size}.', size=size_text(file.stat().st_size))}"
    return right("Record", sentence)


def limits(home: Path) -> tuple[Finding, Limits | None]:
    """The limits of this lab: those of its file, and those that a class has without one."""
    try:
        file, found = limits_file(), rules(home)
    except (ConfigError, StoreError) as error:
        return wrong("Limits", str(error), "Correct it: until then no run starts."), None
    example = _("There is no file of limits; README, “For a shared machine”, has an example.")
    return right("Limits", together(found.in_words(), "" if file else example)), found.file


def dispatcher(home: Path) -> Finding:
    """The background process: alive, not started yet, or in trouble."""
    error = background.error_file(home)
    if background.running(home):
        if reason := background.waiting(home):
            return look("Background", say("It runs, and the queue waits. {reason}", reason=reason), _to_go_on(home))
        return right("Background", say("It runs (process {pid}).", pid=background.known(home).pid))
    if error.exists():
        reason = disk.read(error).strip()
        cure = say("{file} in the lab's folder has more.", file=background.LOG)
        return wrong("Background", say("It could not start. {reason}", reason=reason), cure)
    if not background.known(home).pid:
        return right("Background", "It has not been started yet: the first page does.")
    if left := unfinished(home):
        cure = say(
            "Open a page: that starts it again. {file} in the lab's folder says why it ended, where it knew.", file=background.LOG
        )
        waits = nsay(
            "It has ended, and {count:,} run waits for it.", "It has ended, and {count:,} runs wait for it.", left, count=left
        )
        return look("Background", waits, cure)
    return right("Background", "It has ended, as it does without work: the next page starts it again.")


def _to_go_on(home: Path) -> str:
    if pausing.paused(home):
        return N_("Let the lab go on: python -m cnnlab class resume.")
    if room.shortage(home):
        return MORE_ROOM
    return N_("It tries again by itself; if that does not help, end the other program that has lab.sqlite open.")


def unfinished(home: Path) -> int:
    """Runs that a background process would start or go on with; 0 also where the record cannot be read."""
    file = store_file(home)
    states = [str(state) for state in MAY_GO_ON]
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=_WRITE_SECONDS)) as known:
            question = f"SELECT count(*) FROM runs WHERE state IN ({', '.join('?' * len(states))})"  # noqa: S608 - question marks
            return int(known.execute(question, states).fetchone()[0])
    except sqlite3.Error:  # there is none yet, or `record` says what is wrong with it
        return 0


def newest(home: Path) -> float | None:
    """When the record was last written, in seconds since 1970; None where there is none."""
    file = store_file(home)
    times = [path.stat().st_mtime for path in (file, file.with_name(f"{file.name}-wal")) if path.exists()]
    return max(times, default=None)


def this_user() -> int | None:
    return os.getuid() if sys.platform != "win32" else None


def _chmod(mode: str, path: Path) -> str:
    return f"chmod {mode} {path}"


def _user() -> str:
    return os.environ.get("USER") or str(this_user())


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())
