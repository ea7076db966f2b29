"""The networks of torchvision: the list, the tables, what is changed in them, and training of the last layer alone."""

from __future__ import annotations

import hashlib

import pytest
import torch
from torch import nn

from cnnlab.architectures import card, zoo, zoo_files, zoo_parts
from cnnlab.architectures.building import draft
from cnnlab.architectures.meta import shapes_by_arithmetic
from cnnlab.compute.trained import layers_of
from cnnlab.config import RunConfig
from cnnlab.errors import CheckpointError, ConfigError
from cnnlab.events import EpochDone, RunFinished
from cnnlab.inside.activations import passed
from cnnlab.layers.failing import table_or_failure
from cnnlab.layers.memory import per_image
from cnnlab.layers.trace import layer_table, trace, trace_with_fields
from cnnlab.network_code import network_code
from cnnlab.training import checkpoints, features, pretrained
from cnnlab.training.engine import train
from tests.quadrants import quadrants

CARD = card("torchvision")
# Published with the auxiliary outputs of training, which are off here.
AUXILIARY = {"inception_v3": 3_326_696}


def settings(**changes):
    made = {"architecture": "torchvision", "options": {"model": "mobilenet_v3_small"}, "image_size": 32, "channels": 1}
    made |= {"batch_size": 8, "epochs": 3, "device": "cpu", "initialization": "pytorch", "seed": 1}
    return RunConfig.make(**made | changes)


def test_the_list_is_that_of_torchvision_with_what_it_publishes():
    from torchvision import models

    assert list(zoo.networks()) == models.list_models(module=models)
    for network in zoo.networks().values():
        weights = next(each for each in models.get_model_weights(network.name) if each.url.endswith(f"/{network.file}"))
        assert weights.url == zoo_files.ADDRESS + network.file
        assert (network.size, network.parameters) == (weights.transforms().crop_size[0], weights.meta["num_params"])
        assert (network.gmacs, network.mebibytes) == (weights.meta["_ops"], weights.meta["_file_size"])
        assert len(network.checksum) >= 8
        assert int(network.checksum, 16)


@pytest.mark.parametrize("network", zoo.networks().values(), ids=lambda network: network.name)
def test_the_table_of_every_network_has_the_published_parameters_and_multiplications(network):
    shape = (3, network.size, network.size)
    model = draft(CARD, shape, 1000, CARD.settings({"model": network.name}))
    with shapes_by_arithmetic(model):
        rows = trace(model, shape)

    parameters = sum(row.parameters for row in rows)
    assert parameters == network.parameters - AUXILIARY.get(network.name, 0)
    assert parameters == sum(weight.numel() for weight in model.parameters())
    assert round(sum(row.macs for row in rows) / 1e9, 3) == network.gmacs
    assert per_image(rows).total > 0  # every kind has an entry


@pytest.mark.parametrize(
    ("name", "path", "size"), [("resnet18", "fc", 32), ("vgg11", "classifier.6", 32), ("vit_b_32", "heads.head", 224)]
)
def test_channels_and_classes_change_the_first_convolution_and_the_last_layer_alone(name, path, size):
    from torchvision import models

    ours = CARD.draft((1, size, size), 7, CARD.settings({"model": name}))
    with torch.device("meta"):
        theirs = models.get_model(name)

    shapes, published = ({key: tuple(value.shape) for key, value in each.state_dict().items()} for each in (ours, theirs))
    changed = {key for key in published if shapes[key] != published[key]}
    assert shapes.keys() == published.keys()
    first = next(key for key, layer in theirs.named_modules() if isinstance(layer, nn.Conv2d))
    assert changed == {f"{first}.weight", f"{path}.weight", f"{path}.bias"}
    assert ours.get_submodule(path) is zoo_parts.head(ours)


def test_a_grey_image_gives_what_it_would_in_colour():
    weights, grey = torch.rand(4, 3, 5, 5), torch.rand(2, 1, 9, 9)

    once = nn.functional.conv2d(grey, zoo_parts.over_channels(weights, 1))

    torch.testing.assert_close(once, nn.functional.conv2d(grey.repeat(1, 3, 1, 1), weights))
    torch.testing.assert_close(zoo_parts.over_channels(weights, 6).sum(1), weights.sum(1))


def test_networks_of_one_size_and_too_small_images_are_refused_with_a_cure():
    fixed = table_or_failure("torchvision", (3, 300, 300), 10, {"model": "vit_b_16"})
    small = table_or_failure("torchvision", (3, 32, 32), 10, {"model": "inception_v3"})

    assert fixed.failure.reason == (
        "vit_b_16 takes images of 224×224 px alone, not of 300×300: it has weights for each place. Choose the image size 224, or "
        "another network."
    )
    assert [(cure.setting, cure.value) for cure in fixed.failure.cures] == [("image_size", 224), ("model", "resnet18")]
    assert "needs images of at least 75×75 px" in small.failure.reason
    assert ("image_size", 75) in [(cure.setting, cure.value) for cure in small.failure.cures]


def test_a_network_is_built_with_the_weights_that_torchvision_draws():
    from torchvision import models

    torch.manual_seed(4)
    ours = CARD.build((3, 64, 64), 10, {"model": "shufflenet_v2_x0_5"})
    torch.manual_seed(4)
    theirs = models.shufflenet_v2_x0_5(num_classes=10)

    assert all(torch.equal(theirs.state_dict()[name], values) for name, values in ours.state_dict().items())
    images = torch.rand(2, 3, 64, 64)
    assert torch.equal(ours.eval()(images), theirs.eval()(images))


def test_where_the_head_alone_learns_nothing_else_changes_and_the_forecast_counts_the_rest_as_kept_numbers():
    options = {"model": "mobilenet_v3_small", "train_all": False}
    table, whole = (layer_table("torchvision", (1, 32, 32), 10, each) for each in (options, options | {"train_all": True}))
    model = CARD.build((1, 32, 32), 10, options)

    zoo_parts.learn_in(model)

    assert table.parameters == 1024 * 10 + 10
    assert table.parameters + table.buffers == whole.parameters + whole.buffers
    assert table.rows[0].settings.endswith("frozen")
    assert [name for name, module in model.named_modules() if module.training] == ["", "classifier", "classifier.3"]
    assert per_image(table.rows).total == 4 * 1024


# Training of the last layer alone


def finished(config, monkeypatch, *, keep):
    passes = []
    if not keep:
        monkeypatch.setattr(features, "of", lambda _session: None)
    counted = features.Features.passed
    monkeypatch.setattr(features.Features, "passed", lambda self, *given: passes.append(1) or counted(self, *given))
    return [event for event in train(config, quadrants(train=24)) if isinstance(event, EpochDone)], len(passes)


def test_kept_features_train_the_last_layer_as_the_whole_network_would(monkeypatch):
    config = settings(
        options={"model": "mobilenet_v3_small", "train_all": False}, validation_share=0.25, optimizer="adam", learning_rate=0.01
    )

    with monkeypatch.context() as without:
        whole, _ = finished(config, without, keep=False)
    kept, passes = finished(config, monkeypatch, keep=True)

    assert passes == 3  # of three epochs, the batches of the first
    assert [done.epoch for done in kept] == [1, 2, 3]
    for one, other in zip(kept, whole, strict=True):
        # The same arithmetic in other batches: a convolution may add up in another order.
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-5)
        assert one.test_loss == pytest.approx(other.test_loss, rel=1e-5)
        assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-5)
        assert one.test_accuracy == other.test_accuracy


@pytest.mark.parametrize("changes", [{"horizontal_flip": True}, {"options": {"model": "squeezenet1_1", "train_all": False}}])
def test_where_images_change_or_layers_follow_the_last_nothing_is_kept(monkeypatch, changes):
    config = settings(**{"options": {"model": "mobilenet_v3_small", "train_all": False}, "epochs": 2} | changes)

    _, passes = finished(config, monkeypatch, keep=True)

    assert passes == (0 if "horizontal_flip" in changes else 6)


def test_a_resumed_run_ends_as_one_that_went_through(tmp_path):
    config = settings(options={"model": "mobilenet_v3_small", "train_all": False}, optimizer="adam", learning_rate=0.01)
    asked = iter([False] * 7 + [True] * 99)  # paused within the second epoch, when features are complete
    list(train(config, quadrants(train=24), folder=tmp_path, progress_every=0, pausing=lambda: next(asked)))
    checkpoint = checkpoints.load(tmp_path / "last.pt")

    resumed = list(train(config, quadrants(train=24), resume=checkpoint))

    unbroken = list(train(config, quadrants(train=24)))
    assert 1 <= checkpoint["epoch"] < 3
    assert isinstance(resumed[-1], RunFinished)
    assert resumed[-1].test_accuracy == unbroken[-1].test_accuracy
    last, through = ([e.train_loss for e in events if isinstance(e, EpochDone)][-1] for events in (resumed, unbroken))
    assert last == pytest.approx(through, rel=1e-5)


# Published weights


def published(folder, name="mobilenet_v3_small", change=lambda weights: weights):
    """A file as torchvision publishes it, whose name begins its checksum."""
    from torchvision import models

    torch.manual_seed(2)
    made = models.get_model(name)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(change(made.state_dict()), folder / "made.pth")
    return made, folder / "made.pth"


@pytest.fixture
def small(monkeypatch, tmp_path):
    """The lab's folders, with a made file in the place of mobilenet_v3_small's."""
    made, path = published(tmp_path / "weights")
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    network = zoo.ZooNetwork("mobilenet_v3_small", 224, 1, 0.0, 9.8, f"mobilenet_v3_small-{checksum}.pth")
    path.rename(path.with_name(network.file))
    known = zoo.networks() | {"mobilenet_v3_small": network}
    monkeypatch.setattr(zoo, "networks", lambda: known)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    return made, network, zoo_files.folders(tmp_path)


def test_a_run_begins_with_published_weights_except_for_the_last_layer(small):
    theirs, _network, folders = small
    options = CARD.settings({"model": "mobilenet_v3_small", "weights": "pretrained"})
    ours = CARD.build((1, 32, 32), 10, options)
    before = ours.classifier[3].weight.clone()

    pretrained.begin(ours, "torchvision", options, folders)

    weights = theirs.state_dict()
    begins = "features.0.0.weight"
    assert torch.equal(ours.state_dict()[begins], weights[begins].sum(1, keepdim=True))
    assert torch.equal(ours.classifier[3].weight, before)
    others = weights.keys() - {begins, "classifier.3.weight", "classifier.3.bias"}
    assert all(torch.equal(ours.state_dict()[name], weights[name]) for name in others)


def test_a_missing_damaged_or_foreign_file_is_a_sentence(small, tmp_path):
    _theirs, network, folders = small
    options = CARD.settings({"model": "mobilenet_v3_small", "weights": "pretrained"})
    other = CARD.build((1, 32, 32), 10, {"model": "shufflenet_v2_x0_5"})
    with pytest.raises(
        CheckpointError, match=r"^The file mobilenet_v3_small-\w+\.pth has other layers than mobilenet_v3_small here"
    ):
        pretrained.begin(other, "torchvision", options, folders)

    file = zoo_files.find(network, folders)
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(CheckpointError, match="is damaged: its SHA-256 begins with"):
        pretrained.begin(other, "torchvision", options, folders)

    file.unlink()
    with pytest.raises(ConfigError, match="are not on this machine: fetch them on Design or Train") as caught:
        pretrained.begin(other, "torchvision", options, folders)
    assert caught.value.field == "options.weights"


def test_early_names_of_densenet_and_auxiliary_outputs_are_read():
    early = {"features.denseblock1.denselayer1.norm.1.weight": "features.denseblock1.denselayer1.norm1.weight"}

    for name, now in early.items():
        found = pretrained._EARLY.match(name)
        assert found[1] + found[2] == now


@pytest.mark.parametrize("options", [{"model": "resnet18"}, {"model": "mobilenet_v3_small", "train_all": False}])
def test_the_code_of_a_network_runs_and_a_seed_gives_it_the_same_weights(options):
    code = network_code("torchvision", (1, 32, 32), 10, options).whole
    found = {}

    torch.manual_seed(5)
    ours = CARD.build((1, 32, 32), 10, options)
    torch.manual_seed(5)
    exec(code, found)  # noqa: S102  our own code

    theirs = found["network"]
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in ours.state_dict().items())
    assert [weight.requires_grad for weight in ours.parameters()] == [weight.requires_grad for weight in theirs.parameters()]


def test_inside_lists_what_can_be_listened_to_and_weighs_the_block_around_an_addition():
    model = CARD.draft((3, 64, 64), 10, CARD.settings())
    rows, fields = trace_with_fields(model, (3, 64, 64))

    layers, explained = layers_of(model, rows, fields)

    assert explained == "layer4.1"
    assert {layer.path for layer in layers} <= {path for path, _ in model.named_modules()}
    assert any(row.path == "layer4.1.add" for row in rows)
    swin = CARD.draft((3, 224, 224), 10, CARD.settings({"model": "swin_t"}))
    layers, explained = layers_of(swin, *trace_with_fields(swin, (3, 224, 224)))
    # Behind the reordering channels come last, so only the first convolution has maps.
    assert [layer.path for layer in layers if layer.is_map] == ["features.0.0"] == [explained]


def test_what_passes_a_block_is_kept_before_the_block_adds_to_it():
    model = CARD.build((1, 32, 32), 10, CARD.settings()).eval()
    image = torch.rand(1, 1, 32, 32)

    _, found = passed(model, image, ["layer1.0.conv2", "layer1.0.bn2"])

    with torch.no_grad():
        expected = model.layer1[0].bn2(found["layer1.0.conv2"].made[None])[0]
    assert torch.equal(found["layer1.0.bn2"].made, expected)
