"""Whether a run is normal: known runs of its recipe, and the run beside them."""

import dataclasses
import json

import pytest
from page_fakes import open_page, widget
from page_runs import RunsLab

from cnnlab import known_runs
from cnnlab.config import RunConfig
from cnnlab.events import EpochDone
from cnnlab.figures.curves import KNOWN as CURVE
from cnnlab.known_runs import FEWEST, MEASURED, Band, band_of, compare
from cnnlab.presets import preset, presets
from cnnlab.runs.records import State

RECIPE = preset("lenet-sample")
# Test accuracies of three known runs; the middle one after the second epoch has 0.60.
KNOWN = ((0.20, 0.60, 0.80), (0.40, 0.55, 0.82), (0.30, 0.70, 0.78))
BAND = Band(RECIPE, KNOWN, (), None)


def epochs(*accuracies):
    plain = EpochDone(1, 2, 1.5, 0.4, 1.4, 0.5, 0.1, 2.0, 0.1, 1.5, 0.4)
    return [dataclasses.replace(plain, epoch=number, test_accuracy=share) for number, share in enumerate(accuracies, 1)]


def test_a_run_within_the_band_is_called_normal_with_all_figures():
    found = compare(BAND, epochs(0.3, 0.58))
    assert found.place == "among"
    assert found.sentence == (
        "After epoch 2 this run has 58.0 % of the test images right; all 3 known runs of this recipe were between 55.0 % "
        "and 70.0 % then, with the middle at 60.0 %: this is a normal run."
    )


@pytest.mark.parametrize(("share", "place"), [(0.54, "below"), (0.55, "among"), (0.70, "among"), (0.71, "above")])
def test_the_edges_belong_to_the_band_and_outside_it_stands_how_often_chance_does_that(share, place):
    found = compare(BAND, epochs(0.3, share))
    assert found.place == place
    assert ("as one in 4 is by chance alone" in found.sentence) == (place != "among")


@pytest.mark.parametrize(
    ("ours", "others"),
    [
        (KNOWN[:1], "the one known run of this recipe had 60.0 % then: one run does not show what is normal."),
        (KNOWN[:2], "the two known runs of this recipe had 55.0 % and 60.0 % then: two runs do not show what is normal."),
    ],
)
def test_one_or_two_known_runs_are_named_and_neither_drawn_nor_called_normal(ours, others):
    band = Band(RECIPE, ours, (), None)
    found = compare(band, epochs(0.3, 0.2))
    assert (found.sentence, found.place) == (f"After epoch 2 this run has 20.0 % of the test images right; {others}", "")
    assert (len(BAND.spread), band.spread) == (3, ())


def test_a_longer_run_is_compared_at_the_last_epoch_that_is_known_and_one_without_epochs_not_at_all():
    assert "After epoch 3 this run has 79.0 %" in compare(BAND, epochs(0.3, 0.58, 0.79, 0.9, 0.95)).sentence
    assert compare(BAND, []) is None


def test_seed_device_and_epochs_may_differ_and_nothing_else():
    config = RECIPE.config()
    assert band_of(config.change(seed=77, device="cpu", epochs=3)).recipe is RECIPE
    for change in ({"learning_rate": 0.2}, {"batch_size": 32}, {"validation_share": 0.1}, {"limit": 100}):
        assert band_of(config.change(**change)) is None
    falls_to_the_end = preset("mnist-99").config()
    assert band_of(falls_to_the_end.change(seed=1)) is not None
    assert band_of(falls_to_the_end.change(epochs=5)) is None  # its rate spans all epochs
    assert band_of(RunConfig.make()) is None


def test_what_others_printed_is_named_with_its_epoch():
    found = compare(band_of(preset("lenet-fashion-mnist").config()), epochs(0.15, 0.6))
    assert "The course printed 59.9 % after epoch 2." in found.sentence
    assert "The d2l book's 130 runs ended between 75.2 % and 82.8 % after 10 epochs, half of them above 80.8 %." in found.sentence
    wider = compare(band_of(preset("vgg-fashion-mnist").config()), epochs(0.8))
    assert wider.place == ""
    assert "of a network twice as wide ended between 90.0 % and 92.5 %" in wider.sentence


def test_the_record_holds_whole_runs_of_recipes_that_exist_as_many_as_are_promised():
    record = json.loads(MEASURED.read_text(encoding="utf-8"))["runs"]
    recipes = {recipe.name: recipe.config() for recipe in presets()}
    for name, runs in record.items():
        config = recipes[name]
        assert len({run["seed"] for run in runs}) == len(runs) >= (5 if config.dataset == "sample" else FEWEST), name
        assert {len(run["test_accuracies"]) for run in runs} == {config.epochs}, name
        assert all(0 <= share <= 1 for run in runs for share in run["test_accuracies"])
        assert band_of(config).ours == known_runs._measured()[name]


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


def shown(monkeypatch, lab, *accuracies):
    """The page of a run of the recipe that has ended with these test accuracies."""
    run_id = lab.start(RECIPE.config(), token="a")
    lab.begin(run_id)
    for number, share in enumerate(accuracies, 1):
        lab.epoch(run_id, number, share)
    lab.store.transition(run_id, State.FINISHED)
    return open_page(monkeypatch, "train", lab, run=run_id)


def test_the_page_of_a_normal_run_draws_the_band_and_compares(monkeypatch, lab):
    low, middle, high = band_of(RECIPE.config()).at(2)
    app = shown(monkeypatch, lab, 0.7, middle)

    charts = json.loads(app.get("bidi_component")[0].proto.bytes)["charts"]
    below, above = (trace for trace in charts[1]["figure"]["data"] if trace["name"] == CURVE)
    assert (below["y"][1], above["y"][1]) == pytest.approx((100 * low, 100 * high), abs=0.05)
    assert len(below["y"]) == 2  # of the epochs that the chart shows
    assert any("this is a normal run" in each.value for each in app.caption)
    assert not [each for each in app.button if each.label == "Another seed"]


def test_a_run_below_all_known_ones_offers_another_seed(monkeypatch, lab):
    app = shown(monkeypatch, lab, 0.2, 0.3)

    assert any("below all of them, as one in 11 is by chance alone" in each.value for each in app.caption)
    (seed,) = [each for each in app.button if each.label == "Another seed"]
    assert "Opens the form for a new run with these settings and seed 1" in seed.help
    seed.click().run()
    assert widget(app.number_input, "Seed").value == 1
