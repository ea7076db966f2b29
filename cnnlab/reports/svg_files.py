"""Figures as SVG files of their own, for a report or a slide: a run's curves, several runs, a confusion matrix. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isfinite, sqrt

from cnnlab.events import EpochDone, best_epoch
from cnnlab.i18n import N_, _, language, tag, together, translated
from cnnlab.palette import BLUE, GRAY, GREEN, ORANGE, RED
from cnnlab.reports.comparison import Line
from cnnlab.reports.svg import HEIGHT, LEFT, WIDTH, Along, Style, curves_body, style_of
from cnnlab.reports.thinning import has_exploded
from cnnlab.text import cells, percent, well_formed

MOST_CLASSES = 30  # in a matrix; of more, those with the most mistakes: a browser takes seconds for 90,000 cells
STRONGEST = 60  # per cent of a cell's colour, so that numbers can be read on it
_LINE, _LETTER, _EDGE = 18.0, 6.6, 16.0  # of text of 12 px: a line, the width of a letter; and the space around a figure
_CELL, _LONGEST = 46.0, 22  # px; letters of a class's name
_POINT = "point"  # in place of a dash: a mark without a line
# As on the run's page: colour and dash.
_STYLES: dict[str, Style] = {
    N_("training"): (BLUE, ""),
    N_("test"): (ORANGE, "7 4"),
    N_("validation"): (GREEN, "9 3 2 3"),
    N_("test, best epoch"): (ORANGE, _POINT),
}
_CHANCE: Style = (GRAY, "2 3")


def run_svg(epochs: Sequence[EpochDone], title: str, classes: int, *, over: bool, logarithmic: bool = False) -> str:
    """A run's loss and accuracy after each epoch, as its page draws them, with the level of chance among `classes`.

    With validation images the test images appear as one point, and only when the run is `over`. `epochs` has one at least.
    """
    shown: dict[str, tuple[Sequence[EpochDone], str]] = {"training": (epochs, "train")}
    best = best_epoch(epochs)
    if any(done.validation_loss is None for done in epochs):
        shown["test"] = (epochs, "test")
    else:
        shown["validation"] = (epochs, "validation")
        if over and best:
            shown["test, best epoch"] = ((best,), "test")
    names = [translated(name).capitalize() for name in shown]
    losses, shares = (
        [_line(name, which, f"{field}_{end}") for name, (which, field) in zip(names, shown.values(), strict=True)]
        for end in ("loss", "accuracy")
    )
    styles = [_STYLES[name] for name in shown]
    chance = _("Chance level ({share})").format(share=percent(1 / classes, None))
    level = (1 / classes,) * 2
    guess = Line(chance, (), (0, epochs[-1].epoch), (), level, level, level)
    values = [value for line in losses for value in line.values if isfinite(value) and value > 0]
    logarithmic = logarithmic or has_exploded(values)
    loss = curves_body(losses, share=False, logarithmic=logarithmic, styles=styles)
    accuracy = curves_body([*shares, guess], share=True, styles=[*styles, _CHANCE])
    charts = [(_("Loss (logarithmic)") if logarithmic else _("Loss"), loss), (_("Accuracy"), accuracy)]
    return _document(
        title,
        charts,
        [*zip(names, styles, strict=True), (chance, _CHANCE)],
        [*_ends(_("Loss"), losses, share=False), *_ends(_("Accuracy"), shares, share=True)],
    )


def comparison_svg(lines: Sequence[Line], title: str, along: Along, *, share: bool) -> str:
    """Several runs, a line each, as Runs draws them; `share` says that the values are accuracies."""
    legend = [(line.label, style_of(place)) for place, line in enumerate(lines)]
    return _document(title, [("", curves_body(lines, share=share, along=along))], legend, _ends(title, lines, share=share))


def drawn_classes(confusion: Sequence[Sequence[int]], *chosen: int | None) -> list[int]:
    """The classes of the rows and columns, ascending: all, or of many those with the most mistakes and the `chosen` ones."""
    every = range(len(confusion))
    if len(every) <= MOST_CLASSES:
        return list(every)
    columns = [sum(column) for column in zip(*confusion, strict=True)]
    # Of its images taken for others, and those of others taken for it.
    mistakes = [sum(confusion[each]) + columns[each] - 2 * confusion[each][each] for each in every]
    kept = [each for each in chosen if each is not None]
    worst = sorted((each for each in every if each not in kept), key=lambda each: -mistakes[each])
    return sorted({*kept, *worst[: MOST_CLASSES - len(set(kept))]})


def confusion_svg(confusion: Sequence[Sequence[int]], classes: Sequence[str], title: str, *, shares: bool = False) -> str:
    """The confusion matrix K×K, a row for each true class, with the number of test images in each cell; with `shares`, per cent."""
    drawn = drawn_classes(confusion)
    names = [_cut(translated(classes[each]), _LONGEST) for each in drawn]
    room = max(_LETTER * cells(name) for name in names) + 12
    left, top = _EDGE + room, 4 * _LINE + room
    side = _CELL * len(drawn)
    parts = []
    for row, label in enumerate(drawn):
        total, middle = sum(confusion[label]), top + _CELL * (row + 0.5)
        parts.append(_text(left - 8, middle + 4, names[row], 'text-anchor="end"'))
        along = left + _CELL * (row + 0.5) + 4
        parts.append(_text(along, top - 8, names[row], f'transform="rotate(-90 {along:.1f} {top - 8:.1f})"'))
        for column, predicted in enumerate(drawn):
            count = confusion[label][predicted]
            # The square root, so that a few mistakes among many images are seen.
            tint = STRONGEST / 100 * sqrt(count / total) if count else 0.0
            colour = GREEN if label == predicted else RED
            place = f'x="{left + _CELL * column + 1:.1f}" y="{top + _CELL * row + 1:.1f}"'
            size = f'width="{_CELL - 2:g}" height="{_CELL - 2:g}" rx="4"'
            edge = f' stroke="{colour}"' if label == predicted else ""
            parts.append(f'<rect {place} {size} fill="{colour}" fill-opacity="{tint:.2f}"{edge}/>')
            figure = percent(count / max(1, total), 0).removesuffix(" %") if shares else f"{count:,}"
            bold = ' font-weight="bold"' if label == predicted else "" if count else ' fill="#5a6673"'
            parts.append(_text(left + _CELL * (column + 0.5), middle + 4, figure, f'text-anchor="middle"{bold}'))
    right, images = sum(confusion[each][each] for each in range(len(classes))), sum(map(sum, confusion))
    share = percent(right / images if images else None)
    facts = _("{right:,} of {images:,} test images right ({share})").format(right=right, images=images, share=share)
    axes = _("Rows: true class. Columns: predicted class.")
    if shares:
        axes = _("Rows: true class, in per cent of its images. Columns: predicted class.")
    fewer = _("The {count} of {classes:,} classes with the most mistakes.").format(count=len(drawn), classes=len(classes))
    words = [facts, together(axes, fewer if len(drawn) < len(classes) else "")]
    parts += [_text(_EDGE, (2.4 + line) * _LINE, text) for line, text in enumerate(words)]
    width = max(left + side, *(_EDGE + _LETTER * cells(text) for text in (title, *words))) + _EDGE
    return _file(width, top + side + _EDGE, title, facts, "".join(parts))


def _line(label: str, epochs: Sequence[EpochDone], field: str) -> Line:
    values = tuple(getattr(done, field) for done in epochs)
    return Line(label, (), tuple(done.epoch for done in epochs), (), values, values, values)


def _ends(quantity: str, lines: Sequence[Line], *, share: bool) -> list[str]:
    """Where each line ends, for who does not see it."""
    words = _("{quantity}, {name}: {value} after epoch {epoch}")
    found = [(line.label, line.epochs[-1], line.values[-1]) for line in lines if isfinite(line.values[-1])]
    return [
        words.format(quantity=quantity, name=name, value=percent(value) if share else f"{value:.4g}", epoch=epoch)
        for name, epoch, value in found
    ]


def _document(title: str, charts: Sequence[tuple[str, str]], legend: Sequence[tuple[str, Style]], ends: Sequence[str]) -> str:
    """Charts below each other, and a legend below them."""
    parts, y = [], 2.4 * _LINE
    for heading, body in charts:
        if heading:
            parts.append(_text(LEFT, y + 4, heading, 'font-weight="bold"'))
            y += 0.6 * _LINE
        drawn = body or _text(LEFT, HEIGHT / 2, _("No value is a finite number."))
        parts.append(f'<g transform="translate(0 {y:.1f})">{drawn}</g>')
        y += HEIGHT + _LINE
    x = LEFT
    for label, (colour, dash) in legend:
        words = _cut(label, int((WIDTH - LEFT - 60) / _LETTER))
        wide = 42 + _LETTER * cells(words) + 24
        if x + wide > WIDTH and x > LEFT:
            x, y = LEFT, y + _LINE
        mark = f'<circle cx="{x + 17:.1f}" cy="{y - 4:.1f}" r="4" fill="{colour}"/>'
        if dash != _POINT:
            across = f'x1="{x:.1f}" x2="{x + 34:.1f}" y1="{y - 4:.1f}" y2="{y - 4:.1f}"'
            mark = f'<line {across} stroke="{colour}" stroke-width="3" stroke-dasharray="{dash}"/>'
        parts.append(mark + _text(x + 42, y, words))
        x += wide
    return _file(WIDTH, y + _EDGE, title, "; ".join(ends), "".join(parts))


def _file(width: float, height: float, title: str, description: str, body: str) -> str:
    """A file with a title above `body`; white, because it is put on paper and slides."""
    head = _text(_EDGE, 1.4 * _LINE, _cut(title, int(width / 9)), 'font-size="15" font-weight="bold"')
    named = f"<title>{_xml(title)}</title><desc>{_xml(description)}</desc>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xml:lang="{tag(language())}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" font-family="sans-serif" font-size="12" fill="#1a1c20">{named}'
        f'<rect width="100%" height="100%" fill="#fff"/>{head}{body}</svg>\n'
    )


def _text(x: float, y: float, words: str, style: str = "") -> str:
    # Isolated, so that a name which turns the direction of writing turns its own letters alone.
    return f'<text x="{x:.1f}" y="{y:.1f}" unicode-bidi="isolate" {style}>{_xml(words)}</text>'


def _xml(text: str) -> str:
    """Text that XML can hold: a single control character would make the whole file unreadable."""
    return escape("".join(c if c.isprintable() else "�" for c in " ".join(well_formed(text).split())))


def _cut(text: str, most: int) -> str:
    """The text, or its beginning where it takes more than `most` letters' room."""
    if cells(text) <= most:
        return text
    cuts = (f"{text[:count]}…" for count in range(len(text) - 1, -1, -1))
    return next(cut for cut in cuts if cells(cut) <= most)
