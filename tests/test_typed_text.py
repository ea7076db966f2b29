"""What people type shows as typed, and never becomes markup, a command to the terminal, or a path."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cnnlab.cli import app
from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError, RunNotFound
from cnnlab.lab import Lab
from cnnlab.system.home import run_folder
from cnnlab.values import EvaluatedRun

NAMES = [
    "<script>alert('x')</script>",
    "\"quotes\" 'and' `backticks` & ampersands; -- DROP TABLE runs",
    "تجربة أولى مع ReLU",
    "שלום LeNet",
    "evil\u202egpj.exe",
    "line one\nline two\ttab",
    "\x1b[31mred\x1b[0m\x07",
    "[bold]rich[/bold] {braces} %s %(x)s ${HOME} ![p](http://example.org/p.png)",
    "नमस्ते 👩‍🔬 e\u0301",
    "nul\0inside",
    "x" * 10_000,
    "长" * 10_000,
]
OUTSIDE = [
    "../../etc",
    "../" * 200,
    "/etc/passwd",
    "..",
    ".",
    "",
    "\0",
    "deadbeef\0",
    "deadbee",
    "DEADBEEF",
    "%2e%2e%2f",
    "C:\\Windows",
    "' OR 1=1 --",
    "\ud800",
    "x" * 1_000_000,
]


@pytest.mark.parametrize("text", NAMES, ids=range(len(NAMES)))
def test_names_notes_and_owners_come_back_as_they_were_typed(store, text):
    run_id = store.create(RunConfig.make(), "token", text, owner=text, note=text)
    run = store.run(run_id)
    assert (run.name, run.note, run.owner) == (text, text, text)
    store.rename(run_id, text[::-1], owner=text)
    store.annotate(run_id, text * 2, owner=text)
    assert (store.runs()[0].name, store.runs()[0].note) == (text[::-1], text * 2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(st.text(max_size=200))
def test_any_text_is_kept(store, text):
    run_id = store.create(RunConfig.make(), f"token of {text}", text)
    assert store.run(run_id).name == text


def test_text_that_is_no_unicode_is_kept_readable(store):
    """Half a surrogate pair comes from a command line in another encoding; SQLite keeps none."""
    run_id = store.create(RunConfig.make(), "token", "caf\udce9", note="\ud800")
    store.rename(run_id, "th\udce9")
    assert store.run(run_id).name == "th?"


@pytest.mark.parametrize("text", NAMES, ids=range(len(NAMES)))
def test_the_command_line_shows_a_name_on_one_line_without_steering_the_terminal(store, tmp_path, text):
    store.create(RunConfig.make(), "token", text)
    listed = CliRunner().invoke(app, ["runs", "--home", str(tmp_path)])
    assert listed.exit_code == 0, listed.stderr
    assert len(listed.stdout.splitlines()) == 2
    assert "\x1b" not in listed.stdout
    assert "\u202e" not in listed.stdout
    if text.replace("\u200d", "").isprintable():
        assert text in listed.stdout
    exact = CliRunner().invoke(app, ["runs", "--json", "--home", str(tmp_path)])
    assert json.loads(exact.stdout)["runs"][0]["name"] == text


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


@pytest.mark.parametrize("run_id", OUTSIDE, ids=range(len(OUTSIDE)))
def test_an_id_from_outside_never_becomes_a_path(tmp_path, run_id):
    home = tmp_path / "home"
    lab = Lab(home)
    kept = tmp_path / "etc"
    kept.mkdir()
    (kept / "last.pt").write_text("another user's")
    lab.close()  # the last connection to close removes SQLite's two extra files
    before = files(tmp_path)
    asks = [
        lambda: lab.run(run_id),
        lambda: lab.predictions(run_id),
        lambda: lab.disagreements(run_id, run_id),
        lambda: lab.delete(run_id),
        lambda: lab.disk_bytes(run_id),
        lambda: lab.stop(run_id),
        lambda: lab.pause(run_id),
        lambda: lab.resume(run_id),
        lambda: lab.extend(run_id, 1),
        lambda: lab.rename(run_id, "x"),
        lambda: lab.annotate(run_id, "x"),
        lambda: lab.move_in_queue(run_id, 1),
        lambda: lab.events(run_id),
        lambda: lab.epochs(run_id),
        lambda: lab.progress(run_id),
    ]
    for ask in asks:
        with pytest.raises(RunNotFound, match="There is no run ") as caught:
            ask()
        assert len(str(caught.value)) < 200
        assert str(caught.value).isprintable()
    lab.close()
    assert files(tmp_path) == before
    if "\0" not in run_id and "\ud800" not in run_id and len(run_id) < 10_000 and run_id:
        shown = CliRunner().invoke(app, ["predict", "--home", str(home), "--", run_id])
        assert (shown.exit_code, shown.stdout) == (2, "")
        assert shown.stderr.startswith("There is no run ")


@pytest.mark.parametrize("run_id", OUTSIDE, ids=range(len(OUTSIDE)))
def test_the_helper_refuses_ids_that_are_none(tmp_path, run_id):
    from cnnlab.compute.predictions import predictions

    with pytest.raises(CNNLabError, match="There is no run"):
        predictions(tmp_path, run=EvaluatedRun(run_id, "sample", None), checkpoint="last")
    with pytest.raises(CNNLabError, match="There is no checkpoint"):
        predictions(tmp_path, run=EvaluatedRun("deadbeef", "sample", None), checkpoint=run_id)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("run_id", OUTSIDE, ids=range(len(OUTSIDE)))
def test_the_folder_of_a_run_takes_only_what_the_store_gives_out(tmp_path, run_id):
    with pytest.raises(RunNotFound, match="There is no run "):
        run_folder(tmp_path, run_id)
