"""Deleting a run deletes its files and nothing else, for every text given as its id."""

import pytest
from made_runs import CONFIG, running

from cnnlab.errors import RunNotFound, RunStateError, StoreError
from cnnlab.events import RunStopped
from cnnlab.lab import Lab
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.system import files

# Deleting


def test_a_run_is_deleted_with_its_files_and_nothing_else(tmp_path):
    lab = Lab(tmp_path)
    store = Store(tmp_path)
    deleted, kept = running(store, "a"), running(store, "b")
    for run_id in (deleted, kept):
        store.stop(run_id)
        store.add(run_id, RunStopped(0, 0.0), to=State.STOPPED)
        (tmp_path / "runs" / run_id).mkdir(parents=True)
        (tmp_path / "runs" / run_id / "last.pt").write_bytes(b"x" * 1_000)
    assert lab.disk_bytes(deleted) == 1_000
    lab.delete(deleted)
    assert [run.id for run in store.runs()] == [kept]
    assert [folder.name for folder in (tmp_path / "runs").iterdir()] == [kept]
    with pytest.raises(RunNotFound):
        lab.delete(deleted)
    lab.close()
    store.close()


@pytest.mark.parametrize("run_id", ["..", "../other", "", ".", "/", "00000000"])
def test_an_id_from_outside_never_becomes_a_path(tmp_path, run_id):
    lab = Lab(tmp_path / "home")
    (tmp_path / "home" / "runs").mkdir(exist_ok=True)
    (tmp_path / "home" / "runs" / "file").write_text("kept")
    for ask in (lab.delete, lab.disk_bytes):
        with pytest.raises(RunNotFound):
            ask(run_id)
    assert (tmp_path / "home" / "runs" / "file").exists()
    lab.close()


def test_a_run_that_may_still_train_is_not_deleted(store):
    run_id = running(store)
    with pytest.raises(RunStateError, match="stop it first"):
        store.delete(run_id)


def test_another_owner_deletes_neither_the_run_nor_its_files(tmp_path):
    lab = Lab(tmp_path)
    run_id = lab._store.create(CONFIG, "t", state=State.FINISHED, owner="ada")
    (tmp_path / "runs" / run_id).mkdir(parents=True)
    with pytest.raises(RunStateError, match="belongs to ada"):
        lab.delete(run_id, owner="grace")
    assert (tmp_path / "runs" / run_id).exists()
    assert [run.id for run in lab.runs()] == [run_id]
    lab.close()


def test_a_run_that_may_still_train_keeps_its_files(tmp_path):
    lab = Lab(tmp_path)
    run_id = lab._store.create(CONFIG, "t")
    (tmp_path / "runs" / run_id).mkdir(parents=True)
    with pytest.raises(RunStateError, match="stop it first"):
        lab.delete(run_id)
    assert (tmp_path / "runs" / run_id).exists()
    lab.close()


def test_a_folder_that_is_a_link_loses_the_link_only(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("kept")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "0123abcd").symlink_to(tmp_path / "elsewhere")
    files.delete_run(tmp_path, "0123abcd")
    assert (tmp_path / "elsewhere" / "file").exists()
    assert not (tmp_path / "runs" / "0123abcd").exists()


def test_files_that_cannot_be_deleted_are_named(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "0123abcd").write_text("no folder")
    with pytest.raises(StoreError, match="files of it are left"):
        files.delete_run(tmp_path, "0123abcd")
