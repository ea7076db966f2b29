"""The helper process as an object: its questions as methods, its answers as plain values. Needs no torch."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Literal

from cnnlab.architectures import card
from cnnlab.compute.client import Client
from cnnlab.config import RunConfig
from cnnlab.layers import LayerTable
from cnnlab.layers.known import known_table
from cnnlab.runs.records import Run
from cnnlab.values import Device, Disagreement, DisagreementPage, Picture, Prediction, PredictionPage, Split

REMEMBERED_TABLES = 256  # a table is 10 to 400 KB


class Helper:
    """The helper of the lab in `home`; `data` is the user's own folder of data sets, if any. Safe to share between threads.

    Raises the CNNLabError that the helper answered with, ComputeError where it gave no answer.
    """

    def __init__(self, home: Path, data: Path | None) -> None:
        self._client = Client(home)
        self.ask, self.ready, self.close = self._client.ask, self._client.ready, self._client.close
        self._data = data
        self._devices: tuple[Device, ...] = ()
        self._tables: OrderedDict[str, LayerTable] = OrderedDict()
        self._lock = threading.Lock()

    def devices(self) -> tuple[Device, ...]:
        if not self._devices:  # they do not come and go while a lab is open
            self._devices = tuple(Device(**device) for device in self.ask("devices"))
        return self._devices

    def layers(self, architecture: str, input_shape: tuple[int, int, int], classes: int, options: dict[str, Any]) -> LayerTable:
        """Remembered: the same object for the same network."""
        settings = card(architecture).settings(options)
        key = json.dumps([architecture, input_shape, classes, settings])
        with self._lock:
            if key in self._tables:
                self._tables.move_to_end(key)
                return self._tables[key]
        table = known_table(architecture, input_shape, classes, settings)
        if table is None:
            answer = self.ask("layers", architecture=architecture, input_shape=input_shape, classes=classes, options=settings)
            table = LayerTable.from_dict(answer)
        with self._lock:
            self._tables[key] = table
            if len(self._tables) > REMEMBERED_TABLES:
                self._tables.popitem(last=False)
        return table

    def check_run(self, config: RunConfig) -> None:
        """Raises what would keep a run from starting: ShapeError, ConfigError, DeviceError, DataError."""
        self.ask("check_run", config=config.model_dump(mode="json"), data=self._folder())

    def class_counts(self, dataset: str, split: Split) -> tuple[int, ...]:
        return tuple(self.ask("class_counts", dataset=dataset, split=split, data=self._folder()))

    def pictures(self, dataset: str, split: Split, count: int, label: int | None, offset: int) -> tuple[Picture, ...]:
        answer = self.ask("pictures", dataset=dataset, split=split, count=count, label=label, offset=offset, data=self._folder())
        return tuple(Picture(**record) for record in answer)

    def predictions(
        self,
        run: Run,
        data: Path | None,
        *,
        checkpoint: Literal["last", "best"],
        label: int | None,
        only: Literal["all", "mistakes", "correct"],
        offset: int,
        count: int,
    ) -> PredictionPage:
        """`data` is the folder of data sets that was the user's own when the run was made."""
        answer = self.ask(
            "predictions",
            run=run.id,
            config=run.config.model_dump(mode="json"),
            checkpoint=checkpoint,
            label=label,
            only=only,
            offset=offset,
            count=count,
            data=self._folder(data),
        )
        items = tuple(Prediction(Picture(**item["picture"]), item["predicted"], item["confidence"]) for item in answer["items"])
        return PredictionPage(**answer | {"classes": tuple(answer["classes"]), "items": items})

    def disagreements(
        self,
        first: tuple[Run, Path | None],
        second: tuple[Run, Path | None],
        *,
        right: Literal["any", "first", "second", "neither"],
        offset: int,
        count: int,
    ) -> DisagreementPage:
        """Of two runs, each with its folder of data sets as in `predictions`."""
        one, other = ({"run": run.id, "dataset": run.config.dataset, "data": self._folder(data)} for run, data in (first, second))
        answer = self.ask("disagreements", first=one, second=other, right=right, offset=offset, count=count)
        items = tuple(
            Disagreement(Picture(**item["picture"]), tuple(item["predicted"]), tuple(item["confidence"]))
            for item in answer["items"]
        )
        return DisagreementPage(**answer | {"classes": tuple(answer["classes"]), "epochs": tuple(answer["epochs"]), "items": items})

    def _folder(self, data: Path | None = None) -> str | None:
        named = data or self._data
        return str(named) if named else None
