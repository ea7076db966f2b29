"""Parallel paths as a picture: a box a layer, side by side, from where the paths part at the top to where they meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from cnnlab.architectures.kinds import MEETINGS
from cnnlab.figures.forks import ENTER, Fork, Node, window
from cnnlab.figures.stages import role_of
from cnnlab.i18n import _, translated
from cnnlab.palette import KINDS

_WIDE, _HIGH = 78.0, 22.0  # of a box, in pixels
_ACROSS, _DOWN = 8.0, 13.0  # between boxes
_MOST_FORKS = 6  # drawn in one picture
_MOST_PATHS = 8  # in words


def paths_picture(forks: Sequence[Fork]) -> tuple[str, float, float]:
    """The forks one below the other as elements of an SVG; and the width and height that they take, in pixels."""
    plans = [_Plan.of(fork) for fork in forks[:_MOST_FORKS]]
    width = max(plan.width for plan in plans)
    parts, down = [], 1.0
    for plan in plans:
        parts.append(f'<g transform="translate({(width - plan.width) / 2 + 1:.1f} {down:.1f})">{plan.drawn()}</g>')
        down += plan.height
    if more := len(forks) - len(plans):
        text = _("… and {count} more forks").format(count=more)
        parts.append(f'<text x="{width / 2 + 1:.1f}" y="{down + 12:.1f}" text-anchor="middle">{escape(text)}</text>')
        down += 18
    return f'<g fill="currentColor" font-size="11">{"".join(parts)}</g>', width + 2, down


def paths_words(forks: Sequence[Fork]) -> str:
    """The same in words, a sentence or two for each fork."""
    return "\n".join(_words(fork) for fork in forks)


def _words(fork: Fork) -> str:
    ways = fork.paths(_MOST_PATHS + 1)
    shown = [" → ".join(_label(node) for node in way) if way else _("the input as it is") for way in ways[:_MOST_PATHS]]
    listed = "; ".join([*shown, *([_("and more")] if len(ways) > _MOST_PATHS else [])])
    last = fork.nodes[-1].rows[0].kind
    join = translated(MEETINGS[last][1]) if last in MEETINGS else last
    text = _("Paths side by side: {paths}. They meet in {join}.").format(paths=listed, join=join)
    return (
        text
        if fork.times == 1
        else _("{text} This is there {count} times, one behind the other.").format(text=text, count=fork.times)
    )


def _label(node: Node) -> str:
    row = node.rows[0]
    kind = row.kind.removesuffix("1d").removesuffix("2d").replace("Adaptive", "Global")
    return f"{kind} {window(row)}".strip()


@dataclass(frozen=True, slots=True)
class _Spot:
    """A box's place, or that of a line which passes beside boxes."""

    depth: int  # 1 is the first row of boxes
    node: int | None
    feeds: tuple[int, ...]  # other spots; ENTER is where the paths part


@dataclass(frozen=True, slots=True)
class _Plan:
    fork: Fork
    spots: tuple[_Spot, ...]
    across: tuple[float, ...]  # the middle of each spot
    width: float

    @classmethod
    def of(cls, fork: Fork) -> _Plan:
        spots: list[_Spot] = []
        spot_of: dict[int, int] = {}
        depths: list[int] = []
        for node in fork.nodes:
            depths.append(1 + max((depths[source] for source in node.feeds if source != ENTER), default=0))
        order = sorted(range(len(depths)), key=lambda place: (depths[place], place))
        for place in order:
            feeds = []
            for source in fork.nodes[place].feeds:
                spot = spot_of.get(source, ENTER)
                for depth in range(1 + (0 if source == ENTER else depths[source]), depths[place]):
                    spots.append(_Spot(depth, None, (spot,)))
                    spot = len(spots) - 1
                feeds.append(spot)
            spots.append(_Spot(depths[place], place, tuple(feeds)))
            spot_of[place] = len(spots) - 1
        return cls(fork, tuple(spots), *_placed(spots))

    @property
    def height(self) -> float:
        return self._top(max(spot.depth for spot in self.spots) + 1) + 4

    def _top(self, depth: int) -> float:
        return _DOWN + (depth - 1) * (_HIGH + _DOWN)

    def drawn(self) -> str:
        """The plan as elements of an SVG: lines first, so that they end at the boxes."""
        lines = [self._lines(place, spot) for place, spot in enumerate(self.spots)]
        boxes = [self._box(x, spot) for x, spot in zip(self.across, self.spots, strict=True) if spot.node is not None]
        middle, end = self.across[-1], self.height - 5
        lines.append(f"M{middle:.1f} {end - _DOWN + 2:.1f}V{end:.1f}m-4 -5l4 5l4 -5")
        times = ""
        if self.fork.times > 1:
            times = f'<text x="{middle + 10:.1f}" y="{end:.1f}" font-weight="bold">× {self.fork.times}</text>'
        return f'<path d="{"".join(lines)}" fill="none" stroke="currentColor"/>{"".join(boxes)}{times}'

    def _lines(self, place: int, spot: _Spot) -> str:
        x, top, drawn = self.across[place], self._top(spot.depth), ""
        for source in spot.feeds:
            before = (
                (self.width / 2, 0.0) if source == ENTER else (self.across[source], self._top(self.spots[source].depth) + _HIGH)
            )
            drawn += f"M{before[0]:.1f} {before[1]:.1f}L{x:.1f} {top:.1f}"
        return drawn if spot.node is not None else f"{drawn}V{top + _HIGH:.1f}"

    def _box(self, x: float, spot: _Spot) -> str:
        node = self.fork.nodes[spot.node or 0]
        kind = node.rows[0].kind
        label, wide, corner = _label(node), _WIDE, 4
        if kind in MEETINGS:
            label = MEETINGS[kind][0]
            wide, corner = (_HIGH if len(label) == 1 else 56.0), 11
        hover = "\n".join(f"{row.kind} {translated(row.settings)}".strip() for row in node.rows)
        return (
            f'<g><title>{escape(hover)}</title><rect x="{x - wide / 2:.1f}" y="{self._top(spot.depth):.1f}" width="{wide:.0f}" '
            f'height="{_HIGH:.0f}" rx="{corner}" fill="{KINDS[role_of(node.rows)]}" fill-opacity="0.2" '
            f'stroke="{KINDS[role_of(node.rows)]}" stroke-width="1.5"/>'
            f'<text x="{x:.1f}" y="{self._top(spot.depth) + 15:.1f}" text-anchor="middle">{escape(label)}</text></g>'
        )


def _placed(spots: Sequence[_Spot]) -> tuple[tuple[float, ...], float]:
    """The middle of each spot, and the width of all: a spot stands below what it is fed by, in the order of the rows."""
    rows = [
        [place for place, spot in enumerate(spots) if spot.depth == depth] for depth in range(1, 1 + max(s.depth for s in spots))
    ]
    width = max(map(len, rows)) * (_WIDE + _ACROSS) - _ACROSS
    across = [width / 2] * len(spots)
    for row in rows:
        above = {
            place: sum(across[f] if f != ENTER else width / 2 for f in spots[place].feeds) / len(spots[place].feeds)
            for place in row
        }
        row.sort(key=lambda place: (above[place], place))
        for number, place in enumerate(row):
            across[place] = width / 2 + (number - (len(row) - 1) / 2) * (_WIDE + _ACROSS)
    return tuple(across), width
