"""The training benchmark is fair: all contestants do the same work, the course's loop learns, and figures are paired by round."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import training, training_cases, training_course, training_floors
from benchmarks.contestants import Job, images
from benchmarks.targets import TRAINING
from benchmarks.training_cases import MADE_UP, OURS, bare_configuration, cases, configuration, small_case
from benchmarks.training_course import Colour, CourseLoop, Gray, transform
from cnnlab.config import RunConfig
from cnnlab.datasets.loading import ImageData
from cnnlab.training.session import Session
from cnnlab.training.transforms import Preparation

ROOT = Path(__file__).parents[1]
LEARNS = {
    "architecture": "lenet",
    "options": {"activation": "relu", "pooling": "max"},
    "dataset": "sample",
    "learning_rate": 0.1,
    "momentum": 0.9,
    "batch_size": 64,
    "initialization": "xavier-uniform",
    "device": "cpu",
    "seed": 0,
}


def made_up(channels=1, size=28, count=48):
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (count, channels, size, size), dtype=torch.uint8, generator=generator)
    labels = torch.arange(count) % 10
    return ImageData("made", tuple("0123456789"), pixels, labels, pixels, labels)


def in_process(tmp_path, **job):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.contestants"],
        cwd=ROOT,
        input=json.dumps({"home": str(tmp_path), **job}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_small_version_runs_and_renders():
    record = training.measure(True, 1, device="cpu", without=("course's loop",))

    (case,) = record["cases"]
    assert list(case["rounds"]) == ["ours", "course's loop, tidied", "eager floor"]
    for (done,) in case["rounds"].values():
        assert "skipped" not in done
        assert len(done["seconds"]) == 2
        assert min(done["seconds"]) > 0
        assert done["cold"] >= 0.9 * done["seconds"][0]
        assert done["accuracy"] is None  # accuracy on random images means nothing
    (ours,) = case["rounds"]["ours"]
    # The run's own seconds and the wall clock differ by checkpoints and the time between two epochs.
    assert 0 <= ours["clock"][1] - ours["seconds"][1] < 1.0
    assert (case["source"], case["train_images"], case["steps"]) == (MADE_UP, training.SMALL_IMAGES, 4)
    text = training.render(json.loads(json.dumps(record)))
    assert "| course's loop, tidied |" in text
    assert "made-up images: 256 training and 256 test images, 4 steps an epoch" in text


def test_the_courses_loop_learns_as_well_as_ours(tmp_path, request):
    if not request.config.getoption("--slow"):
        pytest.skip("a quarter of a minute; docs/BENCHMARKS.md shows the accuracies of both after whole runs: --slow")
    job = {"settings": LEARNS, "epochs": 2}

    ours, course = (in_process(tmp_path, kind=kind, **job)["accuracy"] for kind in ("ours", "course"))

    # Chance is 0.1. Both start from the same weights and differ only in the order of the images.
    assert min(ours, course) > 0.6
    assert abs(ours - course) < 0.1


@pytest.mark.parametrize("settings", [LEARNS, LEARNS | {"architecture": "course-resnet", "options": {}, "batch_size": 16}])
def test_all_start_from_the_same_weights(settings):
    config = RunConfig.make(**settings)
    data = made_up()

    ours = Session(config, data).model.state_dict()
    course = CourseLoop(config, data).net.state_dict()

    assert ours.keys() == course.keys()
    assert all(torch.equal(ours[name], course[name]) for name in ours)


@pytest.mark.parametrize(
    ("dataset", "channels", "size", "target", "tolerance"),
    [
        (Gray, 1, 28, 28, 1e-6),
        (Gray, 1, 28, 64, 1 / 255 + 1e-3),  # PIL rounds to whole gray values after resizing
        (Colour, 3, 32, 32, 1e-6),
    ],
)
def test_the_courses_images_are_ours(dataset, channels, size, target, tolerance):
    data = made_up(channels, size)
    settings = {"architecture": "course-resnet", "dataset": "cifar10" if channels == 3 else "sample", "image_size": target}
    config = RunConfig.make(**settings, normalization="half" if channels == 3 else "none")

    items = dataset(data.test_images, data.test_labels, transform(config, data, training=False))

    expected = Preparation.for_run(config, data).test(data.test_images)
    assert torch.stack([items[number][0] for number in range(8)]).sub(expected[:8]).abs().max() < tolerance
    assert [items[number][1] for number in range(8)] == data.test_labels[:8].tolist()


def test_the_courses_loop_refuses_what_it_cannot_do_alike():
    data = made_up()
    with pytest.raises(ValueError, match="channels from 1 to 3"):
        CourseLoop(RunConfig.make(**LEARNS | {"channels": 3, "device": "cpu"}), data)
    with pytest.raises(ValueError, match="sgd or adam, not rmsprop"):
        CourseLoop(RunConfig.make(**LEARNS | {"optimizer": "rmsprop"}), data)


def test_where_shared_memory_is_small_the_same_batches_come_through_pipes(monkeypatch, tmp_path):
    monkeypatch.setattr(training_course, "WORKERS", 0)  # no workers: the tests' other threads forbid a fork
    config, data = RunConfig.make(**LEARNS), made_up()
    monkeypatch.setattr(training_course, "_shared_memory_is_too_small", lambda _: False)
    usual = list(CourseLoop(config, data).test_batches)

    monkeypatch.setattr(training_course, "_shared_memory_is_too_small", lambda _: True)
    by_pipe = list(CourseLoop(config, data).test_batches)

    assert all(
        torch.equal(one, other)
        for first, second in zip(usual, by_pipe, strict=True)
        for one, other in zip(first, second, strict=True)
    )


def test_small_shared_memory_is_noticed(monkeypatch, tmp_path):
    too_small = training_course._shared_memory_is_too_small
    config = RunConfig.make(architecture="alexnet", dataset="sample", batch_size=128)
    needed = 6 * 128 * 224 * 224 * 4

    for free, expected in ((needed - 1, True), (needed, False)):
        monkeypatch.setattr(training_course.shutil, "disk_usage", lambda _, free=free: type("Usage", (), {"free": free}))
        assert too_small(config, tmp_path) is expected
    assert not too_small(config, tmp_path / "no such folder")


def test_a_bare_step_trains_the_network():
    data = made_up()
    # Noise is memorised. A tenth of the rate: at the full rate units die with one thread and not with two.
    step = training_floors.make_step("eager", RunConfig.make(**LEARNS | {"learning_rate": 0.01}), data)

    losses = [step().item() for _ in range(250)]

    assert min(losses) < 0.5 * losses[0]


def test_who_cannot_take_part_says_why(monkeypatch):
    config, data = RunConfig.make(**LEARNS), made_up()
    with pytest.raises(training_floors.Skipped, match="needs a CUDA device"):
        training_floors.make_step("graph", config, data)
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(training_floors.Skipped, match="no-such-compiler is not installed"):
        training_floors.make_step("compiled", config, data)


ALL = [*cases("cpu"), *cases("cuda:0"), small_case()]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.title)
def test_a_case_can_be_run_and_its_targets_exist(case):
    for contestant in case.contestants("cuda:0"):
        config = configuration(case.settings | contestant.settings)
        assert isinstance(config, RunConfig)
        # Without pydantic the engine reads the same values.
        assert vars(bare_configuration(case.settings | contestant.settings)) == vars(config)
    names = {target.name for target in TRAINING}
    assert {*case.targets} | ({case.memory_target} - {""}) <= names


def test_a_setting_that_there_is_not_is_refused_without_pydantic_too():
    with pytest.raises(TypeError, match="no setting called learning_rte"):
        bare_configuration({"learning_rte": 0.1})


BARE = """
import sys
for name in ("pydantic", "streamlit", "plotly", "pandas", "rich", "typer", "psutil", "platformdirs", "filelock"):
    sys.modules[name] = None
from benchmarks.contestants import Job, run
print(run(Job(**{job!r}))["train_images"])
"""


def test_a_contestant_runs_where_only_torch_and_torchvision_are_installed(tmp_path):
    settings = LEARNS | {"dataset": "fashion-mnist"}
    job = {"kind": "ours", "settings": settings, "epochs": 1, "home": str(tmp_path), "limit": 64, "made_up": True}

    done = subprocess.run(
        [sys.executable, "-c", BARE.replace("{job!r}", repr(job))], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout == "64\n", done.stderr


def test_a_share_is_of_training_and_test_images(tmp_path):
    config = RunConfig.make(**LEARNS)

    part, source = images(config, Job("ours", LEARNS, 1, str(tmp_path), share=0.1))

    assert (len(part.train_images), len(part.test_images), source) == (600, 100, "Fashion-MNIST sample")


class NothingStolen:
    """No steal time: a share of a fake turn's microsecond would mean nothing."""

    def share(self):
        return 0.0


def fake(monkeypatch, answer, *, bfloat16=False):
    asked = []
    monkeypatch.setattr(training, "Stolen", NothingStolen)
    monkeypatch.setattr(training_cases, "_multiplies_bfloat16", lambda: bfloat16)

    def in_process(job):
        asked.append((job["kind"], job["settings"]["seed"]))
        if job["kind"] == "compiling":
            return {"compiling": 44.0, "notice": "The network is compiled."}
        work = {"source": "Fashion-MNIST", "train_images": 60_000, "test_images": 10_000, "steps": 235, "threads": 2}
        return answer(job) if "skipped" in answer(job) else work | {"accuracy": 0.8, "cold": 9.0} | answer(job)

    monkeypatch.setattr(training, "_in_process", in_process)
    return asked


def test_contestants_take_turns_and_ratios_are_paired_by_round(monkeypatch):
    def answer(job):
        weight = 1 + 9 * (job["settings"]["seed"] == 1)  # in the second round the machine is ten times as slow for all
        return {"seconds": [50.0, *[weight * {"ours": 1.0, "course": 5.0}.get(job["kind"], 2.0)] * 2]}

    asked = fake(monkeypatch, answer)
    record = training.measure(False, 3, only="lenet", device="cpu")

    kinds = ["ours", "compiling", "ours", "course", "tidy", "eager", "compiled"]  # "ours, compiled" has it done beforehand, once
    assert asked[:7] == [(kind, 0) for kind in kinds]
    assert asked[7:10] == [("ours", 1), ("ours", 1), ("course", 1)]
    (case,) = record["cases"]
    assert training.ratios(case, "course's loop", "ours") == [5.0, 5.0, 5.0]
    assert record["targets"] == {"lenet_course": 5.0, "lenet_course_as_it_is": 5.0, "lenet_eager": 2.0}
    text = training.render(record)
    assert "- ours, compiled: compiled beforehand in 44.0 s. The network is compiled." in text
    row = next(line for line in text.splitlines() if line.startswith("| course's loop |"))
    assert [cell.strip() for cell in row.split("|")[2:-1]] == [
        "5.00 s (5.00–50.0, n = 6)",  # without the first epochs, which took 50
        "9.00 s (9.00–9.00, n = 3)",
        "0.800 (0.800–0.800, n = 3)",
        "5.00× (5.00–5.00, n = 3)",
        "5.00× (5.00–5.00, n = 3)",
    ]


def test_lenet_is_measured_in_bfloat16_too_where_the_processor_multiplies_it(monkeypatch):
    def answer(job):
        quick = job["kind"] == "ours" and job["settings"].get("precision") == "bfloat16"
        return {"seconds": [9.0, {"course": 8.0}.get(job["kind"], 1.0 if quick else 2.0)]}

    fake(monkeypatch, answer, bfloat16=True)
    record = training.measure(False, 1, only="lenet", device="cpu")

    assert record["cases"][0]["ours"] == ["ours", "ours, compiled", "ours, compiled, bfloat16"]
    assert (record["targets"]["lenet_course_bfloat16"], record["targets"]["lenet_course"]) == (8.0, 4.0)


def test_a_turn_whose_processors_were_given_to_others_counts_only_where_there_is_no_other(monkeypatch):
    turns = iter([0.0, 0.0, 0.3, 0.0, 0.0, 0.0, 0.5, 0.5])  # ours, course's loop, ours, course's loop, …

    class SomeStolen:
        def __init__(self):
            self.taken = next(turns)

        def share(self):
            return self.taken

    fake(monkeypatch, lambda job: {"seconds": [9.0, 5.0 if job["kind"] == "course" else 1.0 + job["settings"]["seed"]]})
    monkeypatch.setattr(training, "Stolen", SomeStolen)
    without = ["ours, compiled", "course's loop, tidied", "eager floor", "compiled floor"]
    (case,) = training.measure(False, 4, only="lenet", device="cpu", without=without)["cases"]

    assert training.ratios(case, "course's loop", "ours") == [5.0, 5 / 3]
    text = training.render({"load": None, "cases": [case]})
    assert "Disturbed: 3 of 8 turns." in text
    assert "| ours | 2.00 s (1.00–3.00, n = 2) |" in text
    assert "| course's loop | 5.00 s (5.00–5.00, n = 3) |" in text

    case["rounds"] = {name: rounds[3:] for name, rounds in case["rounds"].items()}
    assert training.ratios(case, "course's loop", "ours") == [5 / 4]  # better than nothing


def test_who_is_skipped_is_not_asked_again_and_the_table_says_why(monkeypatch):
    def answer(job):
        return {"skipped": "no compiler"} if job["kind"] == "compiled" else {"seconds": [1.0, 1.0]}

    asked = fake(monkeypatch, answer)
    record = training.measure(False, 2, only="lenet", device="cpu")

    assert [kind for kind, _ in asked].count("compiled") == 1
    text = training.render(record)
    assert "- compiled floor: skipped, no compiler." in text
    assert "| compiled floor | – | – | – | – |" in text


def test_what_there_is_is_kept_after_every_turn(monkeypatch, tmp_path, capsys):
    asked = fake(monkeypatch, lambda job: {"seconds": [1.0, 1.0]})
    working = training._in_process

    def dies_in_the_second_round(job):
        if len(asked) == 9:
            raise KeyboardInterrupt
        return working(job)

    monkeypatch.setattr(training, "_in_process", dies_in_the_second_round)
    output = tmp_path / "record.json"
    with pytest.raises(KeyboardInterrupt):
        training.main(["--only", "lenet", "--rounds", "3", "--device", "cpu", "--output", str(output)])

    (case,) = json.loads(output.read_text(encoding="utf-8"))["cases"]
    assert [len(rounds) for rounds in case["rounds"].values()] == [2, 2, 1, 1, 1, 1]


def test_different_work_is_refused(monkeypatch):
    fake(monkeypatch, lambda job: {"seconds": [1.0, 1.0], "steps": 234 if job["kind"] == "course" else 235})
    with pytest.raises(RuntimeError, match="different numbers of images or steps"):
        training.measure(False, 1, only="lenet", device="cpu")


def test_a_case_that_there_is_not_is_refused_with_those_there_are():
    with pytest.raises(SystemExit, match=r"No case has 'transformer' in its title; the cases are: LeNet"):
        training.measure(False, 1, only="transformer", device="cpu")


def test_a_part_measured_anew_replaces_only_itself(monkeypatch):
    fake(monkeypatch, lambda job: {"seconds": [1.0, 1.0]})
    where = {"machine": {"cpu": "x", "gpu": "", "torch": "2"}, "took": 1.0}
    old = where | training.measure(False, 1, device="cpu")
    new = where | training.measure(False, 2, only="lenet", device="cpu")

    both = training.merged(old, new)

    assert [case["title"] for case in both["cases"]] == [case.title for case in cases("cpu")]
    assert [len(case["rounds"][OURS.name]) for case in both["cases"]] == [2, 1, 1]
    with pytest.raises(ValueError, match="another machine"):
        training.merged(old, new | {"device": "cuda:0"})
