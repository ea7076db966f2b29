"""Commands about runs and their predictions, and the download of data sets."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from cnnlab import datasets as catalogue
from cnnlab.architectures import zoo, zoo_files
from cnnlab.cli.commands import AsJson, Home, print_error, print_json, print_text, readable
from cnnlab.config_words import words
from cnnlab.datasets.places import Places
from cnnlab.i18n import _, translated
from cnnlab.run_names import name_of
from cnnlab.runs.records import Run
from cnnlab.runs.store import Store
from cnnlab.state_words import state_word
from cnnlab.system import background
from cnnlab.system.home import default_data, run_folder
from cnnlab.text import aligned, confidence_text, image_number, percent
from cnnlab.workers import published
from cnnlab.workers.watch import folders_without_record, look_for_lost_runs

Count = Annotated[int, typer.Option(min=1, max=10_000, help="The most that are listed.")]


def runs(*, count: Count = 20, as_json: AsJson = False, home: Home) -> None:
    """List the lab's runs, the newest first. A run whose process has died is interrupted."""
    with closing(Store(home)) as store:
        check = look_for_lost_runs(store)
        found = check.corrected(store.runs(count))
        lost = folders_without_record(store)
    for sentence in filter(None, (*found.unreadable, lost, background.waiting(home))):
        print_error(translated(sentence))
    if as_json:
        print_json({"runs": [_described(run) for run in found]})
    elif not found:
        text = _("There are no runs yet. Try: {command}")
        print_text(text.format(command="python -m cnnlab train lenet --recipe lenet-sample"))
    else:
        columns = _("run|state|architecture|data set|epochs|last accuracy|best accuracy|seconds|made|owner|name").split("|")
        print_text(aligned(columns, [_row(run) for run in found], right=columns[4:8]))


def _described(run: Run) -> dict[str, Any]:
    return {field.name: getattr(run, field.name) for field in fields(run)} | {"config": run.config.model_dump(mode="json")}


def _row(run: Run) -> tuple[str, ...]:
    config, made = run.config, datetime.fromtimestamp(run.created, UTC).astimezone()
    return (
        *(run.id, state_word(run), config.network, words("dataset", config.dataset), f"{run.epochs_done}/{config.epochs}"),
        *map(percent, (run.test_accuracy, run.best_test_accuracy)),
        *("–" if run.seconds is None else f"{run.seconds:,.1f}", f"{made:%Y-%m-%d %H:%M}", run.owner, name_of(run)),
    )


def predict(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, as `runs` lists it.")],
    *,
    count: Count = 20,
    as_json: AsJson = False,
    home: Home,
) -> None:
    """List test images with their label and prediction, from the best epoch so far."""
    with closing(Store(home)) as store:
        run, named = store.run(readable(run_id)), default_data() or store.data_folder(run_id)
    answer = _predictions(run, Places(home, named), run_folder(home, run.id), count)
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            f"{p['image']:,}",
            translated(p["label_name"]),
            translated(p["predicted_name"]),
            confidence_text(p["confidence"]),
            _("✓ right") if p["correct"] else _("✗ wrong"),
        )
        for p in answer["predictions"]
    ]
    columns = _("image|label|predicted|confidence").split("|")
    print_text(aligned((*columns, ""), rows, right=(columns[0], columns[3])))
    text = _("{right:,} of {images:,} test images right ({accuracy}), after epoch {epoch}, the best so far.")
    counts = {"right": answer["correct"], "images": answer["test_images"], "accuracy": percent(answer["accuracy"])}
    print_text("\n" + text.format(**counts, epoch=answer["epoch"]))


def _predictions(run: Run, places: Places, folder: Path, count: int) -> dict[str, Any]:
    # The checkpoint holds the predictions for all test images, from the evaluation at the end of its epoch.
    from cnnlab.datasets.reading import read_best
    from cnnlab.training import checkpoints

    checkpoint = checkpoints.load(folder / checkpoints.BEST)
    entry = catalogue.entry(run.config.dataset)
    labels = read_best(entry, places, "test").labels
    predicted, confidence = checkpoint["test_predicted"].numpy(), checkpoint["test_confidence"].numpy()
    labels = labels[: len(predicted)]  # a run with a limit is evaluated on the first images
    names = entry.classes
    return {
        "run": run.id,
        "checkpoint": "best",
        "epoch": checkpoint["epoch"],
        "test_images": len(predicted),
        "correct": int((predicted == labels).sum()),
        "accuracy": float((predicted == labels).mean()),
        "predictions": [
            {
                "image": image_number(index),
                "index": index,
                "label": int(label),
                "label_name": names[label],
                "predicted": int(guess),
                "predicted_name": names[guess],
                "confidence": float(sure),
                "correct": bool(label == guess),
            }
            for index, (label, guess, sure) in enumerate(zip(labels[:count], predicted[:count], confidence[:count], strict=True))
        ],
    }


def download(
    dataset: Annotated[str, typer.Argument(metavar="NAME", help="A data set, such as mnist, or a network of torchvision.")],
    *,
    as_json: AsJson = False,
    home: Home,
) -> None:
    """Download a data set, or the weights of a network of torchvision, unless an intact copy is on this machine already."""
    from cnnlab.datasets.download import fetch
    from cnnlab.datasets.reading import intact_original

    places = Places(home, default_data())
    if network := zoo.networks().get(dataset):
        entry, fetch = published.entry(network), published.fetch
        found = zoo_files.find(network, zoo_files.folders(home))
        folder = found and found.parent
    else:
        entry = catalogue.entry(dataset)
        location = intact_original(entry, places)
        folder = location and location.folder
    if folder is None:
        with Progress("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn(), disable=as_json) as bar:
            task = bar.add_task(translated(entry.title), total=None)
            folder = fetch(entry, places, lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        print_json({"dataset": entry.name, "folder": str(folder)})
    else:
        print_text(_("{title} is in {folder}").format(title=translated(entry.title), folder=folder))
