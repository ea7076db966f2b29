"""The costs of two networks as bars in HTML, one above the other."""

from __future__ import annotations

from html import escape

from cnnlab.i18n import _
from cnnlab.layers import LayerTable
from cnnlab.palette import GRAY, KINDS
from cnnlab.text import short_count, size_text


def compare_bars(first: LayerTable, second: LayerTable, names: tuple[str, str]) -> str:
    """Parameters (split by kind of layer), MACs and activation memory of both; each of the three has its own scale from 0."""
    tables = (first, second)
    macs, memory = ([((getattr(table, name), GRAY),) for table in tables] for name in ("macs", "activation_bytes"))
    groups = (
        (_("Parameters"), [_parts(table) for table in tables], short_count, _("{count:,} parameters")),
        (_("MACs for one image"), macs, short_count, _("{count:,} MACs")),
        (_("Activation memory for one image"), memory, size_text, _("{count:,} bytes")),
    )
    rows = []
    for title, pair, words, whole in groups:
        longest = max(sum(count for count, _ in parts) for parts in pair) or 1
        rows.append(f'<tr><th scope="colgroup" colspan="2">{escape(title)}</th></tr>')
        for letter, name, parts in zip("AB", names, pair, strict=True):
            segments = "".join(f'<i style="--kind:{color};width:{100 * count / longest:.2f}%"></i>' for count, color in parts)
            total = sum(count for count, _ in parts)
            rows.append(
                f'<tr><th scope="row">{letter}: {escape(name)}</th>'
                f'<td title="{escape(whole.format(count=total))}">'
                f'<div><span class="cnn-bar-of">{segments}</span><b>{words(total)}</b></div></td></tr>'
            )
    places = {"convolution": _("in convolutions"), "dense": _("in dense layers"), "other": _("elsewhere")}
    legend = "".join(
        f'<li style="--kind:{KINDS[kind]}"><i class="cnn-swatch"></i>{escape(text)}</li>' for kind, text in places.items()
    )
    bars = f'<table class="cnn-bars"><tbody>{"".join(rows)}</tbody></table>'
    return f'{bars}<ul class="cnn-legend" aria-label="{escape(_("Colours of the parameters"))}">{legend}</ul>'


def _parts(table: LayerTable) -> tuple[tuple[int, str], ...]:
    """Parameters in convolutions, in dense layers and elsewhere, with their colours."""
    convolution, dense = table.convolution_parameters, table.dense_parameters
    counts = {"convolution": convolution, "dense": dense, "other": table.parameters - convolution - dense}
    return tuple((count, KINDS[kind]) for kind, count in counts.items())
