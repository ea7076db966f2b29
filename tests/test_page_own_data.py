"""Own images on the Data page: bringing them, their check-up, labels that may be wrong; whatever classes are called."""

from __future__ import annotations

from dataclasses import replace

import pytest
from page_fakes import FakeLab, open_page, switched_pages, widget
from page_own_data import CLEAN, NASTY, own_set, pair

from cnnlab.datasets.own import ImageAt
from cnnlab.errors import DataError
from cnnlab.own_data.checkup import Place, Repeated, Search, Suspect
from cnnlab.own_data.values import Choices, ImportStatus, SharedSource

FOUND = Search(
    "finished", 1.0, images=360, folds=4, accuracy=0.8, mistakes=72,
    suspects=(Suspect("train", 7, 1, 0, 0.99), Suspect("test", 3, 3, 2, 0.9)),
)  # fmt: skip
RUNNING = ImportStatus("running", "reading", 50, 200, "My *flowers*", "")


@pytest.fixture
def lab():
    lab = FakeLab()
    lab.own_data.keep(own_set())
    lab.checking.found = replace(
        CLEAN, train_counts=(50,) * 6, test_counts=(10,) * 6, compared=360, same=Repeated(1, 0, 1, 1), all_pairs=2,
        pairs=(pair(Place("train", 0, 0), Place("train", 6, 2)), pair(Place("train", 4, 5), Place("test", 1, 5), exact=False)),
    )  # fmt: skip
    return lab


def drawn(app) -> str:
    """All that is shown as Markdown, HTML or plain text."""
    texts = [each.value for kind in (app.markdown, app.caption, app.error, app.warning, app.info, app.success) for each in kind]
    return "\n".join([*texts, *(each.proto.body for each in app.get("html"))])


@pytest.mark.parametrize("view", ["pictures", "checkup", "labels"])
def test_what_people_typed_is_text_in_every_view(monkeypatch, lab, view):
    lab.checking.searched = FOUND
    app = open_page(monkeypatch, "data", lab, dataset="own-flowers", view=view)

    assert not app.exception
    text = drawn(app)
    assert "<img src=x" not in text
    assert "<b>cat</b>" not in text
    assert not any("[link](" in each.value or ":smile:" in each.value for each in (*app.markdown, *app.caption))
    assert widget(app.selectbox, "Data set").options[-1] == "My <b>flowers</b>"  # a list shows it as it is
    tables = [cell for table in app.dataframe for column in table.value for cell in map(str, table.value[column])]
    assert not any(cell.startswith("=") for cell in tables)


def test_the_check_up_names_what_is_to_be_looked_at_before_what_is_fine(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab, dataset="own-flowers", view="checkup")

    findings = [each.value for each in app.markdown if each.value.startswith((":orange[:material/warning:]", ":material/check:"))]
    warnings = [each for each in findings if ":orange" in each]
    assert findings[: len(warnings)] == warnings
    assert any("1 test image is also a training image, pixel by pixel" in each for each in warnings)
    assert any("1 file could not be read and was left out: \\<b\\>cat" in each for each in warnings)
    assert any("640 × 480 px (50), 32 × 32 px (3); of each is kept, at 64 × 64 px: its middle" in each for each in findings)
    assert any("Suggested: 128 × 128 px" in each for each in findings)
    assert any("15 % of each class are test images, drawn with the seed 0" in each for each in findings)
    table = app.dataframe[-1].value
    assert table["Why it matters"].tolist() == ["different labels", "trained on and tested on"]
    assert table["The other"].tolist()[1].startswith("test image 2: ")


def test_rare_classes_are_named_and_a_built_in_set_has_a_check_up_too(monkeypatch, lab):
    lab.checking.found = replace(CLEAN, train_counts=(600,) * 9 + (3,))
    app = open_page(monkeypatch, "data", lab, view="checkup")

    assert "1 class has fewer than 20 training images, and is hard to learn: Ankle boot (3)" in drawn(app)
    assert "No image is there twice" in drawn(app)
    assert not [each for each in app.button if each.label.startswith("Delete")]

    lab.checking.found = replace(CLEAN, complete=False)
    text = drawn(app.run())
    assert "No two images that look almost the same were found." in text and "about half of the pairs" in text
    lab.checking.found = DataError("The images are damaged.")
    assert "The images are damaged." in drawn(open_page(monkeypatch, "data", lab, view="checkup"))


def test_a_thousand_classes_are_a_table(monkeypatch, lab):
    lab.own_data.keep(own_set(tuple(f"class {number}" for number in range(1_000))))
    app = open_page(monkeypatch, "data", lab, dataset="own-flowers")

    assert not app.exception
    assert len(app.dataframe[0].value) == 1_000
    assert "one in 1000 (0.1 %)" in drawn(app)


def test_a_file_is_imported_with_what_was_chosen_and_is_opened_when_it_is_there(monkeypatch, lab):
    lab.own_data.kept.clear()
    app = open_page(monkeypatch, "data", lab)
    widget(app.button, "Bring your own images").click().run()
    assert widget(app.button, "Import").disabled

    app.file_uploader[0].upload("flowers.tar.gz", b"packed", "application/gzip").run()
    widget(app.selectbox, "Size").set_value(32).run()
    widget(app.selectbox, "Colour").set_value("gray").run()
    widget(app.slider, "Test images").set_value(25).run()
    widget(app.button, "Import").click().run()

    assert lab.own_data.asked == [
        ("upload", "flowers.tar.gz", b"packed", Choices("flowers", 32, "gray", "crop", 0.25, 0), "", True)
    ]
    lab.own_data.progress = replace(RUNNING, state="finished", name="own-flowers")
    lab.own_data.keep(own_set())
    app.run()
    assert widget(app.selectbox, "Data set").value == "own-flowers"
    assert "Before you train" in [each.value for each in app.header]
    opened = switched_pages(monkeypatch)
    widget(app.button, "Train on this").click().run()
    assert opened == [("pages/train.py", {"dataset": "own-flowers"})]


def test_a_refused_import_keeps_the_dialog_with_the_reason(monkeypatch, lab):
    lab.own_data.offered = (SharedSource("birds.zip", "file", 5_000_000), SharedSource("cells", "folder", None))
    lab.own_data.refusal = DataError("Another import runs: wait until it has ended.")
    app = open_page(monkeypatch, "data", lab)
    widget(app.button, "Bring your own images").click().run()
    widget(app.get("button_group"), "Where from").set_value("shared").run()
    assert widget(app.selectbox, "Data set of your teacher").options == ["birds.zip (5 MB)", "cells"]
    widget(app.selectbox, "Data set of your teacher").set_value("cells").run()
    widget(app.button, "Import").click().run()

    assert app.error[0].value == "Another import runs: wait until it has ended."
    lab.own_data.refusal = None
    widget(app.button, "Import").click().run()
    assert lab.own_data.asked == [("take_shared", "cells", Choices("cells"), "", True)]


def test_an_import_is_shown_on_every_visit_and_can_be_stopped_by_its_owner(monkeypatch, lab):
    lab.own_data.progress = RUNNING
    app = open_page(monkeypatch, "data", lab)
    assert any("Reading **My \\*flowers\\***: 50 of 200 pictures" in each.proto.text for each in app.get("progress"))
    app.button(key="data:stop import").click().run()
    assert lab.own_data.asked == [("stop", "")]

    lab.own_data.progress = replace(RUNNING, owner="Ana")
    assert open_page(monkeypatch, "data", lab).button(key="data:stop import").disabled
    lab.own_data.progress = replace(RUNNING, state="failed", message="flowers.zip holds no pictures.")
    app = open_page(monkeypatch, "data", lab)
    assert app.error[0].value == "flowers.zip holds no pictures."
    widget(app.button, "Close").click().run()
    assert not app.error


def test_mistakes_of_less_sure_networks_are_listed_after_the_confident_ones_and_called_so(monkeypatch, lab):
    lab.checking.searched = replace(FOUND, mistakes=2, less_sure=1)
    app = open_page(monkeypatch, "data", lab, dataset="own-flowers", view="labels")
    assert "1 label is contradicted with confidence, of 2 mistakes. The last row of the table is another mistake" in drawn(app)

    lab.checking.searched = replace(FOUND, mistakes=2, less_sure=2)
    app = open_page(monkeypatch, "data", lab, dataset="own-flowers", view="labels")
    assert "No label is contradicted with confidence. The last 2 rows of the table are other mistakes" in drawn(app)


def test_labels_are_searched_looked_at_set_aside_and_taken_back(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab, dataset="own-flowers", view="labels")
    widget(app.button, "Search for wrong labels").click().run()
    assert lab.checking.asked == [("begin", "own-flowers")]
    assert any(each.proto.text == "Searching: 25 % done, about 2 minutes left" for each in app.get("progress"))

    lab.checking.searched = FOUND
    app.run()
    assert "80.0 % of 360 images were recognised by networks that had not seen them" in drawn(app)
    assert "looked at" not in drawn(app)
    rows = app.dataframe[-1].value
    assert (rows["Sure"].tolist(), rows["Image"].tolist()) == (["99 %", "90 %"], ["training 8", "test 4"])
    assert widget(app.button, "Set aside (0)").disabled

    app.session_state["data:suspects own-flowers"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    widget(app.button, "Set aside (1)").click().run()
    assert lab.own_data.asked[-1] == ("set_aside", "own-flowers", (ImageAt("train", 7),), "")
    assert widget(app.selectbox, "Data set").value == "own-flowers.2"
    assert app.dataframe[-1].value["Used"].tolist() == ["set aside", "yes"]

    app.session_state["data:suspects own-flowers.2"] = {"selection": {"rows": [0, 1], "columns": [], "cells": []}}
    app.run()
    widget(app.button, "Take back (1)").click().run()
    assert lab.own_data.asked[-1] == ("take_back", "own-flowers.2", (), "")
    assert widget(app.selectbox, "Data set").value == "own-flowers.3"

    lab.checking.searched = replace(FOUND, images=90)
    assert "The search looked at 90 of the " in drawn(app.run())


def test_a_link_to_an_older_version_opens_the_newest(monkeypatch, lab):
    lab.own_data.kept = {"own-flowers.4": own_set(name="own-flowers.4", version=4)}

    app = open_page(monkeypatch, "data", lab, dataset="own-flowers.2")

    assert widget(app.selectbox, "Data set").value == "own-flowers.4"
    assert not app.warning


def test_a_set_of_another_person_can_be_looked_at_but_not_changed(monkeypatch, lab):
    lab.own_data.kept["own-flowers"] = own_set(owner="Ana")
    app = open_page(monkeypatch, "data", lab, dataset="own-flowers", view="labels")

    closed = [widget(app.button, label) for label in ("Search for wrong labels", "Delete …")]
    assert all(button.disabled and "belongs to Ana" in button.help for button in closed)


def test_its_owner_calls_it_otherwise_and_deletes_it(monkeypatch, lab):
    app = open_page(monkeypatch, "data", lab, dataset="own-flowers")
    widget(app.text_input, "Title").set_value("Roses")
    widget(app.button, "Rename").click().run()
    assert widget(app.selectbox, "Data set").value == "own-flowers"
    assert lab.own_data.asked[-1] == ("rename", "own-flowers", "Roses", "")

    widget(app.button, "Delete …").click().run()
    widget(app.button, "Delete it").click().run()
    assert lab.own_data.asked[-1] == ("delete", "own-flowers", "")
    assert "Fashion" in drawn(app)
    assert NASTY[0] not in drawn(app)
