"""The one door that pages use: asks the store about runs, the helper process about networks and images.

Nothing here imports torch. Every method either returns plain values or raises a `CNNLabError` that can be shown as it is.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Literal

from cnnlab import architectures, datasets, limits, presets
from cnnlab.architectures import Card, card
from cnnlab.compute.client import Client
from cnnlab.config import RunConfig
from cnnlab.datasets.places import Places
from cnnlab.events import EpochDone, Event, Progress
from cnnlab.forecast import Forecast
from cnnlab.forecaster import Forecaster
from cnnlab.layers import LayerTable
from cnnlab.presets import Preset
from cnnlab.runs import background, downloads, folders
from cnnlab.runs.records import IN_PROCESS, Run, State
from cnnlab.runs.store import Store
from cnnlab.runs.summaries import Summaries
from cnnlab.runs.watch import mark_interrupted, may_resume
from cnnlab.values import (
    DatasetStatus,
    Device,
    Disagreement,
    DisagreementPage,
    DownloadStatus,
    Picture,
    Prediction,
    PredictionPage,
    Split,
)

__all__ = ["DatasetStatus", "Device", "DownloadStatus", "Lab", "Picture", "Prediction", "PredictionPage", "Split"]

_WATCHED = IN_PROCESS | {State.QUEUED, State.INTERRUPTED}  # what the dispatcher would look after
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
        self._forecaster = Forecaster(self._client.ask, self.layers, self._store)
        self._tables: OrderedDict[str, LayerTable] = OrderedDict()
        self._devices: tuple[Device, ...] = ()
        self._summaries: Summaries | None = None
        self._lock = threading.Lock()
        self._starting = threading.Lock()

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

    def forecast(self, config: RunConfig, *, calibrate: bool = True, wait: float = 0.0) -> Forecast:
        """What a run of `config` would need. Raises ShapeError, ConfigError or DeviceError where it could not begin.

        Memory at once; seconds are None until the speed has been measured, which `calibrate` sets off in the background:
        ask again, or give the seconds to `wait`.
        """
        return self._forecaster.forecast(config, calibrate=calibrate, wait=wait)

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

    def start(self, config: RunConfig, *, token: str, name: str = "", owner: str = "", note: str = "") -> str:
        """Queues a run and returns its id; the same `token` twice is one run.

        Raises ShapeError, DeviceError, DataError or LimitError first, ConfigError where the memory is too small.
        """
        self._client.ask("check_run", config=config.model_dump(mode="json"), data=self._named_data)
        self._forecaster.check(config)
        name = name.strip() or config.title
        with self._starting:  # so that two clicks at once cannot pass the limit together
            if self._store.made_with(token) is None:
                self.check_limits(config, owner)
            run_id = self._store.create(config, token, name, owner=owner, note=note, data=self.data)
        background.ensure(self.home)
        return run_id

    def check_limits(self, config: RunConfig, owner: str = "") -> None:
        """Raises LimitError where one more run of `config` is more than this lab allows."""
        allowed = limits.load(limits.limits_file())
        if allowed == limits.Limits():
            return
        classes = len(datasets.entry(config.dataset).classes)
        allowed.check(
            config,
            parameters=self.layers(config.architecture, config.input_shape, classes, config.options).parameters,
            owner_runs=sum(run.owner == owner for run in self._store.active()),
            disk_bytes=limits.folder_bytes(self.home) if allowed.disk else 0,
            # Where the speed is known; what is not is stopped by its runner when the time is up.
            seconds=self._forecaster.forecast(config, calibrate=False).seconds_total if allowed.max_seconds else None,
        )

    def stop(self, run_id: str, *, owner: str | None = None) -> None:
        """Asks a run to end; no effect on one that has ended."""
        self._store.stop(run_id, owner=owner)

    def pause(self, run_id: str, *, owner: str | None = None) -> None:
        """Asks a run to write a checkpoint where it stands and let go of its device."""
        self._store.pause(run_id, owner=owner)

    def resume(self, run_id: str, *, owner: str | None = None) -> None:
        """Queues a run that was paused, interrupted, stopped or failed, to go on from its last checkpoint."""
        self._store.resume(run_id, owner=owner)
        background.ensure(self.home)

    def resumes_by_itself(self, run_id: str) -> bool:
        """Whether the lab will resume this interrupted run unasked."""
        return run_id in may_resume(self._store)

    def extend(self, run_id: str, epochs: int, *, owner: str | None = None) -> None:
        """Queues a run that finished or was stopped for `epochs` more. Raises ConfigError or LimitError if they are too many."""
        run = self._store.run(run_id)
        self.check_limits(run.config.change(epochs=run.config.epochs + epochs), run.owner)
        self._store.extend(run_id, epochs, owner=owner)
        background.ensure(self.home)

    def rename(self, run_id: str, name: str, *, owner: str | None = None) -> None:
        self._store.rename(run_id, name, owner=owner)

    def annotate(self, run_id: str, note: str, *, owner: str | None = None) -> None:
        self._store.annotate(run_id, note, owner=owner)

    def delete(self, run_id: str, *, owner: str | None = None) -> None:
        """Deletes a run that has ended, with its checkpoints. Asks nothing: `disk_bytes` says what that frees."""
        run = self._store.run(run_id)
        self._store.delete(run.id, owner=owner)
        folders.delete(self.home, run.id)

    def disk_bytes(self, run_id: str) -> int:
        """What the run's checkpoints and log take on disk."""
        return folders.size(self.home, self._store.run(run_id).id)

    def queue(self) -> tuple[Run, ...]:
        """The runs that wait, the one that starts next first."""
        return self._store.queue()

    def move_in_queue(self, run_id: str, places: int, *, owner: str | None = None) -> None:
        """Moves a queued run `places` later (earlier if negative) among those of its owner."""
        self._store.move_in_queue(run_id, places, owner=owner)

    def run(self, run_id: str) -> Run:
        """Raises RunNotFound."""
        run = self._store.run(run_id)
        if self._look_after({run.state}):
            run = self._store.run(run_id)
        return run

    def runs(self, limit: int = 200) -> tuple[Run, ...]:
        """Newest first."""
        runs = self._store.runs(limit)
        if self._look_after({run.state for run in runs}):
            runs = self._store.runs(limit)
        return runs

    def summaries(self) -> Summaries:
        """The newest ten thousand runs in short, for a table; the same object while nothing changes."""
        found = self._store.summaries(known=self._summaries)
        if self._look_after({run.state for run in found.runs}):
            found = self._store.summaries()
        self._summaries = found
        return found

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

    def disagreements(
        self,
        first: str,
        second: str,
        *,
        right: Literal["any", "first", "second", "neither"] = "any",
        offset: int = 0,
        count: int = 40,
    ) -> DisagreementPage:
        """The test images that two runs name differently. Raises CheckpointError where they were not tested on the same images."""
        runs = {}
        for place, run_id in (("first", first), ("second", second)):
            run, data = self._store.run(run_id), self._store.data_folder(run_id)
            runs[place] = {"run": run.id, "dataset": run.config.dataset, "data": str(data) if data else self._named_data}
        answer = self._client.ask("disagreements", **runs, right=right, offset=offset, count=count)
        items = tuple(
            Disagreement(Picture(**item["picture"]), tuple(item["predicted"]), tuple(item["confidence"]))
            for item in answer["items"]
        )
        return DisagreementPage(**answer | {"classes": tuple(answer["classes"]), "epochs": tuple(answer["epochs"]), "items": items})

    # Inside

    @property
    def _named_data(self) -> str | None:
        return str(self.data) if self.data else None

    def _look_after(self, states: set[State]) -> bool:
        """Nothing on screen may lie: True if a run in the record had to be changed. `states` are those of the runs looked at."""
        # Also while a dispatcher runs: one that has just been started loads torch for seconds before it looks.
        found = bool(states & IN_PROCESS) and mark_interrupted(self._store) > 0
        if states & _WATCHED and not background.running(self.home) and (State.QUEUED in states or may_resume(self._store)):
            background.ensure(self.home)
        return found
