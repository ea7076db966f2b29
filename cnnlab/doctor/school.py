"""A school's sign-in: are its packages and the lab's secret here, does the school name its addresses, and is its clock ours?"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cnnlab.access import classes
from cnnlab.access.school import PACKAGES, School, is_address, read_secret
from cnnlab.doctor.findings import Finding, look, right, wrong
from cnnlab.errors import CNNLabError, StoreError
from cnnlab.i18n import N_, say
from cnnlab.text import duration_text, shortened, size_text

SECONDS = 5.0  # for the whole answer
MOST_BYTES = 1_000_000
APART, TOO_FAR = 30.0, 120.0  # seconds between two clocks: worth a look, and as far as Authlib lets them be
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_NAME = "School"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the school says of itself. Times are seconds since 1970."""

    status: int
    content: bytes
    clock: float | None  # the school's when it answered; None where it does not say
    at: float  # this machine's at that moment


def sign_in(home: Path) -> list[Finding]:
    """Nothing where the class has no such sign-in; the check of the server reports a class that cannot be read."""
    group = None
    with suppress(CNNLabError):
        group = classes.load(home)
    if group is None or group.school is None:
        return []
    if missing := [name for name in PACKAGES if not find_spec(name)]:
        text = say("Its sign-in needs packages that are missing: {names}.", names=", ".join(missing))
        return [wrong(_NAME, text, "Install them: pip install -r requirements-oidc.txt.")]
    return [*_secret(home), *examined(group.school, _asked(group.school.metadata))]


def examined(school: School, answer: Answer | str) -> list[Finding]:
    """`answer` is a reason where none came."""
    if isinstance(answer, str):
        text = say("{issuer} does not answer ({reason}).", issuer=school.issuer, reason=answer)
        cure = N_(
            "Look at the address (`class oidc` shows it) and at this machine's way to it. Codes and passwords work meanwhile."
        )
        return [wrong(_NAME, text, cure)]
    if problem := _problem(school, answer):
        text = say("{address}: {problem}.", address=school.metadata, problem=problem)
        return [wrong(_NAME, text, "Give the issuer as your school names it, with `class oidc`.")]
    if answer.clock is None:
        return [right(_NAME, say("{issuer} answers; of its clock it says nothing.", issuer=school.issuer))]
    return [_clocks(school, answer.clock - answer.at)]


def _clocks(school: School, apart: float) -> Finding:
    """`apart`: seconds that the school's clock is ahead of this machine's."""
    behind = N_("this machine's clock is {time} behind the school's")
    clocks = say(
        behind if apart > 0 else N_("this machine's clock is {time} ahead of the school's"), time=duration_text(abs(apart))
    )
    words = {"issuer": school.issuer, "clocks": clocks, "most": duration_text(TOO_FAR)}
    cure = N_("Let the machine set its clock: timedatectl set-ntp true.")
    if abs(apart) > TOO_FAR:
        return wrong(_NAME, say("{issuer} answers, but {clocks}: beyond {most} nobody comes in by it.", **words), cure)
    if abs(apart) > APART:
        return look(_NAME, say("{issuer} answers; {clocks}, of {most} that may be.", **words), cure)
    return right(_NAME, say("{issuer} answers, and its clock agrees with this machine's.", issuer=school.issuer))


def _secret(home: Path) -> list[Finding]:
    try:
        read_secret(home)
    except StoreError as error:
        return [wrong(_NAME, str(error), "python -m cnnlab class oidc --client-secret-file FILE")]
    return []


def _problem(school: School, answer: Answer) -> str:
    """What is wrong with the answer, as a sentence without its full stop."""
    if answer.status != 200:
        return say("it answers with status {status}", status=answer.status)
    try:
        known = json.loads(answer.content)
    except (ValueError, RecursionError):
        known = None
    if not isinstance(known, dict):
        return N_("its answer is no JSON object")
    if not school.is_named(known.get("issuer")):
        text = N_("the school calls itself {found}, and the lab knows it as {issuer}")
        return say(text, found=shortened(known.get("issuer")), issuer=school.issuer)
    missing = [name for name in _NEEDED if not is_address(known.get(name))]
    return say("its answer has no address as {names}", names=", ".join(missing)) if missing else ""


def _asked(url: str) -> Answer | str:
    """Within SECONDS, also where an answer comes drop by drop."""
    found: list[Answer | str] = []
    asking = threading.Thread(target=lambda: found.append(_fetched(url)), daemon=True)
    asking.start()
    asking.join(SECONDS)
    return found[0] if found else say("nothing came within {seconds:.0f} s", seconds=SECONDS)


def _fetched(url: str) -> Answer | str:
    client: Any = import_module("httpx2").Client(timeout=SECONDS)  # as the gate asks: same certificates and proxies
    try:
        with client, client.stream("GET", url) as reply:
            at, content = time.time(), b""
            for part in reply.iter_bytes():
                content += part
                if len(content) > MOST_BYTES:
                    return say("its answer is longer than {size}", size=size_text(MOST_BYTES))
            return Answer(reply.status_code, content, _clock(reply.headers), at)
    except Exception as error:  # whatever is wrong with a name, a certificate or an answer from elsewhere
        return f"{type(error).__name__}: {shortened(error, quoted=False)}"


def _clock(headers: Mapping[str, str]) -> float | None:
    try:
        # What a cache on the way has kept was right when it was made.
        return parsedate_to_datetime(headers["date"]).timestamp() + int(headers.get("age", "0"))
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
