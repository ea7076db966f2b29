"""docs/HOSTING.md and its files under test: commands exist, settings agree, and the backup holds what it takes to go on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from filled_home import ROOT, fill
from typer.testing import CliRunner

from cnnlab.cli import app
from cnnlab.runs.store import Store
from cnnlab.system.home import private_folder, write_private

DOCS = ROOT / "docs"
FILES = DOCS / "hosting"
TEXT = (DOCS / "HOSTING.md").read_text(encoding="utf-8")


def test_every_command_of_the_document_exists():
    pattern = r"(?:^    lab|^    .*-m cnnlab) ((?:class )?[a-z]+)(.*)$"
    commands = re.findall(pattern, TEXT, re.MULTILINE)

    names = {name for name, _ in commands}
    assert {"class new", "doctor", "runs"} <= names
    for name, rest in commands:
        answer = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
        assert answer.exit_code == 0, name
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in answer.output, f"{name} has no {option}"


def test_the_files_agree_with_each_other_and_with_the_program():
    linked = {Path(target).name for target in re.findall(r"\]\(hosting/([^)]+)\)", TEXT)}
    nginx, caddy, service, container = (
        (FILES / name).read_text(encoding="utf-8") for name in ("nginx.conf", "Caddyfile", "cnnlab.service", "Containerfile")
    )

    assert {file.name for file in FILES.iterdir()} == linked | {"nginx.conf", "Caddyfile"}
    assert all("127.0.0.1:8501" in text and "lab.example.org" in text and "200m" in text.lower() for text in (nginx, caddy))
    for header in ("Host $http_host", "Upgrade $http_upgrade", "X-Forwarded-For $remote_addr", "X-Forwarded-Proto $scheme"):
        assert f"proxy_set_header {header};" in nginx
    assert "maxUploadSize = 200 " in (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    for setting in ("KillMode=process", "--server.address 127.0.0.1", "--server.allowedHosts lab.example.org", "CNNLAB_HOME="):
        assert setting in service
    for copied in re.findall(r"^COPY (.*) \S+$", container, re.M):
        assert all((ROOT / part).exists() for part in copied.split())


RAY = """
from concurrent.futures import Future, ThreadPoolExecutor as Threads, wait as waited
from types import SimpleNamespace
ObjectRef, util = Future, SimpleNamespace(get_node_ip_address=lambda: "127.0.0.1")
init = lambda **_: None
remote = lambda **_: lambda task: SimpleNamespace(remote=lambda *given: Threads(1).submit(task, *given))
get = lambda task: task.result()
wait = lambda tasks, timeout: waited(tasks, timeout)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ray's clusters run Linux, and macOS")
@pytest.mark.parametrize(("program", "answer", "code"), [("cat", "hello", 0), ("exit 3", "", 3)])
def test_the_launcher_for_ray_is_a_pipe_to_the_task(tmp_path, program, answer, code):
    (tmp_path / "ray.py").write_text(RAY)
    command = [sys.executable, str(FILES / "ray_launcher.py"), "--gpus", "1", "sh", "-c", program]

    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(tmp_path)}, input="hello", capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip

    assert (done.stdout, done.returncode) == (answer, code), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the script is for hosts, which run Linux")
def test_a_backup_has_the_record_and_the_runs_and_no_keys(tmp_path):
    home = fill(tmp_path / "home")
    store = Store(home)
    run = store.runs()[0]
    folder = home / "runs" / run.id
    folder.mkdir(parents=True)
    (folder / "last.pt").write_bytes(b"weights")
    write_private(private_folder(home) / "cookie.key", "secret")
    command = [str(FILES / "backup.sh"), str(home), str(tmp_path / "lab.tar")]

    done = subprocess.run(command, env=os.environ | {"PYTHON": sys.executable}, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "lab.tar").stat().st_mode & 0o077 == 0
    with tarfile.open(tmp_path / "lab.tar") as archive:
        names = archive.getnames()
        archive.extractall(tmp_path / "again", filter="data")
    assert len([name for name in names if "lab.sqlite" in name]) == 1
    assert not [name for name in names if "private" in name]
    assert (tmp_path / "again" / "runs" / run.id / "last.pt").read_bytes() == b"weights"
    again = Store(tmp_path / "again")
    assert [each.id for each in again.runs()] == [each.id for each in store.runs()]
    assert again.epochs(run.id) == store.epochs(run.id) != ()
    wrong = subprocess.run([command[0], str(tmp_path / "none"), "x"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "Usage" in wrong.stderr
