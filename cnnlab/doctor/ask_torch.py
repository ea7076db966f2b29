"""Loads torch and proves the devices, in a process of its own: ``python -m cnnlab.doctor.ask_torch`` prints JSON."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict


def main() -> None:
    import torch
    import torchvision  # noqa: F401 - one that does not fit torch fails here

    from cnnlab.training import devices

    found = [asdict(device) for device in devices.survey()]
    sys.stdout.write(json.dumps({"torch": torch.__version__, "cuda": torch.version.cuda, "devices": found}))
    sys.stdout.flush()
    os._exit(0)  # torch's compiler libraries print warnings at a normal exit


if __name__ == "__main__":
    main()
