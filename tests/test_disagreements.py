"""Where two networks disagree, from what their checkpoints keep."""

from __future__ import annotations

import pytest
import torch

from cnnlab.compute import answers
from cnnlab.compute.disagreements import disagreements
from cnnlab.datasets.loading import load
from cnnlab.datasets.places import Places
from cnnlab.errors import CheckpointError, ConfigError
from cnnlab.system.home import run_folder

RUNS = ("0000000a", "0000000b")


@pytest.fixture
def said(tmp_path, monkeypatch):
    """Has two runs say things of the first test images of the sample; returns the images' true labels."""
    known = {}

    def read(path):
        if path not in known:
            raise CheckpointError("This run has no checkpoint yet.")
        return known[path]

    monkeypatch.setattr(answers, "_said", read)

    def say(*predicted):
        for run, each in zip(RUNS, predicted, strict=True):
            known[run_folder(tmp_path, run) / "best.pt"] = answers._Said(
                3, tuple("abcdefghij"), torch.tensor(each), torch.full((len(each),), 0.5)
            )

    say.labels = load("sample", Places(tmp_path, None)).test_labels.tolist()
    return say


def ask(home, *, dataset="sample", **changes):
    pair = [{"run": run, "dataset": each, "data": None} for run, each in zip(RUNS, ("sample", dataset), strict=True)]
    return disagreements(home, first=pair[0], second=pair[1], **changes)


def test_each_disagreement_is_counted_by_who_is_right(tmp_path, said):
    a, b, c, d, *_ = said.labels
    said([a, b, (c + 1) % 10, (d + 1) % 10], [a, (b + 1) % 10, c, (d + 2) % 10])

    answer = ask(tmp_path)

    assert [answer[name] for name in ("both", "only_first", "only_second", "neither", "total", "test_images")] == [1, 1, 1, 1, 3, 4]
    assert [item["picture"]["index"] for item in answer["items"]] == [1, 2, 3]
    assert answer["items"][0]["predicted"] == [b, (b + 1) % 10]


@pytest.mark.parametrize(("right", "index"), [("first", 1), ("second", 2), ("neither", 3)])
def test_one_kind_alone_can_be_asked_for(tmp_path, said, right, index):
    a, b, c, d, *_ = said.labels
    said([a, b, (c + 1) % 10, (d + 1) % 10], [a, (b + 1) % 10, c, (d + 2) % 10])

    answer = ask(tmp_path, right=right)

    assert [item["picture"]["index"] for item in answer["items"]] == [index]
    assert answer["total"] == 1


def test_the_same_wrong_answer_is_no_disagreement(tmp_path, said):
    wrong = (said.labels[0] + 1) % 10
    said([wrong], [wrong])

    assert ask(tmp_path)["total"] == 0


def test_pages_follow_each_other(tmp_path, said):
    said([0] * 20, [1] * 20)

    first, second = (ask(tmp_path, offset=offset, count=15)["items"] for offset in (0, 15))

    assert [item["picture"]["index"] for item in first + second] == list(range(20))


def test_runs_of_different_data_or_different_images_are_a_sentence(tmp_path, said):
    said([0, 1], [0])

    with pytest.raises(CheckpointError, match="different images"):
        ask(tmp_path, dataset="mnist")
    with pytest.raises(CheckpointError, match=r"different numbers of images \(2 and 1\)"):
        ask(tmp_path)


def test_more_predictions_than_images_are_a_sentence(tmp_path, said):
    count = len(said.labels) + 1
    said([0] * count, [1] * count)

    with pytest.raises(CheckpointError, match="have changed"):
        ask(tmp_path)


@pytest.mark.parametrize("changes", [{"right": "x"}, {"count": 0}, {"count": 10_000}, {"offset": -1}])
def test_what_cannot_be_asked_is_a_sentence(tmp_path, said, changes):
    said([0], [1])

    with pytest.raises(ConfigError):
        ask(tmp_path, **changes)


def test_an_id_never_becomes_a_path(tmp_path):
    run = {"run": "../../etc/passwd", "dataset": "sample", "data": None}

    with pytest.raises(CheckpointError, match="There is no run"):
        disagreements(tmp_path, first=run, second=run)
