"""The gate around the real app: nothing of it is answered to a stranger, and what passes carries the verified person."""

from __future__ import annotations

import json
import os
import re
import runpy
from urllib.parse import unquote

import pytest
from argon2 import PasswordHasher
from asgi import HOST, ask
from page_fakes import ROOT
from streamlit import config
from streamlit.runtime import Runtime
from waiting import wait_for

from benchmarks.visitor import run as run_visits
from cnnlab.access import classes, codes, door
from cnnlab.access.door import HEADER, USER_KEY, Door
from cnnlab.access.lockout import FREE_FOR_A_PERSON
from cnnlab.access.roles import Role
from cnnlab.access.sessions import Sessions
from cnnlab.access.starting import WAIVED, start_problem
from cnnlab.runs.store import Store
from cnnlab.runs.store_log import Log
from cnnlab.system.home import store_file
from cnnlab.teaching import presence
from cnnlab.teaching.noting import noting
from pages._parts.gate import layer
from pages._parts.gate.layer import Gate
from pages._parts.gate.settings import Settings
from pages._parts.gate.start import gate

VISIT = {"accept": "text/html,*/*", "sec-fetch-mode": "navigate"}
FORM = {"origin": f"http://{HOST}"}


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    monkeypatch.setattr(codes, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """What starting a server sets for its process is as before afterwards."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "")
    headers, runtime = config.get_option("server.trustedUserHeaders"), Runtime._instance
    yield
    config.set_option("server.trustedUserHeaders", headers)
    Runtime._instance = runtime
    door._installed.clear()


class Inner:
    """Stands for the app behind the gate, and remembers what reached it."""

    def __init__(self):
        self.scopes = []

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})

    def persons(self):
        """What the last request said of the person, once for each header."""
        values = [value.decode() for name, value in self.scopes[-1]["headers"] if name == HEADER.encode()]
        return [json.loads(unquote(value)) for value in values]


@pytest.fixture
def home(tmp_path):
    """A lab with a class; `home.codes` has the codes by name."""
    group = classes.new_class("Deep learning")
    given = {}
    for name in ("Ana", "Zoë Müller"):
        group, given[name] = group.with_member(name, Role.STUDENT)
    group, _ = group.with_member("Ms Li", Role.TEACHER, password="correct horse")
    classes.save(tmp_path, group)
    return tmp_path, given


@pytest.fixture
def inside(home):
    """A gate around an app that shows what reaches it; with a signed cookie of Ana."""
    inner = Inner()
    guarded = Gate(inner, Door(home[0]), Settings())
    return inner, guarded, signed_in(guarded, home[1]["Ana"])


def signed_in(app, code, **given):
    """The cookie after signing in."""
    reply = ask(app, "/sign-in", method="POST", headers=FORM, form={"code": code, **given})
    assert reply.status == 303, reply.text
    return reply.header("set-cookie").partition(";")[0]


@pytest.fixture
def app(home, monkeypatch):
    """The real app of `app.py`, with all of Streamlit's routes, in a lab with a class."""
    monkeypatch.setenv("CNNLAB_HOME", str(home[0]))
    made = runpy.run_path(os.fspath(ROOT / "app.py"), run_name="app")["app"]
    return made._build_starlette_app()  # without the runtime, which no stranger may reach


def routes(app):
    """An address of every route of the app: the server's own, pages, files, uploads, components."""
    found = {re.sub(r"{[^}]*}", "x", route.path) for route in app.routes if getattr(route, "path", None)}
    pages = {f"/{file.stem}" for file in (ROOT / "pages").glob("*.py")} | {"/", "/train?run=a1b2c3d4", "/no-such-page"}
    files = ["/static/js/index.js", "/static/../app.py", "/media/0.png", "/component/a/b.js", "/_stcore/bidi-components/a/b.js"]
    others = [
        "/_stcore/health",
        "/_stcore/metrics",
        "/_stcore/stream",
        "/_stcore/upload_file/a/b",
        "/_stcore/file_upload",
        f"/news/{'0' * 24}",
        "/sign-inx",
        "/x/sign-in",
        "/sign-in/",
        "/sign-in/oidc",
        "/sign-in/oidc/callback?code=x&state=y",
        "/sign-in/../class",
        "//class",
        "/class;x",
        "/%2e%2e/class",
    ]
    assert {"/class", "/data", "/runs"} <= pages
    return sorted(found | pages | set(files) | set(others))


def test_no_route_of_the_real_app_is_answered_to_a_stranger(app, home):
    forged = Sessions(home[0].parent / "elsewhere").cookie("ab", 1e9)
    entrance = Door(home[0])
    entrance.group()
    old = Sessions(home[0], clock=lambda: 0.0).cookie(entrance.group().members[0].id, 60)
    ways = [
        {},
        {"headers": VISIT},
        {"cookie": f"{entrance.cookie_name()}={forged}"},
        {"cookie": f"{entrance.cookie_name()}={old}"},
        {"headers": {HEADER: '["Ms%20Li","teacher"]', "x-forwarded-for": "127.0.0.1", "origin": f"http://{HOST}"}},
        {"headers": {"authorization": "Basic bGk6eA==", "x-remote-user": "Ms Li"}, "peer": "203.0.113.9", "server": "192.0.2.2"},
    ]
    methods = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    asked = [(path, method, way) for path in routes(app) for method in methods for way in ways]
    foreign = {"headers": {"origin": "http://evil.example"}}
    sockets = [*ways, foreign, {"headers": {"host": "evil.example", "origin": "http://evil.example"}}]

    replies = {(path, method): ask(app, path, method=method, **way) for path, method, way in asked if path != "/sign-in"}
    opened = {
        ask(app, path, kind="websocket", **way).status for path in ("/_stcore/stream", "/", "/class", "/news/x") for way in sockets
    }
    writes = {ask(app, path, method="POST", **foreign).status for path in routes(app)}
    codes_typed = {
        ask(app, "/sign-in", method="POST", headers=FORM, form={"code": code}).status for code in ("", "k7m2-9qfw-x3hd", "x")
    }

    assert len(asked) > 500
    assert {reply.status for reply in replies.values()} == {401}
    assert not any(reply.header("set-cookie") for reply in replies.values())
    assert opened == writes == {403}
    assert codes_typed == {401}


def test_who_is_signed_in_reaches_the_real_app(app, home):
    cookie = signed_in(app, home[1]["Ana"])

    assert b"<title>Streamlit</title>" in ask(app, "/train", cookie=cookie).body
    assert ask(app, "/_stcore/host-config", cookie=cookie).status == 200
    assert ask(app, f"/news/{'0' * 24}", cookie=cookie).status == 404
    assert config.get_option("server.trustedUserHeaders") == {HEADER: USER_KEY}


def test_a_person_s_name_reaches_the_app_and_a_forged_one_is_replaced(home):
    inner = Inner()
    guarded = Gate(inner, Door(home[0]), Settings())
    cookie = signed_in(guarded, home[1]["Zoë Müller"])
    forged = {HEADER.upper(): '["Ms%20Li","teacher"]'}

    for kind in ("http", "websocket"):
        ask(guarded, "/_stcore/stream", cookie=cookie, headers=forged, kind=kind)
        assert inner.persons() == [["Zoë Müller", "student"]]


def test_a_lab_without_a_class_drops_the_header_and_passes_the_rest(tmp_path):
    inner = Inner()
    guarded = Gate(inner, Door(tmp_path), Settings())

    assert ask(guarded, "/train", headers={HEADER: '["Ms%20Li","teacher"]'}).text == "inside"

    assert inner.persons() == []
    assert ask(guarded, "/_stcore/stream", kind="websocket").status == 101
    assert not (tmp_path / "private").exists()  # nothing is written for it


def test_signing_in_leads_to_the_page_that_was_asked_for(home):
    guarded = Gate(Inner(), Door(home[0]), Settings())
    page = ask(guarded, "/train?run=a1b2c3d4&x='<b>", headers=VISIT)
    assert page.status == 401
    assert "value='/train?run=a1b2c3d4&amp;x=&#x27;&lt;b&gt;'" in page.text
    assert "action='./sign-in'" in page.text
    assert "action='../../sign-in'" in ask(guarded, "/a/b/c", headers=VISIT).text

    for then, place in (
        ("/train?run=a1b2c3d4", "./train?run=a1b2c3d4"), ("//evil.example", "./evil.example"), ("https://evil.example", "./"),
        ("/\\evil.example", "./"), ("", "./"),
    ):  # fmt: skip
        reply = ask(guarded, "/sign-in", method="POST", headers=FORM, form={"code": home[1]["Ana"], "then": then})
        assert (reply.status, reply.header("location")) == (303, place)
    cookie = reply.header("set-cookie")
    assert re.search(r"HttpOnly; Max-Age=43200; Path=/; SameSite=lax$", cookie)
    secure = {**FORM, "x-forwarded-proto": "https"}
    given = {"method": "POST", "form": {"code": home[1]["Ana"]}, "headers": secure}
    assert "; Secure" in ask(guarded, "/sign-in", **given).header("set-cookie")
    assert "; Secure" not in ask(guarded, "/sign-in", peer="203.0.113.9", **given).header("set-cookie")


def test_the_page_at_the_gate_speaks_the_browser_s_language_and_runs_its_own_script_alone(home):
    guarded = Gate(Inner(), Door(home[0]), Settings())

    english, chinese = (
        ask(guarded, "/", headers=VISIT | {"accept-language": each}) for each in ("de,en;q=0.5,zh;q=0.1", "zh-CN,zh;q=0.9,en;q=0.8")
    )
    chosen = ask(guarded, "/", headers=VISIT | {"accept-language": "en"}, cookie="cnnlab_language=zh")

    assert "Your code" in english.text
    assert "您的代码" in chinese.text
    assert "您的代码" in chosen.text
    policy = english.header("content-security-policy")
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy)[1]
    assert "default-src 'none'" in policy
    assert english.text.count(f"nonce='{nonce}'") == 2
    assert nonce not in chinese.text
    assert "Ana" not in english.text  # no names of the class


def test_wrong_codes_are_refused_and_then_wait(home):
    guarded = Gate(Inner(), Door(home[0]), Settings())
    wrong = home[1]["Ana"][:5] + "2222-2222"

    replies = [
        ask(guarded, "/sign-in", method="POST", headers=FORM, form={"code": wrong}, peer="10.0.0.7")
        for _ in range(FREE_FOR_A_PERSON + 1)
    ]

    assert [reply.status for reply in replies] == [401] * FREE_FOR_A_PERSON + [429]
    assert "wait 10" in replies[-1].text
    assert replies[-1].header("retry-after") == "10"
    assert not any(reply.header("set-cookie") for reply in replies)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"form": {}}, 401),
        ({"form": {"code": ""}}, 401),
        ({"form": {"ticket": "x", "member": "y"}}, 401),
        ({"form": {"code": "x" * 10_000}}, 413),
        ({"form": {"code": "\x00\udcff".encode("utf-8", "replace").decode()}}, 401),
        ({"form": {"password": "correct horsE"}}, 401),
        ({"form": {"password": "correct horse"}}, 303),
        ({"form": {"password": "correct horse"}, "headers": {"origin": "http://evil.example"}}, 403),
        ({"form": {"password": "correct horse"}, "headers": {"origin": "null"}}, 403),
        ({"form": {"password": "correct horse"}, "headers": {"host": "evil.example", "origin": "http://evil.example"}}, 421),
    ],
)
def test_forms_that_nobody_would_fill_in(home, given, status):
    guarded = Gate(Inner(), Door(home[0]), Settings())

    assert ask(guarded, "/sign-in", method="POST", **({"headers": FORM} | given)).status == status


def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(inside):
    _, guarded, cookie = inside
    assert ask(guarded, "/sign-out", cookie=cookie).status == 405  # a link alone signs nobody out
    assert ask(guarded, "/sign-out", method="POST", cookie=cookie, headers={"origin": "http://evil.example"}).status == 403
    assert ask(guarded, "/", cookie=cookie).text == "inside"

    reply = ask(guarded, "/sign-out", method="POST", cookie=cookie, headers=FORM)

    assert (reply.status, reply.header("location")) == (303, "sign-in")
    assert "Max-Age=0" in reply.header("set-cookie")
    assert ask(guarded, "/", cookie=cookie).status == 401


def test_hosts_and_origins_are_checked_also_for_people_of_the_class(inside):
    inner, guarded, cookie = inside
    calls = len(inner.scopes)

    foreign = ask(guarded, "/", cookie=cookie, headers={"host": "evil.example"})
    assert (foreign.status, "evil.example" in foreign.text) == (421, True)
    assert (
        ask(guarded, "/_stcore/upload_file/a/b", method="PUT", cookie=cookie, headers={"origin": "http://evil.example"}).status
        == 403
    )
    for headers in (
        {"origin": "http://evil.example"},
        {"host": "evil.example", "origin": "http://evil.example"},
        {"origin": "null"},
    ):
        assert ask(guarded, "/_stcore/stream", kind="websocket", cookie=cookie, headers=headers).status == 403
    assert len(inner.scopes) == calls


def test_every_answer_says_who_may_frame_it(inside, home):
    _, guarded, cookie = inside
    plain = ask(guarded, "/", cookie=cookie)
    assert plain.header("content-security-policy") == "frame-ancestors 'self'"
    assert (plain.header("x-frame-options"), plain.header("x-content-type-options")) == ("SAMEORIGIN", "nosniff")

    shared = ask(Gate(Inner(), Door(home[0]), Settings(frames=("https://moodle.school.org",))), "/", cookie=cookie)

    assert shared.header("content-security-policy") == "frame-ancestors 'self' https://moodle.school.org"
    assert shared.header("x-frame-options") == ""


def test_an_open_socket_ends_with_the_next_message_when_its_person_has_gone(home):
    """Both ways: what the browser sends, and what a running page would send to it."""
    entrance = Door(home[0])
    seen = []

    async def page(scope, receive, send):
        await send({"type": "websocket.accept"})
        seen.append(await receive())
        await send({"type": "websocket.send", "text": "for Ana"})
        classes.save(home[0], classes.load(home[0]).without("Ana"))
        seen.append(await receive())
        with pytest.raises(OSError, match="left the class"):
            await send({"type": "websocket.send", "text": "no more for Ana"})

    guarded = Gate(page, entrance, Settings())
    cookie = signed_in(Gate(Inner(), entrance, Settings()), home[1]["Ana"])
    sent = []

    async def receive():
        return {"type": "websocket.receive", "text": "click"}

    async def send(message):
        sent.append(message)

    headers = [(b"host", HOST.encode()), (b"cookie", cookie.encode())]
    scope = {"type": "websocket", "path": "/_stcore/stream", "headers": headers, "client": ("127.0.0.1", 1), "server": ("::1", 2)}
    run_visits(guarded(scope, receive, send))

    assert [message["type"] for message in seen] == ["websocket.receive", "websocket.disconnect"]
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]


def test_a_page_that_is_sent_is_checked_at_its_beginning_and_again_after_a_moment(home, monkeypatch):
    """Its hundred messages are one look at the file of the class."""
    entrance, clock, looks = Door(home[0]), [50.0], []
    monkeypatch.setattr(layer.time, "monotonic", lambda: clock[0])

    async def page(scope, receive, send):
        await send({"type": "websocket.accept"})
        monkeypatch.setattr(entrance, "person", lambda *asked, see=entrance.person: looks.append(clock[0]) or see(*asked))
        for clock[0] in (50.0, 50.1, 50.15, 50.21):
            await send({"type": "websocket.send", "text": "for Ana"})
        classes.save(home[0], classes.load(home[0]).without("Ana"))
        clock[0] = 50.42
        with pytest.raises(OSError, match="left the class"):
            await send({"type": "websocket.send", "text": "no more for Ana"})

    async def send(message):
        pass

    cookie = signed_in(Gate(Inner(), entrance, Settings()), home[1]["Ana"])
    headers = [(b"host", HOST.encode()), (b"cookie", cookie.encode())]
    scope = {"type": "websocket", "path": "/_stcore/stream", "headers": headers, "client": ("127.0.0.1", 1), "server": ("::1", 2)}
    run_visits(Gate(page, entrance, Settings())(scope, None, send))

    assert looks == [50.0, 50.21, 50.42]


def test_a_damaged_class_answers_nobody_with_a_sentence(inside, home):
    _, guarded, cookie = inside
    classes.file_of(home[0]).write_text("{", encoding="utf-8")

    reply = ask(guarded, "/", cookie=cookie)

    assert reply.status == 503
    assert "nobody comes in" in reply.text
    assert ask(guarded, "/_stcore/stream", kind="websocket", cookie=cookie).status == 403


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.2", "::", None, "", "lab.school.org"])  # noqa: S104
def test_a_server_that_others_reach_does_not_start_without_a_login(address, tmp_path, monkeypatch):
    sentence = start_problem(address, has_class=False, waived=False)
    assert WAIVED in sentence
    assert "class new" in sentence
    assert start_problem(address, has_class=True, waived=False) == start_problem(address, has_class=False, waived=True) == ""

    plain = config.get_option
    monkeypatch.setattr(config, "get_option", lambda key: address if key == "server.address" else plain(key))
    monkeypatch.setattr("streamlit.get_option", config.get_option)
    monkeypatch.setenv("CNNLAB_HOME", str(tmp_path))
    with pytest.raises(SystemExit, match="does not start"):
        gate()
    monkeypatch.setenv(WAIVED, "true")
    with pytest.raises(SystemExit, match="it is yes, or not set"):
        gate()
    monkeypatch.setenv(WAIVED, "yes")
    assert gate().cls is Gate


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "::1", "unix:///run/lab.sock"])
def test_a_server_for_this_machine_alone_starts_as_before(address):
    assert start_problem(address, has_class=False, waived=False) == ""


def test_a_server_that_another_program_has_opened_to_others_lets_nobody_in_without_a_class(tmp_path):
    guarded = Gate(Inner(), Door(tmp_path), Settings())

    refused = ask(guarded, "/", server="192.0.2.2", headers={"host": "192.0.2.2:8501"})

    assert refused.status == 403
    assert WAIVED in refused.text
    assert ask(guarded, "/_stcore/stream", server="192.0.2.2", kind="websocket").status == 403
    assert ask(Gate(Inner(), Door(tmp_path), Settings(waived=True)), "/", server="192.0.2.2").text == "inside"


def test_who_signs_in_and_out_is_noted_with_wrong_codes_and_who_is_here(home):
    noted, codes_of = [], home[1]
    guarded = Gate(Inner(), Door(home[0], note=lambda *words, **more: noted.append((*words, more))), Settings())
    here = presence.Presence(home[0])
    presence.install(here)
    try:
        cookie = signed_in(guarded, codes_of["Ana"])
        ask(guarded, "/sign-in", method="POST", headers=FORM, form={"code": f"{codes_of['Ana'][:-2]}22"})
        ask(guarded, "/sign-in", method="POST", headers=FORM, form={"password": "wrong horse"})
        assert here.everyone() == {}
        ask(guarded, "/train", cookie=cookie)
        assert here.everyone()["Ana"].here
        ask(guarded, "/sign-out", method="POST", headers=FORM, cookie=cookie)
    finally:
        presence._installed.clear()

    refused = {"refused": True, "note": "127.0.0.1"}
    assert noted == [
        ("Ana", "sign in", {}),
        ("", "sign in", {"whose": "Ana"} | refused),
        ("", "sign in", {"whose": ""} | refused),
        ("Ana", "sign out", {}),
    ]


def test_notes_of_the_gate_are_written_by_a_thread_into_the_lab_s_log(tmp_path):
    note = noting(tmp_path)
    note("Ana", "sign in")
    note("", "sign in", whose="Ana", refused=True, note="10.0.0.7")

    wait_for(lambda: store_file(tmp_path).exists() and len(Log(Store(tmp_path)).entries()) == 2, seconds=20)
    newest = Log(Store(tmp_path)).entries()[0]
    assert (newest.did, newest.whose, newest.refused, newest.note) == ("sign in", "Ana", True, "10.0.0.7")
