"""Published weights: found where they may be, fetched and checked, offered on the forms, refused to observers."""

from __future__ import annotations

import functools
import hashlib
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from page_fakes import FakeLab, open_page

from cnnlab.access.roles import Person, Role
from cnnlab.architectures import zoo, zoo_files
from cnnlab.cli import app
from cnnlab.datasets.places import Places
from cnnlab.errors import CNNLabError, DataError
from cnnlab.lab import Lab
from cnnlab.published_weights import PublishedWeights
from cnnlab.seen import seen_by
from cnnlab.values import DownloadStatus
from cnnlab.workers import downloads, published

CONTENT = b"weights" * 1000
OPTIONS = {"model": "resnet18", "weights": "pretrained", "train_all": True}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_text):
        pass


@pytest.fixture
def network(monkeypatch, tmp_path):
    """resnet18, whose file a server on this machine has."""
    served = tmp_path / "served"
    served.mkdir()
    made = zoo.ZooNetwork("resnet18", 224, 1, 0.0, len(CONTENT) / 2**20, f"resnet18-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth")
    (served / made.file).write_bytes(CONTENT)
    known = zoo.networks() | {"resnet18": made}
    monkeypatch.setattr(zoo, "networks", lambda: known)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=served))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(zoo_files, "ADDRESS", f"http://127.0.0.1:{server.server_port}/")
    yield made
    server.shutdown()
    server.server_close()


def test_a_file_is_fetched_checked_and_found(network, tmp_path):
    lab = PublishedWeights(tmp_path)
    reported = []
    assert lab.missing("torchvision", OPTIONS) == network

    published.fetch(published.entry(network), Places(tmp_path), lambda done, total: reported.append((done, total)))

    assert lab.missing("torchvision", OPTIONS) is None
    assert zoo_files.find(network, zoo_files.folders(tmp_path)).read_bytes() == CONTENT
    assert reported[-1] == (len(CONTENT), len(CONTENT))
    assert lab.missing("torchvision", OPTIONS | {"weights": "random"}) is None
    assert lab.missing("lenet", {}) is None


def test_what_pytorch_has_fetched_is_used(network, tmp_path):
    kept = tmp_path / "torch" / "hub" / "checkpoints"
    kept.mkdir(parents=True)
    (kept / network.file).write_bytes(CONTENT)

    assert PublishedWeights(tmp_path).missing("torchvision", OPTIONS) is None


def test_a_damaged_answer_and_a_missing_network_leave_no_file(network, tmp_path):
    (tmp_path / "served" / network.file).write_bytes(b"weight!" * 1000)
    with pytest.raises(DataError, match="arrived damaged and was removed"):
        published.fetch(published.entry(network), Places(tmp_path))

    (tmp_path / "served" / network.file).unlink()
    with pytest.raises(DataError, match=r"could not be fetched .*connect to the internet, or fetch http.* elsewhere"):
        published.fetch(published.entry(network), Places(tmp_path))

    assert not list((tmp_path / "weights").iterdir())


def test_the_background_process_fetches_weights_as_it_does_data_sets(network, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads.processes, "detach", lambda: None)
    monkeypatch.setattr(downloads.processes, "keep_files_private", lambda: None)

    downloads.main(["--home", str(tmp_path), published.entry(network).name])

    assert PublishedWeights(tmp_path).state(network).state == "finished"
    assert (tmp_path / "weights" / network.file).exists()


def test_the_command_fetches_them(network, tmp_path, capsys):
    for _again in range(2):
        with pytest.raises(SystemExit) as left:
            app(["download", "resnet18", "--home", str(tmp_path)])
        assert left.value.code == 0

    assert "the file with the weights of resnet18 is in" in capsys.readouterr().out.replace("\n", " ")


def test_an_observer_fetches_nothing(network, tmp_path):
    lab = Lab(tmp_path)
    try:
        observer = seen_by(lab, Person("Ada", Role.OBSERVER))
        with pytest.raises(CNNLabError):
            observer.published.fetch(network)
        assert observer.published.missing("torchvision", OPTIONS) == network
        assert lab.published.state(network) is None
    finally:
        lab.close()


class Waiting:
    """Weights that are missing until they have been fetched."""

    def __init__(self, status=None):
        self.status, self.fetched = status, []

    def missing(self, architecture, options):
        return zoo.pretrained(architecture, options)

    def state(self, _network):
        return self.status

    def fetch(self, network):
        self.fetched.append(network.name)


def test_a_form_offers_to_fetch_what_is_missing(monkeypatch):
    lab = FakeLab()
    lab.published = Waiting()
    shown = open_page(monkeypatch, "design", lab, architecture="torchvision", weights="pretrained", image_size="64")

    assert not shown.exception
    assert any("The weights of resnet18 are not on this machine yet" in each.value for each in shown.info)
    next(button for button in shown.button if button.label.startswith("Fetch the weights (46.8 MB)")).click().run()
    assert lab.published.fetched == ["resnet18"]

    lab.published.status = DownloadStatus("failed", 0, 1, "resnet18-f37072fd.pth could not be fetched (x): connect.")
    assert any("could not be fetched" in each.value for each in shown.run().error)
