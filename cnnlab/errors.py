"""Every error a person can meet, as one tree; each message is one sentence with the value and what to do.

    CNNLabError
    ├── ConfigError          a setting is wrong: names the field, the rule and the value
    │   ├── ShapeError       the input does not fit the network: names the layer and the size that would fit
    │   └── LimitError       more than this lab allows (CNNLAB_LIMITS): says which limit, and by how much
    ├── DataError            a data set cannot be read (missing, truncated, wrong checksum)
    ├── DeviceError          the device asked for is not there
    ├── CheckpointError      a checkpoint is missing or damaged
    ├── RunNotFound          no run has this id
    ├── RunStateError        this move is not allowed in the run's present state
    ├── StoreError           the record of runs cannot be read or written
    ├── ComputeError         the helper process gave no answer in time
    └── InstallationError    the installed packages do not fit together

Pages and the command line catch `CNNLabError` and show `str(error)`; anything else is a fault of ours.
"""


class CNNLabError(Exception):
    """The base of all errors that are meant for a person to read."""


class ConfigError(CNNLabError):
    """A setting is wrong; `field` names it (an option of the architecture is `options.<name>`)."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class ShapeError(ConfigError):
    """The input does not fit the network."""


class LimitError(ConfigError):
    """More than this lab allows."""


class DataError(CNNLabError):
    """A data set cannot be read."""


class DeviceError(CNNLabError):
    """The device asked for is not there."""


class CheckpointError(CNNLabError):
    """A checkpoint is missing or damaged."""


class RunNotFound(CNNLabError):
    """No run has this id."""


class RunStateError(CNNLabError):
    """The move is not allowed in the run's present state."""


class StoreError(CNNLabError):
    """The record of runs cannot be read or written."""


class ComputeError(CNNLabError):
    """The helper process gave no answer in time, or died over the request."""


class InstallationError(CNNLabError):
    """The installed packages do not fit together."""
