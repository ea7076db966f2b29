"""The costs of two networks as bars, side by side."""

from __future__ import annotations

from typing import Any

from cnnlab.figures.theme import AXIS, base_layout
from cnnlab.layers import LayerTable
from cnnlab.palette import BLUE, GRAY, ORANGE, PINK


def compare_figure(first: LayerTable, second: LayerTable, names: tuple[str, str]) -> dict[str, Any]:
    """Parameters (split by kind of layer), MACs and activation memory of both; each panel has its own scale from 0."""
    labels = [f"A: {names[0]}", f"B: {names[1]}"]
    tables = (first, second)
    conv = [table.convolution_parameters for table in tables]
    dense = [table.dense_parameters for table in tables]
    rest = [table.parameters - table.convolution_parameters - table.dense_parameters for table in tables]
    parts = (
        ("in convolutions", conv, "x", BLUE, ""),
        ("in dense layers", dense, "x", PINK, "/"),
        ("elsewhere", rest, "x", GRAY, "."),
        ("MACs", [table.macs for table in tables], "x2", ORANGE, ""),
        ("activation memory", [table.activation_bytes for table in tables], "x3", ORANGE, ""),
    )
    traces = [
        {
            "type": "bar", "orientation": "h", "y": labels, "x": values, "xaxis": axis, "name": name,
            "marker": {"color": color, "pattern": {"shape": pattern, "solidity": 0.25}}, "showlegend": axis == "x" and any(values),
            "hovertemplate": f"%{{y}}<br>%{{x:,}} {'bytes' if axis == 'x3' else name}<extra></extra>",
        }
        for name, values, axis, color, pattern in parts
    ]  # fmt: skip
    titles = ("Parameters", "MACs for one image", "Activation memory for one image, bytes")
    domains = ([0, 0.3], [0.35, 0.65], [0.7, 1])
    axes = {
        f"xaxis{index or ''}": AXIS
        | {"domain": domain, "rangemode": "tozero", "tickformat": "~s", "nticks": 5, "fixedrange": True}
        | {"title": {"text": title, "font": {"size": 12}}}
        for index, domain, title in zip(("", 2, 3), domains, titles, strict=True)
    }
    layout = base_layout(
        height=210,
        barmode="stack",
        margin={"l": 8, "r": 16, "t": 8, "b": 8},
        yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True},
        **axes,
    )
    return {"data": traces, "layout": layout}
