"""What is recorded of activations after each epoch: torch's own figures, dead channels, saturated values, and old files."""

from __future__ import annotations

import json

import pytest
import torch
from quadrants import quadrants, settings
from torch import nn

from cnnlab import epoch_flow
from cnnlab.architectures import card
from cnnlab.epoch_flow import ActivationFlow, read
from cnnlab.training import activity, checkpoints
from cnnlab.training.engine import train
from cnnlab.training.flow import looked_at
from cnnlab.training.session import Session
from pages._parts.inside.epoch_frames import activity_sentence, chosen_epochs
from pages._parts.player import MOST_FRAMES

LENET = {"architecture": "lenet", "options": {"activation": "relu"}}
DATA = quadrants(train=90, test=30)


def test_the_figures_are_those_of_the_trained_network_for_the_same_images(tmp_path):
    config = settings(epochs=2, **LENET)
    list(train(config, DATA, folder=tmp_path))
    session = Session(config, DATA)
    session.model.load_state_dict(checkpoints.load(tmp_path / checkpoints.LAST)["model"])
    images = looked_at(session)
    heard = {}
    for path in ("activation1", "activation2"):
        session.model.get_submodule(path).register_forward_hook(lambda _m, _g, made, path=path: heard.update({path: made}))
    with torch.no_grad():
        session.model.eval()(images)

    before, _, last = read(tmp_path)

    assert [each.path for each in before.activations] == [each.path for each in last.activations]
    assert len(images) == activity.FEWEST, "of a small set"
    for found in last.activations[:2]:
        made = heard[found.path]
        assert (found.low, found.high) == pytest.approx((made.min().item(), made.max().item()), rel=1e-4)
        assert found.zeros == pytest.approx((made == 0).double().mean().item(), abs=1e-5)
        assert found.silent == int((made.amax((0, 2, 3)) == 0).sum())
        assert (found.channels, sum(found.counts), found.images) == (made.shape[1], made.numel(), len(images))


class Dead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense, self.relu, self.sigmoid = nn.Linear(2, 3), nn.ReLU(), nn.Sigmoid()
        with torch.no_grad():
            self.dense.weight.fill_(1.0)
            self.dense.bias.copy_(torch.tensor([0.0, -100.0, 100.0]))

    def forward(self, images):
        return self.sigmoid(self.relu(self.dense(images)))


def test_dead_channels_and_saturated_values_are_counted_and_put_into_words():
    model = Dead().train()
    relu, sigmoid = activity.activity(model, activity.watched_layers(model), torch.tensor([[1.0, 1.0], [0.5, 0.0]]))

    assert (relu.silent, relu.channels, relu.zeros, relu.saturated) == (1, 3, pytest.approx(1 / 3, abs=1e-5), None)
    assert sigmoid.saturated == pytest.approx(1 / 3, abs=1e-5)
    assert model.training and not model.relu._forward_hooks
    assert "33.3 % are 0: cut off. 1 of 3 channels is 0 for all of these images: it looks dead" in activity_sentence(relu, 2)
    assert "33.3 % are saturated, below 0.05 or above 0.95" in activity_sentence(sigmoid, 0)
    broken = ActivationFlow("a", "ReLU", 2, 0.0, 0.0, (), 0.0, 0, 3, None)
    assert activity_sentence(broken, 1) == "The values of a are no numbers any more after epoch 1."


@pytest.mark.parametrize("name", ["lenet", "googlenet", "densenet"])
def test_of_a_deep_network_too_a_bounded_number_of_non_linearities_is_watched(name):
    with torch.device("meta"):
        model = card(name).build()
    watched = list(activity.watched_layers(model))
    assert 0 < len(watched) <= activity.MOST_LAYERS
    assert len(set(watched)) == len(watched)


def test_a_file_of_an_early_version_has_no_activations(tmp_path):
    line = {"epoch": 0, "layers": [], "kernels": [], "values": []}
    (tmp_path / epoch_flow.FILE).write_text(json.dumps(line) + "\n", encoding="utf-8")

    (found,) = read(tmp_path)

    assert found.activations == ()


def test_of_many_epochs_the_first_the_last_and_the_chosen_one_are_played():
    every = [epoch_flow.EpochFlow(number, (), (), ()) for number in range(500)]
    shown = [each.epoch for each in chosen_epochs(every, 7)]

    assert len(shown) <= MOST_FRAMES + 1
    assert {0, 7, 499} <= set(shown)
    assert shown == sorted(shown)
