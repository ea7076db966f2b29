"""What pages ask about the published weights of a network: whether they are here, and to fetch them. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from cnnlab.architectures import zoo, zoo_files
from cnnlab.architectures.zoo import ZooNetwork
from cnnlab.values import DownloadStatus
from cnnlab.workers import downloads, published


class PublishedWeights:
    """The published weights of one lab."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def missing(self, architecture: str, options: dict) -> ZooNetwork | None:
        """The network whose file is not on this machine; None where none is needed, or it is here."""
        network = zoo.pretrained(architecture, options)
        return network if network and zoo_files.find(network, zoo_files.folders(self._home)) is None else None

    def state(self, network: ZooNetwork) -> DownloadStatus | None:
        """Of a download that runs, failed, or finished within the last minute."""
        return downloads.status(self._home, published.entry(network))

    def fetch(self, network: ZooNetwork) -> None:
        """Starts a download in the background, unless one is running. Raises DataError."""
        downloads.start(self._home, published.entry(network))
