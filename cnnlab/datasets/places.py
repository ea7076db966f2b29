"""Where the copies of a data set are on this machine, found by what they hold. Quick enough for every page; needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cnnlab.datasets import own
from cnnlab.datasets.arrays import partial_file
from cnnlab.datasets.catalogue import BATCH_MD5, BATCHES, Entry
from cnnlab.datasets.location import Layout, Location, Split, Unusable
from cnnlab.i18n import N_, say

__all__ = ["BATCHES", "BATCH_FILES", "SAMPLE_FOLDER", "Layout", "Location", "Places", "Search", "Split", "Unusable", "partial_file"]

SAMPLE_FOLDER = Path(__file__).parent / "sample"
BATCH_FILES = tuple(BATCH_MD5)
DATA, OWN = "CNNLAB_DATA", "CNNLAB_HOME/data"  # what messages call the two folders
_LISTED = 3  # unusable copies in one sentence
_FORMS = {
    "idx": N_("files such as train-images-idx3-ubyte.gz, {name}.npz or {name}_train.csv, or pictures in folders such as train/0"),
    "batches": N_("the folder cifar-10-batches-py, {name}.npz, or pictures in folders such as train/airplane"),
}


@dataclass(frozen=True, slots=True)
class Search:
    """What was found of one data set. "Not here" and "here, but it cannot be used" are two answers."""

    entry: Entry
    usable: tuple[Location, ...]  # best first
    unusable: tuple[Unusable, ...]
    roots: tuple[str, ...]  # the folders that were searched, in words

    @property
    def location(self) -> Location | None:
        return self.usable[0] if self.usable else None

    @property
    def here(self) -> bool:
        """Whether something of it is here, usable or not."""
        return bool(self.usable or self.unusable)

    def why_not(self, failures: tuple[str, ...] = ()) -> str:
        """Why there is no copy to be used, and what to do. `failures` are those of copies that turned out to be damaged."""
        title, problems = self.entry.title, [*failures, *map(str, self.unusable)]
        if self.entry.format == "own":
            return " ".join(problems).strip()
        if problems:
            found = "; ".join(problem.rstrip(".") for problem in problems[:_LISTED])
            if len(problems) > _LISTED:
                found = say("{problems}; and {count} more", problems=found, count=len(problems) - _LISTED)
            return say(
                "{dataset} is here, but cannot be used: {problems}. Mend this, or download {dataset} on the Data page.",
                dataset=title, problems=found,
            )  # fmt: skip
        facts = {"dataset": title, "files": say(_FORMS[self.entry.format], name=self.entry.name)}
        if not self.roots:
            return say(
                "{dataset} is not on this machine: looked for {files}. Download it on the Data page, "
                "point CNNLAB_DATA to a folder that has it, or use the bundled sample.", **facts,
            )  # fmt: skip
        return say(
            "{dataset} is not on this machine: looked in {places} for {files}. Download it on the Data page, "
            "point CNNLAB_DATA to a folder that has it, or use the bundled sample.",
            places=" and ".join(self.roots), **facts,
        )  # fmt: skip


def preference(copy: Location) -> tuple[bool, bool, bool]:
    """The order of copies, best first: what is doubtful comes last, then parts, then complete copies in another form."""
    return bool(copy.doubt), bool(copy.differs), bool(copy.variant)


@dataclass(frozen=True, slots=True)
class Places:
    """The folders to search: `data`, which the user names (CNNLAB_DATA), before the lab's own `home`/data."""

    home: Path
    data: Path | None = None

    @property
    def own(self) -> Path:
        """The lab's own folder of data sets, which downloads go to."""
        return self.home / "data"

    def locate(self, entry: Entry) -> Location | None:
        """The best copy of `entry`, or None. The bundled sample is always found."""
        return self.search(entry).location

    def search(self, entry: Entry) -> Search:
        """All copies of `entry`: complete originals, other copies, parts, doubtful ones; of like ones those in `data` first."""
        from cnnlab.datasets.folders import MOST_FOLDERS, walk
        from cnnlab.datasets.layouts import copies, idx_names

        if entry.format == "own":
            return self._own(entry)
        if not entry.folder:
            files = tuple(SAMPLE_FOLDER / f"{name}.gz" for split in ("train", "test") for name in idx_names(split))
            return Search(entry, (Location(SAMPLE_FOLDER, "the bundled sample", "idx", files),), (), ())
        usable: list[Location] = []
        unusable: list[Unusable] = []
        roots = []
        for root, shown in ((self.data, DATA), (self.own, OWN)):
            if root is None:
                continue
            try:
                folders = list(walk(root.absolute(), shown))
                roots.append(f"{shown} (the first {MOST_FOLDERS} folders of it)" if len(folders) == MOST_FOLDERS else shown)
            except OSError as error:
                if shown == DATA or not isinstance(
                    error, FileNotFoundError
                ):  # the lab makes its own folder with the first download
                    roots.append(f"{shown} ({_why(error)})")
                continue
            found = [copy for folder in folders for copy in copies(entry, folder)]
            usable += [copy for copy in found if isinstance(copy, Location)]
            unusable += [copy for copy in found if isinstance(copy, Unusable)]
        usable.sort(key=preference)
        return Search(entry, tuple(usable), tuple(unusable), tuple(roots))

    def _own(self, entry: Entry) -> Search:
        """A data set that a user has brought lies in the home, in one form."""
        found = own.known(self.home, entry.name)
        place, shown = own.folder(self.home, entry.name), f"CNNLAB_HOME/{entry.folder}"
        if found is None or found.deleted or not (place / "train.u8").is_file():
            reason = own.missing(found) if found else say("There is no data set {name}.", name=entry.name)
            return Search(entry, (), (Unusable("", reason),), (shown,))
        return Search(entry, (Location(place, shown, "own", (place / own.KNOWN,)),), (), ())

    def target(self, entry: Entry) -> Path:
        """The folder that a download of `entry` fills, in torchvision's layout."""
        return self.own / entry.folder

    def shown_target(self, entry: Entry) -> str:
        """That folder for people."""
        return f"{OWN}/{entry.folder}"

    def explained(self, sentence: str) -> str:
        """A sentence with the folders that its CNNLAB_DATA and CNNLAB_HOME stand for: for the owner of the machine."""
        meant = [f"{name} is {path}" for name, path in ((DATA, self.data), ("CNNLAB_HOME", self.home)) if path and name in sentence]
        return f"{sentence} ({'; '.join(meant)})" if meant else sentence


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "which does not exist"
    if isinstance(error, NotADirectoryError):
        return "which is a file"
    return f"which cannot be read: {error.strerror or error}"
