"""Which data set the name of a file or folder says.

Strict, because many data sets have MNIST's form: EMNIST, KMNIST and Kannada-MNIST are no MNIST. A name says "mnist" only where
every other word in it is one that says nothing about the content.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NEUTRAL = frozenset(
    re.findall(
        "[a-z]+",
        """
    a an archive batches binary class classes copy csv cut data database dataset datasets digit digits extracted file files
    for full gz handwritten idx image images img in jpeg jpg keras kaggle main master mini my npz of original part picture
    pictures png pngs processed py python raw sample samples set sets short small subset tar test testing testset the tiny
    torch torchvision train training trainingset ubyte unpacked unzipped version zalando zalandoresearch zip
    """,
    )
)
_KNOWN = {
    ("mnist",): "mnist",
    ("fashion",): "fashion-mnist",
    ("fashionmnist",): "fashion-mnist",
    ("fashion", "mnist"): "fashion-mnist",
}
_UP = 2  # a folder called "raw" or "data" says nothing, so that those above it are asked


def says(names: Iterable[str]) -> str:
    """The data set that the first name with a meaning says; "" if that is none the lab knows. From the file or folder upwards."""
    for name in list(names)[: _UP + 1]:
        if re.search(r"cifar[-_ ]?10(?!\d)", name.lower()):
            return "cifar10"
        words = tuple(word for word in re.findall("[a-z]+", name.lower()) if word not in _NEUTRAL)
        if words:
            return _KNOWN.get(words, "")
    return ""
