"""Automatic runs of fragments that would change nothing are left out, and no other message of a browser is."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.testing.v1 import AppTest

from cnnlab.errors import StoreError
from cnnlab.i18n import language, using
from pages._parts import refreshing
from pages._parts.refreshing import HEADER, RefreshMiddleware, refresh_if


def rerun(fragment="", *, by_itself=True):
    message = BackMsg()
    message.rerun_script.fragment_id, message.rerun_script.is_auto_rerun = fragment, by_itself
    return {"type": "websocket.receive", "bytes": message.SerializeToString()}


@pytest.fixture
def passed(monkeypatch):
    """Sends messages through the layer to an app whose fragment "bars" asks for `due`; returns those that arrive."""

    def through(due, *messages, drawn_as="bars", language="en"):
        arrived, waiting = [], [*messages, {"type": "websocket.disconnect"}]

        async def app(scope, receive, send):
            names = [value for name, value in scope["headers"] if name == HEADER.encode()]
            monkeypatch.setattr(refreshing.st, "context", type("Context", (), {"headers": {HEADER: names[-1].decode()}}))
            monkeypatch.setattr(refreshing, "_fragment", lambda: drawn_as)
            assert names != [b"forged"]
            assert len(names) == 1
            with using(language):
                refresh_if(due)
            while (message := await receive())["type"] == "websocket.receive":
                arrived.append(message)

        async def receive():
            return waiting.pop(0)

        socket = RefreshMiddleware(app)({"type": "websocket", "headers": [(HEADER.encode(), b"forged")]}, receive, None)
        with ThreadPoolExecutor(1) as thread:  # Playwright leaves a loop in this one
            thread.submit(asyncio.run, socket).result()
        assert refreshing._tabs == {}  # nothing of a closed page is kept
        return arrived

    return through


def test_a_part_that_has_not_changed_is_drawn_again_only_where_a_person_asks(passed):
    click, page, damaged = rerun("bars", by_itself=False), rerun(), {"type": "websocket.receive", "bytes": b"\xff"}
    other, text = rerun("notes"), {"type": "websocket.receive", "text": "?"}

    assert passed(lambda: False, rerun("bars"), click, page, other, damaged, text) == [click, page, other, damaged, text]


def test_a_part_that_has_changed_or_whose_state_cannot_be_read_is_drawn_again(passed):
    def locked():
        raise StoreError("The record is locked.")

    assert len(passed(lambda: True, rerun("bars"))) == len(passed(locked, rerun("bars"))) == 1


def test_what_is_compared_is_in_the_language_of_the_page(passed):
    seen = []

    passed(lambda: seen.append(language()), rerun("bars"), language="zh")

    assert seen == ["zh"]


def test_without_the_name_of_a_fragment_nothing_is_left_out(passed):
    assert len(passed(lambda: False, rerun("bars"), drawn_as="")) == 1


def test_streamlit_names_the_fragment_that_runs():
    def script():
        import streamlit as st

        from pages._parts import refreshing

        def part():
            st.text(refreshing._fragment())

        st.text(f"page{refreshing._fragment()}")
        st.fragment(part)()

    page, fragment = (each.value for each in AppTest.from_function(script).run().text)

    assert page == "page"
    assert len(fragment) > 20
