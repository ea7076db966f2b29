"""The lessons that come with the program: the same in both languages, everything of the course covered, every link right."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from page_fakes import open_page
from page_runs import RunsLab

from cnnlab import presets
from cnnlab.architectures import cards
from cnnlab.config import RunConfig
from cnnlab.errors import ComputeError
from cnnlab.learn.catalogue import LANGUAGES, LESSONS, Catalogue
from cnnlab.learn.lesson import Lesson
from cnnlab.looking import Looking
from pages._parts.forms.link import config_of
from pages._parts.learn.links import OF_NETWORK, OF_PAGE

# The statements (S), questions (Q) and answered questions (A) of the course, by lesson and number.
ITEMS: list[str] = json.loads(Path(__file__).with_name("lesson_items.json").read_text(encoding="utf-8"))
NUMBERS = range(1, 15)
RECIPES = {preset.name: preset for preset in presets.presets()}


@cache
def lessons(language: str) -> dict[str, Lesson]:
    """By their id; none is English where another language is asked for."""
    every = Catalogue(Path("nowhere")).of(language)
    assert every.broken == ()
    return {lesson.id: lesson for lesson in every.every if lesson.language == language}


def queries(page: str) -> list[tuple[str, str]]:
    """The different addresses of one page in all lessons of both languages."""
    every = (each for language in LANGUAGES for lesson in lessons(language).values() for each in lesson.header.experiment)
    return sorted({(each.page, each.query) for each in every if (each.page == "train") == (page == "train")})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_lesson_is_there_and_can_be_read(language):
    found = lessons(language)

    assert [lesson.header.number for lesson in found.values()] == list(NUMBERS)
    assert len(list((LESSONS / language).glob("*.md"))) == len(NUMBERS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_item_of_the_course_is_covered(language):
    covered = frozenset[str]().union(*(lesson.markers for lesson in lessons(language).values()))

    assert len([item for item in ITEMS if item.startswith("S")]) == 122
    assert [item for item in ITEMS if item not in covered] == []
    assert sorted(item for item in covered if item[0] in "SQA" and item not in ITEMS) == []


def test_both_languages_have_the_same_parts():
    def parts(lesson: Lesson) -> dict[str, object]:
        header = lesson.header
        return {
            "number": header.number,
            "minutes": header.minutes,
            "prediction": (header.prediction.right, len(header.prediction.options)),
            "experiments": [(each.id, each.page, each.query, each.minutes, each.band) for each in header.experiment],
            "questions": [(each.id, [option.right for option in each.options]) for each in header.quiz],
            "mistakes": [each.id for each in header.mistake],
            "blocks": [(block.kind, block.text) for block in lesson.blocks if block.kind != "text"],
            "markers": lesson.markers,
        }

    english, chinese = (lessons(language) for language in LANGUAGES)
    assert english.keys() == chinese.keys()
    different = [
        (lesson_id, name)
        for lesson_id in english
        for name, value in parts(english[lesson_id]).items()
        if value != parts(chinese[lesson_id])[name]
    ]
    assert different == []


@pytest.mark.parametrize(("page", "query"), queries("train"))
def test_an_experiment_that_trains_is_a_run_that_the_form_would_start(page, query):
    parameters = dict(pair.split("=", 1) for pair in query.split("&") if pair)

    config = config_of(parameters, RECIPES)

    assert isinstance(config, RunConfig)
    for name, text in parameters.items():
        value = getattr(config, name, None) if name in RunConfig.model_fields and name != "options" else None
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            assert type(value)(text) == value, f"{name} is {value} in the form"


@pytest.mark.parametrize(("page", "query"), queries("elsewhere"))
def test_a_link_of_a_lesson_opens_its_page_and_nothing_in_it_is_unknown(monkeypatch, tmp_path, page, query):
    def no_answer(*_):
        raise ComputeError("No network answers in this test.")

    monkeypatch.setattr(Looking, "modes", no_answer)  # the page's address is what is tested here
    lab = RunsLab(tmp_path)
    lab.trained()
    parameters = dict(pair.split("=", 1) for pair in query.split("&") if pair)

    app = open_page(monkeypatch, page, lab, **parameters)

    problems = [box.value for kind in (app.warning, app.error) for box in kind if "address" in box.value]
    lab.store.close()
    assert not app.exception
    assert problems == []


def test_the_links_of_other_pages_lead_to_lessons_that_are_there():
    assert {*OF_NETWORK.values(), *OF_PAGE.values()} <= lessons("en").keys()
    assert set(OF_NETWORK) == {each.name for each in cards()}
