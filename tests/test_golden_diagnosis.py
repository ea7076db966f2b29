"""Each diagnosis, with its figures, heading and cure, on both sides of each threshold: tests/golden/diagnosis-*.txt."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from golden_text import check

from cnnlab.config import RunConfig
from cnnlab.diagnosis import AT_FIRST, CAUSES, OVERFLOWS, diagnose, overflow, rates, words
from cnnlab.diagnosis.evidence import Evidence, at_chance, did_not_learn, guessing_loss
from cnnlab.events import DAMAGED, EpochDone, Event, Progress, RunFailed, RunFinished, RunInterrupted, RunStarted, RunStopped

RELU = {"options": {"activation": "relu"}}
NORMALISED = {"options": {"activation": "relu", "batch_norm": True}}
FINISHED = RunFinished(9, 1.0, 0.5, 0.5, 1, 0.5)
STOPPED = RunStopped(9, 1.0)
Report = tuple[int, float, float]  # step, loss and accuracy
Figures = tuple[float, ...]  # training loss and accuracy, test loss and accuracy, validation loss and accuracy if there are any


def flat(steps: int, loss: float = 2.3, accuracy: float = 0.1) -> list[Report]:
    """Reports every ten steps and at the last one."""
    return [(step, loss, accuracy) for step in sorted({*range(10, steps + 1, 10), steps})]


def history(
    config: RunConfig,
    epochs: Sequence[Figures] = (),
    reports: Sequence[Report] = (),
    end: Event | None = None,
    *,
    images: int = 6_400,
    batches: int = 100,
    classes: int = 10,
    tested: int = 1_000,
    rate: float | None = None,
    norm: float | None = None,
) -> list[Event]:
    rate = config.learning_rate if rate is None else rate
    events: list[Event] = [RunStarted("cpu", "CPU", 10, images, tested, batches, config.epochs, classes)]
    events += [
        Progress(1 + (s - 1) // batches, 1, batches, s, loss, a, 1.0, rate, 0.1, 1.0, 1.0, gradient_norm=norm)
        for s, loss, a in reports
    ]
    events += [
        EpochDone(n, n * batches, *figures[:4], rate, 1.0, 0.1, 0.8, 0.1, *figures[4:]) for n, figures in enumerate(epochs, 1)
    ]
    return [*events, *([end] if end else [])]


def shown(settings: dict[str, Any], *arguments: Any, **details: Any) -> list[str]:
    config = RunConfig.make(**settings)
    found = diagnose(config, history(config, *arguments, **details))
    if found is None:
        return ["  none"]
    assert not found.cure or config.change(**found.cure) != config
    heading = f", {found.heading!r}" if found.heading else ""
    cure = {
        name: {k: v for k, v in v.items() if config.options[k] != v} if name == "options" else v for name, v in found.cure.items()
    }
    return [f"  {found.cause} ({found.level}){heading}", f"  {found.sentence}", *([f"  cure {cure}"] if cure else [])]


def failures() -> Iterator[tuple[str, list[str]]]:
    for kind in (*OVERFLOWS, "out-of-memory", DAMAGED):
        yield kind, shown({"learning_rate": 50.0}, [], [], RunFailed(kind, 1, f"It failed: {kind}."))
    for rate, optimizer in ((0.5, "sgd"), (2.0, "sgd"), (0.02, "adam"), (0.005, "adam")):
        settings = {**RELU, "learning_rate": rate, "optimizer": optimizer}
        yield f"not finite, {optimizer} {rate}", shown(settings, [], [], RunFailed("not-finite", 1, "Too large."))
    for batch in (31, 32):
        settings = {**NORMALISED, "batch_size": batch}
        yield f"at first, normalised, batch {batch}", shown(settings, [], [], RunFailed(AT_FIRST, 1, "Early."))
    drawn = {**RELU, "initialization": "pytorch", "batch_size": 2}
    for more in ({}, {"normalization": "dataset"}, {"normalization": "dataset", "seed": 4}):
        yield f"at first, {more}", shown(drawn | more, [], [], RunFailed(AT_FIRST, 1, "Early."))


def at_guessing() -> Iterator[tuple[str, list[str]]]:
    for loss in (11.51, 11.52, math.nan, 1_234.5):
        yield f"training loss {loss}", shown(RELU, [(loss, 0.3, 2.0, 0.3)])
    for step, loss in ((50, 3.46), (51, 3.46), (51, 3.45)):
        yield f"guesses with {loss} at step {step}", shown(RELU, [], flat(step, loss))
    yield "the same with the watched images at 0.15", shown({**RELU, "epochs": 20}, [(3.46, 0.1, 3.0, 0.15)])
    for norm in (10.0, 10.25):
        yield f"diverged with a gradient of {norm}", shown({**RELU, "learning_rate": 0.2}, [], flat(60, 20.0), norm=norm)
    for rate in (0.19, 1.8, 1.79):
        yield f"diverged with sigmoid at {rate}", shown({"learning_rate": rate}, [], flat(60, 20.0))
    for peak in (4.6, 4.61):
        yield f"peak {peak}", shown(RELU, [], [(5, peak, 0.1), *flat(120)[1:]])
    for best, step in ((0.199, 200), (0.2, 200)):
        yield f"had learned {best}", shown({**RELU, "epochs": 3}, [(2.0, best, 2.0, 0.3), (2.3, 0.1, 2.3, 0.1)], batches=step // 2)
    for step in (49, 50):
        yield f"peak at step {step}", shown(RELU, [], [(5, 6.5, 0.1), *flat(step)[1:]])
    for rate, optimizer in ((0.5, "sgd"), (0.51, "sgd"), (0.003, "rmsprop"), (0.004, "adamw")):
        settings = {**RELU, "learning_rate": rate, "optimizer": optimizer, "epochs": 12}
        yield f"rate {rate} of {optimizer}", shown(settings, [], flat(70))
    for rate in (2.0, 2.5):
        yield f"rate {rate} of sigmoid", shown({"learning_rate": rate, "epochs": 30}, [], flat(70))
    for step in (49, 50):
        yield f"a high rate at step {step}", shown({**RELU, "learning_rate": 0.6, "epochs": 12}, [], flat(step))
    for accuracy in (0.149, 0.15):
        yield f"accuracy {accuracy} of ten classes", shown({**RELU, "epochs": 12}, [], flat(70, accuracy=accuracy))
        yield f"accuracy {accuracy} of four", shown({**RELU, "epochs": 12}, [], flat(70, 1.4, accuracy), classes=4)


def rising() -> Iterator[tuple[str, list[str]]]:
    warm = {**RELU, "schedule": "warm-up", "warmup_epochs": 2, "epochs": 12}
    cycle = {**RELU, "schedule": "one-cycle", "epochs": 5}
    for step, rate in ((60, 0.035), (60, 0.0899), (60, 0.0901), (199, 0.08), (200, 0.08)):
        yield f"warm-up, step {step}, rate {rate}", shown(warm, [], flat(step), rate=rate)
    for step in (149, 150):
        yield f"one cycle, step {step}", shown(cycle, [], flat(step), rate=0.0444)
    yield "constant", shown({**RELU, "epochs": 12}, [], flat(60), rate=0.035)
    yield "warm-up longer than the run", shown(warm | {"warmup_epochs": 9, "epochs": 1}, [], flat(40), rate=0.01)
    yield "warm-up, over", shown(warm, [], flat(150), STOPPED, rate=0.035)
    yield "warm-up, overshot", shown(warm, [], [(5, 6.5, 0.1), *flat(60)[1:]], rate=0.035)
    yield "warm-up to a high rate", shown(warm | {"learning_rate": 0.8}, [], flat(60), rate=0.05)


def few_steps() -> Iterator[tuple[str, list[str]]]:
    for step in (99, 100):
        yield f"stopped at step {step}", shown({**RELU, "batch_size": 600}, [], flat(step, 2.0, 0.3), STOPPED)
    yield "one step", shown({**RELU, "batch_size": 64, "epochs": 20}, [(2.3, 0.1, 2.3, 0.1)], [], STOPPED, batches=1)
    for planned in (99, 100):
        yield f"{planned} steps planned", shown({**RELU, "epochs": 1, "batch_size": 1_024}, [], flat(30), batches=planned)
    for accuracy in (0.49, 0.5):
        yield f"over with {accuracy}", shown({**RELU, "epochs": 3}, [(1.5, accuracy, 1.6, 0.4)] * 3, [], FINISHED, batches=10)
    for rate, momentum in ((0.0111, 0.0), (0.0112, 0.0), (0.0011, 0.9), (0.0012, 0.9)):
        settings = {**RELU, "learning_rate": rate, "momentum": momentum, "epochs": 12}
        yield f"rate {rate}, momentum {momentum}", shown(settings, [], flat(80, 2.1, 0.2))
    for rate, activation in ((0.018, "sigmoid"), (0.019, "sigmoid")):
        yield f"rate {rate} of {activation}", shown({"learning_rate": rate, "epochs": 30}, [], flat(80, 2.1, 0.2))
    for rate in (0.00011, 0.00012):
        settings = {**RELU, "learning_rate": rate, "optimizer": "adamw", "epochs": 12}
        yield f"rate {rate} of AdamW", shown(settings, [], flat(80, 2.1, 0.2))
    small = {**RELU, "learning_rate": 0.004, "epochs": 12}
    for step, loss, accuracy in (
        (49, 2.1, 0.2),
        (50, 2.1, 0.2),
        (80, 1.84, 0.2),
        (80, 1.85, 0.2),
        (80, 2.1, 0.249),
        (80, 2.1, 0.25),
    ):
        yield f"small rate, step {step}, loss {loss}, accuracy {accuracy}", shown(small, [], flat(step, loss, accuracy))


def flat_starts() -> Iterator[tuple[str, list[str]]]:
    for epochs in (11, 12, 17, 30):
        yield f"sigmoid, {epochs} epochs planned", shown({"epochs": epochs, "batch_size": 32}, [], flat(150))
    for step in (49, 50):
        yield f"sigmoid at step {step}", shown({"epochs": 12}, [], flat(step))
    for step in (1_800, 1_801):
        yield f"sigmoid at step {step}", shown({"epochs": 30}, [], flat(step))
    yield "sigmoid, over", shown({"epochs": 9, "learning_rate": 0.3, "batch_size": 64}, [], flat(900), FINISHED)
    yield "sigmoid, over, at a high rate", shown({"epochs": 9, "learning_rate": 1.5}, [], flat(900), FINISHED)
    yield "sigmoid with Adam, over", shown({"epochs": 9, "learning_rate": 0.002, "optimizer": "adam"}, [], flat(900), FINISHED)
    for epochs in (2, 3):
        yield f"ReLU, {epochs} epochs planned", shown({**RELU, "epochs": epochs}, [], flat(160))
    for step in (299, 300):
        yield f"ReLU at step {step}", shown({**RELU, "epochs": 12}, [], flat(step))
        yield f"ReLU, over at step {step}", shown({**RELU, "epochs": 12}, [], flat(step), STOPPED)
    yield "normalised, early", shown({**NORMALISED, "epochs": 4, "batch_size": 512}, [], flat(200), STOPPED)
    for epochs in (4, 5):
        yield f"normalised, {epochs} epochs", shown({**NORMALISED, "epochs": epochs, "batch_size": 512}, [], flat(350))
    yield "normalised, small batches", shown({**NORMALISED, "epochs": 4, "batch_size": 16, "seed": 6}, [], flat(350))


def epochs_of(losses: Sequence[tuple[float, float]], accuracy: float = 0.7, watched: float = 0.6) -> list[Figures]:
    return [(train, accuracy, test, watched) for train, test in losses]


def instabilities() -> Iterator[tuple[str, list[str]]]:
    long = {**NORMALISED, "epochs": 30}
    for loss in (4.6, 4.61):
        yield f"averages, test loss {loss}", shown(long, [(0.8, 0.7, loss, 0.2)])
    for batches, end in ((99, None), (100, None), (99, STOPPED)):
        yield f"averages at step {batches}, {end and 'stopped'}", shown(long, [(0.8, 0.7, 7.5, 0.2)], [], end, batches=batches)
    yield "averages, batches of 64", shown(long | {"batch_size": 64, "learning_rate": 0.3}, [(0.8, 0.7, 7.5, 0.2)])
    yield "averages, validation", shown(long, [(0.8, 0.7, 1.0, 0.6, 7.25, 0.2)])
    yield "not normalised", shown({**RELU, "epochs": 30}, [(0.8, 0.7, 7.5, 0.2)])
    yield "normalised, training loss above guessing", shown(long, [(2.4, 0.7, 7.5, 0.2)])
    high = {**RELU, "learning_rate": 0.6, "epochs": 30}
    for losses, accuracy in (((1.0, 0.9, 0.97), 0.5), ((1.0, 0.9, 0.98), 0.5), ((1.0, 0.9, 0.98), 0.9), ((1.0, 0.98), 0.5)):
        yield f"high rate, {losses}, {accuracy}", shown(high, epochs_of([(each, 1.0) for each in losses], accuracy))
    usual = {**RELU, "learning_rate": 0.5, "epochs": 30}
    yield "usual rate", shown(usual, epochs_of([(1.0, 1.0), (0.9, 1.0), (0.98, 1.0)], 0.5))


TURNING = [(0.9, 1.0), (0.5, 0.8), (0.4, 0.9), (0.3, 1.0), (0.2, 1.1), (0.1, 1.2)]


def overfitting() -> Iterator[tuple[str, list[str]]]:
    settings = {**RELU, "epochs": 30}
    yield "turned", shown(settings, epochs_of(TURNING))
    yield "three epochs after the turn", shown(settings, epochs_of(TURNING[:5]))
    yield "two epochs after the turn", shown(settings, epochs_of(TURNING[:4]))
    for train in (0.45, 0.44):
        yield f"training loss fell to {train}", shown(settings, epochs_of([*TURNING[:4], (train, 1.1)]))
    for rise in (0.97, 0.98):  # the smoothed lowest loss is 0.9
        yield f"risen to {rise}", shown(settings, epochs_of([*TURNING[:3], (0.3, rise), (0.2, rise), (0.1, rise)]))
    yield "one of the last two is low", shown(settings, epochs_of([*TURNING[:5], (0.1, 0.85)]))
    validation = [(*each, 1.5 - n / 10, 0.5 + n / 100) for n, each in enumerate(epochs_of(TURNING))]
    yield "validation still falls", shown(settings, validation)
    for more in (
        {"limit": 300},
        {"data_share": 0.2},
        {"data_share": 0.5},
        {"random_crop": 0},
        {"random_crop": 3},
        {"random_crop": 3, "weight_decay": 0.01},
    ):
        yield f"cure with {more}", shown(settings | more, epochs_of(TURNING))


RESTING = [(0.5, 1.0), (0.4, 0.8), (0.39, 0.8), (0.38, 0.8), (0.37, 0.8), (0.36, 0.8)]


def ends() -> Iterator[tuple[str, list[str]]]:
    settings = {**RELU, "epochs": 6_000}
    for count in (1, 2, 5):
        yield (
            f"improved for {count} epochs",
            shown(settings, epochs_of([(2 - n / 4, 2 - n / 5) for n in range(count)]), [], FINISHED),
        )
    yield "improved, twice as long", shown(settings | {"epochs": 7}, epochs_of([(1.5, 1.6), (1.0, 1.1)]), [], FINISHED)
    for schedule in ("cosine", "one-cycle", "step", "warm-up"):
        yield f"{schedule}, over", shown(settings | {"schedule": schedule}, epochs_of([(1.5, 1.6), (1.0, 1.1)]), [], FINISHED)
        yield f"{schedule}, resting", shown(settings | {"schedule": schedule}, epochs_of(RESTING))
    for accuracy in (0.994, 0.995):
        best = [(0.2, 0.9, 0.3, 0.91), (0.1, accuracy, 0.35, 0.905)]
        yield f"learned {accuracy} of the training images", shown(settings, best, [], FINISHED)
    yield "rests", shown(settings, epochs_of(RESTING), [], FINISHED)
    yield "rests, and goes on", shown(settings, epochs_of(RESTING))
    yield "five epochs", shown(settings, epochs_of(RESTING[:5]), [], FINISHED)
    for lower in (0.96, 0.98):
        yield (
            f"loss {lower}",
            shown(settings, epochs_of([*RESTING[:1], (0.4, 1.0), *[(0.39 - n / 100, lower) for n in range(4)]]), [], FINISHED),
        )
    for score in (0.604, 0.606):
        grows = [*epochs_of(RESTING)[:5], (0.36, 0.7, 0.8, score)]
        yield f"accuracy {score} after 0.6", shown(settings, grows, [], FINISHED)
    yield "at chance", shown(settings, [(0.5, 0.7, 2.3, 0.12)] * 6, [], FINISHED)
    best = [(0.5, 0.7, 0.8, 0.5 + n % 3 / 1_000, 0.9, 0.602 - n % 2 / 1_000) for n in range(7)]
    yield "rests on validation images", shown(settings, best, [], FINISHED)
    for tested in (9, 88, 89):
        yield f"{tested} test images", shown(settings, epochs_of(RESTING), [], FINISHED, tested=tested)
    yield "nine test images of a limit", shown(settings | {"limit": 9}, epochs_of(RESTING[:3]), [], FINISHED, tested=9)
    yield "one test image", shown(settings, [(1.5, 0.5, 1.4, 1.0)], [], FINISHED, tested=1)


def learning() -> Iterator[tuple[str, list[str]]]:
    settings = {**RELU, "epochs": 30}
    for step in (1, 49, 50):
        yield f"learns at step {step}", shown(settings, [], flat(step, 1.25, 0.45))
    yield "guesses at step 48", shown(settings, [(2.29, 0.12, 2.29, 0.11), (2.28, 0.11, 2.28, 0.12)], [], batches=24)
    yield "first epoch", shown(settings, [(1.25, 0.45, 1.2, 0.51)])
    yield "on nine test images", shown(settings, [(1.25, 0.45, 1.2, 0.33), (1.0, 0.6, 1.1, 0.44)], tested=9)
    for second in (0.532, 0.51, 0.497):
        yield f"then {second}", shown(settings, [(1.25, 0.45, 1.2, 0.51), (1.0, 0.6, 1.1, second)])
    yield "on validation images", shown(settings, [(1.25, 0.45, 1.2, 0.51, 1.3, 0.3), (1.0, 0.6, 1.1, 0.52, 1.2, 0.42)])
    yield "watched at chance", shown(settings, [(1.25, 0.45, 2.2, 0.3), (1.0, 0.6, 2.1, 0.14)])
    yield "epoch, then reports", shown(settings, [(1.25, 0.45, 1.2, 0.51)], [(s, 0.75, 0.77) for s in range(110, 150, 10)])
    yield "interrupted", shown(settings, [(1.25, 0.45, 1.2, 0.51)], [], RunInterrupted(1))
    yield "nothing yet", shown(settings)


SCENES = (failures, at_guessing, rising, few_steps, flat_starts, instabilities, overfitting, ends, learning)


@pytest.mark.parametrize("scenes", SCENES, ids=lambda each: each.__name__)
def test_diagnoses(scenes, regenerate_golden):
    found = "\n".join("\n".join([name, *lines, ""]) for name, lines in scenes())

    check(f"diagnosis/{scenes.__name__.replace('_', '-')}", found, regenerate=regenerate_golden)


def test_the_scenes_show_every_cause_at_each_level():
    shown_causes = {line.strip().partition(",")[0] for scenes in SCENES for _, lines in scenes() for line in lines[:1]}

    assert {f"{cause.name} ({cause.level})" for cause in CAUSES} <= shown_causes


def test_the_sentences_of_an_overflow(regenerate_golden):
    lines = []
    for place in ((1, 1, 40), (1, 2, 40), (1, 3, 40), (2, 1, 40), (2, 0, 40)):
        for sound in (True, False):
            for settings in (RELU, {**RELU, "gradient_clip": 1.0}, {**NORMALISED, "batch_size": 16}):
                config = RunConfig.make(**settings, learning_rate=0.8)
                lines += [
                    f"{place}, {sound}, {settings}",
                    *(f"  {each}" for each in overflow(config, *place, sound_at_first=sound)),
                ]
    for rate, optimizer in ((0.00009, "sgd"), (0.00011, "sgd"), (0.0000009, "adam"), (0.0000011, "adam")):
        config = RunConfig.make(**RELU, learning_rate=rate, optimizer=optimizer)
        lines += [f"{optimizer} {rate}", *(f"  {each}" for each in overflow(config, 3, 7, 40))]

    check("diagnosis/overflow", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_a_run_that_was_stopped_within_its_first_epoch_is_explained():
    config = RunConfig.make(**RELU)
    found = diagnose(config, history(config, [], flat(150, 1.25, 0.45), STOPPED, batches=400))

    assert found.sentence == "It ended in its first epoch, after 150 steps, and the network learns. More steps should help."


def test_a_third_of_a_rate_is_written_as_people_write_it():
    config = RunConfig.make(**NORMALISED, batch_size=64, learning_rate=0.3)

    assert diagnose(config, history(config, [(0.8, 0.7, 7.5, 0.2)])).cure == {"learning_rate": 0.1}


@pytest.mark.parametrize(
    ("images", "batch", "epochs", "cure"),
    [
        (6_400, 256, 4, {"batch_size": 64, "epochs": 18}),  # 1,800 steps of 64 images
        (6_400, 64, 18, {}),
        (6_463, 16, 17, {"batch_size": 64, "epochs": 18}),
        (640, 64, 4, {"epochs": 100}),  # 180 would be needed
        (50, 64, 4, {"epochs": 100}),
        (640, 256, 150, {"batch_size": 64}),  # never fewer than before
    ],
)
def test_the_cure_of_a_sigmoid_network_gives_it_the_steps_that_it_needs(images, batch, epochs, cure):
    config = RunConfig.make(batch_size=batch, epochs=epochs, learning_rate=8.0)

    assert diagnose(config, history(config, [], flat(60, 20.0), images=images)).cure == {"learning_rate": 0.9} | cure


# The figures behind the sentences


@pytest.mark.parametrize(
    ("config", "usual", "high", "smaller"),
    [
        ({}, 0.9, 2.0, 0.01),
        ({**RELU}, 0.1, 0.5, 0.01),
        ({**NORMALISED, "options": {"activation": "sigmoid", "batch_norm": True}}, 0.1, 0.5, 0.01),
        ({"optimizer": "adam"}, 0.001, 0.003, 0.001),
        ({"optimizer": "rmsprop", **RELU, "learning_rate": 0.002}, 0.001, 0.003, 0.0002),
        ({"architecture": "course-resnet", "learning_rate": 20.0}, 0.1, 0.5, 0.1),
    ],
)
def test_what_is_usual_for_a_configuration(config, usual, high, smaller):
    made = RunConfig.make(**config)

    assert (rates.usual_rate(made), rates.high_rate(made), rates.smaller_rate(made)) == (usual, high, pytest.approx(smaller))


@pytest.mark.parametrize(
    ("loss", "text"), [(0.004, "0.00"), (9.994, "9.99"), (10.0, "10"), (12.34, "12.3"), (999.4, "999"), (1_000.4, "1,000")]
)
def test_a_loss_has_three_figures(loss, text):
    assert words.loss(loss) == text


def test_the_evidence_of_a_run_in_its_third_epoch():
    config = RunConfig.make(**RELU, epochs=6, schedule="warm-up", warmup_epochs=4, learning_rate=0.2)
    figures = [(1.9, 0.3, 2.0, 0.31, 2.1, 0.35), (1.5, 0.4, 1.6, 0.42, 1.5, 0.33)]
    reports = [(10, 2.4, 0.1), (20, 2.0, 0.2), (206, 1.0, 0.5), (220, 0.8, 0.6), (235, 0.9, 0.7)]
    evaluates = Progress(3, 100, 100, 300, 9.0, 0.0, 1.0, 0.1, 0.5, 1.0, 1.0, phase="evaluation")
    found = Evidence.of(config, [*history(config, figures, reports, rate=0.12, norm=3.5), evaluates])

    assert found is not None
    assert (found.step, found.planned, found.steps_in_all, found.over) == (235, 600, 600, False)
    assert (found.loss, found.accuracy) == (pytest.approx(0.9), pytest.approx(0.6))  # of the reports after epoch 2
    assert (found.peak, found.best_accuracy) == (2.4, pytest.approx(0.6))
    assert (found.rate, found.norm, found.rises_until, found.rising) == (0.12, 3.5, 400, True)
    assert (found.watched, found.watched_losses, found.watched_accuracies) == ("validation", [2.1, 1.5], [0.35, 0.33])
    assert (found.turn, found.best.epoch, found.chance, found.guessing) == (1, 1, 0.1, math.log(10))
    assert found.smooth_losses == [pytest.approx(1.8), pytest.approx(1.8)]


@pytest.mark.parametrize(
    ("since", "loss"),
    [
        (70, 1.0),  # the window of 30 steps before step 100
        (69, 1.0),
        (71, (1.0 + 3.0) / 2),
    ],
)
def test_the_present_is_the_mean_of_the_last_thirty_steps(since, loss):
    config = RunConfig.make(**RELU, epochs=9)
    found = Evidence.of(config, history(config, [], [(since, 3.0, 0.2), (100, 1.0, 0.4)]))

    assert found.loss == loss


@pytest.mark.parametrize(("step", "loss"), [(129, 1.25), (130, 0.5)])
def test_after_an_epoch_its_own_loss_counts_until_thirty_steps_are_reported(step, loss):
    config = RunConfig.make(**RELU, epochs=9)
    found = Evidence.of(config, history(config, [(1.25, 0.45, 1.2, 0.5)], [(step, 0.5, 0.8)]))

    assert found.loss == loss


def test_a_quarter_of_a_long_epoch_is_the_present():
    config = RunConfig.make(**RELU, epochs=9)
    found = Evidence.of(config, history(config, [], [(100, 9.0, 0.1), (101, 4.0, 0.1), (200, 2.0, 0.1)], batches=400))

    assert found.loss == 3.0


def test_a_run_that_started_over_has_the_figures_of_its_last_start():
    config = RunConfig.make(**RELU)
    found = Evidence.of(config, [RunStarted("cpu", "CPU", 1, 1, 1, 50, 9, 3), *history(config, [(1.0, 0.5, 1.0, 0.5)])])

    assert (found.classes, found.planned) == (10, 1_000)


def test_what_counts_as_having_learned_nothing():
    assert guessing_loss(4) == pytest.approx(1.386294)
    assert [at_chance(share, 10) for share in (0.1499, 0.15)] == [True, False]
    assert [at_chance(share, 4) for share in (0.299, 0.3)] == [True, False]
    assert [did_not_learn(10, loss, 0.5) for loss in (11.51, 11.52)] == [False, True]
    assert [did_not_learn(10, 1.0, best) for best in (0.14, 0.15, None)] == [True, False, False]
