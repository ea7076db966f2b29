"""The Train page: the form and its address, a run during and after training, and the list of runs."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from page_fakes import open_page, widget
from page_runs import RunsLab

import pages._parts.shell
from cnnlab.config import RunConfig
from cnnlab.errors import DeviceError
from cnnlab.events import Notice
from cnnlab.presets import preset, presets
from cnnlab.runs.records import State
from pages._parts.forms.link import form_address
from pages._parts.forms.training import CLICKED
from pages._parts.markdown import quoting


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


def test_a_data_set_that_is_not_here_is_said_beforehand_and_the_sample_offered(monkeypatch, tmp_path):
    lab = RunsLab(tmp_path, here=("sample",))
    app = open_page(monkeypatch, "train", lab, dataset="mnist")

    assert button(app, "Start training").disabled
    assert any("MNIST is not on this machine yet" in each.value for each in app.markdown)
    button(app, "Use the bundled sample").click().run()
    assert not button(app, "Start training").disabled
    lab.store.close()


def test_starting_puts_the_run_into_the_address(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab)

    widget(app.text_input, "Name (optional)").set_value("my first").run()
    button(app, "Start training").click().run()

    (run,) = lab.runs()
    assert run.name == "my first"
    assert address(app) == {"run": run.id}
    assert app.title[0].value == "my first"


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
    button(app, "Change something").click().run()
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
