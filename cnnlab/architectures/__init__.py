"""Architectures as data, one file per family: the course's in its order, then others. Reading cards needs no torch."""

from cnnlab.architectures.options import Option, OptionValue
from cnnlab.architectures.registry import Card, Shape, card, cards, choosable, every_card

# Importing a family registers its card. The order here is the order on every page.
# isort: off
from cnnlab.architectures import mlp, lenet, alexnet, vgg, nin, googlenet, course_resnet, resnet, densenet, resnet9, custom, zoo  # noqa: F401
from cnnlab.architectures import own_code  # noqa: F401
# isort: on

__all__ = ["Card", "Option", "OptionValue", "Shape", "card", "cards", "choosable", "every_card"]
