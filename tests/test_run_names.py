"""A run without a name of its own is shown in the reader's language and stored as it was; and what goes when runs are deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_runs import CONFIG, running

from cnnlab.i18n import using
from cnnlab.reports.comparison import labels
from cnnlab.run_names import name_of, note_of
from cnnlab.runs.store import Store
from cnnlab.twins import plan, repeated
from pages._parts.deletion import what_goes
from pages._parts.runs.filters import _matches

UNNAMED = "LeNet-5 on Fashion-MNIST sample"
IN_CHINESE = "LeNet-5（Fashion-MNIST 样例）"


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def test_a_run_without_a_name_is_shown_in_the_readers_language_and_stored_in_english(store):
    run_id = running(store, name=CONFIG.title)
    run, row = store.run(run_id), store.summaries().runs[0]

    assert (name_of(run), name_of(row)) == (UNNAMED, UNNAMED)
    with using("zh"):
        assert (name_of(run), name_of(row)) == (IN_CHINESE, IN_CHINESE)
        assert labels([run]) == (IN_CHINESE,)
        assert _matches(row, ["样例"])
    assert store.run(run_id).name == UNNAMED


TWIN = f"learning rate {CONFIG.learning_rate} instead of 0.5"


@pytest.mark.parametrize(
    ("tag", "name", "chinese"),
    [
        ("compare:0000000a", f"{UNNAMED}, seed 3", f"{IN_CHINESE}，随机种子 3"),
        ("compare:0000000a", f"LeNet-5, {TWIN}, seed 3", f"LeNet-5，学习率为 {CONFIG.learning_rate} 而不是 0.5，随机种子 3"),
        ("compare:0000000a", f"Tea, optimiser Adam instead of SGD, {TWIN}", "Tea，优化器为 Adam 而不是 SGD、学习率为"),
        ("sweep 0000000b", "Tea: at five: optimiser SGD, Nesterov momentum no", "Tea: at five：优化器 SGD、Nesterov 动量 否"),
        ("sweep 0000000b", "Tea: at five: optimiser SGD, nesterov momentum no", "Tea: at five：优化器 SGD、Nesterov 动量 否"),
        ("lesson:sigmoid-relu/sigmoid", "Sigmoid at 0.9, seed 3", "sigmoid，学习率 0.9，随机种子 3"),
        ("imported", f"{UNNAMED}, imported", f"{IN_CHINESE}，导入"),
    ],
)
def test_a_name_that_the_lab_made_is_shown_in_the_readers_language(store, tag, name, chinese):
    run_id = store.create(CONFIG.change(seed=3), token=tag, name=name)
    assert name_of(store.run(run_id)) == name
    with using("zh"):
        assert name_of(store.run(run_id)) == name  # nothing says that the lab made it
        store.tag(run_id, add=[tag])
        assert name_of(store.run(run_id)).startswith(chinese)
        assert name_of(store.summaries().runs[0]) == name_of(store.run(run_id))


@pytest.mark.parametrize(
    "name", ["Tea, seed 4", "Tea, learning rate 7 instead of 9", "Tea: at five", "茶，随机种子 3", "MLP, imported too"]
)
def test_a_name_that_says_other_settings_than_the_run_has_stays(store, name):
    run_id = store.create(CONFIG.change(seed=3), token="a", name=name)
    store.tag(run_id, add=["compare:0000000a"])
    with using("zh"):
        assert name_of(store.run(run_id)) == name


def test_what_a_reader_of_chinese_starts_is_stored_in_english(store):
    run = store.run(running(store, name=CONFIG.title))
    with using("zh"):
        assert repeated(run, [run]).runs[1].name == f"{UNNAMED}, seed 1"
        (twin,) = plan(run, CONFIG.change(learning_rate=0.25), [run]).twins
    assert twin.name.startswith("LeNet-5, learning rate 0.25 instead of")


@pytest.mark.parametrize(
    ("note", "chinese"),
    [
        ("Trained for a comparison with run 0000000a.", "为了与运行 0000000a 比较而训练。"),
        ("Trained for a comparison with run 0000000b.", "Trained for a comparison with run 0000000b."),  # typed: not the run's own
        ("Trained longer.", "Trained longer."),
        ("为了与运行 0000000a 比较而训练。", "为了与运行 0000000a 比较而训练。"),
    ],
)
def test_a_note_that_the_lab_wrote_is_shown_in_the_readers_language(store, note, chinese):
    run_id = store.create(CONFIG, token="a", name="Tea", note=note)
    store.tag(run_id, add=["compare:0000000a"])
    assert note_of(store.run(run_id)) == note
    with using("zh"):
        assert note_of(store.run(run_id)) == chinese


@pytest.mark.parametrize("name", ["MLP on Fashion-MNIST sample", "Tea on Friday", f"{UNNAMED}, again"])
def test_a_name_that_was_typed_stays_as_typed(store, name):
    run_id = running(store, name=name)
    with using("zh"):
        assert (name_of(store.run(run_id)), name_of(store.summaries().runs[0])) == (name, name)


def test_a_question_before_deleting_counts_epochs_only_of_a_run_that_has_some(store):
    run = replace(store.run(running(store, name="Tea")), parameters=None)

    never = "“Tea” has not trained yet, and will be deleted with its settings. **This cannot be undone.**"
    assert what_goes([run], 0) == never
    begun = what_goes([replace(run, parameters=10)], 1_000_000)
    assert begun.startswith("“Tea” will be deleted with its curves, weights and predictions. This frees 1 MB")
    trained = replace(run, parameters=10, epochs_done=3)
    assert what_goes([trained], 1_000_000, owner="Ana").startswith("The run “Tea” of Ana (3 epochs) will be deleted")
    assert what_goes([trained, run], 1_000_000).startswith("“Tea”, “Tea” will be deleted with their curves")
