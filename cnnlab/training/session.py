"""The state of a run: network, optimiser, random generators and counters, and how one batch changes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
from torch import nn

from cnnlab.architectures.building import check_batch
from cnnlab.architectures.zoo_parts import learn_in
from cnnlab.errors import CheckpointError
from cnnlab.events import EpochDone, best_epoch
from cnnlab.i18n import say
from cnnlab.training import batches, checkpoints, clock, devices, graph, initialization, layout, optimizers, process, step
from cnnlab.training.evaluation import Evaluation
from cnnlab.training.precision import Choice, check, choose, set_float32
from cnnlab.training.sums import Sums, Times, Totals
from cnnlab.training.tables import Tables
from cnnlab.training.transforms import Draws, Preparation

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.datasets.loading import ImageData
    from cnnlab.training.features import Features


class Session:
    """The state at the start of a run; `begin_epoch` and `advance` change it, and `state` is its checkpoint."""

    def __init__(self, config: RunConfig, data: ImageData, precision: str | None = None) -> None:
        """`precision` is that of a resumed run; otherwise the configuration names it, or it is measured."""
        batches.check_filled(data)
        data, validation_images, validation_labels = batches.set_aside(data, config.validation_share, config.seed)
        found = devices.find(config.device)
        check(precision or config.precision, found)
        self.config, self.device_name, self.device = config, found.title, torch.device(found.name)
        process.choose_kernels(self.device, deterministic=config.deterministic)
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)  # libraries and compiled kernels take the current device, which is the first one
        self.classes, self.input_shape = tuple(data.classes), initialization.input_shape(config)
        self.model: nn.Module = initialization.network(config, len(self.classes))
        self.layout = layout.usual(config)
        self._exact_norms = layout.arrange(self.model, self.device, self.layout)
        self.compiled: Callable[[torch.Tensor], torch.Tensor] | None = None  # the same network, faster, for full batches
        self.optimizer = optimizers.optimizer(config, self.model.parameters())
        # As uint8 the data sets of the catalogue take at most 184 MB, so they live on the device and a batch is an index selection.
        # A user's own that is larger than memory is a map of its file on the CPU, which `to` leaves as it is.
        self.train_images, self.train_labels = data.train_images.to(self.device), data.train_labels.to(self.device)
        self.test_images, self.test_labels = data.test_images.to(self.device), data.test_labels.to(self.device)
        self.validation_images, self.validation_labels = validation_images.to(self.device), validation_labels.to(self.device)
        self.preparation = Preparation.for_run(config, data)
        self.bounds = batches.bounds(len(self.train_images), config.batch_size)
        check_batch(self.model, self.input_shape, min(end - start for start, end in self.bounds))
        self.choice = Choice(precision or config.precision)
        if self.choice.precision == "auto":
            first = slice(*self.bounds[0])
            self.choice = choose(self.model, self.train_images[first], self.train_labels[first], self.preparation)
        set_float32(self.precision, self.device)
        self.schedule = optimizers.schedule(config, self.optimizer, len(self.bounds))
        self.augmentation = torch.Generator()
        self.graph, self.tables = graph.for_run(config, self.device), Tables(self.device)
        self.sums, self.times = Sums(self.device), Times()
        self.epoch = self.batch = self.step = 0  # the running epoch, its batches done, and those of the run
        self.learning_rate = self.optimizer.param_groups[0]["lr"]  # of the last batch
        self.norm_before_clipping: torch.Tensor | None = None  # of the last gradient
        self.sound_at_first = True  # the first gradient was finite; no weight had moved then
        self._began, self._earlier = clock.seconds(), 0.0
        self.history: list[EpochDone] = []
        self.evaluation: Evaluation | None = None  # the last one on the test images
        self.features: Features | None = None  # where a training keeps some

    @property
    def precision(self) -> str:
        """The precision of the computation: "float32", "tf32" or "bfloat16"."""
        return self.choice.precision

    @property
    def evaluated_on(self) -> tuple[tuple[torch.Tensor, torch.Tensor], ...]:
        """Images and labels for the evaluations of an epoch: the test images, and those kept aside where there are any."""
        tests = (self.test_images, self.test_labels)
        return (tests, (self.validation_images, self.validation_labels)) if len(self.validation_images) else (tests,)

    @property
    def best(self) -> EpochDone | None:
        return best_epoch(self.history)

    @property
    def is_over(self) -> bool:
        """All epochs are done, or early stopping ends the run. It follows from the history, so it is the same after a resume."""
        best, patience = self.best, self.config.patience
        impatient = best is not None and patience is not None and len(self.history) - best.epoch >= patience
        return impatient or len(self.history) >= self.config.epochs

    @property
    def epoch_is_over(self) -> bool:
        return self.epoch == 0 or self.batch == len(self.bounds)

    @property
    def seconds(self) -> float:
        """How long the run has trained, in this process and earlier ones."""
        return self._earlier + clock.seconds() - self._began

    def _use_layout(self, name: str) -> None:
        """That of the checkpoint: another one adds up in another order, too."""
        self.layout = name
        if name == layout.EARLY:
            for handle in self._exact_norms:
                handle.remove()

    def begin_epoch(self) -> None:
        """Resets the counters and draws the next epoch: its order and its augmentation."""
        begun = clock.seconds()
        self.epoch, self.batch, self.times = self.epoch + 1, 0, Times()
        learn_in(self.model)
        if self.features is not None and self.features.begin_epoch():
            self.graph.forget()  # it has recorded the whole network
        self.sums.write(Totals())
        self.augmentation.manual_seed(batches.derived_seed(self.config.seed, self.epoch, "augmentation"))
        self._fill_tables()
        self.times.load = clock.seconds() - begun

    def use_batches(self, bounds: tuple[tuple[int, int], ...]) -> None:
        """Begins the epoch again with other batches, to time them."""
        self.bounds, self.batch = bounds, 0
        self._fill_tables()

    def _fill_tables(self) -> None:
        """Draws what is left of the epoch. `augmentation` stays where it begins, so that `state` finds every moment."""
        order, draws = batches.order(len(self.train_images), self.config.seed, self.epoch), self._draws(self._ahead(), self.batch)
        rates: list[float] = []
        if self.graph.possible:
            (rate,), begin = self.schedule.base_lrs, self.step - self.batch
            rates = [rate * optimizers.factor(self.config, begin + batch, len(self.bounds)) for batch in range(len(self.bounds))]
        self.tables.fill(self.bounds, order, first=self.batch, draws=draws, rates=rates)

    def _ahead(self) -> torch.Generator:
        """The augmentation's generator, to draw ahead of it."""
        ahead = torch.Generator()
        ahead.set_state(self.augmentation.get_state())
        return ahead

    def _draws(self, generator: torch.Generator, first: int, last: int | None = None) -> list[Draws]:
        """The augmentation's draws for each batch from `first` to before `last`; none where the settings ask for none."""
        if not self.preparation.random:
            return []
        channels = self.train_images.shape[1]
        return [self.preparation.draw(end - start, channels, generator) for start, end in self.bounds[first:last]]

    def advance(self) -> None:
        """One batch: forward, backward, a step of optimiser and schedule.

        On CUDA and mps the calls return before the device is done, so the two times show where this process waited; the
        split is exact on the CPU. Their sum is right everywhere between two reads of the sums, which wait for the device.
        A replay counts as computing.
        """
        begun = loaded = clock.seconds()
        start, end = self.bounds[self.batch]
        self.learning_rate = self.optimizer.param_groups[0]["lr"]
        if not self.graph.replay(self):
            images, labels = step.load(self)
            loaded = clock.seconds()
            self.optimizer.zero_grad(set_to_none=True)
            if self.graph.possible:
                optimizers.round_rates(self.optimizer)  # as in the tables
            step.learn(self, images, labels)
        self.schedule.step()
        self.sums.count(end - start)
        self.batch, self.step = self.batch + 1, self.step + 1
        self.times.load += loaded - begun
        self.times.compute += clock.seconds() - loaded

    def totals(self) -> Totals:
        """The sums of the running epoch; waits for the device, which counts as computing."""
        begun = clock.seconds()
        totals = self.sums.read()
        self.times.compute += clock.seconds() - begun
        return totals

    def close_epoch(self, evaluation: Evaluation, validation: Evaluation | None = None) -> EpochDone:
        """Adds the epoch, with its evaluations on the test images and on those kept aside, to the history of the run."""
        totals, times = self.totals(), self.times
        done = EpochDone(
            epoch=self.epoch,
            step=self.step,
            train_loss=totals.loss / totals.images,
            train_accuracy=totals.correct / totals.images,
            test_loss=evaluation.loss,
            test_accuracy=evaluation.accuracy,
            learning_rate=self.learning_rate,
            seconds=times.load + times.compute + times.evaluation,
            load_seconds=times.load,
            compute_seconds=times.compute,
            evaluation_seconds=times.evaluation,
            validation_loss=validation.loss if validation else None,
            validation_accuracy=validation.accuracy if validation else None,
        )
        self.history.append(done)
        self.evaluation = evaluation
        return done

    def about(self) -> checkpoints.Checkpoint:
        """What a checkpoint has of the run itself, the same at every moment."""
        return {
            "format": checkpoints.FORMAT,
            "config": checkpoints.plain(vars(self.config)),
            "classes": list(self.classes),
            "input_shape": list(self.input_shape),
            "preparation": asdict(self.preparation),
        }

    def state(self) -> checkpoints.Checkpoint:
        """The checkpoint of this moment, between two batches or two epochs; `cnnlab.training.checkpoints` explains the keys.

        It holds the live tensors: save or copy them before the next batch.
        """
        evaluation, best, augmentation = self.evaluation, self.best, self._ahead()
        self._draws(augmentation, self.tables.first, self.batch)
        return self.about() | {
            "precision": self.precision,
            "threads": torch.get_num_threads(),
            "layout": self.layout,
            "epoch": self.epoch,
            "batch": self.batch,
            "step": self.step,
            "learning_rate": self.learning_rate,
            "seconds": self.seconds,
            "sums": asdict(self.sums.read()),
            "times": asdict(self.times),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "rng": {
                "seed": self.config.seed,
                "torch": torch.get_rng_state(),
                "cuda": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
                "mps": torch.mps.get_rng_state() if self.device.type == "mps" else None,
                "augmentation": augmentation.get_state(),
            },
            "history": [asdict(done) for done in self.history],
            "best_epoch": best.epoch if best else 0,
            "best_test_accuracy": best.test_accuracy if best else None,
            "test_accuracy": evaluation.accuracy if evaluation else None,
            "test_predicted": evaluation.predicted if evaluation else None,
            "test_confidence": evaluation.confidence if evaluation else None,
        }

    def restore(self, checkpoint: checkpoints.Checkpoint) -> None:
        """Restores the moment of `checkpoint`, which a run of the same configuration made.

        On the CPU, the rest of the run is the same to the bit as if it had never been interrupted. Device and number of epochs
        may differ: a constant learning rate, steps and warm-up then continue as if the number had been so from the start;
        cosine and one-cycle follow the curve over the new number of epochs, so the rate jumps once.
        Raises CheckpointError where another setting differs.
        """
        current, saved = checkpoints.plain(vars(self.config)), checkpoint["config"]
        # A setting added since has its default now, or the configuration would not be the same one.
        changed = [name for name in current if current[name] != saved.get(name, current[name]) and name not in ("device", "epochs")]
        if changed:
            raise CheckpointError(say(checkpoints.OTHER_SETTINGS, names=", ".join(changed)))
        if self.device.type == "cpu":  # another number adds up in another order, and the last digits differ
            torch.set_num_threads(checkpoint.get("threads", torch.get_num_threads()))
        self._use_layout(checkpoint.get("layout", layout.EARLY))
        self.epoch, self.batch, self.step = checkpoint["epoch"], checkpoint["batch"], checkpoint["step"]
        self.model.load_state_dict(checkpoint["model"])
        # The checkpoint may be of another device, where another kernel was the fastest.
        for group, own in zip(checkpoint["optimizer"]["param_groups"], self.optimizer.param_groups, strict=True):
            if "fused" in own:
                group["fused"] = own["fused"]
        self.optimizer.load_state_dict(checkpoint["optimizer"])
        self.schedule.load_state_dict(checkpoint["schedule"])
        # The optimiser keeps the rate of the next batch, which was computed for the former number of epochs.
        for group, rate in zip(self.optimizer.param_groups, self.schedule.base_lrs, strict=True):
            group["lr"] = rate * optimizers.factor(self.config, self.step, len(self.bounds))
        self.learning_rate = checkpoint["learning_rate"]
        self.sums.write(Totals(**checkpoint["sums"]))
        self.times = Times(**checkpoint["times"])
        self.history = [EpochDone(**done) for done in checkpoint["history"]]
        times = self.times
        trained = sum(done.seconds for done in self.history) + times.load + times.compute + times.evaluation
        self._began, self._earlier = clock.seconds(), checkpoint.get("seconds", trained)
        if self.history:
            predicted, confidence = checkpoint["test_predicted"], checkpoint["test_confidence"]
            self.evaluation = Evaluation(self.history[-1].test_loss, checkpoint["test_accuracy"], predicted, confidence)
        rng = checkpoint["rng"]
        self.augmentation.set_state(rng["augmentation"])
        self._fill_tables()
        self.graph.forget()
        torch.set_rng_state(rng["torch"])
        if rng["cuda"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(rng["cuda"], self.device)
        if rng.get("mps") is not None and self.device.type == "mps":
            torch.mps.set_rng_state(rng["mps"])
