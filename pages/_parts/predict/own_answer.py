"""What a network takes a user's picture for, in words, as bars, and as the picture that it was given."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from cnnlab.text import percent, shape_text
from cnnlab.values import OwnAnswer

MOST_BARS = 10
UNSURE = 0.6  # below this probability the answer is called a guess


def ranked(answer: OwnAnswer) -> list[tuple[str, float]]:
    """The classes with their probabilities, the most probable first."""
    return sorted(zip(answer.classes, answer.probabilities, strict=True), key=lambda each: -each[1])


def share(probability: float) -> str:
    """A probability for people; one that is not nought never reads as nought, and less than all never as all."""
    if 0 < probability < 0.0005:
        return "< 0.1 %"
    return "> 99.9 %" if 0.9995 <= probability < 1 else percent(probability)


def headline(answer: OwnAnswer) -> str:
    """The predicted class and its probability."""
    name, probability = ranked(answer)[0]
    return f"{'A guess: ' if probability < UNSURE else ''}{name}, {share(probability)} sure"


def second(answer: OwnAnswer) -> str:
    """What comes next, as a sentence."""
    (_, first), (name, probability), *_ = ranked(answer)
    if first < UNSURE:
        return f"The network is not sure. Nearly as probable for it: {name}, {share(probability)}."
    return f"The next most probable class is {name}, {share(probability)}."


def normalisation(answer: OwnAnswer) -> str:
    """The network's own preparation, the last step, in words."""
    values = f"Its values run from {_number(answer.lowest)} to {_number(answer.highest)}."
    if not answer.mean:
        return f"Each value was divided by 255. {values}"
    mean, std = (", ".join(map(_number, each)) for each in (answer.mean, answer.std))
    each = " (red, green, blue)" if len(answer.mean) == 3 else ""
    return f"Normalised: divided by 255, less the mean {mean}, divided by the standard deviation {std}{each}. {values}"


def bars_html(answer: OwnAnswer) -> str:
    """All classes as bars, the most probable first; of many, the first ten and the rest as one. All text is escaped."""
    rows = ranked(answer)
    shown, rest = rows[:MOST_BARS], rows[MOST_BARS:]
    if rest:
        shown = [*shown, (f"{len(rest)} others", sum(probability for _, probability in rest))]
    items = "".join(_bar(name, probability, first=place == 0) for place, (name, probability) in enumerate(shown))
    return f'<ol class="cnn-own-bars" aria-label="Probability of each class">{items}</ol>'


def given_html(answer: OwnAnswer) -> str:
    """The network's input, large."""
    size = shape_text(answer.input_shape[1:])
    return (
        f'<figure class="cnn-own-given"><img src="{escape(answer.data_uri)}" alt="The network’s input, {size} pixels">'
        f"<figcaption>What the network gets: {size} pixels. {escape(normalisation(answer))}</figcaption></figure>"
    )


def step_html(data_uri: str, alt: str, *, taken: bool = True) -> str:
    """The picture after one step."""
    kind = "cnn-own-step" if taken else "cnn-own-step cnn-own-off"
    return f'<div class="{kind}"><img src="{escape(data_uri)}" alt="{escape(alt)}"></div>'


def _bar(name: str, probability: float, *, first: bool) -> str:
    kind = ' class="cnn-own-first"' if first else ""
    mark = '<b aria-hidden="true">▶</b><span class="cnn-own-hidden">its answer: </span>' if first else ""
    return (
        f"<li{kind}><span>{mark}{escape(name)}</span>"
        f'<i aria-hidden="true"><u style="width: {100 * probability:.2f}%"></u></i><span>{escape(share(probability))}</span></li>'
    )


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def names(pictures: Sequence[str]) -> dict[int, str]:
    """What a list calls the pictures; two of one name are told apart by their number."""
    return {place: f"{place + 1}. {name}" for place, name in enumerate(pictures)}
