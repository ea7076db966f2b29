"""Runs an exported program's network on test images, in a Python that cannot import the lab: ``python -I alone.py FOLDER``.

Reads program.py and given.pt (weights and images) in the folder, and writes found.pt (the logits, and the first weights).
"""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import torch


def main(folder: Path) -> None:
    program = _loaded(folder / "program.py")
    given = torch.load(folder / "given.pt", weights_only=True)
    first = {name: values.clone() for name, values in program.new_network().state_dict().items()}
    network = program.build_network()
    network.load_state_dict(given["weights"])
    torch.save({"logits": program.logits_of(network, given["images"]), "first": first}, folder / "found.pt")
    sys.stdout.write(json.dumps({"cnnlab": importlib.util.find_spec("cnnlab") is not None}) + "\n")


def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("program", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(Path(sys.argv[1]))
