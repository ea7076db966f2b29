"""What a lab answers about the predictions of its runs; `Lab` is one of these."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cnnlab import epoch_predictions, values
from cnnlab.compute.helper import Helper
from cnnlab.datasets import own
from cnnlab.datasets.known import classes_of
from cnnlab.runs.store import Store
from cnnlab.system.home import run_folder


class Predictions:
    """Needs the record, the helper process and the folders of the runs."""

    home: Path
    data: Path | None
    _store: Store
    _helper: Helper

    def predictions(
        self,
        run_id: str,
        *,
        checkpoint: values.Checkpoint = "best",
        label: int | None = None,
        predicted: int | None = None,
        only: values.Only = "all",
        order: values.Order = "number",
        offset: int = 0,
        count: int = 40,
    ) -> values.PredictionPage:
        """Test images of a true and a predicted class, or of all. Raises RunNotFound; CheckpointError while there is none yet."""
        which = {"label": label, "predicted": predicted, "only": only, "order": order, "offset": offset, "count": count}
        run = self._evaluated(run_id)
        page: values.PredictionPage = self._helper.ask("predictions", run=run, checkpoint=checkpoint, **which)
        return replace(page, classes=classes_of(run.dataset, page.classes)) if own.is_name(run.dataset) else page

    def disagreements(
        self, first: str, second: str, *, right: values.Right = "any", offset: int = 0, count: int = 40
    ) -> values.DisagreementPage:
        """The test images that two runs classify differently. Raises CheckpointError unless both were tested on the same images."""
        one, other = self._evaluated(first), self._evaluated(second)
        page: values.DisagreementPage = self._helper.ask(
            "disagreements", first=one, second=other, right=right, offset=offset, count=count
        )
        return replace(page, classes=classes_of(one.dataset, page.classes)) if own.is_name(one.dataset) else page

    def examples(self, run_id: str, number: int = 1) -> values.ExampleImages:
        """Twenty of the run's test images, two of each of ten classes; `number` counts sets of them from 1, and goes round."""
        limit = self._store.run(run_id).config.limit
        return self._helper.ask("examples", run=self._evaluated(run_id), limit=limit, number=number)

    def predicted(self, run_id: str, epoch: int, images: tuple[int, ...]) -> values.EpochPredictions | None:
        """What the run predicted for these test images after `epoch`; None where that was not recorded.

        The last epoch's are in its checkpoint too. Raises RunNotFound; CheckpointError where they are needed and unreadable.
        """
        recorded = epoch_predictions.read(run_folder(self.home, run_id), epoch, images)
        if recorded or self._store.run(run_id).epochs_done != epoch:
            return recorded
        kept: values.EpochPredictions = self._helper.ask("last_predicted", run_id=run_id, images=images)
        return kept if kept.epoch == epoch else None

    def last_recorded(self, run_id: str) -> int:
        """The last epoch whose predictions were recorded; 0 for a run of an early version."""
        return epoch_predictions.last(run_folder(self.home, run_id))

    def _evaluated(self, run_id: str) -> values.EvaluatedRun:
        return values.EvaluatedRun(run_id, self._store.run(run_id).config.dataset, self._store.data_folder(run_id) or self.data)
