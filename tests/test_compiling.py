"""Compiling beside the training: started only where it pays, used only where it is faster, and harmless when it fails."""

import json
import shutil

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab.events import EpochDone, RunFinished
from cnnlab.training import compiling
from cnnlab.training.compiling import Compiler
from cnnlab.training.engine import train
from cnnlab.training.session import Session

LONG, SHORT = 10_000.0, 10.0  # seconds left


class FakeProcess:
    """A compiling process that has ended with `answer`."""

    def __init__(self, answer):
        self.answer, self.returncode, self.killed = answer, 1, False

    def __call__(self, command, **_):
        self.command = command
        return self

    def poll(self):
        return self.returncode

    def kill(self):
        self.killed = True

    def communicate(self):
        return self.answer, None


@pytest.fixture
def session():
    return Session(settings(compile=True, epochs=2), quadrants())


def answering(monkeypatch, **answer):
    process = FakeProcess(json.dumps(answer) if answer else "")
    monkeypatch.setattr(compiling.subprocess, "Popen", process)
    return process


def test_nothing_is_compiled_for_a_short_run(monkeypatch, session, tmp_path):
    process = answering(monkeypatch, speedup=2.0, seconds=30.0)
    compiler = Compiler(session, tmp_path)
    assert compiler.poll(SHORT) is None
    assert not hasattr(process, "command")


def test_a_long_run_is_compiled_and_told_of_a_gain_that_is_too_small(monkeypatch, session, tmp_path):
    process = answering(monkeypatch, speedup=1.05, seconds=30.0)
    compiler = Compiler(session, tmp_path)
    assert compiler.poll(LONG) is None
    assert "cnnlab.training.compile_ahead" in process.command
    notice = compiler.poll(LONG)
    assert notice.kind == "compiled"
    assert "1.05 times as fast, too little" in notice.message
    assert session.compiled is None
    assert compiler.poll(LONG) is None  # decided
    again = Compiler(session, tmp_path)
    del process.command
    assert again.poll(LONG) is None
    assert not hasattr(process, "command")  # remembered


def test_what_an_earlier_run_compiled_is_switched_to_at_once(monkeypatch, session, tmp_path):
    process = answering(monkeypatch, speedup=2.0, seconds=30.0)
    monkeypatch.setattr(torch, "compile", lambda model, **_: model)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    Compiler(session, tmp_path)._answer(process)
    compiler = Compiler(session, tmp_path)
    assert compiler.poll(5.0) is None  # loading it would take longer than it saves
    assert "2.0 times as fast from here on" in compiler.poll(7.0).message
    assert session.compiled is not None
    assert not hasattr(process, "command")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"error": "No working C++ compiler found", "seconds": 2.0}, "(No working C++ compiler found)"),
        ({}, "(the compiling process ended with code 1)"),
    ],
)
def test_a_compiler_that_fails_costs_the_run_nothing(monkeypatch, session, tmp_path, answer, sentence):
    answering(monkeypatch, **answer)
    compiler = Compiler(session, tmp_path)
    compiler.poll(LONG)
    notice = compiler.poll(LONG)
    assert sentence in notice.message
    assert notice.message.endswith("the run goes on as it is.")
    assert session.compiled is None


def test_a_network_that_cannot_be_compiled_in_the_run_costs_it_nothing(monkeypatch, session, tmp_path):
    def broken(*_, **__):
        raise RuntimeError("no")

    answering(monkeypatch, speedup=2.0, seconds=30.0)
    monkeypatch.setattr(torch, "compile", broken)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    compiler = Compiler(session, tmp_path)
    compiler.poll(LONG)
    assert "does not work here (RuntimeError)" in compiler.poll(LONG).message
    assert session.compiled is None


def test_where_no_process_can_be_started_the_run_goes_on(monkeypatch, session, tmp_path):
    def full(*_, **__):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(compiling.subprocess, "Popen", full)
    compiler = Compiler(session, tmp_path)
    notice = compiler.poll(LONG)
    assert notice.message == "The network could not be compiled (Cannot allocate memory); the run goes on as it is."
    assert compiler.poll(LONG) is None


def test_the_compiling_process_ends_with_the_run(monkeypatch, session, tmp_path):
    process = answering(monkeypatch, speedup=2.0, seconds=30.0)
    process.returncode = None
    compiler = Compiler(session, tmp_path)
    compiler.poll(LONG)
    assert compiler.poll(LONG) is None  # still compiling
    compiler.close()
    assert process.killed


def test_batches_of_another_size_stay_as_they_are(session):
    """The compiled network takes full batches only: 90 images in batches of 16 leave one of 10."""
    seen = []

    def compiled(images):
        seen.append(len(images))
        return session.model(images)

    session.compiled = compiled
    session.begin_epoch()
    while not session.epoch_is_over:
        session.advance()
    assert seen == [16] * 5


@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="compiling needs a C++ compiler")
def test_a_run_switches_to_the_compiled_network_and_learns_the_same(monkeypatch, tmp_path, request):
    """Tolerance: losses of two epochs agree to 1 in 10,000."""
    if not request.config.getoption("--slow"):
        pytest.skip("compiles for half a minute on free cores: --slow")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiling, "WORTH", 0.0)
    monkeypatch.setattr(compiling, "_SWITCH", -1e9)
    config = settings(epochs=2)
    exact = [event for event in train(config, quadrants()) if isinstance(event, EpochDone)]

    session = Session(config, quadrants())
    compiler = Compiler(session, tmp_path)
    compiler.poll(LONG)
    assert compiler._process is not None
    try:
        compiler._process.wait(500)
        notice = compiler.poll(LONG)
    finally:
        compiler.close()
    assert "times as fast from here on" in notice.message, notice.message
    assert session.compiled is not None
    for done in exact:
        session.begin_epoch()
        while not session.epoch_is_over:
            session.advance()
        totals = session.totals()
        assert totals.loss / totals.images == pytest.approx(done.train_loss, rel=1e-4)


def test_a_run_says_nothing_of_compiling_unless_asked(monkeypatch, tmp_path):
    process = answering(monkeypatch, speedup=2.0, seconds=30.0)
    events = list(train(settings(), quadrants(), compiled=tmp_path, progress_every=0))
    assert isinstance(events[-1], RunFinished)
    assert not hasattr(process, "command")
