"""The language of the page at the gate: strangers have no session yet, so the request alone says it."""

from __future__ import annotations

from cnnlab.i18n import ENGLISH, known


def language_of(cookie: str | None, accepted: str) -> str:
    """The code of the language that this browser has chosen here before, else of the first of its own that the lab speaks."""
    return known(cookie) or next(filter(None, map(known, _by_weight(accepted))), ENGLISH)


def _by_weight(accepted: str) -> list[str]:
    """The tags of an `Accept-Language`, the most wanted first."""
    weights: dict[str, float] = {}
    for each in accepted[:500].split(","):
        tag, _rest, quality = each.strip().partition(";q=")
        try:
            weights.setdefault(tag, float(quality or 1.0))
        except ValueError:
            continue
    return sorted(weights, key=lambda tag: -weights[tag])
