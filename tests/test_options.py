"""An option takes what its rule allows, in its own type, and answers anything else with a sentence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlab.architectures import Option, cards
from cnnlab.architectures import options as o
from cnnlab.errors import ConfigError
from cnnlab.text import shortened

every_option = [option for card in cards() for option in card.options]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=10) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        (o.batch_norm(), True, True),
        (o.width_divisor(), 8, 8),
        (o.width_divisor(), 8.0, 8),
        (o.dropout(0.0), 0, 0.0),
        (o.depth(11, (11, 13)), 13, 13),
        (o.depth(11, (11, 13)), 13.0, 13),
        (o.activation("relu"), "gelu", "gelu"),
        (o.hidden((120, 84)), [10, 20.0], (10, 20)),
    ],
)
def test_a_value_is_taken_in_the_options_own_type(option: Option, value, expected):
    checked = option.check(value)

    assert checked == expected
    assert type(checked) is type(expected)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        (o.batch_norm(), 1),
        (o.batch_norm(), "true"),
        (o.width_divisor(), 0),
        (o.width_divisor(), 65),
        (o.width_divisor(), 1.5),
        (o.width_divisor(), True),
        (o.width_divisor(), None),
        (o.dropout(0.0), float("nan")),
        (o.dropout(0.0), 1.0),
        (o.depth(11, (11, 13)), 12),
        (o.activation("relu"), "ReLU!"),
        (o.hidden((120,)), []),
        (o.hidden((120,)), [1] * 9),
        (o.hidden((120,)), [10, 0]),
        (o.hidden((120,)), [10, 1e300]),
        (o.hidden((120,)), {"10": 1}),
        (o.hidden((120,)), 10),
    ],
)
def test_anything_else_is_refused_with_the_name_the_rule_and_the_value(option: Option, value):
    with pytest.raises(ConfigError) as caught:
        option.check(value)

    assert str(caught.value) == f"{option.name} must be {option.rule()}, not {shortened(value)}."
    assert caught.value.field == f"options.{option.name}"


@settings(deadline=None)  # a shared machine may be slow
@given(option=st.sampled_from(every_option), value=json_values)
def test_any_json_value_is_in_range_or_refused(option: Option, value):
    try:
        checked = option.check(value)
    except ConfigError:
        return

    numbers = checked if isinstance(checked, tuple) else (checked,)
    if option.type == "choice":
        assert checked in option.choices
    elif option.type == "bool":
        assert checked is value
    else:
        assert all(option.minimum <= number <= option.maximum for number in numbers)
    assert option.check(json.loads(json.dumps(checked))) == checked


@settings(deadline=None)  # a shared machine may be slow
@given(option=st.sampled_from(every_option), text=st.text(max_size=30))
def test_any_text_is_a_value_or_refused(option: Option, text):
    try:
        parsed = option.parse(text)
    except ConfigError:
        return

    assert option.check(parsed) == parsed


@pytest.mark.parametrize("option", every_option, ids=lambda option: option.name)
def test_a_value_written_as_text_is_read_back(option: Option):
    assert option.parse(str(option.default)) == option.default


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        (o.batch_norm(), "Yes", True),
        (o.batch_norm(), " 0 ", False),
        (o.dropout(0.0), "0.25", 0.25),
        (o.hidden((1,)), "120,84", (120, 84)),
        (o.hidden((1,)), "[120, 84]", (120, 84)),
        (o.depth(11, (11, 13)), "13", 13),
    ],
)
def test_text_from_a_command_line_is_read(option: Option, text, expected):
    assert option.parse(text) == expected


def test_text_that_is_neither_yes_nor_no_is_refused():
    with pytest.raises(ConfigError, match="batch_norm must be true or false, not 'maybe'"):
        o.batch_norm().parse("maybe")


def test_an_option_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(
        ConfigError, match="MLP has no option 'widht'; its options are: activation, batch_norm, dropout, hidden"
    ) as caught:
        cards()[0].settings({"widht": 3})

    assert caught.value.field == "options.widht"
