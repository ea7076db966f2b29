"""Your own picture on Predict: the answer, the steps with their switches, the bars, bad files, and a second run."""

from __future__ import annotations

from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from drawn_digits import DIGITS
from page_fakes import cells, open_page, widget
from page_runs import RunsLab
from PIL import Image

from cnnlab.errors import CheckpointError
from cnnlab.own_picture.preparing import step_names
from cnnlab.values import OwnAnswer
from pages._parts.predict import own_answer, own_sources
from pages._parts.predict.choice import OF_OWN
from pages._parts.predict.own_sources import MOST_FILES, Sent

SEVEN = next(each for each in DIGITS if each.digit == 7)


def png(image: Image.Image) -> bytes:
    content = BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def lab(tmp_path):
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


@pytest.fixture
def give(monkeypatch):
    """Gives these files, as uploads or as the drawing; a browser would."""

    def files(*sent: Sent) -> None:
        monkeypatch.setattr(own_sources, "_uploaded", lambda: list(sent))
        monkeypatch.setattr(own_sources, "_drawn", lambda: list(sent))

    files()
    return files


def opened(monkeypatch, lab, **address):
    return open_page(monkeypatch, "predict", lab, **{"view": "own", **address})


def texts(app):
    return [element.value for element in (*app.markdown, *app.caption)]


def html(app, kind):
    bodies = [element.proto.body.rpartition("</style>")[2] for element in app.get("html")]
    return [body for body in bodies if kind in body]


def drawing(digit=SEVEN):
    return Sent("1", "Your drawing", png(digit.picture()))


def test_the_primary_button_leads_from_the_test_images_to_ones_own_picture_and_back(monkeypatch, lab, give):
    lab.trained(dataset="mnist")
    app = open_page(monkeypatch, "predict", lab, only="mistakes")
    assert [each.label for each in app.button if each.proto.type == "primary"] == ["Try your own picture"]

    widget(app.button, "Try your own picture").click().run()
    assert not app.exception
    assert [each.value for each in app.title] == ["Your own picture"]
    assert app.query_params["view"] in ("own", ["own"])
    assert any("0, 1, 2, 3, 4, 5, 6, 7, 8 or 9" in each.value for each in app.info)
    assert any("stays on this machine" in text and "nothing of it is stored" in text for text in texts(app))

    widget(app.button, "Back to the test images").click().run()
    assert "view" not in app.query_params
    assert widget(app.get("button_group"), "Show").value == "mistakes", "the other view is as it was"


def test_a_drawing_is_answered_first_then_explained_then_shown_as_bars(monkeypatch, lab, give):
    run = lab.trained(dataset="mnist", seed=7)
    give(drawing())
    app = opened(monkeypatch, lab)

    assert not app.exception
    assert "## 7, 90\\.0 % sure" in texts(app)
    assert [each.label for each in app.toggle] == ["Gray", "Inverted", "Contrast", "Cut out", "Scaled", "Centred"]
    assert all(each.value and each.help for each in app.toggle)
    assert len(html(app, "cnn-own-step")) == 1 + 6
    assert any("Moved " in text for text in texts(app))
    (bars,) = html(app, "cnn-chances")
    assert bars.index(">90.0 %") < bars.index(">1.2 %") < bars.index(">&lt; 0.1 %"), "the most probable first"
    assert "▶" in bars and "its answer" in bars
    assert "less the mean 0.131" in html(app, "cnn-own-given")[0]
    ((asked, pixels, shape, checkpoint),) = lab.own_pictures.asked
    assert (asked, shape, checkpoint) == (run, (1, 28, 28), "best")
    assert np.frombuffer(pixels, np.uint8).reshape(28, 28)[14].max() > 200


def test_a_step_that_is_switched_off_changes_what_the_network_gets_and_is_in_the_address(monkeypatch, lab, give):
    lab.trained(dataset="mnist")
    give(drawing())
    app = opened(monkeypatch, lab)
    widget(app.toggle, "Centred").set_value(False).run()

    before, after = (asked[1] for asked in lab.own_pictures.asked)
    assert before != after
    assert app.query_params["centre"] in ("false", ["false"])
    assert "Left out: stays where it was in the picture." in texts(app)
    assert "cnn-own-off" in html(app, "cnn-own-step")[-1]
    again = opened(monkeypatch, lab, centre="false", scale="maybe")
    assert not widget(again.toggle, "Centred").value
    assert "scale must be one of" in again.warning[0].value


def test_the_switches_of_another_data_set_stay_in_the_address(monkeypatch, lab, give):
    lab.trained(dataset="cifar10")
    app = opened(monkeypatch, lab, contrast="false")

    assert not app.exception and not app.warning
    assert widget(app.get("button_group"), "Your picture").value == "upload", "nobody draws a photograph"


def test_a_bad_file_is_a_sentence_and_does_not_hide_the_others(monkeypatch, lab, give):
    lab.trained(dataset="mnist", seed=3)
    good = png(SEVEN.picture())
    give(Sent("a", "seven.png", good), Sent("b", "notes.png", b"Buy milk."), Sent("c", "again.png", good))
    app = opened(monkeypatch, lab, source="upload")

    assert not app.exception
    assert [each.value for each in app.error] == [
        "'notes.png' is text, whatever its name says; choose a PNG, JPEG or WebP picture instead."
    ]
    assert [cell.caption for cell in cells(app)] == ["3, 90.0 % sureseven.png", "3, 90.0 % sureagain.png"]
    explain = widget(app.selectbox, "Explain")
    assert explain.options == ["1. seven.png", "2. again.png"]
    explain.set_value(1).run()
    assert any('alt="again.png, as it was given"' in each for each in html(app, "cnn-own-step"))
    give(Sent("a", "seven.png", good))
    app.run()
    assert not app.exception and not app.error


def test_only_bad_files_leave_their_sentences_alone(monkeypatch, lab, give):
    lab.trained(dataset="mnist")
    give(Sent("b", "![x](http://a.b/c.png).svg", b"<svg/>"))
    app = opened(monkeypatch, lab)

    assert "SVG drawing" in app.error[0].value
    assert "![x](http" not in app.error[0].value, "a name is shown as text"
    assert not app.info and not lab.own_pictures.asked


def test_more_files_than_are_shown_are_counted(monkeypatch, lab, give):
    lab.trained(dataset="mnist")
    give(*(Sent(str(each), f"{each}.png", png(SEVEN.picture())) for each in range(MOST_FILES + 3)))
    app = opened(monkeypatch, lab)

    assert app.error[0].value == f"{MOST_FILES + 3} files were chosen; the first {MOST_FILES} are shown."
    assert len(lab.own_pictures.asked) == MOST_FILES


def test_an_empty_picture_is_answered_with_a_warning(monkeypatch, lab, give):
    lab.trained(dataset="mnist")
    give(Sent("a", "white.png", png(Image.new("L", (90, 90), 255))))
    app = opened(monkeypatch, lab)

    assert "Nothing can be seen" in app.warning[0].value


def test_what_the_helper_refuses_is_a_sentence(monkeypatch, lab, give):
    lab.trained(dataset="mnist")
    lab.own_pictures.refusal = CheckpointError("The checkpoint best.pt is damaged; train again to replace it.")
    give(drawing())
    app = opened(monkeypatch, lab, centre="false")

    assert "damaged" in app.error[0].value
    assert app.query_params["centre"] in ("false", ["false"])


def test_a_second_run_looks_at_the_same_picture(monkeypatch, lab, give):
    first = lab.trained("a", name="First", dataset="mnist", seed=1)
    second = lab.trained("b", name="Second", dataset="mnist", seed=2)
    lab.trained("c", name="Clothes", dataset="fashion-mnist")
    give(drawing())
    app = opened(monkeypatch, lab, run=first, **{"with": second})

    assert {option.partition(" ·")[0] for option in widget(app.selectbox, "Compare with").options} == {"no other run", "Second"}
    assert [text for text in texts(app) if text.startswith("## ")] == ["## 1, 90\\.0 % sure", "## 2, 90\\.0 % sure"]
    assert len(html(app, "cnn-chances")) == 2
    (one, other) = lab.own_pictures.asked
    assert (one[0], other[0]) == (first, second) and one[1:] == other[1:]
    wrong = opened(monkeypatch, lab, run=first, **{"with": "<b>99999"})
    assert "There is no other run '<b>99999'" in wrong.warning[0].value.replace("\\", "")


def test_the_camera_stays_off_until_it_is_switched_on(monkeypatch, lab):
    lab.trained(dataset="mnist")
    app = opened(monkeypatch, lab, source="camera")

    assert not app.exception
    assert not app.get("camera_input")
    assert any("localhost" in text and "https" in text for text in texts(app))
    widget(app.toggle, "Turn the camera on").set_value(True).run()
    assert app.get("camera_input")


def test_without_the_drawing_package_upload_works_all_the_same(monkeypatch, lab):
    import sys

    monkeypatch.setitem(sys.modules, "streamlit_drawable_canvas", None)
    lab.trained(dataset="mnist")
    app = opened(monkeypatch, lab)

    assert not app.exception
    assert "pip install -r requirements.txt" in app.info[0].value


@pytest.mark.parametrize("drawn", [None, {}, {"objects": []}, [], "text"])
def test_an_empty_sheet_is_no_picture(drawn):
    assert own_sources._ink(lambda **_: SimpleNamespace(json_data=drawn, image_bytes=b"x")) is None


def test_what_a_browser_sends_in_place_of_a_drawing_is_no_picture():
    class Odd:
        json_data = {"objects": [1]}  # noqa: RUF012

        @property
        def image_bytes(self):
            _, encoded = ["no data"]
            return encoded

    assert own_sources._ink(lambda **_: Odd()) is None


def answer(probabilities, classes=None, **changes):
    values = {"mean": (), "std": ()} | changes
    names = classes or tuple("abcdefghijklmnop"[: len(probabilities)])
    return OwnAnswer("best", 1, names, probabilities, (1, 28, 28), values["mean"], values["std"], 0.0, 1.0, "data:")


def test_an_answer_in_words():
    assert own_answer.headline(answer((0.1, 0.9))) == "b, 90.0 % sure"
    assert own_answer.headline(answer((0.55, 0.45))) == "A guess: a, 55.0 % sure"
    assert "Nearly as probable" in own_answer.second(answer((0.55, 0.45)))
    assert own_answer.second(answer((0.1, 0.9))) == "The next most probable class is a, 10.0 %."
    assert own_answer.headline(answer((0.99999, 0.00001))) == "a, > 99.9 % sure"
    assert own_answer.normalisation(answer((1.0, 0.0))) == "Each value was divided by 255. Its values run from 0 to 1."
    colour = own_answer.normalisation(answer((1.0, 0.0), mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.2)))
    assert "the mean 0.5, 0.4, 0.3" in colour and "(red, green, blue)" in colour


def test_the_address_knows_every_step():
    assert {name for style in ("digits", "clothes", "photographs") for name in step_names(style)} | {"source", "with"} == set(
        OF_OWN
    )
