"""The visitor: a person of the class, the account where there is a login, else a typed name that the browser keeps in a cookie."""

from __future__ import annotations

import streamlit as st

from cnnlab.access import door
from cnnlab.access.classes import file_of
from cnnlab.access.roles import LONGEST_NAME, Action, Person, Role, tidy
from cnnlab.datasets.own import OwnSet
from cnnlab.errors import CNNLabError, NotAllowed
from cnnlab.i18n import N_, _, translated
from cnnlab.runs.records import Run
from cnnlab.sweeps.values import Sweep
from cnnlab.system.home import default_home
from pages._parts.cookies import cookie, keep_cookie
from pages._parts.markdown import escaped
from pages._parts.sign_out import sign_out

COOKIE = "cnnlab_visitor"
LONGEST = LONGEST_NAME
_NAME = "name of the visitor"
_FIELD = "field for the visitor's name"
_CHANGED = "the visitor's name was changed here"
_HELP = N_(
    "Your runs carry this name, and only visitors with the same name can stop, change or delete them. The name is not verified: "
    "it prevents mistakes between people who share a machine. This browser stores it in a cookie."
)
_ROLES = {
    Role.TEACHER: N_("You are a teacher here: you can change everybody's runs."),
    Role.OBSERVER: N_("You are here to look: you start and change nothing."),
}
# Why a thing of another owner cannot be changed: for an account, and for a name that was typed.
_ANOTHERS = {
    "run": (
        N_("This run belongs to {owner}, so only {owner} can change it."),
        N_("This run belongs to {owner}, so only {owner} can change it. If you are {owner}, enter that name in the sidebar."),
    ),
    "sweep": (
        N_("This sweep belongs to {owner}, so only {owner} can change it."),
        N_("This sweep belongs to {owner}, so only {owner} can change it. If you are {owner}, enter that name in the sidebar."),
    ),
    "data set": (
        N_("This data set belongs to {owner}, so only {owner} can change it."),
        N_("This data set belongs to {owner}, so only {owner} can change it. If you are {owner}, enter that name in the sidebar."),
    ),
}


def person() -> Person:
    """Who this browser is, and what they may do. Raises NotAllowed for a stranger, whom the gate has stopped before."""
    return _member() or Person(visitor())


def may_teach() -> bool:
    """Whether assignments are this visitor's to make: a teacher's in a class, and everybody's in a lab without one."""
    who = person()
    return who.may(Action.TEACH, who.name)


def is_teacher() -> bool:
    """Whether a teacher of the class is here; False for a stranger, whom the page itself stops."""
    try:
        return person().role is Role.TEACHER
    except CNNLabError:
        return False


def visitor() -> str:
    """The name under which this browser starts and changes runs; "" is no name."""
    if member := _member():
        return member.name
    account = _account()
    if account:
        return account
    if _NAME not in st.session_state:
        st.session_state[_NAME] = tidy(cookie(COOKIE))
    return st.session_state[_NAME]


def _member() -> Person | None:
    """The person of the class, whom the gate has verified; None in a lab without a class."""
    if entrance := door.installed():
        known = entrance.person_in(st.user.get(door.USER_KEY))
        return None if known.role is Role.GUEST else known
    if file_of(default_home()).exists():  # a page that was started without app.py, and so without the gate
        raise NotAllowed("This lab has a class, so it is started with `streamlit run app.py`, which asks for codes.")
    return None


def not_yours(thing: Run | Sweep | OwnSet) -> str | None:
    """Why this visitor cannot change the run, sweep or data set, as a sentence for Markdown; None where they can."""
    who = person()
    if who.may(Action.CHANGE, thing.owner):
        return None
    kind = "sweep" if isinstance(thing, Sweep) else "data set" if isinstance(thing, OwnSet) else "run"
    if who.role is not Role.GUEST:
        try:
            who.check_change(thing.owner, kind)
        except CNNLabError as error:
            return escaped(translated(error))
    only, hint = _ANOTHERS[kind]
    return translated(only if _account() else hint).format(owner=escaped(thing.owner))


def ask_for_name() -> None:
    """Draws the field for the name in the sidebar, or who is signed in."""
    who = person()
    if who.role is not Role.GUEST:
        _signed_in(who)
        return
    if _account():
        st.sidebar.text(_("You are {name}").format(name=who.name))
        return
    name = who.name
    st.session_state.setdefault(_FIELD, name)
    st.sidebar.text_input(
        _("Your name (so others can't stop your runs)"),
        key=_FIELD,
        max_chars=LONGEST,
        placeholder=_("no name"),
        help=translated(_HELP),
        on_change=_rename,
    )
    if st.session_state.get(_CHANGED):  # else a stale tab would overwrite a newer name
        with st.sidebar:
            keep_cookie(COOKIE, name)


def _signed_in(who: Person) -> None:
    with st.sidebar:
        st.text(_("You are {name}").format(name=who.name))
        if words := _ROLES.get(who.role):
            st.caption(translated(words))
        if (entrance := door.installed()) and not entrance.trusts_proxy():
            sign_out()


def _rename() -> None:
    # Streamlit also calls it where a page was left before this field was drawn again: then the session has no value for it.
    if _FIELD not in st.session_state:
        return
    st.session_state[_NAME] = st.session_state[_FIELD] = tidy(st.session_state[_FIELD])
    st.session_state[_CHANGED] = True


def _account() -> str:
    # Without [auth] in the secrets there is no login, and `st.user` is empty.
    if not st.user.get("is_logged_in"):
        return ""
    return tidy(str(st.user.get("email") or st.user.get("name") or st.user.get("sub") or ""))
