"""Compiles a network beside its training, where the rest of the run is long enough for that to pay.

Another process compiles into a cache on disk (`compile_ahead`) while the run trains; the run switches over if the compiled network
proved faster. A later run of the same network switches over right after its start.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from cnnlab.events import Notice
from cnnlab.i18n import N_, say
from cnnlab.training.evaluation import autocast
from cnnlab.training.process import child_environment
from cnnlab.training.trial import without_trace

if TYPE_CHECKING:
    from cnnlab.training.session import Session

_FIRST_TIME = 40.0  # seconds of a core that compiling takes (LeNet 33, small ResNet 50)
_EXPECTED = 0.15  # share of the time left that a compiled network may save, before it is measured
WORTH = 1.1  # times as fast; less is not worth the switch
_FAILED_FOR = 24 * 3600.0  # seconds during which a network that could not be compiled is not tried again
_NAMES = {"win32": ("cl",), "darwin": ("clang++",)}.get(sys.platform, ("g++", "clang++"))  # of compilers
_CUDA = 1 << 29  # bytes that CUDA takes in each process beside the tensors
_SWITCH = 3.0  # seconds that loading the compiled network holds up the run (2.5 to 4 measured)


class Compiler:
    """The compilation of one run's network. The engine calls `poll` between two batches; `folder` is the cache on disk."""

    def __init__(self, session: Session, folder: Path) -> None:
        self._session, self._folder = session, folder
        self._process: subprocess.Popen[str] | None = None
        self._question = self._compile_question()
        self._refused = cannot_compile(session.device)
        self._known = {} if self._refused else self._remembered()
        batches_are_full = session.bounds[0][1] - session.bounds[0][0] == session.config.batch_size
        self._over = not batches_are_full or self._known.get("speedup", WORTH) < WORTH

    def poll(self, seconds_left: float) -> Notice | None:
        """Starts compiling, or switches over, where that pays for the `seconds_left` of the run; returns the decision once."""
        if self._over:
            return None
        if self._refused:
            return self._refuse(self._refused)
        if self._process is None:
            if "error" in self._known:
                return self._finish(self._known, seconds_left)
            if self._known:  # an earlier run filled the cache
                return self._finish(self._known, seconds_left) if self._gains(self._known["speedup"], seconds_left) else None
            if seconds_left * _EXPECTED > _FIRST_TIME:
                return self._start()
            return None
        if self._process.poll() is None:
            return None
        ended, self._process = self._process, None
        return self._finish(self._answer(ended), seconds_left)

    def close(self) -> None:
        """Ends a compilation that still runs."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> Notice | None:
        """Returns a notice only if no process can be started."""
        if not fits_beside(self._session.device):
            return self._refuse("the GPU has too little free memory to compile beside the training")
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "cnnlab.training.compile_ahead", json.dumps(self._question)],
                stdin=subprocess.PIPE,  # it closes when this process ends, however that happens
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=child_environment() | {"TORCHINDUCTOR_CACHE_DIR": str(self._folder)},
            )
        except OSError as error:
            return self._finish({"error": error.strerror or str(error)}, 0.0)
        return None

    def _answer(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        text, _errors = process.communicate()
        try:
            answer: dict[str, Any] = json.loads(text)
        except ValueError:
            return {"error": f"the compiling process ended with code {process.returncode}"}
        with suppress(OSError):  # on a full disk the next run measures again
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(answer | {"made": time.time()}), encoding="utf-8")
        return answer

    def _refuse(self, reason: str) -> Notice:
        self._over = True
        return Notice("compiled", self._session.epoch, say("The network is not compiled: {reason}.", reason=reason))

    def _finish(self, answer: dict[str, Any], seconds_left: float) -> Notice:
        self._over = True
        return Notice("compiled", self._session.epoch, self._decide(answer, seconds_left))

    @staticmethod
    def _gains(speedup: float, seconds_left: float) -> bool:
        return speedup >= WORTH and seconds_left * (1 - 1 / speedup) >= _SWITCH

    def _decide(self, answer: dict[str, Any], seconds_left: float) -> str:
        if "error" in answer:
            return say("The network could not be compiled ({reason}); the run goes on as it is.", reason=answer["error"])
        speedup = answer["speedup"]
        if not self._gains(speedup, seconds_left):
            return say(
                "Compiled, the network would be {times:.2f} times as fast, too little to switch; the run goes on as it is.",
                times=speedup,
            )
        try:
            self._switch()
        except Exception as error:  # an error of the compiler must not end a run that trains well without it
            self._session.compiled = None
            reason = type(error).__name__
            return say("The compiled network does not work here ({reason}); the run goes on as it is.", reason=reason)
        return say(
            "The network is compiled and {times:.1f} times as fast from here on, by a measurement beside the training.",
            times=speedup,
        )

    def _switch(self) -> None:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(self._folder)
        session = self._session
        session.compiled = torch.compile(session.model, dynamic=False)
        start, end = session.bounds[0]
        # Loads it now, in a trial: an error within one of the run's own batches could not be undone.
        with without_trace(session.model, session.device):
            images = session.preparation.test(session.train_images[start:end]).contiguous()
            with autocast(session.device, session.precision):
                logits = session.compiled(images)
            functional.cross_entropy(logits.float(), session.train_labels[start:end]).backward()

    def _compile_question(self) -> dict[str, Any]:
        session = self._session
        settings = ("architecture", "options", "channels", "image_size")
        return {
            "settings": {name: getattr(session.config, name) for name in settings} | {"seed": 0, "initialization": "pytorch"},
            "classes": len(session.classes),
            "input_shape": [session.config.batch_size, *session.input_shape],
            "precision": session.precision,
            "device": str(session.device),
            "threads": torch.get_num_threads(),
            "layout": session.layout,
        }

    def _remembered(self) -> dict[str, Any]:
        """What an earlier run has found: the speedup, or for a day why it failed."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            answer = json.loads(self._file.read_text(encoding="utf-8"))
            if "error" in answer:
                return {"error": str(answer["error"])} if 0 <= time.time() - answer["made"] < _FAILED_FOR else {}
            return {"speedup": float(answer["speedup"])}
        return {}

    @property
    def _file(self) -> Path:
        # Machines may share a home: code for other instructions would be compiled again within the run.
        machine = [self._session.device_name, torch.backends.cpu.get_cpu_capability(), compiler()]
        known = json.dumps([self._question, torch.__version__, *machine], sort_keys=True)
        return self._folder / f"known-{hashlib.blake2b(known.encode(), digest_size=12).hexdigest()}.json"


def cannot_compile(device: torch.device) -> str:
    """Why no network is compiled for this device here, without a full stop; "" where one can be."""
    if device.type == "mps":
        return N_("for Apple's GPU PyTorch's compiler gave wrong or slow networks")
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return N_("PyTorch compiles for a GPU with Triton, which is not installed")
    return "" if compiler() else say("PyTorch needs a C++ compiler for it, and {name} was not found", name=_NAMES[0])


def fits_beside(device: torch.device) -> bool:
    """Whether a second process has room that holds the same network on the same GPU; the CPU's memory was forecast for both."""
    if device.type != "cuda":
        return True
    free, _total = torch.cuda.mem_get_info(device)
    return bool(free > torch.cuda.max_memory_reserved(device) + _CUDA)


def compiler() -> str | None:
    """The path of the C++ compiler that PyTorch would use; None where there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(os.environ.get("CXX") or name))), None)
    # A Mac without Apple's developer tools has a program of that name, which opens an installer.
    if found == "/usr/bin/clang++" and sys.platform == "darwin":
        return found if subprocess.run(["/usr/bin/xcode-select", "-p"], check=False, capture_output=True).returncode == 0 else None
    return found
