"""The order of a run's settings in the training form, and in lists of them."""

from __future__ import annotations

from collections.abc import Iterable

from cnnlab.config import RunConfig
from cnnlab.config_words import settings
from cnnlab.i18n import N_

ESSENTIALS = ("dataset", "optimizer", "learning_rate", "epochs", "batch_size")
GROUPS = {
    N_("Data preparation"): (
        "image_size",
        "channels",
        "normalization",
        "data_share",
        "limit",
        "random_crop",
        "random_grayscale",
        "horizontal_flip",
    ),
    N_("Optimiser"): ("momentum", "nesterov"),
    N_("Schedule"): ("schedule", "step_epochs", "step_factor", "warmup_epochs", "cycle_momentum"),
    N_("Regularisation"): ("weight_decay", "label_smoothing", "gradient_clip"),
    N_("Best epoch and end"): ("validation_share", "patience"),
    N_("Start"): ("initialization", "seed"),
    N_("Speed and exactness"): ("precision", "compile", "deterministic"),
}
_PLACED = {"architecture", "options", "device", *ESSENTIALS, *(name for names in GROUPS.values() for name in names)}
# New settings that no group lists are drawn here.
OTHERS = tuple(name for name in RunConfig.model_fields if name not in _PLACED)


def in_order(names: Iterable[str], config: RunConfig) -> list[str]:
    """These settings, named as in `config_words.settings`, in the form's order: its essentials, the network's, and the rest."""
    places = [*ESSENTIALS, *(name for name in settings(config) if name.startswith("options.")), *sum(GROUPS.values(), ())]
    return sorted(names, key=lambda name: places.index(name) if name in places else len(places))
