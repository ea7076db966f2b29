"""One sweep on the Runs page: its sentences, charts, table and buttons; and the line of all sweeps above the runs."""

from __future__ import annotations

import json
from dataclasses import replace

import plotly.graph_objects as go
import pytest
from page_fakes import open_page, switched_pages, widget
from page_sweeps import trial
from polling import fragments, poll
from test_page_runs import ComparingLab

from cnnlab.config import RunConfig
from cnnlab.errors import RunStateError
from cnnlab.intervals import chance_gap
from cnnlab.sweeps.values import SweepConfig
from pages._parts.sweeps.words import margin_sentence, near, progress_sentence, seconds_left

ID = "a0000001"
BASE = RunConfig.make(learning_rate=0.1, batch_size=64, epochs=4, validation_share=0.1)
RATE = {"setting": "learning_rate", "values": (0.01, 0.1, 1.0)}
NETWORK = {"setting": "options.activation", "values": ("sigmoid", "relu")}
GRID = SweepConfig.make(base=BASE, method="grid", prune=True, dimensions=(RATE, NETWORK))


def values(rate, activation):
    return {"learning_rate": rate, "options.activation": activation}


TRIALS = (
    trial(1, 0.7, **values(0.01, "sigmoid")),
    trial(2, 0.8, **values(0.01, "relu")),
    trial(3, 0.2, "pruned", **values(0.1, "sigmoid")),
    trial(4, 0.75, "training", **values(0.1, "relu")),
    trial(5, None, "failed", **values(1.0, "sigmoid")),
)


@pytest.fixture
def lab(tmp_path):
    lab = ComparingLab(tmp_path)
    lab.home = tmp_path
    yield lab
    lab.store.close()


@pytest.fixture
def opened(monkeypatch):
    return switched_pages(monkeypatch)


def with_run(lab, *trials, best=1):
    """The trials; the one of number `best` is a run in the store, as its accuracy says."""
    run_id = lab.ended("best", "LeNet, run 2", 0.79, options={"activation": "relu"}, learning_rate=0.01)
    return tuple(
        trial(each.number, each.accuracy, each.state, run_id if place == best else "", **each.values)
        for place, each in enumerate(trials)
    )


def sentences(app):
    bar = next(each.proto.text for each in app.get("progress"))
    return f"{texts(app)} {bar}".replace("\\", "")


def texts(app):
    return " ".join(each.value for each in (*app.markdown, *app.caption)).replace("\\", "")


def figures(app):
    """Each figure of the page's charts, by its label."""
    charts = [chart for each in app.get("bidi_component") for chart in json.loads(each.proto.bytes)["charts"]]
    return {chart["label"]: chart["figure"] for chart in charts}


def kept(lab, *trials, config=GRID, **changes):
    lab.sweeps.keep(ID, config, *trials, **changes)
    return lab.sweeps.get(ID)


def opened_sweep(monkeypatch, lab, sweep=ID):
    app = open_page(monkeypatch, "runs", lab, sweep=sweep)
    assert not app.exception, app.exception
    return app


def test_the_first_sentences_say_what_did_best_how_far_it_is_and_how_sure_that_is(monkeypatch, lab):
    kept(lab, *with_run(lab, *TRIALS))

    said = sentences(opened_sweep(monkeypatch, lab))

    assert "Best so far: 80.0 % validation accuracy with learning rate 0.01, activation ReLU." in said
    assert "On the test images, which chose nothing, it reaches 79.0 %." in said
    assert "4 of 6 runs are done, 1 stopped early, 1 failed. About 14 seconds left." in said


def test_runs_that_chance_alone_could_part_are_counted(lab):
    sweep = kept(lab, *TRIALS)
    gap = chance_gap(0.8, 600, 0.8, 600)

    assert near(sweep, 600) == (gap, ())  # 5 points away, and the gap is 4.5
    assert [each.number for each in near(sweep, 100)[1]] == [1, 4]
    assert margin_sentence(sweep, 600) == (
        "With 600 validation images, chance alone can part two equal runs by 4.5 points: no other run is that close to the best."
    )
    ended = kept(lab, *TRIALS, state="stopped")
    assert margin_sentence(ended, 100).endswith(
        "and 2 other runs are that close to the best: train the best again with other seeds to know."
    )
    assert margin_sentence(kept(lab, TRIALS[0]), 600) == ""


@pytest.mark.parametrize(
    ("trials", "changes", "expected"),
    [
        ((), {}, None),
        # Two train: 5 seconds each are left, and the one that has not begun takes as long as the others, 10.
        ((trial(1, 0.5), trial(2, 0.5), trial(3, 0.5), trial(4, 0.5, "training"), trial(5, 0.5, "training")), {}, 10.0),
        ((trial(1, 0.5, "training"),), {}, 55.0),
        ((trial(1, 0.5),), {"minutes": 1, "seconds": 50.0}, 10.0),
    ],
)
def test_the_time_left_follows_from_what_runs_have_taken(lab, trials, changes, expected):
    config = SweepConfig.make(base=BASE, method="grid", dimensions=(RATE, NETWORK), minutes=changes.pop("minutes", None))

    assert seconds_left(kept(lab, *trials, config=config, **changes)) == expected


@pytest.mark.parametrize(
    ("trials", "state", "sentence"),
    [
        ((), "running", "0 of 6 runs are done."),
        (TRIALS[:1], "stopped", "1 of 6 runs is done."),
        (tuple(trial(number, 0.5) for number in range(6)), "finished", "All 6 runs are done."),
        (TRIALS[:2], "finished", "2 of 6 runs are done."),  # its minutes were over
    ],
)
def test_how_far_a_sweep_is(lab, trials, state, sentence):
    assert progress_sentence(kept(lab, *trials, state=state)) == sentence


def test_charts_show_every_run_and_mark_what_was_stopped_early_by_a_symbol(monkeypatch, lab):
    kept(lab, *TRIALS)

    drawn = figures(opened_sweep(monkeypatch, lab))

    for figure in drawn.values():
        go.Figure(figure)  # raises where Plotly knows a name or value not
    rate, activation, parallel = (
        drawn["Validation accuracy against learning rate"], drawn["Validation accuracy against activation"],
        drawn["Settings and validation accuracy of the sweep's runs, a line for each"],
    )  # fmt: skip
    assert {trace["name"]: (trace["x"], trace["y"], trace["marker"]["symbol"]) for trace in rate["data"]} == {
        "Finished": ([0.01, 0.01], [70, 80], "circle"),
        "Stopped early": ([0.1], [20], "x"),
        "Training": ([0.1], [75], "circle-open"),
    }
    assert (rate["layout"]["xaxis"]["type"], activation["layout"]["xaxis"]["type"]) == ("log", "category")
    assert [axis["label"] for axis in parallel["data"][0]["dimensions"]] == [
        "Learning rate", "Activation", "State", "Validation accuracy, %",
    ]  # fmt: skip


def test_the_table_says_the_same_the_best_first_each_with_a_link_to_its_run(monkeypatch, lab):
    kept(lab, *TRIALS)

    table = opened_sweep(monkeypatch, lab).dataframe[0].value

    assert list(table["number"]) == [2, 4, 1, 3, 5]
    assert list(table["accuracy"])[:4] == [80, 75, 70, 20]
    assert list(table["options.activation"]) == ["ReLU", "ReLU", "sigmoid", "sigmoid", "sigmoid"]
    assert list(table["state"]) == ["Finished", "Training", "Finished", "Stopped early", "Failed"]
    assert table["open"][0] == "train?run=00000002"


def test_one_setting_needs_no_parallel_lines(monkeypatch, lab):
    config = SweepConfig.make(
        base=BASE, method="tpe", dimensions=({"setting": "learning_rate", "low": 0.01, "high": 1, "log": True},)
    )
    kept(lab, *(trial(number, 0.5, learning_rate=number / 8) for number in range(1, 9)), config=config)

    drawn = figures(opened_sweep(monkeypatch, lab))

    assert list(drawn) == ["Validation accuracy against learning rate"]


def test_it_can_be_stopped_and_goes_on(monkeypatch, lab):
    kept(lab, *TRIALS)
    app = opened_sweep(monkeypatch, lab)
    assert widget(app.button, "Delete …").disabled

    widget(app.button, "Stop").click().run()
    assert "Stopped." in texts(app)
    widget(app.button, "Resume").click().run()

    assert "Training." in texts(app)
    assert lab.sweeps.asked == [("stop", ID, "", True), ("resume", ID, "")]


def test_a_refusal_is_a_toast_and_another_owners_sweep_cannot_be_changed(monkeypatch, lab):
    kept(lab, *TRIALS)
    app = opened_sweep(monkeypatch, lab)
    lab.sweeps.refusal = RunStateError("It has ended already.")
    widget(app.button, "Stop").click().run()
    assert [each.value for each in app.toast] == [r"It has ended already\."]

    kept(lab, *TRIALS, owner="Ana")
    app = opened_sweep(monkeypatch, lab)
    assert widget(app.button, "Stop").disabled
    assert "This sweep belongs to Ana" in widget(app.button, "Stop").help


@pytest.mark.parametrize("with_runs", [False, True])
def test_deleting_asks_first_and_leaves_its_runs_unless_asked(monkeypatch, lab, with_runs):
    kept(lab, *TRIALS, state="stopped", name="*one*")
    app = opened_sweep(monkeypatch, lab)

    widget(app.button, "Delete …").click().run()
    widget(app.toggle, "Delete its 5 runs too").set_value(with_runs).run()
    assert lab.sweeps.kept
    widget(app.button, "Delete it").click().run()

    assert not app.exception
    assert lab.sweeps.asked == [("delete", ID, "", with_runs)]
    assert [each.value for each in app.toast] == [r"“\*one\*\: learning rate × activation” was deleted."]
    assert "sweep" not in app.query_params


def test_the_best_is_trained_again_with_two_more_seeds(monkeypatch, lab, opened):
    kept(lab, *with_run(lab, *TRIALS), state="finished")
    best = lab.runs()[0]
    app = opened_sweep(monkeypatch, lab)

    widget(app.button, "Train the best again with three seeds").click().run()

    assert [(run.name, run.config) for run in lab.queue()] == [
        (f"LeNet, run 2, seed {seed}", best.config.change(seed=seed)) for seed in (1, 2)
    ]
    ((page, address),) = opened
    assert (page, address["fold"]) == ("pages/runs.py", "true")
    assert [lab.run(each).config.seed for each in address["runs"].split(",")] == [0, 1, 2]


def test_its_runs_alone_are_one_click_away(monkeypatch, lab):
    run_id = lab.ended("a", "of the sweep")
    lab.ended("b", "another")
    lab.tag(run_id, add=[f"sweep {ID}"])
    kept(lab, trial(1, 0.5, run_id=run_id, **values(0.01, "relu")))
    app = opened_sweep(monkeypatch, lab)

    widget(app.button, "Compare its runs").click().run()

    assert not app.exception, app.exception
    assert not app.warning
    assert list(app.dataframe[0].value["Run"]) == ["of the sweep"]


def test_all_sweeps_stand_above_the_runs_and_open_with_a_click(monkeypatch, lab):
    for number in range(1, 5):
        lab.sweeps.keep(f"a000000{number}", GRID, *TRIALS, name=f"Sweep *{number}*", state="finished")
    app = open_page(monkeypatch, "runs", lab)
    links = [each for each in app.button if "runs · best" in each.label]
    assert [each.label for each in links] == [
        rf"Sweep \*{number}\*\: learning rate × activation · 4 of 6 runs · best 80.0 %" for number in (4, 3, 2, 1)
    ]
    assert "Nothing has been trained here yet" in app.info[0].value

    links[0].click().run()

    assert app.title[0].value == r"Sweep \*4\*\: learning rate × activation"
    widget(app.button, "All runs").click().run()
    assert app.title[0].value == "Runs"


@pytest.mark.parametrize("sweep", ["nothing", "../../etc", "<b>", "a" * 9_000])
def test_an_address_of_no_sweep_is_a_sentence_with_the_way_back(monkeypatch, lab, sweep):
    app = opened_sweep(monkeypatch, lab, sweep)

    assert app.error[0].value.startswith("There is no sweep")
    assert [each.label for each in app.button] == ["All runs"]


def test_it_moves_while_it_trains_and_rests_afterwards(monkeypatch, lab):
    # Without ids of runs there are no links: AppTest knows no pages where app.py is not run.
    trials = [replace(each, run_id="") for each in TRIALS]
    kept(lab, *trials)
    app = opened_sweep(monkeypatch, lab)
    assert len(fragments(app)) == 1

    trials[3] = replace(trials[3], accuracy=0.85, state="finished")
    kept(lab, *trials)
    assert "Best so far: 85.0 %" in texts(poll(app, monkeypatch))

    kept(lab, *trials, state="finished")
    assert "Finished. Best: 85.0 %" in texts(poll(app, monkeypatch)).replace("*", "")
