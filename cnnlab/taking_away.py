"""What leaves the lab from a page: a network as code, and exports of a run, made and checked by a process of their own.

Needs no torch. The process is the command `python -m cnnlab export`; its files lie in the run's folder and go with it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from cnnlab.datasets import own
from cnnlab.datasets.location import SPLITS
from cnnlab.datasets.places import SAMPLE_FOLDER
from cnnlab.errors import ExportError
from cnnlab.i18n import N_, say
from cnnlab.system import files, processes
from cnnlab.system.home import run_folder
from cnnlab.text import duration_text, size_text

LONGEST = 900.0  # seconds; the largest networks take minutes
MOST_IMAGES = 100_000_000  # bytes of a data set that a page hands out: it is packed in memory
FOLDER = "exports"
_NO_SAMPLE = N_("The images of the sample, which come with the lab, cannot be read ({reason}): install the lab again.")
BEST = "best.pt"


@dataclass(frozen=True, slots=True)
class Offer:
    """One kind of export that a page offers."""

    kind: str  # as the command line calls it
    title: str
    file: str  # its name, behind the run's id
    help: str
    spoken: bool = False  # has comments in a language
    more: tuple[str, ...] = ()  # further options of the command
    packed: bool = False  # several files, in one .zip


OFFERS: tuple[Offer, ...] = (
    Offer("script", "Script (plain PyTorch)", ".py", "Builds, trains and tests this network without the lab.", spoken=True),
    Offer("notebook", "Notebook", ".ipynb", "The same in cells, for Jupyter, Colab and Kaggle.", spoken=True),
    Offer("safetensors", "Weights (safetensors)", ".safetensors", "The numbers alone, by the names of the layer table."),
    Offer(
        "onnx", "ONNX", ".onnx", "For programs without PyTorch, and for web pages; with two short examples.",
        more=("--with-preparation",), packed=True,
    ),
    Offer("card", "Model card", ".md", "Data, recipe, results with intervals, known weaknesses, hashes."),
    Offer("tensorboard", "TensorBoard event files", "-events", "The curves, for TensorBoard.", packed=True),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExportState:
    """How far an export is."""

    state: Literal["none", "working", "done", "failed"]
    sentence: str = ""  # what its check found, or why it failed
    file: Path | None = None  # to be handed out


@dataclass(frozen=True, slots=True)
class Images:
    """The images that a script of a run reads and cannot fetch by itself: files in a folder beside it."""

    folder: str
    files: tuple[Path, ...]
    size: int  # bytes of all files

    def packed(self) -> bytes:
        """A .zip with the folder in it."""
        content = BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
            for file in self.files:
                archive.write(file, f"{self.folder}/{file.name}")
        return content.getvalue()


NONE, WORKING = ExportState("none"), ExportState("working")


class TakingAway:
    """The exports of one lab. Safe to share between threads; one export is made at a time."""

    def __init__(self, home: Path, data: Path | None, ask: Callable[..., Any]) -> None:
        self._home, self._data, self._ask = home, data, ask
        self._states: dict[tuple[str, str, str], ExportState] = {}
        self._one_at_a_time, self._lock = threading.Lock(), threading.Lock()

    def code(self, architecture: str, input_shape: tuple[int, int, int], classes: int, options: dict[str, Any]) -> str:
        """A network as code that runs as it is printed. Raises ShapeError where the images do not fit."""
        return self._ask("network_code", architecture=architecture, input_shape=input_shape, classes=classes, options=options)

    def images(self, dataset: str) -> Images | None:
        """The images for a script of a run on `dataset`; None where the script downloads them.

        Raises ExportError where they are gone, or too large for a page.
        """
        known = own.known(self._home, dataset)
        if known is None and dataset != "sample":
            return None
        try:
            if known:
                folder = own.folder(self._home, dataset)
                # Without its record and its files' names, which say who brought them.
                found = tuple(folder / f"{split}.{end}" for split in sorted(SPLITS) for end in ("labels.npy", "u8"))
            else:
                folder = SAMPLE_FOLDER
                found = tuple(sorted(each for each in folder.iterdir() if each.suffix in (".gz", ".md")))
            size = sum(file.stat().st_size for file in found)
        except OSError as error:
            raise ExportError(own.missing(known) if known else say(_NO_SAMPLE, reason=error.strerror)) from error
        if size > MOST_IMAGES:
            sentence = N_(
                "The images take {size}, and a page hands out at most {most}: on the lab's machine, copy the folder {folder}, "
                "which lies in own_data in the lab's folder, beside the script."
            )
            raise ExportError(say(sentence, size=size_text(size), most=size_text(MOST_IMAGES), folder=folder.name))
        return Images(folder.name, found, size)

    def state(self, run_id: str, offer: Offer, language: str = "en") -> ExportState:
        """How far it is. One that was made before the run's best weights changed counts as none. Raises RunNotFound."""
        known = self._states.get((run_id, offer.kind, language), NONE)
        if known.state in ("working", "failed"):
            return known
        file, found = self._place(run_id, offer, language)
        try:
            kept = json.loads(found.read_text(encoding="utf-8"))
            fresh = found.stat().st_mtime >= (run_folder(self._home, run_id) / BEST).stat().st_mtime
        except (OSError, ValueError):
            return NONE
        return ExportState("done", kept["check"], file) if fresh and file.is_file() else NONE

    def start(self, run_id: str, offer: Offer, language: str = "en") -> None:
        """Begins an export, unless it is being made. Raises RunNotFound."""
        key = run_id, offer.kind, language
        self._place(run_id, offer, language)
        with self._lock:
            if self._states.get(key) == WORKING:
                return
            self._states[key] = WORKING
        threading.Thread(target=self._make, args=(run_id, offer, language), daemon=True).start()

    def _make(self, run_id: str, offer: Offer, language: str) -> None:
        key = run_id, offer.kind, language
        try:
            with self._one_at_a_time:
                self._run(run_id, offer, language)
            self._states.pop(key, None)  # its files say the rest
        except (ExportError, OSError, subprocess.SubprocessError, ValueError) as error:
            sentence = files.without_folders(str(error), self._home, self._data)
            self._states[key] = ExportState("failed", sentence or say("The export failed without a reason; please try again."))

    def _run(self, run_id: str, offer: Offer, language: str) -> None:
        file, found = self._place(run_id, offer, language)
        found.unlink(missing_ok=True)
        made = file.with_suffix("") / f"{run_id}{offer.file}" if offer.packed else file
        made.parent.mkdir(parents=True, exist_ok=True)
        place = ("--as", offer.kind, "--output", str(made), "--home", str(self._home), "--language", language)
        command = [sys.executable, "-m", "cnnlab", "export", run_id, *place, *offer.more, "--force", "--json"]
        environment = processes.with_our_modules() | ({"CNNLAB_DATA": str(self._data)} if self._data else {})
        try:
            done = subprocess.run(  # noqa: S603 - our own program
                command, capture_output=True, text=True, encoding="utf-8", env=environment, timeout=LONGEST, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ExportError(say("The export took longer than {time} and was ended.", time=duration_text(LONGEST))) from error
        if done.returncode:
            raise ExportError((done.stderr.strip().splitlines() or [""])[-1])
        check = json.loads(done.stdout.splitlines()[-1])["check"]
        if offer.packed:
            shutil.make_archive(str(file.with_suffix("")), "zip", made.parent)
            shutil.rmtree(made.parent)
        found.write_text(json.dumps({"check": check}), encoding="utf-8")

    def _place(self, run_id: str, offer: Offer, language: str) -> tuple[Path, Path]:
        """The file that is handed out, and the one that holds what its check found."""
        folder = run_folder(self._home, run_id) / FOLDER
        tongue = f"-{language}" if offer.spoken and language != "en" else ""
        name = f"{run_id}{offer.file}" if not tongue else f"{run_id}{tongue}{offer.file}"
        name = f"{run_id}-{offer.kind}.zip" if offer.packed else name
        return folder / name, folder / f"{name}.json"
