"""The weights that are kept after epochs: which ones, how much room they take, and that no run ends or differs for them."""

from __future__ import annotations

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab import epoch_weights
from cnnlab.compute.trained import network_of
from cnnlab.errors import CheckpointError
from cnnlab.system.files import drop_checkpoints
from cnnlab.training import checkpoints, kept
from cnnlab.training.engine import train

LENET = {"architecture": "lenet", "options": {"activation": "relu"}}
DATA = quadrants(train=60, test=20)


def written(folder, epoch, size=1_000):
    epoch_weights.write(folder, epoch, size, lambda: b"x" * size)


@pytest.mark.parametrize(("size", "room"), [(1_666_666, 3), (250_000, 20), (1_000, 5_000)])
def test_the_files_never_take_more_than_their_bound_and_the_first_two_epochs_stay(size, room):
    for epoch in [*range(70), 999, 100_000]:
        chosen = epoch_weights.wanted(epoch, size)
        assert len(chosen) <= room
        assert {0, min(1, epoch)} <= chosen
        assert max(chosen) <= epoch
        assert len(chosen) >= min(epoch + 1, room // 2), "no more than half of the room is left empty"


def test_of_a_full_folder_every_second_epoch_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(epoch_weights, "LARGEST", 5_000)
    for epoch in range(12):
        written(tmp_path, epoch)

    assert epoch_weights.kept(tmp_path) == (0, 1, 4, 8)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 5_000


def test_a_network_that_is_too_large_keeps_nothing(tmp_path):
    written(tmp_path, 0, size=2_000_000)

    assert epoch_weights.kept(tmp_path) == ()
    assert epoch_weights.total_bytes(11_000_000, 10) == 0
    assert epoch_weights.total_bytes(61_706, 10) == 11 * 254_824
    assert epoch_weights.total_bytes(61_706, 100) == epoch_weights.LARGEST


def test_epochs_that_a_resumed_run_repeats_are_dropped(tmp_path):
    for epoch in range(4):
        written(tmp_path, epoch)
    written(tmp_path, 2)

    assert epoch_weights.kept(tmp_path) == (0, 1, 2)


def test_a_folder_that_refuses_ends_nothing_and_has_no_epochs(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    written(tmp_path / "file", 1)

    assert epoch_weights.kept(tmp_path / "file") == ()
    assert epoch_weights.kept(tmp_path / "nowhere") == ()


def test_a_run_keeps_its_weights_from_before_the_training_on_and_they_open_as_a_network(tmp_path):
    config = settings(epochs=2, **LENET)
    list(train(config, DATA, folder=tmp_path))

    assert epoch_weights.kept(tmp_path) == (0, 1, 2)
    last = checkpoints.load(tmp_path / checkpoints.LAST)["model"]
    for epoch in (0, 2):
        record = kept.load(epoch_weights.file_of(tmp_path, epoch))
        network = network_of(record)
        assert (network.about.epoch, network.about.test_images) == (epoch, 20)
        same = torch.equal(network.model.get_submodule("conv1").weight, last["conv1.weight"])
        assert same == (epoch == 2)
        size = epoch_weights.file_of(tmp_path, epoch).stat().st_size
        weights = sum(4 * each.numel() for each in record["model"].values())
        assert weights < size < weights + epoch_weights.ENVELOPE + 500 * len(record["model"])


def test_a_resumed_run_keeps_what_one_that_was_never_paused_keeps(tmp_path):
    config = settings(epochs=3, batch_size=20, **LENET)
    list(train(config, DATA, folder=tmp_path / "whole"))
    list(train(config, DATA, folder=tmp_path / "paused", pausing=lambda: True))
    _, checkpoint = checkpoints.load_latest(tmp_path / "paused")
    list(train(config, DATA, folder=tmp_path / "paused", resume=checkpoint))

    assert epoch_weights.kept(tmp_path / "paused") == epoch_weights.kept(tmp_path / "whole") == (0, 1, 2, 3)
    one, other = (kept.load(epoch_weights.file_of(tmp_path / name, 2))["model"] for name in ("paused", "whole"))
    assert all(torch.equal(one[name], other[name]) for name in other)


def test_a_torn_file_is_a_sentence_and_a_run_that_starts_over_keeps_none(tmp_path):
    folder = tmp_path / "runs" / "a1234567"
    folder.mkdir(parents=True)
    written(folder, 3)
    with pytest.raises(CheckpointError, match=r"epoch-3\.pt is damaged"):
        kept.load(epoch_weights.file_of(folder, 3))

    drop_checkpoints(tmp_path, "a1234567")

    assert epoch_weights.kept(folder) == ()
