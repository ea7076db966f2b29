"""Devices by name: those available, the choice of auto, and the error for a missing one."""

import subprocess
import sys

import pytest
import torch

from cnnlab.errors import DeviceError
from cnnlab.training import devices


@pytest.fixture
def machine(monkeypatch):
    """Simulates a machine with this many CUDA devices, or mps."""

    def pretend(cuda=0, mps=False, answer=""):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(devices, "_cuda_titles", lambda: devices._titles(answer, None))

    return pretend


H100 = "0, GPU-aaaa, NVIDIA H100 80GB HBM3, 81559\n1, GPU-bbbb, NVIDIA T4, 15360\n"


def test_the_cpu_is_always_there_with_its_cores(machine):
    machine()

    (cpu,) = devices.available()

    assert cpu.name == "cpu"
    assert cpu.title.startswith("CPU, ") and cpu.title.split()[1].isdigit()


def test_every_cuda_device_is_listed_by_name_with_its_memory(machine):
    machine(cuda=2, answer=H100)

    assert [(d.name, d.title) for d in devices.available()[1:]] == [
        ("cuda:0", "NVIDIA H100 80GB HBM3 (85.5 GB)"),
        ("cuda:1", "NVIDIA T4 (16.1 GB)"),
    ]


def test_a_cuda_device_whose_name_is_unknown_is_listed_all_the_same(machine):
    machine(cuda=1)

    assert [(d.name, d.title) for d in devices.available()[1:]] == [("cuda:0", "CUDA device 0")]


@pytest.mark.parametrize(("visible", "first"), [("1", "NVIDIA T4"), ("GPU-bbbb,GPU-aaaa", "NVIDIA T4"), ("MIG-1", "CUDA device 0")])
def test_names_follow_the_devices_that_are_made_visible(visible, first):
    assert devices._titles(H100, visible)[0].startswith(first)


@pytest.mark.parametrize(
    ("cuda", "mps", "name", "expected"),
    [
        (0, False, "auto", "cpu"),
        (0, True, "auto", "mps"),
        (2, True, "auto", "cuda:0"),
        (2, False, "cuda", "cuda:0"),
        (2, False, "cuda:1", "cuda:1"),
        (2, False, "cpu", "cpu"),
        (0, True, "mps", "mps"),
    ],
)
def test_a_name_resolves_to_a_device(machine, cuda, mps, name, expected):
    machine(cuda=cuda, mps=mps)

    assert devices.resolve(name) == expected


@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps", "tpu"])
def test_a_device_that_is_not_there_is_an_error_that_lists_what_is(machine, name):
    machine()

    with pytest.raises(DeviceError, match=rf"no device '{name}'.*cpu \(CPU, \d+ core"):
        devices.resolve(name)


def test_listing_devices_leaves_cuda_asleep():
    program = "import torch; from cnnlab.training import devices; devices.available(); print(torch.cuda.is_initialized())"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False"]
