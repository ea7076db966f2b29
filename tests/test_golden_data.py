"""The page of data sets as text: each one here and missing, in parts, doubtful, damaged and being downloaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from golden_lab import with_steps
from golden_text import check
from page_fakes import PIXEL, FakeLab, open_page, widget
from polling import poll

from cnnlab.errors import DataError
from cnnlab.values import DownloadStatus, Picture

FAILED = DownloadStatus("failed", 7_000_000, 170_000_000, "CIFAR-10 could not be fetched: no connection.")
COUNTS = {  # images of each class, in the training and in the test split
    "sample": ((600,) * 10, (100,) * 10),
    "fashion-mnist": ((6_000,) * 10, (1_000,) * 10),
    "mnist": ((52, 61, 43, 30, 11, 12, 13, 14, 15, 16), (9, 8, 7, 43, 0, 5, 4, 3, 2, 1)),
    "cifar10": ((5_000,) * 10, (1_000,) * 10),
}


class DataLab(FakeLab):
    """FakeLab with other numbers of images in each split, and short pages; it keeps every question."""

    def __init__(self, *here):
        super().__init__(here)
        self.asked = []

    def _status(self, entry):
        status = super()._status(entry)
        own = status.found and entry.name == "fashion-mnist"
        return replace(status, found=Path(self.home) / "data") if own else status

    def class_counts(self, dataset, split):
        if self.broken:
            raise self.broken
        return COUNTS[dataset][split == "test"]

    def pictures(self, dataset, split, count, *, label=None, offset=0):
        self.asked.append(f"pictures of {dataset}: {split}, {count} of class {label} from {offset}")
        total = sum(self.class_counts(dataset, split)) if label is None else self.class_counts(dataset, split)[label]
        return tuple(
            Picture(3 * place, place % 10 if label is None else label, PIXEL) for place in range(offset, total)[: min(3, count)]
        )

    def augmented(self, dataset, index, *, count, shift, flip, gray):
        self.asked.append(f"{count} versions of {dataset} {index}: shift {shift}, flip {flip}, gray {gray}")
        return tuple(f"data:image/png;base64,{'AAAA' * number}" for number in range(1, count + 1))


SCENES = {
    "sample": ({}, {}),
    "fashion-mnist": ({"dataset": "fashion-mnist", "page": "2"}, {}),
    "mnist": ({"dataset": "mnist", "split": "test", "class": "3", "page": "2"}, {}),
    "mnist-all": ({"dataset": "mnist", "page": "9999", "class": "12", "split": "both"}, {}),
    "mnist-none": ({"dataset": "mnist", "split": "test", "class": "4"}, {}),
    "mnist-doubtful": (
        {"dataset": "mnist", "class": "2", "page": "2"},
        {"doubts": {"mnist": "Not recognised as a part of *MNIST*."}},
    ),
    "cifar10": ({"dataset": "cifar10", "class": "5"}, {}),
}


@pytest.mark.parametrize("scene", SCENES)
def test_a_data_set_that_is_here(monkeypatch, regenerate_golden, scene):
    address, more = SCENES[scene]
    lab = DataLab(*COUNTS)
    vars(lab).update(more)

    app = open_page(monkeypatch, "data", lab, **address)

    check(f"pages/data-{scene}", with_steps(app) + "\n".join(lab.asked) + "\n", regenerate=regenerate_golden)


MISSING = {
    "missing": ("fashion-mnist", {}),
    "downloading": ("mnist", {"downloads": {"mnist": DownloadStatus("running", 2_500_000, 11_594_722)}}),
    "begins": ("cifar10", {"downloads": {"cifar10": DownloadStatus("running", 0, 0)}}),
    "failed": ("cifar10", {"downloads": {"cifar10": FAILED}}),
    "archive": ("cifar10", {"problems": {"cifar10": "cifar10.zip is an archive: *unpack* it."}}),
    "archive-failed": ("cifar10", {"problems": {"cifar10": "cifar10.zip is an archive."}, "downloads": {"cifar10": FAILED}}),
    "damaged": ("mnist", {"here": ("mnist",), "broken": DataError("train-images is cut short.")}),
}


def test_a_data_set_that_is_not_here_or_cannot_be_used(monkeypatch, regenerate_golden):
    texts = []
    for name, (dataset, more) in MISSING.items():
        lab = DataLab("sample")
        vars(lab).update(more)
        app = open_page(monkeypatch, "data", lab, dataset=dataset, split="test", page="4", nobody="1")
        texts.append(f"--- {name}\n{with_steps(app)}")

    check("pages/data-missing", "\n".join(texts), regenerate=regenerate_golden)


def sentences(app):
    progress = [each.proto.text for each in app.get("progress")]
    return [each.value for each in (*app.markdown, *app.warning, *app.info, *app.error, *app.caption)] + progress


def test_a_download_from_its_button_to_the_first_images(monkeypatch):
    lab = DataLab("sample")
    app = open_page(monkeypatch, "data", lab, dataset="cifar10")

    widget(app.button, "Download (170.5 MB)").click().run()
    assert (lab.asked_to_download, lab.asked) == (["cifar10"], [])
    assert "Downloading: 25 MB of 100 MB" in sentences(app)
    assert not [each for each in app.button if each.label.startswith(("Download", "Try"))]

    lab.downloads["cifar10"] = DownloadStatus("running", 60_000_000, 100_000_000)
    app = poll(app, monkeypatch)
    assert "Downloading: 60 MB of 100 MB" in sentences(app)
    assert lab.asked == []

    lab.downloads["cifar10"] = FAILED
    app = poll(app, monkeypatch)
    assert FAILED.message in sentences(app)
    assert [each.label for each in app.button][1:] == ["Try again (170.5 MB)", "Show the sample instead"]

    widget(app.button, "Try again (170.5 MB)").click().run()
    lab.here, lab.downloads = ("sample", "cifar10"), {"cifar10": DownloadStatus("finished", 9, 9)}
    app = poll(app, monkeypatch)
    assert lab.asked[0] == "pictures of cifar10: train, 40 of class None from 0"
    assert "**50,000** training images · **10,000** test images" in " ".join(sentences(app))


def test_the_pager_and_the_controls_ask_for_what_they_say(monkeypatch):
    lab = DataLab(*COUNTS)
    app = open_page(monkeypatch, "data", lab, dataset="mnist", page="2")

    def after(act):
        lab.asked.clear()
        act().run()
        return lab.asked[0].partition(": ")[2], "".join(app.query_params.get("page", "1"))

    assert after(widget(app.button, "Next 40").click) == ("train, 40 of class None from 80", "3")
    assert after(widget(app.button, "Previous 40").click) == ("train, 40 of class None from 40", "2")
    assert after(lambda: widget(app.selectbox, "Class").set_value(1)) == ("train, 40 of class 1 from 0", "1")
    assert after(widget(app.button, "Next 21").click) == ("train, 40 of class 1 from 40", "2")
    assert after(lambda: widget(app.get("button_group"), "Show").set_value("test")) == ("test, 40 of class 1 from 0", "1")
    other = after(lambda: widget(app.get("button_group"), "Data set").set_value("cifar10"))
    assert other == ("test, 40 of class None from 0", "1")  # the digit 1 is no automobile
    assert "class" not in app.query_params
