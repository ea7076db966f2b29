"""The random numbers of a run on a GPU, whose generators stand in for real ones here."""

from __future__ import annotations

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab.training.randomness import OwnRandom
from cnnlab.training.session import Session


@pytest.fixture
def generators(monkeypatch):
    """The states of the generators on the devices, which the calls below read and write."""
    states = {"cuda:1": torch.tensor([1]), "mps": torch.tensor([5])}

    def write_cuda(state, device):
        states[str(device)] = state

    def write_mps(state):
        states["mps"] = state

    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: states[str(device)])
    monkeypatch.setattr(torch.cuda, "set_rng_state", write_cuda)
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: states["mps"])
    monkeypatch.setattr(torch.mps, "set_rng_state", write_mps)
    return states


@pytest.mark.parametrize("name", ["cuda:1", "mps"])
def test_a_run_exchanges_the_generators_of_its_device_and_of_the_processor(generators, name):
    own, other = OwnRandom(torch.device(name)), "mps" if name == "cuda:1" else "cuda:1"
    untouched = generators[other]
    torch.manual_seed(1)
    callers = torch.get_rng_state()
    with own.installed():
        torch.manual_seed(2)
        generators[name] = torch.tensor([2])

    assert torch.equal(torch.get_rng_state(), callers)
    before = generators[name].item()
    with own.installed():
        assert generators[name].item() == 2
        assert torch.initial_seed() == 2
    assert (generators[name].item(), generators[other]) == (before, untouched)
    assert before in (1, 5)


@pytest.mark.parametrize(("name", "key"), [("cuda:1", "cuda"), ("mps", "mps")])
def test_a_checkpoint_keeps_the_generator_of_the_device_and_gives_it_back_there_alone(generators, name, key):
    run = Session(settings(), quadrants())
    run.begin_epoch()
    run.device = torch.device(name)
    kept = run.state()
    assert kept["rng"][key] is generators[name]
    assert kept["rng"]["mps" if key == "cuda" else "cuda"] is None
    run.device = torch.device("cpu")
    assert (run.state()["rng"]["cuda"], run.state()["rng"]["mps"]) == (None, None)

    generators[name] = torch.tensor([77])
    run.restore(kept)
    assert generators[name].item() == 77  # resumed on the processor
    again = Session(settings(), quadrants())
    again.restore(kept)
    for each in (run, again):
        assert torch.equal(each.augmentation.get_state(), kept["rng"]["augmentation"])


def test_a_run_resumed_on_its_gpu_draws_on_where_it_stopped(generators, monkeypatch):
    run = Session(settings(), quadrants())
    run.begin_epoch()
    run.device = torch.device("cuda:1")
    kept = run.state()
    generators["cuda:1"] = torch.tensor([77])
    monkeypatch.setattr(run, "_fill_tables", lambda: None)

    run.restore(kept)

    assert generators["cuda:1"].item() == 1
