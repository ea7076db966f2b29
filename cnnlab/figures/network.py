"""The network as a row of boxes in HTML or as an SVG file, and the shares of its stages in parameters and work as bars."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import sqrt

from cnnlab.figures.paths import paths_picture, paths_words
from cnnlab.figures.stages import Stage, role_of, stages
from cnnlab.i18n import N_, _, ngettext, translated
from cnnlab.layers import LayerRow, LayerTable
from cnnlab.layers.text import settings_in_words
from cnnlab.palette import FAILED, KINDS
from cnnlab.text import percent, shape_text

LEGEND = {  # words for the kinds of palette.KINDS
    "input": N_("input image"),
    "convolution": N_("convolution"),
    "pooling": N_("pooling"),
    "dense": N_("dense"),
    "normalisation": N_("normalisation"),
    "activation": N_("activation"),
    "other": N_("joins and others"),
}

DRAWING_RULE = N_(
    "Height and width of a box grow with the square root of the pixels, its thickness with the square root of the channels. "
    "A dense layer has no pixels: its bar's height grows with the square root of its units. "
    "Sizes can be compared within a drawing, not between drawings."
)

# Sizes in pixels; the style sheet shrinks all alike where there is little room.
_TALLEST = 104.0
_THICKEST = 40.0
_SLANT_X, _SLANT_Y = 0.38, 0.24  # how far the depth axis runs to the right and up
_BAR_WIDTH = 9.0
_MOST_NAMED = 8  # layers that a hover names
_CHARACTER = 7.0  # pixels, in the file; a little wider than its font
_LINE = 17.0  # pixels from line to line of text in the file
_GAP = 14.0  # between boxes in the file
_WIDEST = 1100.0  # a longer network goes on in another line of the file


def network_drawing(table: LayerTable, title: str) -> str:
    """The network as a list of boxes in HTML, from input to output. `DRAWING_RULE` is the scale in words.

    Each box has its name, shape and kind below it, and `data-stage`, its place in `stages(table)`; hovering names its layers. A
    layer that fails comes last, empty and with a cross. A list breaks into lines where a picture would have to shrink.
    """
    boxes = stages(table)
    scale = _Scale(boxes)
    items = [_item(place, stage, scale) for place, stage in enumerate(boxes)]
    if table.failure and table.failure.layer:
        items.append(_failed(table.failure.layer))
    label = _("{network} from input to output").format(network=title)
    return f'<ol class="cnn-boxes" aria-label="{escape(label)}">{"".join(items)}</ol>'


def network_svg(table: LayerTable, title: str) -> str:
    """The drawing as a file that stands for itself: boxes, names and shapes in dark on white."""
    boxes = stages(table)
    scale = _Scale(boxes)
    lines: list[list[_Drawn]] = [[]]
    for each in (_Drawn.of(stage, scale) for stage in boxes):
        if lines[-1] and sum(before.room + _GAP for before in lines[-1]) + each.room + 2 * _GAP > _WIDEST:
            lines.append([])
        lines[-1].append(each)
    parts, y, width = [], 4 * _LINE, 360.0  # wide enough for the title and the totals
    for line in lines:
        x, ground = _GAP, y + max(each.high for each in line)  # the boxes of a line stand on one ground
        for each in line:
            parts.append(each.at(x, ground))
            x += each.room + _GAP
        y, width = ground + 5 * _LINE, max(width, x)
    totals = _("{parameters:,} parameters, {macs:,} MACs for one image").format(parameters=table.parameters, macs=table.macs)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{y - _LINE:.0f}" '
        'font-family="sans-serif" font-size="12" fill="#1a1c20" color="#1a1c20"><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="{_GAP}" y="{1.5 * _LINE}" font-size="15" font-weight="bold">{escape(title)}</text>'
        f'<text x="{_GAP}" y="{2.6 * _LINE:.1f}">{totals}</text>{"".join(parts)}</svg>'
    )


def legend(table: LayerTable) -> str:
    """The kinds of layers in the table and their colours, in HTML."""
    there = {"input", *(role_of([row]) for row in table.rows)}
    entries = (
        f'<li style="--kind:{color}"><i class="cnn-swatch"></i>{escape(translated(LEGEND[kind]))}</li>'
        for kind, color in KINDS.items()
        if kind in there
    )
    return f'<ul class="cnn-legend" aria-label="{escape(_("Colours"))}">{"".join(entries)}</ul>'


def distribution_bars(table: LayerTable) -> str:
    """Two bars per stage in HTML: its share of the parameters, and of the multiply-accumulates."""
    parameters, macs = _("{count:,} parameters"), _("{count:,} MACs")
    rows = "".join(
        f'<tr data-stage="{place}" style="--kind:{KINDS[stage.role]}">'
        f'<th scope="row"><i class="cnn-swatch"></i>{breakable(stage.name)}<small>{_role(stage)}</small></th>'
        f"{_bar(stage.parameters, table.parameters, parameters)}{_bar(stage.macs, table.macs, macs)}</tr>"
        for place, stage in enumerate(stages(table))
        if place
    )
    names = (_("Stage"), _("Parameters"), _("MACs (work for one image)"))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return f'<table class="cnn-bars"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def breakable(path: str) -> str:
    """A path in HTML that may break behind its dots."""
    return escape(path).replace(".", ".<wbr>")


def distribution_sentence(table: LayerTable) -> str:
    """Where the parameters sit, in words."""
    if table.parameters == 0:
        return _("This network has no parameters.")
    if any(row.settings.endswith("frozen") for row in table.rows):
        return _("{learning:,} parameters learn; {kept:,} numbers stay as they are.").format(
            learning=table.parameters, kept=table.buffers
        )
    parts = {N_("convolutions"): "convolution", N_("dense layers"): "dense"}
    work = {part: sum(row.macs for row in table.rows if row.category == category) for part, category in parts.items()}
    if table.convolution_parameters == 0:
        return _("All of its weights sit in dense layers: it has no convolution, so it does not know which pixels are neighbours.")
    dense, convolution = (part / table.parameters for part in (table.dense_parameters, table.convolution_parameters))
    where = _("{dense} of its parameters sit in dense layers, {convolution} in convolutions").format(
        dense=_percent(dense), convolution=_percent(convolution)
    )
    if dense == 0:
        where = _("It has no dense layer: its parameters sit in convolutions")
    where = where[0].upper() + where[1:]
    if not table.macs:
        return _("{sentence}.").format(sentence=where)
    busiest = max(work, key=lambda part: work[part])
    return _("{sentence}; {share} of the work for an image (its MACs) is done by {layers}.").format(
        sentence=where, share=_percent(work[busiest] / table.macs), layers=translated(busiest)
    )


class _Scale:
    def __init__(self, drawn: tuple[Stage, ...]) -> None:
        volumes = [stage.output_shape for stage in drawn if len(stage.output_shape) == 3]
        self.side = _TALLEST / sqrt(max((max(shape[1:]) for shape in volumes), default=1))
        self.channel = _THICKEST / sqrt(max((shape[0] for shape in volumes), default=1))
        self.unit = _TALLEST / sqrt(max((shape[0] for stage in drawn if len(shape := stage.output_shape) == 1), default=1))
        self.tallest = max((high + wide * _SLANT_Y + 2 for _, high, wide in map(self.size, drawn)), default=0.0)

    def size(self, stage: Stage) -> tuple[float, float, float]:
        """Thickness (channels), height and width of the box in pixels, never too small to see."""
        shape = stage.output_shape
        if len(shape) != 3:
            return _BAR_WIDTH, max(6.0, self.unit * sqrt(shape[0])), 6.0
        channels, height, width = shape
        return max(4.0, self.channel * sqrt(channels)), max(6.0, self.side * sqrt(height)), max(6.0, self.side * sqrt(width))


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A stage as the file draws it."""

    picture: str  # elements of an SVG
    words: tuple[str, ...]  # below it
    room: float  # pixels across
    high: float  # of the picture

    @classmethod
    def of(cls, stage: Stage, scale: _Scale) -> _Drawn:
        faces, wide, high = _faces(KINDS[stage.role], *scale.size(stage))
        words = (_short_name(stage), _shape(stage.output_shape), translated(LEGEND[stage.role]))
        paths, paths_wide, paths_high = paths_picture(stage.forks) if stage.forks else ("", 0.0, 0.0)
        room = max(wide, paths_wide, *(_CHARACTER * len(text) for text in words))
        box = f'<g transform="translate({(room - wide) / 2:.1f} {paths_high:.1f})" stroke="{_edge(stage)}">{faces}</g>'
        beside = f'<g transform="translate({(room - paths_wide) / 2:.1f} 0)">{paths}</g>' if paths else ""
        return cls(beside + box, words, room, high + paths_high)

    def at(self, x: float, ground: float) -> str:
        """Its elements with its left edge at `x`, standing on the line `ground`."""
        texts = (
            f'<text x="{x + self.room / 2:.1f}" y="{ground + _LINE * down:.1f}" text-anchor="middle" font-weight="{weight}">'
            f"{escape(text)}</text>"
            for text, down, weight in zip(self.words, (1, 2, 3), ("bold", "normal", "normal"), strict=True)
        )
        return f'<g transform="translate({x:.1f} {ground - self.high:.1f})">{self.picture}</g>{"".join(texts)}'


def _item(place: int, stage: Stage, scale: _Scale) -> str:
    thick, high, wide = scale.size(stage)
    return (
        f'<li data-stage="{place}" style="--kind:{KINDS[stage.role]}" title="{escape(_hover(stage))}">{_paths(stage)}'
        f"{_volume(KINDS[stage.role], thick, high, wide)}<b>{escape(_short_name(stage))}</b>"
        f"<span>{_shape(stage.output_shape)}</span><small>{_role(stage)}</small></li>"
    )


def _paths(stage: Stage) -> str:
    """The stage's parallel paths as an SVG, with the same in words; "" where it has none."""
    if not stage.forks:
        return ""
    drawn, width, height = paths_picture(stage.forks)
    size = f'viewBox="0 0 {width:.1f} {height:.1f}" style="--w:{width:.1f}"'
    return f'<div class="cnn-paths"><svg role="img" aria-label="{escape(paths_words(stage.forks))}" {size}>{drawn}</svg></div>'


def _short_name(stage: Stage) -> str:
    return stage.name.rsplit(".", 1)[-1] if len(stage.name) > 12 else stage.name


def _failed(layer: LayerRow) -> str:
    return (
        f'<li class="cnn-failed" style="--kind:{FAILED}"><svg aria-hidden="true" viewBox="0 0 40 60" style="--w:40">'
        '<rect x="1" y="1" width="38" height="58"/><path d="M12 22 28 38 M28 22 12 38"/></svg>'
        f"<b>{escape(layer.path.rsplit('.', 1)[-1])}</b><span>{escape(_('does not fit'))}</span>"
        f"<small>{escape(_('is given {shape}').format(shape=shape_text(layer.input_shape)))}</small></li>"
    )


def _volume(color: str, thick: float, high: float, wide: float) -> str:
    """A box as an SVG."""
    drawn, width, height = _faces(color, thick, high, wide)
    return (
        f'<svg aria-hidden="true" viewBox="0 0 {width:.1f} {height:.1f}" style="--w:{width:.1f}" stroke="{_shade(color, 0.62)}">'
        f"{drawn}</svg>"
    )


def _faces(color: str, thick: float, high: float, wide: float) -> tuple[str, float, float]:
    """A box from its front, top and side, as elements of an SVG; and the width and height that they take."""
    dx, dy = wide * _SLANT_X, wide * _SLANT_Y
    top, right = dy + 1, thick + 1
    faces = (
        (1.0, ((1, top), (right, top), (right, top + high), (1, top + high))),
        (1.22, ((1, top), (right, top), (right + dx, 1), (1 + dx, 1))),
        (0.8, ((right, top), (right + dx, 1), (right + dx, 1 + high), (right, top + high))),
    )
    drawn = "".join(
        f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in corners)}" fill="{_shade(color, factor)}"/>'
        for factor, corners in faces
    )
    return drawn, thick + dx + 2, high + dy + 2


def _role(stage: Stage) -> str:
    return escape(translated(LEGEND[stage.role]))


def _bar(count: int, total: int, words: str) -> str:
    share = count / total if total else 0.0
    bar = f'<span class="cnn-bar-of"><i style="width:{100 * share:.2f}%"></i></span>'
    return f'<td title="{escape(words.format(count=count))}"><div>{bar}<b>{escape(percent(share)) if count else "0"}</b></div></td>'


def _shape(shape: tuple[int, ...]) -> str:
    return shape_text(shape) if len(shape) > 1 else ngettext("{count:,} unit", "{count:,} units", shape[0]).format(count=shape[0])


def _hover(stage: Stage) -> str:
    more = len(stage.layers) - _MOST_NAMED
    inside = [*map(_layer, stage.layers[:_MOST_NAMED]), *([_("… and {count} more").format(count=more)] if more > 0 else [])]
    lines = [_("{name}: {text}").format(name=stage.name, text=shape_text(stage.output_shape, spaced=True)), *inside]
    if stage.role != "input":
        lines.append(_("{parameters:,} parameters, {macs:,} MACs").format(parameters=stage.parameters, macs=stage.macs))
    return "\n".join(lines)


def _edge(stage: Stage) -> str:
    return _shade(KINDS[stage.role], 0.62)


def _layer(words: str) -> str:
    """A layer of a stage, "Conv2d 6 channels, 5×5, stride 1", in the reader's language."""
    kind, _space, settings = words.partition(" ")
    return f"{translated(kind)} {settings_in_words(settings)}" if settings else translated(kind)


def _shade(color: str, factor: float) -> str:
    red, green, blue = (min(255, round(int(color[start : start + 2], 16) * factor)) for start in (1, 3, 5))
    return f"rgb({red},{green},{blue})"


def _percent(share: float) -> str:
    if 0.995 <= share < 1:
        return _("more than 99 %")
    if 0 < share < 0.005:
        return _("less than 1 %")
    return f"{share * 100:.0f} %"
