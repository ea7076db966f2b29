"""The Train page and the sentences of runs in Chinese: no sentence of theirs stays English, nor becomes one of two languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from busy_lab import BusyLab, begun, epoch, own_feed, report
from page_fakes import open_page
from page_text import page_text
from test_golden_train_form import FormLab

from cnnlab.assignments import Task, goal
from cnnlab.config import RunConfig
from cnnlab.events import Notice, RunFinished
from cnnlab.forecasts.limits import Limits
from cnnlab.i18n import translated, using
from cnnlab.known_runs import band_of, compare
from cnnlab.presets import presets
from cnnlab.runs.records import State

GOLDEN = Path(__file__).parent / "golden"


def english(text):
    """Four English words in a row: a sentence, and no name. The button of sweeps has its texts from elsewhere."""
    return re.findall(r"(?:\b[A-Za-z]{2,}[ ,]+){3,}[a-z]{2,}", re.sub(r".*Try several values.*", "", text))


def sentences(*folders):
    files = [file for folder in folders for file in sorted((GOLDEN / folder).glob("*.txt"))]
    lines = {line.strip() for file in files for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("  ")}
    return sorted(line for line in lines if line.endswith(".") and line[0].isupper())


def test_each_diagnosis_is_chinese():
    found = sentences("diagnosis")

    with using("zh"):
        assert [line for line in found if english(translated(line))] == []
    assert len(found) > 50


def test_a_run_beside_known_ones_is_chinese():
    for recipe in presets():
        config = recipe.config()
        for accuracy in (0.02, 0.8, 0.999):
            band = band_of(config)
            beside = compare(band, [epoch(10, accuracy)]) if band else None
            with using("zh"):
                assert beside is None or english(translated(beside.sentence)) == []


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (
            {"epochs": 100, "image_size": 96, "runs_per_owner": 5},
            "这个实验室的上限：100 轮，每边 96 个像素的图像和每人同时 5 个运行。",
        ),
        ({"devices": {"cpu": 1, "cuda:0": 2}}, "这个实验室在 cpu和cuda:0，cuda:0 上同时 2 个运行 上训练。"),
    ],
)
def test_limits_are_chinese(limits, words):
    with using("zh"):
        assert Limits(**limits).in_words() == words


def test_the_goal_of_an_assignment_is_one_sentence():
    task = Task.make(title="Deeper", config=RunConfig.make(), target=0.6, epochs=20, minutes=5)
    with using("zh"):
        assert translated(goal(task)) == "在 20 轮和 5 分钟训练以内，测试准确率不低于 60 %"
        assert goal(task) == "a test accuracy of at least 60 % within 20 epochs and 5 minutes of training"


@pytest.mark.parametrize("address", [{}, {"dataset": "cifar10", "learning_rate": "0"}, {"recipe": "vgg-fashion-mnist"}])
def test_the_form_is_chinese(monkeypatch, tmp_path, address):
    lab = FormLab(tmp_path)
    text = page_text(open_page(monkeypatch, "train", lab, lang="zh", **address))
    lab.store.close()

    assert "学习率" in text
    assert english(text) == []


def test_a_run_is_chinese_for_one_reader_and_english_for_another(monkeypatch, tmp_path):
    own_feed(monkeypatch)
    lab = BusyLab(tmp_path)
    run_id = begun(lab, "mine", 0.3, epochs=2, learning_rate=0.16)
    report(lab, run_id, 12)
    lab.store.add(run_id, epoch(2, 0.2))
    lab.store.add(run_id, Notice("compiled", 2, "The network could not be compiled (no compiler); the run goes on as it is."))
    lab.store.add(run_id, RunFinished(2, 9.0, 0.3, 0.2, 1, 0.3, None), to=State.FINISHED)

    chinese = page_text(open_page(monkeypatch, "train", lab, lang="zh", run=run_id))
    plain = page_text(open_page(monkeypatch, "train", lab, run=run_id))
    lab.store.close()

    assert "网络无法编译（no compiler）；运行照原样继续。" in chinese
    assert english(chinese) == []
    assert "help: learning rate: 学习率" in plain  # the glossary, on the heads of the columns
    assert "terms: [loss: 损失, epoch: 轮]" in plain  # and beside the charts
    assert re.findall(r"[\u4e00-\u9fff]{2,}", re.sub("(help|terms): .*", "", plain)) == []
