"""Signing in at a school: who comes in, who does not, and no answer counts that the school did not give to this browser."""

from __future__ import annotations

import socket
import sys
import time
import warnings
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from asgi import HOST, ask
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from cnnlab.access import classes, joining, school
from cnnlab.access.classes import Former
from cnnlab.access.door import Door
from cnnlab.access.roles import Role
from cnnlab.access.school import School, plain_email
from cnnlab.doctor import school as doctor
from cnnlab.errors import ConfigError
from pages._parts.gate.layer import Gate
from pages._parts.gate.settings import Settings

with warnings.catch_warnings():
    import authlib.deprecate  # noqa: F401 - it has its own warnings always shown

    warnings.simplefilter("ignore")  # the stand-in of a school uses what Authlib will drop
    from oidc_provider_mock import User, run_server_in_thread

pytestmark = [  # of the stand-in, which answers in threads of this process
    pytest.mark.filterwarnings("ignore::authlib.deprecate.AuthlibDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:get_jwt_config"),
]
VISIT = {"accept": "text/html,*/*", "sec-fetch-mode": "navigate"}
BROWSER = httpx2.Client(verify=False)
PEOPLE = {
    "ana": {"email": "Ana@School.edu", "email_verified": True, "name": "Ana Silva"},
    "ben": {"email": "ben@school.edu", "email_verified": True, "name": "Ana Silva"},
    "li": {"email": "li@school.edu", "email_verified": True, "name": "Ms Li"},
    "zoe": {"email": "zoe@elsewhere.org", "email_verified": True, "name": "Zoë"},
    "stranger": {"email": "x@elsewhere.org", "email_verified": True, "name": "Ana Silva"},
    "unverified": {"email": "c@school.edu", "email_verified": False, "name": "C"},
    "silent": {"email": "d@school.edu", "name": "D"},
    "nobody": {"email_verified": True, "name": "E"},
    "gone": {"email": "gone@school.edu", "email_verified": True, "name": "Gone"},
}


@pytest.fixture(scope="module")
def issuer():
    people = [User(sub=sub, claims=claims) for sub, claims in PEOPLE.items()]
    with run_server_in_thread(user_claims=people, require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def home(tmp_path, issuer):
    group = classes.new_class("Deep learning")
    group = group.with_member("Zoë", Role.STUDENT, email="zoe@elsewhere.org")[0]
    given = {"issuer": issuer, "client_id": "lab", "domains": ["school.edu"], "teachers": ["li@school.edu"]}
    group = classes.changed(group, school=given, former=[Former(name="Gone", email="gone@school.edu").model_dump()])
    classes.save(tmp_path, group)
    school.write_secret(tmp_path, "s3cret")
    return tmp_path


@pytest.fixture
def noted():
    return []


@pytest.fixture
def guarded(home, noted):
    return gate_of(home, lambda *words, **more: noted.append((*words, more)))


def gate_of(home, note=None):
    async def inner(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})

    return Gate(inner, Door(home, note=note), Settings())


def to_school(guarded, then=""):
    """The address at the school to which a click leads, and the cookie that waits for the answer."""
    reply = ask(guarded, "/sign-in/oidc" + (f"?{urlencode({'then': then})}" if then else ""), headers=VISIT)
    assert reply.status == 302, reply.text
    return reply.header("location"), reply.header("set-cookie").partition(";")[0]


def at_school(address, sub):
    """Where the school sends the browser of this person, after they have signed in there."""
    back = urlsplit(BROWSER.post(address, data={"sub": sub}).headers["location"])
    assert back.netloc == HOST
    return f"{back.path}?{back.query}"


def signed_in(guarded, sub, then=""):
    address, cookie = to_school(guarded, then)
    return ask(guarded, at_school(address, sub), cookie=cookie, headers=VISIT)


@pytest.mark.parametrize(
    ("sub", "person"), [("ana", ("Ana Silva", "student")), ("li", ("Ms Li", "teacher")), ("zoe", ("Zoë", "student"))]
)
def test_people_of_the_school_come_in_as_what_their_address_says(guarded, home, noted, sub, person):
    name, role = person
    page = ask(guarded, "/train?run=a1b2c3d4", headers=VISIT)
    assert "href='./sign-in/oidc?then=/train%3Frun%3Da1b2c3d4'" in page.text

    reply = signed_in(guarded, sub, then="/train?run=a1b2c3d4")

    assert (reply.status, reply.header("location")) == (303, "../../train?run=a1b2c3d4")
    cookie = next(value.partition(";")[0] for key, value in reply.headers if key == "set-cookie" and "cnnlab_school" not in value)
    assert ask(guarded, "/train", cookie=cookie).text == "inside"
    member = classes.load(home).named(name)
    assert (member.role, member.hash) == (role, "")
    assert noted == [(name, "sign in", {})]
    assert signed_in(guarded, sub).status == 303
    assert len([each for each in classes.load(home).members if each.email == member.email]) == 1, "the second time as the first"


def test_a_name_that_is_another_s_here_is_not_given_again(guarded, home):
    assert signed_in(guarded, "ana").status == signed_in(guarded, "ben").status == 303

    assert [(each.name, each.email) for each in classes.load(home).members[1:]] == [
        ("Ana Silva", "ana@school.edu"), ("Ana Silva (ben)", "ben@school.edu"),
    ]  # fmt: skip
    group = classes.load(home).without("Ana Silva")
    assert joining.joined(group, "x@school.edu", "ana silva", Role.STUDENT).members[-1].name == "ana silva (x)", (
        "nor a former one's"
    )
    assert joining.role_of(group, "ana@school.edu") == "left"
    assert group.with_member("Ana Silva", Role.STUDENT)[0].former == classes.load(home).former


@pytest.mark.parametrize(
    ("sub", "reason"),
    [
        ("stranger", "does not have your e-mail address"),
        ("unverified", "has not confirmed"),
        ("silent", "has not confirmed"),
        ("nobody", "has not confirmed"),
        ("gone", "no longer in this class"),
    ],
)
def test_others_of_the_school_stay_outside_and_are_noted(guarded, home, noted, sub, reason):
    before = classes.load(home)

    reply = signed_in(guarded, sub)

    assert reply.status == 403
    assert reason in reply.text
    assert not reply.header("set-cookie")
    assert classes.load(home) == before
    assert noted == [("", "sign in", {"refused": True, "note": plain_email(PEOPLE[sub].get("email"))})]


def test_an_unmarked_address_counts_where_the_host_trusts_the_school_and_one_marked_false_never_does(home):
    trusting = classes.changed(classes.load(home), school=classes.load(home).school.model_dump() | {"trusted": True})
    classes.save(home, trusting)

    assert signed_in(gate_of(home), "silent").status == 303
    assert signed_in(gate_of(home), "unverified").status == 403


def test_an_answer_counts_once_and_for_the_browser_that_asked(guarded, home):
    address, cookie = to_school(guarded)
    asked = parse_qs(urlsplit(address).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert {"nonce", "state", "code_challenge"} <= set(asked)
    assert asked["redirect_uri"] == [f"http://{HOST}/sign-in/oidc/callback"]
    answer = at_school(address, "ana")
    other_answer = at_school(to_school(guarded)[0], "ben")

    def refused(path, cookie):
        reply = ask(guarded, path, cookie=cookie, headers=VISIT)
        return reply.status == 403 and "begin again" in reply.text

    assert refused(answer, ""), "another browser's"
    assert refused(answer, f"cnnlab_school={Door(home.parent / 'elsewhere').sealed([{}, ''], 600)}"), "a forged cookie"
    assert refused(answer, f"cnnlab_school={Door(home).sealed([{}, ''], 600)}"), "an answer to nothing"
    assert refused(other_answer, cookie), "the answer to another question"
    assert refused(f"{answer}x", cookie), "a forged state"
    assert ask(guarded, answer, cookie=cookie).status == 303
    assert refused(answer, cookie), "a second time"
    assert ask(guarded, "/sign-in/oidc/callback?error=access_denied", cookie=cookie).status == 403
    assert ask(guarded, "/sign-in/oidc", method="POST", headers={"origin": f"http://{HOST}"}).status == 405


KEY, OTHER = RSAKey.generate_key(2048, parameters={"kid": "1"}), RSAKey.generate_key(2048, parameters={"kid": "1"})
_PUBLIC = OctKey.import_key(KEY.as_pem(private=False).hex(), {"kid": "1"})


@pytest.mark.parametrize(
    ("forged", "status"),
    [
        (({}, (KEY, "RS256")), 303),
        (({}, (OTHER, "RS256")), 403),
        (({}, (None, "none")), 403),
        (({}, (_PUBLIC, "HS256")), 403),
        (({"iss": "https://evil.example"}, (KEY, "RS256")), 403),
        (({"aud": "another-lab"}, (KEY, "RS256")), 403),
        (({"aud": "another-lab", "azp": "lab"}, (KEY, "RS256")), 403),
        (({"nonce": "another"}, (KEY, "RS256")), 403),
        (({"nonce": None}, (KEY, "RS256")), 403),
        (({"exp": 1_000}, (KEY, "RS256")), 403),
    ],
)
def test_a_forged_answer_of_the_school_is_refused(home, forged, status, monkeypatch, caplog):
    (changes, signed), guarded = forged, gate_of(home)
    address, cookie = to_school(guarded)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    client = guarded._school._client[1]
    announced = ["RS256", "none", "HS256"]
    client.server_metadata |= {"jwks": {"keys": [KEY.as_dict(private=False)]}, "id_token_signing_alg_values_supported": announced}
    issuer = client.server_metadata["issuer"]
    claims = {"iss": issuer, "aud": "lab", "sub": "ana", "iat": int(time.time()), "exp": int(time.time()) + 60}
    claims |= PEOPLE["ana"] | {"nonce": asked["nonce"]} | changes
    text = _token({name: value for name, value in claims.items() if value is not None}, *signed)

    async def token(**_given):
        return {"access_token": "x", "token_type": "Bearer", "id_token": text}

    monkeypatch.setattr(client, "fetch_access_token", token)
    reply = ask(guarded, f"/sign-in/oidc/callback?{urlencode({'code': 'x', 'state': asked['state']})}", cookie=cookie)

    assert reply.status == status
    assert len(classes.load(home).members) == 1 + (status == 303)
    if status == 403:
        assert "could not be verified" in reply.text
        assert "Sign-in at the school" in caplog.text
        assert "s3cret" not in caplog.text


def _token(claims, key, algorithm):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # joserfc warns of what is forged here
        return jwt.encode({"alg": algorithm, "kid": "1"}, claims, key or OctKey.generate_key(), algorithms=[algorithm])


def test_what_is_missing_or_silent_is_a_sentence(home, monkeypatch, issuer):
    def begun():
        reply = ask(gate_of(home), "/sign-in/oidc", headers=VISIT)
        assert "set-cookie" not in dict(reply.headers)
        return reply.status, reply.text

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        changed_issuer(home, f"http://127.0.0.1:{unused.getsockname()[1]}")
        assert begun()[0] == 403
        assert "does not answer" in begun()[1]
    changed_issuer(home, issuer.replace("localhost", "127.0.0.1"))  # whose own name is another
    monkeypatch.setitem(sys.modules, "authlib.integrations.starlette_client", None)
    assert "pip install -r requirements-oidc.txt" in begun()[1]
    monkeypatch.undo()
    school.drop_secret(home)
    status, text = ask(gate_of(home), "/sign-in/oidc", headers=VISIT).status, begun()[1]
    assert (status, "secret" in text) == (503, True)
    assert ask(gate_of(home), "/sign-in/oidc/x").status == 401


def test_the_doctor_asks_the_school_and_names_what_is_wrong(home, issuer, monkeypatch):
    def found():
        return [(each.level, each.sentence) for each in doctor.sign_in(home)]

    assert found() == [("right", f"{issuer} answers, and its clock agrees with this machine's.")]
    with monkeypatch.context() as patch:
        patch.setattr(doctor, "_clock", lambda headers: time.time() - 300)
        ((level, sentence),) = found()
        assert (level, "this machine's clock is 5 minutes ahead of the school's" in sentence) == ("wrong", True)
        patch.setattr(doctor, "_clock", lambda headers: time.time() + 60)
        assert found()[0][0] == "look"
        patch.setattr(doctor, "find_spec", {"authlib": 1}.get)
        assert found() == [("wrong", "Its sign-in needs packages that are missing: httpx2.")]
    changed_issuer(home, f"{issuer}/realms/none")
    assert "it answers with status 404" in found()[0][1]
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        changed_issuer(home, f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert "does not answer (ConnectError" in found()[0][1]
        silent.listen()
        monkeypatch.setattr(doctor, "SECONDS", 0.2)
        ((level, sentence),) = found()
        assert (level, "does not answer (" in sentence) == ("wrong", True)
    school.drop_secret(home)
    assert [level for level, _ in found()] == ["wrong", "wrong"]
    assert "s3cret" not in str(found())
    classes.save(home, classes.load(home).model_copy(update={"school": None}))
    assert found() == []


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [
        (404, b"", "it answers with status 404"),
        (200, b"<html>", "its answer is no JSON object"),
        (200, b"[" * 100_000, "its answer is no JSON object"),
        (200, b'{"issuer": 7}', "the school calls itself 7, and"),
        (200, b'{"issuer": "https://b.org"}', "the school calls itself 'https://b.org', and the lab knows it as https://a.org"),
        (
            200,
            b'{"issuer": "https://a.org", "jwks_uri": "file:///x"}',
            "no address as authorization_endpoint, token_endpoint, jwks",
        ),
    ],
)
def test_an_answer_that_is_none_of_a_school_is_a_sentence(status, content, words):
    (finding,) = doctor.examined(School(issuer="https://a.org/", client_id="x"), doctor.Answer(status, content, None, 0.0))
    assert (finding.level, words in finding.sentence) == ("wrong", True), finding.line()


def test_the_age_of_a_kept_answer_counts_for_the_clock_and_a_wrong_date_is_none():
    date = "Thu, 01 Jan 1970 00:10:00 GMT"
    assert doctor._clock({"date": date, "age": "30"}) == 630
    for headers in ({}, {"date": "yesterday"}, {"date": date, "age": "x"}):
        assert doctor._clock(headers) is None


def changed_issuer(home, issuer):
    group = classes.load(home)
    classes.save(home, classes.changed(group, school=group.school.model_dump() | {"issuer": issuer}))


def test_without_a_school_its_addresses_are_as_any_other_to_a_stranger(home):
    classes.save(home, classes.load(home).model_copy(update={"school": None}))

    assert [ask(gate_of(home), path).status for path in ("/sign-in/oidc", "/sign-in/oidc/callback?state=x")] == [401, 401]
    assert "sign-in/oidc" not in ask(gate_of(home), "/", headers=VISIT).text


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"issuer": "http://school.edu"}, "begins with https"),
        ({"issuer": "accounts.google.com"}, "begins with https"),
        ({"issuer": "https://login.microsoftonline.com/common/v2.0"}, "every Microsoft account"),
        ({"client_id": "two words"}, "client_id"),
        ({"domains": ["edu"]}, "is no domain"),
        ({"teachers": ["Ms Li"]}, "is no e-mail address"),
    ],
)
def test_settings_that_would_let_in_the_wrong_people_are_refused(given, reason):
    with pytest.raises(ConfigError, match=reason):
        classes.new_class("7b", school={"issuer": "https://school.edu", "client_id": "lab"} | given)


def test_addresses_that_look_the_same_are_one_and_others_none():
    assert plain_email(" Ana@School.EDU ") == "ana@school.edu"
    for text in (
        "аna@school.edu",
        "ana@school.edu\u212a",
        "ana@@school.edu",
        "ana",
        "a b@school.edu",
        "ana@school.edu\n.evil",
        None,
        7,
    ):
        assert plain_email(text) == ""
    assert School(issuer="https://a.org/", client_id="x", domains=("@School.edu",)).domains == ("school.edu",)
