"""The parts of the page of runs that have no text of their own: what is asked for, kept, made once and left out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from golden_lab import ManyRuns, fill, unhurried
from page_fakes import open_page, widget

from cnnlab.errors import ConfigError
from cnnlab.reports.comparison import QUANTITIES
from cnnlab.runs.records import State
from pages._parts.runs import compare, export, table
from pages._parts.runs.columns import drawn, setting_titles, width_of


@pytest.fixture
def lab(tmp_path, monkeypatch):
    unhurried(monkeypatch)
    lab = ManyRuns(tmp_path)
    yield lab
    lab.store.close()


def address_of(app):
    return {name: "".join(value) for name, value in app.query_params.items()}


def warnings(app):
    return app.warning[0].value.split("\n\n")


def test_every_wrong_value_in_the_address_is_a_sentence_of_its_own(monkeypatch, lab):
    runs = fill(lab)
    wrong = dict.fromkeys(("curve", "along", "by", "fold", "cost", "parallel", "apart", "right", "page"), "nope")
    app = open_page(monkeypatch, "runs", lab, runs=f"{runs['base']},{runs['seed']}", **wrong)

    assert warnings(app) == [
        f"In the address: curve must be one of {', '.join(QUANTITIES)}, not 'nope'. The default is used.",
        "In the address: along must be one of epochs, seconds, not 'nope'. The default is used.",
        "In the address: by must be each or the name of a setting, not 'nope'. The default is used.",
        "In the address: fold must be one of true, false, not 'nope'. The default is used.",
        "In the address: cost must be parameters, macs, seconds or the name of a setting, not 'nope'. The default is used.",
        "In the address: parallel must be one of true, false, not 'nope'. The default is used.",
        "In the address: apart must be one of true, false, not 'nope'. The default is used.",
        "In the address: page must be a whole number from 1 to 100000, not 'nope'. The default is used.",
    ]

    app = open_page(monkeypatch, "runs", lab, columns="name,nope", runs="x", apart="true", right="nope", base="nope", order="nope")
    assert warnings(app) == [
        "In the address: columns must be names of columns separated by commas, not 'nope'. The default is used."
    ]
    assert [each.value for each in app.warning[1:]] == [
        "In the address: runs must be run ids separated by commas, not 'x'. The default is used."
    ]


def test_the_disagreements_of_two_runs_are_asked_for_from_the_first_after_each_change(monkeypatch, lab):
    runs = fill(lab)
    app = open_page(monkeypatch, "runs", lab, runs=f"{runs['fast']},{runs['base']}", apart="true")

    def after(act):
        act().run()
        return lab.asked_for_disagreements[-1][2:], address_of(app).get("page", "1"), address_of(app).get("right", "any")

    assert lab.asked_for_disagreements == [(runs["fast"], runs["base"], "any", 0, 40)]
    assert after(widget(app.button, "Next 7").click) == (("any", 40, 40), "2", "any")
    assert after(lambda: widget(app.get("button_group"), "Show").set_value("second")) == (("second", 0, 40), "1", "second")
    assert "1–16 of 16" in [each.value for each in app.markdown]
    assert after(lambda: widget(app.get("button_group"), "Show").set_value("neither"))[0] == ("neither", 0, 40)
    assert after(lambda: widget(app.get("button_group"), "Show").set_value("first"))[0] == ("first", 0, 40)
    assert address_of(app)["apart"] == "true"


def test_the_selection_is_made_and_cleared_by_its_buttons(monkeypatch, lab):
    runs = fill(lab)
    app = open_page(monkeypatch, "runs", lab, runs=runs["base"], text="base")

    widget(app.button, "Compare all 2").click().run()
    assert app.session_state["runs:chosen"] == (runs["seed"], runs["base"])
    assert "Compare all 2" not in [each.label for each in app.button]

    widget(app.button, "Clear selection").click().run()
    assert app.session_state["runs:chosen"] == ()
    assert address_of(app) == {"text": "base"}


def test_links_stand_beside_up_to_four_runs(monkeypatch, lab):
    runs = list(fill(lab).values())

    links = [open_page(monkeypatch, "runs", lab, runs=",".join(runs[:count])).main.get("page_link") for count in (4, 5)]

    assert [len(each) for each in links] == [4, 0]


def test_the_table_is_made_anew_for_other_runs_columns_or_figures_and_else_once(monkeypatch, lab):
    made = []
    monkeypatch.setattr(table, "drawn", lambda *asked: made.append(asked) or drawn(*asked))
    run = lab.run(lab.add("one", (0.5,)))
    (row,) = lab.summaries().runs

    for revision, ids, wanted in (("1", run.id, ()), ("1", run.id, ()), ("2", run.id, ()), ("1", "b", ()), ("1", run.id, ("id",))):
        table._drawn(f"{revision} {lab.home}", ids, wanted, (row,), {})

    assert [(wanted, address) for _, wanted, address, _turns in made] == [((), "train?run=")] * 3 + [(("id",), "train?run=")]


def test_a_run_of_another_version_has_its_figures_and_no_settings(lab):
    lab.add("whole", (0.5,), owner="", batch_size=32)
    lab.add("damaged", (0.75,))
    damaged, whole = lab.summaries().runs

    made = drawn((damaged._replace(config_json="{"), whole), (), "train?run=").table.to_pydict()

    assert made["Best accuracy"] == [75, 50]
    assert made["Batch size"] == [None, 32]
    assert made["Activation"] == ["–", "sigmoid"]
    assert "Width" not in made


def test_the_columns_of_an_address_stand_in_its_order_and_those_that_no_run_has_are_left_out(lab):
    lab.add("a", (0.5,), state=State.FINISHED)

    assert drawn(lab.summaries().runs, ("seed", "id", "options.width", "best"), "").order == ("Seed", "Id", "Best accuracy")


def test_settings_of_one_title_have_their_names_behind_it():
    titles = setting_titles(["lenet", "resnet", "densenet", "vgg", "googlenet"])

    assert len(set(titles.values())) == len(titles)
    assert "architecture" not in titles
    assert "epochs" not in titles
    assert titles["step_epochs"] == "Epochs per step"


@pytest.mark.parametrize(("title", "longest", "width"), [("Id", 1, 56), ("Epochs", 3, 78), ("Run", 20, 170), ("Run", 90, 300)])
def test_a_column_is_as_wide_as_its_title_or_its_longest_text(title, longest, width):
    assert width_of(title, longest) == width


def test_a_network_that_can_no_longer_be_built_is_left_out_of_files_and_costs(lab):
    runs = [lab.run(lab.add("a", (0.5,))), lab.run(lab.add("b", (0.5,), architecture="mlp"))]
    layers, asked = lab.layers, []

    def building(*network):
        asked.append(network)
        if network[0] == "mlp":
            raise ConfigError("There is no such network.")
        return layers(*network)

    lab.layers = building

    assert list(export.networks_of(lab, runs)) == [runs[0].id]
    assert compare.macs_of(lab, runs) == {runs[0].id: 416_520, runs[1].id: None}
    assert asked[0] == asked[2] == ("lenet", (1, 28, 28), 10, runs[0].config.options)


def test_the_rows_selected_in_the_browser_count_in_the_table_that_it_showed(monkeypatch):
    state = {table.CHOSEN: ("a",), table._SHOWN: ["b", "a", "c"], table.TABLE: {"selection": {"rows": [2, 1]}}}
    monkeypatch.setattr(table, "st", SimpleNamespace(session_state=state))

    table._choose()

    assert state[table.CHOSEN] == ("a", "c")
