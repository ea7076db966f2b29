"""One diagnosis of a run, from loss, accuracy, gradient, steps and settings together; and the sentences of runs that fail."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from recorded_runs import RUNS, config, replay

from cnnlab.config import RunConfig
from cnnlab.diagnosis import AT_FIRST, CAUSES, diagnose, did_not_learn, overflow
from cnnlab.events import EpochDone, Progress, RunFailed, RunFinished, RunInterrupted, RunStarted
from cnnlab.training import diagnosis
from cnnlab.values import Device
from pages._parts.run.meaning import button_label

CPU = Device("cpu", "CPU, 2 cores")


def at_the_end(name):
    settings, moments = replay(RUNS[name])
    *_, (_, events) = moments
    return diagnose(settings, events)


def made(settings, epochs, *, batches=100, progress=(), end=()):
    """The diagnosis of a run whose epochs are (train loss, train accuracy, test loss, test accuracy)."""
    settings = RunConfig.make(**settings)
    done = [EpochDone(n, n * batches, *figures, settings.learning_rate, 1.0, 0.1, 0.8, 0.1) for n, figures in enumerate(epochs, 1)]
    started = RunStarted("cpu", "CPU", 10, 6_400, 1_000, batches, settings.epochs, 10)
    return diagnose(settings, [started, *progress, *done, *end])


# Real runs


@pytest.mark.parametrize("name", RUNS)
def test_a_real_run_gets_the_diagnosis_that_is_right_at_each_moment(name):
    settings, moments = replay(RUNS[name])

    seen = []
    for step, events in moments:
        found = diagnose(settings, events)
        if found and (not seen or seen[-1][1:] != [found.cause, found.level]):
            seen.append([step, found.cause, found.level])

    assert seen == RUNS[name]["diagnoses"]


def test_the_real_runs_meet_every_cause():
    met = {cause for run in RUNS.values() for _, cause, _ in run["diagnoses"]}

    assert {cause.name for cause in CAUSES} - met == set()


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.15, 1.0, 100.0])
def test_the_cure_for_a_diverged_run_is_at_most_half_its_rate(rate):
    settings = {"architecture": "lenet", "options": {"activation": "relu"}, "learning_rate": rate, "epochs": 4}

    found = made(settings, [(2.3, 0.1, 2.3, 0.1), (1e6, 0.1, 4e9, 0.1), (1e7, 0.1, 4e10, 0.1)])

    assert found.cause == "diverged"
    assert 0 < found.cure["learning_rate"] <= rate / 2


@pytest.mark.parametrize("name", RUNS)
def test_no_diagnosis_of_a_real_run_contradicts_its_settings(name):
    settings, moments = replay(RUNS[name])

    for _, events in moments:
        found = diagnose(settings, events)
        if found is None:
            continue
        assert found.level != "problem" or found.cure, found.sentence
        for rate in re.findall(r"learning rate of (?:only )?([\d.e-]+)", found.sentence):
            assert float(rate.rstrip(".")) == settings.learning_rate, found.sentence
        cured = settings.change(**found.cure)  # valid
        assert not found.cure or cured != settings
        assert not re.search(r"\bnan\b|\binf\b|None|\{|/", found.sentence)


def test_sigmoid_learners_are_never_asked_to_give_up_before_they_have_had_the_steps_that_it_takes():
    settings, moments = replay(RUNS["flat_then_good_lenet_sigmoid_09_64"])

    for step, events in moments:
        found = diagnose(settings, events)
        assert found.level != "problem", (step, found.sentence)


@pytest.mark.parametrize("name", ["sigmoid_default_256", "fmnist_sigmoid_course", "warmup_sigmoid"])
def test_a_short_sigmoid_run_that_will_leave_chance_is_not_given_up_before(name):
    settings, moments = replay(RUNS[name])

    flat = [found for _, events in moments if (found := diagnose(settings, events)).cause == "flat start"]

    assert flat
    assert {found.level for found in flat} == {"wait"}
    assert all("may still leave chance" in found.sentence for found in flat)
    ends = settings.epochs * RUNS[name]["batches"]
    assert all(f"ends at step {ends:,}, which may be too early" in found.sentence for found in flat)
    assert all(found.cure for found in flat)  # more steps


def at_guessing(step, **settings):
    """The diagnosis of a run of 20 epochs of 94 steps that guesses at this step."""
    settings = RunConfig.make(**{"architecture": "lenet", "learning_rate": 0.9, "batch_size": 64, "epochs": 20} | settings)
    reports = [Progress(1, n, 94, n, 2.303, 0.1, 1.0, settings.learning_rate, 0.1, 1.0, 1.0) for n in range(1, step + 1, 5)]
    return diagnose(settings, [RunStarted("cpu", "CPU", 10, 6_000, 1_000, 94, settings.epochs, 10), *reports])


@pytest.mark.parametrize("settings", [{"learning_rate": 0.3}, {"learning_rate": 0.1, "momentum": 0.9}, {"learning_rate": 0.1}])
def test_a_smaller_rate_is_given_the_same_steps(settings):
    # Measured on the sample: these left chance after 564, 470 and 846 to 1,222 steps.
    assert at_guessing(400, **settings).level == "wait"


def test_how_far_a_step_goes_is_the_rate_with_its_momentum():
    relu = {"options": {"activation": "relu"}, "learning_rate": 0.01}
    assert at_guessing(60, **relu).cause == "rate too small"
    assert at_guessing(60, **relu, momentum=0.9).cause == "at chance"


def test_the_first_steps_are_not_called_learning():
    assert at_guessing(20).sentence.startswith("It has begun: after 16 steps training loss is 2.30")
    assert made({"epochs": 9}, [(2.31, 0.1, 2.31, 0.1), (2.31, 0.1, 2.3, 0.1)], batches=24).sentence.startswith("It has begun")


def test_a_network_without_sigmoid_is_not_given_up_in_its_first_steps_either():
    relu = {"options": {"activation": "relu"}, "learning_rate": 0.1}

    assert at_guessing(100, **relu, epochs=2).level == "wait"
    assert at_guessing(100, **relu, epochs=2).sentence.endswith("this run ends at step 188, which may be too early.")
    assert at_guessing(400, **relu).level == "problem"
    ended = [(2.303, 0.1, 2.303, 0.1)] * 2
    found = made(relu | {"epochs": 2}, ended, end=[RunFinished(2, 1.0, 0.1, 0.1, 1, 0.1)])
    assert found.sentence.endswith("with more steps, or with batch normalisation, it may still leave chance.")


def test_a_rate_is_never_called_by_another_number():
    found = at_the_end("flat_lenet_sigmoid_01_256")

    assert "0.1" in found.sentence
    assert found.cure == {"learning_rate": 0.9, "batch_size": 64, "epochs": 20}


@pytest.mark.parametrize("name", [name for name in RUNS if name.startswith("diverged")])
def test_a_diverged_run_shows_its_loss_and_gets_a_smaller_rate(name):
    found = at_the_end(name)

    assert found.cause == "diverged"
    assert f"{RUNS[name]['events'][-1][2]:,.0f}"[:3] in found.sentence
    assert found.cure["learning_rate"] <= config(RUNS[name]).learning_rate / 10


def test_warming_up_ends_with_the_warm_up():
    settings, moments = replay(RUNS["warmup_diverged"])

    for step, events in moments:
        if step == 0 or step > settings.warmup_epochs * RUNS["warmup_diverged"]["batches"]:
            assert "rising" not in diagnose(settings, events).sentence


def test_overfitting_says_since_when_with_the_losses_then_and_now():
    found = at_the_end("overfit_mlp_adam_500")
    tests = [each[4] for each in RUNS["overfit_mlp_adam_500"]["events"] if each[0] == "e"]
    turn = tests.index(min(tests))

    assert found.heading == f"Test loss has risen since epoch {turn + 1}"
    assert f"from {tests[turn]:.2f} to {tests[-1]:.2f}" in found.sentence


def test_the_training_loss_that_fell_while_the_test_loss_rose_is_named_in_this_order():
    losses = [(0.9, 1.0), (0.5, 0.8), (0.4, 0.9), (0.3, 1.0), (0.2, 1.1), (0.1, 1.2)]

    found = made({"architecture": "mlp"}, [(train, 0.9, test, 0.7) for train, test in losses])

    assert found.cause == "overfitting"
    assert "since epoch 2 test loss has risen from 0.80 to 1.20, while training loss fell from 0.50 to 0.10" in found.sentence


@pytest.mark.parametrize(("epochs", "words"), [(2, "ends at step 200, which may be too early"), (3, "wait until step 300")])
def test_nobody_is_asked_to_wait_for_a_step_that_the_run_does_not_have(epochs, words):
    flat = [Progress(1, step, 100, step, 2.303, 0.1, 100.0, 0.1, 0.1, 1.0, 1.0) for step in range(10, 70, 10)]

    found = made({"architecture": "lenet", "options": {"activation": "relu"}, "epochs": epochs}, [], progress=flat)

    assert (found.cause, found.level) == ("at chance", "wait")
    assert words in found.sentence


# Made runs, for what recordings do not have

GOOD = [(1.0, 0.6, 0.9, 0.65), (0.8, 0.7, 0.75, 0.7)]


def test_validation_images_are_what_overfitting_is_measured_on():
    settings = RunConfig.make(architecture="mlp", epochs=9, limit=100)
    plain = EpochDone(0, 0, 1.0, 0.9, 0.5, 0.8, 0.1, 1.0, 0.1, 0.8, 0.1)
    validation = [(0.6 + abs(n - 3) / 9, 0.7) for n in range(1, 9)]
    epochs = [
        replace(plain, epoch=n, step=100 * n, train_loss=1 / n, validation_loss=loss, validation_accuracy=accuracy)
        for n, (loss, accuracy) in enumerate(validation, 1)
    ]

    found = diagnose(settings, [RunStarted("cpu", "CPU", 10, 6_400, 1_000, 100, 9, 10, 640), *epochs])

    assert found.heading == "Validation loss has risen since epoch 3"
    assert found.cure == {"limit": 400}


def test_averages_of_batch_normalisation_that_do_not_fit_are_not_called_overfitting():
    found = made({"architecture": "lenet", "options": {"batch_norm": True}}, [(0.8, 0.7, 7.5, 0.2)])

    assert found.cause == "averages not settled"
    assert "7.50" in found.sentence


def test_nothing_is_diagnosed_before_there_are_figures_nor_where_the_message_gives_the_reason():
    assert made({}, []) is None
    assert made({}, GOOD, end=[RunFailed("out-of-memory", 3, "The memory is too small.")]) is None


def test_a_run_at_rest_is_not_called_ended():
    assert made({}, GOOD, end=[RunInterrupted(2)]).cause == "learning"
    assert made({}, GOOD, end=[RunFinished(2, 1.0, 0.7, 0.7, 2, 0.7)]).cause == "still improving"


@pytest.mark.parametrize(
    ("name", "label"),
    [("few_images", "Use more images"), ("no_gain_mlp_adam", "Train longer"), ("overfit_validation", "Try the cure")],
)
def test_the_button_says_what_the_cure_changes(name, label):
    assert button_label(at_the_end(name)) == label


def test_more_epochs_are_not_advised_where_only_the_training_loss_still_falls():
    found = at_the_end("first_try")

    assert not found.cure
    assert "more epochs alone would hardly help" in found.sentence


def test_one_loud_batch_changes_no_diagnosis():
    events = [Progress(1, n, 100, n, 1.0, 0.6, 1.0, 0.1, 0.1, 1.0, 1.0) for n in range(1, 60)]
    events[-1] = replace(events[-1], loss=30.0, accuracy=0.0)

    assert made({}, [], progress=events).cause == "learning"


@pytest.mark.parametrize(
    ("train_loss", "accuracy", "in_vain"),
    [(2.3, 0.1, True), (0.5, 0.8, False), (30.0, 0.6, True), (math.nan, 0.6, True), (None, None, False)],
)
def test_a_run_learned_nothing_where_it_guesses_or_its_loss_has_exploded(train_loss, accuracy, in_vain):
    assert did_not_learn(10, train_loss, accuracy) == in_vain


# A loss that is not finite


def test_a_loss_that_overflowed_is_explained_with_where_and_what_to_try():
    settings = RunConfig.make(architecture="lenet", optimizer="adamw", learning_rate=0.9)

    assert overflow(settings, 1, 37, 235) == (
        "not-finite",
        "The loss became infinite or not a number in epoch 1, at batch 37 of 235: a learning rate of 0.9 is too large "
        "for AdamW here; try 0.001, or switch on batch normalisation or gradient clipping.",
    )


def test_what_is_switched_on_already_is_not_advised():
    settings = RunConfig.make(architecture="lenet", options={"batch_norm": True}, gradient_clip=1.0, learning_rate=0.9)

    assert overflow(settings, 1, 9, 235)[1].endswith("is too large for SGD here; try 0.09.")


@pytest.mark.parametrize(
    ("rate", "batch", "sound"), [(0.1, 1, True), (0.1, 2, False), (1e-30, 200, True)], ids=["loss", "gradient", "tiny rate"]
)
def test_what_overflows_before_any_weight_has_moved_is_not_blamed_on_the_rate(rate, batch, sound):
    settings = RunConfig.make(architecture="densenet", learning_rate=rate, batch_size=2)

    kind, sentence = overflow(settings, 1, batch, 300, sound_at_first=sound)

    assert kind == AT_FIRST
    assert "not to blame" in sentence
    assert "too large" not in sentence
    found = diagnose(settings, [RunStarted("cpu", "CPU", 1, 1, 1, 300, 10, 10), RunFailed(kind, 1, sentence)])
    assert found.sentence == sentence
    assert found.cure == {"batch_size": 32}


def test_an_overflow_after_the_first_steps_is_blamed_on_the_rate():
    settings = RunConfig.make(architecture="densenet", learning_rate=50, batch_size=2)

    assert "50 is too large" in overflow(settings, 1, 2, 300)[1]
    assert "50 is too large" in overflow(settings, 2, 1, 300, sound_at_first=False)[1]


# Memory


def test_a_single_image_that_does_not_fit_asks_for_a_smaller_network():
    settings = RunConfig.make(architecture="lenet", batch_size=1)

    assert "smaller network" in diagnosis.out_of_memory(settings, CPU, "training")
    assert "try 0" not in diagnosis.out_of_memory(settings, CPU, "training")
