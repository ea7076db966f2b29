"""The page of all runs as text: the list, filters, and every part of a comparison."""

from __future__ import annotations

from dataclasses import replace

import pytest
import streamlit as st
from golden_lab import ManyRuns, fill, unhurried, with_steps
from golden_text import check
from page_fakes import open_page, widget
from page_text import page_text
from streamlit.testing.v1 import AppTest

from cnnlab.errors import StoreError
from cnnlab.runs.records import State
from pages._parts import deletion
from pages._parts.runs import export
from pages._parts.runs import table as runs_table


@pytest.fixture
def lab(tmp_path, monkeypatch):
    unhurried(monkeypatch)
    lab = ManyRuns(tmp_path)
    lab.home = "home"
    monkeypatch.setattr("pages._parts.visitor._account", lambda: "Ana")  # modules that are imported meanwhile keep the function
    yield lab
    lab.store.close()


@pytest.fixture
def runs(lab):
    return fill(lab)


def compared(app):
    """From the toolbar on, what `with_steps` writes."""
    text = with_steps(app)
    address, toolbar = text.splitlines()[1], text.index("markdown: ## ")
    return f"{address}\n{text[toolbar:]}"


def filters_and_captions(app):
    """What stands above a comparison, and the sentences below the table."""
    lines = with_steps(app).splitlines()
    table = next((place for place, line in enumerate(lines) if "alt=All runs" in line), len(lines))
    return "\n".join([*lines[: table + 2], *(line for line in lines[table + 2 :] if line.lstrip().startswith("caption"))]) + "\n"


def test_the_list_of_runs(monkeypatch, lab, runs, regenerate_golden):
    app = open_page(monkeypatch, "runs", lab)

    check("pages/runs-list", page_text(app), regenerate=regenerate_golden)


SCENES = {
    "two": ("fast base", {"apart": "true", "page": "2", "cost": "seconds"}),
    "seeds": (
        "base seed fast",
        {"fold": "true", "curve": "test_loss", "along": "seconds", "cost": "macs", "parallel": "true", "base": "base"},
    ),
    "grouped": (
        "fast base mlp paused stopped lost waits",
        {"by": "options.activation", "curve": "train_accuracy", "cost": "learning_rate", "base": "mlp"},
    ),
    "sweep": ("fast base mlp paused stopped failed", {"curve": "train_loss", "cost": "options.activation", "parallel": "true"}),
    "unbuildable": ("stopped lost mlp", {"cost": "macs", "along": "seconds"}),
    "one": ("lost", {}),
    "no-result": ("failed waits", {"cost": "learning_rate"}),
    "waiting": ("waits", {}),
}


@pytest.mark.parametrize("scene", SCENES)
def test_a_comparison(monkeypatch, lab, runs, regenerate_golden, scene):
    names, address = SCENES[scene]
    address = address | ({"base": runs[address["base"]]} if "base" in address else {})
    layers = lab.layers
    if scene == "unbuildable":
        lab.layers = lambda name, *rest: layers("no network" if name == "mlp" else name, *rest)

    app = open_page(monkeypatch, "runs", lab, runs=",".join(runs[name] for name in names.split()), **address)

    check(f"pages/runs-{scene}", compared(app), regenerate=regenerate_golden)


def test_filters_columns_and_a_run_that_they_hide(monkeypatch, lab, runs, regenerate_golden):
    chosen = ",".join((runs["mlp"], "000000ff", runs["seed"], "0000000e", runs["lost"]))

    def run(run_id):
        if run_id == runs["lost"]:
            raise StoreError("Its record is damaged.")
        return lab.store.run(run_id)

    lab.run = run
    app = open_page(
        monkeypatch, "runs", lab, runs=chosen, text="BASE final", owner="Ana", tag="final", state="finished", architecture="lenet",
        dataset="sample", columns="name,last,options.activation,seed", nobody="1", along="days", curve="test_loss", order="speed",
    )  # fmt: skip

    check("pages/runs-filtered", filters_and_captions(app), regenerate=regenerate_golden)


def test_too_many_runs(monkeypatch, lab, runs, regenerate_golden):
    """To draw, to list and to compare: three, nine and two."""
    monkeypatch.setattr(runs_table, "MOST_DRAWN", 3)
    texts = []
    for address in ({}, {"order": "accuracy", "runs": f"{runs['waits']},{runs['mlp']},{runs['fast']}"}):
        texts.append(filters_and_captions(open_page(monkeypatch, "runs", lab, **address)))

    check("pages/runs-too-many", "\n".join(texts), regenerate=regenerate_golden)


def test_more_runs_than_are_listed_or_compared(monkeypatch, lab, regenerate_golden):
    ids = [lab.add(f"run {number}", state=State.QUEUED, seed=number) for number in range(98)]
    every = lab.store.summaries()
    rows = tuple(every.runs[number % 97]._replace(id=f"{2 + number:08x}") for number in range(10_000))
    lab.summaries = lambda: replace(every, runs=rows)
    lab.store.stop(ids[1])
    monkeypatch.setattr(runs_table, "MOST_DRAWN", 4)
    lab.store.delete(ids[1])

    app = open_page(monkeypatch, "runs", lab, runs=",".join(ids))

    check("pages/runs-ten-thousand", filters_and_captions(app), regenerate=regenerate_golden)


def test_a_lab_without_runs(monkeypatch, lab, regenerate_golden):
    every = lab.store.summaries()
    lab.summaries = lambda: replace(every, unreadable=("Run 7 is left out.", "Run 8 is left out.", "Run 9 is left out."))
    lab.without_record = lambda: "There is a folder of a run without a record."

    app = open_page(monkeypatch, "runs", lab, nobody="1", runs="00000001", cost="macs", columns="x")

    check("pages/runs-none", with_steps(app), regenerate=regenerate_golden)


def sentences(app):
    """Every message on the page, and the sentences of the dialog."""
    found = [f"{each.type}: {each.value}" for each in (*app.success, *app.warning, *app.info, *app.error)]
    return [*found, *(f"dialog: {each.value}" for each in app.markdown if "undone" in each.value or "belong" in each.value)]


def answers(app):
    """The buttons of the dialog that asks whether to delete."""
    return f"  {[(each.label, each.disabled) for each in app.button if each.key in ('runs:really delete', 'runs:keep')]}"


def test_what_can_be_done_to_selected_runs(monkeypatch, lab, runs, regenerate_golden):
    """Each button pressed for three runs of Ana's, of nobody's and of Ben's."""
    chosen, written = ("base", "fast", "mlp"), []

    def press(label, *names, typed=("", ""), then=""):
        app = actions_of(lab, runs, names)
        for field, text in zip(("Tag", "Name"), typed, strict=True):
            widget(app.text_input, field).set_value(text)
        widget(app.button, label).click().run()
        written.append(f"{label}, {', '.join(names)}, {typed}")
        written.extend(f"  {each}" for each in sentences(app))
        written.append(answers(app))
        if then:
            widget(app.button, then).click().run()
            written.extend((f"  {then}: {sentences(app)}", answers(app)))
        for run in lab.summaries().runs[::-1]:
            if run.id in {runs[name] for name in names}:
                written.append(f"  {run.name}, {run.state.value}, tags: {', '.join(run.tags)}")
        assert not app.exception
        written.append(f"  selected: {', '.join(app.session_state['runs:chosen'])}")

    press("Add tag", *chosen)
    press("Add tag", *chosen, typed=(" homework,  4 ", "a name"))
    press("Remove tag", *chosen, typed=("final", ""))
    press("Remove tag", "seed", typed=("final", ""))
    press("Rename", *chosen, typed=("a tag", "  "))
    press("Rename", *chosen, typed=("a tag", " A new name "))
    press("Rename", "waits", typed=("", "Alone"))
    press("Stop 4", "paused", "lost", "waits", "mlp", "base")
    press("Delete 4 runs …", "paused", "base", "fast", "mlp", then="Keep them")
    press("Delete 1 run …", "mlp", then="Keep them")
    press("Delete 2 runs …", "base", "mlp", then="Delete 1 run")
    press("Delete 2 runs …", "seed", "stopped", then="Delete 2 runs")
    monkeypatch.setattr(deletion, "MOST_NAMES", 2)
    press("Delete 4 runs …", "failed", "lost", "waits", "fast", then="Keep them")
    others = [lab.add(f"of Ben {number}", owner="Ben", seed=number) for number in range(3)]
    runs |= {run_id: run_id for run_id in others}
    press("Add tag", *others, typed=("x", ""))

    check("pages/runs-actions", "\n".join(written) + "\n", regenerate=regenerate_golden)


def actions_of(lab, runs, names):
    """A page with the changes of these runs and nothing else."""

    def page(lab, ids):
        import streamlit as st

        from pages._parts.runs.actions import change_many, show_outcome

        by_id = {run.id: run for run in lab.summaries().runs}
        st.session_state.setdefault("runs:chosen", ids)
        show_outcome()
        chosen = [by_id[run_id] for run_id in st.session_state["runs:chosen"]]
        if chosen:
            change_many(lab, chosen)

    return AppTest.from_function(page, args=(lab, tuple(runs[name] for name in names))).run()


@pytest.mark.parametrize("fold", [True, False])
def test_the_selected_runs_as_files(monkeypatch, lab, runs, regenerate_golden, fold):
    files, report = {}, []
    monkeypatch.setattr(st, "download_button", lambda label, *file, **more: files.update({label: (*file, more)}))
    monkeypatch.setattr(export.report, "html_report", lambda *values, **named: report.append((values, named)) or "")
    ids = [runs[name] for name in (("base", "seed", "mlp") if fold else ("lost",))]

    open_page(monkeypatch, "runs", lab, runs=",".join(ids), fold=str(fold).lower())
    lab.store.delete(runs["seed"])
    files["Report"][0]()
    assert files.pop("SVG")[1].endswith("-test-accuracy.svg")  # see test_svg_files.py
    (chosen, epochs, macs), named = report[0]

    written = [f"{label}: {name}, {kind}, {more}\n{build()}" for label, (build, name, kind, more) in files.items()]
    networks = [(run_id, made.table.architecture, made.drawing.split('"')[3]) for run_id, made in named["networks"].items()]
    done = {run_id: len(each) for run_id, each in epochs.items()}
    written.append(f"report of {[run.name for run in chosen]}, epochs {done}, MACs {macs}, fold {named['fold']}, {networks}")
    check(f"pages/runs-files-{len(ids)}", "\n".join(written) + "\n", regenerate=regenerate_golden)
