"""Whether a file of weights fits a network."""

from __future__ import annotations

from pathlib import Path

from cnnlab.architectures import card
from cnnlab.compute import answers
from cnnlab.config import RunConfig
from cnnlab.errors import CheckpointError
from cnnlab.i18n import N_, say
from cnnlab.system import brought_weights
from cnnlab.training import weights_file


def check_weights(home: Path, *, config: RunConfig, token: str) -> None:
    """Raises CheckpointError where the file that waits for the run with this token cannot be read, or does not fit."""
    file = brought_weights.waiting(home, token)
    if not file.exists():
        raise CheckpointError(N_("The file is not there any more; choose it again."))
    tensors = weights_file.read(file)
    chosen = card(config.architecture)
    with answers.tracing:
        model = chosen.build(config.input_shape, config.classes, config.options, device="meta")
    weights_file.fit(model, tensors, chosen.called(config.options))
    for name, values in tensors.items():  # a network with one such value answers every image with NaN
        if not values.isfinite().all():
            raise CheckpointError(
                say("{name} holds values that are no numbers (NaN, or infinite): take weights from an earlier epoch.", name=name)
            )
