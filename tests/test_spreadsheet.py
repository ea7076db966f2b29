"""What leaves the lab for a spreadsheet: no formula, no lost text, and letters that Excel shows as they are."""

from __future__ import annotations

import ast
import csv
import io
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from cnnlab.layers.trace import layer_table
from cnnlab.spreadsheet import csv_text, guarded
from cnnlab.system.home import is_run_id, new_run_id
from pages._parts import grid

ROOT = Path(__file__).parents[1]
FORMULAS = (
    *("=1+1", "+1", "-x", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1", "\u200b=1", "\ufeff=1", "\uff1d1+1", "\uff0b1"),
    *("\uff0d1", "\uff20SUM(A1)", "\u3000\uff1d1", "name;=1", "name\n=1", "\tname", "name\r@SUM(A1)"),
)
HARMLESS = ("LeNet-5", "a=b", "lr 0.1 + momentum", "1×28×28", "conv1", "2.5", "", "café", "name; other")


def written(*cells: object) -> list[str]:
    """A row as a spreadsheet reads it back."""
    _, row = csv.reader(io.StringIO(csv_text(["a"] * len(cells), [cells]).removeprefix("\ufeff")))
    return row


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_in_a_csv_file_is_a_formula(text):
    (cell,) = written(text)

    assert "'" in cell
    assert cell.replace("'", "") == text
    assert all(
        not part.strip("\u00a0\u200b\ufeff\u3000\t ").startswith(tuple("=+-@＝＋－＠")) for part in re.split(r"[;\r\n]", cell)
    )


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_leaves_as_it_is(text):
    assert written(text) == [text]


def test_numbers_stay_numbers():
    assert written(-1.5, 2, 1e-9) == ["-1.5", "2", "1e-09"]


@pytest.mark.parametrize("text", ["00000012", "1234e567", "12345678901234567890"])
def test_text_that_would_become_another_number_is_marked_as_text(text):
    assert guarded(text) == f"'{text}"


def test_excel_recognises_the_encoding():
    for text in (csv_text(["shape"], [["6×28×28"]]), layer_table("lenet").to_csv()):
        assert text.encode().startswith(b"\xef\xbb\xbf")
        assert text.count("\ufeff") == 1


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("kind", [pa.table, pd.DataFrame])
def test_no_cell_of_a_table_on_a_page_is_a_formula_and_each_looks_as_typed(kind, text):
    # Streamlit offers every table as a CSV file, and cells can be copied.
    shown = grid.guarded(kind({"name": [text, "plain"], "number": [-1, 2]}))

    cell, plain = shown["name"].to_pylist()
    parts = re.split(r"[;\r\n]", cell)
    assert all(not part.strip("\u00a0\u200b\ufeff\u3000\t ").startswith(tuple("=+-@＝＋－＠")) for part in parts)
    assert cell.replace("\u2060", "") == text
    assert (plain, shown["number"].to_pylist()) == ("plain", [-1, 2])


def test_a_column_that_is_named_by_a_user_is_no_formula():
    assert grid.heading("=1") == "\u2060=1"


def test_ids_are_no_numbers():
    ids = [new_run_id() for _ in range(400)]

    assert all(map(is_run_id, ids))
    assert not [run_id for run_id in ids if not run_id[0].isalpha() or re.fullmatch(r"\d+e\d+", run_id)]


@cache
def callers() -> dict[str, set[str]]:
    """By the last name of what is called: the files of the program that do it."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in [*ROOT.glob("cnnlab/**/*.py"), *ROOT.glob("pages/**/*.py"), ROOT / "app.py"]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
                found[name].add(file.relative_to(ROOT).as_posix())
    return found


def calls(name: str) -> set[str]:
    """The files of the program that call something of this name."""
    return callers().get(name, set())


def test_everything_leaves_through_the_gate():
    """A new way out is added here with the test that it is guarded."""
    assert calls("writer") | calls("DictWriter") == {"cnnlab/spreadsheet.py"}
    assert calls("dataframe") | calls("data_editor") == {"pages/_parts/grid.py"}
    assert calls("to_csv") == {"pages/_parts/layer_views.py"}  # LayerTable.to_csv, whose text `csv_text` writes
    assert calls("to_excel") | calls("to_clipboard") == set()
    assert calls("download_button") == {
        "pages/_parts/assignments/table.py",  # csv_text
        "pages/_parts/builder/keep.py",  # JSON of a network
        "pages/_parts/inside/downloads.py",  # csv_text, and pictures
        "pages/_parts/layer_views.py",  # LayerTable.to_csv, and a drawing
        "pages/_parts/predict/certainty.py",  # csv_text
        "pages/_parts/predict/classes.py",  # csv_text
        "pages/_parts/run/away.py",  # exports: code, weights, event files; images in a .zip
        "pages/_parts/runs/export.py",  # metrics_csv, JSON, HTML
        "pages/_parts/svg_button.py",  # charts
        "pages/_parts/teaching/log.py",  # Teaching.files
        "pages/_parts/teaching/results.py",  # Teaching.files: csv_text, comparison_csv, metrics_csv, HTML
        "pages/_parts/sweeps/actions.py",  # Sweeps.csv, whose text `csv_text` writes
    }
