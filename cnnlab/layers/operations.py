"""Operations that a network's own code computes between its layers, such as the addition of a shortcut, as rows of its table."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from cnnlab.architectures.kinds import KINDS, OF_SEVERAL, OPERATIONS

Found = Callable[[str, Any, list[Tensor], Tensor], None]  # the kind, a stand-in for the layer, the inputs and the output


class Operations(TorchFunctionMode):
    """Within it, `found` is called for each operation while `between` says that no layer is running."""

    def __init__(self, found: Found, between: Callable[[], bool]) -> None:
        super().__init__()
        self._found, self._between = found, between

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        kind = OPERATIONS.get(getattr(function, "__name__", ""))
        if kind and self._between():
            parts = args[0] if isinstance(args[0], list | tuple) else args
            tensors = [part for part in parts if isinstance(part, Tensor)]
            windowed = KINDS[kind].category == "pooling"
            if len(tensors) > (kind in OF_SEVERAL):  # a number that is added changes no shape
                self._found(kind, _window(args, kwargs or {}) if windowed else None, tensors, made)
        return made


def _window(args: tuple[Any, ...], kwargs: dict[str, Any]) -> SimpleNamespace:
    given = dict(zip(("kernel_size", "stride", "padding"), args[1:], strict=False)) | kwargs
    settings: dict[str, Any] = {"padding": 0, "dilation": 1, "ceil_mode": False} | given
    settings["stride"] = settings.get("stride") or settings["kernel_size"]
    return SimpleNamespace(**settings)
