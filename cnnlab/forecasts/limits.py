"""What one run, one person and the whole lab may take, and the sentence for each limit that is reached. Needs no torch.

`limits_file.py` reads them, and says whose they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import floor
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, field_validator

from cnnlab import epoch_flow, epoch_predictions, epoch_weights
from cnnlab.config import RunConfig
from cnnlab.elsewhere import is_elsewhere
from cnnlab.errors import LimitError
from cnnlab.forecasts import refusals
from cnnlab.forecasts.usage import Usage
from cnnlab.i18n import _, say
from cnnlab.i18n import together as in_a_row
from cnnlab.optimizers import OPTIMIZERS
from cnnlab.text import duration_text, size_text
from cnnlab.training.costs import images, images_taken

MOST_RUNS = 16  # on one device at a time

# The most checkpoints at a time: the last, the one before it, the best, and a new best that is still being written.
_FILES = 4
_PREDICTION, _EPOCH, _ENVELOPE = 5, 150, 30_000  # bytes: a test image's prediction, an epoch's history, random states and names


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number is needed")
    return value


def _device(value: str) -> str:
    if not re.fullmatch(r"cpu|mps|cuda:\d{1,3}", value):
        raise ValueError("no device")
    return value


Positive = Annotated[int, BeforeValidator(_number), Field(ge=1)]
DeviceName = Annotated[str, BeforeValidator(_device)]


class Personal(BaseModel):
    """Upper limits of one person and each of their runs, inclusive; None is no limit, and "none" in a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Positive | None = None
    max_seconds: Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)] | None = None
    image_size: Positive | None = None
    parameters: Positive | None = None
    runs_per_owner: Positive | None = None  # that wait or train
    parallel: Positive | None = None  # that train; others wait
    minutes_a_day: Positive | None = None  # of training
    gpu_minutes_a_week: Positive | None = None
    disk_per_owner: ByteSize | None = Field(None, gt=0)

    @field_validator("*", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return None if value == "none" else value


class Limits(Personal):
    """Those of one person, and those of the whole lab."""

    disk: ByteSize | None = Field(None, gt=0)
    queue: Positive | None = None  # runs of all people that wait
    slice_minutes: Positive | None = None  # that a run trains at a stretch while runs of others wait
    devices: dict[DeviceName, Annotated[int, BeforeValidator(_number), Field(ge=1, le=MOST_RUNS)]] | None = Field(
        None, min_length=1
    )

    def runs_at_a_time(self, device: str) -> int:
        """How many runs may train on the device at a time; 0 where the lab may not use it."""
        return 1 if self.devices is None else self.devices.get(device, 0)

    def allowed(self, devices: Iterable[str]) -> tuple[str, ...]:
        """Those that the lab may use, in the same order."""
        return tuple(device for device in devices if self.runs_at_a_time(device))

    def check(
        self,
        config: RunConfig,
        *,
        parameters: int = 0,
        seconds: float | None = None,
        trained: float = 0.0,
        disk_bytes: int = 0,
        own_bytes: int = 0,
        promised_bytes: int = 0,
        used: Usage | None = None,
        together: bool = False,
    ) -> None:
        """Raises LimitError for the first limit that a run of `config` would break, before it is queued.

        `parameters` are its network's. It has `trained` for some seconds and needs `seconds` more; where these are unknown, the
        runner watches the clock. The home folder takes `disk_bytes`, this run `own_bytes` of them, and other active runs will
        take `promised_bytes` more. `used` is what its owner has used, with what their other active runs will take on disk; of all
        visitors `together` where names are not verified.
        """
        for field, value, most, words in (
            ("epochs", config.epochs, self.epochs, refusals.MORE_EPOCHS),
            ("image_size", config.image_size or 0, self.image_size, refusals.MORE_PIXELS),
            ("architecture", parameters, self.parameters, refusals.MORE_PARAMETERS),
        ):
            if most is not None and value > most:
                name = "parameters" if field == "architecture" else field
                raise refusals.over(name, say(words, count=value, more=value - most, most=most), field)
        self._check_device(config.device)
        if used and (reason := self.spent(used, config.device)):
            raise refusals.over("gpu_minutes_a_week" if self.has_minutes(used) else "minutes_a_day", reason, temporary=True)
        self._check_seconds(seconds, trained)
        own = max(0, checkpoint_bytes(config, parameters) - own_bytes)
        needed = disk_bytes + promised_bytes + own
        if self.disk is not None and needed > self.disk:
            facts = {
                "taken": size_text(disk_bytes), "promised": size_text(promised_bytes), "own": size_text(own),
                "more": size_text(needed - self.disk), "most": size_text(self.disk),
            }  # fmt: skip
            raise refusals.over(
                "disk", say(refusals.MORE_DISK_WITH_OTHERS if promised_bytes else refusals.MORE_DISK, **facts), temporary=True
            )
        taken = (used.disk_bytes or 0) if used else 0
        if self.disk_per_owner is not None and taken + own > self.disk_per_owner:
            facts = {
                "taken": size_text(taken), "own": size_text(own), "more": size_text(taken + own - self.disk_per_owner),
                "most": size_text(self.disk_per_owner),
            }  # fmt: skip
            raise refusals.over(
                "disk_per_owner", say(refusals.MORE_DISK_OF_ALL if together else refusals.MORE_OWN_DISK, **facts), temporary=True
            )

    @property
    def minutes(self) -> bool:
        """Whether any are counted."""
        return self.minutes_a_day is not None or self.gpu_minutes_a_week is not None

    def has_minutes(self, used: Usage) -> bool:
        """Whether some of today's minutes are left."""
        return self.minutes_a_day is None or used.minutes_today < self.minutes_a_day

    def spent(self, used: Usage, device: str) -> str:
        """Why no training goes on now on `device`, a device or a choice of one, as a sentence; "" where it does."""
        if not self.has_minutes(used):
            return say(refusals.DAY_IS_OVER, most=duration_text(60 * (self.minutes_a_day or 0)))
        most = self.gpu_minutes_a_week
        # A place that has not reported yet may have no GPU: a run begins there, as with "auto", and gives way once it reports one.
        gpu = device in used.gpu_places if is_elsewhere(device) else device not in ("cpu", "auto")
        if most is not None and used.gpu_minutes_week >= most and gpu:
            return say(refusals.WEEK_IS_OVER, most=duration_text(60 * most))
        return ""

    def in_words(self, *, together: bool = False) -> str:
        """What this lab allows, for a form, in the reader's language: "This lab allows up to 100 epochs." or "".

        A person's limits are those of all visitors `together` where names are not verified.
        """
        words = [
            _("{count:,} epochs").format(count=self.epochs) if self.epochs else "",
            _("{time} of training").format(time=duration_text(self.max_seconds)) if self.max_seconds else "",
            _("images of {count:,} pixels a side").format(count=self.image_size) if self.image_size else "",
            _("{count:,} parameters").format(count=self.parameters) if self.parameters else "",
            self._runs_in_words(together=together),
            _("{time} of training a day").format(time=duration_text(60 * self.minutes_a_day)) if self.minutes_a_day else "",
            _("{time} on a GPU a week").format(time=duration_text(60 * self.gpu_minutes_a_week)) if self.gpu_minutes_a_week else "",
            _("{size} a person").format(size=size_text(self.disk_per_owner)) if self.disk_per_owner and not together else "",
            _("{size} for all runs").format(size=size_text(min(sizes))) if (sizes := self._sizes(together=together)) else "",
        ]
        *some, last = [word for word in words if word] or [""]
        if some:
            last = _("{several} and {last}").format(several=_(", ").join(some), last=last)
        sentences = [_("This lab allows up to {limits}.").format(limits=last)] if last else []
        if self.devices is not None:
            names = _(" and ").join(self.devices)
            several = [
                _("{count} runs at a time on {device}").format(count=runs, device=device)
                for device, runs in self.devices.items() if runs > 1
            ]  # fmt: skip
            if several:
                names = f"{names}{_(', ')}{_(' and ').join(several)}"
            sentences.append(
                (_("It trains on {devices}.") if sentences else _("This lab trains on {devices}.")).format(devices=names)
            )
        return in_a_row(*sentences)

    def left_in_words(self, used: Usage, *, together: bool = False) -> str:
        """How much time is left, for a form, in the reader's language: "Left today: 84 minutes of 2 hours." or ""."""
        today = week = ""
        if self.minutes_a_day is not None:
            left = max(0, floor(self.minutes_a_day - used.minutes_today))
            words = (
                _("Left today, for all visitors together: {left} of {most}.") if together else _("Left today: {left} of {most}.")
            )
            today = words.format(left=duration_text(60 * left), most=duration_text(60 * self.minutes_a_day))
        if self.gpu_minutes_a_week is not None:
            left = max(0, floor(self.gpu_minutes_a_week - used.gpu_minutes_week))
            words = _("Left on a GPU this week: {left} of {most}.")
            week = words.format(left=duration_text(60 * left), most=duration_text(60 * self.gpu_minutes_a_week))
        return in_a_row(today, week)

    def admit(self, runs: int, waiting: int = 0, *, together: bool = False) -> None:
        """Raises LimitError where an owner with so many active `runs` may not have one more, or as many as may are `waiting`.

        The runs are those of all visitors `together` where names are not verified.
        """
        most = self.runs_per_owner
        if most is not None and runs >= most:
            words = refusals.too_many_of_all if together else refusals.too_many
            raise refusals.over("runs_per_owner", words(runs, most), temporary=True)
        if self.queue is not None and waiting >= self.queue:
            raise refusals.over("queue", refusals.queue_is_full(waiting, self.queue), temporary=True)

    def _runs_in_words(self, *, together: bool) -> str:
        some = []
        if self.parallel:
            words = _("{count:,} runs of all visitors training at a time") if together else _("{count:,} runs training at a time")
            some.append(words.format(count=self.parallel))
        if self.runs_per_owner:
            words = _("{count:,} runs of all visitors at a time") if together else _("{count:,} of your runs at a time")
            if self.parallel:
                words = _("{count:,} waiting or training")
            some.append(words.format(count=self.runs_per_owner))
        return _(", ").join(some)

    def _sizes(self, *, together: bool) -> list[int]:
        return [size for size in (self.disk, self.disk_per_owner if together else None) if size]

    def _check_device(self, device: str) -> None:
        if self.devices is None or device in ("auto", *self.devices) or is_elsewhere(device):  # the host has named these apart
            return
        if device != "cuda" or not any(name.startswith("cuda") for name in self.devices):
            raise LimitError(
                say(
                    "This lab trains on {devices}, not on {device}: choose automatic or one of these.",
                    devices=" and ".join(self.devices), device=device,
                ),
                "device",
            )  # fmt: skip

    def _check_seconds(self, seconds: float | None, trained: float) -> None:
        most = self.max_seconds
        if most is not None and trained >= most:
            facts = {"time": duration_text(trained), "longer": duration_text(trained - most), "most": duration_text(most)}
            raise refusals.over(
                "max_seconds", say(refusals.TRAINED_LONGER if trained - most >= 1 else refusals.TRAINED_ALL, **facts), "epochs"
            )
        if most is not None and seconds is not None and (whole := trained + seconds) > most:
            facts = {"time": duration_text(whole), "longer": duration_text(whole - most), "most": duration_text(most)}
            raise refusals.over("max_seconds", say(refusals.WOULD_TRAIN_LONGER, **facts), "epochs")


def checkpoint_bytes(config: RunConfig, parameters: int) -> int:
    """About the most that a run's checkpoints take on disk, and what it predicted after each epoch; later half of the former."""
    copies = 1 + OPTIMIZERS[config.optimizer].state_tensors(config.momentum)
    predictions = images(config)[1] * _PREDICTION
    recorded = epoch_predictions.file_bytes(images_taken(config)[1], config.epochs) + epoch_flow.file_bytes(config.epochs)
    recorded += epoch_weights.total_bytes(parameters, config.epochs)
    return recorded + _FILES * (4 * copies * parameters + predictions + config.epochs * _EPOCH + _ENVELOPE)
