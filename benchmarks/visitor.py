"""A browser tab as the server sees it: Streamlit's messages over a WebSocket, without drawing anything.

Thirty Chromiums on a small machine would slow down what they measure. This client takes one or two per cent of it and sends
what a browser sends: each rerun names the page, the address, the state of each widget and the messages in its
cache; a fragment with `run_every` is rerun under the id that the server sent for it; the feed of a run in progress is polled
as pages/_parts/live/plot.js does. It follows Streamlit's own protocol (streamlit/proto), not a documented
interface, so it may break with an update of Streamlit.
"""

from __future__ import annotations

import asyncio
import gzip
import importlib.util
import json
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.fetcher import Fetcher

PATIENCE = 60.0  # seconds for an answer
LEFT_OUT = 0.3  # seconds without an answer after which the server counts as having left an automatic run out
CACHED_RUNS = 2  # Streamlit's global.maxCachedMessageAge: a browser drops a message after this many runs without use
_DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
_WIDGETS = ("selectbox", "number_input", "checkbox", "button_group", "text_input", "button")


Result = TypeVar("Result")


def run(visits: Coroutine[Any, Any, Result]) -> Result:
    """Like `asyncio.run`, but also works in a thread with a running loop, such as Playwright leaves after browser tests."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_run, visits).result()


def _run(visits: Coroutine[Any, Any, Result]) -> Result:
    # The server's own faster loop if installed: time that the tabs use here is missing to what they measure.
    factory = importlib.import_module("uvloop").new_event_loop if importlib.util.find_spec("uvloop") else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(visits)


class PageFailed(RuntimeError):
    """The page's script ended with an error, so its time means nothing."""


@dataclass(frozen=True)
class Answer:
    """The cost of one request: seconds from sending it to the message that the script has finished, and what was received."""

    seconds: float
    bytes: int
    messages: int


@dataclass
class Widget:
    kind: str
    definition: Any  # the server's description: options, bounds
    value: Any  # its value in the browser: a float, a bool or text; None for a button
    fragment: str = ""  # which its change reruns; "" for the whole page


@dataclass
class Visitor:
    """Made by `visiting`. One request at a time."""

    socket: ClientConnection
    fetcher: Fetcher
    page: str  # as in the address: "" or "train"
    query: str
    widgets: dict[str, Widget] = field(default_factory=dict)  # by id
    fragments: dict[str, float] = field(default_factory=dict)  # those that rerun automatically, and their interval (seconds)
    tables: int = 0  # in the last run of the whole page
    alerts: list[str] = field(default_factory=list)  # warnings and errors there
    live: dict[str, Any] = field(default_factory=dict)  # the progress that was drawn last; "feed" is its address
    live_fragment: str = ""  # in which it stands
    every: float = 1.0  # seconds after which the page would have the browser fetch them again
    _drew: float = 0.0
    _hash: str = ""
    _before: dict[str, Widget] = field(default_factory=dict)  # those of the previous run
    _cached: dict[str, tuple[int, ForwardMsg]] = field(default_factory=dict)  # hash → the run in which it was last used
    _runs: int = 0
    _parts: tuple[str, ...] = ()  # the fragments whose run the messages belong to; none for the whole page

    @property
    def keys(self) -> dict[str, str]:
        """The widgets' ids by the keys that the page gave them; an id ends with its key."""
        return {id_.removeprefix("$$ID-").partition("-")[2]: id_ for id_ in self.widgets}

    async def load(self) -> Answer:
        """Runs the page's whole script."""
        return await self._rerun()

    async def go(self, page: str, query: str = "") -> Answer:
        """Opens another page in this tab, as a link of the lab does."""
        self.page, self.query, self._hash = page, query, ""
        self.widgets, self.live, self.live_fragment = {}, {}, ""
        return await self._rerun()

    async def poll(self, fragment: str) -> Answer | None:
        """The browser's automatic rerun of a fragment with `run_every`; None where the server leaves it out."""
        began, runs, sizes = await self._ask(fragment, by_itself=True), self._runs, list[int]()
        try:
            async with asyncio.timeout(LEFT_OUT):
                while self._runs == runs or not self._is_of(fragment):  # those of an earlier run are no answer
                    sizes.append(len(data := await self.socket.recv()))
                    self._take(ForwardMsg.FromString(data))
        except TimeoutError:
            return None
        return await self._answer(fragment, began, sizes)

    async def look(self) -> tuple[Answer, bool]:
        """Polls the feed of the run on the page; True if the browser would request a run of its fragment."""
        began = time.perf_counter()
        status, body, size = await self.fetcher.get(self.live["feed"])
        answer = Answer(time.perf_counter() - began, size, 1)
        if status != 200:
            return answer, True
        live = _live(body)
        self.every = live["poll_every"]
        may_redraw = time.perf_counter() - self._drew > live["redraw_every"]
        page, table = (live[name] != self.live[name] for name in ("page_revision", "table_revision"))
        return answer, page or (table and may_redraw)

    def rested(self, seconds: float) -> None:
        """Leaves the last `seconds`, without a poll, out of the time since the last drawing."""
        self._drew += seconds

    async def set(self, widget: str, value: Any) -> Answer:
        """Sets the value of the widget with this id, as its control would."""
        self.widgets[widget].value = value
        return await self._rerun(self.widgets[widget].fragment)

    async def press(self, button: str) -> Answer:
        """Presses the button with this id."""
        return await self._rerun(self.widgets[button].fragment, pressed=button)

    async def _rerun(self, fragment: str = "", *, pressed: str = "") -> Answer:
        return await self._answer(fragment, await self._ask(fragment, pressed=pressed))

    async def _ask(self, fragment: str, *, pressed: str = "", by_itself: bool = False) -> float:
        """Returns the time of `perf_counter` at which the request was sent."""
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_script_hash, asked.fragment_id = self.query, self._hash, fragment
        asked.page_name = "" if self._hash else self.page
        asked.is_auto_rerun = by_itself
        asked.widget_states.widgets.extend(_state(id_, widget) for id_, widget in self.widgets.items() if widget.kind != "button")
        if pressed:
            asked.widget_states.widgets.append(WidgetState(id=pressed, trigger_value=True))
        # Before the request and not during the run, in which the server refers to all that it names.
        self._cached = {key: kept for key, kept in self._cached.items() if self._runs - kept[0] <= CACHED_RUNS}
        asked.cached_message_hashes.extend(self._cached)
        asked.context_info.timezone, asked.context_info.locale = "Europe/Zurich", "en-GB"
        began = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        return began

    async def _answer(self, fragment: str, began: float, sizes: Sequence[int] = ()) -> Answer:
        """`sizes` are those of messages of the answer that have been taken already."""
        received = [*sizes]
        async with asyncio.timeout(PATIENCE):
            while True:
                received.append(len(data := await self.socket.recv()))
                # A run that was taken for left out, and came late, is no answer to another request.
                if self._take(ForwardMsg.FromString(data)) and self._is_of(fragment):
                    return Answer(time.perf_counter() - began, sum(received), len(received))

    def _is_of(self, fragment: str) -> bool:
        """Whether the messages of now belong to a run of this fragment or of the whole page."""
        return not self._parts or fragment in self._parts

    def _take(self, message: ForwardMsg) -> bool:
        """Updates the tab's state as the browser would; True if the script has finished."""
        kind = message.WhichOneof("type")
        if kind == "script_finished":
            if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                raise PageFailed(f"The page {self.page!r} could not be compiled.")
            return message.script_finished in _DONE  # not for an early end: the rerun has its own
        if message.metadata.cacheable:
            self._cached[message.hash] = self._runs, message
        if kind == "ref_hash":
            known = self._cached[message.ref_hash][1]
            self._cached[message.ref_hash] = self._runs, known
            if known.WhichOneof("type") == "delta":
                self._draw(known)
        elif kind == "new_session":
            self._parts = tuple(message.metadata.run.fragment_ids)
            self._begin(whole=not self._parts)
            self._hash = message.new_session.page_script_hash
        elif kind == "navigation":
            self._hash = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self.fragments[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "stop_auto_rerun":
            for gone in message.stop_auto_rerun.fragment_ids:
                self.fragments.pop(gone, None)
        elif kind == "delta":
            self._draw(message)
        return False

    def _begin(self, whole: bool) -> None:
        self._runs += 1
        if whole:
            self._before, self.widgets = self.widgets, {}
            self.fragments, self.tables, self.alerts = {}, 0, []

    def _draw(self, message: ForwardMsg) -> None:
        if message.delta.WhichOneof("type") != "new_element":
            return
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "exception":
            raise PageFailed(f"The page {self.page!r} failed: {element.exception.type} {element.exception.message}")
        if kind in _WIDGETS:
            widget = getattr(element, kind)
            known = self.widgets.get(widget.id) or self._before.get(widget.id)
            # The server sends a value only when it changes it; otherwise the browser keeps its own.
            keeps = known is not None and not getattr(widget, "set_value", False)
            value = known.value if keeps else _value(kind, widget)
            self.widgets[widget.id] = Widget(kind, widget, value, message.delta.fragment_id)
        if kind == "bidi_component" and (live := json.loads(element.bidi_component.bytes or b"{}").get("live")):
            self.live, self.live_fragment, self._drew = live, message.delta.fragment_id, time.perf_counter()
        self.tables += kind == "dataframe" or (kind == "bidi_component" and "<table" in element.bidi_component.json)
        if kind == "alert":
            self.alerts.append(element.alert.body)


@lru_cache(maxsize=8)
def _live(body: bytes) -> dict[str, Any]:
    """The progress in a snapshot, without its curves. Tabs that poll in the same second get the same."""
    return dict(json.loads(gzip.decompress(body))["live"])


def _value(kind: str, widget: Any) -> Any:
    """The value of a widget as the server has just sent it."""
    if kind == "button":
        return None
    if kind == "selectbox":
        return widget.raw_value if widget.set_value else widget.options[widget.default] if widget.options else ""
    if kind == "button_group":
        return list(widget.raw_values) if widget.set_value else [widget.options[place].content for place in widget.default]
    return widget.value if widget.set_value else widget.default


def _state(id_: str, widget: Widget) -> WidgetState:
    state = WidgetState(id=id_)
    if widget.kind == "number_input":
        state.double_value = widget.value
    elif widget.kind == "checkbox":
        state.bool_value = widget.value
    elif widget.kind == "button_group":
        state.string_array_value.data.extend(widget.value)
    else:
        state.string_value = widget.value
    return state


@asynccontextmanager
async def visiting(address: str, page: str = "", query: str = "", *, cookie: str = "") -> AsyncIterator[Visitor]:
    """A tab at `address`/`page`?`query` with an open connection that has sent no request yet; `cookie` is that of the gate."""
    url = f"{address.replace('http', 'ws', 1)}/_stcore/stream"
    # A browser offers these two protocols; the second replaces a login's token. Compression is off on both sides by default.
    how: dict[str, Any] = {"compression": None, "max_size": None, "open_timeout": PATIENCE}
    how["additional_headers"] = {"Cookie": cookie} if cookie else None
    async with connect(url, subprotocols=["streamlit", "PLACEHOLDER_AUTH_TOKEN"], **how) as socket:  # type: ignore[list-item]
        fetcher = Fetcher(address, cookie)
        try:
            yield Visitor(socket, fetcher, page, query)
        finally:
            fetcher.close()
