"""A network's drawing and layer table as HTML: a row of the table and its box in the drawing light up together.

The table is not `st.dataframe`, which draws on a canvas in columns of a width that it chose for the network before, and so cut
leading digits off. A browser gives the columns of an HTML table the width of what is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from streamlit.components import v2

from cnnlab.figures import DRAWING_RULE, breakable, compare_bars, distribution_bars, legend, network_drawing, role_of, stages
from cnnlab.i18n import N_, _, ngettext, translated
from cnnlab.i18n.glossary import hover
from cnnlab.layers import LayerRow, LayerTable
from cnnlab.layers.text import settings_in_words
from cnnlab.palette import FAILED, KINDS
from cnnlab.text import percent, shape_text, short_count, size_text

# What a column's short title stands for, in the glossary.
_TERMS = {"Field": "receptive field", "MACs": "multiply-accumulate"}
ROWS_WITHOUT_SCROLLING = 30  # a longer table scrolls within itself, so that what comes after it can be reached

_view = v2.component(
    "cnnlab_network_view",
    html='<div class="cnn-network"></div>',
    **{name: Path(__file__).with_suffix(f".{name}").read_text(encoding="utf-8") for name in ("css", "js")},
    isolate_styles=False,  # the two light up together, which needs one document
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures: how to sort by it, and how it is written where there is room and where there is little."""

    name: str  # of its CSS class; the style sheet hides some where there is little room
    title: str
    help: str
    value: Callable[[LayerRow], int | float]
    text: Callable[[LayerRow], str]
    short: Callable[[LayerRow], str] | None = None


COLUMNS = (
    Column(
        "parameters", "Parameters", "numbers in this layer that training changes.",
        lambda row: row.parameters, lambda row: f"{row.parameters:,}", lambda row: short_count(row.parameters),
    ),
    Column(
        "share", "Share", "this layer's part of all parameters.", lambda row: row.share, lambda row: percent(row.share),
    ),
    Column(
        "macs", "MACs", "multiply-accumulates for one image: how much this layer computes.",
        lambda row: row.macs, lambda row: f"{row.macs:,}", lambda row: short_count(row.macs),
    ),
    Column(
        "memory", "Memory", "of this layer's output for one image, at 4 bytes a number (1 kB is 1,000 bytes).",
        lambda row: row.activation_bytes, lambda row: size_text(row.activation_bytes),
    ),
    Column(
        "field", "Field", "receptive field: side of the square of input pixels that one output value can depend on. Padding "
        "counts, so a window can see more than the image; a dense layer or a global pool sees what its windows reach of the image, "
        "which is less than the image where strides leave its last rows out.",
        lambda row: -1 if row.receptive_field is None else row.receptive_field,
        lambda row: "?" if row.receptive_field is None else f"{row.receptive_field:,} px",
    ),
    Column(
        "buffers", "Buffers", "numbers kept but not trained: batch normalisation's running mean and variance.",
        lambda row: row.buffers, lambda row: f"{row.buffers:,}", lambda row: short_count(row.buffers),
    ),
)  # fmt: skip
WORDS = {
    N_("Layer"): N_("where the layer sits in the network; a dot leads into a block."),
    N_("Kind"): N_("PyTorch's name for the layer, or how many layers are folded into this row."),
    N_("Settings"): N_("channels, window, stride (step), pad (border of zeros)."),
    N_("Output"): N_("shape of the output for one image: channels × height × width."),
    N_("Input"): N_("shape of the input: the output of the layer before, or what branches join."),
}


def draw_network(table: LayerTable, title: str, *, key: str) -> None:
    """The drawing with its legend."""
    _view(
        data={"html": f"{network_drawing(table, title)}{legend(table)}<p>{escape(translated(DRAWING_RULE))}</p>", "group": key},
        key=key,
    )


def draw_distribution(table: LayerTable, *, key: str, group: str) -> None:
    """Each stage's share of the parameters and of the work; `group` as in `draw_layers`."""
    _view(data={"html": distribution_bars(table), "group": group}, key=key)


def draw_comparison(first: LayerTable, second: LayerTable, names: tuple[str, str], *, key: str) -> None:
    """What two networks cost, as bars."""
    _view(data={"html": compare_bars(first, second, names), "group": key}, key=key)


def draw_layers(shown: LayerTable, table: LayerTable, *, key: str, group: str) -> None:
    """The rows of `shown`, which is `table` or its folded form; `group` is the key of the drawing to light up with."""
    _view(data={"html": layers_html(shown, table), "group": group}, key=key)


def layers_html(table: LayerTable, unfolded: LayerTable) -> str:
    """The table in HTML; all text is escaped. `unfolded` is the same one with all its layers."""
    # A column of zeros would push others off a small screen; the CSV always has it.
    columns = [column for column in COLUMNS if column.name != "buffers" or table.buffers]
    tall = " cnn-tall" if len(table.rows) > ROWS_WITHOUT_SCROLLING else ""
    head = "".join(
        [_header(name.lower(), name, text) for name, text in WORDS.items()]
        + [_header(column.name, column.title, column.help) for column in columns]
    )
    return (
        f'<div class="cnn-layers{tall}" role="region" aria-label="{escape(_("Layers"))}" tabindex="0"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(_rows(table, unfolded, columns))}</tbody>{_foot(table, len(columns))}"
        "</table></div>"
    )


def meanings() -> str:
    """What the columns mean, as a list in Markdown."""
    pairs = WORDS | {column.title: column.help for column in COLUMNS}
    return "\n".join(
        _("- **{title}**: {text}").format(title=translated(title), text=translated(text)) for title, text in pairs.items()
    )


def _header(name: str, title: str, text: str) -> str:
    meaning = "\n".join(filter(None, (translated(text), hover(_TERMS.get(title, title)))))
    shown = escape(translated(title))
    return f'<th scope="col" class="cnn-{name}"><button type="button" title="{escape(meaning)}">{shown}</button></th>'


def _rows(table: LayerTable, unfolded: LayerTable, columns: list[Column]) -> Iterator[str]:
    drawn = stages(unfolded)
    first = 0
    for row in table.rows:
        members = unfolded.rows[first : first + row.layers]
        first += row.layers
        paths = {member.path for member in members}
        inside = " ".join(str(place) for place, stage in enumerate(drawn) if stage.paths & paths)
        figures = "".join(_figure(row, column) for column in columns)
        yield f'<tr data-stage="{inside}" style="--kind:{KINDS[role_of(members)]}">{_words(row)}{figures}</tr>'


def _words(row: LayerRow) -> str:
    kind = ngettext("{count} layer", "{count} layers", row.layers).format(count=row.layers) if row.layers > 1 else row.kind
    settings = settings_in_words(row.settings)
    settings += _(" (same weights as above)") if row.shared else ""
    beside = _(": ").join(filter(None, (kind, settings)))  # where there is no room for columns of their own
    return (
        f'<th scope="row" class="cnn-layer"><i class="cnn-swatch"></i>{breakable(row.path)}<small>{escape(beside)}</small></th>'
        f'<td class="cnn-kind">{escape(kind)}</td><td class="cnn-settings">{escape(settings)}</td>'
        f'<td class="cnn-output">{shape_text(row.output_shape) or escape(_("✗ does not fit"))}</td>'
        f'<td class="cnn-input">{shape_text(row.input_shape)}</td>'
    )


def _figure(row: LayerRow, column: Column) -> str:
    value, text = column.value(row), column.text(row)
    short = column.short(row) if column.short else text
    cell = text if short == text else f'<span class="cnn-full">{text}</span><span class="cnn-short" title="{text}">{short}</span>'
    if column.name == "share":
        cell = f'<i class="cnn-share-bar" style="--share:{100 * row.share:.1f}%"></i>{text}'
    return f'<td class="cnn-{column.name} cnn-number" data-value="{value}">{cell}</td>'


def _foot(table: LayerTable, figures: int) -> str:
    """The layer that fails, and why: it stays last, however the rows are sorted."""
    if not table.failure:
        return ""
    layer = table.failure.layer
    cells = f'<tr>{_words(layer)}<td colspan="{figures}"></td></tr>' if layer else ""
    reason = f'<tr><td colspan="{figures + len(WORDS)}">✗ {escape(translated(table.failure.reason))}</td></tr>'
    return f'<tfoot class="cnn-failed" style="--kind:{FAILED}">{cells}{reason}</tfoot>'
