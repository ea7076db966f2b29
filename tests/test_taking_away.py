"""What leaves the lab from a page: a network's code on Design, and exports of a run, which a process makes and checks."""

from __future__ import annotations

import json
import os
import subprocess
import time
import zipfile
from pathlib import Path

import pytest
from page_fakes import FakeLab, open_page, widget
from streamlit.testing.v1 import AppTest

from cnnlab import taking_away
from cnnlab.errors import RunNotFound
from cnnlab.network_code import network_code
from cnnlab.taking_away import OFFERS, TakingAway

RUN = "a0000001"
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
    take_away(st.session_state["lab"], "a0000001", evaluated=True)


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
