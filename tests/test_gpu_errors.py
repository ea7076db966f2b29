"""What the errors of a GPU mean: memory that is missing is recognised, and the others have a sentence of their own."""

import pytest
import torch
from quadrants import quadrants

from cnnlab.config import RunConfig
from cnnlab.events import RunFailed
from cnnlab.training import engine, gpu_errors

# As the libraries of PyTorch and the CUDA runtime have them.
BUSY = "CUDA error: CUDA-capable device(s) is/are busy or unavailable"
OLD_CARD = "CUDA error: no kernel image is available for execution on the device"
OLD_DRIVER = "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver"
ASSERT = "CUDA error: device-side assert triggered"


@pytest.mark.parametrize(
    ("text", "free", "expected"),
    [
        ("CUDA out of memory. Tried to allocate 2.00 GiB", None, True),
        ("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory", None, True),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", 0.5, True),
        ("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`", 0.049, True),
        ("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`", 0.051, False),
        ("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`", None, False),
        ("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED", 0.01, True),
        ("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR", 0.01, True),
        ("GET was unable to find an engine to execute this computation", 0.01, True),
        ("Unable to find a valid cuDNN algorithm to run convolution", 0.01, True),
        ("GET was unable to find an engine to execute this computation", 0.9, False),
        ("shapes do not match", 0.0, False),
        (BUSY, 0.0, False),
    ],
)
def test_missing_memory_is_recognised_also_where_a_library_does_not_say_so(text, free, expected):
    assert gpu_errors.out_of_memory(RuntimeError(text), free) is expected


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_errors_that_are_of_memory_by_their_kind_are_recognised(error):
    assert gpu_errors.out_of_memory(error)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BUSY, "another program has this GPU for itself: wait until it has ended"),
        (OLD_CARD, f"this PyTorch ({torch.__version__}) has no code for this card (compute capability 6.1): install a PyTorch"),
        (OLD_DRIVER, f"the NVIDIA driver is too old for this PyTorch ({torch.__version__}): update the driver"),
        ("Torch not compiled with CUDA enabled", f"this PyTorch ({torch.__version__}) was built without CUDA"),
        (ASSERT, "a number outside its range reached the GPU, which then refuses all further work: start the run again"),
        ("CUDA error: unknown error", "the driver has lost this GPU: restart the driver or the machine"),
        ("Unable to determine the device handle for GPU0000:01:00.0: Unknown Error", "the driver has lost this GPU"),
        ("uncorrectable ECC error encountered", "the driver has lost this GPU"),
        ("shapes do not match", ""),
    ],
)
def test_each_known_error_has_a_meaning_and_a_cure(text, words):
    found = gpu_errors.meaning(text, (6, 1))

    assert found.startswith(words)
    assert bool(found) is bool(words)
    assert not found.endswith(".")


class Pretended:
    """A session on a GPU that fails: nothing of it but its place and its device may be used."""

    device, device_name, epoch, epoch_is_over = torch.device("cuda:1"), "NVIDIA T4 (16 GB)", 2, False


def failure(monkeypatch, text, free):
    monkeypatch.setattr(gpu_errors, "free_share", lambda device: free if device == "cuda:1" else None)
    monkeypatch.setattr(engine.devices, "total_memory", lambda _name: 16_000_000_000)
    config = RunConfig.make(architecture="mlp", image_size=12, channels=1, batch_size=64)
    return engine._failure_of_the_device(RuntimeError(text), config, Pretended())


def test_a_run_that_a_gpu_ended_says_which_one_and_what_to_do(monkeypatch):
    failed = failure(monkeypatch, ASSERT, 0.5)

    assert isinstance(failed, RunFailed)
    assert (failed.kind, failed.epoch) == ("error", 2)
    assert failed.message.startswith("Training on NVIDIA T4 (16 GB) failed: a number outside its range reached the GPU")


def test_a_library_without_memory_is_a_memory_too_small(monkeypatch):
    failed = failure(monkeypatch, "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR", 0.01)

    assert failed.kind == "out-of-memory"
    assert "NVIDIA T4 (16 GB) is too small for batches of 64 images: try 32" in failed.message
    assert failure(monkeypatch, "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR", 0.5) is None  # a fault, with its traceback in the log


def test_a_gpu_that_answers_nothing_any_more_raises_nothing_more(monkeypatch):
    def gone(*_arguments):
        raise RuntimeError(ASSERT)

    monkeypatch.setattr(torch.cuda, "mem_get_info", gone)
    monkeypatch.setattr(torch.cuda, "get_device_properties", gone)

    assert gpu_errors.free_share("cuda:0") is None
    assert engine.devices.total_memory("cuda:0") is None
    assert gpu_errors.free_share("cpu") is None


def test_on_the_cpu_an_error_of_ours_stays_one():
    config = RunConfig.make(architecture="mlp", image_size=12, channels=1, device="cpu")
    session = engine.Session(config, quadrants())

    assert engine._failure_of_the_device(RuntimeError(ASSERT), config, session) is None
