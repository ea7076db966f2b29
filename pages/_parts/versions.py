"""What training can do to one image: eight versions of it, as augmentation draws them, between the image and one of the tests."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnlab.config import RunConfig
from cnnlab.datasets import Entry
from cnnlab.i18n import _, translated
from cnnlab.lab import Lab
from cnnlab.text import image_number
from cnnlab.values import Picture
from pages._parts.image_grid import GridItem, image_grid

VERSIONS, SHIFT = 8, 4  # of one image; pixels
GRAY = 0.5  # share of the versions: more than training takes, so that some are seen
_FIELDS = {"shift": "random_crop", "flip": "horizontal_flip", "gray": "random_grayscale"}
# As *More settings* on Train names them.
STEPS = {name: str(RunConfig.model_fields[field].title) for name, field in _FIELDS.items()}


def versions(lab: Lab, entry: Entry, image: Picture) -> None:
    """One image as it is, eight versions of it as augmentation draws them, and a test image of its class, which stays as it is."""
    st.header(_("What training can do to it"))
    digits = entry.name == "mnist"
    offered = [name for name in STEPS if name != "gray" or entry.channels == 3]
    chosen = st.pills(
        _("Random steps"), offered, selection_mode="multi", default=[name for name in offered if name != "flip" or not digits],
        format_func=lambda name: translated(STEPS[name]), key=f"data:{entry.name}:steps", label_visibility="collapsed",
        help=_("Switch a step off and on, and see what it does to the versions below."),
    )  # fmt: skip
    title, number = translated(entry.classes[image.label]), image_number(image.index)
    steps = {"shift": SHIFT * ("shift" in chosen), "flip": "flip" in chosen, "gray": GRAY * ("gray" in chosen)}
    drawn = lab.augmented(entry.name, image.index, count=VERSIONS, **steps)
    version = _("Version {place} of training image {number}: {title}")
    own = _("Training image {number} as it is: {title}").format(number=number, title=title)
    tested = _("Test image {number} as each evaluation sees it: {title}")
    image_grid(
        [
            GridItem(image.data_uri, own, _("as it is")),
            *(GridItem(uri, version.format(place=place, number=number, title=title), "") for place, uri in enumerate(drawn, 1)),
            *(
                GridItem(each.data_uri, tested.format(number=image_number(each.index), title=title), _("in the test"))
                for each in lab.pictures(entry.name, "test", 1, label=image.label)
            ),
        ],
        size_px=54,
    )
    st.caption(versions_sentence(number, chosen, digits=digits))


def versions_sentence(number: int, chosen: Sequence[str], *, digits: bool) -> str:
    """What the versions of training image `number` show, with the steps that are `chosen`."""
    if not chosen:
        without = _("Training image {number} without a random step: every epoch sees the same image, as the test does.")
        return without.format(number=number)
    words = {
        "shift": _("*{step}* of up to {count} pixels").format(step=translated(STEPS["shift"]), count=SHIFT),
        "flip": f"*{translated(STEPS['flip'])}*",
        "gray": _("*{step}* of every second one").format(step=translated(STEPS["gray"])),
    }
    *some, last = [words[name] for name in STEPS if name in chosen]
    steps = _("{several} and {last}").format(several=_(", ").join(some), last=last) if some else last
    sentence = _(
        "Training image {number} with {steps}, which *More settings* on Train switch on: "
        "each epoch sees another version, so that a network learns what stays the same. Test images, such as the last one here, "
        "stay as they are, apart from their size and the scale of their values."
    ).format(number=number, steps=steps)
    warning = _(" A mirrored 2 is not a 2: leave *Random flip* off for digits.") if digits and "flip" in chosen else ""
    return sentence + warning
