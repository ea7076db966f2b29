"""Which language a text is shown in: the caller's own, else that of the browser whose page is drawn, else English."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

ENGLISH = "en"
LOCALE = Path(__file__).with_name("locale")
_FOLDERS = {folder.parents[1].name.partition("_")[0]: folder.parents[1] for folder in LOCALE.glob("*/LC_MESSAGES/cnnlab.po")}
LANGUAGES = (ENGLISH, *sorted(_FOLDERS))  # codes, as in an address: "zh"

_chosen: ContextVar[str | None] = ContextVar("language", default=None)
_ask: Callable[[], str] = lambda: ENGLISH  # noqa: E731


def language() -> str:
    """The code of the language that texts are shown in now."""
    return _chosen.get() or _ask()


def choose(code: str) -> None:
    """Sets the language of this thread, one of LANGUAGES, until it is set again."""
    _chosen.set(code)


@contextmanager
def using(code: str) -> Iterator[None]:
    """Within the context texts are shown in this language."""
    before = _chosen.set(code)
    try:
        yield
    finally:
        _chosen.reset(before)


def ask_otherwise(question: Callable[[], str]) -> None:
    """Where a thread has not chosen a language, `question` answers with its code: callbacks of a page run before the page does."""
    global _ask  # noqa: PLW0603  one process has one kind of edge
    _ask = question


def known(tag: object) -> str | None:
    """The language of a tag such as "zh-CN", "zh_TW.UTF-8" or "en"; None for one that the lab does not speak."""
    code = str(tag or "").replace("_", "-").partition("-")[0].partition(".")[0].lower()
    return code if code in LANGUAGES else None


def of_terminal(environment: Mapping[str, str] = os.environ) -> str:
    """The language of a command line: CNNLAB_LANG, else what the terminal's locale names, else English."""
    for name in ("CNNLAB_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return known(environment[name]) or ENGLISH
    return ENGLISH


def tag(code: str) -> str:
    """The language as HTML names it: "en", "zh-CN"."""
    return folder(code).name.replace("_", "-") if code != ENGLISH else ENGLISH


def folder(code: str) -> Path:
    """The folder of a language other than English: its catalogue and its glossary."""
    return _FOLDERS[code]
