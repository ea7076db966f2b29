"""The visitor's name: typed and kept in a cookie, or the account's; and who may change a run."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from cnnlab.access import classes, door
from cnnlab.access.roles import Person, Role
from cnnlab.config import RunConfig
from cnnlab.errors import NotAllowed
from cnnlab.lab import Lab
from cnnlab.runs.records import Run, State
from cnnlab.seen import SeenLab
from pages._parts import shell, visitor
from pages._parts.visitor import tidy

RUN = Run("ab", "", State.RUNNING, RunConfig.make(), 0.0, None, None, "", "", 0, None, None, None, None, None, None)


def page():
    import streamlit as st

    from pages._parts.visitor import ask_for_name, visitor

    ask_for_name()
    st.text(f"visitor: {visitor()!r}")


def shown_name(app):
    return next(text.value for text in app.text if text.value.startswith("visitor: "))


def with_cookie(monkeypatch, text):
    monkeypatch.setattr(visitor.st, "context", SimpleNamespace(cookies={visitor.COOKIE: text} if text else {}, locale=None))


def test_a_new_browser_is_nobody_in_particular():
    app = AppTest.from_function(page).run()

    assert shown_name(app) == "visitor: ''"
    assert not app.get("bidi_component")


def test_a_typed_name_holds_at_once_and_is_given_to_the_browser_to_keep():
    app = AppTest.from_function(page).run()

    app.text_input[0].set_value("  Zoë \n Müller ").run()

    assert shown_name(app) == "visitor: 'Zoë Müller'"
    assert json.loads(app.get("bidi_component")[0].proto.json) == {"cookie": visitor.COOKIE, "value": "Zoë Müller"}


def test_the_next_visit_starts_with_the_name_in_the_cookie(monkeypatch):
    with_cookie(monkeypatch, "Zo%C3%AB%20M%C3%BCller")

    app = AppTest.from_function(page).run()

    assert app.text_input[0].value == "Zoë Müller"
    assert shown_name(app) == "visitor: 'Zoë Müller'"


def test_a_cookie_that_somebody_has_filled_with_rubbish_does_no_harm(monkeypatch):
    with_cookie(monkeypatch, "%00%FF%E2%80%AE<b>" + "x" * 10_000)

    app = AppTest.from_function(page).run()

    assert not app.exception
    assert app.text_input[0].value == "\ufffd<b>" + "x" * (visitor.LONGEST - 4)


def test_whoever_is_logged_in_goes_by_that_name_and_cannot_type_another(monkeypatch):
    monkeypatch.setattr(visitor.st, "user", {"is_logged_in": True, "email": "ana@example.org"})

    app = AppTest.from_function(page).run()

    assert shown_name(app) == "visitor: 'ana@example.org'"
    assert not app.text_input


@pytest.mark.parametrize(
    ("typed", "name"),
    [("a\u202eb", "ab"), ("a\u200bb", "ab"), ("a\tb", "a b"), ("e\u0301", "é"), ("علي", "علي"), ("x" * 99, "x" * 60)],
)
def test_names_that_look_alike_are_alike(typed, name):
    assert tidy(typed) == name


def test_only_the_owner_can_change_a_run_and_nobody_s_run_is_everybody_s(monkeypatch):
    monkeypatch.setattr(visitor, "visitor", lambda: "Ana")

    assert visitor.not_yours(RUN) is None
    assert visitor.not_yours(replace(RUN, owner="Ana")) is None
    assert "belongs to Ben" in str(visitor.not_yours(replace(RUN, owner="Ben")))


def test_a_page_that_is_left_before_the_field_is_drawn_keeps_the_name(monkeypatch):
    # Seen in a browser: a click that opened another page ended that page's first drawing, and the callback came all the same.
    session = {visitor._NAME: "Ana"}
    monkeypatch.setattr(visitor.st, "session_state", session)

    visitor._rename()

    assert session == {visitor._NAME: "Ana"}


# The class


@pytest.fixture
def ana(tmp_path, monkeypatch):
    """The gate of a lab with a class has let Ana in; her browser's cookie has another name."""
    monkeypatch.setenv("CNNLAB_HOME", str(tmp_path))
    group, _ = classes.new_class("Autumn").with_member("Ana", Role.STUDENT)
    classes.save(tmp_path, group)
    monkeypatch.setattr(door, "_installed", [door.Door(tmp_path)])
    monkeypatch.setattr(visitor.st, "user", {door.USER_KEY: door.in_header(Person("Ana", Role.STUDENT)).decode()})
    with_cookie(monkeypatch, "Ben")
    return tmp_path


def test_who_has_signed_in_goes_by_the_name_of_the_class(ana):
    app = AppTest.from_function(page).run()

    assert shown_name(app) == "visitor: 'Ana'"
    assert not app.text_input
    assert [text.value for text in app.sidebar.text] == ["You are Ana"]
    assert visitor.not_yours(replace(RUN, owner="Ana")) is None
    assert visitor.not_yours(replace(RUN, owner="Ben")) == r"This run belongs to Ben, who alone can change it\."
    assert visitor.not_yours(RUN) == r"This run has no owner, so only a teacher can change it\."
    assert not visitor.may_teach()


def test_a_page_that_the_gate_did_not_send_serves_nobody(ana, monkeypatch):
    monkeypatch.setattr(visitor.st, "user", {})
    with pytest.raises(NotAllowed, match="not signed in"):
        visitor.person()
    monkeypatch.setattr(door, "_installed", [])
    with pytest.raises(NotAllowed, match="streamlit run app"):
        visitor.person()


def test_pages_have_the_lab_as_their_visitor_sees_it(ana, monkeypatch):
    with closing(Lab(ana)) as lab:
        monkeypatch.setattr(shell, "_opened", lambda: lab)
        monkeypatch.setattr(lab, "ready", lambda: True)
        monkeypatch.setattr(lab, "queue_waits", lambda: "")
        given = []
        monkeypatch.setattr(shell, "sidebar", lambda lab, _: given.append(lab))

        view = shell.enter()

    assert isinstance(view, SeenLab)
    assert given == [view]
    with pytest.raises(NotAllowed):
        view.assignments.make(None)
