"""Files that browsers fetch by themselves, made anew once a second for all of them while one shows them.

Streamlit serves them as files of a component, without a script run: a fifth of the processor time of the smallest fragment.
Their names cannot be guessed; what is in them is what the script has sent to the same browser.
"""

from __future__ import annotations

import atexit
import gzip
import hmac
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from streamlit.components import v1

from cnnlab.errors import CNNLabError

SECONDS = 1.0
FORGET = 150.0  # seconds after which a file is taken away that no page has shown again
_LEVEL = 5  # of gzip: 20 kB become 5, in half a millisecond


@dataclass
class _File:
    path: Path
    make: Callable[[], bytes]
    asked: float = 0.0
    written: bytes = field(default=b"", repr=False)


class Feed:
    """The files in one folder. Safe to share between threads."""

    def __init__(self, folder: Path, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._address = address
        self._clock = clock
        self._secret = secrets.token_bytes()
        self._files: dict[str, _File] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def address(self, key: str) -> str:
        """Where what is kept under `key` can be fetched, from the app's root, compressed by gzip."""
        return f"{self._address}/{self._name(key)}"

    def keep(self, key: str, make: Callable[[], bytes]) -> None:
        """Has what `make` returns under that address from within a second on; asked for again, it stays."""
        with self._lock:
            file = self._files.setdefault(key, _File(self._folder / self._name(key), make))
            file.asked = self._clock()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="live feed", daemon=True)
                self._thread.start()

    def _name(self, key: str) -> str:
        return hmac.new(self._secret, key.encode(), "sha256").hexdigest()[:24] + ".json.gz"

    def turn(self) -> bool:
        """Makes each file once; False when there are none left."""
        now = self._clock()
        with self._lock:
            for key in [key for key, file in self._files.items() if now - file.asked > FORGET]:
                self._files.pop(key).path.unlink(missing_ok=True)
            files = list(self._files.values())
            if not files:
                self._thread = None  # whoever asks next starts another
        for file in files:
            # A run that was deleted, a full disk: the page asks the script then, which can say so.
            with suppress(CNNLabError, OSError):
                _write(file)
        return bool(files)

    def _work(self) -> None:
        while self.turn():
            time.sleep(SECONDS)


def _write(file: _File) -> None:
    data = file.make()
    if data == file.written:
        return
    # Never half of one: a browser may fetch it right now.
    beside = file.path.with_suffix(".new")
    beside.write_bytes(gzip.compress(data, _LEVEL))
    beside.replace(file.path)
    file.written = data


_FOLDER = Path(tempfile.mkdtemp(prefix="cnnlab-live-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_COMPONENT = v1.declare_component("live", path=_FOLDER)

shared = Feed(_FOLDER, f"component/{_COMPONENT.name}")
