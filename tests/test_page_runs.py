"""The Runs page: all runs in a table, the selection in the address, and the selected runs side by side."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
import streamlit as st
from page_fakes import PIXEL, ROOT, cells, follow, open_page, widget
from page_runs import RunsLab
from polling import fragments, poll

from cnnlab.errors import CheckpointError, ConfigError
from cnnlab.reports.comparison import QUANTITIES
from cnnlab.runs.records import State
from cnnlab.values import Disagreement, DisagreementPage, Picture
from pages._parts.address import Address
from pages._parts.runs import compare, disagree, filters
from pages._parts.runs import table as runs_table
from pages._parts.runs.columns import FIGURES, drawn
from pages._parts.runs.table import MOST_IN_ADDRESS, choice, first_rows, in_address, parse_ids


class ComparingLab(RunsLab):
    """RunsLab that also answers the questions of the Runs page."""

    apart: CheckpointError | None = None

    def summaries(self):
        return self.store.summaries()

    def disagreements(self, first, second, *, right="any", offset=0, count=40):
        if self.apart:
            raise self.apart
        guesses = ((0, 1), (1, 0), (1, 2))  # added to the label: the first is right, the second, neither
        items = tuple(
            Disagreement(Picture(i, i % 10, PIXEL), tuple((i + more) % 10 for more in guesses[i % 3]), (0.5, 0.75))
            for i in range(50)
        )
        classes = tuple("abcdefghij")
        return DisagreementPage(classes, 100, (1, 1), 40, 50, 0, 0, len(items), items[offset : offset + count])

    def ended(self, word, name="", accuracy=0.5, **settings):
        run_id = self.made(word, name=name, epochs=2, **settings)
        self.begin(run_id)
        self.epoch(run_id, 1, accuracy / 2)
        self.epoch(run_id, 2, accuracy)
        self.store.transition(run_id, State.FINISHED)
        return run_id


@pytest.fixture
def lab(tmp_path):
    lab = ComparingLab(tmp_path)
    lab.home = tmp_path
    yield lab
    lab.store.close()


def texts(app):
    return " ".join(each.value for each in (*app.markdown, *app.caption))


def address_of(app):
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def names(app):
    return list(app.dataframe[0].value["Run"])


def links(app):
    """The page's links, without the one to the lesson about it."""
    return [link.proto.label for link in app.main.get("page_link") if link.proto.page != "learn"]


def test_an_empty_lab_leads_to_train(monkeypatch, lab):
    app = open_page(monkeypatch, "runs", lab)

    assert not app.exception
    assert "Nothing has been trained here yet" in app.info[0].value
    assert links(app) == ["Train your first network"]


def test_an_empty_lab_names_what_is_no_setting_and_nothing_else(monkeypatch, lab):
    sources = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("pages/_parts/runs/*.py"))
    settings = {*re.findall(r'"runs:(\w+)", "\1"', sources), "runs", "page", "state", "architecture", "dataset", "owner", "tag"}
    app = open_page(monkeypatch, "runs", lab, nobody="1", **dict.fromkeys(settings, "x"))

    assert len(settings) > 15
    assert [each.value for each in app.warning] == ["In the address: 'nobody' is not a setting of this page, so it has no effect."]


def test_all_runs_stand_in_the_table_newest_first_with_their_figures(monkeypatch, lab):
    lab.ended("a", "first", 0.8)
    lab.made("b", name="second")

    table = open_page(monkeypatch, "runs", lab).dataframe[0].value

    assert list(table["Run"]) == ["second", "first"]
    assert list(table["State"]) == ["Waiting for its turn", "Finished"]
    assert table["Best accuracy"][1] == pytest.approx(80)
    assert list(table["Curve"][1]) == pytest.approx([0.4, 0.8])
    assert table["Parameters"][1] == 61_706


@pytest.mark.parametrize(
    ("address", "left"),
    [
        ({"text": "SECOND"}, ["second"]),
        ({"text": "sec lenet"}, ["second"]),
        ({"state": "queued"}, ["third"]),
        ({"architecture": "mlp"}, ["third"]),
        ({"dataset": "mnist"}, ["second"]),
        ({"text": "first", "architecture": "mlp"}, []),
    ],
)
def test_filters_stand_in_the_address(monkeypatch, lab, address, left):
    lab.ended("a", "first")
    lab.ended("b", "second", dataset="mnist")
    lab.made("c", name="third", architecture="mlp")

    app = open_page(monkeypatch, "runs", lab, **address)

    assert not app.exception
    assert (names(app) if left else [info.value for info in app.info]) == (left or ["No run matches these filters."])


def test_owners_can_be_told_apart_where_there_are_several(monkeypatch, lab):
    config = lab.run(lab.ended("a", "nobody's")).config
    for owner in ("ada", "O'Brien, <b>"):
        lab.store.create(config, owner, f"of {owner}", owner=owner)

    app = open_page(monkeypatch, "runs", lab)
    widget(app.selectbox, "Owner").set_value("O'Brien, <b>").run()

    assert names(app) == ["of O'Brien, <b>"]


def test_a_link_opens_the_same_comparison(monkeypatch, lab):
    ids = [lab.ended("a", "first", 0.6), lab.ended("b", "second", 0.8, learning_rate=0.5)]

    app = open_page(monkeypatch, "runs", lab, runs=",".join(ids))

    assert not app.exception
    assert "2 selected" in texts(app)
    differing = app.dataframe[1].value
    assert list(differing["setting"]) == ["Learning rate"]
    assert list(differing.iloc[0])[1:] == ["0.1", "0.5"]
    assert "Best trade-offs: second. No other selected run is more accurate" in texts(app)
    assert app.session_state["runs:table"]["selection"]["rows"] == [0, 1]
    assert [button.proto.label for button in app.get("download_button")] == [
        "Report",
        "Comparison",
        "Metrics",
        "Configuration",
        "SVG",
    ]


def test_a_choice_draws_the_table_and_the_comparison_alone(monkeypatch, lab):
    # So many that there is no link to each: AppTest knows no pages where app.py is not run.
    ids = tuple(lab.ended(str(number), name=f"run {number}") for number in range(9))
    app = open_page(monkeypatch, "runs", lab, state="finished")

    app.session_state["runs:chosen"] = ids
    app = poll(app, monkeypatch)

    assert "## 9 selected" in texts(app)
    assert not [each for each in app.selectbox if each.label == "State"], "the filters are outside the fragment"
    assert address_of(app) == {"state": "finished", "runs": ",".join(ids)}


def test_a_choice_among_runs_of_a_moment_ago_draws_the_page_anew(monkeypatch, lab):
    lab.ended("a", name="first")
    app = open_page(monkeypatch, "runs", lab)

    lab.ended("b", name="second")
    app = poll(app, monkeypatch)

    assert names(app) == ["second", "first"]


@pytest.mark.parametrize(("state", "watched"), [(State.RUNNING, True), (State.INTERRUPTED, True), (State.FINISHED, False)])
def test_the_page_looks_again_while_a_run_may_go_on(monkeypatch, lab, state, watched):
    run_id = lab.made("a", name="trains", epochs=2)
    lab.begin(run_id)
    lab.epoch(run_id, 1, 0.5)
    if state is not State.RUNNING:
        lab.store.transition(run_id, state)

    app = open_page(monkeypatch, "runs", lab)

    assert len(fragments(app)) == 1 + watched


def test_who_comes_back_while_a_run_trains_loses_nothing(monkeypatch, lab):
    first = lab.ended("a", name="first")
    app = open_page(monkeypatch, "runs", lab, runs=first)
    follow(app, "data")
    answers = iter(range(100))  # each query finds a new version
    monkeypatch.setattr(lab, "summaries", lambda: replace(lab.store.summaries(), version=next(answers)), raising=False)

    follow(app, "runs")

    assert "## 1 selected" in texts(app)
    assert address_of(app) == {"runs": first}


def test_who_comes_back_finds_filter_and_choice_as_they_were(monkeypatch, lab):
    first = lab.ended("a", name="first")
    lab.made("b", name="waits")
    app = open_page(monkeypatch, "runs", lab, state="finished", runs=first)

    follow(app, "data")
    follow(app, "runs")

    assert names(app) == ["first"]
    assert "## 1 selected" in texts(app)
    assert address_of(app) == {"state": "finished", "runs": first}


def test_seeds_fold_where_there_are_several(monkeypatch, lab):
    ids = [lab.ended(str(seed), "same", 0.5 + seed / 10, seed=seed) for seed in range(3)]
    app = open_page(monkeypatch, "runs", lab, runs=",".join(ids))
    assert "Bands" not in texts(app)

    widget(app.toggle, "Average over seeds").set_value(True).run()

    assert "one standard deviation" in texts(app)
    assert r"same \(3 seeds\)" in texts(app)
    assert app.query_params["fold"] in ("true", ["true"])


@pytest.mark.parametrize("fold", ["true", "false"])
def test_the_report_averages_over_seeds_as_the_page_does(monkeypatch, lab, fold):
    ids = [lab.ended(str(seed), "same", 0.5 + seed / 10, seed=seed) for seed in range(3)]
    files = {}
    monkeypatch.setattr(st, "download_button", lambda label, build, *_, **__: files.update({label: build}))

    open_page(monkeypatch, "runs", lab, runs=",".join(ids), fold=fold)

    assert ("same (3 seeds)" in files["Report"]()) == (fold == "true")


@pytest.mark.parametrize("cost", ["parameters", "macs", "seconds"])
@pytest.mark.parametrize("along", ["epochs", "seconds"])
def test_every_axis_can_be_drawn(monkeypatch, lab, cost, along):
    ids = [lab.ended("a", "first"), lab.ended("b", "second", architecture="mlp")]

    app = open_page(monkeypatch, "runs", lab, runs=",".join(ids), cost=cost, along=along, curve="train_loss")

    assert not app.exception
    assert not app.error


def test_a_run_without_an_epoch_is_said_to_have_no_curve(monkeypatch, lab):
    run_id = lab.made("a", name="young")

    app = open_page(monkeypatch, "runs", lab, runs=run_id)

    assert not app.exception
    assert any("no curve to draw" in info.value for info in app.info)


def test_two_runs_show_where_they_disagree_on_request_and_page_by_page(monkeypatch, lab):
    ids = [lab.ended("a", "first"), lab.ended("b", "second")]
    app = open_page(monkeypatch, "runs", lab, runs=",".join(ids))
    assert "They disagree" not in texts(app)

    widget(app.toggle, "Show the test images on which these two disagree").set_value(True).run()
    assert "They disagree on 50 of 100 test images" in texts(app)
    assert "1–40 of 50" in texts(app)

    next(button for button in app.button if button.label == "Next 10").click().run()
    assert "41–50 of 50" in texts(app)
    assert [cell.alt.partition(":")[0] for cell in cells(app)] == [f"Test image {index}" for index in range(41, 51)]
    first, second, neither = ("1", "#0072B2"), ("2", "#E69F00"), ("✗", "#8A8F98")
    assert [(cell.sign, cell.frame) for cell in cells(app)[:3]] == [second, neither, first]  # images 40, 41, 42


def test_two_runs_that_cannot_be_compared_are_a_sentence(monkeypatch, lab):
    ids = [lab.ended("a"), lab.ended("b")]
    lab.apart = CheckpointError("These two runs were tested on different images.")

    app = open_page(monkeypatch, "runs", lab, runs=",".join(ids), apart="true")

    assert not app.exception
    assert "tested on different images" in app.info[0].value


@pytest.mark.parametrize(
    "address",
    [
        {"runs": "../../etc/passwd"},
        {"runs": "00000000"},
        {"runs": ",".join(f"{number:08x}" for number in range(100))},
        {"state": "<b>none"},
        {"curve": "x", "along": "y", "cost": "z", "fold": "maybe"},
    ],
)
def test_a_wrong_address_is_a_sentence(monkeypatch, lab, address):
    run_id = lab.ended("a", "first")

    app = open_page(monkeypatch, "runs", lab, **({"runs": run_id} | address))

    assert not app.exception
    assert app.warning
    assert names(app) == ["first"]


def test_names_show_as_typed(monkeypatch, lab):
    name = "**bold** <b>x</b> $a$ :red[y] " + "n" * 9_000
    run_id = lab.ended("a", name)

    app = open_page(monkeypatch, "runs", lab, runs=run_id)

    assert not app.exception
    assert names(app) == [name]
    assert links(app)[0].startswith(r"\*\*bold\*\* \<b\>x")


def test_links_to_selected_runs_of_one_name_can_be_told_apart(monkeypatch, lab):
    one, two, other = lab.ended("a", "again"), lab.ended("b", "again"), lab.ended("c", "other")

    app = open_page(monkeypatch, "runs", lab, runs=f"{one},{two},{other}")

    assert links(app) == [f"again, {one}", f"again, {two}", "other"]


def test_a_run_that_was_deleted_meanwhile_is_left_out(monkeypatch, lab):
    ids = [lab.ended("a", "first"), lab.ended("b", "second")]
    app = open_page(monkeypatch, "runs", lab, runs=",".join(ids))

    lab.store.delete(ids[0])
    app.run()

    assert not app.exception
    assert "1 selected" in texts(app)
    assert "left out" in app.warning[0].value


def test_choosing_keeps_what_a_filter_hides_and_the_order_of_choosing():
    assert choice((), ("a", "b", "c"), [2]) == ("c",)
    assert choice(("c",), ("a", "b", "c"), [0, 2]) == ("c", "a")
    assert choice(("c", "a"), ("a", "b"), []) == ("c",)
    assert choice(("a",), ("a",), [0, 7]) == ("a",)  # a row that no longer exists


def test_ids_in_an_address_are_ids_and_not_too_many():
    assert parse_ids()("0000000a,0000000b,0000000a,") == ("0000000a", "0000000b")
    with pytest.raises(ConfigError, match=r"not '\.\./x'"):
        parse_ids()("0000000a,../x")
    with pytest.raises(ConfigError, match=f"at most {MOST_IN_ADDRESS}"):
        parse_ids()(",".join(f"{number:08x}" for number in range(MOST_IN_ADDRESS + 1)))


def test_a_button_row_that_lost_its_choice_falls_back_to_the_first(monkeypatch, lab):
    # Seen in a browser: a second click, while the first one's script still ran, left the row with nothing pressed.
    app = open_page(monkeypatch, "runs", lab, runs=lab.ended("a", "first"))

    for key in ("runs:along", "runs:cost"):
        app.session_state[key] = None
    app.run()

    assert not app.exception
    assert [row.value for row in app.get("button_group")] == ["epochs", "parameters"]


def test_of_too_many_runs_the_first_by_what_is_asked_for_stand_in_the_table(monkeypatch, lab):
    ids = [lab.ended(str(number), f"run {number}", accuracy) for number, accuracy in enumerate((0.9, 0.5, 0.7))]
    lab.made("young", name="no result yet")
    monkeypatch.setattr(runs_table, "MOST_DRAWN", 2)

    app = open_page(monkeypatch, "runs", lab, runs=ids[1])
    assert names(app) == ["no result yet", "run 2"]
    assert "2 of 4 runs, sorted by “newest” · 1 of the selected runs not in this table" in texts(app)

    widget(app.selectbox, "Sort by").set_value("accuracy").run()
    assert names(app) == ["run 0", "run 2"]
    assert app.query_params["order"] in ("accuracy", ["accuracy"])

    widget(app.selectbox, "Sort by").set_value("name").run()
    assert names(app) == ["no result yet", "run 0"]

    widget(app.text_input, "Search").set_value(ids[1]).run()
    assert names(app) == ["run 1"]
    assert not [each for each in app.selectbox if each.label == "Sort by"]
    assert not app.exception


@pytest.mark.parametrize(
    ("order", "first"),
    [("newest", "new"), ("accuracy", "best"), ("parameters", "small"), ("seconds", "short"), ("speed", "fast"), ("name", "a")],
)
def test_the_runs_drawn_are_those_that_its_order_promises(monkeypatch, order, first):
    """Each run is the first in one order, and the last in all others."""
    figures = {"accuracy": "best_test_accuracy", "parameters": "parameters", "seconds": "seconds", "speed": "images_per_second"}
    usual = {"best_test_accuracy": 0.5, "parameters": 900, "seconds": 90.0, "images_per_second": 10.0}
    best = {"best_test_accuracy": 0.9, "parameters": 1, "seconds": 1.0, "images_per_second": 99.0}
    names = {"newest": "new", "accuracy": "best", "parameters": "small", "seconds": "short", "speed": "fast", "name": "a"}
    runs = [
        SimpleNamespace(**{"name": name} | usual | ({figures[each]: best[figures[each]]} if each in figures else {}))
        for each, name in names.items()
    ]
    assert set(runs_table.ORDERS) == set(names)
    monkeypatch.setattr(runs_table, "MOST_DRAWN", 1)
    monkeypatch.setattr(runs_table, "one_choice", lambda *_, **__: order)
    monkeypatch.setattr(runs_table.st, "columns", lambda sizes: [None, None])

    shown, which = first_rows(runs, Address("runs"))

    assert [run.name for run in shown] == [first]
    assert runs_table.ORDERS[order][0] in which


def test_each_column_holds_the_figure_of_its_title_in_its_unit(lab):
    run_id = lab.made("a", name="first", owner="Ana", epochs=3)
    lab.begin(run_id)
    lab.epoch(run_id, 1, 0.8)
    lab.epoch(run_id, 2, 0.6)
    lab.tag(run_id, add=["final", "homework"])

    (row,) = drawn(lab.summaries().runs, (), "train?run=").table.to_pylist()

    assert row.pop("When").timestamp() == pytest.approx(lab.run(run_id).created, abs=0.001)
    assert row.pop("Curve") == pytest.approx([0.8, 0.6])
    assert {title: row[title] for title, *_ in FIGURES.values() if title in row} == {
        "Run": "first", "State": "Training", "Best accuracy": pytest.approx(80), "Last accuracy": pytest.approx(60),
        "Network": "LeNet-5", "Data": "Fashion-MNIST sample", "Owner": "Ana", "Tags": "final, homework", "Epochs": 2,
        "Parameters": 61_706, "Seconds": 4.0, "Images/s": pytest.approx(6_000 / 7), "Id": run_id, "Open": f"train?run={run_id}",
    }  # fmt: skip


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_accuracies_are_drawn_in_per_cent_and_losses_as_they_are(monkeypatch, lab, quantity):
    run = lab.run(lab.ended("a", "first"))
    epochs, figures = lab.epochs(run.id), []
    monkeypatch.setattr(compare, "live_plot", lambda figure, **_: figures.append(figure))

    compare._curves([run], {run.id: epochs}, quantity, "epochs", fold=False, by=None)

    is_accuracy = quantity.endswith("accuracy")
    assert figures[0]["data"][0]["y"][-1] == pytest.approx(getattr(epochs[-1], quantity) * (100 if is_accuracy else 1))
    assert (figures[0]["layout"]["yaxis"].get("ticksuffix") == " %") == is_accuracy


@pytest.mark.parametrize("word", ["first", "ana", "lenet", "sample", "final", "id"])
def test_the_search_finds_a_run_by_each_of_its_words(lab, word):
    run_id = lab.made("a", name="First", owner="Ana")
    lab.tag(run_id, add=["final"])
    (run,) = lab.summaries().runs

    assert filters._matches(run, [run_id if word == "id" else word])
    assert not filters._matches(run, [word, "nobody"])


def test_a_paused_run_can_be_stopped_with_others(monkeypatch, lab):
    paused = lab.store.create(lab.run(lab.ended("a")).config, "b", "paused", State.PAUSED)

    pressed(chosen(monkeypatch, lab, paused), "Stop 1")

    assert lab.run(paused).state is State.STOPPED


def test_disagreements_are_counted_under_their_own_words(monkeypatch):
    said = []
    monkeypatch.setattr(disagree, "st", SimpleNamespace(markdown=said.append, caption=said.append))

    disagree._headline(DisagreementPage(("a",), 100, (3, 5), 40, 11, 12, 13, 36, ()))

    assert said[0] == (
        "They disagree on 36 of 100 test images (36.0 %): only 1 is right on 11, only 2 on 12, both are wrong on 13. "
        "Both are right on 40."
    )
    assert "(3 and 5)" in said[1]


# Many runs


def columns_of(app):
    """The titles of the columns that the table of runs shows."""
    return list(app.dataframe[0].proto.column_order)


def test_settings_that_differ_are_columns_and_others_can_be_chosen(monkeypatch, lab):
    lab.ended("a", "first", learning_rate=0.1, weight_decay=0.0)
    lab.ended("b", "second", learning_rate=0.003, weight_decay=0.001)

    app = open_page(monkeypatch, "runs", lab)
    table = app.dataframe[0].value
    assert {"Learning rate", "Weight decay", "Optimiser", "Batch size", "Activation"} <= set(columns_of(app))
    assert "Momentum" not in columns_of(app)  # the same in both
    assert list(table["Learning rate"]) == [0.003, 0.1]  # numbers, which sort as such

    widget(app.multiselect, "Columns, in this order").set_value(["name", "momentum", "last"]).run()
    assert columns_of(app) == ["Run", "Momentum", "Last accuracy"]
    assert address_of(app) == {"columns": "name,momentum,last"}

    app = open_page(monkeypatch, "runs", lab, columns="seed,name")
    assert columns_of(app) == ["Seed", "Run"]


def test_no_title_or_number_of_the_table_is_cut_off(monkeypatch, lab):
    name = "LeNet on the sample, ReLU"
    lab.ended("a", name, learning_rate=0.000123)

    app = open_page(monkeypatch, "runs", lab)
    widths = {title: column.get("width") for title, column in json.loads(app.dataframe[0].proto.columns).items()}
    longest = {"Run": name, "Best accuracy": "Best accuracy", "Parameters": "Parameters", "Learning rate": "Learning rate"}

    for title, text in longest.items():  # a character of the table's font is 7 pixels wide at most, on average
        assert widths[title] >= 7 * len(text) + 16, title


def test_a_row_has_a_link_to_its_run(monkeypatch, lab):
    run_id = lab.ended("a", "first")

    assert list(open_page(monkeypatch, "runs", lab).dataframe[0].value["Open"]) == [f"train?run={run_id}"]


def pressed(app, label):
    """After a click on this button."""
    return next(button for button in app.button if button.label == label).click().run()


def chosen(monkeypatch, lab, *ids, owner="", **address):
    monkeypatch.setattr("pages._parts.visitor._account", lambda: owner)  # modules that are imported meanwhile keep the function
    return open_page(monkeypatch, "runs", lab, runs=",".join(ids), **address)


def outcome(app):
    return " ".join(each.value for each in (*app.success, *app.warning))


def test_all_runs_that_a_filter_lets_through_can_be_selected_and_linked(monkeypatch, lab):
    config = lab.run(lab.ended("a", "other")).config
    for number in range(MOST_IN_ADDRESS + 5):
        lab.store.create(config, f"token {number}", f"sweep {number}", owner="Ana")

    app = pressed(open_page(monkeypatch, "runs", lab, text="sweep"), "Compare all 205")
    assert "205 selected" in texts(app)
    assert address_of(app) == {"text": "sweep", "runs": "all"}

    app = open_page(monkeypatch, "runs", lab, text="sweep", runs="all")
    assert "205 selected" in texts(app)
    assert not app.warning


def test_the_files_hold_all_selected_runs_also_those_that_no_chart_has_room_for(monkeypatch, lab):
    ids = [lab.made(f"{number}") for number in range(98)]  # curves are drawn of 96
    saved = []
    monkeypatch.setattr("pages._parts.runs.export.export", lambda _lab, chosen, *, fold: saved.append(chosen))

    app = open_page(monkeypatch, "runs", lab, runs=",".join(ids))

    assert not app.exception
    assert sorted(saved[-1]) == sorted(ids)


def test_a_selection_that_is_too_long_for_an_address_is_not_in_it():
    ids = tuple(f"{number:08x}" for number in range(MOST_IN_ADDRESS + 2))

    assert in_address(ids[1:], ids) == ()
    assert in_address(ids, ids) == "all"
    assert in_address(ids[:2], ids) == ids[:2]


def test_many_runs_are_deleted_after_a_question_with_their_number_and_names(monkeypatch, lab):
    ids = [lab.ended(name, name) for name in ("first", "second")]
    app = chosen(monkeypatch, lab, *ids)

    app = pressed(app, "Delete 2 runs …")
    assert "“first”, “second” will be deleted" in texts(app)
    assert [run.name for run in lab.runs()] == ["second", "first"]

    app = pressed(app, "Delete 2 runs")
    assert lab.runs() == ()


def test_runs_of_others_and_runs_that_train_stay_and_the_page_names_them(monkeypatch, lab):
    mine, active = lab.ended("a", "mine"), lab.made("b", name="waits", owner="Ana")
    theirs = lab.store.create(lab.run(mine).config, "c", "theirs", State.PAUSED, owner="Ben")
    lab.ended("d", "not selected")
    app = chosen(monkeypatch, lab, mine, active, theirs, owner="Ana")

    app = pressed(app, "Delete 3 runs …")
    assert "1 of the 3 selected runs belongs to another person and stays" in texts(app)
    app = pressed(app, "Delete 2 runs")

    assert {run.name for run in lab.runs()} == {"waits", "theirs", "not selected"}
    assert "Deleted 1 of 2 runs. Not deleted: “waits”: It is queued: stop it first" in outcome(app)


def test_owners_are_checked_where_runs_are_changed_and_not_only_on_the_page(monkeypatch, lab):
    ids = [lab.made(name, name=name, owner=name) for name in ("Ana", "Ben")]
    app = chosen(monkeypatch, lab, *ids, owner="Ana")

    app = pressed(app, "Stop 2")

    assert [lab.run(run_id).state for run_id in ids] == [State.STOPPED, State.QUEUED]
    assert "Stopped 1 of 2 runs. Not stopped: “Ben”: This run belongs to Ben" in outcome(app)


def test_many_runs_get_names_with_numbers_and_one_run_gets_the_name(monkeypatch, lab):
    ids = [lab.ended(name, name) for name in "abc"]
    app = chosen(monkeypatch, lab, *ids)

    widget(app.text_input, "Name").set_value("sweep")
    pressed(app, "Rename")
    assert [lab.run(run_id).name for run_id in ids] == ["sweep 1", "sweep 2", "sweep 3"]

    app = chosen(monkeypatch, lab, ids[1])
    widget(app.text_input, "Name").set_value("the best")
    pressed(app, "Rename")
    assert lab.run(ids[1]).name == "the best"


def test_tags_are_given_to_many_runs_shown_and_filtered_by(monkeypatch, lab):
    ids = [lab.ended(name, name) for name in "abc"]
    app = chosen(monkeypatch, lab, *ids[:2])

    widget(app.text_input, "Tag").set_value(" final   run")
    app = pressed(app, "Add tag")
    assert "“final run” added to 2 runs." in outcome(app)
    assert list(app.dataframe[0].value["Tags"]) == ["", "final run", "final run"]

    app = open_page(monkeypatch, "runs", lab, tag="final run")
    assert names(app) == ["b", "a"]

    app = chosen(monkeypatch, lab, *ids)
    widget(app.text_input, "Tag").set_value("final run")
    app = pressed(app, "Remove tag")
    assert "“final run” removed from 2 runs." in outcome(app)
    assert lab.summaries().tags == ()


# Sweeps


def test_more_runs_than_lines_can_be_grouped_by_a_setting(monkeypatch, lab):
    ids = [lab.ended(str(number), f"run {number}", 0.5, seed=number, learning_rate=(0.1, 0.5)[number % 2]) for number in range(26)]
    app = open_page(monkeypatch, "runs", lab, runs=",".join(ids))
    assert "Only the first 24 of 26 lines are drawn" in texts(app)

    widget(app.selectbox, "A line for each").set_value("learning_rate").run()

    assert not app.exception
    assert "Only the first" not in texts(app)
    assert "up to the last epoch that all its runs have finished" in texts(app)
    assert address_of(app)["by"] == "learning_rate"


@pytest.mark.parametrize("cost", ["learning_rate", "options.activation", "optimizer"])
def test_accuracy_can_be_drawn_against_any_setting(monkeypatch, lab, cost):
    ids = [
        lab.ended("a", "first", learning_rate=0.01, options={"activation": "relu"}),
        lab.ended("b", "second", learning_rate=0.1, optimizer="adam"),
        lab.ended("c", "third", architecture="mlp"),
    ]

    app = open_page(monkeypatch, "runs", lab, runs=",".join(ids), cost=cost, parallel="true")

    assert not app.exception
    assert not app.warning
    assert widget(app.selectbox, "Best accuracy against").value == cost


def test_a_baseline_shows_differences_with_sign_and_direction(monkeypatch, lab):
    ids = [lab.ended("a", "first", 0.6), lab.ended("b", "second", 0.8, learning_rate=0.5), lab.ended("c", "<b>", 0.5, seed=1)]

    app = open_page(monkeypatch, "runs", lab, runs=",".join(ids), base=ids[0])

    table = next(html.proto.body for html in app.get("html") if "cnn-against" in html.proto.body)
    assert '<span class="cnn-better">▲ +20.0 points</span>' in table
    assert '<span class="cnn-worse">▼ −10.0 points</span>' in table
    assert "learning rate 0.5 instead of 0.1" in table
    assert "&lt;b&gt;" in table
    assert "“second” reached 80.0 % test accuracy at its best epoch, 20.0 points above “first”" in texts(app).replace("\\", "")


def test_a_name_in_the_table_is_no_formula_and_looks_as_typed(monkeypatch, lab):
    lab.ended("a", "=1+1")

    assert names(open_page(monkeypatch, "runs", lab)) == ["\u2060=1+1"]
