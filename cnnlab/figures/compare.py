"""The costs of two networks as bars in HTML, one above the other."""

from __future__ import annotations

from html import escape

from cnnlab.layers import LayerTable
from cnnlab.palette import GRAY, KINDS
from cnnlab.text import short_count, size_text


def compare_bars(first: LayerTable, second: LayerTable, names: tuple[str, str]) -> str:
    """Parameters (split by kind of layer), MACs and activation memory of both; each of the three has its own scale from 0."""
    tables = (first, second)
    groups = (
        ("Parameters", [_parts(table) for table in tables], short_count, "parameters"),
        ("MACs for one image", [((table.macs, GRAY),) for table in tables], short_count, "MACs"),
        ("Activation memory for one image", [((table.activation_bytes, GRAY),) for table in tables], size_text, "bytes"),
    )
    rows = []
    for title, pair, words, unit in groups:
        longest = max(sum(count for count, _ in parts) for parts in pair) or 1
        rows.append(f'<tr><th scope="colgroup" colspan="2">{title}</th></tr>')
        for letter, name, parts in zip("AB", names, pair, strict=True):
            segments = "".join(f'<i style="--kind:{color};width:{100 * count / longest:.2f}%"></i>' for count, color in parts)
            total = sum(count for count, _ in parts)
            rows.append(
                f'<tr><th scope="row">{letter}: {escape(name)}</th>'
                f'<td title="{total:,} {unit}"><div><span class="cnn-bar-of">{segments}</span><b>{words(total)}</b></div></td></tr>'
            )
    legend = "".join(
        f'<li style="--kind:{KINDS[kind]}"><i class="cnn-swatch"></i>{text}</li>'
        for kind, text in (("convolution", "in convolutions"), ("dense", "in dense layers"), ("other", "elsewhere"))
    )
    bars = f'<table class="cnn-bars"><tbody>{"".join(rows)}</tbody></table>'
    return f'{bars}<ul class="cnn-legend" aria-label="Colours of the parameters">{legend}</ul>'


def _parts(table: LayerTable) -> tuple[tuple[int, str], ...]:
    """Parameters in convolutions, in dense layers and elsewhere, with their colours."""
    convolution, dense = table.convolution_parameters, table.dense_parameters
    counts = {"convolution": convolution, "dense": dense, "other": table.parameters - convolution - dense}
    return tuple((count, KINDS[kind]) for kind, count in counts.items())
