"""The actions on a run: in each state, by owner, in the queue, and with names and notes that people type."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import pytest
from page_fakes import ROOT, open_page, widget
from page_runs import RunsLab
from streamlit.testing.v1 import AppTest

from cnnlab.diagnosis import overflow
from cnnlab.events import DAMAGED, EpochDone, RunFailed
from cnnlab.runs.records import State
from cnnlab.text import ordinal, size_text
from pages._parts import shell, visitor
from pages._parts.markdown import escaped
from pages._parts.run_words import STATE_WORDS, best_accuracy, last_accuracy, short_title, state_icon, state_word

NASTY = "<img src=x onerror=alert(1)> \"quotes\" & 'more' **bold** :smile: -> שלום \u202eevil"


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


@pytest.fixture
def ana(monkeypatch):
    """The visitor's name is Ana."""
    monkeypatch.setattr(visitor.st, "user", {"is_logged_in": True, "email": "Ana"})


def labels(app):
    return [each.label for each in app.button]


def button(app, start):
    return next(each for each in app.button if each.label.startswith(start))


def sentence(app):
    live = next(filter(None, (json.loads(each.proto.bytes).get("live") for each in app.get("bidi_component"))))
    return f"{live['word']}: {live['sentence']}"


def in_state(lab, state, **settings):
    """A run in `state`; unless it has not begun, with one of its three epochs done."""
    run_id = lab.made(epochs=3, **settings)
    if state in (State.QUEUED, State.STARTING):
        if state is State.STARTING:
            lab.store.transition(run_id, state, device="cpu")
        return run_id
    lab.begin(run_id)
    lab.epoch(run_id)
    for step in {State.PAUSED: (State.PAUSING,), State.STOPPED: (State.STOPPING,)}.get(state, ()):
        lab.store.transition(run_id, step)
    if state is not State.RUNNING:
        lab.store.transition(run_id, state, message="Its process ended." if state is State.INTERRUPTED else "")
    return run_id


@pytest.mark.parametrize(
    ("state", "first"),
    [
        (State.QUEUED, ["Move up", "Move down", "Cancel"]),
        (State.STARTING, ["Pause", "End run"]),
        (State.RUNNING, ["Pause", "End run"]),
        (State.PAUSING, ["Pausing …", "End run"]),
        (State.PAUSED, ["Resume", "End run"]),
        (State.STOPPING, ["Ending …"]),
        (State.STOPPED, ["Resume"]),
        (State.FINISHED, ["Continue training"]),
        (State.FAILED, ["Start over from the beginning"]),
        (State.INTERRUPTED, ["Resume", "End run"]),
    ],
)
def test_each_state_has_its_sentence_and_the_buttons_that_make_sense(monkeypatch, lab, state, first):
    run_id = in_state(lab, state)

    app = open_page(monkeypatch, "train", lab, run=run_id)

    assert not app.exception
    assert labels(app)[: len(first)] == first
    assert "Use its settings" in labels(app)
    assert button(app, "Delete").disabled == lab.run(run_id).active
    assert sentence(app).startswith(STATE_WORDS[state] + ": ")


def test_pause_says_that_the_run_can_go_on_and_ending_that_it_is_over(monkeypatch, lab):
    app = open_page(monkeypatch, "train", lab, run=in_state(lab, State.RUNNING))

    assert "“Resume” continues" in button(app, "Pause").help
    assert button(app, "End run").help.startswith("Ends the run.")


def test_pause_and_resume(monkeypatch, lab):
    run_id = in_state(lab, State.RUNNING)
    app = open_page(monkeypatch, "train", lab, run=run_id)

    button(app, "Pause").click().run()
    assert lab.run(run_id).state is State.PAUSING
    assert button(app, "Pausing").disabled

    lab.store.transition(run_id, State.PAUSED)
    app.run()
    assert "Paused" in sentence(app)
    assert "1 of 3 epochs" in sentence(app)
    button(app, "Resume").click().run()
    assert lab.run(run_id).state is State.QUEUED


def test_a_click_that_comes_too_late_is_told_and_the_page_shows_what_is(monkeypatch, lab):
    run_id = in_state(lab, State.RUNNING)
    app = open_page(monkeypatch, "train", lab, run=run_id)
    lab.store.transition(run_id, State.FINISHED)  # in the meantime, or from another browser

    button(app, "Pause").click().run()

    assert "only a run that waits or trains can be paused" in app.toast[0].value
    assert "Finished" in sentence(app)


def test_a_finished_run_can_be_continued_for_as_many_epochs_as_one_says(monkeypatch, lab):
    run_id = lab.trained()
    app = open_page(monkeypatch, "train", lab, run=run_id)

    widget(app.number_input, "How many more").set_value(4).run()
    button(app, "Continue training").click().run()

    assert lab.run(run_id).state is State.QUEUED
    assert lab.run(run_id).config.epochs == 5


@pytest.mark.parametrize("more", [0, -50])
def test_fewer_than_one_epoch_more_is_a_sentence(monkeypatch, lab, more):
    run_id = lab.trained()
    app = open_page(monkeypatch, "train", lab, run=run_id)

    widget(app.number_input, "How many more").set_value(more).run()
    button(app, "Continue training").click().run()

    assert escaped(f"not '{more}'") in app.toast[0].value
    assert lab.run(run_id).state is State.FINISHED


def test_an_interrupted_run_says_whether_it_goes_on_by_itself(monkeypatch, lab):
    run_id = in_state(lab, State.INTERRUPTED)
    app = open_page(monkeypatch, "train", lab, run=run_id)
    assert "press “Resume”" in sentence(app)
    assert app.warning[0].value == escaped("Its process ended.")

    lab.resumes_by_itself = lambda asked: asked == run_id
    app.run()
    assert "resumes automatically in a moment" in sentence(app)


def test_deleting_asks_first_and_says_how_much_it_frees(monkeypatch, lab):
    run_id = lab.trained(name="old")
    app = open_page(monkeypatch, "train", lab, run=run_id)

    button(app, "Delete …").click().run()
    assert any("12.3 MB" in each.value for each in app.markdown)
    assert lab.runs()

    button(app, "Delete it").click().run()
    assert not lab.runs()
    assert "run" not in app.query_params
    assert "old" in app.toast[0].value


def test_another_visitor_cannot_confirm_a_deletion(monkeypatch, lab, ana):
    run_id = lab.trained(name="old", owner="Ana")
    app = open_page(monkeypatch, "train", lab, run=run_id)
    button(app, "Delete …").click().run()

    monkeypatch.setattr(visitor.st, "user", {"is_logged_in": True, "email": "Ben"})
    button(app, "Delete it").click().run()

    assert lab.run(run_id).name == "old"
    assert "belongs to Ana" in app.toast[0].value


def test_keeping_it_keeps_it(monkeypatch, lab):
    run_id = lab.trained()
    app = open_page(monkeypatch, "train", lab, run=run_id)

    button(app, "Delete …").click().run()
    button(app, "Keep it").click().run()

    assert lab.run(run_id)
    assert "Delete it" not in labels(app)


@pytest.mark.parametrize("words", [NASTY, "x" * 200, "שלום עולם"])
def test_a_name_and_a_note_show_as_typed(monkeypatch, lab, words):
    run_id = lab.trained()
    app = open_page(monkeypatch, "train", lab, run=run_id)

    widget(app.text_input, "Name").set_value(words)
    widget(app.text_area, "Note").set_value(f"{words}\n" * 3)
    button(app, "Save").click().run()

    assert lab.run(run_id).name == words
    assert lab.run(run_id).note == f"{words}\n" * 3
    note = next(each.proto.body for each in app.get("html") if 'class="cnn-note"' in each.proto.body)
    assert 'dir="auto"' in note
    assert "<img" not in note
    assert app.title[0].value == escaped(words)


def test_words_of_ten_thousand_characters_stay_in_their_box(monkeypatch, lab):
    run_id = lab.trained(name="n" * 10_000)
    lab.annotate(run_id, "n" * 10_000)
    lab.trained("b")

    app = open_page(monkeypatch, "train", lab, run=run_id)
    assert not app.exception
    note = next(each.proto.body for each in app.get("html") if 'class="cnn-note"' in each.proto.body)
    assert re.search(r"\.cnn-note \{[^}]*max-height", (ROOT / "pages/_parts/shell.css").read_text(encoding="utf-8"))
    assert note.count("n" * 10_000) == 1

    elsewhere = open_page(monkeypatch, "train", lab)
    assert max(map(len, labels(elsewhere))) < 200


def test_somebody_else_s_run_can_be_looked_at_and_cloned_but_not_changed(monkeypatch, lab, ana):
    run_id = in_state(lab, State.RUNNING, owner="Ben")
    app = open_page(monkeypatch, "train", lab, run=run_id)

    for label in ("Pause", "End run", "Save", "Delete"):
        assert button(app, label).disabled, label
        assert "belongs to Ben" in button(app, label).help
    assert any("Started by Ben" in each.value for each in app.caption)
    assert not button(app, "Use its settings").disabled


def test_a_run_that_one_starts_is_one_s_own(monkeypatch, lab, ana):
    app = open_page(monkeypatch, "train", lab)

    button(app, "Start training").click().run()

    assert lab.runs()[0].owner == "Ana"
    assert not button(app, "Cancel").disabled


def test_the_queue_is_visible_and_one_s_own_runs_can_be_moved_and_withdrawn(monkeypatch, lab, ana):
    lab.begin(lab.made("a", name="the long one"))
    first, second = lab.made("b", name="first", owner="Ana"), lab.made("c", name="second", owner="Ana")
    bens, _ = (lab.made(token, name="bens", owner="Ben") for token in "de")
    app = open_page(monkeypatch, "train", lab, run=second)
    place = lab.run(second).position
    assert ordinal(place) in sentence(app)
    assert "“the long one” is training now" in sentence(app)
    assert any("Waiting for their turn (4)" in each.value for each in app.markdown)

    # Ben's runs, which take turns with them, are neither before nor behind one's own.
    assert not app.button(key=f"Move up {second}").disabled
    assert app.button(key=f"Move down {second}").disabled
    app.button(key=f"Move up {second}").click().run()
    assert lab.run(second).position < lab.run(first).position
    assert app.button(key=f"Move up {second}").disabled
    assert not app.button(key=f"Move down {second}").disabled
    assert f"cancel in the list {bens}" not in {each.key for each in app.button}

    app.button(key=f"cancel in the list {first}").click().run()
    assert lab.run(first).state is State.STOPPED


def test_the_queue_counts_from_the_one_that_is_next(monkeypatch, lab):
    for name in ("one", "two", "three"):
        lab.made(name, name=name, owner="Ben" if name == "two" else "")

    app = open_page(monkeypatch, "train", lab)

    places = [each.value.partition(" · ")[0] for each in app.caption if each.value.endswith("just now")]
    names = [each.label for each in app.button if (each.key or "").startswith("open ")]
    assert places == ["next", "number 2", "number 3"]
    assert names == [short_title(run) for run in lab.queue()]


MOVES = {
    State.QUEUED: ("Move up", "Move down", "Cancel"),
    State.RUNNING: ("Pause", "End run"),
    State.PAUSED: ("Resume", "End run"),
    State.FINISHED: ("Save", "Continue training", "Delete it"),
    State.FAILED: ("Start over from the beginning",),
}


@pytest.mark.parametrize("state", MOVES)
def test_each_action_on_a_run_is_done_in_the_visitor_s_name(monkeypatch, lab, ana, state):
    """So that the record refuses it where the run is another's, whatever the page has drawn."""
    for token in ("before", "after"):
        lab.made(token, owner="Ana")
    run_id = in_state(lab, state, word="the run", owner="Ana")
    if state is State.QUEUED:
        lab.move_in_queue(run_id, -1)  # between the two others, so that it can be moved both ways
    app = open_page(monkeypatch, "train", lab, run=run_id)
    asked = []
    for name in ("stop", "pause", "resume", "extend", "rename", "annotate", "move_in_queue", "start_over", "delete"):
        monkeypatch.setattr(lab, name, lambda *_, owner=None, action=name: asked.append((action, owner)), raising=False)
    app.run()
    if state is State.FINISHED:
        widget(app.text_input, "Name").set_value("another name")
        widget(app.text_area, "Note").set_value("a note")

    for label in MOVES[state]:
        if label == "Delete it":
            button(app, "Delete …").click().run()
        button(app, label).click().run()

    wanted = {"Continue training": ["extend"], "Save": ["rename", "annotate"], "Delete it": ["delete"], "Pause": ["pause"]}
    wanted |= {"Start over from the beginning": ["start_over"], "Resume": ["resume"], "Cancel": ["stop"], "End run": ["stop"]}
    actions = [action for label in MOVES[state] for action in wanted.get(label, ["move_in_queue"])]
    assert asked == [(action, "Ana") for action in actions]


def test_sizes_and_places_in_words():
    assert [size_text(size) for size in (999, 1_500, 12_345_678, 3 * 10**9)] == ["999 bytes", "1.5 kB", "12.3 MB", "3 GB"]
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 21, 111)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "21st",
        "111th",
    ]


@pytest.mark.parametrize(
    "text", ["a -> b", "see :smile: x", ":material/delete:", "http://evil", "www.evil.com", "me@evil.com", "a >= b"]
)
def test_what_streamlit_would_turn_into_something_else_stays_as_typed(text):
    # Markdown escapes do not help: Streamlit searches the rendered text. tests/browser checks the same in a browser.
    assert "\u2060" in escaped(text)


def test_a_name_that_runs_from_right_to_left_does_not_turn_the_sentence_round(lab):
    run_id = lab.made(name="שלום\u202e")

    assert short_title(lab.run(run_id)).startswith("\u2068")
    assert short_title(lab.run(run_id)).endswith("\u2069")


@pytest.mark.parametrize(
    ("train_loss", "accuracy", "word"),
    [
        (0.5, 0.8, "Finished"),
        (2.303, 0.1, "Finished, did not learn"),
        (2_800_000.0, 0.4, "Finished, did not learn"),
        (math.inf, 0.4, "Finished, did not learn"),
    ],
)
def test_a_run_that_learned_nothing_has_no_sign_of_success_on_any_page(lab, train_loss, accuracy, word):
    run_id = lab.made(epochs=1)
    lab.begin(run_id)
    lab.store.add(run_id, EpochDone(1, 24, train_loss, accuracy, 1.9, accuracy, 0.1, 8.0, 1.0, 6.0, 1.0))
    lab.store.transition(run_id, State.FINISHED)

    for run in (lab.run(run_id), lab.summaries().runs[0]):
        assert state_word(run) == word
        assert (state_icon(run) == ":material/check_circle:") == (word == "Finished")


def test_an_accuracy_says_of_which_epoch_it_is(lab):
    run_id = lab.made(epochs=3)
    assert (last_accuracy(lab.run(run_id)), best_accuracy(lab.run(run_id))) == ("no result yet", "")
    lab.begin(run_id)
    for number, accuracy in enumerate((0.5, 0.625, 0.6), 1):
        lab.epoch(run_id, number, accuracy)

    for run in (lab.run(run_id), lab.summaries().runs[0]):
        assert (last_accuracy(run), best_accuracy(run)) == ("60.0 % after epoch 3", "best 62.5 %")


def test_a_best_accuracy_that_reads_like_the_last_one_is_not_shown_twice(lab):
    run_id = lab.made(epochs=2)
    lab.begin(run_id)
    for number, accuracy in enumerate((0.8244, 0.8236), 1):  # both are 82.4 %
        lab.epoch(run_id, number, accuracy)

    assert best_accuracy(lab.run(run_id)) == ""


def boxes(app):
    return [each.value for each in (*app.warning, *app.info, *app.success) if "cnn-" not in each.value]


def diverged(lab, epochs=3, **settings):
    run_id = lab.made(epochs=epochs, **settings)
    lab.begin(run_id)
    lab.store.add(run_id, EpochDone(1, 24, 2_800_000.0, 0.2, 4.6e9, 0.1, 0.1, 8.0, 1.0, 6.0, 1.0))
    return run_id


def test_one_box_says_what_the_figures_mean_and_is_replaced_when_they_mean_something_else(monkeypatch, lab):
    run_id = diverged(lab, optimizer="rmsprop", learning_rate=1.0)
    app = open_page(monkeypatch, "train", lab, run=run_id)
    (box,) = boxes(app)
    assert "training loss is 2,800,000" in box

    for number in (2, 3):
        lab.store.add(run_id, EpochDone(number, 24 * number, 2.31, 0.1, 2.31, 0.1, 0.1, 8.0, 1.0, 6.0, 1.0))
    lab.store.transition(run_id, State.FINISHED)
    app.run()

    (box,) = boxes(app)
    assert "it is at chance (10 %)" in box
    assert sentence(app).startswith("Finished, did not learn: ")
    assert "trending_flat" in str([each.proto.bytes for each in app.get("bidi_component")])


def test_the_button_beside_a_diagnosis_opens_the_form_with_the_cure_filled_in(monkeypatch, lab):
    run_id = diverged(lab, optimizer="rmsprop", learning_rate=1.0, batch_size=32)
    app = open_page(monkeypatch, "train", lab, run=run_id)
    assert any("Changes: learning rate 0.001, batch size 64" in each.value for each in app.caption)

    button(app, "Try the cure").click().run()

    assert "run" not in app.query_params
    fields = {each.label: each.value for each in app.number_input}
    assert (fields["Learning rate"], fields["Batch size"]) == (0.001, 64)
    assert lab.run(run_id).config.learning_rate == 1.0


def test_a_loss_that_overflowed_is_explained_once_and_has_its_cure(monkeypatch, lab):
    run_id = lab.made(architecture="mlp", learning_rate=50)
    lab.begin(run_id)
    kind, message = overflow(lab.run(run_id).config, 1, 5, 24)
    lab.store.add(run_id, RunFailed(kind, 1, message), to=State.FAILED, message=message)

    app = open_page(monkeypatch, "train", lab, run=run_id)

    assert not app.error
    (box,) = boxes(app)
    assert "50 is too large for SGD" in box
    button(app, "Try the cure").click().run()
    assert widget(app.number_input, "Learning rate").value == 0.1


def test_the_page_says_that_a_best_epoch_chosen_on_the_test_images_is_optimistic(monkeypatch, lab):
    run_id = lab.made(epochs=3)
    lab.begin(run_id)
    lab.epoch(run_id)
    assert not any("optimistic" in each.value for each in open_page(monkeypatch, "train", lab, run=run_id).caption)
    lab.epoch(run_id, 2)
    assert any("slightly optimistic" in each.value for each in open_page(monkeypatch, "train", lab, run=run_id).caption)


def test_with_validation_images_the_sentence_names_the_epoch_that_they_chose(monkeypatch, lab):
    run_id = lab.made(epochs=2)
    lab.begin(run_id)
    for number, score in ((1, 0.7), (2, 0.6)):
        done = EpochDone(number, 24 * number, 1.0, 0.5, 1.0, 0.5 + number / 100, 0.1, 8.0, 1.0, 6.0, 1.0)
        lab.store.add(run_id, replace(done, validation_loss=1.0, validation_accuracy=score))
    lab.store.transition(run_id, State.FINISHED)

    app = open_page(monkeypatch, "train", lab, run=run_id)

    assert "test accuracy 51.0 % after epoch 1, chosen by a validation accuracy of 70.0 %" in sentence(app)
    assert "Validation loss" in app.dataframe[0].value.columns
    assert "Test loss" not in app.dataframe[0].value.columns
    assert not any("optimistic" in each.value for each in app.caption)


def test_a_run_whose_checkpoints_are_all_damaged_starts_over_and_does_not_offer_to_go_on_from_one(monkeypatch, lab):
    run_id = in_state(lab, State.RUNNING)
    message = "The checkpoint last.pt is damaged and cannot be read; train again to replace it."
    lab.store.add(run_id, RunFailed(DAMAGED, 1, message), to=State.FAILED, message=message)
    app = open_page(monkeypatch, "train", lab, run=run_id)

    assert not [label for label in labels(app) if label.startswith("Try again")]
    assert "is damaged" in app.error[0].value
    button(app, "Start over from the beginning").click().run()
    assert lab.store.run(run_id).state is State.QUEUED


def test_every_page_says_why_the_queue_waits(monkeypatch, lab):
    def page():
        from pages._parts.shell import enter

        enter()

    reason = "The disk of the lab is full (2 MB free): queued runs wait until 8 MB are free."
    lab.queue_waits = lambda: reason
    monkeypatch.setattr(shell, "_lab", lambda: lab)
    for name in ("_disable_pages_folder", "page_settings"):
        monkeypatch.setattr(shell, name, lambda: None)
    monkeypatch.setattr(shell, "sidebar", lambda lab, fragment: None)
    app = AppTest.from_function(page).run(timeout=180)
    assert not app.exception
    assert [box.value for box in app.warning] == [reason]
