"""Weights from a file: read without running anything, refused with a sentence where they do not fit, and a run that shows them."""

from __future__ import annotations

import pickle
from contextlib import closing
from types import SimpleNamespace

import pytest
import torch
from page_fakes import FakeLab, open_page
from safetensors.torch import save_file

from cnnlab.access.roles import Person, Role
from cnnlab.architectures import card
from cnnlab.cli import app
from cnnlab.compute.imported import check_weights
from cnnlab.config import RunConfig
from cnnlab.diagnosis import diagnose
from cnnlab.errors import CheckpointError, CNNLabError, ConfigError, LimitError
from cnnlab.events import EpochDone, RunFinished
from cnnlab.imported_weights import ImportedWeights
from cnnlab.lab import Lab
from cnnlab.runs.store import Store
from cnnlab.seen import seen_by
from cnnlab.system import brought_weights
from cnnlab.system.home import run_folder
from cnnlab.training import checkpoints, weights_file
from cnnlab.training.engine import train
from cnnlab.training.imported import imported
from cnnlab.workers.runner import execute
from tests.quadrants import quadrants, settings


@pytest.fixture
def lenet():
    torch.manual_seed(1)
    return card("lenet").build((1, 28, 28), 10, {})


@pytest.mark.parametrize("wrapped", ["plain", "model", "state_dict", "module."])
def test_a_state_dict_is_read_as_programs_save_it(tmp_path, lenet, wrapped):
    weights = dict(lenet.state_dict())
    if wrapped == "module.":
        weights = {f"module.{name}": value for name, value in weights.items()}
    torch.save({wrapped: weights, "epoch": 3} if wrapped in ("model", "state_dict") else weights, tmp_path / "a.pt")

    tensors = weights_file.read(tmp_path / "a.pt")

    weights_file.fit(lenet, tensors, "LeNet-5")
    assert all(torch.equal(value, tensors[name]) for name, value in lenet.state_dict().items())


def test_a_safetensors_file_is_read_with_the_settings_that_the_lab_wrote(tmp_path, lenet):
    save_file(lenet.state_dict(), tmp_path / "a.safetensors", metadata={"configuration": '{"architecture": "lenet"}'})
    torch.save(lenet.state_dict(), tmp_path / "a.pt")

    weights_file.fit(lenet, weights_file.read(tmp_path / "a.safetensors"), "LeNet-5")

    assert weights_file.configuration(tmp_path / "a.safetensors") == '{"architecture": "lenet"}'
    assert weights_file.configuration(tmp_path / "a.pt") == ""


class Program:
    def __reduce__(self):
        return (open, ("was-run", "w"))


def test_no_program_in_a_file_is_run_and_damage_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    contents = {
        "a program": pickle.dumps(Program()),
        "noise": b"\x00" * 100,
        "nothing": b"",
        "cut off": (8).to_bytes(8, "little") + b'{"a',
    }

    for content in contents.values():
        (tmp_path / "a.pt").write_bytes(content)
        with pytest.raises(CheckpointError, match="cannot be read"):
            weights_file.read(tmp_path / "a.pt")
    torch.save({"weight": [1, 2]}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="is no state dict"):
        weights_file.read(tmp_path / "a.pt")

    assert not (tmp_path / "was-run").exists()


def test_what_does_not_fit_is_named_and_counted(lenet):
    weights = dict(lenet.state_dict())
    del weights["conv1.weight"]
    weights["linear1.weight"] = torch.zeros(100, 400)
    weights |= {f"other{number}": torch.zeros(1) for number in range(5)}

    with pytest.raises(CheckpointError) as caught:
        weights_file.fit(lenet, weights, "LeNet-5")

    assert str(caught.value) == (
        "These weights do not fit LeNet-5, which has 10 tensors: 1 is missing (conv1.weight); 5 are unknown (other0, other1, "
        "other2, …); 1 has another shape (linear1.weight is 100×400 and would be 120×400 here). Choose the network that they were "
        "trained in, with its options, channels, image size and classes."
    )


def test_imported_weights_are_a_finished_run_that_can_go_on(tmp_path):
    config = settings(epochs=1, validation_share=0.2)
    trained = list(train(config.change(epochs=4), quadrants(), folder=tmp_path / "first"))
    source = checkpoints.load(tmp_path / "first" / "last.pt")
    torch.save(source["model"], tmp_path / "a.pt")

    events = list(imported(config, quadrants(), file=tmp_path / "a.pt", folder=tmp_path / "second"))

    before = [event for event in trained if isinstance(event, EpochDone)][-1]
    (done,) = (event for event in events if isinstance(event, EpochDone))
    assert (done.epoch, done.step, done.test_accuracy) == (1, 0, before.test_accuracy)
    assert done.test_loss == pytest.approx(before.test_loss)
    assert 0 < done.train_accuracy <= 1
    assert diagnose(config, events) is None
    assert isinstance(events[-1], RunFinished)
    kept = checkpoints.load(tmp_path / "second" / "best.pt")
    assert all(torch.equal(value, kept["model"][name]) for name, value in source["model"].items())
    further = list(train(config.change(epochs=2), quadrants(), resume=kept))
    assert [event.epoch for event in further if isinstance(event, EpochDone)] == [2]


def test_the_command_makes_a_run_for_predict_and_inside(tmp_path, monkeypatch, capsys, lenet):
    from cnnlab.compute.trained import network_of

    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    torch.save(lenet.state_dict(), tmp_path / "mine.pt")
    arguments = ["weights", str(tmp_path / "mine.pt"), "--home", str(tmp_path / "home"), "--dataset", "sample", "--limit", "20"]

    with pytest.raises(SystemExit) as left:
        app([*arguments, "--architecture", "lenet", "--name", "mine"])

    assert left.value.code == 0
    assert "of the test images are right." in capsys.readouterr().out
    store = Store(tmp_path / "home")
    (run,) = store.runs()
    store.close()
    assert (run.state, run.name, run.tags, run.epochs_done, run.has_checkpoint) == ("finished", "mine", ("imported",), 1, True)
    folder = run_folder(tmp_path / "home", run.id)
    assert brought_weights.brought(folder)
    assert not list((tmp_path / "home" / "imports").iterdir())
    network = network_of(checkpoints.load(folder / "best.pt"))
    assert torch.equal(network.model.conv1.weight, lenet.conv1.weight)

    with pytest.raises(SystemExit) as left:
        app([*arguments, "--architecture", "mlp"])
    assert left.value.code == 2
    assert "These weights do not fit MLP" in capsys.readouterr().err


class Queue:
    """Queues as the lab does, without its helper and its dispatcher."""

    def __init__(self, store):
        self.store, self.refusal = store, None

    def start(self, config, data, *, token, name, owner):
        if self.refusal:
            raise self.refusal
        return self.store.create(config, token, name, owner=owner, data=data)


def asked(home):
    def ask(question, *, deadline, **arguments):
        assert (question, deadline) == ("check_weights", 60.0)
        check_weights(home, **arguments)

    return ask


def test_weights_of_a_training_that_diverged_are_refused_by_the_name_of_the_tensor(tmp_path, lenet):
    with torch.no_grad():
        lenet.output.bias[3] = float("nan")
    torch.save(lenet.state_dict(), tmp_path / "a.pt")
    with (
        pytest.raises(CheckpointError, match=r"output\.bias holds values that are no numbers"),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(brought_weights, "waiting", lambda home, token: tmp_path / "a.pt")
        check_weights(tmp_path, config=RunConfig.make(architecture="lenet"), token="t")


def test_an_upload_is_checked_and_waits_for_its_run(tmp_path, lenet, monkeypatch):
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    torch.save(lenet.state_dict(), tmp_path / "a.pt")
    content = (tmp_path / "a.pt").read_bytes()
    config = RunConfig.make(architecture="lenet", limit=20, epochs=7)
    with closing(Store(tmp_path)) as store:
        queue = Queue(store)
        importing = ImportedWeights(tmp_path, None, asked(tmp_path), queue, store)

        run_id = importing.start(config, content, token="../../evil", name="mine", owner="Ada")
        assert [path.suffix for path in (tmp_path / "imports").iterdir()] == [".weights"]
        assert execute(store, run_id) == "finished"

        run = store.run(run_id)
        assert (run.name, run.owner, run.tags, run.config.epochs, run.epochs_done) == ("mine", "Ada", ("imported",), 1, 1)

        with pytest.raises(CheckpointError, match="do not fit MLP"):
            importing.start(config.change(architecture="mlp"), content, token="b")
        queue.refusal = LimitError("This lab allows no more runs.")
        with pytest.raises(LimitError):
            importing.start(config, content, token="c")
        with pytest.raises(ConfigError, match="a page takes at most 20 MB"):
            importing.start(config, bytes(20_000_001), token="d")
        assert not list((tmp_path / "imports").iterdir())
        assert len(store.runs()) == 1


def test_an_observer_imports_nothing(tmp_path, lenet):
    lab = Lab(tmp_path)
    try:
        with pytest.raises(CNNLabError):
            seen_by(lab, Person("Ada", Role.OBSERVER)).imported_weights.start(RunConfig.make(), b"", token="a")
        assert not (tmp_path / "imports").exists()
    finally:
        lab.close()


def test_design_offers_an_import_and_shows_why_one_is_refused(monkeypatch, tmp_path, lenet):
    lab, given = FakeLab(), []
    torch.save(lenet.state_dict(), tmp_path / "a.pt")

    def start(config, content, *, token, name, owner):
        given.append((config.architecture, config.options["activation"], config.dataset, config.normalization, len(content), name))
        raise CheckpointError("These weights do not fit.")

    lab.imported_weights = SimpleNamespace(start=start)
    app = open_page(monkeypatch, "design", lab, architecture="lenet", activation="relu")
    assert "Import as a run" not in [button.label for button in app.button]

    uploader = next(each for each in app.get("file_uploader") if each.label == "File of weights")
    uploader.upload("a.pt", (tmp_path / "a.pt").read_bytes(), "application/octet-stream").run()
    next(button for button in app.button if button.label == "Import as a run").click().run()

    assert not app.exception
    size = (tmp_path / "a.pt").stat().st_size
    assert given == [("lenet", "relu", "sample", "none", size, "LeNet-5 on Fashion-MNIST sample, imported")]
    assert "These weights do not fit." in [error.value for error in app.error]
