"""What browsers fetch by themselves, made anew once a second for all of them while one shows it.

It is answered before Streamlit sees the request, and no script runs: a third of the processor time of a file that Streamlit serves,
a tenth of the smallest fragment. The addresses cannot be guessed; what they give is what the script has sent to the same browser.
"""

from __future__ import annotations

import gzip
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.responses import Response

from cnnlab.errors import CNNLabError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

SECONDS = 1.0
FORGET = 150.0  # seconds after which nothing more is made of what no page has shown again
_LEVEL = 5  # of gzip: 20 kB become 5, in half a millisecond
_ADDRESS = re.compile(r"/news/([0-9a-f]{24})\Z")  # below the app's root, wherever that is


@dataclass
class _News:
    make: Callable[[], bytes]
    asked: float = 0.0
    made: bytes = field(default=b"", repr=False)
    answer: Response | None = None


class Feed:
    """Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes()
        self._news: dict[str, _News] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def address(self, key: str) -> str:
        """Where what is kept under `key` can be fetched, from the app's root."""
        return f"news/{self._name(key)}"

    def keep(self, key: str, make: Callable[[], bytes]) -> None:
        """Has what `make` returns, JSON, under that address from within a second on; asked for again, it stays."""
        with self._lock:
            news = self._news.setdefault(self._name(key), _News(make))
            news.asked = self._clock()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="live feed", daemon=True)
                self._thread.start()

    def answer(self, address: str) -> Response | None:
        """To a request for `address`, the whole path of it; None where it is none of this feed's form."""
        found = _ADDRESS.search(address)
        if not found:
            return None
        news = self._news.get(found[1])
        return (news and news.answer) or Response(status_code=404)

    def _name(self, key: str) -> str:
        return hmac.new(self._secret, key.encode(), "sha256").hexdigest()[:24]

    def turn(self) -> bool:
        """Makes all news once; False when there are none left."""
        now = self._clock()
        with self._lock:
            self._news = {name: news for name, news in self._news.items() if now - news.asked <= FORGET}
            kept = list(self._news.values())
            if not kept:
                self._thread = None  # whoever asks next starts another
        for news in kept:
            # A run that was deleted: the page asks the script then, which can say so.
            with suppress(CNNLabError, OSError):
                _make(news)
        return bool(kept)

    def _work(self) -> None:
        while self.turn():
            time.sleep(SECONDS)


def _make(news: _News) -> None:
    data = news.make()
    if data != news.made:
        headers = {"content-encoding": "gzip", "cache-control": "no-store"}
        news.made, news.answer = data, Response(gzip.compress(data, _LEVEL), media_type="application/json", headers=headers)


class Answering:
    """Around the whole app, as ASGI has it: answers for the feed, and leaves the rest to Streamlit."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = shared.answer(scope["path"]) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)


shared = Feed()
