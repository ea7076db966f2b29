"""The questions that the helper process answers. Needs no torch.

Each names the module of this package whose function of the same name answers it, and the type of the answer. The function's own
signature says which arguments the question takes: the server reads them by their types, and the client reads the answer by its.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from cnnlab.compute import typed
from cnnlab.errors import ComputeError, ConfigError
from cnnlab.i18n import say
from cnnlab.inside_values import Attribution, ByHand, InsideNetwork, Kernels, Maps, Modes, Neighbours, Numbers, Seen
from cnnlab.layers import LayerTable
from cnnlab.own_data.checkup import Checkup
from cnnlab.training.costs import DeviceSpeed
from cnnlab.values import (
    Device,
    DeviceState,
    DisagreementPage,
    EpochPredictions,
    ExampleImages,
    OwnAnswer,
    Picture,
    PredictionPage,
    RangeTestState,
)  # fmt: skip

Answer = Callable[..., Any]  # called with the lab's home and the question's arguments

QUESTIONS: dict[str, tuple[str, Any]] = {
    "network_code": ("code", str),
    "written_out": ("code", str),
    "design": ("answers", LayerTable),
    "devices": ("answers", tuple[Device, ...]),
    "device_states": ("answers", tuple[DeviceState, ...]),
    "class_counts": ("answers", tuple[int, ...]),
    "pictures": ("answers", tuple[Picture, ...]),
    "augmented": ("answers", tuple[str, ...]),
    "check_run": ("answers", None),
    "checkup": ("checkup", Checkup),
    "check_weights": ("imported", None),
    "predictions": ("predictions", PredictionPage),
    "disagreements": ("predictions", DisagreementPage),
    "examples": ("examples", ExampleImages),
    "last_predicted": ("examples", EpochPredictions),
    "own_picture": ("own", OwnAnswer),
    "inside_network": ("inside", InsideNetwork),
    "seen": ("inside", Seen),
    "maps": ("inside", Maps),
    "sheet": ("inside", str),
    "numbers": ("inside", Numbers),
    "attributed": ("inside", Attribution),
    "kernels": ("inside", Kernels),
    "neighbours": ("neighbours", Neighbours),
    "modes": ("modes", Modes),
    "worked_out": ("inside", ByHand),
    "device_speed": ("speeds", DeviceSpeed),
    "range_test": ("range_tests", RangeTestState),
}


def answers() -> dict[str, Answer]:
    """The functions, by question. This loads torch: for the helper process alone."""
    return {name: getattr(import_module(f"{__package__}.{module}"), name) for name, (module, _) in QUESTIONS.items()}


def call(answer: Answer, home: Path, question: str, arguments: Mapping[str, Any]) -> Any:
    """Answers a question whose arguments came as JSON. Raises ComputeError where they are not those of the function."""
    signature, types = _signature(answer)
    values = {}
    try:
        signature.bind(home, **arguments)
        for name, value in arguments.items():
            values[name] = typed.read(types.get(name, Any), value)
    except ValueError as error:  # not one of the choices
        raise ConfigError(f"{name} {error}.", name) from None
    except (TypeError, KeyError) as error:
        raise ComputeError(say("The question {question} was put wrongly: {error}.", question=question, error=error)) from error
    return answer(home, **values)


@cache
def _signature(answer: Answer) -> tuple[inspect.Signature, dict[str, Any]]:
    return inspect.signature(answer), get_type_hints(answer)
