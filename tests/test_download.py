"""Downloads, from a local server that the test starts."""

import errno
import gzip
import io
import os
import tarfile
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from data_files import folder_of

from cnnlab.datasets import download, entry
from cnnlab.datasets.catalogue import Download
from cnnlab.datasets.download import fetch, unpack
from cnnlab.datasets.idx import write_idx
from cnnlab.datasets.loading import load
from cnnlab.datasets.places import BATCH_FILES, BATCHES, Places
from cnnlab.errors import DataError


class Mirror:
    """The responses of the local server by path; `asked` are the requested paths."""

    def __init__(self, address):
        self.address = address
        self.files = {}
        self.lengths = {}  # false lengths for the header
        self.asked = []


@pytest.fixture
def mirror(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            made.asked.append(self.path)
            content = made.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(made.lengths.get(self.path, len(content))))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Mirror(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def places(tmp_path):
    return Places(home=tmp_path / "home")


def offered(mirror, name, content, paths=("/",)):
    """A Download of `content`; each of `paths` is a mirror, but only the last one has it."""
    mirror.files[f"{paths[-1]}{name}"] = content
    return Download(
        name, md5(content, usedforsecurity=False).hexdigest(), len(content), tuple(f"{mirror.address}{p}{name}" for p in paths)
    )


def tiny_mnist(mirror, tmp_path, paths=("/",)):
    downloads = []
    for prefix, count in (("train", 20), ("t10k", 10)):
        for kind, values in (
            ("images-idx3", np.arange(count * 784, dtype=np.uint32).astype(np.uint8).reshape(count, 28, 28)),
            ("labels-idx1", (np.arange(count) % 10).astype(np.uint8)),
        ):
            path = tmp_path / f"{prefix}-{kind}-ubyte.gz"
            write_idx(path, values)
            downloads.append(offered(mirror, path.name, path.read_bytes(), paths))
    return replace(entry("mnist"), downloads=tuple(downloads))


def leftovers(places):
    return [path.name for path in places.own.rglob("*") if path.is_file()]


def test_fetched_data_set_is_found_and_loads(mirror, places, tmp_path):
    mnist = tiny_mnist(mirror, tmp_path)

    folder = fetch(mnist, places)

    assert folder_of(mnist, places) == folder == places.own / "MNIST" / "raw"
    assert load(mnist, places).train_images.shape == (20, 1, 28, 28)
    assert len(leftovers(places)) == 4


def test_progress_rises_to_all_bytes_of_all_files(mirror, places, tmp_path):
    mnist, seen = tiny_mnist(mirror, tmp_path), []

    fetch(mnist, places, lambda done, total: seen.append((done, total)))

    total = sum(download.bytes for download in mnist.downloads)
    assert seen == sorted(seen)
    assert seen[-1] == (total, total)
    assert {t for _, t in seen} == {total}


def test_second_mirror_is_asked_where_the_first_has_not_got_it(mirror, places, tmp_path):
    mnist = tiny_mnist(mirror, tmp_path, paths=("/first/", "/second/"))

    fetch(mnist, places)

    assert mirror.asked[:2] == ["/first/train-images-idx3-ubyte.gz", "/second/train-images-idx3-ubyte.gz"]
    assert folder_of(mnist, places)


def test_second_mirror_is_asked_where_the_first_sends_something_else(mirror, places, tmp_path):
    mnist = tiny_mnist(mirror, tmp_path, paths=("/first/", "/second/"))
    wrong = mnist.downloads[0]
    mirror.files[f"/first/{wrong.name}"] = bytes(wrong.bytes)

    folder = fetch(mnist, places)

    assert md5((folder / wrong.name).read_bytes(), usedforsecurity=False).hexdigest() == wrong.md5


def test_intact_files_are_not_fetched_again_but_damaged_ones_are(mirror, places, tmp_path):
    mnist = tiny_mnist(mirror, tmp_path)
    folder = fetch(mnist, places)
    mirror.asked.clear()

    fetch(mnist, places)
    assert mirror.asked == []

    (folder / mnist.downloads[1].name).write_bytes(b"damaged")
    fetch(mnist, places)
    assert mirror.asked == [f"/{mnist.downloads[1].name}"]


def test_wrong_checksum_is_told_and_the_file_removed(mirror, places, tmp_path):
    mnist = tiny_mnist(mirror, tmp_path)
    first = mnist.downloads[0]
    mirror.files[f"/{first.name}"] = bytes(first.bytes)

    with pytest.raises(DataError, match=rf"arrived damaged and was removed, its checksum is \w{{32}} instead of {first.md5}"):
        fetch(mnist, places)

    assert leftovers(places) == []
    assert folder_of(mnist, places) is None


@pytest.mark.parametrize("says_so", [True, False])
def test_body_that_breaks_off_is_told_and_removed(mirror, places, tmp_path, says_so):
    mnist = tiny_mnist(mirror, tmp_path)
    first = mnist.downloads[0]
    content = mirror.files[f"/{first.name}"]
    mirror.files[f"/{first.name}"] = content[:50]
    mirror.lengths[f"/{first.name}"] = 50 if says_so else len(content)

    with pytest.raises(DataError, match=f"broke off after 50 of {first.bytes:,} bytes"):
        fetch(mnist, places)

    assert leftovers(places) == []


def test_endless_body_is_cut_off(mirror, places, tmp_path):
    mnist = tiny_mnist(mirror, tmp_path)
    first = mnist.downloads[0]
    mirror.files[f"/{first.name}"] += bytes(1)

    with pytest.raises(DataError, match="sent more than"):
        fetch(mnist, places)

    assert leftovers(places) == []


def test_without_network_one_sentence_says_what_to_do(places):
    unused = "http://127.0.0.1:9/"  # a port that answers nothing; no test may contact another machine
    mnist = replace(entry("mnist"), downloads=(Download("train-images-idx3-ubyte.gz", "0" * 32, 10, (unused,)),))

    with pytest.raises(
        DataError,
        match=r"^MNIST could not be downloaded \(.*127\.0\.0\.1: .+\): connect to the internet, "
        r"or point CNNLAB_DATA to a folder that has it, or use the bundled sample\.$",
    ):
        fetch(mnist, places)


def test_server_that_says_nothing_is_given_up(places):
    with silent_server() as port:
        mnist = replace(entry("mnist"), downloads=(Download("a.gz", "0" * 32, 10, (f"http://127.0.0.1:{port}/a.gz",)),))

        with pytest.raises(DataError, match="timed out"):
            fetch(mnist, places, timeout=0.1)


@contextmanager
def silent_server():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:  # the kernel accepts the connection; no process answers
        yield server.getsockname()[1]


def test_only_http_addresses_are_opened(places, tmp_path):
    (tmp_path / "secret").write_text("x")
    address = (tmp_path / "secret").as_uri()
    mnist = replace(entry("mnist"), downloads=(Download("a.gz", "0" * 32, 1, (address,)),))

    with pytest.raises(ValueError, match="http or https"):
        fetch(mnist, places)


def test_folder_that_cannot_be_written_is_named(mirror, tmp_path):
    mnist = tiny_mnist(mirror, tmp_path)
    (tmp_path / "home").write_text("a file where the home should be")

    with pytest.raises(DataError, match=r"^MNIST could not be saved in CNNLAB_HOME/data/MNIST/raw: "):
        fetch(mnist, Places(home=tmp_path / "home"))


def in_the_way(home, *names):
    """A home with a file where the last of these folders should be."""
    path = home.joinpath(*names)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")


def failing(number):
    """What saving raises, with a path in it as the system's own errors have."""

    def save(*_):
        raise OSError(number, os.strerror(number), "/srv/lab/data/x.part")

    return save


@pytest.mark.parametrize("names", [("data",), ("data", "MNIST"), ("data", "MNIST", "raw")], ids="/".join)
def test_a_file_where_a_folder_should_be_is_named_with_the_cure(mirror, places, tmp_path, names):
    in_the_way(places.home, *names)

    with pytest.raises(
        DataError, match=r"CNNLAB_HOME/data/MNIST/raw: .*; a file is where a folder should be: move it away"
    ) as error:
        fetch(tiny_mnist(mirror, tmp_path), places)

    assert str(tmp_path) not in str(error.value)


def test_a_file_in_place_of_the_folder_of_an_archive_is_named_with_the_cure(mirror, places):
    in_the_way(places.home, "data", BATCHES)
    cifar = replace(entry("cifar10"), downloads=(offered(mirror, "cifar-10-python.tar.gz", archive_of(CIFAR_FILES)),))

    with pytest.raises(DataError, match="a file is where a folder should be"):
        fetch(cifar, places)

    assert leftovers(places) == [BATCHES]


def test_a_folder_where_a_file_should_be_is_named_with_the_cure(mirror, places, tmp_path):
    mnist = tiny_mnist(mirror, tmp_path)
    (places.target(mnist) / mnist.downloads[0].name).mkdir(parents=True)

    with pytest.raises(DataError, match="a folder is where a file should be: move it away"):
        fetch(mnist, places)


CURES = {errno.ENOSPC: "free some space", errno.EACCES: "make this folder writable", errno.EROFS: "make this folder writable"}


@pytest.mark.parametrize("number", CURES, ids=["no space", "no permission", "read-only"])
def test_what_cannot_be_saved_says_why_and_what_to_do_without_a_server_path(mirror, places, tmp_path, monkeypatch, number):
    monkeypatch.setattr(download, "_save", failing(number))

    with pytest.raises(DataError, match=f"^MNIST could not be saved in CNNLAB_HOME/data/MNIST/raw: .*; {CURES[number]}") as error:
        fetch(tiny_mnist(mirror, tmp_path), places)

    assert "/srv" not in str(error.value)


def test_sample_has_nothing_to_download(places):
    with pytest.raises(DataError, match="comes with the lab"):
        fetch(entry("sample"), places)


def test_leftovers_of_a_killed_download_are_removed_after_a_day(mirror, places, tmp_path):
    mnist = tiny_mnist(mirror, tmp_path)
    folder = places.target(mnist)
    folder.mkdir(parents=True)
    old, fresh = folder / ".a.gz-1.part", folder / ".a.gz-2.part"
    for path in (old, fresh):
        path.touch()
    yesterday = time.time() - 100_000
    os.utime(old, (yesterday, yesterday))

    fetch(mnist, places)

    assert not old.exists()
    assert fresh.exists()


# CIFAR-10's archive


def archive_of(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


CIFAR_FILES = {f"{BATCHES}/{name}": name.encode() for name in BATCH_FILES}


def test_archive_is_unpacked_into_torchvision_s_folder_and_not_kept(mirror, places):
    cifar = replace(entry("cifar10"), downloads=(offered(mirror, "cifar-10-python.tar.gz", archive_of(CIFAR_FILES)),))
    seen = []

    folder = fetch(cifar, places, lambda done, total: seen.append(done))

    assert folder_of(cifar, places) == folder == places.own / BATCHES
    assert (folder / "data_batch_3").read_bytes() == b"data_batch_3"
    assert sorted(leftovers(places)) == sorted(BATCH_FILES)
    assert seen[-1] == cifar.downloads[0].bytes
    fetch(cifar, places)
    assert len(mirror.asked) == 1


def test_archive_takes_the_place_of_half_a_folder(mirror, places):
    cifar = replace(entry("cifar10"), downloads=(offered(mirror, "cifar-10-python.tar.gz", archive_of(CIFAR_FILES)),))
    (places.own / BATCHES).mkdir(parents=True)
    (places.own / BATCHES / "data_batch_1").write_text("half")

    folder = fetch(cifar, places)

    assert (folder / "data_batch_1").read_bytes() == b"data_batch_1"


def test_a_damaged_file_of_an_archive_is_fetched_again(mirror, places):
    item = offered(mirror, "cifar-10-python.tar.gz", archive_of(CIFAR_FILES))
    sums = tuple((name, md5(name.encode(), usedforsecurity=False).hexdigest()) for name in BATCH_FILES)
    cifar = replace(entry("cifar10"), downloads=(replace(item, members=sums),))
    folder = fetch(cifar, places)
    fetch(cifar, places)
    assert len(mirror.asked) == 1

    (folder / "data_batch_3").write_bytes(b"data_batch_X")
    fetch(cifar, places)

    assert len(mirror.asked) == 2
    assert (folder / "data_batch_3").read_bytes() == b"data_batch_3"


def test_nothing_outside_the_folder_is_written_from_an_archive(tmp_path):
    archive = tmp_path / "inner" / "archive.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(archive_of(CIFAR_FILES | {"../evil": b"x", f"{tmp_path}/evil": b"x", f"{BATCHES}/../../evil": b"x"}))

    unpack(archive, tmp_path / "inner" / "folder")

    assert sorted(path.name for path in (tmp_path / "inner" / "folder").iterdir()) == sorted(BATCH_FILES)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == sorted([*BATCH_FILES, "archive.tar.gz"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive_of({"other": b"x"}), "is no archive of CIFAR-10"),
        (archive_of(CIFAR_FILES)[:100], "cannot be unpacked"),
        (gzip.compress(b"no tar"), "cannot be unpacked"),
    ],
    ids=["another archive", "cut off", "no archive"],
)
def test_archive_that_cannot_be_used_leaves_no_data_set(mirror, places, content, message):
    cifar = replace(entry("cifar10"), downloads=(offered(mirror, "cifar-10-python.tar.gz", content),))

    with pytest.raises(DataError, match=message):
        fetch(cifar, places)

    assert folder_of(cifar, places) is None
    assert leftovers(places) == []
