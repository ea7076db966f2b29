"""What is known of NVIDIA GPUs without touching their driver, and what a short-lived process asks of it."""

import textwrap

import pytest

from cnnlab.system import gpus

NVML = """
class NVMLError(Exception): ...
class Memory: total, free = 80_000_000_000, 6_000_000_000
class Process: pid, usedGpuMemory = 4711, 70_000_000_000
def nvmlInit(): ...
def nvmlDeviceGetCount(): return 2
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetMemoryInfo(handle): return Memory
def nvmlDeviceGetUUID(handle): return f"GPU-{handle}{handle}{handle}"
def nvmlDeviceGetMigMode(handle): raise NVMLError("not supported")
NVML_TEMPERATURE_GPU = 0
def nvmlDeviceGetTemperature(handle, sensor): return 61 + handle + sensor
class Rates: gpu = 97
def nvmlDeviceGetUtilizationRates(handle):
    if handle: raise NVMLError("not supported")
    return Rates
def nvmlDeviceGetComputeRunningProcesses(handle):
    if handle: raise NVMLError("not supported")
    return [Process]
"""


@pytest.fixture
def driver(monkeypatch, tmp_path):
    """The management library that a new process finds; call it with the library's text."""

    def install(text: str) -> None:
        (tmp_path / "pynvml.py").write_text(textwrap.dedent(text), encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(gpus, "_status", (-1e9, {}))
        monkeypatch.setattr(gpus, "may_be_here", lambda: True)

    return install


def test_a_process_of_its_own_asks_for_memory_and_who_uses_it(driver):
    driver(NVML)

    assert gpus.status() == {
        "000": gpus.Status(80_000_000_000, 6_000_000_000, ((4711, 70_000_000_000),), 61, 97),
        "111": gpus.Status(80_000_000_000, 6_000_000_000, (), 62, None),
    }


def test_each_part_of_a_card_that_is_split_is_a_device_of_its_own(driver):
    driver(
        NVML.replace(
            'def nvmlDeviceGetMigMode(handle): raise NVMLError("not supported")', "def nvmlDeviceGetMigMode(handle): return (1, 1)"
        )
        + """
def nvmlDeviceGetMaxMigDeviceCount(handle): return 3
def nvmlDeviceGetMigDeviceHandleByIndex(handle, index):
    if index == 1: raise NVMLError("not found")
    return f"{handle}{index}"
def nvmlDeviceGetUUID(handle): return f"MIG-{handle}"
def nvmlDeviceGetTemperature(handle, sensor): raise NVMLError("not supported")
"""
    )

    assert list(gpus.status()) == ["MIG-00", "MIG-02", "MIG-10", "MIG-12"]
    assert gpus.status()["MIG-10"].temperature is None


def test_what_is_forgotten_is_asked_again(driver):
    driver(NVML)
    first = gpus.status()
    gpus.forget()
    assert gpus.status() is not first


def test_an_answer_is_used_for_two_seconds(driver, monkeypatch):
    driver(NVML)
    first = gpus.status()
    driver_gone = lambda *_arguments, **_options: pytest.fail("asked again")  # noqa: E731
    with monkeypatch.context() as patched:
        patched.setattr(gpus.subprocess, "run", driver_gone)
        assert gpus.status() is first

    monkeypatch.setattr(gpus, "_status", (gpus.time.monotonic() - 2.1, first))
    assert gpus.status() is not first


@pytest.mark.parametrize("text", ["raise OSError('no driver')", "def nvmlInit(): raise OSError", "import time; time.sleep(60)"])
def test_a_driver_that_fails_or_hangs_is_no_answer(driver, monkeypatch, text):
    monkeypatch.setattr(gpus, "_LONGEST", 1.0)
    driver(text)

    assert gpus.status() == {}


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_gpus_that_are_hidden_from_cuda_are_not_here(monkeypatch, tmp_path, hidden):
    (tmp_path / "libcuda.so.1").touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere:{tmp_path}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus.may_be_here()

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert not gpus.may_be_here()


def test_without_a_gpu_nobody_waits_for_a_driver(monkeypatch):
    monkeypatch.setattr(gpus, "may_be_here", lambda: False)
    monkeypatch.setattr(gpus.subprocess, "run", lambda *_arguments, **_options: pytest.fail("asked"))

    assert gpus.status() == {}


def test_the_fingerprint_changes_with_driver_cards_and_what_is_visible(monkeypatch, tmp_path):
    monkeypatch.setattr(gpus, "_DRIVER", tmp_path)
    (tmp_path / "version").write_text("580.1", encoding="utf-8")
    (tmp_path / "gpus" / "0000:01:00.0").mkdir(parents=True)
    card = tmp_path / "gpus" / "0000:01:00.0" / "information"
    card.write_text("GPU UUID: GPU-a", encoding="utf-8")
    seen = [gpus.fingerprint(), gpus.fingerprint()]
    assert seen[0] == seen[1]

    (tmp_path / "version").write_text("590.1", encoding="utf-8")
    seen.append(gpus.fingerprint())
    card.write_text("GPU UUID: GPU-b", encoding="utf-8")
    seen.append(gpus.fingerprint())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    seen.append(gpus.fingerprint())

    assert len(set(seen)) == 4
