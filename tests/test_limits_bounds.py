"""Each limit at its exact bound, what a lab says that it allows, and with which figures a run is checked against it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from cnnlab import epoch_flow, epoch_predictions, epoch_weights
from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError, LimitError
from cnnlab.forecasts import admission, limits, limits_file
from cnnlab.forecasts.admission import Admission, Admitted
from cnnlab.forecasts.limits import Limits, checkpoint_bytes
from cnnlab.forecasts.usage import Usage
from cnnlab.runs.records import State
from cnnlab.system.home import run_folder

CONFIG = RunConfig.make(epochs=20, image_size=64)


def refused(limit, **measured):
    try:
        limit.check(CONFIG, **measured)
    except LimitError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("limit", "allowed", "over"),
    [
        (Limits(parameters=999), {"parameters": 999}, {"parameters": 1_000}),
        (Limits(max_seconds=60), {"seconds": 60.0}, {"seconds": 60.5}),
        (Limits(max_seconds=60), {"seconds": 40.0, "trained": 20.0}, {"seconds": 40.0, "trained": 20.5}),
        (Limits(max_seconds=60), {"trained": 59.5}, {"trained": 60.0}),
        (Limits(disk=10**6), {"disk_bytes": 10**6, "own_bytes": 10**9}, {"disk_bytes": 10**6 + 1, "own_bytes": 10**9}),
        (
            Limits(disk=10**6),
            {"disk_bytes": 400_000, "promised_bytes": 600_000, "own_bytes": 10**9},
            {"disk_bytes": 400_000, "promised_bytes": 600_001, "own_bytes": 10**9},
        ),
    ],
    ids=["parameters", "seconds", "seconds in all", "seconds before", "disk", "disk with others"],
)
def test_a_limit_allows_its_own_value_and_no_more(limit, allowed, over):
    assert refused(limit, **allowed) == ""
    assert refused(limit, **over) != ""


@pytest.mark.parametrize(("name", "value"), [("epochs", 20), ("image_size", 64)])
def test_the_settings_of_a_run_may_reach_their_limit(name, value):
    assert refused(Limits(**{name: value})) == ""
    assert f"1 more than the {value - 1}" in refused(Limits(**{name: value - 1}))


@pytest.mark.parametrize(
    ("trained", "words"), [(60.0, "all that"), (60.9, "all that"), (61.0, "1 second longer than the 60 seconds that")]
)
def test_a_run_that_has_had_its_time_says_by_how_much(trained, words):
    sentence = f"This run has trained for {round(trained)} seconds, {words} this lab allows; what it has learned is kept."
    assert refused(Limits(max_seconds=60), trained=trained).startswith(f"{sentence} Your teacher")


def test_the_disk_is_counted_with_what_other_runs_will_take(monkeypatch):
    monkeypatch.setattr(limits, "checkpoint_bytes", lambda config, parameters: 1_000 * parameters)

    sentence = refused(
        Limits(disk=10_000_000), parameters=5_000, own_bytes=1_500_000, disk_bytes=6_000_000, promised_bytes=2_000_000
    )

    assert sentence.removesuffix(" Your teacher, or the host of this lab, can raise this limit (disk).") == (
        "The lab's folder takes 6 MB, runs that wait or train will take 2 MB more and this run's checkpoints need about 3.5 MB "
        "while it trains, 1.5 MB more than the 10 MB that this lab allows: delete runs that you no longer need."
    )


def test_of_several_limits_the_first_is_named():
    every = {"epochs": 19, "image_size": 63, "parameters": 9, "max_seconds": 5, "disk": 7}
    measured = {"parameters": 10, "seconds": 6.0, "disk_bytes": 8}
    names = []
    while every:
        with pytest.raises(LimitError) as caught:
            Limits(**every).check(CONFIG, **measured)
        names.append(caught.value.field)
        del every[next(iter(every))]
    assert names == ["epochs", "image_size", "architecture", "epochs", ""]


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        ({}, ""),
        ({"epochs": 1_500}, "This lab allows up to 1,500 epochs."),
        ({"max_seconds": 5_400, "image_size": 96}, "This lab allows up to 1.5 hours of training and images of 96 pixels a side."),
        (
            {"epochs": 7, "parameters": 30_000_000, "runs_per_owner": 3, "disk": 20 * 10**9},
            "This lab allows up to 7 epochs, 30,000,000 parameters, 3 of your runs at a time and 20 GB for all runs.",
        ),
    ],
)
def test_what_a_lab_allows_is_one_sentence(allowed, words):
    assert Limits(**allowed).in_words() == words


@pytest.mark.parametrize(
    ("most", "runs", "wait"),
    [(3, 2, None), (3, 3, "one has ended"), (3, 4, "2 have ended"), (1, 0, None), (1_000, 2_500, "1,501 have ended")],
)
def test_an_owner_may_have_as_many_runs_as_allowed(most, runs, wait):
    if wait is None:
        Limits(runs_per_owner=most).admit(runs)
        return
    with pytest.raises(
        LimitError, match=f"You have {runs:,} runs waiting or training, and this lab allows {most:,} at a time: wait until {wait}"
    ):
        Limits(runs_per_owner=most).admit(runs)


@pytest.mark.parametrize(("length", "whole"), [(100_000, True), (100_001, False)])
def test_a_file_of_limits_has_a_hundred_thousand_bytes_at_most(tmp_path, length, whole):
    path = tmp_path / "limits.toml"
    path.write_text("epochs = 3\n#".ljust(length, "x"))
    if whole:
        assert limits_file.load(path).epochs == 3
    else:
        with pytest.raises(ConfigError, match="longer than 100,000 bytes"):
            limits_file.load(path)


def test_a_file_that_is_nested_too_deeply_is_a_sentence(tmp_path, monkeypatch):
    def nested(text):
        raise RecursionError

    (tmp_path / "limits.toml").write_text("epochs = 3")
    monkeypatch.setattr(limits_file.tomllib, "loads", nested)
    with pytest.raises(ConfigError) as caught:
        limits_file.load(tmp_path / "limits.toml")
    assert str(caught.value) == "The file of limits limits.toml (CNNLAB_LIMITS) cannot be used: it is nested too deeply."


def test_the_smallest_limits_are_one_and_they_do_not_change():
    smallest = Limits(epochs=1, max_seconds=0.001, image_size=1, parameters=1, runs_per_owner=1, disk=1)
    with pytest.raises(ValidationError, match="frozen"):
        smallest.epochs = 2


@pytest.mark.parametrize(
    ("settings", "copies", "tests"),
    [
        ({}, 1, 10_000),
        ({"momentum": 0.9}, 2, 10_000),
        ({"optimizer": "adam"}, 3, 10_000),
        ({"optimizer": "rmsprop", "momentum": 0.9}, 3, 10_000),
        ({"limit": 500}, 1, 500),
        ({"validation_share": 0.1}, 1, 16_000),
    ],
)
def test_what_checkpoints_take_is_added_up(monkeypatch, settings, copies, tests):
    recorded = []
    monkeypatch.setattr(epoch_predictions, "file_bytes", lambda images, epochs: recorded.append((images, epochs)) or 77)
    monkeypatch.setattr(epoch_flow, "file_bytes", lambda epochs: 11 * epochs)
    monkeypatch.setattr(epoch_weights, "total_bytes", lambda parameters, epochs: parameters // 8 + epochs)
    config = RunConfig.make(dataset="mnist", epochs=7, **settings)

    found = checkpoint_bytes(config, 1_000)

    assert found == 77 + 11 * 7 + 125 + 7 + 4 * (4 * copies * 1_000 + tests * 5 + 7 * 150 + 30_000)
    assert recorded == [(min(tests, 10_000), 7)]


# The figures with which a run is checked


class Checked:
    """The limits of every owner, who count as themselves, that write down what they are asked."""

    together, disk_per_owner = False, None

    def __init__(self, disk=1) -> None:
        self.disk, self.asked = disk, []

    def of(self, owner):
        return self

    def account(self, owner):
        return owner

    def model_dump(self, **_how):
        return {"disk": self.disk}

    def check(self, config, **figures):
        self.asked.append((config, figures))


class Forecasts:
    def __init__(self, epoch=3.0) -> None:
        self.epoch, self.calls = epoch, []

    def table(self, config):
        return SimpleNamespace(parameters=1_000 + config.epochs)

    def check(self, config, table):
        self.calls.append(("check", config, table.parameters))
        return SimpleNamespace(seconds_total=44.0)

    def forecast(self, config, *, table, calibrate):
        self.calls.append(("forecast", config, table.parameters, calibrate))
        return SimpleNamespace(seconds_per_epoch=self.epoch)


@pytest.fixture
def asked(store, monkeypatch):
    """An admission whose limits and forecasts write down what they are asked; checkpoints need a byte a parameter."""
    checked = Checked()
    monkeypatch.setattr(admission, "rules", lambda home: checked)
    monkeypatch.setattr(limits, "checkpoint_bytes", lambda config, parameters: parameters)
    monkeypatch.setattr(admission, "folder_bytes", lambda home: 5_000 if home == store.home else -1)
    return SimpleNamespace(checked=checked, forecasts=Forecasts(), store=store)


def fill(store, run_id, count):
    run_folder(store.home, run_id).mkdir(parents=True)
    (run_folder(store.home, run_id) / "last.pt").write_bytes(bytes(count))


def test_a_new_run_is_checked_with_its_forecast_and_what_others_will_take(asked):
    store = asked.store
    first, second, ended = (
        store.create(CONFIG.change(epochs=n), str(n), state=s)
        for n, s in ((10, State.QUEUED), (20, State.RUNNING), (30, State.QUEUED))
    )
    store.stop(ended)
    fill(store, first, 300)  # of 1,010
    fill(store, second, 2_000)  # more than its 1,020: it promises nothing

    answer = Admission(asked.forecasts, store).new(CONFIG)

    figures = {"parameters": 1_020, "seconds": 44.0, "trained": 0.0, "disk_bytes": 5_000, "own_bytes": 0, "promised_bytes": 710}
    figures |= {"used": Usage(0, 0, None, 1, 1), "together": False}
    assert (answer, asked.checked.asked) == (Admitted(asked.checked), [(CONFIG, figures)])
    assert asked.forecasts.calls == [("check", CONFIG, 1_020)]


def test_without_a_limit_on_the_disk_no_file_is_counted(asked):
    asked.checked.disk = None
    asked.store.create(CONFIG, "t")

    Admission(asked.forecasts, asked.store).new(CONFIG)

    (_, figures) = asked.checked.asked[0]
    assert (figures["disk_bytes"], figures["own_bytes"], figures["promised_bytes"]) == (0, 0, 0)


@pytest.mark.parametrize(("epoch", "seconds", "left"), [(3.0, 12.5, 39.0), (None, None, None)])
def test_a_run_that_goes_on_is_checked_with_what_is_left(asked, epoch, seconds, left):
    run_id = asked.store.create(CONFIG, "t", state=State.PAUSED)
    with asked.store.transaction(write=True) as connection:
        connection.execute("UPDATE runs SET epochs_done = 7, seconds = ?, ended = 1 WHERE id = ?", (seconds, run_id))
    fill(asked.store, run_id, 123)
    asked.forecasts.epoch = epoch

    Admission(asked.forecasts, asked.store).further(asked.store.run(run_id), CONFIG)

    figures = {
        "parameters": 1_020,
        "seconds": left,
        "trained": seconds or 0.0,
        "disk_bytes": 5_000,
        "own_bytes": 123,
        "promised_bytes": 0,
        "used": Usage(0, 0, None, 0),
        "together": False,
    }
    assert asked.checked.asked == [(CONFIG, figures)]
    assert asked.forecasts.calls == [("forecast", CONFIG, 1_020, False)]


@pytest.mark.parametrize("state", State)
def test_only_a_run_at_rest_is_checked_before_it_goes_on(asked, state):
    run = asked.store.run(asked.store.create(CONFIG, "t", state=state))

    answer = Admission(asked.forecasts, asked.store).further(run, CONFIG)

    at_rest = state in (State.PAUSED, State.STOPPED, State.FINISHED, State.FAILED, State.INTERRUPTED)
    assert bool(asked.checked.asked) is at_rest
    assert answer == (Admitted(asked.checked) if at_rest else Admitted())
