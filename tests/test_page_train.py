"""The Train page: the form and its address, a run during and after training, and the list of runs."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
from page_fakes import follow, open_page, widget
from page_runs import RunsLab
from page_text import page_text
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates

import pages._parts.shell
from cnnlab.access.roles import Person, Role
from cnnlab.architectures import card, cards
from cnnlab.config import RunConfig
from cnnlab.config_words import applies
from cnnlab.errors import ConfigError, DeviceError
from cnnlab.events import Notice
from cnnlab.forecasts.limits import Limits
from cnnlab.presets import preset, presets
from cnnlab.runs.records import State
from cnnlab.starts import start
from cnnlab.values import Device
from pages._parts.forms import training
from pages._parts.forms.architecture import link_parameters
from pages._parts.forms.click import CLICKED
from pages._parts.forms.link import ALWAYS, RECIPE, expand, form_address, shorten
from pages._parts.forms.recipes import CARDS
from pages._parts.markdown import escaped, quoting
from tests.another_value import another_value


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


def address(app):
    """The address, each name once."""
    return {name: values[-1] if isinstance(values, list) else values for name, values in app.query_params.items()}


def controls(app):
    return [*app.selectbox, *app.number_input, *app.text_input, *app.toggle]


def button(app, start):
    return next(each for each in app.button if each.label.startswith(start))


def live_sentence(app):
    """The sentence above the curves, and the share that its bar shows."""
    live = next(filter(None, (json.loads(each.proto.bytes).get("live") for each in app.get("bidi_component"))))
    return f"{live['word']}: {live['sentence']}", live["share"]


def figures(app):
    """The curves on the page, as Plotly gets them."""
    return [chart["figure"] for each in app.get("bidi_component") for chart in json.loads(each.proto.bytes)["charts"]]


def test_an_empty_lab_starts_with_the_quickest_recipe_and_says_what_to_do(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)

    assert not app.exception
    assert widget(app.selectbox, "Recipe").value == presets()[0].name
    assert "Start training" in app.info[0].value
    button(app, "Start training").click().run()
    assert lab.runs()[0].config == presets()[0].config()


def test_an_observer_reads_why_nothing_can_be_started(monkeypatch, lab):
    monkeypatch.setattr("pages._parts.visitor._member", lambda: Person("Parents", Role.OBSERVER))
    app = open_page(monkeypatch, "train", lab)

    starts = [button(app, label) for label in ("Start training", "Find a learning rate", "Try several values")]
    assert [each.disabled for each in starts] == [True] * 3
    assert starts[0].help.startswith("You are here to look")


def test_every_setting_of_a_run_has_a_control_with_a_help_text(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)

    helped = {each.label: each.help for each in controls(app)}
    for name, field in RunConfig.model_fields.items():
        if name != "options":  # has a control for each option of the architecture
            assert helped[field.title], name


@pytest.mark.parametrize("recipe", presets(), ids=lambda recipe: recipe.name)
def test_a_recipe_fills_the_form(monkeypatch, lab, recipe):
    app = open_page(monkeypatch, "train", lab)

    widget(app.selectbox, "Recipe").set_value(recipe.name).run()
    button(app, "Start training").click().run()

    assert not app.exception
    assert lab.runs()[0].config == recipe.config()


@pytest.mark.parametrize("recipe", presets(), ids=lambda recipe: recipe.name)
def test_a_link_opens_the_form_with_the_same_configuration(monkeypatch, lab, recipe):
    app = open_page(monkeypatch, "train", lab, **form_address(recipe.config()))

    assert {"architecture": "lenet"} | address(app) == form_address(
        recipe.config()
    )  # the default is left out once the form is open
    button(app, "Start training").click().run()
    assert lab.runs()[0].config == recipe.config()


def test_an_unusual_configuration_survives_the_way_through_the_address(monkeypatch, lab):
    config = RunConfig.make(
        architecture="vgg", options={"depth": 13}, dataset="cifar10", data_share=0.25, limit=500, channels=1, image_size=64,
        normalization="dataset", horizontal_flip=True, random_crop=4, optimizer="rmsprop", learning_rate=0.00025, momentum=0.5,
        schedule="step", step_epochs=3, step_factor=0.5, gradient_clip=1.5, label_smoothing=0.1, device="cuda:0", seed=7,
    )  # fmt: skip

    app = open_page(monkeypatch, "train", lab, **form_address(config))
    button(app, "Start training").click().run()

    assert lab.runs()[0].config == config


def test_what_was_changed_in_a_recipe_is_said(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)

    widget(app.number_input, "Epochs").set_value(3).run()

    assert "Changed since: Epochs." in app.caption[0].value
    assert address(app)["epochs"] == "3"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("epochs", "abc"),
        ("epochs", "0"),
        ("learning_rate", "nan"),
        ("learning_rate", "-1"),
        ("optimizer", "best"),
        ("architecture", "<script>"),
        ("dataset", "../../etc"),
        ("device", "cuda:9"),
        ("channels", "2"),
        ("horizontal_flip", "perhaps"),
        ("image_size", "9" * 400),
        ("kernel_size", "4"),
    ],
)
def test_a_wrong_value_in_the_address_is_a_sentence_and_the_default(monkeypatch, lab, name, text):
    app = open_page(monkeypatch, "train", lab, **{name: text})

    assert not app.exception
    assert name in app.warning[0].value
    assert address(app).get(name) != text


@pytest.mark.parametrize(
    ("label", "number", "sentence"),
    [
        ("Epochs", 0, "Epochs must be a whole number from 1 to 10,000, not 0."),
        ("Learning rate", -5.0, "Learning rate must be a number above 0 and at most 100, not -5.0."),
        ("Dropout", -5.0, "Dropout must be a number from 0 to 0.95, not -5.0."),
        ("Random shift", 65, "Random shift must be a whole number from 0 to 64, not 65."),
    ],
)
def test_a_number_out_of_range_is_a_sentence_and_nothing_else_is_trained_instead(monkeypatch, lab, label, number, sentence):
    app = open_page(monkeypatch, "train", lab)
    field = widget(app.number_input, label)
    before, opened, drawn = field.value, address(app), len(controls(app))

    field.set_value(number).run()

    assert len(controls(app)) == drawn  # a control that is not drawn loses its value
    assert [error.value for error in app.error] == [quoting(sentence)]
    assert not [each for each in app.button if each.label == "Start training"]
    assert address(app) == opened  # a link with that number would open a form that cannot start
    assert widget(app.number_input, label).value == number
    widget(app.number_input, label).set_value(before).run()
    assert not app.error
    button(app, "Start training").click().run()
    assert lab.runs()[0].config == presets()[0].config()


def test_a_setting_that_the_optimiser_does_not_use_is_greyed_out_and_left_at_its_default(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)  # the first recipe has momentum
    widget(app.selectbox, "Optimiser").set_value("adam").run()

    assert widget(app.number_input, "Momentum").disabled
    button(app, "Start training").click().run()
    assert lab.runs()[0].config.momentum == 0


def test_settings_that_do_not_go_together_are_a_sentence_and_cannot_be_started(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab, nesterov="true")

    assert not app.exception
    assert "Nesterov momentum needs" in app.error[0].value
    assert not [each for each in app.button if each.label == "Start training"]


def test_images_too_small_for_the_network_are_a_sentence_and_cannot_be_started(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab, architecture="alexnet", image_size="32")

    assert "AlexNet needs images of at least" in app.error[0].value
    assert button(app, "Start training").disabled


def test_the_form_checks_the_time_of_the_whole_run_against_the_limit(monkeypatch, lab):
    lab.need = replace(lab.need, seconds_per_epoch=12.0, seconds_total=120.0, speed_state="known")
    lab.allowed = Limits(max_seconds=119)
    app = open_page(monkeypatch, "train", lab)
    assert "This run would train for about 2 minutes" in app.error[0].value
    assert button(app, "Start training").disabled

    lab.allowed = Limits(max_seconds=120)
    assert not button(open_page(monkeypatch, "train", lab), "Start training").disabled


def test_the_cards_are_the_first_recipes_that_need_no_gpu_and_the_list_has_all(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)

    cards_shown = [each.key.removeprefix("recipe ") for each in app.button if (each.key or "").startswith("recipe ")]
    assert cards_shown == [recipe.name for recipe in presets() if not recipe.needs_gpu][:CARDS]
    assert widget(app.selectbox, "Recipe").options == [recipe.title for recipe in presets()]


def test_a_data_set_that_is_not_here_is_said_beforehand_and_the_sample_offered(monkeypatch, tmp_path):
    lab = RunsLab(tmp_path, here=("sample",))
    app = open_page(monkeypatch, "train", lab, dataset="mnist")

    assert button(app, "Start training").disabled
    assert any("MNIST is not on this machine yet" in each.value for each in app.markdown)
    button(app, "Use the bundled sample").click().run()
    assert not button(app, "Start training").disabled
    lab.store.close()


def test_a_copy_that_cannot_be_used_is_not_called_absent(monkeypatch, tmp_path):
    lab = RunsLab(tmp_path, here=("sample",))
    lab.problems["fashion-mnist"] = problem = "Fashion-MNIST is here, but cannot be used: CNNLAB_DATA/FashionMNIST/raw holds MNIST."
    app = open_page(monkeypatch, "train", lab, dataset="fashion-mnist")

    assert button(app, "Start training").disabled
    assert app.warning[0].value == problem
    assert not any("not on this machine" in each.value for each in app.markdown)
    listed = dict(zip(("sample", "fashion-mnist", "mnist"), widget(app.selectbox, "Data set").options, strict=False))
    assert listed["fashion-mnist"] == "Fashion-MNIST (not usable)"  # fits the narrow list
    assert listed["mnist"] == "MNIST (not here yet)"
    cards = {each.key.removeprefix("recipe "): each.label for each in app.button if (each.key or "").startswith("recipe ")}
    assert "Fashion-MNIST is here, but not usable" in cards["lenet-fashion-mnist"].replace("\\", "")
    assert "Download first" in cards["lenet-mnist"]
    button(app, "Use the bundled sample").click().run()
    assert not button(app, "Start training").disabled
    lab.store.close()


def test_a_part_that_is_not_recognised_can_be_trained_on_with_a_warning(monkeypatch, lab):
    lab.doubts["mnist"] = doubt = "Not recognised as a part of MNIST: the training labels do not begin as those of MNIST do."
    app = open_page(monkeypatch, "train", lab, dataset="mnist")

    assert doubt in [each.value for each in app.warning]
    assert not button(app, "Start training").disabled


def test_the_times_on_the_cards_are_asked_for_once_in_some_seconds_for_all_visitors(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)
    first = len(lab.asked_for_forecasts)

    app.run()
    open_page(monkeypatch, "train", lab)

    assert first == CARDS + 1  # the cards, and the form's own settings
    assert len(lab.asked_for_forecasts) == first + 2


def test_starting_puts_the_run_into_the_address(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)

    widget(app.text_input, "Name (optional)").set_value("my first").run()
    button(app, "Start training").click().run()

    (run,) = lab.runs()
    assert run.name == "my first"
    assert address(app) == {"run": run.id}
    assert app.title[0].value == "my first"


def test_the_page_of_a_new_run_waits_a_moment_for_its_start_so_that_it_is_drawn_once(monkeypatch, lab):
    clock = SimpleNamespace(now=0.0)

    def sleep(seconds: float) -> None:
        clock.now += seconds
        if clock.now > 0.1:
            lab.store.transition(lab.queue()[0].id, State.STARTING)

    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep))
    app = open_page(monkeypatch, "train", lab)
    button(app, "Start training").click().run()

    assert button(app, "Pause")
    assert clock.now < training.START_SECONDS


def test_a_double_click_is_one_run(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)

    token = app.session_state["token of the training form"]
    button(app, "Start training").click().run()
    app.query_params.clear()  # the second click was sent from a page that still showed the form
    app.session_state[CLICKED] = token
    app.run()

    assert len(lab.runs()) == 1


def counting(monkeypatch, lab):
    """Counts, from here on, how often the page is drawn, the form among it, and the forecast asked for."""
    counts = Counter()
    lab.asked_for_forecasts.clear()

    def enter():
        counts["pages"] += 1
        return lab

    def presets_of():
        counts["forms"] += 1
        return presets()

    monkeypatch.setattr(pages._parts.shell, "enter", enter)
    monkeypatch.setattr(lab, "presets", presets_of)
    return counts


def test_a_click_draws_the_page_once_with_the_run_and_asks_for_no_forecast(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)
    counts = counting(monkeypatch, lab)

    button(app, "Start training").click().run()

    assert (counts["pages"], counts["forms"], len(lab.asked_for_forecasts)) == (1, 0, 0)
    assert address(app) == {"run": lab.runs()[0].id}


def test_a_number_typed_just_before_the_click_counts(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)
    counts = counting(monkeypatch, lab)

    widget(app.number_input, "Epochs").set_value(7)
    button(app, "Start training").click().run()

    assert lab.runs()[0].config.epochs == 7
    assert (counts["pages"], counts["forms"]) == (2, 1)


def test_a_run_that_cannot_start_says_why(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)
    lab.refusal = DeviceError("There is no device 'cuda:0' here; choose cpu.")

    button(app, "Start training").click().run()

    assert "choose cpu" in app.error[0].value
    assert not lab.runs()


def test_a_running_run_shows_how_far_it_is_and_its_curves_grow(monkeypatch, lab):
    run_id = lab.made(epochs=10)
    lab.begin(run_id)
    app = open_page(monkeypatch, "train", lab, run=run_id)

    assert live_sentence(app) == ("Training: epoch 1 of 10 · 5 % · 1:20 left · 9,500 images/s", 0.05)
    loss, _ = figures(app)
    assert [len(trace["x"]) for trace in loss["data"]] == [1, 0, 0]

    lab.report(run_id, epoch=1, batch=24, share_done=0.1)
    lab.epoch(run_id)
    app.run()
    loss, accuracy = figures(app)
    assert [len(trace["x"]) for trace in loss["data"]] == [2, 1, 1]
    assert loss["layout"]["uirevision"] == accuracy["layout"]["uirevision"] == run_id
    assert app.dataframe[0].value["Test accuracy"].tolist() == [50.0]


def test_a_waiting_run_says_what_it_waits_for(monkeypatch, lab):
    lab.begin(lab.made("a", name="the long one"))
    run_id = lab.made("b")

    app = open_page(monkeypatch, "train", lab, run=run_id)

    assert "“the long one”" in live_sentence(app)[0]


def test_stop_asks_once_and_then_cannot_be_pressed(monkeypatch, lab):
    run_id = lab.made()
    lab.begin(run_id)
    app = open_page(monkeypatch, "train", lab, run=run_id)

    button(app, "End run").click().run()

    assert lab.run(run_id).state is State.STOPPING
    assert button(app, "Ending").disabled


def test_a_finished_run_leads_to_its_predictions_and_to_a_form_with_its_settings(monkeypatch, lab):
    run_id = lab.trained(learning_rate=0.05)
    app = open_page(monkeypatch, "train", lab, run=run_id)

    assert "Finished" in live_sentence(app)[0]
    assert not [each for each in app.button if each.label == "End run"]
    button(app, "Use its settings").click().run()
    assert {"learning_rate": "0.05", "epochs": "1"}.items() <= address(app).items()
    assert address(app) == form_address(lab.run(run_id).config)
    assert widget(app.number_input, "Learning rate").value == 0.05


def test_a_failed_run_and_a_notice_are_told_in_their_own_words(monkeypatch, lab):
    run_id = lab.made()
    lab.begin(run_id)
    lab.store.add(run_id, Notice("older-checkpoint", 1, "It goes on from an older checkpoint."))
    lab.store.transition(run_id, State.FAILED, message="The loss is not a number; try a smaller learning rate.")

    app = open_page(monkeypatch, "train", lab, run=run_id)

    assert "smaller learning rate" in app.error[0].value
    assert "older checkpoint" in app.warning[0].value


def test_a_run_that_does_not_exist_is_a_sentence(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab, run="../../x")

    assert not app.exception
    assert "../../x" in app.error[0].value


def test_runs_so_far_can_be_opened(monkeypatch, lab):
    first = lab.trained("a", name="first")
    lab.trained("b", name="second")
    app = open_page(monkeypatch, "train", lab)

    button(app, "first").click().run()

    assert address(app) == {"run": first}
    assert app.title[0].value == "first"


def test_a_name_cannot_smuggle_in_markdown(monkeypatch, lab):
    run_id = lab.made(name="[x](http://evil) **b** <b>")

    app = open_page(monkeypatch, "train", lab, run=run_id)

    assert app.title[0].value == "\\[x\\]\\(http\u2060\\://evil\\) \\*\\*b\\*\\* \\<b\\>"


def test_a_recipe_is_one_that_the_command_line_knows_too():
    assert form_address(preset("resnet-cifar10").config())["architecture"] == "course-resnet"


# The address


def form_of(app):
    """What the controls hold, by key."""
    return {each.key: each.value for each in controls(app) if each.key}


def random_config(seed: int) -> RunConfig:
    """A configuration with many unusual settings that go together."""
    pick = random.Random(seed)  # noqa: S311 - a test needs no secrets
    chosen = pick.choice(cards())
    config = RunConfig.make(architecture=chosen.name, dataset=pick.choice(["sample", "mnist", "fashion-mnist", "cifar10"]))
    for option in pick.sample(chosen.options, k=min(2, len(chosen.options))):
        values = [False, True] if option.type == "bool" else list(option.choices)
        if option.type in ("bool", "choice"):
            config = config.change(options=dict(config.options) | {option.name: pick.choice(values)})
    for name in pick.sample([name for name in RunConfig.model_fields if name not in ("architecture", "options", "dataset")], k=9):
        try:
            config = config.change(**{name: another_value(name)})
        except ConfigError:
            continue  # it does not go together with the others
    unused = [name for name in RunConfig.model_fields if not applies(name, dict(config))]
    return config.change(**{name: RunConfig.model_fields[name].default for name in unused})


@pytest.mark.parametrize("seed", range(200))
def test_an_address_says_all_settings_and_reads_back_as_it_was_written(seed):
    recipes = {recipe.name: recipe for recipe in presets()}
    config = random_config(seed)

    whole = expand(form_address(config), recipes)

    assert expand(shorten(whole, recipes), recipes) == whole
    beside_a_recipe = expand(shorten({RECIPE: "lenet-mnist"} | whole, recipes), recipes)
    assert {name: text for name, text in beside_a_recipe.items() if name != RECIPE} == whole
    assert form_address(config).keys() >= set(ALWAYS)


@pytest.mark.parametrize("seed", range(6))
def test_a_form_that_was_changed_by_hand_looks_the_same_in_another_session(monkeypatch, lab, seed):
    pick = random.Random(seed)  # noqa: S311
    app = open_page(monkeypatch, "train", lab, **({} if seed % 2 else {"recipe": pick.choice(presets()).name}))
    for label in pick.sample(["Epochs", "Batch size", "Learning rate", "Random shift", "Weight decay", "Seed"], k=3):
        widget(app.number_input, label).set_value(0.5 if label == "Weight decay" else 7)
    widget(app.selectbox, "Initial weights").set_value("kaiming")
    widget(app.toggle, "Random flip").set_value(bool(seed % 3)).run()

    other = open_page(monkeypatch, "train", lab, **address(app))

    assert form_of(other) == form_of(app)
    assert [each.value for each in other.caption[:2]] == [each.value for each in app.caption[:2]]
    assert address(other) == address(app)


@pytest.mark.parametrize("seed", range(4))
def test_any_configuration_looks_the_same_in_another_session(monkeypatch, lab, seed):
    config = random_config(seed + 1000).change(device="cpu")

    app = open_page(monkeypatch, "train", lab, **form_address(config))
    button(app, "Start training").click().run()

    assert lab.runs()[0].config == config


@pytest.mark.parametrize("opened", [{}, {"recipe": "lenet-mnist"}, {"architecture": "vgg", "depth": "16"}, {"dataset": "mnist"}])
def test_opening_the_form_writes_nothing_into_the_address(monkeypatch, lab, opened):
    app = open_page(monkeypatch, "train", lab, **opened)

    assert address(app) == opened


def test_a_recipe_can_be_linked_by_name_and_what_is_changed_stands_beside_it(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab, recipe="lenet-mnist", epochs="3")
    button(app, "Start training").click().run()

    assert lab.runs()[0].config == preset("lenet-mnist").config(epochs=3)


def test_a_recipe_that_does_not_exist_is_named_in_a_warning(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab, recipe="best")

    assert "recipe must be one of lenet-sample" in app.warning[0].value


@pytest.mark.parametrize("page", ["design", "data", "train", "runs", "predict"])
def test_names_that_nobody_knows_are_named_in_a_warning_and_leave_the_address(monkeypatch, lab, page):
    lab.trained()

    app = open_page(monkeypatch, page, lab, nonsense="1")

    assert "'nonsense' is not a setting of this page, so it has no effect" in app.warning[0].value
    assert "nonsense" not in app.query_params
    assert app.run().warning, "it stays until a control changes"


def test_a_misspelt_name_gets_a_suggestion_and_a_name_given_twice_is_named(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab, learningrate="0.5")
    assert "Did you mean learning_rate?" in app.warning[0].value

    app = open_page(monkeypatch, "train", lab, epochs=["3", "5"])
    assert "epochs is given more than once; the last value is used." in app.warning[0].value
    assert widget(app.number_input, "Epochs").value == 5


def test_classes_chosen_on_design_are_not_dropped_silently(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab, architecture="lenet", classes="17")

    assert not app.warning
    for _ in range(2):  # the page may draw itself once more when it has measured the time
        assert r"Your design has 17 classes and Fashion\-MNIST sample has 10, so this network gets 10 outputs" in app.info[0].value
        app.run()


@pytest.mark.parametrize("classes", ["9" * 5_000, "abc", "-3"])
def test_classes_that_are_no_number_are_named(monkeypatch, lab, classes):
    app = open_page(monkeypatch, "train", lab, architecture="lenet", classes=classes)

    assert not app.exception
    assert "classes must be a whole number from 2 to 1000" in app.warning[0].value


# Settings that are known to learn


def settings_of(app, lab):
    button(app, "Start training").click().run()
    return lab.runs()[0].config


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_the_network_of_design_opens_with_settings_known_to_learn(monkeypatch, lab, activation):
    app = open_page(monkeypatch, "train", lab, **link_parameters(card("lenet"), {"activation": activation}))
    known = start("lenet", "sample", options={"activation": activation})

    assert app.caption[0].value == escaped(known.source)
    assert settings_of(app, lab) == known.config


@pytest.mark.parametrize("name", [each.name for each in cards()])
def test_another_architecture_loads_settings_known_to_learn(monkeypatch, lab, name):
    app = open_page(monkeypatch, "train", lab, dataset="cifar10")

    widget(app.selectbox, "Architecture").set_value(name).run()

    assert settings_of(app, lab) == start(name, "cifar10").config


def test_another_data_set_loads_settings_known_to_learn_and_keeps_the_design(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab, architecture="lenet", activation="relu", image_size="32", seed="5")

    widget(app.selectbox, "Data set").set_value("mnist").run()

    designed = start("lenet", "mnist", options={"activation": "relu"}, image_size=32)
    assert designed.config.image_size == 32
    assert settings_of(app, lab) == designed.config.change(seed=5)


def test_settings_changed_by_hand_are_kept_and_those_known_to_learn_are_offered(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)
    widget(app.number_input, "Learning rate").set_value(0.03).run()

    widget(app.selectbox, "Architecture").set_value("vgg").run()

    assert widget(app.number_input, "Learning rate").value == 0.03
    assert "Your own settings. Those known to learn with this network have another: " in app.caption[0].value
    assert "Learning rate" in app.caption[0].value
    button(app, "Use settings known to learn").click().run()
    kept = start("vgg", "sample", options={}).config
    assert settings_of(app, lab) == kept


def test_a_network_chosen_just_before_the_click_gets_the_settings_known_to_learn(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab, architecture="lenet", activation="relu", learning_rate="0.03")

    widget(app.selectbox, "Activation").set_value("sigmoid")  # the browser has not drawn the form with it
    button(app, "Use settings known to learn").click().run()

    assert settings_of(app, lab) == start("lenet", "sample", options={"activation": "sigmoid"}).config


def test_a_click_that_waited_for_the_form_acts_once(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab, architecture="lenet", activation="relu", learning_rate="0.03")
    widget(app.selectbox, "Activation").set_value("sigmoid")
    button(app, "Use settings known to learn").click().run()

    widget(app.number_input, "Learning rate").set_value(0.04).run()

    assert widget(app.number_input, "Learning rate").value == 0.04
    assert CLICKED not in app.session_state


# Coming back


def test_who_comes_back_is_offered_the_run_that_trains_before_the_form(monkeypatch, lab):
    lab.trained("a", name="ended")
    lab.made("b", name="waits")
    run_id = lab.made("c", name="trains")
    lab.begin(run_id)
    app = open_page(monkeypatch, "train", lab)

    assert app.markdown[0].value.endswith("Your run **trains**: Training · 5 %")
    button(app, "Watch it").click().run()
    assert address(app) == {"run": run_id}


def test_nothing_is_offered_to_who_trains_nothing(monkeypatch, lab):
    lab.trained("a")
    lab.begin(lab.made("b", owner="Ada"))
    app = open_page(monkeypatch, "train", lab)

    assert not [each for each in app.button if each.label == "Watch it"]


def test_a_run_that_waits_was_queued_and_not_started(monkeypatch, lab):
    run_id = lab.made("a")

    assert open_page(monkeypatch, "train", lab, run=run_id).caption[0].value == "Queued just now"
    lab.begin(run_id)
    assert open_page(monkeypatch, "train", lab, run=run_id).caption[0].value == "Started just now"


def test_the_page_comes_back_as_it_was_left_and_its_bare_address_opens_the_first_recipe(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)
    widget(app.number_input, "Epochs").set_value(3).run()

    follow(follow(app, "data"), "train")
    assert widget(app.number_input, "Epochs").value == 3
    assert address(app) == {"recipe": presets()[0].name, "epochs": "3"}

    app.query_params.clear()
    app.run()
    assert widget(app.number_input, "Epochs").value == presets()[0].config().epochs
    assert address(app) == {}


def test_a_device_that_cannot_be_used_is_not_offered_and_says_why(monkeypatch, lab):
    old = Device("cuda:0", "GTX 1080 (8.5 GB)", "this PyTorch has no code for this card: install another")
    monkeypatch.setattr(lab, "devices", lambda _: (Device("cpu", "CPU, 2 cores"), old))

    app = open_page(monkeypatch, "train", lab)

    assert widget(app.selectbox, "Device").options == ["auto: the fastest", "CPU, 2 cores"]
    shown_there = [each.value for each in app.caption if "GTX 1080" in each.value]
    assert len(shown_there) == 1
    assert (
        shown_there[0].replace("\\", "")
        == "GTX 1080 (8.5 GB) cannot be used: this PyTorch has no code for this card: install another."
    )


def test_a_browser_that_still_shows_the_form_does_not_bring_it_back_after_start(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)
    recipes = widget(app.selectbox, "Recipe")
    shown = WidgetState(id=recipes.id, string_value=recipes.format_func(recipes.value))
    button(app, "Start training").click().run()
    (run,) = lab.runs()

    app._run(WidgetStates(widgets=[shown]))  # a rerun that the browser asked for before it had the run's page

    assert address(app) == {"run": run.id}
    assert app.title[0].value == run.name


def test_start_right_after_a_click_on_a_recipe_starts_that_recipe(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)
    start_button = button(app, "Start training").id
    recipe = presets()[2]
    for key in list(app.session_state._state._state.filtered_state):
        if str(key).startswith("train:"):  # as that click empties the form, whose run of the script this one interrupts
            del app.session_state[key]
    app.query_params.clear()
    app.query_params["recipe"] = recipe.name

    app._run(WidgetStates(widgets=[WidgetState(id=start_button, trigger_value=True)]))

    assert not app.exception
    (run,) = lab.runs()
    assert run.config == recipe.config()
    assert address(app) == {"run": run.id}


def test_below_a_run_the_others_are_listed_and_not_itself_once_more(monkeypatch, lab):
    shown, other = lab.made("a", name="the one shown"), lab.made("b", name="the other one")
    for run_id in (shown, other):
        lab.begin(run_id)
        lab.store.transition(run_id, State.FINISHED)

    app = open_page(monkeypatch, "train", lab, run=shown)
    below = page_text(app).partition("## Other runs")[2]
    assert "the other one" in below
    assert "the one shown" not in below
