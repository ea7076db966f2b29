"""What is looked at: the weights, the image and where it is moved, the view, the layer, a channel and a place of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, _, say, translated
from cnnlab.inside_values import InsideLayer, InsideNetwork, Look, Seen
from cnnlab.lab import Lab
from cnnlab.layers.text import settings_in_words
from cnnlab.runs.records import Run
from cnnlab.text import image_number, shape_text, shortened
from cnnlab.values import Checkpoint
from pages._parts.address import Address, whole_number
from pages._parts.one_choice import one_choice
from pages._parts.pager import Pager
from pages._parts.predict import choice as predict
from pages._parts.predict.which_run import CHECKPOINTS

VIEWS = {
    "maps": N_("Maps"),
    "kernels": N_("Kernels"),
    "answer": N_("The answer"),
    "why": N_("Why this answer"),
    "hand": N_("By hand"),
    "epochs": N_("Over the epochs"),
    "modes": N_("train() and eval()"),
}
OF_OWN = tuple(name for name in predict.OF_OWN if name != "with")  # what the address can say about an own picture
NAMES = (
    "run", "epoch", "picture", "image", "layer", "view", "right", "down", "page", "channel", "row", "column", "reads", "method",
    "class", "until", "weights", "active", *OF_OWN,
)  # fmt: skip
PICTURES = {"test": N_("Test image"), "own": N_("Your own picture")}
PER_PAGE = 64  # maps
PAGER = Pager("inside:page", PER_PAGE)
IMAGE, LAYER = "inside:image", "inside:layer"
FARTHEST = 2  # pixels that the image can be moved by


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a view is drawn of."""

    lab: Lab
    run_id: str
    look: Look
    network: InsideNetwork
    seen: Seen
    layer: InsideLayer

    @property
    def classes(self) -> list[str]:
        """The names of the classes for the reader; files have those of `network`."""
        return [translated(name) for name in self.network.classes]

    def file(self, what: str, ending: str) -> str:
        """The name of a file to download."""
        image = "own" if self.look.own else f"image{image_number(self.look.image)}"
        return f"cnnlab-{self.run_id}-{image}-{what}.{ending}"

    def nearest(self, categories: Collection[str]) -> InsideLayer | None:
        """The chosen layer if it has maps and one of these categories, else the last such layer before it, else the first one."""
        suitable = [layer for layer in self.network.layers if layer.category in categories and layer.is_map]
        before = self.network.layers[: self.network.layers.index(self.layer) + 1]
        earlier = [layer for layer in suitable if layer in before]
        return earlier[-1] if earlier else next(iter(suitable), None)


def pick_weights(lab: Lab, run: Run, address: Address, place: DeltaGenerator) -> tuple[Checkpoint, int | None]:
    """Draws the choice between the weights of the best and of the last epoch, and those that were kept; the latter by epoch."""
    kept = lab.inside.kept_epochs(run.id)
    titles: dict[Checkpoint | int, str] = {name: translated(text) for name, text in CHECKPOINTS.items()} | {
        each: _("After epoch {epoch:,}").format(epoch=each) if each else _("Before training") for each in kept
    }

    def parse(text: str) -> Checkpoint | int:
        for each in titles:
            if str(each) == text:
                return each
        given = shortened(text)
        if kept:
            known = ", ".join(map(str, kept))
            message = say(
                "epoch must be best, last or one of {known}, whose weights are kept, not {value}.", known=known, value=given
            )
        else:
            message = say("epoch must be best or last, whose weights are kept, not {value}.", value=given)
        raise ConfigError(message, "epoch")

    chosen = one_choice(
        _("Weights from"), "inside:epoch", "epoch", titles, address, default="last" if run.active else "best", parse=parse,
        place=place, on_change=PAGER.restart, as_list=True,
        help=_(
            "The best epoch has the highest accuracy on the validation images, or on the test images where none are kept aside. Of "
            "a small network the weights from before the training on are kept too, as many as 5 MB hold."
        ),
    )  # fmt: skip
    return ("last", chosen) if isinstance(chosen, int) else (chosen, None)


def pick_picture(address: Address) -> bool:
    """Draws the choice between a test image and the user's own picture; True for the latter."""
    chosen = one_choice(
        _("Image"), "inside:picture", "picture", {name: translated(text) for name, text in PICTURES.items()}, address,
        help=_("One of the images that the network was tested on, or one that you draw, upload or photograph."),
    )  # fmt: skip
    return chosen == "own"


def pick_image(network: InsideNetwork, address: Address) -> int:
    """Draws the number of the test image with its neighbours; returns its index."""
    total = network.test_images
    number = pick_number(
        _("Test image"), IMAGE, "image", total, address,
        help=_("Test images are numbered from 1 to {count:,}, as on the page Predict. The network was not trained on them.").format(
            count=total
        ),
    )  # fmt: skip
    with st.container(horizontal=True):
        st.button(
            _("Previous"), icon=":material/chevron_left:", disabled=number == 1, on_click=_set, args=(IMAGE, number - 1),
            help=_("Shows the test image before this one."),
        )  # fmt: skip
        st.button(
            _("Next"), icon=":material/chevron_right:", icon_position="right", disabled=number == total, on_click=_set,
            args=(IMAGE, number + 1), help=_("Shows the test image after this one."),
        )  # fmt: skip
    return number - 1


def pick_move(address: Address) -> tuple[int, int]:
    """Draws how far the image is moved; returns pixels to the right and down."""
    steps = range(-FARTHEST, FARTHEST + 1)

    def pick(label: str, name: str, less: str, more: str, ways: str) -> int:
        titles = {step: (more if step > 0 else less).format(count=abs(step)) if step else "0" for step in steps}
        return one_choice(
            label, f"inside:{name}", name, titles, address, default=0, as_list=True,
            help=_(
                "Moves the image by whole pixels before the network sees it; what comes in is black. The view Maps then says how "
                "far each layer's output changed: pooling is there to make that less. {ways}"
            ).format(ways=ways),
        )  # fmt: skip

    across, along = st.columns(2)
    with across:
        right = pick(_("Move sideways"), "right", _("{count} left"), _("{count} right"), _("Left or right."))
    with along:
        down = pick(_("Move up or down"), "down", _("{count} up"), _("{count} down"), _("Up or down."))
    return right, down


def pick_view(address: Address) -> str:
    """Draws the choice between the views."""
    return one_choice(
        _("View"), "inside:view", "view", {name: translated(text) for name, text in VIEWS.items()}, address,
        help=_(
            "Maps: what a layer makes of the image. Kernels: the weights of a convolution. The answer: all probabilities, how the "
            "answer changed over the epochs, and the training images most like this one. Why this answer: which places of the "
            "image speak for a class. By hand: how one value comes about. Over the epochs: how gradients flowed and weights moved. "
            "train() and eval(): what batch norm and dropout make of it."
        ),
    )  # fmt: skip


def pick_layer(network: InsideNetwork, address: Address, *, drawn: bool = True) -> InsideLayer:
    """Draws the layers as the layer table names them, in order of execution.

    Where it is not `drawn`, because a view needs no layer, the address keeps the layer for the views that do.
    """
    if not drawn:
        address.preserve("layer")
        return network.layers[0]
    by_path = {layer.path: layer for layer in network.layers}

    def parse(text: str) -> str:
        if text in by_path:
            return text
        raise ConfigError(say("layer must be one of the network's layers, not {value}.", value=shortened(text)), "layer")

    path = one_choice(
        _("Layer"), LAYER, "layer", {path: title(layer) for path, layer in by_path.items()}, address, parse=parse, as_list=True,
        on_change=PAGER.restart,
        help=_(
            "The rows of the network's layer table, in the order in which the image passes them: name, kind, settings, and the "
            "shape of the output as channels × height × width."
        ),
    )  # fmt: skip
    return by_path[path]


def pick_number(label: str, key: str, name: str, total: int, address: Address, *, help: str, default: int = 1) -> int:
    """Draws a whole number from 1 to `total`, at first `default`. One that is out of range is named, and the nearest is used."""
    address.initialise(key, name, default, whole_number(name, 1, total))
    typed = st.number_input(label, step=1, key=key, help=help)
    number = min(max(1, default if typed is None else int(typed)), total)
    if typed is not None and number != typed:
        text = _("{label} must be from 1 to {most:,}, not {typed:,}; {number:,} is shown.")
        st.warning(text.format(label=label, most=total, typed=int(typed), number=number), icon=":material/warning:")
    address.write(name, number, default)
    return number


def title(layer: InsideLayer) -> str:
    """A layer in one line: "conv1 · Conv2d, 6 channels, 5×5, stride 1, pad 2 → 6×28×28"."""
    kind = _(", ").join(filter(None, (layer.kind, settings_in_words(layer.settings))))
    return f"{layer.path} · {kind} → {shape_text(layer.output_shape)}"


def _set(key: str, number: int) -> None:
    st.session_state[key] = number
