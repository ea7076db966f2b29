"""Names of devices beyond this machine: "at:" and the name of an executor (`cnnlab.executors`), as in "at:cluster"."""

AT = "at:"
PLACE = "[a-z][a-z0-9-]{0,19}"
HERE = "auto|cpu|mps|cuda|cuda:[0-9]{1,2}"


def is_elsewhere(device: str) -> bool:
    """Whether a run with this choice of a device, or on this device, trains beyond this machine."""
    return device.startswith(AT)
