"""What the dispatcher loads before it forks, so that its children share the memory and start at once."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cnnlab.errors import InstallationError
from cnnlab.system import gpus

# macOS can fork, but its libraries do not survive it. The variable makes Linux start processes as the others do, for tests.
FORKS = sys.platform == "linux" and os.environ.get("CNNLAB_START_METHOD") != "spawn"

# Modules that the children share, loaded before the fork. The helper is forked in between: a page waits for its first answer, and
# the modules for training alone take 2 s and 150 MB more.
FOR_HELPER = ("torch", "cnnlab.compute.predictions", "cnnlab.compute.speeds")
FOR_RUNNERS = (
    "torch._dynamo",  # an optimiser's first step imports it
    "cnnlab.training.engine",
)


def load(names: Sequence[str]) -> None:
    """Imports modules for the children to share. Raises InstallationError with a remedy where that fails."""
    if FORKS:  # a spawned child loads its own
        load_here(names)
        gc.collect()
        gc.freeze()  # else garbage collection writes to the memory pages that the children share


def load_here(names: Sequence[str]) -> None:
    """Imports modules. Raises InstallationError with a remedy where that fails."""
    for name in names:
        try:
            with _without_unused_compiler():
                importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise InstallationError(f"The package {error.name} is not installed: run pip install -r requirements.txt.") from error
        except (ImportError, OSError, RuntimeError) as error:
            reason = (str(error).strip().splitlines() or ["no reason given"])[0]
            raise InstallationError(
                f"torch and torchvision cannot be loaded ({reason[:200]}): if the two do not fit together, "
                "install both from one index, as the README says."
            ) from error


@contextmanager
def _without_unused_compiler() -> Iterator[None]:
    """Hides Triton while this is open, unless it is loaded or there is a GPU to compile for.

    torch._dynamo loads it where it can, which takes 71 MB. Compiling for the CPU does not need it, and uses the same cache without.
    """
    torch = sys.modules.get("torch")
    # Not torch's own question, which starts CUDA where the driver's management library fails; CUDA does not survive a fork.
    if torch is None or "triton" in sys.modules or gpus.may_be_here():
        yield
        return
    sys.modules["triton"] = None  # type: ignore[assignment]  # how Python marks a module that cannot be imported
    try:
        yield
    finally:
        del sys.modules["triton"]
