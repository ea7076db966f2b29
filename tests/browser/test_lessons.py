"""Each lesson as a learner goes through it in English: predict, try, answer, tick off; and the same lesson in Chinese.

Nothing is trained here: a stored run with the result that was measured stands for the learner's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from benchmarks.serving import Server, serving
from cnnlab import presets
from cnnlab.config import RunConfig
from cnnlab.events import EpochDone, RunStarted
from cnnlab.learn.catalogue import Catalogue
from cnnlab.learn.lesson import Band, Experiment, Lesson
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from pages._parts.forms.link import config_of

ENGLISH, CHINESE = ({each.id: each for each in Catalogue(Path("nowhere")).of(name).every} for name in ("en", "zh"))
RECIPES = {preset.name: preset for preset in presets.presets()}
ENGLISH_WORDS = re.compile(r"[A-Za-z’']+(?:[ ,;:]+[A-Za-z’']+){3,}")
PROSE = """() => {
  const main = document.querySelector('[data-testid=stMain]').cloneNode(true);
  main.querySelectorAll('code, pre, svg, style').forEach(part => part.remove());
  return main.textContent;
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("lab") / "home"
    with closing(Store(home)) as store:
        for lesson in ENGLISH.values():
            for experiment in lesson.header.experiment:
                if experiment.band:
                    record(store, config_of(experiment.parameters, RECIPES), experiment.band)
    with serving(home) as server:
        yield server


def record(store: Store, config: RunConfig, band: Band) -> None:
    """Stores a finished run that ended in the middle of the band; the same settings again are the same run."""
    run_id = store.create(config, config.to_json())
    if store.run(run_id).state is not State.QUEUED:
        return
    reached = (band.low + band.high) / 2
    flat = int(band.flat.partition("-")[0] or 0)
    store.transition(run_id, State.STARTING, device="cpu")
    store.add(run_id, RunStarted("cpu", "CPU", 61_706, 6_000, 1_000, 94, config.epochs, 10), to=State.RUNNING)
    for epoch in range(1, config.epochs + 1):
        accuracy = 0.1 if epoch <= flat else reached
        store.add(run_id, EpochDone(epoch, 94 * epoch, 0.5, accuracy, 0.5, accuracy, 0.1, 2.0, 0.5, 2.0 * epoch, 0.4))
    store.transition(run_id, State.FINISHED)


@pytest.mark.parametrize("name", ENGLISH)
def test_a_lesson_can_be_walked_to_its_end(request, walk, app, name):
    if list(ENGLISH).index(name) % 5 and not request.config.getoption("--slow"):
        pytest.skip("every fifth lesson is walked each time, all of them with --slow")
    lesson = ENGLISH[name]
    walk.goto(f"{app}/learn?lesson={name}")

    predict(walk, lesson)
    for experiment in lesson.header.experiment:
        if experiment.band:
            compared = box_of(walk, lesson, experiment).locator("[data-testid=stAlert]")
            compared.filter(has_text="This is what we measured.").wait_for()
    answer(walk, lesson)
    walk.get_by_role("button", name="Mark as done").click()
    walk.get_by_text("You have marked this lesson as done.").wait_for()
    assert not walk.locator("[data-testid=stException]").count()
    open_an_experiment(walk, lesson)

    walk.goto(f"{app}/learn?lesson={name}&lang=zh")
    walk.get_by_text("您已把这一课标为已完成").wait_for()
    assert walk.get_by_role("heading", level=1).inner_text() == CHINESE[name].header.title
    assert not walk.locator("[data-testid=stException]").count()
    prose = re.sub("（[^）]*）", "", walk.evaluate(PROSE))  # a term's English name stands in brackets
    assert ENGLISH_WORDS.findall(prose) == []
    assert walk.errors == []


def predict(walk, lesson: Lesson) -> None:
    asked = lesson.header.prediction
    walk.locator("[data-test-script-state=notRunning] .st-key-prediction").wait_for()
    box = walk.locator(".st-key-prediction")
    box.locator("[role=radiogroup] label").first.click()
    box.get_by_role("button", name="This is my prediction").click()
    box.get_by_text(f"You predicted “{plain(asked.options[0])}”").wait_for()


def answer(walk, lesson: Lesson) -> None:
    """Each question, wrong: the page gives the reason for this answer and for the right one. The first then right as well."""
    for place, quiz in enumerate(lesson.header.quiz):
        box = walk.locator(f".st-key-quiz-{lesson.id}-{quiz.id.replace('.', '-')}")
        wrong, right = next(option for option in quiz.options if not option.right), quiz.options[quiz.right]
        choose(box, quiz.options.index(wrong))
        box.get_by_text(f"Not “{plain(wrong.text).removesuffix('.')}”. {plain(wrong.reason)}").wait_for()
        box.get_by_text(f"Right is “{plain(right.text).removesuffix('.')}”. {plain(right.reason)}").wait_for()
        if place == 0:
            choose(box, quiz.right)
            box.get_by_text(f"Right. {plain(right.reason)}").wait_for()


def choose(box, place: int) -> None:
    box.locator("[role=radiogroup] label").nth(place).click()
    box.get_by_role("button", name="Check").click()


def open_an_experiment(walk, lesson: Lesson) -> None:
    """The first one that trains, else the first; the page that it opens has all of its settings."""
    experiment = next((each for each in lesson.header.experiment if each.page == "train"), lesson.header.experiment[0])
    trains = experiment.page == "train"
    label = "Open it in the form" if trains else plain(experiment.label)
    box_of(walk, lesson, experiment).get_by_role("link", name=label).click()

    walk.get_by_role("button", name="Start training").or_(walk.get_by_role("link", name="Train this network")).first.wait_for()
    address = urlsplit(walk.url)
    opened = dict(parse_qsl(address.query))
    assert address.path == ("/train" if trains else "/"), "these lessons begin on Design or Train"
    if trains:
        assert config_of(opened, RECIPES) == config_of(experiment.parameters, RECIPES)
    else:
        assert opened.items() >= experiment.parameters.items()


def box_of(walk, lesson: Lesson, experiment: Experiment):
    return walk.locator(f".st-key-experiment-{lesson.id}-{experiment.id.replace('.', '-')}")


def plain(markdown: str) -> str:
    return re.sub(r"[*`]", "", markdown)
