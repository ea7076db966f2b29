"""`python -m cnnlab`."""

from cnnlab.cli import app

app(prog_name="python -m cnnlab")
