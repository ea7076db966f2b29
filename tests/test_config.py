"""A configuration is complete, cannot hold a wrong value, and adapts to what is changed in it."""

import pytest

from cnnlab.config import RunConfig
from cnnlab.config_words import setting
from cnnlab.errors import ConfigError

NUMBERS = [name for name in RunConfig.model_fields if name != "options" and setting(name).kind in ("int", "float")]


def test_another_data_set_brings_its_own_channels():
    grey, colour = RunConfig.make(), RunConfig.make(dataset="cifar10")

    assert (grey.channels, grey.change(dataset="cifar10").channels) == (1, 3)
    assert colour.change(dataset="mnist").channels == 1


def test_channels_that_are_chosen_stay_while_the_data_set_does():
    chosen = RunConfig.make(dataset="cifar10", channels=1)

    assert chosen.change(epochs=3).channels == 1
    assert chosen.change(dataset="cifar10").channels == 1
    assert RunConfig.make().change(dataset="cifar10", channels=1).channels == 1


def test_another_architecture_brings_its_own_options_and_image_size():
    changed = RunConfig.make(image_size=40, options={"activation": "relu"}).change(architecture="mlp")

    assert changed == RunConfig.make(architecture="mlp")


@pytest.mark.parametrize("name", [*NUMBERS, "channels"])
@pytest.mark.parametrize("value", [True, False])
def test_true_and_false_are_no_numbers(name, value):
    with pytest.raises(ConfigError, match=rf"^{name} must be .+, not {str(value).lower()}\.$"):
        RunConfig.make(**{name: value})


@pytest.mark.parametrize("settings", [{"optimizer": "sgd", "momentum": 0.0}, {"optimizer": "adam"}], ids=["no momentum", "Adam"])
def test_nesterov_momentum_needs_momentum(settings):
    with pytest.raises(ConfigError, match=r"with a momentum above 0"):
        RunConfig.make(nesterov=True, **settings)


@pytest.mark.parametrize("share", [0, -0.5, 1.1])
def test_a_share_of_the_data_is_above_nothing_and_at_most_all(share):
    with pytest.raises(ConfigError, match="data_share"):
        RunConfig.make(data_share=share)


def test_a_configuration_says_what_its_network_sees_and_tells_apart():
    config = RunConfig.make(architecture="mlp", dataset="cifar10", image_size=40)

    assert (config.input_shape, config.classes, config.title) == ((3, 40, 40), 10, "MLP on CIFAR-10")


@pytest.mark.parametrize("spaces", [0, 1])
def test_a_document_has_at_most_a_hundred_thousand_characters(spaces):
    text = "{}" + " " * (99_998 + spaces)
    if not spaces:
        assert RunConfig.from_json(text) == RunConfig.make()
        return
    with pytest.raises(ConfigError, match=r"^A configuration in JSON has at most 100,000 characters, not 100,001\.$"):
        RunConfig.from_json(text)


def test_a_configuration_that_is_nested_too_deeply_is_a_sentence():
    with pytest.raises(ConfigError, match=r"nested too deeply|not valid JSON|must be"):
        RunConfig.from_json('{"options":' * 3_000 + "1" + "}" * 3_000)
