"""Architectures as data: one file a family, in the order of the course, what it has not last. Reading cards needs no torch."""

from cnnlab.architectures.options import Option, OptionValue
from cnnlab.architectures.registry import Card, Shape, card, cards

# One line a family: importing it registers its card, and the order here is the order on every page.
# isort: off
from cnnlab.architectures import mlp, lenet, alexnet, vgg, nin, googlenet, course_resnet, resnet, densenet, resnet9  # noqa: F401
# isort: on

__all__ = ["Card", "Option", "OptionValue", "Shape", "card", "cards"]
