"""Inside with a picture of the user's own, with kept weights, and over the epochs: what each view says, and what it asks."""

from __future__ import annotations

from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from drawn_digits import DIGITS
from page_fakes import cells, open_page, widget
from page_runs import RunsLab
from quadrants import quadrants, settings
from test_page_own_picture import png

from cnnlab import epoch_weights
from cnnlab.datasets.pictures import coloured_png, pixels_of, side_by_side
from cnnlab.figures.pictures import shares_svg
from cnnlab.inside_values import ByHand
from cnnlab.own_picture.reading import read
from cnnlab.system.home import run_folder
from cnnlab.training.engine import train
from pages._parts.inside import downloads, window
from pages._parts.inside.answer import neighbours_sentence
from pages._parts.predict import own_sources
from pages._parts.predict.own_sources import SHOWN, Sent

PICTURE = png(next(each for each in DIGITS if each.digit == 7).picture())


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    lab.run_id = lab.trained()
    yield lab
    lab.store.close()


@pytest.fixture
def opened(monkeypatch, lab):
    return lambda **address: open_page(monkeypatch, "inside", lab, run=lab.run_id, **address)


def text(app):
    return "\n".join(element.value for element in (*app.markdown, *app.caption, *app.header, *app.info, *app.warning))


def html(app):
    return "".join(element.proto.body for element in app.get("html"))


@pytest.fixture
def given(monkeypatch):
    """A browser that uploads one picture."""
    monkeypatch.setattr(own_sources, "_uploaded", lambda: [Sent("1", "seven.png", PICTURE)])


def test_without_a_picture_the_page_asks_for_one_and_keeps_its_view(opened):
    app = opened(picture="own", source="upload", view="why", layer="conv2")

    assert not app.exception and not app.warning
    assert "Draw, upload or photograph something on the left" in app.info[0].value
    assert {"view", "layer", "picture"} <= set(app.query_params)


@pytest.mark.parametrize("view", ["maps", "kernels", "answer", "why", "hand", "modes"])
def test_an_own_picture_is_looked_at_in_every_view_without_a_true_class(opened, lab, given, view, monkeypatch):
    lab.inside.neighbours = lambda look, count: SimpleNamespace(found=(), given=True, layer="output", compared=60, features=84)
    monkeypatch.setattr("pages._parts.inside.answer.neighbours_sentence", lambda *_: "")
    lab.inside.modes = lambda look: SimpleNamespace(probabilities=(0.1,) * 10, rows=(), batch_norm=False, dropout=False)
    app = opened(picture="own", source="upload", view=view, right="1")

    assert not app.exception
    assert "Only you know its true class." in text(app)
    assert 'alt="Your own picture, moved 1 pixel to the right: predicted ' in html(app)
    assert "true class</em>" not in html(app)


def test_the_picture_stays_while_the_ways_to_give_one_are_closed_and_its_steps_can_be_switched_off(opened, lab, given):
    app = opened(picture="own", source="upload", centre="false")
    before = [cell.alt for cell in cells(app)]
    app.session_state["inside:own open"] = False
    app.run()

    assert not app.exception
    assert [cell.alt for cell in cells(app)] == before
    assert not app.get("file_uploader") and "stays on this machine" in text(app)
    widget(app.toggle, "Cut out").set_value(False).run()
    assert [cell.alt for cell in cells(app)] != before
    assert app.query_params["crop"] in ("false", ["false"])


def test_predict_carries_its_picture_over_in_the_session_and_its_steps_in_the_address(monkeypatch, lab, given):
    app = open_page(monkeypatch, "predict", lab, view="own", source="upload", crop="false")
    link = next(each.proto for each in app.main.get("page_link") if each.proto.label == "Look inside with this picture")

    assert link.query_string == f"run={lab.run_id}&picture=own&crop=false"
    assert app.session_state[SHOWN].name == "seven.png"
    assert read("seven.png", PICTURE).image.tobytes() == app.session_state[SHOWN].image.tobytes()


def test_weights_that_were_kept_are_chosen_by_epoch(opened, lab):
    folder = run_folder(lab.store.home, lab.run_id)
    for epoch in (0, 1, 4):
        epoch_weights.write(folder, epoch, 10, lambda: b"x")
    app = opened(epoch="4")

    assert not app.exception and not app.warning
    weights = widget(app.selectbox, "Weights from")
    assert weights.options == ["Best epoch", "Last epoch", "Before training", "After epoch 1", "After epoch 4"]
    assert weights.value == 4
    weights.set_value(0).run()
    assert app.query_params["epoch"] in ("0", ["0"])
    wrong = opened(epoch="3")
    assert "epoch must be best, last or one of 0, 1, 4, whose weights are kept, not '3'" in wrong.warning[0].value.replace("\\", "")


def test_over_the_epochs_weights_activations_and_kernels_are_frames_and_files(monkeypatch, opened, lab):
    config = settings(epochs=2, architecture="lenet", options={"activation": "relu"})
    list(train(config, quadrants(train=40, test=10), folder=run_folder(lab.store.home, lab.run_id)))
    files = {}
    monkeypatch.setattr(downloads.st, "download_button", lambda label, data, name, *_, **__: files.update({name: data}))
    drawn = []
    monkeypatch.setattr("pages._parts.inside.epochs.draw_player", lambda frames, *rest: drawn.append((frames, *rest)))
    app = opened(view="epochs", until="1", active="activation2")

    assert not app.exception and not app.warning
    ((frames, epoch, *_),) = drawn
    assert [frame.name for frame in frames] == ["before training", "after epoch 1", "after epoch 2"]
    assert epoch == 1
    for frame in frames:
        assert frame.html.count('class="cnn-bars"') == 2
        assert "For 4 training images the values of activation2 (ReLU)" in frame.html
        assert "channels" in frame.html and 'alt="Kernel 6 ← 1: weights from −' in frame.html
    made = {name.removeprefix(f"cnnlab-{lab.run_id}-image1-"): data() for name, data in files.items() if callable(data)}
    shown = ("activation2-activations-epoch1", "conv1-weights-epoch1", "first-kernels-epoch1")
    assert {f"{name}.{ending}" for name in shown for ending in ("png", "svg")} <= set(made)
    assert {f"{name}.csv" for name in (*shown[:2], "first-kernels", "histograms", "gradients")} <= set(made)
    assert all(content.startswith(b"\x89PNG") for name, content in made.items() if name.endswith("png"))
    assert all(ElementTree.fromstring(content) is not None for name, content in made.items() if name.endswith("svg"))  # noqa: S314 our own text
    assert len(made["first-kernels.csv"].splitlines()) == 1 + 3 * 150


# The window that can be dragged


def by_hand(**changes):
    values = {
        "path": "conv1", "kind": "Conv2d", "given": (1, 9, 11), "made": (2, 4, 6), "kernel": (3, 3), "stride": (2, 2),
        "padding": (0, 1), "dilation": (1, 1), "place": (2, 1), "rounded_up": False, "channel": 0, "row": 1, "column": 1,
        "reads": (0,), "shown": 0, "window": (), "weights": (), "sums": (), "bias": None, "result": 0.0, "activation": "",
        "activated": None, "picture": "data:",
    }  # fmt: skip
    return ByHand(**values | changes)


def test_the_windows_of_all_places_stand_where_torch_puts_them():
    assert window.spans(by_hand(), 0) == [(0, 3), (2, 3), (4, 3), (6, 3)]
    assert window.spans(by_hand(), 1)[:2] == [(-1, 3), (1, 3)]
    assert window.spans(by_hand(dilation=(3, 1)), 0)[0] == (0, 7)
    adaptive = by_hand(kind="AdaptiveAvgPool2d", made=(2, 4, 4))
    assert window.spans(adaptive, 0) == [(0, 3), (2, 3), (4, 3), (6, 3)]


@pytest.mark.parametrize("sent", [None, [1], [1, 9], [-1, 0], [True, 1], ["1", "2"], {"row": 1}])
def test_a_place_that_a_browser_makes_up_moves_nothing(sent):
    assert window._place(sent, 4, 6) is None
    assert window._place([3, 5], 4, 6) == (3, 5)


def test_bars_and_pictures_side_by_side_are_exact_in_their_files():
    drawn = ElementTree.fromstring(shares_svg([("<b>", 0.25, "25 %")], "Shares"))  # noqa: S314 our own text
    bars = pixels_of(downloads.shares_png((0.25, 1.0)))
    pair = pixels_of(side_by_side([coloured_png([[(1, 2, 3)]])] * 2))

    assert "<b>" in "".join(drawn.itertext())
    assert [row.count((0, 114, 178)) for row in (bars[1], bars[2], bars[-1])] == [72, 72, 288]
    assert pair == [[(1, 2, 3), (255, 255, 255), (255, 255, 255), (1, 2, 3)]]


def test_without_a_label_the_neighbours_are_only_counted():
    near = SimpleNamespace(found=[SimpleNamespace(picture=SimpleNamespace(label=label)) for label in (1, 1, 2)])

    assert neighbours_sentence(near, ("a", "b", "c"), None) == "They are 2 b, 1 c."
    near.found = near.found[:2]
    assert neighbours_sentence(near, ("a", "b", "c"), None) == "All of them are **b**."
