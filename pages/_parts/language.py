"""The language of this browser: what its address says, else what was chosen here, else its cookie, else its own.

An address with `?lang=zh` opens the lab in that language and changes no cookie; the language then stays while the visitor goes
from page to page, and links keep it (`in_links`) where the browser alone would have another.
"""

from __future__ import annotations

from contextvars import ContextVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cnnlab import i18n
from cnnlab.i18n import ENGLISH, LANGUAGES, N_, known, own_name, say, translated
from pages._parts.cookies import cookie, keep_cookie

PARAMETER = "lang"
COOKIE = "cnnlab_language"
_LANGUAGE, _CHANGED, _SWITCH = "language", "the language was changed here", "language switch"
_HELP = N_("The language of all pages. This browser keeps it in a cookie.")
# What `in_links` found in this run of a page, which has a dozen links; None before the first.
_in_links: ContextVar[dict[str, str] | None] = ContextVar("language in links", default=None)


def follow_browser() -> None:
    """Sets the language of this run of a page, a fragment or a dialog; each calls it before it makes a text."""
    i18n.choose(browser_language())
    _in_links.set(None)


def browser_language() -> str:
    """The code of the language in which this browser is shown the lab."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return ENGLISH
    if (asked := st.query_params.get(PARAMETER)) in LANGUAGES:
        st.session_state[_LANGUAGE] = asked
    return st.session_state.get(_LANGUAGE) or _own()


def in_links() -> dict[str, str]:
    """The parameter that a link needs to open in this language; none where the browser has it by itself."""
    if (found := _in_links.get()) is not None:
        return found
    now = browser_language()
    needed = {PARAMETER: now} if now != _own() or st.query_params.get(PARAMETER) == now else {}
    _in_links.set(needed)
    return needed


def problem() -> str:
    """What is wrong with the language in the address; "" where it names one or none."""
    asked = st.query_params.get(PARAMETER, LANGUAGES[0])
    if asked in LANGUAGES:
        return ""
    return say("{name} must be one of {allowed}, not {value!r}.", name=PARAMETER, allowed=", ".join(LANGUAGES), value=asked[:80])


def switch() -> None:
    """Draws the choice of a language, each under its own name."""
    st.session_state[_SWITCH] = now = browser_language()
    st.radio(
        "Language · 语言", LANGUAGES, key=_SWITCH, format_func=own_name, horizontal=True, on_change=_change,
        help=translated(_HELP),
    )  # fmt: skip
    if st.session_state.get(_CHANGED):
        keep_cookie(COOKIE, now)


def _change() -> None:
    code = st.session_state[_SWITCH]
    st.session_state[_LANGUAGE], st.session_state[_CHANGED] = code, True
    if PARAMETER in st.query_params:
        st.query_params[PARAMETER] = code
    follow_browser()
    # A list in the browser keeps the words that it shows until its value is set again, and would send them back.
    for key, value in st.session_state.to_dict().items():
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            st.session_state[key] = value


def _own() -> str:
    """What the browser has without an address: the language chosen here, its cookie's, or its own."""
    if st.session_state.get(_CHANGED):
        return st.session_state[_LANGUAGE]
    return known(cookie(COOKIE)) or known(st.context.locale) or ENGLISH


i18n.ask_otherwise(browser_language)
