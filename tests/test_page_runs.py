"""The Runs page: all runs in a table, the selection in the address, and the selected runs side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest
from page_fakes import PIXEL, cells, follow, open_page, widget
from page_runs import RunsLab
from polling import fragments, poll

from cnnlab.errors import CheckpointError, ConfigError
from cnnlab.runs.records import State
from cnnlab.values import Disagreement, DisagreementPage, Picture
from pages._parts.runs import table as runs_table
from pages._parts.runs.table import MOST_CHOSEN, choice, parse_ids


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


def in_address(app):
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def names(app):
    return list(app.dataframe[0].value["Run"])


def test_an_empty_lab_leads_to_train(monkeypatch, lab):
    app = open_page(monkeypatch, "runs", lab)

    assert not app.exception
    assert "Nothing has been trained here yet" in app.info[0].value
    assert [link.proto.label for link in app.main.get("page_link")] == ["Train your first network"]


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
    assert [button.proto.label for button in app.get("download_button")] == ["Metrics", "Configuration", "Report"]


def test_a_choice_draws_the_table_and_the_comparison_alone(monkeypatch, lab):
    # So many that there is no link to each: AppTest knows no pages where app.py is not run.
    ids = tuple(lab.ended(str(number), name=f"run {number}") for number in range(9))
    app = open_page(monkeypatch, "runs", lab, state="finished")

    app.session_state["runs:chosen"] = ids
    app = poll(app, monkeypatch)

    assert "#### 9 selected" in texts(app)
    assert not [each for each in app.selectbox if each.label == "State"], "the filters are outside the fragment"
    assert in_address(app) == {"state": "finished", "runs": ",".join(ids)}


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

    assert "#### 1 selected" in texts(app)
    assert in_address(app) == {"runs": first}


def test_who_comes_back_finds_filter_and_choice_as_they_were(monkeypatch, lab):
    first = lab.ended("a", name="first")
    lab.made("b", name="waits")
    app = open_page(monkeypatch, "runs", lab, state="finished", runs=first)

    follow(app, "data")
    follow(app, "runs")

    assert names(app) == ["first"]
    assert "#### 1 selected" in texts(app)
    assert in_address(app) == {"state": "finished", "runs": first}


def test_seeds_fold_where_there_are_several(monkeypatch, lab):
    ids = [lab.ended(str(seed), "same", 0.5 + seed / 10, seed=seed) for seed in range(3)]
    app = open_page(monkeypatch, "runs", lab, runs=",".join(ids))
    assert "Bands" not in texts(app)

    widget(app.toggle, "Average over seeds").set_value(True).run()

    assert "one standard deviation" in texts(app)
    assert r"same \(3 seeds\)" in texts(app)
    assert app.query_params["fold"] in ("true", ["true"])


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

    next(button for button in app.button if button.label == "Next").click().run()
    assert "41–50 of 50" in texts(app)
    assert [cell.alt.partition(":")[0] for cell in cells(app)] == [f"Test image {index}" for index in range(40, 50)]
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
    label = app.main.get("page_link")[0].proto.label
    assert label.startswith(r"\*\*bold\*\* \<b\>x")


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
    assert parse_ids("0000000a,0000000b,0000000a,") == ("0000000a", "0000000b")
    with pytest.raises(ConfigError, match=r"not '\.\./x'"):
        parse_ids("0000000a,../x")
    with pytest.raises(ConfigError, match=f"at most {MOST_CHOSEN}"):
        parse_ids(",".join(f"{number:08x}" for number in range(MOST_CHOSEN + 1)))


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
