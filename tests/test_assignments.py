"""Assignments: what a learner may change, what counts as reached, and what a teacher gets."""

import json
from dataclasses import replace

import pytest
from page_fakes import open_page, widget
from page_runs import RunsLab
from pydantic import ValidationError

from cnnlab.assignments import Assignments, Task, goal
from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError, RunNotFound, RunStateError
from cnnlab.learn import Catalogue, Learners
from cnnlab.runs.records import State
from pages._parts import visitor
from pages._parts.assignments import table as table_page
from pages._parts.assignments import task as task_page

BASE = RunConfig.make(epochs=5, learning_rate=0.9, options={"activation": "relu"})
TASK = Task(
    title="Mend the rate", text="Why does it not learn?", config=BASE,
    free=("learning_rate", "epochs", "options.pooling"), target=0.5, epochs=8, minutes=2,
)  # fmt: skip


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


@pytest.fixture
def assignments(lab, tmp_path):
    return Assignments(tmp_path, lab.run)


def trained(lab, config=BASE, accuracy=0.6, token="t"):
    run_id = lab.start(config, token=token, owner="Ana")
    lab.begin(run_id)
    lab.epoch(run_id, 1, accuracy)
    lab.store.transition(run_id, State.FINISHED)
    return run_id


def test_free_settings_may_change_and_no_others():
    assert TASK.problem(BASE) == ""
    assert TASK.problem(BASE.change(learning_rate=0.1, device="cpu", options=BASE.options | {"pooling": "max"})) == ""
    assert TASK.problem(BASE.change(batch_size=32)) == "Batch size is 32, and this assignment fixes it at 256: set it back."
    assert TASK.problem(BASE.change(epochs=9)) == "Epochs is 9, and this assignment allows 8: choose fewer."
    assert "Architecture is MLP" in TASK.problem(BASE.change(architecture="mlp"))
    assert "Activation is sigmoid" in TASK.problem(BASE.change(options={"activation": "sigmoid"}))


def test_a_learners_values_make_a_configuration_or_a_sentence():
    assert TASK.with_values({"learning_rate": 0.1, "options.pooling": "max"}).learning_rate == 0.1
    with pytest.raises(ConfigError, match="this assignment fixes it at 256"):
        TASK.with_values({"batch_size": 32})
    with pytest.raises(ConfigError, match="learning_rate"):
        TASK.with_values({"learning_rate": -1})


@pytest.mark.parametrize(
    "change",
    [
        {"title": " "},
        {"text": "x" * 4_001},
        {"free": ("architecture",)},
        {"free": ("../../etc",)},
        {"free": ("options.depth",)},
        {"target": 1.5},
        {"target": float("nan")},
        {"minutes": -1},
        {"config": {"epochs": 0}},
        {"free": (), "epochs": 3},  # the fixed settings train 5
        {"more": 1},
    ],
)
def test_a_task_that_cannot_be_is_refused(change):
    with pytest.raises((ValidationError, ConfigError)):
        Task.model_validate(TASK.model_dump() | change)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (TASK, "a test accuracy of at least 50 % within 8 epochs and 2 minutes of training"),
        (TASK.model_copy(update={"target": None, "minutes": None, "epochs": 1, "free": ("epochs",)}), "training within 1 epoch"),
        (TASK.model_copy(update={"epochs": None, "minutes": None, "target": 0.805}), "a test accuracy of at least 80.5 %"),
        (TASK.model_copy(update={"epochs": None, "minutes": None, "target": None}), ""),
    ],
)
def test_the_goal_in_words(task, words):
    assert goal(task) == words


def test_what_was_made_is_found_by_its_id_alone(assignments, tmp_path):
    made = assignments.make(TASK, teacher="Ms Li")
    assert assignments.find(made.id) == made
    assert assignments.every() == (made,)
    for wrong in ("", "00000000", "../lab", made.id.upper() + "x", f"{made.id}/x"):
        assert assignments.find(wrong) is None
    file = tmp_path / "assignments" / f"{made.id}.json"
    for damaged in ("", "[]", '{"task": 1}', json.dumps(json.loads(file.read_text()) | {"made": None})):
        file.write_text(damaged)
        assert assignments.find(made.id) is None
        assert assignments.every() == ()


def test_a_run_is_handed_in_with_its_own_record(lab, assignments):
    made = assignments.make(TASK)
    run_id = trained(lab, BASE.change(learning_rate=0.1), accuracy=0.625)

    done = assignments.hand_in(made, run_id, learner="Ana")

    assert (done.run_id, done.accuracy, done.epochs, done.result) == (run_id, 0.625, 1, "reached")
    assert done.chosen == "learning rate 0.1, epochs 5, pooling average"
    assert assignments.handed_in(made) == (done,)
    again = assignments.hand_in(made, run_id, learner="Ana")  # a second press
    assert assignments.handed_in(made) == (again,)
    assignments.delete(made)
    assert assignments.find(made.id) is None
    assert assignments.handed_in(made) == ()
    assert lab.run(run_id).state is State.FINISHED


def test_what_breaks_the_task_or_has_no_result_is_not_taken(lab, assignments):
    made = assignments.make(TASK)
    waits = lab.start(BASE, token="waits")
    with pytest.raises(RunStateError, match="has not ended yet"):
        assignments.hand_in(made, waits, learner="Ana")
    with pytest.raises(ConfigError, match="Batch size is 32"):
        assignments.hand_in(made, trained(lab, BASE.change(batch_size=32)), learner="Ana")
    with pytest.raises(RunNotFound):
        assignments.hand_in(made, "../../x", learner="Ana")
    assert assignments.handed_in(made) == ()


@pytest.mark.parametrize(
    ("change", "reached"),
    [
        ({}, True),
        ({"best_test_accuracy": 0.49}, False),
        ({"seconds": 121.0}, False),
        ({"seconds": None}, False),
        ({"epochs_done": 9}, False),
    ],
)
def test_the_target_counts_within_the_budget(lab, tmp_path, change, reached):
    run = replace(lab.run(trained(lab)), **({"seconds": 60.0, "best_test_accuracy": 0.5} | change))
    assignments = Assignments(tmp_path, lambda _: run)
    assert assignments.hand_in(assignments.make(TASK), run.id, learner="").reached is reached


@pytest.fixture
def assigned(lab, tmp_path):
    lab.assignments = Assignments(tmp_path, lab.run)
    lab.lessons, lab.learners = Catalogue(tmp_path), Learners(tmp_path)
    return lab.assignments.make(TASK, teacher="Ms Li")


def button(app, label):
    (found,) = [each for each in app.button if each.label == label]
    return found


def test_a_learner_changes_what_is_free_trains_and_hands_in(monkeypatch, lab, assigned):
    monkeypatch.setattr(visitor, "_account", lambda: "Ana")
    for module in (task_page, table_page):
        monkeypatch.setattr(module, "visitor", lambda: "Ana")
    app = open_page(monkeypatch, "learn", lab, assignment=assigned.id)
    assert any("Why does it not learn?" in each.proto.body for each in app.get("html"))
    assert any("a test accuracy of at least 50 % within 8 epochs" in each.value for each in app.markdown)
    assert {each.label for each in app.number_input} == {"Learning rate", "Epochs"}

    widget(app.number_input, "Epochs").set_value(9).run()
    assert "this assignment allows 8" in app.error[0].value
    assert button(app, "Start training").disabled
    widget(app.number_input, "Epochs").set_value(1).run()
    widget(app.number_input, "Learning rate").set_value(0.1).run()
    button(app, "Start training").click().run()

    (run,) = lab.runs()
    assert (run.config.learning_rate, run.config.epochs, run.owner, run.tags) == (0.1, 1, "Ana", (assigned.tag,))
    assert button(app, "Hand in").disabled
    lab.begin(run.id)
    lab.epoch(run.id, 1, 0.625)
    lab.store.transition(run.id, State.FINISHED)
    app.run()
    button(app, "Hand in").click().run()
    assert [each.accuracy for each in lab.assignments.handed_in(assigned)] == [0.625]
    assert any("Handed in, target reached" in each.value for each in app.markdown)
    assert not any("Handed in: 1" in each.value for each in app.subheader)  # that is the teacher's


def test_the_teacher_sees_who_handed_in_what(monkeypatch, lab, assigned):
    lab.assignments.hand_in(assigned, trained(lab), learner="=Ana")
    for module in (task_page, table_page):
        monkeypatch.setattr(module, "visitor", lambda: "Ms Li")
    app = open_page(monkeypatch, "learn", lab, assignment=assigned.id)
    assert any("Handed in: 1" in each.value for each in app.subheader)
    row = app.dataframe[-1].value.iloc[0]
    assert (row["Best test accuracy, %"], row["Target"], row["Epochs"]) == (60.0, "reached", 1)
    assert not row["Learner"].startswith("=")


def test_on_a_laptop_a_better_run_handed_in_adds_a_row_and_deleting_leaves_the_page(monkeypatch, lab, tmp_path):
    lab.assignments = Assignments(tmp_path, lab.run)
    lab.lessons, lab.learners = Catalogue(tmp_path), Learners(tmp_path)
    assigned = lab.assignments.make(TASK, teacher="")
    worse, better = (lab.start(TASK.config.change(epochs=1, learning_rate=rate), token=str(rate)) for rate in (0.1, 0.2))
    for run_id, accuracy in ((worse, 0.4), (better, 0.7)):
        lab.tag(run_id, add=[assigned.tag])
        lab.begin(run_id)
        lab.epoch(run_id, 1, accuracy)
        lab.store.transition(run_id, State.FINISHED)
    app = open_page(monkeypatch, "learn", lab, assignment=assigned.id)
    for run_id, reached in ((worse, {40.0}), (better, {40.0, 70.0}), (worse, {40.0, 70.0})):
        next(each for each in app.button if each.key == f"hand in {run_id}").click().run()
        app.run()  # as the table does by itself
        assert set(app.dataframe[-1].value["Best test accuracy, %"]) == reached
        assert any(f"Handed in: {len(reached)}" in each.value for each in app.subheader)

    button(app, "Delete it").click().run()  # the rest of the page follows
    assert "assignment" not in app.query_params
    assert not any("Handed in" in each.value for each in app.subheader)


def test_a_wrong_address_is_a_sentence(monkeypatch, lab, assigned):
    app = open_page(monkeypatch, "learn", lab, assignment="<b>x")
    assert "There is no assignment" in app.error[0].value
    assert not app.exception


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "so 'batch_size', 'dropout' has no effect"), ("zh", "'batch_size', 'dropout' 不起作用")]
)
def test_settings_added_to_the_address_are_named_and_change_nothing(monkeypatch, lab, assigned, lang, words):
    app = open_page(monkeypatch, "learn", lab, assignment=assigned.id, batch_size="7", dropout="0.9", lang=lang)
    assert words in app.warning[0].value
    assert {"batch_size", "dropout"}.isdisjoint(app.query_params)
    fixed = dict(app.dataframe[0].value.itertuples(index=False))
    assert "256" in fixed.values()


def test_an_assignment_is_made_from_the_forms_settings(monkeypatch, lab, assigned):
    app = open_page(
        monkeypatch, "learn", lab, assignment="new", architecture="lenet", learning_rate="0.9", batch_size="64", epochs="5"
    )
    assert button(app, "Make the assignment").disabled
    widget(app.text_input, "Title").set_value("Two").run()
    widget(app.number_input, "Target: test accuracy, %").set_value(180).run()
    assert "Target (as a share) must be" in app.error[0].value
    widget(app.number_input, "Target: test accuracy, %").set_value(80).run()
    button(app, "Make the assignment").click().run()
    made = lab.assignments.every()[0]
    assert (made.task.title, made.task.target, made.task.config.learning_rate, made.task.free) == (
        "Two",
        0.8,
        0.9,
        ("learning_rate", "epochs"),
    )
    assert app.query_params["assignment"] in (made.id, [made.id])
