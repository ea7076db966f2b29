"""A run at one moment: network, optimiser, random generators and counters, and how one batch moves them on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from cnnlab.architectures.building import check_batch
from cnnlab.errors import CheckpointError, DataError
from cnnlab.events import EpochDone
from cnnlab.training import batches, checkpoints, devices, initialization, optimizers
from cnnlab.training.evaluation import Evaluation, autocast
from cnnlab.training.precision import Choice, choose
from cnnlab.training.transforms import Preparation

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.datasets.loading import ImageData


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the images of the running epoch so far."""

    loss: float = 0.0
    correct: int = 0
    images: int = 0
    finite_batches: int = 0  # batches until the loss overflowed, or all of them


class Sums:
    """`Totals` on the device, so that a batch adds to them without waiting for it."""

    def __init__(self, device: torch.device) -> None:
        wide = torch.float32 if device.type == "mps" else torch.float64  # mps has no float64
        self._loss = torch.zeros((), dtype=wide, device=device)
        self._counts = torch.zeros(2, dtype=torch.int64, device=device)
        self._images = 0

    def add(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
        self._loss.add_(loss.detach(), alpha=len(labels))
        self._counts[0].add_((logits.detach().argmax(dim=1) == labels).sum())
        self._counts[1].add_(self._loss.isfinite())
        self._images += len(labels)

    def read(self) -> Totals:
        """Waits for the device."""
        correct, finite = self._counts.tolist()
        return Totals(self._loss.item(), correct, self._images, finite)

    def write(self, totals: Totals) -> None:
        self._loss.fill_(totals.loss)
        self._counts.copy_(torch.tensor([totals.correct, totals.finite_batches]))
        self._images = totals.images


@dataclass(slots=True)
class Times:
    """Seconds of the running epoch, by what they went into."""

    load: float = 0.0
    compute: float = 0.0
    evaluation: float = 0.0


class Session:
    """Makes the start of a run; `begin_epoch` and `advance` move it on; `state` is all of it as a checkpoint."""

    def __init__(self, config: RunConfig, data: ImageData, precision: str | None = None) -> None:
        """`precision` is what the run has computed in so far, if it has; else the configuration says, or measuring does."""
        if not len(data.train_images) or not len(data.test_images):
            raise DataError(f"The data set {data.name} has no images to train or to test on; raise data_share or limit.")
        found = devices.find(config.device)
        self.config, self.device_name, self.device = config, found.title, torch.device(found.name)
        self.classes = tuple(data.classes)
        self.model: nn.Module = initialization.network(config, len(self.classes))
        # Convolutions are quicker where the channels of a pixel lie together: 1.0 to 1.6 times in float32 and 1.3 to 2.5 times
        # in bfloat16 (nine networks, two cores), and what they make lies like their weights.
        self.model.to(self.device, memory_format=torch.channels_last)
        self.compiled: Callable[[torch.Tensor], torch.Tensor] | None = None  # the same network, quicker, for whole batches
        self.optimizer = optimizers.optimizer(config, self.model.parameters())
        # The data sets here are at most 184 MB as uint8, so they live on the device and a batch is an index selection.
        self.train_images, self.train_labels = data.train_images.to(self.device), data.train_labels.to(self.device)
        self.test_images, self.test_labels = data.test_images.to(self.device), data.test_labels.to(self.device)
        self.preparation = Preparation.for_run(config, data)
        self.bounds = batches.bounds(len(self.train_images), config.batch_size)
        check_batch(self.model, self.input_shape, min(end - start for start, end in self.bounds))
        self.choice = Choice(precision or config.precision)
        if self.choice.precision == "auto":
            first = slice(*self.bounds[0])
            self.choice = choose(self.model, self.train_images[first], self.train_labels[first], self.preparation)
        self.schedule = optimizers.schedule(config, self.optimizer, len(self.bounds))
        self.augmentation = torch.Generator()
        self.sums = Sums(self.device)
        self.times = Times()
        self.epoch = self.batch = self.step = 0  # the epoch begun last, batches of it done, batches of the run done
        self.learning_rate = self.optimizer.param_groups[0]["lr"]  # of the batch done last
        self._began, self._earlier = time.perf_counter(), 0.0
        self.history: list[EpochDone] = []
        self.best_epoch, self.best_accuracy = 0, -math.inf
        self.evaluation: Evaluation | None = None

    @property
    def input_shape(self) -> tuple[int, int, int]:
        # Not the configuration's own property: where there is no pydantic a configuration is a bare namespace of settings.
        return self.config.channels, self.config.image_size, self.config.image_size

    @property
    def precision(self) -> str:
        """What the run computes in: "float32" or "bfloat16"."""
        return self.choice.precision

    @property
    def epoch_is_over(self) -> bool:
        return self.epoch == 0 or self.batch == len(self.bounds)

    @property
    def seconds(self) -> float:
        """That the run has trained for, in this process and before."""
        return self._earlier + time.perf_counter() - self._began

    def begin_epoch(self) -> None:
        """Sets the counters back and draws the order of the next epoch."""
        self.epoch, self.batch, self.times = self.epoch + 1, 0, Times()
        self.model.train()
        self.sums.write(Totals())
        self.augmentation.manual_seed(batches.derived_seed(self.config.seed, self.epoch, "augmentation"))
        self._draw_order()

    def _draw_order(self) -> None:
        self.order = batches.order(len(self.train_images), self.config.seed, self.epoch).to(self.device)

    def advance(self) -> None:
        """One batch: forward, backward, a step of optimiser and schedule.

        On CUDA and mps the calls return before the device is done, so the two times say where this process waited; the
        split is exact on the cpu. Their sum is right everywhere over the time between two reads of the sums, which wait.
        """
        begun = time.perf_counter()
        start, end = self.bounds[self.batch]
        chosen = self.order[start:end]
        images = self.preparation.train(self.train_images[chosen], self.augmentation)
        labels = self.train_labels[chosen]
        loaded = time.perf_counter()
        # What is compiled is compiled for one size of batch; the last one of an epoch may be smaller.
        compiled = self.compiled if len(images) == self.config.batch_size else None
        with autocast(self.device, self.precision):
            logits = compiled(images.contiguous()) if compiled else self.model(images)
        loss = functional.cross_entropy(logits.float(), labels, label_smoothing=self.config.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.config.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
        self.learning_rate = self.optimizer.param_groups[0]["lr"]
        self.optimizer.step()
        self.schedule.step()
        self.sums.add(loss, logits, labels)
        self.batch, self.step = self.batch + 1, self.step + 1
        self.times.load += loaded - begun
        self.times.compute += time.perf_counter() - loaded

    def totals(self) -> Totals:
        """The sums of the running epoch; waits for the device, which counts as computing."""
        begun = time.perf_counter()
        totals = self.sums.read()
        self.times.compute += time.perf_counter() - begun
        return totals

    def close_epoch(self, evaluation: Evaluation) -> EpochDone:
        """Takes the evaluation of the test images into the record of the run."""
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
        )
        self.history.append(done)
        self.evaluation = evaluation
        if evaluation.accuracy > self.best_accuracy:  # the first of equals stays the best
            self.best_epoch, self.best_accuracy = self.epoch, evaluation.accuracy
        return done

    def state(self) -> checkpoints.Checkpoint:
        """The run as it stands, between two batches or two epochs; the keys are explained in `cnnlab.training.checkpoints`.

        Tensors are the live ones: save or copy them before the next batch.
        """
        said = self.evaluation
        return {
            "format": checkpoints.FORMAT,
            "config": _plain(vars(self.config)),
            "classes": list(self.classes),
            "input_shape": list(self.input_shape),
            "preparation": asdict(self.preparation),
            "precision": self.precision,
            "threads": torch.get_num_threads(),
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
                "augmentation": self.augmentation.get_state(),
            },
            "history": [asdict(done) for done in self.history],
            "best_epoch": self.best_epoch,
            "best_test_accuracy": self.best_accuracy if self.best_epoch else None,
            "test_accuracy": said.accuracy if said else None,
            "test_predicted": said.predicted if said else None,
            "test_confidence": said.confidence if said else None,
        }

    def restore(self, checkpoint: checkpoints.Checkpoint) -> None:
        """Goes to the moment of `checkpoint`, which a run of the same configuration made.

        On the cpu, what follows is the same to the bit as if the run had never been interrupted. The device may be another
        and the epochs may be more: a constant learning rate, steps and warm-up then go on as if it had been so from the start;
        cosine and one-cycle go on along the curve over the new number of epochs, so the rate jumps once.
        Raises CheckpointError where another setting differs.
        """
        mine, theirs = _plain(vars(self.config)), checkpoint["config"]
        # A setting that there was none of then has its default now, or the configuration would not be the same one.
        changed = [name for name in mine if mine[name] != theirs.get(name, mine[name]) and name not in ("device", "epochs")]
        if changed:
            raise CheckpointError(
                f"The checkpoint was made with other settings ({', '.join(changed)}); start a new run with these."
            )
        if self.device.type == "cpu":  # another number would add up in another order, and the last digits would differ
            torch.set_num_threads(checkpoint.get("threads", torch.get_num_threads()))
        self.epoch, self.batch, self.step = checkpoint["epoch"], checkpoint["batch"], checkpoint["step"]
        self.model.load_state_dict(checkpoint["model"])
        # The checkpoint may be of another device, where another kernel was the quickest.
        for saved, own in zip(checkpoint["optimizer"]["param_groups"], self.optimizer.param_groups, strict=True):
            if "fused" in own:
                saved["fused"] = own["fused"]
        self.optimizer.load_state_dict(checkpoint["optimizer"])
        self.schedule.load_state_dict(checkpoint["schedule"])
        # The rate of the next batch, which the optimiser keeps, was computed for the epochs of then.
        for group, rate in zip(self.optimizer.param_groups, self.schedule.base_lrs, strict=True):
            group["lr"] = rate * optimizers.factor(self.config, self.step, len(self.bounds))
        self.learning_rate = checkpoint["learning_rate"]
        self.sums.write(Totals(**checkpoint["sums"]))
        self.times = Times(**checkpoint["times"])
        self.history = [EpochDone(**done) for done in checkpoint["history"]]
        times = self.times
        trained = sum(done.seconds for done in self.history) + times.load + times.compute + times.evaluation
        self._began, self._earlier = time.perf_counter(), checkpoint.get("seconds", trained)
        if self.history:
            predicted, confidence = checkpoint["test_predicted"], checkpoint["test_confidence"]
            self.evaluation = Evaluation(self.history[-1].test_loss, checkpoint["test_accuracy"], predicted, confidence)
            self.best_epoch, self.best_accuracy = checkpoint["best_epoch"], checkpoint["best_test_accuracy"]
        self._draw_order()
        rng = checkpoint["rng"]
        self.augmentation.set_state(rng["augmentation"])
        torch.set_rng_state(rng["torch"])
        if rng["cuda"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(rng["cuda"], self.device)
        if rng.get("mps") is not None and self.device.type == "mps":
            torch.mps.set_rng_state(rng["mps"])


def _plain(value: Any) -> Any:
    """The value as JSON would give it back."""
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
