"""A run's weights as safetensors: tensors by the names of the layer table, which exported scripts have too, and no code."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from cnnlab.architectures import card
from cnnlab.exports.checks import Check, compared
from cnnlab.exports.packages import needed
from cnnlab.exports.subject import Subject


def write_weights(subject: Subject, path: Path) -> Check:
    """Writes the weights to `path`, reads them into an empty network and compares its answers.

    Raises InstallationError, FailedCheck.
    """
    (torch_files,) = needed("safetensors.torch", purpose="weights as safetensors")
    tensors = {name: values.contiguous().clone() for name, values in subject.model.state_dict().items()}
    torch_files.save_file(tensors, path, metadata=description(subject))
    config = subject.config
    empty = card(config.architecture).draft(config.input_shape, len(subject.classes), config.options)
    empty.load_state_dict(torch_files.load_file(path), assign=True)
    with torch.inference_mode():
        parts = subject.checked_images.split(config.batch_size)
        logits = torch.cat([empty.eval()(subject.preparation.test(part)) for part in parts])
    return compared("safetensors", subject.reference, logits)


def description(subject: Subject) -> dict[str, str]:
    """What a file with the network says of it; values are text, some of it JSON."""
    kept = subject.checkpoint
    return {
        "format": "pt",
        "made by": "CNN Lab",
        "run": subject.run.id,
        "network": subject.config.title,
        "epoch": str(subject.epoch),
        "classes": json.dumps(subject.classes),
        "input shape": json.dumps(kept["input_shape"]),
        "preparation": json.dumps(kept["preparation"]),
        "configuration": subject.config.to_json(),
    }
