"""What a sweep may be: every value is checked before the start, and errors name setting, value and rule."""

from __future__ import annotations

import json

import pytest
from sweep_fakes import BASE, BATCH, RATE, Laboratory

from cnnlab.cli.varying import dimension_from
from cnnlab.errors import ConfigError, SweepNotFound
from cnnlab.runs.records import State
from cnnlab.sweeping import Sweeps
from cnnlab.sweeps.dimensions import Dimension
from cnnlab.sweeps.values import SweepConfig, Trial
from cnnlab.system import background
from cnnlab.system.home import sweep_folder


def varied(*dimensions, **settings) -> SweepConfig:
    return SweepConfig.make(base=BASE, dimensions=list(dimensions), **settings)


def values(setting, *given):
    return {"setting": setting, "values": list(given)}


def test_a_sweep_survives_json_and_knows_its_runs():
    hidden = values("options.hidden", [120, 84], [60])
    config = varied(RATE, BATCH, hidden, values("options.activation", "relu", "tanh"), method="random", runs=9, minutes=5)

    assert SweepConfig.from_json(config.to_json()) == config
    assert (config.total, config.combinations, config.goal) == (9, None, "validation accuracy")
    run = config.config({"learning_rate": 0.2, "batch_size": 16, "options.hidden": (60,), "options.activation": "tanh"})
    assert (run.learning_rate, run.batch_size, run.options["hidden"], run.options["activation"]) == (0.2, 16, (60,), "tanh")
    assert run.change(learning_rate=BASE.learning_rate, batch_size=BASE.batch_size, options=BASE.options) == BASE
    assert config.in_words({"learning_rate": 0.2, "options.hidden": (60, 5)}) == "learning rate 0.2, hidden layers 60, 5"


def test_a_grid_has_all_combinations_and_chance_no_more_than_there_are():
    epochs = {"setting": "epochs", "low": 2, "high": 10, "step": 4}
    assert varied(epochs, BATCH, method="grid", runs=1).total == 9
    assert varied(epochs, BATCH, method="tpe", runs=200).total == 9
    assert varied({"setting": "epochs", "low": 1, "high": 4}, method="grid").dimensions[0].choices == (1, 2, 3, 4)
    rates = {"setting": "learning_rate", "low": 0.1, "high": 0.4, "step": 0.1}
    assert varied(rates, method="grid").dimensions[0].choices == (0.1, 0.2, 0.3, 0.4)


def test_test_images_are_the_goal_only_without_validation_images():
    assert varied(BATCH).goal == "validation accuracy"
    assert SweepConfig.make(base=BASE.change(validation_share=0.0), dimensions=[BATCH]).goal == "test accuracy"


def test_another_architecture_comes_with_its_own_options():
    config = varied(values("architecture", "mlp", "lenet"), method="grid")
    assert config.config({"architecture": "mlp"}).architecture == "mlp"


def test_a_switch_that_another_value_makes_idle_is_refused_where_it_varies():
    momentum = BASE.change(momentum=0.9, nesterov=True)
    optimizers = values("optimizer", "sgd", "adam")
    assert SweepConfig.make(base=momentum, dimensions=[optimizers], method="grid").config({"optimizer": "adam"}).nesterov is False
    with pytest.raises(ConfigError, match="nesterov needs the optimizer sgd"):
        SweepConfig.make(base=momentum, dimensions=[optimizers, values("nesterov", True, False)], method="grid")


def test_a_number_from_a_range_has_three_digits_and_stays_in_it():
    rate = Dimension(setting="learning_rate", low=0.0123456, high=0.5)
    assert [rate.drawn(number) for number in (0.0123456, 0.01234561, 0.037281923, 0.5)] == [0.0123456, 0.0123456, 0.0373, 0.5]


@pytest.mark.parametrize(
    ("dimensions", "settings", "field", "sentence"),
    [
        ([values("learning_rate", 0.1, 500)], {}, "learning_rate", "learning_rate must be .* at most 100, not 500"),
        ([values("options.dropout", 0, 1.5)], {}, "options.dropout", "dropout must be a number from 0 to 0.95, not 1.5"),
        ([values("options.depth", 1, 2)], {}, "options.depth", "LeNet-5 has no option 'depth'"),
        ([values("lerning_rate", 1, 2)], {}, "lerning_rate", "did you mean learning_rate"),
        ([values("dataset", "mnist", "sample")], {}, "dataset", "dataset cannot vary in a sweep: accuracies on other images"),
        ([values("nesterov", True, False)], {}, "nesterov", "nesterov needs the optimizer sgd with a momentum above 0"),
        ([values("batch_size", 32, 32.0)], {}, "batch_size", "batch_size has the value '32' twice"),
        ([values("batch_size", 32)], {}, "batch_size", "batch_size needs 2 to 50 values, not 1"),
        ([{"setting": "batch_size", "low": 1, "high": 8.5}], {}, "batch_size", "must be in whole numbers, not 8.5"),
        ([{"setting": "optimizer", "low": 1, "high": 2}], {}, "optimizer", "optimizer is not a number, so it has no range"),
        ([{"setting": "momentum", "low": 0, "high": 0.9, "log": True}], {}, "momentum", "must begin above 0, not at 0"),
        ([{"setting": "momentum", "low": 0.9, "high": 0.1}], {}, "momentum", "must rise, but goes from 0.9 to 0.1"),
        ([{"setting": "epochs", "low": 1, "high": 20_000}], {}, "epochs", "epochs must be .* not 20000"),
        ([RATE | {"values": [1, 2]}], {}, "learning_rate", "either values or a range"),
        ([RATE], {"method": "grid"}, "learning_rate", "A grid needs the values of learning_rate"),
        ([values("seed", *range(15)), values("epochs", *range(1, 15))], {"method": "grid"}, "dimensions", "grid has 210 comb"),
        ([RATE, RATE], {}, "learning_rate", "learning_rate varies twice"),
        ([], {}, "dimensions", "varies 1 to 8 settings, not 0"),
        ([BATCH], {"runs": 201}, "runs", "runs must be a whole number from 1 to 200, not 201"),
        ([BATCH], {"minutes": 0}, "minutes", "minutes must be a whole number from 1 to 1,440, not 0"),
        ([BATCH], {"method": "luck"}, "method", "method must be one of grid, random, tpe, not 'luck'"),
        ([BATCH], {"budget": 1}, "budget", "There is no setting 'budget'"),
    ],
)
def test_an_impossible_sweep_is_one_sentence(dimensions, settings, field, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        varied(*dimensions, **settings)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "null", "7", '"x"', "{", '{"base": 1, "dimensions": []}', '{"base": {}, "dimensions": 3}'),
        *('{"base": {}, "dimensions": [{}]}', '{"base": {}, "dimensions": [{"setting": {}}]}', '{"dimensions": []}'),
        '{"base": {}, "dimensions": [{"setting": "epochs", "values": {"a": 1}}]}',
        '{"base": {}, "dimensions": [{"setting": "epochs", "low": NaN, "high": 3}]}',
        '{"base": {}, "dimensions": [{"setting": "epochs", "low": true, "high": 3}]}',
        '{"base": {}, "dimensions": [{"setting": "epochs", "low": 1, "high": 1e400}]}',
        '{"base": {}, "dimensions": [{"setting": "seed", "low": 0, "high": 9, "log": "yes"}]}',
        '{"base": {"epochs": "<b>"}, "dimensions": [{"setting": "seed", "values": [1, 2]}]}',
        '{"base": {}, "base": {}, "dimensions": [{"setting": "seed", "values": [1, 2]}]}',
        json.dumps({"base": {}, "dimensions": [{"setting": "seed", "values": [1, [[]], {}]}]}),
        json.dumps({"base": {}, "dimensions": [{"setting": "x" * 9_000, "values": [1, 2]}]}),
        json.dumps({"base": {}, "dimensions": [{"setting": "seed", "values": ["9" * 5_000, 1]}]}),
        "[" * 50_000,
        " " * 100_001,
    ],
    ids=lambda text: text[:50],
)
def test_hostile_json_is_refused_in_one_short_sentence(text):
    with pytest.raises(ConfigError) as caught:
        SweepConfig.from_json(text)
    assert len(str(caught.value)) < 900


@pytest.mark.parametrize(
    ("text", "dimension"),
    [
        ("learning_rate=0.01..0.5:log", {"setting": "learning_rate", "low": 0.01, "high": 0.5, "log": True}),
        ("batch-size=32..96:32", {"setting": "batch_size", "low": 32, "high": 96, "step": 32}),
        ("batch_size = 32, 64,128", {"setting": "batch_size", "values": [32, 64, 128]}),
        ("optimizer=sgd,adam", {"setting": "optimizer", "values": ["sgd", "adam"]}),
        ("patience=none,3", {"setting": "patience", "values": [None, 3]}),
        ("options.batch_norm=yes,no", {"setting": "options.batch_norm", "values": [True, False]}),
        ("options.hidden=120,84;60", {"setting": "options.hidden", "values": [(120, 84), (60,)]}),
    ],
)
def test_the_command_line_takes_lists_and_ranges(text, dimension):
    assert dimension_from(text, BASE) == dimension
    varied(dimension)


@pytest.mark.parametrize(
    "text", ["", "=1,2", "epochs", "epochs=", "epochs=1..", "epochs=..", "epochs=1..9:x", "options.hidden=a;b"]
)
def test_the_command_line_refuses_other_texts(text):
    with pytest.raises(ConfigError):
        dimension_from(text, BASE)


# What pages ask


@pytest.fixture
def ended(store, monkeypatch):
    """A laboratory whose sweep of two runs has ended."""
    monkeypatch.setattr(background, "ensure", lambda home: None)
    laboratory = Laboratory(store, runs=2, base=BASE.change(epochs=1), dimensions=[values("options.hidden", [120, 84], [60])])
    laboratory.work()
    laboratory.end_process()
    return laboratory


@pytest.fixture
def sweeps(store, monkeypatch):
    checked = []
    monkeypatch.setattr(background, "ensure", lambda home: None)

    class Queueing:
        def check(self, config, data, owner):
            checked.append(config)

    facade = Sweeps(store, Queueing(), None, store.delete)
    facade.checked = checked
    return facade


def test_a_sweep_begins_once_and_only_if_its_base_may(sweeps):
    config = varied(BATCH)
    first = sweeps.start(config, token="a", owner="Ana")

    assert sweeps.start(config, token="a") == first
    assert sweeps.checked == [BASE]
    (sweep,) = sweeps.all()
    assert (sweep.name, sweep.owner, sweep.state, sweep.trials) == (BASE.title, "Ana", "running", ())
    assert sweeps.get(first) == sweep
    with pytest.raises(SweepNotFound):
        sweeps.get("../../etc")


def test_the_csv_has_a_row_for_each_trial(sweeps, ended):
    header, *rows = sweeps.csv(ended.id).removeprefix("\ufeff").splitlines()

    assert header == "trial,run,state,options.hidden,validation accuracy,epochs done,epochs,seconds,message"
    assert {row.split(",", 3)[3] for row in rows} == {'"120, 84",0.9,1,1,9.0,', "60,0.9,1,1,9.0,"}


def test_deleting_a_sweep_keeps_its_runs_unless_asked(sweeps, ended, store):
    run_id = ended.sweep.run_ids[0]
    store.resume(store.create(BASE, "other"))  # another run stays
    sweeps.delete(ended.id, with_runs=True)

    assert sweeps.all() == ()
    assert [run.id for run in store.runs() if run.state is State.FINISHED] == []
    assert run_id not in [run.id for run in store.runs()]
    assert len(store.runs()) == 1
    assert not sweep_folder(store.home, ended.id).exists()


def test_a_trial_whose_run_was_deleted_keeps_its_result(sweeps, ended, store):
    store.delete(ended.sweep.run_ids[0])
    trial: Trial = sweeps.trials(ended.id)[0]

    assert (trial.run_id, trial.state, trial.accuracy) == ("", "finished", 0.9)
