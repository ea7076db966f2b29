"""Codes and passwords: drawn at random or chosen, and kept as argon2 hashes alone.

A code is three groups of four characters, such as k7m2-9qfw-x3hd. The first group finds the person, so that no name is typed; it
is no secret. The other eight are one of 8 · 10¹¹, and wrong ones cost waits (lockout.py).
"""

from __future__ import annotations

import re
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no 0 and o, 1, i and l, which are read as each other
GROUP = 4
SHORTEST_PASSWORD = 8  # characters
LONGEST_SECRET = 200
_CODE = re.compile(rf"[{ALPHABET}]{{{3 * GROUP}}}")

_hasher = PasswordHasher()  # the library's parameters: 64 MiB and about 50 ms on one core


def new_code(taken: set[str]) -> str:
    """A code whose first group is none of `taken`."""
    while (finder := _drawn(GROUP)) in taken:
        pass
    return f"{finder}-{_drawn(GROUP)}-{_drawn(GROUP)}"


def finder_of(typed: str) -> str | None:
    """The first group of a code, however it was typed; None where the text is no code."""
    plain = _plain(typed)
    return plain[:GROUP] if _CODE.fullmatch(plain) else None


def hashed(secret: str, *, code: bool = True) -> str:
    """What is kept of a code or, with `code=False`, of a password."""
    return _hasher.hash(_plain(secret) if code else secret)


def fits(kept: str, typed: str, *, code: bool = True) -> bool:
    """Whether this was typed when `kept` was made. Takes about 50 ms, so never for each request."""
    try:
        return _hasher.verify(kept, _plain(typed) if code else typed)
    except (VerificationError, InvalidHashError):
        return False


def _plain(typed: str) -> str:
    return re.sub(r"[\s\-–—]", "", typed[:LONGEST_SECRET]).lower()


def _drawn(count: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(count))
