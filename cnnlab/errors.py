"""Every error that a user can meet, as one tree. A message is one sentence: what is wrong, the value, and what to do.

    CNNLabError
    ├── ConfigError          a setting is wrong: names the field, the rule and the value
    │   ├── ShapeError       the input does not fit the network: names the layer and the size that would fit
    │   └── LimitError       over a limit of this lab (CNNLAB_LIMITS): names the limit and the excess
    ├── DataError            a data set cannot be read (missing, truncated, wrong checksum)
    ├── DeviceError          the chosen device does not exist
    ├── NodeLost             the node on which a run trains beyond this machine, or its job, is gone
    ├── CheckpointError      a checkpoint is missing or damaged
    ├── RunNotFound          no run has this id
    ├── SweepNotFound        no sweep has this id
    ├── RunStateError        the action is not allowed in the run's current state
    │   └── NotAllowed       it is not allowed to the person who asks
    ├── LessonError          the file of a lesson is wrong: names the file, the line and the reason
    ├── StoreError           the record of runs cannot be read or written
    ├── ComputeError         the helper process did not answer in time
    ├── ExportError          a run cannot be exported as asked
    │   └── FailedCheck      an export does not compute what the run's network does
    └── InstallationError    the installed packages are incompatible

Pages and the command line catch `CNNLabError` and show `str(error)`; anything else is a fault in the program.
"""

from typing import Self

from cnnlab.i18n import say


class CNNLabError(Exception):
    """The base of all errors whose message is for users. `temporary`: waiting helps, as with a full disk or a locked record."""

    def __init__(self, message: str, *, temporary: bool = False) -> None:
        super().__init__(message)
        self.temporary = temporary


class ConfigError(CNNLabError):
    """A setting is wrong; `field` names it (an option of the architecture is `options.<name>`)."""

    def __init__(self, message: str, field: str = "", *, temporary: bool = False) -> None:
        super().__init__(message, temporary=temporary)
        self.field = field


class ShapeError(ConfigError):
    """The input does not fit the network."""


class LimitError(ConfigError):
    """The run is over a limit of this lab."""


class DataError(CNNLabError):
    """A data set cannot be read."""


class DeviceError(CNNLabError):
    """The chosen device does not exist."""


class NodeLost(CNNLabError):
    """The node on which a run trains beyond this machine, or its job, is gone. The run can go on from its last checkpoint."""


class CheckpointError(CNNLabError):
    """A checkpoint is missing or damaged."""


class RunNotFound(CNNLabError):
    """No run has this id."""


class SweepNotFound(CNNLabError):
    """No sweep has this id."""


class RunStateError(CNNLabError):
    """The action is not allowed in the run's current state."""


class NotAllowed(RunStateError):
    """The action is not allowed to the person who asks."""


class StoreError(CNNLabError):
    """The record of runs cannot be read or written."""


class ComputeError(CNNLabError):
    """The helper process did not answer in time, or ended during the request."""


class ExportError(CNNLabError):
    """A run cannot be exported as asked."""


class FailedCheck(ExportError):
    """An export does not compute what the run's network does, so it is not offered."""


class InstallationError(CNNLabError):
    """The installed packages are incompatible."""


class LessonError(CNNLabError):
    """The file of a lesson is wrong: `at` names `file` ("en/01-dense-layers.md"), `line` (from 1) and the `reason`."""

    @classmethod
    def at(cls, file: str, line: int, reason: str) -> Self:
        """The error of a place in a file."""
        error = cls(say("The lesson {file} is left out. Line {line:,}: {reason}.", file=file, line=line, reason=reason))
        error.file, error.line, error.reason = file, line, reason
        return error

    file, line, reason = "", 0, ""
