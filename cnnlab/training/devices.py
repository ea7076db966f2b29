"""The devices that train on this machine, by the names a configuration uses.

A GPU is offered after it was proved: a driver may list cards that this PyTorch cannot use, and then every run on them fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import torch

from cnnlab.errors import DeviceError
from cnnlab.i18n import N_, say
from cnnlab.system import cpu, gpus, memory
from cnnlab.text import shortened
from cnnlab.training.process import child_environment
from cnnlab.training.proof import Proof
from cnnlab.values import Device

LONGEST = 120.0  # seconds for a proof; loading torch and its kernels from a slow disk takes half a minute
_AGAIN = 60.0  # seconds after which a device with a temporary problem is tried again
_AT_A_TIME = 4

os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # so that numbers mean the same card in every process and for the driver

_lock = threading.Lock()
_proved: dict[str, tuple[float, tuple[Proof, ...]]] = {}  # by what they depend on: when they were made, and the proofs


def survey() -> tuple[Device, ...]:
    """All devices, the CPU first; those that cannot be used say why. Does not start CUDA, but may wait for processes that do."""
    return (Device("cpu", cpu.title()), *(Device(proof.name, proof.title, proof.problem) for proof in _proofs()))


def available() -> tuple[Device, ...]:
    """The devices that can be used, the CPU first."""
    return tuple(device for device in survey() if not device.problem)


def candidates(name: str) -> tuple[str, ...]:
    """The devices on which a run with this choice may train, best first: "auto" takes GPUs, else the CPU; others name one.

    A device that is not there or cannot be used gives ().
    """
    if name == "cpu":
        return ("cpu",)  # nobody waits for a GPU's driver there
    usable = [proof for proof in _proofs() if not proof.problem]
    cuda = [proof for proof in usable if proof.name.startswith("cuda")]
    if name == "auto":
        fastest_first = sorted(cuda, key=lambda proof: -proof.speed)  # stable: equals by number
        return tuple(proof.name for proof in fastest_first or usable) or ("cpu",)
    if name == "cuda":
        return tuple(proof.name for proof in cuda[:1])
    return (name,) if name in {proof.name for proof in usable} else ()


def resolve(name: str) -> str:
    """The concrete name for `name`: "auto" is the fastest CUDA device, else mps, else the cpu; "cuda" is the first CUDA device.

    Raises DeviceError, which lists the devices.
    """
    return find(name).name


def find(name: str) -> Device:
    """As `resolve`, with the title."""
    if name == "cpu":  # which nobody has to look for
        return Device("cpu", cpu.title())
    chosen = candidates(name)
    found = survey()
    for device in found:
        if chosen and device.name == chosen[0]:
            return device
    for device in found:
        if device.problem and device.name == ("cuda:0" if name == "cuda" else name):
            raise DeviceError(
                say("{device} ({name}) cannot be used: {problem}.", device=device.title, name=device.name, problem=device.problem)
            )
    listed = ", ".join(f"{device.name} ({device.title})" for device in found if not device.problem)
    raise DeviceError(
        say("There is no device {name} on this machine; choose auto or one of: {listed}.", name=shortened(name), listed=listed)
    )


def total_memory(name: str) -> int | None:
    """Bytes of memory of the device `name`; None where the system does not report it. Starts CUDA, as training has done."""
    if not name.startswith("cuda"):
        return memory.total()
    try:
        return int(torch.cuda.get_device_properties(name).total_memory)
    except RuntimeError:  # a GPU that has failed
        return None


def uuid(name: str) -> str:
    """The driver's own name of a CUDA device; "" for others, and where it is not known."""
    return next((proof.uuid for proof in _proofs() if proof.name == name), "")


def card(name: str) -> gpus.Status | None:
    """What the driver says now of a CUDA device; None for others, and where it says nothing.

    Torch would have to start CUDA in this process, which then holds half a gigabyte of the GPU until it ends.
    """
    return gpus.status().get(uuid(name)) if name.startswith("cuda") else None


def _proofs() -> tuple[Proof, ...]:
    """What is known of each device but the CPU: proved by this process or another one with the same driver, cards and torch."""
    first = ["cuda:0"] * gpus.may_be_here() + ["mps"] * torch.backends.mps.is_available()
    if not first:
        return ()
    depends_on = f"{torch.__version__} {torch.version.cuda} {gpus.fingerprint()}"
    with _lock:
        made, proofs = _proved.get(depends_on) or _read(depends_on) or (0.0, ())
        if not proofs or (any(proof.temporary for proof in proofs) and not 0 <= time.time() - made < _AGAIN):
            proofs = tuple(proof for name in first for proof in _prove_all(name))
            made = time.time()
            _write(depends_on, made, proofs)
        _proved[depends_on] = made, proofs
        return tuple(proof for proof in proofs if proof.count)


def _prove_all(first: str) -> list[Proof]:
    """The proof of `first`, and of the others of its kind."""
    proof = _prove(first)
    if proof.count < 2:
        return [proof]
    others = [f"{first.partition(':')[0]}:{number}" for number in range(1, proof.count)]
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return [proof, *pool.map(_prove, others)]


def _prove(name: str) -> Proof:
    title = "Apple GPU" if name == "mps" else f"CUDA device {name.partition(':')[2]}"
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter and a module of this package
            [sys.executable, "-m", "cnnlab.training.proof", name],
            check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", env=child_environment(),
            timeout=LONGEST,
        )  # fmt: skip
        return Proof(**json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        return Proof(
            name,
            title,
            problem=say("it gave no answer within {seconds:.0f} s: restart its driver or the machine", seconds=LONGEST),
            temporary=True,
        )
    except (OSError, ValueError, TypeError):  # it died
        return Proof(
            name, title, problem=N_("its driver ended the process that tried it: restart the driver or the machine"), temporary=True
        )


def _read(depends_on: str) -> tuple[float, tuple[Proof, ...]] | None:
    """What another process of the lab has found; None where there is nothing, or nothing that holds here."""
    file = os.environ.get(gpus.PROOFS)
    if not file:
        return None
    try:
        known = json.loads(Path(file).read_text(encoding="utf-8"))
        if known["depends_on"] != depends_on:
            return None
        return float(known["made"]), tuple(Proof(**proof) for proof in known["proofs"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write(depends_on: str, made: float, proofs: tuple[Proof, ...]) -> None:
    file = os.environ.get(gpus.PROOFS)
    if not file:
        return
    content = {"depends_on": depends_on, "made": made, "proofs": [asdict(proof) for proof in proofs]}
    new = Path(f"{file}.{os.getpid()}")
    with suppress(OSError):  # on a full disk they are proved again
        new.write_text(json.dumps(content), encoding="utf-8")
        new.replace(file)
