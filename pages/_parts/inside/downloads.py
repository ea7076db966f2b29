"""Ways out of every picture: as PNG, as SVG, and its numbers as CSV. What takes a question to the helper is asked at the click."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence

import streamlit as st

from cnnlab.datasets.pictures import coloured_png, pixels_of
from cnnlab.figures.pictures import bars_svg, pictures_svg
from cnnlab.i18n import _, language, using
from cnnlab.inside_values import Table
from cnnlab.palette import BLUE, rgb, shade
from cnnlab.spreadsheet import csv_text
from pages._parts.inside.numbers import ends_of, figure_text, scale_of

HEADER = ("channel", "row", "column", "value")
BAR, TALL = 16, 144  # pixels of a histogram's bar
Rows = Iterable[Sequence[object]]


def picture_button(label: str, picture: str | Callable[[], str], name: str, *, help: str) -> None:
    """Offers a data URI, or what a call returns as one, as a PNG file."""
    _button(
        label, (lambda: _bytes(picture())) if callable(picture) else _bytes(picture), name, "image/png", icon="image", help=help
    )


def drawing_button(label: str, drawing: Callable[[], str], name: str, *, help: str) -> None:
    """Offers an SVG file, which is drawn at the click."""
    _button(label, drawing, name, "image/svg+xml", icon="shapes", help=help)


def numbers_button(label: str, rows: Callable[[], Rows], name: str, *, help: str, header: Sequence[str] = HEADER) -> None:
    """Offers rows of numbers as a CSV file."""
    _button(label, lambda: csv_text(header, rows()), name, "text/csv", icon="download", help=help)


def picture_ways(
    what: str, picture: str | Callable[[], str], file: Callable[[str], str], title: str, *, help: str,
    pictures: Sequence[tuple[str, str]] = (), note: str = "",
) -> None:  # fmt: skip
    """Offers a picture as PNG and as SVG; the latter has a title and may have several `pictures` with captions."""
    picture_button(_("{what} as PNG").format(what=what), picture, file("png"), help=help)
    drawing_button(
        _("{what} as SVG").format(what=what),
        lambda: pictures_svg(pictures or [(picture() if callable(picture) else picture, "")], title, note), file("svg"),
        help=_("The same with a title and captions, for a report or a slide.") if pictures
        else _("The same with a title, for a report or a slide."),
    )  # fmt: skip


def histogram_ways(counts: Sequence[int], ends: tuple[float, float], file: Callable[[str], str], title: str, *, what: str) -> None:
    """Offers a histogram between two values in the three ways."""
    low, high = ends
    step = (high - low) / max(1, len(counts))
    with st.container(horizontal=True):
        picture_button(
            _("{what} as PNG").format(what=what), lambda: bars_png(counts), file("png"),
            help=_("{title}: the bars alone, from {low} to {high}.").format(
                title=title, low=figure_text(low), high=figure_text(high)
            ),
        )  # fmt: skip
        drawing_button(
            _("{what} as SVG").format(what=what), lambda: bars_svg(counts, (figure_text(low), figure_text(high)), title),
            file("svg"), help=_("The bars with a title and the ends of the range."),
        )  # fmt: skip
        numbers_button(
            _("{what} as CSV").format(what=what),
            lambda: [(low + place * step, low + (place + 1) * step, count) for place, count in enumerate(counts)], file("csv"),
            header=("from", "to", "values"), help=_("How many values lie in each of the equal steps."),
        )  # fmt: skip


def bars_png(counts: Sequence[int]) -> str:
    """The bars as a PNG data URI; heights grow with the square root, as on the page."""
    most, white, blue = max((*counts, 1)), (255, 255, 255), rgb(BLUE)
    heights = [round(TALL * (count / most) ** 0.5) for count in counts]
    return coloured_png(
        [
            [part for tall in heights for part in [blue if TALL - row <= tall else white] * (BAR - 1) + [white]]
            for row in range(TALL)
        ]
    )


def shares_png(shares: Sequence[float]) -> str:
    """A bar for each share of 1, below each other, as a PNG data URI."""
    white, blue = (255, 255, 255), rgb(BLUE)
    rows = [[blue if place < round(2 * TALL * share) else white for place in range(2 * TALL)] for share in shares]
    return coloured_png([row if place else [white] * (2 * TALL) for row in rows for place in range(BAR)])


def cells_png(values: Table) -> str:
    """Values as squares in the colours of the page, as a PNG data URI."""
    low, high = ends_of(values)
    return coloured_png([[rgb(shade(value, low, high, scale_of(low))) for value in line] for line in values], BAR)


def pixels_button(picture: str, name: str) -> None:
    """Offers the pixels of a PNG data URI: one value each for a gray picture, three for one in colour; people count from 1."""
    is_gray = _bytes(picture)[25:26] == b"\0"  # the type of colour in a PNG's header
    numbers_button(
        _("Pixels as CSV"),
        lambda: [
            (row, column, *pixel) for row, line in enumerate(pixels_of(picture), 1) for column, pixel in enumerate(line, 1)
        ],
        name, header=("row", "column", *(("value",) if is_gray else ("red", "green", "blue"))),
        help=_("Each pixel of the image, from 0 to 255, before the network's own preparation."),
    )  # fmt: skip


def listed(table: Table, channel: int) -> Rows:
    """The rows of HEADER for one channel; people count from 1."""
    for row, values in enumerate(table, 1):
        for column, value in enumerate(values, 1):
            yield channel + 1, row, column, value


def _button(label: str, data: bytes | Callable[[], str | bytes], name: str, mime: str, *, icon: str, help: str) -> None:
    code = language()  # what is made at the click is made outside of the page

    def made() -> str | bytes:
        with using(code):
            return data() if callable(data) else data

    st.download_button(
        label, made if callable(data) else data, name, mime, icon=f":material/{icon}:", on_click="ignore", help=help,
        key=f"{name.rpartition('.')[2]} {name}",
    )  # fmt: skip


def _bytes(picture: str) -> bytes:
    return base64.b64decode(picture.partition(",")[2])
