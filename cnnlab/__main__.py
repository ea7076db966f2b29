"""`python -m cnnlab`."""

import os

from cnnlab import processes
from cnnlab.cli import app

os.environ.update(processes.patience())
app(prog_name="python -m cnnlab")
