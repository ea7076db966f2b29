"""The layer itself: each request is for this lab's own address, from its own pages, and from a person of the class, or refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from cnnlab.access.door import HEADER, Answer, Door, in_header
from cnnlab.access.hosts import client_of, host_allowed, is_loopback, is_proxy, origin_allowed
from cnnlab.access.roles import Role
from cnnlab.access.starting import HOW_TO
from cnnlab.errors import CNNLabError, InstallationError, NotAllowed
from cnnlab.i18n import translated, using
from cnnlab.teaching import presence
from cnnlab.text import shortened
from pages._parts.gate import sign_in
from pages._parts.gate.asked import Asked, values_of
from pages._parts.gate.school import BEGIN, CALLBACK, COOKIE, SchoolSignIn
from pages._parts.gate.settings import Settings
from pages._parts.gate.sign_in import Page
from pages._parts.gate.tongue import language_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"
_OWN = (SIGN_IN, SIGN_OUT, BEGIN, CALLBACK)
MOST_BYTES = 8_192  # of a form
LANGUAGE_COOKIE = "cnnlab_language"
_READS = ("GET", "HEAD", "OPTIONS")
_VERIFIERS = 2  # threads that verify codes, 50 ms each; others wait
_MOST_WAITING = 100
_CHECKED_SECONDS = 0.2  # a page is a hundred messages to a browser, and each check looks at the file of the class


class Gate:
    """Wraps an ASGI app. What passes carries the verified person in a header of its own."""

    def __init__(self, app: ASGIApp, door: Door, settings: Settings) -> None:
        self._app = app
        self._door = door
        self._settings = settings
        self._school = SchoolSignIn(door)
        self._verifiers = ThreadPoolExecutor(_VERIFIERS, thread_name_prefix="sign in")
        self._waiting = 0
        sites = " ".join(("'self'", *settings.frames))
        self._headers = [
            (b"content-security-policy", f"frame-ancestors {sites}".encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
        ]
        if not settings.frames:
            self._headers.append((b"x-frame-options", b"SAMEORIGIN"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        asked = self._asked(scope)
        if scope["type"] == "websocket":
            await self._socket(asked, receive, send)
            return
        try:
            response = self._refusal(asked)
            if response is None and (asked.person is None or asked.path.endswith(_OWN)):
                with using(asked.language):
                    response = await self._own_page(asked, receive)
                    if response is None and asked.person is None:
                        response = self._stranger(asked)
        except CNNLabError as error:  # the file of the class is damaged: nobody comes in
            response = PlainTextResponse(translated(error), 503)
        if asked.person and response is None:
            presence.active(asked.person.name)
        await (response or self._app)(self._passed(asked), receive, partial(self._send, send))

    async def _send(self, send: Send, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *self._headers]}
        await send(message)

    async def _socket(self, asked: Asked, receive: Receive, send: Send) -> None:
        """A socket is open for hours, so each message from the browser checks that its person may still be here.

        So do messages to it, at most one in _CHECKED_SECONDS.
        """
        try:
            refused = self._refusal(asked) is not None or asked.person is None
        except CNNLabError:
            refused = True
        if refused:
            await send({"type": "websocket.close", "code": 1008})  # before it was accepted: the server answers 403
            return
        closed, name = False, asked.person.name if asked.person else ""
        asks_again = 0.0  # when the next message to the browser is checked

        async def close() -> None:
            nonlocal closed
            closed = True
            await send({"type": "websocket.close", "code": 1008})

        async def checked_receive() -> Message:
            message = await receive()
            presence.active(name)
            if message["type"] == "websocket.receive" and not self._still(asked):
                if not closed:
                    await close()
                return {"type": "websocket.disconnect", "code": 1008}
            return message

        async def checked_send(message: Message) -> None:
            nonlocal asks_again
            if not closed and message["type"] == "websocket.send" and (now := time.monotonic()) >= asks_again:
                asks_again = now + _CHECKED_SECONDS
                if not self._still(asked):
                    await close()
            if closed:
                raise OSError("This person has signed out, or left the class.")  # as for a browser that has gone
            await send(message)

        with presence.open_page(name):
            await self._app(self._passed(asked), checked_receive, checked_send)

    def _asked(self, scope: Scope) -> Asked:
        headers = Headers(scope=scope)
        return Asked(scope, headers, peer=(scope.get("client") or ("",))[0] or "")

    def _refusal(self, asked: Asked) -> Response | None:
        """Why this request is answered to nobody; finds the person otherwise. Raises StoreError."""
        settings, headers = self._settings, asked.headers
        host = headers.get("host")
        if len(headers.getlist("host")) != 1 or not host_allowed(host, settings.allowed, settings.own):
            name = "".join(each for each in host or "" if each.isprintable())[:100]
            sentence = f"This lab does not answer as {shortened(name)}: if it should, start it with --server.allowedHosts NAME."
            return PlainTextResponse(sentence, 421)
        writes = asked.scope["type"] == "websocket" or asked.scope["method"] not in _READS
        if writes and settings.check_origins and not self._from_own_page(headers.get("origin"), host):
            return PlainTextResponse("This request comes from a page of another site, so it was refused.", 403)
        cookies = cookie_parser(headers.get("cookie", ""))
        group = self._door.group()
        asked.cookie = cookies.get(self._door.cookie_name())
        asked.language = language_of(cookies.get(LANGUAGE_COOKIE), headers.get("accept-language", ""))
        asked.person = self._door.person(asked.cookie, asked.peer, lambda name: values_of(asked.scope, name))
        if group is None and not settings.waived and not is_loopback((asked.scope.get("server") or ("",))[0]):
            return PlainTextResponse(f"Nobody comes in from another machine. {HOW_TO}", 403)
        return None

    def _from_own_page(self, origin: str | None, host: str | None) -> bool:
        return origin_allowed(origin, host) or origin in self._settings.origins

    def _still(self, asked: Asked) -> bool:
        try:
            person = self._door.person(asked.cookie, asked.peer, lambda name: values_of(asked.scope, name))
        except CNNLabError:
            return False
        return person is not None and asked.person is not None and (person.name, person.role) == (
            asked.person.name, asked.person.role
        )  # fmt: skip

    def _passed(self, asked: Asked) -> Scope:
        guest = asked.person is None or asked.person.role is Role.GUEST
        if guest and HEADER not in asked.headers:
            return asked.scope
        headers = [pair for pair in asked.scope["headers"] if pair[0].lower() != HEADER.encode()]
        if asked.person and not guest:
            headers.append((HEADER.encode(), in_header(asked.person)))
        return {**asked.scope, "headers": headers}

    def _stranger(self, asked: Asked) -> Response:
        if not asked.is_visit:
            return PlainTextResponse("Sign in first.", 401, {"cache-control": "no-store"})
        query = asked.scope.get("query_string", b"").decode("latin-1")
        then = asked.path.removeprefix(self._settings.base) + (f"?{query}" if query else "")
        return self._page(asked, then).code()

    def _page(self, asked: Asked, then: str = "") -> Page:
        below = asked.path.removeprefix(self._settings.base)
        up = "../" * max(0, below.count("/") - 1) or "./"
        if not below:  # "/lab" without a slash behind it
            up = f"./{self._settings.base.rpartition('/')[2]}/"
        return Page(self._door.group(), up=up, then=then)

    async def _own_page(self, asked: Asked, receive: Receive) -> Response | None:
        """The answer to a request for one of the gate's own pages; None for any other."""
        path, method = asked.path.removeprefix(self._settings.base), asked.scope["method"]
        if path not in _OWN or self._door.is_open():
            return None
        if path in (BEGIN, CALLBACK):
            return await self._at_school(asked, path)
        if path == SIGN_IN and method in ("GET", "HEAD"):
            return self._page(asked).code(status=200)
        if method != "POST":
            return PlainTextResponse("This page takes GET and POST.", 405)
        if path == SIGN_OUT:
            self._door.sign_out(asked.cookie)
            leaving = RedirectResponse("sign-in", 303)
            leaving.delete_cookie(self._door.cookie_name(), httponly=True, samesite="lax")
            return leaving
        body = bytearray()
        async for chunk in Request(asked.scope, receive).stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return PlainTextResponse("This form is too long.", 413)
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace"), max_num_fields=20).items()}
        return await self._sign_in(asked, form)

    async def _sign_in(self, asked: Asked, form: dict[str, str]) -> Response:
        page = self._page(asked, form.get("then", ""))
        if self._waiting >= _MOST_WAITING:
            return page.code(sign_in.busy(), status=503)
        if "ticket" in form:
            answer = self._door.choose(form["ticket"], form.get("member", ""))
        else:
            address = client_of(asked.peer, asked.headers.get("x-forwarded-for"), self._proxies())
            typed = form.get("password", form.get("code", ""))
            answer = await self._verified(partial(self._door.sign_in, typed, address, password="password" in form))
        if answer.ticket:
            return page.names(self._door.names(), answer.ticket)
        match answer.problem:
            case "":
                return self._welcome(asked, answer, form.get("then", ""))
            case "wait":
                response = page.code(sign_in.waiting(answer.seconds), status=429)
                response.headers["retry-after"] = str(int(answer.seconds) + 1)
                return response
            case "over":
                return page.code(sign_in.over(), status=403)
            case "closed":
                return page.code(sign_in.too_slow() if "ticket" in form else sign_in.closed())
            case _:
                return page.code(sign_in.wrong())

    async def _at_school(self, asked: Asked, path: str) -> Response | None:
        school = self._door.school()
        if school is None:
            return None
        if asked.scope["method"] != "GET":
            return PlainTextResponse("This page takes GET.", 405)
        page = self._page(asked)
        if self._waiting >= _MOST_WAITING:
            return page.code(sign_in.busy(), status=503)
        self._waiting += 1
        try:
            if path == BEGIN:
                secure = self._is_secure(asked)
                back = f"{'https' if secure else 'http'}://{asked.headers['host']}{self._settings.base}{CALLBACK}"
                return await self._school.begin(asked.scope, school, back, secure=secure)
            cookie = cookie_parser(asked.headers.get("cookie", "")).get(COOKIE)
            claims, then = await self._school.answer(asked.scope, school, cookie)
        except (NotAllowed, InstallationError) as error:
            return page.code(translated(error), status=403)
        finally:
            self._waiting -= 1
        answer = await self._verified(partial(self._door.sign_in_by_school, claims))
        if answer.problem:
            return page.code(sign_in.not_from_school(answer.problem), status=403)
        welcome = self._welcome(asked, answer, then, up="../../")
        welcome.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return welcome

    def _proxies(self) -> tuple[str, ...]:
        group = self._door.group()
        return group.proxy.addresses if group and group.proxy else ()

    def _is_secure(self, asked: Asked) -> bool:
        if asked.scope["scheme"] == "https":
            return True
        return asked.headers.get("x-forwarded-proto") == "https" and is_proxy(asked.peer, self._proxies())

    async def _verified(self, verify: Callable[[], Answer]) -> Answer:
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._verifiers, verify)
        finally:
            self._waiting -= 1

    def _welcome(self, asked: Asked, answer: Answer, then: str, *, up: str = "./") -> Response:
        # Relative, because a proxy may have cut a prefix off. What follows "./" cannot lead to another site.
        response = RedirectResponse(f"{up}{then.lstrip('/')}" if then.startswith("/") and "\\" not in then else up, 303)
        response.set_cookie(
            self._door.cookie_name(), answer.cookie, max_age=int(answer.seconds), httponly=True, samesite="lax",
            secure=self._is_secure(asked),
        )  # fmt: skip
        return response
