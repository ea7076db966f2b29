"""What pages ask and do: runs through the store, networks and images through the helper process.

Nothing here imports torch. Every method returns plain values or raises a `CNNLabError` whose sentence can be shown as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cnnlab import architectures, checking, datasets, importing, learn, looking, presets, sweeping, taking_away, values
from cnnlab.architectures import Card
from cnnlab.assignments import Assignments
from cnnlab.compute.helper import Helper, Meanwhile
from cnnlab.compute.rate_finder import RateFinder
from cnnlab.config import RunConfig
from cnnlab.datasets.places import Places, Split
from cnnlab.events import EpochDone, Event, Progress
from cnnlab.executors import settings as executors
from cnnlab.forecasts.admission import Admission
from cnnlab.forecasts.forecast import Forecast
from cnnlab.forecasts.forecaster import Forecaster
from cnnlab.imported_weights import ImportedWeights
from cnnlab.layers import LayerTable
from cnnlab.networks import Networks
from cnnlab.own_picture.asking import OwnPictures
from cnnlab.predictions import Predictions
from cnnlab.presets import Preset
from cnnlab.published_weights import PublishedWeights
from cnnlab.runs import code_rows
from cnnlab.runs.records import IN_PROCESS, Run, Runs
from cnnlab.runs.store import Store
from cnnlab.runs.summaries import Summaries
from cnnlab.sharing import Sharing
from cnnlab.system import background, files
from cnnlab.teaching.service import Teaching
from cnnlab.workers import downloads, watch
from cnnlab.workers.queueing import Queueing
from cnnlab.workers.watch import Looks, auto_resumable, interrupt_lost_runs


class Lab(Predictions):
    """A lab in the folder `home`, which is created if missing. Cheap to create, safe to share between threads.

    Whether processes still run is looked at for each answer; a server of many pages lets a look hold for `look_seconds`.
    """

    def __init__(self, home: Path, *, data: Path | None = None, look_seconds: float = 0.0) -> None:
        self.home = home.absolute()
        self.data = data.absolute() if data else None
        self._places = Places(self.home, self.data)
        self._store = Store(self.home)
        self._looks = Looks(self._store, look_seconds)
        self._helper = Helper(self.home, look_seconds=look_seconds)
        self.rates = RateFinder(self._helper, self.data)
        self._forecaster = Forecaster(partial(self._helper.ask, "device_speed"), self._helper.layers, self._store)
        self._admission = Admission(self._forecaster, self._store)
        self.sharing = Sharing(self._store, self._forecaster, self._helper.ready)
        self._queueing = Queueing(self._helper, self._admission, self._store)
        self._summaries: Summaries | None = None
        self.sweeps = sweeping.Sweeps(self._store, self._queueing, self.data, self.delete)
        self.own_pictures = OwnPictures(self._helper.ask, self._evaluated)
        self.inside = looking.Looking(self.home, self._helper.ask, self._evaluated)
        self.own_data = importing.OwnData(self.home, self._store)
        self.checking = checking.Checking(self.home, self.data, self._helper.ask, self.own_data)
        self.lessons, self.learners = learn.Catalogue(self.home), learn.Learners(self.home)
        self.networks = Networks(self.home, self._helper.ask)
        self.assignments = Assignments(self.home, self.run)
        self.teaching = Teaching(self, self._store)
        self.published = PublishedWeights(self.home)
        self.imported_weights = ImportedWeights(self.home, self.data, self._helper.ask, self._queueing, self._store)
        self.away = taking_away.TakingAway(self.home, self.data, self._helper.ask)

    def architectures(self) -> tuple[Card, ...]:
        """All that need no rows of a user's own."""
        return tuple(each for each in architectures.every_card() if not each.rows)

    def presets(self) -> tuple[Preset, ...]:
        return presets.presets()

    def devices(self, meanwhile: Meanwhile | None = None) -> tuple[values.Device, ...]:
        """Those of this machine, and the places beyond it. `meanwhile` is as in `design`."""
        return self._helper.devices(meanwhile) + executors.devices(self.home)

    def device_states(self) -> tuple[values.DeviceState, ...]:
        """Each device with its memory, temperature and use, as far as they are known now."""
        return self._helper.ask("device_states")

    def ready(self) -> bool:
        """Starts the helper if necessary; True when it can answer at once. Raises InstallationError."""
        return self._helper.ready()

    def close(self) -> None:
        """Closes the connections; background processes and training continue."""
        self._helper.close()
        self._store.close()

    def shut_down(self) -> None:
        """Ends the background processes of this home, training included, and closes the connections."""
        self.sweeps.shut_down()  # first: they would start the dispatcher again
        self.own_data.stop()
        self.checking.stop_all()
        background.shut_down(self.home)
        interrupt_lost_runs(self._store)
        self.close()

    # Networks

    def layers(self, architecture: str, input_shape: tuple[int, int, int], classes: int, options: dict[str, Any]) -> LayerTable:
        """Remembered: the same object for the same network. Raises ConfigError or ShapeError where it cannot be built."""
        return self._helper.layers(architecture, input_shape, classes, options)

    def design(
        self, architecture: str, input_shape: tuple[int, int, int], classes: int, options: dict[str, Any],
        meanwhile: Meanwhile | None = None,
    ) -> LayerTable:  # fmt: skip
        """As `layers`, except that a network which does not fit its images is a table that ends at its `failure`.

        `meanwhile`, such as a spinner, is entered only where the table is not known yet.
        """
        return self._helper.design(architecture, input_shape, classes, options, meanwhile)

    def forecast(
        self, config: RunConfig, *, table: LayerTable | None = None, calibrate: bool = True, wait: float = 0.0
    ) -> Forecast:
        """What a run of `config` would need. Raises ShapeError, ConfigError or DeviceError where it could not begin.

        Times are None until measured, which `calibrate` begins: ask again, or `wait` for seconds. `table` is the network's.
        """
        return self._forecaster.forecast(config, table=table, calibrate=calibrate, wait=wait)

    # Data

    def datasets(self) -> tuple[values.DatasetStatus, ...]:
        return tuple(downloads.dataset_status(self.home, self._places.search(entry)) for entry in datasets.entries())

    def dataset(self, name: str) -> values.DatasetStatus:
        """One data set; also a user's own that was deleted, or an older version of one. Raises ConfigError."""
        return downloads.dataset_status(self.home, self._places.search(datasets.entry(name)))

    def download(self, dataset: str) -> None:
        """Starts a download in the background, unless one is running; `datasets()` reports its progress."""
        downloads.start(self.home, datasets.entry(dataset))

    def class_counts(self, dataset: str, split: Split) -> tuple[int, ...]:
        return self._helper.ask("class_counts", dataset=dataset, split=split, data=self.data)

    def pictures(
        self, dataset: str, split: Split, count: int, *, label: int | None = None, offset: int = 0
    ) -> tuple[values.Picture, ...]:
        """`count` (1..200) pictures from `offset` on, of one class or of all."""
        return self._helper.ask("pictures", dataset=dataset, split=split, count=count, label=label, offset=offset, data=self.data)

    def augmented(self, dataset: str, index: int, *, count: int, shift: int, flip: bool, gray: float) -> tuple[str, ...]:
        """`count` versions of one training image as data URIs: shifted by up to `shift` pixels, some mirrored, a share `gray`."""
        steps = {"shift": shift, "flip": flip, "gray": gray}
        return self._helper.ask("augmented", dataset=dataset, index=index, count=count, data=self.data, **steps)

    # Runs

    def start(self, config: RunConfig, *, token: str, name: str = "", owner: str = "", note: str = "") -> str:
        """Queues a run and returns its id; the same `token` twice is one run.

        Queues nothing and raises DeviceError, DataError, ShapeError, LimitError, or ConfigError where the memory is too small.
        """
        return self._queueing.start(config, self.data, token=token, name=name, owner=owner, note=note)

    def stop(self, run_id: str, *, owner: str | None = None) -> None:
        """Requests a run to end; no effect on one that has ended."""
        self._store.stop(run_id, owner=owner)

    def pause(self, run_id: str, *, owner: str | None = None) -> None:
        """Requests a run to write a checkpoint and release its device."""
        self._store.pause(run_id, owner=owner)

    def resume(self, run_id: str, *, owner: str | None = None) -> None:
        """Queues a paused, interrupted, stopped or failed run, which continues from its last checkpoint.

        Raises LimitError where limits have been lowered; automatic resuming is not checked, so no run is lost to a new limit.
        """
        self._queueing.again(self._to_be_changed(run_id), owner=owner)

    def resumes_by_itself(self, run_id: str) -> bool:
        """Whether the lab will resume this interrupted run automatically."""
        return run_id in auto_resumable(self._store)

    def extend(self, run_id: str, epochs: int, *, owner: str | None = None) -> None:
        """Queues a finished or stopped run for `epochs` more. Raises ConfigError or LimitError if they are too many."""
        run = self._store.run(run_id)
        longer = run.config.change(epochs=run.config.epochs + max(0, epochs))  # the store refuses fewer than one
        allowed = self._admission.further(run, longer)
        self._store.extend(run_id, epochs, owner=owner, admit=allowed.admit)
        background.ensure(self.home)

    def rename(self, run_id: str, name: str, *, owner: str | None = None) -> None:
        self._store.rename(run_id, name, owner=owner)

    def annotate(self, run_id: str, note: str, *, owner: str | None = None) -> None:
        self._store.annotate(run_id, note, owner=owner)

    def tag(self, run_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = (), owner: str | None = None) -> None:
        """Adds tags, which the Runs page can filter by, and removes others. Raises ConfigError."""
        self._store.tag(run_id, add=add, remove=remove, owner=owner)

    def delete(self, run_id: str, *, owner: str | None = None) -> None:
        """Deletes a run that has ended, and its checkpoints, without confirmation."""
        config = self._to_be_changed(run_id).config
        self._store.delete(run_id, owner=owner, first=code_rows.dropping(self.home, config, run_id))

    def start_over(self, run_id: str, *, owner: str | None = None) -> None:
        """Queues a failed run without a checkpoint that can be read; it begins from the beginning."""
        run = self._store.run(run_id)
        allowed = self._admission.further(run, run.config)
        self._store.start_over(run_id, owner=owner, admit=allowed.admit, first=lambda: files.drop_checkpoints(self.home, run_id))
        background.ensure(self.home)

    def without_record(self) -> str:
        """Which folders of runs the record does not have, as a sentence; "" where there are none."""
        return watch.folders_without_record(self._store)

    def queue_waits(self) -> str:
        """Why queued runs do not start though a device is free, as a sentence: a full disk, a locked record; "" otherwise."""
        return background.waiting(self.home)

    def disk_bytes(self, run_id: str) -> int:
        """The size of the run's checkpoints and log, which deleting it frees."""
        return files.run_bytes(self.home, self._store.run(run_id).id)

    def queue(self) -> tuple[Run, ...]:
        """Waiting runs in the order in which they will start."""
        return self._store.queue()

    def move_in_queue(self, run_id: str, places: int, *, owner: str | None = None) -> None:
        """Moves a queued run by `places` (negative: earlier) among those of its owner."""
        self._store.move_in_queue(run_id, places, owner=owner)

    def run(self, run_id: str) -> Run:
        """Raises RunNotFound."""
        run = self._store.run(run_id)
        check = self._looks.check({run.state})
        return check.corrected(self._store.run(run_id) if check.changed else run)

    def training(self) -> tuple[Run, ...]:
        """The runs that a process works on, newest first."""
        return tuple(self.run(run.id) for run in self.summaries().active if run.state in IN_PROCESS)

    def runs(self, limit: int = 200) -> Runs:
        """Newest first."""
        runs = self._store.runs(limit)
        check = self._looks.check({run.state for run in runs})
        return check.corrected(self._store.runs(limit) if check.changed else runs)

    def summaries(self) -> Summaries:
        """The newest ten thousand runs in short, for a table; the same object while nothing changes."""
        summaries = self._store.summaries(known=self._summaries)
        check = self._looks.check(summaries.states)
        if check.changed:
            summaries = self._store.summaries(known=summaries)
        self._summaries = summaries
        return check.corrected(summaries)

    def _to_be_changed(self, run_id: str) -> Run:
        """The run as recorded. One that is shown as interrupted must be so in the record first: StoreError says why it is not."""
        run = self._store.run(run_id)
        if run.state in IN_PROCESS and interrupt_lost_runs(self._store):
            run = self._store.run(run_id)
        return run

    def events(self, run_id: str, after: int = 0) -> tuple[Event, ...]:
        """All events but Progress, from sequence number `after` on."""
        return tuple(event for _, event in self._store.events(run_id, after))

    def epochs(self, run_id: str) -> tuple[EpochDone, ...]:
        return self._store.epochs(run_id)

    def progress(self, run_id: str, points: int = 500) -> tuple[Progress, ...]:
        """At most `points` Progress events spread over the run so far, the last one always among them."""
        return self._store.progress(run_id, points)
