"""Any settings, from any source, train for a step or are refused with one sentence that names the field."""

from __future__ import annotations

import itertools
import json
from contextlib import closing
from datetime import timedelta
from functools import lru_cache

import pytest
import torch
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cnnlab import datasets
from cnnlab.architectures import cards
from cnnlab.cli import app
from cnnlab.config import RunConfig
from cnnlab.config_rules import MAXIMUM_JSON
from cnnlab.config_words import setting
from cnnlab.datasets.loading import ImageData
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.events import Progress, RunFailed, RunStarted
from cnnlab.layers.trace import layer_table
from cnnlab.training.engine import train

LONGEST_SENTENCE = 600
CHEAP = 3e8  # multiply-accumulates of one batch: a tenth of a second
IMAGES = 8
ENDS = (("ge", "gt"), ("le", "lt"))
NO_HANG = timedelta(seconds=60)  # a shared machine may be slow; a hang lasts for ever

ODD = [
    None,
    True,
    False,
    "",
    " ",
    "nan",
    "-1",
    "1e3",
    "\0",
    "\ud800",
    "\u202e",
    "<b>",
    "x" * 10_000,
    [],
    {},
    [[]],
    {"a": {}},
    (),
    b"1",
]
NUMBERS = [0, -1, 0.5, -0.0, 1e308, 5e-324, float("nan"), float("inf"), -float("inf"), 2**31, 2**63, 10**400]
odd = st.sampled_from([*ODD, *NUMBERS])
anything = odd | st.integers() | st.floats() | st.text(max_size=20)


def allowed(name: str) -> st.SearchStrategy:
    """Values that the field's rule allows, its bounds more often than by chance."""
    if name == "architecture":
        return st.sampled_from([card.name for card in cards()])
    if name == "dataset":
        return st.sampled_from([entry.name for entry in datasets.entries()])
    if name == "device":
        return st.just("cpu")
    field = setting(name)
    if field.choices:
        return st.sampled_from(field.choices)
    if field.kind == "bool":
        return st.booleans()
    low, high = bounds(name)
    ends = st.sampled_from([low, high, field.default])
    within = st.integers(int(low), int(min(high, low + 40))) if field.kind == "int" else st.floats(low, high)
    return (ends | within).filter(lambda value: keeps_its_rule(name, value))


def bounds(name: str) -> tuple[float, float]:
    """The bounds in the field's rule, also where it excludes them."""
    marks = RunConfig.model_fields[name].metadata
    low, high = ([getattr(mark, each) for mark in marks for each in each_way if hasattr(mark, each)] for each_way in ENDS)
    return low[0], high[0]


def keeps_its_rule(name: str, value) -> bool:
    try:
        RunConfig.make(**{name: value})
    except ConfigError:
        return False
    return True


def option_values(option) -> st.SearchStrategy:
    if option.type == "bool":
        return st.booleans()
    if option.type == "choice":
        return st.sampled_from(option.choices)
    number = st.sampled_from([option.minimum, option.maximum, option.default if option.type != "ints" else option.minimum])
    if option.type == "float":
        return number | st.floats(option.minimum, option.maximum)
    whole = (number | st.integers(int(option.minimum), int(min(option.maximum, option.minimum + 20)))).map(int)
    return st.lists(whole, min_size=1, max_size=8) if option.type == "ints" else whole


names = sorted(set(RunConfig.model_fields) - {"options"})
options = st.dictionaries(
    st.sampled_from([o.name for card in cards() for o in card.options]) | st.text(max_size=5), anything, max_size=3
)
wild = st.fixed_dictionaries(
    {}, optional={name: anything | allowed(name) for name in names} | {"options": options | anything, "epoch": anything}
)


@st.composite
def sensible(draw) -> dict:
    """Settings that each keep their rule; their combination may still be impossible."""
    chosen = draw(st.sampled_from(cards()))
    optional = {name: allowed(name) for name in names if name != "architecture"}
    chosen_options = {o.name: option_values(o) for o in chosen.options}
    return {
        "architecture": chosen.name,
        "options": draw(st.fixed_dictionaries({}, optional=chosen_options)),
        **draw(st.fixed_dictionaries({}, optional=optional)),
    }


@lru_cache
def images_for(dataset: str, limit: int) -> ImageData:
    entry = datasets.entry(dataset)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (IMAGES, entry.channels, entry.size, entry.size), dtype=torch.uint8, generator=generator)[:limit]
    labels = torch.arange(len(images)) % len(entry.classes)
    return ImageData(entry.name, entry.classes, images, labels, images, labels)


def readable(error: CNNLabError) -> str:
    """The error's message, which must be one sentence."""
    sentence = str(error)
    assert sentence.endswith((".", "?"))
    assert sentence.isprintable(), "a sentence is one line without control characters"
    assert len(sentence) < LONGEST_SENTENCE
    assert "Traceback" not in sentence
    return sentence


@settings(deadline=NO_HANG, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(wild)
@example({"epochs": 10**5000})
@example({"options": {"channels": 10**5000}})
@example({"\ud800": 1})
def test_any_settings_make_a_configuration_or_a_sentence_that_names_the_field(values):
    try:
        config = RunConfig.make(**values)
    except ConfigError as error:
        sentence = readable(error)
        field = error.field.split(".")[0]
        assert field in values or error.field == "nesterov" or "\ud800" in values
        spoken = {"architecture": "There is no architecture", "dataset": "There is no data set"}
        assert spoken.get(error.field, error.field.removeprefix("options.")) in sentence
        return
    assert RunConfig.from_json(config.to_json()) == config
    assert RunConfig.make(**config.model_dump()) == config


@settings(deadline=NO_HANG, max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(sensible())
def test_any_configuration_trains_for_a_step_or_is_refused(values):
    try:
        config = RunConfig.make(**values)
        data = images_for(config.dataset, min(config.limit or IMAGES, IMAGES)).take(config.data_share, config.limit, config.seed)
        table = layer_table(config.architecture, config.input_shape, len(data.classes), config.options)
    except CNNLabError as error:
        assert getattr(error, "field", "options")
        readable(error)
        return
    assume(table.macs * min(config.batch_size, IMAGES) < CHEAP and table.parameters < 2e7)  # costly networks were built as well
    try:
        with closing(train(config, data, progress_every=0)) as events:
            assert isinstance(next(events), RunStarted)
            event = next(event for event in events if isinstance(event, Progress | RunFailed))
    except CNNLabError as error:
        readable(error)
        return
    if isinstance(event, RunFailed):
        assert event.kind == "diverged", event.message


# The ways in

SLIPS = [
    ("epochs", "0"),
    ("epochs", "abc"),
    ("epochs", "2.5"),
    ("epochs", "9" * 400),
    ("epochs", "9" * 5_000),
    ("learning_rate", "nan"),
    ("learning_rate", "-1"),
    ("learning_rate", ""),
    ("batch_size", "1e9"),
    ("optimizer", "SGD!"),
    ("schedule", "<script>alert(1)</script>"),
    ("image_size", "-5"),
    ("channels", "2"),
    ("device", "cuda:999"),
    ("device", "cpu; rm -rf /"),
    ("seed", "-1"),
    ("limit", "10000000000"),
    ("gradient_clip", "inf"),
    ("data_share", "0"),
    ("precision", "float16"),
]


@pytest.mark.parametrize(("name", "text"), SLIPS)
def test_the_command_line_and_json_refuse_with_the_same_sentence(name, text, tmp_path):
    command = ["train", "lenet", "--dataset", "sample", f"--{name.replace('_', '-')}={text}", "--home", str(tmp_path)]
    result = CliRunner().invoke(app, command)
    with pytest.raises(ConfigError) as caught:
        RunConfig.from_json(json.dumps({name: text}))

    assert (result.exit_code, result.stdout) == (2, "")
    sentence = result.stderr.strip()
    assert sentence.startswith(f"{name} must be ")
    assert readable(caught.value).split(", not ")[0] == sentence.split(", not ")[0]
    assert not (tmp_path / "lab.sqlite").exists(), "a typing error leaves nothing behind"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "This is not valid JSON: Expecting value"),
        ("{'epochs': 1}", "This is not valid JSON: Expecting property name"),
        (b"\xff\xfe\x00", "This is not valid JSON"),
        ("null", "A configuration is a set of named settings."),
        ("[1, 2]", "A configuration is a set of named settings."),
        ('{"epochs": 1, "epochs": 2}', "The setting 'epochs' is given twice."),
        ('{"options": {"dropout": 0, "dropout": 1}}', "The setting 'dropout' is given twice."),
        ('{"learning_rate": NaN}', "learning_rate must be a number above 0 and at most 100, not nan."),
        ('{"learning_rate": 1e999}', "learning_rate must be a number above 0 and at most 100, not inf."),
        ('{"epochs": true}', "epochs must be a whole number from 1 to 10,000, not true."),
        ('{"epochs": null}', "epochs must be a whole number from 1 to 10,000, not nothing."),
        ('{"epochs": {"from": 1}}', "epochs must be a whole number from 1 to 10,000, not {'from': 1}."),
        ('{"momentum": 1}', "momentum must be a number of at least 0 and below 1, not 1."),
        ('{"seed": 2147483648}', "seed must be a whole number from 0 to 2,147,483,647, not 2147483648."),
        ('{"epochs": %s}' % ("9" * 5000), "This is not valid JSON: Exceeds the limit"),
        ('{"learningrate": 0.1}', "There is no setting 'learningrate'; did you mean learning_rate?"),
        ('{"architecture": ["lenet"]}', "There is no architecture ['lenet']; choose one of: mlp, lenet"),
        ('{"architecture": "lenet\\u0000"}', "There is no architecture 'lenet�'; choose one of"),
        ('{"options": [1]}', "options must be a set of named settings, not [1]."),
        ('{"options": {"__class__": 1}}', "LeNet-5 has no option '__class__'; its options are: activation"),
        ('{"nesterov": true}', "nesterov needs the optimizer sgd with a momentum above 0."),
        ("[" * 90_000, "The configuration is nested too deeply"),
        ('{"options":' * 8_000 + "1" + "}" * 8_000, "The configuration is nested too deeply"),
        ('{"device": "%s"}' % ("a" * 10_000_000), "A configuration in JSON has at most 100,000 characters, not 10,000,014."),
        (json.dumps({f"k{n}": 1 for n in range(7_000)}), "There is no setting 'k0'; the settings are"),
    ],
    ids=itertools.count(),  # some of the texts are very long
)
def test_json_is_refused_with_a_sentence(text, sentence):
    with pytest.raises(ConfigError) as caught:
        RunConfig.from_json(text)
    assert readable(caught.value).startswith(sentence)


@settings(deadline=NO_HANG, max_examples=300)
@given(
    st.text() | st.binary() | st.recursive(anything.filter(lambda v: not isinstance(v, bytes)), st.lists, max_leaves=5).map(repr)
)
def test_any_text_is_a_configuration_or_a_sentence(text):
    try:
        RunConfig.from_json(text)
    except ConfigError as error:
        readable(error)


def test_json_with_a_byte_order_mark_is_read():
    text = RunConfig.make(epochs=3).to_json()
    assert RunConfig.from_json("\ufeff" + text) == RunConfig.from_json(b"\xef\xbb\xbf" + text.encode()) == RunConfig.make(epochs=3)
    assert len(text) < MAXIMUM_JSON / 100
