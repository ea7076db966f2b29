"""Rules of data sets at their bounds: what is kept and for how long, which folders are searched, what a download asks and says."""

from __future__ import annotations

import errno
import gzip
import os
import sys
import tarfile
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from data_files import CIFAR, FASHION, MNIST, write_pictures, write_tiny
from PIL import Image

from cnnlab.datasets import download, entries, entry, folders, picture_folders, reading, remembered, tables
from cnnlab.datasets.arrays import decoded, partial_file
from cnnlab.datasets.catalogue import BATCHES, Download
from cnnlab.datasets.loading import ImageData, load, stratified
from cnnlab.datasets.pictures import png_data_uri
from cnnlab.datasets.places import BATCH_FILES, Places
from cnnlab.datasets.reading import class_counts, read_best, read_split
from cnnlab.errors import ConfigError, DataError, InstallationError

# What is kept


def test_decoded_values_are_kept_for_one_source_and_one_signature(tmp_path):
    made = []

    def make(rows):
        return lambda: made.append(rows) or np.full((rows, 2), rows, np.uint8)

    for source, signature, rows in (("a", "1", 3), ("a", "1", 3), ("b", "1", 4), ("a", "2", 5), ("b", "1", 4), ("a", "1", 3)):
        assert decoded(tmp_path, source, signature, rows, make(rows)).shape == (rows, 2)

    assert made == [3, 4, 5, 3]  # of each source the last signature alone is kept
    assert sorted(path.name for path in (tmp_path / "decoded").iterdir()) == ["a-1.npy", "b-1.npy"]
    assert len(decoded(tmp_path, "a", "1", 7, make(7))) == 7  # as many rows as there are pictures
    np.save(tmp_path / "decoded" / "a-1.npy", np.zeros((7, 2)))
    assert decoded(tmp_path, "a", "1", 7, make(7)).dtype == np.uint8


def test_a_file_that_is_not_finished_leaves_nothing(tmp_path):
    with pytest.raises(KeyError), partial_file(tmp_path / "x.gz") as first, partial_file(tmp_path / "x.gz") as second:
        assert first != second
        assert first.parent == tmp_path
        assert first.name.startswith(".x.gz-") and first.suffix == ".part"
        first.write_text("half")
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_what_was_found_in_a_file_is_remembered_once_it_is_two_seconds_old(tmp_path, monkeypatch):
    path, reads = tmp_path / "file", []
    path.write_text("x")
    newest = max(path.stat().st_mtime_ns, path.stat().st_ctime_ns)

    def read(path):
        reads.append(path.read_text())
        return len(reads)

    for later, answer in ((2_000_000_000, 1), (2_000_000_001, 2), (9_000_000_000, 2)):
        monkeypatch.setattr(remembered.time, "time_ns", lambda later=later: newest + later)
        assert remembered.remembered(read, path) == answer
    path.write_text("longer")
    assert remembered.remembered(read, path) == 3
    monkeypatch.setattr(remembered, "_LARGEST", len(remembered._memory))
    assert remembered.remembered(read, path) >= 3
    assert remembered.stamp(tmp_path / "nothing") is None


# Folders


def test_a_search_goes_four_folders_deep_and_skips_what_systems_hide(tmp_path):
    for name in ("a/b/c/d/e", ".hidden/x", "__MACOSX/x", "cifar10/train/cat"):
        (tmp_path / name).mkdir(parents=True)
    for name in CIFAR.classes:
        (tmp_path / "cifar10" / "train" / name).mkdir(exist_ok=True)
    (tmp_path / "cifar10" / "train" / "more").mkdir()

    found = [folder.shown for folder in folders.walk(tmp_path, "R")]

    assert found == ["R", "R/a", "R/cifar10", "R/a/b", "R/cifar10/train", "R/a/b/c", "R/cifar10/train/more", "R/a/b/c/d"]


def test_a_folder_that_cannot_be_read_is_passed_over_and_a_root_is_not(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    (tmp_path / "open").mkdir()
    scan = os.scandir

    def scandir(path):
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied")
        return scan(path)

    monkeypatch.setattr(folders.os, "scandir", scandir)

    assert [folder.shown for folder in folders.walk(tmp_path, "R")] == ["R", "R/open"]
    closed = folders.Folder(tmp_path / "closed", "closed")
    assert (closed.readable_files(), closed.readable_folders()) == ({}, {})
    with pytest.raises(PermissionError):
        list(folders.walk(tmp_path / "closed", "R"))
    roots = Places(tmp_path / "home", data=tmp_path / "closed").search(MNIST).roots
    assert roots == ("CNNLAB_DATA (which cannot be read: Permission denied)",)


def test_the_lab_s_own_folder_is_searched_second_and_shown_by_its_name(places):
    write_tiny(places.data / "MNIST")
    write_tiny(places.own / "deep" / "MNIST", train=30)

    search = places.search(MNIST)

    assert [copy.shown for copy in search.usable] == ["CNNLAB_DATA/MNIST", "CNNLAB_HOME/data/deep/MNIST"]
    assert search.roots == ("CNNLAB_DATA", "CNNLAB_HOME/data")
    assert (places.target(MNIST), places.shown_target(MNIST)) == (places.home / "data/MNIST/raw", "CNNLAB_HOME/data/MNIST/raw")
    sentence = "CNNLAB_HOME/data is full"
    assert places.explained(sentence) == f"{sentence} (CNNLAB_HOME is {places.home})"
    both = "CNNLAB_DATA and CNNLAB_HOME/data"
    assert places.explained(both) == f"{both} (CNNLAB_DATA is {places.data}; CNNLAB_HOME is {places.home})"
    assert Places(places.home).explained("nothing of both") == "nothing of both"
    assert search.usable[0].name(search.usable[0].files[1]) == "CNNLAB_DATA/MNIST/train-labels-idx1-ubyte"


# Reading


def test_images_and_labels_of_each_split_are_their_own(places):
    write_tiny(places.data / "MNIST", train=13, test=7)
    location = places.locate(MNIST)

    train, test = (read_split(MNIST, location, split, places.own) for split in ("train", "test"))

    assert (train.images.shape, test.images.shape) == ((13, 1, 28, 28), (7, 1, 28, 28))
    assert (train.labels.tolist(), test.labels.tolist()) == ([n % 10 for n in range(13)], list(range(7)))
    assert train.labels.dtype == np.int64
    assert np.array_equal(read_best(MNIST, places, "test").images, test.images)
    assert class_counts(MNIST, places, "train") == (2, 2, 2, 1, 1, 1, 1, 1, 1, 1)
    assert class_counts(MNIST, places, "test") == (1, 1, 1, 1, 1, 1, 1, 0, 0, 0)


def test_pictures_are_counted_by_class_and_by_split(places):
    write_pictures(places.data / "cifar10", train=3, test=1)
    Image.new("RGB", (32, 32)).save(places.data / "cifar10" / "test" / "frog" / "more.png")

    assert class_counts(CIFAR, places, "train") == (3,) * 10
    assert class_counts(CIFAR, places, "test") == (1, 1, 1, 1, 1, 1, 2, 1, 1, 1)


def test_an_old_torchvision_and_a_missing_one_are_told_with_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(
        InstallationError, match=r"^CIFAR-10 needs torchvision, which cannot be imported \(.*\): run pip install -r"
    ):
        reading._torchvision_datasets()


@pytest.mark.parametrize(
    ("fault", "words"), [(KeyError("data"), "KeyError"), (EOFError(), "EOFError"), (ValueError(), "ValueError")]
)
def test_batches_that_change_while_they_are_read_are_a_sentence(tmp_path, fault, words):
    class Failing:
        def __init__(self, **_):
            raise fault

    with pytest.raises(DataError, match=rf"The CIFAR-10 files in X cannot be read \({words}\): fetch them again\."):
        reading.read_batches(tmp_path, "test", Failing, shown="X")


def test_the_splits_of_batches_are_those_that_torchvision_calls_so(tmp_path):
    asked = []

    class Recorder:
        def __init__(self, **how):
            asked.append((how["train"], how["root"], how["download"], self.base_folder))
            self.data, self.targets = np.arange(2 * 32 * 32 * 3, dtype=np.uint8).reshape(2, 32, 32, 3), [4, 5]

    images, labels = reading.read_batches(tmp_path / "mine", "test", Recorder)
    reading.read_batches(tmp_path / "mine", "train", Recorder)

    assert asked == [(False, tmp_path, False, "mine"), (True, tmp_path, False, "mine")]
    assert (images.shape, labels.tolist(), labels.dtype) == ((2, 3, 32, 32), [4, 5], np.int64)
    assert images[0, :, 0, 1].tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    ("first", "second", "form"),
    [
        ("label,a,b", "1,2,3", (3, True, 0)),
        ('"Label",a,b', "1,2,3", (3, True, 0)),
        ("a,b,class", "1,2,3", (3, True, -1)),
        ("1,2,3", "4,5", (3, False, 0)),
        ("0,1,2", "", (3, False, 0)),
        ("a,b", "1,2,3", (3, True, 0)),
        ("y,1,2", "5,6", (2, True, 0)),
        ("1,2,x", "5,6", (3, False, 0)),
    ],
)
def test_the_form_of_a_table_is_known_from_two_lines(tmp_path, first, second, form):
    path = tmp_path / "x.csv"
    path.write_text(f"{first}\n{second}\n")

    assert tables.csv_form(path) == tables.CsvForm(*form)


@pytest.mark.parametrize("opened", [open, gzip.open])
def test_a_table_may_begin_with_the_mark_that_spreadsheets_write(tmp_path, opened):
    path = tmp_path / ("x.csv.gz" if opened is gzip.open else "x.csv")
    with opened(path, "wt", encoding="utf-8-sig") as file:
        file.write("label,1,2\n7,8,9\n")

    assert tables.csv_form(path) == tables.CsvForm(3, True, 0)


def test_arrays_and_tables_are_bounded_before_their_memory_is_taken(tmp_path, monkeypatch):
    images, labels = np.zeros((3, 28, 28), np.uint8), np.arange(3)
    np.savez(tmp_path / "x.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    with zipfile.ZipFile(tmp_path / "x.npz") as archive:
        size = archive.getinfo("x_train.npy").file_size
    for largest, answer in ((size, dict), (size - 1, str)):
        monkeypatch.setattr(tables, "_LARGEST", largest)
        assert isinstance(tables.npz_facts(tmp_path / "x.npz"), answer)
    assert tables.npz_facts(tmp_path / "x.npz") == f"cannot be read: x_train.npy has {size:,} bytes"
    monkeypatch.setattr(tables, "_ROWS", 2)
    monkeypatch.setattr(tables, "_MOST_ROWS", 4)
    (tmp_path / "x.csv").write_text("1,2,3\n" * 4)
    assert len(tables._csv_rows(tmp_path / "x.csv", "X", 3)) == 4
    (tmp_path / "x.csv").write_text("1,2,3\n" * 5)
    with pytest.raises(DataError, match=r"X cannot be read: it has more than 4 rows\."):
        tables._csv_rows(tmp_path / "x.csv", "X", 3)


def test_a_table_that_changed_since_it_was_found_is_a_sentence(tmp_path):
    path = tmp_path / "x.csv"
    for content, sentence in (("", "X holds no image."), ("7\n", "X has 1 column, not a label and 2 pixels.")):
        path.write_text(content)
        with pytest.raises(DataError) as refused:
            tables._csv_rows(path, "X", 3)
        assert str(refused.value) == sentence


def test_tables_go_together_where_their_names_differ_in_the_split_alone():
    names = [
        "mnist_train.csv",
        "mnist_test.csv",
        "train.csv.gz",
        "test.csv",
        "training.csv",
        "testing.csv",
        "train.txt",
        "test.txt",
    ]
    files = {name: Path(name) for name in names}

    assert [(a.name, b.name) for a, b in tables.csv_pairs(files)] == [
        *(("mnist_train.csv", "mnist_test.csv"), ("training.csv", "testing.csv"))
    ]


def test_a_png_for_a_page_is_of_one_or_three_channels_of_bytes():
    for wrong in (np.zeros((2, 4, 4), np.uint8), np.zeros((1, 4, 4)), np.zeros((4, 4), np.uint8)):
        with pytest.raises(
            ValueError, match=r"an image is uint8 C×H×W with 1 or 3 channels, not (uint8 2×4×4|float64 1×4×4|uint8 4×4)"
        ):
            png_data_uri(wrong)
    assert png_data_uri(np.zeros((3, 4, 4), np.uint8)).startswith("data:image/png;base64,")


def test_the_kind_of_pictures_is_that_of_their_suffix():
    assert [picture_folders.SUFFIXES[f".{suffix}"] for suffix in ("jpg", "jpeg", "png", "bmp", "webp", "tif")] == [
        *("JPEG", "JPEG", "PNG", "BMP", "WebP", "TIFF")
    ]


# Parts


def test_a_part_takes_as_many_of_each_class_as_it_can_in_the_order_of_the_data_set():
    labels = torch.tensor([0] * 8 + [1] * 4 + [2] * 4)

    chosen = stratified(labels, 8, seed=3)

    assert chosen.tolist() == sorted(chosen.tolist())
    assert torch.bincount(labels[chosen]).tolist() == [4, 2, 2]
    assert chosen.tolist() == [1, 3, 5, 6, 9, 10, 13, 14]  # the same in every version: a run that is repeated takes the same images


def test_statistics_of_colours_are_of_each_channel_and_of_gray_by_the_weights():
    images = torch.tensor([[[[0, 255]], [[51, 51]], [[102, 204]]]], dtype=torch.uint8)
    data = ImageData("x", ("a",), images, torch.zeros(1).long(), images[:0], torch.zeros(0).long())

    means, deviations = data.statistics()
    (gray,), (spread,) = data.statistics(1)

    assert means == pytest.approx((0.5, 0.2, 0.6))
    assert deviations == pytest.approx((0.5, 0.0, 0.2))
    dark, light = 0.587 * 0.2 + 0.114 * 0.4, 0.299 + 0.587 * 0.2 + 0.114 * 0.8
    assert (gray, spread) == pytest.approx(((dark + light) / 2, (light - dark) / 2))
    assert (data.channels, data.size) == (3, 1)


def test_an_unknown_data_set_is_answered_with_those_there_are():
    for wrong in ("imagenet", ["mnist"], None):
        with pytest.raises(ConfigError, match="choose one of: sample, fashion-mnist, mnist, cifar10") as refused:
            entry(wrong)
        assert refused.value.field == "dataset"
    assert [each.name for each in entries()] == ["sample", "fashion-mnist", "mnist", "cifar10"]
    assert load("sample", Places(Path("nowhere"))).variant == ""


# Downloads


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOSPC, "free some space, and try again"),
        (errno.EDQUOT, "free some space, and try again"),
        (errno.EACCES, "make this folder writable for the user who runs the lab"),
        (errno.EROFS, "make this folder writable for the user who runs the lab"),
        (errno.ENOTDIR, "a file is where a folder should be: move it away"),
        (errno.EISDIR, "a folder is where a file should be: move it away"),
    ],
)
def test_what_cannot_be_saved_has_a_cure(number, cure):
    assert download.unsaved(OSError(number, "The reason", "/secret/path")) == f"The reason; {cure}"
    assert download.unsaved(OSError(errno.EIO, "The reason")) == "The reason"
    assert download.unsaved(OSError()) == "OSError"


def test_progress_is_of_all_files_together_and_counts_those_that_are_here(places, monkeypatch):
    items = tuple(Download(name, name, size, ("http://x/",)) for name, size in (("a", 10), ("b", 20), ("c", 30)))
    monkeypatch.setattr(download, "_is_intact", lambda path, md5: path.name == md5 == "b")
    asked, seen = [], []

    def fetch_file(item, path, progress, timeout):
        asked.append((item.name, path.name, timeout))
        progress(4, item.bytes)

    monkeypatch.setattr(download, "_fetch_file", fetch_file)

    download.fetch(replace(FASHION, downloads=items), places, lambda *done: seen.append(done), timeout=3.0)

    assert asked == [("a", "a", 3.0), ("c", "c", 3.0)]
    assert seen == [(4, 60), (10, 60), (30, 60), (34, 60), (60, 60)]


def test_an_archive_without_its_files_and_a_folder_in_place_of_one_are_named(tmp_path):
    for number, (name, kind, sentence) in enumerate(
        [
            ("other", tarfile.REGTYPE, "a.tar.gz is no archive of CIFAR-10: "),
            (
                f"{BATCHES}/{BATCH_FILES[0]}",
                tarfile.DIRTYPE,
                f"a.tar.gz has no file {BATCHES}/{BATCH_FILES[0]}: it is no archive of",
            ),
        ]
    ):
        archive = tmp_path / "a.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            member = tarfile.TarInfo(name)
            member.type = kind
            tar.addfile(member, BytesIO(b""))
        with pytest.raises(DataError, match=sentence):
            download.unpack(archive, tmp_path / str(number))


def test_pictures_are_asked_for_again_after_a_hundred_times_as_long_as_it_takes(tmp_path, monkeypatch):
    write_pictures(tmp_path / "cifar10", train=1, test=1)
    now, asked_for, real = [0.0], [], picture_folders.listed
    location = Places(tmp_path / "home", data=tmp_path).locate(CIFAR)

    def listed(folder, name):
        asked_for.append(name)
        now[0] += 0.01
        return real(folder, name)

    monkeypatch.setattr(picture_folders, "listed", listed)
    monkeypatch.setattr(picture_folders, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(picture_folders, "_signatures", {})

    for moment, asked in ((0.0, 10), (10.0, 10), (10.2, 20)):
        now[0] = max(now[0], moment)
        picture_folders.signature(location, "train")
        assert len(asked_for) == asked
