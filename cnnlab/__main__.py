"""`python -m cnnlab`."""

import os

from cnnlab.cli import app
from cnnlab.system import processes

processes.keep_files_private()
os.environ.update(processes.thread_wait_environment())
app(prog_name="python -m cnnlab")
