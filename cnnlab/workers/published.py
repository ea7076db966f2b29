"""Fetches the weights that torchvision publishes, as data sets are fetched: in the background, checked, with progress."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from cnnlab.architectures import zoo, zoo_files
from cnnlab.architectures.zoo import ZooNetwork
from cnnlab.datasets.catalogue import Download, Entry
from cnnlab.datasets.download import MirrorError, chunks, unsaved
from cnnlab.datasets.places import Places, partial_file
from cnnlab.errors import DataError
from cnnlab.i18n import say

_MARK = "weights-"  # in the name of a download: a data set may have the name of a network
_MOST = 1.1  # times the published size: an endless answer ends here


def entry(network: ZooNetwork) -> Entry:
    """The file as downloads know it."""
    file = Download(network.file, "", network.bytes, (zoo_files.ADDRESS + network.file,))
    title = say("the file with the weights of {network}", network=network.name)
    return Entry(_MARK + network.name, title, "", (), 3, network.size, 0, 0, "torchvision", "", downloads=(file,))


def of_name(name: str) -> ZooNetwork | None:
    """The network whose weights a download of this name fetches; None for a data set."""
    return zoo.networks().get(name.removeprefix(_MARK)) if name.startswith(_MARK) else None


def fetch(entry: Entry, places: Places, progress: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Puts the file into the lab's folder for weights, which it returns. Raises DataError."""
    (file,) = entry.downloads
    folder = places.home / zoo_files.FOLDER
    wanted, sha, done = file.name.rpartition("-")[2].partition(".")[0], hashlib.sha256(), 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial_file(folder / file.name) as part:
            with part.open("wb") as kept:
                for chunk in chunks(file.mirrors[0]):
                    sha.update(chunk)
                    kept.write(chunk)
                    done += len(chunk)
                    if done > _MOST * file.bytes:
                        raise MirrorError(say("sent more than the {count:,} bytes that the file has", count=file.bytes))
                    progress(min(done, file.bytes), file.bytes)
            if not sha.hexdigest().startswith(wanted):
                found = sha.hexdigest()[: len(wanted)]
                raise MirrorError(
                    say("arrived damaged and was removed, its checksum is {found} instead of {md5}", found=found, md5=wanted)
                )
            part.replace(folder / file.name)
    except MirrorError as failed:
        raise DataError(
            say(
                "{file} could not be fetched ({reason}): connect to the internet, or fetch {address} elsewhere and put it into "
                "CNNLAB_HOME/weights, or choose random weights.",
                file=file.name,
                reason=failed,
                address=file.mirrors[0],
            )
        ) from None
    except OSError as error:
        raise DataError(
            say("{file} could not be saved in CNNLAB_HOME/weights: {reason}.", file=file.name, reason=unsaved(error))
        ) from None
    return folder
