"""The address of a lesson; the language stays in it."""

from __future__ import annotations

from pages._parts.language import in_links

LEARN_PAGE = "pages/learn.py"


def lesson_address(lesson_id: str = "") -> dict[str, str]:
    """The query parameters that open a lesson, or without one the list."""
    return ({"lesson": lesson_id} if lesson_id else {}) | in_links()
