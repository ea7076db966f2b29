"""Links that are mistyped, cut or made up: each page opens, names the invalid value, and shows markup as text."""

from __future__ import annotations

import os

import pytest
from page_fakes import ROOT, open_page
from page_runs import RunsLab
from streamlit.testing.v1 import AppTest

from cnnlab.errors import StoreError

SCRIPT = "<script>alert('x')</script>"
OVERRIDE = "\u202egpj.exe"


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


def messages(app) -> str:
    return "\n".join(box.value for kind in (app.warning, app.error, app.info) for box in kind)


NUMBERS = ["nan", "inf", "-1", "1e400", "9" * 5_000, "0x10", "１２", "abc", "", OVERRIDE, SCRIPT]


@pytest.mark.parametrize("value", NUMBERS, ids=range(len(NUMBERS)))
def test_a_number_in_the_address_that_cannot_be_is_named_and_replaced(monkeypatch, lab, value):
    names = ("epochs", "learning_rate", "limit", "seed", "image_size", "gradient_clip")
    app = open_page(monkeypatch, "train", lab, **dict.fromkeys(names, value))

    assert not app.exception
    refused = [name for name in names if f"In the address: {name} must be" in messages(app)]
    assert set(refused) >= {"epochs", "limit", "image_size"} - ({"epochs", "limit", "image_size"} if value == "１２" else set())
    assert OVERRIDE not in messages(app)


@pytest.mark.parametrize("page", ["design", "data", "train", "predict", "inside", "learn"])
@pytest.mark.parametrize("value", [SCRIPT, OVERRIDE, "../../etc/passwd", "x" * 10_000, "[1,2]", "nan", ""], ids=range(7))
def test_every_page_opens_whatever_the_address_says(monkeypatch, lab, page, value):
    lab.trained()
    shared = (
        "architecture",
        "dataset",
        "optimizer",
        "image_size",
        "classes",
        "channels",
        "activation",
        "hidden",
        "compare",
        "device",
    )
    other = ("split", "class", "page", "only", "label", "checkpoint", "depth", "compare.depth", "nobody.knows.this")
    other += ("image", "layer", "view", "right", "down", "channel", "row", "column", "reads", "method", "lesson", "lang")
    app = open_page(monkeypatch, page, lab, **dict.fromkeys((*shared, *other), value))

    assert not app.exception
    assert len(messages(app)) < 8_000


@pytest.mark.parametrize(
    ("page", "name"), [("design", "architecture"), ("data", "dataset"), ("train", "optimizer"), ("train", "run")]
)
def test_what_an_address_says_is_shown_as_text_not_as_a_link_or_picture(monkeypatch, lab, page, name):
    app = open_page(monkeypatch, page, lab, **{name: "![a](http://example.org/x.png) $x$ `y` :smile:"})

    assert not app.exception
    assert "!\\[a\\](http" in messages(app)
    assert "http://" not in messages(app), "Markdown turns a bare address into a link"
    assert ":smile:" not in messages(app)


@pytest.mark.parametrize("page", ["train", "predict", "inside"])
@pytest.mark.parametrize("run", ["../../../etc/passwd", "..%2f..", "deadbeef\0", SCRIPT, OVERRIDE, "x" * 100_000], ids=range(6))
def test_a_run_that_is_not_there_is_said_on_the_page(monkeypatch, lab, page, run):
    app = open_page(monkeypatch, page, lab, run=run)

    assert not app.exception
    assert "There is no run" in messages(app)
    assert SCRIPT not in "".join(each.value for each in app.markdown if each.allow_html)
    assert len(messages(app)) < 1_000


def test_an_error_that_a_page_does_not_expect_is_a_sentence_too(monkeypatch):
    import pages._parts.shell

    def broken():
        raise StoreError("The record of runs cannot be read.")

    monkeypatch.setattr(pages._parts.shell, "enter", broken)
    app = AppTest.from_file(os.fspath(ROOT / "app.py"), default_timeout=180).run()

    assert not app.exception
    assert messages(app) == "The record of runs cannot be read."
