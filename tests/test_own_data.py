"""A user's own images: what becomes of folders, archives and tables, and how the lab knows the set."""

from __future__ import annotations

import gzip
import io
import json

import numpy as np
import pytest
from own_files import folder, job, pets, picture, tarred, zipped

from cnnlab import datasets
from cnnlab.config import RunConfig
from cnnlab.config_words import words
from cnnlab.datasets import own
from cnnlab.datasets.idx import write_idx
from cnnlab.datasets.loading import load
from cnnlab.datasets.places import Places
from cnnlab.errors import ConfigError, DataError
from cnnlab.i18n import translated, using
from cnnlab.own_data.bringing import bring
from cnnlab.own_data.values import Choices
from cnnlab.starts import start
from cnnlab.system import working_home


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home whose own data sets this process knows."""
    monkeypatch.setenv(working_home.HOME, str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("pack", [folder, zipped, tarred], ids=["folder", "zip", "tar"])
def test_a_folder_for_each_class_becomes_a_data_set_to_the_pixel(pack, home, tmp_path):
    files = pets() | {"readme.txt": b"about", "__MACOSX/cat/._1.png": b"x", "more.zip": b"PK\3\4"}
    made = bring(job(home, pack(tmp_path / "pets", files), test_share=0.25))
    assert (made.name, made.classes, made.size, made.channels) == ("own-pets", ("cat", "dog"), 20, 3)
    assert (made.train_counts, made.test_counts) == ((3, 3), (1, 1))
    assert made.brought.notes == ("1 archive in it was left out.",) and made.brought.sizes == ((20, 20, 8),)
    data = load("own-pets", Places(home))
    for images, labels, split in ((data.train_images, data.train_labels, "train"), (data.test_images, data.test_labels, "test")):
        names = own.stored(home, made, split).names
        for image, label, name in zip(images, labels.tolist(), names, strict=True):
            with io.BytesIO(files[name]) as file:
                from PIL import Image

                assert np.array_equal(np.asarray(Image.open(file)).transpose(2, 0, 1), image.numpy())
            assert name.split("/")[0] == made.classes[label]
    assert not list((home / "own_data").glob(".*"))


def test_the_same_seed_draws_the_same_test_images_whatever_the_archive_is(home, tmp_path):
    files = pets(10)
    one = bring(job(home, folder(tmp_path / "pets", files), seed=3))
    other = bring(job(home, tarred(tmp_path / "pets.tar", dict(reversed(files.items()))), seed=3))
    another = bring(job(home, tmp_path / "pets.tar", seed=4))
    assert (one.digest, one.name) == (other.digest, "own-pets") and other.name == "own-pets-2"
    assert another.digest != one.digest and another.test_counts == one.test_counts == (2, 2)


@pytest.mark.parametrize(
    ("files", "counts", "notes"),
    [
        ({"d/train/train/a/1.png": 1, "d/train/train/b/1.png": 2, "d/test/a/1.png": 3, "d/test/b/9.png": 4}, (1, 1, 1, 1), 0),
        ({f"x/Training/{c}/{n}.png": n for c in "ab" for n in (1, 2)} | {"x/val/a/1.png": 5, "x/val/b/1.png": 6}, (2, 2, 1, 1), 0),
        ({f"{s}/{c}/1.png": ord(c) for s in ("train", "valid", "test") for c in "ab"}, (2, 2, 1, 1), 1),
        ({f"train/{c}/{n}.png": n for c in "ab" for n in range(4)} | {"test/1.png": 1}, (3, 3, 1, 1), 1),
        ({f"all/{c}/deep/{n}.png": n for c in "ab" for n in range(4)} | {"all/loose.png": 1}, (3, 3, 1, 1), 1),
    ],
    ids=["unpacked twice", "val alone", "val and test", "test without classes", "deeper and loose"],
)  # fmt: skip
def test_the_splits_of_folders_are_kept(files, counts, notes, home, tmp_path):
    packed = zipped(tmp_path / "x.zip", {name: picture(seed) for name, seed in files.items()})
    made = bring(job(home, packed))
    assert (made.classes, made.train_counts + made.test_counts) == (("a", "b"), counts)
    assert len(made.brought.notes) == notes


def test_pictures_of_any_size_become_square_and_grey_is_noticed(home, tmp_path):
    wide = {f"{name}/{n}.png": picture(n, size=(90, 40), mode="L") for name in ("10", "9") for n in range(3)}
    made = bring(job(home, zipped(tmp_path / "x.zip", wide | {"9/photo.jpg": picture(9, size=(300, 200), mode="L", form="JPEG")})))
    assert (made.size, made.channels, made.classes) == (32, 1, ("9", "10"))
    assert made.brought.gray == 7 and made.brought.sizes[0] == (90, 40, 6)
    squeezed = bring(job(home, tmp_path / "x.zip", size=16, colour="colour", fit="stretch"))
    assert (squeezed.size, squeezed.channels, squeezed.fit, squeezed.suggested_size) == (16, 3, "stretch", 32)


def test_a_few_pictures_of_another_size_do_not_change_the_size_of_all_others(home, tmp_path):
    pictures = {f"{name}/{n}.png": picture(n, size=(28, 28)) for name in "ab" for n in range(4)}
    odd = {"a/wide.png": picture(9, size=(90, 40)), "b/dot.png": picture(8, size=(1, 1))}
    assert bring(job(home, zipped(tmp_path / "x.zip", pictures | odd))).size == 28


def test_a_list_of_classes_is_not_counted_among_the_files_that_were_left_out(home, tmp_path):
    rows = "".join(f'{{"file_name": "{n}.png", "label": "{"ab"[n % 2]}"}}\n' for n in range(8))
    files = {f"train/{n}.png": picture(n) for n in range(8)} | {"train/metadata.jsonl": rows.encode(), "readme.txt": b"hello"}
    made = bring(job(home, zipped(tmp_path / "x.zip", files)))
    assert (made.classes, made.brought.ignored) == (("a", "b"), 1)


def test_broken_pictures_are_left_out_by_name_unless_they_are_most(home, tmp_path):
    whole = pets(5) | {"cat/broken.png": b"\x89PNG\r\n\x1a\nno", "dog/cut.png": picture(1)[:60]}
    made = bring(job(home, zipped(tmp_path / "x.zip", whole)))
    assert made.brought.broken == 2 and set(made.brought.broken_names) == {"cat/broken.png", "dog/cut.png"}
    assert sum(made.train_counts) + sum(made.test_counts) == 10
    data = load(made.name, Places(home))
    assert all(image.any() for image in (*data.train_images, *data.test_images))  # no gap is left
    most = {f"cat/a{n}.png": b"no picture" for n in range(9)} | pets(2)
    with pytest.raises(DataError, match=r"9 of its 13 pictures cannot be read, such as cat/a0.png"):
        bring(job(home, zipped(tmp_path / "y.zip", most)))


def npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


IMAGES = np.random.default_rng(0).integers(0, 256, (12, 9, 9), np.uint8)
LABELS = np.arange(12) % 3


def idx(values, name, place):
    write_idx(place / name, np.asarray(values, np.uint8))
    return (place / name).read_bytes()


def kaggle(with_header: bool) -> bytes:
    header = ["label," + ",".join(f"pixel{n}" for n in range(81))] if with_header else []
    return "\n".join(
        header + [f"{label}," + ",".join(map(str, image.ravel())) for label, image in zip(LABELS, IMAGES, strict=True)]
    ).encode()


@pytest.mark.parametrize(
    "form", ["npz", "npz without split", "csv", "csv.gz", "csv without header", "fer", "idx", "emnist", "qmnist"]
)
def test_tables_become_the_same_images(form, home, tmp_path):
    labels, classes, turned = LABELS, ("0", "1", "2"), False
    if form == "npz":
        files = {"a.npz": npz(x_train=IMAGES[..., None], y_train=LABELS[:, None], x_test=IMAGES[:3, ..., None], y_test=LABELS[:3])}
    elif form == "npz without split":
        files = {"a.npz": npz(images=IMAGES / 255, labels=np.eye(3)[LABELS], classes=np.array(["x", "y", "z"]))}
        classes = ("x", "y", "z")
    elif form == "fer":
        rows = [f"{label},{' '.join(map(str, image.ravel()))},Training" for label, image in zip(LABELS, IMAGES, strict=True)]
        files = {"fer2013.csv": "\n".join(["emotion,pixels,Usage", *rows]).encode()}
    elif form.startswith("csv"):
        content = kaggle("without" not in form)
        files = {"train.csv.gz": gzip.compress(content)} if form == "csv.gz" else {"train.csv": content, "test.csv": b"a,b\n1,2\n"}
    else:
        prefix = {"idx": "", "emnist": "emnist-letters-", "qmnist": "qmnist-"}[form]
        files = {f"{prefix}train-images-idx3-ubyte.gz": idx(IMAGES, "i.gz", tmp_path)}
        if form == "qmnist":
            wide = np.zeros((12, 8), ">i4")
            wide[:, 0] = LABELS
            files["qmnist-train-labels-idx2-int"] = b"\0\0\x0c\2" + np.array([12, 8], ">u4").tobytes() + wide.tobytes()
        else:
            files[f"{prefix}train-labels-idx1-ubyte.gz"] = idx(LABELS + (form == "emnist"), "l.gz", tmp_path)
        if form == "emnist":
            files["emnist-letters-mapping.txt"], classes, turned = b"1 65 97\n2 66 98\n3 67 99\n", ("Aa", "Bb", "Cc"), True
    made = bring(job(home, zipped(tmp_path / "x.zip", files)))
    assert (made.classes, made.size, made.channels) == (classes, 9, 1)
    stored = [own.stored(home, made, split) for split in ("train", "test")]
    found = {image.tobytes(): int(label) for each in stored for image, label in zip(each.images, each.labels, strict=True)}
    wanted = IMAGES.transpose(0, 2, 1) if turned else IMAGES
    assert found == {image.tobytes(): int(label) for image, label in zip(wanted, labels, strict=True)}


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"a.npz": npz(x_train=np.array([{}], object), y_train=[1])}, "Object arrays cannot be loaded"),
        ({"a.npz": npz(x_train=IMAGES.astype(np.int32) * 9, y_train=LABELS)}, "a pixel is from 0 to 255"),
        ({"a.csv": b"label,p1,p2,p3,p4\n1,2,3,4,999\n"}, "a pixel is from 0 to 255"),
        ({"a.csv": b"label,p1,p2,p3,p4\n1,2,3\n"}, "cannot be read"),
        ({"t10k-images-idx3-ubyte": b"\0\0\x08\3" + b"\xff" * 12}, "lacks the labels"),
        ({"x/cat/1.png": picture(1), "x/cat/2.png": picture(2)}, "none of its pictures has a class"),
        ({"1.png": picture(1)}, "none of its pictures has a class"),
        ({"notes.txt": b"x"}, "holds no pictures"),
    ],
)
def test_what_is_no_data_set_is_refused_in_one_sentence(files, sentence, home, tmp_path):
    with pytest.raises(DataError, match=sentence) as caught:
        bring(job(home, zipped(tmp_path / "x.zip", files)))
    assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)
    assert not own.sets(home) and not list((home / "own_data").glob("*"))


def test_hugging_faces_list_of_labels_is_followed(home, tmp_path):
    files = {f"train/{n}.png": picture(n) for n in range(6)} | {f"test/{n}.png": picture(10 + n) for n in range(2)}
    files["train/metadata.csv"] = "file_name,label\n" + "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in range(6))
    files["test/metadata.jsonl"] = "".join(json.dumps({"file_name": f"{n}.png", "label": "ab"[n]}) + "\n" for n in range(2))
    made = bring(job(home, zipped(tmp_path / "x.zip", files)))
    assert (made.classes, made.train_counts, made.test_counts) == (("a", "b"), (3, 3), (1, 1))


def test_the_lab_knows_the_set_beside_the_others_and_translates_nothing_of_it(home, tmp_path):
    files = {f"{name}/{n}.png": picture(n) for name in ("bird", "<b>猫<b>\u202e", "=1+1") for n in range(2)}
    made = bring(job(home, folder(tmp_path / "x", files), title="  Animals\n "))
    entry = datasets.entry("own-animals")
    assert datasets.entries()[-1] == entry and (entry.title, entry.format) == ("Animals", "own")
    assert made.classes == ("<b>猫<b>", "=1+1", "bird")
    config = RunConfig.make(dataset="own-animals", architecture="nin")
    assert (config.classes, config.channels) == (3, 3) and RunConfig.from_json(config.to_json()) == config
    with using("zh"):
        assert [translated(name) for name in entry.classes] == list(made.classes)
        assert words("dataset", "own-animals") == "Animals"
    for architecture in ("lenet", "mlp", "vgg", "densenet"):
        assert start(architecture, "own-animals").config.dataset == "own-animals"
    for wrong in ("own-../../etc", "own-nothing", "own-animals.2", "own-animals.1", "own-Animals"):
        with pytest.raises(ConfigError, match="There is no data set"):
            RunConfig.make(dataset=wrong)


def test_wrong_choices_name_their_field():
    for wrong in (
        {"title": " \n"},
        {"size": 4},
        {"size": True},
        {"colour": "red"},
        {"fit": "pad"},
        {"test_share": 0.9},
        {"seed": -1},
    ):
        with pytest.raises(ConfigError) as caught:
            Choices(**{"title": "x"} | wrong)
        assert caught.value.field == next(iter(wrong))
