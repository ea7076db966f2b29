"""`python -m cnnlab`."""

import os
import sys

try:
    from cnnlab.cli import app
except ModuleNotFoundError as error:
    if (error.name or "cnnlab").startswith("cnnlab"):
        raise
    from cnnlab.i18n import _, of_terminal, using

    with using(of_terminal()):
        text = _("The package {package} is missing: {python} -m pip install -r requirements.txt, in the lab's folder.")
    sys.exit(text.format(package=error.name, python=sys.executable))
from cnnlab.system import processes

processes.keep_files_private()
os.environ.update(processes.thread_wait_environment())
app(prog_name="python -m cnnlab")
