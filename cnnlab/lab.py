"""The one door that pages use: asks the store about runs, the helper process about networks and images.

Nothing here imports torch. Every method either returns plain values or raises a `CNNLabError` that can be shown as it is.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Literal

from cnnlab import architectures, datasets, presets
from cnnlab.architectures import Card, card
from cnnlab.compute.client import Client
from cnnlab.config import RunConfig
from cnnlab.datasets.places import Places
from cnnlab.events import EpochDone, Event, Progress
from cnnlab.layers import LayerTable
from cnnlab.presets import Preset
from cnnlab.runs import background, downloads
from cnnlab.runs.records import Run, State
from cnnlab.runs.store import Store
from cnnlab.runs.watch import mark_interrupted
from cnnlab.values import DatasetStatus, Device, DownloadStatus, Picture, Prediction, PredictionPage, Split

__all__ = ["DatasetStatus", "Device", "DownloadStatus", "Lab", "Picture", "Prediction", "PredictionPage", "Split"]

REMEMBERED_TABLES = 256  # a table is 10 to 400 KB


class Lab:
    """A lab in the folder `home` (made if it is not there). Cheap to make; safe to share between threads.

    `lab.home` is the folder. Starts the background processes (dispatcher and helper) when first needed.
    """

    def __init__(self, home: Path, *, data: Path | None = None) -> None:
        self.home = home.absolute()
        self.data = data.absolute() if data else None
        self._places = Places(self.home, self.data)
        self._store = Store(self.home)
        self._client = Client(self.home)
        self._tables: OrderedDict[str, LayerTable] = OrderedDict()
        self._devices: tuple[Device, ...] = ()
        self._lock = threading.Lock()

    # What there is

    def architectures(self) -> tuple[Card, ...]:
        return architectures.cards()

    def presets(self) -> tuple[Preset, ...]:
        return presets.presets()

    def devices(self) -> tuple[Device, ...]:
        if not self._devices:  # they do not come and go while a lab is open
            self._devices = tuple(Device(**device) for device in self._client.ask("devices"))
        return self._devices

    # The background processes

    def ready(self) -> bool:
        """True when the helper can answer at once; False while it starts, which this call sets off. Raises InstallationError."""
        return self._client.ready()

    def close(self) -> None:
        """Lets go of connections; the background processes, and training, go on."""
        self._client.close()
        self._store.close()

    def shut_down(self) -> None:
        """Ends the background processes of this home, training included, and closes."""
        background.shut_down(self.home)
        mark_interrupted(self._store)
        self.close()

    # Networks (answered by the helper; answers are remembered)

    def layers(self, architecture: str, input_shape: tuple[int, int, int], classes: int, options: dict[str, Any]) -> LayerTable:
        """Raises ConfigError or ShapeError where the combination cannot work."""
        chosen = card(architecture)
        settings = chosen.settings(options)
        key = json.dumps([architecture, input_shape, classes, settings])
        with self._lock:
            if key in self._tables:
                self._tables.move_to_end(key)
                return self._tables[key]
        answer = self._client.ask("layers", architecture=architecture, input_shape=input_shape, classes=classes, options=settings)
        table = LayerTable.from_dict(answer)
        with self._lock:
            self._tables[key] = table
            if len(self._tables) > REMEMBERED_TABLES:
                self._tables.popitem(last=False)
        return table

    # Data

    def datasets(self) -> tuple[DatasetStatus, ...]:
        return tuple(self._status(entry) for entry in datasets.entries())

    def _status(self, entry: datasets.Entry) -> DatasetStatus:
        location = self._places.locate(entry)
        download = downloads.status(self.home, entry) if entry.downloads else None
        return DatasetStatus(entry, location and location.folder, download, location.variant if location else "")

    def download(self, dataset: str) -> None:
        """Starts fetching in the background; `datasets()` tells how far it is. A second call while it runs does nothing."""
        downloads.start(self.home, datasets.entry(dataset))

    def class_counts(self, dataset: str, split: Split) -> tuple[int, ...]:
        return tuple(self._client.ask("class_counts", dataset=dataset, split=split, data=self._named_data))

    def pictures(self, dataset: str, split: Split, count: int, *, label: int | None = None, offset: int = 0) -> tuple[Picture, ...]:
        """`count` (1..200) pictures from `offset` on, of one class or of all."""
        answer = self._client.ask(
            "pictures", dataset=dataset, split=split, count=count, label=label, offset=offset, data=self._named_data
        )
        return tuple(Picture(**record) for record in answer)

    # Runs

    def start(self, config: RunConfig, *, token: str, name: str = "") -> str:
        """Queues a run and returns its id; the same `token` twice is one run. Raises ShapeError, DeviceError or DataError first."""
        self._client.ask("check_run", config=config.model_dump(mode="json"), data=self._named_data)
        name = name.strip() or f"{card(config.architecture).title} on {datasets.entry(config.dataset).title}"
        run_id = self._store.create(config, token, name, data=self.data)
        background.ensure(self.home)
        return run_id

    def stop(self, run_id: str) -> None:
        """Asks a run to end; no effect on one that has ended. Raises RunNotFound."""
        self._store.stop(run_id)

    def run(self, run_id: str) -> Run:
        """Raises RunNotFound."""
        run = self._store.run(run_id)
        if run.active and self._look_after(run):
            run = self._store.run(run_id)
        return run

    def runs(self, limit: int = 200) -> tuple[Run, ...]:
        """Newest first."""
        runs = self._store.runs(limit)
        if any(self._look_after(run) for run in runs if run.active):  # one look serves them all
            runs = self._store.runs(limit)
        return runs

    def events(self, run_id: str, after: int = 0) -> tuple[Event, ...]:
        """All events but Progress, from sequence number `after` on."""
        return tuple(event for _, event in self._store.events(run_id, after))

    def epochs(self, run_id: str) -> tuple[EpochDone, ...]:
        return self._store.epochs(run_id)

    def progress(self, run_id: str, points: int = 500) -> tuple[Progress, ...]:
        """At most `points` Progress events spread over the run so far, the last one always among them."""
        return self._store.progress(run_id, points)

    # Predictions

    def predictions(
        self,
        run_id: str,
        *,
        checkpoint: Literal["last", "best"] = "best",
        label: int | None = None,
        only: Literal["all", "mistakes", "correct"] = "all",
        offset: int = 0,
        count: int = 40,
    ) -> PredictionPage:
        """Raises RunNotFound; CheckpointError while there is no checkpoint yet."""
        run = self._store.run(run_id)
        data = self._store.data_folder(run_id)
        answer = self._client.ask(
            "predictions",
            run=run.id,
            config=run.config.model_dump(mode="json"),
            checkpoint=checkpoint,
            label=label,
            only=only,
            offset=offset,
            count=count,
            data=str(data) if data else self._named_data,
        )
        items = tuple(Prediction(Picture(**item["picture"]), item["predicted"], item["confidence"]) for item in answer["items"])
        return PredictionPage(**answer | {"classes": tuple(answer["classes"]), "items": items})

    # Inside

    @property
    def _named_data(self) -> str | None:
        return str(self.data) if self.data else None

    def _look_after(self, run: Run) -> bool:
        """Nothing on screen may lie while no dispatcher is there to look: True if a run in the record had to be changed."""
        if background.running(self.home):
            return False
        if run.state is State.QUEUED:
            background.ensure(self.home)
            return False
        return mark_interrupted(self._store) > 0
