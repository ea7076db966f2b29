"""The form for a new run, as text: its recipes, every setting, its forecast and refusals; and what its buttons start."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from golden_text import check, same_every_time
from page_fakes import open_page, widget
from page_runs import RunsLab
from page_text import page_text

from cnnlab.config import RunConfig
from cnnlab.errors import DeviceError, LimitError
from cnnlab.forecasts.forecast import Forecast, Part
from cnnlab.forecasts.limits import Limits
from cnnlab.layers.trace import layer_table
from cnnlab.presets import presets
from cnnlab.values import Device
from pages._parts.address import as_text
from pages._parts.forms import forecast as forecast_form
from pages._parts.forms import training
from pages._parts.forms.link import expand, form_address, shorten

SECONDS = {"sample": 33.0, "fashion-mnist": 250.0, "mnist": 700.0, "cifar10": 7_300.0}  # of a run on each data set
PARTS = (
    Part("weights", "Weights", 2_400_000), Part("activations", "Activations", 31_000_000), Part("tiny", "Tiny things", 999_999),
    Part("program", "The *program*", 1_000_000),
)  # fmt: skip


def need(config, **others):
    """The forecast of a run: each figure another one."""
    seconds = SECONDS[config.dataset]
    plain = Forecast("cpu", 35_399_999, PARTS, 8_100_000_000, 4_096, True, seconds / 8, seconds, "", "known")
    return replace(plain, **others)


class FormLab(RunsLab):
    """Its forecasts differ from data set to data set, and `others` changes all of them."""

    def __init__(self, home, **settings):
        super().__init__(home, **settings)
        self.others = {}

    def forecast(self, config, *, table=None, calibrate=True, wait=0.0):
        self.asked_for_forecasts.append(calibrate)
        return need(config, **self.others)

    def devices(self, meanwhile=None):
        return (Device("cpu", "CPU, 2 cores"), Device("cuda:0", "NVIDIA H100"), Device("cuda:1", "NVIDIA A100"))


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Makes a lab with these data sets."""
    same_every_time(monkeypatch)
    monkeypatch.setattr(training.uuid, "uuid4", lambda: type("Token", (), {"hex": "a token"}))
    labs = []

    def make(*here):
        labs.append(FormLab(tmp_path, here=here or ("sample", "mnist", "fashion-mnist", "cifar10")))
        return labs[-1]

    yield make
    for lab in labs:
        lab.store.close()


def folded(page):
    """Without the settings that are folded away, for a scene that is about something else."""
    kept, inside = [], False
    for line in page.splitlines(keepends=True):
        inside = line.startswith("expander label=More") or (inside and line.startswith(" "))
        if not inside:
            kept.append(line)
    return "".join(kept)


def test_the_form_as_it_opens(monkeypatch, made, regenerate_golden):
    app = open_page(monkeypatch, "train", made())

    check("pages/train-form", page_text(app), regenerate=regenerate_golden)


def test_the_form_where_data_are_missing_or_cannot_be_used(monkeypatch, made, regenerate_golden):
    lab = made("sample", "cifar10")
    lab.problems["fashion-mnist"] = "Fashion-MNIST is here, but *cannot* be used."
    lab.doubts["sample"] = "Not *recognised* as the sample."
    found = ""
    for chosen in ("mnist", "fashion-mnist"):
        app = open_page(monkeypatch, "train", lab, recipe=f"lenet-{chosen}")
        found += folded(page_text(app))
    widget(app.button, "Use the bundled sample instead").click().run()
    found += folded(page_text(app))

    check("pages/train-form-data", found, regenerate=regenerate_golden)


# The names in the address, and the values that the form shows, in the words of a reader
EVERY = {
    "architecture": "vgg", "depth": "13", "dataset": "cifar10", "optimizer": "sgd", "learning_rate": "0.03", "epochs": "7",
    "batch_size": "48", "device": "cuda:1", "image_size": "64", "channels": "1", "normalization": "half", "data_share": "0.75",
    "limit": "900", "random_crop": "3", "random_grayscale": "0.15", "horizontal_flip": "true", "momentum": "0.85",
    "nesterov": "true", "schedule": "step", "step_epochs": "2", "step_factor": "0.4", "weight_decay": "0.002",
    "label_smoothing": "0.12", "gradient_clip": "1.7", "validation_share": "0.22", "patience": "4", "initialization": "kaiming",
    "seed": "11", "precision": "bfloat16", "compile": "true", "deterministic": "true",
}  # fmt: skip


def test_a_form_with_every_setting_in_its_address(monkeypatch, made, regenerate_golden):
    lab = made()
    lab.allowed = Limits(epochs=100, image_size=96, runs_per_owner=5)
    app = open_page(monkeypatch, "train", lab, **EVERY)
    found = page_text(app)
    widget(app.button, "Start training").click().run()

    started = dict(lab.runs()[0].config)
    unused = {name: as_text(RunConfig.model_fields[name].default) for name in ("warmup_epochs", "cycle_momentum")}
    assert {name: as_text(started[name]) for name in SETTINGS} == {name: (EVERY | unused)[name] for name in SETTINGS}
    assert started["options"]["depth"] == 13
    check("pages/train-form-every-setting", found, regenerate=regenerate_golden)


SETTINGS = [name for name in RunConfig.model_fields if name != "options"]
TYPED = {  # by label, in two forms: what one optimiser or schedule uses, another does not
    "first": {
        "Epochs": 3, "Batch size": 40, "Learning rate": 0.02, "Image size": 36, "Share of the training images": 0.6,
        "At most this many images": 800, "Random shift": 1, "Random greyscale": 0.3, "Momentum": 0.7, "Epochs per step": 6,
        "Factor per step": 0.35, "Weight decay": 0.004, "Label smoothing": 0.08, "Gradient clipping": 2.5, "Validation share": 0.18,
        "Early stopping": 2, "Seed": 9,
    },
    "second": {"Warm-up epochs": 4, "Epochs": 8, "Dropout": 0.45},
    "third": {"Momentum": 0.6},
}  # fmt: skip
CHOSEN = {
    "first": {"Optimiser": "sgd", "Learning rate schedule": "step", "Input channels": 3, "Normalisation": "dataset",
              "Initial weights": "pytorch", "Precision": "auto", "Device": "cpu", "Activation": "tanh", "Pooling": "average"},
    "second": {"Optimiser": "adamw", "Learning rate schedule": "warm-up"},
    "third": {"Optimiser": "rmsprop", "Learning rate schedule": "one-cycle"},
}  # fmt: skip
SWITCHED = {
    "first": ("Nesterov momentum", "Random flip", "Compile the network", "Batch normalisation"),
    "second": (),
    "third": ("Momentum cycles too",),
}


@pytest.mark.parametrize("form", TYPED)
def test_each_control_changes_the_setting_that_its_label_names(monkeypatch, made, form):
    lab = made()
    app = open_page(monkeypatch, "train", lab)
    for label, value in CHOSEN[form].items():
        widget(app.selectbox, label).set_value(value)
    app.run()  # controls that had no effect before can be changed now
    for label, value in TYPED[form].items():
        widget(app.number_input, label).set_value(value)
    for label in SWITCHED[form]:
        widget(app.toggle, label).set_value(True)
    widget(app.text_input, "Name (optional)").set_value("  my run ")
    app.run()
    widget(app.button, "Start training").click().run()

    (run,) = lab.runs()
    titles = {field.title: getattr(run.config, name) for name, field in RunConfig.model_fields.items()}
    card = next(card for card in lab.architectures() if card.name == "lenet")
    titles |= {option.title: run.config.options[option.name] for option in card.options}
    wanted = TYPED[form] | CHOSEN[form] | dict.fromkeys(SWITCHED[form], True)
    assert {label: titles[label] for label in wanted} == wanted
    assert run.name == "my run"


def test_settings_of_one_s_own_and_the_way_back(monkeypatch, made, regenerate_golden):
    app = open_page(monkeypatch, "train", made(), architecture="vgg", depth="16", dataset="mnist", seed="5", classes="17")
    found = folded(page_text(app))
    for label, number in {
        "Epochs": 99,
        "Learning rate": 0.07,
        "Batch size": 33,
        "Label smoothing": 0.4,
        "Weight decay": 0.01,
    }.items():
        widget(app.number_input, label).set_value(number).run()
        found += f"{label}: {[each.value for each in app.caption if 'known to learn' in each.value]} {app.query_params}\n"
    widget(app.button, "Use settings known to learn").click().run()
    found += folded(page_text(app))

    check("pages/train-form-own", found, regenerate=regenerate_golden)


def test_recipes_that_are_changed_and_chosen(monkeypatch, made, regenerate_golden):
    app = open_page(monkeypatch, "train", made())
    widget(app.number_input, "Epochs").set_value(2)
    widget(app.selectbox, "Initial weights").set_value("kaiming").run()
    found = folded(page_text(app))
    widget(app.selectbox, "Recipe").set_value("speed-run").run()
    found += page_text(app)
    app.button(key="recipe lenet-mnist").click().run()
    found += folded(page_text(app))

    check("pages/train-form-recipes", found, regenerate=regenerate_golden)


def test_a_form_that_cannot_start(monkeypatch, made, regenerate_golden):
    lab, found = made(), []

    def shown(**address):
        app = open_page(monkeypatch, "train", lab, **address)
        boxes = [f"{kind}: {box.icon} {box.value}" for kind in ("error", "warning", "info") for box in getattr(app, kind)]
        starts = [f"start: disabled={each.disabled}, {each.help}" for each in app.button if each.label == "Start training"]
        found.append("\n  ".join([f"{address} {lab.allowed} {list(lab.others)}", *boxes, *starts]))
        return app

    shown(epochs="0", nonsense="1", leraning_rate="3", nesterov="true")
    lab.others = {"fits": False, "advice": "VGG needs *40 GB*: batches of 16 would fit."}
    shown()
    lab.others = {"advice": "58 minutes *an epoch*."}
    lab.allowed = Limits(epochs=99)
    app = shown()
    for lab.refusal in (
        LimitError("Only 5 of your runs may *wait*.", "runs_per_owner"),
        LimitError("This run is too *long*.", "epochs"),
    ):
        widget(app.button, "Start training").click().run()
        found += [f"{box.icon} {box.value}" for box in app.error]
    monkeypatch.setattr(lab, "devices", lambda spinner: (_ for _ in ()).throw(DeviceError("PyTorch *does not* start.")))
    app = shown(device="cpu")
    found.append(str(widget(app.selectbox, "Device").options))

    check("pages/train-form-refusals", "\n".join(found), regenerate=regenerate_golden)


# Without a page


RECIPES = {recipe.name: recipe for recipe in presets()}
ADDRESSES = (
    {},
    {"recipe": "lenet-mnist"},
    {"recipe": "lenet-mnist", "epochs": "3"},
    {"recipe": "lenet-mnist", "epochs": "16"},
    {"recipe": "lenet-mnist", "architecture": "vgg"},
    {"recipe": "alexnet-fashion-mnist", "architecture": "nin", "dataset": "mnist"},
    {"recipe": "speed-run", "momentum": "0"},
    {"recipe": "resnet-cifar10", "dataset": "mnist", "horizontal_flip": "false"},
    {"recipe": "unknown", "epochs": "3"},
    {"architecture": "vgg", "dataset": "mnist"},
    {"architecture": "vgg", "depth": "16", "seed": "4"},
    {"architecture": "vgg", "learning_rate": "0.1"},
    {"architecture": "lenet", "options.channels": "6,16", "channels": "3", "image_size": "32"},
    {"architecture": "lenet", "kernel_size": "4"},
    {"architecture": "unknown", "dataset": "mnist"},
    {"dataset": "cifar10", "precision": "auto", "device": "cpu"},
    {"epochs": "abc", "momentum": "0.90", "nesterov": "true"},
    {"learning_rate": "1e-2", "limit": "100"},
)


def test_what_an_address_stands_for(regenerate_golden):
    lines = []
    for address in ADDRESSES:
        whole = expand(dict(address), RECIPES)
        lines += [f"{address}", f"  stands for {whole}", f"  in short {shorten(whole, RECIPES)}"]
    for recipe in RECIPES.values():
        lines.append(f"{recipe.name}: {form_address(recipe.config())}")

    check("pages/train-addresses", "\n".join(lines), regenerate=regenerate_golden)


def test_the_forecast_in_all_its_forms(regenerate_golden):
    config = RunConfig.make(dataset="mnist")
    table = layer_table(config.architecture, config.input_shape, config.classes, config.options)
    unknown = {"seconds_per_epoch": None, "seconds_total": None, "speed_state": "unknown"}
    busy = unknown | {"speed_state": "busy"}
    forms = (
        {}, {"disturbed": True}, unknown, unknown | {"rough_seconds": 4.0}, unknown | {"rough_seconds": 64.0}, busy,
        busy | {"rough_seconds": 99.9}, busy | {"rough_seconds": 12_345.0}, busy | {"rough_seconds": 456_789.0},
        unknown | {"speed_state": "measuring"}, {"largest_batch": None, "available_bytes": None}, {"largest_batch": 0},
        {"speed_state": "busy"}, {"memory_bytes": 12_345_678_901, "parts": (Part("a", "A part", 12_345_678_901),)},
    )  # fmt: skip
    lines = []
    for form, waits in itertools.product(forms, (False, True)):
        forecast = need(config, **form)
        time, short = forecast_form._time(forecast, waits), forecast_form.time_in_short(forecast)
        lines += [f"{form}, waits={waits}", f"  {time} · {forecast_form._memory(forecast)} (in short: {short})"]
        if not waits:
            lines += [f"    {line}" for line in forecast_form._details(forecast, None if form else table).splitlines() if line]

    check("pages/train-forecasts", "\n".join(lines), regenerate=regenerate_golden)
