"""A request, as far as the gate looks at it."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers

from cnnlab.access.roles import Person
from cnnlab.i18n import ENGLISH

if TYPE_CHECKING:
    from starlette.types import Scope


@dataclass
class Asked:
    """One request, and what the gate has found out about it."""

    scope: Scope
    headers: Headers
    peer: str = ""
    cookie: str | None = None
    language: str = ENGLISH
    person: Person | None = field(default=None)

    @property
    def path(self) -> str:
        return self.scope["path"]

    @property
    def is_visit(self) -> bool:
        """Whether a person waits for a page, and not a page for one of its parts."""
        mode = self.headers.get("sec-fetch-mode")
        return self.scope["method"] == "GET" and (mode == "navigate" if mode else "text/html" in self.headers.get("accept", ""))


def values_of(scope: MutableMapping[str, Any], name: str) -> list[bytes]:
    """The values of a header, in the order in which they came."""
    wanted = name.lower().encode()
    return [value for key, value in scope["headers"] if key.lower() == wanted]
