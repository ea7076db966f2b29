"""What leaves the lab from a page: a network's code on Design, and exports of a run, which a process makes and checks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from own_files import folder, job, pets
from page_fakes import FakeLab, open_page, widget
from streamlit.testing.v1 import AppTest

from cnnlab import taking_away
from cnnlab.config import RunConfig
from cnnlab.errors import ExportError, RunNotFound
from cnnlab.exports.script_images import loading
from cnnlab.network_code import network_code
from cnnlab.own_data.bringing import bring
from cnnlab.taking_away import OFFERS, TakingAway

RUN = "a0000001"
subprocess_run = subprocess.run  # the fixture puts another in its place
SCRIPT, ONNX = (next(offer for offer in OFFERS if offer.kind == kind) for kind in ("script", "onnx"))


class Command:
    """Stands in for the command line: writes what it is asked for, or fails."""

    def __init__(self, failure: str = "") -> None:
        self.failure = failure
        self.calls: list[list[str]] = []

    def __call__(self, command, **_settings):
        self.calls.append(command)
        if self.failure:
            return subprocess.CompletedProcess(command, 1, "", f"Checking …\n{self.failure}\n")
        Path(command[command.index("--output") + 1]).write_text("content", encoding="utf-8")
        return subprocess.CompletedProcess(command, 0, json.dumps({"check": "script: 10 of 10 predictions equal"}) + "\n", "")


@pytest.fixture
def away(tmp_path, monkeypatch):
    """The exports of a home with one run, and the command that makes them."""
    (tmp_path / "runs" / RUN).mkdir(parents=True)
    (tmp_path / "runs" / RUN / "best.pt").touch()
    command = Command()
    monkeypatch.setattr(taking_away.subprocess, "run", command)
    return TakingAway(tmp_path, None, lambda *_, **__: None), command


def until_over(exports: TakingAway, *which) -> taking_away.ExportState:
    for _ in range(200):
        if (found := exports.state(*which)).state != "working":
            return found
        time.sleep(0.02)
    raise AssertionError("still working")


def test_an_export_is_made_once_and_offered_with_its_check(away):
    exports, command = away
    assert exports.state(RUN, SCRIPT, "zh").state == "none"

    exports.start(RUN, SCRIPT, "zh")
    found = until_over(exports, RUN, SCRIPT, "zh")

    assert (found.state, found.sentence) == ("done", "script: 10 of 10 predictions equal")
    assert found.file.name == f"{RUN}-zh.py"
    assert found.file.read_text(encoding="utf-8") == "content"
    assert exports.state(RUN, SCRIPT, "en").state == "none"
    assert command.calls[0][command.calls[0].index("--language") + 1] == "zh"


def test_better_weights_make_an_export_stale(away, tmp_path):
    exports, _ = away
    exports.start(RUN, SCRIPT)
    until_over(exports, RUN, SCRIPT)

    later = time.time() + 10
    os.utime(tmp_path / "runs" / RUN / "best.pt", (later, later))

    assert exports.state(RUN, SCRIPT).state == "none"


def test_several_files_come_as_one(away):
    exports, _ = away

    exports.start(RUN, ONNX)
    found = until_over(exports, RUN, ONNX)

    assert zipfile.ZipFile(found.file).namelist() == [f"{RUN}.onnx"]
    assert sorted(path.name for path in found.file.parent.iterdir()) == [f"{RUN}-onnx.zip", f"{RUN}-onnx.zip.json"]


def test_an_export_that_fails_its_check_is_not_offered_and_can_be_tried_again(away, tmp_path):
    exports, command = away
    command.failure = f"The script does not run: {tmp_path}/runs is odd."

    exports.start(RUN, SCRIPT)
    found = until_over(exports, RUN, SCRIPT)

    assert (found.state, found.file) == ("failed", None)
    assert found.sentence == "The script does not run: runs in the lab's folder is odd."
    command.failure = ""
    exports.start(RUN, SCRIPT)
    assert until_over(exports, RUN, SCRIPT).state == "done"


def test_the_sample_lies_beside_a_script_once_its_zip_is_unpacked_there(away, tmp_path):
    images = away[0].images("sample")
    zipfile.ZipFile(BytesIO(images.packed())).extractall(tmp_path / "taken")

    code = loading(RunConfig()).removesuffix("\n")
    program = f"import gzip, hashlib\nfrom pathlib import Path\nimport torch\nFOLDER = Path('sample')\n{code}\n"
    shown = "print([(len(images), len(labels)) for images, labels in map(load_images, (True, False))])"
    done = subprocess_run(
        [sys.executable, "-c", program + shown], cwd=tmp_path / "taken", capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[(6000, 6000), (1000, 1000)]"
    assert images.size == sum(file.stat().st_size for file in (tmp_path / "taken" / "sample").iterdir())


def test_a_sample_that_vanishes_while_it_is_read_is_a_sentence(away, tmp_path, monkeypatch):
    monkeypatch.setattr(taking_away, "SAMPLE_FOLDER", tmp_path / "sample")
    with pytest.raises(
        ExportError, match=r"sample, which come with the lab, cannot be read \(No such file or directory\): install"
    ):
        away[0].images("sample")
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "train.gz").symlink_to(tmp_path / "gone")
    with pytest.raises(ExportError, match=r"cannot be read \(No such file"):
        away[0].images("sample")


def test_own_images_leave_without_the_names_of_their_files_and_who_brought_them(away, tmp_path, monkeypatch):
    exports, _ = away
    brought = bring(job(tmp_path, folder(tmp_path / "pets", pets(10)), "My pets", owner="Ana Silva"))

    images = exports.images(brought.name)
    assert zipfile.ZipFile(BytesIO(images.packed())).namelist() == [
        f"{brought.base}/{name}" for name in ("test.labels.npy", "test.u8", "train.labels.npy", "train.u8")
    ]
    monkeypatch.setattr(taking_away, "MOST_IMAGES", 10)
    with pytest.raises(ExportError, match="a page hands out at most 10 bytes: on the lab's machine, copy the folder own-my-pets"):
        exports.images(brought.name)
    (tmp_path / "own_data" / brought.base / "train.u8").unlink()
    with pytest.raises(ExportError, match="My pets are damaged or missing"):
        exports.images(brought.name)
    assert exports.images("mnist") is exports.images("../x") is None


def test_an_address_becomes_no_path(away):
    with pytest.raises(RunNotFound):
        away[0].start("../../etc", SCRIPT)


class CodeLab(FakeLab):
    """Answers for the code as the helper does."""

    class away:  # noqa: N801 - an attribute of the lab
        @staticmethod
        def code(*network):
            return network_code(*network).whole


def test_design_shows_the_code_of_the_network_at_hand_when_asked(monkeypatch):
    app = open_page(monkeypatch, "design", CodeLab(), activation="tanh")
    assert not app.code

    app.session_state["the code of the network"] = True
    app.run()

    assert not app.exception
    (shown,) = app.code
    assert "    activation1=nn.Tanh()," in shown.value
    assert shown.language == "python"
    widget(app.selectbox, "Pooling").set_value("max").run()
    assert "nn.MaxPool2d(2, stride=2)" in app.code[0].value


def _section():
    import streamlit as st  # a script of its own

    from pages._parts.run.away import AWAY, take_away

    st.session_state.setdefault(AWAY, True)
    take_away(st.session_state["lab"], "a0000001", evaluated=True, dataset="sample")


def test_a_run_is_taken_away_with_what_its_check_found(away):
    exports, _ = away
    app = AppTest.from_function(_section)
    app.session_state["lab"] = type("Lab", (), {"away": exports})
    app.session_state["take the run away"] = True
    app.run()
    assert not app.exception

    widget(app.button, "Make and check it").click().run()
    until_over(exports, RUN, SCRIPT)
    app.run()

    assert not app.exception
    assert [each.value for each in app.success] == ["Checked: script\\: 10 of 10 predictions equal"]
    assert app.caption[-1].value == "The program reads them from the folder sample in sample.zip: unpack it beside the program."
