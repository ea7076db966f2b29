"""Every setting and value has words, and they are the same wherever they are shown."""

from __future__ import annotations

import pytest
from page_fakes import open_page
from page_runs import RunsLab
from test_comparison import run

from cnnlab import datasets
from cnnlab.architectures import every_card
from cnnlab.config import RunConfig
from cnnlab.config_words import CHOICES, EMPTY, USED_WITH, setting, settings, title, words
from cnnlab.reports.comparison import differences
from cnnlab.reports.html import html_report
from pages._parts.run.view import ALL_SETTINGS

FIELDS = [setting(name) for name in RunConfig.model_fields if name != "options"]
WITH_CHOICES = [field for field in FIELDS if field.choices]
OPTIONS = [(card, option) for card in every_card() for option in card.options]


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


def test_every_choice_of_every_setting_has_words():
    for field in WITH_CHOICES:
        assert CHOICES[field.name].keys() == set(field.choices) - {None}, field.name
    assert EMPTY.keys() == {field.name for field in FIELDS if field.optional}
    assert CHOICES["architecture"].keys() == {card.name for card in every_card()}
    assert CHOICES["dataset"].keys() == {entry.name for entry in datasets.entries()}
    assert all(label for choices in CHOICES.values() for label in choices.values())


@pytest.mark.parametrize(("card", "option"), OPTIONS, ids=lambda each: each.name)
def test_every_option_has_a_title_and_words_for_its_choices(card, option):
    assert title(f"options.{option.name}", card.name) == option.title
    for choice in option.choices:
        assert isinstance(choice, int) or choice in CHOICES[f"options.{option.name}"]
        assert words(f"options.{option.name}", choice)


def test_every_setting_has_a_title_of_its_own():
    titles = [title(name, "lenet") for name in settings(RunConfig.make())]
    assert len(set(titles)) == len(titles)
    assert not set(titles) & {*RunConfig.model_fields, *(option.name for _, option in OPTIONS)}


def test_values_are_in_words():
    assert words("limit", None) == "all images"
    assert (words("nesterov", True), words("options.batch_norm", False)) == ("yes", "no")
    assert (words("optimizer", "sgd"), words("options.activation", "relu")) == ("SGD", "ReLU")
    assert (words("options.hidden", (120, 84)), words("learning_rate", 0.1), words("device", "cuda:1")) == (
        "120, 84",
        "0.1",
        "cuda:1",
    )


def test_what_a_setting_is_used_with_exists():
    for name, (other, choices) in USED_WITH.items():
        assert name in RunConfig.model_fields
        assert set(choices) < set(setting(other).choices)


def test_a_setting_is_used_with_the_choices_that_read_it():
    assert USED_WITH == {
        "momentum": ("optimizer", ("sgd", "rmsprop")),
        "nesterov": ("optimizer", ("sgd",)),
        "step_epochs": ("schedule", ("step",)),
        "step_factor": ("schedule", ("step",)),
        "warmup_epochs": ("schedule", ("warm-up",)),
        "cycle_momentum": ("schedule", ("one-cycle",)),
    }


def test_the_form_shows_these_words(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab, architecture="lenet")

    lists = {each.label: each.options for each in app.selectbox}
    for field in WITH_CHOICES:
        assert lists[field.title] == [words(field.name, choice) for choice in field.choices]
    for option in (option for card, option in OPTIONS if card.name == "lenet" and option.choices):
        assert lists[option.title] == [words(f"options.{option.name}", choice) for choice in option.choices]
    numbers = {each.label: each.proto.placeholder for each in app.number_input}
    for field in FIELDS:
        if field.optional and not field.choices:
            assert numbers[field.title] == EMPTY[field.name]


def test_the_runs_page_the_comparison_and_the_report_show_these_words(monkeypatch, lab):
    config = RunConfig.make(optimizer="adam", schedule="cosine")
    other = RunConfig.make(architecture="mlp", dataset="mnist", limit=50, normalization="half", compile=True)
    in_words = [{(title(name, c.architecture), words(name, value)) for name, value in settings(c).items()} for c in (config, other)]

    app = open_page(monkeypatch, "train", lab, run=lab.store.create(config, "token", "a run"))
    app.session_state[ALL_SETTINGS] = True
    app.run()
    table = next(each.value for each in app.dataframe if list(each.value.columns) == ["Setting", "Value"])
    assert set(table.itertuples(index=False, name=None)) == in_words[0]

    differing = differences([config, other])
    assert {("Optimiser", ("Adam", "SGD")), ("At most this many images", ("all images", "50"))} < {
        (each.title, each.values) for each in differing
    }
    report = html_report([run("0000000a", config=config), run("0000000b", config=other)], {}, {})
    for difference in differing:
        for place, value in enumerate(difference.values):
            assert value == "–" or (difference.title, value) in in_words[place]
            assert f"<bdi>{value}</bdi>" in report or f">{value}<" in report
