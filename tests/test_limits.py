"""Limits: read from one file that is never ignored, checked before a run is queued, explained with figures."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cnnlab import events
from cnnlab.config import RunConfig
from cnnlab.datasets.loading import load as load_images
from cnnlab.datasets.places import Places
from cnnlab.epoch_predictions import FILE, file_bytes
from cnnlab.epoch_weights import total_bytes
from cnnlab.errors import ConfigError, LimitError
from cnnlab.forecasts.limits import Limits, checkpoint_bytes
from cnnlab.forecasts.limits_file import limits_file, load
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.system.files import folder_bytes
from cnnlab.training import checkpoints
from cnnlab.training.engine import train
from cnnlab.training.session import Session
from cnnlab.workers.runner import execute

CONFIG = RunConfig.make(epochs=20, image_size=64)


@pytest.fixture
def file(tmp_path):
    def write(text: str | bytes):
        path = tmp_path / "limits.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def test_without_a_file_nothing_is_limited(monkeypatch):
    monkeypatch.delenv("CNNLAB_LIMITS", raising=False)
    limits = load(limits_file())
    assert limits.model_dump(exclude_none=True, exclude_defaults=True) == {}
    limits.check(CONFIG, parameters=10**12, disk_bytes=10**15, seconds=1e9, trained=1e9)
    limits.admit(10**6)


def test_the_file_that_the_environment_names_is_read(file, monkeypatch):
    text = 'epochs = 30\nmax_seconds = 90.5\nimage_size = 96\nparameters = 1_000_000\nruns_per_owner = 3\ndisk = "20 GB"\n'
    monkeypatch.setenv("CNNLAB_LIMITS", str(file(text)))
    limits = load(limits_file())
    expected = {"epochs": 30, "max_seconds": 90.5, "image_size": 96, "parameters": 10**6, "runs_per_owner": 3, "disk": 20 * 10**9}
    assert limits.model_dump(exclude_none=True, exclude_defaults=True) == expected
    limits.check(CONFIG, parameters=1_000_000, disk_bytes=10**9, seconds=90.5)  # each at most as large as its limit
    limits.admit(2)


@pytest.mark.parametrize(
    ("limits", "measured", "field", "sentence"),
    [
        ({"epochs": 15}, {}, "epochs", "This run has 20 epochs, 5 more than the 15 that this lab allows."),
        ({"image_size": 60}, {}, "image_size", "This run has 64 pixels a side, 4 more than the 60 that this lab allows."),
        (
            {"parameters": 60_000},
            {"parameters": 61_706},
            "architecture",
            "This run has 61,706 parameters, 1,706 more than the 60,000 that this lab allows.",
        ),
        (
            {"max_seconds": 3600},
            {"seconds": 9000.0},
            "epochs",
            "This run would train for about 2.5 hours, 1.5 hours longer than the 60 minutes that this lab allows; "
            "take fewer epochs, smaller images or a share of the data.",
        ),
        (
            {"max_seconds": 60},
            {"seconds": 31.0, "trained": 30.0},
            "epochs",
            "This run would train for about 61 seconds, 1 second longer than the 60 seconds that this lab allows; "
            "take fewer epochs, smaller images or a share of the data.",
        ),
        (
            {"max_seconds": 60},
            {"trained": 60.3},
            "epochs",
            "This run has trained for 60 seconds, all that this lab allows; what it has learned is kept.",
        ),
        (
            {"max_seconds": 60},
            {"seconds": 1.0, "trained": 90.0},
            "epochs",
            "This run has trained for 90 seconds, 30 seconds longer than the 60 seconds that this lab allows; "
            "what it has learned is kept.",
        ),
        (
            {"disk": 2 * 10**9},
            {"disk_bytes": 2 * 10**9, "parameters": 10**6},
            "",
            "The lab's folder takes 2 GB and this run's checkpoints need about 16.3 MB while it trains, 16.3 MB more than the "
            "2 GB that this lab allows: delete runs that you no longer need.",
        ),
        (
            {"disk": 2 * 10**9},
            {"disk_bytes": 2 * 10**9, "own_bytes": 8 * 10**6, "parameters": 10**6},
            "",
            "The lab's folder takes 2 GB and this run's checkpoints need about 8.3 MB while it trains, 8.3 MB more than the "
            "2 GB that this lab allows: delete runs that you no longer need.",
        ),
    ],
)
def test_over_a_limit_says_which_and_by_how_much(limits, measured, field, sentence):
    with pytest.raises(LimitError) as caught:
        Limits(**limits).check(CONFIG, **measured)
    name = next(iter(limits))
    raises = f"Your teacher, or the host of this lab, can raise this limit ({name})."
    assert (str(caught.value), caught.value.field) == (f"{sentence} {raises}", field)


@pytest.mark.parametrize(
    ("most", "owner_runs", "sentence"),
    [
        (3, 3, "You have 3 runs waiting or training, and this lab allows 3 at a time: wait until one has ended."),
        (1, 1, "You have 1 run waiting or training, and this lab allows 1 at a time: wait until one has ended."),
        (1, 3, "You have 3 runs waiting or training, and this lab allows 1 at a time: wait until 3 have ended."),
    ],
)
def test_an_owner_with_enough_runs_is_told_how_many_must_end(most, owner_runs, sentence):
    with pytest.raises(LimitError) as caught:
        Limits(runs_per_owner=most).admit(owner_runs)
    assert str(caught.value) == f"{sentence} Your teacher, or the host of this lab, can raise this limit (runs_per_owner)."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("epochs = ", "it is not TOML: Invalid value"),
        (b"\xff\xfe\x00", "it is not TOML"),
        ("epocs = 3", "there is no limit 'epocs'; the limits are epochs, max_seconds"),
        ("epochs = 0", "epochs must be a whole number above 0, not 0"),
        ("epochs = 2.5", "epochs must be a whole number above 0, not 2.5"),
        ("epochs = true", "epochs must be a whole number above 0, not true"),
        ('epochs = "many"', "epochs must be a whole number above 0, not 'many'"),
        ("epochs = [1, 2]", r"epochs must be a whole number above 0, not \[1, 2\]"),
        ("max_seconds = nan", "max_seconds must be a number above 0, not nan"),
        ("max_seconds = -1", "max_seconds must be a number above 0, not -1"),
        ('disk = "20 bananas"', "disk must be a size above 0, such as \"20 GB\", not '20 bananas'"),
        ("disk = 0", 'disk must be a size above 0, such as "20 GB", not 0'),
        ("[epochs]\nmost = 3", "epochs must be a whole number above 0, not {'most': 3}"),
        ("epochs = " + "[" * 5000, "it is (nested too deeply|not TOML)"),
        ("# " + "x" * 200_000, "it is longer than 100,000 bytes"),
        ("epochs = " + "9" * 5000, "it is not TOML|epochs must be"),
    ],
)
def test_a_damaged_file_is_a_sentence_and_never_ignored(file, text, reason):
    path = file(text)
    with pytest.raises(
        ConfigError, match=f"The file of limits .*limits.toml \\(CNNLAB_LIMITS\\) cannot be used: {reason}"
    ) as caught:
        load(path)
    assert len(str(caught.value)) < 400 + len(str(path))


def test_a_file_that_is_missing_or_a_folder_is_a_sentence(tmp_path):
    for path in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(ConfigError, match=r"cannot be used: (No such file|Is a directory)"):
            load(path)


def test_a_file_with_a_byte_order_mark_is_read(file):
    assert load(file("\ufeffepochs = 3")).epochs == 3


def test_the_size_of_a_folder_is_that_of_all_files_in_it(tmp_path):
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "runs" / "one" / "last.pt").write_bytes(b"x" * 1000)
    (tmp_path / "elsewhere").symlink_to("/")
    assert folder_bytes(tmp_path) == 1005 + len("/")  # a link takes its own few bytes
    assert folder_bytes(tmp_path / "nowhere") == 0


def test_a_file_with_two_names_takes_its_place_once(tmp_path):
    (tmp_path / "last.pt").write_bytes(b"x" * 1000)
    (tmp_path / "last.previous.pt").hardlink_to(tmp_path / "last.pt")
    assert folder_bytes(tmp_path) == 1000


@pytest.mark.parametrize(
    "recipe",
    [{}, {"momentum": 0.9}, {"optimizer": "adam"}, {"optimizer": "rmsprop", "momentum": 0.9}],
    ids=lambda recipe: " ".join(map(str, recipe.values())) or "sgd",
)
def test_checkpoints_take_on_disk_what_is_said(recipe, tmp_path, monkeypatch):
    config = RunConfig.make(limit=20, batch_size=20, epochs=4, learning_rate=0.001, device="cpu", **recipe)
    data = load_images(config.dataset, Places(tmp_path, None)).take(config.data_share, config.limit, config.seed)
    folder, sizes = tmp_path / "run", []

    def measure(file):  # a checkpoint is synced when it is complete and before it is renamed
        sizes.append(folder_bytes(folder))
        synced(file)

    accuracies = (0.5, 0.4, 0.3, 0.9)  # most space is taken where a new best follows epochs that were not: four files

    def better(session, evaluation):
        return closed(session, replace(evaluation, accuracy=accuracies[session.epoch - 1]))

    synced, closed = checkpoints.os.fsync, Session.close_epoch
    monkeypatch.setattr(checkpoints.os, "fsync", measure)
    monkeypatch.setattr(Session, "close_epoch", better)
    finished = list(train(config, data, folder=folder))[-1]

    expected = checkpoint_bytes(config, 61_706)
    assert isinstance(finished, events.RunFinished)
    weights = total_bytes(61_706, 4)  # those of an epoch follow its checkpoints
    assert max(sizes) == pytest.approx(expected - weights / 5, rel=0.1)
    assert folder_bytes(folder) == pytest.approx((expected - weights) / 4 + weights, rel=0.1)  # best and last are one file
    assert (folder / FILE).stat().st_size == file_bytes(20, 4)


def test_what_was_predicted_after_each_epoch_counts_as_well_up_to_the_bound_of_its_file():
    def more(epochs: int) -> int:
        longer, shorter = (checkpoint_bytes(RunConfig.make(dataset="mnist", epochs=each), 0) for each in (epochs, 1))
        return longer - shorter

    assert more(101) == pytest.approx(100 * (30_000 + 3_400 + 600 + 8_000), rel=0.01)
    assert more(10_000) == pytest.approx(32_000_000 + 2 * 5_000_000 + 4 * 150 * 10_000, rel=0.01)


def test_the_example_in_the_readme_is_a_file_of_limits(file):
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    example = readme.split("# limits.toml")[1].split("##")[0]
    limits = load(file("#" + textwrap.dedent(example)))
    assert set(type(limits).model_fields) == limits.model_fields_set, "it names every limit there is"


# While a run trains


def test_a_run_that_trains_for_too_long_is_stopped_and_says_so(file, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNLAB_LIMITS", str(file("max_seconds = 60")))

    def train(config, folder) -> Iterator[events.Event]:
        yield events.RunStarted("cpu", "CPU", 61_706, 50, 50, 2, 20, 10)
        for second in range(200):
            assert second < 65, "it should have been stopped"
            yield events.Progress(1, 1, 2, second, 2.0, 0.25, 9_500.0, 0.1, 0.1, float(second), 80.0)

    with closing(Store(tmp_path / "home")) as store:
        run_id = store.create(CONFIG, "token")
        assert execute(store, run_id, train=train) is State.STOPPED
        notices = [event for _, event in store.events(run_id) if isinstance(event, events.Notice)]
    assert [notice.message for notice in notices] == [
        "It has trained for 60 seconds, the most that this lab allows: it is stopped, and its checkpoints are kept."
    ]
