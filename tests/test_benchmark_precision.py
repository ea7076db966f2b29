"""The precision benchmark trains both precisions in turns, continues an interrupted recording, and compares pairs."""

import json
from itertools import pairwise
from statistics import mean

import pytest

from benchmarks import precision
from benchmarks.precision import CASES, PRECISIONS, Case, between_seeds, differences, measure, pairs, render
from benchmarks.results_page import PAGE
from cnnlab.config import RunConfig

LENET = Case("LeNet, sample", "made for these tests", {"architecture": "lenet", "dataset": "sample"}, epochs=3, limit=8)


def test_the_small_version_trains_both_precisions_and_writes_nothing(capsys, monkeypatch, tmp_path, request):
    if not request.config.getoption("--slow"):
        pytest.skip("a dozen seconds for two trainings, which other benchmarks' small versions cover: --slow")
    monkeypatch.setattr(precision, "RECORD", tmp_path / "precision.json")
    before = PAGE.read_text(encoding="utf-8")

    precision.main(["--small"])

    output = capsys.readouterr()
    assert [line.split(":")[0] for line in output.err.splitlines()] == [f"LeNet, sample, seed 0, {one}" for one in PRECISIONS]
    assert "Fashion-MNIST sample: 256 training and 256 test images, 2 epochs" in output.out
    assert not precision.RECORD.exists()
    assert PAGE.read_text(encoding="utf-8") == before


@pytest.fixture
def jobs(monkeypatch):
    """Replaces trainings by fixed results (seed 0 ends at .80 in float32 and .79 in bfloat16); returns the requested jobs."""
    jobs = []

    def answer(job):
        jobs.append(job)
        seed, short = job["settings"]["seed"], job["settings"]["precision"] == "bfloat16"
        epochs = [0.1, 0.81 + 0.03 * seed, 0.8 + 0.02 * seed - 0.01 * short]
        return {"source": "Sample", "train_images": 8, "test_images": 4, "accuracy": epochs[-1], "accuracies": epochs}

    monkeypatch.setattr(precision, "answer", answer)
    return jobs


def settings(jobs, *names):
    return [tuple(job["settings"][name] for name in names) for job in jobs]


def test_precisions_take_turns_on_the_same_seed_and_images(jobs, tmp_path):
    measure([LENET], 2, tmp_path, {})

    assert settings(jobs, "seed", "precision") == [(0, "float32"), (0, "bfloat16"), (1, "float32"), (1, "bfloat16")]
    for one, other in pairwise(jobs):
        assert {**one, "settings": None} == {**other, "settings": None}


def test_a_recording_goes_on_where_it_ended(jobs, tmp_path):
    path = tmp_path / "record.json"
    measure([LENET], 2, tmp_path, {}, at_most=3, path=path)
    measure([LENET], 2, tmp_path, json.loads(path.read_text(encoding="utf-8")), path=path)
    measure([LENET], 2, tmp_path, json.loads(path.read_text(encoding="utf-8")), path=path)

    assert settings(jobs, "seed", "precision") == [(0, "float32"), (0, "bfloat16"), (1, "float32"), (1, "bfloat16")]
    assert list(pairs(LENET, json.loads(path.read_text(encoding="utf-8")))) == [0, 1]


def test_what_was_recorded_with_other_settings_does_not_count(jobs, tmp_path):
    record = {}
    measure([LENET], 1, tmp_path, record)
    longer = Case(LENET.title, LENET.recipe, LENET.settings, epochs=4, limit=8)

    assert pairs(longer, record) == {}
    measure([longer], 1, tmp_path, record)
    assert [job["epochs"] for job in jobs] == [3, 3, 4, 4]


def test_differences_are_of_pairs_and_stand_beside_what_two_seeds_differ_by(jobs, tmp_path):
    record = {}
    measure([LENET], 3, tmp_path, record, at_most=5)  # the third seed has only float32, so no pair
    by_seed = pairs(LENET, record)

    assert list(by_seed) == [0, 1]
    assert differences(by_seed, "last epoch") == pytest.approx([-1, -1])
    assert differences(by_seed, "best epoch") == pytest.approx([0, 0])
    assert between_seeds(by_seed, "last epoch") == pytest.approx([2])
    assert between_seeds(by_seed, "best epoch") == pytest.approx([3])
    text = render(record, [LENET])
    assert "| LeNet, sample | last epoch | 0.8100 (0.8000–0.8200, n = 2) | −1.00 (−1.00 … −1.00, standard deviation 0.00) |" in text
    assert "| 1.00 (1.00–1.00, n = 2) | 2.00 (2.00–2.00, n = 1) |" in text
    assert "Sample: 8 training and 4 test images, 3 epochs; made for these tests." in text
    assert "| 0 | 0.8000 | 0.7900 | −1.00 | 0.8100 | 0.8100 | +0.00 |" in text


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ({"skipped": "failed: out of memory"}, RuntimeError, "LeNet, sample, seed 0, float32: failed: out of memory."),
        ({"accuracy": None}, ValueError, "Put their folder into CNNLAB_DATA"),
    ],
)
def test_what_is_no_result_is_not_recorded(monkeypatch, tmp_path, answer, error, words):
    monkeypatch.setattr(precision, "answer", lambda job: answer)
    record = {}

    with pytest.raises(error, match=words):
        measure([LENET], 1, tmp_path, record)
    assert record["runs"] == []


def test_figures_of_two_machines_are_not_mixed(jobs, tmp_path):
    with pytest.raises(ValueError, match="another machine"):
        measure([LENET], 1, tmp_path, {"machine": {"cpu": "another", "torch": "1.0"}, "runs": []})
    assert jobs == []


def test_a_title_that_is_not_there_is_answered_with_those_that_are(capsys):
    with pytest.raises(SystemExit):
        precision.main(["--only", "Transformer"])
    assert "VGG-11 ÷ 8" in capsys.readouterr().err


@pytest.fixture(scope="module")
def record():
    return json.loads(precision.RECORD.read_text(encoding="utf-8"))


def test_the_page_shows_what_is_recorded(record):
    assert render(record) in PAGE.read_text(encoding="utf-8")


def test_the_help_of_the_setting_says_what_is_recorded(record):
    words = RunConfig.model_fields["precision"].description
    measured = {case.title.split(",")[0].replace("Small", "small"): pairs(case, record) for case in CASES if pairs(case, record)}

    for name, by_seed in measured.items():
        points = differences(by_seed, "last epoch")
        span = f"{min(points):+.1f} … {max(points):+.1f}".replace("-", "−")
        assert f"{name} {span} (two seeds {mean(between_seeds(by_seed, 'last epoch')):.1f})" in words
