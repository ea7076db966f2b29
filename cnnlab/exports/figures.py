"""A run's figures as SVG files: its curves, and the confusion matrix of its test images."""

from __future__ import annotations

from pathlib import Path

from cnnlab.errors import FailedCheck
from cnnlab.exports.subject import Subject
from cnnlab.i18n import N_, say
from cnnlab.reports.svg_files import confusion_svg, run_svg
from cnnlab.run_names import name_of
from cnnlab.training.evaluation import confusion

CURVES, CONFUSION = "curves.svg", "confusion.svg"


def write_figures(subject: Subject, folder: Path) -> str:
    """Writes both into `folder`, in the language of this thread; returns what was checked.

    Raises FailedCheck where the matrix counts another number of right images than the run did.
    """
    run, classes = subject.run, subject.classes
    counts = confusion(subject.data.test_labels, subject.checkpoint["test_predicted"], len(classes))
    right, images = int(counts.diagonal().sum()), int(counts.sum())
    recorded = next((done.test_accuracy for done in subject.epochs if done.epoch == subject.epoch), None)
    if recorded is not None and abs(right - recorded * images) > 0.5:
        raise FailedCheck(
            say(
                "The confusion matrix counts {right} of {images} test images as right, the run {recorded}; it was not written.",
                right=f"{right:,}", images=f"{images:,}", recorded=f"{recorded * images:,.0f}",
            )
        )  # fmt: skip
    title = name_of(run)
    files = {
        CURVES: run_svg(subject.epochs, title, len(classes), over=run.over),
        CONFUSION: confusion_svg(counts.tolist(), classes, title),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    text = N_("figures: {files}; {right:,} of {images:,} test images right, as the run counted")
    return say(text, files=say("{several} and {last}", several=CURVES, last=CONFUSION), right=right, images=images)
