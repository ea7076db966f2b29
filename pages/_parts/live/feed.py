"""The feed: snapshots of watched runs, refreshed once a second and served from memory.

A poll is answered before Streamlit sees the request and runs no script: a third of the processor time of a file that Streamlit
serves, a tenth of the smallest fragment.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from cnnlab.errors import CNNLabError
from cnnlab.i18n import language, using
from cnnlab.system.processes import cores
from pages._parts.live.pace import FORGET_SECONDS, Pace

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from cnnlab.lab import Lab
    from pages._parts.live.snapshot import LiveRun

REFRESH_SECONDS = 1.0
POLLS = 3.0  # intervals without a poll after which a run is refreshed no more: most pages are left before their run ends
FIRST_SECONDS = 0.3  # from a page that shows a run without a point to the next refresh, before its browser's first poll
MOST_RUNS = 64  # cached; the least recently shown is dropped first
_PATH = re.compile(r"/news/([0-9a-f]{24})\Z")  # below the app's root, wherever that is


@dataclass
class _Followed:
    run: LiveRun
    logarithmic: bool
    until: float
    polled: float


class Feed:
    """Owns the cache, the addresses and the pace of all watched runs. Safe to share between threads."""

    def __init__(self, cores: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.pace = Pace(cores, clock)
        self._clock = clock
        self._runs: dict[tuple[Lab, str, str], LiveRun] = {}  # by lab, run and language
        self._followed: dict[str, _Followed] = {}  # by token
        self._revisions = itertools.count(1)  # one count for all runs, so that no two revisions share a number
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()

    def run(self, lab: Lab, run_id: str) -> LiveRun:
        """The run as all browsers of this thread's language share it."""
        # The server imports this module before Streamlit can register the component that a snapshot's charts are drawn with.
        from pages._parts.live.snapshot import LiveRun  # noqa: PLC0415

        with self._lock:
            key = lab, run_id, language()
            run = self._runs.pop(key, None) or LiveRun(lab, run_id, self.pace, self._revisions)
            self._runs[key] = run
            while len(self._runs) > MOST_RUNS:
                del self._runs[next(iter(self._runs))]
            return run

    def follow(self, run: LiveRun, browser: str, *, logarithmic: bool) -> None:
        """Serves snapshots of `run` for the next FORGET_SECONDS, refreshed while it is polled; counts `browser` for the pace."""
        self.pace.seen(browser)
        if run.has_just_begun:
            self._hurry.set()
        with self._lock:
            now = self._clock()
            self._followed[run.tokens[logarithmic]] = _Followed(run, logarithmic, now + FORGET_SECONDS, now)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="live feed", daemon=True)
                self._thread.start()

    def answer(self, path: str) -> Response | None:
        """The response to a request for `path`, 404 for an unknown token; None where the path is none of the feed's."""
        match = _PATH.search(path)
        if not match:
            return None
        followed = self._followed.get(match[1])
        if followed is None:
            return Response(status_code=404)
        if not self._polled(followed):
            self._hurry.set()  # a tab is seen again
        followed.polled = self._clock()
        snapshot = followed.run.cached(logarithmic=followed.logarithmic)
        return snapshot.response if snapshot else Response(status_code=404)

    def _polled(self, followed: _Followed) -> bool:
        return self._clock() - followed.polled <= POLLS * self.pace.poll_every + REFRESH_SECONDS

    def refresh(self) -> bool:
        """Refreshes the snapshots of all followed runs that are polled; False when none are followed."""
        now = self._clock()
        with self._lock:
            self._followed = {token: followed for token, followed in self._followed.items() if now <= followed.until}
            kept = list(self._followed.values())
            if not kept:
                self._thread = None  # the next `follow` starts another
        for followed in filter(self._polled, kept):
            # A deleted run or a full disk: the browser falls back on the script, which shows the error.
            with suppress(CNNLabError, OSError), using(followed.run.language):
                followed.run.snapshot(logarithmic=followed.logarithmic)
        return bool(kept)

    def _work(self) -> None:
        while self.refresh():
            if self._hurry.wait(REFRESH_SECONDS):
                self._hurry.clear()
                time.sleep(FIRST_SECONDS)


class FeedMiddleware:
    """The ASGI layer around the whole app that answers requests for the feed and passes on all others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = feed.answer(scope["path"]) if scope["type"] == "http" else None
        await (response or self._app)(scope, receive, send)


feed = Feed(cores())
