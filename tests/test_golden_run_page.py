"""The page of a run, as text: what the figures mean, its images, what others may do with it, and after clicks."""

from __future__ import annotations

import pytest
from busy_lab import BATCHES, BusyLab, begun, epoch, own_feed, report
from golden_text import check, same_every_time
from page_fakes import open_page, widget
from page_text import page_text, without_pictures

from cnnlab.diagnosis import overflow
from cnnlab.events import EpochDone, Notice, Progress, RunFailed, RunFinished, RunPaused, RunResumed
from cnnlab.runs.records import State
from pages._parts import visitor
from pages._parts.run.view import ALL_SETTINGS


@pytest.fixture
def lab(tmp_path, monkeypatch):
    same_every_time(monkeypatch)
    own_feed(monkeypatch)
    lab = BusyLab(tmp_path)
    yield lab
    lab.store.close()


@pytest.fixture
def ana(monkeypatch):
    """The visitor's name is Ana."""
    monkeypatch.setattr(visitor.st, "user", {"is_logged_in": True, "email": "Ana"})


def training(lab):
    run_id = begun(lab, "first *try*", 0.5, 0.61, owner="Ana", epochs=9, learning_rate=0.16)
    report(lab, run_id, 12)
    lab.annotate(run_id, "With <b>more</b> images,\nbut as before.")
    return run_id


def validated(lab):
    """Paused in its second epoch, and resumed; stopped by `patience`."""
    run_id = begun(lab, "kept aside", 0.52, validation=(0.41,), epochs=8, validation_share=0.2, patience=3, optimizer="adam")
    report(lab, run_id, 12)
    lab.store.transition(run_id, State.PAUSING)
    lab.store.add(run_id, RunPaused(2, 36, 15.5), to=State.PAUSED)
    lab.resume(run_id)
    lab.store.transition(run_id, State.STARTING, device="cuda:0")
    lab.store.add(run_id, RunResumed(2, 36, 1, 8, "cuda:0", "NVIDIA H100", 15.5), to=State.RUNNING)
    report(lab, run_id, BATCHES, left=20)
    for number, (accuracy, kept) in enumerate([(0.54, 0.45), (0.53, 0.44)], 2):
        lab.store.add(run_id, epoch(number, accuracy, validation=kept))
    lab.store.add(run_id, Notice("precision", 2, "bfloat16 was not used: it is not faster here."))
    lab.store.add(run_id, Notice("stuck-at-chance", 2, "A sentence of early versions."))
    lab.store.add(run_id, RunFinished(3, 41.5, 0.53, 0.53, 2, 0.54, 0.45, stopped_early=True), to=State.FINISHED)
    return run_id


@pytest.mark.parametrize("run", [training, validated], ids=lambda each: each.__name__)
def test_a_run(run, monkeypatch, lab, ana, regenerate_golden):
    app = open_page(monkeypatch, "train", lab, run=run(lab))

    check(f"pages/run-{run.__name__}", page_text(app), regenerate=regenerate_golden)


def test_all_settings_of_a_run_are_drawn_when_they_are_opened(monkeypatch, lab, ana, regenerate_golden):
    app = open_page(monkeypatch, "train", lab, run=validated(lab))
    closed = page_text(app)

    app.session_state[ALL_SETTINGS] = True
    opened = page_text(app.run())

    before = closed[: closed.index("expander label=All settings")]
    assert opened.startswith(before)
    check("pages/run-settings", opened.removeprefix(before), regenerate=regenerate_golden)


def losses(lab, name, *losses, batches=BATCHES, accuracy=0.1, **settings):
    """A run whose epochs had these losses on the training images, and slightly higher ones on the test images."""
    run_id = begun(lab, name, **settings)
    for number, loss in enumerate(losses, 1):
        lab.store.add(
            run_id, EpochDone(number, number * batches, loss, accuracy, loss + 0.01, accuracy + 0.01, 0.1, 8.5, 1.25, 5.75, 1.5)
        )
    return run_id


def diverged(lab):
    return losses(lab, "diverged", 2.9, 2_800_000.0, optimizer="rmsprop", learning_rate=1.0, batch_size=32)


def overflowed(lab):
    run_id = begun(lab, "overflowed", architecture="mlp", learning_rate=50)
    kind, message = overflow(lab.run(run_id).config, 1, 5, BATCHES)
    lab.store.add(run_id, RunFailed(kind, 1, message), to=State.FAILED, message=message)
    return run_id


def failed(lab):
    return begun(lab, "failed", 0.5, 0.55, owner="Ben", end=State.FAILED, message="*No* memory is left.", checkpoint=True)


def flat(lab):
    return losses(lab, "flat", 2.31, 2.304, 2.303, epochs=50, learning_rate=0.9)


def improving(lab):
    relu = {"activation": "relu"}
    figures = (1.9, 1.5, 1.2, 1.0)
    run_id = losses(lab, "improving", *figures, batches=100, accuracy=0.7, epochs=4, options=relu)
    lab.store.add(run_id, RunFinished(4, 41.5, 0.7, 0.71, 1, 0.71), to=State.FINISHED)
    return run_id


@pytest.mark.parametrize("run", [diverged, overflowed, failed, flat, improving], ids=lambda each: each.__name__)
def test_what_the_figures_of_a_run_mean(run, monkeypatch, lab, ana, regenerate_golden):
    app = open_page(monkeypatch, "train", lab, run=run(lab))
    found = without_pictures(page_text(app))
    for cure in [each for each in app.button if each.key.startswith("cure")]:
        cure.click().run()
        found += f"{cure.label}: {app.query_params}\n"

    check(f"pages/run-{run.__name__}", found, regenerate=regenerate_golden)


def test_looking_back_at_other_images_on_a_logarithmic_scale(monkeypatch, lab, regenerate_golden):
    run_id = begun(lab, "first", 0.5, 0.61, 0.625, epochs=9)
    lab.unrecorded = {1}
    app = open_page(monkeypatch, "train", lab, run=run_id, images="4")
    widget(app.slider, "After epoch").set_value(2)
    widget(app.toggle, "Logarithmic loss").set_value(True).run()
    found = page_text(app)
    widget(app.slider, "After epoch").set_value(1).run()
    found += without_pictures(page_text(app))
    for _ in range(2):
        widget(app.button, "Other images").click().run()
        found += f"Other images: {app.query_params}\n"

    check("pages/run-looking-back", found, regenerate=regenerate_golden)


def test_a_run_in_its_first_epoch_and_one_that_is_not_there(monkeypatch, lab, regenerate_golden):
    run_id = begun(lab, "only begun", epochs=1)
    for step in (7, 8):
        lab.store.add(run_id, Progress(1, step, 24, step, 2.0 + step / 10, 0.1, 8_000.0, 0.1, step / 24, step, 40.0 - step))
    found = without_pictures(page_text(open_page(monkeypatch, "train", lab, run=run_id)))
    found += page_text(open_page(monkeypatch, "train", lab, run="0badcafe"))

    check("pages/run-first-epoch", found, regenerate=regenerate_golden)


def test_deleting_a_run(monkeypatch, lab, regenerate_golden):
    run_id = begun(lab, "*old*", 0.5, 0.61, end=State.FINISHED, epochs=2)
    begun(lab, "another", 0.55, end=State.FINISHED, epochs=1)
    app = open_page(monkeypatch, "train", lab, run=run_id)
    widget(app.button, "Delete …").click().run()
    found = without_pictures(page_text(app))
    widget(app.button, "Delete it").click().run()
    found += f"Delete it: {[run.name for run in lab.runs()]}, {app.query_params}, {app.toast[0].icon} {app.toast[0].value}\n"

    check("pages/run-deleting", found, regenerate=regenerate_golden)
