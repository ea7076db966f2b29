"""The nearest training images: the values of the last hidden layer as torch computes them, and the images of the run alone."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from quadrants import quadrants, settings
from torch import nn

from cnnlab.architectures import card
from cnnlab.compute import answers, neighbours, questions, trained
from cnnlab.errors import ConfigError
from cnnlab.inside.nearness import features, nearest
from cnnlab.inside_values import InsideLayer
from cnnlab.training.engine import train
from cnnlab.training.transforms import Preparation

RUN = {"id": "0000000a", "dataset": "sample", "data": None}
DATA = quadrants(train=90, test=30)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    trained._read.cache_clear()
    neighbours._known.cache_clear()
    monkeypatch.setattr(answers, "load", lambda home, dataset, data: DATA)


@pytest.fixture
def run(tmp_path):
    def make(**changes):
        config = settings(epochs=1, **changes)
        list(train(config, DATA.take(config.data_share, config.limit, config.seed), folder=tmp_path / "runs" / RUN["id"]))
        return config

    return make


def ask(home, image=0, **more):
    look = {"run": RUN, "checkpoint": "last", "image": image, "right": 0, "down": 0, "own": None}
    return questions.call(neighbours.neighbours, home, "neighbours", {"look": look, **more})


def by_hand(home, config, image, count):
    """Numbers and distances, with the whole network cut before its last layer."""
    kept = torch.load(home / "runs" / RUN["id"] / "last.pt", weights_only=True)
    model = card(config.architecture).build(config.input_shape, len(DATA.classes), config.options)
    model.load_state_dict(kept["model"])
    *_, last = [module for module in model.eval().modules() if isinstance(module, nn.Linear)]
    heard = []
    last.register_forward_hook(lambda module, given, made: heard.append(given[0]))
    prepare = Preparation.for_run(config, DATA)
    with torch.no_grad():
        model(prepare.test(torch.cat([DATA.test_images[image : image + 1], DATA.train_images])))
    one, *many = heard[0]
    distances = torch.stack([(each - one).pow(2).sum().sqrt() for each in many])
    order = distances.argsort(stable=True)[:count]
    return order.tolist(), distances[order].tolist()


@pytest.mark.parametrize("changes", [{}, {"architecture": "lenet", "options": {"activation": "relu"}}], ids=["mlp", "lenet"])
def test_the_neighbours_are_those_of_the_last_hidden_layer(changes, tmp_path, run):
    config = run(**changes)

    found = ask(tmp_path, 3, count=5)

    expected, distances = by_hand(tmp_path, config, 3, 5)
    assert [each.picture.index for each in found.found] == expected
    assert [each.distance for each in found.found] == pytest.approx(distances, rel=1e-4, abs=1e-5)
    assert [each.picture.label for each in found.found] == DATA.train_labels[expected].tolist()
    assert found.compared == 90
    assert found.features == {"mlp": 16, "lenet": 84}[config.architecture]


def test_only_images_that_the_run_took_are_compared_under_their_numbers_in_the_data_set(tmp_path, run):
    config = run(limit=40, seed=3)

    found = ask(tmp_path, count=32)

    taken = neighbours.trained_on(DATA, SimpleNamespace(taken=(1.0, 40, 3))).tolist()
    assert found.compared == 40
    assert taken != list(range(40))
    assert {each.picture.index for each in found.found} <= set(taken)
    assert [DATA.train_images[index].sum() for index in taken] == [
        image.sum() for image in DATA.take(1.0, config.limit, config.seed).train_images
    ]


def test_a_costly_network_compares_fewer_images(tmp_path, run, monkeypatch):
    run()
    network = trained.open_network(tmp_path, SimpleNamespace(id=RUN["id"]), "last")
    monkeypatch.setattr(neighbours, "WORK", 25 * network.macs)
    assert ask(tmp_path).compared == 25


def test_an_image_among_the_training_images_is_its_own_neighbour_at_no_distance():
    many = torch.rand(50, 8, generator=torch.Generator().manual_seed(0))
    many[30] = many[7]
    assert list(nearest(many[7], many, 2)) == [(7, 0.0), (30, 0.0)]
    assert len(list(nearest(many[7], many[:3], 8))) == 3


def test_features_are_the_same_whatever_the_batches_and_leave_no_hook():
    model = card("lenet").build().eval()
    images = torch.randint(0, 256, (7, 1, 28, 28), dtype=torch.uint8)
    path = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)][-1]
    prepare = Preparation(1, 28).test
    whole, parts = (features(model, path, images, prepare, batch=size, given=True) for size in (7, 2))
    assert torch.allclose(whole, parts, atol=1e-6)
    assert whole.shape == (7, 84)
    assert features(model, path, images, prepare, batch=7, given=False).shape == (7, 10)
    assert not any(module._forward_hooks for module in model.modules())


def test_a_network_without_dense_layers_is_compared_by_its_scores():
    layers = [InsideLayer(path, kind, category, "", (10,), None) for path, kind, category in
              [("a", "Conv2d", "convolution"), ("b", "Flatten", "other")]]  # fmt: skip
    network = SimpleNamespace(about=SimpleNamespace(layers=tuple(layers)))
    assert neighbours.last_hidden(network) == (layers[1], False)
    dense = replace(layers[0], category="dense")
    assert neighbours.last_hidden(SimpleNamespace(about=SimpleNamespace(layers=(dense, layers[1])))) == (dense, True)


@pytest.mark.parametrize("count", [0, 33])
def test_a_wrong_number_of_neighbours_is_refused(count, tmp_path):
    with pytest.raises(ConfigError, match=f"count must be from 1 to 32, not {count}"):
        ask(tmp_path, count=count)
