"""What a network takes a user's picture for, in words, as bars, and as the picture that it was given."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from cnnlab.i18n import _, translated
from cnnlab.text import confidence_text, shape_text
from cnnlab.values import OwnAnswer
from pages._parts.probabilities import ranked

UNSURE = 0.6  # below this probability the answer is called a guess


def headline(answer: OwnAnswer) -> str:
    """The predicted class and its probability."""
    name, probability = ranked(answer.classes, answer.probabilities)[0]
    text = _("A guess: {name}, {share} sure") if probability < UNSURE else _("{name}, {share} sure")
    return text.format(name=translated(name), share=confidence_text(probability))


def second(answer: OwnAnswer) -> str:
    """What comes next, as a sentence."""
    (_first, first), (name, probability), *_rest = ranked(answer.classes, answer.probabilities)
    text = _("The next most probable class is {name}, {share}.")
    if first < UNSURE:
        text = _("The network is not sure. Nearly as probable for it: {name}, {share}.")
    return text.format(name=translated(name), share=confidence_text(probability))


def normalisation(answer: OwnAnswer) -> str:
    """The network's own preparation, the last step, in words."""
    low, high = _number(answer.lowest), _number(answer.highest)
    if not answer.mean:
        return _("Each value was divided by 255. Its values run from {low} to {high}.").format(low=low, high=high)
    mean, std = (", ".join(map(_number, each)) for each in (answer.mean, answer.std))
    text = (
        _(
            "Normalised: divided by 255, less the mean {mean}, divided by the standard deviation {std} (red, green, blue). Its "
            "values run from {low} to {high}."
        )
        if len(answer.mean) == 3
        else _(
            "Normalised: divided by 255, less the mean {mean}, divided by the standard deviation {std}. Its values run from {low} "
            "to {high}."
        )
    )
    return text.format(mean=mean, std=std, low=low, high=high)


def given_html(answer: OwnAnswer) -> str:
    """The network's input, large."""
    size = shape_text(answer.input_shape[1:])
    alt = _("The network’s input, {size} pixels").format(size=size)
    text = _("What the network gets: {size} pixels. {preparation}").format(size=size, preparation=normalisation(answer))
    return (
        f'<figure class="cnn-own-given"><img src="{escape(answer.data_uri)}" alt="{escape(alt)}">'
        f"<figcaption>{escape(text)}</figcaption></figure>"
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
