"""Small pictures and histograms as SVG with their captions, for a report or a slide."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from cnnlab.i18n import ngettext
from cnnlab.palette import BLUE, GRAY

CELL, GAP, LINE, MARGIN = 112, 12, 18, 12  # pixels: a picture's side, between two, a line of text, around all
MOST_ACROSS = 8
WIDTH, HEIGHT = 420, 150  # of a histogram
_FONT = 'font-family="sans-serif" font-size="12"'


def pictures_svg(pictures: Sequence[tuple[str, str]], title: str, note: str = "") -> str:
    """Pictures (data URIs with captions) row by row under a title, and a note below them. All text is escaped."""
    across = max(1, min(len(pictures), MOST_ACROSS))
    side = CELL if len(pictures) > 1 else 3 * CELL
    step = side + GAP, side + GAP + LINE
    body = []
    for place, (picture, caption) in enumerate(pictures):
        left, top = MARGIN + place % across * step[0], MARGIN + LINE + place // across * step[1]
        body.append(
            f'<image x="{left}" y="{top}" width="{side}" height="{side}" style="image-rendering: pixelated" '
            f'href="{escape(picture)}"/>'
            f'<text x="{left}" y="{top + side + 14}">{escape(caption)}</text>'
        )
    width = 2 * MARGIN + max(across * step[0] - GAP, 3 * CELL)
    height = 2 * MARGIN + 2 * LINE + -(-len(pictures) // across) * step[1]
    return _svg(width, height, title, [*body, f'<text x="{MARGIN}" y="{height - MARGIN}">{escape(note)}</text>'])


def bars_svg(counts: Sequence[int], ends: tuple[str, str], title: str) -> str:
    """A histogram between two values, given as text; bars grow with the square root of the counts, as on the page."""
    most, wide = max((*counts, 1)), (WIDTH - 2 * MARGIN) / max(1, len(counts))
    floor = HEIGHT - MARGIN - LINE
    bars = []
    for place, count in enumerate(counts):
        tall = (floor - MARGIN - LINE) * (count / most) ** 0.5
        bars.append(
            f'<rect x="{MARGIN + place * wide:.1f}" y="{floor - tall:.1f}" width="{wide - 1:.1f}" height="{tall:.1f}" '
            f'fill="{BLUE}"><title>{ngettext("{count:,} value", "{count:,} values", count).format(count=count)}</title></rect>'
        )
    axis = f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{floor}" y2="{floor}" stroke="{GRAY}"/>'
    low, high = (escape(end) for end in ends)
    first = f'<text x="{MARGIN}" y="{floor + 15}">{low}</text>'
    last = f'<text x="{WIDTH - MARGIN}" y="{floor + 15}" text-anchor="end">{high}</text>'
    return _svg(WIDTH, HEIGHT, title, [*bars, axis, first, last])


def shares_svg(rows: Sequence[tuple[str, float, str]], title: str) -> str:
    """A bar for each of several shares: its name, the share from 0 to 1, and the share as text."""
    wide, body = WIDTH // 2, []
    for place, (name, share, text) in enumerate(rows):
        top = 2 * MARGIN + LINE + place * (LINE + 4)
        body.append(
            f'<text x="{WIDTH // 4}" y="{top}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{WIDTH // 4 + MARGIN}" y="{top - 11}" width="{max(0.5, wide * share):.1f}" height="14" fill="{BLUE}"/>'
            f'<text x="{WIDTH - MARGIN}" y="{top}" text-anchor="end">{escape(text)}</text>'
        )
    return _svg(WIDTH, 3 * MARGIN + LINE + len(rows) * (LINE + 4), title, body)


def _svg(width: int, height: int, title: str, body: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" {_FONT}>'
        f'<title>{escape(title)}</title><rect width="{width}" height="{height}" fill="#fff"/>'
        f'<text x="{MARGIN}" y="{MARGIN + 8}" font-weight="bold">{escape(title)}</text>{"".join(body)}</svg>'
    )
