"""A batch too small for batch norm is refused before training starts, exactly where PyTorch would refuse it."""

from __future__ import annotations

import pytest
import torch

from cnnlab.architectures import Card, card, cards
from cnnlab.architectures.building import check_batch, minimum_size
from cnnlab.errors import ShapeError


@pytest.mark.parametrize("size", ["smallest", "usual"])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)
def test_a_batch_of_one_is_refused_exactly_where_pytorch_refuses_it(card: Card, batch_norm, size):
    channels, height, width = card.input_shape
    options = {"batch_norm": batch_norm}
    if size == "smallest":
        height = width = minimum_size(card, channels, 10, card.settings(options))
    shape = (channels, height, width)
    model = card.build(shape, options=options, device="meta")
    try:
        model.train()(torch.empty(1, *shape, device="meta"))
    except ValueError:
        with pytest.raises(ShapeError, match="at least 2 images"):
            check_batch(model, shape, 1)
    else:
        check_batch(model, shape, 1)

    check_batch(model, shape, 2)


def test_the_sentence_names_the_layer_and_what_it_is_given():
    model = card("resnet").build((3, 32, 32), device="meta")

    with pytest.raises(ShapeError) as caught:
        check_batch(model, (3, 32, 32), 1)

    assert str(caught.value) == (
        "Batch norm cannot learn from one value per channel: with a batch of one image, stage4.block1.main.norm1 is given 1×1. "
        "Use batches of at least 2 images, or switch batch normalisation off."
    )
    assert caught.value.field == "batch_size"


def test_a_check_leaves_a_model_with_weights_as_it_was():
    model = card("course-resnet").build(options={"width": 4})
    model.stem.eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    generator = torch.get_rng_state()

    check_batch(model, (3, 32, 32), 1)

    assert not model.stem.training
    assert model.training
    assert model.classifier.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in model.modules())
    assert torch.equal(torch.get_rng_state(), generator)
