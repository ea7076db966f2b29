"""A stand-in for CUDA graphs on the CPU: it records the operations of a step with the very tensors and numbers, and replays them.

It freezes what a CUDA graph freezes: Python's numbers, shapes, control flow and the places of tensors. Recording changes nothing,
as on a GPU: all that was there before is put back. It refuses what waits for the device, what has a shape that depends on values,
and what copies a number of Python's to the device. So a step that is right under replay is one that a GPU can record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

ATEN = torch.ops.aten
REFUSED = {
    ATEN._local_scalar_dense: "waits for the device",
    ATEN.is_nonzero: "waits for the device",
    ATEN.equal: "waits for the device",
    ATEN.nonzero: "has a shape that depends on values",
    ATEN.masked_select: "has a shape that depends on values",
    ATEN._unique2: "has a shape that depends on values",
    ATEN.lift_fresh: "copies from the processor's memory",
}


class Tape:
    """A `Recorder` of the CPU; `recordings` counts those that succeeded, `replays` what they have done since."""

    def __init__(self) -> None:
        self.recordings = self.replays = 0

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        generator, writing = torch.get_rng_state(), _Writing()
        try:
            with writing:
                work()
        finally:
            writing.put_back()
            torch.set_rng_state(generator)
        self.recordings += 1

        def replay() -> None:
            self.replays += 1
            writing.replay()

        return replay

    def wait(self) -> None:
        pass


class _Writing(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self._calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = []
        self._made: dict[int, torch.UntypedStorage] = {}  # by place, which cannot be used again while the storage is kept
        self._before: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}

    def __torch_dispatch__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        inputs = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        if reason := REFUSED.get(call.overloadpacket):
            raise RuntimeError(f"{call} {reason}")
        if call.overloadpacket is ATEN.index and any(each.dtype is torch.bool for each in inputs[1:]):
            raise RuntimeError(f"{call} of a mask has a shape that depends on values")
        # Every tensor from before, not those that are written alone: batch norm does not declare that it writes.
        for each in inputs:
            storage = each.untyped_storage()
            if storage.data_ptr() not in self._made and storage.data_ptr() not in self._before:
                self._before[storage.data_ptr()] = (storage, storage.clone())
        made = call(*args, **kwargs)
        for each in tree_leaves(made):
            if isinstance(each, torch.Tensor) and each.untyped_storage().data_ptr() not in self._before:
                self._made[each.untyped_storage().data_ptr()] = each.untyped_storage()
        self._calls.append((call, args, kwargs, made))
        return made

    def put_back(self) -> None:
        for storage, before in self._before.values():
            storage.copy_(before)
        self._before.clear()

    def replay(self) -> None:
        """Results are written to the recorded tensors, whose places later operations know."""
        with torch.no_grad():
            for call, args, kwargs, made in self._calls:
                for new, known in zip(tree_leaves(call(*args, **kwargs)), tree_leaves(made), strict=True):
                    if isinstance(known, torch.Tensor) and new is not known and new.data_ptr() != known.data_ptr():
                        known.copy_(new)


class Broken:
    """A recorder that fails after the work is done, as a GPU whose memory is too small does."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        def fail() -> None:
            work()
            raise self._error

        return Tape().record(fail)

    def wait(self) -> None:
        pass
