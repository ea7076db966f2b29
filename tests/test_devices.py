"""Devices by name: those that were proved, the choice of auto, and the sentences for those that cannot be used."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from cnnlab.errors import DeviceError
from cnnlab.system import gpus
from cnnlab.training import devices, proof
from cnnlab.training.proof import Proof

H100 = Proof("cuda:0", "NVIDIA H100 (85.5 GB)", 2, uuid="aaaa", speed=9.0)
T4 = Proof("cuda:1", "NVIDIA T4 (16.1 GB)", 2, uuid="bbbb", speed=4.0)
OLD = Proof("cuda:0", "GTX 1080 (8.5 GB)", 2, "this PyTorch has no code for this card")
FULL = Proof("cuda:0", "NVIDIA H100 (85.5 GB)", 1, "its memory is full: wait until other programs have ended", temporary=True)
MAC = Proof("mps", "Apple GPU")


@pytest.fixture
def machine(monkeypatch):
    """Simulates a machine of which these proofs are true; `machine.asked` are the names of the devices proved."""

    class Machine:
        asked: list[str]

        def __call__(self, *proofs: Proof, remembered: bool = False) -> None:
            self.asked = []
            known = {each.name: each for each in proofs}
            monkeypatch.setattr(devices, "_prove", lambda name: self.asked.append(name) or known[name])
            monkeypatch.setattr(devices, "_proved", {})
            if not remembered:
                monkeypatch.delenv(gpus.PROOFS, raising=False)
            monkeypatch.setattr(gpus, "may_be_here", lambda: any(name.startswith("cuda") for name in known))
            monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in known)

    return Machine()


def test_the_cpu_is_always_there_with_its_cores_and_nothing_is_tried_for_it(machine):
    machine()

    (cpu,) = devices.available()

    assert cpu.name == "cpu"
    assert cpu.title.startswith("CPU, ") and cpu.title.split()[1].isdigit()
    assert machine.asked == []


def test_every_gpu_that_computes_is_listed_by_name_with_its_memory_and_is_proved_once(machine):
    machine(H100, T4)

    for _ in range(2):
        assert [(device.name, device.title) for device in devices.available()[1:]] == [
            ("cuda:0", "NVIDIA H100 (85.5 GB)"),
            ("cuda:1", "NVIDIA T4 (16.1 GB)"),
        ]

    assert machine.asked == ["cuda:0", "cuda:1"]


def test_a_gpu_that_fails_its_proof_is_not_offered_and_says_why(machine):
    machine(OLD, T4)

    assert [device.name for device in devices.available()] == ["cpu", "cuda:1"]
    assert [device.problem for device in devices.survey()] == ["", OLD.problem, ""]
    with pytest.raises(
        DeviceError, match=r"^GTX 1080 \(8.5 GB\) \(cuda:0\) cannot be used: this PyTorch has no code for this card\.$"
    ):
        devices.find("cuda:0")


def test_no_driver_at_all_is_no_device_and_no_message(machine):
    machine(Proof("cuda:0", "CUDA device 0", 0, "there is no NVIDIA driver"))

    assert [device.name for device in devices.survey()] == ["cpu"]
    assert devices.resolve("auto") == "cpu"


@pytest.mark.parametrize(
    ("proofs", "name", "expected"),
    [
        ((), "auto", ("cpu",)),
        ((MAC,), "auto", ("mps",)),
        ((H100, T4, MAC), "auto", ("cuda:0", "cuda:1")),
        ((H100, replace(T4, speed=20.0)), "auto", ("cuda:1", "cuda:0")),
        ((OLD, T4), "auto", ("cuda:1",)),
        ((OLD, replace(T4, problem="lost")), "auto", ("cpu",)),
        ((FULL, MAC), "auto", ("mps",)),
        ((H100, T4), "cuda", ("cuda:0",)),
        ((OLD, T4), "cuda", ("cuda:1",)),
        ((H100, T4), "cuda:1", ("cuda:1",)),
        ((H100, T4), "cpu", ("cpu",)),
        ((MAC,), "mps", ("mps",)),
        ((OLD, T4), "cuda:0", ()),
        ((H100, T4), "cuda:2", ()),
        ((), "mps", ()),
    ],
)
def test_a_choice_has_its_devices_the_fastest_first_and_never_one_that_fails(machine, proofs, name, expected):
    machine(*proofs)

    assert devices.candidates(name) == expected
    if expected:
        assert devices.resolve(name) == expected[0]


@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps", "tpu"])
def test_a_device_that_is_not_there_is_an_error_that_lists_what_is(machine, name):
    machine()

    with pytest.raises(DeviceError, match=rf"no device '{name}'.*cpu \(CPU, \d+ core"):
        devices.resolve(name)


def test_proofs_are_remembered_for_all_processes_of_a_lab_until_driver_torch_or_cards_change(machine, monkeypatch, tmp_path):
    monkeypatch.setenv(gpus.PROOFS, str(tmp_path / "devices.json"))
    machine(H100, T4, remembered=True)
    expected = devices.survey()

    machine(H100, T4, remembered=True)  # another process
    assert devices.survey() == expected
    assert machine.asked == []
    for change in ("driver", "torch"):
        machine(H100, T4, remembered=True)
        with monkeypatch.context() as patched:
            if change == "driver":
                patched.setattr(gpus, "fingerprint", lambda: "another")
            else:
                patched.setattr(torch, "__version__", "3.0")
            devices.survey()
        assert machine.asked == ["cuda:0", "cuda:1"], change
    (tmp_path / "devices.json").write_text("{torn", encoding="utf-8")
    machine(H100, T4, remembered=True)
    assert devices.survey() == expected


def test_a_full_gpu_is_tried_again_after_a_minute(machine, monkeypatch):
    machine(FULL)
    clock = [1_000_000.0]
    monkeypatch.setattr(devices.time, "time", lambda: clock[0])
    for later, tries in ((0.0, 1), (59.0, 1), (61.0, 2)):
        clock[0] = 1_000_000.0 + later
        assert devices.candidates("cuda:0") == ()
        assert len(machine.asked) == tries, later
    machine(replace(FULL, problem="", temporary=False))
    clock[0] += 61.0
    assert devices.candidates("cuda:0") == ("cuda:0",)


@pytest.mark.parametrize(
    ("program", "problem", "temporary"),
    [
        ("print('{broken'", "its driver ended the process that tried it: restart the driver or the machine", True),
        ("import os; os.abort()", "its driver ended the process that tried it: restart the driver or the machine", True),
        ("import time; time.sleep(60)", "it gave no answer within 1 s: restart its driver or the machine", True),
    ],
)
def test_a_driver_that_kills_or_hangs_what_tries_it_takes_nothing_else_down(monkeypatch, program, problem, temporary):
    monkeypatch.setattr(devices, "LONGEST", 1.0)
    run = subprocess.run
    monkeypatch.setattr(devices.subprocess, "run", lambda _command, **options: run([sys.executable, "-c", program], **options))

    found = devices._prove("cuda:3")

    assert (found.name, found.title, found.problem, found.temporary) == ("cuda:3", "CUDA device 3", problem, temporary)


def test_the_proof_trains_a_step_and_checks_the_result(monkeypatch):
    assert proof.prove("cpu").problem == ""

    monkeypatch.setattr(proof.nn.Conv2d, "forward", lambda self, images: (self.weight * 0.5).sum())
    assert proof.prove("cpu").problem == "it computes wrong results (36 where 28,224 is right): have it checked"


def test_a_proof_comes_from_a_process_of_its_own_as_json():
    done = subprocess.run([sys.executable, "-m", "cnnlab.training.proof", "cpu"], capture_output=True, text=True, check=True)

    assert Proof(**json.loads(done.stdout)).problem == ""


def test_listing_devices_leaves_cuda_asleep():
    program = "import torch; from cnnlab.training import devices; devices.survey(); print(torch.cuda.is_initialized())"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False"]
