"""The layer table as plain text, for the terminal and for the golden tables that reviewers read. Needs no torch."""

from __future__ import annotations

from cnnlab.layers.table import LayerTable
from cnnlab.text import aligned, percent, shape_text

_WORDS = ("path", "kind", "settings", "input", "output")
_NUMBERS = ("parameters", "share", "buffers", "MACs", "bytes", "field")


def as_text(table: LayerTable) -> str:
    """One line per row, then the totals. "bytes" is activation memory, "field" the receptive field, "=" marks a shared row."""
    rows = [
        (
            *(
                row.path + (" =" if row.shared else ""),
                row.kind,
                row.settings,
                shape_text(row.input_shape),
                shape_text(row.output_shape),
            ),
            *(f"{row.parameters:,}", percent(row.share), f"{row.buffers:,}", f"{row.macs:,}", f"{row.activation_bytes:,}"),
            "?" if row.receptive_field is None else f"{row.receptive_field:,}",
        )
        for row in table.rows
    ]
    return "\n".join(
        (
            f"{table.name}: {shape_text(table.input_shape)} to {table.classes} classes",
            "",
            aligned((*_WORDS, *_NUMBERS), rows, right=_NUMBERS),
            "",
            f"parameters  {table.parameters:,} (convolutions {table.convolution_parameters:,}, dense {table.dense_parameters:,})",
            f"buffers     {table.buffers:,}",
            f"MACs        {table.macs:,} for one image",
            f"bytes       {table.activation_bytes:,} of activations for one image",
        )
    )
