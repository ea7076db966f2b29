"""What a network takes a user's picture for, in words, as bars, and as the picture that it was given."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from cnnlab.text import shape_text
from cnnlab.values import OwnAnswer
from pages._parts.probabilities import ranked, share

UNSURE = 0.6  # below this probability the answer is called a guess


def headline(answer: OwnAnswer) -> str:
    """The predicted class and its probability."""
    name, probability = ranked(answer.classes, answer.probabilities)[0]
    return f"{'A guess: ' if probability < UNSURE else ''}{name}, {share(probability)} sure"


def second(answer: OwnAnswer) -> str:
    """What comes next, as a sentence."""
    (_, first), (name, probability), *_ = ranked(answer.classes, answer.probabilities)
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


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def names(pictures: Sequence[str]) -> dict[int, str]:
    """What a list calls the pictures; two of one name differ by their number."""
    return {place: f"{place + 1}. {name}" for place, name in enumerate(pictures)}
