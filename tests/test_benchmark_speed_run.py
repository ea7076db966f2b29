"""The speed run's benchmark trains the preset, times what it documents, and sets no target on random images or fewer epochs."""

import json
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from benchmarks import from_start, speed_run, training
from benchmarks.results_page import ROOT
from benchmarks.targets import TRAINING
from cnnlab.presets import Preset, preset


def test_the_small_version_trains_the_preset_and_claims_nothing():
    record = json.loads(json.dumps(speed_run.measure(True, 1)))

    assert record["settings"]["architecture"] == "resnet9"
    assert [turn["seed"] for turn in record["rounds"]] == [0]
    for turn in record["rounds"]:
        assert turn["seconds"] > 0
        assert len(turn["accuracies"]) == 2
    assert (record["way"], record["source"], record["targets"]) == ("process", "made-up images", {})
    text = speed_run.render(record)
    assert "The preset `speed-run` on made-up images: 2 epochs, batch 64." in text
    assert "| all |" in text


def fake(monkeypatch, **answers):
    """Replaces the process by fixed answers; returns the list of its jobs."""
    jobs = []

    def answer(job):
        jobs.append(job)
        seed = job["settings"].get("seed", 0)
        times = {"loading": 1.0, "clock": [2.0] * job["epochs"], "accuracies": [0.5] * (job["epochs"] - 1) + [0.93 + seed / 100]}
        return {"source": "CIFAR-10, JPEG copy", "accuracy": 0.94, "notices": ["Computes in bfloat16."], **times, **answers}

    monkeypatch.setattr(speed_run, "answer", answer)
    monkeypatch.setattr(speed_run, "warm_lab", lambda *_: None)
    return jobs


def test_seconds_are_loading_and_all_epochs_and_the_accuracy_is_the_last_ones(monkeypatch):
    jobs = fake(monkeypatch)

    record = speed_run.measure(False, 3, device="cuda:0")

    assert record["targets"] == {"speed_run": 49.0, "speed_run_accuracy": pytest.approx(94.0)}
    assert record["targets"].keys() <= {target.name for target in TRAINING}
    assert [job["epochs"] for job in jobs] == [1, 24, 24, 24]  # the first job decodes the images and is not timed
    assert [job["settings"]["seed"] for job in jobs[1:]] == [0, 1, 2]
    assert {name: value for name, value in jobs[1]["settings"].items() if name not in ("device", "seed")} == preset(
        "speed-run"
    ).settings
    text = speed_run.render(record)
    assert "| 2 | 49.0 s | 0.9500 | 0.9500 |" in text
    assert "| all | 49.0 s (49.0–49.0, n = 3) | 0.9400 |  |" in text
    assert "- seed 0: Computes in bfloat16." in text


def test_fewer_epochs_are_no_speed_run(monkeypatch):
    fake(monkeypatch)

    assert speed_run.measure(False, 1, epochs=3)["targets"] == {}


def test_a_round_that_fails_is_told_and_does_not_count(monkeypatch):
    fake(monkeypatch, skipped="failed: out of memory")

    record = speed_run.measure(False, 2)

    assert record["targets"] == {}
    assert "- seed 1: skipped, failed: out of memory." in speed_run.render(record)


def test_with_the_labs_packages_a_run_is_submitted_and_timed_until_its_last_epoch(monkeypatch, request):
    if not request.config.getoption("--slow"):
        pytest.skip("starts a lab for a quarter of a minute: --slow")
    recipe = {"architecture": "mlp", "dataset": "sample", "batch_size": 512, "epochs": 2, "precision": "auto"}
    monkeypatch.setattr(speed_run.presets, "preset", lambda name: Preset(name, "made for this test", "", recipe))
    monkeypatch.setattr(from_start, "SETTLE", 0.0)
    monkeypatch.delenv("CNNLAB_DATA", raising=False)

    began = time.perf_counter()
    record = speed_run.measure(False, 1, device="cpu")
    took = time.perf_counter() - began

    (turn,) = record["rounds"]
    assert (record["way"], record["source"]) == ("lab", "Fashion-MNIST sample")
    assert 0 < turn["seconds"] < took
    assert len(turn["accuracies"]) == 2
    assert turn["notices"][0].startswith("Computes in ")
    assert record["targets"] == {"speed_run": turn["seconds"], "speed_run_accuracy": 100 * turn["accuracies"][-1]}
    assert "from `Lab.start`" in speed_run.render(record)


def test_a_run_that_fails_says_why():
    class Failing:
        def start(self, config, token):
            return "1"

        def run(self, _):
            return SimpleNamespace(epochs_done=0, active=False, message="Out of memory.", state="failed")

    found = from_start.from_start(Failing(), preset("speed-run").config())

    assert found == {"skipped": "the run ended early: Out of memory."}


BARE = """
import sys
from pathlib import Path
for name in ("pydantic", "streamlit", "plotly", "pandas", "rich", "typer", "psutil", "platformdirs", "filelock"):
    sys.modules[name] = None
from benchmarks import speed_run
print(speed_run.warm_lab(Path("unused"), None), speed_run.measure(True, 1)["way"])
"""


def test_where_only_torch_and_torchvision_are_installed_a_process_trains_it(request):
    if not request.config.getoption("--slow"):
        pytest.skip("a quarter of a minute; the small version covers the same with all packages: --slow")
    done = subprocess.run([sys.executable, "-c", BARE], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.stdout == "None process\n", done.stderr


def test_the_training_benchmark_measures_it_on_a_gpu_alone(monkeypatch):
    calls = []

    def measure(small, rounds, **options):
        calls.append((small, rounds, options))
        turn = {"seed": 0, "seconds": 20.0, "accuracies": [0.941], "notices": []}
        settings = preset("speed-run").settings
        return {"settings": settings, "source": "CIFAR-10", "way": "lab", "rounds": [turn], "targets": {"speed_run": 20.0}}

    monkeypatch.setattr(speed_run, "measure", measure)

    record = training.measure(False, 5, only="speed", device="cuda:0")

    assert calls == [(False, 5, {"device": "cuda:0", "epochs": None})]
    assert record["targets"] == {"speed_run": 20.0}
    assert "### Speed run, CIFAR-10" in training.render(record)
    where = {"machine": {"cpu": "x", "gpu": "H100", "torch": "2"}, "took": 1.0}
    without = {name: value for name, value in record.items() if name != "speed_run"} | {"targets": {}}
    assert training.merged(where | record, where | without)["speed_run"] == record["speed_run"]  # measuring another part keeps it
    with pytest.raises(SystemExit, match="No case has 'speed' in its title"):
        training.measure(False, 1, only="speed", device="cpu")
