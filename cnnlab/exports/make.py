"""Makes an export of a run: written beside its place, checked there, and only then given its name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from cnnlab.errors import ExportError
from cnnlab.events import EpochDone, Progress
from cnnlab.exports import checks, event_files, model_card, tables
from cnnlab.exports.figures import write_figures
from cnnlab.exports.notebook import notebook, program_of
from cnnlab.exports.onnx_file import python_example, web_example, write_onnx
from cnnlab.exports.script import Recipe, script
from cnnlab.exports.subject import Subject
from cnnlab.exports.weights import write_weights
from cnnlab.exports.words import Language
from cnnlab.i18n import N_, nsay, say, using
from cnnlab.reports.exports import metrics_csv
from cnnlab.runs.records import Run
from cnnlab.system import disk
from cnnlab.text import shortened

Kind = Literal["script", "notebook", "safetensors", "onnx", "tensorboard", "card", "metrics", "layers", "figures"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "script": (".py",),
    "notebook": (".ipynb",),
    "safetensors": (".safetensors",),
    "onnx": (".onnx",),
    "tensorboard": ("",),  # a folder
    "card": (".md",),
    "metrics": (".csv", ".json"),
    "layers": (".md", ".tex"),
    "figures": ("",),  # a folder
}
_FOLDERS: tuple[Kind, ...] = ("tensorboard", "figures")
_PLAIN: tuple[Kind, ...] = ("tensorboard", "metrics")  # need the record alone


@dataclass(frozen=True, slots=True)
class Wish:
    """What to export, and how."""

    kind: Kind
    output: Path
    language: Language = "en"
    prepared: bool = False  # ONNX with the preparation of images in the graph
    force: bool = False  # replace a file that exists

    @property
    def needs_network(self) -> bool:
        return self.kind not in _PLAIN

    def check(self) -> None:
        """Raises ExportError where the place is wrong, before anything is computed."""
        allowed = SUFFIXES[self.kind]
        if self.output.suffix not in allowed and allowed != ("",):
            sentence = N_("--output for {name} ends in {suffixes}, not {file}.")
            raise ExportError(say(sentence, name=self.kind, suffixes=" / ".join(allowed), file=shortened(self.output.name)))
        if not self.output.parent.is_dir():
            raise ExportError(say("There is no folder {folder}; make it first.", folder=shortened(str(self.output.parent))))
        for path in (self.output, *self._beside()):
            if path.exists() and not self.force:
                sentence = N_("{file} exists; choose another name, or add --force to replace it.")
                raise ExportError(say(sentence, file=shortened(str(path))))
            if path.exists() and path.is_dir() != (self.kind in _FOLDERS and path == self.output):
                raise ExportError(say("{file} is in the way; choose another name.", file=shortened(str(path))))

    def _beside(self) -> tuple[Path, ...]:
        """The examples of how to use an ONNX file."""
        if self.kind != "onnx":
            return ()
        names = (".py", ".html") if self.prepared else (".py",)
        return tuple(self.output.with_name(self.output.name + suffix) for suffix in names)


def export_record(run: Run, epochs: tuple[EpochDone, ...], progress: tuple[Progress, ...], wish: Wish) -> str:
    """Writes what needs the record alone, event files or metrics; returns what its check found."""
    wish.check()
    if not epochs:
        raise ExportError(say("Run {run} has no finished epoch yet; export it when its first epoch is done.", run=run.id))
    if wish.kind == "tensorboard":
        return _written(wish, lambda path: event_files.write_events(run, epochs, progress, path))
    csv = wish.output.suffix == ".csv"
    text = metrics_csv((run,), {run.id: epochs}) if csv else tables.metrics_json(run, epochs)
    return _written(
        wish,
        lambda path: _text(
            path, text, nsay("metrics of {count:,} epoch", "metrics of {count:,} epochs", len(epochs), count=len(epochs))
        ),
    )


def export_network(subject: Subject, wish: Wish) -> str:
    """Writes what needs the trained network; returns what its check found.

    Raises ExportError, and its subclass FailedCheck where the export does not compute the same: then there is no file.
    """
    wish.check()
    return _written(wish, lambda path: _MAKERS[wish.kind](subject, wish, path))


def recipe(subject: Subject) -> Recipe:
    """What a script of the run is made from."""
    first = subject.epochs[0] if subject.epochs else None
    precision = subject.checkpoint.get("precision", "float32")
    return Recipe(subject.config, subject.classes, subject.preparation, precision, subject.run.id, first)


def _script(subject: Subject, wish: Wish, path: Path) -> str:
    text = script(recipe(subject), wish.language)
    return _text(path, text, _sentence(subject, checks.check_program(N_("script"), text, subject)))


def _notebook(subject: Subject, wish: Wish, path: Path) -> str:
    text = notebook(recipe(subject), wish.language)
    return _text(path, text, _sentence(subject, checks.check_program(N_("notebook"), program_of(text), subject)))


def _onnx(subject: Subject, wish: Wish, path: Path) -> str:
    found = _sentence(subject, write_onnx(subject, path, prepared=wish.prepared))
    beside = wish.output.with_name(f"{wish.output.name}.py")
    beside.write_text(python_example(subject, wish.output.name, prepared=wish.prepared), encoding="utf-8")
    if wish.prepared:
        page = wish.output.with_name(f"{wish.output.name}.html")
        page.write_text(web_example(subject, wish.output.name), encoding="utf-8")
    return found


def _layers(subject: Subject, wish: Wish, path: Path) -> str:
    text = tables.layers_latex(subject.table) if wish.output.suffix == ".tex" else tables.layers_markdown(subject.table)
    counts = {"count": len(subject.table.rows), "parameters": subject.table.parameters}
    return _text(path, text, say("layer table: {count:,} layers, {parameters:,} parameters", **counts))


def _card(subject: Subject, _wish: Wish, path: Path) -> str:
    again, recorded = subject.recorded
    found = say("card: {again:,} of {recorded:,} recorded predictions found again", again=again, recorded=recorded)
    return _text(path, model_card.model_card(subject), found)


def _figures(subject: Subject, wish: Wish, folder: Path) -> str:
    folder.mkdir()
    with using(wish.language):
        return write_figures(subject, folder)


_MAKERS: dict[Kind, Callable[[Subject, Wish, Path], str]] = {
    "script": _script,
    "notebook": _notebook,
    "safetensors": lambda subject, _wish, path: _sentence(subject, write_weights(subject, path)),
    "onnx": _onnx,
    "card": _card,
    "layers": _layers,
    "figures": _figures,
}


def _sentence(subject: Subject, check: checks.Check) -> str:
    """The check, and where it is less than it seems."""
    again, recorded = subject.recorded
    total = len(subject.data.test_images)
    found = check.sentence
    if check.images < total:
        found = say("{check} (the first of {total:,}, because this network is large)", check=found, total=total)
    if again < recorded:
        text = N_("{check}; the run itself, on another device or in another precision, agreed on {again:,} of {recorded:,}")
        found = say(text, check=found, again=again, recorded=recorded)
    return found


def _text(path: Path, text: str, sentence: str) -> str:
    path.write_text(text, encoding="utf-8", newline="")
    return sentence


def _written(wish: Wish, write: Callable[[Path], str]) -> str:
    """Calls `write` with a place beside the output, which takes the output's name if it returns."""
    partial = wish.output.with_name(f".{wish.output.name}.partial")
    _remove(partial)
    try:
        sentence = write(partial)
        if partial.is_dir():
            _remove(wish.output)
        disk.replace(partial, wish.output)
    except OSError as error:
        sentence = N_("{file} cannot be written: {reason}.")
        raise ExportError(say(sentence, file=shortened(str(wish.output)), reason=error.strerror or error)) from error
    finally:
        _remove(partial)
    return sentence


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
