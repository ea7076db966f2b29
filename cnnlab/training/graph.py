"""Replays a whole step of a run as one CUDA graph: the processor launches one thing instead of a kernel after another.

A graph is recorded once, after a few real steps, and repeats exactly what it has recorded. What varies from batch to batch it reads
from the tables of the epoch (`cnnlab.training.tables`). Where nothing can be recorded the run goes on step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from cnnlab.events import Notice
from cnnlab.i18n import N_, say
from cnnlab.training import gpu_errors, step
from cnnlab.training.recordable import recordable

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.training.session import Session

EAGER = 3  # real steps first: then the optimiser's state exists, and cuDNN has chosen its kernels


class Recorder(Protocol):
    """What records operations of a device. On the CPU, tests have one that shows what a graph would freeze."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Records what `work` does on the device, without doing it; the answer does it, on the same tensors.

        An error leaves the device and its random numbers as they were.
        """

    def wait(self) -> None:
        """Returns when all that was replayed is done."""


class CudaGraphs:
    """The recorder of an NVIDIA GPU."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        generator = torch.cuda.default_generators[self._device.index or 0]
        before = generator.clone_state()
        graph, stream = torch.cuda.CUDAGraph(), _stream(self._device)
        errors: list[BaseException] = []
        try:
            # The outer context restores the stream if recording fails; the inner one then does not. Other threads may use the GPU.
            with torch.cuda.stream(stream), torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                try:
                    work()
                except BaseException as error:
                    errors.append(error)
                    raise
        except BaseException as error:
            generator.graphsafe_set_state(before)  # a recording that failed may leave the generator waiting for a replay
            raise (errors or [error])[0] from None  # the first says why; to end a recording that has failed fails, too
        finally:
            errors.clear()  # an error knows this function, whose list must not know the error: memory is to be free at once
        return graph.replay

    def wait(self) -> None:
        torch.cuda.synchronize(self._device)


@lru_cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    # One for each device: cuBLAS keeps a work space for every stream that it has worked on.
    return torch.cuda.Stream(device)


@dataclass(frozen=True, slots=True)
class _Recording:
    """A recorded step, and the tensors that it reads and writes: they must not move."""

    replay: Callable[[], None]
    gradients: list[tuple[nn.Parameter, Tensor]]
    norm: Tensor | None
    kept: tuple[Tensor, ...]

    def show(self, session: Session) -> None:
        """Makes the gradients of the replay those of the network; an eager step has put its own there."""
        weight, gradient = self.gradients[0]
        if weight.grad is not gradient:
            for weight, gradient in self.gradients:
                weight.grad = gradient
        session.norm_before_clipping = self.norm


class StepGraph:
    """Decides whether the next batch of a session is a replay, and records it when the time has come."""

    def __init__(self, recorder: Recorder | None) -> None:
        self.possible = recorder is not None  # as far as the settings say; it stays so when recording fails
        self.notice: Notice | None = None  # for the engine, once
        self._recorder = recorder
        self._recording: _Recording | None = None
        self._eager = 0
        self._made_for: tuple[object, int] | None = None

    @property
    def recorded(self) -> bool:
        return self._recording is not None

    def forget(self) -> None:
        """Drops the recording: the tensors that it knows are no longer those of the session."""
        if self._recording is not None and self._recorder is not None:
            self._recorder.wait()  # its memory is in use until then
        self._recording, self._eager = None, 0

    def replay(self, session: Session) -> bool:
        """Trains on the next batch by a replay; False where it must be trained on step by step."""
        if self._recorder is None or session.batch >= session.tables.full:
            return False
        made_for = (session.compiled, session.tables.version)
        if made_for != self._made_for:
            self.forget()
            self._made_for = made_for
        if self._recording is None:
            if self._eager < EAGER:
                self._eager += 1
                return False
            try:
                self._recording = _record(session, self._recorder)
            except Exception as error:  # drivers and compilers fail in many ways; the run trains well without a graph
                self._recorder, self.notice = None, Notice("graph", session.epoch, _sentence(error))
                return False
        self._recording.replay()
        self._recording.show(session)
        return True

    def take_notice(self) -> Notice | None:
        """Why the run goes on without a graph, once."""
        notice, self.notice = self.notice, None
        return notice


def for_run(config: RunConfig, device: torch.device) -> StepGraph:
    return StepGraph(CudaGraphs(device) if recordable(config, device.type) else None)


def _record(session: Session, recorder: Recorder) -> _Recording:
    """Whether it fails or not, the session is as before, but without gradients."""
    optimizer, norm = session.optimizer, session.norm_before_clipping
    # The optimiser takes the rate from the device here alone: the schedule goes on with numbers of its own.
    rate = torch.zeros((), device=session.device)
    own = [{name: group[name] for name in ("lr", "capturable") if name in group} for group in optimizer.param_groups]

    def work() -> None:
        rate.copy_(session.tables.rate())
        step.learn(session, *step.load(session))

    optimizer.zero_grad(set_to_none=True)
    try:
        for group, names in zip(optimizer.param_groups, own, strict=True):
            group.update({"lr": rate, "capturable": True} if "capturable" in names else {"lr": rate})
        replay = recorder.record(work)
        gradients = [(weight, weight.grad) for weight in session.model.parameters() if weight.grad is not None]
        return _Recording(replay, gradients, session.norm_before_clipping, (rate, *session.preparation.constants(session.device)))
    finally:
        for group, names in zip(optimizer.param_groups, own, strict=True):
            group.update(names)
        optimizer.zero_grad(set_to_none=True)
        session.norm_before_clipping = norm


def _sentence(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    reason = N_("its memory is too small for a second set of activations") if gpu_errors.out_of_memory(error) else lines[0][:200]
    return say(
        "The GPU could not record a whole step as one graph ({reason}); the run goes on step by step, which is slower.",
        reason=reason,
    )
