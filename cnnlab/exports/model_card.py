"""A model card: what a trained network is, what it learned from, how well it does, and where it fails."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch

from cnnlab import datasets
from cnnlab.architectures import card
from cnnlab.config_words import settings
from cnnlab.exports.subject import Subject
from cnnlab.exports.words import plain
from cnnlab.intervals import wilson
from cnnlab.system.disk import sha256_of
from cnnlab.text import percent, shape_text
from cnnlab.training.evaluation import confusion, per_class

MOST_CONFUSIONS = 5


def model_card(subject: Subject) -> str:
    """The card as Markdown. All its figures are those that the run recorded, or are counted here."""
    sections = (_heading(subject), _network(subject), _data(subject), _recipe(subject), _results(subject), _weaknesses(subject))
    return "\n".join((*sections, _use(subject), _hashes(subject)))


def _heading(subject: Subject) -> str:
    run = subject.run
    name = f" ({plain(run.name)})" if run.name and run.name != run.config.title else ""
    title, done = plain(run.config.title), f"{subject.epoch} of {run.epochs_done}"
    return f"# {title}{name}\n\nRun {run.id} of CNN Lab, the weights after epoch {done}.\n"


def _network(subject: Subject) -> str:
    chosen, table = card(subject.config.architecture), subject.table
    name = f"{chosen.title} ({chosen.year})" if chosen.family else plain(subject.config.network)
    network = f"{name}. {chosen.summary}" + (f" {chosen.paper}" if not chosen.rows else "")
    shape, classes = shape_text(table.input_shape), ", ".join(map(plain, subject.classes))
    return (
        f"## The network\n\n{network}\n\n"
        f"It takes images of {shape} and gives a logit for each of {len(subject.classes)} classes: {classes}. "
        f"{table.parameters:,} parameters, {table.macs:,} multiply-accumulates for one image.\n"
    )


def _data(subject: Subject) -> str:
    entry, data, config = datasets.entry(subject.config.dataset), subject.data, subject.config
    described = plain if entry.format == "own" else str  # addresses stay as they are
    aside = f", of which {percent(config.validation_share)} were kept aside for validation" if config.validation_share else ""
    variant = f" The copy that was used is a {data.variant}." if data.variant else ""
    return (
        f"## The data\n\n{plain(entry.title)}: {described(entry.summary)} {described(entry.source)}. Licence: {entry.licence}.\n\n"
        f"{len(data.train_labels):,} training images{aside}, {len(data.test_labels):,} test images.{variant}\n"
    )


def _recipe(subject: Subject) -> str:
    rows = _table(("setting", "value"), [(f"`{name}`", plain(str(value))) for name, value in settings(subject.config).items()])
    device = f" Trained on {subject.run.device}." if subject.run.device else ""
    return f"## The recipe\n\nPrecision: {subject.checkpoint.get('precision', 'float32')}.{device}\n\n{rows}"


def _results(subject: Subject) -> str:
    predicted, labels = subject.checkpoint["test_predicted"].long(), subject.data.test_labels
    images, share = len(predicted), (predicted == labels).double().mean().item()
    low, high = wilson(share, images)
    if subject.config.validation_share:
        chosen = "The epoch was chosen by validation images, so the test accuracy is an honest one."
    else:
        chosen = "The epoch was chosen by the test images, as in the course, which makes the test accuracy slightly optimistic."
    if subject.checkpoint["best_epoch"] != subject.epoch:
        chosen = "The epoch is the last one, not the best."
    figures = per_class(confusion(labels, predicted, len(subject.classes)))
    rows = [
        (plain(name), f"{each.images:,}", percent(each.recall), _interval(each.recall, each.images), percent(each.precision))
        for name, each in zip(subject.classes, figures, strict=True)
    ]
    header = ("class", "test images", "recall", "95 % interval", "precision")
    return (
        f"## Results\n\nTest accuracy {percent(share)}: {round(share * images):,} of {images:,} test images. With other "
        f"test images of the same kind it would be between {percent(low)} and {percent(high)} (95 % interval, Wilson). "
        f"{chosen} One run says nothing about other seeds.\n\n{_table(header, rows)}"
    )


def _interval(share: float | None, images: int) -> str:
    if share is None or not images:
        return "–"
    low, high = wilson(share, images)
    return f"{percent(low)} to {percent(high)}"


def _weaknesses(subject: Subject) -> str:
    predicted, labels = subject.checkpoint["test_predicted"].long(), subject.data.test_labels
    names = tuple(map(plain, subject.classes))
    counts = confusion(labels, predicted, len(names))
    totals = counts.sum(1)
    wrong = counts.clone().fill_diagonal_(0)
    worst = torch.argsort(wrong.flatten(), descending=True, stable=True)[:MOST_CONFUSIONS].tolist()
    lines = []
    for place in worst:
        true, guess = divmod(place, len(names))
        if count := int(wrong[true, guess]):
            total = int(totals[true])
            lines.append(
                f"- {count:,} of {total:,} test images of {names[true]} ({percent(count / total)}) are taken for {names[guess]}.\n"
            )
    return "## Known weaknesses\n\n" + ("".join(lines) or "None of the test images is taken for another class.\n")


def _use(subject: Subject) -> str:
    entry = datasets.entry(subject.config.dataset)
    return (
        "## Use\n\nFor learning and teaching. It was tested on images of this data set alone, prepared as here: other pictures "
        f"it answers as well, with one of the {len(subject.classes)} classes, and nobody has measured how often it is right. "
        f"{plain(entry.title)} holds small pictures; a decision about people or things must not rest on them.\n"
    )


def _hashes(subject: Subject) -> str:
    data = subject.data
    rows = [
        (f"the file {subject.file.name}", sha256_of(subject.file)),
        ("its weights", _of_tensors(subject.model.state_dict().values())),
        ("training images and labels", _of_tensors((data.train_images, data.train_labels))),
        ("test images and labels", _of_tensors((data.test_images, data.test_labels))),
    ]
    table = _table(("what", "SHA-256"), [(what, f"`{digest}`") for what, digest in rows])
    return f"## Hashes\n\nSHA-256; of tensors, their bytes one after another.\n\n{table}"


def _of_tensors(tensors: Sequence[torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for values in tensors:
        digest.update(values.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
