"""What an address says and what a page writes into it; and the controls that it sets."""

from __future__ import annotations

import pytest

from cnnlab.errors import ConfigError
from pages._parts import address as module
from pages._parts import one_choice
from pages._parts.address import Address, as_text, link_to, one_of, whole_number


class Query(dict):
    """The browser's address."""

    def __init__(self, *given, **named) -> None:
        super().__init__(*given, **named)
        self.twice: set[str] = set()
        self.writes = 0

    def to_dict(self):
        return dict(self)

    def from_dict(self, values):
        self.writes += 1
        self.clear()
        self.update(values)

    def get_all(self, name):
        return [self[name]] * (2 if name in self.twice else 1)


class Browser:
    """One tab: its address and its session; `open` is a run of a page's script with two controls, a number and a word."""

    def __init__(self) -> None:
        self.session_state, self.query_params = {}, Query()

    def open(self, page="page", *, complete=True, preserve=(), **options):
        address = Address(page, **options)
        address.initialise("number", "n", 1, whole_number("n", 1, 9))
        address.initialise("word", "w", "a", one_of("w", ("a", "b", "c")))
        if complete:
            address.write("n", self.session_state["number"], 1)
        address.write("w", self.session_state["word"], "a")
        address.preserve(*preserve)
        address.flush(complete=complete)
        return address


@pytest.fixture
def browser(monkeypatch):
    browser = Browser()
    monkeypatch.setattr(module, "st", browser)
    monkeypatch.setattr(one_choice, "st", browser)
    return browser


def test_a_changed_address_sets_its_controls_and_an_unchanged_one_leaves_them(browser):
    browser.query_params.update(n="3")
    browser.open()
    assert browser.session_state["number"] == 3

    browser.session_state["number"] = 5  # the visitor
    browser.open()
    assert browser.session_state["number"] == 5
    assert browser.query_params == {"n": "5"}
    assert link_to("page") == {"n": "5"}
    assert link_to("another page") == {}

    browser.query_params.pop("n")  # Back, in the browser
    browser.open()
    assert browser.session_state["number"] == 1


def test_opening_a_page_writes_nothing_and_a_default_is_left_out(browser):
    browser.session_state |= {"number": 4, "word": "b"}  # as the page was left
    browser.open()
    assert browser.session_state["number"] == 1  # the address is the one that counts for who arrives
    assert browser.query_params.writes == 0

    browser.session_state["word"] = "b"
    browser.open()
    assert browser.query_params == {"w": "b"}
    browser.session_state["word"] = "a"
    browser.open()
    assert browser.query_params == {}
    assert browser.query_params.writes == 2
    browser.open()
    assert browser.query_params.writes == 2


def test_who_comes_back_to_a_page_gets_what_the_address_says(browser):
    browser.query_params.update(n="3")
    browser.open()
    browser.session_state["number"] = 7
    browser.query_params.clear()
    browser.open("another page")

    browser.query_params.update(n="3")
    assert browser.open().arriving
    assert browser.session_state["number"] == 3
    assert not browser.open().arriving


def test_a_wrong_value_is_the_default_and_a_sentence_that_stays_until_a_control_changes(browser):
    browser.query_params.update(n="10", w="b")
    sentence = "In the address: n must be a whole number from 1 to 9, not '10'. The default is used."

    assert browser.open().problems == [sentence]
    assert browser.session_state["number"] == 1
    assert browser.query_params == {"w": "b"}
    assert browser.open().problems == [sentence]
    browser.session_state["word"] = "c"
    assert browser.open().problems == []
    browser.session_state["word"] = "b"
    assert browser.open().problems == []


@pytest.mark.parametrize(
    ("unknown", "last"),
    [
        (3, "In the address: 'x2' is not a setting of this page, so it has no effect."),
        (4, "1 more name in the address is not a setting of this page."),
        (6, "3 more names in the address are not settings of this page."),
    ],
)
def test_unknown_names_are_named_up_to_three(browser, unknown, last):
    browser.query_params.update({f"x{number}": "1" for number in range(unknown)})

    problems = browser.open().problems

    assert problems[0] == "In the address: 'x0' is not a setting of this page, so it has no effect."
    assert problems[-1] == last
    assert len(problems) == min(unknown, 4)
    assert browser.query_params == {}


def test_a_name_that_is_almost_right_gets_advice_and_one_that_is_given_twice_is_named(browser):
    browser.query_params.update(W="b", n="3")
    browser.query_params.twice.add("n")

    assert browser.open().problems == [
        "In the address: 'W' is not a setting of this page, so it has no effect. Did you mean w?",
        "In the address: n is given more than once; the last value is used.",
    ]


def test_a_page_that_stops_at_an_error_keeps_the_values_of_the_controls_that_it_did_not_draw(browser):
    browser.query_params.update(n="3", w="b", other="1")
    browser.open(complete=False)
    browser.session_state["word"] = "c"

    address = browser.open(complete=False, preserve=("n",))

    assert browser.query_params == {"n": "3", "w": "c", "other": "1"}
    assert not address.problems  # names that a later control may have are not unknown
    browser.session_state["number"] = 1
    browser.open(preserve=("other",))
    assert browser.query_params == {"w": "c", "other": "1"}


def test_a_control_whose_value_in_the_address_belongs_to_another_starts_from_its_default(browser):
    browser.query_params.update(n="3")
    address = Address("page")

    address.initialise("number", "n", 1, whole_number("n", 1, 9), use_address=False)

    assert browser.session_state["number"] == 1
    assert address.text("n") == "3"
    assert address.text("w") is None


def test_a_short_address_is_expanded_when_read_and_shortened_when_written(browser):
    browser.query_params.update(short="1")
    short = {
        "expand": lambda given: {"n": "3", "w": "b"} if "short" in given else dict(given),
        "shorten": lambda given: {"short": "1"} if given == {"n": "3", "w": "b"} else dict(given),
    }
    browser.open(preserve=("short",), **short)
    assert (browser.session_state["number"], browser.session_state["word"]) == (3, "b")

    browser.session_state["word"] = "c"
    browser.open(**short)
    assert browser.query_params == {"n": "3", "w": "c"}
    browser.session_state["word"] = "b"
    browser.open(**short)
    assert browser.query_params == {"short": "1"}


def test_a_fragment_knows_the_names_of_its_page_and_writes_beside_them(browser):
    browser.query_params.update(n="3", m="4", nonsense="1")
    page = Address("page")
    page.initialise("number", "n", 1, whole_number("n", 1, 9))
    page.write("n", 3, 1)
    page.flush(last=False)
    assert not page.problems

    part = Address("part", within=page)
    assert part.arriving
    part.initialise("part", "m", 1, whole_number("m", 1, 9))
    part.write("m", browser.session_state["part"], 1)
    part.flush()

    assert ["'nonsense' is not a setting" in problem for problem in part.problems] == [True]
    assert browser.query_params == {"n": "3", "m": "4"}
    assert not page.arriving
    assert link_to("page") == {"n": "3", "m": "4"}


def test_values_are_written_as_they_are_read():
    assert [as_text(value) for value in (True, False, 0.5, 7, (120, 84), "word")] == ["true", "false", "0.5", "7", "120,84", "word"]
    assert one_of("x", (True, 3, "a"))("true") is True
    assert one_of("x", (True, 3, "a"))("3") == 3
    with pytest.raises(ConfigError, match=r"^x must be one of true, 3, a, not 'b{80}'\.$") as refused:
        one_of("x", (True, 3, "a"))("b" * 99)
    assert refused.value.field == "x"


@pytest.mark.parametrize(("text", "number"), [("2", 2), ("0012", 12), ("12", 12), ("000000000012", 12)])
def test_a_whole_number_within_its_bounds_is_read(text, number):
    assert whole_number("x", 2, 12)(text) == number


@pytest.mark.parametrize("text", ["1", "13", "", "-2", "2.0", "２", "0000000000012", "two"])
def test_any_other_is_refused(text):
    with pytest.raises(ConfigError, match="x must be a whole number from 2 to 12, not ") as refused:
        whole_number("x", 2, 12)(text)
    assert refused.value.field == "x"


class Place:
    """Draws a control whose value is that of the session."""

    def __init__(self, browser) -> None:
        self.browser, self.drawn = browser, []

    def _draw(self, kind, label, choices, *, key, format_func, **options):
        self.drawn.append((kind, label, [format_func(choice) for choice in choices], options))
        return self.browser.session_state[key]

    def selectbox(self, *given, **named):
        return self._draw("list", *given, **named)

    def segmented_control(self, *given, **named):
        return self._draw("buttons", *given, **named)


def choose(browser, place, **options):
    address = Address("page")
    value = one_choice.one_choice("Label", "key", "name", {"a": "A", "b": "B"}, address, place=place, help="Help", **options)
    address.flush()
    return value


def test_a_choice_is_drawn_with_its_titles_as_buttons_or_as_a_list(browser):
    place = Place(browser)

    assert choose(browser, place) == "a"
    assert choose(browser, place, as_list=True, width=99) == "a"
    assert choose(browser, place, as_list=True) == "a"

    assert [(kind, label, titles) for kind, label, titles, _ in place.drawn] == [
        ("buttons", "Label", ["A", "B"]), ("list", "Label", ["A", "B"]), ("list", "Label", ["A", "B"]),
    ]  # fmt: skip
    assert [options["help"] for *_, options in place.drawn] == ["Help"] * 3
    assert [options.get("width") for *_, options in place.drawn] == [None, 99, "stretch"]
    assert place.drawn[0][-1]["required"]


@pytest.mark.parametrize(
    ("before", "options", "value"),
    [
        ("b", {}, "b"),
        ("gone", {}, "a"),
        ("gone", {"default": "b"}, "b"),
        ("gone", {"otherwise": "b"}, "b"),
        (None, {"otherwise": "b"}, "a"),
        (None, {"default": "b", "otherwise": "a"}, "b"),
    ],
)
def test_a_value_that_is_no_choice_any_more_is_replaced(browser, before, options, value):
    place = Place(browser)
    choose(browser, place, **options)
    browser.session_state["key"] = before

    assert choose(browser, place, **options) == value
    assert browser.query_params == ({} if value == options.get("default", "a") else {"name": value})


def test_an_action_follows_a_change_and_not_a_repeated_value(browser):
    browser.session_state["key"] = 1
    calls = []
    changed = one_choice.when_changed("key", lambda: calls.append(browser.session_state["key"]))

    changed()
    assert calls == []
    browser.session_state["key"] = 2
    changed()
    assert calls == [2]


@pytest.mark.parametrize(("text", "label"), [(None, None), ("0", 0), ("2", 2), ("3", None)])
def test_a_class_is_chosen_by_its_label(browser, text, label):
    browser.query_params.update({"class": text} if text else {})
    address, place = Address("page"), Place(browser)

    chosen = one_choice.class_choice(
        "Class", "key", "class", ("cat", "dog", "fox"), address, place=place, help="Help", on_change=lambda: None
    )

    assert chosen == label
    assert len(address.problems) == (text == "3")
    assert place.drawn[0][:3] == ("list", "Class", ["all classes", "cat", "dog", "fox"])
