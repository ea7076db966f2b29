"""The page Inside, as text: a small network with simple weights, in each view that needs no picture of torch's to be the same."""

from __future__ import annotations

import re

import pytest
import torch
from golden_text import check, same_every_time
from page_fakes import open_page
from page_inside import network
from page_runs import RunsLab
from page_text import page_text

from cnnlab import epoch_weights
from cnnlab.epoch_flow import ActivationFlow, EpochFlow, LayerFlow, Recorder
from cnnlab.system.home import run_folder


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A LeNet whose weights are few different fractions of two, so that sums are exact in every order."""
    same_every_time(monkeypatch)
    lab = RunsLab(tmp_path)
    lab.run_id = lab.trained(name="Simple weights")
    assert lab.inside
    opened = network.__wrapped__("lenet", "relu")
    with torch.no_grad():
        for number, weight in enumerate(opened.model.parameters()):
            places = torch.arange(weight.numel()).reshape(weight.shape)
            weight.copy_(((places * (5 + number)) % 8 - 3) / 16)
        opened.model.get_submodule("output").bias.copy_(torch.arange(10) / 4)  # no two classes are alike
    lab.inside_helper.network = opened
    folder = run_folder(lab.store.home, lab.run_id)
    for epoch in (0, 1):
        epoch_weights.write(folder, epoch, 10, lambda: b"x")
    recorder = Recorder(folder)
    for epoch in range(3):
        recorder.write(recorded(epoch))
    yield lab
    lab.store.close()


def recorded(epoch: int) -> EpochFlow:
    flow = 0.5**epoch if epoch else None
    layers = (LayerFlow("conv1", flow, flow, -0.25, 0.25 + epoch, (1, 2, 3)), LayerFlow("output", flow, flow, -1.0, 1.0, (4, 5)))
    active = (ActivationFlow("activation1", "ReLU", 32, 0.0, 1.5, (7, 1), 0.875, epoch, 6, None),)
    return EpochFlow(epoch, layers, (2, 1, 1, 2), (0.5 * epoch, -0.25, 0.125, 0.0), active)


def without_digests(text: str) -> str:
    """The text of a page without the bytes of its pictures, which belong to the colours' own tests."""
    return re.sub(r"(data:image/[\w+]+) [0-9a-f]{8}", r"\1 …", text)


@pytest.mark.parametrize("view", ["maps", "hand", "epochs"])
def test_a_view(view, monkeypatch, lab, regenerate_golden):
    app = open_page(monkeypatch, "inside", lab, run=lab.run_id, view=view, layer="pool2" if view == "maps" else "conv1", epoch="1")

    check(f"pages/inside-{view}", without_digests(page_text(app)), regenerate=regenerate_golden)
