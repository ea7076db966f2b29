"""Parts that several pages use: the pager, and rules that have one home."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from page_fakes import ROOT

from pages._parts import pager
from pages._parts.markdown import escaped
from pages._parts.pager import PER_PAGE, Pager


class Images:
    """A filter that `total` images pass; records what is asked for."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.offsets: list[int] = []

    def ask(self, *, offset: int, count: int) -> SimpleNamespace:
        self.offsets.append(offset)
        return SimpleNamespace(total=self.total, items=tuple(range(self.total))[offset : offset + count])


@pytest.fixture
def state(monkeypatch):
    """The session, with page 1 open under "page"."""
    session = {"page": 1}
    monkeypatch.setattr(pager.st, "session_state", session)
    return session


@pytest.mark.parametrize(
    ("number", "total", "offsets", "left"),
    [(1, 100, [0], 1), (3, 100, [80], 3), (4, 100, [120, 80], 3), (9, 80, [320, 40], 2), (2, 0, [40], 2)],
)
def test_the_open_page_is_fetched_or_the_last_one(state, number, total, offsets, left):
    state["page"] = number
    images = Images(total)

    page = Pager("page").fetch(images.ask)

    assert images.offsets == offsets
    assert state["page"] == left
    assert page.items == tuple(range(total))[offsets[-1] : offsets[-1] + PER_PAGE]


def test_turning_does_not_go_before_the_first_page(state):
    turned = Pager("page")

    turned.turn(-1)
    assert state["page"] == 1
    turned.turn(2)
    assert state["page"] == 3


@pytest.mark.parametrize(
    ("call", "home"),
    [
        (".segmented_control(", "one_choice.py"),
        ('"Next {', "pager.py"),
        ('"all classes"', "one_choice.py"),
        (":material/link_off:", "address.py"),
        ("index + 1", "text.py"),
    ],
)
def test_a_rule_of_the_pages_has_one_home(call, home):
    sources = sorted([*ROOT.glob("pages/**/*.py"), ROOT / "cnnlab" / "text.py", *ROOT.glob("cnnlab/cli/*.py")])
    files = [path.name for path in sources if call in path.read_text(encoding="utf-8")]

    assert files == [home]


@pytest.mark.parametrize("sign", list(r"\`*_{}[]()#+-.!|$<>~&^"))
def test_each_sign_that_means_something_in_markdown_is_shown_as_typed(sign):
    assert escaped(f"a{sign}b") == f"a\\{sign}b"


def test_typed_text_becomes_no_formula():
    assert escaped("costs $x$ or :red[y]") == r"costs \$x\$ or \:red\[y\]"
