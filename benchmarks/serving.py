"""Starts the app with a real `streamlit run` in a fresh home, for benchmarks, and measures its processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import numpy as np
import psutil

from benchmarks.results_page import ROOT
from cnnlab.datasets.idx import write_idx
from cnnlab.system import background

PATIENCE = 60.0  # seconds for a server to answer
MOST_LOGGED = 4_000  # characters of a server's log that are printed after an error


@dataclass(frozen=True)
class Server:
    address: str  # http://localhost:<port>
    home: Path
    process: psutil.Process  # the web process

    def background(self) -> list[psutil.Process]:
        """Dispatcher, compute and runners."""
        try:
            dispatcher = psutil.Process(background.known(self.home)[0])
            return [dispatcher, *dispatcher.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def processor_seconds(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return spent.user + spent.system


@contextmanager
def serving(home: Path, data: Path | None = None) -> Iterator[Server]:
    """The app with `home` as its home, once it listens; leaves no process behind. Raises RuntimeError if it does not start."""
    with starting(home, data) as server:
        wait_until_healthy(server)
        yield server


@contextmanager
def starting(home: Path, data: Path | None = None) -> Iterator[Server]:
    """As `serving`, but does not wait until the server listens."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CNNLAB_")}
    environment |= {"CNNLAB_HOME": str(home)} | ({"CNNLAB_DATA": str(data)} if data else {})
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.headless", "true"]
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f"server-{port}.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield Server(f"http://localhost:{port}", home, psutil.Process(process.pid))
        except BaseException:  # a client learns from the server only that a page failed
            sys.stderr.write(Path(log.name).read_text(encoding="utf-8")[-MOST_LOGGED:])
            raise
        finally:
            process.terminate()
            process.wait(20)
            background.shut_down(home)  # detached, so it does not end with the server


def wait_until_healthy(server: Server) -> None:
    """Polls the server until it answers, often enough to time a start. Raises RuntimeError if it does not answer."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.process.is_running() and server.process.status() != psutil.STATUS_ZOMBIE:
        try:
            with urllib.request.urlopen(f"{server.address}/_stcore/health", timeout=2) as reply:  # noqa: S310  # http://localhost
                if reply.status == 200:
                    return
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.UNAUTHORIZED:  # the gate of a class answers, once the server listens
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)  # not listening yet
    raise RuntimeError(f"{server.address} did not answer within {PATIENCE:g} s.")


def made_up_fashion(folder: Path) -> Path:
    """Writes random images in Fashion-MNIST's format, whose content changes no time. Returns `folder`.

    One fewer than Fashion-MNIST has: as many with other labels would be refused as another data set.
    """
    generator = np.random.default_rng(0)
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for prefix, count in (("train", 59_999), ("t10k", 9_999)):
        write_idx(raw / f"{prefix}-images-idx3-ubyte", generator.integers(0, 256, (count, 28, 28), dtype=np.uint8))
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", generator.integers(0, 10, count, dtype=np.uint8))
    return folder
