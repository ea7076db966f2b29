"""Twenty digits as they are drawn with a mouse: strokes on a sheet of 280×280 px, of various sizes and away from its middle."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageDraw

SHEET = 280
PEN = 18  # px, the width of the page's pen
Point = tuple[float, float]


@dataclass(frozen=True)
class DrawnDigit:
    """Strokes through points of a square of 100×100, which lies on the sheet with its corner at (left, top)."""

    digit: int
    left: int
    top: int
    size: int  # px, of the square's side
    strokes: tuple[tuple[Point, ...], ...]

    def picture(self) -> Image.Image:
        """Black ink on white paper."""
        sheet = Image.new("RGB", (SHEET, SHEET), "white")
        pen = ImageDraw.Draw(sheet)
        for stroke in self.strokes:
            line = [(self.left + x * self.size / 100, self.top + y * self.size / 100) for x, y in smooth(stroke)]
            pen.line(line, "black", PEN, joint="curve")
            for x, y in line:  # round, as the page's pen is
                pen.ellipse((x - PEN / 2, y - PEN / 2, x + PEN / 2, y + PEN / 2), "black")
        return sheet


def smooth(points: tuple[Point, ...], between: int = 8) -> list[Point]:
    """A curve through the points (Catmull and Rom): a hand does not draw corners unless a point is doubled."""
    ends = [points[0], *points, points[-1]]
    curve = []
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        for part in range(between):
            t = part / between
            weights = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3)
            curve.append(tuple(sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True)) / 2 for axis in (0, 1)))
    return [*curve, points[-1]]


ZERO = ((55, 4), (24, 18), (14, 52), (28, 88), (56, 95), (80, 74), (84, 38), (70, 10), (52, 4))
DIGITS = (
    DrawnDigit(0, 20, 30, 130, (ZERO,)),
    DrawnDigit(0, 150, 120, 110, (((48, 2), (30, 30), (26, 62), (44, 97), (68, 70), (72, 34), (60, 8), (46, 3)),)),
    DrawnDigit(1, 20, 20, 150, (((58, 3), (54, 35), (50, 65), (46, 97)),)),
    DrawnDigit(1, 150, 90, 140, (((34, 26), (46, 16), (56, 4), (56, 4), (55, 40), (54, 96)),)),
    DrawnDigit(2, 120, 20, 130, (((18, 26), (34, 6), (62, 6), (74, 28), (58, 56), (18, 94), (18, 94), (50, 90), (86, 92)),)),
    DrawnDigit(2, 15, 130, 125, (((22, 22), (44, 4), (70, 16), (68, 42), (40, 76), (20, 92), (38, 80), (60, 90), (86, 88)),)),
    DrawnDigit(3, 15, 15, 150, (((22, 12), (50, 3), (72, 20), (46, 45), (46, 45), (76, 62), (62, 90), (36, 97), (16, 84)),)),
    DrawnDigit(3, 140, 110, 130, (((26, 10), (56, 5), (66, 24), (40, 46), (40, 46), (70, 58), (70, 82), (44, 95), (20, 88)),)),
    DrawnDigit(4, 110, 15, 150, (((28, 6), (22, 34), (18, 55), (18, 55), (50, 56), (84, 52)), ((70, 10), (64, 50), (60, 97)))),
    DrawnDigit(4, 10, 120, 140, (((30, 4), (24, 30), (22, 50), (45, 54), (80, 48)), ((76, 6), (70, 45), (66, 96)))),
    DrawnDigit(5, 20, 110, 150, (((74, 6), (36, 8), (36, 8), (28, 44), (28, 44), (56, 40), (76, 64), (58, 92), (22, 92)),)),
    DrawnDigit(5, 140, 20, 120, (((34, 8), (28, 46), (28, 46), (58, 42), (72, 66), (52, 94), (20, 90)), ((34, 8), (78, 5)))),
    DrawnDigit(6, 15, 20, 140, (((66, 4), (36, 28), (22, 62), (32, 92), (60, 94), (72, 72), (54, 56), (26, 68)),)),
    DrawnDigit(6, 150, 130, 120, (((58, 3), (34, 34), (26, 66), (40, 95), (66, 86), (66, 62), (44, 56), (28, 72)),)),
    DrawnDigit(7, 120, 115, 140, (((16, 10), (48, 8), (80, 8), (80, 8), (62, 46), (46, 96)),)),
    DrawnDigit(7, 15, 15, 120, (((18, 14), (50, 10), (78, 6), (78, 6), (66, 44), (58, 95)),)),
    DrawnDigit(
        8, 130, 20, 140, (((68, 14), (40, 6), (30, 26), (52, 46), (70, 70), (50, 95), (30, 76), (48, 48), (70, 26), (64, 10)),)
    ),
    DrawnDigit(
        8, 20, 120, 130, (((62, 8), (36, 16), (42, 40), (66, 62), (60, 92), (34, 92), (32, 66), (56, 44), (70, 22), (60, 8)),)
    ),
    DrawnDigit(9, 20, 20, 140, (((70, 20), (46, 6), (26, 24), (34, 46), (62, 42), (72, 18), (72, 18), (68, 55), (58, 96)),)),
    DrawnDigit(9, 140, 120, 130, (((68, 26), (50, 8), (30, 22), (36, 44), (60, 40), (68, 14), (68, 14), (66, 60), (62, 97)),)),
)
