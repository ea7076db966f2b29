"""What one run, one owner and the whole lab may take, as the TOML file named by CNNLAB_LIMITS says. Needs no torch.

    epochs = 100            # of one run
    max_seconds = 7200      # of training for one run; then it is stopped and keeps its checkpoints
    image_size = 96         # pixels a side
    parameters = 30_000_000
    runs_per_owner = 5      # waiting or training at the same time
    disk = "20 GB"          # for the whole home folder: checkpoints, downloads and the record of runs

    [devices]               # those that the lab may use, and how many runs each takes at a time if memory allows
    cpu = 1
    "cuda:0" = 2

A limit that is left out, or a missing variable, limits nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, ValidationError

from cnnlab import epoch_flow, epoch_predictions, epoch_weights
from cnnlab.config import RunConfig
from cnnlab.elsewhere import is_elsewhere
from cnnlab.errors import ConfigError, LimitError
from cnnlab.i18n import N_, _, nsay, say
from cnnlab.optimizers import OPTIMIZERS
from cnnlab.system.home import path_variable
from cnnlab.text import duration_text, shortened, size_text
from cnnlab.training.costs import images, images_taken

MAXIMUM_FILE = 100_000  # bytes; a file of limits has a dozen lines
MOST_RUNS = 16  # on one device at a time

# The most checkpoints at a time: the last, the one before it, the best, and a new best that is still being written.
_FILES = 4
_PREDICTION, _EPOCH, _ENVELOPE = 5, 150, 30_000  # bytes: a test image's prediction, an epoch's history, random states and names

_MORE_EPOCHS = N_("This run has {count:,} epochs, {more:,} more than the {most:,} that this lab allows.")
_MORE_PIXELS = N_("This run has {count:,} pixels a side, {more:,} more than the {most:,} that this lab allows.")
_MORE_PARAMETERS = N_("This run has {count:,} parameters, {more:,} more than the {most:,} that this lab allows.")
_MORE_DISK = N_(
    "The lab's folder takes {taken} and this run's checkpoints need about {own} while it trains, {more} more than the {most} that "
    "this lab allows: delete runs that you no longer need."
)
_MORE_DISK_WITH_OTHERS = N_(
    "The lab's folder takes {taken}, runs that wait or train will take {promised} more and this run's checkpoints need about {own} "
    "while it trains, {more} more than the {most} that this lab allows: delete runs that you no longer need."
)
_TRAINED_ALL = N_("This run has trained for {time}, all that this lab allows; what it has learned is kept.")
_TRAINED_LONGER = N_(
    "This run has trained for {time}, {longer} longer than the {most} that this lab allows; what it has learned is kept."
)
_WOULD_TRAIN_LONGER = N_(
    "This run would train for about {time}, {longer} longer than the {most} that this lab allows; take fewer epochs, smaller "
    "images or a share of the data."
)


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


class Limits(BaseModel):
    """Upper limits, inclusive; None is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Positive | None = None
    max_seconds: Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)] | None = None
    image_size: Positive | None = None
    parameters: Positive | None = None
    runs_per_owner: Positive | None = None
    disk: ByteSize | None = Field(None, gt=0)
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
    ) -> None:
        """Raises LimitError for the first limit that a run of `config` would break, before it is queued.

        `parameters` are its network's. It has `trained` for some seconds and needs `seconds` more; where these are unknown, the
        runner watches the clock. The home folder takes `disk_bytes`, this run `own_bytes` of them, and other active runs will
        take `promised_bytes` more.
        """
        for field, value, most, words in (
            ("epochs", config.epochs, self.epochs, _MORE_EPOCHS),
            ("image_size", config.image_size or 0, self.image_size, _MORE_PIXELS),
            ("architecture", parameters, self.parameters, _MORE_PARAMETERS),
        ):
            if most is not None and value > most:
                raise LimitError(say(words, count=value, more=value - most, most=most), field)
        self._check_device(config.device)
        self._check_seconds(seconds, trained)
        own = max(0, checkpoint_bytes(config, parameters) - own_bytes)
        needed = disk_bytes + promised_bytes + own
        if self.disk is not None and needed > self.disk:
            facts = {
                "taken": size_text(disk_bytes), "promised": size_text(promised_bytes), "own": size_text(own),
                "more": size_text(needed - self.disk), "most": size_text(self.disk),
            }  # fmt: skip
            raise LimitError(say(_MORE_DISK_WITH_OTHERS if promised_bytes else _MORE_DISK, **facts), temporary=True)

    def in_words(self) -> str:
        """What this lab allows, for a form, in the reader's language: "This lab allows up to 100 epochs." or ""."""
        words = [
            _("{count:,} epochs").format(count=self.epochs) if self.epochs else "",
            _("{time} of training").format(time=duration_text(self.max_seconds)) if self.max_seconds else "",
            _("images of {count:,} pixels a side").format(count=self.image_size) if self.image_size else "",
            _("{count:,} parameters").format(count=self.parameters) if self.parameters else "",
            _("{count:,} of your runs at a time").format(count=self.runs_per_owner) if self.runs_per_owner else "",
            _("{size} for all runs").format(size=size_text(self.disk)) if self.disk else "",
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
        return " ".join(sentences)

    def admit(self, owner_runs: int) -> None:
        """Raises LimitError where an owner with `owner_runs` active runs may not have one more."""
        if self.runs_per_owner is not None and owner_runs >= self.runs_per_owner:
            raise LimitError(
                nsay(
                    "You have {count:,} run waiting or training, and this lab allows {most:,} at a time: wait until {ended}.",
                    "You have {count:,} runs waiting or training, and this lab allows {most:,} at a time: wait until {ended}.",
                    owner_runs, count=owner_runs, most=self.runs_per_owner, ended=_ended(owner_runs - self.runs_per_owner + 1),
                ),
                temporary=True,
            )  # fmt: skip

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
            raise LimitError(say(_TRAINED_LONGER if trained - most >= 1 else _TRAINED_ALL, **facts), "epochs")
        if most is not None and seconds is not None and (whole := trained + seconds) > most:
            facts = {"time": duration_text(whole), "longer": duration_text(whole - most), "most": duration_text(most)}
            raise LimitError(say(_WOULD_TRAIN_LONGER, **facts), "epochs")


def limits_file() -> Path | None:
    """`CNNLAB_LIMITS`, or None."""
    return path_variable("CNNLAB_LIMITS")


def load(path: Path | None) -> Limits:
    """The limits in `path`; none without a path. Raises ConfigError where the file is missing or wrong: it is never ignored.

    Read at each start of a run, so a change takes effect at once.
    """
    if path is None:
        return Limits()
    try:
        with path.open("rb") as file:
            text = file.read(MAXIMUM_FILE + 1)
        if len(text) > MAXIMUM_FILE:
            raise _wrong(path, f"it is longer than {MAXIMUM_FILE:,} bytes")
        return Limits.model_validate(tomllib.loads(text.decode("utf-8-sig")))
    except OSError as error:
        raise _wrong(path, str(error.strerror or error)) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name, value = str(first["loc"][0]), shortened(first["input"])
        if name == "devices":
            raise _wrong(path, _about_devices(first)) from None
        if first["type"] == "extra_forbidden":
            raise _wrong(path, f"there is no limit {shortened(name)}; the limits are {', '.join(Limits.model_fields)}") from None
        kind = 'a size above 0, such as "20 GB"' if name == "disk" else "a number above 0"
        raise _wrong(
            path, f"{name} must be {kind if name in ('disk', 'max_seconds') else f'a whole {kind[2:]}'}, not {value}"
        ) from None
    except ValueError as error:  # no UTF-8, no TOML, or a number of more than 4,300 digits
        raise _wrong(path, f"it is not TOML: {shortened(error, quoted=False)}") from None
    except RecursionError:
        raise _wrong(path, "it is nested too deeply") from None


def checkpoint_bytes(config: RunConfig, parameters: int) -> int:
    """About the most that a run's checkpoints take on disk, and what it predicted after each epoch; later half of the former."""
    copies = 1 + OPTIMIZERS[config.optimizer].state_tensors(config.momentum)
    predictions = images(config)[1] * _PREDICTION
    recorded = epoch_predictions.file_bytes(images_taken(config)[1], config.epochs) + epoch_flow.file_bytes(config.epochs)
    recorded += epoch_weights.total_bytes(parameters, config.epochs)
    return recorded + _FILES * (4 * copies * parameters + predictions + config.epochs * _EPOCH + _ENVELOPE)


def _wrong(path: Path, reason: str) -> ConfigError:
    # Visitors see this sentence, and need not know the server's folders.
    return ConfigError(say("The file of limits {file} (CNNLAB_LIMITS) cannot be used: {reason}.", file=path.name, reason=reason))


def _about_devices(error: Any) -> str:
    """What is wrong with the table of devices, by the first error in it."""
    place, value = error["loc"][1:], shortened(error["input"])
    if not place:
        return f"devices must be a table with at least one device, such as cpu = 1, not {value}"
    if "[key]" in place:
        return f"devices names {value}; a device is cpu, mps or cuda:0, cuda:1 and so on"
    return f"devices gives {place[0]} {value}; the runs that it takes at a time are a whole number from 1 to {MOST_RUNS}"


def _ended(runs: int) -> str:
    return nsay("one has ended", "{count:,} have ended", runs, count=runs)
