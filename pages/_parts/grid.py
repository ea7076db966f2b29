"""A table that can be scrolled and sorted: `st.dataframe`, from which no formula leaves the lab.

Streamlit offers each of its tables as a CSV file, and cells can be copied. Text that a spreadsheet would run as a formula has an
invisible character before it, so that it is shown as it was typed and is pasted as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from cnnlab.spreadsheet import FORMULAS, without_formulas

_JOINER = "\u2060"  # has no width


def grid(rows: pa.Table | pd.DataFrame | Mapping[str, Sequence[Any]], **options: Any) -> Any:
    """Draws the table without an index, and with a dash where a value is missing; `options` as `st.dataframe` has them."""
    return guarded_grid(guarded(rows), **options)


def guarded_grid(rows: pa.Table, **options: Any) -> Any:
    """Draws a table that `guarded` has returned, and that was kept: guarding a thousand rows takes 3 ms."""
    return st.dataframe(rows, hide_index=True, placeholder="–", **options)


def heading(text: str) -> str:
    """Typed text as a column's title."""
    return without_formulas(text, _JOINER)


def guarded(rows: pa.Table | pd.DataFrame | Mapping[str, Sequence[Any]]) -> pa.Table:
    """The rows with no cell that a spreadsheet would run."""
    if isinstance(rows, pd.DataFrame):
        rows = pa.Table.from_pandas(rows, preserve_index=False)
    table = rows if isinstance(rows, pa.Table) else pa.table(dict(rows))
    for place, (name, column) in enumerate(zip(table.column_names, table.columns, strict=True)):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            inert = reduce(lambda cells, formula: pc.replace_substring_regex(cells, formula, rf"\1{_JOINER}\2"), FORMULAS, column)
            table = table.set_column(place, name, inert)
    return table
