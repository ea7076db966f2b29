"""The list of devices in the training form, for machines with a GPU."""

from __future__ import annotations

from types import SimpleNamespace

from page_text import page_text
from streamlit.testing.v1 import AppTest

from cnnlab.runs.records import State
from cnnlab.values import Device, DeviceState
from pages._parts.forms.devices import device_line

H100 = Device("cuda:0", "NVIDIA H100 (85.5 GB)")
CPU = Device("cpu", "CPU, 16 cores")


def run(name, device, owner="", state=State.RUNNING):
    return SimpleNamespace(name=name, device=device, owner=owner, state=state)


def test_a_line_has_memory_heat_use_and_whose_runs_train_there():
    busy = DeviceState(H100, 80 * 10**9, 6 * 10**9, 61, 97)
    assert device_line(busy, [run("First try", "cuda:0", "Ana"), run("twin", "cuda:0")]) == (
        "NVIDIA H100 (85.5 GB) (cuda:0): 6 GB of 80 GB of memory free · 61 °C · 97 % busy · trains “First try” of Ana and “twin”"
    )


def test_what_nobody_says_is_left_out():
    assert device_line(DeviceState(H100), []) == "NVIDIA H100 (85.5 GB) (cuda:0): trains nothing for this lab"


def script(gpu):
    from types import SimpleNamespace

    from cnnlab.runs.records import State
    from cnnlab.values import Device, DeviceState
    from pages._parts.forms.devices import device_list

    cpu = Device("cpu", "CPU, 16 cores")
    card = Device("cuda:0", "NVIDIA *H100*")
    old = Device("cuda:1", "GTX 1080 (8.5 GB)", "this PyTorch has no code for it")
    runs = [
        SimpleNamespace(name="First try", device="cuda:0", owner="", state=State.RUNNING),
        SimpleNamespace(name="done", device="cuda:0", owner="", state=State.FINISHED),
        SimpleNamespace(name="on the CPU", device="cpu", owner="Ana", state=State.STARTING),
    ]
    states = (DeviceState(cpu, 16 * 10**9, 4 * 10**9), DeviceState(card, 80 * 10**9, 60 * 10**9, 61, 97), DeviceState(old))
    lab = SimpleNamespace(runs=lambda: runs, device_states=lambda: states)
    device_list(lab, [cpu, card] if gpu else [cpu])


def test_each_device_has_a_bar_of_its_used_memory_and_only_runs_that_train_are_named():
    page = AppTest.from_function(script, args=(True,)).run()
    assert not page.exception
    text = page_text(page)
    assert "CPU, 16 cores (cpu): 4 GB of 16 GB of memory free · trains “on the CPU” of Ana" in text
    assert "trains “First try”" in text
    assert "done" not in text
    assert "GTX 1080" not in text, "the form itself says why it cannot be used"


def test_a_machine_without_a_gpu_has_no_list():
    page = AppTest.from_function(script, args=(False,)).run()
    assert not page.exception
    assert "Devices" not in page_text(page)
