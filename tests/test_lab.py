"""The lab as pages use it."""

import time
from contextlib import closing
from types import SimpleNamespace

import pytest

from cnnlab import datasets
from cnnlab.compute import answers
from cnnlab.compute.client import Client
from cnnlab.config import RunConfig
from cnnlab.datasets.places import Places
from cnnlab.epoch_predictions import FILE
from cnnlab.errors import CheckpointError, ConfigError, DataError, RunNotFound
from cnnlab.forecasts.forecaster import Forecaster
from cnnlab.lab import Lab
from cnnlab.runs.records import State
from cnnlab.system import jobs
from cnnlab.system.home import default_data, default_home, run_folder
from cnnlab.system.processes import Process
from cnnlab.workers import downloads

TINY = RunConfig.make(limit=120, batch_size=20, epochs=2, learning_rate=0.05, device="cpu", options={"activation": "relu"})


@pytest.fixture(scope="module")
def finished(lab):
    run_id = lab.start(TINY, token="for predictions")
    while lab.run(run_id).active:
        time.sleep(0.05)
    return lab.run(run_id)


@pytest.fixture
def quiet(tmp_path):
    """A lab that starts no process: tests ask it nothing that would."""
    lab = Lab(tmp_path)
    yield lab
    lab.close()


def test_the_home_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "data"))
    assert (default_home(), default_data()) == (tmp_path / "home", tmp_path / "data")
    monkeypatch.delenv("CNNLAB_HOME")
    monkeypatch.delenv("CNNLAB_DATA")
    assert default_home().name == "cnnlab"
    assert default_data() is None


def test_an_empty_lab_has_no_runs_and_starts_nothing(quiet):
    assert quiet.runs() == ()
    assert not (quiet.home / "dispatcher.log").exists()
    with pytest.raises(RunNotFound):
        quiet.run("00000000")
    with pytest.raises(RunNotFound):
        quiet.stop("00000000")
    with pytest.raises(RunNotFound):
        quiet.predictions("../../x")


def test_predictions_are_shown_with_the_images_that_the_run_was_tested_on(tmp_path):
    """Those of the folder that CNNLAB_DATA named when the run was made; today's, where it named none."""
    asked = []
    with closing(Lab(tmp_path / "home", data=tmp_path / "today")) as lab:
        lab._helper.ask = lambda question, **arguments: asked.append((question, arguments))
        then = lab._store.create(TINY, "then", data=tmp_path / "then")
        none = lab._store.create(TINY, "none")
        lab.predictions(then)
        lab.predictions(none)
        lab.disagreements(then, none)

    folders = [run.data for _, arguments in asked for name, run in arguments.items() if name in ("run", "first", "second")]
    assert folders == [tmp_path / "then", tmp_path / "today", tmp_path / "then", tmp_path / "today"]


def test_layers_are_remembered(lab):
    first = lab.layers("lenet", (1, 28, 28), 10, {})
    assert first.parameters == 61_706
    assert lab.layers("lenet", (1, 28, 28), 10, {"pooling": "average"}) is first


def test_devices_have_names_and_titles(lab):
    names = [device.name for device in lab.devices()]
    assert names[0] == "cpu"
    assert "core" in lab.devices()[0].title


def test_the_lab_says_when_it_is_ready(lab):
    lab.device_states()  # asks the helper
    assert lab.ready()


def test_the_sample_is_shown_class_by_class(lab):
    assert lab.class_counts("sample", "test") == (100,) * 10
    pictures = lab.pictures("sample", "train", 7, label=3, offset=2)
    assert [picture.label for picture in pictures] == [3] * 7
    assert len({picture.index for picture in pictures}) == 7
    assert all(picture.data_uri.startswith("data:image/png;base64,") for picture in pictures)
    assert lab.pictures("sample", "train", 9, label=3)[2:] == pictures


@pytest.mark.parametrize(("count", "offset"), [(0, 0), (201, 0), (-1, 0), (5, -1)])
def test_a_page_of_pictures_has_limits(lab, count, offset):
    with pytest.raises(ConfigError, match="must be"):
        lab.pictures("sample", "test", count, offset=offset)


def test_a_page_past_the_end_is_empty(lab):
    assert lab.pictures("sample", "test", 10, offset=1_000_000) == ()


def test_a_data_set_that_is_not_here_is_a_sentence(lab):
    with pytest.raises(DataError, match="not on this machine"):
        lab.class_counts("cifar10", "test")
    with pytest.raises(DataError, match="not on this machine"):
        lab.start(TINY.change(dataset="cifar10"), token="no data")


def test_a_picture_of_ones_own_is_answered_with_the_weights_of_a_run(lab, finished):
    picture = bytes(range(256)) * 3 + bytes(16)
    answer = lab.own_pictures.answer(finished.id, picture, (1, 28, 28))

    assert answer.classes == datasets.entry("sample").classes
    assert sum(answer.probabilities) == pytest.approx(1)
    assert lab.own_pictures.answer(finished.id, bytes(784), (1, 28, 28)).probabilities != answer.probabilities
    with pytest.raises(RunNotFound):
        lab.own_pictures.answer("../../x", picture, (1, 28, 28))


def test_predictions_tell_right_from_wrong(lab, finished):
    page = lab.predictions(finished.id, checkpoint="last", count=200)
    assert (page.test_images, page.total, page.epoch, len(page.items)) == (120, 120, 2, 120)
    assert page.classes == datasets.entry("sample").classes
    right = [item for item in page.items if item.predicted == item.picture.label]
    assert len(right) == page.correct
    assert page.correct / 120 == pytest.approx(finished.test_accuracy)
    assert all(0 < item.confidence <= 1 for item in page.items)
    mistakes = lab.predictions(finished.id, checkpoint="last", only="mistakes", count=200)
    assert mistakes.total == 120 - page.correct
    assert all(item.predicted != item.picture.label for item in mistakes.items)


def test_predictions_are_filtered_by_class_and_come_in_pages(lab, finished):
    whole = lab.predictions(finished.id, label=4, count=200)
    assert {item.picture.label for item in whole.items} == {4}
    assert lab.predictions(finished.id, label=4, count=3, offset=2).items == whole.items[2:5]


def test_predictions_are_filtered_by_predicted_class_and_ordered_by_confidence(lab, finished):
    whole = lab.predictions(finished.id, count=200)
    most = max(range(10), key=lambda each: sum(row[each] for row in whole.confusion))
    chosen = lab.predictions(finished.id, predicted=most, order="confident", count=200)

    assert chosen.total == sum(row[most] for row in whole.confusion) > 1
    assert {item.predicted for item in chosen.items} == {most}
    confidences = [item.confidence for item in chosen.items]
    assert confidences == sorted(confidences, reverse=True)


def test_a_run_without_a_checkpoint_says_so(lab):
    run_id = lab.start(TINY, token="stopped at once")
    lab.stop(run_id)
    while lab.run(run_id).active:
        time.sleep(0.05)
    (lab.home / "runs" / run_id / "best.pt").unlink(missing_ok=True)
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        lab.predictions(run_id)


def test_a_start_asks_two_questions_and_forecasts_once(lab, monkeypatch):
    lab.stop(lab.start(TINY, token="first"))  # the table of its layers is asked for once, and remembered
    asked, forecasts = [], []
    ask, forecast = Client.ask, Forecaster.forecast
    monkeypatch.setattr(Client, "ask", lambda self, question, **given: asked.append(question) or ask(self, question, **given))
    monkeypatch.setattr(Forecaster, "forecast", lambda self, *given, **more: forecasts.append(1) or forecast(self, *given, **more))

    lab.stop(lab.start(TINY, token="counted"))

    assert (asked, len(forecasts)) == (["check_run", "device_speed"], 1)


@pytest.mark.parametrize(("settings", "networks"), [({}, 0), ({"batch_size": 1}, 1), ({"limit": 1}, 1)])
def test_a_network_is_built_to_check_a_run_only_for_a_batch_of_one_image(tmp_path, monkeypatch, settings, networks):
    built = []
    monkeypatch.setattr(answers, "check_batch", lambda model, shape, size: built.append(size))

    answers.check_run(tmp_path, TINY.change(**settings))

    assert built == [1] * networks


def test_a_run_without_a_name_is_called_after_what_it_trains(finished):
    assert finished.name == "LeNet-5 on Fashion-MNIST sample"


@pytest.mark.parametrize("change", [Lab.resume, Lab.delete, Lab.run, Lab.runs, Lab.summaries], ids=lambda each: each.__name__)
def test_a_run_whose_process_has_died_is_interrupted_before_it_is_shown_or_changed(quiet, monkeypatch, change):
    monkeypatch.setattr("cnnlab.lab.background.ensure", lambda home: None)
    monkeypatch.setattr("cnnlab.workers.watch.background.ensure", lambda home: None)
    monkeypatch.setattr(quiet._admission, "further", lambda run, config: SimpleNamespace(admit=lambda *_: None))
    run_id = quiet._store.create(TINY, "lost", "", State.STARTING, process=Process(2**22 + 1, "long ago"))

    found = change(quiet, run_id) if change in (Lab.resume, Lab.delete, Lab.run) else change(quiet)

    shown = {Lab.run: lambda: found.state, Lab.runs: lambda: found[0].state, Lab.summaries: lambda: found.runs[0].state}
    left = [run.state for run in quiet._store.runs()]
    assert left == {Lab.resume: [State.QUEUED], Lab.delete: []}.get(change, [State.INTERRUPTED])
    assert shown.get(change, lambda: State.INTERRUPTED)() is State.INTERRUPTED


def test_two_labs_on_one_home_see_the_same_runs(lab, finished):
    other = Lab(lab.home)
    assert other.run(finished.id) == finished
    assert len(other.epochs(finished.id)) == 2
    other.close()


def test_the_sample_is_found_and_needs_no_download(quiet):
    sample = quiet.datasets()[0]
    assert (sample.entry.name, sample.download) == ("sample", None)
    assert sample.found is not None


def test_a_download_tells_how_far_it_is_and_that_it_has_finished(tmp_path):
    entry, seen = datasets.entry("mnist"), []

    def fetch(entry, places, progress):
        progress(0, 100)
        seen.append(downloads.status(tmp_path, entry).state)
        return Places(tmp_path).own

    downloads.work(tmp_path, entry, fetch=fetch)
    status = downloads.status(tmp_path, entry)
    assert seen == ["running"]
    assert (status.state, status.done_bytes == status.total_bytes) == ("finished", True)


def test_a_download_that_fails_says_why(tmp_path):
    def fetch(entry, places, progress):
        raise DataError("There is no network.")

    entry = datasets.entry("mnist")
    downloads.work(tmp_path, entry, fetch=fetch)
    assert downloads.status(tmp_path, entry).state == "failed"
    assert downloads.status(tmp_path, entry).message == "There is no network."


@pytest.mark.parametrize("place", ["private", "downloads.log"])
def test_a_download_that_cannot_begin_is_a_sentence_without_a_path(quiet, place):
    if place == "private":
        (quiet.home / place).write_text("a file where the folder should be")
    else:
        (quiet.home / place).mkdir()

    with pytest.raises(DataError, match=r"^The download of MNIST cannot begin: the lab's folder cannot be written; .+\.$") as error:
        quiet.download("mnist")

    assert str(quiet.home) not in str(error.value)
    assert [status.download for status in quiet.datasets()] == [None] * len(datasets.entries())


def test_a_download_whose_process_never_began_has_failed(quiet, monkeypatch):
    monkeypatch.setattr(downloads.processes, "start_detached", lambda *_: None)
    quiet.download("mnist")
    assert downloads.status(quiet.home, datasets.entry("mnist")).state == "running"

    monkeypatch.setattr(jobs, "time", SimpleNamespace(time=lambda: time.time() + 60))

    assert downloads.status(quiet.home, datasets.entry("mnist")).state == "failed"


def test_what_a_download_did_not_expect_is_told_without_the_folders_of_the_server(tmp_path):
    def fetch(entry, places, progress):
        raise RuntimeError(f"cannot use {tmp_path}/data/x")

    entry = datasets.entry("mnist")
    with pytest.raises(RuntimeError):
        downloads.work(tmp_path, entry, fetch=fetch)

    message = downloads.status(tmp_path, entry).message
    assert "unexpected RuntimeError: cannot use data/x in the lab's folder" in message
    assert str(tmp_path) not in message


def test_a_damaged_record_of_a_download_is_none(quiet):
    file = quiet.home / "private" / "download-mnist.json"
    file.parent.mkdir(exist_ok=True)
    for content in ("", "[1]", "{}", "{"):
        file.write_text(content)
        assert {status.entry.name: status.download for status in quiet.datasets()}["mnist"] is None


def test_a_download_whose_process_is_gone_has_failed(tmp_path, monkeypatch):
    entry = datasets.entry("mnist")

    def fetch(entry, places, progress):
        raise KeyboardInterrupt  # ended from outside, it writes nothing more

    with pytest.raises(KeyboardInterrupt):
        downloads.work(tmp_path, entry, fetch=fetch)
    later = SimpleNamespace(time=lambda: time.time() + 3_600)
    monkeypatch.setattr(jobs, "time", later)
    monkeypatch.setattr(downloads.processes, "alive", lambda pid, started: False)
    assert downloads.status(tmp_path, entry).state == "failed"
    assert "ended unexpectedly" in downloads.status(tmp_path, entry).message


def test_what_a_run_predicted_is_known_for_each_epoch_and_for_the_last_one_without_the_record_too(lab, finished):
    shown, epochs = lab.examples(finished.id), finished.epochs_done
    images = tuple(picture.index for picture in shown.pictures)
    file = run_folder(lab.home, finished.id) / FILE

    recorded = lab.predicted(finished.id, epochs, images)
    by_image = {each.picture.index: each for each in lab.predictions(finished.id, checkpoint="last", count=200).items}
    assert lab.last_recorded(finished.id) == epochs
    assert (recorded.epoch, recorded.test_images) == (epochs, shown.test_images) == (2, 120)
    assert shown.pictures == tuple(by_image[image].picture for image in images)
    assert recorded.predicted == tuple(by_image[image].predicted for image in images)
    assert recorded.confidence == pytest.approx([by_image[image].confidence for image in images], abs=1e-5)

    file.rename(file.with_suffix(".away"))
    kept = lab.predicted(finished.id, epochs, images)
    assert (lab.last_recorded(finished.id), kept.predicted) == (0, recorded.predicted)
    assert lab.predicted(finished.id, epochs + 1, images) is None
    file.with_suffix(".away").rename(file)


def test_the_inside_of_a_run_is_the_network_that_was_tested(lab, finished):
    """The checkpoint's own predictions are the proof that weights, preparation and images are those of the run."""
    network = lab.inside.network(finished.id, "last")
    tested = lab.predictions(finished.id, checkpoint="last", count=20)

    assert (network.epoch, network.test_images, network.classes) == (2, 120, tested.classes)
    assert [layer.path for layer in network.layers] == [row.path for row in lab.layers("lenet", (1, 28, 28), 10, TINY.options).rows]
    for item in tested.items:
        seen = lab.inside.seen(lab.inside.look(finished.id, checkpoint="last", image=item.picture.index))
        assert seen.label == item.picture.label
        assert seen.picture == item.picture.data_uri
        assert max(seen.probabilities) == seen.probabilities[item.predicted] == pytest.approx(item.confidence, abs=1e-5)


def test_what_cannot_be_looked_at_is_a_sentence(lab, finished):
    look = lab.inside.look(finished.id)
    with pytest.raises(ConfigError, match="tested on images 1 to 120, not on image 121"):
        lab.inside.seen(lab.inside.look(finished.id, image=120))
    with pytest.raises(ConfigError, match="no layer 'nowhere'; choose one from the list"):
        lab.inside.maps(look, "nowhere", first=0, count=64)
    with pytest.raises(ConfigError, match="linear1 is a Linear layer and has no kernels"):
        lab.inside.kernels(look, "linear1", first=0, count=64)
    with pytest.raises(ConfigError, match="channel must be from 0 to 5, not 6"):
        lab.inside.worked_out(look, "conv1", channel=6, row=0, column=0)
    with pytest.raises(ConfigError, match="target must be from 0 to 9, not 10"):
        lab.inside.attributed(look, "grad-cam", 10)
    with pytest.raises(RunNotFound):
        lab.inside.network("00000000")


def test_captum_works_in_the_helper(lab, finished):
    found = lab.inside.attributed(lab.inside.look(finished.id), "grad-cam")

    assert (found.layer, len(found.values), len(found.values[0])) == ("conv2", 28, 28)
