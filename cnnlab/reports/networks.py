"""The networks of a report: each drawn, and as a table of its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from cnnlab.config_words import words
from cnnlab.i18n import _, ngettext
from cnnlab.layers import LayerTable
from cnnlab.layers.text import settings_in_words
from cnnlab.run_names import name_of
from cnnlab.runs.records import Run
from cnnlab.text import listed, shape_text, size_text

MOST_ROWS = 40  # of a table; a longer one is folded into its blocks


@dataclass(frozen=True, slots=True)
class Network:
    """A network's layer table, and its drawing in HTML (`cnnlab.figures.network_drawing`)."""

    table: LayerTable
    drawing: str


def networks_section(runs: Sequence[Run], networks: Mapping[str, Network]) -> str:
    """Each network once, with the runs that trained it."""
    distinct: dict[str, tuple[Network, list[Run]]] = {}
    for run in runs:
        if run.id in networks:
            network = networks[run.id]
            key = repr((network.table.architecture, network.table.options, network.table.input_shape, network.table.classes))
            distinct.setdefault(key, (network, []))[1].append(run)
    return "".join(_network(network, members, one=len(distinct) == 1) for network, members in distinct.values())


def table(header: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> str:
    """A table of text; the header says of each column whether it is aligned right."""
    marks = [" class=n" if right else "" for _, right in header]
    head = "".join(f"<th scope=col{mark}>{escape(name)}</th>" for mark, (name, _) in zip(marks, header, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{mark}>{escape(cell)}</td>' for mark, cell in zip(marks, row, strict=True))}</tr>" for row in rows
    )
    return f"<div class=wide tabindex=0><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _network(network: Network, runs: Sequence[Run], *, one: bool) -> str:
    full = network.table
    shown = full if len(full.rows) <= MOST_ROWS else full.fold(1)
    trained = _("Trained in: {names}.").format(names=listed(name_of(run) for run in runs))
    names = "" if one else f"<p>{escape(trained)}</p>"
    rows = [
        [
            *(
                row.path,
                ngettext("{count} layer", "{count} layers", row.layers).format(count=row.layers) if row.layers > 1 else row.kind,
                settings_in_words(row.settings),
                shape_text(row.output_shape, spaced=True),
            ),
            *(f"{row.parameters:,}", f"{row.macs:,}"),
        ]
        for row in shown.rows
    ]
    texts = (_("Layer"), _("Kind"), _("Settings"), _("Output"))
    header = [*((text, False) for text in texts), (_("Parameters"), True), (_("MACs"), True)]
    title = _("Network: {network}").format(network=words("architecture", full.name))
    facts = _(
        "Input {shape}; {parameters:,} parameters, {macs:,} MACs and {size} of activations for one image. Shapes are channels × "
        "height × width."
    ).format(
        shape=shape_text(full.input_shape, spaced=True), parameters=full.parameters, macs=full.macs,
        size=size_text(full.activation_bytes),
    )  # fmt: skip
    return f"<h2>{escape(title)}</h2>{names}<p>{escape(facts)}</p>{network.drawing}{table(header, rows)}"
