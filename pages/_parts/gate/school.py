"""Signing in at a school, by OpenID Connect: the way there, and the answer that comes back, which Authlib verifies.

What is between the two stands in a cookie that only this lab can make, so that strangers cannot fill its memory.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import Scope

from cnnlab.access.door import Door
from cnnlab.access.school import CALLBACK, School
from cnnlab.errors import CNNLabError, InstallationError, NotAllowed
from cnnlab.i18n import say

BEGIN = "/sign-in/oidc"
COOKIE = "cnnlab_school"
SECONDS = 600  # to sign in at the school
LONGEST_THEN = 1_000  # characters of the address that was asked for; the cookie has room for 4,096
MOST_USED = 10_000
_TIMEOUT = 10.0  # seconds for each answer of the school
_NAME = "school"  # in Authlib
# Signatures that only the school can make. Some schools also announce "none".
_SIGNED = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
_log = logging.getLogger("cnnlab.gate")

__all__ = ["BEGIN", "CALLBACK", "COOKIE", "SchoolSignIn"]


class SchoolSignIn:
    """Of one lab. What the school publishes of itself is fetched once."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._client: tuple[tuple[School, str], Any] | None = None
        self._used: dict[str, None] = {}  # states that came back, the oldest first

    async def begin(self, scope: Scope, school: School, callback: str, *, secure: bool) -> RedirectResponse:
        """Sends a person to the school, which sends them back to `callback`. Raises NotAllowed, InstallationError, StoreError."""
        request = Request({**scope, "session": {}})
        then = request.query_params.get("then", "")
        try:
            client = await self._ready(school)
            # On a shared computer the school asks who it is, in place of taking the one before.
            away = await client.authorize_redirect(request, callback, prompt="select_account")
        except Exception as error:
            raise _problem(error) from error
        kept = [request.session, then if len(then) <= LONGEST_THEN else ""]
        away.set_cookie(COOKIE, self._door.sealed(kept, SECONDS), SECONDS, httponly=True, samesite="lax", secure=secure)
        away.headers["cache-control"] = "no-store"
        return away

    async def answer(self, scope: Scope, school: School, cookie: str | None) -> tuple[dict[str, Any], str]:
        """What the school says of a person, verified, and the address that was asked for at first.

        Raises NotAllowed where anything is wrong with it, InstallationError, StoreError.
        """
        kept = self._door.unsealed(cookie)
        state = Request(scope).query_params.get("state", "")
        if kept is None or f"_state_{_NAME}_{state}" not in kept[0] or state in self._used:
            raise NotAllowed(say("This sign-in took more than ten minutes, or was used already: begin again."))
        self._used[state] = None
        while len(self._used) > MOST_USED:
            del self._used[next(iter(self._used))]
        request = Request({**scope, "session": kept[0]})
        try:
            client = await self._ready(school)
            issuer = client.server_metadata["issuer"]
            wanted = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": school.client_id}}
            token = await client.authorize_access_token(request, claims_options=wanted)
            claims = dict(token["userinfo"])
            if "email" not in claims and "userinfo_endpoint" in client.server_metadata:
                more = await client.userinfo(token=token)
                claims |= more if more.get("sub") == claims["sub"] else {}
        except Exception as error:
            raise _problem(error) from error
        return claims, kept[1]

    async def _ready(self, school: School) -> Any:
        """Authlib's client, once the school has named its addresses."""
        secret = self._door.school_secret()
        if self._client is None or self._client[0] != (school, secret):
            self._client = (school, secret), _client(school, secret)
        client = self._client[1]
        known = await client.load_server_metadata()
        if not school.is_named(known.get("issuer")):
            self._client = None
            raise ValueError(f"its issuer is {str(known.get('issuer'))[:200]!r}")
        signed = [each for each in known.get("id_token_signing_alg_values_supported") or () if each in _SIGNED]
        known["id_token_signing_alg_values_supported"] = signed or ["RS256"]
        return client


def _client(school: School, secret: str) -> Any:
    try:
        oauth = import_module("authlib.integrations.starlette_client").OAuth()
    except ModuleNotFoundError as error:
        text = say("The sign-in of your school needs packages that are missing: `pip install -r requirements-oidc.txt`.")
        raise InstallationError(text) from error
    return oauth.register(
        _NAME,
        server_metadata_url=school.metadata,
        client_id=school.client_id,
        client_secret=secret,
        client_kwargs={
            "scope": "openid email profile",
            "code_challenge_method": "S256",
            "timeout": _TIMEOUT,
            "verify": import_module("httpx2").create_ssl_context(),  # once, because reading all certificates takes 50 ms
        },
    )


def _problem(error: Exception) -> CNNLabError:
    """The error as a person reads it, whatever was wrong with an answer from elsewhere; the log says what."""
    if isinstance(error, CNNLabError):
        return error
    _log.warning("Sign-in at the school: %s: %r", type(error).__name__, str(error)[:300])
    if type(error).__module__.startswith(("httpx", "httpcore")):
        return NotAllowed(say("Your school's sign-in does not answer: try again in a few minutes."))
    return NotAllowed(
        say("Your school's answer could not be verified, so you are not signed in: begin again, or ask your teacher.")
    )
