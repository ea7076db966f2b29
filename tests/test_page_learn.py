"""The Learn page: the list, a lesson from its prediction to its end, its experiments beside ours, and addresses."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from page_fakes import network_html, open_page, widget
from page_runs import RunsLab

from cnnlab.assignments import Assignments
from cnnlab.config import RunConfig
from cnnlab.errors import LimitError, StoreError
from cnnlab.learn.catalogue import Catalogue
from cnnlab.learn.lesson import FIGURES
from cnnlab.learn.progress import Learners
from cnnlab.runs.records import State
from pages._parts import visitor
from pages._parts.learn import learner
from pages._parts.learn.figures import DRAW
from pages._parts.learn.figures.worked import convolved, window_over

LESSONS = Path(__file__).parent / "lessons"
RELU = {"options": {"activation": "relu"}, "learning_rate": 0.9, "batch_size": 64, "epochs": 6}
TEXT = (LESSONS / "en" / "06-made-up.md").read_text(encoding="utf-8")


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    lab.lessons = Catalogue(tmp_path, shipped=LESSONS)
    lab.learners = Learners(tmp_path)
    lab.assignments = Assignments(tmp_path, lab.run)
    yield lab
    lab.store.close()


@pytest.fixture(autouse=True)
def _a_visitor(monkeypatch):
    """The visitor is called Ada."""
    for module in (visitor, learner):
        monkeypatch.setattr(module, "visitor", lambda: "Ada")
    for name in ("experiment", "runs"):
        monkeypatch.setattr(f"pages._parts.learn.{name}.visitor", lambda: "Ada")


@pytest.fixture
def opened(monkeypatch, lab):
    return lambda **address: open_page(monkeypatch, "learn", lab, **{"lesson": "made-up"} | address)


def text(app):
    kinds = (app.markdown, app.caption, app.info, app.warning, app.success, app.error)
    return "\n".join(element.value for kind in kinds for element in kind)


def links(app):
    return {link.proto.label: f"{link.proto.page}?{link.proto.query_string}" for link in app.get("page_link")}


def address(app):
    return {name: "".join(value) for name, value in app.query_params.items()}


def press(app, label):
    return widget(app.button, label).click().run()


def predicted(app, option="It stays at 10 %"):
    app.radio[0].set_value(app.radio[0].options.index(option)).run()
    return press(app, "This is my prediction")


def test_the_list_marks_what_is_done_and_what_is_next(monkeypatch, lab, tmp_path):
    for number in (7, 8):
        (tmp_path / "lessons" / "en").mkdir(parents=True, exist_ok=True)
        changed = TEXT.replace('"made-up"', f'"more-{number}"').replace("number = 6", f"number = {number}")
        (tmp_path / "lessons" / "en" / f"{number:02}-more-{number}.md").write_text(changed, encoding="utf-8")
    lab.learners.finish("name Ada", "made-up")

    app = open_page(monkeypatch, "learn", lab)

    assert not app.exception
    states = [re.search(r"6 minutes · \*\*(.+?)\*\*", each.value)[1] for each in app.caption if "minutes" in each.value]
    assert states == ["done", "next", "not begun"]
    assert [bar.proto.text for bar in app.get("progress")] == ["1 of 3 lessons done"]
    app = press(app, "Begin lesson 7: Sigmoid, ReLU and the learning rate")
    assert address(app) == {"lesson": "more-7"}
    assert address(press(press(app, "Read on without a prediction"), "Next lesson: Sigmoid, ReLU and the learning rate")) == {
        "lesson": "more-8"
    }


def test_before_the_prediction_only_the_first_section_stands_there(opened, lab):
    app = opened()

    assert "Why does one rate not suit all?" in text(app)
    assert "at most a quarter" not in text(app)
    assert "0.9 is too large a step" not in text(app)
    app = predicted(app, "It learns faster")

    assert "✗ You predicted “It learns faster”. The answer: “It stays at 10 %”." in text(app)
    assert "0.9 is too large a step for ReLU." in text(app)
    assert "at most a quarter" in text(app)
    assert lab.learners.progress("name Ada")["made-up"].prediction == 0
    assert text(opened()).count("You predicted “It learns faster”") == 2, "also at the end, and after a reload"


def test_without_a_name_a_prediction_is_kept_for_this_browser(monkeypatch, opened, lab):
    monkeypatch.setattr(visitor, "visitor", lambda: "")
    monkeypatch.setattr(learner, "visitor", lambda: "")
    app = predicted(opened(), "It learns faster")

    assert "✗ You predicted “It learns faster”." in text(app)
    assert not app.toast


def test_one_can_read_on_without_a_prediction(opened, lab):
    app = press(opened(), "Read on without a prediction")

    assert "at most a quarter" in text(app)
    assert "0.9 is too large a step" not in text(app), "the answer waits for a prediction"
    assert not lab.learners.progress("name Ada")


def test_a_question_gives_the_reason_for_the_chosen_and_for_the_right_answer(opened, lab):
    app = predicted(opened())
    app = (
        widget(app.radio, "**:material/quiz: LeNet hardly converges after a change from sigmoid to ReLU. What helps?**")
        .set_value(0)
        .run()
    )
    assert "thrown about" not in text(app)
    app = press(app, "Check")

    assert "✗ **Not “More epochs”.** It is thrown about at every step." in text(app)
    assert "✓ **Right is “A learning rate of 0.1”.** ReLU passes the whole gradient" in text(app)
    app = press(app.radio[-1].set_value(1).run(), "Check")
    assert "✓ **Right.** ReLU passes" in text(app)
    assert lab.learners.progress("name Ada")["made-up"].answers == {"A6.1": 1}


def test_a_lesson_is_marked_as_done_and_can_be_begun_again(opened, lab):
    app = press(predicted(opened()), "Mark as done")

    assert "You have marked this lesson as done." in text(app)
    assert lab.learners.progress("name Ada")["made-up"].done
    app = press(app, "Start this lesson again")
    assert not lab.learners.progress("name Ada")
    assert "at most a quarter" not in text(app)


def test_an_experiment_opens_its_page_with_everything_set(opened):
    app = predicted(opened())

    assert links(app)["Compare LeNet with an MLP"].endswith("?architecture=lenet&compare=mlp")
    forms = [link.proto.query_string for link in app.get("page_link") if link.proto.label == "Open it in the form"]
    assert forms == [
        "architecture=lenet&activation=relu&learning_rate=0.9&batch_size=64&epochs=6",
        "architecture=lenet&learning_rate=0.9&batch_size=64&epochs=15",
    ]


def test_a_run_starts_in_the_lesson_with_a_tag_and_shows_its_bar(opened, lab):
    app = press(predicted(opened()), "Run it here")

    (run,) = lab.runs()
    assert run.config == RunConfig.make(**RELU)
    assert (run.name, run.owner, run.tags) == ("Train LeNet with ReLU at 0.9", "Ada", ("lesson:made-up/relu-high",))
    lab.begin(run.id)
    app = opened()
    assert [bar.proto.text for bar in app.get("progress")] == ["Training · 5 %"]
    assert "Watch its curves" in links(app)
    assert len([button for button in app.button if button.label == "Run it here"]) == 1, "of the other experiment"


def test_a_run_from_the_form_counts_and_stands_beside_ours(opened, lab):
    finished(lab, "a", 0.1, seed=3)
    finished(lab, "b", 0.5, batch_size=32)
    other = lab.made("c", owner="Zoë", **RELU)

    app = predicted(opened())

    assert "Yours: at chance in all 6 epochs, 10.0 % test accuracy; our 1 run: 10.0 %." in text(app)
    assert "This is what we measured." in text(app)
    assert other not in "".join(links(app).values())
    app = press(app, "Run it again with seed 0")
    assert lab.runs()[0].config.seed == 0


def finished(lab, word, accuracy, **settings):
    run_id = lab.made(word, owner="Ada", **RELU | settings)
    lab.begin(run_id)
    for number in range(1, 7):
        lab.epoch(run_id, number, accuracy)
    lab.store.transition(run_id, State.FINISHED)
    return run_id


def test_a_refused_run_is_a_sentence(opened, lab):
    lab.refusal = LimitError("epochs must be at most 3 in this lab, not 6.", "epochs")

    app = press(predicted(opened()), "Run it here")

    assert not app.exception
    assert [error.value for error in app.error] == ["Epochs must be at most 3 in this lab, not 6."]
    assert not lab.runs()


def test_what_cannot_be_kept_is_a_sentence(opened, lab, monkeypatch):
    def full(*_, **__):
        raise StoreError("What you do here cannot be kept.")

    monkeypatch.setattr(lab.learners, "predict", full)

    app = predicted(opened())

    assert not app.exception
    assert [toast.value for toast in app.toast] == ["What you do here cannot be kept\\."]


@pytest.mark.parametrize("lesson", ["nonsense", "../../etc/passwd", "", "<script>alert(1)</script>", "x" * 10_000])
def test_a_lesson_that_is_not_there_is_a_sentence_and_the_list(opened, lesson):
    app = opened(lesson=lesson)

    assert not app.exception
    assert "In the address: there is no lesson '" in app.warning[0].value
    assert len(app.warning[0].value) < 200
    assert address(app) == {}
    app = press(app, "6 · **Sigmoid, ReLU and the learning rate**")
    assert address(app) == {"lesson": "made-up"}
    assert not app.warning


def test_the_language_of_the_address_is_kept_and_english_stands_in(opened):
    app = opened(lang="zh")

    assert "这一课还没有译成您的语言" in text(app)
    assert address(press(app, "所有课程")) == {"lang": "zh"}


def test_a_broken_lesson_of_a_teacher_is_named_and_the_others_stay(monkeypatch, lab, tmp_path):
    (tmp_path / "lessons" / "en").mkdir(parents=True)
    (tmp_path / "lessons" / "en" / "15-mine.md").write_text("+++\n")

    app = open_page(monkeypatch, "learn", lab)

    assert "The lesson en/15-mine.md is left out. Line 1: it must begin with a header" in app.warning[0].value
    assert "6 · **Sigmoid, ReLU and the learning rate**" in [button.label for button in app.button]


def test_other_pages_lead_to_the_lesson_about_them(monkeypatch, lab, tmp_path):
    (tmp_path / "lessons" / "en").mkdir(parents=True)
    (tmp_path / "lessons" / "en" / "13-resnet.md").write_text(
        TEXT.replace('"made-up"', '"resnet"').replace("number = 6", "number = 13"), encoding="utf-8"
    )

    found = links(open_page(monkeypatch, "design", lab, architecture="resnet"))

    assert found["Learn about this: Sigmoid, ReLU and the learning rate"].endswith("?lesson=resnet")
    assert not [label for label in links(open_page(monkeypatch, "design", lab)) if label.startswith("Learn about")]


def test_every_figure_is_drawn_and_stated_in_words(monkeypatch, lab, tmp_path):
    places = "\n\n".join(f"[[figure: {name}]]" for name in FIGURES)
    (tmp_path / "lessons" / "en").mkdir(parents=True)
    (tmp_path / "lessons" / "en" / "06-made-up.md").write_text(TEXT.replace("[[figure: sigmoids]]", places), encoding="utf-8")

    app = press(open_page(monkeypatch, "learn", lab, lesson="made-up"), "Read on without a prediction")

    assert not app.exception
    assert set(DRAW) == set(FIGURES)
    words = text(app)
    for sentence in (
        "⌊(28 + 2 × 2 − 5) / 1⌋ + 1 = **28** rows and columns",
        "R is **1 place** away and B is **8 places** away",
        "The nine products add up to **3**.",
        "| convolution | 156 |",
        "| dense layer | 3,692,640 |",
        "¼ × ¼ × ¼ × ¼ = **1/256** of the gradient is left, 0.3906 %",
        "with **72 %** of its parameters",
        "test images, not normalised: 10.1 %",
        "LeNet-5: conv1 5 px, pool1 6 px, conv2 14 px, pool2 16 px.",
        "**LeNet-5**, 61,706 parameters and 416,520 MACs for one image.",
    ):
        assert sentence in words, sentence
    pictures = [html.proto.body for html in app.get("html") if "<img" in html.proto.body]
    assert len(pictures) == 7, "of the two tables the words are enough"
    assert all(re.search(r'alt="[^"]{20,}"', picture) for picture in pictures)
    assert any("cnn-bars" in html for html in network_html(app))
    encoded = re.search(r"base64,([A-Za-z0-9+/=]+)", pictures[0])[1]
    assert base64.b64decode(encoded).startswith(b"<svg xmlns=")


def test_a_window_that_does_not_fit_is_a_sentence(monkeypatch, lab, tmp_path):
    (tmp_path / "lessons" / "en").mkdir(parents=True)
    (tmp_path / "lessons" / "en" / "06-made-up.md").write_text(
        TEXT.replace("figure: sigmoids", "figure: size-formula"), encoding="utf-8"
    )
    app = press(open_page(monkeypatch, "learn", lab, lesson="made-up"), "Read on without a prediction")

    for label, value in (("Input, pixels a side (n)", 4), ("Window, pixels a side (k)", 11), ("Padding (p)", 0)):
        app = widget(app.slider, label).set_value(value).run()

    assert "A window of 11×11 does not fit on 4×4 pixels" in text(app)


def test_the_figures_count_as_torch_does():
    import torch

    for size, kernel, padding, stride in ((28, 5, 2, 1), (14, 5, 0, 1), (224, 11, 1, 4), (7, 3, 0, 2)):
        made = torch.nn.Conv2d(1, 1, kernel, stride, padding)(torch.zeros(1, 1, size, size)).shape
        assert window_over(size, kernel, padding, stride).made == (1, *made[2:])
    image = tuple(tuple(float((3 * row + column) % 5) for column in range(8)) for row in range(8))
    kernel = ((-1.0, 0.0, 1.0),) * 3
    expected = torch.nn.functional.conv2d(torch.tensor([[image]]), torch.tensor([[kernel]]))
    assert convolved(image, kernel, 2, 4).result == expected[0, 0, 2, 4]
