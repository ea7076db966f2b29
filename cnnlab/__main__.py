"""`python -m cnnlab`."""

import os
import sys

try:
    from cnnlab.cli import app
except ModuleNotFoundError as error:
    if (error.name or "cnnlab").startswith("cnnlab"):
        raise
    sys.exit(f"The package {error.name} is missing: {sys.executable} -m pip install -r requirements.txt, in the lab's folder.")
from cnnlab.system import processes

processes.keep_files_private()
os.environ.update(processes.thread_wait_environment())
app(prog_name="python -m cnnlab")
