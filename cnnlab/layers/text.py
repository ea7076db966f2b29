"""The layer table as plain text, in the reader's language: for the terminal and the golden tables. Needs no torch."""

from __future__ import annotations

from cnnlab.i18n import _, translated
from cnnlab.layers.table import LayerTable
from cnnlab.text import aligned, percent, shape_text


def settings_in_words(settings: str) -> str:
    """A layer's settings, which its table lists in English: "6 channels, 5×5, stride 1"."""
    return _(", ").join(translated(each) for each in settings.split(", "))


def as_text(table: LayerTable) -> str:
    """One line per row, then the totals. "bytes" is activation memory, "field" the receptive field, "=" marks a shared row."""
    columns = _("path|kind|settings|input|output|parameters|share|buffers|MACs|bytes|field").split("|")
    numbers = columns[5:]
    shape = _("{name}: {shape} to {count} classes").format(
        name=table.name, shape=shape_text(table.input_shape), count=table.classes
    )
    rows = [
        (
            *(
                row.path + (" =" if row.shared else ""),
                row.kind,
                settings_in_words(row.settings),
                shape_text(row.input_shape),
                shape_text(row.output_shape),
            ),
            *(f"{row.parameters:,}", percent(row.share), f"{row.buffers:,}", f"{row.macs:,}", f"{row.activation_bytes:,}"),
            "?" if row.receptive_field is None else f"{row.receptive_field:,}",
        )
        for row in table.rows
    ]
    parameters = _("{count:,} (convolutions {convolutions:,}, dense {dense:,})").format(
        count=table.parameters, convolutions=table.convolution_parameters, dense=table.dense_parameters
    )
    totals = (
        parameters,
        f"{table.buffers:,}",
        _("{count:,} for one image").format(count=table.macs),
        _("{count:,} of activations for one image").format(count=table.activation_bytes),
    )
    summed = (columns[5], *columns[7:10])
    below = aligned(("", ""), list(zip(summed, totals, strict=True))).lstrip("\n")
    return "\n".join((shape, "", aligned(columns, rows, right=numbers), "", below))
