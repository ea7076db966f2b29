"""Squares and grids as a picture of images, windows and maps, in colours for light and dark pages."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from cnnlab.palette import GRAY

_XML = 'xmlns="http://www.w3.org/2000/svg"'


@dataclass(frozen=True, slots=True)
class Square:
    """A rectangle in units of the drawing, a frame unless it is filled; a filled one may hold a word."""

    left: float
    top: float
    width: float
    height: float
    colour: str = GRAY
    fill: bool = False
    dashed: bool = False
    word: str = ""


def drawing(squares: Iterable[Square], wide: float, high: float, label: str, *, pixels: int = 420) -> str:
    """The squares as a picture in HTML, at most `pixels` across; `label` says what it shows."""
    unit = pixels / wide
    shapes = "".join(_shape(square, unit) for square in squares)
    size = f'viewBox="-1 -1 {wide * unit + 2:.1f} {high * unit + 2:.1f}" width="{pixels}" height="{high * unit:.0f}"'
    return (
        f'<img src="{as_picture(f"<svg {_XML} {size}>{shapes}</svg>")}" alt="{escape(label)}" '
        f'style="width: 100%; max-width: {pixels}px; height: auto">'
    )


def as_picture(svg: str) -> str:
    """An SVG as a data URI: Streamlit removes it from HTML, but shows it as a picture."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _shape(square: Square, unit: float) -> str:
    left, top, width, height = (unit * each for each in (square.left, square.top, square.width, square.height))
    fill = f'fill="{square.colour}"' if square.fill else 'fill="none"'
    dash = ' stroke-dasharray="4 3"' if square.dashed else ""
    box = (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" {fill} stroke="{square.colour}" '
        f'stroke-width="{1 if square.fill else 2}"{dash}/>'
    )
    if not square.word:
        return box
    return box + (
        f'<text x="{left + width / 2:.1f}" y="{top + height / 2:.1f}" fill="#ffffff" font-weight="bold" font-size="13" '
        f'font-family="sans-serif" text-anchor="middle" dominant-baseline="central">{escape(square.word)}</text>'
    )
